"""Decides what becomes of a mapped record, from hashes and links alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connectors.canonical.keys import Direction
from connectors.core.results import Action
from sync.engine.linkbook import LinkView
from sync.flows.base import Flow
from sync.models import LinkStatus, Run


class Decision(StrEnum):
    """What to do with a record."""

    SEND = "send"
    UNCHANGED = "unchanged"
    EXCLUDED = "excluded"
    STILL_REFUSED = "still_refused"
    WAITING = "waiting"
    AMBIGUOUS = "ambiguous"
    ALREADY = "already"


ABSENT = "Absent de la boutique"
PRESENT = {Direction.EXPORT: "Déjà dans la boutique", Direction.IMPORT: "Déjà dans l’ERP"}
GONE = "Supprimé dans la boutique : le lien est rompu"


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision with the reason of an exclusion."""

    decision: Decision
    reason: str = ""
    action: Action = Action.UPDATE
    recovered: bool = False


UNCHANGED = Choice(Decision.UNCHANGED)
"""The choice of most records of most runs, made once."""


def decide(*, flow: Flow, run: Run, view: LinkView | None, content: str, now: datetime) -> Choice:
    """The decision for one record whose content hash is ``content``. Pure."""
    if view is None:
        return Choice(Decision.SEND, action=Action.CREATE) if flow.creates else Choice(Decision.EXCLUDED, ABSENT)
    if view.run_id == run.pk:
        return Choice(Decision.ALREADY)
    # What was just read from the shop exists there, whatever another flow met before.
    if view.status == LinkStatus.LINKED or (view.status == LinkStatus.GONE and flow.direction is Direction.IMPORT):
        return _decide_linked(flow, run, view, content, now)
    if view.status == LinkStatus.GONE:
        return Choice(Decision.EXCLUDED, GONE)
    if view.status == LinkStatus.AMBIGUOUS:
        return Choice(Decision.AMBIGUOUS)
    if not flow.creates:
        return Choice(Decision.EXCLUDED, ABSENT)
    intended = view.status == LinkStatus.CREATING
    return _held(run, view, content, now) or Choice(Decision.SEND, action=Action.CREATE, recovered=intended)


def _decide_linked(flow: Flow, run: Run, view: LinkView, content: str, now: datetime) -> Choice:
    if flow.only_new and not view.held_hash:
        return Choice(Decision.EXCLUDED, PRESENT[flow.direction])
    if view.sent_hash == content and not view.held_hash:
        return UNCHANGED
    return _held(run, view, content, now) or Choice(Decision.SEND)


def _held(run: Run, view: LinkView, content: str, now: datetime) -> Choice | None:
    """The decision for content that was refused or failed before, or ``None`` when it may go out."""
    if run.retry or not view.held_hash or view.held_hash != content:
        return None
    if view.not_before is None:
        return Choice(Decision.STILL_REFUSED)
    return Choice(Decision.WAITING) if view.not_before > now else None
