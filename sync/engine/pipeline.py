"""read → map → compare → send → record, as a stream: one page and the batches under way are all that is in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any

from connectors.canonical.keys import Entity, Ref
from connectors.core.problems import Problem
from connectors.core.results import Cursor, Page
from connectors.core.texts import Text
from sync.engine import journal
from sync.engine.context import RunContext
from sync.engine.guards import Guards
from sync.engine.intake import Intake
from sync.engine.items import Item, PageTally
from sync.engine.linkbook import LinkWrite, StateWrite
from sync.engine.outflow import Outflow
from sync.engine.recorder import Recorder
from sync.engine.retry import next_attempt
from sync.engine.tallies import EquationBroken, OpenPages
from sync.flows import registry
from sync.models import LinkStatus

MAX_DEPTH = 6
"""Levels of missing references that are sent first (a category tree has at most six)."""

PIECE = 200
"""Chosen keys that are read and accounted for together."""


class Ending(StrEnum):
    """Why a pipeline stopped reading."""

    COMPLETE = "complete"
    BUDGET = "budget"
    STOPPED = "stopped"
    QUOTA = "quota"


class Pipeline:
    """One flow of one slice. ``drain`` reads pages until the end, the budget, a stop or an empty account."""

    def __init__(self, ctx: RunContext, recorder: Recorder, *, depth: int = 0) -> None:
        self.ctx = ctx
        self.recorder = recorder
        self.depth = depth
        self.linkbook = ctx.linkbook
        self.flow = ctx.flow
        guards = Guards(ctx)
        self.pages = OpenPages(recorder, (ctx.flow.entity, ctx.flow.aspect))
        self.intake = Intake(ctx, guards)
        self.outflow = Outflow(ctx, recorder, self.pages, guards)
        self.outflow.yields = depth == 0

    def drain(self, pages: Iterator[Page[Any]], *, moves_cursor: bool = True) -> Ending:
        """Takes pages until the end or until the slice must end; what is under way is always recorded.

        Raises ``Misconfigured`` and ``Transient`` after recording every result that was received.
        """
        return self._drain(
            (self._tally(page.cursor, total=page.total, moves_cursor=moves_cursor), (page,)) for page in pages
        )

    def drain_keys(self, keys: Sequence[str]) -> Ending:
        """Reads these keys in their order, from where the run's last slice stopped; otherwise like :meth:`drain`.

        A piece of the keys is accounted for at once, however many pages the reader makes of it: a slice that ends
        inside it leaves nothing counted but what was sent, which the next slice knows by the run.
        """
        after = Cursor.loads(self.ctx.run.cursor).after
        left = [key for key in keys if key > after]
        pieces = (left[start : start + PIECE] for start in range(0, len(left), PIECE))
        return self._drain(
            (
                self._tally(Cursor(after=piece[-1]), total=len(keys), moves_cursor=True),
                self.flow.pages(self.ctx, since=None, keys=piece),
            )
            for piece in pieces
        )

    def _drain(self, pieces: Iterable[tuple[PageTally, Iterable[Page[Any]]]]) -> Ending:
        ending: Ending | None = None
        try:
            for tally, pages in pieces:
                ending = self._take_all(tally, pages)
                if ending is not None:
                    break
            self.outflow.flush(partial=ending is not Ending.STOPPED, patient=False)
            if ending is None and self.outflow.yielded:
                ending = Ending.BUDGET
        finally:
            self.outflow.settle_down()
        if self.outflow.quota_reached:
            return Ending.QUOTA
        if ending is None:
            self.pages.require_none()
        return ending or Ending.COMPLETE

    def close(self) -> None:
        """Ends the sending threads."""
        self.outflow.close()

    def keys_to_revisit(self) -> list[str]:
        """Open intents first, then items whose retry clock has run out; what this run accounted for is left out."""
        flow, now = self.flow, self.ctx.clock()
        self.intake.known |= self.linkbook.accounted(flow.entity, flow.aspect, self.ctx.run.pk)
        intents = self.linkbook.open_intents(flow.entity, flow.aspect, now) if flow.creates else []
        due = self.linkbook.due(flow.entity, flow.aspect, now)
        return [key for key in dict.fromkeys([*intents, *due]) if key not in self.intake.known]

    def revisit(self, keys: Collection[str]) -> Ending:
        """Reads these keys again, before anything else is read."""
        return self.drain(self.flow.pages(self.ctx, since=None, keys=keys), moves_cursor=False)

    def _take_all(self, tally: PageTally, pages: Iterable[Page[Any]]) -> Ending | None:
        """Takes the pages of one tally, or says why the slice must end now.

        The slice's time ends it between two pages of one tally only once something was sent: the next slice reads them
        again, and would come no further.
        """
        self.pages.add(tally)
        for page in pages:
            inside = self._interruption() if tally.read else None
            if inside is not None:
                return inside
            self._take(tally, page)
            self.outflow.send_full_batches()
        tally.open = False
        self.pages.close_complete()
        return self._early_ending() if tally.read else None

    def _interruption(self) -> Ending | None:
        if self.outflow.quota_reached:
            return Ending.QUOTA
        if self.ctx.stop():
            return Ending.STOPPED
        return Ending.BUDGET if self.outflow.yielded else None

    def _early_ending(self) -> Ending | None:
        spent = self.depth == 0 and self.ctx.budget.spent()
        return self._interruption() or (Ending.BUDGET if spent else None)

    def _tally(self, cursor: Cursor, *, total: int | None, moves_cursor: bool) -> PageTally:
        return PageTally(cursor=cursor, total=total, moves_cursor=moves_cursor and self.depth == 0)

    def _take(self, tally: PageTally, page: Page[Any]) -> None:
        self.ctx.await_facts()
        tally.read += len(page.records) + len(page.refused)
        items = self.intake.items(tally, page)
        self.outflow.push(self._with_references(items))

    def _with_references(self, items: list[Item]) -> list[Item]:
        """Items whose references are linked; the others are deferred once their references were tried.

        References inside the same page (a category and its parent) are sent in waves, parents first, unless the writer
        puts parents first itself.
        """
        if self.ctx.run.dry:
            return items
        missing = self._missing(items)
        outside = missing - {item.mapped.ref for item in items}
        if outside and self.depth < MAX_DEPTH:
            self._provide(outside)
            missing = self._missing(items)
        if self._is_family(items, missing):
            return items
        while missing and not self.outflow.must_hold():
            ready, waiting = self._split(items, missing)
            if missing.isdisjoint(item.mapped.ref for item in ready):
                self._defer_all(waiting, missing)
                return ready
            self.outflow.push(ready)
            self.outflow.flush(partial=True)
            items = waiting
            missing = self._missing(items)
        return items

    def _is_family(self, items: list[Item], missing: set[Ref]) -> bool:
        """Whether everything that is missing goes out in the same batch, to a writer that puts parents first."""
        nested = self.ctx.capability.nested and len(items) <= self.ctx.batch_size
        return nested and missing <= {item.mapped.ref for item in items}

    def _split(self, items: list[Item], missing: set[Ref]) -> tuple[list[Item], list[Item]]:
        """Items whose references are all linked, and the others."""
        ready: list[Item] = []
        waiting: list[Item] = []
        for item in items:
            (ready if missing.isdisjoint(self.flow.references(item.mapped)) else waiting).append(item)
        return ready, waiting

    def _defer_all(self, items: list[Item], missing: set[Ref]) -> None:
        for item in items:
            self._defer(item, next(ref for ref in self.flow.references(item.mapped) if ref in missing))

    def _missing(self, items: list[Item]) -> set[Ref]:
        wanted = {ref for item in items for ref in self.flow.references(item.mapped)}
        missing: set[Ref] = set()
        for entity in {ref.entity for ref in wanted}:
            keys = [ref.key for ref in wanted if ref.entity is entity]
            linked = self.linkbook.remote_keys(entity, keys)
            missing |= {Ref(entity, key) for key in keys if key not in linked}
        return missing

    def _provide(self, missing: set[Ref]) -> None:
        for entity in {ref.entity for ref in missing}:
            provider = self.flow.provides.get(entity)
            if provider is None:
                continue
            if entity is self.flow.entity:
                self.outflow.flush(partial=True)
            ctx = self.ctx.child(registry.by_key(provider))
            child = Pipeline(ctx, self.recorder, depth=self.depth + 1)
            keys = sorted(ref.key for ref in missing if ref.entity is entity)
            try:
                child.drain(child.flow.pages(ctx, since=None, keys=keys), moves_cursor=False)
            finally:
                child.close()
            self.outflow.quota_reached |= child.outflow.quota_reached
            if (child.flow.entity, child.flow.aspect) == (self.flow.entity, self.flow.aspect):
                self.intake.known |= child.intake.known

    def _defer(self, item: Item, waits_for: Ref) -> None:
        problem = Problem(
            "reference_missing",
            "En attente de : %(entity)s %(key)s, absent de la boutique.",
            "L’article sera envoyé dès que cet élément aura pu l’être ; corrigez d’abord son erreur.",
            values={"entity": _ENTITY_NAMES.get(waits_for.entity, waits_for.entity.value), "key": waits_for.key},
        )
        mapped = item.mapped
        self.intake.refuse(
            item.page, mapped.ref.key, mapped.label, problem, reference=mapped.reference, outcome="deferred"
        )
        attempts = item.attempts + 1
        if item.view is None:
            item.page.links.append(
                LinkWrite(
                    entity=mapped.ref.entity,
                    key=mapped.ref.key,
                    status=LinkStatus.WANTED,
                    reference=mapped.reference,
                    label=mapped.label,
                )
            )
        item.page.states.append(
            StateWrite(
                entity=mapped.ref.entity,
                key=mapped.ref.key,
                aspect=self.flow.aspect,
                sent_hash=item.view.sent_hash if item.view else "",
                held_hash=item.hash,
                outcome="deferred",
                problem_code=problem.code,
                attempts=attempts,
                not_before=next_attempt(attempts, self.ctx.clock()),
                run_id=self.ctx.run.pk,
                **journal.problem_fields(problem, sentence="problem"),
            )
        )


_ENTITY_NAMES = {Entity.CATEGORY: Text("la catégorie"), Entity.PRODUCT: Text("l’article")}


__all__ = ["Ending", "EquationBroken", "Pipeline"]
