"""Writing when things go wrong: all or nothing, exactly once, and never a wrong answer."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from connectors.core import odbc_write
from connectors.core.problems import ConnectorError, ItemRefused, Misconfigured, Transient, Uncertain
from connectors.erp.sage100 import writing
from connectors.erp.sage100.numbering import Numbering
from connectors.erp.sage100.totals import Documents
from connectors.sandbox.sage100 import Sage100Sandbox
from tests.connectors.sage100.support import runtime_of
from tests.connectors.sage100.writing_support import (
    HOME,
    D,
    Faults,
    FaultyConnection,
    customer_of,
    document_of,
    driver_error,
    failing,
    line_of,
    lost_line,
    one,
    paid,
    rows,
)

pytestmark = pytest.mark.covers("ORD-07", "ORD-13", "SYS-01")

BUYER = "WEB0000101"
ORDER = paid(document_of(comment="Un message\nde deux lignes"))


def count_changes(company) -> int:
    """How many statements writing ``ORDER`` takes."""
    with failing(Faults(fail_at=10_000), company.road) as faults, company.open() as connection:
        create = connection.sales().create_document
        with pytest.raises(ItemRefused):
            create(replace(ORDER, expected_gross=D(1)), customer=BUYER, address="")
    return faults.changes


def documents(company) -> list[str]:
    return [seen.piece for seen in company.sandbox.documents(ORDER.web_number)]


@pytest.mark.parametrize("lose", [False, True], ids=["refused", "connection-lost"])
def test_p01_each_statement_fails_in_turn_and_nothing_is_kept(writable, lose) -> None:
    total = count_changes(writable)
    assert total == 14, "number, header, nine lines, a text, a deposit and its payment"
    before = writable.sandbox.fingerprint()
    for place in range(1, total + 1):
        faults = Faults(fail_at=place, lose=lose, error=lambda: driver_error(writable.road, "HY000", "refus du pilote"))
        with failing(faults, writable.road), writable.open() as connection:
            sales = connection.sales()
            with pytest.raises(Uncertain if lose else ItemRefused) as caught:
                sales.create_document(ORDER, customer=BUYER, address="")
            assert caught.value.problem.code == ("outcome_unknown" if lose else "row_refused")
            assert sales.find_document(ORDER.web_number) is None, "the look-up works after the failure"
        assert writable.sandbox.fingerprint() == before, place
    with writable.open() as connection:
        connection.sales().create_document(ORDER, customer=BUYER, address="")
    assert documents(writable) == ["WEB00006"]


def test_p02_a_deposit_that_fails_fifty_times_leaves_one_order_and_one_payment(writable_file) -> None:
    error = lambda: driver_error("sqlite3", "HY000", "refus du pilote")  # noqa: E731 said once
    faults = Faults(fail_on="INSERT INTO F_DOCREGL", times=50, error=error)
    attempts = 0
    with failing(faults, "sqlite3"), writable_file.open() as connection:
        while True:
            attempts += 1
            try:
                totals = connection.sales().create_document(ORDER, customer=BUYER, address="")
                break
            except ItemRefused:
                continue
    assert (attempts, totals.piece) == (51, "WEB00006")
    assert rows(writable_file.sandbox, "SELECT RG_Montant FROM F_CREGLEMENT WHERE RG_Reference = '12345678'") == [
        (ORDER.expected_gross.normalize(),)
    ]


@pytest.mark.parametrize("how", ["after", "before"])
def test_p01_a_commit_without_answer_is_uncertain_and_looked_up(writable, how) -> None:
    before = writable.sandbox.fingerprint()
    with failing(Faults(commit=how), writable.road), writable.open() as connection:
        sales = connection.sales()
        with pytest.raises(Uncertain) as caught:
            sales.create_document(ORDER, customer=BUYER, address="")
        assert caught.value.problem.code == "outcome_unknown"
        found = sales.find_document(ORDER.web_number)
        assert (found is not None) == (how == "after")
        if how == "before":
            assert writable.sandbox.fingerprint() == before
        again = sales.create_document(ORDER, customer=BUYER, address="")
        assert found in (None, again)
    assert documents(writable) == ["WEB00006"]


@pytest.mark.parametrize("how", ["after", "before"])
def test_p01_customers_and_addresses_survive_a_lost_answer(writable, how) -> None:
    with failing(Faults(commit=how), writable.road) as faults, writable.open() as connection:
        sales = connection.sales()
        with pytest.raises(Uncertain):
            sales.create_customer(customer_of())
        assert sales.create_customer(customer_of()) == "WEB0000555"
        faults.commit = how
        with pytest.raises(Uncertain):
            sales.create_address("WEB0000555", HOME)
        number = sales.create_address("WEB0000555", HOME)
    assert rows(writable.sandbox, "SELECT LI_No FROM F_LIVRAISON WHERE CT_Num = 'WEB0000555'") == [(int(number),)]


@pytest.mark.parametrize("table", ["F_COMPTET", "F_COMPTETG", "F_REGLEMENTT"])
def test_a_customer_is_written_whole_or_not_at_all(writable, table) -> None:
    before = writable.sandbox.fingerprint()
    faults = Faults(fail_on=f"INSERT INTO {table} ", error=lambda: driver_error(writable.road, "HY000", "refus"))
    with failing(faults, writable.road), writable.open() as connection:
        with pytest.raises(ItemRefused):
            connection.sales().create_customer(customer_of())
        assert writable.sandbox.fingerprint() == before
        assert connection.sales().create_customer(customer_of()) == "WEB0000555"


def test_a_connection_lost_while_reading_is_opened_again(writable) -> None:
    with failing(Faults(), writable.road) as faults, writable.open() as connection:
        sales = connection.sales()
        assert sales.find_document("100001") is not None
        lost = sales._opened.session
        with pytest.raises(Transient):
            lost.guarded(_raise, lost_line(writable.road))
        assert sales.find_document("100001") is not None
    assert faults.opened == 2


def _raise(error: Exception) -> None:
    raise error


# Locks


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses that are counted and not waited for."""
    waited: list[float] = []
    monkeypatch.setattr(writing.Sage100Sales, "_wait", lambda self, seconds: waited.append(seconds))
    return waited


