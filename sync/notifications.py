"""Near real time (ORD-15): what a shop tells us by itself is verified, stored, answered at once and worked off later.

An event is only a hint to read the order again. The same run as polling reads it, so that an event which comes late,
twice, out of order or not at all changes nothing about the end state; polling stays the net behind it (pitfall P31).
Our own mark in the shop comes back as an event too: the order that is read then bears the mark, nothing is written,
and the circle ends (pitfall P35).
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from connectors.canonical.keys import Entity, Side
from connectors.core.events import Change, Event, HooksReport, NotificationRefused, NotificationSource
from connectors.core.problems import ConnectorError, NotSupported, Problem
from connectors.core.redaction import register_secret
from connectors.core.texts import Text, stored
from profiles import options_store, retention
from profiles.connections import open_side
from profiles.models import OptionsRevision, Profile, ProfileState
from profiles.options_store import OptionsRefused
from profiles.secrets import SecretUnreadable, seal, unseal
from profiles.texts import text_kept
from sync.models import ProfileHook, Run, RunState, ShopEvent, Trigger
from sync.services import RunRefused, run_request

logger = logging.getLogger(__name__)

FLOW = "orders"
FOLLOWED = frozenset({Event.CREATED, Event.UPDATED, Event.RESTORED, Event.DELETED})
"""A deleted order is looked for like any other: in the trash, or gone, its document is treated as a cancelled one."""

KEYS_PER_RUN = 500
EVENTS_PER_LOOK = 5_000
REFUSED_PAUSE = timedelta(minutes=1)
"""A profile whose run was refused (paused, a setting is missing) is asked again this much later."""

OPEN_KEPT = timedelta(days=30)
TOLD_FOR = timedelta(days=1)
"""How long a profile says that its registrations had to be mended."""


class HookUnavailable(Exception):
    """A notification cannot be judged now: the profile's settings or secrets cannot be read."""


# --- Receiving ----------------------------------------------------------------------------------------------------


def receive(hook: ProfileHook, headers: Mapping[str, str], body: bytes) -> bool:
    """Verifies a notification and remembers it; whether it is new. Calls nothing outside.

    May be called any number of times with the same notification: one row stays. Raises ``NotificationRefused`` for a
    forged or unreadable one and :class:`HookUnavailable` when its signature cannot be checked.
    """
    change = _verified(hook, headers, body)
    if change is None or change.entity is not Entity.ORDER or change.event not in FOLLOWED:
        return False
    topic = f"{change.entity.value}.{change.event.value}"
    delivery = change.delivery or _digest(topic, body)
    event = ShopEvent(profile_id=hook.profile_id, delivery_id=delivery, topic=topic, key=change.key)
    before = ShopEvent.objects.filter(profile_id=hook.profile_id, delivery_id=delivery).exists()
    # Two deliveries of one id at once: the constraint keeps one row, and neither answer is an error.
    ShopEvent.objects.bulk_create([event], ignore_conflicts=True)
    return not before


def _verified(hook: ProfileHook, headers: Mapping[str, str], body: bytes) -> Change | None:
    try:
        secret = unseal(hook.secret)
        register_secret(secret)
        with open_side(hook.profile, Side.SHOP) as shop:
            return shop.verify(headers, body, secret) if isinstance(shop, NotificationSource) else None
    except NotificationRefused:
        raise
    except (SecretUnreadable, OptionsRefused, ConnectorError, LookupError) as error:
        raise HookUnavailable(type(error).__name__) from error


def _digest(topic: str, body: bytes) -> str:
    """The identity of a notification that names none: what it says."""
    return hashlib.blake2b(body, digest_size=16, key=topic.encode()).hexdigest()


# --- Working off --------------------------------------------------------------------------------------------------


def handle_events(now: datetime | None = None) -> int:
    """Asks for one run per profile with the orders its open events name; returns how many runs are new.

    While such a run waits, further events gather for the next one, so that one profile never has more than one waiting,
    however many events come. Safe to call from anywhere, often and twice at once.
    """
    moment = now or timezone.now()
    waiting = ShopEvent.objects.filter(handled_at__isnull=True).order_by()
    profiles = list(waiting.values_list("profile_id", flat=True).distinct())
    return sum(_apart(partial(_handle, pk, moment), pk) for pk in profiles)


