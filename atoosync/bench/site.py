"""A platform of its own for one benchmark: database, broker, slow shop and generated company in a temporary folder."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from atoosync.broker import find_server, server_command
from atoosync.demo_stack import CELERY, LANES, MANAGE, free_port, is_ready, worker_command
from atoosync.guards import broker_socket
from atoosync.supervisor import Program, Supervisor
from connectors.core.odbc import installed_drivers
from connectors.core.problems import Misconfigured
from connectors.sandbox.sage100 import Sage100Sandbox, build

CONTROL_TIMEOUT = 300.0
STEP_TIMEOUT = 3600.0
Figures = dict[str, Any]


class BenchFailed(Exception):
    """A benchmark measured something that must not be, or could not be set up; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How slow the shop is: milliseconds per request, per item of a batch, and requests worked on at once."""

    request_ms: float = 100.0
    item_ms: float = 25.0
    connections: int = 4

    def calls(self, items: int, per_call: int) -> list[int]:
        """Items of each call when ``items`` go out ``per_call`` at a time."""
        whole, rest = divmod(items, per_call)
        return [per_call] * whole + ([rest] if rest else [])

    def seconds(self, calls: list[int]) -> float:
        """Least time for these calls over all connections, the shop's own work left out."""
        lanes = [0.0] * self.connections
        for items in sorted(calls, reverse=True):
            lanes[lanes.index(min(lanes))] += (self.request_ms + self.item_ms * items) / 1000
        return max(lanes)

    def figures(self) -> Figures:
        """For the report."""
        return {"request_ms": self.request_ms, "item_ms": self.item_ms, "connections": self.connections}


class Shop:
    """The WooCommerce stand-in, seen through its control API."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        self.url = str(described["url"])
        self.key = str(described["consumer_key"])
        self.secret = str(described["consumer_secret"])
        self._control = str(described["control_url"])
        self._session = requests.Session()
        self._session.trust_env = False

    def control(self, method: str, name: str, body: Any = None, **query: Any) -> Any:
        """One control call. Raises :class:`BenchFailed` unless it answers 200."""
        answer = self._session.request(
            method, f"{self._control}{name}?{urlencode(query)}", json=body, timeout=CONTROL_TIMEOUT
        )
        if answer.status_code != requests.codes.ok:
            raise BenchFailed(f"the shop's control call {name} answered {answer.status_code}: {answer.text[:200]}")
        return answer.json()

    def pace(self, pace: Pace | None) -> None:
        """Slows the shop down, or lets it run as fast as it can."""
        slow = pace or Pace(request_ms=0, item_ms=0, connections=0)
        self.control(
            "POST",
            "latency",
            {"request_ms": slow.request_ms, "item_ms": slow.item_ms, "max_connections": slow.connections},
        )

    def forget_requests(self) -> None:
        """Empties the request log and its counters."""
        self.control("DELETE", "requests")

    def totals(self) -> Figures:
        """Calls by kind and items written since :meth:`forget_requests`."""
        found: Figures = self.control("GET", "requests")["totals"]
        return found

    def products(self) -> dict[str, list[dict[str, Any]]]:
        """Every product by SKU, as the shop's own database holds it."""
        found: dict[str, list[dict[str, Any]]] = self.control("GET", "inspect", dump=1)["products"]
        return found


