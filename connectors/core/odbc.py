"""The only door to ODBC: read sessions that refuse writes, streaming cursors, one table of what errors mean.

The same small surface is served by Python's sqlite3 for the demo that runs without a driver manager. Statements use
``?`` markers on both.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, ClassVar, Literal, Protocol
from urllib.parse import quote, unquote

from connectors.core.odbc_errors import problem_of
from connectors.core.problems import ConnectorBug, ConnectorError, Misconfigured, Problem
from connectors.core.redaction import redact

SQLITE_SCHEME = "sqlite://"
Encoding = Literal["auto", "cp1252", "utf-8"]
Row = dict[str, Any]

_SIX_PLACES = Decimal("0.000001")
_WHOLE = Decimal(1)
_EMPTY_BEFORE = 1901


# Statements


_MASKED = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\[[^\]]*\]",
    re.DOTALL,
)
_WRITING = re.compile(
    r"\b(?:insert|update|delete|merge|into|exec|execute|call|create|alter|drop|truncate|grant|revoke|set|use|declare"
    r"|begin|commit|rollback|replace|attach|pragma|vacuum|copy|do|lock|nextval|setval|shutdown|waitfor|openrowset)\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=512)
def require_select(statement: str) -> None:
    """Raises ``ConnectorBug`` unless the text is one SELECT without any word that writes.

    Looks outside texts, quoted names and comments. T-SQL separates statements without a semicolon, hence the list of
    words; strings with backslashes or dollar quotes, which would fool this reading, are refused as well.
    """
    bare = _MASKED.sub(lambda found: " " if found["comment"] else "''", statement).strip().rstrip(";")
    harmless = bare[:6].lower() == "select" and ";" not in bare and "$$" not in bare
    if harmless and not _WRITING.search(bare) and not re.search(r"[eE]''", bare) and "'" not in bare.replace("''", ""):
        return
    raise ConnectorBug(
        Problem(
            "write_refused",
            "Une instruction d’écriture a été refusée sur une connexion de lecture.",
            "Signalez cette erreur au support : rien n’a été écrit.",
            redact(statement[:300]),
        )
    )


# Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where to read. ``text`` is an ODBC connection string or ``sqlite:///path``; it holds secrets: never shown."""

    text: str = field(repr=False)
    encoding: Encoding = "auto"
    connect_timeout: int = 8
    query_timeout: int = 60

    @property
    def is_file(self) -> bool:
        """Whether Python's sqlite3 opens it, without ODBC."""
        return self.text.startswith(SQLITE_SCHEME)

    @property
    def path(self) -> str:
        """The file of a sqlite source."""
        return unquote(self.text.removeprefix(SQLITE_SCHEME))


def sqlite_source(path: str | Path, *, query_timeout: int = 60) -> Source:
    """Source for a SQLite file read by Python itself."""
    return Source(text=SQLITE_SCHEME + quote(str(Path(path).absolute())), query_timeout=query_timeout)


def connection_string(values: Sequence[tuple[str, str]]) -> str:
    """ODBC connection string of these keywords, empty values left out, special characters protected."""
    return ";".join(f"{key}={_braced(value)}" for key, value in values if value)


def _braced(value: str) -> str:
    plain = re.fullmatch(r"[\w.\-:/\\@,]+", value)
    return value if plain else "{" + value.replace("}", "}}") + "}"


def keywords_of(text: str) -> dict[str, str]:
    """Keywords of a connection string in lower case, values without braces; the last one of a repeated keyword wins."""
    found = re.findall(r"\s*([^=;]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)", text)
    return {
        key.lower(): value[1:-1].replace("}}", "}") if value.startswith("{") else value.strip() for key, value in found
    }


def installed_drivers() -> list[str]:
    """Names of the ODBC drivers this machine knows. Raises ``Misconfigured`` when ODBC itself is missing."""
    return list(_pyodbc().drivers())


@dataclass(frozen=True, slots=True)
class DriverInfo:
    """What answers at the other end."""

    name: str
    version: str = ""
    dbms: str = ""
    dbms_version: str = ""
    database: str = ""


# Sessions


