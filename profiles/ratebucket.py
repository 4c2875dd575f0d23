"""One budget of calls per system, shared by every worker (pitfall P26)."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import redis
from django.conf import settings

from connectors.core.ports import RateBucket
from connectors.core.ratelimit import TokenBucket

logger = logging.getLogger(__name__)

# The clock of Redis decides, so that the clocks of the workers need not agree. One key holds the instant at which the
# budget is full again; a call moves it on by one interval and waits for whatever exceeds the burst.
_TAKE = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local interval = 1 / tonumber(ARGV[1])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + interval
redis.call('SET', KEYS[1], string.format('%.6f', full), 'EX', math.ceil(full - now) + 1)
return string.format('%.6f', math.max(0, full - now - tonumber(ARGV[2]) * interval))
"""


class SharedBucket:
    """A :class:`~connectors.core.ports.RateBucket` in Redis: all workers of all machines take from it in turn.

    While Redis does not answer, each process keeps to the budget by itself.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._alone = TokenBucket()

    def wait_time(self, name: str, *, rate: float, burst: int) -> float:
        """Takes one call out of ``name`` and returns how many seconds to wait before making it (0 = now)."""
        if rate <= 0:
            return 0.0
        try:
            answer: Any = self._client.eval(_TAKE, 1, f"atoosync:rate:{name}", str(rate), str(burst))
            return float(answer)
        except (redis.RedisError, OSError) as error:
            logger.warning("the shared budget of calls is away: %s", type(error).__name__)
            return self._alone.wait_time(name, rate=rate, burst=burst)


@cache
def shared() -> RateBucket:
    """The bucket of this process: in Redis where the cache is, else in memory (tests)."""
    location = settings.CACHES["default"].get("LOCATION")
    if not location:
        return TokenBucket()
    return SharedBucket(redis.Redis.from_url(location, socket_timeout=2, socket_connect_timeout=2))
