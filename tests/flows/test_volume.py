"""Calls, rate and memory of the whole road, scaled to what a test may take (P26, P28, P29)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.sage100 import build
from profiles import options_store
from sync import services
from sync.models import RunResult
from tests.flows.conftest import Story

pytestmark = pytest.mark.odbc

Generated = Callable[..., Story]


def _writes(story: Story) -> dict[str, int]:
    calls = story.shop.server.log.totals()["calls"]
    return {call: number for call, number in calls.items() if not call.startswith(("GET", "OPTIONS", "HEAD"))}


def _linked(generated: Generated, count: int, **options: dict[str, Any]) -> Story:
    """A catalogue that both sides have, linked and with every quantity that differed sent."""
    story = generated(count, **options)
    with story.erp.session() as session:
        story.shop.seed(skus=[row[0] for row in session.all("SELECT AR_Ref FROM F_ARTICLE ORDER BY AR_Ref")])
    story.run()
    story.finish(services.match_request(story.profile, by=None).run)
    story.profile.refresh_from_db()
    run = story.run("stock")
    assert run.updated + run.unchanged == count
    return story


@pytest.mark.covers("STK-05", "BIL-04")
def test_p29_a_thousand_changes_of_five_thousand_are_ten_calls_and_no_change_is_none(generated: Generated) -> None:
    story = _linked(generated, 5000)
    before, used = _writes(story), story.units().used
    quiet = story.run("stock")
    assert (quiet.unchanged, quiet.sent, _writes(story)) == (5000, 0, before)
    story.erp.change_stocks(1000)
    run = story.run("stock")
    assert (run.updated, run.unchanged) == (1000, 4000)
    spent = {call: number - before.get(call, 0) for call, number in _writes(story).items()}
    assert {call: number for call, number in spent.items() if number} == {"POST products/batch": 10}
    assert story.units().used - used == 1000


@pytest.mark.covers("PRF-07")
def test_p26_the_limit_of_calls_holds_over_a_whole_run_and_is_used(generated: Generated) -> None:
    """A profile limited to 25 calls per second, batches of one: never above, and never far below while busy."""
    story = _linked(generated, 150, advanced={"batch_stock": 1, "parallel": 4})
    options_store.save(story.profile, {"shop": {"requests_per_second": 25}}, author=None)
    story.erp.change_stocks(150)
    story.shop.server.log.clear()
    started = time.monotonic()
    run = story.run("stock")
    seconds = time.monotonic() - started
    assert (run.result, run.updated) == (RunResult.SUCCESS, 150)
    least = (150 - 25) / 25
    assert seconds >= least, "the budget was exceeded"
    assert seconds < least / 0.9 + 1.5, "less than nine tenths of the budget was used"


@pytest.mark.covers("PRF-07")
@pytest.mark.parametrize(("parallel", "connections", "most"), [(2, 4, 2), (4, 3, 3), (8, 8, 4)])
def test_p26_batches_made_ready_ahead_are_never_more_calls_at_once_than_settings_and_connector_allow(
    generated: Generated, parallel: int, connections: int, most: int
) -> None:
    story = generated(120, advanced={"batch_products": 10, "parallel": parallel}, shop={"connections": connections})
    story.shop.server.latency.request_ms = 120
    story.shop.server.log.clear()
    run = story.run()
    assert run.result == RunResult.SUCCESS
    assert story.shop.app.inspect({})["products"] == 120
    calls = [(entry["at"] - entry["ms"] / 1000, entry["at"]) for entry in story.shop.server.log.entries()]
    assert max(sum(start <= begun < end for start, end in calls) for begun, _ in calls) == most


@pytest.mark.covers("CAT-01")
def test_batches_that_waited_for_their_turn_are_as_long_as_the_first(generated: Generated) -> None:
    """What a batch waits for its turn is not time that the shop took: it makes no batch smaller."""
    story = generated(160, advanced={"batch_products": 20, "parallel": 1})
    options_store.save(story.profile, {"shop": {"batch_seconds": 1}}, author=None)
    story.shop.server.latency.request_ms = 650
    story.shop.server.log.clear()
    assert story.run().result == RunResult.SUCCESS
    entries = [entry for entry in story.shop.server.log.entries() if entry["kind"] == "POST products/batch"]
    assert [entry["items"] for entry in entries] == [20] * 8


_PROBE = """
import json, re
from pathlib import Path
import django
django.setup()
from connectors.canonical.keys import Aspect
from sync import services
from sync.engine.runner import drive
from sync.models import Run
from profiles.models import Profile
profile = Profile.objects.get()
run = drive(services.run_request(profile=profile, flow="stock").run.pk, owner="probe")
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024
print(json.dumps({"read": run.read, "unchanged": run.unchanged, "excluded": run.excluded, "peak": peak}))
"""


def _peak(folder: Path, items: int) -> dict[str, int]:
    """Megabytes at most of a process that compares the stock of ``items`` articles, none of which is in the shop.

    Read from VmHWM: ru_maxrss would also count what the process that started it held (getrusage(2), execve(2)).
    """
    build(folder / f"sage{items}.db", merchant="generated", items=items)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "atoosync.settings_test",
        "ATOOSYNC_DATA": str(folder),
        "ATOOSYNC_TEST_DATABASE_URL": f"sqlite:///{folder}/platform{items}.sqlite3",
    }
    prepare = _PREPARE.format(path=folder / f"sage{items}.db")
    for program in (prepare, _PROBE):
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


_PREPARE = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.db import connection
from profiles.models import MatchState, Profile, Tenant
from profiles.services import profile_create
from connectors.sandbox.sage100 import Sage100Sandbox
from sync.engine.linkbook import LinkBook
tenant = Tenant.objects.create(name="Mesure")
document = {{
    "erp": {{"kind": "sqlite", "path": "{path}"}},
    "shop": {{"url": "http://127.0.0.1:9", "consumer_key": "ck_x", "consumer_secret": "cs_x"}},
}}
profile = profile_create(tenant=tenant, name="Mesure", erp="sage100", shop="woocommerce", document=document)
Profile.objects.update(match_state=MatchState.APPROVED)
"""


@pytest.mark.slow
@pytest.mark.covers("OPS-01")
def test_p28_memory_is_flat_from_two_thousand_to_twenty_thousand_articles(tmp_path: Path) -> None:
    small, large = _peak(tmp_path, 2_000), _peak(tmp_path, 20_000)
    assert (small["read"], large["read"]) == (2_000, 20_000)
    assert large["peak"] <= small["peak"] * 1.1
    assert large["peak"] < 300
