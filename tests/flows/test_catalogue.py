"""The flows of the catalogue between the real connectors and their stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from profiles import options_store
from profiles.sections.products import PART_LABELS
from sync import services
from sync.models import JournalEntry, Link, Run, RunResult
from tests.flows.conftest import Story

pytestmark = pytest.mark.odbc

Small = Callable[..., Story]


def _causes(run: Run) -> dict[str, str]:
    lines = JournalEntry.objects.filter(run=run, outcome__in=["refused", "failed", "deferred"])
    return dict(lines.values_list("item_key", "code"))


def _category_path(story: Story, sku: str) -> list[list[str]]:
    """Names from the root of every category a product is in."""
    terms = {term.id: term for term in story.shop.store.terms if term.taxonomy == "product_cat"}
    paths = []
    for number in story.product(sku)["categories"]:
        path = []
        while number:
            path.insert(0, terms[number].name)
            number = terms[number].parent
        paths.append(path)
    return sorted(paths)


def _attributes(story: Story, sku: str) -> dict[str, list[str]]:
    """Attribute names and values of a product, as the shop's own API shows them."""
    row = story.rest(f"products/{story.product(sku)['id']}")
    return {item["name"]: sorted(item["options"]) for item in row["attributes"]}


@pytest.mark.covers("CAT-01", "SYS-01", "SYS-06")
def test_the_demo_merchant_is_exported_and_a_second_export_costs_nothing(story: Story) -> None:
    first = story.run()
    assert first.result == RunResult.PARTIAL
    assert _causes(first) == {
        "DOUBLON-B": "barcode_taken",
        "GAMME-CONFLIT": "sku_taken",
        "GAMME-VIDE": "range_without_variant",
        "SANS-NOM": "name_empty",
        "PRIX-NUL": "price_missing",
        "REGLAGE-FIX": "tax_unknown",
        "OCC-PIOLET": "tax_unmapped.CMARG",
        "OCC-SKIS": "tax_unmapped.CMARG",
    }
    published = 299
    assert story.shop.app.inspect({})["products"] == published - len(_causes(first)) + 1
    second = story.run(full=True)
    assert (second.sent, second.units) == (0, 0)
    assert story.units().used == first.units


@pytest.mark.covers("CAT-01")
def test_a_renamed_article_is_updated_alone_and_new_articles_come_by_both_flows(small: Small) -> None:
    story = small("TENTE2P", "TENTE3P", "MATELAS", "NOUVEAU-1", "NOUVEAU-2")
    story.run()
    story.erp.rename("TENTE3P", "Tente trois places")
    story.erp.add_article("NOUVEAU-1", "Premier nouveau", family="BIVOUAC", price=10)
    only_new = story.run("new_products")
    assert (only_new.created, only_new.updated) == (1, 0)
    assert story.product("TENTE3P")["name"] == "Tente 3 places « Glandasse »"
    story.erp.add_article("NOUVEAU-2", "Second nouveau", family="BIVOUAC", price=10)
    both = story.run()
    assert (both.created, both.updated) == (1, 1)
    assert story.product("TENTE3P")["name"] == "Tente trois places"
    assert story.product("NOUVEAU-2")["regular_price"] == "10.00"


@pytest.mark.covers("CAT-02")
def test_every_text_comes_from_its_chosen_field(small: Small) -> None:
    texts = {
        "name_field": "AR_Langue1",
        "description_field": "glossaire:1",
        "summary_field": "Matière",
        "seo_title_field": "AR_Design",
        "seo_description_field": "FA_Intitule",
        "seo_keywords_field": "Marque commerciale",
        "slug_field": "AR_Raccourci",
    }
    story = small("TENTE2P", products=texts, shop={"seo_plugin": "yoast"})
    story.erp.update_article("TENTE2P", AR_Langue1="Light tent", AR_Raccourci="tente-rapide")
    with story.erp.session() as session:
        family = session.one("SELECT FA_Intitule FROM F_FAMILLE WHERE FA_CodeFamille = 'BIVOUAC'")[0]
        glossary = session.one(
            "SELECT g.GL_Text FROM F_GLOSSAIRE g JOIN F_ARTGLOSS a ON a.GL_No = g.GL_No"
            " WHERE a.AR_Ref = 'TENTE2P' ORDER BY a.AGL_Num"
        )[0]
    story.run()
    row = story.rest(f"products/{story.product('TENTE2P')['id']}")
    meta = {item["key"]: item["value"] for item in row["meta_data"]}
    assert row["name"] == "Light tent"
    assert row["slug"] == "tente-rapide"
    assert "Polyester recyclé" in row["short_description"]
    assert glossary.split("\n")[0][:30] in row["description"]
    assert meta["_yoast_wpseo_title"] == "Tente légère 2 places « Glandasse »"
    assert meta["_yoast_wpseo_metadesc"] == family
    assert meta["_yoast_wpseo_focuskw"] == "Glandasse"
    options_store.save(story.profile, {"products": {"name_field": "", "description_field": ""}}, author=None)
    story.shop.app.mutate("edit", {"sku": "TENTE2P", "set": {"description": "<p>Écrit dans la boutique</p>"}})
    story.run()
    row = story.rest(f"products/{story.product('TENTE2P')['id']}")
    assert row["name"] == "Tente légère 2 places « Glandasse »"
    assert row["description"] == "<p>Écrit dans la boutique</p>", "a text without field is left alone"


