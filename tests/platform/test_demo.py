"""The demo as a person starts it: one command, real processes, one data directory."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from atoosync.demo_stack import DemoBusy, DemoPlan, _only_one, free_port
from atoosync.guards import broker_socket

pytestmark = [pytest.mark.slow, pytest.mark.covers("OPS-01")]


def environment(folder: Path) -> dict[str, str]:
    """As on a fresh machine: nothing of the tests' settings, no broker, no database server."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "ATOOSYNC_DATA": str(folder),
        "PYTHONUNBUFFERED": "1",
    }


def processes_using(folder: Path) -> set[int]:
    """Ids of the processes that were started for the data directory ``folder``."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            # The broker overwrites its environment with its title, which names its socket.
            if f"ATOOSYNC_DATA={folder}\0".encode() in told or str(broker_socket(folder)).encode() in told:
                found.add(int(entry.name))
    return found


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.2)
    return condition()


@pytest.fixture
def demo(project_root: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """The demo on free ports, until its address is printed."""
    data = tmp_path / "data"
    ports = ("--port", str(free_port()), "--shop-port", str(free_port()))
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo", *ports],
        cwd=project_root,
        env=environment(data),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(line)
        if "Ctrl-C" in line:
            break
    text = "".join(told)
    assert "Password" in text, text
    url = next(word for word in text.split() if word.startswith("http://127.0.0.1"))
    yield process, url, data
    process.kill()
    process.wait()
    process.stdout.close()
    eventually(lambda: not processes_using(data), 20)


def test_p32_one_command_serves_survives_a_crash_and_leaves_nothing_behind(
    demo: tuple[subprocess.Popen[str], str, Path],
) -> None:
    process, url, data = demo
    assert requests.get(f"{url}/readyz", timeout=10).status_code == 200
    assert (data / "secret_key").stat().st_mode & 0o077 == 0
    assert broker_socket(data).parent.stat().st_mode & 0o077 == 0
    systems = json.loads((data / "systems.json").read_text())
    assert requests.get(systems["woocommerce"]["url"], timeout=10).status_code == 200

    broker = [pid for pid in processes_using(data) if b"broker.sock" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(broker) == 1
    os.kill(broker[0], signal.SIGKILL)
    assert eventually(lambda: requests.get(f"{url}/readyz", timeout=10).status_code == 200, 40)

    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert eventually(lambda: not processes_using(data), 5)


def test_p32_every_process_ends_with_a_supervisor_that_was_killed(
    demo: tuple[subprocess.Popen[str], str, Path],
) -> None:
    process, _, data = demo
    assert len(processes_using(data)) > 6
    process.kill()
    assert eventually(lambda: not processes_using(data), 30), [
        Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes_using(data)
    ]


def test_two_demos_in_one_folder_are_refused(tmp_path: Path) -> None:
    with _only_one(tmp_path), pytest.raises(DemoBusy, match="already runs"), _only_one(tmp_path):
        pass


def test_a_taken_port_is_replaced() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


def test_children_get_one_broker_and_may_call_the_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BROKER_URL", raising=False)
    monkeypatch.setenv("ATOOSYNC_ALLOWED_ADDRESSES", "10.0.0.5:1433")
    monkeypatch.setenv("ATOOSYNC_LOCAL_FILES", "/srv/companies")
    plan = DemoPlan(data=tmp_path, web_port=8000, shop_port=8081)
    found = plan.child_environment()
    assert found["ATOOSYNC_LOCAL_FILES"] == f"/srv/companies,{tmp_path}", (
        "the demo's company is opened beside the host's"
    )
    assert found["BROKER_URL"] == f"redis+socket://{broker_socket(tmp_path)}"
    assert found["ATOOSYNC_ALLOWED_ADDRESSES"] == "10.0.0.5:1433,127.0.0.1:8081"
    monkeypatch.delenv("ATOOSYNC_LOCAL_FILES")
    monkeypatch.setenv("BROKER_URL", "redis://elsewhere:6379/0")
    found = plan.child_environment()
    assert found["BROKER_URL"] == "redis://elsewhere:6379/0"
    assert found["ATOOSYNC_LOCAL_FILES"] == str(tmp_path)
