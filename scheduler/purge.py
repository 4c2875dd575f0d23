"""Housekeeping: old journal lines, finished previews and old notices, in batches that hold no lock for long."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from profiles import retention
from profiles.models import Tenant
from scheduler.models import Notice, NoticeFloor, NoticeState
from sync.models import JournalEntry, Run, RunState

BATCH = 5_000
SECONDS = 120.0
"""One purge works this long at most; the next goes on where it stopped."""

SETTLED_STATES = (NoticeState.NONE, NoticeState.SENT, NoticeState.FAILED)


def purge(now: datetime | None = None, *, clock: Callable[[], float] = time.monotonic) -> dict[str, int]:
    """Deletes what is older than its retention and returns how many rows of each kind; may be called at any time."""
    moment = now or timezone.now()
    until = clock() + SECONDS
    oldest = moment - timedelta(days=retention.journal_days_max())

    def in_time() -> bool:
        return clock() < until

    return {
        "journal": _old_lines(oldest, in_time) + _lines_of_tenants(moment, oldest, in_time),
        "previews": _old_previews(moment - retention.PREVIEW_AGE, in_time),
        "notices": _old_notices(moment - retention.NOTICE_AGE, in_time),
    }


def _old_lines(before: datetime, in_time: Callable[[], bool]) -> int:
    """Lines are written in the order of their keys, so the old ones are found at the low end of the primary key."""
    deleted = 0
    while in_time():
        lowest = list(JournalEntry.objects.order_by("pk").values_list("pk", "at")[:BATCH])
        old = [pk for pk, at in lowest if at < before]
        if not old:
            break
        deleted += _delete(JournalEntry.objects.filter(pk__lte=old[-1], at__lt=before))
        if len(old) < len(lowest):
            break
    return deleted


def _lines_of_tenants(moment: datetime, oldest: datetime, in_time: Callable[[], bool]) -> int:
    """Lines of companies that keep less than the host allows; older ones than ``oldest`` are gone already."""
    deleted = 0
    for tenant in Tenant.objects.filter(journal_days__lt=retention.journal_days_max()):
        before = moment - timedelta(days=retention.journal_days(tenant))
        # Runs that ended before the host's limit have no line left: they are not looked through every hour.
        runs = Run.objects.filter(Q(ended_at=None) | Q(ended_at__gte=oldest), tenant=tenant, queued_at__lt=before)
        lines = JournalEntry.objects.filter(run__in=runs, at__lt=before).order_by()
        while in_time():
            ids = list(lines.values_list("pk", flat=True)[:BATCH])
            if not ids:
                break
            deleted += _delete(JournalEntry.objects.filter(pk__in=ids))
    return deleted


def _old_previews(before: datetime, in_time: Callable[[], bool]) -> int:
    """Previews have no journal worth keeping: their lines go first, in batches, then the runs."""
    deleted = 0
    previews = Run.objects.filter(dry=True, state=RunState.FINISHED, ended_at__lt=before).order_by("pk")
    for run_id in list(previews.values_list("pk", flat=True)[:BATCH]):
        if not _without_lines(run_id, in_time):
            break
        Run.objects.filter(pk=run_id).delete()
        deleted += 1
    return deleted


def _without_lines(run_id: int, in_time: Callable[[], bool]) -> bool:
    while in_time():
        lines = list(JournalEntry.objects.filter(run_id=run_id).order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not lines:
            return True
        _delete(JournalEntry.objects.filter(run_id=run_id, pk__lte=lines[-1]))
    return False


def _old_notices(before: datetime, in_time: Callable[[], bool]) -> int:
    """Notices below the floor only: a run above it would be looked at again."""
    floor = NoticeFloor.objects.values_list("run_id", flat=True).first() or 0
    deleted = 0
    while in_time():
        old = Notice.objects.filter(created_at__lt=before, state__in=SETTLED_STATES).exclude(run_id__gt=floor)
        ids = list(old.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not ids:
            break
        deleted += _delete(Notice.objects.filter(pk__in=ids))
    return deleted


def _delete(rows: QuerySet[Any]) -> int:
    return rows.delete()[0]
