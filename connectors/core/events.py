"""Notifications a system sends by itself: signed hints that something changed, and their registration.

A notification is never data: it only says which object to read again. It may come late, twice, out of order or not at
all; polling stays the net behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from connectors.canonical.keys import Entity
from connectors.core.problems import ItemRefused


class Event(StrEnum):
    """What a notification says of its object. Only a hint: the object is read again whatever it says."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A verified notification. ``delivery`` identifies it, so that a repeat is recognised (empty: none was given).

    ``subscription`` is the other side's id of the registration it came from.
    """

    entity: Entity
    key: str
    event: Event
    delivery: str = ""
    subscription: str = ""


class NotificationRefused(ItemRefused):
    """The notification is forged, unsigned or unreadable: it is answered with an error and not stored."""


class HookState(StrEnum):
    """How one registration stands on the other side."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    MISSING = "missing"
    OUTDATED = "outdated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One registration. ``OUTDATED``: it delivers to another address or with another secret."""

    topic: str
    state: HookState
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HooksReport:
    """State of the registrations, and what was done about it (topics), both empty when nothing had to be."""

    hooks: tuple[Hook, ...]
    created: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()
    removed: int = 0
    unsupported: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether every topic the other side knows is delivered."""
        return all(hook.state is HookState.ACTIVE for hook in self.hooks)

    @property
    def changed(self) -> bool:
        """Whether something had to be made or mended: worth telling, since notifications may have been lost."""
        return bool(self.created or self.mended or self.removed)


@runtime_checkable
class NotificationSource(Protocol):
    """A connection whose system notifies. Connections of other systems lack these methods."""

    def ensure_webhooks(self, delivery_url: str, secret: str) -> HooksReport:
        """Makes, mends and re-activates the registrations that deliver to ``delivery_url``, signed with ``secret``.

        Safe to call at any time and as often as wanted: what is in order is not written. Foreign registrations stay.
        Raises ``Misconfigured`` when they cannot be made and ``Transient`` when the system is away.
        """
        ...

    def webhook_state(self, delivery_url: str, secret: str) -> HooksReport:
        """The same look without writing anything."""
        ...

    def remove_webhooks(self, delivery_url: str) -> int:
        """Removes our registrations that deliver there and returns how many there were. May be called twice."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> Change | None:
        """The change a received notification tells of, its signature checked on the raw bytes in constant time.

        ``None``: genuine but nothing to act on (a test call of the system, another object). Calls nothing. Raises
        ``NotificationRefused`` for anything whose signature does not hold.
        """
        ...
