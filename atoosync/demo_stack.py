"""The demo as processes: broker, stand-ins, web, workers and beat, started in order under one supervisor.

Needs no root rights, no Docker and no other service; everything it writes lies in one data directory.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from atoosync.broker import find_server, server_command
from atoosync.guards import broker_socket, redis_url
from atoosync.supervisor import Program, Supervisor

ROOT = Path(__file__).resolve().parent.parent
MANAGE = (sys.executable, str(ROOT / "manage.py"))
CELERY = (sys.executable, "-m", "celery", "--app", "atoosync")
# Short work keeps a lane of its own, so that long slices never delay an order or the dispatcher.
LANES: Mapping[str, tuple[str, int]] = {"fast": ("orders,housekeeping", 2), "main": ("interactive,bulk", 2)}


class DemoBusy(Exception):
    """Another demo already runs in the same data directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """Where the demo runs. ``environment`` is added to that of every child."""

    data: Path
    web_port: int
    shop_port: int
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Address of the pages."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def external_broker(self) -> str:
        """``BROKER_URL`` given by the host, or an empty text when the demo starts its own broker."""
        return os.environ.get("BROKER_URL", "")

    def child_environment(self) -> dict[str, str]:
        """Environment of every child: one data directory and broker, the shop's port and the company's file allowed."""
        allowed = [os.environ.get("ATOOSYNC_ALLOWED_ADDRESSES", ""), f"127.0.0.1:{self.shop_port}"]
        folders = [os.environ.get("ATOOSYNC_LOCAL_FILES", ""), str(self.data)]
        return {
            "DJANGO_SETTINGS_MODULE": "atoosync.settings",
            "ATOOSYNC_MODE": "embedded",
            "ATOOSYNC_DATA": str(self.data),
            "BROKER_URL": self.external_broker or f"redis+socket://{broker_socket(self.data)}",
            "PUBLIC_URL": self.url,
            "ATOOSYNC_ALLOWED_ADDRESSES": ",".join(entry for entry in allowed if entry),
            "ATOOSYNC_LOCAL_FILES": ",".join(entry for entry in folders if entry),
            **self.environment,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningDemo:
    """A started demo: what a person or the check needs to use it."""

    plan: DemoPlan
    supervisor: Supervisor
    systems: Mapping[str, Mapping[str, Any]]
    account: Mapping[str, Any]

    @property
    def url(self) -> str:
        """Address of the pages."""
        return self.plan.url


@contextmanager
def running_demo(plan: DemoPlan, *, say: Callable[[str], None] = print) -> Iterator[RunningDemo]:
    """Starts everything, waits until ``/readyz`` says yes, and ends everything when the block ends.

    Must be entered, polled and left in one thread (see :mod:`atoosync.supervisor`).
    Raises ``DemoBusy``, ``BrokerNotFound``, ``ProgramFailed`` or ``NotReady``; all of them are sentences for a person.
    """
    plan.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_only_one(plan.data))
        supervisor = stack.enter_context(Supervisor(plan.data / "logs", say=say))
        yield _start(plan, supervisor, say)


def _start(plan: DemoPlan, supervisor: Supervisor, say: Callable[[str], None]) -> RunningDemo:
    environment = plan.child_environment()
    if not plan.external_broker:
        say("Starting the embedded broker")
        supervisor.start(_broker(plan))
    supervisor.wait("broker", lambda: _broker_answers(environment["BROKER_URL"]), timeout=15)
    say("Preparing the database")
    supervisor.run(_manage("migrate", "migrate", "--noinput", environment=environment), timeout=180)
    say("Starting the stand-ins (Sage 100, WooCommerce)")
    systems = _stand_ins(plan, supervisor, environment)
    say("Preparing the demo merchant")
    account = _seed(plan, supervisor, environment, systems)
    say("Starting web, workers and scheduler")
    for program in _platform(plan, environment):
        supervisor.start(program)
    supervisor.wait("AtooSync", lambda: is_ready(plan.url), timeout=90, every=0.25)
    return RunningDemo(plan=plan, supervisor=supervisor, systems=systems, account=account)


