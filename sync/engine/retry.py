"""When a failed item is tried again."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

DELAYS = (60, 300, 1800, 7200, 21600, 86400)
"""Seconds after the first, second… failed attempt; after the last one only a person or a change tries again."""

JITTER = 0.2
MAX_SHOP_DELAY = 3600


def next_attempt(attempts: int, now: datetime, asked: float | None = None) -> datetime | None:
    """When attempt number ``attempts + 1`` is due, or ``None`` when there will be none.

    ``asked`` is a delay in seconds named by the other side (Retry-After); it is honoured up to an hour.
    """
    if attempts > len(DELAYS):
        return None
    seconds = DELAYS[max(0, attempts - 1)] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    if asked is not None:
        seconds = max(seconds, min(asked, MAX_SHOP_DELAY))
    return now + timedelta(seconds=seconds)
