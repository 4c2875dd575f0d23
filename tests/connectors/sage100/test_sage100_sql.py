"""The SQL files: a subset that T-SQL, SQLite and PostgreSQL take, complete and without anything that writes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from connectors.core.odbc import Source, reading, require_select, sqlite_source
from connectors.erp.sage100.statements import chunks, is_optional, requirements, statement, statement_names
from connectors.sandbox.sage100 import schema

AVOIDED = (
    exp.Limit, exp.Fetch, exp.Offset, exp.Star, exp.Cast, exp.Upper, exp.Lower, exp.Like, exp.DPipe, exp.Add, exp.Sub,
    exp.Div, exp.Mul, exp.Subquery, exp.Union, exp.Window, exp.CTE, exp.Distinct, exp.Case,
)  # fmt: skip
VALUES: dict[str, Any] = {
    "cbMarq": 0,
    "AR_Ref": "TENTE2P",
    "DE_No": 1,
    "CB_File": "F_ARTICLE",
    "cbModification": datetime(2025, 1, 1),  # noqa: DTZ001 the database's own time
    "AC_Categorie": 1,
    "FT_Categorie": 1,
    "ACP_Champ": 1,
    "FCP_Champ": 1,
    "TG_RefCF": "a01",
    "TC_RefCF": "a01",
    "TQ_RefCF": "a01",
    "FQ_RefCF": "a04",
}
_MARKER = re.compile(r"\.(\w+) (?:=|>=|>|<=|IN) \(?\?")


def values_for(text: str) -> list[Any]:
    found = [VALUES[name] for name in _MARKER.findall(text)]
    assert len(found) == text.count("?")
    return found


@pytest.mark.covers("SYS-01")
@pytest.mark.parametrize("name", statement_names())
def test_statement_is_one_plain_tsql_select(name) -> None:
    text = statement(name).text
    (tree,) = sqlglot.parse(text, read="tsql")
    assert isinstance(tree, exp.Select)
    stars = [node for node in tree.find_all(*AVOIDED) if not isinstance(node.parent, exp.Count)]
    assert stars == []
    assert len(list(tree.find_all(exp.Join))) <= 1
    require_select(text)


@pytest.mark.covers("SYS-01")
@pytest.mark.parametrize("name", statement_names())
def test_statement_names_only_tables_and_columns_of_sage(name) -> None:
    tree = sqlglot.parse_one(statement(name).text, read="tsql")
    tables = {table.alias: table.name for table in tree.find_all(exp.Table)}
    known = {
        table: {column.name for column in schema()[table].columns} | {"cbModification"} for table in tables.values()
    }
    for column in tree.find_all(exp.Column):
        assert column.table in tables, f"{column.name} has no alias"
        table = tables[column.table]
        assert column.name in known[table] or is_optional(table, column.name)


@pytest.mark.covers("SYS-01")
def test_every_statement_runs(sample) -> None:
    options = sample.options()
    source: Source = sqlite_source(sample.sandbox.path) if sample.road == "sqlite3" else options.read_source()
    lacking = {"AR_DateCreation"}  # older versions only
    with reading(source) as session:
        for name in statement_names():
            ready = statement(name).without(lacking)
            assert session.select(ready.text, values_for(ready.text)) is not None


@pytest.mark.covers("PRF-04")
def test_what_the_test_of_the_connection_requires_comes_from_the_files() -> None:
    needed = requirements()
    assert "AS_QteSto" in needed["F_ARTSTOCK"]
    assert "AR_Publie" in needed["F_ARTICLE"]
    assert "GL_Domaine" in needed["F_GLOSSAIRE"]
    used = {table.name for name in statement_names() for table in sqlglot.parse_one(
        statement(name).text, read="tsql").find_all(exp.Table)}  # fmt: skip
    assert set(needed) == used


def test_lists_are_widened_in_order_and_keep_conditions_apart() -> None:
    ready = statement("stock").filtered("s.AR_Ref <> 'IN (?)'").listing(2, 3)
    assert "DE_No IN (?, ?) AND s.AR_Ref IN (?, ?, ?) AND s.AR_Ref <> 'IN (?)'" in ready.text
    with pytest.raises(ValueError, match="IN lists"):
        statement("stock").listing(2)


def test_optional_columns_leave_the_selection_only() -> None:
    text = statement("variants").without(["AE_Sommeil", "AE_PrixAchNouv"]).text
    assert "AE_Sommeil" not in text
    assert text.splitlines()[0].endswith("e.AE_CodeBarre, e.AE_PrixAch")


def test_chunks_have_equal_lengths_and_lose_nothing() -> None:
    values = [str(number) for number in range(1201)]
    pieces = list(chunks(values, 500))
    assert [len(piece) for piece in pieces] == [500, 500, 500]
    assert {value for piece in pieces for value in piece} == set(values)
    assert list(chunks(["a"], 500)) == [["a"]]
    assert list(chunks([], 500)) == []