@pytest.mark.covers("CAT-02", "CAT-08")
def test_forbidden_characters_leave_names_only_where_asked(small: Small) -> None:
    story = small("LOT-ECOLE")
    with story.erp.session() as session:
        source = session.one("SELECT AR_Design FROM F_ARTICLE WHERE AR_Ref = 'LOT-ECOLE'")[0]
    assert "<" in source
    story.run()
    name = story.product("LOT-ECOLE")["name"]
    assert not set("<>;=#{}") & set(name.replace("&amp;", "&").replace("&quot;", '"'))


@pytest.mark.covers("CAT-03")
def test_tax_classes_follow_the_table_the_default_and_the_accounting_category(small: Small) -> None:
    story = small("TENTE2P", "LIVRE-TOPO", "SAUCISSON", "OCC-PIOLET", products={"tax_map": {"C20": "standard"}})
    options_store.save(
        story.profile, {"products": {"tax_map": {"C20": "standard", "C055": "reduced-rate"}}}, author=None
    )
    first = story.run()
    assert _causes(first) == {"SAUCISSON": "tax_unmapped.C10", "OCC-PIOLET": "tax_unmapped.CMARG"}
    assert story.product("TENTE2P")["tax_class"] == ""
    assert story.product("LIVRE-TOPO")["tax_class"] == "reduced-rate"
    options_store.save(story.profile, {"products": {"tax_default": "taux-intermediaire"}}, author=None)
    second = story.run()
    assert second.refused == 0
    assert story.product("SAUCISSON")["tax_class"] == story.product("OCC-PIOLET")["tax_class"] == "taux-intermediaire"
    options_store.save(story.profile, {"prices": {"accounting_category": "3"}}, author=None)
    story.run()
    with story.erp.session() as session:
        code = session.one(
            "SELECT FCP_ComptaCPT_Taxe1 FROM F_FAMCOMPTA WHERE FA_CodeFamille = 'BIVOUAC' AND FCP_Type = 0"
            " AND FCP_Champ = 3"
        )[0]
    assert code not in {"C20", "C055"}
    assert story.product("TENTE2P")["tax_class"] == "taux-intermediaire"


@pytest.mark.covers("CAT-05")
def test_a_condition_chooses_the_articles_and_unpublished_ones_follow_their_switch(story: Story) -> None:
    filters = {"expression": "FA_CodeFamille = 'LIVRE' AND AR_PrixVen > 20"}
    options_store.save(story.profile, {"products": filters}, author=None)
    story.run()
    with story.erp.session() as session:
        rows = session.all(
            "SELECT AR_Ref FROM F_ARTICLE WHERE FA_CodeFamille = 'LIVRE' AND AR_PrixVen > 20 AND AR_Publie = 1"
            " AND AR_Sommeil = 0"
        )
    wanted = {row[0] for row in rows}
    assert wanted
    assert {row.sku for row in story.shop.store.products} == wanted
    options_store.save(story.profile, {"products": {"expression": "AR_Ref = 'INTERNE'"}}, author=None)
    assert story.run().read == 0
    options_store.save(story.profile, {"products": {"published_only": False}}, author=None)
    assert story.run().created >= 1
    assert story.product("INTERNE")["status"] == "publish"


_NO_CONDITION = ["AR_Ref = 'x'; DROP TABLE F_ARTICLE", "AR_Ref IN (SELECT CT_Num FROM F_COMPTET)"]


