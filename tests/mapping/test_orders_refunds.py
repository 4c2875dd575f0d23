"""Refunds as credit notes: lines where they agree with the amount, else the amount spread over the rates."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.canonical.sales import DocumentKind, LineKind, Order, Refund, RefundLine
from connectors.canonical.values import TaxBasis
from connectors.core.problems import ItemRefused
from connectors.shops.woocommerce.orders import parse_order
from sync.mapping.order_refunds import map_refund, without_refunds
from sync.mapping.orders import map_order
from sync.mapping.rounding import cents
from tests.mapping.cart_shop import Cart, Item
from tests.mapping.order_support import FACTS, MOMENT, Catalogue, check_exact, parsed, profile

WHEN = datetime(2026, 11, 22, 9, tzinfo=UTC)
CART = Cart([Item(Decimal("50.00"), 2), Item(Decimal("20.00"), 3, "reduced")], shipping=[(Decimal("6.00"), "standard")])


def refund(amount: str, *lines: RefundLine, reason: str = "Geste commercial") -> Refund:
    return Refund(key="119", order_key="1", amount=Decimal(amount), reason=reason, created_at=WHEN, lines=lines)


def credit(order: Order, one: Refund, **options: Any) -> Any:
    document = map_refund(order, one, profile(**options), Catalogue(), MOMENT)
    # The credit note must add up by itself to what was given back.
    check_exact(replace(order, total=one.amount), document)
    return document


def line_of(order: Order, place: int, quantity: str, share: str) -> RefundLine:
    """A part of a line of the order, with its taxes, as the shop gives it back."""
    line, part = order.lines[place], Decimal(share)
    return RefundLine(
        line=line.key,
        kind=line.kind,
        quantity=Decimal(quantity),
        net=line.net * part,
        taxes=tuple(replace(row, amount=row.amount * part, before_discount=None) for row in line.taxes),
    )


@pytest.mark.covers("ORD-09")
def test_p16_refund_of_a_line_gives_back_its_article_and_rate() -> None:
    order = parsed(CART.rest())
    document = credit(order, refund("60.00", line_of(order, 0, "1", "0.5")))
    assert document.kind is DocumentKind.CREDIT
    assert (document.key, document.web_number, document.deposits) == ("119", "1-R119", ())
    assert [(line.article, line.quantity, line.net) for line in document.lines] == [("SKU-0", 1, Decimal("50.00"))]
    assert document.expected_tax == {"20": Decimal("10.00")}


@pytest.mark.covers("ORD-09")
def test_p16_refund_of_shipping_is_the_shipping_article() -> None:
    order = parsed(CART.rest())
    document = credit(order, refund("7.20", line_of(order, 2, "1", "1")))
    assert [(line.kind, line.article, line.gross) for line in document.lines] == [
        (LineKind.SHIPPING, "ZPORT", Decimal("7.20"))
    ]


@pytest.mark.covers("ORD-09")
def test_p16_refund_of_money_without_a_piece_moves_no_article() -> None:
    order = parsed(CART.rest())
    document = credit(order, refund("12.00", line_of(order, 0, "0", "0.1")))
    assert [(line.article, line.net) for line in document.lines] == [("ZDIVERS", Decimal("10.00"))]


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize("amount", ["5.00", "0.01", "33.33", "190.50"])
@pytest.mark.parametrize("basis", ["net", "gross"])
def test_p16_refund_of_an_amount_is_spread_over_the_rates(amount: str, basis: str) -> None:
    order = parsed(CART.rest())
    document = credit(order, refund(amount), basis=basis)
    assert {line.article for line in document.lines if line.kind is not LineKind.ROUNDING} == {"ZDIVERS"}
    if amount == "190.50":
        assert document.expected_tax == {"20": Decimal("21.20"), "5.5": Decimal("3.30")}


@pytest.mark.covers("ORD-09")
def test_p16_refund_whose_amount_differs_from_its_lines_follows_the_amount() -> None:
    """Recorded: 5.00 given back with lines worth 13.75; the amount rules."""
    order = parsed(CART.rest())
    document = credit(order, refund("5.00", line_of(order, 0, "1", "0.5")))
    assert sum((line.gross for line in document.lines), Decimal(0)) == Decimal("5.00")


@pytest.mark.covers("ORD-09")
def test_p16_refund_of_an_exempt_order_bears_no_tax() -> None:
    order = parsed(Cart([Item(Decimal("50.00"), 2)], exempt=True).rest())
    document = credit(order, refund("30.00"))
    assert document.expected_tax == {}
    assert [line.tax for line in document.lines] == [None]


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize(("amount", "code"), [("0.00", "refund_empty"), ("-1.00", "refund_empty")])
def test_p16_refund_of_nothing_is_named(amount: str, code: str) -> None:
    with pytest.raises(ItemRefused) as caught:
        map_refund(parsed(CART.rest()), refund(amount), profile(), Catalogue(), MOMENT)
    assert caught.value.problem.code == code


@pytest.mark.covers("ORD-09")
def test_p16_refund_of_a_worthless_order_is_refused() -> None:
    with pytest.raises(ItemRefused) as caught:
        map_refund(parsed(Cart([Item(Decimal(0), 1)]).rest()), refund("1.00"), profile(), Catalogue(), MOMENT)
    assert caught.value.problem.code == "refund_without_base"


@pytest.mark.covers("ORD-09")
def test_recorded_refunds_of_a_real_shop_are_exact(contracts: Path) -> None:
    text = (contracts / "woocommerce/exchanges/10-orders-update-notes-refunds.json").read_text(encoding="utf-8")
    exchanges = json.loads(text)["exchanges"]
    answers = {exchange["title"]: exchange["response"]["body"] for exchange in exchanges}
    body = answers["the order after refunds: total is unchanged, refunds has negative totals"]
    order = parse_order(body, answers["list of refunds"], facts=FACTS)
    assert len(order.refunds) >= 3
    worth = [one for one in order.refunds if one.amount]
    for one in worth:
        document = credit(order, one)
        assert document.expected_gross == one.amount


def left(order: Order, *refunds: Refund, **options: Any) -> Any:
    """The order's document without these refunds, which must add up by itself to the order less the refunds."""
    sections = profile(**options)
    credits = [map_refund(order, one, sections, Catalogue(), MOMENT) for one in refunds]
    document = without_refunds(map_order(order, sections, Catalogue(), MOMENT), credits, decimals=2)
    lines = [(line.net, line.gross, line.tax) for line in document.lines]
    if document.footer is not None:
        lines.append((document.footer.net, document.footer.gross, document.footer.tax))
    assert sum(gross for _, gross, _ in lines) == document.expected_gross
    assert document.expected_gross == order.total - sum(one.amount for one in refunds)
    for percent in {f"{tax.percent.normalize():f}" for _, _, tax in lines if tax} | set(document.expected_tax):
        found = sum(gross - net for net, gross, tax in lines if tax and tax.percent == Decimal(percent))
        assert found == document.expected_tax.get(percent, 0)
    for line in document.lines:
        lead = line.gross if document.basis is TaxBasis.GROSS else line.net
        assert cents(line.quantity * line.unit_price - line.discount) == lead
    return document


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize("basis", ["net", "gross"])
@pytest.mark.parametrize("shipping_as", ["line", "footer"])
def test_p16_a_refund_taken_out_of_a_document_shrinks_its_lines_to_the_cent(basis: str, shipping_as: str) -> None:
    order = parsed(CART.rest())
    options = {"basis": basis, "shipping_as": shipping_as}
    part = left(order, refund("60.00", line_of(order, 0, "1", "0.5")), **options)
    assert [(line.article, line.quantity) for line in part.lines][:2] == [("SKU-0", 1), ("SKU-1", 3)]
    whole = left(order, refund("120.00", line_of(order, 0, "2", "1")), **options)
    assert whole.lines[0].article == "SKU-1"
    carriage = left(order, refund("7.20", line_of(order, 2, "0", "1")), **options)
    assert (len(carriage.lines), carriage.footer) == (2, None)
    some = left(order, refund("3.60", line_of(order, 2, "0", "0.5")), **options)
    assert some.expected_gross == order.total - Decimal("3.60")


