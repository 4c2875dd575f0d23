"""Write sessions: one commit or nothing, and an honest word about what nobody knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.core.odbc import Source, sqlite_source
from connectors.core.odbc_write import WriteSession, connect_write
from connectors.core.problems import (
    ConnectorBug,
    ConnectorError,
    ItemRefused,
    Misconfigured,
    Problem,
    Transient,
    Uncertain,
)

pytestmark = pytest.mark.covers("SYS-01", "ORD-13")
INSERT = "INSERT INTO T (cbMarq, A) VALUES (?, ?)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small database."""
    file = tmp_path / "t.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE T (cbMarq INTEGER PRIMARY KEY, A VARCHAR(5), N NUMERIC(24,6), D TIMESTAMP)")
        connection.execute("CREATE TABLE C (T INTEGER NOT NULL REFERENCES T (cbMarq))")
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    return file


@pytest.fixture(params=["sqlite3", pytest.param("odbc", marks=pytest.mark.odbc)])
def source(request: pytest.FixtureRequest, path: Path) -> Source:
    """Both roads to it."""
    if request.param == "sqlite3":
        return sqlite_source(path)
    return Source(text=f"Driver={{SQLite3}};Database={path};FKSupport=1;Timeout=300")


@pytest.fixture
def session(source: Source) -> Iterator[WriteSession]:
    """An open write session."""
    opened = connect_write(source)
    yield opened
    opened.close()


def rows(path: Path, statement: str = "SELECT cbMarq, A FROM T ORDER BY cbMarq") -> list[Any]:
    with sqlite3.connect(path) as connection:
        return connection.execute(statement).fetchall()


def _written(session: WriteSession, *changes: tuple[str, Any], error: Exception | None = None) -> None:
    """Makes these changes in one transaction, which then meets the error."""
    with session.transaction():
        for statement, values in changes:
            session.execute(statement, values)
        if error is not None:
            raise error


def test_everything_is_kept_at_the_end_and_read_back_before(session: WriteSession, path: Path) -> None:
    with session.transaction():
        assert session.execute(INSERT, (1, "a")) == 1
        assert session.execute(INSERT, (2, "b")) == 1
        assert session.select("SELECT COUNT(*) AS n FROM T") == [{"n": 2}]
        assert session.execute("UPDATE T SET A = ? WHERE cbMarq > ?", ("c", 0)) == 2
        assert rows(path) == [], "nobody else sees it yet"
    assert rows(path) == [(1, "c"), (2, "c")]
    with session.transaction():
        assert session.execute("DELETE FROM T WHERE cbMarq = ?", (1,)) == 1
    assert rows(path) == [(2, "c")]


def test_numbers_and_dates_are_stored_as_sage_stores_them(session: WriteSession, path: Path) -> None:
    day = datetime(2025, 1, 2)  # noqa: DTZ001 the database's own time
    with session.transaction():
        session.execute("INSERT INTO T (cbMarq, A, N, D) VALUES (?, ?, ?, ?)", (1, None, Decimal("1.25"), day))
    assert rows(path, "SELECT A, N, D FROM T") == [(None, 1.25, "2025-01-02 00:00:00")]


def test_an_error_takes_everything_back(session: WriteSession, path: Path) -> None:
    with pytest.raises(KeyError):
        _written(session, (INSERT, (1, "a")), error=KeyError("ours"))
    assert rows(path) == []
    with session.transaction():
        session.execute(INSERT, (1, "a"))
    assert rows(path) == [(1, "a")]


def test_closing_without_commit_keeps_nothing(session: WriteSession, path: Path) -> None:
    def close_too_early() -> None:
        with session.transaction():
            session.execute(INSERT, (1, "a"))
            session.close()
            session.close()

    with pytest.raises(ConnectorBug, match="session_closed"):
        close_too_early()
    assert rows(path) == []


@pytest.mark.parametrize(
    ("statement", "values", "kind", "code"),
    [
        (INSERT, (1, "b"), ItemRefused, "already_exists"),
        ("INSERT INTO C (T) VALUES (?)", (99,), ItemRefused, "reference_missing"),
        ("INSERT INTO C (T) VALUES (?)", (None,), ItemRefused, "value_missing"),
        ("INSERT INTO ABSENT (T) VALUES (?)", (1,), Misconfigured, "table_missing"),
    ],
)
def test_what_the_database_refuses_has_a_name(
    session: WriteSession, path: Path, statement: str, values: tuple[Any, ...], kind: type[ConnectorError], code: str
) -> None:
    with session.transaction():
        session.execute(INSERT, (1, "a"))
    with pytest.raises(kind) as caught:
        _written(session, (INSERT, (2, "a")), (statement, values))
    assert caught.value.problem.code == code
    assert caught.value.problem.sentence
    assert caught.value.problem.advice
    assert rows(path) == [(1, "a")]


