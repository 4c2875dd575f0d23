"""ERP stock to shop quantities."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from connectors.canonical.stock import StockLevel
from profiles.sections import StockSection

_BACKORDERS = {"keep": "", "backorder": "backorder", "notify": "notify", "refuse": "refuse"}


def map_stock(level: StockLevel, options: StockSection, *, has_variants: bool) -> StockLevel:
    """The quantity as the shop gets it: a whole number after the safety stock, floored at zero where asked.

    ``quantity`` stays ``None`` for articles not tracked in stock unless the profile names a quantity for them.
    """
    quantity = _quantity(level.quantity, options)
    sellable = None
    if options.disable_when_empty and not has_variants:
        sellable = quantity is None or quantity > 0
    return StockLevel(
        key=level.key,
        product_key=level.product_key,
        reference=level.reference,
        quantity=quantity,
        weight=level.weight if options.send_weight else None,
        barcode=level.barcode if options.send_barcode else "",
        backorders=_BACKORDERS[options.out_of_stock],
        sellable=sellable,
    )


def _quantity(quantity: Decimal | None, options: StockSection) -> Decimal | None:
    if quantity is None:
        return None if options.untracked_quantity is None else Decimal(options.untracked_quantity)
    whole = (quantity - options.safety).to_integral_value(rounding=ROUND_FLOOR)
    return max(whole, Decimal(0)) if options.negative_to_zero else whole