@pytest.mark.covers("ORD-09")
def test_p16_money_taken_out_of_a_document_moves_no_piece_and_everything_leaves_nothing_due() -> None:
    order = parsed(CART.rest())
    money = left(order, refund("10.00"))
    assert [(line.article, line.quantity) for line in money.lines][:2] == [("SKU-0", 2), ("SKU-1", 3)]
    assert all(line.quantity < 0 and line.kind is not LineKind.GOODS for line in money.lines[3:])
    everything = [line_of(order, place, quantity, "1") for place, quantity in enumerate(("2", "3", "0"))]
    nothing = left(order, refund(str(order.total), *everything))
    assert (nothing.expected_gross, nothing.expected_tax) == (0, {})
    quantities: dict[str, Decimal] = {}
    for line in nothing.lines:
        quantities[line.article] = quantities.get(line.article, Decimal(0)) + line.quantity
    assert set(quantities.values()) == {0}


@pytest.mark.covers("ORD-09")
def test_p16_carriage_that_the_footer_does_not_hold_is_not_taken_out() -> None:
    order = parsed(CART.rest())
    sections = profile(shipping_as="footer")
    note = map_refund(order, refund("7.20", line_of(order, 2, "0", "1")), sections, Catalogue(), MOMENT)
    document = replace(map_order(order, sections, Catalogue(), MOMENT), footer=None)
    with pytest.raises(ItemRefused, match="refund_not_subtracted"):
        without_refunds(document, [note], decimals=2)
