"""Pages, resuming, changes since a mark, broken rows, memory, and the proof that nothing is written."""

from __future__ import annotations

import tracemalloc
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.canonical.keys import Aspect, Entity
from connectors.core.problems import ConnectorBug, Misconfigured
from connectors.core.query import CategorySource, Query
from connectors.core.results import Cursor
from connectors.erp.sage100 import SPEC
from connectors.erp.sage100.articles import ArticleReader
from connectors.erp.sage100.variants import Owners
from connectors.sandbox.sage100 import build
from tests.connectors.sage100.support import runtime_of

EVERYTHING = Query(published_only=False, include_dormant=True)
ALL_READERS = [
    (Entity.CATEGORY, Aspect.DATA),
    (Entity.PRODUCT, Aspect.DATA),
    (Entity.PRODUCT, Aspect.STATE),
    (Entity.VARIANT, Aspect.STOCK),
    (Entity.VARIANT, Aspect.PRICE),
]


def add_articles(company, count: int) -> None:
    rows = [(f"P{number:05d}", f"Article {number}", number) for number in range(1, count + 1)]
    with company.sandbox.session() as session:
        session.many(
            "INSERT INTO F_ARTICLE (AR_Ref, AR_Design, AR_PrixVen, FA_CodeFamille, AR_Publie, AR_SuiviStock, "
            "AR_UnitePoids, AR_UniteVen, AR_QteComp) VALUES (?, ?, ?, 'BIVOUAC', 1, 2, 3, 1, 1)",
            rows,
        )


# Pages


@pytest.mark.covers("SYS-01")
@pytest.mark.parametrize("aspect", [Aspect.DATA, Aspect.STATE])
def test_pages_are_bounded_and_resume_after_each_cursor(editable, aspect) -> None:
    add_articles(editable, 130)
    whole = editable.read(Entity.PRODUCT, aspect, EVERYTHING, page_size=50)
    assert [len(page.records) for page in whole.pages if page.records] == [50, 50, 50, 20]
    assert {page.total for page in whole.pages} == {170}
    for place, page in enumerate(whole.pages):
        cursor = Cursor.loads(page.cursor.dumps())
        rest = editable.read(Entity.PRODUCT, aspect, EVERYTHING, since=cursor, page_size=50)
        expected = [record.key for later in whole.pages[place + 1 :] for record in later.records]
        assert [record.key for record in rest.records] == expected


@pytest.mark.covers("SYS-01")
def test_p08_rows_inserted_and_deleted_between_pages_lose_nothing(editable) -> None:
    add_articles(editable, 120)
    with editable.open(page_size=50) as connection:
        pages = connection.reader(Entity.PRODUCT).pages(EVERYTHING)
        first = next(pages)
        for reference in ("P00001", "P00100", "P00101"):  # one behind the cursor, two ahead of it
            editable.sandbox.delete_article(reference)
        editable.sandbox.add_article("NOUVEAU", "Créé pendant la lecture", family="BIVOUAC", price=1)
        seen = [record.key for page in (first, *pages) for record in page.records]
    assert len(seen) == len(set(seen))
    assert {f"P{number:05d}" for number in range(2, 121)} - {"P00100", "P00101"} <= set(seen)
    assert not {"P00100", "P00101"} & set(seen)


@pytest.mark.covers("SYS-01")
def test_p08_large_holes_in_the_row_numbers_are_jumped_over(editable) -> None:
    with editable.sandbox.session() as session:
        session.run("UPDATE F_ARTICLE SET cbMarq = cbMarq + 500000000 WHERE cbMarq > 20")
    with editable.open(page_size=50) as connection:
        statements = []
        reader = connection.reader(Entity.PRODUCT)
        real = reader.database.rows
        reader.database.rows = lambda name, *values: statements.append(name) or real(name, *values)
        keys = [record.key for page in reader.pages(EVERYTHING) for record in page.records]
    assert len(keys) == 40
    assert len(statements) < 60


