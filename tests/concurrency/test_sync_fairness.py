"""Two tenants on one platform: what one of them has to do costs the other no turn (P36)."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiles.models import Profile
from sync import services
from sync.flows import registry
from sync.models import Run, RunResult, RunState, Trigger
from tests.concurrency.live import eventually, running_shop, running_stack
from tests.concurrency.test_orders_kill import _orders
from tests.concurrency.test_sync_outages import _finished, _fresh, _profile, _until

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.odbc,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]

ITEMS, BACKLOG = 200, 300


def _stock(profile: Profile) -> Run:
    """Asks for a run that sends the stock of every article."""
    services.resend_all(profile, registry.by_key("stock"))
    return services.run_request(profile=profile, flow="stock").run


@pytest.mark.covers("OPS-05", "STK-05")
def test_p36_a_stock_run_takes_as_many_slices_beside_the_push_of_another_tenant_as_alone(
    tmp_path: Path, free_port: int
) -> None:
    """Counted in slices, not seconds: a fifth more at most, and not one slice of the push is waited for."""
    with (
        running_shop(latency_ms=20, item_ms=20) as busy,
        running_shop() as quiet,
        running_stack(tmp_path / "stack", port=free_port, workers=2, slices=2),
    ):
        mine = _profile(tmp_path, "mine", ITEMS, quiet)
        assert _finished(services.run_request(profile=mine, flow="products").run).result == RunResult.SUCCESS
        alone = _finished(_stock(mine))
        assert (alone.updated, alone.result) == (ITEMS, RunResult.SUCCESS)
        push = services.run_request(profile=_profile(tmp_path, "other", 3000, busy), flow="products").run
        _until(push, lambda one: one.created > 0, seconds=60, what="begins")
        before = _fresh(push).slice_number
        beside = _stock(mine)
        _until(beside, lambda one: one.started_at is not None, seconds=30, what="starts")
        assert _fresh(push).slice_number - before <= 1, "it has a slot of its own"
        _finished(beside)
        assert (beside.updated, beside.result) == (ITEMS, RunResult.SUCCESS)
        assert beside.slice_number <= alone.slice_number * 1.2
        assert _fresh(push).state != RunState.FINISHED
        services.run_stop(push)
        _finished(push)


@pytest.mark.covers("OPS-05", "ORD-15")
def test_p36_one_order_waits_for_one_slice_at_most_of_the_three_hundred_of_another_tenant(
    tmp_path: Path, free_port: int
) -> None:
    """One worker process for everybody: the back-log gives its turn away, and gets it back."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (
        running_shop(connections=8) as busy,
        running_shop() as quiet,
        running_stack(tmp_path / "stack", port=free_port, workers=1),
    ):
        many, one = _orders(tmp_path / "a", busy), _orders(tmp_path / "b", quiet)
        many.buy(BACKLOG)
        (order,) = one.buy(1)
        busy.control("latency", {"request_ms": 150, "item_ms": 0})
        backlog = services.run_request(profile=many.profile, flow="orders", trigger=Trigger.SCHEDULE).run
        eventually(lambda: _fresh(backlog).created > 0, seconds=60, what="the back-log begins")
        before = _fresh(backlog).slice_number
        run = services.run_request(profile=one.profile, flow="orders", trigger=Trigger.SCHEDULE).run
        _until(run, lambda row: row.started_at is not None, seconds=60, what="starts")
        assert _fresh(backlog).slice_number - before <= 1
        _finished(run)
        assert one.documents()[order] == 1, run.message
        assert run.slice_number == 1
        assert _fresh(backlog).state != RunState.FINISHED, "the single order did not wait for the back-log"
        _finished(backlog, seconds=180)
        assert (backlog.created, backlog.result) == (BACKLOG, RunResult.SUCCESS)
        assert len(many.documents()) == BACKLOG
