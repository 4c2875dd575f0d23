"""From what a batch brought back to what is written about each item. Pure except for the clock given."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from connectors.canonical.keys import Aspect, Direction, Entity
from connectors.core.problems import Consequence, Problem
from connectors.core.ratelimit import RunStopped
from connectors.core.results import Action, ItemResult, Outcome, Remark
from connectors.core.texts import Text, joined
from sync.engine import journal
from sync.engine.items import Batch, Item, Verdict
from sync.engine.linkbook import LinkWrite, StateWrite
from sync.engine.picturebook import PictureWrite
from sync.engine.recorder import Record
from sync.engine.retry import next_attempt
from sync.engine.sender import missing_result
from sync.flows.base import Flow
from sync.models import JournalEntry, Level, LinkStatus, Run

NO_ANSWER = Problem(
    "no_answer",
    "La boutique n’a rien répondu pour cet article.",
    "Il sera renvoyé automatiquement.",
)
BUG = Problem(
    "connector_bug",
    "Une erreur interne est survenue pendant l’envoi.",
    "L’article sera renvoyé automatiquement. Si l’erreur persiste, transmettez le journal au support.",
)
ALREADY_LINKED = Problem(
    "shop_object_already_linked",
    "L’article de la boutique n° %(shop_key)s est déjà associé à un autre article de l’ERP.",
    "Deux articles de l’ERP ont sans doute la même référence : corrigez-la dans l’ERP, ou rompez le lien en trop.",
)


def verdicts(batch: Batch) -> list[Verdict]:
    """One verdict per item that may be accounted for.

    Items without a result are left open when the whole run must stop (their intents are looked up next time);
    otherwise they failed.
    """
    by_key = {result.key: result for result in batch.results}
    found: list[Verdict] = []
    for item in batch.items:
        result = by_key.get(item.key)
        if result is None:
            result = _without_result(item, batch)
        if result is None:
            continue
        found.append(_verdict(item, result, adopted=item.key in batch.adopted))
    return found


def _without_result(item: Item, batch: Batch) -> ItemResult | None:
    if batch.bug is not None:
        detail = f"{type(batch.bug).__name__}: {batch.bug}"
        return replace(missing_result(item), problem=replace(BUG, detail=detail))
    if batch.error is None:
        return replace(missing_result(item), problem=NO_ANSWER)
    consequence = batch.error.consequence
    if consequence in (Consequence.STOP, Consequence.BUG) or isinstance(batch.error, RunStopped):
        return None
    outcome = {
        Consequence.RETRY: Outcome.FAILED,
        Consequence.UNCERTAIN: Outcome.UNCERTAIN,
        Consequence.REFUSED: Outcome.REFUSED,
        Consequence.DEFERRED: Outcome.DEFERRED,
    }[consequence]
    return ItemResult(
        key=item.key, outcome=outcome, problem=batch.error.problem, delay=getattr(batch.error, "delay", None)
    )


def _verdict(item: Item, result: ItemResult, *, adopted: bool) -> Verdict:
    """A recovered create that was found again counts as created: its unit was never spent.

    It is spent also when a later step of it fails now, for from now on it is linked and recovered no more.
    """
    good = result.outcome in (Outcome.UPDATED, Outcome.UNCHANGED, Outcome.CREATED)
    if item.recovered and adopted and good:
        result = replace(result, outcome=Outcome.CREATED, written=True)
    elif item.recovered and adopted and result.remote_key:
        result = replace(result, written=True)
    elif adopted and result.outcome is Outcome.CREATED:
        result = replace(result, outcome=Outcome.UPDATED)
    return Verdict(item, result, result.problem, adopted)


def already_linked(key: str, shop_key: str) -> ItemResult:
    """Refuses an item whose object in the shop belongs to another article."""
    return ItemResult(key=key, outcome=Outcome.REFUSED, problem=replace(ALREADY_LINKED, values={"shop_key": shop_key}))


def collision(verdict: Verdict) -> Verdict:
    """The same item, refused because its object in the shop belongs to another article."""
    refused = already_linked(verdict.item.key, verdict.result.remote_key)
    return replace(verdict, result=replace(refused, written=verdict.result.written), problem=refused.problem)


def write(verdict: Verdict, *, flow: Flow, run: Run, now: datetime, into: Record) -> None:
    """Adds what one verdict means to a record."""
    item, result = verdict.item, verdict.result
    outcome = _counted(result.outcome)
    into.counts[outcome] += 1
    into.counts["read"] += 1
    if flow.aspect is Aspect.DATA or result.gone or not item.view or item.view.status != LinkStatus.LINKED:
        into.links.append(_link(flow, item, result))
    into.links.extend(_child_links(flow, item, result))
    into.states.append(_state(flow, run, item, result, now))
    into.pictures.extend(_pictures(item, result))
    if result.remote_key or (item.view and item.view.remote_key):
        into.states.extend(_along_states(flow, run, item, result))
    into.journal.extend(_remark(verdict, remark, run=run, now=now) for remark in result.remarks)
    if _is_told(verdict, outcome):
        into.journal.append(entry(verdict, flow=flow, run=run, now=now))


def _is_told(verdict: Verdict, outcome: str) -> bool:
    """Whether the item has a line of its own: not when nothing happened, nor when its remarks say what was done."""
    result = verdict.result
    if result.quiet or (outcome == Outcome.UPDATED and any(not remark.warning for remark in result.remarks)):
        return False
    return bool(outcome != Outcome.UNCHANGED or verdict.adopted or verdict.item.mapped.notes)


def _remark(verdict: Verdict, remark: Remark, *, run: Run, now: datetime) -> JournalEntry:
    item, result = verdict.item, verdict.result
    return JournalEntry(
        run=run,
        profile_id=run.profile_id,
        at=now,
        level=Level.WARNING if remark.warning else Level.SUCCESS,
        entity=item.mapped.ref.entity,
        item_key=item.key,
        reference=item.mapped.reference[:200],
        label=item.mapped.label[:250],
        shop_key=result.remote_key,
        outcome="" if remark.warning else Outcome.UPDATED.value,
        attempts=item.attempts + 1,
        **journal.kept(text=remark.text, advice=remark.advice),
    )


def _counted(outcome: Outcome) -> str:
    """The closing equation knows no «uncertain»: such an item failed, and waits for a look-up."""
    return Outcome.FAILED.value if outcome is Outcome.UNCERTAIN else outcome.value


def _link(flow: Flow, item: Item, result: ItemResult) -> LinkWrite:
    mapped = item.mapped
    shop_key = result.remote_key or (item.view.remote_key if item.view else "")
    parent = item.view.remote_parent if item.view else ""
    return LinkWrite(
        entity=mapped.ref.entity,
        key=mapped.ref.key,
        remote_key=shop_key,
        remote_parent=parent,
        status=_status(item, result, shop_key),
        reference=mapped.reference,
        label=mapped.label,
        token="" if shop_key else _open_token(item, result),
        steps=_steps(flow, result),
    )


def _steps(flow: Flow, result: ItemResult) -> dict[str, str] | None:
    """The steps of an order; a flow that tells the shop of its progress knows none, and changes none."""
    if flow.entity is not Entity.ORDER:
        return {}
    return dict(result.children) or None


def _status(item: Item, result: ItemResult, shop_key: str) -> LinkStatus:
    if result.gone:
        return LinkStatus.GONE
    if shop_key:
        return LinkStatus.LINKED
    if item.action is Action.CREATE and result.outcome in (Outcome.UNCERTAIN, Outcome.FAILED):
        return LinkStatus.CREATING
    return LinkStatus.WANTED


def _open_token(item: Item, result: ItemResult) -> str:
    return item.token if result.outcome in (Outcome.UNCERTAIN, Outcome.FAILED) else ""


def _child_links(flow: Flow, item: Item, result: ItemResult) -> list[LinkWrite]:
    if flow.entity is not Entity.PRODUCT or not result.children:
        return []
    parent = result.remote_key or (item.view.remote_key if item.view else "")
    references = {variant.key: variant.reference for variant in getattr(item.mapped.record, "variants", ())}
    return [
        LinkWrite(
            entity=Entity.VARIANT,
            key=key,
            remote_key=shop_key,
            remote_parent=parent,
            reference=references.get(key, ""),
            label=item.mapped.label,
        )
        for key, shop_key in result.children.items()
    ]


def _pictures(item: Item, result: ItemResult) -> list[PictureWrite]:
    shop_key = result.remote_key or (item.view.remote_key if item.view else "")
    if result.pictures is None or not shop_key:
        return []
    return [PictureWrite(product=item.key, remote_product=shop_key, label=item.mapped.label, media=result.pictures)]


def _along_states(flow: Flow, run: Run, item: Item, result: ItemResult) -> list[StateWrite]:
    """A create sends other aspects along: their flows need not send the same again."""
    if result.outcome is not Outcome.CREATED or item.recovered:
        return []
    return [
        StateWrite(
            entity=along.ref.entity,
            key=along.ref.key,
            aspect=along.aspect,
            sent_hash=along.hash,
            outcome=Outcome.CREATED.value,
        )
        for along in item.mapped.along
        if along.ref.entity is not Entity.VARIANT or along.ref.key in result.children
    ]


def _state(flow: Flow, run: Run, item: Item, result: ItemResult, now: datetime) -> StateWrite:
    state = StateWrite(
        entity=item.mapped.ref.entity,
        key=item.key,
        aspect=flow.aspect,
        run_id=run.pk,
        sent_hash=item.hash,
        outcome=result.outcome.value,
    )
    if result.outcome in (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED):
        return replace(state, sent_hash=item.mapped.lasting_hash()) if item.mapped.lasting else state
    attempts = item.attempts + 1
    again = result.outcome is not Outcome.REFUSED
    return replace(
        state,
        sent_hash=item.view.sent_hash if item.view else "",
        held_hash=item.hash,
        problem_code=result.problem.code if result.problem else "",
        attempts=attempts,
        not_before=next_attempt(attempts, now, result.delay) if again and not result.gone else None,
        **journal.problem_fields(result.problem, sentence="problem"),
    )


def entry(verdict: Verdict, *, flow: Flow, run: Run, now: datetime) -> JournalEntry:
    """The journal line of one item."""
    item, result = verdict.item, verdict.result
    detail = {
        "sent": journal.body(result.sent),
        "received": journal.body(result.received),
        "technical": journal.body(result.problem.detail) if result.problem else None,
        "notes": journal.notes(item.mapped.notes),
    }
    fields = journal.problem_fields(result.problem) or journal.kept(text=_sentence(flow, verdict))
    return JournalEntry(
        run=run,
        profile_id=run.profile_id,
        at=now,
        level=_level(item, result),
        entity=item.mapped.ref.entity,
        item_key=item.key,
        reference=item.mapped.reference[:200],
        label=item.mapped.label[:250],
        shop_key=result.remote_key or (item.view.remote_key if item.view else ""),
        url=result.url[:500],
        outcome=_counted(result.outcome),
        code=result.problem.code if result.problem else "",
        detail={name: value for name, value in detail.items() if value},
        attempts=item.attempts + 1,
        milliseconds=round(result.seconds * 1000),
        **fields,
    )


_LEVELS = {
    Outcome.REFUSED: Level.ERROR,
    Outcome.FAILED: Level.ERROR,
    Outcome.UNCERTAIN: Level.ERROR,
    Outcome.DEFERRED: Level.WARNING,
}


def _level(item: Item, result: ItemResult) -> Level:
    if result.outcome in _LEVELS:
        return _LEVELS[result.outcome]
    return Level.WARNING if item.mapped.notes else Level.SUCCESS


_EXPORTED = {
    Outcome.CREATED: "Créé dans la boutique.",
    Outcome.UPDATED: "Mis à jour dans la boutique.",
    Outcome.UNCHANGED: "Déjà à jour dans la boutique.",
}
_ADOPTED = {
    Outcome.CREATED: "Créé dans la boutique ; il y existait déjà, il a été associé.",
    Outcome.UPDATED: "Mis à jour dans la boutique ; il y existait déjà, il a été associé.",
    Outcome.UNCHANGED: "Déjà à jour dans la boutique ; il y existait déjà, il a été associé.",
}
_IMPORTED = {
    Outcome.CREATED: "Importée dans l’ERP.",
    Outcome.UPDATED: "Complétée dans l’ERP.",
    Outcome.UNCHANGED: "Déjà dans l’ERP.",
}
_DOCUMENTS = {
    Outcome.CREATED: "Importée dans l’ERP : pièce %(piece)s.",
    Outcome.UPDATED: "Complétée dans l’ERP : pièce %(piece)s.",
    Outcome.UNCHANGED: "Déjà dans l’ERP : pièce %(piece)s.",
}
_CUSTOMERS = {
    Outcome.CREATED: "Client créé dans l’ERP.",
    Outcome.UPDATED: "Déjà client dans l’ERP, associé.",
    Outcome.UNCHANGED: "Déjà client dans l’ERP, associé.",
}
_TREATED = "Traité."


def _sentence(flow: Flow, verdict: Verdict) -> Text:
    return joined(_done(flow, verdict), *verdict.item.mapped.notes)


def _done(flow: Flow, verdict: Verdict) -> Text:
    outcome = verdict.result.outcome
    if flow.direction is Direction.EXPORT:
        known = verdict.adopted and not verdict.item.recovered
        return Text((_ADOPTED if known else _EXPORTED).get(outcome, _TREATED))
    if flow.entity is Entity.CUSTOMER:
        return Text(_CUSTOMERS.get(outcome, _TREATED))
    piece = verdict.result.children.get("document", "") if flow.entity is Entity.ORDER else ""
    if piece:
        return Text(_DOCUMENTS.get(outcome, _TREATED), {"piece": piece})
    return Text(_IMPORTED.get(outcome, _TREATED))