@pytest.mark.covers("SYS-01", "CAT-05")
def test_a_filter_that_matches_little_still_gives_signs_of_life(local) -> None:
    add_articles(local, 8)
    with local.sandbox.session() as session:
        for number in range(1, 9):  # spread thin: no window holds two of them
            session.run("UPDATE F_ARTICLE SET cbMarq = ? WHERE AR_Ref = ?", (1000 + number * 450, f"P{number:05d}"))
    query = Query(expression="AR_Ref = 'P00008'")
    read = local.products(query, page_size=50)
    assert [record.key for record in read.records] == ["P00008"]
    assert read.pages[-1].cursor.after == str(1000 + 8 * 450)


@pytest.mark.covers("SYS-01", "LOG-04")
def test_keys_limit_the_reading_and_ignore_unknown_ones(sample) -> None:
    read = sample.products(keys=["BONNET", "NEXISTEPAS", "TENTE2P"])
    assert set(read.by_key) == {"BONNET", "TENTE2P"}
    stock = sample.stock(keys=["BONNET#12", "TENTE2P", "BONNET#99"])
    assert set(stock.by_key) == {"BONNET#12", "TENTE2P"}
    assert sample.products(keys=[]).records == []
    assert set(sample.categories(keys=["catalogue:3", "catalogue:99"]).by_key) == {"catalogue:3"}


@pytest.mark.covers("CAT-18")
def test_all_keys_name_everything_whatever_its_state(sample) -> None:
    with sample.open() as connection:
        found = {(entity, aspect): list(connection.reader(entity, aspect).all_keys()) for entity, aspect in ALL_READERS}
    assert len(found[Entity.PRODUCT, Aspect.DATA]) == len(set(found[Entity.PRODUCT, Aspect.STATE])) == 40
    assert "LANTERNE" in found[Entity.PRODUCT, Aspect.DATA]
    assert set(found[Entity.VARIANT, Aspect.STOCK]) == set(found[Entity.VARIANT, Aspect.PRICE])
    assert len(found[Entity.VARIANT, Aspect.STOCK]) == 33 + 52
    assert {"catalogue:13", "family:BIVOUAC"} <= set(found[Entity.CATEGORY, Aspect.DATA])


# What changed


@pytest.mark.covers("CAT-05")
def test_p05_only_what_changed_since_the_mark_of_the_server(editable) -> None:
    first = editable.products()
    mark = first.pages[-1].cursor.until
    assert mark == "2025-09-27 14:02:00"  # the latest row of the company, not the time of this machine
    editable.sandbox.touch_article("RECHAUD", "2025-10-01 08:00:00")
    again = editable.products(since=Cursor(since=mark))
    # CHAUSS-RANDO and the rows dated within two minutes of the mark are read again; the hash will tell them equal.
    assert {"RECHAUD", "CHAUSS-RANDO"} <= set(again.by_key)
    assert len(again.records) < 6
    assert again.pages[-1].cursor.until == "2025-10-01 08:00:00"


@pytest.mark.covers("CAT-05")
def test_p05_edits_during_the_reading_are_found_by_the_next_one(editable) -> None:
    add_articles(editable, 120)
    with editable.open(page_size=50) as connection:
        pages = connection.reader(Entity.PRODUCT).pages(Query())
        first = next(pages)
        editable.sandbox.rename("TENTE2P", "Modifiée derrière la lecture")
        rest = list(pages)
    mark = rest[-1].cursor.until
    assert mark == first.cursor.until
    later = editable.products(since=Cursor(since=mark))
    assert later.by_key["TENTE2P"].name[""] == "Modifiée derrière la lecture"


