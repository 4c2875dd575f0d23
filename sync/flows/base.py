"""What a flow is: where it reads, how it maps, what it sends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.canonical.base import Record, content_hash
from connectors.canonical.keys import Aspect, Direction, Entity, Ref
from connectors.core.ports import Reader, Writer
from connectors.core.query import Query
from connectors.core.results import Cursor, Page
from connectors.core.texts import Text

if TYPE_CHECKING:
    from sync.engine.context import RunContext


@dataclass(frozen=True, slots=True)
class Excluded:
    """A record that a setting leaves out. ``reason`` is a French sentence counted per run, without a journal line."""

    reason: str


@dataclass(frozen=True, slots=True)
class Along:
    """Another aspect that a create sends along; recorded so that its own flow does not send it again."""

    ref: Ref
    aspect: Aspect
    hash: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """A record in the shop's terms, ready to be compared and sent.

    ``parts``: what an update may write; ``None`` means the whole record. ``references``: objects that must be linked
    first. ``notes``: warnings for the journal (a bar code left out…). ``along``: see :class:`Along`. ``lasting``: the
    parts by which the record is compared once it was written, where they are not those of the first time.
    """

    ref: Ref
    record: Record
    label: str
    reference: str
    parts: frozenset[str] | None = None
    references: tuple[Ref, ...] = ()
    notes: tuple[Text, ...] = ()
    along: tuple[Along, ...] = field(default=())
    lasting: frozenset[str] | None = None

    def hash(self) -> str:
        """Hash of what an update would send."""
        return content_hash(self.record, self.parts)

    def lasting_hash(self) -> str:
        """Hash of what will be compared after a success."""
        return content_hash(self.record, self.lasting)


SALES_SECTIONS = frozenset(
    {
        "orders", "order_taxes", "order_articles", "order_customers", "order_changes", "payments", "progress",
        "prospects",
    }
)  # fmt: skip
"""Settings that say nothing of articles."""


class Flow(ABC):
    """One kind of synchronisation. Usually only ``query`` and ``map`` are written.

    ``lock``: flows with the same lock never run at once for one profile. ``creates``: whether a record without link
    is created; otherwise it is left out. ``only_new``: linked records are left out. ``incremental``: reads what
    changed since the last run where the reader can. ``provides``: flows that provide missing references, by entity.
    ``ignores``: sections of the settings that the flow cannot read, so that changing them makes no full reading due.
    ``uses_facts``: whether the mapping looks at all facts of the shop, which cost a dozen calls.
    ``urgent``: runs have a lane and slots of their own, which no bulk work can take. ``keeps_refused``: what the
    mapping refused is read again by every run until it passes, since its cause may be mended on the other side, where
    nothing makes the record a changed one.
    """

    key: ClassVar[str]
    label: ClassVar[str]
    help: ClassVar[str]
    icon: ClassVar[str] = "arrow-repeat"
    direction: ClassVar[Direction] = Direction.EXPORT
    entity: ClassVar[Entity]
    aspect: ClassVar[Aspect] = Aspect.DATA
    read_aspect: ClassVar[Aspect | None] = None
    lock: ClassVar[str]
    order: ClassVar[int] = 100
    creates: ClassVar[bool] = False
    only_new: ClassVar[bool] = False
    incremental: ClassVar[bool] = False
    ignores: ClassVar[frozenset[str]] = frozenset({"notifications"})
    hidden: ClassVar[bool] = False
    applies_match: ClassVar[bool] = False
    uses_facts: ClassVar[bool] = True
    urgent: ClassVar[bool] = False
    keeps_refused: ClassVar[bool] = False
    batch_option: ClassVar[str] = "batch_stock"
    provides: ClassVar[Mapping[Entity, str]] = {}

    @abstractmethod
    def query(self, ctx: RunContext) -> Query:
        """What to ask the reader, from the profile's options."""

    @abstractmethod
    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """The record in the shop's terms. Pure; raises ``ItemRefused`` for data a person must mend."""

    def reader(self, ctx: RunContext) -> Reader[Any]:
        """Where records come from."""
        return ctx.source.reader(self.entity, self.read_aspect or self.aspect)

    def writer(self, ctx: RunContext) -> Writer[Any]:
        """Where records go."""
        return ctx.target.writer(self.entity, self.aspect)

    def senders(self, ctx: RunContext) -> int:
        """Threads that send at once."""
        return ctx.parallel

    def pages(
        self, ctx: RunContext, *, since: Cursor | None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Any]]:
        """Pages of source records."""
        return self.reader(ctx).pages(self.query(ctx), since=since, keys=keys)

    def completed(self, ctx: RunContext) -> None:  # noqa: B027  # most flows have nothing left to do
        """Called once all was read, sent and recorded, while both connections are open; never for a preview."""

    def references(self, mapped: Mapped) -> Sequence[Ref]:
        """Links that must exist before the record can be sent."""
        return mapped.references
