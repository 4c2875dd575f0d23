"""What the list of profiles shows of the last runs.

Profiles know nothing of runs; the application that does registers a provider when it starts (`AppConfig.ready`), so
that imports keep going one way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from profiles.models import Profile


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of a profile: French label of its flow, state as `state_badge` knows it, start and address."""

    label: str
    state: str
    started_at: datetime | None
    address: str


Provider = Callable[[Sequence[Profile]], Mapping[int, LastRun]]
_providers: list[Provider] = []


def register(provider: Provider) -> None:
    """Add a provider: it gets profiles and returns the last run by profile id, in a constant number of queries.

    Registering the same one again changes nothing.
    """
    if provider not in _providers:
        _providers.append(provider)


def last_runs(profiles: Sequence[Profile]) -> dict[int, LastRun]:
    """The last run of each profile that has one."""
    found: dict[int, LastRun] = {}
    for provider in _providers:
        found.update(provider(profiles))
    return found
