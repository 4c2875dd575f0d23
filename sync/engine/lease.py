"""Who executes the slices of a run: claims, heartbeats, hand-over. The rows decide, never the broker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, close_old_connections, connection, transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from billing import ledger
from sync.models import Run, RunResult, RunState, SliceState

SILENT_AFTER = timedelta(seconds=settings.ATOOSYNC_SILENT_SECONDS)
"""A working slice without heartbeat for this long is dead: its worker was killed or lost the database."""

HEARTBEAT_SECONDS = SILENT_AFTER.total_seconds() / 10
CRASH_LIMIT = 10
"""Slices in a row that may die without recording anything before their run is given up."""

UNCLAIMED_AFTER = SILENT_AFTER * 1.5
"""A slice that was handed to the broker and not claimed for this long is handed over again (lost message)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to execute one slice of a run, valid while the row carries this fence."""

    run_id: int
    fence: int


def ready_runs(now: datetime, lane: Q, *, limit: int, per_tenant: int) -> list[int]:
    """Ids of runs of a lane whose next slice may start now, fair between tenants.

    Tenants with the fewest slices under way come first, then who has waited longest; no tenant gets more than
    ``per_tenant`` slices at once.
    """
    busy = dict(
        Run.objects.filter(lane, slice_state__in=[SliceState.SENT, SliceState.WORKING])
        .order_by()
        .values_list("tenant_id")
        .annotate(n=Count("pk"))
    )
    free = max(0, limit - sum(busy.values()))
    waiting = (
        Run.objects.filter(lane, slice_state=SliceState.PENDING, due_at__lte=now)
        .exclude(state=RunState.FINISHED)
        .order_by("activity_at", "pk")
        .values_list("pk", "tenant_id", "profile_id", "lock", "state")
    )
    live = set(Run.objects.filter(state=RunState.RUNNING).values_list("profile_id", "lock"))
    candidates: list[int] = []
    taken = dict(busy)
    for _ in range(free):
        chosen = None
        for pk, tenant, profile, lock, state in waiting:
            blocked = state == RunState.QUEUED and (profile, lock) in live
            if pk in candidates or blocked or taken.get(tenant, 0) >= per_tenant:
                continue
            if chosen is None or taken.get(tenant, 0) < taken.get(chosen[1], 0):
                chosen = (pk, tenant, profile, lock)
        if chosen is None:
            break
        candidates.append(chosen[0])
        taken[chosen[1]] = taken.get(chosen[1], 0) + 1
        live.add((chosen[2], chosen[3]))
    return candidates


def mark_sent(run_id: int, now: datetime) -> bool:
    """Takes a slice for hand-over to the broker; false when somebody else took it."""
    taken = Run.objects.filter(pk=run_id, slice_state=SliceState.PENDING).update(
        slice_state=SliceState.SENT, due_at=now + UNCLAIMED_AFTER
    )
    return bool(taken)


def claim(run_id: int, *, owner: str) -> Claim | None:
    """Starts a slice: the run becomes running, its fence grows. ``None`` when there is nothing to claim.

    A queued run whose lock is taken by another live run stays queued.
    """
    now = timezone.now()
    try:
        with transaction.atomic():
            claimed = Run.objects.filter(
                pk=run_id,
                slice_state__in=[SliceState.SENT, SliceState.PENDING],
                state__in=[RunState.QUEUED, RunState.RUNNING],
            ).update(
                state=RunState.RUNNING,
                slice_state=SliceState.WORKING,
                slice_number=F("slice_number") + 1,
                fence=F("fence") + 1,
                owner=owner[:120],
                heartbeat_at=now,
            )
            if not claimed:
                return None
            Run.objects.filter(pk=run_id, started_at__isnull=True).update(started_at=now)
            return Claim(run_id, Run.objects.values_list("fence", flat=True).get(pk=run_id))
    except IntegrityError:
        Run.objects.filter(pk=run_id, slice_state=SliceState.SENT).update(slice_state=SliceState.PENDING)
        return None


def release(held: Claim, *, due_at: datetime | None = None) -> None:
    """Ends a slice whose run goes on: the next one may start at ``due_at`` (now by default)."""
    Run.objects.filter(pk=held.run_id, fence=held.fence, slice_state=SliceState.WORKING).update(
        slice_state=SliceState.PENDING, due_at=due_at or timezone.now(), owner=""
    )


def beat(held: Claim) -> tuple[bool, bool]:
    """Renews the heartbeat; returns whether the slice is still ours and whether a person asked to stop."""
    ours = Run.objects.filter(pk=held.run_id, fence=held.fence, slice_state=SliceState.WORKING).update(
        heartbeat_at=timezone.now()
    )
    stop = Run.objects.filter(pk=held.run_id, stop_requested_at__isnull=False).exists()
    return bool(ours), stop


def reap(now: datetime | None = None) -> list[int]:
    """Takes slices away from silent workers and lost messages; returns the ids. Safe to call from anywhere, often.

    The fence grows at once, so that a worker which was only slow can write nothing more.
    """
    now = now or timezone.now()
    silent = Run.objects.filter(
        Q(slice_state=SliceState.WORKING, heartbeat_at__lt=now - SILENT_AFTER)
        | Q(slice_state=SliceState.SENT, due_at__lt=now)
    ).exclude(state=RunState.FINISHED)
    taken = []
    for pk, fence, state, breaks in silent.values_list("pk", "fence", "slice_state", "breaks"):
        crashed = state == SliceState.WORKING
        moved = Run.objects.filter(pk=pk, fence=fence, slice_state=state).update(
            **(_given_up(now) if crashed and breaks >= CRASH_LIMIT else {"slice_state": SliceState.PENDING}),
            breaks=F("breaks") + int(crashed),
            fence=F("fence") + 1,
            due_at=now,
            owner="",
        )
        if moved:
            ledger.release_owner(owner=f"run:{pk}:{fence}")
            taken.append(pk)
    return taken


def _given_up(now: datetime) -> dict[str, object]:
    """The end of a run whose slices kill their worker again and again without recording anything."""
    return {
        "slice_state": SliceState.IDLE,
        "state": RunState.FINISHED,
        "result": RunResult.FAILED,
        "ended_at": now,
        "message_code": "worker_lost",
        "message": "Le traitement s’est interrompu plusieurs fois de suite sans avancer.",
        "advice": "Relancez-le ; si cela se répète, transmettez le journal du serveur au support.",
    }


class Heartbeat:
    """Renews a lease from a thread of its own, and learns there that a person asked to stop.

    The heartbeat comes from the job itself: when the process dies, it stops.
    """

    def __init__(self, held: Claim, *, on_stop: Callable[[], None], interval: float = HEARTBEAT_SECONDS) -> None:
        self._held = held
        self._on_stop = on_stop
        self._interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{held.run_id}", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            while not self._ended.wait(self._interval):
                close_old_connections()
                ours, stop = beat(self._held)
                if stop or not ours:
                    self._on_stop()
        finally:
            connection.close()
