"""Several payments of one order, and the difference between what was paid and its total (PAY-02)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.canonical.sales import Deposit, Order, Refund
from connectors.core.problems import ItemRefused
from connectors.shops.woocommerce.options import WooCommerceOptions
from connectors.shops.woocommerce.order_lines import OrderRules
from connectors.shops.woocommerce.orders import FIELDS as ASKED
from connectors.shops.woocommerce.orders import parse_order
from sync.mapping.order_payments import deposits, overpaid
from sync.mapping.order_refunds import map_refund
from sync.mapping.orders import map_order
from sync.orders.words import overpaid_notes
from tests.mapping.cart_shop import Cart, Item
from tests.mapping.order_support import FACTS, MOMENT, PARIS, Catalogue, check_exact, profile

D = Decimal
TODAY = date(2026, 12, 1)
YITH = "_ywgc_applied_gift_cards"
FIELDS = f"{YITH} = carte_cadeau\n\n_funds_used=avoir"


def read(total: str = "", fields: str = FIELDS, received: str = "", **meta: Any) -> Order:
    """An order of 60.00 with tax, with custom fields, as the reader of a profile gives it."""
    body = Cart([Item(D("50.00"), 1)], number=187).rest()
    body["meta_data"] += [{"key": key, "value": value} for key, value in meta.items()]
    body["total"] = total or body["total"]
    options = WooCommerceOptions(
        url="https://shop.example",
        consumer_key="ck_x",  # type: ignore[arg-type]
        consumer_secret="cs_x",  # type: ignore[arg-type]
        payment_metas=fields,
        received_meta=received,
    )
    return parse_order(body, facts=FACTS, rules=OrderRules.of(options))


def made(order: Order, **options: Any) -> tuple[Deposit, ...]:
    return deposits(order, profile(**options)["payments"], today=TODAY, timezone=PARIS, account="C1")


def amounts(order: Order, **options: Any) -> list[tuple[str, Decimal]]:
    return [(deposit.method, deposit.amount) for deposit in made(order, **options)]


@pytest.mark.covers("PAY-02", "SHP-02")
def test_a_custom_field_counts_only_where_the_profile_names_it() -> None:
    plain = read(fields="", **{YITH: {"AB-12": "20.00"}})
    assert (plain.other_payments, plain.payment.amount, plain.total) == ((), D("60.00"), D("60.00"))
    assert plain == read(fields=FIELDS, **{YITH: []}) == read(fields=FIELDS, received="_received")
    assert amounts(plain) == [("2", D("60.00"))]


@pytest.mark.covers("PAY-02", "SHP-02")
@pytest.mark.parametrize(
    ("value", "paid"),
    [
        ({"AB-12": "15.00", "CD-34": 5}, [("AB-12", D("15.00")), ("CD-34", D(5))]),
        ("20,00", [("", D("20.00"))]),
        ([{"code": "AB-12", "amount": "20.00"}], [("AB-12", D("20.00"))]),
        ({"giftcard_number": "X1", "amount": 20}, [("X1", D(20))]),
        ("0", []),
        ("", []),
    ],
)
def test_amounts_are_read_in_the_shapes_extensions_use(value: Any, paid: list[tuple[str, Decimal]]) -> None:
    order = read(**{YITH: value})
    assert [(one.transaction, one.amount) for one in order.other_payments] == paid
    assert order.payment.amount == D("60.00") - sum((amount for _, amount in paid), D(0))


@pytest.mark.covers("PAY-02")
def test_p14_an_unreadable_amount_is_refused_and_never_zero() -> None:
    with pytest.raises(ItemRefused) as caught:
        read(**{YITH: {"AB-12": "vingt"}})
    assert caught.value.problem.code == "order_amount_unreadable"


@pytest.mark.covers("PAY-02", "ORD-10")
@pytest.mark.parametrize("total", ["40.00", "60.00"])
def test_p15_a_gift_card_is_a_payment_whether_or_not_the_shop_took_it_off_the_total(total: str) -> None:
    order = read(total, **{YITH: {"AB-12": "20.00"}})
    assert (order.total, order.payment.amount) == (D("60.00"), D("40.00"))
    options = profile(methods={"carte_cadeau": "9"}, journals={"carte_cadeau": "CAD"})
    document = map_order(order, options, Catalogue(), MOMENT)
    check_exact(order, document)
    assert [(one.method, one.amount, one.journal, one.reference) for one in document.deposits] == [
        ("2", D("40.00"), "", ""),
        ("9", D("20.00"), "CAD", "AB-12"),
    ]


@pytest.mark.covers("PAY-02")
def test_every_payment_follows_the_tables_of_its_means_and_currency() -> None:
    order = read(**{YITH: {"AB-12": "20.00"}, "_funds_used": "5"})
    tables = {
        "methods": {"carte_cadeau": "8", "carte_cadeau|EUR": "9", "bacs": "3"},
        "journals": {"avoir": "AVO"},
        "create_for": {"avoir|USD": "no"},
    }
    assert amounts(order, **tables) == [("3", D(35)), ("9", D(20)), ("2", D(5))]
    assert [deposit.journal for deposit in made(order, **tables)] == ["", "", "AVO"]
    dollars = replace(order, currency="USD")
    assert amounts(dollars, **tables) == [("3", D(35)), ("8", D(20))]
    with pytest.raises(ItemRefused) as caught:
        made(order, method_default="", methods={"bacs": "3", "avoir": "2"})
    assert caught.value.problem.values["title"] == "carte_cadeau"


@pytest.mark.covers("PAY-02")
def test_an_order_paid_wholly_by_card_needs_no_method_for_the_rest() -> None:
    order = read("0.00", **{YITH: {"AB-12": "60.00"}})
    assert (order.total, order.payment.amount) == (D("60.00"), D("0.00"))
    assert amounts(order, method_default="", methods={"carte_cadeau": "9"}) == [("9", D(60))]


@pytest.mark.covers("PAY-02")
def test_an_unpaid_order_has_none_of_its_payments_created() -> None:
    order = read(**{YITH: {"AB-12": "20.00"}})
    unpaid = replace(
        order,
        payment=replace(order.payment, paid_at=None),
        other_payments=tuple(replace(one, paid_at=None) for one in order.other_payments),
    )
    assert made(unpaid) == ()
    assert amounts(unpaid, create_unpaid=True) == amounts(order) == [("2", D(40)), ("2", D(20))]


@pytest.mark.covers("PAY-02", "PAY-01")
def test_p15_gift_cards_of_woocommerce_are_payments_without_any_setting() -> None:
    """The shape of the official extension: the order's total is what was left to pay by other means."""
    body = Cart([Item(D("50.00"), 1)], number=187).rest()
    cards = [{"id": 2, "code": "SU9F-MGB5", "amount": 20}, {"id": 4, "code": "NZR8-BMP8", "amount": 36.5}]
    order = parse_order({**body, "total": "3.50", "gift_cards": cards}, facts=FACTS)
    assert order.total == D("60.00")
    assert [(one.method, one.amount, one.reference) for one in made(order, methods={"gift_card": "7"})] == [
        ("2", D("3.50"), order.payment.transaction),
        ("7", D("20.00"), "SU9F-MGB5"),
        ("7", D("36.50"), "NZR8-BMP8"),
    ]
    assert parse_order({**body, "gift_cards": []}, facts=FACTS).other_payments == ()
    assert "gift_cards" in ASKED.split(","), "the reader asks the shop for them"


