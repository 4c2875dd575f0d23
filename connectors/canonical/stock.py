"""Stock per variant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connectors.canonical.base import Record, silent


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLevel(Record):
    """Quantity of one variant over the chosen warehouses.

    ``key`` is the variant's key, ``product_key`` the article's. ``quantity`` is ``None`` for what is not tracked in
    stock: always available. Weight (kilograms) and bar code ride along where STK-03 asks for it. ``backorders``: what
    the shop allows when nothing is left (``backorder``, ``notify``, ``refuse``; empty keeps the shop's setting).
    ``sellable``: put on sale or taken off (``None`` keeps the shop's state); only for articles without variants.
    ``expected_on``: day of the next delivery of suppliers, ``None`` when none is known or wanted (STK-04);
    ``expected_in`` goes with it and names where the shop keeps it, so that another place counts as a change.
    """

    key: str
    product_key: str
    reference: str
    quantity: Decimal | None
    weight: Decimal | None = None
    barcode: str = ""
    backorders: str = ""
    sellable: bool | None = None
    expected_on: date | None = silent()
    expected_in: str | None = silent()
