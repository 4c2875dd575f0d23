"""Write sessions: everything of one step in one transaction, and a name for «nobody knows what happened».

A transaction ends in one commit; any error before it rolls back. Whatever happens to the connection between the first
change and the answer to the commit makes the outcome unknown (:class:`Uncertain`): the caller looks before it repeats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from types import ModuleType
from typing import Any, ClassVar, Protocol

from connectors.core.odbc import OdbcSession, ReadSession, Source, SqliteSession, safe_text
from connectors.core.odbc_errors import problem_of
from connectors.core.problems import ConnectorBug, ConnectorError, ItemRefused, Problem, Transient, Uncertain
from connectors.core.redaction import redact

LOST = frozenset({"connection_lost", "server_unreachable"})
"""Codes of problems after which nobody knows whether the other side did what it was asked."""

_LOCKED = frozenset({"locked", "record_locked"})
_CHANGE = re.compile(r"^(?:INSERT INTO|UPDATE|DELETE FROM) \w+\b", re.IGNORECASE)
_TEXTS_AND_NAMES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


@lru_cache(maxsize=512)
def require_change(statement: str) -> None:
    """Raises ``ConnectorBug`` unless the text is one INSERT, UPDATE or DELETE; the last two with a condition."""
    bare = _TEXTS_AND_NAMES.sub("x", statement).strip()
    bounded = bare[:6].upper() == "INSERT" or re.search(r"\sWHERE\s", bare, re.IGNORECASE)
    if _CHANGE.match(bare) and bounded and not re.search(r";|--|/\*|'|\"", bare):
        return
    raise ConnectorBug(
        Problem(
            "change_refused",
            "Une instruction inattendue a été refusée sur une connexion d’écriture.",
            "Signalez cette erreur au support : rien n’a été écrit.",
            redact(statement[:300]),
        )
    )


class WriteSession(ReadSession, Protocol):
    """A connection that reads and writes. Not to be shared between threads; every method raises our own problems."""

    transactional: bool
    """Whether the other side undoes a transaction that was not committed."""

    broken: bool
    """Whether the connection is lost; every further use fails."""

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Runs one INSERT, UPDATE or DELETE inside a transaction and tells how many rows it touched."""
        ...

    def transaction(self) -> Any:
        """A context manager: one commit at its end, rollback when it raises.

        Raises ``Uncertain`` when the connection is lost after a change or during the commit, ``Transient`` when a
        lock is in the way (nothing was kept), ``ItemRefused`` when the other side refuses at the commit.
        """
        ...


class _Writing:
    """What both kinds of write session add to a session."""

    transactional: bool = True
    broken: bool = False
    _connection: Any
    _errors: tuple[type[BaseException], ...]
    _inside = False
    _changed = False

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        require_change(statement)
        if self._connection is None or not self._inside:
            raise ConnectorBug(Problem("transaction_missing", "Une écriture a été tentée hors d’une transaction."))
        with closing(self._connection.cursor()) as cursor:
            self._changed = True
            self.guarded(cursor.execute, statement, [self._bound(value) for value in values])  # type: ignore[attr-defined]
            return int(cursor.rowcount)

    def guarded(self, call: Any, *values: Any) -> Any:
        try:
            return super().guarded(call, *values)  # type: ignore[misc]
        except ConnectorError as problem:
            self.broken = self.broken or problem.problem.code in LOST
            cause = problem.__cause__
            if self._changed and isinstance(cause, self._errors):
                raise problem_of(cause, connecting=False, writing=True) from cause
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._inside:
            raise ConnectorBug(Problem("transaction_nested", "Une transaction est déjà ouverte."))
        self._inside, self._changed = True, False
        try:
            self._begin()
            yield
            self._commit()
        except BaseException as error:
            self._abandon(error)
            raise
        finally:
            self._inside = self._changed = False

    def _begin(self) -> None:
        """Starts a transaction where the driver does not by itself."""

    def _commit(self) -> None:
        if self._connection is None:
            raise ConnectorBug(Problem("session_closed", "La connexion d’écriture a été fermée avant la fin."))
        try:
            self._connection.commit()
        except self._errors as error:
            problem = problem_of(error, connecting=False, writing=True)
            known = problem.problem.code in _LOCKED or (
                isinstance(problem, ItemRefused) and problem.problem.code != "row_refused"
            )
            if known or not self._changed:
                raise problem from error
            # Neither a lock nor a broken rule: the commit may have been carried out before its answer was lost.
            self.broken = True
            raise _unknown_outcome(problem) from error

    def _abandon(self, error: BaseException) -> None:
        # A session that was closed has rolled back.
        if isinstance(error, Uncertain) or self._connection is None:
            return
        rolled_back = not self.broken and self._rolled_back()
        if rolled_back or not self._changed:
            return
        self.broken = True
        cause = (
            error
            if isinstance(error, ConnectorError)
            else Transient(Problem("connection_lost", _CUT, detail=str(error)))
        )
        raise _unknown_outcome(cause) from error

    def _rolled_back(self) -> bool:
        with suppress(*self._errors):
            self._connection.rollback()
            return self.transactional
        return False

    def _end_transaction(self) -> None:
        """Inside a transaction a reading ends nothing."""
        if not self._inside and self._connection is not None:
            with suppress(*self._errors):
                self._connection.rollback()