def _apart(work: Callable[[], int], profile_id: int) -> int:
    """The work of one profile; a defect it meets keeps none of the others from theirs."""
    try:
        return work()
    except Exception:
        logger.exception("the notifications of a profile could not be looked after", extra={"profile": profile_id})
        return 0


@transaction.atomic
def _handle(profile_id: int, now: datetime) -> int:
    hook = ProfileHook.objects.select_for_update().filter(profile_id=profile_id).first()
    waiting = ShopEvent.objects.filter(profile_id=profile_id, handled_at__isnull=True)
    if hook is None or not wants_events(hook.profile):
        waiting.update(handled_at=now)
        return 0
    if hook.not_before is not None and hook.not_before > now:
        return 0
    # The events are taken before the waiting run is looked for: one that comes later may tell of a change that this
    # run, claimed meanwhile, did not see.
    rows = list(waiting.order_by("pk").values_list("pk", "key")[:EVENTS_PER_LOOK])
    queued = _queued(hook.profile)
    if queued is not None:
        _settle(rows, queued, now)
        return 0
    return _request(hook, rows, now)


def _queued(profile: Profile) -> Run | None:
    """The run for events that waits for a worker."""
    rows = Run.objects.filter(profile=profile, flow=FLOW, state=RunState.QUEUED, trigger=Trigger.CALLBACK, dry=False)
    found: Run | None = rows.exclude(scope_key="").order_by("pk").first()
    return found


def _request(hook: ProfileHook, rows: Sequence[tuple[int, str]], now: datetime) -> int:
    keys = list(dict.fromkeys(key for _, key in rows))[:KEYS_PER_RUN]
    if not keys:
        return 0
    try:
        asked = run_request(profile=hook.profile, flow=FLOW, trigger=Trigger.CALLBACK, keys=keys, queue_next=True)
    except (RunRefused, OptionsRefused) as error:
        # The events stay open: once the profile may run again, nothing is lost.
        logger.info("events wait: %s", error, extra={"profile": hook.profile_id})
        ProfileHook.objects.filter(pk=hook.pk).update(not_before=now + REFUSED_PAUSE)
        return 0
    _settle(rows, asked.run, now)
    return int(asked.created)


def _settle(rows: Sequence[tuple[int, str]], run: Run, now: datetime) -> None:
    """Leaves to a run that has read nothing yet the events whose orders it will read."""
    covered = set(run.scope.get("keys", []))
    ShopEvent.objects.filter(pk__in=[pk for pk, key in rows if key in covered]).update(handled_at=now, run=run)


def forget_old_events(now: datetime | None = None) -> int:
    """Deletes events nobody needs any more; returns how many. A repeat after that is only one reading more."""
    moment = now or timezone.now()
    handled = ShopEvent.objects.filter(handled_at__isnull=False, received_at__lt=moment - retention.EVENT_AGE)
    too_old = ShopEvent.objects.filter(received_at__lt=moment - OPEN_KEPT)
    return int(handled.delete()[0] + too_old.delete()[0])


# --- Registering --------------------------------------------------------------------------------------------------


def wants_events(profile: Profile) -> bool:
    """Whether «Importer en temps réel» is on. Opens no secret."""
    try:
        return options_store.stored(profile).get("orders", {}).get("realtime") is True
    except LookupError:
        return False  # a connector that is no longer installed


def delivery_url(hook: ProfileHook) -> str:
    """The address that is told to the shop. Raises ``NotSupported`` while the platform does not know its own."""
    if not settings.PUBLIC_URL:
        raise NotSupported(NO_ADDRESS)
    return f"{settings.PUBLIC_URL}{reverse('sync:hook', args=[hook.token])}"


