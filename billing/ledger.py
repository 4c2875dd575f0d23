"""Units in and out: the only writer of accounts, ledger entries and reservations.

Order of locks: every function locks the row of the account first and touches reservations and entries afterwards, so
two of them never wait for each other in a circle. A caller that settles inside its own transaction holds that row until
it commits: settle last, and never across a network call.

Every movement carries a key of the caller and happens once per key, whatever is repeated after a crash. A settlement
books its entry under the key of its reservation, so reservations and entries share one space of keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from billing.models import Account, Kind, LedgerEntry, Movement, Reservation, State


class LedgerError(Exception):
    """A movement that is refused; nothing was changed."""


class KeyConflict(LedgerError):
    """The key was used before for something else."""


class UnknownReservation(LedgerError):
    """No reservation has this key."""


class ReservationClosed(LedgerError):
    """The reservation was released: its slice was declared dead, and its units may be spent by now."""


class OverSettled(LedgerError):
    """More units were to be settled than were granted."""


class Exhausted(LedgerError):
    """The account has not enough units available; carries what was asked for and what there is."""

    def __init__(self, *, units: int, available: int) -> None:
        super().__init__(f"{units} units asked for, {available} available.")
        self.units = units
        self.available = available


@dataclass(frozen=True, slots=True)
class Balance:
    """Whole units of one account at one instant; ``reserved`` are set aside for batches under way."""

    bought: int = 0
    used: int = 0
    reserved: int = 0

    @property
    def available(self) -> int:
        """Units that may still be reserved."""
        return self.bought - self.used - self.reserved


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A figure of an account that is not the sum of its movements."""

    kind: str
    figure: str
    account: int
    ledger: int


def credit(*, tenant_id: int, kind: str, units: int, key: str, note: str, actor: str) -> LedgerEntry:
    """Add bought units and return the entry; called again with the same key, returns the first entry.

    The alerts of the account start anew. Raises ``ValueError`` unless ``units`` is positive, and :class:`KeyConflict`
    when the key was used for another movement (``IntegrityError`` where both arrive at the same instant).
    """
    if units <= 0:
        raise ValueError("A credit needs a positive number of units.")
    entry = LedgerEntry(movement=Movement.CREDIT, units=units, key=key, note=note, actor=actor)
    return _book(tenant_id, kind, entry)


def correct(*, tenant_id: int, kind: str, units: int, key: str, note: str, actor: str) -> LedgerEntry:
    """Change what was bought by a signed number of units; idempotent by key like :func:`credit`.

    Raises :class:`Exhausted` when more units would be taken away than are available.
    """
    if units == 0:
        raise ValueError("A correction needs a number of units other than zero.")
    entry = LedgerEntry(movement=Movement.CORRECTION, units=units, key=key, note=note, actor=actor)
    return _book(tenant_id, kind, entry)


def reserve(*, tenant_id: int, kind: str, units: int, key: str, owner: str) -> Reservation:
    """Set aside up to ``units`` units and return the reservation; ``granted`` may be less, even 0.

    Commits its own short transaction and raises ``RuntimeError`` inside another one: the row of the account must not
    stay locked while a batch is on the network. Called again with the same key, returns the first reservation in
    whatever state it is, so look at ``is_open`` after a crash. Raises :class:`KeyConflict` when the key belongs to
    another account.
    """
    if units < 0:
        raise ValueError("A reservation cannot be negative.")
    with transaction.atomic(durable=True):
        account = _locked_account(tenant_id, kind)
        existing: Reservation | None = Reservation.objects.filter(key=key).first()
        if existing is not None:
            return _same_account(existing, account)
        granted = min(units, account.available)
        Account.objects.filter(pk=account.pk).update(reserved=F("reserved") + granted)
        reservation: Reservation = Reservation.objects.create(account=account, key=key, owner=owner, granted=granted)
        return reservation


def settle(*, key: str, units: int, reference: str) -> None:
    """Spend ``units`` of a reservation, give the rest back and close it.

    Call it inside the transaction that records the batch, as its last step: both commit or neither. Settled again with
    the same number it changes nothing; with another number it raises :class:`KeyConflict`. Raises
    :class:`UnknownReservation`, :class:`ReservationClosed` after a release and :class:`OverSettled` above what was
    granted; any of them makes the caller's whole transaction roll back.
    """
    if units < 0:
        raise ValueError("A settlement cannot be negative.")
    with transaction.atomic(savepoint=False):
        reservation = _locked_reservation(key)
        if reservation.state == State.SETTLED and reservation.settled == units:
            return
        _refuse_settlement(reservation, units)
        _close(reservation, State.SETTLED, spent=units)
        if units:
            LedgerEntry.objects.create(
                account_id=reservation.account_id, movement=Movement.SPEND, units=units, key=key, reference=reference
            )


def release(*, key: str) -> int:
    """Give all units of an open reservation back and return how many; 0 when it is closed already.

    Raises :class:`UnknownReservation`.
    """
    with transaction.atomic():
        reservation = _locked_reservation(key)
        if not reservation.is_open:
            return 0
        _close(reservation, State.RELEASED, spent=0)
        return reservation.granted


def release_owner(*, owner: str) -> int:
    """Give back the open reservations of a slice that is dead, and return the number of units; may be called twice.

    Fence the slice before: a worker that still lives could reserve again under the same owner. What it had already sent
    is booked by :func:`spend` when the engine finds it.
    """
    return _release_all(Reservation.objects.filter(owner=owner, state=State.OPEN))


def release_forgotten(*, before: datetime) -> int:
    """Give back reservations opened before an instant by workers nobody fenced; returns the number of units.

    A net for housekeeping: choose an instant well beyond the time limit of a slice. May be called twice.
    """
    return _release_all(Reservation.objects.filter(at__lt=before, state=State.OPEN))


