"""Housekeeping: retention of journals, previews and notices, forgotten reservations, the beat table."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import ledger
from billing.models import Reservation
from scheduler import notifications, purge, tasks
from scheduler.beat import BEAT_SCHEDULE
from scheduler.models import Notice, NoticeState
from sync.models import JournalEntry, Run
from tests.factories import make_entry, make_profile, make_run, make_tenant

pytestmark = pytest.mark.django_db


def lines(run: Run, count: int, *, days: int) -> None:
    at = timezone.now() - timedelta(days=days)
    JournalEntry.objects.bulk_create(JournalEntry(run=run, profile_id=run.profile_id, at=at) for _ in range(count))


@pytest.mark.covers("LOG-06")
def test_old_lines_go_in_batches_and_runs_stay(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "BATCH", 10)
    settings.ATOOSYNC_JOURNAL_DAYS = 180
    run = make_run(profile=make_profile(tenant=make_tenant()))
    lines(run, 35, days=200)
    lines(run, 4, days=170)
    assert purge.purge() == {"journal": 35, "previews": 0, "notices": 0}
    assert JournalEntry.objects.count() == 4
    assert Run.objects.count() == 1
    assert purge.purge()["journal"] == 0


@pytest.mark.covers("LOG-06")
@pytest.mark.parametrize(("wish", "left"), [(None, 4), (30, 2), (1, 1), (400, 4)])
def test_each_company_keeps_its_journals_as_long_as_it_wishes_within_the_limits(
    settings: Any, monkeypatch: pytest.MonkeyPatch, wish: int | None, left: int
) -> None:
    monkeypatch.setattr(purge, "BATCH", 2)
    settings.ATOOSYNC_JOURNAL_DAYS = 180
    counts = {}
    for name, journal_days in (("own", wish), ("neighbour", None)):
        tenant = make_tenant(name=name)
        tenant.journal_days = journal_days
        tenant.save()
        old = timezone.now() - timedelta(days=181)
        run = make_run(profile=make_profile(tenant=tenant), queued_at=old, started_at=old, ended_at=timezone.now())
        counts[name] = run
    for days in (200, 170, 31, 20, 5):
        for run in counts.values():
            lines(run, 1, days=days)
    purge.purge()
    assert counts["own"].journal.count() == left
    assert counts["neighbour"].journal.count() == 4
    assert purge.purge()["journal"] == 0


def test_a_purge_ends_in_time_and_goes_on_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "BATCH", 10)
    run = make_run(profile=make_profile(tenant=make_tenant()))
    lines(run, 35, days=200)
    ticks = itertools.chain([0.0, 1.0, 2.0], itertools.repeat(1e9))
    assert purge.purge(clock=lambda: next(ticks))["journal"] == 20
    assert purge.purge()["journal"] == 15


@pytest.mark.covers("LOG-06")
def test_finished_previews_go_with_their_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "BATCH", 3)
    profile = make_profile(tenant=make_tenant())
    old, now = timezone.now() - timedelta(days=8), timezone.now()
    gone = make_run(profile=profile, dry=True, ended_at=old)
    for number in range(7):
        make_entry(run=gone, item_key=f"A{number}")
    kept = [
        make_run(profile=profile, dry=True, ended_at=now),
        make_run(profile=profile, dry=False, ended_at=old),
        make_run(profile=profile, dry=True, state="running", flow="stock", lock="stock"),
    ]
    assert purge.purge()["previews"] == 1
    assert set(Run.objects.all()) == set(kept)
    assert not JournalEntry.objects.exists()


def test_old_notices_go_but_none_that_would_be_decided_again() -> None:
    profile = make_profile(tenant=make_tenant())
    old = timezone.now() - timedelta(days=100)
    runs = [make_run(profile=profile, queued_at=old, started_at=old, ended_at=old) for _ in range(3)]
    notifications.decide()
    for run in runs:
        Notice.objects.get_or_create(run=run, profile=profile, kind="run", state=NoticeState.NONE)
    waiting = Notice.objects.create(profile=profile, kind="late", state=NoticeState.PENDING)
    Notice.objects.update(created_at=old)
    notifications.decide()
    assert purge.purge()["notices"] == 3
    assert list(Notice.objects.all()) == [waiting]
    assert notifications.decide() == 0
    assert list(Notice.objects.all()) == [waiting]


@pytest.mark.covers("BIL-04")
def test_forgotten_reservations_are_given_back() -> None:
    tenant = make_tenant()
    ledger.credit(tenant_id=tenant.pk, kind="export", units=100, key="c", note="", actor="test")
    ledger.reserve(tenant_id=tenant.pk, kind="export", units=40, key="r", owner="w")
    assert tasks.release_forgotten() == 0, "a slice may still be at work"
    Reservation.objects.update(at=timezone.now() - timedelta(hours=3))
    assert tasks.release_forgotten() == 40
    assert ledger.balance(tenant_id=tenant.pk, kind="export").available == 100


def test_the_beat_table_holds_housekeeping_only() -> None:
    assert {"scheduled-tasks", "late-flows", "notifications", "forgotten-reservations", "purge"} <= BEAT_SCHEDULE.keys()
    for entry in BEAT_SCHEDULE.values():
        assert entry["options"]["queue"] == "housekeeping"
        assert entry["options"]["expires"] <= max(10, entry["schedule"])
    assert 20 <= BEAT_SCHEDULE["scheduled-tasks"]["schedule"] <= 30


def test_the_task_of_the_purge_counts_everything() -> None:
    run = make_run(profile=make_profile(tenant=make_tenant()))
    lines(run, 2, days=10_000)
    assert tasks.purge_old() == 2
