"""The filter expression: one condition and nothing else, on every road."""

from __future__ import annotations

import string

import pytest
import sqlglot
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from connectors.canonical.keys import Entity
from connectors.core.conditions import Column, ColumnKind, check_condition, parse_condition
from connectors.core.odbc import require_select
from connectors.core.problems import Misconfigured
from connectors.core.query import Query

COLUMNS = {
    name.lower(): Column(name, f'"{name}"' if custom else name, kind)
    for name, kind, custom in [
        ("AR_Ref", ColumnKind.TEXT, False),
        ("AR_Design", ColumnKind.TEXT, False),
        ("AR_Stat01", ColumnKind.TEXT, False),
        ("AR_PrixVen", ColumnKind.NUMBER, False),
        ("AR_Publie", ColumnKind.NUMBER, False),
        ("AR_DateModif", ColumnKind.DATE, False),
        ("Marque commerciale", ColumnKind.TEXT, True),
        ("Matière", ColumnKind.TEXT, True),
    ]
}


def written(text: str) -> str:
    return parse_condition(text, COLUMNS, table="F_ARTICLE", alias="a")


@pytest.mark.covers("CAT-05")
@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("", ""),
        ("   ", ""),
        ("AR_Stat01 = 'Été'", "a.AR_Stat01 = 'Été'"),
        ("ar_stat01='x'", "a.AR_Stat01 = 'x'"),
        ("F_ARTICLE.AR_Publie = 1", "a.AR_Publie = 1"),
        ("\"Marque commerciale\" <> ''", "a.\"Marque commerciale\" <> ''"),
        ("[Matière] LIKE 'Poly%'", "a.\"Matière\" LIKE 'Poly%'"),
        ("AR_Ref IN ('A', 'B')", "a.AR_Ref IN ('A', 'B')"),
        ("AR_Ref NOT IN ('A')", "NOT (a.AR_Ref IN ('A'))"),
        ("AR_PrixVen BETWEEN 1 AND 2.5", "a.AR_PrixVen BETWEEN 1 AND 2.5"),
        ("AR_PrixVen * 1.2 > -5", "(a.AR_PrixVen * 1.2) > -5"),
        ("AR_Design IS NOT NULL", "NOT (a.AR_Design IS NULL)"),
        ("AR_Ref = 'O''BRIEN'", "a.AR_Ref = 'O''BRIEN'"),
        ("AR_Ref = 'a;b--c/*d'", "a.AR_Ref = 'a;b--c/*d'"),
        (
            "AR_Publie = 1 AND (AR_PrixVen > 2 OR AR_Ref = 'Z')",
            "(a.AR_Publie = 1 AND ((a.AR_PrixVen > 2 OR a.AR_Ref = 'Z')))",
        ),
        ("UPPER(AR_Ref) = 'X'", "UPPER(a.AR_Ref) = 'X'"),
        ("COALESCE(AR_PrixVen, 0) >= 1", "COALESCE(a.AR_PrixVen, 0) >= 1"),
        ("AR_DateModif >= '2025-01-31'", "a.AR_DateModif >= {ts '2025-01-31 00:00:00'}"),
        ("AR_DateModif >= '31/01/2025'", "a.AR_DateModif >= {ts '2025-01-31 00:00:00'}"),
        ("AR_DateModif < {d '2025-02-01'}", "a.AR_DateModif < {ts '2025-02-01 00:00:00'}"),
        ("AR_DateModif < {ts '2025-02-01 10:20:30'}", "a.AR_DateModif < {ts '2025-02-01 10:20:30'}"),
    ],
)
def test_a_condition_is_written_again_from_its_tree(text, sql) -> None:
    assert written(text) == sql


