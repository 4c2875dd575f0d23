"""Pure parts: texts, numbers, bar codes, error table, batch sizes, merging."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.core.problems import ItemRefused
from connectors.sandbox.woocommerce.text import filter_html
from connectors.shops.woocommerce.batching import BatchSizer
from connectors.shops.woocommerce.marks import Mark
from connectors.shops.woocommerce.merge import (
    changed_fields,
    changed_meta,
    merged_attributes,
    merged_brands,
    merged_categories,
)
from connectors.shops.woocommerce.options import WooCommerceOptions
from connectors.shops.woocommerce.policy import VENDOR, VendorError
from connectors.shops.woocommerce.render import Wish, status_after
from connectors.shops.woocommerce.terms import attribute_slug
from connectors.shops.woocommerce.text import (
    barcode_is_valid,
    decoded,
    length_text,
    normal_name,
    number_text,
    price_text,
    reference_problem,
    rendered_markup,
    rendered_name,
    same_html,
    same_number,
    term_problem,
    weight_text,
    whole,
)
from tests.connectors.woocommerce.support import recording


@pytest.mark.covers("PRI-01")
@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("10", "10.00"),
        ("10.5", "10.50"),
        ("1234.5678", "1234.5678"),
        ("0", "0.00"),
        ("1E+3", "1000.00"),
        ("0.1", "0.10"),
    ],
)
def test_prices_are_digits_with_a_point(amount: str, text: str) -> None:
    assert price_text(Decimal(amount), 2) == text


@pytest.mark.covers("PRI-01")
@given(st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False, places=6))
def test_any_price_comes_back_as_the_same_number(amount: Decimal) -> None:
    text = price_text(amount, 2)
    assert Decimal(text) == amount
    assert set(text) <= set("0123456789.")
    assert same_number(text, number_text(amount))


@pytest.mark.covers("CAT-10")
@pytest.mark.parametrize(("unit", "text"), [("kg", "1.25"), ("g", "1250"), ("lbs", "2.755778"), ("oz", "44.092452")])
def test_weights_in_the_units_of_shops(unit: str, text: str) -> None:
    assert weight_text(Decimal("1.25"), unit) == text


@pytest.mark.covers("CAT-10")
@pytest.mark.parametrize(
    ("unit", "text"), [("cm", "91.44"), ("m", "0.9144"), ("mm", "914.4"), ("in", "36"), ("yd", "1")]
)
def test_lengths_in_the_units_of_shops(unit: str, text: str) -> None:
    assert length_text(Decimal("91.44"), unit) == text


@pytest.mark.covers("STK-02")
@pytest.mark.parametrize(("quantity", "number"), [("5", 5), ("5.9", 5), ("-0.1", -1), ("-3", -3)])
def test_quantities_are_whole_and_rounded_down(quantity: str, number: int) -> None:
    assert whole(Decimal(quantity)) == number


@pytest.mark.covers("CAT-10")
@pytest.mark.parametrize(
    ("code", "valid"),
    [
        ("3760001000016", True),
        ("3760001000015", False),
        ("96385074", True),
        ("036000291452", True),
        ("10614141000415", True),
        ("080442957X", True),
        ("0804429578", False),
        ("376000100001", False),
        ("ABC", False),
        ("3 760001000016", False),
        ("", False),
    ],
)
def test_p22_bar_codes_are_checked(code: str, valid: bool) -> None:
    assert barcode_is_valid(code) is valid


@pytest.mark.covers("CAT-02")
@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=60))
def test_p22_any_name_survives_the_trip_through_entities(name: str) -> None:
    """The shop turns a loose «&» into an entity and drops tags; what is sent decodes to what was meant."""
    sent = rendered_name(name)
    assert "<" not in sent
    assert decoded(sent) == normal_name(name)


@pytest.mark.covers("CAT-02")
@pytest.mark.parametrize("name", ["R&D", "A &amp; B", "1 < 2", "<b>gras</b>", "&lt;", "œuf & jambon", "5 > 4"])
def test_p22_names_with_markup_come_back_unchanged(name: str) -> None:
    assert decoded(rendered_name(name).replace("& ", "&amp; ")) == name


@pytest.mark.covers("CAT-01")
@pytest.mark.parametrize(
    ("reference", "stored"),
    [
        ("ABC", True),
        ("0001", True),
        ("a/b\\c", True),
        ("É µ €", True),
        ("A,B", True),
        ("50%", True),
        ("A&B", True),
        ("", False),
        (" A", False),
        ("A ", False),
        ("A  B", False),
        ("A\tB", False),
        ("<b>", False),
        ("A<B", False),
        ("A%20B", False),
        ("A&amp;B", False),
        ("x" * 101, False),
        ("a\x00b", False),
    ],
)
def test_p22_references_that_would_be_altered_are_refused_with_a_reason(reference: str, stored: bool) -> None:
    problem = reference_problem(reference)
    assert (problem is None) is stored
    if problem is not None:
        assert problem.code == "reference_not_storable"
        assert len(str(problem.values["reason"])) > 5


@pytest.mark.covers("CAT-07")
@pytest.mark.parametrize(
    ("name", "stored"),
    [("Vis & écrous", True), ("  Vis   M8 ", True), ("x" * 200, True), ("x" * 201, False), ("", False), ("a<b", False)],
)
def test_p22_names_of_terms(name: str, stored: bool) -> None:
    assert (term_problem(name, "catégorie") is None) is stored


@pytest.mark.covers("CAT-12")
@pytest.mark.parametrize(
    ("name", "slug"),
    [("Taille", "taille"), ("Référence d’été", "reference-dete"), ("A" * 60, "a" * 28), ("色", "att-")],
)
def test_attribute_slugs_fit(name: str, slug: str) -> None:
    assert attribute_slug(name).startswith(slug)
    assert 0 < len(attribute_slug(name)) <= 28


@pytest.mark.covers("CAT-01", "CAT-09")
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Cotes en <mm>, vent > 100 km/h, neige < 40 cm", "Cotes en <mm>, vent > 100 km/h, neige < 40 cm"),
        ("Voir </notice-2> et <Réf. 12>", "Voir </notice-2> et <Réf. 12>"),
        ("<p>Un <STRONG>gras</STRONG><br/></p>", "<p>Un <strong>gras</strong><br /></p>"),
        ("<h2>Titre</h2><ul><li>a</li></ul>", "<h2>Titre</h2><ul><li>a</li></ul>"),
        ("2<3", "2<3"),
    ],
)
def test_what_only_looks_like_a_tag_is_not_swallowed_by_the_shop(text: str, kept: str) -> None:
    assert decoded(filter_html(rendered_markup(text))) == kept


@pytest.mark.covers("CAT-01")
def test_texts_are_compared_by_meaning() -> None:
    assert same_html("<p>Un &amp; deux</p>\r\n", "<p>Un & deux</p>")
    assert not same_html("<p>Un</p>", "<p>Deux</p>")
    assert same_number("10.50", "10.5")
    assert not same_number("", "0")
    assert same_number("", None)


@pytest.mark.covers("LOG-03")
def test_every_recorded_error_of_products_has_a_code_a_sentence_and_an_advice(contracts: Path) -> None:
    """Errors of the real shop, whole answers and items of batches: all parse, and those we can meet are explained."""
    seen: dict[str, VendorError] = {}
    for name in ("01-authentication", "02-products-simple", "03-categories-tags-brands", "04-attributes-variations"):
        for exchange in recording(contracts, name):
            for body, status in _bodies(exchange):
                error = VendorError.parse(body, status)
                if error is not None:
                    seen[error.code] = error
    for name in ("05-batch", "15-errors-and-limits", "19-variations-across-products", "20-more-checks"):
        for exchange in recording(contracts, name):
            seen.update({error.code: error for error in _item_errors(exchange)})
    assert len(seen) >= 18
    for error in seen.values():
        problem = error.problem("REF-1")
        assert problem.code
        assert "%(" not in problem.text() + problem.advice_text()
    explained = {code for code in seen if code in VENDOR}
    assert {"product_invalid_sku", "term_exists", "missing_parent", "internal_server_error"} <= explained
    assert seen["product_invalid_sku"].resource_id > 0


def _bodies(exchange: dict[str, Any]) -> list[tuple[Any, int]]:
    response = exchange.get("response") or {}
    return [(response.get("body"), int(response.get("status") or 0))]


def _item_errors(exchange: dict[str, Any]) -> list[VendorError]:
    body = (exchange.get("response") or {}).get("body")
    rows = (
        [row for verb in ("create", "update", "delete") for row in (body.get(verb) or [])]
        if isinstance(body, dict)
        else []
    )
    found = [VendorError.parse(row.get("error")) for row in rows if isinstance(row, dict)]
    return [error for error in found if error is not None]


@pytest.mark.covers("LOG-03")
def test_recorded_entities_in_messages_are_decoded() -> None:
    body = {"code": "x", "message": "Coupon &quot;a&quot; &lt;id&gt;", "data": {"status": 400}}
    error = VendorError.parse(body)
    assert error is not None
    assert error.message == 'Coupon "a" <id>'


@pytest.mark.covers("LOG-03")
def test_an_error_whose_data_is_a_plain_number_parses() -> None:
    error = VendorError.parse({"code": "order_refund_error", "message": "x", "data": 500})
    assert error is not None
    assert error.resource_id == 0
    assert VendorError.parse([1]) is None
    assert VendorError.parse({"id": 3}) is None


@pytest.mark.covers("PRF-07")
def test_p27_batch_sizes_follow_the_measured_time() -> None:
    sizer = BatchSizer(100, 5)
    assert sizer.size == 100
    sizer.measured(100, 10)
    assert sizer.size == 50
    sizer.measured(50, 4)
    assert sizer.size == 50
    sizer.measured(50, 1)
    assert sizer.size == 75
    sizer.measured(75, 1)
    sizer.measured(100, 1)
    assert sizer.size == 100
    sizer.lost(100)
    assert sizer.size == 50
    for count in (50, 25, 12, 6, 3, 1, 1):
        sizer.lost(count)
    assert sizer.size == 1


@pytest.mark.covers("CAT-06", "CAT-08")
def test_states_of_existing_products() -> None:
    options = WooCommerceOptions(url="https://b.example", consumer_key="ck_x", consumer_secret="cs_x")
    assert status_after("draft", True, options) == "publish"
    assert status_after("publish", False, options) == "draft"
    assert status_after("pending", True, options) == "pending"
    assert status_after("future", True, options) == "future"
    review = options.model_copy(update={"new_status": "draft"})
    assert status_after("draft", True, review) == "draft"


# --- merging ---------------------------------------------------------------------------------------------------------


def rows(*ids: int) -> list[dict[str, Any]]:
    return [{"id": one, "name": f"C{one}", "slug": f"c{one}"} for one in ids]


@pytest.mark.covers("CAT-09")
@pytest.mark.parametrize(
    ("now", "ours", "wanted", "final"),
    [
        ([1, 2], [], [3], [1, 2, 3]),
        ([1, 2, 3], [2], [3], [1, 3]),
        ([1, 3], [3], [3], None),
        ([3, 1], [1, 3], [1, 3], None),
        ([1], [], [], None),
        ([1, 2], [2], [], [1]),
    ],
)
def test_p20_foreign_categories_stay(
    now: list[int], ours: list[int], wanted: list[int], final: list[int] | None
) -> None:
    merged = merged_categories(rows(*now), Mark(categories=tuple(ours)), wanted)
    assert (merged and [row["id"] for row in merged]) == final


@pytest.mark.covers("CAT-07")
def test_the_category_of_unclassified_products_leaves_once_there_is_a_real_one() -> None:
    now = [{"id": 15, "name": "Uncategorized", "slug": "uncategorized"}]
    assert merged_categories(now, Mark(), [7]) == [{"id": 7}]


@pytest.mark.covers("CAT-04")
def test_a_brand_of_somebody_else_stays() -> None:
    assert merged_brands(rows(1, 2), Mark(brands=(1,)), [5]) == [{"id": 2}, {"id": 5}]
    assert merged_brands(rows(5), Mark(), [5]) is None


def attribute(number: int, name: str, *options: str, variation: bool = False, position: int = 0) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "slug": name,
        "position": position,
        "visible": True,
        "variation": variation,
        "options": list(options),
    }


@pytest.mark.covers("CAT-11", "CAT-12")
def test_p20_attributes_are_extended_and_foreign_ones_stay() -> None:
    now = [
        attribute(1, "Taille", "S", "M", variation=True),
        attribute(0, "Matière", "Lin &amp; coton", position=1),
        attribute(9, "Ancienne", "x", position=2),
    ]
    merged = merged_attributes(
        now, Mark(features=("9",)), [Wish(1, "Taille", ("M", "L"), True)], [Wish(4, "Poids", ("1",))]
    )
    assert merged == [
        {"id": 1, "position": 0, "visible": True, "variation": True, "options": ["S", "M", "L"]},
        {"name": "Matière", "position": 1, "visible": True, "variation": False, "options": ["Lin & coton"]},
        {"id": 4, "position": 3, "visible": True, "variation": False, "options": ["1"]},
    ]
    assert merged_attributes(now, Mark(), [Wish(1, "Taille", ("M",), True)], None) is None


@pytest.mark.covers("CAT-09")
def test_fields_that_say_the_same_are_not_sent() -> None:
    now = {
        "name": "Vis &amp; écrou",
        "regular_price": "10.50",
        "weight": "1.250",
        "manage_stock": True,
        "stock_quantity": 5,
        "dimensions": {"length": "10", "width": "", "height": "3"},
    }
    same = {
        "name": "Vis & écrou",
        "regular_price": "10.5",
        "weight": "1.25",
        "manage_stock": True,
        "stock_quantity": 5,
        "dimensions": {"length": "10.0", "height": "3"},
    }
    assert changed_fields(now, same) == {}
    assert changed_fields(now, {"dimensions": {"width": "2", "height": "3"}}) == {"dimensions": {"width": "2"}}
    assert changed_fields(now, {"manage_stock": False, "stock_status": "instock"}) == {
        "manage_stock": False,
        "stock_status": "instock",
    }


@pytest.mark.covers("CAT-09")
def test_only_our_own_meta_entries_are_written() -> None:
    mark = Mark(key="A", token="t", categories=(3,))
    meta = [{"id": 1, "key": "_other", "value": "x"}, {"id": 2, **mark.entry()}]
    assert Mark.parse(meta) == mark
    assert Mark.parse(json.loads(json.dumps(meta))) == mark
    assert changed_meta(meta, mark, ()) == []
    assert changed_meta(meta, mark, [{"key": "_yoast_wpseo_title", "value": "T"}]) == [
        {"key": "_yoast_wpseo_title", "value": "T"}
    ]
    assert Mark.parse([{"key": "_atoosync", "value": 3}]) == Mark()


# --- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.covers("PRF-09")
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://b.example/", "https://b.example"),
        (" https://b.example/boutique/wp-json/ ", "https://b.example/boutique"),
        ("http://b.example:8080/wp-admin", "http://b.example:8080"),
    ],
)
def test_addresses_are_tidied(typed: str, kept: str) -> None:
    assert WooCommerceOptions(url=typed, consumer_key=" ck_x ", consumer_secret="cs_x").url == kept


@pytest.mark.covers("PRF-09")
@pytest.mark.parametrize(
    "typed", ["b.example", "ftp://b.example", "https://", "https://u:p@b.example", "https://b.e/?x=1"]
)
def test_impossible_addresses_are_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="adresse"):
        WooCommerceOptions(url=typed, consumer_key="ck_x", consumer_secret="cs_x")


@pytest.mark.covers("PRF-08")
def test_p34_secrets_print_as_stars() -> None:
    options = WooCommerceOptions(
        url="https://b.example", consumer_key="ck_canari", consumer_secret="cs_canari", media_password="mp canari"
    )
    assert "canari" not in repr(options) + str(options.model_dump())
    assert WooCommerceOptions.secret_names() == {"consumer_key", "consumer_secret", "media_password"}


@pytest.mark.covers("CAT-01")
def test_item_refused_carries_its_problem() -> None:
    problem = reference_problem("")
    assert problem is not None
    assert ItemRefused(problem).problem.code == "reference_not_storable"
