"""One transaction per batch: links, hashes, journal lines, counters, cursor and units, under the run's fence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from billing import ledger
from connectors.canonical.keys import Aspect, Direction, Entity
from connectors.core.results import Cursor
from sync.engine import picturebook
from sync.engine.linkbook import LinkBook, LinkWrite, StateWrite
from sync.engine.picturebook import PictureWrite
from sync.models import JournalEntry, Run, RunState, SliceState


class FenceLost(Exception):
    """Another worker has taken the run over: this one must stop and write nothing more."""


@dataclass(slots=True)
class Record:
    """What one transaction writes.

    ``counts`` adds to the run's counters (``read`` included). ``settle`` is the reservation of the batch with the
    units really spent. ``settled`` are keys of the ``aspect`` that the run has accounted for without a call. ``cursor``
    moves the reading position, only when every row before it is accounted for.
    """

    links: list[LinkWrite] = field(default_factory=list)
    states: list[StateWrite] = field(default_factory=list)
    journal: list[JournalEntry] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    cursor: Cursor | None = None
    total: int | None = None
    settle: tuple[str, int] | None = None
    settled: list[str] = field(default_factory=list)
    aspect: tuple[Entity, Aspect] | None = None
    pictures: list[PictureWrite] = field(default_factory=list)


class Recorder:
    """Writes the records of one slice. Raises :class:`FenceLost` and writes nothing once the run is taken over."""

    def __init__(self, run: Run, fence: int, linkbook: LinkBook) -> None:
        self.run = run
        self.fence = fence
        self.linkbook = linkbook
        self.batches = 0

    @property
    def owner(self) -> str:
        """Who holds the reservations of this slice."""
        return f"run:{self.run.pk}:{self.fence}"

    def record(self, record: Record) -> None:
        """Writes everything of one record, or nothing."""
        with transaction.atomic():
            self._hold_fence(record)
            self.linkbook.bind(record.links, record.states)
            if record.settled and record.aspect:
                self.linkbook.account(*record.aspect, record.settled, self.run.pk)
            picturebook.bind(self.linkbook, record.pictures)
            if record.journal:
                JournalEntry.objects.bulk_create(record.journal, batch_size=500)
            if record.settle:
                key, units = record.settle
                ledger.settle(key=key, units=units, reference=f"run:{self.run.pk}")

    def intend(self, writes: list[LinkWrite], units: int, direction: Direction) -> tuple[str, int]:
        """Stores intents and reserves units for the next batch, committed when this returns.

        Returns the reservation's key and the units granted, which may be fewer than asked for.
        """
        self.batches += 1
        key = f"{self.owner}:{self.batches}"
        reservation = ledger.reserve(
            tenant_id=self.run.tenant_id, kind=direction.value, units=units, key=key, owner=self.owner
        )
        granted = reservation.granted
        with transaction.atomic():
            self._hold_fence(Record())
            self.linkbook.intend([write for write in writes[:granted] if write.token])
        return key, granted

    def _hold_fence(self, record: Record) -> None:
        """Locks the run's row, proves that this worker still owns it, and adds the counters."""
        changes: dict[str, object] = {name: F(name) + number for name, number in record.counts.items() if number}
        now = timezone.now()
        changes |= {"heartbeat_at": now, "activity_at": now}
        if record.counts:
            changes["breaks"] = 0
        if record.cursor is not None:
            changes["cursor"] = record.cursor.dumps()
        if record.total is not None:
            changes["total"] = record.total
        if record.settle:
            changes["units"] = F("units") + record.settle[1]
        if record.reasons:
            changes["excluded_reasons"] = self._reasons(record.reasons)
        held = Run.objects.filter(
            pk=self.run.pk, fence=self.fence, slice_state=SliceState.WORKING, state=RunState.RUNNING
        ).update(**changes)
        if not held:
            raise FenceLost

    def _reasons(self, more: Mapping[str, int]) -> dict[str, int]:
        total = dict(Counter(self.run.excluded_reasons) + Counter(more))
        self.run.excluded_reasons = total
        return total
