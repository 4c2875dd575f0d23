"""Hands pending slices to the broker, fairly between tenants. The rows are the truth; messages only wake workers."""

from __future__ import annotations

import logging

from celery import current_app
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from sync.engine import lease
from sync.models import Run, Trigger

logger = logging.getLogger(__name__)

RUN_SLICE = "sync.tasks.run_slice"


def slots() -> tuple[int, int]:
    """Slices under way at once over all workers, and per tenant: one slot is always left to the other tenants."""
    total: int = settings.ATOOSYNC_SLICES
    return total, max(1, total - 1)


def wake() -> int:
    """Publishes slices that may start now; returns how many. Safe to call from anywhere, often, and twice at once.

    A broker that is away loses nothing: the slices go out at the next call.
    """
    now = timezone.now()
    total, per_tenant = slots()
    published = 0
    for run_id in lease.ready_runs(now, limit=total, per_tenant=per_tenant):
        if lease.mark_sent(run_id, now):
            published += _publish(run_id)
    return published


def _publish(run_id: int) -> int:
    trigger = Run.objects.values_list("trigger", flat=True).get(pk=run_id)
    queue = "bulk" if trigger == Trigger.SCHEDULE else "interactive"
    try:
        current_app.send_task(RUN_SLICE, kwargs={"run_id": run_id}, queue=queue)
    except OperationalError as error:
        logger.warning("the broker does not answer (%s); the slice waits in the database", error)
        return 0
    return 1


def others_waiting(tenant_id: int) -> bool:
    """Whether a slice of another tenant waits for a worker now."""
    return (
        Run.objects.filter(due_at__lte=timezone.now(), slice_state__in=["pending", "sent"])
        .exclude(state="finished")
        .exclude(tenant_id=tenant_id)
        .exists()
    )
