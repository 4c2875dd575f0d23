"""Flows that stand still are noticed: one alert, and one «back to normal» (pitfall P10)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from connectors.core.problems import Problem
from profiles import options_store
from profiles.models import Profile, Role
from profiles.services import problem_clear, problem_set
from scheduler import notifications, services, trigger, watchdog
from scheduler.models import FlowWatch, Schedule
from scheduler.tasks import notify, watch
from sync.models import Run, RunState
from tests.factories import make_schedule, make_user
from tests.scheduler.conftest import Bench
from tests.scheduler.smtp_server import MailServer

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
pytestmark = [pytest.mark.usefixtures("fake_connectors"), pytest.mark.covers("SCH-02", "NOT-02")]


class World:
    """The platform minute by minute, with parts that can be broken."""

    def __init__(self, bench: Bench, server: MailServer) -> None:
        self.bench, self.server = bench, server
        self.beat = self.worker = True
        self.execute: Callable[[Run], None] = lambda run: self._end(run, "success")

    def live(self, minutes: int, clock: Any) -> list[str]:
        """Lets time pass; the subjects of the mails that arrived meanwhile."""
        before = len(self.server.mails)
        for _ in range(minutes):
            clock.shift(MINUTE)
            self._one_minute()
        return [str(mail.message["Subject"]).rpartition(": ")[2] for mail in self.server.mails[before:]]

    def _one_minute(self) -> None:
        if self.beat:
            trigger.tick()
        if self.worker:
            for run in Run.objects.exclude(state=RunState.FINISHED):
                self.execute(run)
        # The process of the watchdog lives on its own.
        notify()
        watch()

    def _end(self, run: Run, result: str) -> None:
        now = timezone.now()
        Run.objects.filter(pk=run.pk).update(
            state="finished", result=result, started_at=now, ended_at=now, activity_at=now,
            message_code="key_refused" if result == "failed" else "", message="Clé refusée.",
        )  # fmt: skip
        if result == "success":
            problem_clear(run.profile)

    def fail(self, run: Run) -> None:
        """The shop refuses the key."""
        self._end(run, "failed")


@pytest.fixture
def world(bench: Bench, mail_server: MailServer) -> World:
    make_user(email="patronne@example.test", tenant=bench.tenant, role=Role.OWNER)
    make_user(email="lecteur@example.test", tenant=bench.tenant, role=Role.READER)
    return World(bench, mail_server)


def every_five_minutes(profile: Profile) -> Schedule:
    """A task that runs day and night."""
    schedule = make_schedule(
        profile=profile, starts_on=date(2026, 3, 1), starts_time=time(0), repeat_minutes=5, repeat_for=1440
    )
    return services.schedule_save(schedule)


def stop_beat(world: World) -> None:
    world.beat = False


def stop_worker(world: World) -> None:
    world.worker = False


def refuse_key(world: World) -> None:
    world.execute = world.fail


def mend(world: World) -> None:
    world.beat = world.worker = True
    world.execute = lambda run: world._end(run, "success")


@pytest.mark.parametrize("break_it", [stop_beat, stop_worker, refuse_key])
def test_p10_one_alert_within_fifteen_minutes_and_one_back_to_normal(
    world: World, break_it: Callable[[World], None]
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        every_five_minutes(world.bench.profile)
        assert world.live(12, clock) == []
        break_it(world)
        assert world.live(15, clock) == ["en retard"]
        assert world.live(20, clock) == [], "one alert, however long it lasts"
        profile = Profile.objects.get(pk=world.bench.profile.pk)
        assert profile.problem_code == watchdog.LATE_CODE, "the dashboard shows it"
        mend(world)
        assert world.live(12, clock) == ["retour à la normale"]
        assert world.live(10, clock) == []
    profile.refresh_from_db()
    assert profile.problem_code == ""
    assert {tuple(mail.recipients) for mail in world.server.mails} == {("patronne@example.test",)}, "owners, by default"


def test_p33_a_failure_that_was_told_is_not_told_again_as_lateness(world: World) -> None:
    options_store.save(world.bench.profile, {"notifications": {"recipients": "chef@example.test"}}, author=None)
    with time_machine.travel(NOON, tick=False) as clock:
        every_five_minutes(world.bench.profile)
        assert world.live(10, clock) == []
        refuse_key(world)
        assert world.live(25, clock) == ["échouée"]
        assert FlowWatch.objects.get().late_since is not None
        mend(world)
        assert world.live(20, clock) == ["retour à la normale"]
    assert {tuple(mail.recipients) for mail in world.server.mails} == {("chef@example.test",)}


def test_a_long_run_that_advances_is_not_late_and_one_that_stalls_is(world: World) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        every_five_minutes(world.bench.profile)
        advancing = True

        def work(run: Run) -> None:
            changes: dict[str, Any] = {"state": "running"}
            if advancing:
                changes["activity_at"] = timezone.now()
            Run.objects.filter(pk=run.pk).update(**changes)

        world.execute = work
        assert world.live(40, clock) == []
        assert Schedule.objects.get().skipped > 5, "the triggers meanwhile were passed over"
        advancing = False
        assert world.live(15, clock) == ["en retard"]


def test_a_refused_trigger_is_named_in_the_alert(world: World) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        every_five_minutes(world.bench.profile)
        world.live(10, clock)
        options_store.save(world.bench.profile, {"notifications": {"on_late": True}}, author=None)
        Schedule.objects.update(outcome="refused", outcome_values={"reason": "Il manque des réglages."})
        stop_beat(world)
        assert world.live(15, clock) == ["en retard"]
    assert "Il manque des réglages." in world.server.mails[-1].text


@pytest.mark.parametrize("end", [services.schedule_pause, services.schedule_delete])
def test_a_task_that_nobody_expects_any_more_is_not_late(world: World, end: Callable[[Schedule], None]) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        schedule = every_five_minutes(world.bench.profile)
        stop_beat(world)
        assert world.live(15, clock) == ["en retard"]
        end(schedule)
        assert FlowWatch.objects.get().late_since is None
        assert Profile.objects.get(pk=world.bench.profile.pk).problem_code == ""
        assert world.live(20, clock) == []


def test_a_paused_profile_is_not_late(world: World) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        every_five_minutes(world.bench.profile)
        Profile.objects.update(state="paused")
        assert world.live(20, clock) == []


def test_nobody_is_written_to_when_the_box_is_off_but_the_dashboard_tells(world: World) -> None:
    options_store.save(world.bench.profile, {"notifications": {"on_late": False}}, author=None)
    with time_machine.travel(NOON, tick=False) as clock:
        every_five_minutes(world.bench.profile)
        stop_beat(world)
        assert world.live(30, clock) == []
        assert Profile.objects.get(pk=world.bench.profile.pk).problem_code == watchdog.LATE_CODE
        mend(world)
        assert world.live(30, clock) == []


def test_the_flag_keeps_a_more_precise_cause_and_comes_back_while_late(world: World) -> None:
    profile = world.bench.profile
    with time_machine.travel(NOON, tick=False) as clock:
        every_five_minutes(profile)
        problem_set(profile, Problem("key_refused", "La clé est refusée."))
        stop_beat(world)
        world.live(20, clock)
        assert Profile.objects.get(pk=profile.pk).problem_code == "key_refused"
        problem_clear(profile)
        world.live(2, clock)
        assert Profile.objects.get(pk=profile.pk).problem_code == watchdog.LATE_CODE


def test_two_watchdogs_raise_one_alarm(world: World) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        every_five_minutes(world.bench.profile)
        clock.shift(timedelta(minutes=20))
        (expected,) = watchdog.expectations(timezone.now()).values()
        assert watchdog._raise(expected) is True
        assert watchdog._raise(expected) is False
        assert notifications.deliver() == 1


def test_p10_the_watchdog_needs_neither_beat_nor_broker(world: World, settings: Any) -> None:
    settings.CELERY_TASK_ALWAYS_EAGER = False
    settings.BROKER_URL = settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    with time_machine.travel(NOON, tick=False) as clock:
        every_five_minutes(world.bench.profile)
        clock.shift(timedelta(minutes=20))
        call_command("watchdog", once=True)
        call_command("watchdog", once=True)
    assert len(world.server.mails) == 1


def test_daily_tasks_are_expected_at_their_hour_only(world: World) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        services.schedule_save(make_schedule(profile=world.bench.profile, starts_time=time(8)))
        stop_beat(world)
        assert world.live(20, clock) == []
        clock.move_to(datetime(2026, 3, 3, 6, 55, tzinfo=UTC))
        assert world.live(20, clock) == ["en retard"]
