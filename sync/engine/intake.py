"""Takes the records of a page: maps them, compares them with what was sent, and keeps what must go out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.canonical.keys import Entity
from connectors.core.problems import ItemRefused, Problem
from connectors.core.results import Outcome, Page
from sync.engine import journal, verdicts
from sync.engine.context import RunContext
from sync.engine.diff import UNCHANGED, Choice, Decision, decide
from sync.engine.guards import Guards
from sync.engine.items import Item, PageTally
from sync.engine.linkbook import LinkView, LinkWrite, StateWrite
from sync.flows.base import Excluded, Mapped
from sync.models import JournalEntry, Level, LinkStatus


class Intake:
    """Accounts in a page's tally for every record that needs no call, and returns the others."""

    def __init__(self, ctx: RunContext, guards: Guards) -> None:
        self.ctx = ctx
        self.flow = ctx.flow
        self.linkbook = ctx.linkbook
        self.guards = guards
        self.known: set[str] = set()
        """Keys that this run accounted for without a call, in a reading beside the main one."""

    def items(self, tally: PageTally, page: Page[Any]) -> list[Item]:
        """Records of the page that must be sent."""
        for row in page.refused:
            if self._is_first(tally, row.key):
                self.refuse(tally, row.key, row.label, row.problem)
        return self._compare(tally, list(self._map_all(tally, page)))

    def _is_first(self, tally: PageTally, key: str) -> bool:
        """Whether a record that needs no call is to be accounted for: not when another reading of this run did."""
        if key in self.known:
            tally.already += 1
            return False
        if not tally.moves_cursor:
            self.known.add(key)
            tally.settled.append(key)
        return True

    def _map_all(self, tally: PageTally, page: Page[Any]) -> Iterator[Mapped]:
        refused: list[tuple[Any, Problem]] = []
        excluded: list[str] = []
        for record in page.records:
            try:
                mapped = self.flow.map(self.ctx, record)
            except ItemRefused as error:
                refused.append((record, error.problem))
                continue
            except Exception as error:  # noqa: BLE001  # the per-item guard of the mapping
                self.guards.bug(error)
                if self._is_first(tally, record.key):
                    self.refuse(tally, record.key, _label(record), verdicts.BUG, outcome="failed")
                continue
            if isinstance(mapped, Excluded):
                if self._is_first(tally, record.key):
                    tally.count("excluded", mapped.reason)
                excluded.append(record.key)
            else:
                yield mapped
        self._refuse_all(tally, refused)
        if self._keeps and excluded:
            self._drop_kept(excluded)

    @property
    def _keeps(self) -> bool:
        return self.flow.keeps_refused and not self.ctx.run.dry

    def _drop_kept(self, keys: list[str]) -> None:
        """A record that a setting leaves out now is no longer refused."""
        views = self.linkbook.lookup(self.flow.entity, self.flow.aspect, keys)
        kept = [key for key, view in views.items() if view.held_hash == UNMAPPED]
        self.linkbook.release_holds(self.flow.entity, self.flow.aspect, kept)

    def _refuse_all(self, tally: PageTally, refused: list[tuple[Any, Problem]]) -> None:
        """Refusals of the mapping; where the flow keeps them, each run counts one once and the next reads it again."""
        keys = [record.key for record, _ in refused]
        views = self.linkbook.lookup(self.flow.entity, self.flow.aspect, keys) if self._keeps and keys else {}
        for record, problem in refused:
            view = views.get(record.key)
            if view is not None and view.run_id == self.ctx.run.pk:
                tally.already += 1
                continue
            if not self._is_first(tally, record.key):
                continue
            self.refuse(tally, record.key, _label(record), problem)
            if self._keeps:
                self._keep(tally, record, problem, view)

    def _keep(self, tally: PageTally, record: Any, problem: Problem, view: LinkView | None) -> None:
        if view is None:
            tally.links.append(
                LinkWrite(
                    entity=self.flow.entity,
                    key=record.key,
                    status=LinkStatus.WANTED,
                    reference=str(getattr(record, "number", "")),
                    label=_label(record),
                )
            )
        tally.states.append(
            StateWrite(
                entity=self.flow.entity,
                key=record.key,
                aspect=self.flow.aspect,
                sent_hash=view.sent_hash if view else "",
                held_hash=UNMAPPED,
                outcome=Outcome.REFUSED.value,
                problem_code=problem.code,
                attempts=(view.attempts if view and view.held_hash == UNMAPPED else 0) + 1,
                not_before=self.ctx.clock(),
                run_id=self.ctx.run.pk,
                **journal.problem_fields(problem, sentence="problem"),
            )
        )

    def _compare(self, tally: PageTally, mapped: list[Mapped]) -> list[Item]:
        views = self._views(mapped)
        now = self.ctx.clock()
        ready = []
        unchanged = 0
        for one in mapped:
            view = views.get(one.ref.key)
            content = one.hash()
            choice = decide(flow=self.flow, run=self.ctx.run, view=view, content=content, now=now)
            if choice.decision in _SETTLED and not self._is_first(tally, one.ref.key):
                continue
            if choice is UNCHANGED:
                unchanged += 1
                continue
            item = self._decided(tally, one, view, content, choice)
            if item is not None:
                ready.append(item)
        tally.count("unchanged", number=unchanged)
        return ready

    def _views(self, mapped: list[Mapped]) -> dict[str, LinkView]:
        keys: dict[Entity, list[str]] = {}
        for one in mapped:
            keys.setdefault(one.ref.entity, []).append(one.ref.key)
        views: dict[str, LinkView] = {}
        for entity, wanted in keys.items():
            views.update(self.linkbook.lookup(entity, self.flow.aspect, wanted))
        return views

    def _decided(
        self, tally: PageTally, mapped: Mapped, view: LinkView | None, content: str, choice: Choice
    ) -> Item | None:
        match choice.decision:
            case Decision.EXCLUDED:
                tally.count("excluded", choice.reason)
            case Decision.STILL_REFUSED:
                tally.count("refused")
            case Decision.WAITING:
                tally.count("deferred")
            case Decision.ALREADY:
                tally.already += 1
            case Decision.AMBIGUOUS:
                self.refuse(tally, mapped.ref.key, mapped.label, AMBIGUOUS, reference=mapped.reference)
            case Decision.SEND:
                return Item(
                    mapped=mapped,
                    page=tally,
                    hash=content,
                    view=view,
                    action=choice.action,
                    group=view.remote_parent if view and view.remote_parent != view.remote_key else "",
                    recovered=choice.recovered,
                )
        return None

    def refuse(
        self,
        tally: PageTally,
        key: str,
        label: str,
        problem: Problem,
        *,
        reference: str = "",
        outcome: str = "refused",
    ) -> None:
        """Accounts for a record that cannot be sent as it is; it is looked at again at every run, at no cost."""
        tally.count(outcome)
        tally.journal.append(
            JournalEntry(
                run=self.ctx.run,
                profile_id=self.ctx.run.profile_id,
                at=self.ctx.clock(),
                level=Level.ERROR,
                entity=self.flow.entity,
                item_key=key,
                reference=(reference or key)[:200],
                label=label[:250],
                outcome=outcome,
                code=problem.code,
                detail={"technical": journal.body(problem.detail)} if problem.detail else {},
                **journal.problem_fields(problem),
            )
        )


_SETTLED = frozenset(Decision) - {Decision.SEND, Decision.ALREADY}
"""Decisions that account for a record without a call."""
UNMAPPED = "unmapped"
"""Stands for the content of a record that has none yet, because the mapping refused it."""

AMBIGUOUS = Problem(
    "match_ambiguous",
    "Plusieurs articles de la boutique peuvent correspondre à cet article.",
    "Ouvrez le rapprochement du profil et choisissez le bon article, ou créez-en un nouveau.",
)


def _label(record: Any) -> str:
    name = getattr(record, "name", None)
    return str(name.get("", "")) if isinstance(name, Mapping) else str(getattr(record, "reference", ""))
