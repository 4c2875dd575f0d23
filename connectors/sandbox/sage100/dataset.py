"""Rows of a company on their way into a database."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .schema import SEEDS, Column, Table, company_schema, custom_columns, schema

LOADED_AT = "2025-02-02 09:07:00"
"""cbModification of a row that says nothing else (a fixed date keeps every build identical)."""

CREATED_AT = "2024-11-04 09:00:00"
"""cbCreation of a row that says nothing else."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one table with the same columns; the rows may be read only once."""

    columns: tuple[str, ...]
    rows: Iterable[Sequence[Any]]


@dataclass(slots=True)
class Dataset:
    """A company: rows by table as dictionaries, plus streams of tuples for the big tables of the generator."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    streams: dict[str, list[Batch]] = field(default_factory=dict)

    def add(self, table: str, **values: Any) -> Row:
        """Append one row and return it; a column that is not given takes its missing value at loading."""
        values_list = self.tables.setdefault(table, [])
        values_list.append(values)
        return values

    def rows(self, table: str) -> list[Row]:
        """Rows of one table, to read or to change in place."""
        return self.tables.setdefault(table, [])

    def next_number(self, table: str, column: str) -> int:
        """Smallest number above those in use in an internal number column (AG_No, GL_No, CL_No...)."""
        return max((int(row.get(column) or 0) for row in self.rows(table)), default=0) + 1

    def custom(self) -> dict[str, tuple[Column, ...]]:
        """Information libre columns of the company, by table."""
        return custom_columns(self.rows("cbSysLibre"))

    def schema(self) -> dict[str, Table]:
        """Tables of the company, information libre columns included, in loading order."""
        return company_schema(self.custom())

    def batches(self, table: Table) -> Iterator[Batch]:
        """Everything to load into one table, dictionaries first."""
        rows = self.tables.get(table.name)
        if rows:
            yield _batch(table, rows)
        yield from self.streams.get(table.name, ())


def load_sample() -> Dataset:
    """The small company of 40 articles (« Vercors Équipement »), a fresh copy at each call."""
    text = (SEEDS / "sage100_sample.json").read_text(encoding="utf-8")
    data: dict[str, list[Row]] = json.loads(text, parse_float=Decimal)
    for name, rows in data.items():
        _complete(schema()[name], rows)
    return Dataset(tables=data)


def _complete(table: Table, rows: list[Row]) -> None:
    for position, row in enumerate(rows, 1):
        if table.has_row_number:
            row.setdefault("cbMarq", position)


def _batch(table: Table, rows: list[Row]) -> Batch:
    used = {name for row in rows for name in row}
    columns = [column for column in table.columns if column.name in used]
    unknown = used - {column.name for column in columns}
    if unknown:
        raise KeyError(f"{table.name} has no column {', '.join(sorted(unknown))}")
    columns += [column for column in table.columns if column.name in ("cbMarq", *_CLOCK) and column.name not in used]
    defaults = {column.name: _CLOCK.get(column.name, column.missing) for column in columns}
    names = tuple(column.name for column in columns)
    return Batch(names, list(_tuples(rows, names, defaults)))


def _tuples(rows: list[Row], names: tuple[str, ...], defaults: Row) -> Iterator[tuple[Any, ...]]:
    taken = max((int(row.get("cbMarq") or 0) for row in rows), default=0)
    for row in rows:
        if "cbMarq" in names and not row.get("cbMarq"):
            taken += 1
            row["cbMarq"] = taken
        yield tuple(row.get(name, defaults[name]) for name in names)


_CLOCK = {"cbModification": LOADED_AT, "cbCreation": CREATED_AT}
