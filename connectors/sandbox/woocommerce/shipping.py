"""Shipping methods, zones with their places and methods, payment gateways."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.woocommerce import php, text
from connectors.sandbox.woocommerce.errors import WooError, no_trash
from connectors.sandbox.woocommerce.routing import Routes
from connectors.sandbox.woocommerce.store import WooStore
from connectors.sandbox.woocommerce.wire import Call, Reply, created, links, unpaged

METHODS = {
    "flat_rate": "Flat rate",
    "free_shipping": "Free shipping",
    "local_pickup": "Local pickup",
    "pickup_location": "Local pickup",
}
# Fields of the form of each method: name → (type, default, placeholder, choices).
_FORMS: dict[str, dict[str, tuple[str, str, str, tuple[str, ...]]]] = {
    "flat_rate": {
        "title": ("text", "Flat rate", "e.g. Standard national", ()),
        "tax_status": ("select", "taxable", "", ("taxable", "none")),
        "cost": ("text", "", "", ()),
    },
    "free_shipping": {
        "title": ("text", "Free shipping", "e.g. Free shipping", ()),
        "requires": ("select", "", "", ("", "coupon", "min_amount", "either", "both")),
        "min_amount": ("text", "", "", ()),
        "ignore_discounts": ("checkbox", "no", "", ()),
    },
    "local_pickup": {
        "title": ("text", "Local pickup", "e.g. Local pickup", ()),
        "tax_status": ("select", "taxable", "", ("taxable", "none")),
        "cost": ("text", "", "", ()),
    },
}
_GATEWAYS = {"bacs": "Direct bank transfer", "cheque": "Check payments", "cod": "Cash on delivery"}
_GATEWAY_FORMS: dict[str, dict[str, tuple[str, str, str, tuple[str, ...]]]] = {
    name: {"title": ("safe_text", title, "", ()), "instructions": ("textarea", "", "", ())}
    for name, title in _GATEWAYS.items()
}
_GATEWAY_FORMS["cod"] |= {
    "instructions": ("textarea", "Pay with cash upon delivery.", "", ()),
    "enable_for_methods": ("multiselect", "", "", ("flat_rate", "free_shipping", "local_pickup")),
    "enable_for_virtual": ("checkbox", "yes", "", ()),
}
_ZONES = "/wc/v3/shipping/zones"


def install(store: WooStore) -> None:
    """The zone for the rest of the world and the three offline gateways."""
    store.zones.put(
        0, {"id": 0, "name": "Locations not covered by your other zones", "order": 0, "places": [], "methods": []}
    )
    for name, title in _GATEWAYS.items():
        store.gateways.put(name, {"id": name, "title": title, "enabled": False, "order": "", "settings": {}})


def _methods(call: Call) -> Reply:
    rows = []
    for name, title in METHODS.items():
        row: dict[str, Any] = {"id": name, "title": title, "description": title}
        row["_links"] = links(call, f"/shipping_methods/{name}", "/shipping_methods", ("GET",))
        rows.append(row)
    return unpaged(rows)


def _method(call: Call) -> Reply:
    name = str(call.get("id"))
    if name not in METHODS:
        raise WooError("woocommerce_rest_shipping_method_invalid", "Resource does not exist.", 404)
    row: dict[str, Any] = {"id": name, "title": METHODS[name], "description": METHODS[name]}
    row["_links"] = links(call, f"/shipping_methods/{name}", "/shipping_methods", ("GET",))
    return Reply(row)


def _form(form: dict[str, tuple[str, str, str, tuple[str, ...]]], values: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, (kind, default, placeholder, choices) in form.items():
        shown[name] = {
            "id": name,
            "label": name,
            "description": "",
            "type": kind,
            "value": values.get(name, default),
            "default": default,
            "tip": "",
            "placeholder": placeholder,
        }
        if choices:
            shown[name]["options"] = {choice: choice for choice in choices}
    return shown


def _carriers(store: WooStore) -> dict[str, dict[str, str]]:
    """Choices of a gateway bound to shipping methods: each method as a whole and in every zone."""
    choices = {title: {name: title} for name, title in METHODS.items()}
    for zone in store.zones:
        for row in zone["methods"]:
            group = choices.setdefault(METHODS[row["method_id"]], {})
            group[f"{row['method_id']}:{row['id']}"] = f"{zone['name']}: {_title(row)}"
    return choices


def _zone(call: Call, name: str = "id") -> dict[str, Any]:
    row = call.store.zones.get(call.number(name))
    if row is None:
        raise WooError("woocommerce_rest_shipping_zone_invalid", "Resource does not exist.", 404)
    found: dict[str, Any] = row
    return found


def _show_zone(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    path = f"/shipping/zones/{row['id']}"
    shown: dict[str, Any] = {"id": row["id"], "name": row["name"], "order": row["order"]}
    shown["_links"] = links(call, path, "/shipping/zones", describedby=f"{path}/locations")
    return shown


def _zone_list(call: Call) -> Reply:
    with call.store.lock:
        rows = sorted(call.store.zones, key=lambda row: (row["order"], row["id"]))
        return unpaged([_show_zone(call, row) for row in rows])


def _zone_create(call: Call) -> Reply:
    with call.store.lock:
        number = call.store.next_id("zone")
        name = text.clean(call.get("name", "Zone"))
        row = {"id": number, "name": name, "order": call.number("order"), "places": [], "methods": []}
        call.store.zones.put(number, row)
        return created(call, f"/shipping/zones/{number}", _show_zone(call, row))


def _zone_read(call: Call) -> Reply:
    with call.store.lock:
        return Reply(_show_zone(call, _zone(call)))


def _zone_update(call: Call) -> Reply:
    with call.store.lock:
        row = _zone(call)
        if row["id"] == 0:
            message = 'The "locations not covered by your other zones" zone cannot be updated.'
            raise WooError("woocommerce_rest_shipping_zone_invalid_zone", message, 403)
        if call.has("name"):
            row["name"] = text.clean(call.get("name", ""))
        if call.has("order"):
            row["order"] = call.number("order")
        call.store.zones.touch(row["id"])
        return Reply(_show_zone(call, row))


def _zone_delete(call: Call) -> Reply:
    with call.store.lock:
        row = _zone(call)
        if not call.force:
            raise no_trash("Shipping zones do")
        shown = _show_zone(call, row)
        call.store.zones.drop(row["id"])
        return Reply(shown)


def _show_places(call: Call, row: dict[str, Any]) -> Reply:
    path = f"/shipping/zones/{row['id']}"
    more = {"collection": [{"href": call.url(f"{path}/locations")}], "describes": [{"href": call.url(path)}]}
    return unpaged([{"code": one["code"], "type": one["type"], "_links": more} for one in row["places"]])


def _places(call: Call) -> Reply:
    with call.store.lock:
        return _show_places(call, _zone(call))


def _places_update(call: Call) -> Reply:
    with call.store.lock:
        row = _zone(call)
        given = call.body if isinstance(call.body, list) else []
        places = [{"code": str(one.get("code")), "type": str(one.get("type", "country"))} for one in given if one]
        row["places"] = [one for one in places if one["type"] in {"postcode", "state", "country", "continent"}]
        call.store.zones.touch(row["id"])
        return _show_places(call, row)


def _show_method(
    call: Call, zone: dict[str, Any], row: dict[str, Any], written: dict[str, str] | None = None
) -> dict[str, Any]:
    """A method of a zone; `written` are the settings just sent, shown as they came (recorded)."""
    title = METHODS.get(row["method_id"], row["method_id"])
    path = f"/shipping/zones/{zone['id']}"
    return {
        "id": row["id"],
        "instance_id": row["id"],
        # The title is the one the answer started with: right after a write it is still the old one (recorded).
        "title": row["shown_title"],
        "order": row["order"],
        "enabled": row["enabled"],
        "method_id": row["method_id"],
        "method_title": title,
        "method_description": f"<p>{title}</p>\n",
        "settings": _form(_FORMS.get(row["method_id"], {}), row["settings"] | (written or {})),
        "_links": links(call, f"{path}/methods/{row['id']}", f"{path}/methods", describes=path),
    }


def _title(row: dict[str, Any]) -> str:
    return str(row["settings"].get("title") or METHODS.get(row["method_id"], ""))


def _write_method(call: Call, row: dict[str, Any]) -> dict[str, str]:
    """Apply a write and return the settings as they were sent; costs are stored with a decimal point."""
    row["shown_title"] = _title(row)
    for name in ("enabled", "order"):
        if call.has(name):
            row[name] = php.truthy(call.get(name)) if name == "enabled" else call.number(name)
    settings = call.get("settings")
    form = _FORMS.get(row["method_id"], {})
    sent = {k: str(v) for k, v in settings.items() if k in form} if isinstance(settings, dict) else {}
    row["settings"] |= {k: v.replace(",", ".") if k in {"cost", "min_amount"} else v for k, v in sent.items()}
    return sent


def _method_create(call: Call) -> Reply:
    with call.store.lock:
        zone = _zone(call, "zone_id")
        kind = str(call.get("method_id", ""))
        if kind not in METHODS:
            raise WooError("woocommerce_rest_shipping_zone_not_created", "Resource cannot be created.", 500)
        number = call.store.next_id("zone_method")
        row: dict[str, Any] = {"id": number, "method_id": kind, "enabled": True, "settings": {}}
        row["order"] = len(zone["methods"]) + 1
        zone["methods"].append(row)
        sent = _write_method(call, row)
        call.store.zones.touch(zone["id"])
        return Reply(_show_method(call, zone, row, sent))


def _zone_method(call: Call) -> tuple[dict[str, Any], dict[str, Any]]:
    zone = _zone(call, "zone_id")
    for row in zone["methods"]:
        if row["id"] == call.number("instance_id"):
            return zone, row
    raise WooError("woocommerce_rest_shipping_zone_method_invalid", "Resource does not exist.", 404)


def _method_list(call: Call) -> Reply:
    with call.store.lock:
        zone = _zone(call, "zone_id")
        return unpaged([_show_method(call, zone, {**row, "shown_title": _title(row)}) for row in zone["methods"]])


def _method_read(call: Call) -> Reply:
    with call.store.lock:
        zone, row = _zone_method(call)
        return Reply(_show_method(call, zone, {**row, "shown_title": _title(row)}))


def _method_update(call: Call) -> Reply:
    with call.store.lock:
        zone, row = _zone_method(call)
        sent = _write_method(call, row)
        call.store.zones.touch(zone["id"])
        return Reply(_show_method(call, zone, row, sent))


def _method_delete(call: Call) -> Reply:
    with call.store.lock:
        zone, row = _zone_method(call)
        if not call.force:
            raise no_trash("Shipping methods do")
        zone["methods"].remove(row)
        call.store.zones.touch(zone["id"])
        return Reply(_show_method(call, zone, {**row, "shown_title": _title(row)}))


def _show_gateway(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    name = row["id"]
    form = _form(_GATEWAY_FORMS[name], row["settings"])
    if "enable_for_methods" in form:
        form["enable_for_methods"]["options"] = _carriers(call.store)
    return {
        "id": name,
        "title": row["title"],
        "description": row.get("description", _GATEWAYS[name]),
        "order": row["order"],
        "enabled": row["enabled"],
        "method_title": _GATEWAYS[name],
        "method_description": _GATEWAYS[name],
        "method_supports": ["products"],
        "settings": form,
        "needs_setup": False,
        "post_install_scripts": [],
        "settings_url": f"{call.home}/wp-admin/admin.php?page=wc-settings&tab=checkout&section={name}",
        "connection_url": None,
        "setup_help_text": None,
        "required_settings_keys": [],
        "_links": links(call, f"/payment_gateways/{name}", "/payment_gateways", ("GET", "POST", "PUT", "PATCH")),
    }


def _gateways(call: Call) -> Reply:
    with call.store.lock:
        return unpaged([_show_gateway(call, row) for row in call.store.gateways])


def _gateway(call: Call) -> dict[str, Any]:
    row = call.store.gateways.get(str(call.get("id")))
    if row is None:
        raise WooError("woocommerce_rest_payment_gateway_invalid", "Resource does not exist.", 404)
    found: dict[str, Any] = row
    return found


def _gateway_read(call: Call) -> Reply:
    with call.store.lock:
        return Reply(_show_gateway(call, _gateway(call)))


def _gateway_update(call: Call) -> Reply:
    with call.store.lock:
        row = _gateway(call)
        if call.has("enabled"):
            row["enabled"] = php.truthy(call.get("enabled", False))
        for name in ("title", "description", "order"):
            if call.has(name):
                row[name] = call.get(name)
        if isinstance(call.get("settings"), dict):
            row["settings"] |= call.get("settings")
        call.store.gateways.touch(row["id"])
        return Reply(_show_gateway(call, row))


def register(routes: Routes) -> None:
    """Routes of shipping and payment."""
    routes.register("/wc/v3/shipping_methods", get=_methods)
    routes.register(r"/wc/v3/shipping_methods/(?P<id>[\w-]+)", get=_method)
    routes.register(_ZONES, get=_zone_list, create=_zone_create)
    routes.register(_ZONES + r"/(?P<id>[\d]+)", get=_zone_read, edit=_zone_update, delete=_zone_delete)
    routes.register(_ZONES + r"/(?P<id>[\d]+)/locations", get=_places, edit=_places_update)
    methods = _ZONES + r"/(?P<zone_id>[\d]+)/methods"
    routes.register(methods, get=_method_list, create=_method_create)
    item = methods + r"/(?P<instance_id>[\d]+)"
    routes.register(item, get=_method_read, edit=_method_update, delete=_method_delete)
    routes.register("/wc/v3/payment_gateways", get=_gateways)
    routes.register(r"/wc/v3/payment_gateways/(?P<id>[\w-]+)", get=_gateway_read, edit=_gateway_update)
