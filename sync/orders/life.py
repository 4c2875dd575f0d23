"""The life of an imported order: what happened in the shop, what the ERP's state allows, and what is done about it.

Each event is a recorded step of its own: looked up before anything is created, done once, told once. A document that
went on is never changed; a posted one only ever gets a credit note beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any

from connectors.canonical.sales import Deposit, DocumentKind, DocumentTotals, SalesDocument
from connectors.core.problems import ItemDeferred, ItemRefused, Problem
from connectors.core.results import Remark
from connectors.core.texts import joined
from profiles.sections import OrderChangesSection
from sync.mapping.order_refunds import cancellation_number, without_refunds
from sync.orders.records import CreditNote, ImportOrder
from sync.orders.steps import (
    ADDRESS,
    CONTENT,
    DOCUMENT,
    DONE,
    GONE,
    PAID,
    TOTAL,
    Act,
    Event,
    Lived,
    amended_refunds,
    credited_refunds,
    lived,
    payments_known,
    payments_note,
    record,
    step_name,
)
from sync.orders.targets import OPEN, LifeTarget, deposits_sum, stage
from sync.orders.words import (
    HAND_CHANGED,
    NOT_EQUAL,
    PAYMENT_CHANGED,
    PAYMENT_TOO_MUCH,
    REFUND_SETTLED,
    VANISHED,
    done_text,
    overpaid_notes,
    problem_of,
    to_transform,
    told_problem,
)

_UNKNOWN = "?"
"""Content of a piece that was found and is not what the order says."""
_KEY = 8
_CANCELLED = {
    OPEN: "cancelled_open",
    "delivery": "cancelled_delivery",
    "invoice": "cancelled_invoice",
    "posted": "cancelled_posted",
}
_PAYABLE = {OPEN: "paid_open", "preparation": "paid_preparation"}

Place = Callable[[], tuple[str, str]]
"""Customer and delivery address of the order in the ERP, found or created."""


class Life:
    """One pass over the events of one order. ``steps`` is filled as things get done, so that a retry goes on there.

    ``remarks``: what was done, for the journal. ``news``: whether a person is told something now.
    """

    def __init__(
        self,
        order: ImportOrder,
        steps: dict[str, str],
        *,
        target: LifeTarget,
        policy: OrderChangesSection,
        place: Place,
        now: datetime,
    ) -> None:
        self.order = order
        self.steps = steps
        self.remarks: list[Remark] = []
        self.news = False
        self._target = target
        self._policy: dict[str, Any] = policy.model_dump()
        self._place = place
        self._moments = (now + timedelta(microseconds=step) for step in count())

    def begin(self, totals: DocumentTotals) -> None:
        """Records what a document that was just created holds."""
        self._holds(self.order.facts.content, totals)
        if self.order.facts.paid or (self.order.document and self.order.document.deposits):
            self._settle_payments()

    def follow(self, *, before: bool) -> None:
        """Meets every event that is not settled. ``before``: the import was finished before lives were followed.

        Raises ``ItemRefused`` (``document_vanished``), ``ItemDeferred`` (``quote_accepted``), and what the
        ERP raises when it cannot answer now.
        """
        self.steps.pop(GONE, None)
        if self.order.firm and self._held().kind is DocumentKind.QUOTE:
            raise ItemDeferred(to_transform(self._held()))
        if CONTENT not in self.steps:
            self._recognise()
        self._meet_edit(before)
        for note in self.order.credits:
            if self._is_pending(Event.REFUNDED, note.key):
                self._meet_refund(note, before)
        self._meet_lost_refunds()
        self._meet_cancellation(before)
        self._meet_payment(before)
        self._meet_other_payments(before)

    def vanish(self, *, before: bool) -> None:
        """Meets the deletion of the order in the shop as a cancellation; nothing where its document is gone as well.

        Raises what the ERP raises when it cannot answer now.
        """
        piece = self.steps.get(DOCUMENT, "")
        if self._target.find_document(self.order.web_number, piece=piece) is not None:
            self._meet_cancellation(before)
        self.steps[GONE] = DONE

    def problem(self) -> Problem | None:
        """Everything a person was told and has not settled, the newest naming the cause."""
        told = [one for one in lived(self.steps) if one.open]
        if not told:
            return None
        sentences = {str(one.text): one.text for one in told}
        return problem_of(told[-1].code, joined(*sentences.values()), told[-1].advice)

    # --- Events ------------------------------------------------------------------------------------------------

    def _meet_edit(self, before: bool) -> None:
        content = self.order.facts.content
        key = content[:_KEY]
        self._drop_edits(but=key if self.steps[CONTENT] != content else "")
        if not content or self.steps[CONTENT] == content or not self._is_pending(Event.EDITED, key):
            return
        self._meet(Event.EDITED, key, before, {OPEN: "edited_open"}, self._amend)
        if self._recorded(Event.EDITED, key).act is Act.AMEND:
            self.steps[CONTENT] = content

    def _meet_refund(self, note: CreditNote, before: bool) -> None:
        if note.document is None and note.problem is None:
            self._record(Event.REFUNDED, note.key, Act.NONE, self._held())
            return
        found = self._target.find_document(note.document.web_number) if note.document else None
        if found is not None:
            self._record(Event.REFUNDED, note.key, Act.CREDIT, self._held(), piece=found.piece)
            return
        if self._whole_credit() is not None:
            self._record(Event.REFUNDED, note.key, Act.NONE, self._held())
            return
        columns = {
            OPEN: "refunded_open",
            "preparation": "refunded_preparation",
            "delivery": "refunded_delivery",
            "invoice": "refunded_invoice",
            "posted": "refunded_posted",
        }
        self._meet(Event.REFUNDED, note.key, before, columns, lambda held: self._amend(held, note))

    def _meet_lost_refunds(self) -> None:
        """Refunds that were taken back in the shop: what was done for them is a person's to undo."""
        known = {note.key for note in self.order.credits}
        for one in lived(self.steps):
            gone = one.event is Event.REFUNDED and one.key not in known and one.act is not Act.NONE
            if gone and self._is_pending(Event.UNREFUNDED, one.key):
                self._tell(Event.UNREFUNDED, one.key, self._held())

    def _meet_cancellation(self, before: bool) -> None:
        name = step_name(Event.CANCELLED)
        if self.order.facts.cancelled:
            if self._is_pending(Event.CANCELLED):
                self._meet(Event.CANCELLED, "", before, _CANCELLED, None)
        elif name in self.steps:
            if not self._recorded(Event.CANCELLED).open:
                self._tell(Event.RESUMED, self._recorded(Event.CANCELLED).at, self._held())
            del self.steps[name]

    def _meet_payment(self, before: bool) -> None:
        document = self.order.document
        if not self.order.facts.paid or PAID in self.steps or not self._is_pending(Event.PAID):
            return
        if document is not None and not document.deposits:
            self._settle_payments()
            return
        if document is not None and deposits_sum(document.deposits) <= self._held().deposits:
            self._record(Event.PAID, "", Act.NONE, self._held())
        else:
            self._meet(Event.PAID, "", before, _PAYABLE, self._pay)
        if self._recorded(Event.PAID).act in (Act.AMEND, Act.NONE):
            self._settle_payments()
            self.remarks += [Remark(note, warning=True) for note in overpaid_notes(document)]

    def _meet_other_payments(self, before: bool) -> None:
        """Payments that came after the first ones, each by itself; a changed amount is a person's to sort out."""
        for key, amount in self.order.facts.payments:
            known = payments_known(self.steps)
            event = f"{key}={amount}"
            if known.get(key) == amount or PAID not in self.steps or not self._is_pending(Event.PAID, event):
                continue
            if key in known:
                self._tell(Event.PAID, event, self._held(), reason=PAYMENT_CHANGED)
                continue
            if self._is_covered(key):
                self._record(Event.PAID, event, Act.NONE, self._held())
            else:
                self._meet(Event.PAID, event, before, _PAYABLE, partial(self._pay_other, key))
            if self._recorded(Event.PAID, event).act in (Act.AMEND, Act.NONE):
                payments_note(self.steps, {key: amount})

    def _meet(
        self,
        event: Event,
        key: str,
        before: bool,
        columns: dict[str, str],
        amend: Callable[[DocumentTotals], DocumentTotals] | None,
    ) -> None:
        """Does what the table says, and tells instead where the ERP or the arithmetic refuses."""
        held = self._held()
        option = columns.get(stage(held), "")
        act = Act(self._policy[option]) if option and not before else Act.TELL
        try:
            if act is Act.AMEND and amend is not None:
                self._record(event, key, act, amend(held))
            elif act is Act.CREDIT and event is Event.CANCELLED:
                self._cancel_with_credit(held)
            elif act is Act.CREDIT:
                self._record(event, key, act, held, piece=self._credit(key).piece)
            elif act is Act.HOLD and event is Event.CANCELLED:
                self._record(event, key, act, self._target.hold_document(self.order.web_number))
            else:
                on_hold = self._target.hold_document(self.order.web_number) if act is Act.HOLD else held
                self._tell(event, key, on_hold, before=before)
        except ItemRefused as error:
            self._tell(event, key, held, reason=error.problem)

    # --- Acts --------------------------------------------------------------------------------------------------

    def _amend(self, held: DocumentTotals, note: CreditNote | None = None) -> DocumentTotals:
        """The open piece made to hold the order less what was refunded of it.

        A piece whose total is neither what we wrote nor what we are about to write was changed by a person.
        """
        if note is not None and self.order.facts.content not in ("", self.steps[CONTENT]):
            raise ItemRefused(NOT_EQUAL)
        wanted = self._body({*amended_refunds(self.steps), *([note.key] if note else [])})
        if str(held.gross) != self.steps.get(TOTAL, "") and held.gross != wanted.expected_gross:
            raise ItemRefused(HAND_CHANGED)
        if note is None:
            # The order may go elsewhere now: the address is looked for again.
            self.steps.pop(ADDRESS, None)
        customer, address = self._place()
        totals = self._target.amend_document(wanted, customer=customer, address=address)
        self.steps[TOTAL] = str(totals.gross)
        return totals

    def _body(self, refunds: set[str]) -> SalesDocument:
        """The order's document without these refunds. Raises the ``ItemRefused`` that keeps one from being mapped."""
        if self.order.document is None:
            raise ItemRefused(self.order.problem or NOT_EQUAL)
        notes = [note for note in self.order.credits if note.key in refunds]
        return without_refunds(self.order.document, [_mapped(note) for note in notes], decimals=self.order.decimals)

    def _credit(self, key: str) -> DocumentTotals:
        note = next(one for one in self.order.credits if one.key == key)
        document = _mapped(note)
        customer, address = self._place()
        return self._target.create_document(document, customer=customer, address=address)

    def _cancel_with_credit(self, held: DocumentTotals) -> None:
        """Credits all of the order that is not credited yet; its refunds need no credit note of their own any more."""
        found = self._whole_credit()
        if found is None:
            document = self._rest_to_credit()
            if document.expected_gross > 0:
                customer, address = self._place()
                found = self._target.create_document(document, customer=customer, address=address)
        if found is None:
            self._record(Event.CANCELLED, "", Act.NONE, held)
        else:
            self._record(Event.CANCELLED, "", Act.CREDIT, held, piece=found.piece)
        for note in self.order.credits:
            if self._is_pending(Event.REFUNDED, note.key):
                self._record(Event.REFUNDED, note.key, Act.NONE, held)

    def _whole_credit(self) -> DocumentTotals | None:
        return self._target.find_document(cancellation_number(self.order.web_number))

    def _rest_to_credit(self) -> SalesDocument:
        """The credit note of the order less what was credited or taken out of its piece.

        Raises ``ItemRefused`` where the pieces do not hold the order as it is known, or where a person dealt with one
        of its refunds: what is left is then his to say.
        """
        whole = self.order.whole
        if whole is None or self.steps.get(CONTENT) != self.order.facts.content:
            raise ItemRefused(NOT_EQUAL)
        amended = amended_refunds(self.steps)
        totals = self._target.document_totals(self.order.web_number) or self._held()
        if totals.gross != self._body(amended).expected_gross:
            raise ItemRefused(HAND_CHANGED)
        for one in lived(self.steps):
            if one.event is Event.REFUNDED and one.act is Act.TELL and (one.before or not one.open):
                raise ItemRefused(replace(REFUND_SETTLED, values={"key": one.key}))
        done = amended | credited_refunds(self.steps)
        notes = [_mapped(note) for note in self.order.credits if note.key in done]
        return without_refunds(_mapped(whole), notes, decimals=self.order.decimals)

    def _pay(self, held: DocumentTotals) -> DocumentTotals:
        if self.order.document is None:
            raise ItemRefused(self.order.problem or NOT_EQUAL)
        known = payments_known(self.steps)
        wanted = [one for one in self.order.document.deposits if one.payment not in known]
        # What the piece holds beyond our own was entered by a person: this may well be the same money.
        if deposits_sum(wanted) > deposits_sum(self.order.document.deposits) - held.deposits:
            raise ItemRefused(PAYMENT_TOO_MUCH)
        return self._target.add_deposits(self.order.web_number, wanted)

    def _pay_other(self, key: str, held: DocumentTotals) -> DocumentTotals:
        """Adds one late payment; under a numbered label where it looks like another one of the order."""
        if self.order.document is None:
            raise ItemRefused(self.order.problem or NOT_EQUAL)
        deposits = self.order.document.deposits
        place = next(place for place, one in enumerate(deposits) if one.payment == key)
        late = deposits[place]
        if late.amount > deposits_sum(deposits) - held.deposits:
            raise ItemRefused(PAYMENT_TOO_MUCH)
        alike = [one for one in deposits[:place] if _looks(one) == _looks(late)]
        if alike:
            late = replace(late, label=f"({len(alike) + 1}) {late.label}")
        return self._target.add_deposits(self.order.web_number, [late])

    # --- What is known -----------------------------------------------------------------------------------------

    def _held(self) -> DocumentTotals:
        held = self._target.find_document(self.order.web_number, piece=self.steps.get(DOCUMENT, ""))
        if held is None:
            raise ItemRefused(VANISHED)
        return held

    def _holds(self, content: str, totals: DocumentTotals) -> None:
        self.steps[CONTENT] = content
        self.steps[TOTAL] = str(totals.gross)

    def _is_covered(self, key: str) -> bool:
        """Whether nothing is to be created for a payment: the profile wants none, or the piece has its amount."""
        document = self.order.document
        if document is None:
            return False
        return (
            all(one.payment != key for one in document.deposits)
            or deposits_sum(document.deposits) <= self._held().deposits
        )

    def _settle_payments(self) -> None:
        """Every payment known now needs nothing more."""
        self.steps[PAID] = DONE
        made = self.order.document.deposits if self.order.document else ()
        payments_note(self.steps, {one.payment: one.amount for one in made if one.payment})
        payments_note(self.steps, dict(self.order.facts.payments))

    def _recognise(self) -> None:
        """Says what a document holds that was found and not created now: the order, with or without its refunds."""
        totals = self._target.document_totals(self.order.web_number) or self._held()
        self.steps[CONTENT] = _UNKNOWN
        for refunds in (set(), {note.key for note in self.order.credits}):
            try:
                body = self._body(refunds)
            except ItemRefused:
                continue
            if _is_equal(body, totals):
                self._holds(self.order.facts.content, totals)
                for key in sorted(refunds):
                    self._record(Event.REFUNDED, key, Act.AMEND, self._held(), silent=True)
                break
        document = self.order.document
        if self.order.facts.paid and document is not None and totals.deposits == deposits_sum(document.deposits):
            self._settle_payments()

    def _moment(self) -> str:
        """The instant of this pass, each time a little later, so that events of one pass keep their order."""
        return next(self._moments).isoformat(timespec="microseconds")

    def _is_pending(self, event: Event, key: str = "") -> bool:
        """Whether an event was never met, or was told and may be acted upon now that something changed."""
        if step_name(event, key) not in self.steps:
            return True
        held = self._recorded(event, key)
        return held.open and not held.before

    def _recorded(self, event: Event, key: str = "") -> Lived:
        return next(one for one in lived(self.steps) if one.name == step_name(event, key))

    def _drop_edits(self, *, but: str) -> None:
        """Forgets edits that were only told and that a newer one, or none, took the place of."""
        for one in lived(self.steps):
            if one.event is Event.EDITED and one.open and one.key != but:
                del self.steps[one.name]

    def _record(
        self, event: Event, key: str, act: Act, held: DocumentTotals, *, piece: str = "", silent: bool = False
    ) -> None:
        done = Lived(
            event=event,
            key=key,
            act=act,
            state=stage(held),
            at=self._moment(),
            piece=piece or held.piece,
        )
        record(self.steps, done)
        if act is not Act.NONE and not silent:
            self.remarks.append(Remark(done_text(done, deleted=self.order.gone)))

    def _tell(
        self, event: Event, key: str, held: DocumentTotals, *, reason: Problem | None = None, before: bool = False
    ) -> None:
        known = step_name(event, key) in self.steps
        problem = told_problem(event, key, held, stage(held), self.order.total, reason, deleted=self.order.gone)
        told = Lived(
            event=event,
            key=key,
            act=Act.TELL,
            state=stage(held),
            at=self._recorded(event, key).at if known else self._moment(),
            piece=held.piece,
            code=problem.code,
            text=problem.said,
            advice=problem.advised,
            open=True,
            before=before,
        )
        record(self.steps, told)
        self.news |= not known


def _looks(deposit: Deposit) -> tuple[Decimal, str, str]:
    """What the ERP knows a deposit by."""
    return deposit.amount, deposit.label, deposit.method


def _mapped(note: CreditNote) -> SalesDocument:
    if note.document is None:
        raise ItemRefused(note.problem or NOT_EQUAL)
    return note.document


def _is_equal(document: SalesDocument, totals: DocumentTotals) -> bool:
    def rates(taxes: Mapping[str, Decimal]) -> dict[str, Decimal]:
        return {percent: amount for percent, amount in taxes.items() if amount}

    codes = rates(document.expected_codes), rates(totals.codes)
    return (
        document.expected_gross == totals.gross
        and rates(document.expected_tax) == rates(totals.tax)
        and (codes[0] == codes[1] or not all(codes))
    )
