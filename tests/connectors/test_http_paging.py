"""P08: a list that moves, lies or repeats while it is read gives the full set or a failure, never a short set."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.core.paging import PagingBroken, Position, Slice, walk_by_id

pytestmark = pytest.mark.covers("CAT-01", "STK-05")


class Shelf:
    """Rows by id behind an offset API; ``move`` changes them between two reads."""

    def __init__(self, ids: list[int], move: Callable[[Shelf, int], None] | None = None) -> None:
        self.ids = sorted(ids)
        self.move = move
        self.reads = 0

    def fetch(self, offset: int, size: int) -> Slice:
        rows = tuple({"id": one} for one in self.ids[offset : offset + size])
        total = len(self.ids)
        self.reads += 1
        if self.move:
            self.move(self, self.reads)
        return Slice(rows, total)


def read(fetch: Callable[[int, int], Slice], size: int = 10, start: Position | None = None) -> list[int]:
    return [int(row["id"]) for step in walk_by_id(fetch, size=size, start=start) for row in step.rows]


def test_p08_a_quiet_list_is_read_once_with_one_row_of_overlap() -> None:
    shelf = Shelf(list(range(1, 96)))
    assert read(shelf.fetch) == list(range(1, 96))
    assert shelf.reads == 11


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 19, 20])
def test_p08_every_length_ends_well(length: int) -> None:
    assert read(Shelf(list(range(1, length + 1))).fetch) == list(range(1, length + 1))


def test_p08_rows_deleted_ahead_of_the_reader_hide_no_other_row() -> None:
    def delete(shelf: Shelf, reads: int) -> None:
        if reads == 3:
            del shelf.ids[:15]

    assert read(Shelf(list(range(1, 101)), delete).fetch) == list(range(1, 101))


def test_p08_the_anchor_itself_may_vanish() -> None:
    def delete(shelf: Shelf, reads: int) -> None:
        if reads == 1:
            shelf.ids.remove(10)

    assert read(Shelf(list(range(1, 31)), delete).fetch) == list(range(1, 31))


def test_p08_rows_inserted_while_reading_are_seen() -> None:
    numbers = count(1000)

    def insert(shelf: Shelf, reads: int) -> None:
        if reads < 4:
            shelf.ids.append(next(numbers))

    assert read(Shelf(list(range(1, 41)), insert).fetch) == [*range(1, 41), 1000, 1001, 1002]


def test_p08_an_ignored_offset_fails_instead_of_looping() -> None:
    for length in (11, 19, 25, 100):
        shelf = Shelf(list(range(1, length + 1)))
        with pytest.raises(PagingBroken):
            read(lambda offset, size, shelf=shelf: shelf.fetch(0, size))


def test_p08_an_ignored_page_size_still_gives_the_full_set() -> None:
    shelf = Shelf(list(range(1, 58)))
    assert read(lambda offset, size: shelf.fetch(offset, 7)) == list(range(1, 58))


def test_p08_a_list_cut_at_a_hidden_cap_fails() -> None:
    ids = list(range(1, 201))

    def capped(offset: int, size: int) -> Slice:
        return Slice(tuple({"id": one} for one in ids[:100][offset : offset + size]), len(ids))

    with pytest.raises(PagingBroken):
        read(capped)


def test_p08_an_order_that_is_not_by_id_fails() -> None:
    with pytest.raises(PagingBroken):
        read(lambda offset, size: Slice(({"id": 3}, {"id": 2}), 2))


def test_p08_a_reading_resumes_after_its_position() -> None:
    shelf = Shelf(list(range(1, 51)))
    steps = list(walk_by_id(shelf.fetch, size=10))
    position = Position.loads(steps[1].position.dumps())
    del shelf.ids[0:5]
    assert read(shelf.fetch, start=position) == list(range(position.last_id + 1, 51))


@settings(max_examples=150, deadline=None)
@given(
    length=st.integers(0, 60),
    size=st.integers(2, 12),
    moves=st.lists(st.tuples(st.integers(1, 12), st.sampled_from("di"), st.integers(0, 60)), max_size=12),
)
def test_p08_what_stayed_the_whole_time_is_read_exactly_once(
    length: int, size: int, moves: list[tuple[int, str, int]]
) -> None:
    fresh = count(1000)

    def move(shelf: Shelf, reads: int) -> None:
        for at, kind, place in moves:
            if at == reads and kind == "d" and shelf.ids:
                shelf.ids.pop(place % len(shelf.ids))
            elif at == reads and kind == "i":
                shelf.ids.append(next(fresh))

    shelf = Shelf(list(range(1, length + 1)), move)
    seen = read(shelf.fetch, size)
    assert len(seen) == len(set(seen))
    assert {one for one in shelf.ids if one < 1000} <= set(seen)
