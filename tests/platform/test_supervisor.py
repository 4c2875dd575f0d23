"""The supervisor: real processes that crash, hang, and die with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from atoosync.supervisor import NotReady, Program, ProgramFailed, Supervisor

FOREVER = "import time; print('up', flush=True); time.sleep(600)"


def python(name: str, code: str, **options: float) -> Program:
    return Program(name=name, command=[sys.executable, "-c", code], **options)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "logs"


def test_leaving_the_block_ends_every_child(logs: Path) -> None:
    with Supervisor(logs) as supervisor:
        supervisor.start(python("a", FOREVER))
        supervisor.start(python("b", FOREVER))
        supervisor.wait("both", lambda: "up" in supervisor.output("a") and "up" in supervisor.output("b"), timeout=20)
        pids = [supervisor.pid("a"), supervisor.pid("b")]
        assert all(map(alive, pids))
    assert not any(map(alive, pids))


def test_a_child_that_ignores_sigterm_is_killed_after_its_patience(logs: Path) -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + FOREVER
    with Supervisor(logs) as supervisor:
        supervisor.start(python("stubborn", stubborn, patience=0.5))
        supervisor.wait("start", lambda: "up" in supervisor.output("stubborn"), timeout=20)
        pid, start = supervisor.pid("stubborn"), time.monotonic()
    assert not alive(pid)
    assert 0.4 < time.monotonic() - start < 8


@pytest.mark.covers("OPS-01")
def test_p32_a_crashed_child_starts_again(logs: Path, said: list[str]) -> None:
    with Supervisor(logs, say=said.append) as supervisor:
        supervisor.start(python("worker", FOREVER))
        first = supervisor.pid("worker")
        os.kill(first, signal.SIGKILL)
        supervisor.wait("restart", lambda: supervisor.alive("worker") and supervisor.pid("worker") != first, timeout=20)
    assert len(said) == 1
    assert "worker ended (code -9)" in said[0]


def test_a_child_that_cannot_start_is_given_up_with_its_last_words(logs: Path) -> None:
    with Supervisor(logs, say=lambda text: None) as supervisor:
        supervisor.start(python("broken", "raise SystemExit('no database here')"))
        with pytest.raises(ProgramFailed, match="ended 5 times in a row") as failure:
            supervisor.wait("never", lambda: False, timeout=60)
    assert "no database here" in str(failure.value)


def test_waiting_has_an_end(logs: Path) -> None:
    with Supervisor(logs) as supervisor:
        supervisor.start(python("slow", FOREVER))
        with pytest.raises(NotReady, match="the moon is not ready after 0 s"):
            supervisor.wait("the moon", lambda: False, timeout=0.2)


def test_a_step_answers_what_it_printed_or_fails_with_it(logs: Path) -> None:
    with Supervisor(logs) as supervisor:
        assert supervisor.run(python("step", "print('noise'); print('{\"port\": 5}')"), timeout=20).startswith("noise")
        assert supervisor.printed_json("step") == {"port": 5}
        with pytest.raises(ProgramFailed, match=r"ended with code 3(.|\n)*because"):
            supervisor.run(python("bad", "import sys; print('because'); sys.exit(3)"), timeout=20)
        with pytest.raises(ProgramFailed, match="did not end within"):
            supervisor.run(python("hang", FOREVER), timeout=1)


PARENT = """
import sys, time
from pathlib import Path
from atoosync.supervisor import Program, Supervisor
supervisor = Supervisor(Path(sys.argv[1]))
supervisor.start(Program(name="child", command=[sys.executable, "-c", "import time; time.sleep(600)"]))
print(supervisor.pid("child"), flush=True)
time.sleep(600)
"""


@pytest.mark.covers("OPS-01")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the parent-death signal is Linux's")
def test_p32_children_die_with_a_supervisor_that_was_killed(logs: Path, project_root: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(logs)], cwd=project_root, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: not alive(child))


def test_logs_are_private(logs: Path) -> None:
    with Supervisor(logs) as supervisor:
        supervisor.run(python("step", "print(1)"), timeout=20)
    assert logs.stat().st_mode & 0o077 == 0