@pytest.mark.covers("CAT-05")
@pytest.mark.parametrize("expression", [*_NO_CONDITION, "AR_Inconnu = 1"])
def test_anything_else_than_a_condition_stops_the_run_in_words_before_anything_is_sent(
    story: Story, expression: str
) -> None:
    """Also when the settings were not checked as they were saved (an older version of the platform)."""
    revision = options_store.current_revision(story.profile)
    assert revision is not None
    revision.document["products"]["expression"] = expression
    revision.save()
    fingerprint = story.erp.fingerprint()
    run = story.run()
    assert (run.result, run.read) == (RunResult.FAILED, 0)
    assert run.message
    assert run.advice
    assert not story.shop.store.products.rows
    assert story.erp.fingerprint() == fingerprint


@pytest.mark.covers("CAT-05", "PRF-07")
@pytest.mark.parametrize("section", ["products", "stock", "prices"])
@pytest.mark.parametrize("expression", [*_NO_CONDITION, "1 = 1", "AR_Ref ="])
def test_what_is_no_condition_is_refused_at_its_field_when_it_is_saved(
    story: Story, section: str, expression: str
) -> None:
    before = options_store.current_revision(story.profile)
    with pytest.raises(options_store.OptionsRefused) as refused:
        options_store.save(story.profile, {section: {"expression": expression}}, author=None)
    found = refused.value.errors[section]
    assert {one.name for one in found} == {"expression"}
    assert len(found) == 2, "what is wrong, and what to do"
    assert all(one.text() and "%(" not in one.text() for one in found)
    assert options_store.current_revision(story.profile) == before, "nothing was saved"


@pytest.mark.covers("CAT-05")
def test_only_articles_changed_since_the_last_transfer_are_read(small: Small) -> None:
    story = small("TENTE2P", "TENTE3P", "MATELAS")
    assert story.run().created >= 3
    assert story.run().read == 0
    story.erp.rename("MATELAS", "Matelas épais")
    run = story.run()
    assert (run.read, run.updated) == (1, 1)


@pytest.mark.covers("CAT-06", "CAT-18")
def test_dormant_and_unpublished_articles_leave_the_sale_and_come_back(small: Small) -> None:
    story = small("TENTE2P", "TENTE3P", "MATELAS", "RECHAUD", "GOURDE75")
    story.run()
    count = len(story.shop.store.products.rows)
    options_store.save(story.profile, {"state": {"disable_unpublished": False}}, author=None)
    story.erp.set_dormant("TENTE2P")
    story.erp.unpublish("TENTE3P")
    run = story.run("state")
    assert (run.updated, run.units) == (1, 1)
    states = {sku: story.product(sku)["status"] for sku in ("TENTE2P", "TENTE3P", "MATELAS")}
    assert states == {"TENTE2P": "draft", "TENTE3P": "publish", "MATELAS": "publish"}
    options_store.save(story.profile, {"state": {"disable_unpublished": True}}, author=None)
    story.run("state")
    assert story.product("TENTE3P")["status"] == "draft"
    story.erp.set_dormant("TENTE2P", dormant=False)
    story.erp.publish("TENTE3P")
    options_store.save(story.profile, {"state": {"reactivate": False}}, author=None)
    assert story.run("state").sent == 0
    options_store.save(story.profile, {"state": {"reactivate": True}}, author=None)
    assert story.run("state").updated == 2
    assert {story.product(sku)["status"] for sku in states} == {"publish"}
    assert len(story.shop.store.products.rows) == count, "never creates nor deletes"


@pytest.mark.covers("CAT-07")
def test_the_catalogue_of_the_erp_becomes_the_tree_of_the_shop(small: Small) -> None:
    story = small("VESTE-IMP")
    story.run()
    assert _category_path(story, "VESTE-IMP") == [
        ["Randonnée"],
        ["Randonnée", "Vêtements"],
        ["Randonnée", "Vêtements", "Vestes"],
        ["Randonnée", "Vêtements", "Vestes", "Vestes imperméables"],
    ]


@pytest.mark.covers("CAT-07")
@pytest.mark.parametrize(
    ("section", "paths"),
    [
        ({"source": "families"}, [["Matériel"], ["Matériel", "Bivouac"]]),
        ({"source": "none"}, [["Uncategorized"]]),
        (
            {"source": "fields", "fields": ["Matière", "Marque commerciale"]},
            [["Polyester recyclé"], ["Polyester recyclé", "Glandasse"]],
        ),
    ],
)
def test_other_origins_of_the_categories(small: Small, section: dict[str, Any], paths: list[list[str]]) -> None:
    story = small("TENTE2P", categories=section)
    story.run()
    assert _category_path(story, "TENTE2P") == paths


