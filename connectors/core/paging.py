"""Walking a list that changes while it is read, without losing or repeating a row.

Numbered pages drift: a row deleted ahead of the reader pulls the next page up and one row is never seen. The walk
below asks for rows sorted by id and always reads the last row it knows again: as long as that anchor sits where it is
expected, nothing moved. It ends only where the announced total says the list ends.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.core.problems import Problem, Transient

Row = Mapping[str, Any]


class PagingBroken(Transient):
    """The list cannot be read in full now; what was read must not pass for the whole."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows from one position on and the announced total (``None`` when the other side announces none)."""

    rows: tuple[Row, ...]
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of the walk: new rows only, and the position to resume after them."""

    rows: tuple[Row, ...]
    position: Position
    total: int | None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a walk stands: the greatest id seen and the offset at which it was found plus one."""

    last_id: int = 0
    offset: int = 0

    def dumps(self) -> str:
        """Text for a cursor."""
        return f"{self.last_id}:{self.offset}"

    @classmethod
    def loads(cls, text: str) -> Position:
        """The inverse of :meth:`dumps`; empty text is the beginning. Raises ``ValueError``."""
        last, _, offset = text.partition(":")
        return cls(int(last), int(offset)) if text else cls()


Fetch = Callable[[int, int], Slice]


def _broken(reason: str) -> PagingBroken:
    return PagingBroken(
        Problem(
            "paging_broken",
            "La liste lue dans le système distant est incomplète ; la lecture est abandonnée.",
            "Relancez plus tard. Si cela se répète, une extension de la boutique modifie la pagination.",
            detail=reason,
        )
    )


def walk_by_id(fetch: Fetch, *, size: int, start: Position | None = None, identity: str = "id") -> Iterator[Step]:
    """Every row once, in ascending order of ``identity``.

    ``fetch(offset, count)`` returns rows sorted by id; ``size`` is at least 2. Rows inserted meanwhile with a greater
    id are read; rows deleted or restored meanwhile move the walk until its anchor is found again. Raises
    ``PagingBroken`` when the order is not by id, a page repeats, or the list ends before its announced total.
    """
    here = start or Position()
    offset = max(0, here.offset - 1)
    moves = 0
    while True:
        piece = fetch(offset, size)
        ids = _ids(piece, identity)
        shift = _shift(ids, here.last_id, size) if offset else 0
        if shift:
            moves += 1
            if moves > MOVES_MAX:
                raise _broken("the anchor is never where it should be: the position is ignored or rows keep moving")
            offset = max(0, offset + shift)
            continue
        moves = 0
        fresh = tuple(row for row in piece.rows if int(row[identity]) > here.last_id)
        end = offset + len(ids)
        if fresh:
            here = Position(int(fresh[-1][identity]), end)
            yield Step(fresh, here, piece.total)
        if _at_end(piece, end, size):
            return
        if not fresh:
            raise _broken(f"no new row at offset {offset} although {piece.total} are announced")
        offset = end - 1


MOVES_MAX = 50
"""Most corrections in a row before a walk gives up."""


def _ids(piece: Slice, identity: str) -> list[int]:
    ids = [int(row[identity]) for row in piece.rows]
    if any(one >= other for one, other in itertools.pairwise(ids)):
        raise _broken("rows are not in ascending order of id")
    return ids


def _shift(ids: list[int], last_id: int, size: int) -> int:
    """How far the offset is off: 0 when a known row stands in front, so that nothing can lie between."""
    if not ids or ids[0] > last_id:
        # The anchor is gone or moved up, because rows before it were deleted: step back, keeping an overlap.
        return 1 - size
    # Nothing but known rows: go to the last of them, which must then come first (else the position is ignored).
    return len(ids) - 1 if ids[-1] <= last_id else 0


def _at_end(piece: Slice, end: int, size: int) -> bool:
    if piece.total is None:
        return len(piece.rows) < size
    if end < piece.total and not piece.rows:
        raise _broken(f"the list ends at {end} although {piece.total} are announced")
    return end >= piece.total
