"""The scheduler of Celery beat: the database scheduler, silent unless it holds the lease.

Two beats would send everything twice (measured). The lease is one Redis key with a time to live: the holder renews it
at each tick, a stand-by takes over within ``LEASE_SECONDS`` of the holder's death.
"""

from __future__ import annotations

import logging
import os
import socket
import uuid
from datetime import datetime
from typing import Any

import redis
from django_celery_beat.schedulers import DatabaseScheduler

from atoosync import heartbeats

logger = logging.getLogger(__name__)

LEASE_KEY = "atoosync:beat-lease"
LEASE_SECONDS = 30
STANDBY_SECONDS = 5.0

_HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class Lease:
    """At most one holder at a time, for ``LEASE_SECONDS`` after its last :meth:`hold`."""

    def __init__(self, holder: str | None = None) -> None:
        self.holder = holder or f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    def hold(self) -> bool:
        """Takes or renews the lease; False when another holds it. Raises ``redis.RedisError``."""
        return bool(heartbeats.client().eval(_HOLD, 1, LEASE_KEY, self.holder, LEASE_SECONDS))

    def release(self) -> None:
        """Gives the lease back if it is ours; may be called twice. Raises ``redis.RedisError``."""
        heartbeats.client().eval(_RELEASE, 1, LEASE_KEY, self.holder)


class LeasedScheduler(DatabaseScheduler):  # type: ignore[misc]  # the package is untyped
    """Sends due tasks only while it holds the lease; otherwise waits and looks again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lease = Lease()
        self._leading = False
        self._name = f"beat:{socket.gethostname()}"
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One look at the schedule; answers the seconds until the next one."""
        if not self._lead():
            return STANDBY_SECONDS
        return float(min(super().tick(*args, **kwargs), self.max_interval))

    def close(self) -> None:
        """Ends, and lets a stand-by take over at once."""
        super().close()
        try:
            self.lease.release()
            heartbeats.gone(self._name)
        except (redis.RedisError, OSError):
            logger.warning("the beat lease could not be released; it ends in %s seconds", LEASE_SECONDS)

    def _lead(self) -> bool:
        try:
            heartbeats.beat(self._name)
            held = self.lease.hold()
        except (redis.RedisError, OSError) as error:
            logger.warning("no broker, so no lease: %s", type(error).__name__)
            held = False
        if held and not self._leading:
            logger.info("beat holds the lease")
            # What the former holder sent meanwhile is in the database: read it again before sending anything.
            self._last_full_sync = datetime.min  # noqa: DTZ901  # compared with the parent's naive clock
        elif self._leading and not held:
            logger.warning("beat lost the lease")
        self._leading = held
        return held
