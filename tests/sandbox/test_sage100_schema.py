"""The stand-in carries the tables, columns and sample rows of the contract."""

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.sage100 import build, schema
from connectors.sandbox.sage100.backends import plain
from connectors.sandbox.sage100.schema import EMPTY_DATE, Dialect, create_table, custom_columns

pytestmark = pytest.mark.covers("SYS-01")


@pytest.fixture(scope="module")
def facts(contracts: Path) -> dict[str, Any]:
    return json.loads((contracts / "sage100" / "schema.json").read_text(encoding="utf-8"))["tables"]


@pytest.fixture(scope="module")
def sample(contracts: Path) -> dict[str, Any]:
    return json.loads((contracts / "sage100" / "sample.json").read_text(encoding="utf-8"), parse_float=Decimal)


def test_every_table_and_column_of_the_contract_is_there(facts: dict[str, Any]) -> None:
    assert set(schema()) == set(facts)
    for name, fact in facts.items():
        current = {column: value for column, value in fact["columns"].items() if "last_seen_in" not in value}
        assert [column.name for column in schema()[name].columns] == list(current)
        for column in schema()[name].columns:
            value = current[column.name]
            assert (column.kind, column.nullable) == (value["type"], value["nullable"]), (name, column.name)
            assert column.length == value.get("length"), (name, column.name)


def test_keys_and_references_are_those_of_the_contract(facts: dict[str, Any]) -> None:
    for name, fact in facts.items():
        table = schema()[name]
        assert list(table.key) == fact["key"]
        assert [list(names) for names in table.unique] == fact.get("unique", [])
        known = {(item.column, f"{item.target}.{item.target_column}") for item in (*table.enforced, *table.other)}
        expected = {(item["columns"], item["target"]) for item in fact.get("references", [])}
        assert expected <= known, name


def test_constraints_are_those_of_the_ddl(contracts: Path) -> None:
    with closing(sqlite3.connect(":memory:")) as theirs, closing(sqlite3.connect(":memory:")) as ours:
        theirs.executescript((contracts / "sage100" / "schema.sql").read_text(encoding="utf-8"))
        for table in schema().values():
            ours.execute(create_table(table, Dialect.SQLITE))
        for name in schema():
            assert _constraints(ours, name) == _constraints(theirs, name), name
            assert _defaults(ours, name) == _defaults(theirs, name), name


def _constraints(connection: sqlite3.Connection, table: str) -> tuple[set[Any], set[Any]]:
    keys = {(row[3], row[2], row[4]) for row in connection.execute(f"PRAGMA foreign_key_list({table})")}
    unique = {
        tuple(part[2] for part in connection.execute(f"PRAGMA index_info({index[1]})"))
        for index in connection.execute(f"PRAGMA index_list({table})")
        if index[2]
    }
    return keys, unique


def _defaults(connection: sqlite3.Connection, table: str) -> dict[str, Any]:
    """Defaults by column; dates are left out, as the stand-in gives them Sage's empty date instead of NULL."""
    custom = {"Matière", "Marque commerciale", "Mise en ligne", "Indice_reparabilite", "Origine client", "N° de suivi",
              "Boutique", "Commentaire web"}  # fmt: skip
    rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return {row[1]: (row[2], row[3], row[4]) for row in rows if row[1] not in custom and row[2] != "TIMESTAMP"}


def test_sample_rows_are_those_of_the_contract(sample: dict[str, Any], tmp_path: Path) -> None:
    sandbox = build(tmp_path / "sample.db", merchant="sample")
    with sandbox.session(write=False) as session:
        for table, rows in sample["tables"].items():
            order = "CB_File, CB_Pos" if table == "cbSysLibre" else "cbMarq"
            names = session.columns(table)
            statement = f"SELECT * FROM {table} ORDER BY {order}"  # noqa: S608
            found = [dict(zip(names, row, strict=True)) for row in session.all(statement)]
            expected = sorted(rows, key=lambda row: row["cbMarq"]) if table != "cbSysLibre" else rows
            assert len(found) == len(expected), table
            for ours, theirs in zip(found, expected, strict=True):
                for column, value in theirs.items():
                    assert ours[column] == plain(value), (table, theirs.get("cbMarq"), column)


def test_an_empty_date_is_never_null_and_a_missing_key_is() -> None:
    assert schema()["F_ARTICLE"].column("AR_DateApplication").missing == EMPTY_DATE
    assert schema()["F_ARTCLIENT"].column("CT_Num").missing is None
    assert schema()["F_DOCLIGNE"].column("PF_Num").missing == ""


def test_information_libre_texts_hold_one_character_less_than_their_bytes() -> None:
    described = [
        {"CB_File": "F_ARTICLE", "CB_Name": "Teinte", "CB_Pos": 2, "CB_Type": 9, "CB_Len": 31},
        {"CB_File": "F_ARTICLE", "CB_Name": "Relevé", "CB_Pos": 1, "CB_Type": 14, "CB_Len": 8},
    ]
    first, second = custom_columns(described)["F_ARTICLE"]
    assert (first.name, first.sql_type) == ("Relevé", "TIMESTAMP")
    assert (second.sql_name, second.sql_type) == ('"Teinte"', "VARCHAR(30)")
