"""Sixteen workers in four processes on one account: never below zero, never counted twice; PostgreSQL and SQLite.

The file is also the program of the workers: ``python test_billing_concurrency.py <what> <arguments>``, run with its own
database in DATABASE_URL. Each worker prints what it did as one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

ROOT = Path(__file__).resolve().parents[2]
BOUGHT = 1_500
PROCESSES, THREADS = 4, 4
SPEND_KEYS = 60

TENANT = (
    "INSERT INTO profiles_tenant (id, name, slug, time_zone, language, created_at)"
    " VALUES (1, 'Maison Dupont', 'dupont', 'Europe/Paris', 'fr', '2026-01-01 00:00:00+00:00')"
)

pytestmark = [pytest.mark.slow, pytest.mark.covers("BIL-04")]


# --- Workers: their own processes --------------------------------------------------------------------------------


def work_until_exhausted(tenant_id: int, process: int, thread: int) -> dict[str, Any]:
    """Reserve, settle, repeat and release until nothing is granted; each key is also used by another process.

    Processes 0 and 1 share their keys, and so do 2 and 3: the same batch is then handled by two workers at once, as it
    is when a slice that was declared dead still runs.
    """
    from django.db import connection

    from billing import ledger

    chance = random.Random(f"{process}/{thread}")  # noqa: S311  # not a secret
    accepted: dict[str, int] = {}
    for number in range(10_000):
        key = f"run/{process // 2}/{thread}/{number}"
        reservation = ledger.reserve(
            tenant_id=tenant_id, kind="export", units=1 + number % 25, key=key, owner=f"worker/{process // 2}/{thread}"
        )
        left = ledger.balance(tenant_id=tenant_id, kind="export")
        if left.used == left.bought:
            ledger.release(key=key)
            break
        # Both holders of a key want the same number of units, but one of them may release first.
        wanted = reservation.granted * (number % 3) // 2
        if chance.random() < 0.1:
            ledger.release(key=key)
            continue
        accepted.update(settle(key, wanted, chance))
    connection.close()
    return accepted


def settle(key: str, units: int, chance: random.Random) -> dict[str, int]:
    """Record a batch: its own writes, then the settlement; sometimes the transaction dies, then it is repeated."""
    from django.db import transaction

    from billing import ledger

    for _ in range(20):
        try:
            with transaction.atomic():
                ledger.settle(key=key, units=units, reference="run")
                if chance.random() < 0.2:
                    raise ConnectionError
        except ConnectionError:
            continue
        except ledger.ReservationClosed:
            return {}
        return {key: units}
    raise AssertionError("a transaction never committed")


def spend_recovered(tenant_id: int, process: int, thread: int) -> dict[str, Any]:
    """Spend one unit for each of the same recovered items, in another order in every worker."""
    from django.db import connection

    from billing import ledger

    keys = [f"intent/{number}" for number in range(SPEND_KEYS)]
    random.Random(f"{process}/{thread}").shuffle(keys)  # noqa: S311  # not a secret
    booked = {}
    for key in keys:
        with contextlib.suppress(ledger.Exhausted):
            ledger.spend(tenant_id=tenant_id, kind="export", units=1, key=key, reference="recovery")
            booked[key] = 1
    connection.close()
    return booked


def check_alerts(tenant_id: int, process: int, thread: int) -> dict[str, Any]:
    """Check the alerts as every worker does after its run; tells which alert this one had to tell."""
    from django.db import connection

    from billing import alerts

    told = alerts.check(tenant_id, "export")
    connection.close()
    return {f"{process}/{thread}": int(told)} if told else {}


def reserve_and_hang(tenant_id: int, process: int, thread: int) -> dict[str, Any]:
    """Reserve, say so, and wait for the signal that kills the process."""
    from billing import ledger

    for number in range(3):
        ledger.reserve(tenant_id=tenant_id, kind="export", units=100, key=f"dead/{number}", owner="dead")
    sys.stdout.write("reserved\n")
    sys.stdout.flush()
    time.sleep(600)
    return {}


def release_dead(tenant_id: int, process: int, thread: int) -> dict[str, Any]:
    """Give back what the dead worker held, twice."""
    from billing import ledger

    return {"first": ledger.release_owner(owner="dead"), "again": ledger.release_owner(owner="dead")}


def worker_main(what: str, tenant_id: int, process: int, threads: int) -> None:
    """Run one job in each thread of this process and print the merged result; the parent says when to start."""
    import django

    django.setup()
    job: Callable[[int, int, int], dict[str, Any]] = globals()[what]
    sys.stdin.readline()
    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(lambda thread: job(tenant_id, process, thread), range(threads)))
    sys.stdout.write(json.dumps(results) + "\n")


# --- The test: databases, processes, sums ------------------------------------------------------------------------


class Workbench:
    """An own database with one tenant, worker processes on it, and plain SQL to look at the result."""

    def __init__(self, address: str, data: Path) -> None:
        self.address = address
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("ATOOSYNC", "DATABASE"))},
            "DJANGO_SETTINGS_MODULE": "atoosync.settings",
            "DATABASE_URL": self.address,
            "ATOOSYNC_DATA": str(data),
            "PYTHONPATH": str(ROOT),
        }
        self.tenant_id = 1
        self.started: list[subprocess.Popen[str]] = []

    def manage(self, name: str, *arguments: str) -> str:
        """Run a management command on the database; the checks of the whole project have their own tests."""
        command = [sys.executable, str(ROOT / "manage.py"), name, "--skip-checks", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, what: str, *, process: int = 0, threads: int = 1) -> subprocess.Popen[str]:
        """Start a worker process; it waits for a line on its standard input."""
        arguments = [sys.executable, __file__, what, str(self.tenant_id), str(process), str(threads)]
        started = subprocess.Popen(
            arguments, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.started.append(started)
        return started

    def stop(self) -> None:
        """Kill the worker processes that still run."""
        for process in self.started:
            process.kill()
            process.wait()

    def run_workers(self, what: str) -> list[dict[str, int]]:
        """Let sixteen workers do the same job at once and return what each of them did."""
        workers = [self.start(what, process=number, threads=THREADS) for number in range(PROCESSES)]
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        results: list[dict[str, int]] = []
        for worker in workers:
            output, _ = worker.communicate(timeout=240)
            assert worker.returncode == 0
            results += json.loads(output)
        assert len(results) == PROCESSES * THREADS
        return results

    def execute(self, query: str) -> tuple[int, ...]:
        """Run a statement with the database's own client, and return its first row where it has one."""
        parts = urlsplit(self.address)
        opened: Any = sqlite3.connect(parts.path) if parts.scheme == "sqlite" else psycopg.connect(self.address)
        with contextlib.closing(opened), opened:
            cursor = opened.execute(query)
            found = cursor.fetchone() if cursor.description else ()
        return tuple(int(value or 0) for value in found)

    def units(self, *arguments: str) -> Any:
        """Run `manage.py units` and return its document."""
        return json.loads(self.manage("units", *arguments, "--json"))


