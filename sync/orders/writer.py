"""Writes orders into the ERP step by step: customer, address, document with its payments, mark in the shop, then life.

Each step looks before it creates and is recorded under its name, so that a retry goes on at the first one not done and
a late step never hides the success of an earlier one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.canonical.sales import DocumentTotals, SalesDocument
from connectors.core.ports import SalesTarget
from connectors.core.problems import ConnectorError, Consequence, ItemDeferred, ItemRefused, Problem
from connectors.core.results import Action, Found, ItemResult, Outbound, Outcome, Remark
from connectors.core.texts import Text, joined
from profiles.sections import OrderChangesSection
from sync.mapping.customers import CustomerPlan
from sync.orders.life import Life
from sync.orders.records import ImportOrder
from sync.orders.sessions import SalesSessions
from sync.orders.steps import ADDRESS, CONTENT, CUSTOMER, DOCUMENT, DONE, MARK
from sync.orders.targets import Rehearsal
from sync.orders.words import VANISHED

PLANNED = "Après l’import"
"""Under this name a preview shows what would become of an imported order."""

Marker = Callable[[ImportOrder, DocumentTotals], None]
"""Marks an imported order in the shop; raises ``ConnectorError`` when the shop does not take it."""

OUTCOMES = {
    Consequence.REFUSED: Outcome.REFUSED,
    Consequence.DEFERRED: Outcome.DEFERRED,
    Consequence.RETRY: Outcome.FAILED,
    Consequence.UNCERTAIN: Outcome.UNCERTAIN,
}
"""What becomes of one record whose step raised; every other consequence ends the run."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Pass:
    """One order on its way: its steps as they are filled, what this pass did, and what the ERP noticed."""

    item: Outbound[ImportOrder]
    steps: dict[str, str]
    created: bool = False
    finished: bool = False
    news: bool = False
    remarks: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)