def hooks_check(now: datetime | None = None, *, saved_seconds: int | None = None) -> int:
    """Looks after the registrations of every active profile (pitfall P10); returns how many had to be changed.

    With ``saved_seconds``: only profiles whose settings were saved so recently and not looked after since, so that
    switching «temps réel» on or off works within a minute. May be called at any time and twice at once.
    """
    moment = now or timezone.now()
    if saved_seconds is None:
        forget_old_events(moment)
        chosen: Iterable[Profile] = Profile.objects.filter(state=ProfileState.ACTIVE)
    else:
        chosen = _saved_since(moment - timedelta(seconds=saved_seconds))
    return sum(_apart(partial(_looked_after, profile, moment), profile.pk) for profile in chosen)


def _saved_since(since: datetime) -> list[Profile]:
    rows = OptionsRevision.objects.filter(created_at__gte=since, profile__state=ProfileState.ACTIVE)
    saved = dict(rows.order_by("pk").values_list("profile_id", "created_at"))
    checked = dict(ProfileHook.objects.filter(profile_id__in=saved).values_list("profile_id", "checked_at"))
    return list(Profile.objects.filter(pk__in=[pk for pk, at in saved.items() if (checked.get(pk) or since) < at]))


def _looked_after(profile: Profile, now: datetime) -> bool:
    if not wants_events(profile) and not ProfileHook.objects.filter(profile=profile).exists():
        return False
    before = ProfileHook.objects.filter(profile=profile).values_list("mended_at", flat=True).first()
    hook = hooks_ensure(profile, now)
    return hook is not None and hook.mended_at != before


def known_address(hook: ProfileHook | None) -> str:
    """The address that is told to the shop, empty while there is none."""
    return delivery_url(hook) if hook is not None and settings.PUBLIC_URL else ""


def is_followed(topic: str) -> bool:
    """Whether a notification of this topic makes an order be read."""
    entity, _dot, event = topic.partition(".")
    return entity == Entity.ORDER.value and event in {one.value for one in FOLLOWED}


def hooks_ensure(profile: Profile, now: datetime | None = None, *, anew: bool = False) -> ProfileHook | None:
    """Makes the shop notify us, or stop doing so, as the profile's settings ask; how it stands is in the row.

    ``None``: not wanted, and nothing is left in the shop. What had to be mended is told in ``message``, and the orders
    missed meanwhile are read at once. ``anew``: all registrations are removed first. Raises nothing that a system or a
    setting can cause. May be called twice.
    """
    moment = now or timezone.now()
    if not wants_events(profile):
        return _removed(profile, moment)
    fresh = {"token": secrets.token_urlsafe(24), "secret": seal(secrets.token_urlsafe(32))}
    hook: ProfileHook = ProfileHook.objects.get_or_create(profile=profile, defaults=fresh)[0]
    secret = _resealed(hook)
    try:
        with open_side(profile, Side.SHOP) as shop:
            if not isinstance(shop, NotificationSource):
                raise NotSupported(NO_EVENTS)
            if anew:
                shop.remove_webhooks(delivery_url(hook))
            report = shop.ensure_webhooks(delivery_url(hook), secret)
    except (OptionsRefused, ConnectorError, LookupError) as error:
        return _failed(hook, error, moment)
    return _stands(hook, report, moment)


def _resealed(hook: ProfileHook) -> str:
    """The signing secret, encrypted anew with the first key of the ring; another one when no key opens it."""
    try:
        secret = unseal(hook.secret)
    except SecretUnreadable:
        secret = secrets.token_urlsafe(32)
    register_secret(secret)
    hook.secret = seal(secret)
    # Stored before the shop learns it: a delivery signed with it may come before the shop has answered us.
    ProfileHook.objects.filter(pk=hook.pk).update(secret=hook.secret)
    return secret


def _failed(hook: ProfileHook, error: Exception, now: datetime) -> ProfileHook:
    problem = _problem(error)
    logger.warning("notifications are not registered: %s", problem.text(), extra={"profile": hook.profile_id})
    hook.checked_at, hook.healthy = now, False
    _tell(hook, problem.said, problem.advised)
    hook.save(update_fields=["checked_at", "healthy", *_TOLD])
    return hook


_TOLD = ("message", "advice", "told")


