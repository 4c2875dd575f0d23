"""The SQL files: loading, the few ways a statement may be completed, and the tables and columns they need.

Every statement is a file of ``sql/``, complete and valid by itself, one clause a line. The requirements of the
connection test are read from the files, so that a column cannot be used without being checked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "sql"

CHUNK = 500
"""Most values of one IN list: SQL Server takes 2,100 markers in a statement, old SQLite 999."""

OPTIONAL: Mapping[str, frozenset[str]] = {
    "F_ARTICLE": frozenset({"cbModification", "AR_EdiCode", "AR_NbColis", "AR_DateCreation", "AR_Type"}),
    "F_ARTENUMREF": frozenset({"cbModification", "AE_Sommeil", "AE_PrixAchNouv"}),
    "F_ARTGAMME": frozenset({"cbModification"}),
    "F_ARTGLOSS": frozenset({"cbModification"}),
    "F_GLOSSAIRE": frozenset({"cbModification"}),
    "F_CONDITION": frozenset({"cbModification"}),
    "F_ARTCOMPTA": frozenset({"cbModification"}),
    "F_DEPOT": frozenset({"DE_Exclure"}),
    "P_DEVISE": frozenset({"D_Mode"}),
}
"""Columns done without: older versions lack them (i7 7.70, i7 v8, 100c), or the Sage driver may hide them."""

_OPTIONAL_PATTERN = re.compile(r"^(?:ACP|FCP)_ComptaCPT_(?:Date|TaxeAnc)\d$|^CA_ComptaVen(?!01)\d\d$")
_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)\s+(\w+)\b")
_COLUMN = re.compile(r"\b([a-z])\.(\w+)\b")
_MARKER = "IN (?)"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, cut at its clauses so that it can be completed without touching its text."""

    name: str
    select: str
    source: str
    where: str = ""
    tail: str = ""
    further: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The statement as it is sent."""
        conditions = " AND ".join(part for part in (self.where, *self.further) if part)
        clauses = [self.select, self.source, f"WHERE {conditions}" if conditions else "", self.tail]
        return "\n".join(clause for clause in clauses if clause)

    def filtered(self, *conditions: str) -> Statement:
        """The same statement with further conditions, which take no marker."""
        return replace(self, further=(*self.further, *conditions))

    def listing(self, *lengths: int) -> Statement:
        """The same statement with its IN lists widened to these numbers of markers, in order."""
        pieces = self.where.split(_MARKER)
        if len(pieces) != len(lengths) + 1:
            raise ValueError(f"{self.name}: {len(pieces) - 1} IN lists, {len(lengths)} lengths")
        text = pieces[0]
        for length, piece in zip(lengths, pieces[1:], strict=True):
            text += f"IN ({', '.join('?' * length)})" + piece
        return replace(self, where=text)

    def selecting(self, columns: Iterable[str]) -> Statement:
        """The same statement with further columns, written as SQL."""
        return replace(self, select=", ".join([self.select, *columns]))

    def without(self, missing: Collection[str]) -> Statement:
        """The same statement without optional columns that this version of Sage does not have."""
        select = self.select
        for column in missing:
            select = re.sub(rf",\s*\w\.{re.escape(column)}\b", "", select)
        return replace(self, select=select)


@cache
def statement(name: str) -> Statement:
    """The statement of ``sql/<name>.sql``. Raises ``FileNotFoundError`` for another name."""
    text = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    select, source, where, tail = [], [], "", []
    for line in text.strip().splitlines():
        word = line.split(" ", 1)[0]
        if word == "SELECT":
            select.append(line)
        elif word in {"FROM", "INNER"}:
            source.append(line)
        elif word == "WHERE":
            where = line.removeprefix("WHERE ")
        else:
            tail.append(line)
    return Statement(name, "\n".join(select), "\n".join(source), where, "\n".join(tail))


@cache
def statement_names() -> tuple[str, ...]:
    """Names of every SQL file."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.sql")))


@cache
def requirements() -> dict[str, tuple[str, ...]]:
    """Every table the connector reads with the columns it names, in the order of the files."""
    found: dict[str, dict[str, None]] = {}
    for name in statement_names():
        text = statement(name).text
        tables = {alias: table for table, alias in _TABLE.findall(text)}
        for alias, column in _COLUMN.findall(text):
            found.setdefault(tables[alias], {})[column] = None
    return {table: tuple(columns) for table, columns in found.items()}


def is_optional(table: str, column: str) -> bool:
    """Whether reading goes on without this column."""
    return column in OPTIONAL.get(table, ()) or bool(_OPTIONAL_PATTERN.match(column))


def chunks(values: Sequence[str], size: int = CHUNK) -> Iterable[list[str]]:
    """The values by pieces of exactly ``size``, the last one of a longer list filled up with its own last value.

    Equal lengths give equal statements, which the driver and the server prepare once.
    """
    for start in range(0, len(values), size):
        piece = list(values[start : start + size])
        if start and len(piece) < size:
            piece += [piece[-1]] * (size - len(piece))
        yield piece
