"""The next delivery of a product or variation as one of its custom fields (STK-04). Pure.

WooCommerce has no field of its own for it: the settings name the key, which is ours from then on. A key matches in
place and entries of other keys stay as they are; an entry is deleted by its id (recorded).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from connectors.canonical.stock import StockLevel
from connectors.shops.woocommerce.api import Body
from connectors.shops.woocommerce.options import WooCommerceOptions

_FORMATS = {"iso": "%Y-%m-%d", "fr": "%d/%m/%Y"}


def must_look(stock: StockLevel, options: WooCommerceOptions) -> bool:
    """Whether what the shop holds must be known before writing: only an entry that is there can be deleted."""
    return bool(options.next_delivery_meta) and stock.expected_on is None


def entries(stock: StockLevel | None, meta_data: Any, options: WooCommerceOptions) -> list[Body]:
    """Meta entries that make the shop say the day of a stock record, or nothing any more; none for no change.

    ``meta_data``: what the shop holds, as far as it is known. Without a stock record nothing is said at all.
    """
    key = options.next_delivery_meta
    if not key or stock is None:
        return []
    held = [item for item in meta_data or () if isinstance(item, Mapping) and item.get("key") == key]
    if stock.expected_on is None:
        return [{"id": item["id"], "key": key, "value": None} for item in held if item.get("id")]
    wanted = day_text(stock.expected_on, options)
    return [] if [item.get("value") for item in held] == [wanted] else [{"key": key, "value": wanted}]


def day_text(day: date, options: WooCommerceOptions) -> str:
    """A day in the form the settings ask for."""
    return day.strftime(_FORMATS[options.next_delivery_format])
