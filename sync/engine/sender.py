"""Sends batches in parallel threads. Nothing here touches the database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from connectors.core import logcontext
from connectors.core.ports import Writer
from connectors.core.problems import ConnectorError
from connectors.core.ratelimit import RunStopped
from connectors.core.results import ItemResult, Outbound, Outcome
from sync.engine.items import Batch, Item

IN_LINE = 2
"""Batches made ready ahead: more would only delay the end of a slice that others wait for."""


class Sender:
    """Up to ``parallel`` batches under way, and a few that wait in line; no key and no group is in two of them.

    One in line starts the moment another ends, so that the shop does not idle while results are recorded. When
    ``should_stop`` says so by then, it ends with ``RunStopped`` and nothing of it was sent. With ``ahead``, as many
    wait in line as are under way, each in a thread of its own: its calls are written by the time the connection lets
    them out (it makes no more than ``parallel`` at once).
    """

    def __init__(
        self, writer: Writer[Any], *, parallel: int, should_stop: Callable[[], bool], ahead: bool = False
    ) -> None:
        self._writer = writer
        self._parallel = parallel
        self._should_stop = should_stop
        self._line = parallel if ahead else IN_LINE
        threads = parallel + self._line if ahead else parallel
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="send")
        self._running: dict[Future[Batch], Batch] = {}
        self._context = logcontext.snapshot()

    @property
    def is_full(self) -> bool:
        """Whether a further batch has to wait."""
        return len(self._running) >= self._parallel + self._line

    @property
    def has_line(self) -> bool:
        """Whether a batch waits for its turn."""
        return sum(not future.done() for future in self._running) > self._parallel

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._running

    def busy_groups(self) -> set[str]:
        """Groups that are under way now."""
        return {item.group for batch in self._running.values() for item in batch.items if item.group}

    def submit(self, batch: Batch, outbounds: list[Outbound[Any]]) -> None:
        """Starts one batch."""
        future = self._executor.submit(self._send, batch, outbounds)
        self._running[future] = batch

    def finished(self, *, block: bool) -> list[Batch]:
        """Batches that ended since the last call; with ``block``, waits for at least one if any is under way."""
        if not self._running:
            return []
        done, _ = wait(self._running, timeout=None if block else 0, return_when=FIRST_COMPLETED)
        return [self._take(future) for future in done]

    def close(self) -> None:
        """Ends the threads; batches under way were waited for by the caller."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _take(self, future: Future[Batch]) -> Batch:
        del self._running[future]
        return future.result()

    def _send(self, batch: Batch, outbounds: list[Outbound[Any]]) -> Batch:
        with logcontext.bind(**self._context):
            try:
                if self._should_stop():
                    raise RunStopped
                for result in self._writer.send(outbounds):
                    batch.results.append(result)  # kept one by one: a broken stream loses nothing
            except ConnectorError as error:
                batch.error = error
            except Exception as error:  # noqa: BLE001  # the per-batch guard: everything unexpected ends here, once
                batch.bug = error
        return batch


def missing_result(item: Item) -> ItemResult:
    """Stands for the result that a writer failed to give."""
    return ItemResult(key=item.key, outcome=Outcome.FAILED)
