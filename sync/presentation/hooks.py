"""Notifications of a shop as the synchronisation page shows them: every topic, how it stands, what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connectors.core.events import HookState
from profiles.models import Profile
from sync import notifications
from sync.models import ProfileHook, ShopEvent

TOPICS: Mapping[str, Promise] = {
    "order.created": _("Nouvelle commande"),
    "order.updated": _("Commande modifiée"),
    "order.deleted": _("Commande mise à la corbeille"),
    "order.restored": _("Commande sortie de la corbeille"),
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown: badge, and what it means for the person who reads it."""

    kind: str
    icon: str
    label: Promise
    advice: Promise | str = ""


LOOKS: Mapping[HookState, Look] = {
    HookState.ACTIVE: Look("success", "check-circle", _("Actif")),
    HookState.PAUSED: Look(
        "warning", "pause-circle", _("En pause"), _("Mis en pause dans la boutique : vérifiez maintenant.")
    ),
    HookState.DISABLED: Look(
        "danger",
        "x-circle",
        _("Désactivé"),
        _("La boutique l’a coupé après plusieurs livraisons sans réponse : vérifiez qu’elle peut joindre l’adresse."),
    ),
    HookState.MISSING: Look("danger", "question-circle", _("Absent"), _("Il manque dans la boutique : recréez-le.")),
    HookState.OUTDATED: Look(
        "danger", "signpost", _("Autre adresse"), _("Il livre ailleurs ou avec une ancienne clé : recréez-le.")
    ),
}


@dataclass(frozen=True, slots=True)
class HookRow:
    """One topic of the shop's notifications. ``followed``: whether a delivery of it makes an order be read."""

    topic: str
    label: Promise | str
    look: Look
    last: datetime | None
    followed: bool


@dataclass(frozen=True, slots=True)
class HookPanel:
    """The notifications of one profile; ``hook`` is ``None`` until the platform has first asked the shop for them."""

    hook: ProfileHook | None
    wanted: bool
    rows: tuple[HookRow, ...]
    address: str

    @property
    def healthy(self) -> bool:
        """Whether the last look found everything in order."""
        return self.hook is not None and self.hook.healthy


def panel(profile: Profile) -> HookPanel | None:
    """What to show for a profile, ``None`` when it neither wants notifications nor has any. Asks the shop nothing."""
    wanted = notifications.wants_events(profile)
    hook: ProfileHook | None = ProfileHook.objects.filter(profile=profile).first()
    if hook is None and not wanted:
        return None
    last = _last_deliveries(profile)
    states = hook.states if hook is not None else {}
    rows = tuple(_row(topic, HookState(state), last.get(topic)) for topic, state in states.items())
    return HookPanel(hook, wanted, rows, notifications.known_address(hook))


def _row(topic: str, state: HookState, last: datetime | None) -> HookRow:
    return HookRow(topic, TOPICS.get(topic, topic), LOOKS[state], last, notifications.is_followed(topic))


def _last_deliveries(profile: Profile) -> dict[str, datetime]:
    rows = ShopEvent.objects.filter(profile=profile).order_by().values("topic").annotate(last=Max("received_at"))
    return {row["topic"]: row["last"] for row in rows}