@contextlib.contextmanager
def database(server: str, template: str = "template1") -> Iterator[str]:
    """Create a database, and drop it in the end together with whatever still runs on it; its name."""
    name = f"billing_concurrency_{uuid.uuid4().hex[:12]}"
    admin = urlsplit(server)._replace(path="/postgres").geturl()
    create, drop = (
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)),
        sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)),
    )
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(create)
    try:
        yield name
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(drop)


@pytest.fixture(scope="module")
def server() -> str:
    """Address of the PostgreSQL server of the test suite."""
    return os.environ["ATOOSYNC_TEST_DATABASE_URL"]


@pytest.fixture(scope="module")
def migrated(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database with one tenant, from which each test gets its own copy."""
    with database(server) as name:
        workbench = Workbench(urlsplit(server)._replace(path=f"/{name}").geturl(), tmp_path_factory.mktemp("template"))
        workbench.manage("migrate", "--verbosity=0")
        workbench.execute(TENANT)
        yield name


@pytest.fixture
def bench(server: str, migrated: str, tmp_path: Path) -> Iterator[Workbench]:
    """A fresh PostgreSQL database with one tenant; worker processes that still run are killed before it is dropped."""
    with database(server, template=migrated) as name:
        workbench = Workbench(urlsplit(server)._replace(path=f"/{name}").geturl(), tmp_path)
        with contextlib.ExitStack() as stack:
            stack.callback(workbench.stop)
            yield workbench


@pytest.fixture
def embedded_bench(tmp_path: Path) -> Iterator[Workbench]:
    """A fresh SQLite file with one tenant, as the embedded mode uses it."""
    workbench = Workbench(f"sqlite://{tmp_path / 'units.sqlite3'}", tmp_path)
    workbench.manage("migrate", "--verbosity=0")
    workbench.execute(TENANT)
    with contextlib.ExitStack() as stack:
        stack.callback(workbench.stop)
        yield workbench


def book(bench: Workbench, units: int) -> None:
    bench.units("book", "--tenant", "dupont", "--kind", "export", "--units", str(units), "--key", "invoice")


def assert_agreement(bench: Workbench) -> None:
    """The account, its ledger and its reservations tell the same."""
    assert bench.units("verify") == {"tenants": 1, "discrepancies": []}


def drain(bench: Workbench, bought: int) -> None:
    """Let sixteen workers use an account up, and hold their own accounts against the ledger."""
    book(bench, bought)
    results = bench.run_workers("work_until_exhausted")
    settled: dict[str, int] = {}
    for result in results:
        for key, units in result.items():
            # Two workers settled this key: the second one was told nothing new.
            assert settled.setdefault(key, units) == units
    spent, entries, keys = bench.execute(
        "SELECT sum(units), count(*), count(DISTINCT key) FROM billing_ledgerentry WHERE movement = 'spend'"
    )
    assert entries == keys == sum(units > 0 for units in settled.values())
    assert spent == sum(settled.values()) == bought
    assert bench.execute("SELECT bought, used, reserved FROM billing_account") == (bought, bought, 0)
    assert bench.execute("SELECT count(*) FROM billing_reservation WHERE state = 'open'") == (0,)
    assert_agreement(bench)


@pytest.mark.postgres
def test_sixteen_workers_drain_an_account_to_zero_and_not_below(bench: Workbench) -> None:
    drain(bench, BOUGHT)


def test_sixteen_workers_drain_an_account_of_the_embedded_mode(embedded_bench: Workbench) -> None:
    drain(embedded_bench, BOUGHT // 5)


@pytest.mark.postgres
def test_recovered_items_are_spent_once_by_sixteen_workers_and_stop_at_zero(bench: Workbench) -> None:
    left = SPEND_KEYS - 20
    book(bench, left)
    results = bench.run_workers("spend_recovered")
    booked = {key for result in results for key in result}
    assert len(booked) == left
    assert bench.execute("SELECT bought, used, reserved FROM billing_account") == (left, left, 0)
    assert_agreement(bench)


@pytest.mark.postgres
@pytest.mark.covers("BIL-05")
def test_one_of_sixteen_workers_tells_the_alert(bench: Workbench) -> None:
    bench.execute(
        "INSERT INTO profiles_user (id, password, is_superuser, email, full_name, language, is_staff, is_active,"
        " date_joined) VALUES (1, '!', false, 'alice@example.test', '', 'fr', false, true, now())"
    )
    bench.execute(
        "INSERT INTO profiles_membership (role, created_at, tenant_id, user_id) VALUES ('owner', now(), 1, 1)"
    )
    told = [alert for result in bench.run_workers("check_alerts") for alert in result.values()]
    assert told == [3]
    mails = list((Path(bench.environment["ATOOSYNC_DATA"]) / "mail").iterdir())
    assert len(mails) == 1


@pytest.mark.postgres
def test_killed_worker_leaves_reservations_that_are_given_back(bench: Workbench) -> None:
    book(bench, 1_000)
    worker = bench.start("reserve_and_hang")
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()
    assert worker.stdout.readline() == "reserved\n"
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(timeout=30)
    assert bench.execute("SELECT bought, used, reserved FROM billing_account") == (1_000, 0, 300)
    output, _ = bench.start("release_dead").communicate("go\n", timeout=120)
    assert json.loads(output) == [{"first": 300, "again": 0}]
    assert bench.execute("SELECT bought, used, reserved FROM billing_account") == (1_000, 0, 0)
    assert_agreement(bench)


@pytest.mark.postgres
def test_reservation_does_not_wait_for_a_batch_on_the_network(bench: Workbench) -> None:
    """While one batch is out, nothing of the account is locked: another session takes the row at once."""
    book(bench, 1_000)
    worker = bench.start("reserve_and_hang")
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()
    assert worker.stdout.readline() == "reserved\n"
    with psycopg.connect(bench.address) as connection:
        connection.execute("SELECT 1 FROM billing_account FOR UPDATE NOWAIT")


if __name__ == "__main__":
    worker_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
