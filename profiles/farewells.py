"""What has to be undone outside before a profile is deleted.

Profiles know nothing of what others keep in a shop; the application that does registers itself when it starts
(`AppConfig.ready`), so that imports keep going one way.
"""

from __future__ import annotations

from collections.abc import Callable

from connectors.core.problems import Problem
from profiles.models import Profile

Farewell = Callable[[Profile], Problem | None]
_farewells: list[Farewell] = []


def register(farewell: Farewell) -> None:
    """Add a farewell: it undoes what it keeps outside for a profile and returns what it could not undo.

    Registering the same one again changes nothing.
    """
    if farewell not in _farewells:
        _farewells.append(farewell)


def say(profile: Profile) -> list[Problem]:
    """Undo what is kept outside for a profile; returns what is left there. May be called again."""
    return [problem for problem in (farewell(profile) for farewell in _farewells) if problem is not None]
