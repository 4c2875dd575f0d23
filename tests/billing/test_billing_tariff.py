"""What costs a unit and what is free."""

from __future__ import annotations

import pytest

from billing import tariff
from billing.models import Kind
from connectors.canonical.keys import Direction
from connectors.core.results import Outcome

pytestmark = pytest.mark.covers("BIL-04")
PAID = {Outcome.CREATED, Outcome.UPDATED, Outcome.REFUSED}


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("outcome", Outcome)
def test_only_what_was_written_is_paid(direction: Direction, outcome: Outcome) -> None:
    assert tariff.item_units(direction=direction, outcome=outcome, written=True) == (outcome in PAID)
    assert tariff.item_units(direction=direction, outcome=outcome, written=False) == 0


@pytest.mark.parametrize("outcome", Outcome)
def test_a_preview_is_free(outcome: Outcome) -> None:
    assert tariff.item_units(direction=Direction.EXPORT, outcome=outcome, written=True, dry=True) == 0


def test_a_batch_reserves_its_dearest_outcome() -> None:
    assert tariff.batch_units(direction=Direction.IMPORT, items=100) == 100


@pytest.mark.covers("BIL-01")
def test_every_direction_has_its_counter() -> None:
    assert {direction.value for direction in Direction} == set(Kind.values)