@pytest.mark.covers("CAT-05")
def test_p05_the_mark_stays_when_a_broken_reading_resumes(editable) -> None:
    add_articles(editable, 120)
    with editable.open(page_size=50) as connection:
        stopped = next(connection.reader(Entity.PRODUCT).pages(Query())).cursor
    editable.sandbox.touch_article("TENTE2P", "2031-01-01 00:00:00")
    resumed = editable.products(since=stopped)
    assert {page.cursor.until for page in resumed.pages} == {stopped.until}


@pytest.mark.covers("CAT-12", "CAT-05")
def test_p05_a_changed_variant_brings_its_article_although_the_article_did_not_change(editable) -> None:
    mark = editable.products().pages[-1].cursor.until
    quiet = set(editable.products(since=Cursor(since=mark)).by_key)
    assert "PANTALON" not in quiet
    editable.sandbox.update("F_ARTENUMREF", "AE_Ref", "PANTALON-S-BL", AE_Sommeil=1)
    editable.sandbox.update("F_GLOSSAIRE", "GL_No", 5, GL_Text="Nouveau texte")
    changed = editable.products(since=Cursor(since=mark))
    assert set(changed.by_key) == quiet | {"PANTALON", "GOURDE75"}
    assert changed.by_key["PANTALON"].variants[0].active is False
    assert changed.by_key["GOURDE75"].fields["glossaire:1"] == "Nouveau texte"
    resumed = editable.products(since=changed.pages[0].cursor)
    assert {"PANTALON", "GOURDE75"} <= set(resumed.by_key)
    assert "CHAUSS-RANDO" in changed.by_key  # changed by its own row: on the first page, not read again
    assert "CHAUSS-RANDO" not in resumed.by_key


@pytest.mark.covers("STK-05", "PRI-01")
def test_stock_and_prices_are_always_read_whole(editable) -> None:
    full = editable.stock().by_key
    editable.sandbox.set_stock("TENTE2P", real=100)
    again = editable.stock(since=Cursor(since="2030-01-01 00:00:00"))
    assert set(again.by_key) == set(full)
    assert again.by_key["TENTE2P"].quantity == 111
    assert {page.cursor.until for page in again.pages} == {""}


@pytest.mark.covers("SYS-01")
def test_without_change_dates_everything_is_read(local) -> None:
    for table in ("F_ARTICLE", "F_ARTENUMREF", "F_ARTGAMME", "F_ARTGLOSS", "F_GLOSSAIRE", "F_CONDITION", "F_ARTCOMPTA"):
        with local.sandbox.session() as session:
            session.script([f"DROP TRIGGER TG_CBUPD_{table}", f"DROP TRIGGER TG_CBINS_{table}"])
        local.sandbox.rename_column(table, "cbModification", "cbAutre")
    read = local.products(since=Cursor(since="2030-01-01 00:00:00"))
    assert len(read.records) == 32
    assert read.pages[-1].cursor.until == ""


# Rows that cannot become a record


@pytest.mark.covers("SYS-01")
def test_p12_a_broken_row_is_reported_and_the_others_go_on(editable) -> None:
    sandbox = editable.sandbox
    sandbox.update_article("TENTE3P", AR_PoidsNet=-5)
    sandbox.update_article("DUVET-10", AR_UnitePoids=9)
    with sandbox.session() as session:
        session.run("DELETE FROM F_ARTENUMREF WHERE AR_Ref = 'BONNET'")
        session.run("DELETE FROM F_ARTGAMME WHERE AG_No = 15")
        session.run("UPDATE F_ARTGAMME SET EG_Enumere = 'M ' WHERE AG_No = 3")
    read = editable.products(Query(with_price=True, with_stock=True))
    assert {key: row.problem.code for key, row in read.refused.items()} == {
        "TENTE3P": "value_negative",
        "DUVET-10": "value_unreadable",
        "BONNET": "range_without_variant",
        "GANTS": "range_value_unknown",
        "TSHIRT-MER": "range_value_repeated",
    }
    assert len(read.records) == 32 - 5
    assert read.refused["BONNET"].label == "Bonnet laine"
    for row in read.refused.values():
        assert row.problem.text()
        assert "%(" not in row.problem.text() + row.problem.advice_text()