class Stream:
    """Rows of one SELECT, read by packets. A context manager; leaving it early closes the cursor at once."""

    def __init__(self, session: ReadSession, cursor: Any, packet: int) -> None:
        self._session = session
        self._cursor = cursor
        self._packet = packet
        # Identifiers that are not quoted come back in lower case from PostgreSQL: names are looked up without case.
        # libsqliteodbc ends a name that has accents with a NUL.
        self.names: tuple[str, ...] = tuple(
            str(column[0]).rstrip("\x00").lower() for column in cursor.description or ()
        )

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the reading. May be called twice."""
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            self._session.release(cursor)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Rows as tuples, in the order of ``names``."""
        while self._cursor is not None:
            packet = self._session.guarded(self._cursor.fetchmany, self._packet)
            if not packet:
                self.close()
                return
            yield from packet

    def rows(self) -> Iterator[Row]:
        """Rows as dicts with lower-case names."""
        names = self.names
        for values in self:
            yield dict(zip(names, values, strict=True))


class ReadSession(Protocol):
    """A connection that can only read. Not to be shared between threads; every method raises our own problems."""

    info: DriverInfo

    def stream(self, statement: str, values: Sequence[Any] = (), *, packet: int = 1000) -> Stream:
        """Starts one SELECT. Raises ``ConnectorBug`` for anything else."""
        ...

    def select(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of one SELECT, for small results."""
        ...

    def columns(self, table: str) -> dict[str, int]:
        """Columns of a table as the catalogue names them, with their size (0 unknown); empty when there is none."""
        ...

    def date_literal(self, moment: datetime) -> str:
        """A date as this database reads it inside a statement."""
        ...

    def guarded(self, call: Any, *values: Any) -> Any:
        """Runs a driver call, turning its errors into ours."""
        ...

    def release(self, cursor: Any) -> None:
        """Closes a cursor and ends the transaction it read in, once no other cursor is open."""
        ...

    def close(self) -> None:
        """Rolls back and ends the session. May be called twice."""
        ...


class _Session:
    """What both kinds of session share."""

    info: DriverInfo

    def __init__(self, connection: Any, errors: tuple[type[BaseException], ...]) -> None:
        self._connection = connection
        self._errors = errors
        self._open = 0

    def stream(self, statement: str, values: Sequence[Any] = (), *, packet: int = 1000) -> Stream:
        require_select(statement)
        if self._connection is None:
            raise ConnectorBug(Problem("session_closed", "La connexion de lecture est déjà fermée."))
        cursor = self._connection.cursor()
        self._open += 1
        try:
            self.guarded(cursor.execute, statement, [self._bound(value) for value in values])
        except BaseException:
            self.release(cursor)
            raise
        return Stream(self, cursor, packet)  # type: ignore[arg-type]

    def select(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        with self.stream(statement, values) as stream:
            return list(stream.rows())

    def release(self, cursor: Any) -> None:
        self._open -= 1
        with suppress(*self._errors):
            cursor.close()
        if self._open == 0:
            self._end_transaction()

    def guarded(self, call: Any, *values: Any) -> Any:
        try:
            return call(*values)
        except self._errors as error:
            raise problem_of(error, connecting=False) from error
        except UnicodeDecodeError as error:
            raise _wrong_encoding(error) from error

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with suppress(*self._errors):
            connection.rollback()
        with suppress(*self._errors):
            connection.close()

    def _bound(self, value: Any) -> Any:
        return value

    def _end_transaction(self) -> None:
        # A read that stays open pins a snapshot: old rows in PostgreSQL, a lock against writers in SQLite files.
        if self._connection is not None:
            with suppress(*self._errors):
                self._connection.rollback()


class OdbcSession(_Session):
    """A read session through the driver manager."""

    def __init__(self, source: Source) -> None:
        pyodbc = _pyodbc()
        try:
            connection = self._opened(pyodbc, source)
        except (pyodbc.Error, UnicodeDecodeError) as error:
            raise problem_of(error, connecting=True) from error
        super().__init__(connection, (pyodbc.Error,))
        self._constants = pyodbc
        try:
            self.info = self._read_info()
            self._prepare(source)
        except BaseException:
            self.close()
            raise

    def columns(self, table: str) -> dict[str, int]:
        """See :class:`ReadSession`; through the driver's catalogue functions."""
        for name in dict.fromkeys((table, table.lower())):
            with closing(self._connection.cursor()) as cursor:
                rows = self.guarded(lambda name=name, cursor=cursor: cursor.columns(table=_escaped(name)).fetchall())
            # The pattern may match several tables or schemas ("_" is a wildcard): keep the one that was asked for.
            found = {row[3]: int(row[6] or 0) for row in rows if str(row[2]).lower() == table.lower()}
            if found:
                break
        self._end_transaction()
        return found

    def date_literal(self, moment: datetime) -> str:
        """An ODBC escape, which every driver reads the same way."""
        return f"{{ts '{moment:%Y-%m-%d %H:%M:%S}'}}"

    def _opened(self, pyodbc: ModuleType, source: Source) -> Any:
        # A real cast to read-only comes from the driver's own keyword; the flag is the hint every driver takes.
        text = _read_only_text(source.text)
        return pyodbc.connect(text, autocommit=False, readonly=True, timeout=source.connect_timeout)

    def _set_up(self) -> tuple[str, ...]:
        """Statements that prepare the session."""
        return _SESSION_SET_UP.get(self.info.dbms.lower(), ())

    def _read_info(self) -> DriverInfo:
        def read(name: str) -> str:
            with suppress(*self._errors, TypeError):
                return str(self._connection.getinfo(getattr(self._constants, name)) or "").strip()
            return ""

        return DriverInfo(
            read("SQL_DRIVER_NAME"),
            read("SQL_DRIVER_VER"),
            read("SQL_DBMS_NAME"),
            read("SQL_DBMS_VER"),
            read("SQL_DATABASE_NAME"),
        )

    def _prepare(self, source: Source) -> None:
        with suppress(*self._errors):  # several drivers know no query time-out (HY000)
            self._connection.timeout = source.query_timeout
        if self._cp1252(source.encoding):
            self._connection.setdecoding(self._constants.SQL_CHAR, encoding="cp1252")
            self._connection.setencoding(encoding="cp1252")
        # Session settings made inside a transaction would go with its rollback.
        self._connection.autocommit = True
        for statement in self._set_up():
            with closing(self._connection.cursor()) as cursor:
                self.guarded(cursor.execute, statement.format(milliseconds=source.query_timeout * 1000))
        self._connection.autocommit = False

    def _cp1252(self, encoding: Encoding) -> bool:
        if encoding != "auto":
            return encoding == "cp1252"
        # Sage's own driver (SimbaEngine over the data files) speaks the Windows code page.
        return any(word in self.info.name.lower() for word in ("cbodbc", "simba", "sage"))


_SESSION_SET_UP: dict[str, tuple[str, ...]] = {
    "sqlite": ("PRAGMA query_only = ON",),
    # As SELECTs, since psqlODBC opened with ReadOnly=1 takes nothing else.
    "postgresql": (
        "SELECT set_config('default_transaction_read_only', 'on', false)",
        "SELECT set_config('statement_timeout', '{milliseconds}', false)",
    ),
}


SQLITE_CACHE_KIB = 256
"""Pages that one session over a file keeps in memory, in KiB."""


class SqliteSession(_Session):
    """The same surface over Python's sqlite3, the file opened read-only."""

    mode: ClassVar[str] = "ro"

    def __init__(self, source: Source) -> None:
        path = Path(source.path)
        if not path.is_file():
            raise Misconfigured(
                Problem(
                    "file_missing",
                    "Le fichier %(path)s n’existe pas ou n’est pas lisible.",
                    "Vérifiez le chemin du fichier et les droits du serveur.",
                    values={"path": path.name},
                )
            )
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(path))}?mode={self.mode}",
                uri=True,
                timeout=float(source.connect_timeout),
                isolation_level=None,
                check_same_thread=False,
            )
            # Many sessions may be open at once, and the operating system keeps the file's pages anyway.
            connection.execute(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")
            connection.execute("SELECT name FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            raise problem_of(error, connecting=True) from error
        super().__init__(connection, (sqlite3.Error,))
        self.info = DriverInfo("sqlite3 (Python)", sqlite3.sqlite_version, "SQLite", sqlite3.sqlite_version, path.name)

    def columns(self, table: str) -> dict[str, int]:
        """See :class:`ReadSession`; sizes as declared."""
        rows = self.guarded(
            lambda: self._connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
        )
        return {name: _declared_size(kind) for name, kind in rows}

    def date_literal(self, moment: datetime) -> str:
        """A text, as SQLite keeps its dates."""
        return f"'{moment:%Y-%m-%d %H:%M:%S}'"

    def _bound(self, value: Any) -> Any:
        if isinstance(value, Decimal):
            return float(value)
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d %H:%M:%S}"
        return value


def connect_read(source: Source) -> ReadSession:
    """Opens a read session.

    Raises ``Misconfigured`` (driver, source, file, database or ODBC itself missing), ``CredentialsRefused`` or
    ``Transient`` (server away, busy). The caller closes it.
    """
    session: ReadSession = SqliteSession(source) if source.is_file else OdbcSession(source)
    return session


@contextmanager
def reading(source: Source) -> Iterator[ReadSession]:
    """A read session for the length of a block, rolled back and closed at its end."""
    session = connect_read(source)
    try:
        yield session
    finally:
        session.close()


# Values


def decimal_of(value: Any) -> Decimal:
    """A number as the ERP means it: at most six decimals, empty is 0. Raises ``ValueError`` for anything else.

    Floats go through their text: SQLite gives 0.1 for what was stored as 0.100000.
    """
    if value is None or value == "":
        return Decimal(0)
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return Decimal(int(value))
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
        if not number.is_finite():
            raise ValueError(f"not a finite number: {value!r}")
        return _trimmed(number)
    except InvalidOperation:
        raise ValueError(f"not a number: {value!r}") from None


def _trimmed(number: Decimal) -> Decimal:
    rounded = number.quantize(_SIX_PLACES)
    return rounded.quantize(_WHOLE) if rounded == rounded.to_integral_value() else rounded.normalize()


def int_of(value: Any) -> int:
    """A code or a number, empty is 0. Raises ``ValueError`` for what is no whole number."""
    if isinstance(value, int):
        return value
    number = decimal_of(value)
    if number != number.to_integral_value():
        raise ValueError(f"not a whole number: {value!r}")
    return int(number)


def text_of(value: Any) -> str:
    """A text; NULL is empty. Nothing is trimmed: blanks are part of a key."""
    return "" if value is None else str(value)


def moment_of(value: Any) -> datetime | None:
    """A date of the ERP in the server's local time; NULL and the empty date (1753 or 1900) are ``None``."""
    if isinstance(value, str):
        value = _parsed_moment(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 the server's local time, as stored
    if value is None or value.year < _EMPTY_BEFORE:
        return None
    moment: datetime = value
    return moment.replace(tzinfo=None)


def _parsed_moment(text: str) -> datetime | None:
    if not text.strip():
        return None
    return datetime.fromisoformat(text.strip())


# Helpers


def _pyodbc() -> ModuleType:
    try:
        import pyodbc
    except ImportError as error:
        raise Misconfigured(
            Problem(
                "odbc_missing",
                "Le gestionnaire ODBC n’est pas installé sur ce serveur.",
                "Demandez à l’hébergeur d’installer unixODBC (paquet « unixodbc »), ou lisez un fichier SQLite.",
                redact(str(error)),
            )
        ) from error
    module: ModuleType = pyodbc
    return module


def _read_only_text(text: str) -> str:
    """The connection string with what each known driver takes to open read-only and safely."""
    driver = keywords_of(text).get("driver", "").lower()
    if "postgresql" in driver or "psqlodbc" in driver:
        return connection_string_joined(text, [("ReadOnly", "1")])
    if "sql server" in driver or "msodbcsql" in driver:
        return with_keywords(text, [("ApplicationIntent", "ReadOnly")])
    return safe_text(text)


def safe_text(text: str) -> str:
    """The connection string with what a driver of files takes to behave: create none, keep whole numbers, wait."""
    if "sqlite" not in keywords_of(text).get("driver", "").lower():
        return text
    return with_keywords(text, [("NoCreat", "1"), ("BigInt", "1"), ("Timeout", "5000")])


def with_keywords(text: str, added: Sequence[tuple[str, str]]) -> str:
    """A connection string with the keywords it does not have yet."""
    given = keywords_of(text)
    return connection_string_joined(text, [(key, value) for key, value in added if key.lower() not in given])


def connection_string_joined(text: str, values: Sequence[tuple[str, str]]) -> str:
    """A connection string with keywords added at its end."""
    extra = connection_string(values)
    return f"{text.rstrip().rstrip(';')};{extra}" if extra else text


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("_", "\\_")


def _declared_size(kind: str) -> int:
    match = re.search(r"\((\d+)", kind)
    return int(match[1]) if match else 0


def _wrong_encoding(error: UnicodeDecodeError) -> ConnectorError:
    return Misconfigured(
        Problem(
            "encoding_wrong",
            "Les textes de la base ne sont pas dans l’encodage choisi.",
            "Choisissez un autre encodage des textes dans les réglages de connexion (cp1252 avec le pilote Sage).",
            redact(f"{error.encoding}: {error.reason}"),
        )
    )