@pytest.mark.covers("PAY-02")
def test_a_lack_within_the_limit_becomes_a_payment_difference() -> None:
    order = read(received="_received", **{YITH: "20", "_received": "39.98"})
    wanted = {"amount": "paid", "create_differences": True}
    assert amounts(order, amount="paid", create_differences=True, difference_method="7") == [
        ("2", D("39.98")),
        ("2", D(20)),
        ("7", D("0.02")),
    ]
    last = made(order, **wanted, difference_journal="ECA")[-1]
    assert (last.method, last.journal, last.label, last.reference) == ("2", "ECA", "Écart de règlement 187", "")
    assert sum(one.amount for one in made(order, **wanted)) == order.total
    assert len(made(order)) == 2


@pytest.mark.covers("PAY-02")
@pytest.mark.parametrize("received", ["40.03", "40.05"])
def test_an_overpayment_within_the_limit_stays_in_the_deposit_that_was_received(received: str) -> None:
    order = read(received="_received", **{YITH: "20", "_received": received})
    found = made(order, amount="paid", create_differences=True, difference_method="7")
    assert [(one.method, one.amount) for one in found] == [("2", D(received)), ("2", D(20))]
    document = map_order(order, profile(amount="paid", create_differences=True), Catalogue(), MOMENT)
    assert overpaid(document) == D(received) - 40
    assert str(D(received) - 40).replace(".", ",") in str(overpaid_notes(document)[0])


