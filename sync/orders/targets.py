"""What the life of an order needs of the ERP, for real and as a rehearsal that writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from connectors.canonical.sales import Deposit, DocumentState, DocumentTotals, SalesDocument
from connectors.core.ports import SalesTarget
from connectors.core.problems import ItemRefused
from sync.orders.words import VANISHED

OPEN = "open"


class LifeTarget(Protocol):
    """What the life of an order needs of :class:`SalesTarget`."""

    def find_document(self, web_number: str, *, piece: str = "") -> DocumentTotals | None:
        """See ``SalesTarget``."""
        ...

    def document_totals(self, web_number: str = "", *, piece: str = "") -> DocumentTotals | None:
        """See ``SalesTarget``."""
        ...

    def create_document(self, document: SalesDocument, *, customer: str, address: str) -> DocumentTotals:
        """See ``SalesTarget``."""
        ...

    def amend_document(self, document: SalesDocument, *, customer: str, address: str) -> DocumentTotals:
        """See ``SalesTarget``."""
        ...

    def hold_document(self, web_number: str) -> DocumentTotals:
        """See ``SalesTarget``."""
        ...

    def add_deposits(self, web_number: str, deposits: Sequence[Deposit]) -> DocumentTotals:
        """See ``SalesTarget``."""
        ...


class Rehearsal:
    """A target that reads and never writes: what is asked of it counts as done, for previews."""

    def __init__(self, target: SalesTarget) -> None:
        self._target = target
        self.find_document = target.find_document
        self.document_totals = target.document_totals

    def create_document(self, document: SalesDocument, *, customer: str, address: str) -> DocumentTotals:
        """What the document would amount to; it has no number yet."""
        return DocumentTotals(
            piece="…",
            kind=document.kind,
            gross=document.expected_gross,
            net=document.expected_gross - sum(document.expected_tax.values()),
            tax=document.expected_tax,
            codes=document.expected_codes,
        )

    def amend_document(self, document: SalesDocument, *, customer: str, address: str) -> DocumentTotals:
        """The document as it is. Raises ``ItemRefused`` when there is none."""
        return replace(self.hold_document(document.web_number), gross=document.expected_gross)

    def hold_document(self, web_number: str) -> DocumentTotals:
        """The document as it is. Raises ``ItemRefused`` when there is none."""
        held = self.find_document(web_number)
        if held is None:
            raise ItemRefused(VANISHED)
        return held

    def add_deposits(self, web_number: str, deposits: Sequence[Deposit]) -> DocumentTotals:
        """The document with these deposits. Raises ``ItemRefused`` when there is none."""
        held = self.hold_document(web_number)
        return replace(held, deposits=held.deposits + deposits_sum(deposits))


def stage(held: DocumentTotals) -> str:
    """The column of the table: an order that nobody may change any more counts as being prepared."""
    if held.state is DocumentState.ORDER:
        return OPEN if held.open else DocumentState.PREPARATION.value
    return held.state.value


def deposits_sum(deposits: Sequence[Deposit]) -> Decimal:
    """What deposits amount to together."""
    return sum((one.amount for one in deposits), Decimal(0))
