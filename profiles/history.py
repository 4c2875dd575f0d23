"""Differences between two states of a profile's settings, in words of the forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from connectors.core.options import OptionInfo
from profiles.models import OptionsRevision, Profile
from profiles.options_store import sections_of


@dataclass(frozen=True, slots=True)
class Change:
    """One option that differs: page, label, value before and after as text."""

    section: str
    label: str
    before: str
    after: str


def changes_between(profile: Profile, before: OptionsRevision | None, after: OptionsRevision) -> list[Change]:
    """What `after` changed, in the order of the pages. Secrets are not part of revisions, hence never shown.

    Against nothing (the first state), only values that differ from the defaults count.
    """
    return list(_changes(profile, before.document if before else {}, after.document))


def _changes(profile: Profile, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for name, section in sections_of(profile).items():
        old, new = before.get(name, {}), after.get(name, {})
        for info in section.infos().values():
            first, second = (values.get(info.name, info.default) for values in (old, new))
            if not info.is_secret and _plain(first) != _plain(second):
                yield Change(_(section.title), _(info.label), as_text(info, first), as_text(info, second))


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(getattr(value, "value", value)) if value not in (None, "") else ""


def as_text(info: OptionInfo, value: Any) -> str:
    """A value as the history shows it."""
    if isinstance(value, bool):
        return _("oui") if value else _("non")
    if isinstance(value, dict):
        return ", ".join(f"{key} → {item}" for key, item in value.items()) or "—"
    if isinstance(value, list | tuple):
        return ", ".join(_label(info, item) for item in value) or "—"
    return _label(info, value) if value not in (None, "") else "—"


def _label(info: OptionInfo, value: Any) -> str:
    plain = str(getattr(value, "value", value))
    return _(info.choices[plain]) if plain in info.choices else plain