@pytest.mark.covers("SYS-01")
def test_p12_a_text_in_a_number_column_refuses_that_row_only(local) -> None:
    local.sandbox.update_article("TENTE2P", AR_PrixAch="douze")
    read = local.prices()
    assert read.refused["TENTE2P"].problem.code == "value_unreadable"
    assert "douze" in read.refused["TENTE2P"].problem.text()
    assert len(read.records) == 77 - 1


@pytest.mark.covers("PRI-01")
def test_p12_a_negative_price_is_refused(local) -> None:
    local.sandbox.set_price("TENTE2P", -1)
    assert local.prices().refused["TENTE2P"].problem.code == "value_negative"


@pytest.mark.covers("CAT-13")
def test_p12_a_kit_that_holds_itself_is_refused(local) -> None:
    local.sandbox.update_article("DUVET-10", AR_Nomencl=2)
    with local.sandbox.session() as session:
        session.run(
            "INSERT INTO F_NOMENCLAT (AR_Ref, NO_RefDet, NO_Qte, NO_Ordre) VALUES ('DUVET-10', 'KIT-BIVOUAC', 1, 1)"
        )
    read = local.stock()
    assert read.refused["KIT-BIVOUAC"].problem.code == "kit_loop"
    assert "TENTE2P" in read.by_key


@pytest.mark.covers("CAT-07")
def test_p12_a_catalogue_node_without_parent_is_reported(local) -> None:
    local.sandbox.update("F_CATALOGUE", "CL_No", 6, CL_NoParent=77)
    read = local.categories()
    assert read.refused["catalogue:6"].problem.code == "category_parent_missing"
    assert {"catalogue:6", "catalogue:12"} == set(read.refused)
    assert len(read.records) == 11


NASTY = [
    "0012", "12", " ESPACE", "ESPACE ", "A/B\\C", "N°1", "µM-5", "É-È", "50%_OK", "O'BRIEN", 'GUIL"L', "A#B", "A#1",
    "[X]", "?", "a;b", "<b>&", "œuf", "€10",
]  # fmt: skip


@pytest.mark.covers("SYS-01")
def test_p22_nasty_references_go_through_unchanged(editable) -> None:
    for reference in NASTY:
        editable.sandbox.add_article(reference, f"« {reference} »", family="BIVOUAC", price=1)
        editable.sandbox.set_stock(reference, real=3)
    products = editable.products(Query(with_stock=True)).by_key
    assert {reference: products[reference].name[""] for reference in NASTY} == {ref: f"« {ref} »" for ref in NASTY}
    assert {products[reference].variants[0].stock.quantity for reference in NASTY} == {3}
    assert set(editable.stock(keys=NASTY).by_key) == set(NASTY)
    assert set(editable.products(keys=NASTY).by_key) == set(NASTY)


@pytest.mark.covers("SYS-01")
def test_p22_child_rows_written_in_another_case_find_their_article() -> None:
    owners = Owners(["TENTE2P", "RECHAUD", "rechaud"])
    assert owners.of("tente2p ") == "TENTE2P"  # SQL Server compares without case nor blanks at the end
    assert (owners.of("RECHAUD"), owners.of("rechaud")) == ("RECHAUD", "rechaud")  # exactly first
    assert owners.of("AUTRE") == ""


# Choices that no longer fit


