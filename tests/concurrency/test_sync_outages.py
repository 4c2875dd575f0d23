"""A broker that dies, a database that drops its connections, a stop, and a small run beside a huge one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from billing import ledger
from connectors.sandbox.sage100 import build
from profiles.models import Profile
from sync import services
from sync.models import Link, Run, RunResult, RunState, SliceState
from tests.concurrency.live import Shop, database_url, eventually, running_shop, running_stack
from tests.flows.conftest import profile_for

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.odbc,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]

SMALL = {"advanced": {"batch_products": 8, "batch_stock": 8, "parallel": 2}}


def _fresh(run: Run) -> Run:
    run.refresh_from_db()
    return run


def _until(run: Run, test: Callable[[Run], Any], *, seconds: float, what: str) -> Run:
    eventually(lambda: test(_fresh(run)), seconds=seconds, what=f"run {run.pk}: {what}")
    return run


def _finished(run: Run, seconds: float = 60) -> Run:
    return _until(run, lambda one: one.state == RunState.FINISHED, seconds=seconds, what="ends")


def _profile(folder: Path, name: str, items: int, shop: Shop, **options: dict[str, Any]) -> Profile:
    erp = build(folder / f"{name}.db", merchant="generated", items=items)
    return profile_for(erp.odbc_connection_string(), shop, approved=True, **{**SMALL, **options})


def _assert_exact(profile: Profile, shop: Shop, items: int) -> None:
    totals = shop.totals()
    assert (totals["products"], totals["created_more_than_once"], totals["duplicate_skus"]) == (items, {}, {})
    assert ledger.verify(profile.tenant_id) == []
    balance = ledger.balance(tenant_id=profile.tenant_id, kind="export")
    assert (balance.used, balance.reserved) == (shop.received(), 0)
    assert not Link.objects.filter(profile=profile).exclude(status="linked").exists()


@pytest.mark.covers("OPS-01")
def test_p32_a_broker_that_dies_in_the_middle_stops_nothing_that_is_under_way_and_loses_no_run(
    tmp_path: Path, free_port: int
) -> None:
    with running_shop(latency_ms=10, item_ms=25) as shop, running_stack(tmp_path / "stack", port=free_port) as stack:
        profile = _profile(tmp_path, "erp", 150, shop)
        run = services.run_request(profile=profile, flow="products").run
        _until(run, lambda one: one.created > 0, seconds=30, what="begins")
        stack.stop_broker()
        second = services.run_request(profile=profile, flow="stock").run
        time.sleep(2)
        assert _fresh(second).state in {RunState.QUEUED, RunState.RUNNING}, "asked for while the broker was away"
        stack.start_broker()
        assert _finished(run, 90).result == RunResult.SUCCESS
        assert _finished(second, 90).result == RunResult.SUCCESS
        for one in (run, second):
            assert one.read == one.accounted
        _assert_exact(profile, shop, 150)


@pytest.mark.covers("OPS-01")
def test_p32_database_connections_that_are_cut_ten_times_lose_nothing(tmp_path: Path, free_port: int) -> None:
    with running_shop(latency_ms=10, item_ms=25) as shop, running_stack(tmp_path / "stack", port=free_port):
        profile = _profile(tmp_path, "erp", 150, shop)
        run = services.run_request(profile=profile, flow="products").run
        with psycopg.connect(database_url(), autocommit=True) as admin:
            mine = _backends_of_this_process(admin)
            for _ in range(10):
                _until(
                    run,
                    lambda one: one.state == RunState.FINISHED or one.slice_state == SliceState.WORKING,
                    seconds=30,
                    what="works again",
                )
                time.sleep(0.4)
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND NOT pid = ANY(%s)",
                    (mine,),
                )
        _finished(run, 90)
        assert run.result == RunResult.SUCCESS, (run.message, run.advice)
        assert run.read == run.accounted
        _assert_exact(profile, shop, 150)


def _backends_of_this_process(admin: psycopg.Connection[Any]) -> list[int]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        row = cursor.fetchone()
    return [int(row[0]), admin.info.backend_pid]


@pytest.mark.covers("LOG-01")
def test_stop_ends_a_run_of_a_slow_shop_within_five_seconds_of_the_calls_under_way(
    tmp_path: Path, free_port: int
) -> None:
    with running_shop(latency_ms=700, item_ms=30) as shop, running_stack(tmp_path / "stack", port=free_port):
        profile = _profile(tmp_path, "erp", 400, shop)
        run = services.run_request(profile=profile, flow="products").run
        _until(run, lambda one: one.created > 0, seconds=40, what="begins")
        asked = time.monotonic()
        assert services.run_stop(run)
        _finished(run, 15)
        took = time.monotonic() - asked
        assert run.result == RunResult.STOPPED
        assert took < 5 + 2, f"{took:.1f} s"
        assert 0 < run.created < 400
        assert run.read == run.accounted
        before = shop.totals()["products"]
        time.sleep(2)
        assert shop.totals()["products"] == before, "nothing goes on in the background"
        shop.control("latency", {"request_ms": 0, "item_ms": 0})
        rest = _finished(services.run_request(profile=profile, flow="products").run)
        assert rest.result == RunResult.SUCCESS
        _assert_exact(profile, shop, 400)


@pytest.mark.covers("OPS-05")
def test_a_small_run_starts_within_seconds_beside_a_huge_one_of_another_tenant(tmp_path: Path, free_port: int) -> None:
    """One worker process for everybody: the huge run gives way after its calls under way, and goes on afterwards."""
    with (
        running_shop(latency_ms=20, item_ms=20) as busy,
        running_shop() as quiet,
        running_stack(tmp_path / "stack", port=free_port, workers=1, slices=1),
    ):
        huge = services.run_request(profile=_profile(tmp_path, "huge", 900, busy), flow="products").run
        _until(huge, lambda one: one.created > 0, seconds=30, what="begins")
        small_profile = _profile(tmp_path, "small", 5, quiet)
        small = services.run_request(profile=small_profile, flow="products").run
        asked = time.monotonic()
        _until(small, lambda one: one.started_at is not None, seconds=15, what="starts")
        waited = time.monotonic() - asked
        assert waited < 8, f"{waited:.1f} s"
        assert _finished(small, 15).result == RunResult.SUCCESS
        assert _fresh(huge).state != RunState.FINISHED
        progress = huge.created
        _until(huge, lambda one: one.created > progress, seconds=20, what="goes on")
        services.run_stop(huge)
        _finished(huge, 15)