def _tell(hook: ProfileHook, message: Text, advice: Text) -> None:
    for column, value in stored(message=message, advice=advice).items():
        setattr(hook, column, value)


def _problem(error: Exception) -> Problem:
    return error.problem if isinstance(error, ConnectorError) else UNREADABLE


def _stands(hook: ProfileHook, report: HooksReport, now: datetime) -> ProfileHook:
    changed = [*report.created, *report.mended]
    first = hook.checked_at is None
    message = text_kept(hook, "message")
    told = hook.healthy and hook.mended_at is not None and now - hook.mended_at < TOLD_FOR
    if changed and not first:
        hook.mended_at = now
        message = Text(MENDED.sentence, {"topics": ", ".join(changed)})
        logger.warning("notifications were mended: %s", ", ".join(changed), extra={"profile": hook.profile_id})
        _catch_up(hook.profile)
    elif not told:
        message = Text() if report.healthy else NOT_ACTIVE.said
    _tell(hook, message, Text() if report.healthy else NOT_ACTIVE.advised)
    hook.states = {one.topic: one.state.value for one in report.hooks}
    hook.checked_at, hook.healthy = now, report.healthy
    hook.save(update_fields=["checked_at", "healthy", *_TOLD, "states", "mended_at"])
    return hook


def _catch_up(profile: Profile) -> None:
    """Reads what changed since the last polling: events were lost while the registrations were off."""
    try:
        run_request(profile=profile, flow=FLOW, trigger=Trigger.CALLBACK, queue_next=True)
    except (RunRefused, OptionsRefused) as error:
        logger.info("no catching up: %s", error, extra={"profile": profile.pk})


def _removed(profile: Profile, now: datetime) -> ProfileHook | None:
    hook: ProfileHook | None = ProfileHook.objects.filter(profile=profile).first()
    if hook is None:
        return None
    try:
        _unregister(hook)
    except (OptionsRefused, ConnectorError, LookupError) as error:
        return _failed(hook, error, now)
    hook.delete()
    return None


def _unregister(hook: ProfileHook) -> None:
    with open_side(hook.profile, Side.SHOP) as shop:
        if isinstance(shop, NotificationSource):
            shop.remove_webhooks(delivery_url(hook))


def hooks_leave(profile: Profile) -> Problem | None:
    """Makes the shop of a profile that is about to be deleted stop notifying us; what is left there, if it cannot.

    Raises nothing that a system or a setting can cause. May be called twice.
    """
    hook: ProfileHook | None = ProfileHook.objects.filter(profile=profile).first()
    if hook is None:
        return None
    try:
        _unregister(hook)
    except (OptionsRefused, ConnectorError, LookupError) as error:
        reason = _problem(error).said
        logger.warning("notifications stay in the shop: %s", reason, extra={"profile": profile.pk})
        return Problem(LEFT.code, LEFT.sentence, LEFT.advice, values={"reason": reason})
    hook.delete()
    return None


NO_ADDRESS = Problem(
    "public_url_missing",
    "La plateforme ne connaît pas son adresse publique : la boutique ne peut pas la prévenir.",
    "Renseignez PUBLIC_URL dans la configuration du serveur.",
)
NO_EVENTS = Problem("events_not_supported", "Cette boutique ne prévient pas de ses nouvelles commandes.")
UNREADABLE = Problem(
    "hook_settings_unreadable", "Les réglages de la boutique ne peuvent pas être lus : complétez-les, puis testez-les."
)
NOT_ACTIVE = Problem(
    "webhooks_inactive",
    "Une partie des notifications de la boutique reste inactive ; les commandes sont lues à intervalles réguliers.",
    "Vérifiez que la boutique peut joindre l’adresse de la plateforme, puis recréez les notifications.",
)
LEFT = Problem(
    "webhooks_left",
    "Les notifications de ce profil n’ont pas pu être supprimées dans la boutique : %(reason)s",
    "Supprimez dans les réglages de la boutique les webhooks dont le nom commence par AtooSync.",
)
MENDED = Problem(
    "webhook_mended",
    "Des notifications de la boutique étaient absentes ou désactivées et ont été rétablies : %(topics)s.",
)
