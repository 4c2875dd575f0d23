"""A read session that knows the SQL files and which optional columns this company has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from connectors.core.odbc import ReadSession, Row
from connectors.erp.sage100.statements import OPTIONAL, Statement, chunks, is_optional, requirements, statement


class Database:
    """Runs the statements of ``sql/`` on one session. Each result is small: read whole, its cursor closed at once."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session
        self._columns: dict[str, dict[str, str]] = {}
        self._prepared: dict[str, Statement] = {}

    def columns(self, table: str) -> dict[str, str]:
        """Columns of a table by lower-case name, as the catalogue spells them; empty when the catalogue is silent."""
        if table not in self._columns:
            self._columns[table] = {name.lower(): name for name in self.session.columns(table)}
        return self._columns[table]

    def has(self, table: str, column: str) -> bool:
        """Whether the table has the column; yes when the catalogue is silent, so that the query itself may tell."""
        known = self.columns(table)
        return not known or column.lower() in known

    def prepared(self, name: str) -> Statement:
        """The statement of a file without the optional columns that this company lacks."""
        if name not in self._prepared:
            raw = statement(name)
            self._prepared[name] = raw.without(self._lacking(raw))
        return self._prepared[name]

    def rows(self, name: str | Statement, *values: Any) -> list[Row]:
        """Every row of a statement."""
        ready = name if isinstance(name, Statement) else self.prepared(name)
        return self.session.select(ready.text, values)

    def value(self, name: str | Statement, *values: Any) -> Any:
        """First column of the first row, ``None`` when there is none."""
        rows = self.rows(name, *values)
        return next(iter(rows[0].values())) if rows else None

    def tuples_for(
        self, name: str, keys: Iterable[str], *before: Any, lists: Sequence[Sequence[Any]] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of a statement whose last IN list takes ``keys``, by pieces, as tuples.

        ``before``: values of the markers ahead of it; ``lists``: values of the IN lists ahead of it.
        """
        ready = self.prepared(name)
        ahead = [value for values in lists for value in values]
        for piece in chunks(list(keys)):
            text = ready.listing(*(len(values) for values in lists), len(piece)).text
            with self.session.stream(text, [*before, *ahead, *piece]) as stream:
                yield from list(stream)

    def rows_for(self, name: str | Statement, keys: Iterable[str], *before: Any) -> Iterator[Row]:
        """The same as dicts, for statements with a single IN list."""
        ready = name if isinstance(name, Statement) else self.prepared(name)
        for piece in chunks(list(keys)):
            yield from self.session.select(ready.listing(len(piece)).text, [*before, *piece])

    def _lacking(self, raw: Statement) -> list[str]:
        return [
            column
            for table, needed in requirements().items()
            if f" {table} " in raw.source and (table in OPTIONAL or table in _DATED_TAXES)
            for column in needed
            if is_optional(table, column) and not self.has(table, column)
        ]


_DATED_TAXES = frozenset({"F_ARTCOMPTA", "F_FAMCOMPTA", "P_CATCOMPTA"})
