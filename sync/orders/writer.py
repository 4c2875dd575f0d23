"""Writes orders into the ERP step by step: customer, address, document with its payments, mark in the shop.

Each step looks before it creates and is recorded under its name, so that a retry goes on at the first one not done and
a late step never hides the success of an earlier one.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, cast

from connectors.canonical.sales import DocumentTotals
from connectors.core.ports import Connection, SalesConnection, SalesTarget
from connectors.core.problems import ConnectorError, Consequence, ItemRefused, Problem
from connectors.core.results import Action, Found, ItemResult, Outbound, Outcome
from sync.mapping.customers import CustomerPlan
from sync.orders.records import ImportOrder

CUSTOMER, ADDRESS, DOCUMENT, MARK = "customer", "address", "document", "mark"
DONE = "oui"

Marker = Callable[[ImportOrder, DocumentTotals], None]
"""Marks an imported order in the shop; raises ``ConnectorError`` when the shop does not take it."""

_OUTCOMES = {
    Consequence.REFUSED: Outcome.REFUSED,
    Consequence.DEFERRED: Outcome.DEFERRED,
    Consequence.RETRY: Outcome.FAILED,
    Consequence.UNCERTAIN: Outcome.UNCERTAIN,
}


class OrderWriter:
    """A writer of :class:`ImportOrder` over at most ``sessions`` of the ERP; ``close`` ends them all.

    A session is taken for the steps in the ERP only: while the shop is told, another order is written. Looking for
    documents has a session of its own, so that it never waits for a slow writing.
    """

    def __init__(
        self, open_erp: Callable[[], AbstractContextManager[Connection]], mark: Marker, *, sessions: int = 1
    ) -> None:
        self._open_erp = open_erp
        self._mark = mark
        self._lock = threading.Lock()
        self._sessions = ExitStack()
        self._finder: SalesTarget | None = None
        self._free: queue.LifoQueue[SalesTarget | None] = queue.LifoQueue()
        for _ in range(max(1, sessions)):
            self._free.put(None)
        self._buyers: dict[str, threading.Lock] = {}

    def find(self, batch: Sequence[Outbound[ImportOrder]]) -> Mapping[str, Found]:
        """Documents that carry the number of these orders already."""
        found = {}
        self._finder = self._finder or self._opened()
        for item in batch:
            held = self._finder.find_document(item.record.document.web_number)
            if held is not None:
                found[item.key] = Found(item.record.document.web_number, children={DOCUMENT: held.piece})
        return found

    def send(self, batch: Sequence[Outbound[ImportOrder]]) -> Iterator[ItemResult]:
        """One result per order; an order that fails never touches the next one."""
        for item in batch:
            started = time.monotonic()
            steps = dict(item.children)
            try:
                written = self._steps(item, steps)
            except ConnectorError as error:
                if error.consequence not in _OUTCOMES:
                    raise
                yield self._failed(item, steps, error, seconds=time.monotonic() - started)
                continue
            yield self._done(item, steps, written=written, seconds=time.monotonic() - started)

    def compare(self, batch: Sequence[Outbound[ImportOrder]]) -> Mapping[str, Mapping[str, tuple[Any, Any]]]:
        """An imported document is never changed by a preview or by a run."""
        return {}

    def retire(self, batch: Sequence[Outbound[ImportOrder]]) -> Iterator[ItemResult]:
        """Documents are never taken back."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends the sessions of every thread. May be called twice."""
        self._sessions.close()

    @contextmanager
    def _target(self) -> Iterator[SalesTarget]:
        """A session of the ERP for this thread alone; waits while all are taken."""
        free = self._free.get()
        try:
            free = free or self._opened()
            yield free
        finally:
            self._free.put(free)

    def _opened(self) -> SalesTarget:
        with self._lock:
            connection = self._sessions.enter_context(self._open_erp())
        return cast(SalesConnection, connection).sales()

    def _alone_with(self, plan: CustomerPlan) -> threading.Lock:
        """Two first orders of one buyer never look for their customer at the same time."""
        with self._lock:
            return self._buyers.setdefault(plan.record.email or plan.link, threading.Lock())

    def _steps(self, item: Outbound[ImportOrder], steps: dict[str, str]) -> bool:
        """Does the steps that are not done, filling ``steps``; returns whether a document was created now."""
        if MARK in steps:
            raise ItemRefused(CHANGED)
        with self._target() as target:
            totals, written = self._written(item, steps, target)
        self._mark(item.record, totals)
        steps[MARK] = DONE
        return written

    def _written(
        self, item: Outbound[ImportOrder], steps: dict[str, str], target: SalesTarget
    ) -> tuple[DocumentTotals, bool]:
        """The steps in the ERP."""
        order = item.record
        before = target.find_document(order.document.web_number)
        if item.action is Action.UPDATE and before is None:
            raise ItemRefused(VANISHED)
        if before is None:
            with self._alone_with(order.plan):
                if CUSTOMER not in steps:
                    steps[CUSTOMER] = self._customer(order.plan, target)
                if ADDRESS not in steps:
                    steps[ADDRESS] = self._address(order.plan, target, steps[CUSTOMER])
        totals = before or target.create_document(
            order.document, customer=steps[CUSTOMER], address=steps.get(ADDRESS, "")
        )
        steps[DOCUMENT] = totals.piece
        if before is None:
            _require_equal(order, totals)
        return totals, before is None

    def _customer(self, plan: CustomerPlan, target: SalesTarget) -> str:
        """Imposed, else found by number or e-mail, else the common account, else created."""
        if plan.imposed:
            return plan.imposed
        found = target.find_customer(email=plan.email, number=plan.number) if plan.email or plan.number else None
        if found and plan.update_billing:
            target.update_customer(found, plan.record)
        return found or plan.fallback or target.create_customer(plan.record)

    def _address(self, plan: CustomerPlan, target: SalesTarget, customer: str) -> str:
        found = target.find_address(customer, plan.delivery, plan.same_place)
        if found and plan.update_delivery:
            target.update_address(customer, found, plan.delivery)
        return found or target.create_address(customer, plan.delivery)

    def _done(self, item: Outbound[ImportOrder], steps: dict[str, str], *, written: bool, seconds: float) -> ItemResult:
        return ItemResult(
            key=item.key,
            outcome=Outcome.CREATED if written else Outcome.UPDATED,
            remote_key=item.record.document.web_number,
            children=steps,
            written=written,
            seconds=seconds,
        )

    def _failed(
        self, item: Outbound[ImportOrder], steps: dict[str, str], error: ConnectorError, *, seconds: float
    ) -> ItemResult:
        """What failed keeps the steps that were done; a document that exists stays linked and paid for."""
        exists = DOCUMENT in steps
        return ItemResult(
            key=item.key,
            outcome=_OUTCOMES[error.consequence],
            remote_key=item.record.document.web_number if exists else "",
            children=steps,
            problem=error.problem,
            written=exists and item.action is Action.CREATE,
            delay=getattr(error, "delay", None),
            seconds=seconds,
        )


