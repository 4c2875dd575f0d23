"""Taxes and currencies of orders: a rate, exempt with its reason, or unknown, which blocks that order alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.canonical.sales import LineKind, Order, OrderLine, RecordedTax, ShopRate
from connectors.canonical.values import Money, TaxBasis
from connectors.core.problems import ItemRefused
from connectors.shops.woocommerce.orders import parse_order
from sync.mapping.order_taxes import TaxBook
from sync.mapping.orders import explain, map_order
from tests.mapping.cart_shop import Cart, Item
from tests.mapping.order_support import (
    ABROAD,
    ABROAD_MAP,
    FACTS,
    MOMENT,
    TAXES,
    Catalogue,
    check_exact,
    parsed,
    profile,
)

TWENTY = Item(Decimal("50.00"), 1)
REDUCED = Item(Decimal("7.35"), 2, "reduced")
BELGIUM = {"country": "BE", "city": "Bruxelles", "postcode": "1000"}


def refused(order: Order, catalogue: Catalogue | None = None, **options: Any) -> ItemRefused:
    with pytest.raises(ItemRefused) as caught:
        map_order(order, profile(**options), catalogue or Catalogue(), MOMENT)
    return caught.value


def without(rate: str) -> dict[str, str]:
    return {value: code for code, value in TAXES.items() if value != rate}


@pytest.mark.covers("ORD-04", "ORD-12")
def test_p14_unknown_tax_blocks_one_order_and_the_others_pass() -> None:
    waiting = parsed(Cart([TWENTY, REDUCED], number=1).rest())
    passing = parsed(Cart([TWENTY], number=2).rest())
    problem = refused(waiting, tax_map=without("5.5")).problem
    assert problem.code == "order_tax_unmapped"
    assert "5.5 %" in problem.text()
    assert "5.5 %" in problem.advice_text()
    check_exact(passing, map_order(passing, profile(tax_map=without("5.5")), Catalogue(), MOMENT))
    # Added back, the waiting order goes by itself.
    check_exact(waiting, map_order(waiting, profile(), Catalogue(), MOMENT))


@pytest.mark.covers("ORD-04")
@pytest.mark.parametrize("key", ["5,5", "5.50", " 5.5 % ", "FR-TVA 5.5-1"])
def test_a_rate_is_mapped_by_percentage_or_by_code(key: str) -> None:
    order = parsed(Cart([REDUCED]).rest())
    document = map_order(order, profile(tax_map={key: "C055"}), Catalogue(), MOMENT)
    assert document.lines[0].tax is not None
    assert document.lines[0].tax.code == "C055"


@pytest.mark.covers("ORD-04")
def test_the_code_of_a_rate_wins_over_its_percentage() -> None:
    order = parsed(Cart([TWENTY]).rest())
    both = {"20": "C20", "FR-TVA 20-1": "T20"}
    document = map_order(order, profile(tax_map=both), Catalogue(taxes={**TAXES, "T20": "20"}), MOMENT)
    assert document.lines[0].tax is not None
    assert document.lines[0].tax.code == "T20"


@pytest.mark.covers("ORD-04")
def test_p14_unknown_tax_is_guessed_only_where_asked_and_alone() -> None:
    order = parsed(Cart([TWENTY]).rest())
    options = {"tax_map": without("20"), "tax_by_percent": True}
    assert map_order(order, profile(**options), Catalogue(), MOMENT).expected_tax == {"20": Decimal("10.00")}
    twice = Catalogue(taxes={**TAXES, "IMMO": "20"})
    assert refused(order, twice, **options).problem.code == "order_tax_unmapped"
    assert refused(order, tax_map=without("20")).problem.code == "order_tax_unmapped"


@pytest.mark.covers("ORD-04")
def test_p14_unknown_tax_code_of_the_erp_or_another_rate_is_refused() -> None:
    order = parsed(Cart([TWENTY]).rest())
    assert refused(order, tax_map={"20": "GONE"}).problem.code == "tax_code_gone"
    problem = refused(order, tax_map={"20": "C10"}).problem
    assert problem.code == "tax_percent_differs"
    assert "10 %" in problem.text()


@pytest.mark.covers("ORD-04")
def test_p14_unknown_rate_hidden_by_the_order_is_told_by_its_amounts_or_waits() -> None:
    body = Cart([TWENTY]).rest()
    hidden = replace(parsed({**body, "tax_lines": []}), rates=(ShopRate(key="1"),))
    check_exact(hidden, map_order(hidden, profile(), Catalogue(), MOMENT), {"20": Decimal("10.00")})
    assert refused(hidden, tax_map={"10": "C10"}).problem.code == "order_tax_unmapped"
    # An id of the shop is no percentage, even when it looks like one.
    tenth = replace(hidden, rates=(ShopRate(key="10"),), lines=(_rated(hidden.lines[0], "10"),))
    assert refused(tenth, tax_map={"10": "C10"}).problem.code == "order_tax_unmapped"
    named = profile(tax_map={"id:10": "C20"})
    check_exact(tenth, map_order(tenth, named, Catalogue(), MOMENT), {"20": Decimal("10.00")})


def _rated(line: OrderLine, rate: str) -> OrderLine:
    return replace(line, taxes=tuple(replace(row, rate=rate) for row in line.taxes))


def untaxed(country: str, **changes: Any) -> Order:
    """An order of the same goods on which the shop put no tax and said nothing."""
    cart = Cart([TWENTY], exempt=True, shipping=[(Decimal("6.90"), "standard")], country=country).rest()
    cart["meta_data"] = [{"key": key, "value": value} for key, value in changes.pop("meta", {}).items()]
    return replace(parsed({**cart, "tax_lines": []}), **changes)


@pytest.mark.covers("ORD-04")
def test_p14_unknown_tax_is_never_zero() -> None:
    problem = refused(untaxed("FR")).problem
    assert problem.code == "order_tax_unknown"
    assert "FR" in problem.text()
    assert refused(untaxed("BE")).problem.code == "order_tax_unknown"


@pytest.mark.covers("ORD-04")
@pytest.mark.parametrize(
    ("order", "options", "reason"),
    [
        (untaxed("US"), {}, "export"),
        (untaxed("RE"), {}, "export"),
        (untaxed("BE", meta={"_vat_number": "BE 0123.456.789"}), {}, "intracom"),
        (untaxed("FR", meta={"is_vat_exempt": "yes"}), {}, "vat_exempt"),
        (untaxed("BE"), {"categories_untaxed": {"BE": "3"}}, "country"),
        (untaxed("FR"), {"shop_without_vat": True}, "shop_without_vat"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_exempt_sales_carry_their_reason(order: Order, options: dict[str, Any], reason: str) -> None:
    settings = profile(**options)
    document = map_order(order, settings, Catalogue(), MOMENT)
    check_exact(order, document, {})
    assert [line.tax for line in document.lines] == [None, None]
    assert document.accounting_category == "3"
    shares = [TaxBook(order, settings["order_taxes"], Catalogue()).shares(line) for line in order.lines]
    assert {share.exempt for row in shares for share in row} == {reason}


@pytest.mark.covers("ORD-04")
def test_exempt_sales_take_the_code_of_the_profile() -> None:
    document = map_order(untaxed("US"), profile(exempt_tax="C00"), Catalogue(), MOMENT)
    assert {line.tax.code if line.tax else "" for line in document.lines} == {"C00"}
    assert refused(untaxed("US"), exempt_tax="C20").problem.code == "exempt_tax_wrong"


@pytest.mark.covers("ORD-04")
def test_p14_unknown_line_among_taxed_ones_waits_unless_allowed() -> None:
    body = Cart([TWENTY, TWENTY]).rest()
    body["line_items"][1].update(taxes=[], total_tax="0", subtotal_tax="0")
    body["tax_lines"][0]["tax_total"] = "10.00"
    body.update(total="110.00", total_tax="10.00")
    order = parsed(body)
    assert refused(order).problem.code == "order_tax_unknown"
    check_exact(order, map_order(order, profile(untaxed_lines="exempt"), Catalogue(), MOMENT))


@pytest.mark.covers("ORD-04")
def test_p14_unknown_rate_of_a_tax_that_was_charged_is_refused() -> None:
    body = Cart([TWENTY]).rest()
    body["line_items"][0]["taxes"] = []
    assert refused(parsed(body)).problem.code == "tax_rate_missing"


def abroad(*classes: str, **cart: Any) -> Order:
    """An order of one article per tax class of a foreign market."""
    return parsed(Cart([Item(Decimal("40.00"), 2, name) for name in classes], **cart).rest())


SELLS_ABROAD = Catalogue(taxes=TAXES | ABROAD)


@pytest.mark.covers("ORD-06", "ORD-09", "ORD-10")
@pytest.mark.parametrize("basis", ["net", "gross"])
def test_lines_of_several_taxes_keep_each_of_them(basis: str) -> None:
    fees = [("Remise", Decimal(-10), "bc")]
    order = abroad("bc", "gst", "zero", fees=fees, shipping=[(Decimal("10.00"), "bc")])
    document = map_order(order, profile(tax_map=ABROAD_MAP, basis=basis), SELLS_ABROAD, MOMENT)
    check_exact(order, document)
    codes = [
        (line.kind.value, [tax.code for tax in line.taxes]) for line in document.lines if line.kind.value != "rounding"
    ]
    assert codes[:3] == [("goods", ["GST", "PST"]), ("goods", ["GST"]), ("goods", ["C00"])]
    assert codes[3:] == [
        ("discount", ["GST", "PST"]), ("discount", ["GST"]), ("discount", ["C00"]), ("shipping", ["GST", "PST"])
    ]  # fmt: skip
    assert document.expected_codes == {row: document.expected_tax[rate] for row, rate in (("GST", "5"), ("PST", "7"))}
    told = explain(order, document)
    assert told.balanced
    assert (told.erp_lines[0].tax_code, told.erp_lines[0].percent) == ("GST + PST", "5 + 7")
    assert told.erp_lines[0].taxes == {"GST": Decimal("4.00"), "PST": Decimal("5.60")}


@pytest.mark.covers("ORD-06")
def test_two_taxes_at_one_percentage_are_told_apart_by_their_codes() -> None:
    order = abroad("ka", "ka_low")
    document = map_order(order, profile(tax_map=ABROAD_MAP), SELLS_ABROAD, MOMENT)
    check_exact(order, document)
    assert document.expected_codes == {
        "CGST": Decimal("7.20"), "SGST": Decimal("7.20"), "CGL": Decimal("2.00"), "SGL": Decimal("2.00")
    }  # fmt: skip
    rows = [(row.percent, row.code, row.shop_tax, row.erp_tax) for row in explain(order, document).rates]
    assert rows[0] == ("9", "CGST", Decimal("7.20"), Decimal("7.20"))
    assert len(rows) == 4
    alike = {"9": "CGST", "2.5": "CGL"}
    with pytest.raises(ItemRefused) as caught:
        map_order(order, profile(tax_map=alike), SELLS_ABROAD, MOMENT)
    assert caught.value.problem.code == "tax_code_twice"


@pytest.mark.covers("ORD-06")
def test_a_compound_rate_needs_a_tax_that_counts_on_the_others() -> None:
    order = abroad("qc_old", "gst")
    document = map_order(order, profile(tax_map=ABROAD_MAP), SELLS_ABROAD, MOMENT)
    check_exact(order, document)
    assert document.expected_codes == {"GST": Decimal("8.00"), "QSTC": Decimal("7.98")}
    plain = Catalogue(taxes={**TAXES, **ABROAD, "QSTC": "9.5"})
    with pytest.raises(ItemRefused) as caught:
        map_order(order, profile(tax_map=ABROAD_MAP), plain, MOMENT)
    assert caught.value.problem.code == "tax_base_differs"
    assert "TP/TTC" in caught.value.problem.advice_text()
    raising = Catalogue(taxes={**TAXES, **ABROAD, "GST": "5 raising", "QSTC": "9.5"})
    assert map_order(order, profile(tax_map=ABROAD_MAP), raising, MOMENT).expected_tax == document.expected_tax
    on_net = Catalogue(taxes={**TAXES, **ABROAD, "GST": "5 raising"})
    with pytest.raises(ItemRefused) as caught:
        map_order(abroad("bc"), profile(tax_map=ABROAD_MAP), on_net, MOMENT)
    assert caught.value.problem.code == "tax_base_differs"


@pytest.mark.covers("ORD-09")
def test_what_a_line_of_the_erp_cannot_hold_is_refused_by_its_own_sentence() -> None:
    order = abroad("ka_cess")
    line = order.lines[0]
    fourth = replace(line, taxes=(*line.taxes, RecordedTax(rate="99", amount=Decimal("4.00"))))
    four = replace(order, lines=(fourth,), rates=(*order.rates, ShopRate(key="99", percent=Decimal(5))))
    wrong = replace(
        order, lines=(replace(line, taxes=tuple(replace(tax, amount=tax.amount / 2) for tax in line.taxes)),)
    )
    for changed, code in ((four, "tax_too_many"), (wrong, "tax_stacked")):
        with pytest.raises(ItemRefused) as caught:
            map_order(changed, profile(tax_map=ABROAD_MAP), SELLS_ABROAD, MOMENT)
        assert caught.value.problem.code == code
        assert caught.value.problem.text()
        assert caught.value.problem.advice_text()


@pytest.mark.covers("ORD-06")
def test_a_tax_of_a_stack_that_nobody_mapped_is_never_zero() -> None:
    without = {name: code for name, code in ABROAD_MAP.items() if code != "PST"}
    with pytest.raises(ItemRefused) as caught:
        map_order(abroad("bc"), profile(tax_map=without), SELLS_ABROAD, MOMENT)
    assert caught.value.problem.code == "order_tax_unmapped"


@pytest.mark.covers("ORD-10")
@pytest.mark.parametrize("currency", ["KWD", "TND", "BHD"])
def test_thousandths_of_a_currency_are_never_rounded_away(currency: str) -> None:
    options = {"currencies": {currency: "2"}}
    body = Cart([TWENTY], currency=currency).rest()
    assert map_order(parsed(body), profile(**options), Catalogue(), MOMENT).expected_gross == Decimal("60.00")
    body["total"] = "60.005"
    assert "60.005" in refused(parsed(body), **options).problem.text()
    body = Cart([TWENTY], currency=currency).rest()
    body["tax_lines"][0]["tax_total"] = body["total_tax"] = "10.004"
    facts = {**FACTS, "price_decimals": "3"}
    problem = refused(parse_order(body, facts=facts), **options).problem
    assert (problem.code, "10.004" in problem.text()) == ("currency_decimals", True)


@pytest.mark.covers("ORD-04")
@pytest.mark.parametrize(
    ("country", "postcode", "region", "category"),
    [("FR", "69001", "", "1"), ("FR", "97400", "", "7"), ("BE", "1000", "", "5"), ("US", "10001", "NY", "6")],
)
def test_accounting_category_by_country_or_zone(country: str, postcode: str, region: str, category: str) -> None:
    body = Cart([TWENTY]).rest()
    body["shipping"].update(country=country, postcode=postcode, state=region)
    table = {"be": "5", "us: NY": "6", "fr:97 *": "7"}
    document = map_order(parsed(body), profile(categories_taxed=table), Catalogue(), MOMENT)
    assert document.accounting_category == category, "keys are found whatever way they were typed"


@pytest.mark.covers("ORD-04")
def test_untaxed_order_without_accounting_category_waits() -> None:
    assert refused(untaxed("US"), category_untaxed="").problem.code == "accounting_category_missing"


# --- Currencies ----------------------------------------------------------------------------------------------


@pytest.mark.covers("ORD-06", "ORD-07")
@pytest.mark.parametrize(("currency", "key", "rate"), [("USD", "2", "1.08"), ("JPY", "3", "160.5")])
def test_p17_currency_amounts_and_rate_are_kept(currency: str, key: str, rate: str) -> None:
    order = parsed(Cart([Item(Decimal("1200"), 2)], currency=currency).rest())
    document = map_order(order, profile(currencies={currency: key}), Catalogue(), MOMENT)
    check_exact(order, document)
    assert (document.currency, document.currency_rate) == (key, Decimal(rate))
    assert document.expected_gross == Decimal("2880.00")


@pytest.mark.covers("ORD-06", "ORD-10")
@pytest.mark.parametrize(("limit", "fits"), [("0.05", True), ("0", False), ("0.003", False)])
def test_p17_currency_without_decimals_counts_the_accepted_difference_in_whole_units(limit: str, fits: bool) -> None:
    """A shop in yen rounds 5,555.60 of VAT to 5,556, which no amount of yen and hundredths gives at 20 %."""
    body = Cart([Item(Decimal("27778"), 1)], currency="JPY").rest()
    body["line_items"][0].update(total_tax="5556", subtotal_tax="5556")
    body["tax_lines"][0]["tax_total"] = "5556"
    body.update(total="33334", total_tax="5556")
    order = parsed(body)
    options = {"currencies": {"JPY": "3"}, "rounding_limit": limit}
    if not fits:
        assert refused(order, **options).problem.code == "order_tax_differs"
        return
    document = map_order(order, profile(**options), Catalogue(), MOMENT)
    check_exact(order, document)
    assert [line.kind for line in document.lines][1:] == [LineKind.ROUNDING, LineKind.ROUNDING]


@pytest.mark.covers("ORD-06", "ORD-07")
def test_p17_currency_rate_of_the_shop_wins_over_the_erp() -> None:
    body = Cart([TWENTY], currency="USD").rest()
    body["meta_data"].append({"key": "exchange_rate", "value": "1,1234"})
    options = {"currencies": {"USD": "2"}, "rate_field": "exchange_rate"}
    assert map_order(parsed(body), profile(**options), Catalogue(), MOMENT).currency_rate == Decimal("1.1234")


@pytest.mark.covers("ORD-06")
def test_p17_currency_unknown_to_the_erp_is_refused_and_never_the_first_one() -> None:
    order = parsed(Cart([TWENTY], currency="USD").rest())
    problem = refused(order).problem
    assert problem.code == "currency_unmapped"
    assert "USD" in problem.text()
    assert refused(order, currencies={"USD": "9"}).problem.code == "currency_rate_missing"


@pytest.mark.covers("ORD-10")
def test_p17_currency_with_three_decimals_is_exact_or_refused() -> None:
    whole = parsed(Cart([Item(Decimal("10.500"), 1)], currency="KWD", decimals=3).rest())
    options = {"currencies": {"KWD": "2"}}
    check_exact(whole, map_order(whole, profile(**options), Catalogue(), MOMENT))
    body = {**Cart([Item(Decimal("10.50"), 1)], currency="KWD", decimals=3).rest(), "total": "12.605"}
    assert refused(parsed(body), **options).problem.code == "currency_decimals"


def test_p17_currency_of_two_amounts_must_be_the_same_to_add_them() -> None:
    with pytest.raises(ValueError, match="EUR"):
        Money(Decimal(1), "EUR", TaxBasis.NET) + Money(Decimal(1), "USD", TaxBasis.NET)


def test_a_line_kind_for_everything_an_order_may_hold() -> None:
    assert {kind.value for kind in LineKind} == {"goods", "shipping", "wrapping", "fee", "discount", "eco", "rounding"}
