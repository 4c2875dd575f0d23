"""The real chain: django-celery-beat sends the tick, a worker of the housekeeping lane starts the due task."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import redis

from atoosync.demo_stack import CELERY, MANAGE, worker_command
from atoosync.supervisor import Program, Supervisor

SEED = """
from profiles.models import MatchState, Profile, Tenant
from scheduler.models import Schedule
from datetime import timedelta
from django.utils import timezone
tenant = Tenant.objects.create(name="Maison")
profile = Profile.objects.create(tenant=tenant, name="P", erp="sage100", shop="woocommerce")
at = timezone.now() - timedelta(minutes=1)
Schedule.objects.create(profile=profile, flow="products", starts_on=at.date(), starts_time=at.time(),
                        next_at=at, zone=tenant.time_zone)
"""


@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.covers("SCH-01")
def test_beat_and_worker_take_a_due_task(redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    environment = {
        "DJANGO_SETTINGS_MODULE": "atoosync.settings",
        "ATOOSYNC_DATA": str(tmp_path / "data"),
        "DATABASE_URL": "",
        "BROKER_URL": redis_url,
    }
    database = tmp_path / "data" / "atoosync.sqlite3"
    with Supervisor(tmp_path / "logs") as supervisor:
        migrate = Program(name="migrate", command=(*MANAGE, "migrate", "--noinput"), environment=environment)
        supervisor.run(migrate, timeout=120)
        seed = Program(name="seed", command=(*MANAGE, "shell", "--command", SEED), environment=environment)
        supervisor.run(seed, timeout=60)
        supervisor.start(
            Program(name="worker", command=worker_command("fast", "housekeeping", 1), environment=environment)
        )
        supervisor.start(Program(name="beat", command=(*CELERY, "beat", "--pidfile="), environment=environment))
        supervisor.wait("the tick", lambda: _outcome(database) != "", timeout=90)
    # Nothing is configured in that profile: the trigger is taken, refused, and says why.
    assert _outcome(database) == "refused"


def _outcome(database: Path) -> str:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5) as connection:
        return str(connection.execute("SELECT outcome FROM scheduler_schedule").fetchone()[0])