class OdbcWriteSession(_Writing, OdbcSession):
    """A write session through the driver manager."""

    def _opened(self, pyodbc: ModuleType, source: Source) -> Any:
        text = safe_text(source.text)
        try:
            return pyodbc.connect(text, autocommit=False, timeout=source.connect_timeout)
        except pyodbc.Error as error:
            if not re.search(r"HYC00|IM001|transactions? not supported", str(error), re.IGNORECASE):
                raise
            # A driver without transactions: what was written stays, and must be found and finished.
            self.transactional = False
            return pyodbc.connect(text, autocommit=True, timeout=source.connect_timeout)

    def _set_up(self) -> tuple[str, ...]:
        return _SET_UP.get(self.info.dbms.lower(), ())

    def _bound(self, value: Any) -> Any:
        # libsqliteodbc stores a date with milliseconds, which then differs from every other date of the file.
        if isinstance(value, datetime) and self.info.dbms.lower() == "sqlite":
            return f"{value:%Y-%m-%d %H:%M:%S}"
        return value

    def _prepare(self, source: Source) -> None:
        super()._prepare(source)
        if not self.transactional:
            self._connection.autocommit = True


_SET_UP: Mapping[str, tuple[str, ...]] = {
    "postgresql": (
        "SELECT set_config('statement_timeout', '{milliseconds}', false)",
        "SELECT set_config('lock_timeout', '10000', false)",
    ),
}


class SqliteWriteSession(_Writing, SqliteSession):
    """The same surface over Python's sqlite3."""

    mode: ClassVar[str] = "rw"

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._connection.execute("PRAGMA foreign_keys = ON")

    def _begin(self) -> None:
        # Reading first and writing later answers "database is locked" at once when somebody wrote in between.
        self.guarded(self._connection.execute, "BEGIN IMMEDIATE")


def connect_write(source: Source) -> WriteSession:
    """Opens a write session: autocommit off, nothing kept without a commit.

    Raises ``Misconfigured`` (driver, source, file, database or ODBC itself missing), ``CredentialsRefused`` or
    ``Transient`` (server away, busy). The caller closes it.
    """
    session: WriteSession = SqliteWriteSession(source) if source.is_file else OdbcWriteSession(source)
    return session


_CUT = "La connexion à la base a été coupée."


def _unknown_outcome(cause: ConnectorError) -> Uncertain:
    return Uncertain(
        Problem(
            "outcome_unknown",
            "La connexion à l’ERP a été coupée pendant l’écriture : son résultat n’est pas connu.",
            "La plate-forme cherche d’abord si l’enregistrement existe, puis recommence d’elle-même.",
            f"{cause.problem.code}: {cause.problem.detail}",
        )
    )
