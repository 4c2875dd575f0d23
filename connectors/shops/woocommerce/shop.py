"""One open shop: its settings, its facts read once, and what its writers share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, TypeVar

from connectors.canonical.values import TaxBasis
from connectors.core.http import query_text
from connectors.core.ports import Runtime
from connectors.core.problems import ConnectorError, Transient
from connectors.shops.woocommerce.api import WooApi
from connectors.shops.woocommerce.batching import BatchSizer
from connectors.shops.woocommerce.category_book import CategoryBook
from connectors.shops.woocommerce.media import MediaLibrary
from connectors.shops.woocommerce.options import WooCommerceOptions
from connectors.shops.woocommerce.terms import TermBook
from connectors.shops.woocommerce.text import decoded

T = TypeVar("T")
PARALLEL = 4
"""Calls at once while the facts are read."""

DEFAULT_CATEGORY_SLUGS = ("uncategorized", "non-classe")
"""Slugs of the category every shop starts with (English and French); wc/v3 does not say which is the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the writers must know of the shop."""

    currency: str = "EUR"
    basis: TaxBasis = TaxBasis.NET
    price_decimals: int = 2
    weight_unit: str = "kg"
    dimension_unit: str = "cm"
    manage_stock: bool = True
    has_brands: bool = False
    has_barcodes: bool = False
    tax_classes: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)


class Shop:
    """Shared by all readers and writers of a connection; every member may be used from several threads."""

    def __init__(self, options: WooCommerceOptions, api: WooApi, runtime: Runtime | None = None) -> None:
        self.options = options
        self.api = api
        self._runtime = runtime or Runtime()
        self._media: MediaLibrary | None = None
        self.terms = TermBook(api)
        self.categories = CategoryBook(api)
        self.creates = BatchSizer(options.batch_size, options.batch_seconds)
        self.updates = BatchSizer(options.batch_size, options.batch_seconds)
        self.category_lock = threading.Lock()
        self._lock = threading.Lock()
        self._facts: Facts | None = None
        self._timezone: str | None = None

    @property
    def facts(self) -> Facts:
        """Read at the first use, then kept. Raises what the calls raise."""
        with self._lock:
            if self._facts is None:
                self._facts = read_facts(self.api)
            return self._facts

    @property
    def timezone(self) -> str:
        """Zone of the site, by one call where the other facts are not known; then kept. Raises what the call raises."""
        with self._lock:
            if self._timezone is None:
                known = self._facts.texts["timezone"] if self._facts is not None else ""
                self._timezone = known or _timezone(self.api)
            return self._timezone

    @property
    def media(self) -> MediaLibrary:
        """The library of pictures. Raises ``Misconfigured`` when its account is not filled in."""
        with self._lock:
            if self._media is None:
                self._media = MediaLibrary(self.options, self._runtime)
            return self._media

    def close(self) -> None:
        """Closes idle connections. May be called twice."""
        self.api.close()
        if self._media is not None:
            self._media.close()

    @property
    def has_yoast(self) -> bool:
        """Whether the search engine texts have somewhere to go."""
        return self.options.seo_plugin == "yoast"

    def product_url(self, product_id: int | str) -> str:
        """Address of a product in the back office."""
        return self.options.admin_url(f"post.php?post={product_id}&action=edit")

    def category_url(self, category_id: int | str) -> str:
        """Address of a category in the back office."""
        return self.options.admin_url(f"term.php?taxonomy=product_cat&tag_ID={category_id}&post_type=product")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    general: Mapping[str, str]
    tax: Mapping[str, str]
    products: Mapping[str, str]
    environment: Mapping[str, Any]
    classes: frozenset[str]
    has_barcodes: bool
    has_brands: bool
    timezone: str
    category: str


def read_facts(api: WooApi) -> Facts:
    """Settings, tax classes and features of the shop, read now."""
    answers = _ask(api)
    texts = _texts(answers)
    return Facts(
        currency=texts["currency"],
        basis=TaxBasis.GROSS if texts["prices_include_tax"] == "yes" else TaxBasis.NET,
        price_decimals=int(texts["price_decimals"]),
        weight_unit=texts["weight_unit"],
        dimension_unit=texts["dimension_unit"],
        manage_stock=texts["stock_managed"] != "no",
        has_brands=answers.has_brands,
        has_barcodes=answers.has_barcodes,
        tax_classes=answers.classes,
        texts=texts,
    )


def _ask(api: WooApi) -> _Answers:
    """The first call goes alone, so that refused keys are refused once; the others do not wait for each other."""
    general = _settings(api, "general")
    with ThreadPoolExecutor(max_workers=min(PARALLEL, api.options.connections)) as threads:

        def ask(read: Callable[..., T], *values: Any) -> Future[T]:
            return threads.submit(copy_context().run, read, *values)

        tax, products = ask(_settings, api, "tax"), ask(_settings, api, "products")
        environment, classes = ask(_environment, api), ask(_tax_classes, api)
        barcodes, brands = ask(_has_barcodes, api), ask(_has_brand_route, api)
        timezone, category = ask(_timezone_if_told, api), ask(_default_category, api)
    return _Answers(
        general=general,
        tax=tax.result(),
        products=products.result(),
        environment=environment.result(),
        classes=classes.result(),
        has_barcodes=barcodes.result(),
        has_brands=brands.result(),
        timezone=timezone.result(),
        category=category.result(),
    )


def _texts(answers: _Answers) -> dict[str, str]:
    general, products, environment = answers.general, answers.products, answers.environment
    return {
        "currency": general.get("woocommerce_currency", "EUR"),
        "prices_include_tax": "yes" if answers.tax.get("woocommerce_prices_include_tax") == "yes" else "no",
        "price_decimals": str(_number(general.get("woocommerce_price_num_decimals"), 2)),
        "decimal_separator": general.get("woocommerce_price_decimal_sep", "."),
        "weight_unit": products.get("woocommerce_weight_unit", "kg"),
        "dimension_unit": products.get("woocommerce_dimension_unit", "cm"),
        "country": general.get("woocommerce_default_country", "").partition(":")[0],
        "version": str(environment.get("version", "")),
        "wordpress_version": str(environment.get("wp_version", "")),
        "language": str(environment.get("language", "")),
        "taxes_enabled": general.get("woocommerce_calc_taxes", "yes"),
        "stock_managed": products.get("woocommerce_manage_stock", "yes"),
        "brands": "yes" if answers.has_brands else "no",
        "barcodes": "yes" if answers.has_barcodes else "no",
        "timezone": answers.timezone,
        "default_category": answers.category,
    }


def _settings(api: WooApi, group: str) -> dict[str, str]:
    rows = api.rows(f"settings/{group}", {"_fields": "id,value"}).rows
    return {str(row.get("id")): decoded(row.get("value")) for row in rows if isinstance(row.get("value"), str)}


def _environment(api: WooApi) -> Mapping[str, Any]:
    status = api.get("system_status", {"_fields": "environment.version,environment.wp_version,environment.language"})
    found = status.get("environment") if isinstance(status, dict) else None
    return found if isinstance(found, dict) else {}


def _tax_classes(api: WooApi) -> frozenset[str]:
    return frozenset(str(row.get("slug", "")) for row in api.rows("taxes/classes", {"_fields": "slug"}).rows)


def _has_barcodes(api: WooApi) -> bool:
    """Bar codes, from the schema the shop publishes (versions lie: plug-ins and hosts switch parts off)."""
    answer = api.client.request("OPTIONS", api.url("wc/v3/products"))
    body: Any = answer.json() if answer.status < 300 and answer.is_json else {}
    schema = body.get("schema") if isinstance(body, dict) else None
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return "global_unique_id" in (properties or {})


def _has_brand_route(api: WooApi) -> bool:
    try:
        api.read("products/brands", {"per_page": 1, "_fields": "id"})
    except ConnectorError as error:
        if error.problem.code == "route_missing":
            return False
        raise
    return True


def root_url(url: str) -> str:
    """Address of the public index of a WordPress site, cut down to what is needed."""
    fields = "name,url,home,gmt_offset,timezone_string,namespaces"
    return f"{url}/wp-json/?{query_text({'_fields': fields})}"


def _timezone_if_told(api: WooApi) -> str:
    """Zone of the site, empty also where it fails to tell: articles need none, and must not wait for it."""
    try:
        return _timezone(api)
    except Transient:
        return ""


def _timezone(api: WooApi) -> str:
    """Zone of the site, empty where its index is hidden; keys of WooCommerce are refused outside ``wc/``, so the call
    goes without.

    A shop that does not answer raises ``Transient``: orders dated in another zone would change their day.
    """
    answer = api.client.request("GET", root_url(api.options.url), signed=False)
    body: Any = answer.json() if answer.status < 300 and answer.is_json else {}
    if not isinstance(body, dict):
        return ""
    return str(body.get("timezone_string") or "") or _offset(body.get("gmt_offset"))


def _offset(hours: Any) -> str:
    try:
        minutes = round(float(hours) * 60)
    except (TypeError, ValueError):
        return ""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _default_category(api: WooApi) -> str:
    for slug in DEFAULT_CATEGORY_SLUGS:
        rows = api.rows("products/categories", {"slug": slug, "_fields": "id"}).rows
        if rows:
            return str(rows[0]["id"])
    return ""


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default
