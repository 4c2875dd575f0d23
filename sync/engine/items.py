"""What the pipeline carries from the reading of a record to its recording."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from connectors.core.problems import ConnectorError, Problem
from connectors.core.results import Action, Cursor, ItemResult
from sync.engine.linkbook import LinkView, LinkWrite, StateWrite
from sync.flows.base import Mapped
from sync.models import JournalEntry


@dataclass(slots=True)
class PageTally:
    """Accounts for one page, or for all pages of some keys: complete when all was read and every record has an outcome.

    ``already`` counts records that an earlier slice of the same run accounted for. ``counts`` are outcomes not yet
    written; ``states`` and ``journal`` wait for the same transaction. ``settled`` are the keys of records accounted for
    without a call by a reading beside the main one, which may give them again.
    """

    cursor: Cursor
    read: int = 0
    open: bool = True
    total: int | None = None
    already: int = 0
    accounted: int = 0
    recorded: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    journal: list[JournalEntry] = field(default_factory=list)
    links: list[LinkWrite] = field(default_factory=list)
    states: list[StateWrite] = field(default_factory=list)
    moves_cursor: bool = True
    settled: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is read into it and every record has an outcome."""
        return not self.open and self.accounted + self.already >= self.read

    def count(self, outcome: str, reason: str = "", *, number: int = 1) -> None:
        """Accounts for one record (or ``number`` of them) whose outcome is known without a call."""
        self.accounted += number
        self.counts[outcome] += number
        if reason:
            self.reasons[reason] += number


@dataclass(slots=True)
class Item:
    """One mapped record on its way to the other side."""

    mapped: Mapped
    page: PageTally
    hash: str
    view: LinkView | None
    action: Action
    token: str = ""
    group: str = ""
    recovered: bool = False

    @property
    def key(self) -> str:
        """The ERP key."""
        return self.mapped.ref.key

    @property
    def attempts(self) -> int:
        """Failed attempts so far with this content."""
        return self.view.attempts if self.view and self.view.held_hash == self.hash else 0


@dataclass(slots=True)
class Batch:
    """Items sent together, the reservation that pays for them, and what came back."""

    items: list[Item]
    reservation: str
    results: list[ItemResult] = field(default_factory=list)
    error: ConnectorError | None = None
    bug: Exception | None = None
    adopted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The final say on one item, from which links, states, counters and journal lines are written."""

    item: Item
    result: ItemResult
    problem: Problem | None = None
    adopted: bool = False
