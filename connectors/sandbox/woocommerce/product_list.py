"""Lists of products and variations: filters, order, pages.

The unfiltered list, look-ups by sku, gtin, slug, term and `include` come from indexes; only the remaining filters and
orders walk over the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from connectors.sandbox.woocommerce import php, pricing, text, views
from connectors.sandbox.woocommerce.records import Product
from connectors.sandbox.woocommerce.store import CATEGORY, WooStore
from connectors.sandbox.woocommerce.wire import Call, Reply, listing, page_of, paged

Test = Callable[[Product], bool]


class _Backwards(Sequence[int]):
    """A list read from its end without copying it."""

    def __init__(self, rows: list[int]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            start, stop, _ = place.indices(len(self._rows))
            size = len(self._rows)
            return [self._rows[size - 1 - at] for at in range(start, stop)]
        return self._rows[len(self._rows) - 1 - place]


def products(call: Call) -> Reply:
    """GET /products."""
    with call.store.lock:
        ids = _fast(call)
        if ids is not None:
            rows = call.store.products.rows
            return _page(call, ids, lambda one: views.product(call, rows[one]))
        tests = _tests(call)
        found = [row for row in _candidates(call) if _passes(row, tests)]
        return paged(call, _ordered(call, found), lambda row: views.product(call, row))


def _page(call: Call, ids: Sequence[int], show: Callable[[int], Any]) -> Reply:
    start, _ = page_of(call, len(ids))
    return paged(call, ids, show) if start < len(ids) else listing(call, [], 0)


_FAST = frozenset(
    {"page", "per_page", "offset", "order", "orderby", "_fields", "context", "status", "sku", "_envelope"}
)


def _fast(call: Call) -> Sequence[int] | None:
    """Ids straight from an index when nothing but paging was asked for."""
    asked = {name for name in call.query if not name.startswith("oauth_") and not name.startswith("consumer_")}
    known = set(call.app.routes.by_path["/wc/v3/products"].args("GET")) | {"global_unique_id"}
    if (asked & known) - _FAST or call.get("status", "any") not in ("any", "") or call.get("sku"):
        return None
    index = {"date": call.store.by_date, "id": call.store.by_id}.get(str(call.get("orderby", "date")))
    if index is None:
        return None
    return index if str(call.get("order", "desc")).lower() == "asc" else _Backwards(index)


def _candidates(call: Call) -> Iterable[Product]:
    store = call.store
    rows = store.products.rows
    if call.get("sku"):
        return _by_sku(store, str(call.get("sku")))
    if call.get("global_unique_id"):
        ids = [one for part in str(call.get("global_unique_id")).split(",") for one in store.by_gtin.get(part.strip())]
        return [rows[one] for one in ids]
    if call.items("include"):
        return [row for one in call.integers("include") if (row := rows.get(one)) and not row.is_variation]
    term = _wanted_terms(call)
    if term is not None:
        return [rows[one] for one in sorted(term) if not rows[one].is_variation]
    if call.get("slug"):
        number = store.slugs.get(str(call.get("slug")))
        return [rows[number]] if number and not rows[number].is_variation else []
    return [row for row in rows.values() if not row.is_variation]


def _by_sku(store: WooStore, wanted: str) -> list[Product]:
    parts = [part.strip() for part in wanted.split(",")]
    ids = {one for part in [wanted, *parts] if part for one in store.by_sku.get(part)}
    return [store.products.rows[one] for one in sorted(ids)]


def _wanted_terms(call: Call) -> set[int] | None:
    """Ids under the term filters, None when there is none."""
    sets: list[set[int]] = []
    store = call.store
    for name in ("category", "tag", "brand", "shipping_class"):
        raw = call.get(name)
        if raw:
            terms = {php.intval(one) for one in php.to_list(raw)}
            if name == "category":
                terms = with_children(store, terms)
            sets.append(set().union(*(store.by_term.get(one, set()) for one in terms)))
    if call.get("attribute") and call.get("attribute_term"):
        terms = {php.intval(one) for one in php.to_list(call.get("attribute_term"))}
        sets.append(set().union(*(store.by_term.get(one, set()) for one in terms)))
    return set.intersection(*sets) if sets else None


def with_children(store: WooStore, terms: set[int]) -> set[int]:
    """Categories with all their descendants."""
    result = set(terms)
    grew = True
    while grew:
        more = {term.id for term in store.terms_of(CATEGORY) if term.parent in result} - result
        grew = bool(more)
        result |= more
    return result


def _passes(row: Product, tests: list[Test]) -> bool:
    return all(test(row) for test in tests)


def _status_test(call: Call) -> Test:
    status = str(call.get("status", "any") or "any")
    included, excluded = call.items("include_status"), call.items("exclude_status")
    if included and "any" not in included:
        return lambda row: row.status in included
    if status != "any":
        return lambda row: row.status == status
    return lambda row: row.status not in {"trash", "auto-draft"} and row.status not in excluded


def date_tests(call: Call) -> list[Test]:
    """after, before, modified_after, modified_before: exclusive, to the second."""
    flag = bool(call.flag("dates_are_gmt"))
    tests: list[Test] = []
    for name, field, above in (
        ("after", "created", True),
        ("before", "created", False),
        ("modified_after", "modified", True),
        ("modified_before", "modified", False),
    ):
        raw = call.get(name)
        if raw:
            tests.append(_date_test(field, php.bound(str(raw), dates_are_gmt=flag), above=above))
    return tests


def _date_test(field: str, limit: int, *, above: bool) -> Test:
    if above:
        return lambda row: getattr(row, field) > limit
    return lambda row: getattr(row, field) < limit


def _price_tests(call: Call) -> list[Test]:
    store = call.store
    low, high = pricing.amount(call.get("min_price")), pricing.amount(call.get("max_price"))
    tests: list[Test] = []
    if low is not None:
        tests.append(lambda row: (pricing.amount(pricing.price(store, row)) or -1) >= low)
    if high is not None:
        tests.append(lambda row: (value := pricing.amount(pricing.price(store, row))) is not None and value <= high)
    return tests


def _search_tests(call: Call) -> list[Test]:
    tests: list[Test] = []
    if call.get("search"):
        words = [text.strip_accents(word).casefold() for word in str(call.get("search")).split()]
        tests.append(lambda row: all(word in _haystack(row) for word in words))
    if call.get("search_sku"):
        part = str(call.get("search_sku")).casefold()
        tests.append(lambda row: part in row.sku.casefold())
    if call.get("search_name_or_sku"):
        either = str(call.get("search_name_or_sku")).casefold()
        tests.append(lambda row: either in row.sku.casefold() or either in row.name.casefold())
    return tests


def _haystack(row: Product) -> str:
    return text.strip_accents(f"{row.name} {row.get('description', '')} {row.get('short_description', '')}").casefold()


def _flag_tests(call: Call) -> list[Test]:
    store = call.store
    getters: dict[str, Callable[[Product], Any]] = {
        "featured": lambda row: bool(row.get("featured", False)),
        "virtual": lambda row: bool(row.get("virtual", False)),
        "downloadable": lambda row: bool(row.get("downloadable", False)),
        "on_sale": lambda row: pricing.on_sale(store, row),
    }
    return [_equals(getter, call.flag(name)) for name, getter in getters.items() if call.flag(name) is not None]


def _equals(getter: Callable[[Product], Any], wanted: Any) -> Test:
    return lambda row: bool(getter(row) == wanted)


def _value_tests(call: Call) -> list[Test]:
    store = call.store
    tests: list[Test] = []
    if call.get("type"):
        tests.append(_equals(lambda row: row.kind, call.get("type")))
    if call.items("include_types"):
        kinds = call.items("include_types")
        tests.append(lambda row: row.kind in kinds)
    if call.items("exclude_types"):
        others = call.items("exclude_types")
        tests.append(lambda row: row.kind not in others)
    if call.get("stock_status"):
        tests.append(_equals(lambda row: pricing.stock_status(store, row), call.get("stock_status")))
    if call.get("tax_class"):
        wanted = "" if call.get("tax_class") == "standard" else call.get("tax_class")
        tests.append(_equals(lambda row: row.tax_class, wanted))
    if call.get("slug"):
        tests.append(_equals(lambda row: row.slug, str(call.get("slug"))))
    return tests


def _id_tests(call: Call) -> list[Test]:
    tests: list[Test] = []
    if call.items("exclude"):
        excluded = set(call.integers("exclude"))
        tests.append(lambda row: row.id not in excluded)
    if call.items("parent"):
        parents = set(call.integers("parent"))
        tests.append(lambda row: row.get("parent_group", 0) in parents)
    if call.items("parent_exclude"):
        others = set(call.integers("parent_exclude"))
        tests.append(lambda row: row.get("parent_group", 0) not in others)
    if call.items("include"):
        included = set(call.integers("include"))
        tests.append(lambda row: row.id in included)
    return tests


def _tests(call: Call) -> list[Test]:
    return [
        _status_test(call),
        *date_tests(call),
        *_id_tests(call),
        *_value_tests(call),
        *_flag_tests(call),
        *_price_tests(call),
        *_search_tests(call),
    ]


def _sort_key(call: Call) -> Callable[[Product], Any]:
    store = call.store
    keys: dict[str, Callable[[Product], Any]] = {
        "date": lambda row: (row.created, row.id),
        "modified": lambda row: (row.modified, row.id),
        "id": lambda row: row.id,
        "title": lambda row: (row.name.casefold(), row.id),
        "slug": lambda row: (row.slug, row.id),
        "price": lambda row: (pricing.amount(pricing.price(store, row)) or 0, row.id),
        "popularity": lambda row: (row.get("total_sales", 0), -row.id),
        "sales": lambda row: (row.get("total_sales", 0), -row.id),
        "menu_order": lambda row: (row.get("menu_order", 0), row.name.casefold()),
    }
    return keys.get(str(call.get("orderby", "date")), keys["date"])


def _ordered(call: Call, rows: list[Product]) -> list[Product]:
    orderby = str(call.get("orderby", "date"))
    if orderby in {"include", "post__in"} and call.items("include"):
        places = {number: place for place, number in enumerate(call.integers("include"))}
        return sorted(rows, key=lambda row: places[row.id])
    return sorted(rows, key=_sort_key(call), reverse=str(call.get("order", "desc")).lower() != "asc")


def variations(call: Call) -> Reply:
    """GET /products/{parent}/variations; an unknown parent has an empty list."""
    with call.store.lock:
        rows = call.store.products.rows
        found = [rows[one] for one in call.store.children.get(call.number("product_id"), ())]
        if call.get("sku"):
            wanted = {part.strip().casefold() for part in str(call.get("sku")).split(",")}
            found = [row for row in found if row.sku.casefold() in wanted]
        tests = [_status_test(call), *date_tests(call), *_id_tests(call), *_value_tests(call), *_search_tests(call)]
        found = [row for row in found if _passes(row, tests)]
        return paged(call, _ordered(call, found), lambda row: views.variation(call, row))
