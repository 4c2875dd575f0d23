"""The platform in processes of its own: workers, beat, broker and shop, all of which a test may kill.

They share the test's database (PostgreSQL), so the test sees every row as it is written. The file is also the program
of the beat process: ``python live.py beat <seconds>``.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SILENT_SECONDS = 1
BEAT_SECONDS = 0.25
QUEUES = "interactive,orders,bulk,housekeeping"


def eventually(test: Callable[[], Any], *, seconds: float, what: str, every: float = 0.05) -> Any:
    """The first true answer of ``test``; fails with ``what`` after ``seconds``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {what}")


@dataclass
class Shop:
    """A WooCommerce stand-in in its own process."""

    process: subprocess.Popen[str]
    url: str
    consumer_key: str
    consumer_secret: str
    control_url: str
    first_categories: int = 0

    def control(self, what: str, body: Any = None, *, method: str = "") -> Any:
        """One call of the control API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310  # loopback
            f"{self.control_url}{what}",
            data=data,
            method=method or ("POST" if data else "GET"),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")

    def totals(self) -> dict[str, Any]:
        """What the shop holds and what happened to it."""
        return dict(self.control("inspect"))

    def received(self) -> int:
        """Products and categories the shop holds beyond those it was born with."""
        totals = self.totals()
        return int(totals["products"]) + int(totals["terms"]["product_cat"]) - self.first_categories

    def skus(self) -> dict[str, list[dict[str, Any]]]:
        """Every object that bears a reference, by reference."""
        return dict(self.control("inspect?dump=1")["products"])


@dataclass
class Stack:
    """Workers, beat and broker of one platform."""

    environment: dict[str, str]
    folder: Path
    broker_port: int
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    others: list[subprocess.Popen[Any]] = field(default_factory=list)
    broker: subprocess.Popen[bytes] | None = None
    include: str = ""
    """A module that workers started from now on import, to play a fault."""
    _logs: int = 0

    def start_broker(self) -> None:
        """Starts an empty Redis on the stack's port and waits until it listens."""
        command = ["redis-server", "--port", str(self.broker_port), "--bind", "127.0.0.1", "--save", ""]
        self.broker = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, preexec_fn=_die_with_parent)
        eventually(lambda: _listens(self.broker_port), seconds=10, what="the broker listens")

    def stop_broker(self) -> None:
        """Kills Redis: whatever was in it is lost."""
        assert self.broker is not None
        self.broker.kill()
        self.broker.wait(10)

    def start_worker(self, *, processes: int = 1) -> subprocess.Popen[bytes]:
        """Starts one worker with ``processes`` children."""
        command = [sys.executable, "-m", "celery", "-A", "atoosync", "worker", "-P", "prefork", "-c", str(processes)]
        command += ["-Q", QUEUES, "-n", f"w{self._logs}@%h", "--without-gossip", "--without-mingle", "-l", "WARNING"]
        command += ["--include", self.include] if self.include else []
        worker = self._start(command)
        self.workers.append(worker)
        return worker

    def start_beat(self) -> None:
        """Starts the process that takes slices from dead workers and hands over what is pending."""
        self.others.append(self._start([sys.executable, str(Path(__file__)), "beat", str(BEAT_SECONDS)]))

    def kill_worker_of(self, owner: str) -> bool:
        """SIGKILL to the whole worker whose child executes the slice of ``owner``; false when it is gone already."""
        pid = int(owner.rpartition(":")[2])
        try:
            group = os.getpgid(pid)
        except ProcessLookupError:
            return False
        victim = next((worker for worker in self.workers if worker.pid == group), None)
        if victim is None:
            return False
        os.killpg(group, signal.SIGKILL)
        victim.wait(10)
        self.workers.remove(victim)
        return True

    def output(self) -> str:
        """Everything the processes printed."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        """Ends every process that is left."""
        for process in [*self.workers, *self.others]:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        if self.broker is not None and self.broker.poll() is None:
            self.stop_broker()

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        self._logs += 1
        with (self.folder / f"{self._logs:03d}.log").open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )


@contextmanager
def running_stack(folder: Path, *, port: int, workers: int = 2, slices: int = 4) -> Iterator[Stack]:
    """A stack on the database of the running test; everything is ended afterwards."""
    from sync import dispatch

    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "atoosync.settings",
        "DATABASE_URL": database_url(),
        "DATABASE_POOL": "4",
        "BROKER_URL": f"redis://127.0.0.1:{port}/0",
        "ATOOSYNC_ALLOWED_ADDRESSES": "127.0.0.1:*",
        "ATOOSYNC_LOCAL_FILES": "/",
        "ATOOSYNC_SILENT_SECONDS": str(SILENT_SECONDS),
        "ATOOSYNC_SLICES": str(slices),
        "ATOOSYNC_ORDER_SLICES": "3",
        "LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
    }
    stack = Stack(environment, folder, port)
    wake, dispatch.wake = dispatch.wake, lambda: 0  # the stack's beat hands over; this process knows no broker
    try:
        stack.start_broker()
        stack.start_beat()
        for _ in range(workers):
            stack.start_worker()
        yield stack
    finally:
        dispatch.wake = wake
        stack.close()


@contextmanager
def running_shop(*, latency_ms: int = 0, item_ms: int = 0, connections: int = 4) -> Iterator[Shop]:
    """A shop in its own process; ended afterwards."""
    command = [sys.executable, "-m", "connectors.sandbox.woocommerce", "--port", "0", "--latency-ms", str(latency_ms)]
    command += ["--latency-item-ms", str(item_ms), "--max-connections", str(connections)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=_die_with_parent)
    try:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        shop = Shop(process, *(facts[name] for name in ("url", "consumer_key", "consumer_secret", "control_url")))
        shop.first_categories = shop.totals()["terms"]["product_cat"]
        yield shop
    finally:
        process.terminate()
        process.wait(10)


def database_url() -> str:
    """Address of the database in which this test runs."""
    from django.db import connection

    values = connection.settings_dict
    return f"postgres://{values['USER']}:{values['PASSWORD']}@{values['HOST']}:{values['PORT']}/{values['NAME']}"


def _die_with_parent() -> None:
    """Linux: a killed test leaves no process behind."""
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGKILL)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _beat(seconds: float) -> None:
    import django

    django.setup()
    from django.db import DatabaseError, close_old_connections

    from sync.tasks import reap_and_dispatch

    while True:
        try:
            reap_and_dispatch()
        except DatabaseError as error:  # the database is away for a moment
            sys.stderr.write(f"{error}\n")
        close_old_connections()
        time.sleep(seconds * random.uniform(0.8, 1.2))  # noqa: S311


if __name__ == "__main__":
    assert sys.argv[1] == "beat"
    _beat(float(sys.argv[2]))
