"""What must hold before the platform starts, and the small derivations the settings need.

:func:`check_deployment` collects every fault, so that the host fixes them in one go instead of one per restart.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]", "::1", ".localhost", "testserver"})
# sun_path holds 108 bytes on Linux and 104 elsewhere, the closing zero included.
SOCKET_PATH_MAX = 100
HOST_PORT = re.compile(r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5}|\*)$")
HOST = re.compile(r"^[A-Za-z0-9._-]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The settings that are judged together."""

    embedded: bool
    debug: bool
    secret_key: str
    secret_keys: Sequence[str]
    allowed_hosts: Sequence[str]
    public_url: str
    database_engine: str
    broker_url: str
    allowed_addresses: Sequence[str]


def check_deployment(deployment: Deployment) -> None:
    """Raises ``ImproperlyConfigured`` with one sentence per fault; returns silently otherwise."""
    faults = [*_key_faults(deployment), *_host_faults(deployment), *_service_faults(deployment)]
    if faults:
        raise ImproperlyConfigured("AtooSync cannot start:\n" + "\n".join(f"- {fault}" for fault in faults))


def _key_faults(deployment: Deployment) -> Iterator[str]:
    if not deployment.secret_key:
        yield "SECRET_KEY is missing: give SECRET_KEY or SECRET_KEY_FILE (50 random characters)."
    elif len(deployment.secret_key) < 32:
        yield "SECRET_KEY is shorter than 32 characters."
    if not deployment.secret_keys:
        yield (
            "ATOOSYNC_SECRET_KEYS is missing: give it, or ATOOSYNC_SECRET_KEYS_FILE; "
            "`python -m atoosync.keys` prints a new one."
        )
    for position, key in enumerate(deployment.secret_keys, start=1):
        if not is_key(key):
            yield f"ATOOSYNC_SECRET_KEYS: key number {position} is not a Fernet key (44 characters of URL-safe base64)."


def _host_faults(deployment: Deployment) -> Iterator[str]:
    hosts = set(deployment.allowed_hosts)
    if deployment.debug and hosts - LOOPBACK_HOSTS:
        yield "DEBUG is on while ALLOWED_HOSTS names hosts that are not loopback: switch DEBUG off."
    if "*" in hosts:
        yield "ALLOWED_HOSTS may not be '*': name the hosts."
    if not hosts:
        yield "ALLOWED_HOSTS is missing: name the host people type in the browser."
    if not re.match(r"^https?://[^/\s]+$", deployment.public_url):
        yield "PUBLIC_URL must be the address people type, such as https://sync.example.com, without a path."
    for entry in deployment.allowed_addresses:
        if not is_address_rule(entry):
            yield f"ATOOSYNC_ALLOWED_ADDRESSES: {entry!r} is neither host:port, nor a host, nor a CIDR."


def _service_faults(deployment: Deployment) -> Iterator[str]:
    scheme = urlsplit(deployment.broker_url).scheme
    if not deployment.broker_url:
        yield "BROKER_URL is missing: give redis://host:6379/0."
    elif scheme not in {"redis", "rediss", "redis+socket", "memory"}:
        yield "BROKER_URL must begin with redis://, rediss:// or redis+socket://."
    if deployment.embedded:
        return
    if deployment.debug:
        yield "DEBUG is on in production mode: switch it off."
    if not deployment.database_engine.endswith("postgresql"):
        yield "DATABASE_URL must name a PostgreSQL database in production mode: postgres://user:password@host/base."


def is_key(text: str) -> bool:
    """Whether ``text`` is a Fernet key."""
    try:
        Fernet(text.encode())
    except ValueError:
        return False
    return True


def is_address_rule(text: str) -> bool:
    """Whether ``text`` is ``host:port`` (``*`` = any port), an address, a CIDR or a host name."""
    match = HOST_PORT.match(text)
    if match:
        return match[2] == "*" or 0 < int(match[2]) < 65536
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return bool(HOST.match(text))
    return True


def generate_key() -> str:
    """A new Fernet key, as text."""
    return Fernet.generate_key().decode()


def broker_socket(data: Path) -> Path:
    """Where the embedded broker listens: inside ``data``, or in a private temporary folder if that is too long."""
    path = data / "broker" / "broker.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_MAX:
        return path
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"atoosync-{os.getuid()}-{digest}" / "broker.sock"


def redis_url(broker_url: str) -> str:
    """The address of the broker as redis-py reads it (kombu writes ``redis+socket://path?virtual_host=1``)."""
    parts = urlsplit(broker_url)
    if parts.scheme != "redis+socket":
        return broker_url
    base = dict(parse_qsl(parts.query)).get("virtual_host", "0").lstrip("/")
    return f"unix://{parts.path}?db={base}"