REFUSED = [
    "AR_Ref", "AR_Publie", "1", "1 = 1", "'a' = 'a'", "AR_Ref = 'x'; DROP TABLE F_ARTICLE", "AR_Ref = 'x' -- reste",
    "AR_Ref = 'x' /* reste */", "AR_Ref = 'x' DROP TABLE F_ARTICLE", "AR_Ref = 'x' UNION SELECT 1",
    "AR_Ref IN (SELECT CT_Num FROM F_COMPTET)", "EXISTS (SELECT 1 FROM F_COMPTET)", "(SELECT 1) = 1",
    "AR_Ref = (SELECT MAX(AR_Ref) FROM F_ARTICLE)", "AR_Ref = ANY('a')", "AR_Ref = @x", "AR_Ref = ?", "AR_Ref = :p",
    "AR_Ref = pg_sleep(5)", "AR_Ref = xp_cmdshell('dir')", "sqlite_version() = '3'", "LEN(AR_Ref) > 3",
    "CAST(AR_Ref AS int) = 1", "AR_PrixVen / 0 = 1", "AR_PrixVen % 2 = 0", "AR_Ref || 'x' = 'y'",
    "CASE WHEN 1 = 1 THEN 1 ELSE 0 END = 1", "F_COMPTET.CT_Num = 'X'", "dbo.F_ARTICLE.AR_Ref = 'X'",
    "AR_Ref = 'x' COLLATE French_CI_AS", "AR_Ref = 0x41", "AR_Ref = NULL", "AR_Publie = TRUE", "AR_Ref = 'x' AS y",
    "AR_Ref LIKE 'x' ESCAPE '!'", "AR_PrixVen = 1e5", "AR_Ref := 'x'", "AR_Ref", "SET AR_Ref = 'x'",
    "DELETE FROM F_ARTICLE",
    "AR_Ref = 'x' ORDER BY AR_Ref", "AR_Ref = 'x' GROUP BY AR_Ref", "AR_Ref = 'x' LIMIT 1", "AR_Ref = 'x",
    "AR_Ref = x'",
    "AR_Ref = \"Été\"", "AR_Rfe = 'x'", "NOT", "(", "AR_Ref = 'x')", "AR_Ref IN ()", "AR_DateModif > {d '2025-13-45'}",
    "AR_Ref = 'x'\x00", "AR_Ref = 'a\x00b'", "(" * 30 + "AR_Ref = 'x'" + ")" * 30, "NOT " * 60 + "AR_Publie = 1",
    "AR_Ref = '" + "x" * 3000 + "'", "AR_Ref = $$x$$", "AR_Ref = E'\\'' OR 1 = 1", "AR_Ref SIMILAR TO 'x'",
    "AR_Ref IS 1", "AR_Ref IN ('a', AR_Design)", "AR_Ref = 'a', AR_Design = 'b'",
]  # fmt: skip


@pytest.mark.covers("CAT-05")
@pytest.mark.parametrize("text", REFUSED)
def test_anything_else_is_refused_with_advice(text) -> None:
    with pytest.raises(Misconfigured) as error:
        written(text)
    problem = error.value.problem
    assert problem.code == "expression_refused"
    assert problem.text()
    assert problem.advice_text()
    assert "%(" not in problem.text() + problem.advice_text()


@pytest.mark.covers("CAT-05")
def test_an_unknown_field_names_the_closest_ones() -> None:
    with pytest.raises(Misconfigured) as error:
        written("AR_Stat1 = 'x'")
    assert "AR_Stat01" in error.value.problem.advice_text()


_VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
_FRAGMENTS = st.sampled_from(
    ["AR_Ref", "AR_PrixVen", "=", "<>", "IN", "(", ")", "'", '"', "[", "]", "AND", "OR", "NOT", "SELECT", "FROM",
     "UNION", ";", "--", "/*", "*/", "1", "0", "''", "NULL", "IS", "LIKE", "{d '2025-01-01'}", "DROP", "F_ARTICLE",
     ",", "\n", "EXEC"]
)  # fmt: skip


@pytest.mark.covers("CAT-05")
@given(_VALUES)
@example("'; DROP TABLE F_ARTICLE; --")
@example("\\'")
@example("IN (?)")
@settings(deadline=None)
def test_any_text_is_a_value_and_stays_one(value) -> None:
    literal = "'" + value.replace("'", "''") + "'"
    try:
        sql = written(f"AR_Ref = {literal}")
    except Misconfigured:
        return  # refused, hence harmless
    assert sql == f"a.AR_Ref = {literal}"