def test_a_record_open_in_sage_is_tried_again(writable, patient) -> None:
    text = "[Simba][SimbaEngine ODBC Driver][DRM File Library]Record is lock."
    faults = Faults(
        fail_on="INSERT INTO F_DOCENTETE", times=2, error=lambda: driver_error(writable.road, "HY000", text)
    )
    with failing(faults, writable.road), writable.open() as connection:
        totals = connection.sales().create_document(ORDER, customer=BUYER, address="")
    assert patient == list(writing.PAUSES[:2])
    assert documents(writable) == [totals.piece] == ["WEB00006"]


def test_a_record_that_stays_open_is_reported(writable_file, patient) -> None:
    error = lambda: driver_error("sqlite3", "HY000", "DRM File Library: Record is lock.")  # noqa: E731
    before = writable_file.sandbox.fingerprint()
    with (
        failing(Faults(fail_on="INSERT INTO F_DOCENTETE", times=99, error=error), "sqlite3"),
        writable_file.open() as connection,
        pytest.raises(Transient) as caught,
    ):
        connection.sales().create_document(ORDER, customer=BUYER, address="")
    assert caught.value.problem.code == "record_locked"
    assert "Sage" in caught.value.problem.text()
    assert patient == list(writing.PAUSES)
    assert writable_file.sandbox.fingerprint() == before


def test_a_pause_ends_when_the_run_stops(writable_file) -> None:
    error = lambda: driver_error("sqlite3", "HY000", "Record is lock.")  # noqa: E731
    sales = writing.Sage100Sales(writable_file.options(), runtime_of(should_stop=lambda: True))
    started = time.monotonic()
    with failing(Faults(fail_on="UPDATE", times=99, error=error), "sqlite3"), pytest.raises(Transient):
        sales.create_document(ORDER, customer=BUYER, address="")
    sales.close()
    assert time.monotonic() - started < 2


