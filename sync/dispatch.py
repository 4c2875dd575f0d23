"""Hands pending slices to the broker, fairly between tenants. The rows are the truth; messages only wake workers."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from celery import current_app
from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from sync.engine import lease
from sync.flows import registry
from sync.models import Run, Trigger

logger = logging.getLogger(__name__)

RUN_SLICE = "sync.tasks.run_slice"


@dataclass(frozen=True, slots=True)
class Lane:
    """Runs that share slots: ``total`` slices at once over all workers, ``per_tenant`` of them for one tenant.

    One slot is always left to the other tenants, where there is more than one.
    """

    runs: Q
    total: int

    @property
    def per_tenant(self) -> int:
        """Slices of one tenant at once."""
        return max(1, self.total - 1)


def lanes() -> tuple[Lane, ...]:
    """Urgent runs first: orders have slots of their own, so that no bulk work makes them wait (pitfall P36)."""
    urgent = Q(flow__in=_urgent(), dry=False)
    return Lane(urgent, settings.ATOOSYNC_ORDER_SLICES), Lane(~urgent, settings.ATOOSYNC_SLICES)


def wake() -> int:
    """Publishes slices that may start now; returns how many. Safe to call from anywhere, often, and twice at once.

    A broker that is away loses nothing: the slices go out at the next call.
    """
    now = timezone.now()
    published = 0
    for lane in lanes():
        for run_id in lease.ready_runs(now, lane.runs, limit=lane.total, per_tenant=lane.per_tenant):
            if lease.mark_sent(run_id, now):
                published += _publish(run_id)
    return published


def _urgent() -> list[str]:
    return [flow.key for flow in registry.all_flows().values() if flow.urgent]


def _publish(run_id: int) -> int:
    try:
        current_app.send_task(RUN_SLICE, kwargs={"run_id": run_id}, queue=_queue(run_id))
    except OperationalError as error:
        logger.warning("the broker does not answer (%s); the slice waits in the database", error)
        return 0
    return 1


def _queue(run_id: int) -> str:
    run = Run.objects.only("flow", "dry", "trigger").get(pk=run_id)
    if run.flow in _urgent() and not run.dry:
        return "orders"
    return "bulk" if run.trigger == Trigger.SCHEDULE else "interactive"


def others_waiting(tenant_id: int) -> bool:
    """Whether a slice of another tenant waits for a worker now."""
    return (
        Run.objects.filter(due_at__lte=timezone.now(), slice_state__in=["pending", "sent"])
        .exclude(state="finished")
        .exclude(tenant_id=tenant_id)
        .exists()
    )