@pytest.mark.covers("CAT-05")
@given(st.lists(_FRAGMENTS, max_size=14).map(" ".join) | st.text(string.printable, max_size=80))
@settings(deadline=None, max_examples=400)
def test_hostile_texts_give_a_single_condition_or_a_refusal(text) -> None:
    try:
        sql = written(text)
    except Misconfigured:
        return  # refused, hence harmless
    if not sql:
        return
    statement = "SELECT a.AR_Ref FROM F_ARTICLE a WHERE a.AR_Sommeil = 0 AND (" + sql + ")"  # noqa: S608 the text under test
    require_select(statement)
    (tree,) = sqlglot.parse(statement, read="tsql")
    assert [table.name for table in tree.find_all(exp.Table)] == ["F_ARTICLE"]
    assert len(list(tree.find_all(exp.Select))) == 1
    for column in tree.find_all(exp.Column):
        assert column.name.lower() in COLUMNS or column.name == "AR_Sommeil"


# Against the company


@pytest.mark.covers("CAT-05")
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("AR_Stat01 = 'Hiver' AND AR_PrixVen > 50", {"DUVET-10", "POLAIRE"}),
        ("[Marque commerciale] = 'Moucherotte'", {"TSHIRT-MER", "VESTE-IMP", "POLAIRE"}),
        ("\"Matière\" = 'Inox' OR Indice_reparabilite >= 8", {"GOURDE75", "LAMPEF300"}),
        ("\"Mise en ligne\" >= '2025-06-01'", {"VESTE-IMP"}),
        ("cbModification >= {ts '2025-09-27 00:00:00'}", {"CHAUSS-RANDO"}),
        ("AR_Ref IN ('BONNET', 'LANTERNE')", {"BONNET"}),
        ("AR_Ref = 'IN (?)'", set()),
        ("AR_Design = '?'", set()),
        ("AR_Design LIKE '%« Glandasse »'", {"TENTE2P", "TENTE3P"}),
        ("AR_PrixVen * 2 = 458", {"TENTE2P"}),
        ("NOT (FA_CodeFamille <> 'LIVRE')", {"LIVRE-TOPO", "CARTE-IGN"}),
    ],
)
def test_filters_select_articles_on_every_road(sample, expression, expected) -> None:
    query = Query(expression=expression)
    assert set(sample.products(query).by_key) == expected
    assert {record.product_key for record in sample.stock(query).records} == expected
    assert {record.product_key for record in sample.prices(query).records} == expected
    assert expected <= set(sample.states(query).by_key)
    assert set(sample.products(query, keys=["BONNET", "TENTE2P"]).by_key) == expected & {"BONNET", "TENTE2P"}


@pytest.mark.covers("CAT-05")
def test_a_refused_filter_stops_before_anything_is_read(sample) -> None:
    for text in ("AR_Ref = 'x' OR 1 = (SELECT 1)", "CT_Num = 'x'"):
        with pytest.raises(Misconfigured) as error:
            sample.read(Entity.PRODUCT, query=Query(expression=text))
        assert error.value.problem.code == "expression_refused"


@pytest.mark.covers("CAT-05")
@pytest.mark.odbc
@pytest.mark.postgres
def test_a_filter_the_database_refuses_is_blamed_on_the_filter(fresh_postgres) -> None:
    with pytest.raises(Misconfigured) as error:
        fresh_postgres.products(Query(expression="AR_PrixVen = 'cher'"))
    assert error.value.problem.code == "expression_refused"
    assert "autre type" in error.value.problem.text()


@pytest.mark.covers("CAT-05")
@pytest.mark.parametrize("text", REFUSED)
def test_without_a_connection_everything_but_the_columns_is_checked(text) -> None:
    with pytest.raises(Misconfigured) as refused:
        written(text)
    if "n’existe pas dans" in refused.value.problem.text():
        check_condition(text, table="F_ARTICLE")
        return
    with pytest.raises(Misconfigured) as caught:
        check_condition(text, table="F_ARTICLE")
    assert caught.value.problem.text() == refused.value.problem.text()


@pytest.mark.covers("CAT-05")
def test_without_a_connection_any_column_may_exist() -> None:
    for text in ("", "  ", "Inconnu = 1", "F_ARTICLE.[Marque commerciale] LIKE 'G%' AND NOT AR_Ref IN ('A', 'B')"):
        check_condition(text, table="F_ARTICLE")
    with pytest.raises(Misconfigured):
        check_condition("F_COMPTET.CT_Num = 'x'", table="F_ARTICLE")
