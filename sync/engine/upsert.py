"""Inserting or updating many rows by one statement whose values are handed over as they are.

The ORM asks every field how to store every value; in a first export that was a third of the processor's time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from django.db import connection, models

_CHUNK = 500
"""Rows per statement: with a dozen fields far below the 32,766 values that SQLite takes."""


def upsert(
    model: type[models.Model],
    fields: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    unique: Sequence[str],
    update: Sequence[str],
) -> None:
    """Inserts ``rows``, whose values stand in the order of ``fields``; where ``unique`` exists, sets ``update``.

    Part of the caller's transaction. Values are plain texts and numbers, aware dates, and what JSON fields hold;
    columns that ``fields`` leaves out must have a default in the database or take nothing. No two rows may have the
    same ``unique``. Raises ``IntegrityError`` as the ORM does.
    """
    if not rows:
        return
    head, tail = _statement(model, tuple(fields), tuple(unique), tuple(update))
    converters = _converters(model, tuple(fields))
    markers = f"({', '.join(['%s'] * len(fields))})"
    with connection.cursor() as cursor:
        for start in range(0, len(rows), _CHUNK):
            chunk = [list(row) for row in rows[start : start + _CHUNK]]
            for position, convert in converters:
                for row in chunk:
                    row[position] = convert(row[position])
            values = [value for row in chunk for value in row]
            cursor.execute(f"{head} {', '.join([markers] * len(chunk))} {tail}", values)


@cache
def _statement(
    model: type[models.Model], fields: tuple[str, ...], unique: tuple[str, ...], update: tuple[str, ...]
) -> tuple[str, str]:
    """What stands before and after the rows."""
    quote = connection.ops.quote_name
    columns = {field.name: quote(str(field.column)) for field in model._meta.concrete_fields}
    head = f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns[name] for name in fields)}) VALUES"
    changes = ", ".join(f"{columns[name]} = excluded.{columns[name]}" for name in update)
    return head, f"ON CONFLICT ({', '.join(columns[name] for name in unique)}) DO UPDATE SET {changes}"


def _converters(model: type[models.Model], fields: tuple[str, ...]) -> list[tuple[int, Callable[[Any], Any]]]:
    """Positions whose values the database does not take as they are."""
    found: list[tuple[int, Callable[[Any], Any]]] = []
    for position, name in enumerate(fields):
        field = model._meta.get_field(name)
        if isinstance(field, models.DateTimeField):
            found.append((position, connection.ops.adapt_datetimefield_value))
        elif isinstance(field, models.JSONField):
            found.append((position, _json))
    return found


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)
