"""An order ready to be written: its document, who its customer is, and what happened to it since."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from connectors.canonical.base import Record, part
from connectors.canonical.sales import Order, Refund, SalesDocument
from connectors.core.problems import ItemRefused, Problem
from sync.mapping.customers import CustomerPlan
from sync.mapping.order_refunds import map_cancellation, map_refund
from sync.mapping.order_terms import Resolver, Sections
from sync.mapping.orders import Moment
from sync.orders.facts import Facts

DOCUMENT = "document"
CONTACT = "contact"
LIFE = "life"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNote:
    """A refund of the order by its key: its credit note, or the ``problem`` that there is none.

    Neither for a refund of nothing.
    """

    key: str
    document: SalesDocument | None = None
    problem: Problem | None = None


def credit_note(order: Order, refund: Refund, options: Sections, catalogue: Resolver, moment: Moment) -> CreditNote:
    """The credit note of one refund, or why there is none; never raises for data."""
    if refund.amount <= 0:
        return CreditNote(key=refund.key)
    try:
        return CreditNote(key=refund.key, document=map_refund(order, refund, options, catalogue, moment))
    except ItemRefused as error:
        return CreditNote(key=refund.key, problem=error.problem)


def cancellation(order: Order, options: Sections, catalogue: Resolver, moment: Moment) -> CreditNote:
    """The credit note of a whole order, or why there is none; never raises for data."""
    try:
        return CreditNote(key="", document=map_cancellation(order, options, catalogue, moment))
    except ItemRefused as error:
        return CreditNote(key="", problem=error.problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOrder(Record):
    """Everything the steps of one import, and of the order's life after it, need.

    ``status_after`` is the status to set in the shop, empty to leave it. Until the import is finished the document is
    the content, so that a mended setting is tried again; afterwards the ``facts`` of the shop are, so that a setting
    never touches what was imported. ``document`` is only missing then, and ``problem`` says why. ``decimals``: of unit
    prices. ``firm``: the order's status stands for a sale and no longer for a quote. ``gone``: the shop has deleted the
    order; nothing else is known of it then. ``whole``: the credit note of all of a cancelled order.
    """

    key: str
    number: str
    document: SalesDocument | None = part(DOCUMENT, None)
    facts: Facts = part(LIFE, Facts())
    plan: CustomerPlan | None = part(CONTACT, None)
    web_number: str = part(CONTACT, "")
    status_after: str = part(CONTACT, "")
    credits: tuple[CreditNote, ...] = part(CONTACT, ())
    whole: CreditNote | None = part(CONTACT, None)
    total: Decimal = part(CONTACT, Decimal(0))
    decimals: int = part(CONTACT, 2)
    problem: Problem | None = part(CONTACT, None)
    firm: bool = part(CONTACT, False)
    gone: bool = part(CONTACT, False)

    @property
    def has_lived(self) -> bool:
        """Whether something happened to the order that its document alone does not show."""
        return bool(self.credits) or self.facts.cancelled
