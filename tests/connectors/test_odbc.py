"""The only door to ODBC: read-only sessions, streaming, conversions, and what errors mean."""

# ruff: noqa: DTZ001 dates of the database are in its own local time

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.core.odbc import (
    Source,
    connect_read,
    connection_string,
    decimal_of,
    installed_drivers,
    int_of,
    keywords_of,
    moment_of,
    reading,
    require_select,
    sqlite_source,
    text_of,
)
from connectors.core.odbc_errors import problem_of
from connectors.core.problems import ConnectorBug, CredentialsRefused, Misconfigured, Transient

ROADS = [pytest.param("sqlite3"), pytest.param("odbc", marks=pytest.mark.odbc)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "a lire.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            'CREATE TABLE T (cbMarq INTEGER PRIMARY KEY, Q NUMERIC(24,6), D TIMESTAMP, "Matière" VARCHAR(35))'
        )
        connection.executemany(
            "INSERT INTO T VALUES (?, ?, ?, ?)",
            [(number, number / 10, "2025-01-02 03:04:05", f"é{number}") for number in range(1, 2001)],
        )
    connection.close()
    return file


@pytest.fixture(params=ROADS)
def source(request: pytest.FixtureRequest, path: Path) -> Source:
    if request.param == "sqlite3":
        return sqlite_source(path)
    return Source(text=f"Driver={{SQLite3}};Database={path}")


# Statements


@pytest.mark.covers("SYS-01")
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "select a.x from t a where a.y = 'DELETE FROM t; --'",
        'SELECT a."Update" FROM t a',
        "SELECT a.[Insert into] FROM t a",
        "-- a note about UPDATE\nSELECT 1 /* DROP */",
        "SELECT a.x FROM t a WHERE a.d >= {ts '2025-01-01 00:00:00'};",
        "SELECT a.x FROM t a WHERE a.n = 'O''BRIEN'",
    ],
)
def test_reading_statements_pass(statement: str) -> None:
    require_select(statement)


@pytest.mark.covers("SYS-01")
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (1)", "UPDATE t SET x = 1", "DELETE FROM t", "DROP TABLE t", "EXEC xp_cmdshell 'dir'",
        "SELECT 1; DELETE FROM t", "SELECT 1 DELETE FROM t", "SELECT * INTO t2 FROM t",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "SELECT x FROM t FOR UPDATE", "{call sp_who}", "SELECT nextval('s')", "PRAGMA query_only = OFF", "SET x = 1",
        "COMMIT", "", "  ", "SELECT 'a", "SELECT E'\\'; DELETE FROM t --'", "SELECT $$x$$",
        "/* SELECT */ TRUNCATE TABLE t",
        "MERGE INTO t USING s ON 1 = 1 WHEN MATCHED THEN DELETE", "SELECT 1 WAITFOR DELAY '0:0:9'",
    ],
)  # fmt: skip
def test_anything_that_could_write_is_refused(statement: str) -> None:
    with pytest.raises(ConnectorBug) as error:
        require_select(statement)
    assert error.value.problem.code == "write_refused"


@pytest.mark.covers("SYS-01")
def test_a_read_session_cannot_write(source: Source, path: Path) -> None:
    with reading(source) as session:
        with pytest.raises(ConnectorBug):
            session.select("DELETE FROM T")
        cursor = session._connection.cursor()
        with pytest.raises(Exception, match="attempt to write a readonly database"):
            cursor.execute("DELETE FROM T")
        cursor.close()
    with sqlite3.connect(path) as check:
        assert check.execute("SELECT COUNT(*) FROM T").fetchone() == (2000,)
    check.close()


# Streaming


@pytest.mark.covers("SYS-01")
def test_rows_come_with_names_without_case(source: Source) -> None:
    with reading(source) as session:
        (row,) = session.select('SELECT cbMarq, Q, D, "Matière" FROM T WHERE cbMarq = ?', [7])
        assert set(row) == {"cbmarq", "q", "d", "matière"}
        assert (int_of(row["cbmarq"]), decimal_of(row["q"]), text_of(row["matière"])) == (7, Decimal("0.7"), "é7")
        assert moment_of(row["d"]) == datetime(2025, 1, 2, 3, 4, 5)
        assert set(session.columns("t")) == {"cbMarq", "Q", "D", "Matière"}
        assert session.columns("ABSENTE") == {}
        assert session.info.dbms == "SQLite"


