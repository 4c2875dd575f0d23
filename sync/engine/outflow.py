"""Sends items in batches and records what came back."""

from __future__ import annotations

import dataclasses
import logging
import secrets
from collections import deque
from typing import Any

from billing import ledger
from connectors.canonical.keys import Entity
from connectors.core.problems import ConnectorError
from connectors.core.results import Action, Found, Outbound
from sync.engine import verdicts
from sync.engine.context import RunContext
from sync.engine.guards import Guards
from sync.engine.items import Batch, Item, Verdict
from sync.engine.linkbook import LinkWrite
from sync.engine.outbounds import outbounds
from sync.engine.planner import plan_line
from sync.engine.recorder import Record, Recorder
from sync.engine.sender import Sender
from sync.engine.tallies import OpenPages
from sync.models import LinkStatus

logger = logging.getLogger(__name__)


class Outflow:
    """The way out of one slice: waiting items, batches under way, and their recording.

    ``quota_reached`` is set when the account ran out: nothing more is sent, and waiting items are dropped unaccounted.
    ``yields``: whether the end of the slice's time may leave items of a page unsent; not while others wait for them.
    ``yielded`` is set once it did.
    """

    def __init__(self, ctx: RunContext, recorder: Recorder, pages: OpenPages, guards: Guards) -> None:
        self.ctx = ctx
        self.flow = ctx.flow
        self.linkbook = ctx.linkbook
        self.recorder = recorder
        self.pages = pages
        self.guards = guards
        self.quota_reached = False
        self.yields = True
        self.yielded = False
        self._has_sent = False
        self.writer = ctx.flow.writer(ctx)
        self._sender = Sender(
            self.writer, parallel=ctx.flow.senders(ctx), should_stop=ctx.stop, ahead=ctx.capability.ahead
        )
        self._pending: deque[Item] = deque()
        self._unrecorded: deque[Batch] = deque()

    def push(self, items: list[Item]) -> None:
        """Takes items to be sent; a preview journals them instead."""
        if self.ctx.run.dry:
            self._plan(items)
        else:
            self._pending.extend(items)

    def must_hold(self) -> bool:
        """Whether nothing more may be sent."""
        return self.quota_reached or self.ctx.stop()

    def _must_yield(self) -> bool:
        """Whether the slice's time is over inside a page: what is left is read again by the next slice.

        Every slice sends at least one batch, so that a run goes on however busy the platform is.
        """
        full = len(self._pending) >= self.ctx.batch_size
        if self.yields and self._has_sent and full and self.ctx.budget.spent():
            self.yielded = True
        return self.yielded

    def close(self) -> None:
        """Ends the sending threads."""
        self._sender.close()

    def send_full_batches(self) -> None:
        """Sends as many full batches as are waiting."""
        while len(self._pending) >= self.ctx.batch_size and not self.must_hold() and not self._must_yield():
            self._send_one()
        self._receive(block=False)
        while self._unrecorded:
            self._record(self._unrecorded.popleft())
            if not self._sender.has_line:
                break  # the shop is about to run dry: reading on comes first

    def flush(self, *, partial: bool, patient: bool = True) -> None:
        """Sends what is pending (also a partial batch) and waits for everything under way.

        Unless ``patient``, full batches stay behind once the slice's time is over.
        """
        while partial and self._pending and not self.must_hold() and (patient or not self._must_yield()):
            self._send_one()
        self._collect_all()

    def _plan(self, items: list[Item]) -> None:
        """A dry run ends here: what would be sent is journalled, nothing is written and nothing is spent."""
        if not items:
            return
        sending = outbounds(self.ctx, items)
        updates = [item for item in sending if item.action is Action.UPDATE]
        changes = self.writer.compare(updates) if updates else {}
        for item, outbound in zip(items, sending, strict=True):
            different = changes.get(outbound.key, {})
            outcome = _planned_outcome(outbound, different)
            item.page.count(outcome)
            item.page.journal.append(plan_line(self.ctx.run, item, outcome, different, now=self.ctx.clock()))

    def _send_one(self) -> None:
        """Sends one batch, made ready while all slots are taken."""
        self._has_sent = True
        items = self._next_items()
        while not items:
            self._collect(block=True)
            items = self._next_items()
        batch = Batch(items=items, reservation="")
        sending = self._look_first(batch)
        self._free_slot()
        if self.must_hold():
            self._pending.extendleft(reversed(items))
        else:
            self._submit(batch, sending)

    def _free_slot(self) -> None:
        """Waits until a batch may be sent; what came back is recorded meanwhile, and only then: sending goes first."""
        self._receive(block=False)
        while self._sender.is_full or len(self._unrecorded) >= self.flow.senders(self.ctx):
            if self._unrecorded:
                self._record(self._unrecorded.popleft())
            self._receive(block=not self._unrecorded and self._sender.is_full)

    def _receive(self, *, block: bool) -> None:
        """Takes over the batches that ended. After a failed one everything is recorded: the run may have to stop."""
        ended = self._sender.finished(block=block)
        self._unrecorded.extend(ended)
        if any(batch.error or batch.bug for batch in ended):
            self._record_all()

    def _submit(self, batch: Batch, sending: list[Outbound[Any]]) -> None:
        self._open(batch)
        if not batch.items:
            ledger.release(key=batch.reservation)
            return
        kept = {item.key for item in batch.items}
        sending = [outbound for outbound in sending if outbound.key in kept]
        if sending:
            self._sender.submit(batch, sending)
        else:
            self._record(batch)

    def _next_items(self) -> list[Item]:
        """The next batch, leaving out items whose group is under way now."""
        busy = self._sender.busy_groups()
        taken: list[Item] = []
        skipped: list[Item] = []
        while self._pending and len(taken) < self.ctx.batch_size:
            item = self._pending.popleft()
            (skipped if item.group in busy else taken).append(item)
        self._pending.extendleft(reversed(skipped))
        return taken

    def _open(self, batch: Batch) -> None:
        """Reserves units and stores intents, committed before anything is sent. Items beyond the quota are dropped."""
        writes = [self._intent(item) for item in batch.items]
        batch.reservation, granted = self.recorder.intend(writes, len(writes), self.flow.direction)
        if granted < len(batch.items):
            self.quota_reached = True
            self._pending.clear()
            batch.items = batch.items[:granted]

    def _look_first(self, batch: Batch) -> list[Outbound[Any]]:
        """Turns creates of what already exists on the other side into updates of it.

        An object that belongs to another article is refused here, before it is overwritten.
        """
        for item in batch.items:
            if item.action is Action.CREATE:
                item.token = _token(item)
        sending = outbounds(self.ctx, batch.items)
        doubtful = {item.key for item in batch.items if self._may_exist(item)}
        creates = [outbound for outbound in sending if outbound.key in doubtful]
        if not creates:
            return sending
        try:
            found = self.writer.find(creates)
        except ConnectorError as error:
            batch.error = error
            return []
        owners = self.linkbook.owners(self.flow.entity, [one.remote_key for one in found.values()])
        batch.adopted = frozenset(found)
        ready = []
        for outbound in sending:
            match = found.get(outbound.key)
            if match is None:
                ready.append(outbound)
            elif owners.get(match.remote_key, outbound.key) != outbound.key:
                batch.results.append(verdicts.already_linked(outbound.key, match.remote_key))
            else:
                ready.append(_as_update(outbound, match))
        return ready

    def _may_exist(self, item: Item) -> bool:
        """Whether a create must be looked for first; in a shop that had no product, only one that was tried before."""
        surely_new = self.ctx.empty_target and self.flow.entity is Entity.PRODUCT and not item.recovered
        return item.action is Action.CREATE and not surely_new

    def _intent(self, item: Item) -> LinkWrite:
        return LinkWrite(
            entity=item.mapped.ref.entity,
            key=item.key,
            status=LinkStatus.CREATING,
            reference=item.mapped.reference,
            label=item.mapped.label,
            token=item.token,
        )

    def _collect(self, *, block: bool) -> None:
        self._receive(block=block)
        self._record_all()

    def _collect_all(self) -> None:
        self._record_all()
        while not self._sender.is_idle:
            self._collect(block=True)
        self.pages.close_complete()

    def settle_down(self) -> None:
        """After an error: waits for what is under way and records it, so that nothing received is lost."""
        self._pending.clear()
        while self._unrecorded or not self._sender.is_idle:
            self._unrecorded.extend(self._sender.finished(block=not self._unrecorded))
            self._write_batch(self._unrecorded.popleft())
        self.pages.close_complete()

    def _record_all(self) -> None:
        while self._unrecorded:
            self._record(self._unrecorded.popleft())

    def _record(self, batch: Batch) -> None:
        sent, refused = self._write_batch(batch)
        self.guards.batch(batch, sent=sent, refused=refused)

    def _write_batch(self, batch: Batch) -> tuple[int, int]:
        found = self._without_collisions(verdicts.verdicts(batch))
        record = Record()
        now = self.ctx.clock()
        for verdict in found:
            verdicts.write(verdict, flow=self.flow, run=self.ctx.run, now=now, into=record)
        units = sum(1 for verdict in found if verdict.result.written)
        record.settle = (batch.reservation, units)
        if batch.bug is not None:
            logger.error("a batch ended in a defect", exc_info=batch.bug)
        self.recorder.record(record)
        for verdict in found:
            verdict.item.page.accounted += 1
            verdict.item.page.recorded += 1
        self.pages.close_complete()
        return len(found), record.counts["refused"]

    def _without_collisions(self, found: list[Verdict]) -> list[Verdict]:
        """Refuses items whose shop object already belongs to another article, instead of breaking the transaction."""
        owners = self.linkbook.owners(self.flow.entity, [one.result.remote_key for one in found])
        checked = []
        for verdict in found:
            shop_key = verdict.result.remote_key
            owner = owners.get(shop_key) if shop_key else None
            if owner is not None and owner != verdict.item.key:
                checked.append(verdicts.collision(verdict))
                continue
            if shop_key:
                owners[shop_key] = verdict.item.key
            checked.append(verdict)
        return checked


def _planned_outcome(outbound: Outbound[Any], different: Any) -> str:
    if outbound.action is Action.CREATE:
        return "created"
    return "updated" if different else "unchanged"


def _token(item: Item) -> str:
    """A recovered create keeps the token of its first attempt, by which the other side knows it again."""
    if item.recovered and item.view is not None and item.view.token:
        return item.view.token
    return secrets.token_hex(8)


def _as_update(item: Outbound[Any], match: Found) -> Outbound[Any]:
    return dataclasses.replace(
        item, action=Action.UPDATE, remote_key=match.remote_key, children={**item.children, **match.children}
    )
