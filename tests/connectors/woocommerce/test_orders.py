"""Recorded order objects become canonical orders: amounts as recorded, lines by kind, refusals by code."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.canonical.base import content_hash
from connectors.canonical.sales import LineKind, Order
from connectors.core.problems import ItemRefused
from connectors.shops.woocommerce.order_lines import EXEMPT_BUYER, EXEMPT_LINE, EXEMPT_WITH_GOODS, OrderRules
from connectors.shops.woocommerce.order_payments import recorded_difference
from connectors.shops.woocommerce.orders import parse_order
from tests.connectors.woocommerce.orders_support import FACTS, recorded
from tests.connectors.woocommerce.support import recording

D = Decimal
CENT = D("0.01")


def goods(**changes: Any) -> dict[str, Any]:
    """A line of goods at 20 %."""
    return {
        "id": 11,
        "name": "Vis &amp; écrou",
        "product_id": 71,
        "variation_id": 0,
        "quantity": 2,
        "tax_class": "",
        "subtotal": "99.80",
        "subtotal_tax": "19.96",
        "total": "99.80",
        "total_tax": "19.96",
        "taxes": [{"id": 1, "total": "19.96", "subtotal": "19.96"}],
        "meta_data": [],
        "sku": "O-20",
        **changes,
    }


def rate(**changes: Any) -> dict[str, Any]:
    """The tax line of 20 %."""
    return {
        "id": 6,
        "rate_code": "FR-TVA 20-1",
        "rate_id": 1,
        "label": "TVA 20",
        "tax_total": "19.96",
        "shipping_tax_total": "0.00",
        "rate_percent": 20,
        **changes,
    }


def body(**changes: Any) -> dict[str, Any]:
    """A small complete order."""
    return {
        "id": 76,
        "number": "76",
        "status": "processing",
        "currency": "EUR",
        "prices_include_tax": False,
        "date_created_gmt": "2026-11-21T19:05:55",
        "date_modified_gmt": "2026-11-21T19:06:00",
        "date_paid_gmt": None,
        "date_completed_gmt": None,
        "total": "119.76",
        "total_tax": "19.96",
        "customer_id": 0,
        "billing": {"first_name": "Jean", "last_name": "Dupont", "country": "FR", "email": "jean@example.com"},
        "shipping": {},
        "payment_method": "bacs",
        "payment_method_title": "Virement",
        "created_via": "checkout",
        "customer_note": "",
        "meta_data": [],
        "line_items": [goods()],
        "tax_lines": [rate()],
        "shipping_lines": [],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [],
        **changes,
    }


def parse(**changes: Any) -> Order:
    """The canonical form of the small order with changes."""
    return parse_order(body(**changes), facts=FACTS)


def refusal(**changes: Any) -> str:
    """Code with which the small order with changes is refused."""
    with pytest.raises(ItemRefused) as caught:
        parse(**changes)
    assert "%(" not in caught.value.problem.text() + caught.value.problem.advice_text()
    return caught.value.problem.code


# --- the recordings ---------------------------------------------------------------------------------------------------


@pytest.mark.covers("ORD-01", "ORD-10")
@pytest.mark.parametrize("topic", ["08", "09", "10", "12"])
def test_p13_every_recorded_order_adds_up_to_the_cent(contracts: Path, topic: str) -> None:
    count = 0
    for name, row in recorded(contracts, topic):
        order = parse_order(row, facts=FACTS)
        long = len(str(row["total"]).partition(".")[2]) > 2
        assert abs(recorded_difference(order)) <= (CENT if long else 0), name
        _check_rates(order, name)
        assert content_hash(order) == content_hash(parse_order(row, facts=FACTS)), name
        count += 1
    assert count >= 4


def _check_rates(order: Order, name: str) -> None:
    """VAT per rate equals the recorded tax rows of the lines, to the rounding of each line."""
    for total in order.rate_totals:
        rows = [tax.amount for line in order.lines for tax in line.taxes if tax.rate == total.rate]
        assert abs(total.goods + total.shipping - sum(rows, D(0))) <= CENT * max(1, len(rows)), (name, total)
    if order.rate_totals:
        shown = sum((total.goods + total.shipping for total in order.rate_totals), D(0))
        assert abs(shown - order.total_tax) <= CENT, name


@pytest.mark.covers("ORD-09")
def test_recorded_checkout_with_coupon_and_other_delivery_address(contracts: Path) -> None:
    row = recording(contracts, "12-checkout-orders")[1]["response"]["body"]
    order = parse_order(row, facts=FACTS)
    assert (order.key, order.number, order.status, order.currency) == ("128", "128", "processing", "EUR")
    assert order.created_at == datetime(2026, 11, 21, 19, 5, 55, tzinfo=UTC)
    assert (order.total, order.total_tax) == (D("248.60"), D("39.56"))
    assert order.payment.method == "cod"
    assert order.payment.paid_at is None
    assert order.buyer.is_guest
    assert (order.billing.city, order.shipping.first_name) == ("Nantes", "Paul")
    assert (order.carrier, order.carrier_title) == ("flat_rate:1", "Colissimo domicile")
    assert order.channel == "store-api"
    kinds = [(line.kind, line.net, line.net_before_discount, line.tax) for line in order.lines]
    assert kinds == [
        (LineKind.GOODS, D("179.64"), D("199.60"), D("35.93")),
        (LineKind.GOODS, D("22.50"), D("25.00"), D("2.25")),
        (LineKind.SHIPPING, D("6.90"), D("6.90"), D("1.38")),
    ]
    assert [(one.key, one.percent) for one in order.rates] == [("1", D(20)), ("2", D(10))]
    assert [(one.goods, one.shipping) for one in order.rate_totals] == [(D("35.93"), D("1.38")), (D("2.25"), D(0))]
    assert [(one.code, one.net, one.tax) for one in order.coupons] == [("REMISE10", D("22.46"), D("4.24"))]
    assert order.exempt == ""


@pytest.mark.covers("ORD-09")
def test_p16_recorded_refunds_keep_their_lines_and_their_own_amount(contracts: Path) -> None:
    exchanges = recording(contracts, "10-orders-update-notes-refunds")
    order_body = exchanges[56]["response"]["body"]
    details = exchanges[55]["response"]["body"]
    order = parse_order(order_body, details, facts=FACTS)
    assert [refund.key for refund in order.refunds] == ["117", "118", "119", "120", "122"]
    assert [refund.amount for refund in order.refunds] == [
        abs(D(str(row["total"]))) for row in sorted(order_body["refunds"], key=lambda row: row["id"])
    ]
    returned = order.refunds[1]
    assert returned.order_key == "116"
    assert returned.created_at == datetime(2026, 11, 21, 19, 4, 20, tzinfo=UTC)
    assert [(one.line, one.kind, one.quantity, one.net) for one in returned.lines] == [
        ("126", LineKind.GOODS, D(1), D("49.90"))
    ]
    assert [(tax.rate, tax.amount) for tax in returned.lines[0].taxes] == [("1", D("9.98"))]
    assert order.refunds[0].lines == ()
    assert order.total == D("141.79")


@pytest.mark.covers("ORD-09")
def test_refunds_that_are_only_listed_come_without_lines(contracts: Path) -> None:
    order_body = recording(contracts, "10-orders-update-notes-refunds")[56]["response"]["body"]
    order = parse_order(order_body, facts=FACTS)
    assert len(order.refunds) == 5
    assert all(refund.lines == () and refund.amount >= 0 for refund in order.refunds)
    assert {refund.created_at for refund in order.refunds} == {order.modified_at}


@pytest.mark.covers("ORD-03", "ORD-10")
def test_p13_six_decimals_keep_what_is_stored_and_vat_is_shown_as_the_shop_does(contracts: Path) -> None:
    by_id = {}
    for name, row in recorded(contracts, "09"):
        by_id.setdefault(row["id"], []).append((name, parse_order(row, facts=FACTS)))
    for pairs in (rows for rows in by_id.values() if len(rows) == 2):
        (name, short), (_, long) = pairs
        assert short.rate_totals == long.rate_totals, name
        assert (short.total, short.total_tax) == (long.total, long.total_tax), name
        assert [tax for line in short.lines for tax in line.taxes] == [tax for line in long.lines for tax in line.taxes]
    nets = [line.net for line in by_id[105][1][1].lines]
    assert nets[:3] == [D("22.483333"), D("19.876778"), D("8.472727")]


@pytest.mark.covers("ORD-09", "ORD-10")
def test_p13_a_tax_row_left_behind_by_the_checkout_is_not_part_of_the_order(contracts: Path) -> None:
    """Recorded: shipping untaxed beside goods at 0 %, and a row of 1.38 that belongs to nothing."""
    row = recording(contracts, "12-checkout-orders")[2]["response"]["body"]
    assert [one["shipping_tax_total"] for one in row["tax_lines"]] == ["0.00", "1.38"]
    order = parse_order(row, facts=FACTS)
    assert [(one.rate, one.goods, one.shipping) for one in order.rate_totals] == [("4", D(0), D(0))]
    assert [line.exempt for line in order.lines] == ["", EXEMPT_WITH_GOODS]


@pytest.mark.covers("ORD-10")
def test_p13_a_tax_row_that_no_line_explains_stays_when_the_total_holds_it() -> None:
    row = rate(rate_id=9, tax_total="1.00", rate_code="FR-ECO-1", label="Eco")
    order = parse(total_tax="20.96", total="120.76", tax_lines=[rate(), row])
    assert [(one.rate, one.goods) for one in order.rate_totals] == [("1", D("19.96")), ("9", D("1.00"))]


# --- lines ------------------------------------------------------------------------------------------------------------


def fee(name: str, total: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": 20,
        "name": name,
        "total": total,
        "total_tax": "0.00",
        "taxes": [],
        "tax_status": "taxable",
        **changes,
    }


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize(
    ("name", "total", "kind"),
    [
        ("Frais de dossier", "5.00", LineKind.FEE),
        ("Remise fidélité", "-5.00", LineKind.DISCOUNT),
        ("ÉCO-PARTICIPATION mobilier", "1.20", LineKind.ECO),
        ("Éco participation", "1.20", LineKind.ECO),
        ("Emballage-cadeau", "3.00", LineKind.WRAPPING),
        ("Paquet cadeau", "-3.00", LineKind.DISCOUNT),
    ],
)
def test_p15_fees_are_told_apart_by_sign_and_name(name: str, total: str, kind: LineKind) -> None:
    order = parse(fee_lines=[fee(name, total)])
    assert order.lines[-1].kind is kind
    assert order.lines[-1].net == D(total)


@pytest.mark.covers("ORD-09")
def test_names_of_wrapping_are_a_setting() -> None:
    rules = OrderRules(wrapping=("papillote",))
    order = parse_order(body(fee_lines=[fee("Papillote", "2.00")]), facts=FACTS, rules=rules)
    assert order.lines[-1].kind is LineKind.WRAPPING


@pytest.mark.covers("ORD-09")
def test_p19_lines_name_product_variation_reference_and_choices() -> None:
    line = goods(
        product_id=70,
        variation_id=75,
        meta_data=[
            {"key": "pa_taille", "value": "xl", "display_key": "Taille", "display_value": "XL"},
            {"key": "_reduced_stock", "value": "2", "display_key": "_reduced_stock", "display_value": "2"},
        ],
    )
    free = goods(id=12, product_id=0, variation_id=0, sku=None, taxes=[], total_tax="0.00")
    first, second = parse(line_items=[line, free]).lines
    assert (first.name, first.product_key, first.variant_key, first.reference) == ("Vis & écrou", "70", "75", "O-20")
    assert first.options == (("Taille", "XL"),)
    assert (second.product_key, second.variant_key, second.reference) == ("", "", "")
    assert parse().lines[0].variant_key == "71"


@pytest.mark.covers("ORD-09")
def test_floats_decimals_and_fractions_of_quantities_are_read_exactly() -> None:
    text = json.dumps(body(line_items=[goods(quantity=1.5, total="10.1", subtotal="")]))
    exact = parse_order(json.loads(text, parse_float=Decimal), facts=FACTS).lines[0]
    loose = parse_order(json.loads(text), facts=FACTS).lines[0]
    assert exact == loose
    assert (exact.quantity, exact.net, exact.net_before_discount) == (D("1.5"), D("10.1"), D("10.1"))


# --- taxes: a rate, exempt with its reason, or unknown ----------------------------------------------------------------


@pytest.mark.covers("ORD-04", "ORD-09")
def test_p14_a_line_without_tax_is_exempt_only_where_the_shop_says_so() -> None:
    untaxed = goods(total_tax="0.00", taxes=[])
    assert parse(line_items=[untaxed]).lines[0].exempt == ""
    exempt = parse(line_items=[untaxed], meta_data=[{"key": "is_vat_exempt", "value": "yes"}])
    assert exempt.exempt == EXEMPT_BUYER
    assert exempt.lines[0].exempt == EXEMPT_BUYER
    assert parse(meta_data=[{"key": "is_vat_exempt", "value": "no"}]).exempt == ""
    stamp = parse(fee_lines=[fee("Timbre", "2.00", tax_status="none"), fee("Dossier", "2.00")])
    assert [line.exempt for line in stamp.lines] == ["", EXEMPT_LINE, ""]


@pytest.mark.covers("ORD-09")
def test_p14_a_rate_of_zero_is_a_rate_and_a_free_line_needs_no_reason() -> None:
    zero = goods(total_tax="0.00", taxes=[{"id": 4, "total": "0", "subtotal": "0"}])
    line = parse(line_items=[zero]).lines[0]
    assert (line.exempt, [tax.rate for tax in line.taxes]) == ("", ["4"])
    free = goods(total="0.00", total_tax="0.00", taxes=[])
    order = parse(line_items=[free], meta_data=[{"key": "is_vat_exempt", "value": "yes"}])
    assert order.lines[0].exempt == ""


@pytest.mark.covers("ORD-09")
def test_rates_that_do_not_concern_a_line_are_left_out() -> None:
    line = goods(taxes=[{"id": 1, "total": "19.96", "subtotal": "19.96"}, {"id": 2, "total": "", "subtotal": ""}])
    assert [tax.rate for tax in parse(line_items=[line]).lines[0].taxes] == ["1"]


@pytest.mark.covers("ORD-09")
def test_p14_a_rate_whose_row_is_gone_stays_unknown() -> None:
    order = parse(tax_lines=[])
    assert [(one.key, one.percent) for one in order.rates] == [("1", None)]
    assert order.total_tax == D("19.96")


@pytest.mark.covers("ORD-09", "SYS-06")
@pytest.mark.parametrize(
    ("changes", "percent"),
    [
        ({"rate_percent": None}, D(20)),
        ({"rate_percent": 0}, D(20)),
        ({"rate_percent": None, "label": "TVA", "rate_code": "FR-TVA 20,0-1"}, D(20)),
        ({"rate_percent": None, "label": "TVA 10", "rate_code": "FR-TVA-1"}, None),
        ({"rate_percent": None, "label": "TVA", "rate_code": "FR-TVA-20"}, None),
        ({"rate_percent": "20%"}, D(20)),
        ({"rate_percent": 5.5}, D("5.5")),
    ],
)
def test_p14_older_orders_tell_a_percentage_only_if_their_amounts_confirm_it(
    changes: dict[str, Any], percent: Decimal | None
) -> None:
    assert parse(tax_lines=[rate(**changes)]).rates[0].percent == percent


@pytest.mark.covers("ORD-09")
def test_p14_a_named_percentage_is_not_believed_on_cents() -> None:
    line = goods(total="0.10", total_tax="0.02", taxes=[{"id": 1, "total": "0.02", "subtotal": ""}])
    assert parse(line_items=[line], tax_lines=[rate(rate_percent=None)]).rates[0].percent is None


# --- the rest of the order --------------------------------------------------------------------------------------------


@pytest.mark.covers("ORD-09")
def test_orders_of_version_3_5_without_later_fields_are_read() -> None:
    old = body(shipping_lines=[{"id": 5, "method_title": "Colissimo", "method_id": "flat_rate:3", "total": "0.00"}])
    for name in ("date_completed_gmt", "refunds", "coupon_lines", "created_via", "prices_include_tax"):
        del old[name]
    del old["tax_lines"][0]["rate_percent"]
    order = parse_order(old, facts=FACTS)
    assert (order.carrier, order.rates[0].percent, order.completed_at) == ("flat_rate:3", D(20), None)


@pytest.mark.covers("ORD-06")
def test_carriers_are_named_as_in_the_list_of_shipping_methods() -> None:
    line = {"id": 5, "method_title": "Point &amp; relais", "method_id": "flat_rate", "instance_id": "7", "total": "0"}
    order = parse(shipping_lines=[line])
    assert (order.carrier, order.carrier_title) == ("flat_rate:7", "Point & relais")
    assert parse(shipping_lines=[{**line, "instance_id": ""}]).carrier == "flat_rate"


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize(
    ("changes", "method"),
    [
        ({"meta_data": [{"key": "_marketplace", "value": "CDISCOUNT"}], "payment_method": "other"}, "Cdiscount"),
        ({"payment_method": "amazon fr", "payment_method_title": "Place de marché"}, "Amazon FR"),
        ({"payment_method": "", "payment_method_title": "Amazon FR"}, "Amazon FR"),
        ({"meta_data": [{"key": "_marketplace", "value": "Fnac"}], "payment_method": "bacs"}, "bacs"),
    ],
)
def test_the_means_of_payment_of_a_marketplace_order_is_its_marketplace(changes: dict[str, Any], method: str) -> None:
    rules = OrderRules(marketplaces=("Cdiscount", "Amazon FR"))
    assert parse_order(body(**changes), facts=FACTS, rules=rules).payment.method == method
    assert parse(**changes).payment.method == changes["payment_method"], "without the setting nothing changes"


@pytest.mark.covers("ORD-09")
def test_the_marketplace_takes_the_place_of_the_channel() -> None:
    assert parse().channel == "checkout"
    order = parse(meta_data=[{"key": "_marketplace", "value": "Cdiscount"}, {"key": "ref_mkp", "value": "C-1"}])
    assert order.channel == "Cdiscount"
    assert order.fields["ref_mkp"] == "C-1"
    assert order.fields["created_via"] == "checkout"


@pytest.mark.covers("CUS-08")
def test_buyer_note_and_vat_number() -> None:
    order = parse(
        customer_id=4,
        customer_note="Sonner à l&#39;étage\n",
        meta_data=[{"key": "_billing_vat_number", "value": "fr 12 345678901"}],
    )
    assert (order.buyer.key, order.buyer.email, order.buyer.is_guest) == ("4", "jean@example.com", False)
    assert order.buyer.vat_number == "FR12345678901"
    assert order.note == "Sonner à l'étage"


@pytest.mark.covers("CUS-09")
def test_an_empty_delivery_address_is_the_billing_one() -> None:
    assert parse().shipping == parse().billing
    assert parse(shipping={"first_name": "Paul", "address_1": "1 place Royale"}).shipping.first_name == "Paul"


@pytest.mark.covers("CUS-10")
@pytest.mark.parametrize(
    "changes",
    [
        {"meta_data": [{"key": "_anonymized", "value": "yes"}]},
        {"billing": {"first_name": "[supprimé]", "email": ""}},
        {"billing": {"first_name": "[deleted]", "email": "deleted@site.invalid"}},
        {"billing": {"email": "DELETED@site.invalid"}},
    ],
)
def test_p38_erased_orders_are_read_without_error_and_say_so(changes: dict[str, Any]) -> None:
    assert parse(**changes).erased
    assert not parse().erased


@pytest.mark.covers("ORD-09")
def test_p06_dates_are_the_gmt_ones_whatever_the_site_time() -> None:
    order = parse(date_created="2026-11-22T08:05:55", date_paid_gmt="2026-11-21T19:06:00")
    assert order.created_at == datetime(2026, 11, 21, 19, 5, 55, tzinfo=UTC)
    assert order.payment.paid_at == datetime(2026, 11, 21, 19, 6, tzinfo=UTC)
    local = parse(date_created_gmt=None, date_created="2026-07-01T12:00:00", date_modified_gmt=None)
    assert local.created_at == datetime(2026, 7, 1, 10, tzinfo=UTC)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.covers("ORD-06", "ORD-12")
@pytest.mark.parametrize("currency", ["XXX", "", "€", "eur", "BTC", None, 978])
def test_p17_an_unknown_currency_is_refused_and_never_replaced(currency: Any) -> None:
    assert refusal(currency=currency) == "order_currency_unknown"


@pytest.mark.covers("ORD-06")
def test_p17_the_currency_of_the_order_is_kept() -> None:
    assert parse(currency="USD").currency == "USD"
    yen = parse_order(
        body(currency="JPY", total="1200", tax_lines=[rate(tax_total="200.4")]), facts={**FACTS, "price_decimals": "0"}
    )
    assert (yen.currency, yen.total, yen.rate_totals[0].goods) == ("JPY", D(1200), D(200))


@pytest.mark.covers("ORD-12")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"total": ""}, "order_total_missing"),
        ({"total": None}, "order_total_missing"),
        ({"total": "-1.00"}, "order_amount_impossible"),
        ({"total": "12,50"}, "order_amount_unreadable"),
        ({"total": "NaN"}, "order_amount_unreadable"),
        ({"line_items": [goods(total="beaucoup")]}, "order_amount_unreadable"),
        ({"status": "checkout-draft"}, "order_draft"),
        ({"id": 0}, "order_unreadable"),
    ],
)
def test_impossible_orders_are_refused_by_name(changes: dict[str, Any], code: str) -> None:
    assert refusal(**changes) == code


@pytest.mark.covers("ORD-12")
def test_other_objects_are_no_orders() -> None:
    for wrong, code in (({"id": 3, "amount": "5.00", "line_items": []}, "order_is_refund"), ([], "order_unreadable")):
        with pytest.raises(ItemRefused) as caught:
            parse_order(wrong, facts=FACTS)  # type: ignore[arg-type]
        assert caught.value.problem.code == code


@pytest.mark.covers("ORD-12")
def test_an_object_without_any_date_needs_the_time_of_reading() -> None:
    bare = {"id": 1, "total": "5.00", "line_items": []}
    assert parse_order(bare, facts=FACTS).created_at == datetime(2026, 11, 21, 19, tzinfo=UTC)
    with pytest.raises(ItemRefused) as caught:
        parse_order(bare, facts={"currency": "EUR"})
    assert caught.value.problem.code == "order_date_missing"
    with pytest.raises(ItemRefused) as caught:
        parse_order(bare, facts={"read_at": FACTS["read_at"]})
    assert caught.value.problem.code == "order_currency_unknown"
