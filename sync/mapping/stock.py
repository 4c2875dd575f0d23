"""ERP stock to shop quantities."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_FLOOR, Decimal

from connectors.canonical.stock import StockLevel
from profiles.sections import StockSection

_BACKORDERS = {"keep": "", "backorder": "backorder", "notify": "notify", "refuse": "refuse"}


def map_stock(level: StockLevel, options: StockSection, *, has_variants: bool, expected_in: str = "") -> StockLevel:
    """The quantity as the shop gets it: a whole number after the safety stock, floored at zero where asked.

    ``quantity`` stays ``None`` for articles not tracked in stock unless the profile names a quantity for them.
    ``expected_in``: where the shop keeps the next delivery; empty: nowhere, so that none is sent.
    """
    quantity = _quantity(level.quantity, options)
    sellable = None
    if options.disable_when_empty and not has_variants:
        sellable = quantity is None or quantity > 0
    expected_on = _expected_on(level, quantity, options) if expected_in else None
    return StockLevel(
        key=level.key,
        product_key=level.product_key,
        reference=level.reference,
        quantity=quantity,
        weight=level.weight if options.send_weight else None,
        barcode=level.barcode if options.send_barcode else "",
        backorders=_BACKORDERS[options.out_of_stock],
        sellable=sellable,
        expected_on=expected_on,
        expected_in=expected_in if expected_on else None,
    )


def _expected_on(level: StockLevel, quantity: Decimal | None, options: StockSection) -> date | None:
    if options.next_delivery == "always":
        return level.expected_on
    sold_out = quantity is not None and quantity <= 0
    return level.expected_on if options.next_delivery == "empty" and sold_out else None


def _quantity(quantity: Decimal | None, options: StockSection) -> Decimal | None:
    if quantity is None:
        return None if options.untracked_quantity is None else Decimal(options.untracked_quantity)
    whole = (quantity - options.safety).to_integral_value(rounding=ROUND_FLOOR)
    return max(whole, Decimal(0)) if options.negative_to_zero else whole
