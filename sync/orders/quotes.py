"""Quotes on their way into the ERP, and those the buyer accepted: the ERP turns a quote into an order, never we."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.canonical.base import Record
from connectors.canonical.sales import DocumentKind
from connectors.core.ports import Writer
from connectors.core.problems import ConnectorError, Problem
from connectors.core.results import Found, ItemResult, Outbound, Outcome
from sync.orders.sessions import SalesSessions
from sync.orders.words import to_transform
from sync.orders.writer import OUTCOMES

LOOK_AGAIN = 3600.0
"""Seconds until an accepted quote is looked for in the ERP once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedQuote(Record):
    """A quote that has its document and became an order in the shop, in this status."""

    key: str
    web_number: str
    status: str


class QuoteWriter:
    """Writes quotes as orders are written, and tells of accepted ones until the ERP made an order of them.

    Nothing is ever created for an accepted quote: the document that the ERP makes of it carries the same web number.
    """

    def __init__(self, orders: Writer[Any], sessions: SalesSessions) -> None:
        self._orders = orders
        self._sessions = sessions

    def find(self, batch: Sequence[Outbound[Any]]) -> Mapping[str, Found]:
        """Documents that carry the number of these quotes already."""
        return self._orders.find([item for item in batch if not isinstance(item.record, AcceptedQuote)])

    def send(self, batch: Sequence[Outbound[Any]]) -> Iterator[ItemResult]:
        """One result per quote."""
        for item in batch:
            if isinstance(item.record, AcceptedQuote):
                yield self._accepted(item, item.record)
            else:
                yield from self._orders.send([item])

    def compare(self, batch: Sequence[Outbound[Any]]) -> Mapping[str, Mapping[str, tuple[Any, Any]]]:
        """An imported document is never changed by a preview or by a run."""
        return {}

    def retire(self, batch: Sequence[Outbound[Any]]) -> Iterator[ItemResult]:
        """Documents are never taken back."""
        raise NotImplementedError

    def _accepted(self, item: Outbound[Any], quote: AcceptedQuote) -> ItemResult:
        steps = dict(item.children)
        try:
            with self._sessions.lent() as target:
                held = target.find_document(quote.web_number)
        except ConnectorError as error:
            if error.consequence not in OUTCOMES:
                raise
            return ItemResult(key=item.key, outcome=OUTCOMES[error.consequence], problem=error.problem, children=steps)
        if held is None:
            return ItemResult(key=item.key, outcome=Outcome.REFUSED, problem=VANISHED, children=steps)
        if held.kind is DocumentKind.QUOTE:
            return ItemResult(
                key=item.key, outcome=Outcome.DEFERRED, problem=to_transform(held), delay=LOOK_AGAIN, children=steps
            )
        return ItemResult(key=item.key, outcome=Outcome.UNCHANGED, remote_key=quote.web_number, children=steps)


VANISHED = Problem(
    "quote_vanished",
    "Ce devis est accepté dans la boutique, mais il n’existe plus dans l’ERP.",
    "S’il doit devenir une commande, réinitialisez la commande : elle sera importée comme bon de commande.",
)
