"""The choice of cents: the ERP's sums, prices that give an amount exactly, balance and corrections."""

from __future__ import annotations

import itertools
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.canonical.levies import split
from connectors.canonical.sales import DocumentTax, TaxBase
from connectors.canonical.values import TaxBasis
from sync.mapping.rounding import (
    CENT,
    Balance,
    Piece,
    Target,
    balance,
    cents,
    corrections,
    price_line,
    without_noise,
)

PERCENTS = [Decimal(text) for text in ("0", "2.1", "5.5", "8.5", "10", "20", "21")]
money = st.decimals(min_value="0", max_value="5000", places=2)
long_money = st.decimals(min_value="-50", max_value="900", places=6)
percents = st.sampled_from(PERCENTS)
bases = st.sampled_from(list(TaxBasis))


def vat(percent: Decimal, code: str = "", base: TaxBase = TaxBase.NET) -> DocumentTax:
    """A tax of the ERP at a percentage."""
    return DocumentTax(code=code or f"T{percent}", percent=percent, base=base)


def rounded(value: Decimal) -> Decimal:
    """Half away from zero, written apart."""
    return value.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


@pytest.mark.covers("ORD-10")
@given(lead=money, percent=percents)
def test_erp_amounts_follow_from_the_leading_one(lead: Decimal, percent: Decimal) -> None:
    net_led = split(lead, (vat(percent),), TaxBasis.NET)
    assert net_led.net == lead
    assert net_led.gross == rounded(lead * (100 + percent) / 100)
    gross_led = split(lead, (vat(percent),), TaxBasis.GROSS)
    assert gross_led.gross == lead
    assert gross_led.net == rounded(lead * 100 / (100 + percent))
    assert gross_led.tax == gross_led.gross - gross_led.net


@pytest.mark.covers("ORD-03", "ORD-07")
@given(
    quantity=st.one_of(
        st.integers(min_value=1, max_value=999).map(Decimal),
        st.decimals(min_value="0.01", max_value="50", places=3),
        st.integers(min_value=-20, max_value=-1).map(Decimal),
    ),
    lead=st.decimals(min_value="-300", max_value="9000", places=2),
    extra=st.decimals(min_value="0", max_value="40", places=5),
    decimals=st.sampled_from([2, 3, 4]),
)
def test_price_and_discount_give_the_amount_exactly(
    quantity: Decimal, lead: Decimal, extra: Decimal, decimals: int
) -> None:
    wished = lead / quantity + extra
    found = price_line(quantity, lead, wished, decimals)
    assert rounded(quantity * found.unit_price - found.discount) == lead
    assert abs(quantity * found.unit_price - found.discount - lead) < Decimal("0.005")
    assert found.discount >= 0
    assert found.discount == cents(found.discount)


def test_a_price_that_divides_has_no_discount() -> None:
    found = price_line(Decimal(3), Decimal("29.97"), Decimal("9.99"), 2)
    assert (found.unit_price, found.discount) == (Decimal("9.99"), Decimal(0))


def test_a_price_that_does_not_divide_keeps_the_total_with_a_cent_of_discount() -> None:
    found = price_line(Decimal(3), Decimal("10.00"), Decimal(10) / 3, 2)
    assert (found.unit_price, found.discount) == (Decimal("3.34"), Decimal("0.02"))
    assert price_line(Decimal(3), Decimal("10.00"), Decimal(10) / 3, 4).discount == 0


def test_p13_a_price_and_its_discount_never_leave_half_a_cent_to_the_erp() -> None:
    """In the ERP's binary fractions 87.565 - 79.45 is less than 8.115 and gives 8.11."""
    found = price_line(Decimal(1), Decimal("8.12"), Decimal("87.565"), 3)
    assert (found.unit_price, found.discount) == (Decimal("87.57"), Decimal("79.45"))


def test_a_line_without_quantity_has_no_price() -> None:
    with pytest.raises(ValueError, match="without quantity"):
        price_line(Decimal(0), Decimal("1.00"), Decimal(1), 2)


def test_noise_of_six_decimals_is_no_fraction_of_a_cent() -> None:
    assert without_noise(Decimal("26.980002")) == Decimal("26.98")
    assert without_noise(Decimal("22.483335")) == Decimal("22.483335")


