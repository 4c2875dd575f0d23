"""The pages of a slice that are not yet accounted for, in reading order."""

from __future__ import annotations

from collections import deque

from connectors.canonical.keys import Aspect, Entity
from sync.engine.items import PageTally
from sync.engine.recorder import Record, Recorder


class EquationBroken(Exception):
    """A page has records without an outcome: a defect, and the run is red."""


class OpenPages:
    """Moves the cursor over every page from the front that is complete; never over one that is not."""

    def __init__(self, recorder: Recorder, aspect: tuple[Entity, Aspect]) -> None:
        self._recorder = recorder
        self._aspect = aspect
        self._pages: deque[PageTally] = deque()

    def add(self, page: PageTally) -> None:
        """Opens a page."""
        self._pages.append(page)

    def close_complete(self) -> None:
        """Records every page from the front whose records all have an outcome."""
        while self._pages and self._pages[0].is_complete:
            page = self._pages.popleft()
            page.counts["read"] += page.accounted - page.recorded
            self._recorder.record(
                Record(
                    links=page.links,
                    states=page.states,
                    journal=page.journal,
                    counts=page.counts,
                    reasons=page.reasons,
                    cursor=page.cursor if page.moves_cursor else None,
                    total=page.total if page.moves_cursor else None,
                    settled=page.settled,
                    aspect=self._aspect,
                )
            )

    def require_none(self) -> None:
        """Raises :class:`EquationBroken` when a record that was read has no outcome."""
        if self._pages:
            page = self._pages[0]
            raise EquationBroken(f"{page.read} read, {page.accounted + page.already} accounted for")
