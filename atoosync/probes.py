"""Probes for the host: ``/healthz`` (alive), ``/readyz`` (able to work), ``/metrics`` (Prometheus)."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from atoosync import heartbeats

logger = logging.getLogger(__name__)

Finding = dict[str, Any]


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked, so that a sick database does not restart healthy processes."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database, migrations, broker and a worker are there, 503 otherwise; each check says what it found."""
    checks = {name: _guarded(name, check) for name, check in READINESS.items()}
    ready = all(finding["ok"] for finding in checks.values())
    answer = JsonResponse({"status": "ok" if ready else "unready", "checks": checks}, status=200 if ready else 503)
    # What failed is logged above; Django would add an error per call, and monitors call every few seconds.
    vars(answer)["_has_been_logged"] = True
    return answer


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Metrics as Prometheus reads them; 403 unless the caller is local or shows the token."""
    if not may_read_metrics(request):
        return HttpResponse("403: METRICS_TOKEN wanted\n", status=403, content_type="text/plain")
    from atoosync.metrics import CONTENT_TYPE, render

    return HttpResponse(render(), content_type=CONTENT_TYPE)


def may_read_metrics(request: HttpRequest) -> bool:
    """Whether the caller shows ``METRICS_TOKEN``, or sits on this machine without a proxy in between."""
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return True
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except (DatabaseError, redis.RedisError, OSError) as error:
        logger.warning("readiness: %s: %s", name, error)
        # The class says enough; the message of a driver may name hosts and users.
        return {"ok": False, "detail": type(error).__name__}


def _database() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return {"ok": True}


_migrated = False


def _migrations() -> Finding:
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        missing = [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
        if missing:
            return {"ok": False, "detail": f"{len(missing)} migrations are not applied"}
        # Migrations are never taken back under a running process, and reading their graph costs 50 ms.
        _migrated = True
    return {"ok": True}


def _broker() -> Finding:
    heartbeats.client().ping()
    return {"ok": True}


def _worker() -> Finding:
    ages = [age for name, age in heartbeats.ages().items() if name.startswith("worker:")]
    if not ages:
        return {"ok": False, "detail": "no worker has been heard of"}
    age = min(ages)
    return {"ok": age <= settings.WORKER_HEARTBEAT_MAX_AGE, "workers": len(ages), "age_seconds": round(age, 1)}


READINESS: dict[str, Callable[[], Finding]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "worker": _worker,
}