@pytest.mark.covers("ORD-10")
@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(percents, long_money), min_size=1, max_size=7),
    basis=bases,
    off=st.lists(st.integers(min_value=-2, max_value=2), min_size=3, max_size=3),
)
def test_balance_leaves_the_smallest_gaps_of_all_choices(
    rows: list[tuple[Decimal, Decimal]], basis: TaxBasis, off: list[int]
) -> None:
    """Compared with every possible choice of neighbouring cents."""
    pieces = [Piece((vat(percent),), exact) for percent, exact in rows]
    kinds = sorted({percent for percent, _ in rows if percent})
    tax = {}
    for index, percent in enumerate(kinds):
        whole = sum((exact for one, exact in rows if one == percent), Decimal(0))
        share = percent / 100 if basis is TaxBasis.NET else percent / (100 + percent)
        tax[vat(percent)] = rounded(whole * share) + CENT * off[index % 3]
    exact = sum((value for _, value in rows), Decimal(0))
    gross = rounded(exact) + (sum(tax.values(), Decimal(0)) if basis is TaxBasis.NET else Decimal(0))
    target = Target(tax, gross)

    found = balance(pieces, target, basis)

    for piece, lead in zip(pieces, found.leads, strict=True):
        assert abs(lead - piece.exact) < CENT
    smallest = min(_gaps(pieces, target, basis, choice) for choice in itertools.product(*map(_neighbours, pieces)))
    assert _gaps(pieces, target, basis, found.leads) == smallest
    assert found == _outcome(pieces, target, basis, found.leads)


def _neighbours(piece: Piece) -> list[Decimal]:
    nearest = rounded(piece.exact)
    if nearest == piece.exact:
        return [nearest]
    return [nearest, nearest - CENT if nearest > piece.exact else nearest + CENT]


def _outcome(pieces: list[Piece], target: Target, basis: TaxBasis, leads: tuple[Decimal, ...]) -> Balance:
    gaps = dict(target.tax)
    gross = target.gross
    for piece, lead in zip(pieces, leads, strict=True):
        now = split(lead, piece.taxes, basis)
        for tax, amount in zip(piece.taxes, now.taxes, strict=True):
            gaps[tax] = gaps.get(tax, Decimal(0)) - amount
        gross -= now.gross
    return Balance(tuple(leads), {tax: gap for tax, gap in gaps.items() if gap}, gross)


def _gaps(pieces: list[Piece], target: Target, basis: TaxBasis, leads: tuple[Decimal, ...]) -> tuple[Decimal, Decimal]:
    """VAT still missing over all percentages, then what is missing without tax."""
    found = _outcome(pieces, target, basis, leads)
    taxes = sum((abs(gap) for gap in found.tax_gaps.values()), Decimal(0))
    return taxes, abs(found.gross_gap - sum(found.tax_gaps.values(), Decimal(0)))


@pytest.mark.covers("ORD-10")
@given(
    percent=st.sampled_from([one for one in PERCENTS if one]),
    count=st.integers(min_value=-9, max_value=9).filter(bool),
    rest=st.integers(min_value=-9, max_value=9),
    basis=bases,
)
def test_corrections_close_the_gaps_exactly(percent: Decimal, count: int, rest: int, basis: TaxBasis) -> None:
    gaps = Balance((), {vat(percent): CENT * count}, CENT * rest)
    lines = corrections(gaps, basis)
    assert lines is not None
    found = [(line.tax, split(line.lead, (line.tax,) if line.tax else (), basis)) for line in lines]
    assert [one.tax for tax, one in found if tax == vat(percent)] == [CENT * count]
    assert all(one.tax == 0 for tax, one in found if tax is None)
    assert sum((one.gross for _, one in found), Decimal(0)) == CENT * rest


@pytest.mark.parametrize("percent", [one for one in PERCENTS if one])
@pytest.mark.parametrize("basis", list(TaxBasis))
def test_corrections_never_lie_on_half_a_cent(percent: Decimal, basis: TaxBasis) -> None:
    for count in range(1, 6):
        lines = corrections(Balance((), {vat(percent): CENT * count}, Decimal(0)), basis)
        assert lines is not None
        lead = lines[0].lead
        other = lead * (100 + percent) / 100 if basis is TaxBasis.NET else lead * 100 / (100 + percent)
        assert (other * 1000) % 10 != 5


def test_no_correction_makes_vat_at_zero_percent() -> None:
    assert corrections(Balance((), {vat(Decimal(0)): CENT}, CENT), TaxBasis.NET) is None


def test_balance_of_an_order_of_600_lines_is_found() -> None:
    percents = PERCENTS[2:6]
    pieces = [Piece((vat(percents[index % 4]),), Decimal("3.335") + Decimal(index) / 1000) for index in range(600)]
    whole = sum((piece.exact for piece in pieces), Decimal(0))
    tax = {
        vat(percent): rounded(
            sum((piece.exact for piece in pieces if piece.taxes == (vat(percent),)), Decimal(0)) * percent / 100
        )
        for percent in percents
    }
    target = Target(tax, rounded(whole) + sum(tax.values(), Decimal(0)))
    found = balance(pieces, target, TaxBasis.NET)
    assert found == _outcome(pieces, target, TaxBasis.NET, found.leads)
    assert found.is_exact


