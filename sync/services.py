"""What people, schedules and callbacks can ask of the engine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors.canonical.keys import Direction, Entity
from connectors.core.capabilities import Verb
from connectors.core.spec import ConnectorSpec
from connectors.core.texts import Text, joined, text_of
from profiles.models import MatchState, Profile, ProfileState, User
from profiles.services import MissingOption, missing_options
from sync import dispatch
from sync.engine import journal
from sync.engine.linkbook import LinkBook, LinkWrite
from sync.flows import registry
from sync.flows.base import Flow
from sync.models import JournalEntry, Run, RunResult, RunState, SliceState, Trigger


class RunRefused(Exception):
    """A run cannot be asked for: ``said`` tells why, ``str()`` in French.

    ``missing`` lists the mandatory settings that are still empty (PRF-12).
    """

    def __init__(self, said: Text | str, missing: Collection[MissingOption] = ()) -> None:
        super().__init__(str(said))
        self.said = text_of(said)
        self.missing = list(missing)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Answer to a request: the run, and whether it is new (otherwise a live one was joined)."""

    run: Run
    created: bool


def available_flows(profile: Profile) -> list[Flow]:
    """Flows that both connectors of the profile can take part in, in the order of their cards."""
    erp, shop = profile.erp_spec, profile.shop_spec
    return [flow for flow in registry.all_flows().values() if not flow.hidden and _possible(flow, erp, shop)]


def _possible(flow: Flow, erp: ConnectorSpec, shop: ConnectorSpec) -> bool:
    """Whether one side can be read and the other written for this flow."""
    source, target = (erp, shop) if flow.direction is Direction.EXPORT else (shop, erp)
    read = source.capability(flow.entity, flow.read_aspect or flow.aspect)
    write = target.capability(flow.entity, flow.aspect)
    return bool(read and Verb.READ in read.verbs and write and write.verbs & {Verb.CREATE, Verb.UPDATE})


def run_request(
    *,
    profile: Profile,
    flow: str,
    trigger: Trigger = Trigger.MANUAL,
    by: User | None = None,
    keys: Collection[str] | None = None,
    dry: bool = False,
    full: bool = False,
    retry: bool = False,
    queue_next: bool = False,
) -> RunRequest:
    """Asks for a run and wakes the workers once the caller's transaction commits.

    One run lives per profile and flow. While it does, the request joins it (``created`` false), or with
    ``queue_next`` leaves at most one successor; one that has not begun reads everything if this request wants that
    (``full``). Raises :class:`RunRefused` with the reason.
    """
    chosen = registry.by_key(flow)
    _require_startable(profile, chosen, dry=dry)
    scope = {} if keys is None else {"keys": sorted(set(keys))}
    scope_key = _scope_key(scope)
    live = _live(profile, flow, scope_key, dry=dry)
    if live is not None and (not queue_next or live.state == RunState.QUEUED):
        return RunRequest(_joined(live, full=full), created=False)
    try:
        with transaction.atomic():
            run: Run = Run.objects.create(
                tenant_id=profile.tenant_id,
                profile=profile,
                flow=flow,
                lock=f"preview:{flow}" if dry else chosen.lock,
                scope=scope,
                scope_key=scope_key,
                dry=dry,
                full=full,
                retry=retry,
                trigger=trigger,
                started_by=by,
            )
    except IntegrityError:
        joined = _live(profile, flow, scope_key, dry=dry)
        if joined is None:
            raise
        return RunRequest(joined, created=False)
    transaction.on_commit(dispatch.wake)
    return RunRequest(run, created=True)


def _joined(live: Run, *, full: bool) -> Run:
    if full and Run.objects.filter(pk=live.pk, state=RunState.QUEUED).update(full=True):
        live.full = True
    return live


def _require_startable(profile: Profile, flow: Flow, *, dry: bool) -> None:
    if profile.state == ProfileState.PAUSED:
        raise RunRefused("Ce profil est en pause : réactivez-le d’abord.")
    missing = missing_options(profile, flow.key)
    if missing:
        names = joined(*(option.info.label for option in missing), separator=", ")
        sentence = "Il manque des réglages avant de lancer ce traitement : %(names)s."
        raise RunRefused(Text(sentence, {"names": names}), missing)
    if dry and flow.applies_match:
        raise RunRefused("Le rapprochement n’a pas d’aperçu.")


def _scope_key(scope: dict[str, Any]) -> str:
    if not scope:
        return ""
    return hashlib.blake2b(json.dumps(scope, sort_keys=True).encode(), digest_size=16).hexdigest()


def _live(profile: Profile, flow: str, scope_key: str, *, dry: bool) -> Run | None:
    rows = Run.objects.filter(profile=profile, flow=flow, scope_key=scope_key, dry=dry)
    return rows.exclude(state=RunState.FINISHED).order_by("state", "pk").first()