def _broker(plan: DemoPlan) -> Program:
    path = broker_socket(plan.data)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_uid != os.getuid():
        raise DemoBusy(f"{path.parent} belongs to somebody else; choose another data directory with ATOOSYNC_DATA.")
    path.parent.chmod(0o700)
    folder = plan.data / "broker"
    folder.mkdir(mode=0o700, exist_ok=True)
    return Program(name="broker", command=server_command(find_server(), path, folder))


def _stand_ins(plan: DemoPlan, supervisor: Supervisor, environment: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    """Starts the shop and builds the ERP's company; both keep what was done to them until the folder is deleted."""
    state = plan.data / "shop.sqlite3"
    shop = ("sandbox", "woocommerce", "--port", str(plan.shop_port), "--state", str(state))
    supervisor.start(_manage("woocommerce", *shop, environment=environment))
    company, kept = plan.data / "sage100.sqlite3", plan.data / "sage100.json"
    if not (company.exists() and kept.exists()):
        today, pictures = datetime.now(UTC).date().isoformat(), str(plan.data / "Multimedia")
        build = ("sandbox", "sage100", "--path", str(company), "--today", today, "--pictures", pictures)
        supervisor.run(_manage("sage100", *build, environment=environment), timeout=120)
        kept.write_text(json.dumps(supervisor.printed_json("sage100") or {}), encoding="utf-8")
    supervisor.wait("WooCommerce stand-in", lambda: supervisor.printed_json("woocommerce") is not None, timeout=60)
    return {"woocommerce": supervisor.printed_json("woocommerce") or {}, "sage100": json.loads(kept.read_text("utf-8"))}


def _seed(
    plan: DemoPlan, supervisor: Supervisor, environment: Mapping[str, str], systems: Mapping[str, Any]
) -> Mapping[str, Any]:
    listing = plan.data / "systems.json"
    descriptor = os.open(listing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(systems, stream)
    supervisor.run(_manage("seed", "demo_seed", str(listing), environment=environment), timeout=120)
    return supervisor.printed_json("seed") or {}


def _platform(plan: DemoPlan, environment: Mapping[str, str]) -> Iterator[Program]:
    yield _manage("web", "web", "--port", str(plan.web_port), environment=environment)
    for lane, (queues, concurrency) in LANES.items():
        yield Program(
            name=f"worker-{lane}",
            command=worker_command(lane, queues, concurrency),
            environment=environment,
            patience=12,
        )
    yield _manage("watchdog", "watchdog", environment=environment)
    # Without the broker, which dies with the supervisor, beat would go on trying to reach it; killed, it loses nothing.
    beat = (*CELERY, "beat", "--pidfile=")
    yield Program(name="beat", command=beat, environment=environment, orphan_signal=signal.SIGKILL)


def worker_command(lane: str, queues: str, concurrency: int) -> tuple[str, ...]:
    """Command of a worker on ``queues``; prefork, because only it honours time limits and revocation."""
    return (
        *CELERY,
        "worker",
        f"--hostname={lane}@%h",
        "--pool=prefork",
        f"--concurrency={concurrency}",
        f"--queues={queues}",
        "--without-mingle",
        "--without-gossip",
    )


def _manage(name: str, *arguments: str, environment: Mapping[str, str]) -> Program:
    return Program(name=name, command=(*MANAGE, *arguments), environment=environment)


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    with (data / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoBusy(f"A demo already runs in {data}; stop it, or set ATOOSYNC_DATA to another folder.") from None
        yield


def _broker_answers(url: str) -> bool:
    import redis

    try:
        with redis.Redis.from_url(redis_url(url), socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def is_ready(url: str) -> bool:
    """Whether ``/readyz`` of the platform at ``url`` answers 200 within two seconds."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port(wanted: int = 0) -> int:
    """``wanted`` when nothing listens there on 127.0.0.1, else any free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


@contextmanager
def temporary_plan() -> Iterator[DemoPlan]:
    """A plan on free ports in a folder that vanishes at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="atoosync-demo-") as folder:
        yield DemoPlan(data=Path(folder), web_port=free_port(), shop_port=free_port())
