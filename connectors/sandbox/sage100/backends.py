"""The two databases a stand-in can live in: a SQLite file or a PostgreSQL database."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import conninfo, sql

from .dataset import Batch, Dataset
from .schema import Dialect, Table, create_table, foreign_keys, quoted

Values = Sequence[Any]
Result = list[tuple[Any, ...]]


class Backend(Protocol):
    """What the stand-in needs of a database. Statements use ``?`` markers on both."""

    dialect: Dialect

    def load(self, dataset: Dataset, statements: Sequence[str] = ()) -> None:
        """Create every table, load the rows, run the statements (triggers); what was there before is gone."""

    def session(self, *, write: bool = True) -> AbstractContextManager["Session"]:
        """One transaction: committed at the end of the block, rolled back when it raises."""

    def odbc_connection_string(self, *, read_only: bool = False, login: str = "", password: str = "") -> str:
        """Connection string for the Debian ODBC driver of this database."""


class Session:
    """Runs statements with ``?`` markers inside one transaction of either database."""

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self._connection = connection
        self.dialect = dialect

    def run(self, statement: str, values: Values = ()) -> int:
        """Execute a statement that gives no rows; returns the number of rows it touched."""
        return int(self._connection.execute(self._marked(statement), self._bound(values)).rowcount)

    def all(self, statement: str, values: Values = ()) -> Result:
        """Rows of a query; numbers as int or Decimal, texts and dates as texts, whatever the database gives."""
        rows = self._connection.execute(self._marked(statement), self._bound(values)).fetchall()
        return [tuple(plain(value) for value in row) for row in rows]

    def one(self, statement: str, values: Values = ()) -> tuple[Any, ...] | None:
        """First row of a query, or None."""
        rows = self.all(statement, values)
        return rows[0] if rows else None

    def columns(self, table: str) -> list[str]:
        """Names of a table's columns as the database gives them (PostgreSQL folds the plain ones)."""
        description = self._connection.execute(f"SELECT * FROM {table} WHERE 1 = 0").description  # noqa: S608
        return [str(item[0]) for item in description]

    def stream(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """Rows of a query one by one, as the database gives them."""
        yield from self._connection.execute(statement)

    def script(self, statements: Iterable[str]) -> None:
        """Execute statements without parameters, in order (DDL)."""
        for statement in statements:
            self._connection.execute(statement)

    def many(self, statement: str, rows: Iterable[Values]) -> None:
        """Execute one statement for many rows."""
        bound = (self._bound(row) for row in rows)
        cursor = self._connection.cursor()
        cursor.executemany(self._marked(statement), bound)
        cursor.close()

    def _marked(self, statement: str) -> str:
        if self.dialect is Dialect.SQLITE:
            return statement
        return statement.replace("%", "%%").replace("?", "%s")

    def _bound(self, values: Values) -> tuple[Any, ...]:
        return tuple(_sqlite_value(value) for value in values) if self.dialect is Dialect.SQLITE else tuple(values)


class SqliteBackend:
    """A company in one SQLite file."""

    dialect = Dialect.SQLITE

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).resolve()

    def connect(self) -> sqlite3.Connection:
        """New connection, autocommit, foreign keys checked, five seconds of patience with another writer."""
        connection = sqlite3.connect(self.path, timeout=5.0, isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    @contextmanager
    def session(self, *, write: bool = True) -> Iterator[Session]:
        """See Backend. A writing session takes its lock at once, a reading one none that would stop a writer."""
        with closing(self.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield Session(connection, self.dialect)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def load(self, dataset: Dataset, statements: Sequence[str] = ()) -> None:
        """See Backend. The file is built aside and put in place at once, so that no reader sees half a company.

        FileExistsError when the path holds something else than a SQLite database.
        """
        self._must_be_ours()
        building = self.path.with_name(self.path.name + ".building")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _unlink(building)
        with closing(sqlite3.connect(building, isolation_level=None)) as connection:
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536", "temp_store = MEMORY"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
            for table in dataset.schema().values():
                connection.execute(create_table(table, self.dialect))
                for batch in dataset.batches(table):
                    connection.executemany(_insert(table, batch), _sqlite_rows(batch.rows))
            for statement in statements:
                connection.execute(statement)
            connection.execute("COMMIT")
            # A reader that streams must not stop the edits of a test or of the demo, nor the other way round.
            connection.execute("PRAGMA journal_mode = WAL")
        _unlink(self.path)
        os.replace(building, self.path)

    def _must_be_ours(self) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            head = file.read(16)
        if head and not head.startswith(b"SQLite format 3"):
            raise FileExistsError(f"{self.path} is not a SQLite database: it will not be replaced")

    def odbc_connection_string(self, *, read_only: bool = False, login: str = "", password: str = "") -> str:
        """See Backend. The driver has neither users nor a read-only switch: the three arguments change nothing."""
        return f"Driver={{SQLite3}};Database={self.path};FKSupport=1;Timeout=5000;BigInt=1"


class PostgresBackend:
    """A company in the public schema of a PostgreSQL database (UTF-8)."""

    dialect = Dialect.POSTGRESQL

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def connect(self) -> psycopg.Connection[Any]:
        """New connection, no autocommit."""
        return psycopg.connect(self.dsn)

    @contextmanager
    def session(self, *, write: bool = True) -> Iterator[Session]:
        """See Backend."""
        with self.connect() as connection:
            connection.read_only = not write
            yield Session(connection, self.dialect)

    def load(self, dataset: Dataset, statements: Sequence[str] = ()) -> None:
        """See Backend. One transaction: readers see the old company until the new one is complete."""
        tables = dataset.schema()
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
            for name in tables:
                cursor.execute(_sql(f"DROP TABLE IF EXISTS {name} CASCADE"))
            for table in tables.values():
                cursor.execute(_sql(create_table(table, self.dialect)))
                for batch in dataset.batches(table):
                    _copy(cursor, table, batch)
            for table in tables.values():
                _finish(cursor, table)
            for statement in statements:
                cursor.execute(_sql(statement))

    def odbc_connection_string(self, *, read_only: bool = False, login: str = "", password: str = "") -> str:
        """See Backend. ``read_only`` makes the driver refuse writes; a login replaces the one of the DSN."""
        parts = conninfo.conninfo_to_dict(self.dsn)
        values: Mapping[str, Any] = {
            "Driver": "{PostgreSQL Unicode}",
            "Server": parts.get("host", "127.0.0.1"),
            "Port": parts.get("port", 5432),
            "Database": parts.get("dbname", "postgres"),
            "Uid": login or parts.get("user", "postgres"),
            "Pwd": password if login else parts.get("password", ""),
        }
        text = ";".join(f"{key}={value}" for key, value in values.items())
        return f"{text};ReadOnly=1" if read_only else text


def backend_for(target: Path | str) -> "SqliteBackend | PostgresBackend":
    """PostgreSQL for a connection URL or a ``key=value`` connection string, a SQLite file for anything else."""
    text = str(target)
    if text.startswith(("postgresql://", "postgres://")) or ("=" in text and "dbname" in text):
        return PostgresBackend(text)
    return SqliteBackend(target)


def create_database(admin_dsn: str, name: str, *, template: str = "template0") -> str:
    """Create a UTF-8 database (dropping one of that name) and return its DSN. Callable twice.

    It is empty, or the copy of the database ``template``, which nobody may be using.
    """
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        statement = sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE {}")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    return conninfo.make_conninfo(admin_dsn, dbname=name)


def drop_database(admin_dsn: str, name: str) -> None:
    """Drop a database, ending the sessions still open on it. Callable twice."""
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def plain(value: Any) -> Any:
    """One value the same way from both databases: whole numbers as int, others as Decimal, dates as text."""
    if isinstance(value, float):
        value = Decimal(str(value))
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value.normalize()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S") if value.year >= 1000 else str(value)
    return value


def names_of(columns: Iterable[str], table: Table) -> str:
    """Column list of a statement, custom names quoted."""
    custom = {column.name for column in table.columns if column.custom}
    return ", ".join(quoted(name) if name in custom else name for name in columns)


def _insert(table: Table, batch: Batch) -> str:
    markers = ", ".join("?" * len(batch.columns))
    return f"INSERT INTO {table.name} ({names_of(batch.columns, table)}) VALUES ({markers})"  # noqa: S608 names of ours


def _copy(cursor: psycopg.Cursor[Any], table: Table, batch: Batch) -> None:
    with cursor.copy(_sql(f"COPY {table.name} ({names_of(batch.columns, table)}) FROM STDIN")) as copy:
        for row in batch.rows:
            copy.write_row(row)


def _finish(cursor: psycopg.Cursor[Any], table: Table) -> None:
    for statement in foreign_keys(table):
        cursor.execute(_sql(statement))
    if not table.has_row_number:
        return
    following = f"(SELECT COALESCE(MAX(cbMarq), 0) + 1 FROM {table.name})"  # noqa: S608 names of ours
    cursor.execute(_sql(f"SELECT setval(pg_get_serial_sequence('{table.name.lower()}', 'cbmarq'), {following}, false)"))
    cursor.execute(_sql(f"ANALYZE {table.name}"))


def _sql(text: str) -> sql.SQL:
    # The text is made of names that this package holds itself, never of input: psycopg wants a literal to be sure.
    return sql.SQL(text)


def _sqlite_rows(rows: Iterable[Values]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield tuple([float(value) if isinstance(value, Decimal) else value for value in row])


def _sqlite_value(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _unlink(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
