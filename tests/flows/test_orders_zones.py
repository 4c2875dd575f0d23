"""The order import far from Greenwich and across both clock changes: zones of shop, tenant and process differ."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles import options_store
from profiles.models import Profile, Tenant
from sync import services
from sync.engine import lease
from sync.engine.context import Budget
from sync.engine.runner import SliceResult, StopFlag, execute_slice
from sync.models import Run
from tests.connectors.woocommerce.orders_support import buy, freeze, shop_at
from tests.flows.conftest import Story
from tests.flows.test_orders_money import _merchant

pytestmark = pytest.mark.odbc

ROOT = Path(__file__).resolve().parents[2]
HONOLULU, PARIS, TONGATAPU = ZONES = ("Pacific/Honolulu", "Europe/Paris", "Pacific/Tongatapu")
# Paris: 3 o'clock becomes 2 at 01:00 UTC on 25 October (the hour repeats); 2 becomes 3 at 01:00 UTC on 29 March.
AUTUMN, SPRING = "2026-10-24T22:00:00+00:00", "2026-03-28T22:00:00+00:00"
SELECTION = (
    "tests/mapping/test_orders_documents.py",
    "tests/mapping/test_orders_texts.py",
    "tests/connectors/woocommerce/test_orders.py",
)


@pytest.fixture
def process_zone_of() -> Iterator[Any]:
    """Moves this process to another zone, and back afterwards."""
    before = os.environ.get("TZ")

    def move(zone: str) -> None:
        os.environ["TZ"] = zone
        time.tzset()

    yield move
    if before is None:
        os.environ.pop("TZ")
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture
def story(db: None, tmp_path: Path, shop: WooCommerceSandbox) -> Story:
    company = build(tmp_path / "zones.db", merchant="demo", emulation=True)
    shop.seed(skus=["TENTE2P"], price="10.00", managed=False)
    return _merchant(company, shop, orders={"period": "custom", "period_from": "", "period_to": ""})


def _in(zone: str, moment: datetime) -> datetime:
    if "/" in zone:
        return moment.astimezone(ZoneInfo(zone))
    return moment.astimezone(UTC) + timedelta(hours=int(zone[:3]))


def _live_in(story: Story, zone: str) -> None:
    Tenant.objects.filter(pk=story.tenant.pk).update(time_zone=zone)
    story.profile = Profile.objects.select_related("tenant").get(pk=story.profile.pk)


def _days(company: Sage100Sandbox) -> dict[str, date]:
    """Day of each imported document by the number of its order; two of one order are a failure.

    The demo company has documents of a shop of long ago, with large numbers.
    """
    with company.session(write=False) as session:
        rows = session.all("SELECT DO_NoWeb, DO_Date FROM F_DOCENTETE WHERE DO_NoWeb <> ''")
    rows = [row for row in rows if int(row[0]) < 10_000]
    counts = Counter(str(row[0]) for row in rows)
    assert counts.total() == len(counts), counts
    return {str(number): date.fromisoformat(str(day)[:10]) for number, day in rows}


@pytest.mark.covers("ORD-01", "ORD-03", "SCH-02")
@pytest.mark.parametrize(
    ("shop_zone", "tenant_zone", "process_zone", "start"),
    [
        (HONOLULU, HONOLULU, HONOLULU, AUTUMN),
        (TONGATAPU, TONGATAPU, TONGATAPU, AUTUMN),
        (PARIS, PARIS, PARIS, AUTUMN),
        (PARIS, PARIS, "UTC", SPRING),
        (PARIS, TONGATAPU, HONOLULU, AUTUMN),
        (TONGATAPU, HONOLULU, PARIS, SPRING),
        ("+13:00", HONOLULU, "UTC", AUTUMN),
    ],
)
def test_p06_no_order_of_the_night_is_missed_or_imported_twice(
    story: Story, process_zone_of: Any, shop_zone: str, tenant_zone: str, process_zone: str, start: str
) -> None:
    """Seven hours of orders every 30 minutes, imported every 90, then once more with everything read again."""
    process_zone_of(process_zone)
    _live_in(story, tenant_zone)
    placed: dict[str, date] = {}
    with shop_at(story.shop, shop_zone, start):
        for step in range(14):
            now = datetime.fromisoformat(start) + timedelta(minutes=30 * step)
            freeze(story.shop, now.isoformat())
            placed[buy(story.shop, "TENTE2P")] = _in(shop_zone, now).date()
            if step % 3 == 2:
                run = story.run("orders")
                assert (run.created, run.refused, run.failed) == (3, 0, 0)
        assert story.run("orders").created == 2
        assert story.run("orders", full=True).created == 0
    assert _days(story.erp) == placed


@pytest.mark.covers("ORD-01")
@pytest.mark.parametrize(
    ("zone", "process_zone", "first"),
    [
        (HONOLULU, TONGATAPU, "2026-10-25T10:00:00+00:00"),
        (PARIS, HONOLULU, "2026-10-24T22:00:00+00:00"),
        (TONGATAPU, PARIS, "2026-10-24T11:00:00+00:00"),
    ],
)
def test_p06_a_day_of_orders_is_the_day_of_the_tenant(
    story: Story, process_zone_of: Any, zone: str, process_zone: str, first: str
) -> None:
    """The 25 October of Paris has 25 hours, of which the one from 2 to 3 comes twice."""
    process_zone_of(process_zone)
    _live_in(story, zone)
    options = {"period": "custom", "period_from": "2026-10-25", "period_to": "2026-10-25"}
    options_store.save(story.profile, {"orders": options}, author=None)
    inside = set()
    hours = 25 if zone == PARIS else 24
    with shop_at(story.shop, PARIS):
        for minutes in (-1, 0, 150, 210, 270, hours * 60 - 1, hours * 60):
            moment = datetime.fromisoformat(first) + timedelta(minutes=minutes)
            freeze(story.shop, moment.isoformat())
            key = buy(story.shop, "TENTE2P")
            if 0 <= minutes < hours * 60:
                inside.add(key)
        assert story.run("orders").created == 5
    assert set(_days(story.erp)) == inside


@pytest.mark.covers("ORD-03")
def test_p06_an_order_waits_while_the_shop_fails_to_tell_its_zone(story: Story) -> None:
    """The tenant's zone would be another day."""
    _live_in(story, TONGATAPU)
    with shop_at(story.shop, HONOLULU):
        freeze(story.shop, AUTUMN)
        order = buy(story.shop, "TENTE2P")
        story.shop.server.faults.add({"action": "status", "status": 502, "path": "/wp-json/$"})
        run = services.run_request(profile=story.profile, flow="orders").run
        held = lease.claim(run.pk, owner="test")
        assert held is not None
        assert execute_slice(held, budget=Budget(), stop=StopFlag(held)) is SliceResult.WAIT
        assert _days(story.erp) == {}
        story.shop.server.faults.remove()
        Run.objects.filter(pk=run.pk).update(due_at=timezone.now())
        assert story.finish(run).created == 1
    assert _days(story.erp) == {order: _in(HONOLULU, datetime.fromisoformat(AUTUMN)).date()}


@pytest.mark.covers("ORD-09")
def test_an_import_that_finds_no_order_asks_the_shop_for_its_orders_only(story: Story) -> None:
    story.run("orders")
    story.shop.server.log.clear()
    assert story.run("orders").read == 0
    assert story.shop.server.log.totals()["calls"].keys() == {"GET orders"}


@pytest.mark.covers("ORD-03")
@pytest.mark.parametrize("zone", ZONES)
def test_p06_the_order_suite_passes_in_a_process_of_any_zone(zone: str) -> None:
    """The zone of the machine decides nothing: reading and mapping of orders give the same everywhere."""
    environment = {**os.environ, "ATOOSYNC_TEST_ZONE": zone, "ATOOSYNC_TEST_DATABASE_URL": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SELECTION]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
