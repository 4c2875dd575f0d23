"""Health, readiness and metrics, as the host's monitoring sees them."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from atoosync import heartbeats, probes
from billing.models import Account
from profiles.models import Profile, Tenant
from sync.models import Run

SILENT_BROKER = "redis://127.0.0.1:1/0"


def parsed(client: Client, **headers: Any) -> dict[str, dict[tuple[str, ...], float]]:
    """Samples of the metrics page by family, label values as keys."""
    answer = client.get("/metrics", **headers)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples} for family in families
    }


@pytest.mark.covers("OPS-02")
def test_healthz_asks_nothing(client: Client, settings: Any, django_assert_num_queries: Any) -> None:
    settings.BROKER_URL = SILENT_BROKER
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}
    assert client.post("/healthz").status_code == 405


@pytest.mark.django_db
@pytest.mark.covers("OPS-02")
def test_readyz_says_503_and_names_the_broker_that_is_away(
    client: Client, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.BROKER_URL = SILENT_BROKER
    answer = client.get("/readyz")
    assert "ERROR" not in {record.levelname for record in caplog.records}, "monitors call every few seconds"
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert checks["database"]["ok"] is True
    assert checks["migrations"]["ok"] is True
    assert checks["broker"] == {"ok": False, "detail": "ConnectionError"}
    assert checks["worker"]["ok"] is False


@pytest.mark.redis
@pytest.mark.django_db
@pytest.mark.covers("OPS-02")
def test_readyz_follows_the_heartbeat_of_workers(
    client: Client, settings: Any, redis_client: redis.Redis, redis_url: str
) -> None:
    settings.BROKER_URL = redis_url
    assert client.get("/readyz").json()["checks"]["worker"] == {"ok": False, "detail": "no worker has been heard of"}
    heartbeats.beat("beat:host")
    assert client.get("/readyz").status_code == 503, "beat is not a worker"
    heartbeats.beat("worker:main@host")
    assert client.get("/readyz").status_code == 200
    redis_client.hincrby(heartbeats.KEY, "worker:main@host", -settings.WORKER_HEARTBEAT_MAX_AGE - 5)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["worker"]["age_seconds"] > settings.WORKER_HEARTBEAT_MAX_AGE


@pytest.mark.redis
def test_processes_not_heard_of_for_a_day_are_forgotten(
    settings: Any, redis_client: redis.Redis, redis_url: str
) -> None:
    settings.BROKER_URL = redis_url
    heartbeats.beat("worker:old@host")
    redis_client.hincrby(heartbeats.KEY, "worker:old@host", -heartbeats.FORGET_AFTER - 10)
    heartbeats.beat("worker:new@host")
    assert set(heartbeats.ages()) == {"worker:new@host"}
    heartbeats.gone("worker:new@host")
    assert heartbeats.ages() == {}


@pytest.mark.django_db
def test_readyz_says_which_migrations_are_missing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_migrated", False)
    monkeypatch.setattr(probes.MigrationExecutor, "migration_plan", lambda self, leaves: [(object(), False)] * 2)
    finding = client.get("/readyz").json()["checks"]["migrations"]
    assert finding == {"ok": False, "detail": "2 migrations are not applied"}


@pytest.fixture
def merchant() -> Profile:
    tenant = Tenant.objects.create(name="Métrique")
    Account.objects.create(tenant=tenant, kind="export", bought=100, used=30, reserved=5)
    return Profile.objects.create(tenant=tenant, name="P", erp="sage100", shop="woocommerce")


def _run(profile: Profile, **values: Any) -> Run:
    return Run.objects.create(tenant=profile.tenant, profile=profile, flow="products", lock="products", **values)


@pytest.mark.redis
@pytest.mark.django_db
@pytest.mark.covers("OPS-02")
def test_metrics_tell_queues_runs_items_and_units(
    client: Client, settings: Any, redis_client: redis.Redis, redis_url: str, merchant: Profile
) -> None:
    from django.utils import timezone

    settings.BROKER_URL = redis_url
    redis_client.rpush("bulk", "a", "b", "c")
    redis_client.hset("unacked", "t", "m")
    heartbeats.beat("worker:main@host")
    now = timezone.now()
    _run(merchant, state="running", slice_state="working", heartbeat_at=now)
    _run(merchant, state="finished", result="partial", slice_state="idle", ended_at=now, created=4, refused=2)
    _run(merchant, state="finished", result="success", slice_state="idle", ended_at=now, created=1, unchanged=9)
    found = parsed(client)
    assert found["atoosync_queue_messages"][("bulk",)] == 3
    assert found["atoosync_queue_messages"][("orders",)] == 0
    assert found["atoosync_unacked_messages"][()] == 1
    assert found["atoosync_heartbeat_age_seconds"][("worker:main@host",)] < 5
    assert found["atoosync_runs"] == {("products", "running"): 1}
    assert found["atoosync_runs_ended_last_day"] == {("products", "partial"): 1, ("products", "success"): 1}
    items = found["atoosync_items_last_day"]
    assert items["products", "created"] == 5
    assert items["products", "refused"] == 2
    assert items["products", "unchanged"] == 9
    assert found["atoosync_units_used"][("export",)] == 30
    assert found["atoosync_units_available"][("export",)] == 65
    assert found["atoosync_profiles"] == {("active",): 1}
    assert set(found["atoosync_source_up"].values()) == {1.0}
    assert found["process_resident_memory_bytes"][()] > 1e6


@pytest.mark.django_db
def test_metrics_survive_a_broker_that_is_away(client: Client, settings: Any, merchant: Profile) -> None:
    settings.BROKER_URL = SILENT_BROKER
    found = parsed(client)
    assert found["atoosync_source_up"][("broker",)] == 0
    assert found["atoosync_source_up"][("runs",)] == 1
    assert "atoosync_queue_messages" not in found


@pytest.mark.django_db
@pytest.mark.covers("OPS-02")
def test_metrics_are_for_this_machine_or_for_the_token(client: Client, settings: Any) -> None:
    settings.BROKER_URL = SILENT_BROKER
    settings.METRICS_TOKEN = "scrape-me-please"
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="::1").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="10.1.2.3").status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="").status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="10.1.2.3", headers={"Authorization": "Bearer wrong"}).status_code == 403
    shown = {"Authorization": "Bearer scrape-me-please"}
    assert client.get("/metrics", REMOTE_ADDR="10.1.2.3", headers=shown).status_code == 200


@pytest.mark.django_db
def test_an_empty_token_opens_nothing(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", REMOTE_ADDR="10.1.2.3", headers={"Authorization": "Bearer "}).status_code == 403
