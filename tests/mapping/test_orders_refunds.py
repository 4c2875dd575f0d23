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
from connectors.core.problems import ItemRefused
from connectors.shops.woocommerce.orders import parse_order
from sync.mapping.order_refunds import map_refund
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
