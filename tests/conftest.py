"""Fixtures every folder may use; each folder adds its own in its conftest."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import settings
from django.core.cache import cache

from connectors.core import redaction

# The synchronous Playwright runs an event loop in the thread of the test, where Django would refuse the ORM.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

ROOT = Path(__file__).resolve().parent.parent
TEST_REDIS_URL = os.environ.get("ATOOSYNC_TEST_BROKER_URL", "redis://127.0.0.1:6379/9")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class OutsideNetwork(AssertionError):
    """A test tried to leave this machine."""


def _is_local(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # unix sockets
    host = str(address[0])
    if host in {"localhost", ""}:
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuses every connection that does not stay on this machine."""
    real_connect, real_connect_ex = socket.socket.connect, socket.socket.connect_ex

    def connect(self: socket.socket, address: Any) -> None:
        if not _is_local(address):
            raise OutsideNetwork(f"a test tried to connect to {address}")
        return real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        if not _is_local(address):
            raise OutsideNetwork(f"a test tried to connect to {address}")
        return real_connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect_ex)


@pytest.fixture(scope="session", autouse=True)
def process_zone() -> None:
    """The zone of the process, where ATOOSYNC_TEST_ZONE names one: Django puts the one of the environment aside."""
    zone = os.environ.get("ATOOSYNC_TEST_ZONE")
    if zone:
        os.environ["TZ"] = zone
        time.tzset()


@pytest.fixture(autouse=True)
def clean_shared_state() -> Iterator[None]:
    """Rate limits live in the cache and live secrets in a register: neither may leak into the next test."""
    cache.clear()
    yield
    redaction.forget_secrets()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips, with the reason, tests whose service is absent; ``bin/test`` provides every one of them."""
    missing = _missing_services({mark.name for item in items for mark in item.iter_markers()})
    for item in items:
        for name, reason in missing.items():
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


def _missing_services(wanted: set[str]) -> dict[str, str]:
    missing = {}
    engine = settings.DATABASES["default"]["ENGINE"]
    if "postgres" in wanted and not engine.endswith("postgresql"):
        missing["postgres"] = "ATOOSYNC_TEST_DATABASE_URL names no PostgreSQL database (bin/test gives one)"
    if "redis" in wanted and not _redis_answers():
        missing["redis"] = f"no Redis at {urlsplit(TEST_REDIS_URL).netloc} (bin/test starts one)"
    if "odbc" in wanted and not _odbc_drivers():
        missing["odbc"] = "unixODBC or its SQLite driver is not installed (bin/test installs them)"
    if "browser" in wanted and CHROMIUM is None:
        missing["browser"] = "chromium is not installed (bin/test installs it)"
    return missing


def _redis_answers() -> bool:
    try:
        with redis.Redis.from_url(TEST_REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _odbc_drivers() -> list[str]:
    try:
        import pyodbc
    except ImportError:
        return []
    return [name for name in pyodbc.drivers() if "SQLite" in name]


@pytest.fixture(scope="session")
def redis_url() -> str:
    """Address of the Redis database kept for tests."""
    return TEST_REDIS_URL


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client on an emptied Redis database; mark the test ``redis``."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def contracts() -> Path:
    """Folder of the recordings of real systems; the test is skipped where they are absent."""
    folder = Path(os.environ.get("ATOOSYNC_CONTRACTS") or ROOT.parent / "shared" / "contracts")
    if not folder.is_dir():
        pytest.skip("recordings of real systems are absent (set ATOOSYNC_CONTRACTS)")
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens to."""
    return _free_port()
