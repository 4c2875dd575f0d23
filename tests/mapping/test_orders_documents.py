"""Expected documents of hand-made carts: articles, prices, discounts, carriage, header."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.canonical.parties import Address
from connectors.canonical.sales import DocumentKind, LineKind, Order, SalesDocument
from connectors.canonical.values import TaxBasis
from connectors.core.problems import ItemRefused
from sync.mapping.orders import Moment, explain, is_selected, map_order, preview, status_after, web_number
from tests.mapping.cart_shop import RATES, Cart, Item, Voucher
from tests.mapping.order_support import MOMENT, PARIS, Catalogue, check_exact, parsed, profile

TWENTY = Item(Decimal("50.00"), 2)
REDUCED = Item(Decimal("20.00"), 1, "reduced")
FREE = Item(Decimal("0.00"), 1)
PORT = (Decimal("6.00"), "standard")
WRAPPING = ("Emballage cadeau", Decimal("2.50"), "standard")
ECO = ("Éco-participation", Decimal("1.20"), "standard")
FILE = ("Frais de dossier", Decimal("3.00"), "standard")
TEN_OFF = Voucher("percent", Decimal(10))


def rows(document: SalesDocument) -> list[tuple[str, ...]]:
    """Lines as (article, quantity, unit price, discount, tax, net, gross)."""
    return [
        (
            line.article,
            f"{line.quantity:f}",
            f"{line.unit_price:f}",
            f"{line.discount:f}",
            line.tax.code if line.tax else "-",
            f"{line.net:.2f}",
            f"{line.gross:.2f}",
        )
        for line in document.lines
    ]


def mapped(cart: Cart, **options: Any) -> SalesDocument:
    order = parsed(cart.rest())
    document = map_order(order, profile(**options), Catalogue(), MOMENT)
    check_exact(order, document)
    return document


HAND_MADE: list[tuple[str, Cart, dict[str, Any], list[tuple[str, ...]]]] = [
    (
        "goods at two rates and carriage",
        Cart([TWENTY, REDUCED], shipping=[PORT]),
        {},
        [
            ("SKU-0", "2", "50.00", "0.00", "C20", "100.00", "120.00"),
            ("SKU-1", "1", "20.00", "0.00", "C055", "20.00", "21.10"),
            ("ZPORT", "1", "6.00", "0.00", "C20", "6.00", "7.20"),
        ],
    ),
    (
        "prices with tax, created with tax",
        Cart([Item(Decimal("9.99"), 3)], include_tax=True),
        {},
        [("SKU-0", "3", "9.99", "0.00", "C20", "24.98", "29.97")],
    ),
    (
        "a voucher of 10 % as discounts of the lines",
        Cart([TWENTY, REDUCED], vouchers=[TEN_OFF]),
        {},
        [
            ("SKU-0", "2", "50.00", "10.00", "C20", "90.00", "108.00"),
            ("SKU-1", "1", "20.00", "2.00", "C055", "18.00", "18.99"),
        ],
    ),
    (
        "the same voucher as net prices",
        Cart([TWENTY, REDUCED], vouchers=[TEN_OFF]),
        {"discounts": "net"},
        [
            ("SKU-0", "2", "45.00", "0.00", "C20", "90.00", "108.00"),
            ("SKU-1", "1", "18.00", "0.00", "C055", "18.00", "18.99"),
        ],
    ),
    (
        "the same voucher as one discount article per tax",
        Cart([TWENTY, REDUCED], vouchers=[TEN_OFF]),
        {"discounts": "article", "discount_articles": {"C055": "ZREM10"}},
        [
            ("SKU-0", "2", "50.00", "0.00", "C20", "100.00", "120.00"),
            ("SKU-1", "1", "20.00", "0.00", "C055", "20.00", "21.10"),
            ("ZREMISE", "1", "-10.00", "0.00", "C20", "-10.00", "-12.00"),
            ("ZREM10", "1", "-2.00", "0.00", "C055", "-2.00", "-2.11"),
        ],
    ),
    (
        "5 euro off the cart, spread over the rates, the last share takes the remainder",
        Cart(
            [Item(Decimal("10.00"), 1), Item(Decimal("20.00"), 1, "reduced")],
            vouchers=[Voucher("fixed_cart", Decimal(5))],
        ),
        {"discounts": "article"},
        [
            ("SKU-0", "1", "10.00", "0.00", "C20", "10.00", "12.00"),
            ("SKU-1", "1", "20.00", "0.00", "C055", "20.00", "21.10"),
            ("ZREMISE", "1", "-1.67", "0.00", "C20", "-1.67", "-2.00"),
            ("ZREMISE", "1", "-3.33", "0.00", "C055", "-3.33", "-3.51"),
        ],
    ),
    (
        "a voucher that pays everything",
        Cart([TWENTY], vouchers=[Voucher("percent", Decimal(100))]),
        {},
        [("SKU-0", "2", "50.00", "100.00", "C20", "0.00", "0.00")],
    ),
    (
        "a gift among paid goods",
        Cart([TWENTY, FREE]),
        {},
        [
            ("SKU-0", "2", "50.00", "0.00", "C20", "100.00", "120.00"),
            ("SKU-1", "1", "0.00", "0.00", "C20", "0.00", "0.00"),
        ],
    ),
    (
        "wrapping, eco-participation and a fee have articles of their own",
        Cart([TWENTY], fees=[WRAPPING, ECO, FILE]),
        {"eco_article": "ZECO", "fee_article": "ZFRAIS"},
        [
            ("SKU-0", "2", "50.00", "0.00", "C20", "100.00", "120.00"),
            ("ZEMBAL", "1", "2.50", "0.00", "C20", "2.50", "3.00"),
            ("ZECO", "1", "1.20", "0.00", "C20", "1.20", "1.44"),
            ("ZFRAIS", "1", "3.00", "0.00", "C20", "3.00", "3.60"),
        ],
    ),
    (
        "a fee without article is «Divers»",
        Cart([TWENTY], fees=[FILE]),
        {},
        [
            ("SKU-0", "2", "50.00", "0.00", "C20", "100.00", "120.00"),
            ("ZDIVERS", "1", "3.00", "0.00", "C20", "3.00", "3.60"),
        ],
    ),
    (
        "a negative fee is a discount at the rates the shop recorded",
        Cart(
            [Item(Decimal("75.00"), 1), Item(Decimal("25.00"), 1, "reduced")],
            fees=[("Remise", Decimal("-10"), "standard")],
        ),
        {},
        [
            ("SKU-0", "1", "75.00", "0.00", "C20", "75.00", "90.00"),
            ("SKU-1", "1", "25.00", "0.00", "C055", "25.00", "26.38"),
            ("ZREMISE", "1", "-7.50", "0.00", "C20", "-7.50", "-9.00"),
            ("ZREMISE", "1", "-2.50", "0.00", "C055", "-2.50", "-2.64"),
        ],
    ),
    (
        "carriage at two rates is two lines even in the foot of the document",
        Cart([TWENTY, REDUCED], shipping=[(Decimal("4.00"), "standard"), (Decimal("2.00"), "reduced")]),
        {"shipping_as": "footer"},
        [
            ("SKU-0", "2", "50.00", "0.00", "C20", "100.00", "120.00"),
            ("SKU-1", "1", "20.00", "0.00", "C055", "20.00", "21.10"),
            ("ZPORT", "1", "4.00", "0.00", "C20", "4.00", "4.80"),
            ("ZPORT", "1", "2.00", "0.00", "C055", "2.00", "2.11"),
        ],
    ),
    (
        "free carriage with its article",
        Cart([TWENTY], shipping=[(Decimal(0), "standard")]),
        {"free_shipping_article": "ZGRATUIT"},
        [
            ("SKU-0", "2", "50.00", "0.00", "C20", "100.00", "120.00"),
            ("ZGRATUIT", "1", "0.00", "0.00", "C20", "0.00", "0.00"),
        ],
    ),
    (
        "a free order",
        Cart([FREE], shipping=[(Decimal(0), "standard")]),
        {"free_shipping_article": "ZGRATUIT"},
        [
            ("SKU-0", "1", "0.00", "0.00", "C20", "0.00", "0.00"),
            ("ZGRATUIT", "1", "0.00", "0.00", "C20", "0.00", "0.00"),
        ],
    ),
    (
        "a price that does not divide, at two and at four decimals",
        Cart([Item(Decimal("10.00"), 3)], vouchers=[Voucher("fixed_cart", Decimal(20))]),
        {"discounts": "net", "decimals": 4},
        [("SKU-0", "3", "3.3333", "0.00", "C20", "10.00", "12.00")],
    ),
]


@pytest.mark.covers("ORD-07", "ORD-08", "ORD-09")
@pytest.mark.parametrize(
    ("cart", "options", "expected"), [row[1:] for row in HAND_MADE], ids=[row[0] for row in HAND_MADE]
)
def test_p15_discounts_gifts_and_carriage_give_the_expected_document(
    cart: Cart, options: dict[str, Any], expected: list[tuple[str, ...]]
) -> None:
    assert rows(mapped(cart, **options)) == expected


# Whole amounts, whose VAT is whole cents too, before and after every voucher: the documents can be worked out by hand.
GOODS = [
    [Item(Decimal("50"), 2)],
    [Item(Decimal("50"), 2), Item(Decimal("40"), 1, "reduced")],
    [Item(Decimal("50"), 2), FREE],
    [Item(Decimal("10"), 3, "intermediate"), Item(Decimal("100"), 1, "super"), Item(Decimal("40"), 2, "reduced")],
    [FREE, Item(Decimal("100"), 1, "super"), Item(Decimal("50"), 2), Item(Decimal("0"), 2, "reduced")],
]
VOUCHERS = [None, TEN_OFF, Voucher("fixed_product", Decimal(10))]
CHARGES: list[list[Any]] = [[], [WRAPPING, ("Éco-participation DEEE", Decimal("2.00"), "reduced")]]
CODES = {"standard": "C20", "intermediate": "C10", "reduced": "C055", "super": "C021"}


def _row(
    article: str, quantity: int, price: Decimal, off: Decimal, tax_class: str
) -> tuple[str, str, str, str, str, str, str]:
    net = price * quantity - off
    gross = net * (1 + Decimal(RATES[tax_class]) / 100)
    return (
        article,
        str(quantity),
        *(f"{one:.2f}" for one in (price, off)),
        CODES[tax_class],
        f"{net:.2f}",
        f"{gross:.2f}",
    )


def _worked_out(
    items: list[Item], voucher: Voucher | None, fees: list[Any], shipping: list[Any], discounts: str
) -> list[tuple[str, ...]]:
    """The document, written down from the cart alone."""
    goods: list[tuple[str, ...]] = []
    off: dict[str, Decimal] = {}
    for number, item in enumerate(items):
        whole = item.price * item.quantity
        each = Decimal(0)
        if voucher is not None:
            each = whole / 10 if voucher.kind == "percent" else min(whole, voucher.value * item.quantity)
        if each:
            off[item.tax_class] = off.get(item.tax_class, Decimal(0)) + each
        goods.append(
            _row(
                f"SKU-{number}", item.quantity, item.price, each if discounts == "line" else Decimal(0), item.tax_class
            )
        )
    articles = {"Emballage cadeau": "ZEMBAL", "Éco-participation DEEE": "ZECO"}
    charges = [_row(articles[name], 1, amount, Decimal(0), tax_class) for name, amount, tax_class in fees]
    lowered = (
        []
        if discounts == "line"
        else [_row("ZREMISE", 1, -amount, Decimal(0), tax_class) for tax_class, amount in off.items()]
    )
    carriage = [_row("ZPORT", 1, amount, Decimal(0), tax_class) for amount, tax_class in shipping]
    return [*goods, *charges, *lowered, *carriage]


@pytest.mark.covers("ORD-07", "ORD-08", "ORD-09")
@pytest.mark.parametrize("discounts", ["line", "article"])
def test_p15_60_carts_with_gifts_eco_vouchers_and_mixed_rates_give_the_documents_worked_out_by_hand(
    discounts: str,
) -> None:
    carts = list(itertools.product(GOODS, VOUCHERS, CHARGES, [[], [PORT]]))
    assert len(carts) == 60
    for items, voucher, fees, shipping in carts:
        cart = Cart(items, vouchers=[voucher] if voucher else [], fees=fees, shipping=shipping)
        document = mapped(cart, discounts=discounts, eco_article="ZECO")
        assert rows(document) == _worked_out(items, voucher, fees, shipping, discounts), cart


def _combinations() -> list[tuple[list[Item], list[Voucher], list[Any], list[Any], bool]]:
    goods = [
        [TWENTY],
        [TWENTY, REDUCED],
        [TWENTY, FREE],
        [Item(Decimal("33.33"), 3), Item(Decimal("4.99"), 7, "super")],
    ]
    vouchers: list[list[Voucher]] = [[], [TEN_OFF], [Voucher("fixed_cart", Decimal("7.77"))]]
    fees: list[list[Any]] = [[], [WRAPPING, ECO], [FILE]]
    carriage: list[list[Any]] = [[], [PORT]]
    return [
        (*combination, bool(index % 2))
        for index, combination in enumerate(itertools.product(goods, vouchers, fees, carriage))
    ]


@pytest.mark.covers("ORD-08", "ORD-09")
@pytest.mark.parametrize(("items", "vouchers", "fees", "shipping", "include_tax"), _combinations())
def test_p15_discounts_of_72_mixed_carts_add_up_by_kind(
    items: list[Item], vouchers: list[Voucher], fees: list[Any], shipping: list[Any], include_tax: bool
) -> None:
    """Each kind of line keeps its own article and amount; discounts are what the shop took off, rate by rate."""
    cart = Cart(items, vouchers=vouchers, fees=fees, shipping=shipping, include_tax=include_tax)
    order = parsed(cart.rest())
    document = map_order(order, profile(discounts="article", eco_article="ZECO"), Catalogue(), MOMENT)
    check_exact(order, document)
    articles = {LineKind.WRAPPING: "ZEMBAL", LineKind.ECO: "ZECO", LineKind.FEE: "ZDIVERS", LineKind.SHIPPING: "ZPORT"}
    for line in document.lines:
        assert line.article == articles.get(line.kind, line.article)
    for kind in (LineKind.WRAPPING, LineKind.ECO, LineKind.FEE, LineKind.SHIPPING):
        told = sum((line.net for line in document.lines if line.kind is kind), Decimal(0))
        recorded = sum((line.net for line in order.lines if line.kind is kind), Decimal(0))
        assert abs(told - recorded) < Decimal("0.01") * (len(order.lines) + 1)
    off = -sum((line.net for line in document.lines if line.kind is LineKind.DISCOUNT), Decimal(0))
    recorded_off = sum((line.net_before_discount - line.net for line in order.lines), Decimal(0))
    assert abs(off - recorded_off) <= Decimal("0.02")
    assert len([line for line in document.lines if line.kind is LineKind.DISCOUNT]) <= 2


@pytest.mark.covers("ORD-07")
@pytest.mark.parametrize("basis", ["net", "gross"])
def test_carriage_in_the_foot_of_the_document(basis: str) -> None:
    document = mapped(Cart([TWENTY], shipping=[PORT, (Decimal("1.00"), "standard")]), shipping_as="footer", basis=basis)
    assert [line.kind for line in document.lines] == [LineKind.GOODS]
    assert document.footer is not None
    assert (document.footer.net, document.footer.gross) == (Decimal("7.00"), Decimal("8.40"))
    assert document.footer.amount == (Decimal("7.00") if basis == "net" else Decimal("8.40"))
    assert document.footer.basis is TaxBasis(basis)


@pytest.mark.covers("ORD-07")
def test_discount_against_the_price_of_the_erp() -> None:
    order = parsed(Cart([Item(Decimal("45.00"), 2), Item(Decimal("80.00"), 1)]).rest())
    catalogue = Catalogue(prices={"SKU-0": "50.00", "SKU-1": "60.00"})
    document = map_order(order, profile(discounts="erp_price"), catalogue, MOMENT)
    check_exact(order, document)
    # Sold under the ERP's price: a discount. Sold above it: the price sold.
    assert [(line.unit_price, line.discount) for line in document.lines] == [
        (Decimal("50.00"), Decimal("10.00")),
        (Decimal("80.00"), Decimal("0.00")),
    ]


@pytest.mark.covers("ORD-07")
def test_unknown_article_waits_or_becomes_divers() -> None:
    order = parsed(Cart([TWENTY, REDUCED]).rest())
    catalogue = Catalogue(missing=frozenset({"SKU-1"}))
    with pytest.raises(ItemRefused) as caught:
        map_order(order, profile(), catalogue, MOMENT)
    assert caught.value.problem.code == "article_unknown"
    assert "SKU-1" in caught.value.problem.text()
    document = map_order(order, profile(unknown="misc"), catalogue, MOMENT)
    check_exact(order, document)
    assert [(line.article, line.designation) for line in document.lines] == [
        ("SKU-0", "Article 0"),
        ("ZDIVERS", "Article 1"),
    ]


@pytest.mark.covers("ORD-08", "PRF-12")
@pytest.mark.parametrize(
    ("options", "cart", "code"),
    [
        ({"shipping_article": ""}, Cart([TWENTY], shipping=[PORT]), "service_article_missing"),
        ({"wrapping_article": "NOPE"}, Cart([TWENTY], fees=[WRAPPING]), "service_article_unknown"),
        (
            {"discount_article": "", "discounts": "article"},
            Cart([TWENTY], vouchers=[TEN_OFF]),
            "service_article_missing",
        ),
        ({"method_default": ""}, Cart([TWENTY]), "payment_unmapped"),
        ({"statuses": {"completed": "order"}}, Cart([TWENTY]), "status_not_selected"),
        ({}, Cart([]), "order_empty"),
    ],
)
def test_what_is_missing_is_named(options: dict[str, Any], cart: Cart, code: str) -> None:
    with pytest.raises(ItemRefused) as caught:
        map_order(parsed(cart.rest()), profile(**options), Catalogue(), MOMENT)
    assert caught.value.problem.code == code
    assert caught.value.problem.text()
    assert caught.value.problem.advice_text()


@pytest.mark.covers("ORD-08")
def test_label_of_a_voucher_may_name_the_discount_article() -> None:
    order = parsed(Cart([TWENTY], vouchers=[TEN_OFF]).rest())
    catalogue = Catalogue(extra=("BON0",))
    document = map_order(order, profile(discounts="article", coupon_as_article=True), catalogue, MOMENT)
    assert document.lines[-1].article == "BON0"
    plain = map_order(order, profile(discounts="article"), catalogue, MOMENT)
    assert plain.lines[-1].article == "ZREMISE"


@pytest.mark.covers("ORD-07")
def test_designations_of_the_erp() -> None:
    document = mapped(Cart([TWENTY]), erp_designations=True)
    assert document.lines[0].designation == "ERP SKU-0"


def test_a_line_whose_quantity_was_edited_keeps_its_recorded_amount() -> None:
    """Recorded: a new quantity alone keeps the old amounts of the line."""
    body = Cart([Item(Decimal("49.90"), 2)]).rest()
    body["line_items"][0]["quantity"] = 5
    order = parsed(body)
    document = map_order(order, profile(), Catalogue(), MOMENT)
    check_exact(order, document)
    assert document.lines[0].quantity == 5
    assert document.lines[0].net == Decimal("99.80")


# --- Header --------------------------------------------------------------------------------------------------


def ordered(**changes: Any) -> Order:
    return replace(parsed(Cart([TWENTY], number=187).rest()), **changes)


@pytest.mark.covers("ORD-02")
@pytest.mark.parametrize("kind", ["quote", "order", "delivery", "invoice"])
def test_kind_of_document_and_status_afterwards_by_status(kind: str) -> None:
    options = profile(statuses={"processing": kind}, statuses_after={"processing": "completed"})
    order = ordered()
    assert map_order(order, options, Catalogue(), MOMENT).kind is DocumentKind(kind)
    assert is_selected(order, options)
    assert status_after(order, options) == "completed"
    other = replace(order, status="pending")
    assert not is_selected(other, options)
    assert status_after(other, options) == ""
    assert preview(other, options, Catalogue(), MOMENT).document is not None


@pytest.mark.covers("ORD-03", "ORD-07")
@pytest.mark.parametrize(
    ("choice", "expected"),
    [("order", date(2026, 11, 21)), ("invoice", date(2026, 11, 24)), ("today", date(2026, 11, 30))],
)
def test_date_of_the_document_is_a_day_of_the_shop(choice: str, expected: date) -> None:
    order = ordered(
        # Half past eleven in the evening in London is already the next day in Paris.
        created_at=datetime(2026, 11, 20, 23, 30, tzinfo=UTC),
        completed_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    )
    moment = Moment(today=date(2026, 11, 30), timezone=PARIS)
    document = map_order(order, profile(document_date=choice, delivery_date=True), Catalogue(), moment)
    assert document.on == document.delivery_on == expected


@pytest.mark.covers("ORD-03", "ORD-06", "ORD-07")
def test_header_carries_the_choices_of_the_profile() -> None:
    order = ordered(carrier="flat_rate:3", carrier_title="Colissimo", note="Sonner deux fois")
    options = {
        "warehouse": "2",
        "series": "1",
        "document_status": "1:2",
        "reference_template": "Web %ON %CL",
        "web_prefix": "A-",
        "carriers": {"flat_rate": "4"},
        "terms": {"bacs": "5"},
    }
    moment = replace(MOMENT, customer="WEB0000004")
    document = map_order(order, profile(**options), Catalogue(), moment)
    assert (document.warehouse, document.series, document.status) == ("2", "1", "1:2")
    assert document.reference == "Web 187 Petit"
    assert document.web_number == web_number(order, profile(**options)) == "A-187"
    assert (document.carrier, document.payment_term, document.customer) == ("4", "5", "WEB0000004")
    assert document.comment == "Sonner deux fois"
    assert document.key == "187"
    assert map_order(order, profile(copy_note=False), Catalogue(), MOMENT).comment == ""


@pytest.mark.covers("ORD-06")
def test_carrier_by_id_by_name_or_by_default() -> None:
    order = ordered(carrier="flat_rate:3", carrier_title="Colissimo domicile")
    table = {"flat_rate:3": "1", "flat_rate": "2", "Colissimo domicile": "3"}
    assert map_order(order, profile(carriers=table), Catalogue(), MOMENT).carrier == "1"
    assert map_order(order, profile(carriers=table, carriers_by="name"), Catalogue(), MOMENT).carrier == "3"
    assert map_order(order, profile(carrier_default="9"), Catalogue(), MOMENT).carrier == "9"


@pytest.mark.covers("CUS-08")
def test_p24_addresses_of_a_document_are_the_order_s_own() -> None:
    address = Address(first_name="Paul", last_name="Petit", line1="1 place Royale", city="Nantes", country="FR")
    document = map_order(ordered(shipping=address), profile(upper_address=True), Catalogue(), MOMENT)
    assert document.delivery == address


@pytest.mark.covers("ORD-03")
def test_identifier_is_the_key_or_the_number() -> None:
    order = ordered(number="2026-0042")
    assert map_order(order, profile(), Catalogue(), MOMENT).web_number == "187"
    assert map_order(order, profile(web_number="number"), Catalogue(), MOMENT).web_number == "2026-0042"


# --- Explanation ---------------------------------------------------------------------------------------------


@pytest.mark.covers("ORD-10")
def test_explanation_shows_every_step_and_is_json() -> None:
    cart = Cart([TWENTY, REDUCED], vouchers=[TEN_OFF], shipping=[PORT])
    order = parsed(cart.rest())
    document = map_order(order, profile(shipping_as="footer"), Catalogue(), MOMENT)
    told = explain(order, document)
    assert told.balanced
    assert [line.formula for line in told.erp_lines] == [
        "2 × 50 − 10.00 = 90.00 ; 90.00 × 1.20 = 108.00",
        "1 × 20 − 2.00 = 18.00 ; 18.00 × 1.055 = 18.99",
        "6 = 6.00 ; 6.00 × 1.20 = 7.20",
    ]
    assert [line.source for line in told.erp_lines[:2]] == [line.key for line in order.lines[:2]]
    assert [(row.percent, row.erp_base, row.shop_tax, row.erp_tax, row.difference) for row in told.rates] == [
        ("20", Decimal("96.00"), Decimal("19.20"), Decimal("19.20"), Decimal("0.00")),
        ("5.5", Decimal("18.00"), Decimal("0.99"), Decimal("0.99"), Decimal("0.00")),
    ]
    plain = told.as_json()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["shop_total"] == plain["erp_total"] == "134.19"
    assert plain["shop_lines"][0]["discount"] == "10.00"
    assert plain["difference"] == "0.00"
    assert told.columns() == "total 134.19 / 134.19 ; 20 % 19.20 / 19.20 ; 5.5 % 0.99 / 0.99"


@pytest.mark.covers("ORD-10")
def test_preview_tells_what_is_missing_instead_of_raising() -> None:
    told = preview(parsed(Cart([TWENTY]).rest()), profile(tax_map={"10": "C10"}), Catalogue(), MOMENT)
    assert told.document is None
    assert told.explanation is None
    assert told.problem is not None
    assert told.problem.code == "order_tax_unmapped"


def test_mapping_the_same_order_twice_gives_the_same_document() -> None:
    order = parsed(Cart([TWENTY, REDUCED], vouchers=[TEN_OFF], shipping=[PORT]).rest())
    assert map_order(order, profile(), Catalogue(), MOMENT) == map_order(order, profile(), Catalogue(), MOMENT)
