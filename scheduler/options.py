"""Notification settings of a profile, for code that must go on when the rest of the settings is not valid."""

from __future__ import annotations

from profiles import options_store
from profiles.models import Profile
from profiles.options_store import OptionsRefused
from profiles.sections import NotificationsSection


def notification_options(profile: Profile) -> NotificationsSection:
    """The stored settings; the defaults (nobody to write to) where they cannot be read. Never raises."""
    try:
        found = options_store.load_section(profile, NotificationsSection.section)
    except (OptionsRefused, LookupError):
        return NotificationsSection()
    return found if isinstance(found, NotificationsSection) else NotificationsSection()
