"""Time zones as systems tell them: a name of the tz database, or a fixed offset such as ``+13:00``."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")


def zone_of(name: str) -> tzinfo | None:
    """The zone of this name or offset; ``None`` for an empty or unknown one."""
    offset = _OFFSET.fullmatch(name)
    if offset:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span) if span < timedelta(days=1) else None
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):
        # ZoneInfoNotFoundError is a KeyError; unreadable names give the others.
        return None
