"""Queues, trace ids, heartbeats of real workers, and the lease of beat."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import current_app
from django_celery_beat.models import PeriodicTask

from atoosync import heartbeats
from atoosync.beat import LEASE_KEY, LEASE_SECONDS, STANDBY_SECONDS, Lease, LeasedScheduler
from atoosync.celery import TRACE_HEADER, app, forget_trace, receive_trace, send_trace
from atoosync.demo_stack import LANES, worker_command
from atoosync.supervisor import Program, Supervisor
from connectors.core.logcontext import bind, current
from scheduler.beat import BEAT_SCHEDULE


def test_the_application_is_the_current_one() -> None:
    assert current_app._get_current_object() is app


def test_every_queue_has_a_lane_and_every_lane_known_queues(settings: Any) -> None:
    queues = {queue.name for queue in settings.CELERY_TASK_QUEUES}
    assert queues == {"interactive", "orders", "bulk", "housekeeping"}
    assert {name for names, _ in LANES.values() for name in names.split(",")} == queues


def test_limits_keep_below_the_redelivery_time(settings: Any) -> None:
    visibility = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert settings.CELERY_TASK_SOFT_TIME_LIMIT < settings.CELERY_TASK_TIME_LIMIT < visibility
    assert settings.CELERY_TASK_ACKS_LATE is True
    assert settings.CELERY_WORKER_PREFETCH_MULTIPLIER == 1


def test_tasks_of_the_beat_table_exist_and_go_to_known_queues(settings: Any) -> None:
    app.loader.import_default_modules()
    queues = {queue.name for queue in settings.CELERY_TASK_QUEUES}
    assert BEAT_SCHEDULE
    for name, entry in BEAT_SCHEDULE.items():
        assert entry["task"] in app.tasks, name
        assert entry.get("options", {}).get("queue", "housekeeping") in queues, name


@pytest.mark.covers("OPS-02")
def test_the_trace_id_travels_with_the_message() -> None:
    headers: dict[str, Any] = {}
    with bind(trace="request-77"):
        send_trace(headers=headers)
    assert headers == {TRACE_HEADER: "request-77"}

    class Task:
        name = "sync.tasks.run_slice"
        request = type("Request", (), headers)

    receive_trace(task_id="t-1", task=Task())
    assert dict(current()) == {"trace": "request-77", "task": "sync.tasks.run_slice"}
    forget_trace()
    assert dict(current()) == {}
    receive_trace(task_id="t-2", task=type("Task", (), {"name": "x", "request": None})())
    assert current()["trace"] == "t-2"
    forget_trace()


@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.covers("OPS-01", "OPS-02")
def test_a_real_worker_is_heard_of_and_forgets_itself(
    settings: Any, redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    settings.BROKER_URL = redis_url
    environment = {
        "DJANGO_SETTINGS_MODULE": "atoosync.settings",
        "ATOOSYNC_DATA": str(tmp_path / "data"),
        "BROKER_URL": redis_url,
    }
    name = "worker:fast@"
    worker = Program(name="worker", command=worker_command("fast", "housekeeping", 1), environment=environment)
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start(worker)
        supervisor.wait("worker", lambda: any(known.startswith(name) for known in heartbeats.ages()), timeout=60)
        written = supervisor.output("worker")
    assert heartbeats.ages() == {}, f"an orderly end is told at once: {written}"


@pytest.mark.redis
def test_one_lease_one_holder(settings: Any, redis_client: redis.Redis, redis_url: str) -> None:
    settings.BROKER_URL = redis_url
    first, second = Lease("first"), Lease("second")
    assert first.hold()
    assert first.hold(), "the holder renews"
    assert not second.hold()
    second.release()
    assert not second.hold(), "nobody gives back what it does not hold"
    assert 0 < redis_client.ttl(LEASE_KEY) <= LEASE_SECONDS
    redis_client.delete(LEASE_KEY)
    assert second.hold(), "after the holder's death the stand-by takes over"
    second.release()
    assert first.hold()


@pytest.fixture
def schedulers(
    settings: Any, redis_client: redis.Redis, redis_url: str, transactional_db: None
) -> list[LeasedScheduler]:
    settings.BROKER_URL = redis_url
    return [LeasedScheduler(app=app, lazy=False) for _ in range(2)]


@pytest.mark.redis
@pytest.mark.covers("SCH-03")
def test_two_beats_send_once(schedulers: list[LeasedScheduler], monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(
        LeasedScheduler, "apply_async", lambda self, entry, **options: sent.append(f"{id(self)} {entry.task}")
    )
    first, second = schedulers
    assert PeriodicTask.objects.filter(name="reap-and-dispatch").exists(), "the static table is in the database"
    PeriodicTask.objects.update(last_run_at=None)
    end = time.monotonic() + 8
    while time.monotonic() < end and len(sent) < 2:
        first.tick()
        assert second.tick() == STANDBY_SECONDS
        time.sleep(0.2)
    assert sent, "the holder sends"
    assert {line.split()[0] for line in sent} == {str(id(first))}
    first.close()
    sent.clear()
    end = time.monotonic() + 8
    while time.monotonic() < end and not sent:
        second.tick()
        time.sleep(0.2)
    assert {line.split()[0] for line in sent} == {str(id(second))}, "the stand-by goes on at once"
    second.close()


@pytest.mark.redis
def test_p32_a_beat_without_broker_waits_and_does_not_die(
    schedulers: list[LeasedScheduler], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BROKER_URL = "redis://127.0.0.1:1/0"
    assert schedulers[0].tick() == STANDBY_SECONDS
    schedulers[0].close()
    assert sys.exc_info() == (None, None, None)