@pytest.mark.covers("PRI-01", "STK-01", "CAT-07")
@pytest.mark.parametrize(
    ("entity", "aspect", "query", "code"),
    [
        (Entity.VARIANT, Aspect.PRICE, Query(price_category="9"), "price_category_unknown"),
        (Entity.VARIANT, Aspect.PRICE, Query(accounting_category="30"), "accounting_category_unknown"),
        (Entity.VARIANT, Aspect.STOCK, Query(warehouses=("1", "8")), "warehouse_unknown"),
        (Entity.PRODUCT, Aspect.DATA, Query(with_stock=True, warehouses=("x",)), "warehouse_unknown"),
        (
            Entity.CATEGORY,
            Aspect.DATA,
            Query(category_source=CategorySource.FIELDS, category_fields=("AR_Stat1",)),
            "field_unknown",
        ),
        (Entity.CATEGORY, Aspect.DATA, Query(category_source=CategorySource.FIELDS), "category_fields_missing"),
    ],
)
def test_a_choice_the_company_does_not_have_stops_the_reading(sample, entity, aspect, query, code) -> None:
    with pytest.raises(Misconfigured) as error:
        sample.read(entity, aspect, query)
    assert error.value.problem.code == code
    assert "%(" not in error.value.problem.text() + error.value.problem.advice_text()


@pytest.mark.covers("SYS-01")
def test_a_missing_column_stops_the_reading_by_name(editable) -> None:
    editable.sandbox.rename_column("F_ARTICLE", "AR_Gamme1", "AR_Disparue")
    with pytest.raises(Misconfigured) as error:
        editable.products()
    assert error.value.problem.code == "column_missing"
    assert "ar_gamme1" in error.value.problem.text().lower()


@pytest.mark.covers("SYS-01")
def test_columns_of_later_versions_are_done_without(editable) -> None:
    sandbox = editable.sandbox
    before = editable.products(Query(with_stock=True)).by_key
    for table, column in [
        ("F_ARTENUMREF", "AE_Sommeil"), ("F_DEPOT", "DE_Exclure"), ("F_ARTICLE", "AR_NbColis"),
        ("F_ARTCOMPTA", "ACP_ComptaCPT_Date1"), ("F_FAMCOMPTA", "FCP_ComptaCPT_TaxeAnc3"),
    ]:  # fmt: skip
        sandbox.rename_column(table, column, "cbAncien")
    after = editable.products(Query(with_stock=True)).by_key
    assert set(after) == set(before)
    assert after["GANTS"].variants[0].active is True
    assert "AR_NbColis" not in after["TENTE2P"].fields
    assert after["TENTE2P"].variants == before["TENTE2P"].variants


# Prices and taxes that depend on edits


@pytest.mark.covers("PRI-01")
def test_prices_that_apply_from_a_date(editable) -> None:
    sandbox = editable.sandbox
    sandbox.update_article("TENTE2P", AR_PrixVenNouv=240, AR_DateApplication="2025-11-21 00:00:00")
    sandbox.update_article("CASQUE", AR_CoefNouv=2.5, AR_PrixAchNouv=26, AR_DateApplication="2025-11-21 00:00:00")
    sandbox.update_article("RECHAUD", AR_PrixVenNouv=45, AR_DateApplication="2025-11-22 00:00:00")
    with sandbox.session() as session:
        session.run(
            "UPDATE F_ARTCLIENT SET AC_PrixVenNouv = 290, AC_DateApplication = ? WHERE AR_Ref = ? AND AC_Categorie = 3",
            ("2025-11-20 00:00:00", "TENTE2P"),
        )
    own = editable.prices().by_key
    web = editable.prices(Query(price_category="3")).by_key
    assert own["TENTE2P"].price.amount == 240
    assert own["CASQUE"].price.amount == 65
    assert own["CASQUE"].purchase.amount == 26
    assert own["RECHAUD"].price.amount == Decimal("39.9")
    assert web["TENTE2P"].price.amount == 290
    assert web["RECHAUD"].price.amount == Decimal("47.88")


@pytest.mark.covers("PRI-01")
def test_a_price_in_another_currency_is_converted(editable) -> None:
    with editable.sandbox.session() as session:
        session.run(
            "UPDATE F_ARTCLIENT SET AC_PrixVen = 0, AC_Coef = 0, AC_PrixDev = 188, AC_Devise = 2 "
            "WHERE AR_Ref = 'TENTE2P' AND AC_Categorie = 1"
        )
    assert editable.prices(Query(price_category="1"), keys=["TENTE2P"]).records[0].price.amount == 200  # 188 / 0.94


