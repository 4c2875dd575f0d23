"""State shared by every stand-in: a clock that tests can move, tables, number sequences and their file.

Nothing here knows a shop or an ERP. A stand-in subclasses `Store`, declares its tables and keeps its own indexes.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS item (kind TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (kind, id))"
)
_UPSERT = "INSERT INTO item (kind, id, doc) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET doc = excluded.doc"
_DELETE = "DELETE FROM item WHERE kind = ? AND id = ?"


class Clock:
    """Wall clock of a stand-in in UTC epoch seconds; a test may freeze it or push it forward."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._frozen: float | None = None

    def now(self) -> float:
        """Epoch seconds, UTC, as the stand-in believes them."""
        return self._frozen if self._frozen is not None else time.time() + self._offset

    def freeze(self, epoch: float) -> None:
        """Stop the clock at `epoch`; a repeat moves it."""
        self._frozen = epoch

    def advance(self, seconds: float) -> None:
        """Move the clock by `seconds`, whether it runs or stands still."""
        if self._frozen is not None:
            self._frozen += seconds
            return
        self._offset += seconds

    def reset(self) -> None:
        """Go back to the time of the machine."""
        self._offset, self._frozen = 0.0, None


class Table(Generic[Row]):
    """Rows of one kind by integer or text key, remembering which ones changed since the last save."""

    def __init__(self, name: str, encode: Callable[[Row], Any], decode: Callable[[Any], Row]) -> None:
        self.name = name
        self.rows: dict[Any, Row] = {}
        self.changed: set[Any] = set()
        self._encode = encode
        self._decode = decode

    def put(self, key: Any, row: Row) -> Row:
        """Store `row` under `key` and mark it changed."""
        self.rows[key] = row
        self.changed.add(key)
        return row

    def touch(self, key: Any) -> None:
        """Mark a row that was edited in place."""
        self.changed.add(key)

    def drop(self, key: Any) -> None:
        """Forget a row; unknown keys are ignored."""
        if self.rows.pop(key, None) is not None:
            self.changed.add(key)

    def get(self, key: Any) -> Row | None:
        """The row, or None."""
        return self.rows.get(key)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, key: object) -> bool:
        return key in self.rows

    def __iter__(self) -> Iterator[Row]:
        return iter(list(self.rows.values()))

    def clear(self) -> None:
        """Drop every row."""
        self.changed.update(self.rows)
        self.rows.clear()

    def document(self, key: Any) -> str | None:
        """The row as it goes into the file, None when it is gone."""
        row = self.rows.get(key)
        if row is None:
            return None
        return json.dumps([isinstance(key, int), self._encode(row)], ensure_ascii=False, separators=(",", ":"))

    def load(self, key: str, document: str) -> None:
        """Read one row back from the file."""
        numeric, value = json.loads(document)
        self.rows[int(key) if numeric else key] = self._decode(value)


def plain_table(name: str) -> Table[Any]:
    """A table whose rows are JSON values already."""
    return Table(name, lambda row: row, lambda value: value)


def record_table(name: str, cls: type[Row]) -> Table[Row]:
    """A table of dataclass instances, saved as the list of their field values."""
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]

    def encode(row: Row) -> list[Any]:
        return [getattr(row, name) for name in names]

    def decode(values: Any) -> Row:
        return cls(**dict(zip(names, values, strict=False)))

    return Table(name, encode, decode)


class Store:
    """Tables of one stand-in behind one lock, optionally mirrored into a file.

    The file is an SQLite database written in transactions by a background thread, `delay` seconds after a change
    and at `close()`: a stand-in killed without warning loses at most that delay, never its consistency.
    """

    def __init__(self, delay: float = 0.4) -> None:
        self.lock = threading.RLock()
        self.clock = Clock()
        self.sequences: Table[Any] = plain_table("sequence")
        self.tables: list[Table[Any]] = [self.sequences]
        self._delay = delay
        self._path: Path | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._write_lock = threading.Lock()

    def add(self, table: Table[Row]) -> Table[Row]:
        """Register a table so that it is saved and cleared with the rest."""
        self.tables.append(table)
        return table

    def next_id(self, sequence: str) -> int:
        """Next number of a sequence, starting at 1. Never given twice, even when the row is deleted."""
        with self.lock:
            value = int(self.sequences.get(sequence) or 0) + 1
            self.sequences.put(sequence, value)
            return value

    def clear(self) -> None:
        """Empty every table and restart the sequences."""
        with self.lock:
            for table in self.tables:
                table.clear()

    def reindex(self) -> None:
        """Hook: rebuild derived indexes after a load."""

    def attach(self, path: Path) -> bool:
        """Bind the store to a file and load what it holds. Returns whether there was anything to load."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.lock, sqlite3.connect(path) as base:
            base.execute(_SCHEMA)
            by_name = {table.name: table for table in self.tables}
            loaded = 0
            for kind, key, document in base.execute("SELECT kind, id, doc FROM item ORDER BY rowid"):
                if kind in by_name:
                    by_name[kind].load(key, document)
                    loaded += 1
            for table in self.tables:
                table.changed.clear()
            self.reindex()
        base.close()
        self._thread = threading.Thread(target=self._autosave, name="sandbox-autosave", daemon=True)
        self._thread.start()
        return loaded > 0

    def flush(self) -> int:
        """Write what changed since the last call in one transaction. Returns the number of rows written."""
        if self._path is None:
            return 0
        with self._write_lock:
            with self.lock:
                work = [(t.name, str(key), t.document(key)) for t in self.tables for key in t.changed]
                for table in self.tables:
                    table.changed.clear()
            if work:
                self._write(self._path, work)
            return len(work)

    @staticmethod
    def _write(path: Path, work: list[tuple[str, str, str | None]]) -> None:
        base = sqlite3.connect(path)
        try:
            with base:
                base.executemany(_UPSERT, [row for row in work if row[2] is not None])
                base.executemany(_DELETE, [row[:2] for row in work if row[2] is None])
        finally:
            base.close()

    def _autosave(self) -> None:
        while not self._stop.wait(self._delay):
            self.flush()

    def close(self) -> None:
        """Save and stop the background thread. May be called twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
            self._thread = None
        self.flush()
