"""Watches that flows with a scheduled task really end well, and tells people once when one does not (pitfall P10).

A trigger is late when no good run of its flow has ended ``GRACE`` after it and nothing is moving: the beat stands
still, no worker takes the run, every attempt fails, a setting is missing… Whatever the reason, the flow is late.

The look runs in the housekeeping lane, so another process than the workers that execute runs; and, since that lane
hears only of looks that beat sends, also in a process of its own that needs neither broker nor beat
(``manage.py watchdog``). Both may run at once: a change of state is claimed in its row by one of them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from connectors.core.problems import Problem
from connectors.core.texts import Text
from profiles.models import Profile, ProfileState
from profiles.services import problem_clear, problem_set
from scheduler.models import FlowWatch, Level, Notice, NoticeKind, NoticeState, Schedule
from scheduler.options import notification_options
from scheduler.planning import next_time
from sync.flows import registry
from sync.models import Run, RunResult, RunState

logger = logging.getLogger(__name__)

GRACE = timedelta(minutes=8)
"""With a task every 5 minutes and a look every minute, the alert comes within 15 minutes of the standstill."""

MOVING = timedelta(minutes=5)
"""A run that did something this recently is not stuck, however long it takes."""

LATE_CODE = "flow_late"
GOOD = (RunResult.SUCCESS, RunResult.PARTIAL)

Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Expected:
    """A flow that should end well: the trigger it has not answered yet, and by when it should have."""

    profile: Profile
    flow: str
    since: datetime
    reason: Text

    @property
    def by(self) -> datetime:
        """The instant after which the flow is late."""
        return self.since + GRACE


def look(now: datetime | None = None) -> int:
    """Raises the alarm for flows that are late, once each; returns how many are newly late."""
    moment = now or timezone.now()
    waiting = expectations(moment)
    late = [expected for expected in waiting.values() if expected.by < moment]
    moving = _moving_profiles({expected.profile.pk for expected in late}, moment)
    raised = sum(_raise(expected) for expected in late if expected.profile.pk not in moving)
    _keep_flagged()
    forget_idle()
    return raised


def expectations(now: datetime) -> dict[Key, Expected]:
    """What every flow with an active task owes: the first trigger since it last ended well, or was planned."""
    good = Run.objects.filter(
        profile=OuterRef("profile"), flow=OuterRef("flow"), dry=False, scope_key="", result__in=GOOD
    )
    rows = (
        Schedule.objects.filter(enabled=True, profile__state=ProfileState.ACTIVE)
        .select_related("profile__tenant")
        .annotate(last_good=Subquery(good.order_by("-pk").values("ended_at")[:1]))
    )
    found: dict[Key, Expected] = {}
    for schedule in rows:
        owed = _owed(schedule, schedule.last_good)
        key = (schedule.profile_id, schedule.flow)
        if owed is not None and (key not in found or owed.since < found[key].since):
            found[key] = owed
    return found


def _owed(schedule: Schedule, ended: datetime | None) -> Expected | None:
    reference = max(schedule.planned_at, ended) if ended else schedule.planned_at
    try:
        since = next_time(schedule.recurrence, reference, schedule.tenant_zone)
    except ValueError:
        return None
    if since is None:
        return None
    return Expected(schedule.profile, schedule.flow, since, Text.loads(schedule.outcome_values.get("reason")))


def _moving_profiles(profile_ids: set[int], now: datetime) -> set[int]:
    """Profiles with a run that advances now: others wait behind it, which is no standstill."""
    rows = Run.objects.filter(profile_id__in=profile_ids, state=RunState.RUNNING, activity_at__gte=now - MOVING)
    return set(rows.values_list("profile_id", flat=True))


def _raise(expected: Expected) -> bool:
    FlowWatch.objects.get_or_create(profile=expected.profile, flow=expected.flow)
    with transaction.atomic():
        row = FlowWatch.objects.filter(profile=expected.profile, flow=expected.flow)
        if not row.filter(late_since__isnull=True).update(late_since=expected.since):
            return False
        watch: FlowWatch = row.get()
        _flag(expected)
        # One mail per cause: people who were told that the flow fails need not hear that it is late as well.
        told = watch.level == Level.FAILING and watch.told
        if not told and notification_options(expected.profile).on_late:
            row.update(late_told=True)
            values = {"since": expected.since.isoformat(), "reason": expected.reason.dumps()}
            Notice.objects.create(
                profile=expected.profile,
                flow=expected.flow,
                kind=NoticeKind.LATE,
                state=NoticeState.PENDING,
                values=values,
            )
    logger.warning("a flow is late", extra={"profile": expected.profile.pk, "flow": expected.flow})
    return True


def _flag(expected: Expected) -> None:
    """Shows the profile as a problem on the dashboard, unless a more precise cause is shown already."""
    if Profile.objects.filter(pk=expected.profile.pk, problem_code="").exists():
        problem_set(expected.profile, late_problem(expected.flow, expected.reason))


def late_problem(flow: str, reason: Text) -> Problem:
    """What the pages say of a flow that is late."""
    known = registry.all_flows().get(flow)
    label = Text(known.label if known else flow)
    advice = "Ouvrez « Tâches planifiées » pour voir ce qu’il est advenu du dernier déclenchement."
    if reason:
        return Problem(
            LATE_CODE,
            "« %(flow)s » est en retard sur sa planification : %(reason)s",
            advice,
            values={"flow": label, "reason": reason},
        )
    return Problem(LATE_CODE, "« %(flow)s » est en retard sur sa planification.", advice, values={"flow": label})


def _keep_flagged() -> None:
    """A test of the connection clears the flag of a profile; while a flow of it is still late, it comes back."""
    rows = FlowWatch.objects.filter(late_since__isnull=False, profile__problem_code="").select_related("profile")
    for watch in rows:
        problem_set(watch.profile, late_problem(watch.flow, Text()))


def back(watch: FlowWatch) -> None:
    """Ends the lateness of a flow in its row, which the caller saves, and takes the flag from its profile."""
    watch.late_since, watch.late_told = None, False
    others = FlowWatch.objects.filter(profile_id=watch.profile_id, late_since__isnull=False).exclude(pk=watch.pk)
    if not others.exists():
        _unflag(watch.profile_id)


def _unflag(profile_id: int) -> None:
    for profile in Profile.objects.filter(pk=profile_id, problem_code=LATE_CODE):
        problem_clear(profile)


def forget_idle(profile_id: int | None = None) -> None:
    """Ends, without a word, the lateness of flows that nobody expects any more: paused, deleted or ended tasks."""
    rows = FlowWatch.objects.filter(late_since__isnull=False)
    if profile_id is not None:
        rows = rows.filter(profile_id=profile_id)
    for watch in rows.select_related("profile"):
        expected = Schedule.objects.filter(profile_id=watch.profile_id, flow=watch.flow, enabled=True)
        if watch.profile.state == ProfileState.ACTIVE and expected.exists():
            continue
        FlowWatch.objects.filter(pk=watch.pk).update(late_since=None, late_told=False)
        watch.refresh_from_db()
        back(watch)
