"""Celery tasks of housekeeping, sent by beat; each may be delivered twice or not at all, the rows decide."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import shared_task
from django.utils import timezone

from billing import ledger
from scheduler import notifications, purge, trigger, watchdog

FORGOTTEN_AFTER = timedelta(hours=2)
"""Well beyond the time limit of a slice: nobody can still settle such a reservation."""


@shared_task(name="scheduler.tasks.tick")
def tick(**_unknown: Any) -> int:
    """Starts the scheduled tasks that are due."""
    return trigger.tick()


@shared_task(name="scheduler.tasks.watch")
def watch(**_unknown: Any) -> int:
    """Looks for flows that are late; see :mod:`scheduler.watchdog`."""
    return watchdog.look()


@shared_task(name="scheduler.tasks.notify")
def notify(**_unknown: Any) -> int:
    """Decides about finished runs, gathers digests and sends what is pending; returns how many mails left."""
    notifications.decide()
    notifications.gather()
    return notifications.deliver()


@shared_task(name="scheduler.tasks.release_forgotten")
def release_forgotten(**_unknown: Any) -> int:
    """Gives units back that were reserved by workers nobody fenced; returns how many."""
    return ledger.release_forgotten(before=timezone.now() - FORGOTTEN_AFTER)


@shared_task(name="scheduler.tasks.purge_old")
def purge_old(**_unknown: Any) -> int:
    """Deletes journal lines, previews and notices beyond their retention; returns how many rows."""
    return sum(purge.purge().values())
