"""The protocols between the engine and a connector. Nothing here could not cross a wire."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, runtime_checkable

from connectors.canonical.base import Record
from connectors.canonical.keys import Aspect, Entity
from connectors.canonical.parties import Address, Customer
from connectors.canonical.pictures import ProductPictures
from connectors.canonical.sales import Deposit, DocumentTotals, SalesDocument
from connectors.core.problems import Problem
from connectors.core.query import Query
from connectors.core.results import (
    ArticleMatch,
    CheckReport,
    Choice,
    Cursor,
    CustomerMatch,
    Found,
    ItemResult,
    Outbound,
    Page,
)

R = TypeVar("R", bound=Record)


class RateBucket(Protocol):
    """A budget of calls shared by everyone who uses the same credential."""

    def wait_time(self, name: str, *, rate: float, burst: int) -> float:
        """Takes one call out of ``name`` and returns how many seconds to wait before making it (0 = now)."""
        ...


class NoLimit:
    """The bucket of a system without a declared rate."""

    def wait_time(self, name: str, *, rate: float, burst: int) -> float:
        """Always 0."""
        return 0.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What the platform lends to a connection.

    ``allowed_addresses``: host:port, host or CIDR entries the host of the platform allows although they are private
    (see ``core.http``). ``local_files``: folders of the host whose files a profile may open (see
    ``core.odbc_policy``); empty means none. ``should_stop`` is asked during pauses and between pages, so that a run
    ends within seconds. ``at_once``: most calls at once over one connection, whatever its settings allow; 0 leaves it
    to them.
    """

    clock: Callable[[], datetime] = _utc_now
    rate: RateBucket = field(default_factory=NoLimit)
    allowed_addresses: tuple[str, ...] = ()
    local_files: tuple[str, ...] = ()
    should_stop: Callable[[], bool] = lambda: False
    at_once: int = 0
    language: str = "fr"


class Reader(Protocol[R]):
    """Streams records of one entity and aspect. Every method may be called repeatedly; none writes anything."""

    def pages(
        self, query: Query, *, since: Cursor | None = None, keys: Collection[str] | None = None
    ) -> Iterator[Page[R]]:
        """Pages in a stable order, resumable after each page's cursor.

        ``since`` with a ``since`` mark reads only what changed after it, where the capability says ``BY_DATE``; with
        ``after`` it resumes a broken reading. ``keys`` limits the reading to these keys (unknown ones are simply
        absent) and ignores ``since``. Raises ``Misconfigured`` for a refused expression or an unknown choice,
        ``Transient`` when the connection breaks, and never returns a short set as if it were complete.
        """
        ...

    def all_keys(self) -> Iterator[str]:
        """Every key that exists now, to notice deletions."""
        ...


@runtime_checkable
class AbsenceReader(Protocol):
    """A reader that can tell an object deleted for good from one it merely does not give."""

    def unlisted(self, keys: Collection[str]) -> frozenset[str]:
        """Those of ``keys`` that no list of the system holds, its trash included; few calls for many keys."""
        ...

    def is_gone(self, key: str) -> bool:
        """Whether the system says of this very object that it does not exist.

        Raises ``Misconfigured`` for an answer that says neither.
        """
        ...


class Writer(Protocol[R]):
    """Writes records of one entity and aspect. ``send`` may be called from several threads with disjoint batches."""

    def find(self, batch: Sequence[Outbound[R]]) -> Mapping[str, Found]:
        """What already exists on the other side for these records, by ``Outbound.key``; absent ones are missing.

        Looks by our own reference (SKU, category name under its parent), exactly. Safe to call at any time.
        """
        ...

    def send(self, batch: Sequence[Outbound[R]]) -> Iterator[ItemResult]:
        """Exactly one result per item, as soon as it is known, in any order.

        A write whose outcome is unknown gives ``Outcome.UNCERTAIN`` after the connector's own look-up failed too.
        Raises ``Misconfigured`` when the whole run must stop and ``Transient`` when the other side is away; results
        yielded before stay valid.
        """
        ...

    def compare(self, batch: Sequence[Outbound[R]]) -> Mapping[str, Mapping[str, tuple[Any, Any]]]:
        """What an update would change now, by ``Outbound.key``: field name to (value in the shop, value to be sent).

        Reads the other side and writes nothing. Items of action CREATE are absent.
        """
        ...

    def retire(self, batch: Sequence[Outbound[R]]) -> Iterator[ItemResult]:
        """Takes these objects out of sale without deleting them. May be called twice. One result per item."""
        ...


class PictureReader(Reader[ProductPictures], Protocol):
    """Reads (PRODUCT, PICTURES): which pictures each article has, without reading any of them."""

    def content(self, source: str) -> bytes:
        """The bytes of the picture of this ``source``; may be called from several threads. Raises ``ItemRefused``."""
        ...


class PictureWriter(Writer[ProductPictures], Protocol):
    """Writes (PRODUCT, PICTURES). A result tells in ``pictures`` every medium of ours that the product shows."""

    def read_from(self, content: Callable[[str], bytes]) -> None:
        """Where the bytes of a picture come from, by its ``source``. To be called before anything is sent."""
        ...

    def discard(self, media: Sequence[str]) -> Sequence[str]:
        """Deletes these media from the library, unless they are not ours. Returns those that are there no more."""
        ...


