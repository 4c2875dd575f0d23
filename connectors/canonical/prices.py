"""Prices per variant."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from connectors.canonical.base import Record
from connectors.canonical.values import Money, TaxRate


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTier:
    """Price from a quantity on (inclusive lower bound)."""

    from_quantity: Decimal
    price: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BasePrice(Record):
    """Sale price of one variant in the profile's price category.

    ``key`` is the variant's key, ``product_key`` the article's. ``price`` keeps the ERP's own tax basis until it is
    mapped to the basis the shop works with. ``tax`` is ``None`` when the ERP gives no tax for the article: that is
    unknown, never zero. ``eco_tax`` is without VAT.
    """

    key: str
    product_key: str
    reference: str
    price: Money
    tax: TaxRate | None = None
    purchase: Money | None = None
    eco_tax: Money | None = None
    tiers: tuple[PriceTier, ...] = ()
