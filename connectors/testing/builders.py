"""Canonical records with sensible defaults, for tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connectors.canonical.catalog import Category, Product, Variant
from connectors.canonical.prices import BasePrice
from connectors.canonical.stock import StockLevel
from connectors.canonical.values import Money, TaxBasis, TaxRate

VAT20 = TaxRate("TVA20", Decimal(20))


def price(key: str, amount: str = "10.00", *, product_key: str = "") -> BasePrice:
    """A net price in euros at 20 %."""
    return BasePrice(
        key=key,
        product_key=product_key or key,
        reference=key,
        price=Money(Decimal(amount), "EUR", TaxBasis.NET),
        tax=VAT20,
    )


def stock(key: str, quantity: int | None = 5, *, product_key: str = "") -> StockLevel:
    """A quantity of one variant."""
    return StockLevel(
        key=key,
        product_key=product_key or key,
        reference=key,
        quantity=None if quantity is None else Decimal(quantity),
    )


def product(key: str, *, quantity: int | None = 5, amount: str = "10.00", **changes: Any) -> Product:
    """A published article without ranges."""
    defaults: dict[str, Any] = {
        "key": key,
        "reference": key,
        "name": {"": f"Article {key}"},
        "tax": VAT20,
        "variants": (Variant(key=key, reference=key, price=price(key, amount), stock=stock(key, quantity)),),
    }
    return Product(**{**defaults, **changes})


def category(key: str, parent: str = "", level: int = 1) -> Category:
    """A node of the tree."""
    return Category(key=key, name={"": f"Catégorie {key}"}, parent=parent, level=level)
