"""``python -m atoosync.probe_client web|worker|beat``: health of the process in this container, for Docker.

Reads the environment only, so that it costs no Django start every fifteen seconds.
"""

from __future__ import annotations

import http.client
import os
import socket
import sys
from pathlib import Path

# Written by atoosync.heartbeats; read here without loading Django.
HEARTBEATS = "atoosync:heartbeats"
OLDEST = 60.0


def main(arguments: list[str]) -> int:
    """0 when healthy, 1 with a sentence when not, 2 for an unknown kind."""
    kind = arguments[0] if arguments else ""
    if kind == "web":
        return _told(_web_fault(int(os.environ.get("PORT", "8000"))))
    if kind in {"worker", "beat"}:
        return _told(_heartbeat_fault(kind, _broker_url()))
    sys.stderr.write("usage: python -m atoosync.probe_client web|worker|beat\n")
    return 2


def _web_fault(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"the web server does not answer: {type(error).__name__}"
    finally:
        connection.close()
    return "" if status == 200 else f"/healthz answered {status}"


def _heartbeat_fault(kind: str, broker_url: str) -> str:
    import redis

    from atoosync.guards import redis_url

    host = socket.gethostname()
    try:
        with redis.Redis.from_url(redis_url(broker_url), socket_timeout=3, socket_connect_timeout=3) as client:
            now = float(client.time()[0])
            beats: dict[bytes, bytes] = client.hgetall(HEARTBEATS)
    except (redis.RedisError, OSError, ValueError) as error:
        return f"the broker does not answer: {type(error).__name__}"
    # «worker:main@host» of Celery, «beat:host» of the scheduler.
    ages = [now - float(at) for name, at in beats.items() if _belongs(name.decode(), kind, host)]
    if not ages:
        return f"no heartbeat of a {kind} on {host}"
    return "" if min(ages) <= OLDEST else f"the last heartbeat is {min(ages):.0f} s old"


def _belongs(name: str, kind: str, host: str) -> bool:
    return name.startswith(f"{kind}:") and name.endswith((f"@{host}", f":{host}"))


def _broker_url() -> str:
    path = os.environ.get("BROKER_URL_FILE", "")
    return Path(path).read_text(encoding="utf-8").strip() if path else os.environ.get("BROKER_URL", "")


def _told(fault: str) -> int:
    if fault:
        sys.stderr.write(fault + "\n")
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
