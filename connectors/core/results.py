"""What readers and writers give back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from connectors.canonical.keys import Ref
from connectors.core.problems import Problem
from connectors.core.texts import Text, Value

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a reading stands.

    ``since``: change mark this reading started from (empty: everything). ``until``: mark taken from the remote clock
    before the reading began, which becomes ``since`` of the next run. ``after``: position inside this reading to
    resume from. All three are the connector's own text; only the connector interprets them.
    """

    since: str = ""
    until: str = ""
    after: str = ""

    def dumps(self) -> str:
        """Text for the database."""
        return json.dumps([self.since, self.until, self.after])

    @classmethod
    def loads(cls, text: str) -> Cursor:
        """The inverse of :meth:`dumps`; empty text gives an empty cursor."""
        return cls(*json.loads(text)) if text else cls()


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that could not become a record: it is reported, never dropped."""

    key: str
    label: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """A bounded piece of a reading. ``cursor`` resumes *after* this page. ``total`` is an estimate for progress."""

    records: tuple[R, ...]
    cursor: Cursor
    refused: tuple[RefusedRow, ...] = ()
    total: int | None = None


class Action(StrEnum):
    """What a writer is asked to do with an item."""

    CREATE = "create"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Outbound(Generic[R]):
    """One record on its way to a writer.

    ``remote_key`` and ``remote_parent`` name the object to update (a variant's parent equals its own key when the
    shop has no separate object for it). ``children`` maps variant keys to known remote keys. ``references`` maps
    records this one points to (categories) to their remote keys. ``parts`` limits an update to these parts; a create
    writes everything. ``group`` names what must not be written by two batches at once (the parent product).
    ``token`` is written with the intent, so that a created object can be recognised after a crash. ``first``: this
    aspect was never written by us to an object that exists, so the object may hold the same already.
    """

    record: R
    action: Action
    key: str
    label: str = ""
    remote_key: str = ""
    remote_parent: str = ""
    children: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[Ref, str] = field(default_factory=dict)
    parts: frozenset[str] = frozenset()
    group: str = ""
    token: str = ""
    first: bool = False


class Outcome(StrEnum):
    """What became of one item; the names of the closing equation."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Remark:
    """A journal line of its own about an item: something that was done, or (``warning``) something to know."""

    text: Text
    advice: Text = field(default_factory=Text)
    warning: bool = False


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one :class:`Outbound`, exactly one per item.

    ``written``: the other side really created or changed something (a unit is due), also when ``outcome`` is refused
    because one of several variants was. ``children`` maps variant keys to remote keys learnt by this write.
    ``gone``: the remote object does not exist any more; the link is marked. ``sent`` and ``received`` are redacted
    bodies for the journal. ``remarks`` become lines of their own. ``quiet``: nothing is new since the journal last
    told this problem. ``pictures``: media of ours that the object shows, from the digest of their content to their
    remote key; ``None`` says nothing about them.
    """

    key: str
    outcome: Outcome
    remote_key: str = ""
    children: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None
    written: bool = False
    gone: bool = False
    delay: float | None = None
    url: str = ""
    sent: Any = None
    received: Any = None
    seconds: float = 0.0
    remarks: tuple[Remark, ...] = ()
    quiet: bool = False
    pictures: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An object that already exists on the other side, found by our reference."""

    remote_key: str
    label: str = ""
    children: Mapping[str, str] = field(default_factory=dict)
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleMatch:
    """An article of the ERP found by one of its keys. ``variant`` is empty when it is sold by variants and the key
    names none of them."""

    article: str
    variant: str
    designation: str
    dormant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMatch:
    """A customer of the ERP found by its number or its e-mail."""

    number: str
    name: str
    dormant: bool = False


class CheckState(StrEnum):
    """Result of one point of a connection test."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One point of a connection test: what was looked at, the finding, and what to do about it.

    ``values`` fill the translatable ``sentence`` and ``advice`` (``%(name)s``), as in a ``Problem``.
    """

    name: str
    state: CheckState
    sentence: str
    advice: str = ""
    detail: str = ""
    code: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def failed(cls, name: str, problem: Problem) -> CheckItem:
        """The point of this name, failed for this problem."""
        return cls(
            name, CheckState.ERROR, problem.sentence, problem.advice, problem.detail, problem.code, problem.values
        )

    def text(self) -> str:
        """The French sentence with its values filled in."""
        return str(Text(self.sentence, self.values))

    def advice_text(self) -> str:
        """The French advice with its values filled in."""
        return str(Text(self.advice, self.values))


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Result of ``Connection.check()``; never raises, always says what was found."""

    items: tuple[CheckItem, ...]
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing prevents the flows from running."""
        return all(item.state is not CheckState.ERROR for item in self.items)


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a reference list (a warehouse, a tax class…), as a select box shows it."""

    key: str
    label: str
    extra: Mapping[str, str] = field(default_factory=dict)
