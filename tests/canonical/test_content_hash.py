"""The hash that decides whether anything is sent: one spelling per meaning, and every change of meaning counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.canonical.base import canonical_form, content_hash
from connectors.canonical.catalog import PARTS, Dimensions, Feature
from connectors.canonical.values import Money, TaxBasis
from connectors.testing.builders import price, product, stock

CHANGES: dict[str, dict[str, Any]] = {
    "name": {"name": {"": "Autre"}},
    "description": {"description": {"": "Autre"}},
    "summary": {"summary": {"": "Autre"}},
    "seo": {"seo_title": {"": "Autre"}},
    "brand": {"brand": "Autre"},
    "dimensions": {"dimensions": Dimensions(width=Decimal(3))},
    "features": {"features": (Feature(name="Matière", values=("Lin",)),)},
    "categories": {"categories": ("9",)},
    "tax": {"tax_class": "reduced"},
    "state": {"active": False},
}


@pytest.mark.covers("STK-05")
@given(st.decimals(min_value=-1000, max_value=1000, places=3))
def test_one_number_has_one_hash_however_it_is_written(number: Decimal) -> None:
    spellings = [number, number.normalize(), Decimal(f"{number:f}000"), number + 0]
    assert len({content_hash(replace(stock("A"), quantity=one)) for one in spellings}) == 1
    assert content_hash(replace(stock("A"), quantity=number + 1)) != content_hash(replace(stock("A"), quantity=number))


@pytest.mark.covers("CAT-09")
@pytest.mark.parametrize("part", sorted(CHANGES))
def test_a_change_counts_for_its_own_part_and_for_no_other(part: str) -> None:
    before = product("A")
    after = replace(before, **CHANGES[part])
    others = frozenset(PARTS) - {part}
    assert content_hash(after, frozenset({part})) != content_hash(before, frozenset({part}))
    assert content_hash(after, others) == content_hash(before, others)


@pytest.mark.covers("STK-04", "STK-05")
def test_a_field_nobody_fills_leaves_every_stored_hash_as_it_is() -> None:
    """Hashes as they were stored before the next delivery was known: none of these articles is sent again."""
    odd = replace(stock("A", None), weight=Decimal("1.5"), sellable=False, backorders="notify")
    assert content_hash(stock("A")) == "12bf52199bcbffa88910401e9699c7e4"
    assert content_hash(odd) == "6e7c0267ac0add60fb85a93cef91da10"
    assert content_hash(product("A")) == "221bec7e59ed64288b630eacb627372b"
    assert content_hash(product("A"), frozenset({"quantity", "name"})) == "2dba09cfa2e28d7ce44a748a0a76daba"
    days = [replace(stock("A"), expected_on=date(2026, 12, day)) for day in (1, 2)]
    hashes = {content_hash(one) for one in (stock("A"), *days, replace(days[0], expected_in="_livraison iso"))}
    assert len(hashes) == 4


@pytest.mark.covers("CAT-09")
def test_identity_counts_whatever_is_switched_off() -> None:
    assert content_hash(product("A"), frozenset()) != content_hash(product("B"), frozenset())


@pytest.mark.covers("PRI-01")
def test_amount_currency_and_basis_all_count() -> None:
    money = [
        Money(Decimal(10), "EUR", TaxBasis.NET),
        Money(Decimal(10), "EUR", TaxBasis.GROSS),
        Money(Decimal(10), "CHF", TaxBasis.NET),
        Money(Decimal("10.01"), "EUR", TaxBasis.NET),
    ]
    assert len({content_hash(replace(price("A"), price=one)) for one in money}) == len(money)


def test_p06_one_instant_has_one_form_and_naive_times_are_refused() -> None:
    instant = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert canonical_form(instant) == canonical_form(instant.astimezone(timezone(timedelta(hours=13))))
    with pytest.raises(TypeError):
        canonical_form(datetime(2026, 11, 21, 12))  # noqa: DTZ001
    for wrong in (1.5, Decimal("NaN"), Decimal("Infinity"), object()):
        with pytest.raises(TypeError):
            canonical_form(wrong)
    with pytest.raises(ValueError, match="combine"):
        _ = Money(Decimal(1), "EUR", TaxBasis.NET) + Money(Decimal(1), "USD", TaxBasis.NET)