class Connection(Protocol):
    """An open connection to one system."""

    def check(self) -> CheckReport:
        """Tests the connection point by point; never raises, answers within 10 seconds."""
        ...

    def reader(self, entity: Entity, aspect: Aspect = Aspect.DATA) -> Reader[Any]:
        """A reader; raises ``NotSupported`` if the connector does not declare it."""
        ...

    def writer(self, entity: Entity, aspect: Aspect = Aspect.DATA) -> Writer[Any]:
        """A writer; raises ``NotSupported`` if the connector does not declare it."""
        ...

    def choices(self, name: str) -> list[Choice]:
        """The reference list ``name`` of the connector's spec, read now. Raises ``NotSupported`` for other names."""
        ...

    def facts(self, *names: str) -> Mapping[str, str]:
        """What flows must know of the system: currency, ``prices_include_tax``, version, time zone.

        With ``names``, only these are promised: a connector may spare the calls that the others cost.
        """
        ...

    def close(self) -> None:
        """Ends remote sessions. May be called twice."""
        ...


class SalesTarget(Protocol):
    """Where orders become documents. Every step may be repeated: it looks before it creates.

    One object serves one thread. A step whose outcome is unknown raises ``Uncertain``; a record that is open on
    somebody's screen raises ``Transient`` (``record_locked``); data that cannot be written raise ``ItemRefused`` naming
    the field. A step that raises keeps nothing.
    """

    def find_document(self, web_number: str, *, piece: str = "") -> DocumentTotals | None:
        """The most advanced document that carries our number, else the one the order ``piece`` became, or ``None``."""
        ...

    def document_totals(self, web_number: str = "", *, piece: str = "") -> DocumentTotals | None:
        """What all documents of an order amount to together, when it became several."""
        ...

    def find_customer(self, *, email: str = "", number: str = "") -> str | None:
        """Number of the customer, by number first, then by e-mail (of several, the oldest active one)."""
        ...

    def customer(self, number: str) -> CustomerMatch | None:
        """The customer of exactly this number, or ``None``."""
        ...

    def customers_by_email(self, email: str) -> Sequence[CustomerMatch]:
        """Every customer with this e-mail whatever its case, active ones first, then the oldest."""
        ...

    def create_customer(self, customer: Customer) -> str:
        """Creates the customer and returns its number; one that exists already is returned as it is."""
        ...

    def update_customer(self, number: str, customer: Customer) -> None:
        """Replaces the name, the billing address, the phone and the VAT number of a customer."""
        ...

    def find_address(self, customer: str, address: Address, criteria: Collection[str] = ...) -> str | None:
        """Key of a delivery address of the customer that is the same place.

        ``criteria``: parts compared, of ``name``, ``company``, ``street``, ``postcode``, ``city``, ``country``,
        ``phone``; all but the last by default.
        """
        ...

    def create_address(self, customer: str, address: Address) -> str:
        """Creates a delivery address and returns its key; an identical one is returned as it is."""
        ...

    def update_address(self, customer: str, number: str, address: Address) -> None:
        """Replaces a delivery address of the customer."""
        ...

    def create_document(self, document: SalesDocument, *, customer: str, address: str) -> DocumentTotals:
        """Writes header, lines and deposits in one transaction, unless a document carries our number already.

        Returns what the ERP holds afterwards, read back from it. Raises ``ItemRefused`` (``document_total_differs``),
        and keeps nothing, when the ERP does not arrive at the order's total and VAT per rate.
        """
        ...

    def add_deposits(self, web_number: str, deposits: Sequence[Deposit]) -> DocumentTotals:
        """Adds the deposits that the order's document lacks, while it may still be changed."""
        ...

    def amend_document(self, document: SalesDocument, *, customer: str, address: str) -> DocumentTotals:
        """Makes the order's open document hold what ``document`` says now: lines, footer, address, texts.

        Number, date, series, customer and deposits stay as they are, and so does every line that did not change. One
        transaction, with the same comparison of totals as a creation. May be repeated. Raises ``ItemRefused``
        (``document_not_found``, ``document_closed``, ``document_total_differs``) and then keeps nothing.
        """
        ...

    def hold_document(self, web_number: str) -> DocumentTotals:
        """Puts the order's open document back to the first status of its kind, so that nobody prepares it.

        May be repeated. Raises ``ItemRefused`` (``document_not_found``, ``document_closed``).
        """
        ...

    def take_notes(self) -> Sequence[Problem]:
        """What was noticed since the last time this was asked: texts cut or replaced, e-mails carried twice."""
        ...


class SalesConnection(Connection, Protocol):
    """An open connection to an ERP that takes sales documents (capability ORDER/DATA with CREATE;
    ORDER/QUOTE for quotes, CUSTOMER/DATA for customers alone)."""

    def sales(self) -> SalesTarget:
        """The way in for documents, over this connection's own session. May be called once per connection."""
        ...

    def article_of(self, *keys: str) -> ArticleMatch | None:
        """The article that the first meaningful key names (variant key, reference, reference of a variant).

        Only reads. ``None`` also where a reference names more than one thing sold.
        """
        ...
