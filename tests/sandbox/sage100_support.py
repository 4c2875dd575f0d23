"""Sage 100 companies for the tests of this folder: a SQLite file, or a PostgreSQL database of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from psycopg import conninfo

from connectors.sandbox.sage100 import Sage100Sandbox, build, create_database, drop_database


def admin_dsn() -> str:
    """Connection string of the PostgreSQL server the tests may create databases on."""
    base = settings.DATABASES["default"]
    parts = {
        "host": base.get("HOST"),
        "port": base.get("PORT"),
        "user": base.get("USER"),
        "password": base.get("PASSWORD"),
    }
    return conninfo.make_conninfo("", dbname="postgres", **{key: str(value) for key, value in parts.items() if value})


@contextmanager
def postgres_database() -> Iterator[str]:
    """DSN of an empty database that is dropped at the end."""
    name = f"sage100_test_{os.getpid()}"
    try:
        yield create_database(admin_dsn(), name)
    finally:
        drop_database(admin_dsn(), name)


@contextmanager
def company(engine: str, folder: Path, **arguments: Any) -> Iterator[Sage100Sandbox]:
    """A company on the engine of that name ("sqlite" or "postgresql")."""
    if engine == "sqlite":
        yield build(folder / "company.db", **arguments)
        return
    with postgres_database() as dsn:
        yield build(dsn, **arguments)


class Reader:
    """Reads a company through ODBC as a connector does: column names without case, numbers as Decimal."""

    def __init__(self, sandbox: Sage100Sandbox) -> None:
        self.connection = sandbox.odbc_connect(read_only=True)

    def close(self) -> None:
        """End the session."""
        self.connection.close()

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a query as dictionaries, lower-case names."""
        cursor = self.connection.cursor()
        cursor.execute(statement, *values)
        names = [item[0].lower() for item in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        cursor.close()
        return rows

    def by(self, statement: str, *keys: str) -> dict[Any, dict[str, Any]]:
        """Rows by the value (or tuple of values) of their key columns; a repeated key is an error of the company."""
        found: dict[Any, dict[str, Any]] = {}
        for row in self.rows(statement):
            key = row[keys[0]] if len(keys) == 1 else tuple(row[key] for key in keys)
            assert key not in found, f"{key} twice in {statement}"
            found[key] = row
        return found


def number(value: Any) -> Decimal:
    """A numeric value as both drivers give it (float or Decimal), exactly."""
    return Decimal(str(value)).quantize(Decimal("0.000001"))
