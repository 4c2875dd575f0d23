"""What the database and the models refuse, whatever the code asks for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

from billing.models import Account, AppendOnly, LedgerEntry, Reservation
from profiles.models import Tenant

Buy = Callable[..., LedgerEntry]
pytestmark = pytest.mark.covers("BIL-04")


@pytest.mark.parametrize(
    "figures",
    [
        {"bought": -1},
        {"used": -1},
        {"reserved": -1},
        {"bought": 10, "used": 11},
        {"bought": 10, "used": 6, "reserved": 5},
    ],
)
def test_p_below_zero_is_refused_by_the_database(tenant: Tenant, figures: dict[str, int]) -> None:
    account = Account.objects.create(tenant=tenant, kind="export", bought=10)
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(pk=account.pk).update(**figures)


def test_second_account_of_a_kind_is_refused(tenant: Tenant) -> None:
    Account.objects.create(tenant=tenant, kind="export")
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.create(tenant=tenant, kind="export")


def test_unknown_kind_is_refused_by_the_database(tenant: Tenant) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.create(tenant=tenant, kind="both")


def test_more_settled_than_granted_is_refused_by_the_database(tenant: Tenant) -> None:
    account = Account.objects.create(tenant=tenant, kind="export")
    with pytest.raises(IntegrityError), transaction.atomic():
        Reservation.objects.create(account=account, key="r", owner="o", granted=2, settled=3, state="settled")


def test_negative_spend_is_refused_by_the_database(tenant: Tenant) -> None:
    account = Account.objects.create(tenant=tenant, kind="export")
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry(account=account, movement="spend", units=-1, key="e").save()


def test_ledger_entry_is_never_changed(tenant: Tenant, buy: Buy) -> None:
    entry = buy(tenant, 10)
    entry.units = 1000
    with pytest.raises(AppendOnly):
        entry.save()
    with pytest.raises(AppendOnly):
        LedgerEntry.objects.filter(pk=entry.pk).update(units=1000)
    with pytest.raises(AppendOnly):
        LedgerEntry.objects.bulk_update([entry], ["units"])
    with pytest.raises(AppendOnly):
        entry.account.entries.update(units=1000)
    with pytest.raises(AppendOnly):
        LedgerEntry._base_manager.update(units=1000)
    entry.refresh_from_db()
    assert entry.units == 10


def test_ledger_entry_rebuilt_with_a_stored_id_overwrites_nothing(tenant: Tenant, buy: Buy) -> None:
    entry = buy(tenant, 10)
    forged = LedgerEntry(pk=entry.pk, account=entry.account, movement="credit", units=1000, key="other")
    with pytest.raises(IntegrityError), transaction.atomic():
        forged.save()
    entry.refresh_from_db()
    assert entry.units == 10


def test_ledger_entry_is_never_deleted(tenant: Tenant, buy: Buy) -> None:
    entry = buy(tenant, 10)
    with pytest.raises(AppendOnly):
        entry.delete()
    with pytest.raises(AppendOnly):
        LedgerEntry.objects.all().delete()
    with pytest.raises(AppendOnly):
        LedgerEntry.objects.bulk_create([entry], update_conflicts=True)
    assert LedgerEntry.objects.count() == 1


def test_deleting_a_tenant_takes_its_units_along(tenant: Tenant, buy: Buy) -> None:
    buy(tenant, 10)
    tenant.delete()
    assert (Account.objects.count(), LedgerEntry.objects.count()) == (0, 0)