@pytest.mark.covers("SYS-01")
def test_a_stream_is_read_by_packets_and_closed_early(source: Source, path: Path) -> None:
    with reading(source) as session:
        with session.stream("SELECT cbMarq FROM T ORDER BY cbMarq", packet=100) as stream:
            assert stream.names == ("cbmarq",)
            first = [row[0] for _, row in zip(range(5), stream, strict=False)]
        assert first == [1, 2, 3, 4, 5]
        assert list(stream) == []
        stream.close()
        assert len(list(session.stream("SELECT cbMarq FROM T", packet=7))) == 2000
        _write(path, "UPDATE T SET Q = 99 WHERE cbMarq = 1")
        assert decimal_of(session.select("SELECT Q FROM T WHERE cbMarq = 1")[0]["q"]) == 99


@pytest.mark.covers("SYS-01")
def test_dates_are_bound_and_written_alike(source: Source) -> None:
    moment = datetime(2025, 1, 2)
    with reading(source) as session:
        bound = session.select("SELECT COUNT(*) AS n FROM T WHERE D > ?", [moment])
        literal = session.select("SELECT COUNT(*) AS n FROM T WHERE D > " + session.date_literal(moment))  # noqa: S608
    assert bound == literal == [{"n": 2000}]


def test_a_closed_session_says_so(source: Source) -> None:
    session = connect_read(source)
    session.close()
    session.close()
    with pytest.raises(ConnectorBug, match="session_closed"):
        session.select("SELECT 1")


def test_decimals_are_bound(source: Source) -> None:
    with reading(source) as session:
        assert session.select("SELECT COUNT(*) AS n FROM T WHERE Q > ?", [Decimal("199.95")]) == [{"n": 1}]


def _write(path: Path, statement: str) -> None:
    with sqlite3.connect(path, timeout=1) as connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.covers("SYS-01")
@pytest.mark.odbc
def test_a_lock_held_by_another_user_is_worth_a_retry(tmp_path: Path) -> None:
    file = tmp_path / "lock.db"
    holder = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    holder.execute("CREATE TABLE T (x INTEGER)")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with reading(Source(text=f"Driver={{SQLite3}};Database={file};Timeout=50")) as session:
            with pytest.raises(Transient) as error:
                session.select("SELECT x FROM T")
            assert error.value.problem.code == "locked"
    finally:
        holder.execute("ROLLBACK")
        holder.close()


# Connecting


@pytest.mark.covers("PRF-04")
def test_without_a_driver_manager_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyodbc", None)
    for attempt in (installed_drivers, lambda: connect_read(Source(text="DSN=X"))):
        with pytest.raises(Misconfigured) as error:
            attempt()
        assert error.value.problem.code == "odbc_missing"


@pytest.mark.covers("SYS-01")
@pytest.mark.odbc
def test_a_connection_string_is_completed_to_open_read_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyodbc

    seen: list[tuple[str, dict[str, object]]] = []
    real = pyodbc.connect

    def spy(text: str, **rest: object) -> object:
        seen.append((text, rest))
        return real(text, **rest)

    monkeypatch.setattr(pyodbc, "connect", spy)
    with reading(Source(text=f"Driver={{SQLite3}};Database={path};Timeout=9")):
        pass
    text, rest = seen[0]
    assert keywords_of(text)["nocreat"] == "1"
    assert keywords_of(text)["timeout"] == "9"
    assert (rest["readonly"], rest["autocommit"], rest["timeout"]) == (True, False, 8)
    with pytest.raises(Transient):
        connect_read(Source(text="Driver={PostgreSQL Unicode};Server=127.0.0.1;Port=1;ReadOnly=0"))
    assert keywords_of(seen[1][0])["readonly"] == "1"