def run_stop(run: Run, *, by: User | None = None) -> bool:
    """Asks a live run to stop; it ends once the requests under way are answered. False when it had ended already.

    A queued run ends at once. May be called twice.
    """
    now = timezone.now()
    ended = Run.objects.filter(pk=run.pk, state=RunState.QUEUED).update(
        state=RunState.FINISHED,
        slice_state=SliceState.IDLE,
        result=RunResult.STOPPED,
        stop_requested_at=now,
        ended_at=now,
        message="Arrêtée avant d’avoir commencé.",
    )
    if ended:
        return True
    asked = Run.objects.filter(pk=run.pk, state=RunState.RUNNING, stop_requested_at__isnull=True).update(
        stop_requested_at=now
    )
    if asked:
        Run.objects.filter(pk=run.pk, slice_state=SliceState.PENDING).update(due_at=now)
        transaction.on_commit(dispatch.wake)
    return bool(asked)


def items_retry(run: Run, *, by: User | None, keys: Collection[str] | None = None, code: str = "") -> RunRequest:
    """Sends refused, failed and deferred items of a run again: some keys, all of one cause, or all.

    Raises :class:`RunRefused` when nothing is left to retry.
    """
    flow = registry.by_key(run.flow)
    lines = JournalEntry.objects.filter(run=run, outcome__in=["refused", "failed", "deferred"])
    if keys is not None:
        lines = lines.filter(item_key__in=list(keys))
    if code:
        lines = lines.filter(code=code)
    entity_lines = lines.filter(entity=flow.entity.value)
    wanted = set(entity_lines.values_list("item_key", flat=True))
    if not wanted:
        raise RunRefused("Il n’y a plus rien à renvoyer.")
    LinkBook(run.profile_id, flow.direction).release_holds(flow.entity, flow.aspect, wanted)
    request = run_request(profile=run.profile, flow=run.flow, by=by, keys=wanted, retry=True)
    entity_lines.update(retried=True)
    return request


def match_request(profile: Profile, *, by: User | None) -> RunRequest:
    """Applies the match report a person approved, in the background; flows may write afterwards."""
    if profile.match_state == MatchState.APPROVED:
        raise RunRefused("Le rapprochement est déjà validé.")
    return run_request(profile=profile, flow="match", by=by)


def match_choose(profile: Profile, *, erp_key: str, shop_key: str) -> None:
    """Decides one ambiguous article: linked to ``shop_key``, or, when that is empty, created at the next run."""
    book = LinkBook(profile.pk)
    if not shop_key:
        book.forget(Entity.PRODUCT, [erp_key])
        return
    owner = book.owners(Entity.PRODUCT, [shop_key]).get(shop_key)
    if owner not in (None, erp_key):
        raise RunRefused("Cet article de la boutique est déjà associé à un autre article de l’ERP.")
    with transaction.atomic():
        book.bind([LinkWrite(entity=Entity.PRODUCT, key=erp_key, remote_key=shop_key)], [])


def link_forget(profile: Profile, *, entity: Entity, keys: Collection[str]) -> int:
    """Breaks links: the objects are looked for again, and created if absent, at the next run."""
    book = LinkBook(profile.pk)
    if entity is Entity.PRODUCT:
        children = book.children(dict(_pairs(profile, keys)))
        book.forget(Entity.VARIANT, [key for found in children.values() for key in found])
    return book.forget(entity, keys)


def _pairs(profile: Profile, keys: Collection[str]) -> list[tuple[str, str]]:
    wanted = set(keys)
    return [pair for pair in LinkBook(profile.pk).linked_keys(Entity.PRODUCT) if pair[0] in wanted]


def resend_all(profile: Profile, flow: Flow) -> int:
    """Forgets what a flow last sent, so that its next run sends everything (full resend on demand)."""
    return LinkBook(profile.pk, flow.direction).forget_sent(flow.aspect, flow.entity)


def may_resend_since(flow: Flow) -> bool:
    """Whether what a flow sent since a day can be sent again: goods can; news of orders would tell customers twice.

    A flow that leaves out what is linked (``only_new``) sends nothing again.
    """
    return flow.direction is Direction.EXPORT and flow.entity is not Entity.ORDER and not flow.only_new


def resend_since(profile: Profile, flow: Flow, day: date, *, by: User | None) -> RunRequest:
    """Asks for a run that reads the changes since a day of the tenant's calendar and sends them again (STK-03).

    What was sent before that day and did not change stays as it is. The wish is a line of the run's journal. A run
    under way is followed by this one. Raises :class:`RunRefused`; then nothing is forgotten. May be repeated.
    """
    since = datetime.combine(day, time(), profile.tenant.zone)
    with transaction.atomic():
        asked = run_request(profile=profile, flow=flow.key, by=by, full=flow.incremental, queue_next=True)
        count = LinkBook(profile.pk, flow.direction).forget_sent(flow.aspect, flow.entity, since=since)
        line = journal.line(asked.run, _resent(day, by, count), code="resent_since")
        line.detail = {"since": since.isoformat(), "count": count}
        line.save()
    return asked


def _resent(day: date, by: User | None, count: int) -> Text:
    if by is None:
        return Text("Relecture depuis le %(day)s. Envois à refaire : %(count)s.", {"day": day, "count": count})
    sentence = "Relecture depuis le %(day)s, demandée par %(who)s. Envois à refaire : %(count)s."
    return Text(sentence, {"day": day, "who": str(by), "count": count})
