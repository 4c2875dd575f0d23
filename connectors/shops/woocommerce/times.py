"""Dates of the shop: always the ``_gmt`` ones, always aware UTC. The shop's grain is one second."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from connectors.canonical.zones import zone_of

SECOND = timedelta(seconds=1)


def instant(value: Any) -> datetime | None:
    """A ``*_gmt`` date (no suffix) as an aware time; ``None`` for empty, impossible and unreadable ones."""
    return _read(value, UTC)


def local_instant(value: Any, zone: str) -> datetime | None:
    """A site-time date by the zone of the shop (name or offset); ``None`` without a usable zone.

    Only for objects that lack the ``_gmt`` date: one hour a year is ambiguous.
    """
    found = zone_of(zone)
    return _read(value, found) if found else None


def _read(value: Any, zone: tzinfo) -> datetime | None:
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def gmt_text(moment: datetime) -> str:
    """A bound for the shop's filters, to be sent with ``dates_are_gmt=true``.

    Without a suffix: a suffix together with the flag is shifted twice and loses the last hours (recorded), and a
    suffix without the flag is compared with site time, which has one hour twice a year.
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
