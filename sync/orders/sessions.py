"""Ways into the ERP for documents and customers, shared by the threads that send."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import cast

from connectors.core.ports import Connection, SalesConnection, SalesTarget
from profiles.connections import runtime
from sync.engine.context import RunContext

OpenErp = Callable[[], AbstractContextManager[Connection]]
"""Opens one more connection to the ERP."""


class SalesSessions:
    """At most ``size`` sessions of the ERP, each opened at its first use and lent to one piece of work at a time.

    Looking for documents has a session of its own, so that it never waits for a slow writing. ``close`` ends them all.
    """

    def __init__(self, open_erp: OpenErp, *, size: int = 1) -> None:
        self._open_erp = open_erp
        self._lock = threading.Lock()
        self._looks = threading.Lock()
        self._opened = ExitStack()
        self._finder: SalesTarget | None = None
        self._free: queue.LifoQueue[SalesTarget | None] = queue.LifoQueue()
        for _ in range(max(1, size)):
            self._free.put(None)

    @contextmanager
    def lent(self) -> Iterator[SalesTarget]:
        """A session for this thread alone; waits while all are taken. Raises what opening the ERP raises."""
        held = self._free.get()
        try:
            held = held or self._open()
            yield held
        finally:
            self._free.put(held)

    @contextmanager
    def looking(self) -> Iterator[SalesTarget]:
        """The session for looking only. Raises what opening the ERP raises."""
        with self._looks:
            self._finder = self._finder or self._open()
            yield self._finder

    def close(self) -> None:
        """Ends every session. May be called twice."""
        self._opened.close()

    def _open(self) -> SalesTarget:
        with self._lock:
            connection = self._opened.enter_context(self._open_erp())
        return cast(SalesConnection, connection).sales()


def session_count(ctx: RunContext) -> int:
    """Sessions that write at once: the profile's option within the connector's limit."""
    wanted: int = ctx.options["orders"].sessions
    return max(1, min(wanted, ctx.capability.parallel))


def sessions_of(ctx: RunContext) -> SalesSessions:
    """The sessions of a slice; they end with it."""
    held: SalesSessions | None = ctx.memo.get("sales_sessions")
    if held is None:
        spec, options, lent = ctx.profile.erp_spec, ctx.options["erp"], runtime(ctx.stop)
        held = ctx.memo["sales_sessions"] = SalesSessions(lambda: spec.open(options, lent), size=session_count(ctx))
        ctx.on_close(held.close)
    return held