@pytest.mark.covers("PRI-02")
def test_brackets_of_the_family_apply_where_the_article_has_none(editable) -> None:
    with editable.sandbox.session() as session:
        session.run("DELETE FROM F_ARTCLIENT WHERE AR_Ref = 'BAUDRIER' AND AC_Categorie = 4")
    record = editable.prices(Query(price_category="4"), keys=["BAUDRIER"]).records[0]
    assert [(tier.from_quantity, tier.price.amount) for tier in record.tiers] == [
        (10, Decimal("54.28")), (50, Decimal("51.92")),
    ]  # fmt: skip


@pytest.mark.covers("PRI-01", "CAT-03")
def test_p14_a_tax_that_cannot_be_found_is_unknown_not_zero(editable) -> None:
    with editable.sandbox.session() as session:
        session.run("DELETE FROM F_FAMCOMPTA WHERE FA_CodeFamille = 'LIVRE'")
        session.run("UPDATE F_FAMCOMPTA SET FCP_ComptaCPT_Taxe1 = NULL WHERE FA_CodeFamille = 'VETEMENT'")
    records = editable.prices().by_key
    assert records["LIVRE-TOPO"].tax is None
    assert records["BONNET#11"].tax is None
    assert editable.products(keys=["LIVRE-TOPO"]).records[0].tax is None
    assert records["TENTE2P"].tax is not None


@pytest.mark.covers("PRI-01")
def test_roles_of_the_three_tax_codes_follow_the_settings(sample) -> None:
    ignored = sample.prices(keys=["LAMPEF600"], tax_role_2="ignored").records[0]
    assert (ignored.tax.code, ignored.eco_tax) == ("C20", None)
    none = sample.prices(keys=["LAMPEF600"], tax_role_1="ignored").records[0]
    assert (none.tax, none.eco_tax.amount) == (None, Decimal("0.6"))


@pytest.mark.covers("CAT-12")
def test_variant_references_that_are_not_unique_are_made_up(editable) -> None:
    editable.sandbox.update("F_ARTENUMREF", "AG_No1", 12, AE_Ref="TSHIRT-MER-S")
    products = editable.products().by_key
    assert products["BONNET"].variants[1].reference == "BONNET-12"
    assert products["TSHIRT-MER"].variants[0].reference == "TSHIRT-MER-1"


@pytest.mark.covers("CAT-16")
def test_texts_outside_their_period_are_left_out(editable) -> None:
    editable.sandbox.update("F_GLOSSAIRE", "GL_No", 1, GL_PeriodeFin="2025-11-20 00:00:00")
    editable.sandbox.update("F_GLOSSAIRE", "GL_No", 2, GL_PeriodeDeb="2025-11-22 00:00:00")
    editable.sandbox.update("F_GLOSSAIRE", "GL_No", 3, GL_PeriodeDeb="2025-11-21 00:00:00")
    products = editable.products().by_key
    assert "glossaire:1" not in products["TENTE2P"].fields
    assert "glossaire:1" not in products["VESTE-IMP"].fields
    assert "glossaire:1" in products["TSHIRT-MER"].fields


@pytest.mark.covers("CAT-12")
def test_ranges_that_hold_discounts_are_no_attributes(local) -> None:
    local.sandbox.update_article("TENTE2P", AR_Gamme1=4)
    tent = local.products(keys=["TENTE2P"]).records[0]
    assert (tent.axes, [variant.key for variant in tent.variants]) == ((), ["TENTE2P"])


# Nothing is written


