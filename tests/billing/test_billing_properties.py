"""Any sequence of movements, in any order and with any repetition, agrees with a model of a few lines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing import ledger
from billing.models import LedgerEntry
from profiles.models import Tenant

Operation = tuple[str, str, int, int]
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["credit", "correct", "reserve", "settle", "release", "release_owner", "spend"]),
        st.sampled_from(["export", "import"]),
        st.integers(min_value=-30, max_value=60),  # units
        st.integers(min_value=0, max_value=3),  # key
    ),
    max_size=40,
)


@dataclass
class Model:
    """What the accounts should hold: totals per kind, granted units per open reservation, keys used so far."""

    bought: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    granted: dict[str, tuple[str, int]] = field(default_factory=dict)
    closed: dict[str, tuple[str, int]] = field(default_factory=dict)
    entries: dict[str, tuple[str, str, int]] = field(default_factory=dict)

    def reserved(self, kind: str) -> int:
        return sum(units for owner, units in self.granted.values() if owner == kind)

    def available(self, kind: str) -> int:
        return self.bought[kind] - self.used[kind] - self.reserved(kind)

    def book(self, movement: str, kind: str, units: int, key: str) -> bool:
        """Return whether the ledger should accept the movement, and apply it."""
        if key in self.entries:
            return self.entries[key] == (movement, kind, units)
        if units == 0 or (movement != "correct" and units < 0):
            return False
        if self.available(kind) + (-units if movement == "spend" else units) < 0:
            return False
        (self.used if movement == "spend" else self.bought)[kind] += units
        self.entries[key] = (movement, kind, units)
        return True

    def reserve(self, kind: str, units: int, key: str) -> int | None:
        if units < 0:
            return None
        if key in self.granted:
            return self.granted[key][1] if self.granted[key][0] == kind else None
        if key in self.closed:
            return self.closed[key][1] if self.closed[key][0] == kind else None
        self.granted[key] = (kind, min(units, self.available(kind)))
        return self.granted[key][1]

    def settle(self, units: int, key: str) -> bool:
        booked = self.entries.get(key)
        if key in self.closed:
            return booked == ("settled", self.closed[key][0], units)
        if key not in self.granted or not 0 <= units <= self.granted[key][1]:
            return False
        self.closed[key] = self.granted.pop(key)
        kind = self.closed[key][0]
        self.used[kind] += units
        self.entries[key] = ("settled", kind, units)
        return True

    def release(self, key: str) -> int | None:
        if key in self.granted:
            self.closed[key] = self.granted.pop(key)
            return self.closed[key][1]
        return 0 if key in self.closed else None


def perform(tenant: Tenant, model: Model, operation: Operation) -> None:
    """Do one operation on the ledger and on the model, and compare the answers."""
    name, kind, units, number = operation
    key, batch = f"{name}/{number}", f"batch/{number}"
    common = {"tenant_id": tenant.pk, "kind": kind, "units": units}
    if name == "reserve":
        expected = model.reserve(kind, units, batch)
        assert attempt(lambda: ledger.reserve(**common, key=batch, owner=f"owner/{number % 2}").granted) == expected
    elif name == "settle":
        accepted = model.settle(units, batch)
        assert (attempt(lambda: record(batch, units)) is not None) == accepted
    elif name == "release":
        expected = model.release(batch)
        assert attempt(lambda: ledger.release(key=batch)) == expected
    elif name == "release_owner":
        batches = [each for each in list(model.granted) if int(each[-1]) % 2 == number % 2]
        expected = sum(model.release(each) or 0 for each in batches)
        assert ledger.release_owner(owner=f"owner/{number % 2}") == expected
    else:
        accepted = model.book(name, kind, units, key)
        extra = {"reference": "run"} if name == "spend" else {"note": "", "actor": "host"}
        movement = getattr(ledger, name)
        assert (attempt(lambda: movement(**common, key=key, **extra)) is not None) == accepted


def record(batch: str, units: int) -> int:
    """Settle as the engine does, inside the transaction of a batch."""
    with transaction.atomic():
        ledger.settle(key=batch, units=units, reference="run")
    return units


def attempt(action):
    """Return what the ledger answers; None, with nothing changed, where it refuses."""
    try:
        return action()
    except (ledger.LedgerError, ValueError):
        return None


@pytest.mark.covers("BIL-04")
class LedgerProperties(TestCase):
    """Random sequences on the test database."""

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(operations=OPERATIONS)
    def test_any_sequence_agrees_with_the_model(self, operations: list[Operation]) -> None:
        tenant, model = Tenant.objects.create(name="Hypothèse"), Model()
        for operation in operations:
            perform(tenant, model, operation)
            for kind, found in ledger.balances(tenant_id=tenant.pk).items():
                assert found == ledger.Balance(model.bought[kind], model.used[kind], model.reserved(kind))
                assert found.available >= 0
        assert ledger.verify(tenant.pk) == []
        assert LedgerEntry.objects.filter(movement="spend", units=0).count() == 0
