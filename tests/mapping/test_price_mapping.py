"""Prices in the tax basis of the shop: pure arithmetic, never a guessed rate."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.canonical.prices import BasePrice, PriceTier
from connectors.canonical.values import Money, TaxBasis, TaxRate
from connectors.core.problems import ItemRefused
from connectors.testing.builders import price
from profiles.sections import PricesSection
from sync.mapping.prices import map_price

NET_SHOP = {"prices_include_tax": "no", "currency": "EUR"}
GROSS_SHOP = {"prices_include_tax": "yes", "currency": "EUR"}
AMOUNTS = st.decimals(min_value="0.01", max_value=100_000, places=4)
RATES = st.sampled_from(["0", "2.1", "5.5", "8.5", "10", "20"])


def _price(amount: str | Decimal, basis: TaxBasis = TaxBasis.NET, **changes: Any) -> BasePrice:
    return replace(price("A"), price=Money(Decimal(amount), "EUR", basis), **changes)


def _amount(one: BasePrice, facts: dict[str, str], **options: Any) -> Decimal:
    return map_price(one, PricesSection(**options), facts).price.amount


def _refusal(one: BasePrice, facts: dict[str, str], **options: Any) -> str:
    with pytest.raises(ItemRefused) as refusal:
        map_price(one, PricesSection(**options), facts)
    return refusal.value.problem.code


@pytest.mark.covers("PRI-01")
@pytest.mark.parametrize(
    ("amount", "basis", "facts", "expected"),
    [
        ("229", TaxBasis.NET, NET_SHOP, "229.00"),
        ("229", TaxBasis.NET, GROSS_SHOP, "274.80"),
        ("274.80", TaxBasis.GROSS, NET_SHOP, "229.00"),
        ("274.80", TaxBasis.GROSS, GROSS_SHOP, "274.80"),
        ("0.125", TaxBasis.NET, NET_SHOP, "0.13"),
        ("0.1249", TaxBasis.NET, NET_SHOP, "0.12"),
        ("99.99", TaxBasis.GROSS, NET_SHOP, "83.33"),
    ],
)
def test_prices_are_converted_once_and_rounded_half_up(
    amount: str, basis: TaxBasis, facts: dict[str, str], expected: str
) -> None:
    assert str(_amount(_price(amount, basis), facts)) == expected


@pytest.mark.covers("PRI-01")
@given(amount=AMOUNTS, rate=RATES)
def test_going_there_and_back_never_loses_a_cent(amount: Decimal, rate: str) -> None:
    tax = TaxRate("T", Decimal(rate))
    gross = _amount(_price(amount, tax=tax), GROSS_SHOP, decimals=4, allow_zero=True)
    back = _amount(_price(gross, TaxBasis.GROSS, tax=tax), NET_SHOP, decimals=4, allow_zero=True)
    assert abs(back - amount) < Decimal("0.0001")


@pytest.mark.covers("PRI-01")
@given(amount=AMOUNTS)
def test_p14_without_tax_a_price_is_refused_as_soon_as_its_tax_matters(amount: Decimal) -> None:
    unknown = _price(amount, tax=None)
    assert _refusal(unknown, GROSS_SHOP, decimals=4) == "tax_unknown"
    assert _amount(unknown, NET_SHOP, decimals=4) == amount
    assert _refusal(_price(amount, TaxBasis.GROSS, tax=None), NET_SHOP) == "tax_unknown"


@pytest.mark.covers("PRI-01")
def test_an_eco_participation_is_inside_a_gross_price_and_outside_a_net_one() -> None:
    eco = Money(Decimal("0.60"), "EUR", TaxBasis.NET)
    assert _amount(_price("100", eco_tax=eco), NET_SHOP) == Decimal("100.00")
    assert _amount(_price("100", eco_tax=eco), GROSS_SHOP) == Decimal("120.72")
    assert _amount(_price("120.72", TaxBasis.GROSS, eco_tax=eco), NET_SHOP) == Decimal("100.00")


@pytest.mark.covers("PRI-01")
def test_a_price_that_must_not_be_sold_is_refused_by_name() -> None:
    assert _refusal(_price("-1"), NET_SHOP) == "price_negative"
    assert _refusal(_price("0"), NET_SHOP) == "price_missing"
    assert _refusal(_price("0.004"), NET_SHOP) == "price_missing"
    assert _amount(_price("0"), NET_SHOP, allow_zero=True) == 0
    assert _refusal(_price("5"), {**NET_SHOP, "currency": "USD"}) == "currency_differs"


@pytest.mark.covers("PRI-01")
def test_a_tier_from_one_piece_on_is_the_price_and_later_tiers_are_not() -> None:
    def tier(quantity: int, amount: str) -> PriceTier:
        return PriceTier(from_quantity=Decimal(quantity), price=Money(Decimal(amount), "EUR", TaxBasis.NET))

    assert _amount(_price("10", tiers=(tier(1, "9"), tier(5, "8"))), NET_SHOP) == Decimal("9.00")
    assert _amount(_price("10", tiers=(tier(5, "8"),)), NET_SHOP) == Decimal("10.00")
