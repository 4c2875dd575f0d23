"""System checks, run by ``manage.py check`` and at each start of a management command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import redis
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register

from atoosync.guards import is_key, redis_url


@register(Tags.security)
def keys_present(**_: Any) -> list[CheckMessage]:
    """Error E001 when the key ring of stored secrets is empty or holds something else than Fernet keys."""
    keys: Sequence[str] = settings.ATOOSYNC_SECRET_KEYS
    if keys and all(is_key(key) for key in keys):
        return []
    message = "The key ring of stored secrets is empty or damaged."
    return [Error(message, hint="See ATOOSYNC_SECRET_KEYS.", id="atoosync.E001")]


@register("connectors")
def registry_valid(**_: Any) -> list[CheckMessage]:
    """Warning W002 when a connector cannot be loaded or two claim one key; the others go on working."""
    from connectors import registry

    try:
        registry.all_specs()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        return [Warning(f"The connectors cannot be read: {error}.", id="atoosync.W002")]
    return []


@register("services", deploy=True)
def broker_reachable(**_: Any) -> list[CheckMessage]:
    """Warning W001 when the broker does not answer within 2 seconds (``manage.py check --deploy``)."""
    try:
        with redis.Redis.from_url(redis_url(settings.BROKER_URL), socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        return [Warning(f"The broker does not answer: {type(error).__name__}.", id="atoosync.W001")]
    return []


@register("services", deploy=True)
def odbc_drivers(**_: Any) -> list[CheckMessage]:
    """Info I001 listing the ODBC drivers, or saying why there is none (``manage.py check --deploy``)."""
    return list(_odbc_drivers())


def _odbc_drivers() -> Iterator[CheckMessage]:
    try:
        import pyodbc
    except ImportError as error:
        yield Info(f"ODBC is not usable: {error}.", hint="Install Debian's unixodbc package.", id="atoosync.I001")
        return
    drivers = ", ".join(sorted(pyodbc.drivers())) or "none"
    yield Info(f"ODBC drivers: {drivers}.", id="atoosync.I001")
