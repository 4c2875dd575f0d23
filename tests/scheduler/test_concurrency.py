"""Several schedulers and several mailers at once, on PostgreSQL: everything happens once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from profiles import options_store
from scheduler import notifications, services, trigger, watchdog
from scheduler.models import FlowWatch, Notice, Schedule
from sync.models import Run
from tests.factories import make_profile, make_run, make_schedule
from tests.scheduler.conftest import Bench
from tests.scheduler.smtp_server import MailServer

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WORKERS = 6
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fake_connectors"),
]


def at_once(work: Callable[[], Any]) -> list[Any]:
    """Calls ``work`` in several threads at the same moment, each with a connection of its own."""
    barrier = Barrier(WORKERS)

    def call(_number: int) -> Any:
        barrier.wait()
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(call, range(WORKERS)))


@pytest.mark.covers("SCH-03", "SCH-05")
def test_ticks_at_once_start_every_task_once(bench: Bench) -> None:
    for number in range(20):
        profile = make_profile(tenant=bench.tenant, name=f"P{number}", erp="fake_erp", shop="fake_shop")
        revision = options_store.current_revision(bench.profile)
        assert revision is not None
        options_store.save(profile, revision.document, author=None)
        schedule = make_schedule(profile=profile, repeat_minutes=60, repeat_for=1440)
        services.plan(schedule, NOON - timedelta(seconds=1))
        schedule.save()
    counts = at_once(lambda: trigger.tick(NOON + timedelta(minutes=1)))
    assert sum(counts) == 20
    assert Run.objects.count() == 20
    assert set(Schedule.objects.values_list("skipped", flat=True)) == {0}, "no look met the run of another"


@pytest.mark.covers("NOT-01", "NOT-02")
def test_mailers_at_once_send_every_mail_once(bench: Bench, mail_server: MailServer) -> None:
    values = {"recipients": "chef@example.test", "only_changes": False, "on_success": True}
    options_store.save(bench.profile, {"notifications": values}, author=None)
    at = timezone.now() - timedelta(minutes=1)
    for _ in range(12):
        make_run(profile=bench.profile, queued_at=at, started_at=at, ended_at=at)

    def round_of_work() -> int:
        notifications.decide()
        return notifications.deliver()

    sent = at_once(round_of_work)
    assert sum(sent) == len(mail_server.mails) == Notice.objects.count() == 12


def test_p10_watchdogs_at_once_raise_one_alarm(bench: Bench) -> None:
    schedule = services.schedule_save(make_schedule(profile=bench.profile, repeat_minutes=5, repeat_for=1440))
    later = schedule.planned_at + timedelta(hours=1)
    assert sum(at_once(lambda: watchdog.look(later))) == 1
    assert Notice.objects.count() == FlowWatch.objects.count() == 1
