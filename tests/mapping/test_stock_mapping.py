"""Quantities as the shop gets them: pure arithmetic."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.testing.builders import stock
from profiles.sections import StockSection
from sync.mapping.stock import map_stock

QUANTITIES = st.decimals(min_value=-10_000, max_value=10_000, places=4)


def _mapped(quantity: Decimal | None, *, has_variants: bool = False, **options: Any) -> Any:
    level = replace(stock("A"), quantity=quantity, weight=Decimal("1.5"), barcode="3760000000017")
    return map_stock(level, StockSection(**options), has_variants=has_variants)


@pytest.mark.covers("STK-01", "STK-02")
@pytest.mark.parametrize(
    ("quantity", "options", "expected"),
    [
        ("152.35", {}, "152"),
        ("0.99", {}, "0"),
        ("-3", {}, "0"),
        ("-3", {"negative_to_zero": False}, "-3"),
        ("-0.5", {"negative_to_zero": False}, "-1"),
        ("10", {"safety": 4}, "6"),
        ("10", {"safety": "0.5"}, "9"),
        ("3", {"safety": 4}, "0"),
        ("3", {"safety": 4, "negative_to_zero": False}, "-1"),
        (None, {}, None),
        (None, {"untracked_quantity": 50, "safety": 4}, "50"),
        (None, {"untracked_quantity": 0}, "0"),
    ],
)
def test_quantities_are_whole_floored_and_safe(
    quantity: str | None, options: dict[str, Any], expected: str | None
) -> None:
    level = _mapped(None if quantity is None else Decimal(quantity), **options)
    assert level.quantity == (None if expected is None else Decimal(expected))


@pytest.mark.covers("STK-02")
@given(quantity=QUANTITIES, safety=st.decimals(min_value=0, max_value=500, places=2))
def test_the_shop_never_shows_more_than_there_is(quantity: Decimal, safety: Decimal) -> None:
    level = _mapped(quantity, safety=safety)
    assert level.quantity == level.quantity.to_integral_value()
    assert level.quantity >= 0
    assert level.quantity <= max(Decimal(0), quantity - safety)
    assert level.quantity + 1 > quantity - safety


@pytest.mark.covers("STK-04")
@given(quantity=st.none() | QUANTITIES)
def test_an_article_is_sellable_exactly_when_something_is_left(quantity: Decimal | None) -> None:
    level = _mapped(quantity, disable_when_empty=True)
    assert level.sellable is (level.quantity is None or level.quantity > 0)
    assert _mapped(quantity).sellable is None
    assert _mapped(quantity, disable_when_empty=True, has_variants=True).sellable is None


@pytest.mark.covers("STK-03")
def test_weight_and_bar_code_are_left_out_unless_asked_for() -> None:
    assert (_mapped(Decimal(1)).weight, _mapped(Decimal(1)).barcode) == (None, "")
    both = _mapped(Decimal(1), send_weight=True, send_barcode=True)
    assert (both.weight, both.barcode) == (Decimal("1.5"), "3760000000017")


@pytest.mark.covers("STK-04")
@pytest.mark.parametrize(
    ("choice", "quantity", "options", "sent"),
    [
        ("no", 0, {}, False),
        ("empty", 0, {}, True),
        ("empty", 3, {"safety": 3}, True),
        ("empty", -2, {"negative_to_zero": False}, True),
        ("empty", 1, {}, False),
        ("empty", None, {}, False),
        ("empty", None, {"untracked_quantity": 0}, True),
        ("always", 8, {}, True),
        ("always", None, {}, True),
    ],
)
def test_the_next_delivery_is_sent_for_what_the_setting_names(
    choice: str, quantity: int | None, options: dict[str, Any], sent: bool
) -> None:
    day = date(2026, 12, 1)
    level = replace(stock("A", quantity), expected_on=day)
    section = StockSection(next_delivery=choice, **options)
    mapped = map_stock(level, section, has_variants=False, expected_in="champ iso")
    assert (mapped.expected_on, mapped.expected_in) == ((day, "champ iso") if sent else (None, None))
    nowhere = map_stock(level, section, has_variants=False)
    assert (nowhere.expected_on, nowhere.expected_in) == (None, None)


@pytest.mark.covers("STK-04")
def test_an_article_nobody_delivers_says_nothing_of_where() -> None:
    mapped = map_stock(stock("A", 0), StockSection(next_delivery="always"), has_variants=False, expected_in="champ iso")
    assert (mapped.expected_on, mapped.expected_in) == (None, None)
