"""What a connector reads once: the root of the API, the route index, system status, places, currencies, totals."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from connectors.sandbox.woocommerce import php
from connectors.sandbox.woocommerce.errors import WooError
from connectors.sandbox.woocommerce.php import words
from connectors.sandbox.woocommerce.pricing import Money
from connectors.sandbox.woocommerce.routing import Endpoint, Route, Routes, seed
from connectors.sandbox.woocommerce.wire import Call, Reply, links, paged

NAMESPACES = words(
    "oembed/1.0 wc/v3 wc/v1 jetpack/v4 wc-admin wc-analytics wc/store wc/store/v1 wc/private wc/v2 wc-admin-email "
    "wc-telemetry wccom-site/v3 wp/v2 wp-site-health/v1 wp-block-editor/v1"
)
ORDER_STATUSES = {
    "pending": "Pending payment",
    "processing": "Processing",
    "on-hold": "On hold",
    "completed": "Completed",
    "cancelled": "Cancelled",
    "refunded": "Refunded",
    "failed": "Failed",
    "checkout-draft": "Draft",
}
_CURRENCY_OF = {"BE": "EUR", "DE": "EUR", "FR": "EUR", "LU": "EUR", "MC": "EUR", "ES": "EUR", "IT": "EUR"}
_EUROPE = ("BE", "DE", "FR", "LU", "MC")
VERSION = "9.9.5"
_GET_ONLY = ("GET",)


def _gmt_offset(call: Call) -> float:
    """Hours of site time ahead of UTC now; a whole number as one."""
    span = datetime.fromtimestamp(call.store.now(), php.SITE_ZONE).utcoffset() or timedelta()
    hours = span.total_seconds() / 3600
    return int(hours) if hours == int(hours) else hours


def root(call: Call) -> Reply:
    """GET /wp-json/: readable without credentials."""
    home = call.home
    return Reply(
        {
            "name": call.app.options.store_name,
            "description": "",
            "url": home,
            "home": home,
            "gmt_offset": _gmt_offset(call),
            "timezone_string": getattr(php.SITE_ZONE, "key", ""),
            "page_for_posts": 0,
            "page_on_front": 0,
            "show_on_front": "posts",
            "namespaces": NAMESPACES,
            "authentication": {
                "application-passwords": {"endpoints": {"authorization": f"{home}/wp-admin/authorize-application.php"}}
            },
            "routes": {route.path: {"methods": route.methods} for route in call.app.routes.by_path.values()},
            "site_logo": 0,
            "site_icon": 0,
            "site_icon_url": "",
            "_links": {"help": [{"href": "https://developer.wordpress.org/rest-api/"}]},
        }
    )


def index(call: Call) -> Reply:
    """GET /wc/v3: every route with its methods and arguments."""
    routes = {
        path: {**_outline(route), "_links": {"self": [{"href": f"{call.home}/wp-json{path}"}]}}
        for path, route in call.app.routes.by_path.items()
        if path.startswith("/wc/v3")
    }
    return Reply({"namespace": "wc/v3", "routes": routes, "_links": {"up": [{"href": f"{call.home}/wp-json/"}]}})


def _outline(route: Route) -> dict[str, Any]:
    endpoints = [{"methods": one.methods, "args": one.args} for one in route.endpoints]
    return {"namespace": "wc/v3", "methods": list(dict.fromkeys(route.methods)), "endpoints": endpoints}


# Which recorded schema describes the resource of a route.
_SCHEMA_OF = (
    ("batch", "batch"),
    ("orders/statuses", "order_status"),
    ("settings/", "setting"),
    ("settings", "setting_group"),
    ("locations", "shipping_zone_location"),
    ("/methods", "shipping_zone_method"),
    ("shipping/zones", "shipping_zone"),
    ("shipping_methods", "shipping_method"),
    ("payment_gateways", "payment_gateway"),
    ("data/currencies", "data_currencies"),
    ("data/countries", "data_countries"),
    ("reviews", "product_review"),
    ("variations", "product_variation"),
    ("products/categories", "product_cat"),
    ("products/tags", "product_tag"),
    ("products/brands", "product_brand"),
    ("products/shipping_classes", "product_shipping_class"),
    ("terms", "product_attribute_term"),
    ("products/attributes", "product_attribute"),
    ("products", "product"),
    ("notes", "order_note"),
    ("refunds", "shop_order_refund"),
    ("orders", "shop_order"),
    ("customers", "customer"),
    ("coupons", "shop_coupon"),
    ("taxes/classes", "tax_class"),
    ("taxes", "tax"),
    ("webhooks", "webhook"),
    ("system_status", "system_status"),
)


def describe(route: Route) -> dict[str, Any]:
    """Answer to OPTIONS: methods, arguments and the schema of the resource."""
    data = _outline(route)
    schemas = seed("schemas")["schemas"]
    title = next((name for part, name in _SCHEMA_OF if part in route.label and name in schemas), None)
    if title:
        pool = seed("schemas")["properties"]
        properties = {name: pool[place] for name, place in schemas[title].items()}
        schema_uri = "http://json-schema.org/draft-04/schema#"
        data["schema"] = {"$schema": schema_uri, "title": title, "type": "object", "properties": properties}
    return data


def _data_index(call: Call) -> Reply:
    rows = []
    for name in ("continents", "countries", "currencies"):
        row: dict[str, Any] = {"slug": name, "description": f"List of supported {name}."}
        row["_links"] = links(call, f"/data/{name}", "/data", _GET_ONLY)
        rows.append(row)
    return Reply(rows, listed=True)


def _country(call: Call, code: str, name: str) -> dict[str, Any]:
    states = [{"code": one, "name": text} for one, text in _STATES.get(code, {}).items()]
    shown: dict[str, Any] = {"code": code, "name": name, "states": states}
    shown["_links"] = links(call, f"/data/countries/{code.lower()}", "/data/countries", _GET_ONLY)
    return shown


_STATES = {"ES": {"C": "A Coruña", "VI": "Araba/Álava", "AB": "Albacete", "A": "Alicante"}}


def _countries(call: Call) -> Reply:
    return Reply([_country(call, code, name) for code, name in seed("places")["countries"]], listed=True)


def _one_country(call: Call) -> Reply:
    wanted = str(call.get("location", "")).upper()
    for code, name in seed("places")["countries"]:
        if code == wanted:
            return Reply(_country(call, code, name))
    raise WooError("woocommerce_rest_data_invalid_location", "There are no locations matching these parameters.", 404)


def _show_currency(call: Call, row: list[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {"code": row[0], "name": row[1], "symbol": row[2]}
    shown["_links"] = links(call, f"/data/currencies/{row[0]}", "/data/currencies", _GET_ONLY)
    return shown


def _currencies(call: Call) -> Reply:
    return Reply([_show_currency(call, row) for row in seed("places")["currencies"]], listed=True)


def _currency(call: Call, code: str) -> Reply:
    for row in seed("places")["currencies"]:
        if row[0] == code:
            return Reply(_show_currency(call, row))
    raise WooError("woocommerce_rest_data_invalid_currency", "There are no currencies matching these parameters.", 404)


def _current_currency(call: Call) -> Reply:
    return _currency(call, str(call.store.setting("woocommerce_currency")))


def _one_currency(call: Call) -> Reply:
    return _currency(call, str(call.get("currency", "")).upper())


def _continent(call: Call) -> Reply:
    code = str(call.get("location", "")).upper()
    if code != "EU":
        message = "There are no locations matching these parameters."
        raise WooError("woocommerce_rest_data_invalid_location", message, 404)
    rows: list[dict[str, Any]] = [
        {
            "code": one,
            "currency_code": _CURRENCY_OF[one],
            "currency_pos": "left_space" if one == "BE" else "right_space",
            "decimal_sep": ",",
            "dimension_unit": "cm",
            # The name of the currency stands where one expects the one of the country (recorded).
            "name": "Euro",
            "num_decimals": 2,
            "thousand_sep": " " if one in ("FR", "MC") else ".",
            "weight_unit": "kg",
            "states": [],
        }
        for one in _EUROPE
    ]
    shown: dict[str, Any] = {"code": "EU", "name": "Europe", "countries": rows}
    shown["_links"] = links(call, "/data/continents/eu", "/data/continents", _GET_ONLY)
    return Reply(shown)


_ENVIRONMENT = {
    "version": VERSION,
    "wp_version": "6.8.3",
    "wp_multisite": False,
    "wp_memory_limit": 536870912,
    "wp_cron": True,
    "language": "en_US",
    "php_version": "8.2.36",
    "php_post_max_size": 67108864,
    "php_max_execution_time": 600,
    "max_upload_size": 33554432,
    "default_timezone": "UTC",
    "mysql_version": "10.11.19",
}
_KINDS = ("external", "grouped", "simple", "variable")
_VISIBILITY = ("exclude-from-catalog", "exclude-from-search", "featured", "outofstock")


def _system_status(call: Call) -> Reply:
    """GET /system_status: what a connection test wants to know."""
    home = call.home
    return Reply(
        {
            "environment": {"home_url": home, "site_url": home, **_ENVIRONMENT},
            "database": {"wc_database_version": VERSION, "database_prefix": "wp_"},
            "active_plugins": [
                {"plugin": "woocommerce/woocommerce.php", "name": "WooCommerce", "version": VERSION},
            ],
            "inactive_plugins": [],
            "dropins_mu_plugins": {"dropins": [], "mu_plugins": []},
            "theme": {"name": "Twenty Twenty-Five", "version": "1.0"},
            "settings": _shop_settings(call),
            "security": {"secure_connection": home.startswith("https"), "hide_errors": True},
            "pages": [],
            "post_type_counts": [],
            "logging": {"logging_enabled": True},
        }
    )


def _shop_settings(call: Call) -> dict[str, Any]:
    money = Money.of(call.store)
    terms = [*_VISIBILITY, *(f"rated-{n}" for n in range(1, 6))]
    return {
        "api_enabled": False,
        "force_ssl": False,
        "currency": money.currency,
        "currency_symbol": money.symbol,
        "currency_position": money.position,
        "thousand_separator": money.thousand,
        "decimal_separator": money.decimal,
        "number_of_decimals": money.decimals,
        "geolocation_enabled": False,
        "taxonomies": {kind: kind for kind in _KINDS},
        "product_visibility_terms": {term: term for term in terms},
        "woocommerce_com_connected": "no",
        "enforce_approved_download_dirs": True,
        "order_datastore": "Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore",
        "HPOS_enabled": True,
        "HPOS_sync_enabled": False,
        "enabled_features": _features(call),
    }


def _features(call: Call) -> list[str]:
    features = words(
        "analytics marketplace order_attribution site_visibility_badge remote_logging email_improvements blueprint "
        "custom_order_tables"
    )
    return features + (["cost_of_goods_sold"] if call.app.options.cost_of_goods else [])


def _totals(rows: dict[str, str], counts: Counter[str]) -> Reply:
    return Reply([{"slug": key, "name": name, "total": counts[key]} for key, name in rows.items()], listed=True)


def _order_totals(call: Call) -> Reply:
    with call.store.lock:
        return _totals(ORDER_STATUSES, Counter(order["status"] for order in call.store.orders))


def _product_totals(call: Call) -> Reply:
    names = {
        "external": "External/Affiliate product",
        "grouped": "Grouped product",
        "simple": "Simple product",
        "variable": "Variable product",
    }
    with call.store.lock:
        return _totals(names, Counter(row.kind for row in call.store.products if row.status == "publish"))


def _customer_totals(call: Call) -> Reply:
    names = {"paying": "Paying customer", "non_paying": "Non-paying customer"}
    with call.store.lock:
        paying = [one for one in call.store.customers if one["role"] == "customer"]
        return _totals(names, Counter("paying" if one.get("is_paying_customer") else "non_paying" for one in paying))


def _meta_names(call: Call) -> Reply:
    with call.store.lock:
        keys = {entry[1] for row in call.store.products for entry in row.get("meta", ())}
        public = sorted({"total_sales"} | {key for key in keys if not key.startswith("_")})
        return paged(call, public, lambda key: key)


def _statuses(call: Call) -> Reply:
    return Reply([{"slug": slug, "name": name} for slug, name in ORDER_STATUSES.items()], listed=True)


def register(routes: Routes) -> None:
    """Routes of reference data."""
    routes.add("/", [Endpoint(["GET"], {})]).label = "wp-json"
    routes.register("/", get=root)
    routes.register("/wc/v3", get=index)
    routes.register("/wc/v3/data", get=_data_index)
    routes.register("/wc/v3/data/countries", get=_countries)
    routes.register(r"/wc/v3/data/countries/(?P<location>[\w-]+)", get=_one_country)
    routes.register(r"/wc/v3/data/continents/(?P<location>[\w-]+)", get=_continent)
    routes.register("/wc/v3/data/currencies", get=_currencies)
    routes.register("/wc/v3/data/currencies/current", get=_current_currency)
    routes.register(r"/wc/v3/data/currencies/(?P<currency>[\w-]{3})", get=_one_currency)
    routes.register("/wc/v3/system_status", get=_system_status)
    routes.register("/wc/v3/reports/orders/totals", get=_order_totals)
    routes.register("/wc/v3/reports/products/totals", get=_product_totals)
    routes.register("/wc/v3/reports/customers/totals", get=_customer_totals)
    routes.register("/wc/v3/products/custom-fields/names", get=_meta_names)
    routes.register("/wc/v3/orders/statuses", get=_statuses)