def _require_equal(order: ImportOrder, totals: DocumentTotals) -> None:
    """The ERP's document equals the order to the cent, total and VAT per rate; a difference is shown, never hidden."""
    wanted, held = order.document, totals
    rates = {rate for rate, amount in wanted.expected_tax.items() if amount} | {
        rate for rate, amount in held.tax.items() if amount
    }
    different = [rate for rate in rates if wanted.expected_tax.get(rate, 0) != held.tax.get(rate, 0)]
    if wanted.expected_gross == held.gross and not different:
        return
    lines = [
        f"TVA {rate} % : boutique {wanted.expected_tax.get(rate, 0)}, ERP {held.tax.get(rate, 0)}" for rate in rates
    ]
    detail = "; ".join([f"total : boutique {wanted.expected_gross}, ERP {held.gross}", *sorted(lines)])
    raise ItemRefused(
        Problem(
            "totals_differ",
            "La pièce %(piece)s a été créée, mais son total ou sa TVA ne sont pas ceux de la commande.",
            "Comparez les deux colonnes ci-dessous et corrigez la pièce dans l’ERP.",
            detail=detail,
            values={"piece": held.piece},
        )
    )


CHANGED = Problem(
    "order_changed_after_import",
    "La commande a changé dans la boutique après son import ; sa pièce n’a pas été touchée.",
    "Comparez la commande et sa pièce, et corrigez la pièce dans l’ERP si elle est encore ouverte.",
)
VANISHED = Problem(
    "document_vanished",
    "La pièce de cette commande n’existe plus dans l’ERP.",
    "Si elle y a été supprimée exprès, ne faites rien. Sinon, réinitialisez la commande pour l’importer à nouveau.",
)
