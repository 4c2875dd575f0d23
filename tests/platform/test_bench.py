"""``manage.py bench`` on tiny catalogues: the counts must be right; times are measured, never judged."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from atoosync.bench.orders import percentile
from atoosync.bench.site import Pace

pytestmark = [pytest.mark.slow, pytest.mark.redis]
FAST = ("--latency-ms", "1", "--latency-item-ms", "0", "--json")


def bench(*arguments: str) -> dict[str, Any]:
    """The JSON object that the command prints."""
    out = io.StringIO()
    call_command("bench", *arguments, *FAST, stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


@pytest.mark.covers("CAT-01")
def test_first_export_is_compared_with_the_plain_clients() -> None:
    figures = bench("catalogue", "--items", "60", "--sample", "5")
    ours = figures["ours"]
    assert ours["result"] == "success"
    assert ours["item_writes"]["created"] == 60
    assert ours["read"] == ours["created"] == ours["units"] >= 60
    assert figures["one_item_per_call"]["sample"] == 5
    assert figures["batch_per_call"]["sample"] == 25
    assert set(figures["targets"]) <= set(figures["ratios"])
    assert all(value > 0 for value in figures["ratios"].values())
    assert figures["latency"] == {"request_ms": 1.0, "item_ms": 0.0, "connections": 4}


@pytest.mark.covers("STK-05")
def test_unchanged_stock_writes_nothing_and_changes_arrive() -> None:
    figures = bench("stock", "--items", "60", "--changed", "7", "--rounds", "1")
    unchanged, changed = figures["unchanged"], figures["changed"]
    assert (unchanged["read"], unchanged["unchanged"], unchanged["writes"]) == (60, 60, 0)
    assert unchanged["bare_read_and_hash"]["read"] == 60
    assert unchanged["ratio_to_bare"] > 0
    assert (changed["moved"], changed["updated"], changed["unchanged"], changed["units"]) == (7, 7, 53, 7)
    assert changed["write_calls"] == 1
    assert changed["item_writes"] == {"updated": 7}
    assert figures["targets"]["write_calls"] == {"about": 1, "met": True}


@pytest.mark.covers("STK-05")
def test_memory_is_measured_once_per_size() -> None:
    figures = bench("memory", "--items", "20", "60")
    assert [one["items"] for one in figures["runs"]] == [20, 60]
    assert all(one["peak_mb"] >= one["start_mb"] > 0 for one in figures["runs"])
    assert figures["spread"] >= 0


@pytest.mark.odbc
@pytest.mark.covers("ORD-13", "ORD-15")
def test_orders_are_measured_in_a_backlog_and_as_they_arrive() -> None:
    sizes = ("--orders", "20", "--stock", "300", "--arrivals", "2", "--interval", "3")
    figures = bench("orders", *sizes)
    backlog, arrivals = figures["backlog"], figures["arrivals"]
    assert (backlog["run"]["result"], backlog["run"]["created"], backlog["run"]["units"]) == ("success", 20, 20)
    assert backlog["sessions_can_take"] == 8
    assert 0 < backlog["plain_loop"]["per_second"] <= 8, "the ERP is as slow as it is told to be"
    assert 0 < backlog["per_second"] <= 8
    assert figures["memory"]["fewer"]["run"]["created"] == 4
    for name in ("webhooks", "polling", "webhooks_beside_a_push", "polling_beside_a_push"):
        assert 0 < arrivals[name]["p50"] <= arrivals[name]["p95"] <= arrivals[name]["most"]
        assert f"{name}_p95" in figures["targets"]
    assert arrivals["webhooks_beside_a_push"]["push"]["updated"] > 0
    assert (arrivals["arrivals"], arrivals["stock"], arrivals["interval"]) == (2, 300, 3)


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 2
    assert percentile([float(one) for one in range(1, 101)], 95) == 95
    assert percentile([7.0], 95) == 7


def test_pages_ask_for_the_database_they_are_about(settings: Any) -> None:
    if settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        pytest.skip("the tests run on PostgreSQL: the command would measure")
    with pytest.raises(CommandError, match="PostgreSQL"):
        call_command("bench", "pages", "--json")


def test_least_time_of_the_shop_by_its_latency() -> None:
    pace = Pace(request_ms=100, item_ms=25, connections=4)
    assert pace.calls(250, 100) == [100, 100, 50]
    assert pace.seconds(pace.calls(2000, 100)) == pytest.approx(5 * 2.6)
    assert pace.seconds([1]) == pytest.approx(0.125)