@pytest.mark.covers("PAY-02")
@pytest.mark.parametrize(
    ("received", "options", "code"),
    [
        ("39.00", {"create_differences": True}, "payment_difference"),
        ("40.06", {"create_differences": True}, "payments_exceed_order"),
        ("40.01", {}, "payments_exceed_order"),
    ],
)
def test_a_difference_beyond_the_limit_waits_with_both_amounts(
    received: str, options: dict[str, Any], code: str
) -> None:
    order = read(received="_received", **{YITH: "20", "_received": received})
    with pytest.raises(ItemRefused) as caught:
        made(order, amount="paid", **options)
    problem = caught.value.problem
    assert (problem.code, problem.values["paid"], problem.values["total"]) == (code, str(D(received) + 20), "60.00")
    assert "%(" not in problem.text() + problem.advice_text()


@pytest.mark.covers("PAY-02")
def test_a_part_payment_stays_a_part_payment_where_no_difference_is_wanted() -> None:
    order = read(received="_received", _received="18.00")
    assert amounts(order, amount="paid") == [("2", D(18))]
    assert amounts(order, amount="paid", create_differences=True, difference_limit="42") == [("2", D(18)), ("2", D(42))]
    assert amounts(order) == [("2", D(60))]


@pytest.mark.covers("PAY-02", "SHP-02")
def test_a_line_without_means_of_payment_is_refused_when_it_is_saved() -> None:
    with pytest.raises(ValueError, match="champ = moyen"):
        read(fields="_funds_used")


@pytest.mark.covers("PAY-02")
def test_what_is_left_to_pay_falls_due_in_equal_parts() -> None:
    order = read(**{YITH: "20"})
    unpaid = replace(order, payment=replace(order.payment, paid_at=None))
    options = profile(instalments={"bacs": "3", "bacs|USD": "2"}, instalment_days=30, methods={"bacs": "5"})
    document = map_order(unpaid, options, Catalogue(), MOMENT)
    assert [deposit.amount for deposit in document.deposits] == [D(20)]
    assert [(one.on - document.on).days for one in document.instalments] == [0, 30, 60]
    assert {(one.percent, one.amount, one.method) for one in document.instalments} == {(D("33.33"), None, "5")}
    assert map_order(order, options, Catalogue(), MOMENT).instalments == (), "nothing is left to pay"
    assert map_order(unpaid, profile(), Catalogue(), MOMENT).instalments == ()


@pytest.mark.covers("PAY-02", "ORD-09")
def test_p16_a_refund_smaller_than_the_gift_card_has_neither_payments_nor_instalments() -> None:
    order = read(**{YITH: {"AB-12": "20.00"}})
    refund = Refund(key="9", order_key=order.key, amount=D("12.00"), reason="Geste", created_at=order.created_at)
    options = profile(create_unpaid=True, amount="paid", create_differences=True, instalments={"bacs": "3"})
    document = map_refund(order, refund, options, Catalogue(), MOMENT)
    assert (document.expected_gross, document.deposits, document.instalments) == (D("12.00"), (), ())