@pytest.mark.covers("SYS-01")
def test_reading_everything_writes_nothing(editable) -> None:
    before = editable.sandbox.fingerprint()
    editable.sandbox.set_write_trap()
    for entity, aspect in ALL_READERS:
        query = Query(price_category="3", with_price=True, with_stock=True, expression="AR_PrixVen >= 0")
        assert editable.read(entity, aspect, query).records
    with editable.open() as connection:
        assert connection.check().ok
        assert all(connection.choices(name) for name in SPEC.choices)
        assert [list(connection.reader(*what).all_keys()) for what in ALL_READERS]
    assert editable.sandbox.trapped_writes() == []
    assert editable.sandbox.fingerprint() == before


@pytest.mark.covers("SYS-01")
def test_the_proof_would_notice_a_write(editable) -> None:
    before = editable.sandbox.fingerprint()
    editable.sandbox.set_write_trap()
    editable.sandbox.rename("TENTE2P", "Autre")
    assert editable.sandbox.trapped_writes()
    assert editable.sandbox.fingerprint() != before


@pytest.mark.covers("SYS-01")
def test_the_read_connection_refuses_to_insert(editable) -> None:
    with editable.open() as connection:
        session = connection.reader(Entity.PRODUCT).database.session
        with pytest.raises(ConnectorBug) as error:
            session.select("INSERT INTO F_DEPOT (DE_No, DE_Intitule) VALUES (99, 'x')")
        assert error.value.problem.code == "write_refused"
        # Even a program that goes around the door: the database itself refuses.
        cursor = session._connection.cursor()
        with pytest.raises(session._errors):
            cursor.execute("INSERT INTO F_DEPOT (DE_No, DE_Intitule) VALUES (99, 'x')")
        cursor.close()
    with editable.sandbox.session() as writer:
        assert writer.one("SELECT COUNT(*) FROM F_DEPOT") == (3,)


@pytest.mark.covers("SYS-01")
def test_a_reading_does_not_hold_back_the_users_of_sage(editable) -> None:
    with editable.open(page_size=50) as connection:
        pages = connection.reader(Entity.PRODUCT).pages(Query())
        next(pages)
        editable.sandbox.rename("TENTE2P", "Pendant la lecture")
    assert editable.products(keys=["TENTE2P"]).records[0].name[""] == "Pendant la lecture"


@pytest.mark.covers("SYS-01")
def test_a_second_source_is_the_one_that_is_read(local, tmp_path: Path) -> None:
    second = build(tmp_path / "second.db", merchant="sample")
    second.rename("TENTE2P", "Lue ailleurs")
    read = local.products(keys=["TENTE2P"], separate_read_source=True, read_kind="sqlite", read_path=str(second.path))
    assert read.records[0].name[""] == "Lue ailleurs"


# Memory


@pytest.mark.covers("SYS-01")
@pytest.mark.slow
@pytest.mark.parametrize("aspect", [Aspect.STOCK, Aspect.DATA])
def test_p28_memory_does_not_grow_with_the_catalogue(tmp_path: Path, aspect) -> None:
    entity = Entity.VARIANT if aspect is Aspect.STOCK else Entity.PRODUCT
    peaks = []
    for items in (9_000, 27_000):  # both longer than the longest page
        sandbox = build(tmp_path / f"{items}.db", merchant="generated", items=items)
        peaks.append(_peak(SPEC.options(kind="sqlite", path=str(sandbox.path)), entity, aspect, items))
    assert peaks[1] < peaks[0] * 1.2, "three times the articles, and the odd page more or less alive"


def _peak(options, entity: Entity, aspect: Aspect, items: int) -> int:
    with SPEC.open(options, runtime_of()) as connection:
        reader = connection.reader(entity, aspect)
        tracemalloc.start()
        try:
            count = sum(len(page.records) for page in reader.pages(Query(with_stock=True)))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert count == items
    return peak


def test_the_frame_is_abstract() -> None:
    with pytest.raises(TypeError):
        ArticleReader(None)  # type: ignore[abstract,arg-type]
