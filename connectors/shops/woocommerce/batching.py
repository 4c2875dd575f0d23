"""Batches whose size follows the measured time, and which are cut in two when the shop does not answer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.core.http import LostAnswer
from connectors.core.problems import ItemRefused, Problem, Transient
from connectors.shops.woocommerce.api import Body, WooApi
from connectors.shops.woocommerce.policy import VendorError

LOST_IN_A_ROW_MAX = 12
"""Calls without an answer in a row before the shop counts as away: more than cutting 100 down to one row takes."""


class BatchSizer:
    """Remembers how many items a call of the wanted length holds. Shared by the threads of a connection."""

    def __init__(self, maximum: int, target_seconds: float) -> None:
        self._maximum = maximum
        self._target = target_seconds
        self._size = maximum
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """How many items the next batch should hold."""
        return self._size

    def measured(self, count: int, seconds: float) -> None:
        """Learns from a call that was answered: smaller when it was too long, larger again when it was short."""
        with self._lock:
            if seconds > self._target and count > 1:
                self._size = max(1, min(self._size, int(count * self._target / seconds)))
            elif seconds < 0.6 * self._target and count >= self._size:
                self._size = min(self._maximum, max(self._size + 1, int(self._size * 1.5)))

    def lost(self, count: int) -> None:
        """Learns from a call that was not answered."""
        with self._lock:
            self._size = max(1, min(self._size, count // 2 or 1))


@dataclass(slots=True, eq=False)
class Row:
    """One item of a batch: what is sent, and whatever its sender wants to find again."""

    body: Body
    subject: Any = None
    name: str = ""


@dataclass(slots=True)
class RowAnswer:
    """What became of one row: the object, a vendor error, or a failure of the call itself.

    ``found``: the object was found by a look-up after the answer was lost. ``lost``: nobody knows.
    """

    row: Row
    body: Mapping[str, Any] = field(default_factory=dict)
    error: VendorError | None = None
    failure: Problem | None = None
    found: bool = False
    lost: bool = False
    seconds: float = 0.0


Recover = Callable[[Sequence[Row]], Mapping[Row, Mapping[str, Any]]]


class BatchSender:
    """Sends rows in batches and gives exactly one :class:`RowAnswer` per row."""

    def __init__(self, api: WooApi, sizer: BatchSizer) -> None:
        self._api = api
        self._sizer = sizer

    def send(self, route: str, verb: str, rows: Sequence[Row], recover: Recover | None = None) -> Iterator[RowAnswer]:
        """Answers in the order of the calls, as soon as each call is over.

        A lost call is cut in two and sent again, down to one row, which then fails by name. ``recover`` is asked first
        which rows were carried out all the same (creates must be looked up before they are repeated; without it a
        repeat must be harmless). Raises ``Transient`` after many losses in a row, and whatever stops the run.
        """
        pending: deque[Sequence[Row]] = deque([rows] if rows else [])
        lost_in_a_row = 0
        while pending:
            chunk = self._next_chunk(pending)
            try:
                answers, seconds = self._api.batch(route, verb, [row.body for row in chunk])
            except LostAnswer as error:
                lost_in_a_row += 1
                self._sizer.lost(len(chunk))
                yield from self._after_loss(pending, chunk, error.problem, recover)
                self._brake(lost_in_a_row, error)
                continue
            except ItemRefused as error:
                yield from self._after_refusal(pending, chunk, error.problem)
                continue
            lost_in_a_row = 0
            self._sizer.measured(len(chunk), seconds)
            for row, answer in zip(chunk, answers, strict=True):
                error_body = VendorError.parse(answer.get("error"))
                yield RowAnswer(row, answer, error=error_body, seconds=seconds / len(chunk))

    def _next_chunk(self, pending: deque[Sequence[Row]]) -> Sequence[Row]:
        rows = pending.popleft()
        size = self._sizer.size
        if len(rows) > size:
            pending.appendleft(rows[size:])
            rows = rows[:size]
        return rows

    def _after_loss(
        self, pending: deque[Sequence[Row]], chunk: Sequence[Row], problem: Problem, recover: Recover | None
    ) -> Iterator[RowAnswer]:
        found = recover(chunk) if recover else {}
        for row, body in found.items():
            yield RowAnswer(row, body, found=True)
        rest = [row for row in chunk if row not in found]
        if len(chunk) == 1 and rest:
            yield RowAnswer(rest[0], failure=_named(rest[0], problem), lost=recover is not None)
            return
        _requeue(pending, rest, cut=not found)

    def _after_refusal(
        self, pending: deque[Sequence[Row]], chunk: Sequence[Row], problem: Problem
    ) -> Iterator[RowAnswer]:
        """A batch refused as a whole did nothing (body too large for the host…): cut it to find the culprit."""
        if len(chunk) == 1:
            yield RowAnswer(chunk[0], failure=problem)
            return
        _requeue(pending, list(chunk), cut=True)

    def _brake(self, lost_in_a_row: int, error: LostAnswer) -> None:
        if lost_in_a_row >= LOST_IN_A_ROW_MAX:
            raise Transient(error.problem) from error


def _requeue(pending: deque[Sequence[Row]], rows: Sequence[Row], *, cut: bool) -> None:
    half = (len(rows) + 1) // 2 if cut else len(rows)
    for piece in (rows[half:], rows[:half]):
        if piece:
            pending.appendleft(piece)


def _named(row: Row, problem: Problem) -> Problem:
    return Problem(
        "row_not_answered",
        "La boutique n’a pas répondu pour « %(name)s », même envoyé seul.",
        "Ouvrez cet article dans WooCommerce : une extension ralentit ou bloque son enregistrement. Il sera réessayé.",
        detail=f"{problem.code}: {problem.detail}",
        values={"name": row.name},
    )