@pytest.mark.covers("CAT-07", "SHP-02")
def test_supplementary_categories_of_the_shop_come_from_a_field(small: Small) -> None:
    extra = {"extra_field": "AR_Stat05", "extra_separator": "|"}
    story = small("TENTE2P", "MATELAS", categories={"source": "families", **extra})
    number = story.rest("products/categories", {"name": "Soldes d’été"}, method="POST")["id"]
    story.rest("products/categories", {"name": "Vis & écrous"}, method="POST")
    story.erp.update_article("TENTE2P", AR_Stat05=f"{number} | Vis & écrous")
    story.erp.update_article("MATELAS", AR_Stat05="Introuvable")
    assert _causes(story.run()) == {"MATELAS": "category_not_found"}
    paths = [["Matériel"], ["Matériel", "Bivouac"], ["Soldes d’été"], ["Vis &amp; écrous"]]
    assert _category_path(story, "TENTE2P") == paths
    story.erp.update_article("TENTE2P", AR_Stat05="")
    assert story.run().updated == 1
    assert _category_path(story, "TENTE2P") == paths[:2]


@pytest.mark.covers("CAT-08")
def test_the_default_category_receives_articles_without_any(small: Small) -> None:
    story = small("TENTE2P", "SAUCISSON")
    number = story.rest("products/categories", {"name": "À classer"}, method="POST")["id"]
    options_store.save(story.profile, {"products": {"default_category": str(number)}}, author=None)
    story.run()
    assert _category_path(story, "SAUCISSON") == [["À classer"]]
    assert ["À classer"] not in _category_path(story, "TENTE2P")


@pytest.mark.covers("CAT-07")
def test_the_category_flow_alone_builds_the_whole_tree_and_renames_it(story: Story) -> None:
    run = story.run("categories")
    assert (run.result, run.created) == (RunResult.SUCCESS, 69)
    names = {term.name for term in story.shop.store.terms if term.taxonomy == "product_cat"}
    assert {"Bonnes affaires", "Vestes imperméables"} <= names
    story.erp.update("F_CATALOGUE", "CL_No", 69, CL_Intitule="Affaires à saisir")
    again = story.run("categories")
    assert (again.updated, again.unchanged) == (1, 68)
    assert "Affaires à saisir" in {term.name for term in story.shop.store.terms}


ALL_OTHERS = frozenset(PART_LABELS) - {"name"}


@pytest.mark.covers("CAT-09")
def test_a_part_switched_off_is_set_at_creation_and_never_overwritten(small: Small) -> None:
    everything: dict[str, Any] = {
        "description_field": "AR_Langue1",
        "summary_field": "Matière",
        "brand_field": "Marque commerciale",
        "width_field": "AR_Garantie",
        "feature_map": {"AR_Pays": "Origine"},
        "update_parts": [],
    }
    story = small("TENTE2P", products=everything)
    story.erp.update_article(
        "TENTE2P", AR_Langue1="Description", AR_Garantie=24, AR_Pays="France", **{"Marque commerciale": "Alti"}
    )
    story.run()
    number = story.product("TENTE2P")["id"]
    before = story.rest(f"products/{number}")
    assert before["description"] == "Description"
    assert before["short_description"] == "Polyester recyclé"
    assert before["regular_price"] == "229.00"
    assert before["stock_quantity"] == 33
    assert before["weight"] == "1.85"
    assert before["dimensions"]["width"] == "24"
    assert before["global_unique_id"] == "3760000000017"
    assert [brand["name"] for brand in before["brands"]] == ["Alti"]
    assert _attributes(story, "TENTE2P") == {"Origine": ["France"]}
    assert len(before["categories"]) == 3
    edits = {"description": "<p>à moi</p>", "regular_price": "1", "stock_quantity": 1, "weight": "9"}
    story.shop.app.mutate("edit", {"sku": "TENTE2P", "set": edits})
    kept = story.rest(f"products/{number}")
    story.erp.rename("TENTE2P", "Autre nom")
    story.erp.set_price("TENTE2P", 300, category=1)
    story.erp.update_article(
        "TENTE2P", AR_Langue1="X", AR_Garantie=1, AR_Pays="Italie", AR_PoidsNet=5, AR_CodeBarre="", CL_No3=0
    )
    options_store.save(story.profile, {"products": {"update_parts": ["name"]}}, author=None)
    run = story.run()
    assert run.updated == 1
    after = story.rest(f"products/{number}")
    changed = {name for name in after if after[name] != kept[name]}
    assert changed - {"date_modified", "date_modified_gmt", "meta_data", "related_ids"} == {"name"}
    assert after["name"] == "Autre nom"