def spend(*, tenant_id: int, kind: str, units: int, key: str, reference: str) -> LedgerEntry:
    """Spend units without a reservation, for an item created before a crash and bound after it.

    Call it inside the transaction that binds the item; idempotent by key. It takes from the units available and raises
    :class:`Exhausted` when there are not enough, without harming the caller's transaction. Decision: such an item is
    then not bound either. Its intent stays open, the next run after a credit finds it again, so it is neither created
    twice nor given away, and the account never owes.
    """
    if units <= 0:
        raise ValueError("A spend needs a positive number of units.")
    entry = LedgerEntry(movement=Movement.SPEND, units=units, key=key, reference=reference)
    return _book(tenant_id, kind, entry)


def balance(*, tenant_id: int, kind: str) -> Balance:
    """Return the figures of one account; all zero for a tenant that never had one."""
    return balances(tenant_id=tenant_id)[Kind(kind)]


def balances(*, tenant_id: int) -> Mapping[Kind, Balance]:
    """Return the figures of both accounts of a tenant with one query."""
    rows = Account.objects.for_tenant(tenant_id).values_list("kind", "bought", "used", "reserved")
    found = {kind: Balance(*figures) for kind, *figures in rows}
    return {kind: found.get(kind.value, Balance()) for kind in Kind}


def verify(tenant_id: int) -> list[Discrepancy]:
    """Compare the accounts of a tenant with their movements; an empty list means that every figure agrees.

    Bought is the sum of credits and corrections, used the sum of spends, reserved the sum of open reservations. The
    accounts are locked meanwhile, so it may run while workers spend.
    """
    with transaction.atomic():
        accounts = list(Account.objects.for_tenant(tenant_id).select_for_update(no_key=True).order_by("pk"))
        return [discrepancy for account in accounts for discrepancy in _discrepancies(account)]


def _locked_account(tenant_id: int, kind: str) -> Account:
    rows = Account.objects.select_for_update(no_key=True).filter(tenant_id=tenant_id, kind=Kind(kind))
    account: Account | None = rows.first()
    if account is None:
        Account.objects.get_or_create(tenant_id=tenant_id, kind=Kind(kind))
        account = rows.get()
    return account


def _locked_reservation(key: str) -> Reservation:
    # The account is locked first (see the module's order of locks); the reservation is read once nobody can close it.
    account = Account.objects.select_for_update(no_key=True, of=("self",)).filter(reservations__key=key).first()
    if account is None:
        raise UnknownReservation(f"No reservation {key!r}.")
    reservation: Reservation = Reservation.objects.get(key=key)
    return reservation


def _same_account(reservation: Reservation, account: Account) -> Reservation:
    if reservation.account_id != account.pk:
        raise KeyConflict(f"{reservation.key!r} belongs to another account.")
    return reservation


def _refuse_settlement(reservation: Reservation, units: int) -> None:
    if reservation.state == State.SETTLED:
        raise KeyConflict(f"{reservation.key!r} was settled with {reservation.settled} units, not {units}.")
    if reservation.state == State.RELEASED:
        raise ReservationClosed(f"{reservation.key!r} was released.")
    if units > reservation.granted:
        raise OverSettled(f"{reservation.key!r} was granted {reservation.granted} units, not {units}.")


def _close(reservation: Reservation, state: State, *, spent: int) -> None:
    Account.objects.filter(pk=reservation.account_id).update(
        used=F("used") + spent, reserved=F("reserved") - reservation.granted
    )
    Reservation.objects.filter(pk=reservation.pk).update(state=state, settled=spent, closed_at=timezone.now())


def _release_all(reservations: QuerySet[Reservation]) -> int:
    # One short transaction each: a slice may hold many, and none of them should wait for the others.
    keys = list(reservations.values_list("key", flat=True))
    return sum(release(key=key) for key in keys)


def _book(tenant_id: int, kind: str, entry: LedgerEntry) -> LedgerEntry:
    with transaction.atomic():
        account = _locked_account(tenant_id, kind)
        existing: LedgerEntry | None = LedgerEntry.objects.filter(key=entry.key).first()
        if existing is not None:
            return _same_movement(existing, entry, account)
        _move(account, entry)
        entry.account = account
        entry.save()
        return entry


def _same_movement(existing: LedgerEntry, entry: LedgerEntry, account: Account) -> LedgerEntry:
    booked = (existing.account_id, existing.movement, existing.units)
    if booked != (account.pk, entry.movement, entry.units):
        raise KeyConflict(f"{entry.key!r} was used for {existing.movement} of {existing.units} units.")
    return existing


def _move(account: Account, entry: LedgerEntry) -> None:
    if account.available + entry.signed_units < 0:
        raise Exhausted(units=abs(entry.units), available=account.available)
    changed = Account.objects.filter(pk=account.pk)
    if entry.movement == Movement.SPEND:
        changed.update(used=F("used") + entry.units)
        return
    changed.update(bought=F("bought") + entry.units)
    if entry.units > 0:
        changed.update(alert_base=F("bought") - F("used"), alert_told=0, credited_at=entry.at)


def _discrepancies(account: Account) -> list[Discrepancy]:
    sums = account.entries.aggregate(
        bought=Sum("units", filter=~Q(movement=Movement.SPEND)), used=Sum("units", filter=Q(movement=Movement.SPEND))
    )
    sums["reserved"] = account.reservations.filter(state=State.OPEN).aggregate(units=Sum("granted"))["units"]
    return [
        Discrepancy(kind=account.kind, figure=figure, account=getattr(account, figure), ledger=total or 0)
        for figure, total in sums.items()
        if getattr(account, figure) != (total or 0)
    ]
