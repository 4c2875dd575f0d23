"""What happens when a scheduled task is due."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from profiles.models import Profile, ProfileState
from scheduler import services, tasks, trigger
from scheduler.models import Schedule, TriggerOutcome
from sync.models import Run, RunState, Trigger
from sync.services import run_request
from tests.factories import make_profile, make_schedule, make_tenant
from tests.scheduler.conftest import Bench

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("fake_connectors")


def due(profile: Profile, at: datetime = NOON, **fields: Any) -> Schedule:
    """An hourly task whose next trigger is ``at``."""
    values = {"starts_on": date(2026, 3, 1), "starts_time": time(0, 0), "repeat_minutes": 60, "repeat_for": 1440}
    schedule = make_schedule(profile=profile, **{**values, **fields})
    services.plan(schedule, at - timedelta(seconds=1))
    schedule.save()
    assert schedule.next_at == at
    return schedule


@pytest.mark.covers("SCH-01", "SCH-02")
def test_a_due_task_starts_a_run_and_plans_the_next_one(bench: Bench) -> None:
    schedule = due(bench.profile)
    assert trigger.tick(NOON - timedelta(seconds=1)) == 0
    assert trigger.tick(NOON + timedelta(seconds=20)) == 1
    schedule.refresh_from_db()
    run = Run.objects.get()
    assert (run.trigger, run.flow, run.state) == (Trigger.SCHEDULE, "products", RunState.QUEUED)
    assert (schedule.last_run, schedule.next_at) == (run, NOON + timedelta(hours=1))
    assert schedule.outcome == TriggerOutcome.STARTED
    assert trigger.tick(NOON + timedelta(seconds=40)) == 0, "a trigger is taken once"


@pytest.mark.covers("SCH-03")
@pytest.mark.parametrize("scope", [None, ["REF-1"]])
def test_a_task_does_not_overlap_a_manual_run_and_says_so(bench: Bench, scope: list[str] | None) -> None:
    schedule = due(bench.profile)
    run_request(profile=bench.profile, flow="products", keys=scope)
    assert trigger.tick(NOON) == 0
    assert Run.objects.count() == 1
    schedule.refresh_from_db()
    assert (schedule.outcome, schedule.skipped) == (TriggerOutcome.OVERLAP, 1)
    assert "déjà en cours" in schedule.message
    assert schedule.next_at == NOON + timedelta(hours=1)


@pytest.mark.covers("SCH-03")
def test_a_task_does_not_overlap_itself_but_a_preview_is_no_obstacle(bench: Bench) -> None:
    schedule = due(bench.profile)
    run_request(profile=bench.profile, flow="products", dry=True)
    assert trigger.tick(NOON) == 1
    assert trigger.tick(NOON + timedelta(hours=1)) == 0
    schedule.refresh_from_db()
    assert schedule.skipped == 1
    bench.finish(Run.objects.get(dry=False))
    assert trigger.tick(NOON + timedelta(hours=2)) == 1


@pytest.mark.covers("SCH-05")
def test_missed_triggers_are_caught_up_by_one_run(bench: Bench) -> None:
    schedule = due(bench.profile)
    back = NOON + timedelta(hours=9, minutes=30)
    assert trigger.tick(back) == 1
    assert trigger.tick(back + timedelta(seconds=20)) == 0
    assert Run.objects.count() == 1
    schedule.refresh_from_db()
    assert (schedule.outcome, schedule.outcome_values) == (TriggerOutcome.CAUGHT_UP, {"missed": 10})
    assert "10" in schedule.message
    assert schedule.next_at == NOON + timedelta(hours=10)


@pytest.mark.covers("SCH-03")
def test_a_refused_trigger_says_why(bench: Bench) -> None:
    schedule = due(bench.profile)
    Profile.objects.filter(pk=bench.profile.pk).update(state=ProfileState.PAUSED)
    assert trigger.tick(NOON) == 0
    schedule.refresh_from_db()
    assert (schedule.outcome, schedule.skipped) == (TriggerOutcome.REFUSED, 1)
    assert "en pause" in schedule.message


def test_a_task_of_a_vanished_flow_does_not_stop_the_others(bench: Bench) -> None:
    gone, other = due(bench.profile, flow="no_such_flow"), due(bench.profile, flow="stock")
    assert trigger.tick(NOON) == 1
    gone.refresh_from_db()
    other.refresh_from_db()
    assert gone.outcome == TriggerOutcome.REFUSED
    assert "n’est plus installé" in gone.message
    assert other.last_run is not None


def test_p12_a_broken_task_does_not_stop_the_others(bench: Bench) -> None:
    broken, other = due(bench.profile), due(bench.profile, flow="stock")
    Schedule.objects.filter(pk=broken.pk).update(every="never")
    assert trigger.tick(NOON) == 1
    broken.refresh_from_db()
    assert broken.outcome == TriggerOutcome.BROKEN
    assert broken.next_at == NOON + timedelta(hours=1)
    other.refresh_from_db()
    assert other.last_run is not None


@pytest.mark.covers("SCH-03")
def test_two_looks_at_once_take_a_trigger_once(bench: Bench) -> None:
    """The second look read the row before the first took it."""
    schedule = due(bench.profile)
    stale = Schedule.objects.select_related("profile__tenant").get(pk=schedule.pk)
    assert trigger.tick(NOON) == 1
    bench.finish(Run.objects.get())
    assert trigger._take(stale, NOON) is False
    assert Run.objects.count() == 1


@pytest.mark.covers("SCH-02")
def test_a_paused_task_waits_and_makes_up_for_nothing(bench: Bench) -> None:
    schedule = due(bench.profile)
    services.schedule_pause(schedule)
    assert trigger.tick(NOON + timedelta(days=1)) == 0
    schedule.refresh_from_db()
    services.schedule_resume(schedule)
    schedule.refresh_from_db()
    assert schedule.enabled
    assert schedule.next_at is not None
    assert schedule.next_at > schedule.planned_at


def test_an_ended_task_has_no_next_trigger(bench: Bench) -> None:
    schedule = due(bench.profile, datetime(2026, 3, 2, 22, 0, tzinfo=UTC), until=date(2026, 3, 2))
    assert trigger.tick(datetime(2026, 3, 2, 22, 0, 5, tzinfo=UTC)) == 1
    schedule.refresh_from_db()
    assert schedule.next_at is None


@pytest.mark.covers("SCH-02")
def test_p06_a_tenant_that_moves_keeps_its_times_of_the_day(bench: Bench) -> None:
    schedule = due(
        bench.profile, datetime(2026, 3, 3, 7, 0, tzinfo=UTC), starts_time=time(8), repeat_minutes=None, repeat_for=None
    )
    bench.tenant.time_zone = "Pacific/Honolulu"
    bench.tenant.save()
    trigger.tick(datetime(2026, 3, 3, 6, 59, tzinfo=UTC))
    schedule.refresh_from_db()
    assert schedule.next_at == datetime(2026, 3, 3, 18, 0, tzinfo=UTC), "8 o'clock in Hawaii"
    assert not Run.objects.exists()


def test_many_tasks_of_one_tenant_do_not_hold_up_the_others(bench: Bench) -> None:
    for number in range(30):
        due(make_profile(tenant=bench.tenant, name=f"P{number}"), NOON - timedelta(hours=1))
    other = due(make_profile(tenant=make_tenant()), NOON)
    order = [
        one.profile.tenant_id for one in trigger._fair(Schedule.objects.order_by("next_at").select_related("profile"))
    ]
    assert order[1] == other.profile.tenant_id
    assert Counter(order)[bench.tenant.pk] == 30


def test_the_task_of_beat_ticks(bench: Bench) -> None:
    due(bench.profile)
    assert tasks.tick() == 1, "noon of that day has passed"
