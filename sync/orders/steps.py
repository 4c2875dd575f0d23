"""The recorded steps of an order: names, and how what happened after the import is kept in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from connectors.core.texts import Text

CUSTOMER, ADDRESS, DOCUMENT, MARK = "customer", "address", "document", "mark"
CONTENT, TOTAL, PAID, PAYMENTS = "content", "total", "paid", "payments"
"""Hash of the content the piece holds, the total it had when it was last written, whether its payment is settled, and
the amounts of the order's other payments that are."""
GONE = "gone"
"""The order was deleted for good in the shop and that was met; it is looked for no more."""
DONE = "oui"
_EVENT = "event:"


class Event(StrEnum):
    """What happened in the shop."""

    EDITED = "edited"
    REFUNDED = "refunded"
    UNREFUNDED = "unrefunded"
    CANCELLED = "cancelled"
    RESUMED = "resumed"
    PAID = "paid"


class Act(StrEnum):
    """What was done about it. ``NONE``: the ERP had it already, or nothing was due."""

    AMEND = "amend"
    CREDIT = "credit"
    HOLD = "hold"
    TELL = "tell"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """One event of an order with what was done about it.

    ``key`` tells apart several of a kind (the refund's key, the content). ``open``: a person was told and has not
    said that it is settled. ``before``: it was met with an order imported before its life was followed, and is never
    acted upon. ``at`` is an instant as text, ``state`` the ERP's state then.
    """

    event: Event
    key: str = ""
    act: Act
    state: str = ""
    at: str = ""
    piece: str = ""
    code: str = ""
    text: Text = field(default_factory=Text)
    advice: Text = field(default_factory=Text)
    open: bool = False
    before: bool = False

    @property
    def name(self) -> str:
        """The name of its step."""
        return step_name(self.event, self.key)


def step_name(event: Event, key: str = "") -> str:
    """The step an event is recorded under."""
    return f"{_EVENT}{event}:{key}"


def record(steps: dict[str, str], lived: Lived) -> None:
    """Records an event, in the place of what was recorded of it before."""
    steps[lived.name] = _dumped(lived)


def lived(steps: Mapping[str, str]) -> list[Lived]:
    """Every recorded event, the oldest first."""
    found = [_loaded(text) for name, text in steps.items() if name.startswith(_EVENT)]
    return sorted(found, key=lambda one: (one.at, one.name))


def amended_refunds(steps: Mapping[str, str]) -> set[str]:
    """Keys of the refunds that were taken out of the piece itself."""
    return {one.key for one in lived(steps) if one.event is Event.REFUNDED and one.act is Act.AMEND}


def credited_refunds(steps: Mapping[str, str]) -> set[str]:
    """Keys of the refunds that have a credit note of their own."""
    return {one.key for one in lived(steps) if one.event is Event.REFUNDED and one.act is Act.CREDIT}


def covered_refunds(steps: Mapping[str, str]) -> set[str]:
    """Keys of the refunds that need no credit note: of nothing, or within the credit note of the whole order."""
    return {one.key for one in lived(steps) if one.event is Event.REFUNDED and one.act is Act.NONE}


def payments_known(steps: Mapping[str, str]) -> dict[str, Decimal]:
    """Amounts by key of the other payments of the order that need nothing more."""
    return {key: Decimal(amount) for key, amount in json.loads(steps.get(PAYMENTS, "{}")).items()}


def payments_note(steps: dict[str, str], payments: Mapping[str, Decimal]) -> None:
    """Records that these other payments need nothing more, beside those that were recorded before."""
    known = {**payments_known(steps), **payments}
    if known:
        steps[PAYMENTS] = json.dumps({key: str(amount) for key, amount in known.items()}, ensure_ascii=False)


def settled(steps: Mapping[str, str]) -> dict[str, str]:
    """The same steps once a person says that everything told is dealt with."""
    kept = dict(steps)
    for one in lived(steps):
        if one.open:
            kept[one.name] = _dumped(replace(one, open=False))
    return kept


def _loaded(text: str) -> Lived:
    held = json.loads(text)
    texts = {name: Text.loads(held.get(name)) for name in ("text", "advice")}
    return Lived(**{**held, **texts, "event": Event(held["event"]), "act": Act(held["act"])})


def _dumped(lived: Lived) -> str:
    plain = {**asdict(lived), "text": lived.text.dumps(), "advice": lived.advice.dumps()}
    return json.dumps(plain, ensure_ascii=False)
