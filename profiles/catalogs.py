"""Reference lists read from both systems and kept with their date; every select box is filled from them (PRF-05)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from connectors.canonical.keys import Side
from connectors.core.problems import ConnectorError, Problem
from connectors.core.results import Choice
from profiles.connections import open_side
from profiles.models import Profile, ReferenceList


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """What a refresh found: entries per list, and the lists that could not be read with the reason."""

    counts: dict[str, int]
    problems: dict[str, Problem]


def refresh(profile: Profile, side: Side) -> RefreshReport:
    """Reads every reference list of one side anew. A list that cannot be read keeps its old content.

    Raises ``ConnectorError`` when the system cannot be opened at all.
    """
    spec = profile.erp_spec if side is Side.ERP else profile.shop_spec
    counts: dict[str, int] = {}
    problems: dict[str, Problem] = {}
    with open_side(profile, side) as connection:
        for name in spec.choices:
            try:
                found = connection.choices(name)
            except ConnectorError as error:
                problems[name] = error.problem
                continue
            _store(profile, side, name, found)
            counts[name] = len(found)
    return RefreshReport(counts, problems)


@transaction.atomic
def _store(profile: Profile, side: Side, name: str, found: list[Choice]) -> None:
    ReferenceList.objects.update_or_create(
        profile=profile,
        side=side.value,
        name=name,
        defaults={"items": [asdict(choice) for choice in found], "refreshed_at": timezone.now()},
    )


def choices(profile: Profile, path: str) -> list[Choice]:
    """The kept entries of ``erp.<list>`` or ``shop.<list>``; empty when it was never read."""
    side, _, name = path.partition(".")
    row = ReferenceList.objects.filter(profile=profile, side=side, name=name).first()
    return [Choice(**item) for item in row.items] if row else []


def all_choices(profile: Profile) -> dict[str, list[Choice]]:
    """Every kept list by path, in one query."""
    rows = ReferenceList.objects.filter(profile=profile)
    return {f"{row.side}.{row.name}": [Choice(**item) for item in row.items] for row in rows}


def refreshed_at(profile: Profile, side: Side) -> datetime | None:
    """When the lists of one side were last read, or ``None``."""
    row = ReferenceList.objects.filter(profile=profile, side=side.value).order_by("-refreshed_at").first()
    return row.refreshed_at if row else None
