"""Starts what is due.

Due tasks come from our own rows: the crontab of django-celery-beat can say neither «every second week» nor «last Friday
of the month» nor «every 5 minutes for 12 hours from the start», and knows nothing of the tenant's clock on the day it
changes. django-celery-beat drives the look at them (``scheduler.tasks.tick``, every 20 seconds), under the lease that
keeps two beats from doing it at once; should two looks meet all the same, each trigger is taken by one of them.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connectors.core.logcontext import bind
from scheduler import services as schedules
from scheduler.models import Schedule, TriggerOutcome
from scheduler.planning import count_between, next_time
from sync import services
from sync.models import Run, RunState, Trigger
from sync.services import RunRefused

logger = logging.getLogger(__name__)

PER_TICK = 500
LATE_AFTER = timedelta(minutes=5)
"""A trigger taken later than this was missed: the platform stood still."""

MISSED_LIMIT = 10_000

Outcome = tuple[TriggerOutcome, dict[str, Any], Run | None]


def tick(now: datetime | None = None) -> int:
    """Starts every due task and returns how many runs began. Safe when several call it at once, and when one dies."""
    moment = now or timezone.now()
    _follow_time_zones(moment)
    due = Schedule.objects.filter(next_at__lte=moment, enabled=True).select_related("profile__tenant")
    started = 0
    for schedule in _fair(due.order_by("next_at", "pk")[:PER_TICK]):
        with bind(tenant=schedule.profile.tenant_id, profile=schedule.profile_id, flow=schedule.flow):
            started += _take(schedule, moment)
    return started


def _fair(due: Iterable[Schedule]) -> Iterator[Schedule]:
    """One task of each tenant in turn, so that a tenant with hundreds does not hold up the others."""
    queues: dict[int, deque[Schedule]] = defaultdict(deque)
    for schedule in due:
        queues[schedule.profile.tenant_id].append(schedule)
    while queues:
        for tenant_id in list(queues):
            yield queues[tenant_id].popleft()
            if not queues[tenant_id]:
                del queues[tenant_id]


def _take(schedule: Schedule, now: datetime) -> bool:
    """Takes one trigger: moves ``next_at`` and asks for the run in one transaction, so both happen or neither."""
    seen = schedule.next_at
    try:
        following = next_time(schedule.recurrence, now, schedule.tenant_zone)
        with transaction.atomic():
            taken = Schedule.objects.filter(pk=schedule.pk, enabled=True, next_at=seen).update(next_at=following)
            if not taken:
                return False
            outcome, values, run = _start(schedule, now)
            _record(schedule, now, outcome, values, run)
            return run is not None
    except Exception:  # one broken task must not keep the others from starting
        logger.exception("a scheduled task could not be triggered", extra={"schedule": schedule.pk})
        _pass_over(schedule, seen, now)
        return False


def _start(schedule: Schedule, now: datetime) -> Outcome:
    if _overlaps(schedule):
        return TriggerOutcome.OVERLAP, {}, None
    try:
        with transaction.atomic():
            asked = services.run_request(profile=schedule.profile, flow=schedule.flow, trigger=Trigger.SCHEDULE)
    except RunRefused as error:
        return TriggerOutcome.REFUSED, {"reason": error.said.dumps()}, None
    except LookupError:
        return TriggerOutcome.REFUSED, {"reason": "Ce traitement ou un connecteur du profil n’est plus installé."}, None
    if not asked.created:
        return TriggerOutcome.OVERLAP, {}, None
    missed = _missed(schedule, now)
    if missed:
        return TriggerOutcome.CAUGHT_UP, {"missed": missed}, asked.run
    return TriggerOutcome.STARTED, {}, asked.run


def _overlaps(schedule: Schedule) -> bool:
    """Whether any run of the flow lives, whatever part of the items it handles (SCH-03); a preview writes nothing."""
    rows = Run.objects.filter(profile_id=schedule.profile_id, flow=schedule.flow, dry=False)
    return rows.exclude(state=RunState.FINISHED).exists()


def _missed(schedule: Schedule, now: datetime) -> int:
    """Triggers that nobody took in time; one run makes up for all of them (SCH-05)."""
    if schedule.next_at is None or now - schedule.next_at <= LATE_AFTER:
        return 0
    before = schedule.next_at - timedelta(seconds=1)
    return count_between(schedule.recurrence, before, now, schedule.tenant_zone, limit=MISSED_LIMIT)


def _record(
    schedule: Schedule, now: datetime, outcome: TriggerOutcome, values: dict[str, Any], run: Run | None
) -> None:
    row = Schedule.objects.filter(pk=schedule.pk)
    if run is not None:
        row.update(last_at=now, last_run=run, outcome=outcome, outcome_values=values)
        return
    logger.info("a scheduled trigger started nothing", extra={"schedule": schedule.pk, "reason": outcome.value})
    row.update(last_at=now, outcome=outcome, outcome_values=values, skipped=F("skipped") + 1)


def _pass_over(schedule: Schedule, seen: datetime | None, now: datetime) -> None:
    """Leaves a broken trigger behind; a rule that cannot even be read is looked at again in an hour."""
    try:
        following = next_time(schedule.recurrence, now, schedule.tenant_zone)
    except (ValueError, LookupError, TypeError):
        following = now + timedelta(hours=1)
    Schedule.objects.filter(pk=schedule.pk, next_at=seen).update(
        next_at=following, last_at=now, outcome=TriggerOutcome.BROKEN, outcome_values={}, skipped=F("skipped") + 1
    )


def _follow_time_zones(now: datetime) -> None:
    """Plans tasks anew whose tenant has moved to another time zone: 8 o'clock means 8 o'clock there."""
    moved = Schedule.objects.filter(next_at__isnull=False).exclude(zone=F("profile__tenant__time_zone"))
    for schedule in moved.select_related("profile__tenant")[:PER_TICK]:
        seen = schedule.next_at
        schedules.plan(schedule, now)
        Schedule.objects.filter(pk=schedule.pk, next_at=seen).update(next_at=schedule.next_at, zone=schedule.zone)
