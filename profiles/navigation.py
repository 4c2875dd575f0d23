"""Entries of the side bar: declared once, shown to those whose role allows them."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from profiles.models import Role


@dataclass(frozen=True, slots=True)
class NavEntry:
    """One link: `url_name` is the page it opens, `active` the names (or name prefixes ending in `*`) it lights up for.

    `per_profile` entries open a page of the current profile (argument `profile_id`) and need one.
    """

    url_name: str
    label: str | Promise
    icon: str
    active: tuple[str, ...] = ()
    role: Role = Role.READER
    per_profile: bool = False

    def is_active(self, view_name: str) -> bool:
        """Tell whether this entry is the current one."""
        return any(
            view_name.startswith(name[:-1]) if name.endswith("*") else view_name == name
            for name in (self.url_name, *self.active)
        )

    def address(self, profile_id: int | None) -> str | None:
        """Address of the page; None when it needs a profile and there is none, or when the page is not installed."""
        if self.per_profile and profile_id is None:
            return None
        try:
            return reverse(self.url_name, args=[profile_id] if self.per_profile else None)
        except NoReverseMatch:
            return None


@dataclass(frozen=True, slots=True)
class NavGroup:
    """A titled group of entries."""

    label: str | Promise
    entries: tuple[NavEntry, ...]


NAVIGATION: tuple[NavGroup, ...] = (
    NavGroup(
        _("Pilotage"),
        (
            NavEntry("sync:dashboard", _("Tableau de bord"), "speedometer2"),
            NavEntry(
                "profiles:list",
                _("Profils"),
                "diagram-3",
                ("profiles:profile*", "profiles:wizard*", "profiles:settings*", "profiles:connection*"),
            ),
            NavEntry("sync:sync", _("Synchronisation"), "arrow-repeat", ("sync:preview*",), per_profile=True),
            NavEntry("sync:run_list", _("Journaux"), "journal-text", ("sync:run*", "sync:item*")),
            NavEntry("scheduler:list", _("Tâches planifiées"), "calendar2-week", ("scheduler:*",)),
        ),
    ),
    NavGroup(
        _("Entreprise"),
        (
            NavEntry("billing:overview", _("Unités"), "coin", ("billing:*",)),
            NavEntry("profiles:team", _("Équipe"), "people", ("profiles:team*",), role=Role.OWNER),
            NavEntry("profiles:tenant", _("Entreprise"), "building", ("profiles:tenant*",), role=Role.OWNER),
        ),
    ),
    NavGroup(_("Personnel"), (NavEntry("profiles:account", _("Mon compte"), "person-circle", ("account_*",)),)),
)