def test_changes_need_a_transaction_and_transactions_do_not_nest(session: WriteSession) -> None:
    with pytest.raises(ConnectorBug, match="transaction_missing"):
        session.execute(INSERT, (1, "a"))
    with session.transaction(), pytest.raises(ConnectorBug, match="transaction_nested"), session.transaction():
        pass
    with session.transaction(), pytest.raises(ConnectorBug, match="change_refused"):
        session.execute("DELETE FROM T")
    with pytest.raises(ConnectorBug, match="write_refused"):
        session.select("UPDATE T SET A = 'x' WHERE cbMarq = 1")


def test_a_writer_waits_for_another_and_then_says_so(session: WriteSession, path: Path) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(Transient) as caught, session.transaction():
            session.execute(INSERT, (1, "a"))
        assert caught.value.problem.code == "locked"
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    with session.transaction():
        session.execute(INSERT, (1, "a"))
    assert rows(path) == [(1, "a")]


class _Line:
    """A connection whose commit or rollback meets an error."""

    def __init__(self, real: Any, commit: Callable[[], None], *, rollback: Callable[[], None] | None = None) -> None:
        self._real = real
        self._commit = commit
        self._rollback = rollback

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def commit(self) -> None:
        self._commit()
        self._real.commit()

    def rollback(self) -> None:
        if self._rollback is not None:
            self._rollback()
        self._real.rollback()


def _raising(session: Any, text: str) -> Callable[[], None]:
    def fail() -> None:
        raise session._errors[0](text)

    return fail


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("[08S01] Communication link failure", Uncertain, "outcome_unknown"),
        ("[HYT00] Timeout expired", Uncertain, "outcome_unknown"),
        ("something nobody knows", Uncertain, "outcome_unknown"),
        ("database is locked", Transient, "locked"),
        ("[40001] could not serialize access", Transient, "locked"),
        ("[Simba][DRM File Library] Record is lock", Transient, "record_locked"),
        ("[23505] duplicate key value violates unique constraint", ItemRefused, "already_exists"),
    ],
)
def test_p01_what_a_failed_commit_means(
    session: Any, path: Path, text: str, kind: type[ConnectorError], code: str
) -> None:
    session._connection = _Line(session._connection, _raising(session, text))
    with pytest.raises(kind) as caught, session.transaction():
        session.execute(INSERT, (1, "a"))
    assert caught.value.problem.code == code
    assert session.broken == (kind is Uncertain)
    if kind is not Uncertain:
        assert rows(path) == []


def test_a_failed_commit_of_nothing_is_no_mystery(session: Any) -> None:
    session._connection = _Line(session._connection, _raising(session, "[08S01] Communication link failure"))
    with pytest.raises(Transient, match="connection_lost"), session.transaction():
        session.select("SELECT A FROM T")


def test_p01_a_rollback_that_fails_is_uncertain(session: Any) -> None:
    session._connection = _Line(session._connection, lambda: None, rollback=_raising(session, "[08S01] gone"))
    with pytest.raises(Uncertain):
        _written(session, (INSERT, (1, "a")), error=ItemRefused(Problem("refused", "Refusé.")))
    assert session.broken


@pytest.mark.odbc
def test_a_driver_without_transactions_is_told_apart(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyodbc

    real = pyodbc.connect
    seen: list[bool] = []

    def connect(text: str, **rest: Any) -> Any:
        seen.append(rest["autocommit"])
        if not rest["autocommit"]:
            raise pyodbc.Error("HYC00", "[HYC00] Optional feature not implemented (0) (SQLSetConnectAttr)")
        return real(text, **rest)

    monkeypatch.setattr(pyodbc, "connect", connect)
    session = connect_write(Source(text=f"Driver={{SQLite3}};Database={path}"))
    try:
        assert (seen, session.transactional) == ([False, True], False)
        with pytest.raises(Uncertain):
            _written(session, (INSERT, (1, "a")), error=ItemRefused(Problem("refused", "Refusé.")))
        assert rows(path) == [(1, "a")], "what was written stays: the caller must look"
    finally:
        session.close()


def test_a_file_that_is_missing_or_only_readable(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="file_missing"):
        connect_write(sqlite_source(tmp_path / "absent.db"))
    assert not (tmp_path / "absent.db").exists()
