"""Pauses and budgets of calls: a token bucket, a pause shared by all threads, and sleeping that can be interrupted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors.core.ports import RateBucket, Runtime
from connectors.core.problems import Problem, Transient

SLICE = 0.25
"""Longest sleep between two looks at the stop flag, in seconds."""


class RunStopped(Transient):
    """The run was asked to stop while a call was waiting its turn; nothing was sent."""

    def __init__(self) -> None:
        super().__init__(
            Problem(
                "run_stopped",
                "Arrêt demandé : l’envoi n’a pas été fait.",
                "Relancez la synchronisation : elle reprendra où elle s’est arrêtée.",
            )
        )


class TokenBucket:
    """An in-process :class:`~connectors.core.ports.RateBucket`: ``rate`` calls per second, ``burst`` at once.

    Calls are reserved in turn, so that threads which wait keep their order and the budget is never exceeded.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[float, float]] = {}

    def wait_time(self, name: str, *, rate: float, burst: int) -> float:
        """Takes one call out of ``name`` and returns how many seconds to wait before making it (0 = now)."""
        if rate <= 0:
            return 0.0
        now = self._clock()
        with self._lock:
            level, seen = self._levels.get(name, (float(burst), now))
            level = min(float(burst), level + (now - seen) * rate) - 1.0
            self._levels[name] = (level, now)
        return max(0.0, -level / rate)


class Throttle:
    """The gate before every call of one connection: room for it first, then the shared pause, then the budget.

    One object serves all threads of a connection: a ``Retry-After`` seen by one of them holds back all.
    """

    def __init__(
        self, runtime: Runtime, *, name: str = "", rate: float = 0.0, burst: int = 1, at_once: int = 0
    ) -> None:
        self._runtime = runtime
        limits = [limit for limit in (at_once, runtime.at_once) if limit > 0]
        self._room = threading.BoundedSemaphore(min(limits)) if limits else None
        self._bucket: RateBucket = runtime.rate
        self._name = name
        self._rate = rate
        self._burst = max(1, burst)
        self._lock = threading.Lock()
        self._closed_until = 0.0

    def pause(self, seconds: float) -> None:
        """Holds back every thread for ``seconds`` from now; a longer pause already running stays."""
        with self._lock:
            self._closed_until = max(self._closed_until, time.monotonic() + seconds)

    @contextmanager
    def room(self) -> Iterator[None]:
        """Holds one of the places for calls at once. Raises ``RunStopped`` within a second of the stop request."""
        if self._room is None:
            yield
            return
        while not self._room.acquire(timeout=SLICE):
            if self._runtime.should_stop():
                raise RunStopped()
        try:
            yield
        finally:
            self._room.release()

    def enter(self) -> None:
        """Returns when a call may be made. Raises ``RunStopped`` within a second of the stop request."""
        if self._runtime.should_stop():
            raise RunStopped()
        self._wait_for_pause()
        if self._rate > 0:
            self.sleep(self._bucket.wait_time(self._name, rate=self._rate, burst=self._burst))
            self._wait_for_pause()

    def sleep(self, seconds: float) -> None:
        """Sleeps in slices. Raises ``RunStopped`` as soon as a slice sees the stop request."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._runtime.should_stop():
                raise RunStopped()
            time.sleep(min(SLICE, left))

    def _wait_for_pause(self) -> None:
        while (left := self._closed_until - time.monotonic()) > 0:
            self.sleep(left)