class OrderWriter:
    """A writer of :class:`ImportOrder` over the sessions of a slice.

    A session is taken for the steps in the ERP only: while the shop is told, another order is written. ``policy`` says
    what becomes of an imported order that changes.
    """

    def __init__(
        self,
        sessions: SalesSessions,
        mark: Marker,
        *,
        policy: OrderChangesSection | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._sessions = sessions
        self._mark = mark
        self._policy = policy or OrderChangesSection()
        self._clock = clock
        self._lock = threading.Lock()
        self._buyers: dict[str, threading.Lock] = {}

    def find(self, batch: Sequence[Outbound[ImportOrder]]) -> Mapping[str, Found]:
        """Documents that carry the number of these orders already."""
        found = {}
        with self._sessions.looking() as target:
            for item in batch:
                held = target.find_document(item.record.web_number)
                if held is not None:
                    found[item.key] = Found(item.record.web_number, children={DOCUMENT: held.piece})
        return found

    def send(self, batch: Sequence[Outbound[ImportOrder]]) -> Iterator[ItemResult]:
        """One result per order; an order that fails never touches the next one."""
        for item in batch:
            started = time.monotonic()
            done = _Pass(item, dict(item.children), finished=MARK in item.children)
            problem: Problem | None = None
            try:
                problem = self._steps(done)
            except ConnectorError as error:
                if error.consequence not in OUTCOMES:
                    raise
                yield self._failed(done, error, seconds=time.monotonic() - started)
                continue
            yield self._done(done, problem, seconds=time.monotonic() - started)

    def compare(self, batch: Sequence[Outbound[ImportOrder]]) -> Mapping[str, Mapping[str, tuple[Any, Any]]]:
        """What would be done about an imported order, in words; reads the ERP and writes nothing."""
        with self._sessions.looking() as target:
            return {item.key: self._planned(item, target) for item in batch if item.action is Action.UPDATE}

    def _planned(self, item: Outbound[ImportOrder], target: SalesTarget) -> Mapping[str, tuple[Any, Any]]:
        steps = dict(item.children)
        if MARK not in steps:
            return {}
        life = Life(
            item.record,
            steps,
            target=Rehearsal(target),
            policy=self._policy,
            place=lambda: (steps.get(CUSTOMER, ""), steps.get(ADDRESS, "")),
            now=self._clock(),
        )
        try:
            life.follow(before=CONTENT not in steps)
        except (ItemRefused, ItemDeferred) as error:
            return {PLANNED: ("", error.problem.said)}
        told = life.problem()
        words = joined(*(remark.text for remark in life.remarks), told.said if told else "")
        return {PLANNED: ("", words)} if words else {}

    def retire(self, batch: Sequence[Outbound[ImportOrder]]) -> Iterator[ItemResult]:
        """Documents are never taken back."""
        raise NotImplementedError

    def _steps(self, done: _Pass) -> Problem | None:
        """Does the steps that are not done; returns what a person has been told and not settled."""
        order, steps = done.item.record, done.steps
        before = done.finished and CONTENT not in steps
        if order.gone:
            done.finished = True
            with self._life(done) as (life, _):
                life.vanish(before=before)
                return life.problem()
        if not done.finished:
            with self._life(done) as (life, target):
                totals = self._import(done, life, target)
            self._mark(order, totals)
            steps[MARK] = DONE
            if done.created and not order.has_lived:
                return None
        with self._life(done) as (life, _):
            life.follow(before=before)
            return life.problem()

    @contextmanager
    def _life(self, done: _Pass) -> Iterator[tuple[Life, SalesTarget]]:
        """The order’s life over a session of the ERP; what it did and what was noticed is kept, also on failure."""
        order, steps = done.item.record, done.steps
        with self._sessions.lent() as target:
            life = Life(
                order,
                steps,
                target=target,
                policy=self._policy,
                place=lambda: self._place(order, steps, target),
                now=self._clock(),
            )
            try:
                yield life, target
            finally:
                done.news = done.news or life.news
                done.remarks += life.remarks
                done.notes += [Remark(one.said, one.advised, warning=True) for one in target.take_notes()]

    def _import(self, done: _Pass, life: Life, target: SalesTarget) -> DocumentTotals:
        """The steps in the ERP."""
        order, steps = done.item.record, done.steps
        document = _wanted(order)
        totals = target.find_document(document.web_number)
        if done.item.action is Action.UPDATE and totals is None:
            raise ItemRefused(VANISHED)
        if totals is None:
            _forget_lost(steps, target)
            customer, address = self._place(order, steps, target)
            totals = target.create_document(document, customer=customer, address=address)
            done.created = True
        steps[DOCUMENT] = totals.piece
        if done.created:
            _require_equal(document, totals)
            life.begin(totals)
        return totals

    def _place(self, order: ImportOrder, steps: dict[str, str], target: SalesTarget) -> tuple[str, str]:
        """Customer and address, each found or created once."""
        if order.plan is None:
            return steps.get(CUSTOMER, ""), steps.get(ADDRESS, "")
        with self._alone_with(order.plan):
            if CUSTOMER not in steps:
                steps[CUSTOMER] = self._customer(order.plan, target)
            if ADDRESS not in steps:
                steps[ADDRESS] = self._address(order.plan, target, steps[CUSTOMER])
        return steps[CUSTOMER], steps[ADDRESS]

    def _alone_with(self, plan: CustomerPlan) -> threading.Lock:
        """Two first orders of one buyer never look for their customer at the same time."""
        with self._lock:
            return self._buyers.setdefault(plan.record.email or plan.link, threading.Lock())

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

    def _done(self, done: _Pass, problem: Problem | None, *, seconds: float) -> ItemResult:
        if done.created:
            outcome = Outcome.CREATED
        else:
            outcome = Outcome.UPDATED if done.remarks or not done.finished else Outcome.UNCHANGED
        if problem is not None and not done.finished:
            piece = Remark(Text("Importée dans l’ERP : pièce %(piece)s.", {"piece": done.steps[DOCUMENT]}))
            done.remarks.insert(0, piece)
        return ItemResult(
            key=done.item.key,
            outcome=outcome if problem is None else Outcome.REFUSED,
            remote_key=done.item.record.web_number,
            children=done.steps,
            problem=problem,
            written=done.created,
            seconds=seconds,
            remarks=(*done.remarks, *done.notes),
            quiet=problem is not None and not done.news,
            gone=done.item.record.gone,
        )

    def _failed(self, done: _Pass, error: ConnectorError, *, seconds: float) -> ItemResult:
        """What failed keeps the steps that were done; a document that exists stays linked and paid for."""
        exists = DOCUMENT in done.steps
        return ItemResult(
            key=done.item.key,
            outcome=OUTCOMES[error.consequence],
            remote_key=done.item.record.web_number if exists else "",
            children=done.steps,
            problem=error.problem,
            written=exists and done.item.action is Action.CREATE,
            delay=getattr(error, "delay", None),
            seconds=seconds,
            remarks=(*done.remarks, *done.notes),
        )


def _forget_lost(steps: dict[str, str], target: SalesTarget) -> None:
    """A customer that an earlier attempt recorded may be gone: deleted by hand, or a back-up was restored."""
    if CUSTOMER in steps and target.customer(steps[CUSTOMER]) is None:
        steps.pop(CUSTOMER)
        steps.pop(ADDRESS, None)


def _wanted(order: ImportOrder) -> SalesDocument:
    """The document to create. Raises ``ItemRefused`` with what keeps it from being mapped."""
    if order.document is None:
        raise ItemRefused(order.problem or VANISHED)
    return order.document


def _other_codes(wanted: SalesDocument, held: DocumentTotals) -> list[str]:
    """Tax codes with another amount than the order's, where the ERP keeps codes."""
    known = {*wanted.expected_codes, *held.codes} if wanted.expected_codes and held.codes else set()
    return [code for code in sorted(known) if wanted.expected_codes.get(code, 0) != held.codes.get(code, 0)]


def _require_equal(wanted: SalesDocument, held: DocumentTotals) -> None:
    """The ERP's document equals the order to the cent, total and VAT per rate; a difference is shown, never hidden."""
    rates = {rate for rate, amount in wanted.expected_tax.items() if amount} | {
        rate for rate, amount in held.tax.items() if amount
    }
    different = [rate for rate in rates if wanted.expected_tax.get(rate, 0) != held.tax.get(rate, 0)]
    codes = _other_codes(wanted, held)
    if wanted.expected_gross == held.gross and not different and not codes:
        return
    lines = [
        f"TVA {rate} % : boutique {wanted.expected_tax.get(rate, 0)}, ERP {held.tax.get(rate, 0)}" for rate in rates
    ]
    lines += [
        f"taxe {code} : boutique {wanted.expected_codes.get(code, 0)}, ERP {held.codes.get(code, 0)}" for code in codes
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