@pytest.mark.covers("CAT-09")
@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("description", "description", "Texte neuf"),
        ("price", "regular_price", "300.00"),
        ("quantity", "stock_quantity", 40),
        ("weight", "weight", "2.5"),
        ("barcode", "global_unique_id", "3760000000994"),
        ("tax", "tax_class", "reduced-rate"),
    ],
)
def test_each_part_switched_on_alone_changes_nothing_else(small: Small, part: str, field: str, value: Any) -> None:
    story = small("TENTE2P", products={"description_field": "AR_Langue1", "update_parts": [part]})
    story.run()
    number = story.product("TENTE2P")["id"]
    before = story.rest(f"products/{number}")
    story.erp.update_article(
        "TENTE2P",
        AR_Design="Autre nom",
        AR_Langue1="Texte neuf",
        AR_PoidsNet=2500,
        AR_CodeBarre="3760000000994",
        FA_CodeFamille="LIVRE",
    )
    story.erp.set_price("TENTE2P", 300, category=1)
    story.erp.set_stock("TENTE2P", depot=1, real=29)
    assert story.run().updated == 1
    after = story.rest(f"products/{number}")
    side_effects = {"date_modified", "date_modified_gmt", "meta_data", "price", "price_html", "related_ids"}
    assert {name for name in after if after[name] != before[name]} - side_effects == {field}
    assert after[field] == value


@pytest.mark.covers("CAT-10")
def test_weights_are_converted_and_wrong_bar_codes_stay_behind_with_a_note(small: Small) -> None:
    story = small("POIDS-TONNE", "POIDS-MG", "POIDS-QUINTAL", "CB-FAUX", "CB-LETTRES", "TENTE2P")
    run = story.run()
    with story.erp.session() as session:
        stored = dict(session.all("SELECT AR_Ref, AR_PoidsNet FROM F_ARTICLE WHERE AR_Ref LIKE 'POIDS-%'"))
    sent = {sku: float(story.product(sku)["extra"]["weight"]) for sku in stored}
    assert sent == pytest.approx(
        {
            "POIDS-TONNE": float(stored["POIDS-TONNE"]) * 1000,
            "POIDS-QUINTAL": float(stored["POIDS-QUINTAL"]) * 100,
            "POIDS-MG": float(stored["POIDS-MG"]) / 1_000_000,
        },
        abs=0.0001,
    )
    for sku in ("CB-FAUX", "CB-LETTRES"):
        assert story.product(sku)["global_unique_id"] == ""
        line = JournalEntry.objects.get(run=run, item_key=sku)
        assert "code-barres" in line.text
        assert line.outcome == "created"
    assert story.product("TENTE2P")["global_unique_id"] == "3760000000017"


@pytest.mark.covers("CAT-10")
def test_the_gross_weight_and_the_dimensions_come_from_chosen_fields(small: Small) -> None:
    fields = {"weight_source": "gross", "width_field": "AR_Garantie", "height_field": "AR_Delai"}
    story = small("TENTE2P", products=fields)
    story.erp.update_article("TENTE2P", AR_Garantie=24, AR_Delai=7)
    story.run()
    row = story.rest(f"products/{story.product('TENTE2P')['id']}")
    assert row["weight"] == "2.035"
    assert (row["dimensions"]["width"], row["dimensions"]["height"]) == ("24", "7")


@pytest.mark.covers("CAT-11")
def test_features_are_sent_by_table_with_several_values_and_leave_when_emptied(small: Small) -> None:
    features = {"feature_map": {"Matière": "Matériau", "AR_Pays": "Origine"}, "feature_separator": "/"}
    story = small("TENTE2P", "TENTE3P", products=features)
    story.erp.update_article("TENTE2P", Matière="Polyester/ Aluminium", AR_Pays="France")
    story.run()
    assert _attributes(story, "TENTE2P") == {"Matériau": ["Aluminium", "Polyester"], "Origine": ["France"]}
    names = [attribute["name"] for attribute in story.shop.store.attributes]
    assert sorted(names) == sorted(set(names)), "an attribute is shared by all articles"
    story.erp.update_article("TENTE2P", Matière="Coton", AR_Pays="")
    assert story.run().updated == 1
    assert _attributes(story, "TENTE2P") == {"Matériau": ["Coton"]}


