"""The demo merchant is coherent, read through both ODBC drivers as a connector reads it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.sage100 import PECULIAR, Sage100Sandbox, build
from connectors.sandbox.sage100.ean import is_ean13
from tests.sandbox.sage100_support import Reader, company, number

pytestmark = pytest.mark.odbc

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
WITHOUT_TAX = {"REGLAGE-FIX"}
ARTICLES = (
    "SELECT cbMarq, AR_Ref, AR_Design, AR_Langue1, FA_CodeFamille, AR_CodeBarre, AR_PoidsNet, AR_UnitePoids, "
    "AR_PrixAch, AR_Coef, AR_PrixVen, AR_PrixTTC, AR_Gamme1, AR_Gamme2, AR_Condition, AR_SuiviStock, AR_Nomencl, "
    "AR_Sommeil, AR_Publie, AR_Substitut, CL_No1, CL_No2, CL_No3, CL_No4 FROM F_ARTICLE ORDER BY cbMarq"
)
VARIANTS = "SELECT cbMarq, AR_Ref, AG_No1, AG_No2, AE_Ref, AE_CodeBarre, AE_Sommeil FROM F_ARTENUMREF"


@pytest.fixture(scope="module", params=ENGINES)
def sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sage100Sandbox]:
    with company(request.param, tmp_path_factory.mktemp("demo")) as made:
        yield made


@pytest.fixture(scope="module")
def reader(sandbox: Sage100Sandbox) -> Iterator[Reader]:
    made = Reader(sandbox)
    yield made
    made.close()


@pytest.fixture(scope="module")
def articles(reader: Reader) -> dict[str, dict[str, Any]]:
    return reader.by(ARTICLES, "ar_ref")


@pytest.mark.covers("SYS-01")
def test_about_three_hundred_articles_of_every_kind(articles: dict[str, dict[str, Any]]) -> None:
    assert 290 <= len(articles) <= 320
    sold = [row for row in articles.values() if row["ar_publie"] == 1 and row["ar_sommeil"] == 0]
    assert len(sold) >= 280
    kinds = Counter(row["ar_nomencl"] for row in articles.values())
    assert set(kinds) == {0, 1, 2, 3, 4}
    assert kinds[2] >= 4
    assert {row["ar_suivistock"] for row in articles.values()} >= {0, 1, 2, 5}
    assert {row["ar_unitepoids"] for row in articles.values()} == {0, 1, 2, 3, 4}
    one = [row for row in articles.values() if row["ar_gamme1"] and not row["ar_gamme2"]]
    two = [row for row in articles.values() if row["ar_gamme1"] and row["ar_gamme2"]]
    assert len(one) >= 30
    assert len(two) >= 15
    translated = [row for row in sold if row["ar_langue1"]]
    assert len(translated) >= 0.85 * len(sold)


@pytest.mark.covers("SYS-01")
def test_every_peculiar_article_exists(articles: dict[str, dict[str, Any]]) -> None:
    assert set(PECULIAR) <= set(articles)
    assert articles["SANS-NOM"]["ar_design"] == ""
    assert articles["DOUBLON-A"]["ar_codebarre"] == articles["DOUBLON-B"]["ar_codebarre"]
    assert all(sign in articles["LOT-ECOLE"]["ar_design"] for sign in '&"<>«')
    assert len(articles["NOM-LONG"]["ar_design"]) == 69
    assert articles["FIN-SERIE"]["ar_substitut"] == "SAC35-BELLEDONNE"


@pytest.mark.covers("CAT-07")
def test_families_exist_and_the_catalogue_has_four_levels(reader: Reader, articles: dict[str, dict[str, Any]]) -> None:
    families = reader.by("SELECT FA_CodeFamille, FA_Central FROM F_FAMILLE WHERE FA_Type = 0", "fa_codefamille")
    groups = {row["fa_codefamille"] for row in reader.rows("SELECT FA_CodeFamille FROM F_FAMILLE WHERE FA_Type = 2")}
    assert {row["fa_codefamille"] for row in articles.values()} <= set(families)
    assert {row["fa_central"] for row in families.values() if row["fa_central"]} <= groups
    nodes = reader.by("SELECT CL_No, CL_NoParent, CL_Niveau, CL_Intitule FROM F_CATALOGUE", "cl_no")
    assert {row["cl_niveau"] for row in nodes.values()} == {0, 1, 2, 3}
    for node in nodes.values():
        parent = nodes.get(node["cl_noparent"])
        assert (parent["cl_niveau"] + 1 if parent else 0) == node["cl_niveau"]
    for reference, row in articles.items():
        path = [row[f"cl_no{level}"] for level in range(1, 5) if row[f"cl_no{level}"]]
        if reference == "CAT-PERDUE":
            assert path == [1, 999]
            continue
        for parent_number, child in zip([0, *path], path, strict=False):
            assert nodes[child]["cl_noparent"] == parent_number, reference


@pytest.mark.covers("CAT-12")
def test_variants_belong_to_the_ranges_of_their_article(reader: Reader, articles: dict[str, dict[str, Any]]) -> None:
    ranges = {row["cbindice"]: row for row in reader.rows("SELECT cbIndice, G_Intitule, G_Type FROM P_GAMME")}
    values = reader.by("SELECT AG_No, AR_Ref, AG_Type, EG_Enumere FROM F_ARTGAMME", "ag_no")
    listed = {
        (row["eg_champ"], row["eg_enumere"]) for row in reader.rows("SELECT EG_Champ, EG_Enumere FROM F_ENUMGAMME")
    }
    for value in values.values():
        index = articles[value["ar_ref"]][f"ar_gamme{value['ag_type'] + 1}"]
        assert ranges[index]["g_type"] == 0
        assert (index, value["eg_enumere"]) in listed, value
    variants = reader.rows(VARIANTS)
    for variant in variants:
        first, second = values[variant["ag_no1"]], values.get(variant["ag_no2"])
        assert first["ar_ref"] == variant["ar_ref"]
        assert first["ag_type"] == 0
        assert bool(articles[variant["ar_ref"]]["ar_gamme2"]) == (second is not None)
        assert second is None or (second["ar_ref"], second["ag_type"]) == (variant["ar_ref"], 1)
    assert any(variant["ae_sommeil"] for variant in variants)
    counts = Counter(variant["ar_ref"] for variant in variants)
    olan = Counter(row["ag_type"] for row in values.values() if row["ar_ref"] == "VESTE-F-OLAN")
    assert counts["VESTE-F-OLAN"] == olan[0] * olan[1] - 1
    assert counts["GAMME-VIDE"] == 0
    without = {ref for ref, row in articles.items() if row["ar_gamme1"] and not counts[ref]}
    assert without == {"GAMME-VIDE"}


@pytest.mark.covers("CAT-10")
def test_bar_codes_are_valid_and_unique_except_on_purpose(reader: Reader, articles: dict[str, dict[str, Any]]) -> None:
    codes = [(ref, row["ar_codebarre"]) for ref, row in articles.items() if row["ar_codebarre"]]
    codes += [(row["ar_ref"], row["ae_codebarre"]) for row in reader.rows(VARIANTS) if row["ae_codebarre"]]
    added = {ref for ref, row in articles.items() if row["cbmarq"] > 40}
    wrong = {ref for ref, code in codes if ref in added and not is_ean13(code)}
    assert wrong == {"CB-FAUX", "CB-LETTRES"}
    repeated = [code for code, times in Counter(code for _, code in codes).items() if times > 1]
    assert repeated == [articles["DOUBLON-A"]["ar_codebarre"]]


@pytest.mark.covers("CAT-12")
def test_references_of_variants_are_unique_except_on_purpose(
    reader: Reader, articles: dict[str, dict[str, Any]]
) -> None:
    names = Counter(row["ae_ref"] for row in reader.rows(VARIANTS) if row["ae_ref"])
    assert [name for name, times in names.items() if times > 1] == ["MANCHONS"]
    assert set(names) & set(articles) == {"TENTE3P"}


@pytest.mark.covers("STK-01")
def test_stock_of_an_article_is_the_total_of_its_variants(reader: Reader, articles: dict[str, dict[str, Any]]) -> None:
    stocks = reader.by(
        "SELECT AR_Ref, DE_No, AS_QteSto, AS_QteRes, AS_QteCom, AS_QtePrepa FROM F_ARTSTOCK", "ar_ref", "de_no"
    )
    totals: dict[Any, Counter[str]] = defaultdict(Counter)
    variants = {(row["ar_ref"], row["ag_no1"], row["ag_no2"]) for row in reader.rows(VARIANTS)}
    for row in reader.rows(
        "SELECT AR_Ref, AG_No1, AG_No2, DE_No, GS_QteSto, GS_QteRes, GS_QteCom, GS_QtePrepa FROM F_GAMSTOCK"
    ):
        assert (row["ar_ref"], row["ag_no1"], row["ag_no2"]) in variants
        for name in ("qtesto", "qteres", "qtecom", "qteprepa"):
            totals[row["ar_ref"], row["de_no"]][name] += number(row[f"gs_{name}"])
    assert len(totals) > 60
    for key, total in totals.items():
        assert {name: number(stocks[key][f"as_{name}"]) for name in total} == dict(total), key
    untracked = {ref for ref, row in articles.items() if row["ar_suivistock"] == 0}
    assert not untracked & {ref for ref, _ in stocks}
    assert {depot for _, depot in stocks} == {1, 2, 3}
    assert number(stocks["STOCK-NEG", 1]["as_qtesto"]) == -3
    assert number(stocks["SANGLE-METRE", 1]["as_qtesto"]) == Decimal("152.35")
    assert [key for key in stocks if key[0] == "STOCK-AUCUN"] == []
    assert [key for key in stocks if key[0] == "DEPOT-EXCLU"] == [("DEPOT-EXCLU", 3)]
    excluded = [row["de_no"] for row in reader.rows("SELECT DE_No FROM F_DEPOT WHERE DE_Exclure = 1")]
    assert excluded == [3]


@pytest.mark.covers("STK-01")
def test_open_quantities_are_those_of_the_documents(reader: Reader) -> None:
    lines = reader.rows(
        "SELECT DO_Domaine, DO_Type, AR_Ref, DE_No, AG_No1, AG_No2, DL_Qte FROM F_DOCLIGNE "
        "WHERE DO_Type IN (1, 2, 12) AND AR_Ref IS NOT NULL"
    )
    wanted: dict[Any, Decimal] = defaultdict(Decimal)
    for line in lines:
        field = {1: "as_qteres", 2: "as_qteprepa", 12: "as_qtecom"}[line["do_type"]]
        wanted[line["ar_ref"], line["de_no"], field] += number(line["dl_qte"])
    stocks = reader.rows("SELECT AR_Ref, DE_No, AS_QteRes, AS_QtePrepa, AS_QteCom FROM F_ARTSTOCK")
    found = {
        (row["ar_ref"], row["de_no"], name): number(row[name])
        for row in stocks
        for name in ("as_qteres", "as_qteprepa", "as_qtecom")
    }
    for key, quantity in wanted.items():
        assert found.get(key, quantity) == quantity, key
    assert sum(found.values()) == sum(quantity for key, quantity in wanted.items() if key in found)


@pytest.mark.covers("CAT-03")
def test_the_tax_of_every_article_is_found_except_on_purpose(
    reader: Reader, articles: dict[str, dict[str, Any]]
) -> None:
    own = reader.by(
        "SELECT AR_Ref, ACP_Champ, ACP_ComptaCPT_Taxe1 AS taxe1, ACP_ComptaCPT_Taxe2 AS taxe2, "
        "ACP_ComptaCPT_Date1 AS date1, ACP_ComptaCPT_TaxeAnc1 AS ancienne FROM F_ARTCOMPTA "
        "WHERE ACP_Type = 0 AND ACP_TypeFacture = 0",
        "ar_ref", "acp_champ",
    )  # fmt: skip
    family = reader.by(
        "SELECT FA_CodeFamille, FCP_Champ, FCP_ComptaCPT_Taxe1 AS taxe1, FCP_ComptaCPT_Taxe2 AS taxe2 FROM F_FAMCOMPTA "
        "WHERE FCP_Type = 0 AND FCP_TypeFacture = 0",
        "fa_codefamille", "fcp_champ",
    )  # fmt: skip
    taxes = reader.by("SELECT TA_Code, TA_Taux, TA_TTaux, TA_Type FROM F_TAXE", "ta_code")
    used: Counter[str] = Counter()
    for reference, row in articles.items():
        for zone in (1, 2, 3, 4):
            found = own.get((reference, zone)) or family.get((row["fa_codefamille"], zone))
            assert (found is None) == (reference in WITHOUT_TAX), (reference, zone)
            if found and zone == 1:
                used.update(code for code in (found["taxe1"], found["taxe2"]) if code)
                assert found["taxe1"] in taxes
    assert {"C20", "C10", "C055", "C021", "CMARG", "DEEE1", "DEEE2"} <= set(used)
    assert {str(number(taxes[code]["ta_taux"]).normalize()) for code in ("C20", "C055", "C021")} == {
        "2E+1",
        "5.5",
        "2.1",
    }
    future = own["TVA-FUTURE", 1]
    assert (future["taxe1"], future["ancienne"], future["date1"]) == ("C10", "C055", datetime(2031, 1, 1))  # noqa: DTZ001


@pytest.mark.covers("PRI-01", "PRI-02")
def test_every_sold_article_has_a_price_and_web_prices_agree_with_the_base(
    reader: Reader, articles: dict[str, dict[str, Any]]
) -> None:
    rows = reader.rows(
        "SELECT AR_Ref, AC_Categorie, CT_Num, AC_PrixVen, AC_Coef, AC_PrixTTC, AC_Remise, AC_QteMont, AC_PrixDev "
        "FROM F_ARTCLIENT"
    )
    web = {row["ar_ref"]: row for row in rows if row["ac_categorie"] == 3 and row["ct_num"] is None}
    for reference, row in articles.items():
        if row["ar_publie"] != 1 or row["ar_sommeil"] or reference in ("PRIX-NUL", "KIT-SECU"):
            continue
        base = number(row["ar_prixven"]) or number(row["ar_prixach"]) * number(row["ar_coef"])
        assert base > 0, reference
        assert number(web[reference]["ac_prixven"]) > 0, reference
        assert web[reference]["ac_prixttc"] == 1
    assert "PRIX-NUL" not in web
    assert {row["ar_prixttc"] for row in articles.values()} == {0, 1}
    assert {row["ac_qtemont"] for row in rows} == {0, 1, 2, 3}
    assert any(row["ct_num"] and number(row["ac_prixdev"]) for row in rows)
    bag = articles["SAC35-BELLEDONNE"]
    assert number(bag["ar_prixven"]) == Decimal("90.83")
    assert number(web["SAC35-BELLEDONNE"]["ac_prixven"]) == 109


@pytest.mark.covers("PRI-02")
def test_brackets_close_and_belong_to_a_price_row(reader: Reader) -> None:
    owners = {
        (row["ar_ref"], row["ct_num"] or f"a{row['ac_categorie']:02d}"): row
        for row in reader.rows("SELECT AR_Ref, AC_Categorie, CT_Num, AC_QteMont FROM F_ARTCLIENT WHERE AC_QteMont <> 0")
    }
    brackets: dict[Any, list[Decimal]] = defaultdict(list)
    for row in reader.rows(
        "SELECT AR_Ref, TQ_RefCF, TQ_BorneSup FROM F_TARIFQTE ORDER BY AR_Ref, TQ_RefCF, TQ_BorneSup"
    ):
        brackets[row["ar_ref"], row["tq_refcf"]].append(number(row["tq_bornesup"]))
    assert len(brackets) >= 20
    assert set(brackets) == set(owners)
    assert all(bounds[-1] == 99999999999999 and len(set(bounds)) == len(bounds) for bounds in brackets.values())


@pytest.mark.covers("CAT-13")
def test_kits_are_made_of_articles(reader: Reader, articles: dict[str, dict[str, Any]]) -> None:
    parts = reader.rows("SELECT AR_Ref, NO_RefDet, NO_Qte FROM F_NOMENCLAT ORDER BY AR_Ref, NO_Ordre")
    assert {row["no_refdet"] for row in parts} <= set(articles)
    assert {row["ar_ref"] for row in parts} == {ref for ref, row in articles.items() if row["ar_nomencl"]}
    assert all(number(row["no_qte"]) > 0 for row in parts)


@pytest.mark.covers("CAT-11")
def test_information_libres_of_every_type_are_filled(reader: Reader) -> None:
    described = reader.rows("SELECT CB_Name, CB_Type FROM cbSysLibre WHERE CB_File = 'F_ARTICLE' ORDER BY CB_Pos")
    assert {row["cb_type"] for row in described} == {3, 7, 9, 14, 20, 22}
    for row in described:
        name = row["cb_name"]
        filled = reader.rows(f'SELECT "{name}" AS valeur FROM F_ARTICLE WHERE "{name}" IS NOT NULL')  # noqa: S608
        assert len(filled) >= 3, name
    materials = {row["el_intitule"] for row in reader.rows("SELECT EL_Intitule FROM F_ENUMLIBRECIAL WHERE N_Info = 1")}
    # Under an alias: the SQLite driver adds a NUL to result names with accents.
    statement = 'SELECT "Matière" AS valeur FROM F_ARTICLE WHERE "Matière" IS NOT NULL'
    used = {row["valeur"] for row in reader.rows(statement)}
    assert used <= materials


@pytest.mark.covers("CAT-16")
def test_texts_are_in_two_languages(reader: Reader) -> None:
    texts = reader.rows(
        "SELECT x.AR_Ref, x.AGL_Num, g.GL_Text, g.GL_TextLangue1 FROM F_ARTGLOSS x "
        "INNER JOIN F_GLOSSAIRE g ON g.GL_No = x.GL_No WHERE g.GL_Domaine = 0 ORDER BY x.AR_Ref, x.AGL_Num"
    )
    described = {row["ar_ref"]: row for row in texts if row["agl_num"] == 1}
    assert len(described) >= 180
    assert len(described["TEXTE-LONG"]["gl_text"]) > 3500
    assert described["SAC35-BELLEDONNE"]["gl_textlangue1"].startswith("Ventilated mesh back")


@pytest.mark.covers("ORD-08")
def test_totals_of_documents_are_those_of_their_lines(sandbox: Sage100Sandbox) -> None:
    for web_number in ("100001", "100003", "100006", *(str(100007 + extra) for extra in range(5))):
        documents = sandbox.documents(web_number)
        assert len(documents) == 1, web_number
        assert documents[0].total_net == sum(line.net for line in documents[0].lines), web_number


@pytest.mark.covers("SYS-01")
def test_the_same_seed_gives_the_same_company_and_another_only_other_quantities(
    sandbox: Sage100Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again = build(tmp_path_factory.mktemp("again") / "again.db")
    assert again.fingerprint() == sandbox.fingerprint()
    other = build(tmp_path_factory.mktemp("other") / "other.db", seed=2)
    assert other.fingerprint() != sandbox.fingerprint()
    statement = "SELECT AR_Ref, AR_Design, AR_PrixVen, AR_CodeBarre FROM F_ARTICLE ORDER BY cbMarq"
    with other.session(write=False) as theirs, sandbox.session(write=False) as ours:
        assert theirs.all(statement) == ours.all(statement)


@pytest.mark.covers("SYS-01")
def test_every_enforced_reference_holds(tmp_path_factory: pytest.TempPathFactory) -> None:
    sandbox = build(tmp_path_factory.mktemp("keys") / "keys.db")
    with sandbox.session(write=False) as session:
        assert session.all("PRAGMA foreign_key_check") == []
        for table, column, target, key in (
            ("F_ARTICLE", "FA_CodeFamille", "F_FAMILLE", "FA_CodeFamille"),
            ("F_COMPTET", "CT_NumPayeur", "F_COMPTET", "CT_Num"),
            ("F_ARTSTOCK", "DE_No", "F_DEPOT", "DE_No"),
            ("F_TARIFCOND", "CO_No", "F_CONDITION", "CO_No"),
        ):
            lost = f"SELECT {column} FROM {table} WHERE {column} NOT IN (SELECT {key} FROM {target})"  # noqa: S608
            assert session.all(lost) == [], table


OPEN_PURCHASES = (
    "SELECT AR_Ref, AG_No1, AG_No2, DE_No, SUM(DL_Qte) AS qte FROM F_DOCLIGNE WHERE DO_Domaine = 1 AND DO_Type = 12 "
    "GROUP BY AR_Ref, AG_No1, AG_No2, DE_No"
)


@pytest.mark.covers("STK-04")
def test_what_is_on_order_is_in_the_stock_rows_of_articles_and_variants(reader: Reader) -> None:
    ordered = {
        (row["ar_ref"], row["ag_no1"], row["ag_no2"], row["de_no"]): number(row["qte"])
        for row in reader.rows(OPEN_PURCHASES)
    }
    assert sum(1 for key in ordered if key[1]) >= 2, "variants are on order too"
    variants = {
        (row["ar_ref"], row["ag_no1"], row["ag_no2"], row["de_no"]): number(row["gs_qtecom"])
        for row in reader.rows("SELECT AR_Ref, AG_No1, AG_No2, DE_No, GS_QteCom FROM F_GAMSTOCK WHERE GS_QteCom <> 0")
    }
    assert variants == {key: amount for key, amount in ordered.items() if key[1]}
    totals: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for (reference, _, _, depot), amount in ordered.items():
        totals[reference, depot] += amount
    articles = {
        (row["ar_ref"], row["de_no"]): number(row["as_qtecom"])
        for row in reader.rows("SELECT AR_Ref, DE_No, AS_QteCom FROM F_ARTSTOCK WHERE AS_QteCom <> 0")
    }
    assert articles == totals


@pytest.mark.covers("STK-04")
def test_purchase_orders_are_dated_around_the_day_of_the_company(tmp_path: Path) -> None:
    def dates(**arguments: date) -> dict[str, tuple[str, str]]:
        made = build(tmp_path / "dated.db", **arguments)
        with made.session(write=False) as session:
            rows = session.all(
                "SELECT DO_Piece, DO_Date, DO_DateLivr FROM F_DOCENTETE WHERE DO_Domaine = 1 AND DO_Piece <> 'AC00001'"
            )
        return {piece: (str(made_on)[:10], str(due)[:10]) for piece, made_on, due in rows}

    today = date(2027, 3, 1)
    assert all(made_on == due < "2026" for made_on, due in dates().values())
    around = dates(today=today)
    assert {made_on for made_on, _ in around.values()} == {"2027-02-17"}
    assert sorted(due for _, due in around.values())[0] == "2027-03-06"
    assert len({due for _, due in around.values()}) == len(around) == 6