@pytest.mark.covers("SYS-01")
@pytest.mark.odbc
def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    absent = tmp_path / "absent.db"
    for source in (Source(text=f"Driver={{SQLite3}};Database={absent}"), sqlite_source(absent)):
        with pytest.raises(Misconfigured) as error:
            connect_read(source)
        assert error.value.problem.code == "file_missing"
    assert not absent.exists()


def test_values_of_a_connection_string_are_protected() -> None:
    values = [("DSN", "A;B"), ("UID", "dom\\moi"), ("PWD", "p}w=;"), ("Empty", "")]
    text = connection_string(values)
    assert keywords_of(text) == {"dsn": "A;B", "uid": "dom\\moi", "pwd": "p}w=;"}
    assert "Empty" not in text
    assert "p}w" not in repr(Source(text=text))


# What errors mean


@pytest.mark.covers("PRF-04", "LOG-03")
@pytest.mark.parametrize(
    ("connecting", "state", "text", "kind", "code"),
    [
        (True, "01000", "[01000] [unixODBC]Can't open lib 'Nope' : file not found", Misconfigured, "driver_missing"),
        (
            True,
            "IM002",
            "[IM002] [unixODBC]Data source name not found and no default driver specified (0)",
            Misconfigured,
            "source_unknown",
        ),
        (
            True,
            "08001",
            '[08001] FATAL: password authentication failed for user "u"',
            CredentialsRefused,
            "credentials_refused",
        ),
        (
            True,
            "28000",
            "[28000] [Microsoft][SQL Server]Login failed for user 'sa'. (18456)",
            CredentialsRefused,
            "credentials_refused",
        ),
        (True, "08001", '[08001] FATAL: database "nope" does not exist', Misconfigured, "database_unknown"),
        (
            True,
            "42000",
            '[42000] [Microsoft][SQL Server]Cannot open database "BIJOU" requested by the login. (4060)',
            Misconfigured,
            "database_unknown",
        ),
        (True, "08001", '[08001] could not translate host name "srv"', Misconfigured, "host_unknown"),
        (True, "08001", "[08001] connection to server failed: Connection refused", Transient, "server_unreachable"),
        (True, "HYT00", "[HYT00] [Microsoft]Login timeout expired (0)", Transient, "server_unreachable"),
        (True, "HY000", "[HY000] [Simba] something never seen", Misconfigured, "connection_failed"),
        (
            False,
            "HY000",
            "[HY000] [Simba][SimbaEngine ODBC Driver][DRM File Library]Record is lock",
            Transient,
            "locked",
        ),
        (False, "HY000", "[HY000] [SQLite]database is locked (5)", Transient, "locked"),
        (False, "40001", "[40001] deadlock victim (1205)", Transient, "locked"),
        (False, "53300", "[53300] FATAL: sorry, too many clients already", Transient, "too_many_connections"),
        (False, "08S01", "[08S01] Communication link failure", Transient, "connection_lost"),
        (
            False,
            "57P01",
            "[57P01] FATAL: terminating connection due to administrator command",
            Transient,
            "connection_lost",
        ),
        (False, "HYT00", "[HYT00] Query timeout expired", Transient, "query_timeout"),
        (False, "42S02", "[42S02] [SQL Server]Invalid object name 'F_NOPE'. (208)", Misconfigured, "table_missing"),
        (False, "42S22", "[42S22] [SQL Server]Invalid column name 'AR_Nope'. (207)", Misconfigured, "column_missing"),
        (False, "42501", "[42501] ERROR: permission denied for table f_article", Misconfigured, "right_missing"),
        (
            False,
            "42000",
            "[42000] The SELECT permission was denied on the object 'F_ARTICLE', database 'B'. (229)",
            Misconfigured,
            "right_missing",
        ),
        (
            False,
            "22P02",
            '[22P02] ERROR: invalid input syntax for type integer: "a"',
            Misconfigured,
            "statement_refused",
        ),
        (False, "HY000", "[HY000] something never seen", Transient, "odbc_error"),
    ],
)
def test_each_error_has_a_consequence_a_code_and_advice(connecting, state, text, kind, code) -> None:
    error = problem_of(RuntimeError(state, text), connecting=connecting)
    assert type(error) is kind
    assert error.problem.code == code
    assert error.problem.sentence
    assert error.problem.advice
    assert "%(" not in error.problem.text() + error.problem.advice_text()


