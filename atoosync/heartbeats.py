"""Who is alive: workers and beat write the time into one Redis hash; probes and metrics read the ages.

Times are taken from Redis' own clock, so that machines with different clocks agree.
"""

from __future__ import annotations

from functools import cache

import redis
from django.conf import settings

from atoosync.guards import redis_url

KEY = "atoosync:heartbeats"
INTERVAL = 10.0
# A process not heard of for a day is forgotten.
FORGET_AFTER = 24 * 3600

_BEAT = """
local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[1], ARGV[1], now)
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if now - tonumber(all[i + 1]) > tonumber(ARGV[2]) then redis.call('HDEL', KEYS[1], all[i]) end
end
return now
"""


@cache
def _client_for(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, health_check_interval=30)


def client() -> redis.Redis:
    """A client of the broker's server, shared by the threads of this process; commands wait 2 seconds at most."""
    return _client_for(redis_url(settings.BROKER_URL))


def beat(name: str) -> None:
    """Says that ``name`` (``worker:bulk@host``, ``beat:host``) is alive now. Raises ``redis.RedisError``."""
    client().eval(_BEAT, 1, KEY, name, FORGET_AFTER)


def gone(name: str) -> None:
    """Forgets ``name`` at an orderly end. Raises ``redis.RedisError``."""
    client().hdel(KEY, name)


def ages() -> dict[str, float]:
    """Seconds since each process was last heard of, by name. Raises ``redis.RedisError``."""
    server = client()
    seconds, microseconds = server.time()
    now = float(seconds) + float(microseconds) / 1e6
    seen: dict[bytes, bytes] = server.hgetall(KEY)  # type: ignore[assignment]  # synchronous client
    return {name.decode(): max(0.0, now - float(moment)) for name, moment in seen.items()}
