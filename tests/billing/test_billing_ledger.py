"""Rules of the ledger, one function after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import ledger
from billing.ledger import Balance
from billing.models import Account, LedgerEntry, Reservation
from profiles.models import Tenant

Buy = Callable[..., LedgerEntry]
pytestmark = pytest.mark.covers("BIL-04")


def reserve(
    tenant: Tenant, units: int, key: str = "run/1/1", owner: str = "run/1", kind: str = "export"
) -> Reservation:
    return ledger.reserve(tenant_id=tenant.pk, kind=kind, units=units, key=key, owner=owner)


def balance(tenant: Tenant, kind: str = "export") -> Balance:
    return ledger.balance(tenant_id=tenant.pk, kind=kind)


def test_tenant_without_account_has_nothing(tenant: Tenant) -> None:
    assert balance(tenant) == Balance(0, 0, 0)
    assert reserve(tenant, 5).granted == 0


@pytest.mark.covers("BIL-01")
def test_the_two_counters_are_apart(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 100, kind="export", key="a")
    buy(tenant, 7, kind="import", key="b")
    ledger.spend(tenant_id=tenant.pk, kind="import", units=2, key="order-1", reference="run 1")
    assert (balance(tenant, "export").available, balance(tenant, "import").available) == (100, 5)
    assert ledger.balances(tenant_id=tenant.pk) == {"export": Balance(100, 0, 0), "import": Balance(7, 2, 0)}


def test_unknown_kind_is_refused(tenant: Tenant) -> None:
    with pytest.raises(ValueError, match="both"):
        reserve(tenant, 1, kind="both")


def test_credit_repeated_with_its_key_counts_once(tenant: Tenant, buy: Buy) -> None:
    assert buy(tenant, 100).pk == buy(tenant, 100).pk
    assert balance(tenant) == Balance(bought=100)


def test_credit_with_a_used_key_and_other_units_is_refused(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 100)
    with pytest.raises(ledger.KeyConflict):
        buy(tenant, 200)
    with pytest.raises(ledger.KeyConflict):
        buy(tenant, 100, kind="import")
    assert balance(tenant).bought == 100


@pytest.mark.parametrize("units", [0, -5])
def test_credit_must_be_positive(tenant: Tenant, units: int, buy: Buy) -> None:
    with pytest.raises(ValueError, match="positive"):
        buy(tenant, units)


def test_correction_takes_back_what_is_available_only(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 100)
    reserve(tenant, 30)
    arguments = {"tenant_id": tenant.pk, "kind": "export", "note": "erreur", "actor": "host"}
    with pytest.raises(ledger.Exhausted) as refusal:
        ledger.correct(units=-71, key="c1", **arguments)
    assert (refusal.value.units, refusal.value.available) == (71, 70)
    ledger.correct(units=-70, key="c1", **arguments)
    ledger.correct(units=-70, key="c1", **arguments)
    assert balance(tenant) == Balance(bought=30, used=0, reserved=30)
    assert ledger.verify(tenant.pk) == []


def test_reservation_grants_what_is_left(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    assert [reserve(tenant, 6, key).granted for key in ("a", "b", "c")] == [6, 4, 0]
    assert balance(tenant) == Balance(bought=10, used=0, reserved=10)


def test_reservation_repeated_with_its_key_is_the_same(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    assert reserve(tenant, 6).pk == reserve(tenant, 9).pk
    assert balance(tenant).reserved == 6


def test_reservation_key_of_another_account_is_refused(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    reserve(tenant, 6)
    with pytest.raises(ledger.KeyConflict):
        reserve(tenant, 6, kind="import")


@pytest.mark.django_db(transaction=True)
def test_reservation_inside_a_transaction_is_refused(transactional_db: None) -> None:
    tenant = Tenant.objects.create(name="Durable")
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        reserve(tenant, 6)


def test_settlement_spends_and_gives_the_rest_back(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    reserve(tenant, 6)
    ledger.settle(key="run/1/1", units=4, reference="run 1")
    assert balance(tenant) == Balance(bought=10, used=4, reserved=0)
    entry = LedgerEntry.objects.get(movement="spend")
    assert (entry.units, entry.key, entry.reference, entry.signed_units) == (4, "run/1/1", "run 1", -4)


def test_settlement_repeated_counts_once(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    reserve(tenant, 6)
    for _ in range(3):
        ledger.settle(key="run/1/1", units=4, reference="run 1")
    assert balance(tenant).used == 4
    with pytest.raises(ledger.KeyConflict), transaction.atomic():
        ledger.settle(key="run/1/1", units=5, reference="run 1")
    assert balance(tenant).used == 4


def test_settlement_of_nothing_leaves_no_entry(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    reserve(tenant, 6)
    ledger.settle(key="run/1/1", units=0, reference="run 1")
    ledger.settle(key="run/1/1", units=0, reference="run 1")
    assert balance(tenant) == Balance(bought=10)
    assert not LedgerEntry.objects.filter(movement="spend").exists()
    with pytest.raises(ledger.KeyConflict), transaction.atomic():
        ledger.settle(key="run/1/1", units=1, reference="run 1")


def test_settlement_above_the_grant_or_negative_is_refused(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    reserve(tenant, 6)
    with pytest.raises(ledger.OverSettled), transaction.atomic():
        ledger.settle(key="run/1/1", units=7, reference="run 1")
    with pytest.raises(ValueError, match="negative"):
        ledger.settle(key="run/1/1", units=-1, reference="run 1")
    assert balance(tenant) == Balance(bought=10, used=0, reserved=6)


def test_settlement_vanishes_with_the_transaction_of_its_batch(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    reserve(tenant, 6)
    with contextlib.suppress(OSError), transaction.atomic():
        ledger.settle(key="run/1/1", units=4, reference="run 1")
        assert balance(tenant).used == 4
        raise OSError
    assert balance(tenant) == Balance(bought=10, used=0, reserved=6)
    assert not LedgerEntry.objects.filter(movement="spend").exists()


def test_refused_settlement_rolls_the_whole_batch_back(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    reserve(tenant, 6)
    with transaction.atomic():
        Tenant.objects.filter(pk=tenant.pk).update(name="Lot enregistré")
        with contextlib.suppress(ledger.OverSettled):
            ledger.settle(key="run/1/1", units=7, reference="run 1")
        with pytest.raises(transaction.TransactionManagementError):
            Tenant.objects.count()
    tenant.refresh_from_db()
    assert tenant.name == "Maison Dupont"


def test_settlement_of_an_unknown_reservation_is_refused(tenant: Tenant) -> None:
    with pytest.raises(ledger.UnknownReservation), transaction.atomic():
        ledger.settle(key="nothing", units=0, reference="")


def test_release_gives_everything_back_once(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    reserve(tenant, 6)
    assert [ledger.release(key="run/1/1") for _ in range(2)] == [6, 0]
    assert balance(tenant) == Balance(bought=10)
    with pytest.raises(ledger.UnknownReservation):
        ledger.release(key="nothing")


def test_release_after_settlement_changes_nothing(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    reserve(tenant, 6)
    ledger.settle(key="run/1/1", units=2, reference="run 1")
    assert ledger.release(key="run/1/1") == 0
    assert balance(tenant) == Balance(bought=10, used=2)


def test_late_worker_cannot_settle_what_was_released(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    reserve(tenant, 6)
    ledger.release_owner(owner="run/1")
    with pytest.raises(ledger.ReservationClosed), transaction.atomic():
        ledger.settle(key="run/1/1", units=6, reference="run 1")
    assert balance(tenant) == Balance(bought=10)


def test_release_of_a_dead_slice_leaves_the_others(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 100)
    for number in range(3):
        reserve(tenant, 10, f"dead/{number}", owner="run/1/fence/1")
    reserve(tenant, 5, "alive", owner="run/1/fence/2")
    ledger.settle(key="dead/0", units=10, reference="run 1")
    assert [ledger.release_owner(owner="run/1/fence/1") for _ in range(2)] == [20, 0]
    assert balance(tenant) == Balance(bought=100, used=10, reserved=5)


def test_forgotten_reservations_are_given_back(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 100)
    reserve(tenant, 10, "old")
    Reservation.objects.filter(key="old").update(at=timezone.now() - timedelta(hours=2))
    reserve(tenant, 5, "young")
    assert ledger.release_forgotten(before=timezone.now() - timedelta(hours=1)) == 10
    assert balance(tenant).reserved == 5


def test_recovered_item_is_spent_once(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 2)
    arguments = {"tenant_id": tenant.pk, "kind": "export", "reference": "run 1"}
    first = ledger.spend(units=1, key="intent/9", **arguments)
    assert ledger.spend(units=1, key="intent/9", **arguments).pk == first.pk
    with pytest.raises(ledger.KeyConflict):
        ledger.spend(units=2, key="intent/9", **arguments)
    with pytest.raises(ValueError, match="positive"):
        ledger.spend(units=0, key="intent/10", **arguments)
    assert balance(tenant) == Balance(bought=2, used=1)


@pytest.mark.covers("BIL-05")
def test_recovered_item_waits_when_the_account_is_empty(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 1)
    reserve(tenant, 1)
    with transaction.atomic():
        Tenant.objects.filter(pk=tenant.pk).update(name="Autre écriture du lot")
        with pytest.raises(ledger.Exhausted):
            ledger.spend(tenant_id=tenant.pk, kind="export", units=1, key="intent/9", reference="run 1")
        assert Tenant.objects.filter(name="Autre écriture du lot").exists()
    assert balance(tenant) == Balance(bought=1, used=0, reserved=1)
    buy(tenant, 1, key="invoice-2")
    ledger.spend(tenant_id=tenant.pk, kind="export", units=1, key="intent/9", reference="run 2")
    assert balance(tenant) == Balance(bought=2, used=1, reserved=1)


def test_verify_names_every_figure_that_is_not_the_sum_of_its_movements(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    reserve(tenant, 3)
    assert ledger.verify(tenant.pk) == []
    Account.objects.filter(tenant=tenant).update(bought=12, used=1, reserved=2)
    found = {(gap.kind, gap.figure, gap.account, gap.ledger) for gap in ledger.verify(tenant.pk)}
    assert found == {("export", "bought", 12, 10), ("export", "used", 1, 0), ("export", "reserved", 2, 3)}


def test_one_batch_costs_a_constant_number_of_queries(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 1000)
    counts = []
    for number in range(3):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            reserve(tenant, 100, f"batch/{number}")
            with transaction.atomic():
                ledger.settle(key=f"batch/{number}", units=50, reference="run 1")
        counts.append(len(captured))
    assert len(set(counts)) == 1
    assert counts[0] <= 13
