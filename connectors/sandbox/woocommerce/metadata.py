"""Meta data of products, orders, customers and coupons: matching by key, deletion by null, what comes back changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.sandbox.woocommerce import php
from connectors.sandbox.woocommerce.php import words

# Keys the shop keeps for its own columns: writing them through meta_data leaves no entry.
INTERNAL = frozenset(
    words(
        "_sku _price _regular_price _sale_price _stock _stock_status _manage_stock _backorders _weight _length _width "
        "_height _tax_class _tax_status _virtual _downloadable _sold_individually _thumbnail_id _product_image_gallery "
        "_product_attributes _default_attributes _sale_price_dates_from _sale_price_dates_to "
        "_upsell_ids _crosssell_ids "
        "_purchase_note _low_stock_amount _global_unique_id _visibility _featured total_sales _download_limit "
        "_download_expiry _product_version _wc_average_rating _wc_rating_count _wc_review_count _variation_description"
    )
)


def stored(value: Any) -> Any:
    """The value as it comes back: numbers and booleans become texts, lists and objects stay."""
    if value is True:
        return "1"
    if value is False:
        return ""
    if isinstance(value, int | float):
        return repr(value)
    return value


def merge(entries: list[list[Any]], given: Any, next_id: Callable[[], int]) -> list[list[Any]]:
    """The entries after a write of `meta_data`. Two entries of one key in a write collapse to the last."""
    result = [list(entry) for entry in entries]
    for item in given if isinstance(given, list) else []:
        if not isinstance(item, dict):
            continue
        number, key, value = php.intval(item.get("id")), str(item.get("key") or ""), item.get("value")
        found = _find(result, number, key)
        if value is None:
            result = [entry for entry in result if entry is not found] if number else result
        elif found is not None:
            found[1], found[2] = key or found[1], stored(value)
        elif key:
            result.append([next_id(), key, stored(value)])
    return result


def _find(entries: list[list[Any]], number: int, key: str) -> list[Any] | None:
    for entry in entries:
        if (number and entry[0] == number) or (not number and entry[1] == key):
            return entry
    return None
