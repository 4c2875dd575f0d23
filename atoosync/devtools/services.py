"""PostgreSQL and Redis for the tests: those that answer on this machine, else private ones that end with the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

from atoosync.broker import BrokerNotFound, find_server
from atoosync.demo_stack import free_port
from atoosync.devtools import packages
from atoosync.supervisor import Program, Supervisor
from connectors.sandbox.sage100 import drop_database

POSTGRES_PORT = 5432
REDIS_PORT = 6379
REDIS_BASE = 9


def postgres_answers(port: int) -> bool:
    """Whether the user postgres may create databases at 127.0.0.1 without a password."""
    try:
        with psycopg.connect(
            host="127.0.0.1", port=port, user="postgres", dbname="postgres", connect_timeout=3
        ) as base:
            found = base.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    except psycopg.Error:
        return False
    return bool(found and found[0])


def redis_answers(url: str) -> bool:
    """Whether a Redis server answers at ``url``."""
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


@contextmanager
def postgres_url(folder: Path, say: Callable[[str], None]) -> Iterator[str | None]:
    """Address of a PostgreSQL database to derive test databases from; None when there is no server to be had.

    No database derived from it is left behind.
    """
    name = f"atoosync_{os.getpid()}"
    if postgres_answers(POSTGRES_PORT):
        try:
            yield f"postgres://postgres@127.0.0.1:{POSTGRES_PORT}/{name}"
        finally:
            _drop_databases(POSTGRES_PORT, f"test_{name}")
        return
    binaries = _postgres_binaries() or _installed_postgres_binaries(say)
    if binaries is None:
        say("No PostgreSQL: tests that need it are skipped (apt install postgresql)")
        yield None
        return
    port = free_port(POSTGRES_PORT)
    with Supervisor(folder / "logs", say=say) as supervisor:
        supervisor.start(_postgres_program(binaries, folder / "postgres", port))
        supervisor.wait("PostgreSQL", lambda: postgres_answers(port), timeout=60)
        yield f"postgres://postgres@127.0.0.1:{port}/{name}"


def _drop_databases(port: int, name: str) -> None:
    """Drops this database and those of the lots: pytest-django leaves what a thread of a test still holds."""
    server = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
    with psycopg.connect(server) as base:
        query = "SELECT datname FROM pg_database WHERE datname = %s OR starts_with(datname, %s)"
        left = base.execute(query, [name, f"{name}_"]).fetchall()
    for (found,) in left:
        drop_database(server, found)


@contextmanager
def redis_server(folder: Path, say: Callable[[str], None]) -> Iterator[str | None]:
    """Address of a Redis database kept for the tests; None when there is no server to be had."""
    url = f"redis://127.0.0.1:{REDIS_PORT}/{REDIS_BASE}"
    if redis_answers(url):
        yield url
        return
    if shutil.which("redis-server") is None and shutil.which("valkey-server") is None:
        packages.install(["redis-server"], say)
    try:
        binary = find_server()
    except BrokerNotFound as error:
        say(str(error))
        yield None
        return
    port = free_port(REDIS_PORT)
    url = f"redis://127.0.0.1:{port}/{REDIS_BASE}"
    command = [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with Supervisor(folder / "logs", say=say) as supervisor:
        supervisor.start(Program(name="redis", command=command))
        supervisor.wait("Redis", lambda: redis_answers(url), timeout=15)
        yield url


def _postgres_binaries() -> Path | None:
    """Folder of ``initdb`` and ``postgres``: on the PATH, or the newest of Debian's version folders."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    return max(versions, key=lambda path: int(path.parent.name), default=None)


def _installed_postgres_binaries(say: Callable[[str], None]) -> Path | None:
    packages.install(["postgresql"], say)
    return _postgres_binaries()


def _postgres_program(binaries: Path, cluster: Path, port: int) -> Program:
    """A cluster of our own, trusted on loopback only, not kept: durability is switched off."""
    owner = _unprivileged_owner()
    cluster.mkdir(mode=0o700, parents=True, exist_ok=True)
    prefix: list[str] = []
    if owner:
        shutil.chown(cluster, owner)
        prefix = ["runuser", "-u", owner, "--"]
    initdb = [*prefix, str(binaries / "initdb"), "-D", str(cluster), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "max_connections": "200",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        command=[*prefix, str(binaries / "postgres"), "-D", str(cluster), "-p", str(port), *options],
        patience=15,
    )


def _unprivileged_owner() -> str | None:
    """PostgreSQL refuses to run as root: then the user of Debian's package runs it; None when we are not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
