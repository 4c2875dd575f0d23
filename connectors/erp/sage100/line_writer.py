"""Lines of a document on their way into Sage and out of it again, each with its long text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.core.odbc import int_of, text_of
from connectors.core.problems import Transient
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.document_lines import PlannedLine
from connectors.erp.sage100.rows_writer import RowWriter
from connectors.erp.sage100.totals import Piece
from connectors.erp.sage100.writing_problems import problem

_LINES = "F_DOCLIGNE"
_TEXTS = "F_DOCLIGNETEXT"


class LineWriter:
    """Writes lines inside a transaction of the caller. A line that is not there any more raises ``Transient``."""

    def __init__(self, database: Database, rows: RowWriter) -> None:
        self._database = database
        self._rows = rows

    def add(self, piece: Piece, line: PlannedLine) -> None:
        """Adds a line to a document, its long text first."""
        row = {**line.row, "DO_Piece": piece.piece}
        if line.text:
            row["DT_No"] = self._add_text(line.text)
        self._rows.insert(_LINES, row)

    def change(self, piece: Piece, number: int, changes: Mapping[str, Any]) -> None:
        """Changes columns of the line of this number (DL_No)."""
        if self._rows.update(_LINES, changes, self._key(piece, number)) != 1:
            raise Transient(problem("record_locked"))

    def remove(self, piece: Piece, number: int, text: int) -> None:
        """Takes the line of this number (DL_No) away, and its long text (DT_No, 0 for none) with it."""
        if self._rows.delete(_LINES, self._key(piece, number)) != 1:
            raise Transient(problem("record_locked"))
        if text:
            self._rows.delete(_TEXTS, {"DT_No": text})

    def _key(self, piece: Piece, number: int) -> dict[str, Any]:
        # A line keeps its number when it goes on to another document: it must not be touched there.
        return {"DL_No": number, "DO_Type": piece.type, "DO_Piece": piece.piece}

    def _add_text(self, text: str) -> int:
        """Writes a long text and reads back the number the driver gave it."""
        before = int_of(self._database.value("writing/long_text_highest"))
        self._rows.insert_raw(_TEXTS, {"DT_No": 0, "DT_Text": text})
        added = self._database.rows("writing/long_texts_after", before)
        own = [int_of(row["dt_no"]) for row in added if text_of(row["dt_text"]) == text]
        return max(own, default=0)
