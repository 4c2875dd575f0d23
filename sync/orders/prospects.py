"""Writes prospects into the ERP: looked for by number and e-mail, created once, never changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.canonical.parties import Customer
from connectors.core.ports import SalesTarget
from connectors.core.problems import ConnectorError, ItemRefused, Problem
from connectors.core.results import Action, CustomerMatch, Found, ItemResult, Outbound, Outcome
from sync.orders.sessions import SalesSessions
from sync.orders.writer import OUTCOMES


def holders(target: SalesTarget, customer: Customer, *, by_email: bool) -> Sequence[CustomerMatch]:
    """Customers of the ERP that a prospect already is: the one with its number, else those with its e-mail."""
    numbered = target.customer(customer.number)
    if numbered is not None:
        return (numbered,)
    return target.customers_by_email(customer.email) if by_email else ()


class ProspectWriter:
    """A writer of prospects. ``by_email``: an e-mail designates a customer (CUS-08)."""

    def __init__(self, sessions: SalesSessions, *, by_email: bool) -> None:
        self._sessions = sessions
        self._by_email = by_email

    def find(self, batch: Sequence[Outbound[Customer]]) -> Mapping[str, Found]:
        """Customers that these accounts already are; an e-mail that several carry designates none."""
        found = {}
        with self._sessions.looking() as target:
            for item in batch:
                held = holders(target, item.record, by_email=self._by_email)
                if len(held) == 1:
                    found[item.key] = Found(held[0].number)
        return found

    def send(self, batch: Sequence[Outbound[Customer]]) -> Iterator[ItemResult]:
        """Creates those that are new; a customer that exists is linked and left as it is."""
        for item in batch:
            started = time.monotonic()
            try:
                with self._sessions.lent() as target:
                    result = self._one(item, target)
            except ConnectorError as error:
                if error.consequence not in OUTCOMES:
                    raise
                result = ItemResult(
                    key=item.key,
                    outcome=OUTCOMES[error.consequence],
                    problem=error.problem,
                    delay=getattr(error, "delay", None),
                    seconds=time.monotonic() - started,
                )
            yield result

    def compare(self, batch: Sequence[Outbound[Customer]]) -> Mapping[str, Mapping[str, tuple[Any, Any]]]:
        """An existing customer is never changed."""
        return {}

    def retire(self, batch: Sequence[Outbound[Customer]]) -> Iterator[ItemResult]:
        """Customers are never taken back."""
        raise NotImplementedError

    def _one(self, item: Outbound[Customer], target: SalesTarget) -> ItemResult:
        if item.action is Action.UPDATE:
            return ItemResult(key=item.key, outcome=Outcome.UNCHANGED, remote_key=item.remote_key)
        record = item.record
        held = holders(target, record, by_email=self._by_email)
        if len(held) > 1:
            raise ItemRefused(_shared(record.email, held))
        if held:
            return ItemResult(key=item.key, outcome=Outcome.UNCHANGED, remote_key=held[0].number)
        started = time.monotonic()
        number = target.create_customer(record)
        notes = target.take_notes()
        return ItemResult(
            key=item.key,
            outcome=Outcome.CREATED,
            remote_key=number,
            problem=notes[0] if notes else None,
            written=True,
            received={"notes": [note.text() for note in notes]} if notes else None,
            seconds=time.monotonic() - started,
        )


def _shared(email: str, held: Sequence[CustomerMatch]) -> Problem:
    return Problem(
        "prospect_email_shared",
        "L’adresse %(email)s est celle de plusieurs clients de l’ERP : %(numbers)s.",
        "Laissez cette adresse à un seul client dans l’ERP, puis relancez ce prospect. Rien n’a été créé.",
        values={"email": email, "numbers": ", ".join(one.number for one in held[:10])},
    )