@pytest.mark.covers("PRF-04")
def test_names_of_what_is_missing_are_given() -> None:
    found = problem_of(RuntimeError("42S22", "[42S22] Invalid column name 'AR_Nope'."), connecting=False)
    assert "AR_Nope" in found.problem.text()
    table = problem_of(sqlite3.OperationalError("no such table: F_NOPE"), connecting=False)
    assert (table.problem.code, table.problem.text()) == ("table_missing", "La table F_NOPE est introuvable.")


@pytest.mark.covers("PRF-08")
def test_p34_details_are_redacted() -> None:
    error = problem_of(RuntimeError("08001", "[08001] failed: DSN=X;UID=moi;PWD=canary123;"), connecting=True)
    assert "canary123" not in error.problem.detail + str(error)


# Values


@pytest.mark.covers("SYS-01")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "0"), ("", "0"), (0, "0"), (7, "7"), (0.1, "0.1"), (229.0, "229"), (1e20, "100000000000000000000"),
        (0.1 + 0.2, "0.3"), (Decimal("229.000000"), "229"), (Decimal("80"), "80"), (Decimal("1E+2"), "100"),
        (Decimal("0.000001"), "0.000001"), ("12.5", "12.5"), (-0.0, "0"), (99999999999999.0, "99999999999999"),
    ],
)  # fmt: skip
def test_numbers_become_decimals_through_their_text(value, expected) -> None:
    assert f"{decimal_of(value):f}" == expected


@pytest.mark.parametrize("value", ["douze", float("nan"), float("inf"), Decimal("NaN"), "1,5"])
def test_what_is_no_number_is_refused(value) -> None:
    with pytest.raises(ValueError, match="not a"):
        decimal_of(value)


def test_whole_numbers_and_texts() -> None:
    assert [int_of(value) for value in (None, "", 3, 3.0, "4", Decimal("5.000000"))] == [0, 0, 3, 3, 4, 5]
    with pytest.raises(ValueError, match="whole"):
        int_of(1.5)
    assert (text_of(None), text_of(" 0012 ")) == ("", " 0012 ")


@pytest.mark.covers("SYS-01")
def test_empty_dates_are_none() -> None:
    for empty in (None, "", "1753-01-01 00:00:00", "1900-01-01 00:00:00", datetime(1753, 1, 1), date(1900, 1, 1)):
        assert moment_of(empty) is None
    assert moment_of(date(2025, 1, 2)) == datetime(2025, 1, 2)
    assert moment_of("2025-01-02 03:04:05.123") == datetime(2025, 1, 2, 3, 4, 5, 123000)
    with pytest.raises(ValueError, match="isoformat"):
        moment_of("hier")


@pytest.mark.covers("SYS-01")
@pytest.mark.odbc
@pytest.mark.postgres
def test_a_statement_that_lasts_too_long_is_stopped() -> None:
    from django.conf import settings

    base = settings.DATABASES["default"]
    text = connection_string(
        [
            ("Driver", "PostgreSQL Unicode"), ("Server", str(base["HOST"])), ("Port", str(base["PORT"] or 5432)),
            ("Database", "postgres"), ("Uid", str(base["USER"])), ("Pwd", str(base["PASSWORD"])),
        ]
    )  # fmt: skip
    with reading(Source(text=text, query_timeout=1)) as session:
        with pytest.raises(Transient) as error:
            session.select("SELECT pg_sleep(20)")
        assert error.value.problem.code == "query_timeout"
        assert session.select("SELECT 1 AS one") == [{"one": 1}]


@pytest.fixture
def threads() -> Iterator[list[threading.Thread]]:
    started: list[threading.Thread] = []
    yield started
    for thread in started:
        thread.join(5)


def test_sessions_of_two_threads_do_not_meet(path: Path, threads: list[threading.Thread]) -> None:
    found: list[int] = []

    def read() -> None:
        with reading(sqlite_source(path)) as session:
            found.append(len(session.select("SELECT cbMarq FROM T")))

    threads += [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [2000] * 4
