"""Ways to notice a write: a fingerprint of the whole database, and a trap that records every row written."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from .backends import Session
from .schema import Dialect, quoted

TRAP_TABLE = "sandbox_write_trap"


@dataclass(frozen=True, slots=True)
class TrappedWrite:
    """One row written since the trap was set: table, INSERT / UPDATE / DELETE, row number (0 without cbMarq)."""

    table: str
    action: str
    row: int


def fingerprint(session: Session) -> str:
    """SHA-256 over the structure and every row of every table, the same for both databases.

    Covers tables, columns and rows, also of tables a program may have added; it does not cover the trap, indexes or
    rights. Reads the whole database: seconds for hundreds of thousands of rows.
    """
    digest = hashlib.sha256()
    for table, columns in sorted(_structure(session).items()):
        digest.update(f"\x01{table}({','.join(_lowered(columns))})".encode())
        for row in session.stream(_ordered_select(table, columns)):
            digest.update("\x02".join(_canonical(value) for value in row).encode())
            digest.update(b"\x03")
    return digest.hexdigest()


def set_trap(session: Session) -> None:
    """Record from now on every row inserted, changed or deleted, in a side table. Callable twice (starts afresh)."""
    tables = _structure(session)
    session.script([f"DROP TABLE IF EXISTS {TRAP_TABLE}", _TRAP[session.dialect]])
    for table, columns in tables.items():
        row = "{}.cbMarq" if "cbmarq" in _lowered(columns) else "0"
        statements = _sqlite_trap(table, row) if session.dialect is Dialect.SQLITE else _postgres_trap(table)
        session.script(statements)


def trapped(session: Session) -> list[TrappedWrite]:
    """What the trap recorded, oldest first."""
    rows = session.all(f"SELECT tablename, action, rownumber FROM {TRAP_TABLE} ORDER BY id")  # noqa: S608 names of ours
    return [TrappedWrite(str(table), str(action), int(row)) for table, action, row in rows]


def _structure(session: Session) -> dict[str, list[str]]:
    """Tables (lower case) with their columns as the database names them, in an order both databases share."""
    found: dict[str, list[str]] = {}
    for table, column in session.all(_COLUMNS[session.dialect]):
        if str(table).lower() != TRAP_TABLE:
            found.setdefault(str(table).lower(), []).append(str(column))
    return {table: sorted(columns, key=str.lower) for table, columns in found.items()}


def _lowered(columns: list[str]) -> list[str]:
    # PostgreSQL folds plain names to lower case, SQLite keeps them as written.
    return [column.lower() for column in columns]


def _ordered_select(table: str, columns: list[str]) -> str:
    names = ", ".join(quoted(column) for column in columns)
    order = "cbMarq" if "cbmarq" in _lowered(columns) else names
    return f"SELECT {names} FROM {table} ORDER BY {order}"  # noqa: S608 names of the catalogue


def _canonical(value: Any) -> str:
    if value is None:
        return "\x00"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        number = Decimal(str(value))
        return str(int(number)) if number == number.to_integral_value() else str(number.normalize())
    # CHAR columns come padded from PostgreSQL and bare from SQLite.
    return str(value).rstrip(" ")


_COLUMNS = {
    Dialect.SQLITE: (
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c "
        "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid"
    ),
    Dialect.POSTGRESQL: (
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "ORDER BY table_name, ordinal_position"
    ),
}

_TRAP = {
    Dialect.SQLITE: (
        f"CREATE TABLE {TRAP_TABLE} (id INTEGER PRIMARY KEY, tablename TEXT, action TEXT, rownumber INTEGER)"
    ),
    Dialect.POSTGRESQL: (
        f"CREATE TABLE {TRAP_TABLE} (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tablename TEXT, action TEXT,"
        " rownumber BIGINT)"
    ),
}


_TRAP_FUNCTION = f"""
CREATE OR REPLACE FUNCTION sandbox_trap() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE written jsonb;
BEGIN
  IF TG_OP = 'DELETE' THEN written := to_jsonb(OLD); ELSE written := to_jsonb(NEW); END IF;
  INSERT INTO {TRAP_TABLE} (tablename, action, rownumber)
    VALUES (TG_TABLE_NAME, TG_OP, COALESCE((written ->> 'cbmarq')::bigint, 0));
  RETURN NULL;
END $$
"""  # noqa: S608 names of ours


def _sqlite_trap(table: str, row: str) -> Iterator[str]:
    for action in ("INSERT", "UPDATE", "DELETE"):
        number = row.format("OLD" if action == "DELETE" else "NEW")
        yield f"DROP TRIGGER IF EXISTS zz_trap_{action}_{table}"
        yield (
            f"CREATE TRIGGER zz_trap_{action}_{table} AFTER {action} ON {table} BEGIN "  # noqa: S608 names of ours
            f"INSERT INTO {TRAP_TABLE} (tablename, action, rownumber) VALUES ('{table}', '{action}', {number}); END"
        )


def _postgres_trap(table: str) -> Iterator[str]:
    # SECURITY DEFINER: the trap must also record the write of a login that may not write into the trap's table.
    yield _TRAP_FUNCTION
    yield f"DROP TRIGGER IF EXISTS zz_trap ON {table}"
    yield (
        f"CREATE TRIGGER zz_trap AFTER INSERT OR UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION sandbox_trap()"
    )
