"""Celery tasks: ids in, nothing else. Each may be delivered twice or not at all; the rows decide."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Sequence
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from django.utils import timezone

from connectors.core.problems import ConnectorError
from profiles.models import Profile
from profiles.options_store import OptionsRefused
from sync import dispatch, notifications
from sync.engine import lease
from sync.engine.runner import Budget, StopFlag, execute_slice
from sync.models import Certificate, CertificateState, Run
from sync.orders import certificate, desk
from sync.services import RunRefused

logger = logging.getLogger(__name__)

ORDERS_RESET_AT_ONCE = 200
"""Most orders that are reset while a person waits for the page."""

_running: set[StopFlag] = set()
_lock = threading.Lock()


@shared_task(name=dispatch.RUN_SLICE)
def run_slice(*, run_id: int, **_unknown: Any) -> str:
    """Executes one slice of a run, if it is still to be executed, and hands over the next ones."""
    held = lease.claim(run_id, owner=f"{socket.gethostname()}:{os.getpid()}")
    if held is None:
        return "nothing to claim"
    tenant_id = Run.objects.values_list("tenant_id", flat=True).get(pk=run_id)
    budget = Budget(others_waiting=lambda: dispatch.others_waiting(tenant_id))
    flag = StopFlag(held)
    with _lock:
        _running.add(flag)
    try:
        with lease.Heartbeat(held, on_stop=flag.set):
            result = execute_slice(held, budget=budget, stop=flag)
    finally:
        with _lock:
            _running.discard(flag)
    dispatch.wake()
    return result.value


@shared_task(name="sync.tasks.reap_and_dispatch")
def reap_and_dispatch(**_unknown: Any) -> int:
    """Takes slices away from dead workers and publishes what is pending; called every few seconds by beat."""
    lease.reap()
    return dispatch.wake()


@shared_task(name="sync.tasks.handle_events")
def handle_events(**_unknown: Any) -> int:
    """Asks for runs that read the orders shops told us of; called every few seconds by beat."""
    return notifications.handle_events()


@shared_task(name="sync.tasks.hooks_check")
def hooks_check(saved_seconds: int | None = None, **_unknown: Any) -> int:
    """Looks after the registrations in the shops; with ``saved_seconds`` only where settings were saved just now."""
    return notifications.hooks_check(saved_seconds=saved_seconds)


@shared_task(name="sync.tasks.orders_reset")
def orders_reset(*, profile_id: int, keys: list[str], **_unknown: Any) -> int:
    """Resets transferred orders of a profile; returns how many. Twice does no harm."""
    profile = Profile.objects.filter(pk=profile_id).first()
    if profile is None:
        return 0
    try:
        found = desk.orders_reset(profile, keys)
    except (ConnectorError, OptionsRefused, RunRefused) as error:
        logger.warning("orders of profile %s were not reset: %s", profile_id, error)
        return 0
    return len(found.done)


@shared_task(name="sync.tasks.night_certificates")
def night_certificates(**_unknown: Any) -> int:
    """Begins the certificates of the night where it is night; returns how many. Asked often, each is made once."""
    begun = certificate.night_begin(timezone.now())
    for pk in begun:
        certificate_later(pk, queue="bulk")
    return len(begun)


@shared_task(name="sync.tasks.certificate_fill")
def certificate_fill(*, certificate_id: int, **_unknown: Any) -> str:
    """Makes a certificate that was begun; one that is made already is left alone."""
    rows = Certificate.objects.select_related("profile__tenant")
    begun = rows.filter(pk=certificate_id, state=CertificateState.RUNNING).first()
    return str(certificate.certificate_fill(begun).state) if begun else "nothing to make"


def certificate_later(certificate_id: int, *, queue: str = "interactive") -> None:
    """Makes a certificate in the background."""
    certificate_fill.apply_async(kwargs={"certificate_id": certificate_id}, queue=queue)


def orders_reset_later(profile_id: int, keys: Sequence[str]) -> None:
    """Resets many orders in the background."""
    orders_reset.apply_async(kwargs={"profile_id": profile_id, "keys": list(keys)}, queue="interactive")


@worker_shutting_down.connect
def _end_slices(**_kwargs: Any) -> None:
    """A worker that is asked to end gives its slices back after the requests under way."""
    with _lock:
        for flag in _running:
            flag.set()
