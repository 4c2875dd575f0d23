"""What an item costs: one unit where it was really created or changed on the other side, nothing otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.canonical.keys import Direction
from connectors.core.results import Outcome

# A refused item may have been written in part (one variant of several was refused): its unit is due then.
_PRICES: Mapping[Outcome, int] = {Outcome.CREATED: 1, Outcome.UPDATED: 1, Outcome.REFUSED: 1}

TARIFF: Mapping[tuple[Direction, Outcome], int] = {
    (direction, outcome): _PRICES.get(outcome, 0) for direction in Direction for outcome in Outcome
}


def item_units(*, direction: Direction, outcome: Outcome, written: bool, dry: bool = False) -> int:
    """Return the units of one item.

    ``written`` tells that the other side really created or changed something; an item that was not written, and any
    item of a preview (``dry``), costs nothing. A failed or uncertain item is free until it is found or repeated.
    """
    if dry or not written:
        return 0
    return TARIFF[direction, outcome]


def batch_units(*, direction: Direction, items: int) -> int:
    """Return the units to reserve before ``items`` items are sent: the dearest outcome for each of them."""
    return items * max(TARIFF[direction, outcome] for outcome in Outcome)
