"""Workers killed with SIGKILL in the middle of exports: nothing twice, nothing missing, the ledger is right (P32)."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from billing import ledger
from connectors.sandbox.sage100 import build
from profiles.models import Profile
from sync import services
from sync.models import JournalEntry, Link, Run, RunResult, RunState, SliceState
from tests.concurrency.live import Shop, Stack, eventually, running_shop, running_stack
from tests.flows.conftest import profile_for

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.odbc,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]

SMALL = {"advanced": {"batch_products": 8, "batch_stock": 8, "parallel": 3}}
ARTICLES = 140
KILLS = 50
KILLS_PER_EXPORT = 13


def _refresh(run: Run) -> Run:
    run.refresh_from_db()
    return run


def _finished(run: Run, *, seconds: float = 120) -> Run:
    eventually(lambda: _refresh(run).state == RunState.FINISHED, seconds=seconds, what=f"run {run.pk} ends")
    return run


def _told(run: Run) -> list[Any]:
    lines = JournalEntry.objects.filter(run=run, level__in=["warning", "error"])
    return [run.message, *lines.values_list("item_key", "text", "detail")[:5]]


def _assert_exact(profile: Profile, shop: Shop, skus: set[str], runs: list[Run]) -> None:
    """Nothing twice, nothing missing, and one unit for each object that the shop really received."""
    for run in runs:
        assert run.result == RunResult.SUCCESS, _told(run)
        assert run.read == run.accounted
    totals = shop.totals()
    assert totals["created_more_than_once"] == {}
    assert totals["duplicate_skus"] == {}
    assert {sku for sku in shop.skus() if sku} >= skus
    assert ledger.verify(profile.tenant_id) == []
    balance = ledger.balance(tenant_id=profile.tenant_id, kind="export")
    assert balance.used == sum(run.units for run in runs) == sum(run.sent for run in runs)
    assert balance.reserved == 0
    assert not Link.objects.filter(profile=profile).exclude(status="linked").exists()


@dataclass
class _Reaper:
    """Kills the worker of a run again and again, each time at another moment."""

    stack: Stack
    chance: random.Random
    kills: int = 0
    points: list[tuple[int, int]] = field(default_factory=list)

    def kill_during(self, run: Run, *, most: int) -> None:
        """Up to ``most`` kills while ``run`` lives; another worker takes the place of each victim."""
        fence = 0
        for _ in range(most):
            while not (_refresh(run).slice_state == SliceState.WORKING and run.fence > fence):
                if run.state == RunState.FINISHED:
                    return
                time.sleep(0.02)
            fence, owner = run.fence, run.owner
            time.sleep(self.chance.uniform(0.05, 2.4))
            if _refresh(run).fence != fence or run.slice_state != SliceState.WORKING:
                continue
            if self.stack.kill_worker_of(owner):
                self.kills += 1
                self.points.append((run.created, run.slice_number))
                self.stack.start_worker()


@pytest.mark.covers("BIL-04", "OPS-01")
def test_p32_a_worker_killed_at_fifty_points_of_exports_loses_nothing_and_doubles_nothing(
    tmp_path: Path, free_port: int
) -> None:
    chance = random.Random(20261121)  # noqa: S311
    with running_stack(tmp_path / "stack", port=free_port, workers=3) as stack:
        reaper = _Reaper(stack, chance)
        exports = 0
        while reaper.kills < KILLS:
            exports += 1
            erp = build(tmp_path / f"erp{exports}.db", merchant="generated", items=ARTICLES, variants_share=0.2)
            with running_shop(latency_ms=10, item_ms=25) as shop:
                profile = profile_for(erp.odbc_connection_string(), shop, approved=True, **SMALL)
                run = services.run_request(profile=profile, flow="products").run
                reaper.kill_during(run, most=min(KILLS_PER_EXPORT, KILLS - reaper.kills))
                _finished(run)
                with erp.session() as session:
                    skus = {str(row[0]) for row in session.all("SELECT AR_Ref FROM F_ARTICLE")}
                _assert_exact(profile, shop, skus, [run])
                assert run.created == shop.received()
                again = _finished(services.run_request(profile=profile, flow="products", full=True).run)
                assert (again.sent, again.units) == (0, 0), again.message
        assert reaper.kills == KILLS
        assert len({created for created, _ in reaper.points}) >= 10, "the kills fell on too few different points"
