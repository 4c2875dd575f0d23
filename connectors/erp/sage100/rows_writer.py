"""Rows on their way into Sage: INSERT, UPDATE and DELETE statements made of a table's name and a dict of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.core.odbc_write import WriteSession
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.sizes import Sizes
from connectors.erp.sage100.writing_problems import misconfigured

# fmt: off
LATER: Mapping[str, frozenset[str]] = {
    "F_DOCENTETE": frozenset(
        {
            "DO_CodeTaxe1", "DO_CodeTaxe2", "DO_CodeTaxe3", "DO_DateLivrRealisee", "DO_DateExpedition", "DO_DocType",
            "DO_Valide", "DO_Escompte",
        }
    ),
    "F_DOCLIGNE": frozenset(
        {
            "DL_CodeTaxe1", "DL_CodeTaxe2", "DL_CodeTaxe3", "DL_DateDE", "DL_QteDE", "DL_PieceDE", "DO_DocType",
            "PF_Num",
        }
    ),
    "F_DOCREGL": frozenset({"DO_DocType"}),
    "F_COMPTET": frozenset({"CT_Prospect"}),
}
# fmt: on
"""Columns that older versions do not have and that a row does without (i7, i7 7.70, i7 v8, 100c v3)."""


class RowWriter:
    """Writes rows through one session: every text fitted to its column, columns of later versions left out."""

    def __init__(self, session: WriteSession, database: Database, sizes: Sizes) -> None:
        self._session = session
        self._database = database
        self._sizes = sizes

    def insert(self, table: str, row: Mapping[str, Any]) -> None:
        """Adds a row. Raises ``ItemRefused`` for a text that does not fit or a row that Sage refuses."""
        self.insert_raw(table, self._sizes.row(table, row))

    def insert_raw(self, table: str, row: Mapping[str, Any]) -> None:
        """The same for texts that are fitted already (those of several lines)."""
        kept = self._known(table, row)
        markers = ", ".join("?" * len(kept))
        statement = f"INSERT INTO {table} ({', '.join(kept)}) VALUES ({markers})"  # noqa: S608 names of ours
        self._session.execute(statement, list(kept.values()))

    def update(self, table: str, row: Mapping[str, Any], where: Mapping[str, Any]) -> int:
        """Changes the rows with these values and tells how many there were."""
        kept = self._known(table, self._sizes.row(table, row))
        sets = ", ".join(f"{column} = ?" for column in kept)
        condition = " AND ".join(f"{column} = ?" for column in where)
        statement = f"UPDATE {table} SET {sets} WHERE {condition}"  # noqa: S608 names of ours
        return self._session.execute(statement, [*kept.values(), *where.values()])

    def delete(self, table: str, where: Mapping[str, Any]) -> int:
        """Takes the rows with these values away and tells how many there were."""
        condition = " AND ".join(f"{column} = ?" for column in where)
        return self._session.execute(f"DELETE FROM {table} WHERE {condition}", list(where.values()))  # noqa: S608

    def _known(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        later = LATER.get(table, frozenset())
        kept = {}
        for column, value in row.items():
            if self._database.has(table, column):
                kept[column] = value
            elif column not in later:
                raise misconfigured("write_column_missing", table=table, column=column)
        return kept
