"""What the pages of one profile share: tabs, side links of the settings, checklist."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from connectors import registry
from connectors.canonical.keys import Side
from profiles import options_store
from profiles.access import get_for_tenant
from profiles.models import Profile
from profiles.templatetags.ui import Tab

_ICONS = {
    "erp": "database",
    "shop": "shop",
    "products": "box-seam",
    "categories": "diagram-2",
    "prices": "tags",
    "stock": "boxes",
    "state": "toggle-on",
    "media": "images",
    "advanced": "sliders",
    "orders": "bag-check",
    "order_taxes": "percent",
    "order_articles": "card-list",
    "order_customers": "people",
    "payments": "credit-card",
    "prospects": "person-plus",
    "order_changes": "arrow-left-right",
    "progress": "signpost-split",
    "notifications": "envelope",
}

_CATALOGUE = frozenset({"products", "categories", "prices", "stock", "state", "media"})
_PROFILE = frozenset({"notifications", "advanced"})

_WITHOUT_CONNECTORS = frozenset({"overview", "schedule", "runs"})
"""Tabs of a profile that open even when one of its connectors is no longer installed."""


@dataclass(frozen=True, slots=True)
class SectionLink:
    """A page of settings in the list beside them; `missing` counts obligatory options still empty.

    `group`: title of the part of the list it stands in; links of one group follow each other.
    """

    name: str
    group: str
    label: str
    icon: str
    address: str
    active: bool
    missing: int


def profile_tabs(profile: Profile, active: str) -> list[Tab]:
    """Tabs of a profile (PRF-03): `active` is overview, sync, settings, schedule, runs or history."""
    wanted = [
        ("overview", _("Vue d’ensemble"), "profiles:profile", "grid"),
        ("sync", _("Synchronisation"), "sync:sync", "arrow-repeat"),
        ("settings", _("Configurer le profil"), "profiles:settings_start", "sliders"),
        ("schedule", _("Tâches planifiées"), "scheduler:list_profile", "calendar2-week"),
        ("runs", _("Journaux"), "sync:run_list_profile", "journal-text"),
        ("history", _("Historique"), "profiles:profile_history", "clock-history"),
    ]
    if connectors_missing(profile):
        wanted = [entry for entry in wanted if entry[0] in _WITHOUT_CONNECTORS]
    found = []
    for key, label, url_name, icon in wanted:
        try:
            address = reverse(url_name, args=[profile.pk])
        except NoReverseMatch:
            continue
        found.append(Tab(label, address, active=key == active, icon=icon))
    return found


def connectors_missing(profile: Profile) -> list[str]:
    """Keys of the profile's connectors that are no longer installed."""
    return [key for key in (profile.erp, profile.shop) if key not in registry.all_specs()]


def configurable_profile(request: HttpRequest, profile_id: int) -> Profile:
    """The profile of a page of settings. Raises `Http404`, also when a connector of it is no longer installed."""
    profile = get_for_tenant(request, Profile, pk=profile_id)
    if connectors_missing(profile):
        raise Http404
    return profile


def section_links(profile: Profile, active: str = "") -> list[SectionLink]:
    """Pages of settings in order: both connections, then the flows; none when a connector is missing."""
    if connectors_missing(profile):
        return []
    held = options_store.secrets_set(profile)
    return [
        SectionLink(
            name,
            _group_label(name),
            _section_label(profile, name, section.title),
            _ICONS.get(name, "gear"),
            reverse("profiles:settings", args=[profile.pk, name]),
            name == active,
            _missing(profile, name, {option for part, option in held if part == name}),
        )
        for name, section in options_store.sections_of(profile).items()
    ]


def _section_label(profile: Profile, name: str, title: str) -> str:
    if name == Side.ERP.value:
        return _("Connexion à %(system)s") % {"system": profile.erp_spec.label}
    if name == Side.SHOP.value:
        return _("Connexion à %(system)s") % {"system": profile.shop_spec.label}
    return _(title)


def _group_label(name: str) -> str:
    if name in (Side.ERP.value, Side.SHOP.value):
        return _("Connexions")
    if name in _CATALOGUE:
        return _("Catalogue")
    return _("Profil") if name in _PROFILE else _("Ventes")


def _missing(profile: Profile, name: str, held: set[str]) -> int:
    section = options_store.sections_of(profile)[name]
    values = options_store.effective(profile, name)
    required = [info for info in section.infos().values() if info.required]
    return sum(values.get(info.name) in (None, "") and info.name not in held for info in required)
