"""Ways into the ERP for documents and customers, one per sending thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import cast

from connectors.core.ports import Connection, SalesConnection, SalesTarget
from connectors.core.problems import Problem
from profiles.connections import runtime
from sync.engine.context import RunContext

OpenErp = Callable[[], AbstractContextManager[Connection]]
"""Opens one more connection to the ERP."""


class SalesSessions:
    """Gives each thread a session of its own, opened at its first use; ``close`` ends them all."""

    def __init__(self, open_erp: OpenErp) -> None:
        self._open_erp = open_erp
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions = ExitStack()

    def target(self) -> SalesTarget:
        """The session of this thread. Raises what opening the ERP raises."""
        held: SalesTarget | None = getattr(self._local, "target", None)
        if held is None:
            with self._lock:
                connection = self._sessions.enter_context(self._open_erp())
            held = cast(SalesConnection, connection).sales()
            self._local.target = held
        return held

    def take_notes(self) -> Sequence[Problem]:
        """What the ERP noticed in this thread's session since it was last asked; nothing where none is open."""
        held: SalesTarget | None = getattr(self._local, "target", None)
        return held.take_notes() if held is not None else ()

    def close(self) -> None:
        """Ends the sessions of every thread. May be called twice."""
        self._sessions.close()


def erp_opener(ctx: RunContext) -> OpenErp:
    """Opens more connections to the ERP of a run, with the same settings."""
    spec, options, lent = ctx.profile.erp_spec, ctx.options["erp"], runtime(ctx.stop)

    def opened() -> AbstractContextManager[Connection]:
        return spec.open(options, lent)

    return opened