class Site:
    """The processes and files of one benchmark. Used in one thread."""

    def __init__(self, folder: Path, supervisor: Supervisor, *, database: str, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.supervisor = supervisor
        self.say = say
        self._database = database
        self._ports: list[str] = []
        self._steps = 0
        self._web_port = free_port()

    def environment(self) -> dict[str, str]:
        """Environment of every child: embedded mode, its own data, the shops' ports allowed as destinations."""
        return {
            "DJANGO_SETTINGS_MODULE": "atoosync.settings",
            "ATOOSYNC_MODE": "embedded",
            "ATOOSYNC_DATA": str(self.folder),
            "ATOOSYNC_ALLOWED_ADDRESSES": ",".join(self._ports),
            "BROKER_URL": f"redis+socket://{broker_socket(self.folder)}",
            "PUBLIC_URL": f"http://127.0.0.1:{self._web_port}",
            "LOG_LEVEL": "WARNING",
            "LOG_FORMAT": "text",
            # Always said, so that a database of the caller's environment is left alone.
            "DATABASE_URL": self._database or f"sqlite://{self.folder}/atoosync.sqlite3",
        }

    def prepare(self) -> None:
        """Starts the broker that wakes workers in real life, and makes the tables."""
        path = broker_socket(self.folder)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = self.folder / "broker-data"
        data.mkdir(mode=0o700)
        self.supervisor.start(Program(name="broker", command=server_command(find_server(), path, data)))
        self.supervisor.wait("broker", path.exists, timeout=15)
        self.say("making the tables")
        self.supervisor.run(
            Program(name="migrate", command=(*MANAGE, "migrate", "--noinput"), environment=self.environment()),
            timeout=180,
        )

    def start_shop(self) -> Shop:
        """An empty shop in a process of its own, with no latency yet."""
        name = f"woocommerce-{len(self._ports) + 1}"
        command = (*MANAGE, "sandbox", "woocommerce", "--port", "0")
        self.supervisor.start(Program(name=name, command=command, environment=self.environment()))
        self.supervisor.wait(name, lambda: self.supervisor.printed_json(name) is not None, timeout=60)
        shop = Shop(self.supervisor.printed_json(name) or {})
        self._ports.append(urlsplit(shop.url).netloc)
        return shop

    def start_platform(self) -> None:
        """Web, workers and beat, as the demo has them; returns once the pages answer."""
        environment = self.environment()
        programs = {"web": (*MANAGE, "web", "--port", str(self._web_port)), "beat": (*CELERY, "beat", "--pidfile=")}
        programs |= {f"worker-{lane}": worker_command(lane, *how) for lane, how in LANES.items()}
        for name, command in programs.items():
            self.supervisor.start(Program(name=name, command=command, environment=environment))
        self.wait("the platform", lambda: is_ready(environment["PUBLIC_URL"]), timeout=90)

    def wait(self, what: str, ready: Callable[[], bool], *, timeout: float) -> None:
        """Waits until ``ready()``; raises ``NotReady`` after ``timeout`` seconds."""
        self.supervisor.wait(what, ready, timeout=timeout)

    def company(self, items: int, *, name: str = "sage100", emulation: bool = False) -> Sage100Sandbox:
        """A generated company of ``items`` published articles; with ``emulation`` it takes orders."""
        self.say(f"generating a company of {items} articles")
        return build(self.folder / f"{name}.sqlite3", merchant="generated", items=items, emulation=emulation)

    def source(self, company: Sage100Sandbox, *, direct: bool = False) -> dict[str, str]:
        """Settings that open a company: through ODBC where its driver is installed, unless ``direct``."""
        if _has_odbc() and not direct:
            return {"kind": "connection_string", "connection_string": company.odbc_connection_string()}
        return {"kind": "sqlite", "path": str(company.path)}

    def create(self, company: Sage100Sandbox, shop: Shop, *, direct: bool = False, **more: Any) -> int:
        """A profile with units between the two; its number.

        ``direct``: see :meth:`source`. ``options``: further settings, by section.
        """
        keys = {"url": shop.url, "consumer_key": shop.key, "consumer_secret": shop.secret}
        return int(self.step("create", erp=self.source(company, direct=direct), shop=keys, **more)["profile"])

    def start_step(self, name: str, task: str, **values: Any) -> None:
        """Starts a task that goes on until the site is left."""
        command = (sys.executable, "-m", "atoosync.bench.worker", task, json.dumps(values))
        self.supervisor.start(Program(name=name, command=command, environment=self.environment()))

    def step(self, task: str, **values: Any) -> Figures:
        """Runs one task of :mod:`atoosync.bench.worker` in a fresh process and answers its figures."""
        self._steps += 1
        name = f"{self._steps:02d}-{task}"
        command = (sys.executable, "-m", "atoosync.bench.worker", task, json.dumps(values))
        self.supervisor.run(Program(name=name, command=command, environment=self.environment()), timeout=STEP_TIMEOUT)
        found = self.supervisor.printed_json(name)
        if found is None:
            raise BenchFailed(f"{task} printed no figures.\n{self.supervisor.tail(name)}")
        return found


@contextmanager
def site(*, database: str = "", say: Callable[[str], None] = print) -> Iterator[Site]:
    """A prepared site, its processes ended and its folder deleted at the end of the block.

    ``database``: address of an empty PostgreSQL database; SQLite in the folder when empty. Raises ``ProgramFailed``,
    ``NotReady`` or ``BrokerNotFound`` with a sentence when something cannot start.
    """
    with tempfile.TemporaryDirectory(prefix="atoosync-bench-") as text:
        folder = Path(text)
        with Supervisor(folder / "logs", say=say) as supervisor:
            made = Site(folder, supervisor, database=database, say=say)
            made.prepare()
            yield made


def _has_odbc() -> bool:
    try:
        return any("sqlite" in name.lower() for name in installed_drivers())
    except Misconfigured:
        return False


def machine() -> Figures:
    """What the figures were measured on."""
    return {
        "erp_driver": "odbc" if _has_odbc() else "sqlite3",
        "processors": os.cpu_count(),
        "python": sys.version.split()[0],
        "platform": sys.platform,
    }
