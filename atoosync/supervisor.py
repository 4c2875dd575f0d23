"""Starts child processes, restarts those that crash, and takes all of them down with itself.

Single-threaded on purpose: the kernel's parent-death signal is tied to the *thread* that started the child, so whoever
starts programs must keep calling :meth:`Supervisor.poll` from the same thread.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
# A program that ends this soon after its start counts as a failed start.
SHORT_LIFE = 20.0
FAILED_STARTS_MAX = 5
BACKOFF = (0.2, 1.0, 2.0, 5.0, 10.0)

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


class ProgramFailed(Exception):
    """A program cannot be kept alive, or a step ended badly; the message ends with the tail of its log."""


class NotReady(Exception):
    """Something did not become ready in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A child process. ``patience``: seconds between SIGTERM and SIGKILL when it is stopped.

    ``orphan_signal`` is what it gets from the kernel when the supervisor dies, even by kill -9.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    patience: float = 10.0
    orphan_signal: signal.Signals = signal.SIGTERM


@dataclass(slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes]
    started: float
    failures: int = 0
    restart_at: float | None = None


class Supervisor:
    """Children of this process, each with its own log file ``<logs>/<name>.log``.

    Use as a context manager: leaving the block stops every child, the latest started first.
    """

    def __init__(self, logs: Path, *, say: Callable[[str], None] = print) -> None:
        self._logs = logs
        self._say = say
        self._children: dict[str, _Child] = {}
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, program: Program) -> None:
        """Starts a program that must stay alive. Raises ``OSError`` when it cannot be executed at all."""
        self._log(program.name).unlink(missing_ok=True)
        self._children[program.name] = _Child(program, self._spawn(program), time.monotonic())

    def run(self, program: Program, *, timeout: float) -> str:
        """Runs a step to its end and answers what it printed. Raises :class:`ProgramFailed`."""
        self._log(program.name).unlink(missing_ok=True)
        process = self._spawn(program)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            _kill(process, signal.SIGKILL)
            raise ProgramFailed(
                f"{program.name} did not end within {timeout:.0f} s.\n{self.tail(program.name)}"
            ) from None
        if code:
            raise ProgramFailed(f"{program.name} ended with code {code}.\n{self.tail(program.name)}")
        return self.output(program.name)

    def poll(self) -> None:
        """Restarts what has crashed. Raises :class:`ProgramFailed` after five failed starts in a row."""
        for child in self._children.values():
            if child.restart_at is not None:
                self._restart_when_due(child)
            elif child.process.poll() is not None:
                self._note_crash(child)

    def wait(self, what: str, ready: Callable[[], bool], *, timeout: float, every: float = 0.1) -> None:
        """Polls until ``ready()``; raises :class:`NotReady` after ``timeout`` seconds, or what poll raises."""
        end = time.monotonic() + timeout
        while not ready():
            self.poll()
            if time.monotonic() > end:
                raise NotReady(f"{what} is not ready after {timeout:.0f} s. Logs: {self._logs}")
            time.sleep(every)

    def alive(self, name: str) -> bool:
        """Whether the program runs now."""
        child = self._children.get(name)
        return child is not None and child.process.poll() is None

    def pid(self, name: str) -> int:
        """Process id of a started program."""
        return self._children[name].process.pid

    def output(self, name: str) -> str:
        """Everything the program has printed since its start, as text."""
        return self._log(name).read_text(encoding="utf-8", errors="replace")

    def printed_json(self, name: str) -> dict[str, Any] | None:
        """The first JSON object the program printed on a line of its own; None as long as there is none."""
        for line in self.output(name).splitlines():
            if line.startswith("{"):
                with suppress(json.JSONDecodeError):
                    found: dict[str, Any] = json.loads(line)
                    return found
        return None

    def tail(self, name: str, lines: int = 15) -> str:
        """The last lines of the program's log."""
        return "\n".join(self.output(name).splitlines()[-lines:])

    def stop(self) -> None:
        """Ends every child, the latest started first; waits for each as long as its patience. May be called twice."""
        for child in reversed(self._children.values()):
            _end(child.process, child.program.patience)
        self._children.clear()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        with self._log(program.name).open("ab") as log:
            return subprocess.Popen(  # noqa: S603  # our own commands
                list(program.command),
                # Two arenas of the C library instead of eight per processor: threads that come and go keep no memory.
                env={"MALLOC_ARENA_MAX": "2", **os.environ, "PYTHONUNBUFFERED": "1", **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal reaches this process only, which then stops the others in order.
                start_new_session=True,
                preexec_fn=_die_with(os.getpid(), program.orphan_signal) if _libc else None,  # one thread only
            )

    def _note_crash(self, child: _Child) -> None:
        short = time.monotonic() - child.started < SHORT_LIFE
        child.failures = child.failures + 1 if short else 1
        name, code = child.program.name, child.process.returncode
        if child.failures >= FAILED_STARTS_MAX:
            raise ProgramFailed(f"{name} ended {child.failures} times in a row (code {code}).\n{self.tail(name)}")
        delay = BACKOFF[min(child.failures, len(BACKOFF)) - 1]
        self._say(f"{name} ended (code {code}); it starts again in {delay:g} s")
        child.restart_at = time.monotonic() + delay

    def _restart_when_due(self, child: _Child) -> None:
        if child.restart_at is None or time.monotonic() < child.restart_at:
            return
        child.process = self._spawn(child.program)
        child.started, child.restart_at = time.monotonic(), None


def _die_with(parent: int, orphan_signal: signal.Signals) -> Callable[[], None]:
    """Runs in the child before exec: ask the kernel for a signal when the parent dies, even by kill -9."""

    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, orphan_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return prepare


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    # The group too: a prefork worker killed hard leaves its children behind.
    _kill(process, signal.SIGKILL)
    process.wait()


def _kill(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