GST, PST, QST = vat(Decimal(5), "GST"), vat(Decimal(7), "PST"), vat(Decimal("9.975"), "QST", TaxBase.TOTAL)
CGST, SGST = vat(Decimal(9), "CGST"), vat(Decimal(9), "SGST")
ECO = vat(Decimal("1.5"), "ECO", TaxBase.RAISING)
STACKS = ((GST, PST), (GST,), (GST, QST), (CGST, SGST), (ECO, vat(Decimal(20), "C20")), (GST, PST, QST), ())
stacks = st.sampled_from(STACKS)


@pytest.mark.covers("ORD-06", "ORD-10")
@given(lead=money, taxes=stacks, basis=bases)
def test_every_tax_of_a_line_is_an_amount_in_cents_and_they_add_up(
    lead: Decimal, taxes: tuple[DocumentTax, ...], basis: TaxBasis
) -> None:
    found = split(lead, taxes, basis)
    assert (found.net if basis is TaxBasis.NET else found.gross) == lead
    assert found.net + sum(found.taxes, Decimal(0)) == found.gross
    assert all(one == rounded(one) for one in found.taxes)
    raising = sum((tax.percent for tax in taxes if tax.base is TaxBase.RAISING), Decimal(0))
    plain = sum((tax.percent for tax in taxes if tax.base is TaxBase.NET), Decimal(0)) * (100 + raising) / 100
    bases = {TaxBase.RAISING: 100, TaxBase.NET: 100 + raising, TaxBase.TOTAL: 100 + raising + plain}
    for tax, amount in zip(taxes, found.taxes, strict=True):
        exact = found.net * tax.percent * bases[tax.base] / 10000
        assert abs(amount - exact) <= Decimal("0.005") * (1 if basis is TaxBasis.NET else 2)


def test_a_compound_tax_counts_on_the_amount_with_the_tax_before_it() -> None:
    """100 and 5 % make 105; 9.975 % of it are 10.47."""
    assert split(Decimal(100), (GST, QST), TaxBasis.NET).taxes == (Decimal("5.00"), Decimal("10.47"))
    assert split(Decimal("115.47"), (GST, QST), TaxBasis.GROSS).net == Decimal("100.00")
    assert split(Decimal(100), (ECO, vat(Decimal(20))), TaxBasis.NET).taxes == (Decimal("1.50"), Decimal("20.30"))


def test_half_a_cent_of_each_of_two_taxes_inside_a_price_leaves_a_net_amount_rounded_up() -> None:
    found = split(Decimal("0.59"), (CGST, SGST), TaxBasis.GROSS)
    assert (found.net, found.taxes) == (Decimal("0.51"), (Decimal("0.04"), Decimal("0.04")))


@pytest.mark.covers("ORD-06", "ORD-10")
@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(stacks, long_money), min_size=1, max_size=7),
    basis=bases,
    off=st.lists(st.integers(min_value=-1, max_value=1), min_size=3, max_size=3),
)
def test_balance_of_lines_with_different_stacks_leaves_the_smallest_gaps_of_all_choices(
    rows: list[tuple[tuple[DocumentTax, ...], Decimal]], basis: TaxBasis, off: list[int]
) -> None:
    pieces = [Piece(taxes, exact) for taxes, exact in rows]
    gaps = _outcome(pieces, Target({}, Decimal(0)), basis, tuple(rounded(exact) for _, exact in rows))
    tax = {one: CENT * off[index % 3] - gap for index, (one, gap) in enumerate(gaps.tax_gaps.items())}
    target = Target(tax, CENT * off[0] - gaps.gross_gap)

    found = balance(pieces, target, basis)

    smallest = min(_gaps(pieces, target, basis, choice) for choice in itertools.product(*map(_neighbours, pieces)))
    assert _gaps(pieces, target, basis, found.leads) == smallest
    assert found == _outcome(pieces, target, basis, found.leads)


def test_balance_of_300_lines_with_overlapping_stacks_is_found() -> None:
    pieces = [Piece(STACKS[index % 3], Decimal("3.335") + Decimal(index * 7) / 1000) for index in range(300)]
    tax: dict[DocumentTax, Decimal] = {}
    for one in (GST, PST, QST):
        whole = sum((piece.exact for piece in pieces if one in piece.taxes), Decimal(0))
        tax[one] = rounded(whole * one.percent / 100 * (Decimal("1.05") if one is QST else 1))
    target = Target(tax, rounded(sum((piece.exact for piece in pieces), Decimal(0))) + sum(tax.values(), Decimal(0)))
    found = balance(pieces, target, TaxBasis.NET)
    assert found == _outcome(pieces, target, TaxBasis.NET, found.leads)
    assert sum(map(abs, found.tax_gaps.values())) <= CENT * 2
    assert found.net_gap == 0
