"""Articles: created, updated part by part, adopted, refused with a reason; foreign content survives."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.canonical.catalog import Axis, Dimensions, Feature
from connectors.canonical.keys import Aspect, Entity, Ref, variant_key
from connectors.canonical.values import Money, TaxBasis
from connectors.core.query import Query
from connectors.core.results import Action, Outbound, Outcome
from connectors.sandbox.woocommerce import WooCommerceSandbox, serve_woocommerce
from connectors.shops.woocommerce.connection import WooConnection
from tests.connectors.woocommerce.support import (
    COLOURS,
    SIZES,
    categories,
    connect,
    create,
    get,
    post,
    price,
    product_writer,
    send,
    send_one,
    simple,
    update,
    variable,
    variant,
    with_variant,
    write_calls,
)


@pytest.mark.covers("CAT-01", "CAT-02", "CAT-03", "CAT-04", "CAT-10", "CAT-11")
def test_a_plain_article_is_created_with_everything(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    references = categories(connection, ("Meubles", ""), ("Chaises", "Meubles"))
    article = simple(
        "CH-01",
        name={"": "Chaise & table <M8>"},
        description={"": "<p>Massive\net belle</p>"},
        summary={"": "Chêne"},
        slug="ma-chaise",
        categories=("Meubles", "Chaises"),
        brand="Dupont & fils",
        tax_class="taux-intermediaire",
        dimensions=Dimensions(width=Decimal("45"), height=Decimal("90.5")),
        features=(Feature(name="Matière", values=("Chêne", "Inox")),),
        amount="89.9",
        quantity=12,
        weight=Decimal("4.25"),
        barcode="3760001000016",
    )
    result = send_one(connection, create(article, references=references))
    assert (result.outcome, result.written, result.problem) == (Outcome.CREATED, True, None)
    assert result.children == {"CH-01": result.remote_key}
    assert result.url == f"{shop.url}/wp-admin/post.php?post={result.remote_key}&action=edit"
    kept = get(connection, f"products/{result.remote_key}")
    assert kept["name"] == "Chaise &amp; table &lt;M8&gt;"
    assert (kept["slug"], kept["sku"], kept["status"], kept["type"]) == ("ma-chaise", "CH-01", "publish", "simple")
    assert (kept["regular_price"], kept["stock_quantity"], kept["weight"]) == ("89.90", 12, "4.25")
    assert (kept["tax_class"], kept["global_unique_id"]) == ("taux-intermediaire", "3760001000016")
    assert kept["dimensions"] == {"length": "", "width": "45", "height": "90.5"}
    assert [row["name"] for row in kept["brands"]] == ["Dupont &amp; fils"]
    assert {row["name"] for row in kept["categories"]} == {"Meubles", "Chaises"}
    assert [(row["name"], sorted(row["options"])) for row in kept["attributes"]] == [("Matière", ["Chêne", "Inox"])]


@pytest.mark.covers("CAT-12")
def test_p19_a_variable_article_gets_its_variations_by_combination(connection: WooConnection) -> None:
    result = send_one(connection, create(variable("TS")))
    assert result.outcome is Outcome.CREATED
    assert set(result.children) == {variant_key("TS", number) for number in (1, 2, 3, 4)}
    rows = get(connection, f"products/{result.remote_key}/variations")
    combos = {row["sku"]: [(item["name"], item["option"]) for item in row["attributes"]] for row in rows}
    assert combos["TS-2"] == [("Taille", "S"), ("Couleur", "Bleu nuit")]
    assert {str(row["id"]) for row in rows} == set(result.children.values())
    assert all(row["regular_price"] == "10.00" and row["stock_quantity"] == 5 for row in rows)


@pytest.mark.covers("CAT-12")
def test_attributes_and_values_are_made_once_for_all_articles(
    shop: WooCommerceSandbox, connection: WooConnection
) -> None:
    send(connection, [create(variable(f"V-{number}")) for number in range(5)])
    calls = write_calls(shop)
    assert calls["products/attributes"] == 2
    assert calls["products/attributes/{attribute_id}/terms/batch"] == 2
    assert calls["products/batch"] == 1
    assert calls["products/{product_id}/variations/batch"] == 5


@pytest.mark.covers("CAT-09")
@pytest.mark.parametrize(
    ("part", "changes", "field", "value"),
    [
        ("name", {"name": {"": "Neuf"}}, "name", "Neuf"),
        ("description", {"description": {"": "<p>Neuf</p>"}}, "description", "<p>Neuf</p>"),
        ("summary", {"summary": {"": "Neuf"}}, "short_description", "Neuf"),
        ("price", {"amount": "77.00"}, "regular_price", "77.00"),
        ("quantity", {"quantity": 77}, "stock_quantity", 77),
        ("weight", {"weight": Decimal("7.7")}, "weight", "7.7"),
        ("dimensions", {"dimensions": Dimensions(width=Decimal(7))}, "dimensions", None),
        ("barcode", {"barcode": "3760001000016"}, "global_unique_id", "3760001000016"),
        ("tax", {"tax_class": "reduced-rate"}, "tax_class", "reduced-rate"),
        ("state", {"active": False}, "status", "draft"),
    ],
)
def test_a_part_switched_off_is_never_overwritten(
    connection: WooConnection, part: str, changes: dict[str, Any], field: str, value: Any
) -> None:
    created = send_one(connection, create(simple("A-1")))
    route = f"products/{created.remote_key}"
    before = get(connection, route, context="edit")
    changed = simple("A-1", **changes)
    off = send_one(connection, update(changed, created, parts=frozenset({"seo"})))
    assert (off.outcome, off.written) == (Outcome.UNCHANGED, False)
    assert get(connection, route, context="edit") == before
    on = send_one(connection, update(changed, created, parts=frozenset({part})))
    assert (on.outcome, on.written) == (Outcome.UPDATED, True)
    after = get(connection, route, context="edit")
    if value is not None:
        assert after[field] == value
    moved = {name for name in after if after[name] != before[name]}
    assert field in moved
    assert moved <= {field, "price", "price_html", "date_modified", "date_modified_gmt", "purchasable", "on_sale"} | (
        {"stock_status"} if part == "quantity" else {"generated_slug", "permalink"}
    )


foreign_product = st.fixed_dictionaries(
    {
        "featured": st.booleans(),
        "catalog_visibility": st.sampled_from(["visible", "hidden", "search", "catalog"]),
        "sale_price": st.sampled_from(["", "1.00", "9.99"]),
        "purchase_note": st.text(alphabet="abc é", max_size=12).map(str.strip),
        "menu_order": st.integers(0, 50),
        "backorders": st.sampled_from(["no", "notify", "yes"]),
        "sold_individually": st.booleans(),
        "reviews_allowed": st.booleans(),
        "meta_data": st.lists(
            st.fixed_dictionaries(
                {"key": st.sampled_from(["_autre", "note", "_x"]), "value": st.text("abc", min_size=1)}
            ),
            max_size=2,
            unique_by=lambda entry: entry["key"],
        ),
        "attributes": st.lists(
            st.sampled_from(
                [
                    {"name": "Matière", "visible": False, "variation": False, "options": ["Lin & coton", "Laine"]},
                    {"name": "Origine", "visible": True, "variation": False, "options": ["France"]},
                ]
            ),
            max_size=2,
            unique_by=lambda row: row["name"],
        ),
        "tags": st.sampled_from([["Promo"], []]),
        "categories": st.sampled_from([["Soldes"], ["Soldes", "Idées"], []]),
    }
)


@pytest.mark.covers("CAT-09")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(foreign=foreign_product)
def test_p20_fields_of_others_survive_every_write(server: WooCommerceSandbox, foreign: dict[str, Any]) -> None:
    """Whatever people and plug-ins set in the shop is identical after one of our full updates."""
    server.app.reset()
    connection = connect(server)
    try:
        ours = {**categories(connection, ("Chaises", "")), **categories(connection, ("Tables", ""))}
        article = simple(
            "A-1", categories=("Chaises",), features=(Feature(name="Poids", values=("1 kg",)),), brand="Dupont"
        )
        created = send_one(connection, create(article, references=ours))
        route = f"products/{created.remote_key}"
        _set_by_others(connection, route, foreign)
        before = get(connection, route, context="edit")
        changed = simple(
            "A-1",
            name={"": "Autre nom"},
            categories=("Tables",),
            features=(Feature(name="Poids", values=("2 kg",)),),
            brand="Martin",
            amount="55.00",
            quantity=9,
        )
        assert send_one(connection, update(changed, created, references=ours)).written
        after = get(connection, route, context="edit")
    finally:
        connection.close()
    for field in ("featured", "catalog_visibility", "sale_price", "purchase_note", "menu_order", "backorders"):
        assert after[field] == before[field], field
    for field in ("sold_individually", "reviews_allowed", "tags", "images", "shipping_class", "upsell_ids", "slug"):
        assert after[field] == before[field], field
    assert _foreign(before["attributes"]) == _foreign(after["attributes"])
    assert _meta(before) == _meta(after)
    named = {row["name"] for row in after["categories"]}
    assert named == (set(foreign["categories"]) | {"Tables"})
    assert [row["name"] for row in after["brands"]] == ["Martin"]


def _set_by_others(connection: WooConnection, route: str, foreign: dict[str, Any]) -> None:
    body = dict(foreign)
    body["tags"] = [{"id": post(connection, "products/tags", {"name": name})["id"]} for name in foreign["tags"]]
    current = get(connection, route)
    made = [{"id": post(connection, "products/categories", {"name": name})["id"]} for name in foreign["categories"]]
    body["categories"] = [{"id": row["id"]} for row in current["categories"]] + made
    body["attributes"] = current["attributes"] + foreign["attributes"]
    post(connection, route, body)


def _foreign(attributes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: row[key] for key in ("name", "visible", "variation", "options")} for row in attributes if not row["id"]
    ]


def _meta(product: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(entry["key"], entry["value"]) for entry in product["meta_data"] if entry["key"] != "_atoosync"]


@pytest.mark.covers("CAT-09")
def test_p20_what_others_added_to_variations_survives(connection: WooConnection) -> None:
    created = send_one(connection, create(variable("TS")))
    route = f"products/{created.remote_key}/variations/{created.children[variant_key('TS', 1)]}"
    post(connection, route, {"sale_price": "8.00", "description": "Note", "tax_class": "reduced-rate"})
    foreign = post(
        connection,
        f"products/{created.remote_key}/variations",
        {"sku": "AUTRE", "regular_price": "3", "attributes": [{"id": 1, "option": "S"}]},
    )
    changed = with_variant(variable("TS"), 0, price=price("TS#1", "12.00", "TS"))
    assert send_one(connection, update(changed, created)).outcome is Outcome.UPDATED
    kept = get(connection, route)
    assert (kept["regular_price"], kept["sale_price"], kept["tax_class"]) == ("12.00", "8.00", "reduced-rate")
    other = get(connection, f"products/{created.remote_key}/variations/{foreign['id']}")
    assert (other["status"], other["sku"], other["regular_price"]) == ("publish", "AUTRE", "3")


@pytest.mark.covers("CAT-12")
def test_p19_reordered_and_renamed_values_and_a_new_one_keep_their_variations(connection: WooConnection) -> None:
    created = send_one(connection, create(variable("TS", [SIZES])))
    small, medium = created.children["TS#1"], created.children["TS#2"]
    article = variable("TS", [SIZES])
    large = variant("TS", variant_key("TS", 3), "TS-3", (("Taille", "L"),))
    renamed = replace(article.variants[1], options=(("Taille", "Moyen"),))
    changed = replace(
        article, axes=(Axis(name="Taille", values=("L", "Moyen", "S")),), variants=(large, renamed, article.variants[0])
    )
    result = send_one(connection, update(changed, created))
    assert result.outcome is Outcome.UPDATED
    assert (result.children["TS#1"], result.children["TS#2"]) == (small, medium)
    rows = {str(row["id"]): row for row in get(connection, f"products/{created.remote_key}/variations")}
    assert len(rows) == 3
    assert rows[medium]["attributes"][0]["option"] == "Moyen"
    assert rows[result.children["TS#3"]]["sku"] == "TS-3"
    parent = get(connection, f"products/{created.remote_key}")
    assert set(parent["attributes"][0]["options"]) == {"S", "M", "Moyen", "L"}


@pytest.mark.covers("CAT-12")
def test_p19_two_swapped_references_end_on_the_right_variations(connection: WooConnection) -> None:
    created = send_one(connection, create(variable("TS", [SIZES])))
    article = variable("TS", [SIZES])
    first, second = article.variants
    swapped = replace(article, variants=(replace(first, reference="TS-2"), replace(second, reference="TS-1")))
    result = send_one(connection, update(swapped, created))
    assert result.outcome is Outcome.UPDATED
    rows = {str(row["id"]): row["sku"] for row in get(connection, f"products/{created.remote_key}/variations")}
    assert rows == {created.children["TS#1"]: "TS-2", created.children["TS#2"]: "TS-1"}


@pytest.mark.covers("CAT-12")
def test_p19_variations_without_links_are_found_by_mark_reference_and_combination(connection: WooConnection) -> None:
    created = send_one(connection, create(variable("TS")))
    again = send_one(connection, update(variable("TS"), created, children={}))
    assert (again.outcome, again.children) == (Outcome.UNCHANGED, created.children)
    by_hand = post(
        connection,
        "products",
        {
            "name": "Main",
            "type": "variable",
            "sku": "MAIN",
            "attributes": [{"id": 1, "variation": True, "visible": True, "options": ["S", "M"]}],
        },
    )
    for sku, option in (("MAIN-1", "S"), ("", "M")):
        post(
            connection,
            f"products/{by_hand['id']}/variations",
            {"sku": sku, "regular_price": "1", "attributes": [{"id": 1, "option": option}]},
        )
    found = product_writer(connection).find([create(variable("MAIN", [SIZES]))])["MAIN"]
    assert found.remote_key == str(by_hand["id"])
    assert set(found.children) == {"MAIN#1", "MAIN#2"}


@pytest.mark.covers("CAT-12", "CAT-18")
def test_a_variant_the_erp_does_not_know_any_more_turns_private_and_is_not_deleted(connection: WooConnection) -> None:
    created = send_one(connection, create(variable("TS", [SIZES])))
    article = variable("TS", [SIZES])
    fewer = replace(article, variants=article.variants[:1])
    result = send_one(connection, update(fewer, created))
    assert result.outcome is Outcome.UPDATED
    route = f"products/{created.remote_key}/variations"
    statuses = {row["sku"]: row["status"] for row in get(connection, route)}
    assert statuses == {"TS-1": "publish", "TS-2": "private"}
    assert send_one(connection, update(fewer, created)).outcome is Outcome.UNCHANGED
    back = send_one(connection, update(article, created))
    assert back.children == created.children
    assert {row["status"] for row in get(connection, route)} == {"publish"}


@pytest.mark.covers("CAT-12")
def test_a_plain_product_may_become_variable_but_not_the_other_way_round(connection: WooConnection) -> None:
    created = send_one(connection, create(simple("A-1")))
    article = variable("A-1", [SIZES])
    grown = send_one(connection, update(article, created, children={}))
    assert grown.outcome is Outcome.UPDATED
    assert get(connection, f"products/{created.remote_key}")["type"] == "variable"
    assert len(get(connection, f"products/{created.remote_key}/variations")) == 2
    back = send_one(connection, update(simple("A-1"), grown))
    assert (back.outcome, back.written) == (Outcome.REFUSED, False)
    assert back.problem is not None
    assert back.problem.code == "type_change_refused"
    assert len(get(connection, f"products/{created.remote_key}/variations")) == 2


@pytest.mark.covers("CAT-01")
def test_a_second_article_with_a_taken_reference_is_refused_and_names_the_holder(connection: WooConnection) -> None:
    send_one(connection, create(simple("A-1", name={"": "Le premier"})))
    other = simple("AUTRE-CLE", reference="A-1")
    result = send_one(connection, create(other))
    assert (result.outcome, result.written) == (Outcome.REFUSED, False)
    assert result.problem is not None
    assert result.problem.code == "sku_taken"
    assert "Le premier" in result.problem.text()
    by_case = send_one(connection, create(simple("a-1")))
    assert by_case.problem is not None
    assert by_case.problem.code == "sku_taken"


@pytest.mark.covers("CAT-01")
def test_a_product_made_by_hand_with_our_reference_is_adopted_and_updated(connection: WooConnection) -> None:
    made = post(connection, "products", {"name": "À la main", "sku": "A-1", "regular_price": "1", "featured": True})
    result = send_one(connection, create(simple("A-1")))
    assert (result.outcome, result.remote_key, result.written) == (Outcome.UPDATED, str(made["id"]), True)
    kept = get(connection, f"products/{made['id']}")
    assert (kept["name"], kept["regular_price"], kept["featured"]) == ("Article A-1", "10.00", True)


@pytest.mark.covers("CAT-01")
def test_p11_a_reference_held_by_the_trash_is_found_and_explained(connection: WooConnection) -> None:
    created = send_one(connection, create(simple("A-1")))
    connection._shop.api.client.request("DELETE", connection._shop.api.url(f"wc/v3/products/{created.remote_key}"))
    found = product_writer(connection).find([create(simple("A-1"))])["A-1"]
    assert (found.remote_key, found.hidden) == (created.remote_key, True)
    again = send_one(connection, create(simple("A-1"), token="autre"))
    assert again.problem is not None
    assert (again.outcome, again.problem.code) == (Outcome.REFUSED, "sku_in_trash")
    linked = send_one(connection, update(simple("A-1"), created))
    assert linked.problem is not None
    assert (linked.problem.code, linked.gone) == ("product_in_trash", False)


@pytest.mark.covers("CAT-07")
def test_an_article_whose_category_has_no_link_waits(connection: WooConnection) -> None:
    result = send_one(connection, create(simple("A-1", categories=("Inconnue",))))
    assert result.outcome is Outcome.DEFERRED
    assert result.problem is not None
    assert result.problem.code == "category_not_linked"


@pytest.mark.covers("CAT-07", "CAT-09")
def test_a_moved_article_leaves_our_old_category_only(connection: WooConnection) -> None:
    references = categories(connection, ("Un", ""), ("Deux", ""))
    foreign = post(connection, "products/categories", {"name": "Soldes"})["id"]
    created = send_one(connection, create(simple("A-1", categories=("Un",)), references=references))
    route = f"products/{created.remote_key}"
    post(connection, route, {"categories": [{"id": foreign}, {"id": int(references[Ref(Entity.CATEGORY, "Un")])}]})
    send_one(connection, update(simple("A-1", categories=("Deux",)), created, references=references))
    assert {row["name"] for row in get(connection, route)["categories"]} == {"Soldes", "Deux"}


@pytest.mark.covers("CAT-07", "CAT-08", "SHP-02")
def test_categories_of_the_shop_are_found_by_id_or_exact_name_and_follow_those_of_the_erp(
    shop: WooCommerceSandbox, connection: WooConnection
) -> None:
    references = categories(connection, ("Famille", ""))
    sales = post(connection, "products/categories", {"name": "Vis & écrous"})["id"]
    year = post(connection, "products/categories", {"name": "2024"})["id"]
    other = post(connection, "products/categories", {"name": "Autre"})["id"]
    shop.server.log.clear()
    record = simple("A-1", categories=("Famille",), shop_categories=("Vis & écrous", "2024", str(other)))
    out = create(record, references=references)
    created = send_one(connection, out)
    family = int(references[Ref(Entity.CATEGORY, "Famille")])
    route = f"products/{created.remote_key}"
    assert {row["id"] for row in get(connection, route)["categories"]} == {family, sales, year, other}
    assert created.sent["categories"] == [{"id": one} for one in (family, sales, year, other)]
    second = simple("A-2", shop_categories=("Autre",))
    assert send_one(connection, create(second)).outcome is Outcome.CREATED
    assert shop.server.log.totals()["calls"]["GET products/categories"] <= 3, "the list is read once, not per article"
    kept = post(connection, "products/categories", {"name": "À la main"})["id"]
    rows = get(connection, route)["categories"]
    post(connection, route, {"categories": [{"id": row["id"]} for row in rows] + [{"id": kept}]})
    send_one(connection, update(simple("A-1", shop_categories=("Autre",)), created))
    assert {row["id"] for row in get(connection, route)["categories"]} == {other, kept}


@pytest.mark.covers("CAT-07", "CAT-08")
def test_an_unknown_or_ambiguous_category_of_the_shop_is_named_and_the_article_refused(
    connection: WooConnection,
) -> None:
    parent = post(connection, "products/categories", {"name": "Intérieur"})["id"]
    post(connection, "products/categories", {"name": "Tables"})
    twin = post(connection, "products/categories", {"name": "Tables", "parent": parent})["id"]
    for wanted in ("Absente", "tables", "999999", "Tables"):
        result = send_one(connection, create(simple("A-1", shop_categories=(wanted,))))
        assert result.problem is not None
        assert (result.outcome, result.problem.code) == (Outcome.REFUSED, "category_not_found"), wanted
        assert wanted in result.problem.text()
        assert result.problem.advice_text()
    assert str(twin) in result.problem.text(), "the candidates are named"
    assert send_one(connection, create(simple("A-1", shop_categories=(str(twin),)))).outcome is Outcome.CREATED
    made = categories(connection, ("Absente", ""))
    late = send_one(connection, create(simple("A-2", shop_categories=("Absente",))))
    number = int(made[Ref(Entity.CATEGORY, "Absente")])
    assert {row["id"] for row in get(connection, f"products/{late.remote_key}")["categories"]} == {number}


@pytest.mark.covers("CAT-03", "CAT-10", "PRI-01")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tax_class": "inconnue"}, "tax_class_unknown"),
        ({"barcode": "123"}, "barcode_invalid"),
        ({"amount": "-1"}, "price_negative"),
        ({"name": {"": "  "}}, "name_empty"),
        ({"reference": "A<B"}, "reference_not_storable"),
    ],
)
def test_p22_what_the_shop_would_take_wrongly_is_refused_before_sending(
    shop: WooCommerceSandbox, connection: WooConnection, changes: dict[str, Any], code: str
) -> None:
    result = send_one(connection, create(simple("A-1", **changes)))
    assert result.outcome is Outcome.REFUSED
    assert result.problem is not None
    assert result.problem.code == code
    assert result.problem.advice_text()
    assert "products/batch" not in write_calls(shop)


@pytest.mark.covers("PRI-01")
@pytest.mark.parametrize("money", [Money(Decimal(1), "USD", TaxBasis.NET), Money(Decimal(1), "EUR", TaxBasis.GROSS)])
def test_a_price_in_another_currency_or_basis_is_refused(connection: WooConnection, money: Money) -> None:
    article = simple("A-1")
    cost = article.variants[0].price
    assert cost is not None
    result = send_one(connection, create(with_variant(article, 0, price=replace(cost, price=money))))
    assert result.problem is not None
    assert result.problem.code == "price_basis_differs"


@pytest.mark.covers("CAT-12")
def test_p22_values_that_differ_only_by_case_are_refused(connection: WooConnection) -> None:
    result = send_one(connection, create(variable("TS", [Axis(name="Taille", values=("s", "S"))])))
    assert result.problem is not None
    assert result.problem.code == "variants_collide"


NASTY = [
    "0001", "00 1", "A/B", "A\\B", "A+B", "A&B", "A=B?C#D", "É-ù", "µ100", "ﬁn", "A'B", 'A"B', "A,B", "A;B", "50%", "%",
    "A|B", "(A)", "[A]", "{A}", "A.B", "a_b", "~A", "^A", "`A`", "$A", "@A", "!A", "*A*", "A:B", "–A—", "œuf", "ÀÉÎ",
    "日本", "😀", "A>B", "1e5", "-5", "+33", "null", "true", "0", "00", "' OR 1=1", "../../x", "x" * 100, "A B C", "#1",
    "&amp", "A~B",
]  # fmt: skip


@pytest.mark.covers("CAT-01")
def test_p22_nasty_references_and_names_go_there_and_back_unchanged(connection: WooConnection) -> None:
    articles = [simple(reference, name={"": f"«{reference}» & <x>"}) for reference in NASTY]
    results = send(connection, [create(article) for article in articles])
    refused = {key: result.problem for key, result in results.items() if result.outcome is not Outcome.CREATED}
    assert refused == {}
    found = product_writer(connection).find([create(article) for article in articles])
    assert {key: one.remote_key for key, one in found.items()} == {key: r.remote_key for key, r in results.items()}
    read = {
        record.reference: record.name[""]
        for page in connection.reader(Entity.PRODUCT).pages(Query())
        for record in page.records
    }
    assert read == {article.reference: article.name[""] for article in articles}
    assert {r.outcome for r in send(connection, [update(a, results[a.key]) for a in articles]).values()} == {
        Outcome.UNCHANGED
    }


@pytest.mark.covers("CAT-01")
def test_p22_references_that_cannot_be_kept_are_refused_one_by_one(connection: WooConnection) -> None:
    bad = [" A", "A ", "A  B", "A\tB", "A\nB", "<A>", "A%2FB", "&eacute;", "x" * 101, "\x07A"]
    results = send(connection, [create(simple(reference)) for reference in [*bad, "BON"]])
    assert results["BON"].outcome is Outcome.CREATED
    assert {results[reference].outcome for reference in bad} == {Outcome.REFUSED}


@pytest.mark.covers("CAT-04", "CAT-11")
def test_brands_and_features_as_the_settings_ask(shop: WooCommerceSandbox) -> None:
    opened = connect(shop, brand_as="attribute", brand_attribute="Fabricant", features_as="local")
    article = simple("A-1", brand="Dupont", features=(Feature(name="Couleur du cadre", values=("Noir", "Gris")),))
    created = send_one(opened, create(article))
    rows = get(opened, f"products/{created.remote_key}")["attributes"]
    assert {(row["name"], row["id"] > 0) for row in rows} == {("Couleur du cadre", False), ("Fabricant", True)}
    without = replace(article, brand="Martin", features=())
    send_one(opened, update(without, created))
    rows = get(opened, f"products/{created.remote_key}")["attributes"]
    assert [(row["name"], row["options"]) for row in rows] == [("Fabricant", ["Martin"])]
    opened.close()
    never = connect(shop, create_brands=False)
    created = send_one(never, create(simple("A-2", brand="Absente")))
    assert get(never, f"products/{created.remote_key}")["brands"] == []
    never.close()


@pytest.mark.covers("CAT-11")
@pytest.mark.parametrize("features_as", ["global", "local"])
def test_p20_attributes_of_others_leave_only_where_the_option_says_so(
    shop: WooCommerceSandbox, features_as: str
) -> None:
    changes = {"features_as": features_as, "brand_as": "attribute", "brand_attribute": "Fabricant"}
    plain = connect(shop, **changes)
    features = (Feature(name="Matière", values=("Lin", "Coton")), Feature(name="Coupe", values=("Droite",)))
    article = variable("TS", brand="Dupont", features=features)
    created = send_one(plain, create(article))
    route = f"products/{created.remote_key}"
    rows = get(plain, route)["attributes"]
    foreign = {"name": "À la main", "visible": True, "options": ["Oui"]}
    post(plain, route, {"attributes": [*rows, foreign]})
    fewer = replace(article, features=features[:1])

    def names(connection: WooConnection) -> set[str]:
        return {row["name"] for row in get(connection, route)["attributes"]}

    axes = {"Taille", "Couleur"}
    send_one(plain, update(fewer, created))
    assert names(plain) == {*axes, "Matière", "Fabricant", "À la main"}, "only what an earlier export set leaves"
    plain.close()
    clearing = connect(shop, clear_attributes=True, **changes)
    off = send_one(clearing, update(fewer, created, parts=frozenset({"name"})))
    assert off.outcome is Outcome.UNCHANGED, "the part is switched off"
    without_brand = replace(fewer, brand="")
    assert send_one(clearing, update(without_brand, created)).outcome is Outcome.UPDATED
    assert names(clearing) == {*axes, "Matière", "Fabricant"}
    assert len(get(clearing, f"{route}/variations")) == len(created.children)
    shop.server.log.clear()
    assert send_one(clearing, update(without_brand, created)).outcome is Outcome.UNCHANGED
    assert write_calls(shop) == {}
    clearing.close()


@pytest.mark.covers("CAT-20")
def test_texts_for_search_engines_go_to_yoast_where_it_is_chosen(shop: WooCommerceSandbox) -> None:
    opened = connect(shop, seo_plugin="yoast")
    created = send_one(opened, create(simple("A-1", seo_title={"": "Titre"}, seo_description={"": "Texte"})))
    meta = {entry["key"]: entry["value"] for entry in get(opened, f"products/{created.remote_key}")["meta_data"]}
    assert (meta["_yoast_wpseo_title"], meta["_yoast_wpseo_metadesc"]) == ("Titre", "Texte")
    opened.close()


@pytest.mark.covers("CAT-08")
def test_new_articles_are_created_as_the_settings_ask(shop: WooCommerceSandbox) -> None:
    opened = connect(shop, new_status="draft", inactive_status="private")
    results = send(opened, [create(simple("A-1")), create(simple("A-2", active=False))])
    statuses = {key: get(opened, f"products/{result.remote_key}")["status"] for key, result in results.items()}
    assert statuses == {"A-1": "draft", "A-2": "private"}
    assert send_one(opened, update(simple("A-1"), results["A-1"])).outcome is Outcome.UNCHANGED
    opened.close()


@pytest.mark.covers("CAT-12")
def test_a_refused_variation_is_named_and_the_others_are_linked(connection: WooConnection) -> None:
    send_one(connection, create(simple("TS-2", name={"": "Gêneur"})))
    result = send_one(connection, create(variable("TS", [Axis(name="Taille", values=("S", "M", "L"))])))
    assert result.outcome is Outcome.REFUSED
    assert result.written
    assert set(result.children) == {"TS#1", "TS#3"}
    assert result.problem is not None
    assert result.problem.code == "sku_taken"
    assert "TS-2" in result.problem.text()
    assert "Gêneur" in result.problem.text()


@pytest.mark.covers("CAT-21")
def test_a_comparison_shows_fields_and_writes_nothing(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    created = send_one(connection, create(variable("TS", [SIZES])))
    writes = shop.server.log.totals()["item_writes"]
    changed = with_variant(
        variable("TS", [Axis(name="Taille", values=("S", "M", "XL"))], name={"": "Neuf"}, brand="Jamais vue"),
        0,
        price=price("TS#1", "12.00", "TS"),
    )
    shown = product_writer(connection).compare([update(changed, created), create(simple("NOUVEAU"))])
    assert shown == {
        "TS": {
            "name": ("Article TS", "Neuf"),
            "brands": ("", "n° 0"),
            "attributes": ("Taille : M, S", "Taille : M, S, XL"),
            "TS-1.regular_price": ("10.00", "12.00"),
            "TS-3": ("", "XL"),
        }
    }
    assert shop.server.log.totals()["item_writes"] == writes


@pytest.mark.covers("CAT-01")
def test_articles_go_over_https_with_a_header_too() -> None:
    with serve_woocommerce(tls=True) as secure:
        opened = connect(secure, verify_tls=False)
        assert send_one(opened, create(simple("A-1"))).outcome is Outcome.CREATED
        opened.close()


@pytest.mark.covers("CAT-06")
def test_retired_articles_are_hidden_and_stay(connection: WooConnection) -> None:
    created = send_one(connection, create(simple("A-1")))
    out = update(simple("A-1"), created)
    results = list(product_writer(connection).retire([out]))
    assert [(r.outcome, r.written) for r in results] == [(Outcome.UPDATED, True)]
    assert get(connection, f"products/{created.remote_key}")["status"] == "draft"
    assert [r.outcome for r in product_writer(connection).retire([out])] == [Outcome.UNCHANGED]


@pytest.mark.covers("CAT-06")
def test_a_state_creates_nothing(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    from connectors.canonical.catalog import ProductState

    state = ProductState(key="X", reference="X", active=True)
    results = send(connection, [Outbound(state, Action.CREATE, "X")], Aspect.STATE)
    assert results["X"].problem is not None
    assert results["X"].problem.code == "not_linked"
    assert shop.app.inspect({})["products"] == 0


@pytest.mark.covers("CAT-12")
def test_a_variant_without_a_reference_of_its_own_is_kept_apart_by_its_combination(connection: WooConnection) -> None:
    article = variable("TS", [COLOURS])
    bare = replace(
        article,
        variants=tuple(replace(one, reference=ref) for one, ref in zip(article.variants, ("", "TS"), strict=True)),
    )
    created = send_one(connection, create(bare))
    assert created.outcome is Outcome.CREATED
    assert len(set(created.children.values())) == 2
    assert send_one(connection, update(bare, created, children={})).outcome is Outcome.UNCHANGED
    records = [r for page in connection.reader(Entity.PRODUCT).pages(Query()) for r in page.records]
    assert [one.reference for one in records[0].variants] == ["", ""]