def test_a_database_locked_by_another_writer_is_waited_for(writable_file) -> None:
    holder = writable_file.sandbox.connect()
    holder.execute("BEGIN IMMEDIATE")
    with writable_file.open() as connection, ThreadPoolExecutor(1) as pool:
        future = pool.submit(connection.sales().create_document, ORDER, customer=BUYER, address="")
        time.sleep(0.4)
        holder.execute("ROLLBACK")
        holder.close()
        assert future.result(30).piece == "WEB00006"


# Writers that meet


def together(works: list[Callable[[], Any]]) -> list[Any]:
    """Runs these at the same moment, each in its own thread; results or errors in order."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        barrier.wait(20)
        try:
            return work()
        except ConnectorError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


@pytest.mark.odbc
@pytest.mark.postgres
def test_p03_writers_that_meet_get_different_numbers(writable_postgres) -> None:
    """Four connections, five orders each: twenty numbers in a row, none twice, no order refused."""
    small = document_of(line_of(1, "TENTE2P", "120.00"))

    def writer(place: int) -> list[str]:
        with writable_postgres.open() as connection:
            return [
                connection.sales()
                .create_document(replace(small, web_number=f"7{place}{count}"), customer=BUYER, address="")
                .piece
                for count in range(5)
            ]

    pieces = together([lambda place=place: writer(place) for place in range(4)])
    assert sorted(piece for one in pieces for piece in one) == [f"WEB{number:05d}" for number in range(6, 26)]


@pytest.mark.odbc
@pytest.mark.postgres
def test_p03_two_platforms_that_import_one_order_at_once_create_one_document(writable_postgres) -> None:
    for attempt in range(5):
        document = replace(ORDER, web_number=f"88{attempt}")

        def writer(document=document) -> Any:
            with writable_postgres.open() as connection:
                return connection.sales().create_document(document, customer=BUYER, address="")

        results = together([writer] * 3)
        assert len({result.piece for result in results}) == 1
        (seen,) = writable_postgres.sandbox.documents(document.web_number)
        assert seen.deposits == ORDER.expected_gross
    counter = "SELECT DC_Piece FROM F_DOCCURRENTPIECE WHERE DC_Domaine = 0 AND DC_IdCol = 1 AND DC_Souche = 1"
    assert one(writable_postgres.sandbox, counter) == ("WEB00011",), "no number was lost"


@pytest.mark.odbc
@pytest.mark.postgres
def test_p03_an_order_that_comes_while_its_number_is_taken_keeps_one_document_and_no_gap(writable, monkeypatch) -> None:
    """The first look-up came too early for the other platform's document; the one under the number's lock finds it."""
    with writable.open() as connection:
        first = connection.sales().create_document(ORDER, customer=BUYER, address="")
    counters = "SELECT DC_IdCol, DC_Souche, DC_Piece FROM F_DOCCURRENTPIECE ORDER BY cbMarq"
    before = rows(writable.sandbox, counters)
    taken: list[str] = []
    take, of_order = Numbering.take, Documents.of_order
    monkeypatch.setattr(Numbering, "take", lambda *given: taken.append(take(*given)) or taken[-1])
    monkeypatch.setattr(Documents, "of_order", lambda *given: of_order(*given) if taken else [])
    with writable.open() as connection:
        found = connection.sales().create_document(ORDER, customer=BUYER, address="")
    assert taken != [first.piece]
    assert found.piece == first.piece
    assert (documents(writable), rows(writable.sandbox, counters)) == ([first.piece], before)


def test_p03_two_writers_of_one_customer_create_it_once(writable_postgres) -> None:
    def writer() -> Any:
        with writable_postgres.open() as connection:
            return connection.sales().create_customer(customer_of())

    assert together([writer] * 4) == ["WEB0000555"] * 4
    assert len(rows(writable_postgres.sandbox, "SELECT CT_Num FROM F_COMPTETG WHERE CT_Num = 'WEB0000555'")) == 1


def test_p03_writers_to_one_file_wait_for_each_other(writable_file) -> None:
    small = document_of(line_of(1, "TENTE2P", "120.00"))

    def writer(place: int) -> str:
        with writable_file.open() as connection:
            found = connection.sales().create_document(
                replace(small, web_number=f"7{place}"), customer=BUYER, address=""
            )
            return str(found.piece)

    pieces = together([lambda place=place: writer(place) for place in range(4)])
    assert sorted(pieces) == ["WEB00006", "WEB00007", "WEB00008", "WEB00009"]


# A driver without transactions


class _Unfinished(FaultyConnection):
    """Every change is kept at once; nothing can be taken back."""

    def cursor(self) -> Any:
        return _KeepingCursor(super().cursor(), self._real)

    def rollback(self) -> None:
        self._real.commit()


class _KeepingCursor:
    def __init__(self, real: Any, connection: Any) -> None:
        self._cursor = real
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def execute(self, statement: str, *values: Any) -> Any:
        found = self._cursor.execute(statement, *values)
        if not statement.startswith("SELECT"):
            self._connection.commit()
            if self._connection.__class__.__module__ == "sqlite3":
                self._connection.execute("BEGIN IMMEDIATE")
        return found


def without_transactions(monkeypatch: pytest.MonkeyPatch, road: str, faults: Faults) -> None:
    def opened(source: Any) -> Any:
        session = odbc_write.connect_write(source)
        session.transactional = False
        session._connection = _Unfinished(session._connection, faults, lambda: lost_line(road))
        return session

    monkeypatch.setattr(writing, "connect_write", opened)


def test_p02_without_transactions_a_document_cut_short_is_found_and_finished(writable, monkeypatch) -> None:
    total = count_changes(writable)
    pieces = set()
    for place in range(3, total + 1):
        document = replace(ORDER, web_number=f"60{place}")
        error = lambda: driver_error(writable.road, "HY000", "refus du pilote")  # noqa: E731
        without_transactions(monkeypatch, writable.road, Faults(fail_at=place, error=error))
        with writable.open() as connection:
            sales = connection.sales()
            with pytest.raises(Uncertain):
                sales.create_document(document, customer=BUYER, address="")
            totals = sales.create_document(document, customer=BUYER, address="")
        assert (totals.gross, totals.tax) == (ORDER.expected_gross, ORDER.expected_tax), place
        (seen,) = writable.sandbox.documents(document.web_number)
        assert len(seen.lines) == 9
        pieces.add(seen.piece)
    assert len(pieces) == total - 2


def test_p02_without_transactions_an_amendment_cut_short_is_repeated(writable, monkeypatch) -> None:
    changed = document_of(
        line_of(1, "TENTE2P", "809.40", quantity="3", price="274.80"), line_of(2, "PORT", "9.90"), comment="Autre\nmot"
    )
    with writable.open() as connection:
        connection.sales().create_document(ORDER, customer=BUYER, address="")
    for place in range(1, 16):
        wanted = (changed, replace(ORDER, deposits=()))[(place + 1) % 2]
        error = lambda: driver_error(writable.road, "HY000", "refus du pilote")  # noqa: E731
        without_transactions(monkeypatch, writable.road, Faults(fail_at=place, error=error))
        with writable.open() as connection:
            sales = connection.sales()
            with pytest.raises(Uncertain):
                sales.amend_document(wanted, customer=BUYER, address="")
            totals = sales.amend_document(wanted, customer=BUYER, address="")
        assert (totals.gross, totals.tax) == (wanted.expected_gross, wanted.expected_tax), place
        (seen,) = writable.sandbox.documents(ORDER.web_number)
        assert len(seen.lines) == (3 if wanted is changed else 9)


def test_p16_a_document_that_a_user_changed_is_not_finished(writable_file, monkeypatch) -> None:
    with writable_file.open() as connection:
        piece = connection.sales().create_document(ORDER, customer=BUYER, address="").piece
    with writable_file.sandbox.session() as session:
        session.run("UPDATE F_DOCLIGNE SET DL_Qte = 7 WHERE DO_Piece = ? AND DL_Ligne = 10000", (piece,))
        session.run("DELETE FROM F_DOCLIGNE WHERE DO_Piece = ? AND DL_Ligne = 80000", (piece,))
    before = writable_file.sandbox.fingerprint()
    without_transactions(monkeypatch, "sqlite3", Faults())
    with writable_file.open() as connection:
        totals = connection.sales().create_document(ORDER, customer=BUYER, address="")
    assert totals.gross != ORDER.expected_gross
    assert writable_file.sandbox.fingerprint() == before


# What cannot be written at all


@pytest.mark.odbc
@pytest.mark.postgres
def test_a_user_without_the_right_to_write_stops_the_run(writable_postgres) -> None:
    sandbox = writable_postgres.sandbox
    sandbox.create_reader("sage_lecteur_w", "canary-mot-de-passe-9")
    try:
        text = sandbox.odbc_connection_string(login="sage_lecteur_w", password="canary-mot-de-passe-9")
        with writable_postgres.open(connection_string=text) as connection, pytest.raises(Misconfigured) as caught:
            connection.sales().create_document(ORDER, customer=BUYER, address="")
        assert caught.value.problem.code == "write_right_missing"
    finally:
        sandbox.drop_reader("sage_lecteur_w")


@pytest.mark.odbc
@pytest.mark.postgres
def test_a_source_that_only_reads_stops_the_run(writable_postgres) -> None:
    text = writable_postgres.sandbox.odbc_connection_string(read_only=True)
    with writable_postgres.open(connection_string=text) as connection, pytest.raises(Misconfigured) as caught:
        connection.sales().create_document(ORDER, customer=BUYER, address="")
    assert caught.value.problem.code == "source_read_only"


def test_the_tables_of_sql_server_are_not_written_directly(writable_file, monkeypatch) -> None:
    def opened(source: Any) -> Any:
        session = odbc_write.connect_write(source)
        session.info = replace(session.info, dbms="Microsoft SQL Server")
        return session

    monkeypatch.setattr(writing, "connect_write", opened)
    with writable_file.open() as connection, pytest.raises(Misconfigured) as caught:
        connection.sales().find_document("100001")
    assert caught.value.problem.code == "write_road_refused"


def test_writing_goes_to_the_writing_source(writable_file, tmp_path) -> None:
    """A second source for reading never receives anything."""
    copy = shutil.copy(writable_file.sandbox.path, tmp_path / "lecture.db")
    with writable_file.open(separate_read_source=True, read_kind="sqlite", read_path=str(copy)) as connection:
        connection.facts()
        connection.sales().create_document(ORDER, customer=BUYER, address="")
    assert documents(writable_file) == ["WEB00006"]
    assert Sage100Sandbox(copy).documents(ORDER.web_number) == []


def test_closing_twice_is_harmless_and_nothing_opens_before_use(writable_file) -> None:
    with failing(Faults(), "sqlite3") as faults, writable_file.open() as connection:
        sales = connection.sales()
        assert sales is connection.sales()
        assert faults.opened == 0
        sales.find_document("100001")
        assert faults.opened == 1
        sales.close()
        sales.close()
        connection.close()


@pytest.mark.odbc
@pytest.mark.postgres
def test_no_transaction_stays_open(writable_postgres) -> None:
    with writable_postgres.open() as connection:
        sales = connection.sales()
        sales.find_document("100001")
        sales.create_document(ORDER, customer=BUYER, address="")
        idle = one(
            writable_postgres.sandbox,
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'",
        )
        assert idle == (0,)
