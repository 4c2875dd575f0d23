"""Rules that must hold for any data: pairs of ranges, cascades, brackets, keys, numbers."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.core.odbc import decimal_of
from connectors.core.query import Query
from connectors.erp.sage100.categories import path_key
from connectors.erp.sage100.prices import cascade, owner_code, tier_starts
from connectors.erp.sage100.variants import product_candidates

AMOUNTS = st.decimals(min_value=0, max_value=100_000, places=4)
PERCENTS = st.decimals(min_value=0, max_value=100, places=2)
SIZES = (32, 33, 34, 35)
COLOURS = (36, 37, 38)


@pytest.mark.covers("CAT-12")
@given(pairs=st.sets(st.tuples(st.sampled_from(SIZES), st.sampled_from(COLOURS)), min_size=1))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_variants_are_exactly_the_pairs_that_exist(local, pairs) -> None:
    with sqlite3.connect(local.sandbox.path) as connection:
        connection.execute("DELETE FROM F_ARTENUMREF WHERE AR_Ref = 'PANTALON'")
        connection.executemany(
            "INSERT INTO F_ARTENUMREF (AR_Ref, AG_No1, AG_No2) VALUES ('PANTALON', ?, ?)", sorted(pairs)
        )
    connection.close()
    product = local.products(keys=["PANTALON"]).records[0]
    assert {variant.key for variant in product.variants} == {f"PANTALON#{one}#{two}" for one, two in pairs}
    sizes = [
        value for value in ("S", "M", "L", "XL") if SIZES[("S", "M", "L", "XL").index(value)] in {p[0] for p in pairs}
    ]
    assert product.axes[0].values == tuple(sizes)
    used = {value for variant in product.variants for _, value in variant.options}
    assert used == {value for axis in product.axes for value in axis.values}
    assert len({variant.options for variant in product.variants}) == len(product.variants)


@pytest.mark.covers("PRI-01")
@given(
    own=AMOUNTS, coefficient=st.decimals(min_value=0, max_value=10, places=3), category=AMOUNTS, factor=AMOUNTS,
    purchase=AMOUNTS,
)  # fmt: skip
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_first_price_that_is_not_zero_wins(local, own, coefficient, category, factor, purchase) -> None:
    values = [str(value) for value in (own, coefficient, purchase)]
    with sqlite3.connect(local.sandbox.path) as connection:
        connection.execute(
            "UPDATE F_ARTICLE SET AR_PrixVen = ?, AR_Coef = ?, AR_PrixAch = ? WHERE AR_Ref = 'TENTE2P'", values
        )
        connection.execute(
            "UPDATE F_ARTCLIENT SET AC_PrixVen = ?, AC_Coef = ? WHERE AR_Ref = 'TENTE2P' AND AC_Categorie = 3",
            (str(category), str(factor)),
        )
    connection.close()

    record = local.prices(Query(price_category="3"), keys=["TENTE2P"]).records[0]
    chain = [category, purchase * factor, own, purchase * coefficient]
    place = next((index for index, amount in enumerate(chain) if amount), None)
    expected = chain[place] if place is not None else Decimal(0)
    assert record.price.amount == decimal_of(expected)
    assert record.price.basis.value == ("gross" if place is not None and place < 2 else "net")


@pytest.mark.covers("PRI-02")
@given(AMOUNTS, st.lists(st.tuples(PERCENTS, st.just(1)), max_size=3))
def test_percentages_in_cascade_never_raise_a_price_and_commute(amount, discounts) -> None:
    result = cascade(amount, discounts)
    assert 0 <= result <= amount
    assert abs(result - cascade(amount, list(reversed(discounts)))) < Decimal("0.000001")


@pytest.mark.covers("PRI-02")
@given(st.lists(st.decimals(min_value=1, max_value=10_000, places=2), min_size=1, max_size=6, unique=True).map(sorted))
def test_each_bracket_starts_just_after_the_previous_bound(bounds) -> None:
    starts = tier_starts(bounds)
    assert len(starts) == len(bounds)
    assert starts[0] == 1
    for bound, start in zip(bounds[:-1], starts[1:], strict=True):
        assert bound < start <= bound + 1
        if bound == bound.to_integral_value():
            assert start == bound + 1


@pytest.mark.covers("PRI-02")
def test_whole_bounds_of_the_manual() -> None:
    assert tier_starts([Decimal(9), Decimal(49), Decimal(999999)]) == [1, 10, 50]
    assert tier_starts([Decimal("9.5"), Decimal(20)]) == [1, Decimal("9.6")]
    assert (owner_code(1), owner_code(12)) == ("a01", "a12")


@pytest.mark.covers("CAT-07")
@given(
    st.lists(st.text(min_size=1, max_size=90), min_size=1, max_size=6),
    st.lists(st.text(min_size=1), min_size=1, max_size=6),
)
def test_keys_of_paths_are_equal_for_equal_paths_only(one, other) -> None:
    assert (path_key(one) == path_key(other)) == (one == other)
    assert len(path_key(one)) <= 190


@given(st.text(alphabet="AB#1", min_size=1, max_size=8), st.lists(st.integers(1, 99), max_size=2))
def test_the_article_of_a_variant_key_is_among_its_candidates(reference, numbers) -> None:
    key = "#".join([reference, *(str(number) for number in numbers)])
    assert reference in product_candidates(key)
    assert len(product_candidates(key)) <= 3


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=6))
def test_numbers_survive_the_drivers(number) -> None:
    """SQLite gives floats and whole numbers, PostgreSQL decimals with six places."""
    assert decimal_of(number) == number
    if abs(number) < 10**8:  # fifteen digits: all that a float can hold
        assert decimal_of(float(number)) == number
    assert "E" not in str(decimal_of(number)) or abs(number) < Decimal("0.00001")
