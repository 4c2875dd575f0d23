"""How long data is kept: what the housekeeping deletes and what the page of a company says come from here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from profiles.models import Tenant

JOURNAL_DAYS_MIN = 7
"""A company cannot ask for less: what failed last week must still be found."""

PREVIEW_AGE = timedelta(days=7)
NOTICE_AGE = timedelta(days=90)
EVENT_AGE = timedelta(days=7)
"""Notifications of a shop that were acted on."""


def journal_days_max() -> int:
    """Days that the host allows, which is also what a company without a wish of its own gets."""
    return int(settings.ATOOSYNC_JOURNAL_DAYS)


def journal_days_min() -> int:
    """The least a company may ask for; never above what the host allows."""
    return min(JOURNAL_DAYS_MIN, journal_days_max())


def journal_days(tenant: Tenant) -> int:
    """Days that the journal lines of a company are kept: its wish within the limits of the host."""
    if tenant.journal_days is None:
        return journal_days_max()
    return max(journal_days_min(), min(tenant.journal_days, journal_days_max()))