@pytest.mark.covers("CAT-12")
def test_ranges_become_variations_with_their_own_reference_price_and_quantity(story: Story) -> None:
    options_store.save(story.profile, {"products": {"expression": "AR_Ref = 'VESTE-IMP'"}}, author=None)
    story.run()
    parent = story.product("VESTE-IMP")
    assert parent["type"] == "variable"
    rows = {row["sku"]: row for row in story.rest(f"products/{parent['id']}/variations?per_page=100")}
    with story.erp.session() as session:
        wanted = session.all(
            "SELECT e.AE_Ref, g1.EG_Enumere, g2.EG_Enumere, e.AG_No1, e.AG_No2 FROM F_ARTENUMREF e"
            " JOIN F_ARTGAMME g1 ON g1.AR_Ref = e.AR_Ref AND g1.AG_No = e.AG_No1"
            " JOIN F_ARTGAMME g2 ON g2.AR_Ref = e.AR_Ref AND g2.AG_No = e.AG_No2"
            " WHERE e.AR_Ref = 'VESTE-IMP' AND e.AE_Sommeil = 0 AND e.AE_Ref <> ''"
        )
        stock = {
            (row[0], row[1]): row[2]
            for row in session.all(
                "SELECT AG_No1, AG_No2, SUM(GS_QteSto) FROM F_GAMSTOCK WHERE AR_Ref = 'VESTE-IMP'"
                " GROUP BY AG_No1, AG_No2"
            )
        }
    assert len(wanted) > 3
    assert set(rows) == {row[0] for row in wanted}
    for reference, first, second, number1, number2 in wanted:
        row = rows[reference]
        assert sorted(item["option"] for item in row["attributes"]) == sorted([first, second])
        assert row["stock_quantity"] == max(0, int(stock.get((number1, number2), 0)))
        assert float(row["regular_price"]) > 0
    links = Link.objects.filter(profile=story.profile, entity="variant", shop_parent=str(parent["id"]))
    assert {int(link.shop_key or 0) for link in links} == {row["id"] for row in rows.values()}


@pytest.mark.covers("CAT-08")
def test_articles_are_created_as_drafts_where_asked(small: Small) -> None:
    story = small("TENTE2P", products={"create_active": False})
    story.run()
    assert story.product("TENTE2P")["status"] == "draft"
    story.run("state")
    assert story.product("TENTE2P")["status"] == "draft", "only a change in the ERP publishes a draft"


@pytest.mark.covers("CAT-21")
def test_a_preview_writes_nothing_spends_nothing_and_tells_the_truth(small: Small) -> None:
    story = small("TENTE2P", "TENTE3P", "SANS-NOM")
    before = story.shop.server.log.totals()["item_writes"]
    preview = services.run_request(profile=story.profile, flow="products", dry=True)
    shown = story.finish(preview.run)
    assert (shown.created, shown.refused, shown.units) == (2, 1, 0)
    assert story.shop.server.log.totals()["item_writes"] == before
    assert not Link.objects.filter(profile=story.profile).exists()
    real = story.run()
    assert (real.created - _categories(story), real.refused) == (2, 1)
    story.erp.rename("TENTE2P", "Nouveau")
    lines = JournalEntry.objects.filter(run=story.run(dry=True), item_key="TENTE2P")
    assert lines.get().detail["changes"]["name"] == ["Tente légère 2 places « Glandasse »", "Nouveau"]
    assert story.product("TENTE2P")["name"] == "Tente légère 2 places « Glandasse »"


def _categories(story: Story) -> int:
    return Link.objects.filter(profile=story.profile, entity="category").count()


@pytest.mark.covers("PRI-04")
def test_prices_follow_their_own_filter_and_their_own_publication_rule(small: Callable[..., Story]) -> None:
    story = small("TENTE2P", "RECHAUD")
    assert story.run("products").created
    for reference in ("TENTE2P", "RECHAUD"):
        story.erp.set_price(reference, Decimal("77.00"), category=1)
    options_store.save(story.profile, {"prices": {"expression": "AR_Ref = 'RECHAUD'"}}, author=None)
    assert story.run("prices").updated == 1
    assert Decimal(story.rest(f"products/{story.product('RECHAUD')['id']}")["regular_price"]) == Decimal(77)
    story.erp.unpublish("TENTE2P")
    options_store.save(story.profile, {"prices": {"expression": ""}}, author=None)
    assert story.run("prices").updated == 0
    options_store.save(story.profile, {"prices": {"published_only": False}}, author=None)
    assert story.run("prices").updated == 1
