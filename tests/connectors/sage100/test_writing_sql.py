"""The SQL of the writing side: plain statements that every driver takes, over tables and columns that Sage has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from connectors.core.odbc import require_select
from connectors.core.odbc_write import require_change
from connectors.core.problems import ConnectorBug
from connectors.erp.sage100.rows_writer import LATER
from connectors.erp.sage100.statements import FOLDER, requirements, statement
from connectors.sandbox.sage100 import schema
from tests.connectors.sage100.test_sage100_sql import AVOIDED
from tests.connectors.sage100.writing_support import HOME, Faults, customer_of, document_of, failing, paid

pytestmark = pytest.mark.covers("SYS-01")
NAMES = sorted(
    f"{path.parent.name}/{path.stem}"
    for folder in ("writing", "progress", "purchases")
    for path in (FOLDER / folder).glob("*.sql")
)


@pytest.mark.parametrize("name", NAMES)
def test_each_statement_is_one_plain_select_over_known_columns(name) -> None:
    text = statement(name).text
    (tree,) = sqlglot.parse(text, read="tsql")
    assert isinstance(tree, exp.Select)
    assert [node for node in tree.find_all(*AVOIDED) if not isinstance(node.parent, exp.Count)] == []
    assert len(list(tree.find_all(exp.Join))) <= 1
    require_select(text)
    tables = {table.alias: table.name for table in tree.find_all(exp.Table)}
    for column in tree.find_all(exp.Column):
        known = {item.name for item in schema()[tables[column.table]].columns} | {"cbModification"}
        assert column.name in known, column.sql()


def test_every_statement_is_used() -> None:
    sources = "".join(path.read_text() for path in FOLDER.parent.glob("*.py"))
    assert [name for name in NAMES if f'"{name}"' not in sources] == []


def test_reading_profiles_need_no_table_of_the_writing_side() -> None:
    assert not {"F_DOCCURRENTPIECE", "F_DOCREGL", "F_CREGLEMENT", "F_REGLECH"} & set(requirements())


def test_every_change_is_plain_and_names_known_columns(writable_file, monkeypatch) -> None:
    seen: set[str] = set()
    monkeypatch.setattr(Faults, "due", lambda self, text: seen.add(text) is not None)
    with failing(Faults(), "sqlite3"), writable_file.open() as connection:
        sales = connection.sales()
        number = sales.create_customer(customer_of(account="41100555", own_account=True))
        address = sales.create_address(number, HOME)
        sales.update_address(number, address, HOME)
        sales.update_customer(number, customer_of())
        sales.create_document(paid(document_of(comment="a\nb")), customer=number, address=address)
        sales.amend_document(document_of(comment="c\nd", reference="Autre"), customer=number, address=address)
        sales.hold_document("9001")
    assert len(seen) >= 16
    for text in seen:
        require_change(text)
        (tree,) = sqlglot.parse(text, read="tsql")
        assert isinstance(tree, exp.Insert | exp.Update | exp.Delete)
        table = tree.find(exp.Table).name
        named = set(re.findall(r"\w+", text.split("VALUES")[0])) - {
            "INSERT", "INTO", "UPDATE", "DELETE", "FROM", "SET", "WHERE", "AND",
        }  # fmt: skip
        assert named - {table} <= {column.name for column in schema()[table].columns}, text


def test_columns_done_without_are_not_in_the_oldest_version(contracts: Path) -> None:
    import json

    tables = json.loads((contracts / "sage100" / "schema.json").read_text(encoding="utf-8"))["tables"]
    for table, columns in LATER.items():
        for column in columns:
            assert tables[table]["columns"][column].get("since"), f"{table}.{column} was always there"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "DELETE FROM F_DOCLIGNE",
        "UPDATE F_DOCLIGNE SET DL_Qte = 1",
        "INSERT INTO A (B) VALUES (1); DROP TABLE A",
        "DROP TABLE F_DOCLIGNE",
        "UPDATE A SET B = 1 -- WHERE C = 2",
        "EXEC xp_cmdshell",
    ],
)
def test_a_write_session_takes_bounded_changes_only(text: Any) -> None:
    with pytest.raises(ConnectorBug):
        require_change(text)
