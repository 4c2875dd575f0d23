"""What people do with scheduled tasks: save, pause, resume, delete, run now."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from profiles.models import User
from scheduler import watchdog
from scheduler.models import Schedule, TriggerOutcome
from scheduler.planning import next_time
from sync import services
from sync.models import Trigger
from sync.services import RunRequest

RULE_FIELDS = (
    "profile",
    "flow",
    "enabled",
    "starts_on",
    "starts_time",
    "until",
    "every",
    "interval",
    "weekdays",
    "months",
    "month_by",
    "month_days",
    "month_weeks",
    "repeat_minutes",
    "repeat_for",
    "zone",
    "planned_at",
    "next_at",
)


def plan(schedule: Schedule, after: datetime) -> None:
    """Sets the next trigger after an instant, and the zone it was computed in; does not save."""
    schedule.zone = schedule.profile.tenant.time_zone
    schedule.next_at = next_time(schedule.recurrence, after, schedule.tenant_zone) if schedule.enabled else None


def schedule_save(schedule: Schedule) -> Schedule:
    """Stores a new or changed task and plans it anew from now on. Raises ``ValueError`` for an impossible rule."""
    schedule.planned_at = timezone.now()
    plan(schedule, schedule.planned_at)
    # What a tick writes meanwhile (last run, outcome) is not overwritten by a person who changes the rule.
    schedule.save(update_fields=RULE_FIELDS if schedule.pk else None)
    return schedule


def schedule_pause(schedule: Schedule) -> None:
    """Ends the triggers until :func:`schedule_resume`; a run under way goes on. May be called twice."""
    Schedule.objects.filter(pk=schedule.pk).update(enabled=False, next_at=None)
    watchdog.forget_idle(schedule.profile_id)


def schedule_resume(schedule: Schedule) -> None:
    """Takes the triggers up again from now on; those of the pause are not made up for. May be called twice."""
    if schedule.enabled:
        return
    schedule.enabled = True
    schedule_save(schedule)


def schedule_delete(schedule: Schedule) -> None:
    """Deletes a task; its runs and their journals stay."""
    profile_id = schedule.profile_id
    schedule.delete()
    watchdog.forget_idle(profile_id)


def schedule_run(schedule: Schedule, *, by: User) -> RunRequest:
    """Starts the flow of a task now, or joins its live run. Raises :class:`sync.services.RunRefused`."""
    asked = services.run_request(profile=schedule.profile, flow=schedule.flow, trigger=Trigger.MANUAL, by=by)
    if asked.created:
        Schedule.objects.filter(pk=schedule.pk).update(
            last_run=asked.run, last_at=timezone.now(), outcome=TriggerOutcome.MANUAL, outcome_values={}
        )
    return asked
