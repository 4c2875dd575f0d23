"""How long the prepaid units last at the pace of the schedules (SCH-04)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from billing import ledger
from profiles.models import Profile
from scheduler.models import Schedule
from scheduler.planning import Recurrence, count_between, next_time
from sync.flows import registry
from sync.models import Run, RunState

PERIOD = timedelta(days=30)
COUNT_LIMIT = 30 * 288 + 1
RUNS_LOOKED_AT = 10
WITHOUT_END = timedelta(days=365)
"""Without an end date, units that last a year are enough: a yearly pack ends by then."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a schedule costs. ``per_run`` is ``None`` before the flow ever ran: then nothing can be said.

    ``per_month`` counts the units of all schedules of the tenant on the same counter, this one among them.
    ``exhausted_on`` is the day on which they are used up, when that comes before the end of the schedule.
    """

    available: int
    runs_per_month: int
    per_run: float | None
    per_month: float
    exhausted_on: date | None


def forecast(profile: Profile, flow: str, rule: Recurrence, now: datetime, *, but: int | None = None) -> Forecast:
    """Looks ahead from the average of the last runs; ``but`` is a stored schedule that the rule replaces."""
    zone = profile.tenant.zone
    kind = registry.by_key(flow).direction
    available = max(0, ledger.balance(tenant_id=profile.tenant_id, kind=kind.value).available)
    per_run = average_units(profile.pk, flow)
    begin = next_time(rule, now, zone) or now
    runs = _runs(rule, begin, zone)
    per_month = runs * (per_run or 0) + _others(profile, kind.value, now, but)
    exhausted = _exhausted_on(rule, begin.astimezone(zone), available, per_month) if per_run else None
    return Forecast(available, runs, per_run, per_month, exhausted)


def average_units(profile_id: int, flow: str) -> float | None:
    """Units a run of the flow costs, from its last ones; ``None`` without any.

    The dearest is left out once there are a few: it is the first transfer of the whole catalogue.
    """
    rows = Run.objects.filter(profile_id=profile_id, flow=flow, dry=False, scope_key="", state=RunState.FINISHED)
    units = sorted(rows.order_by("-pk").values_list("units", flat=True)[:RUNS_LOOKED_AT])
    if not units:
        return None
    counted = units[:-1] if len(units) > 3 else units
    return sum(counted) / len(counted)


def _runs(rule: Recurrence, begin: datetime, zone: tzinfo) -> int:
    """Triggers of the month that begins with one of them."""
    before = timedelta(seconds=1)
    return count_between(rule, begin - before, begin + PERIOD - before, zone, limit=COUNT_LIMIT)


def _others(profile: Profile, kind: str, now: datetime, but: int | None) -> float:
    rows = Schedule.objects.for_tenant(profile.tenant).filter(enabled=True)
    if but is not None:
        rows = rows.exclude(pk=but)
    return sum(_monthly(schedule, now) for schedule in _of_kind(rows.select_related("profile__tenant"), kind))


def _of_kind(schedules: Iterable[Schedule], kind: str) -> list[Schedule]:
    flows = registry.all_flows()
    return [one for one in schedules if one.flow in flows and flows[one.flow].direction.value == kind]


def _monthly(schedule: Schedule, now: datetime) -> float:
    zone = schedule.tenant_zone
    runs = _runs(schedule.recurrence, next_time(schedule.recurrence, now, zone) or now, zone)
    return runs * (average_units(schedule.profile_id, schedule.flow) or 0)


def _exhausted_on(rule: Recurrence, begin: datetime, available: int, per_month: float) -> date | None:
    if per_month <= 0:
        return None
    lasts = timedelta(days=min(36500.0, available / per_month * PERIOD.days))
    last_day = (begin + lasts).date()
    end = rule.until or (begin + WITHOUT_END).date()
    return last_day if last_day < end else None
