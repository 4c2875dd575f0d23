"""Accounts of prepaid units, the append-only ledger of their movements, and reservations of running batches.

Only :mod:`billing.ledger` changes the figures; the constraints here hold whatever the code does: nothing is ever below
zero, and no more is used and reserved than was bought.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from profiles.models import Tenant, TenantQuerySet

KEY_LENGTH = 200


class Kind(models.TextChoices):
    """Which of the two counters; the values are those of :class:`connectors.canonical.keys.Direction`."""

    EXPORT = "export", _("Export")
    IMPORT = "import", _("Import")


class Movement(models.TextChoices):
    """Why the ledger moved: units bought, units spent by a run, or bought units put right by the host."""

    CREDIT = "credit", _("Crédit")
    SPEND = "spend", _("Consommation")
    CORRECTION = "correction", _("Correction")


class State(models.TextChoices):
    """Life of a reservation: open until its batch is recorded (settled) or given up (released)."""

    OPEN = "open", _("Ouverte")
    SETTLED = "settled", _("Décomptée")
    RELEASED = "released", _("Rendue")


class AppendOnly(TypeError):
    """A ledger entry was about to be changed or deleted: a mistake is put right by a further entry."""


class Account(models.Model):
    """The units of one kind of one tenant.

    ``bought``, ``used`` and ``reserved`` are whole units; what may still be reserved is ``available``. ``alert_base``
    is what was left right after the last credit, the 100 % of the alerts; ``alert_told`` is the most serious alert
    told since then (see :mod:`billing.alerts`).
    """

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="unit_accounts", verbose_name=_("entreprise")
    )
    kind = models.CharField(_("compteur"), max_length=8, choices=Kind.choices)
    bought = models.PositiveBigIntegerField(_("acheté"), default=0)
    used = models.PositiveBigIntegerField(_("utilisé"), default=0)
    reserved = models.PositiveBigIntegerField(_("réservé"), default=0)
    credited_at = models.DateTimeField(_("dernier crédit"), null=True, blank=True)
    alert_base = models.PositiveBigIntegerField(default=0, editable=False)
    alert_told = models.PositiveSmallIntegerField(default=0, editable=False)

    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("compte d’unités")
        verbose_name_plural = _("comptes d’unités")
        ordering = ["tenant", "kind"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["tenant", "kind"], name="billing_account_once"),
            models.CheckConstraint(condition=models.Q(kind__in=Kind.values), name="billing_account_kind_known"),
            models.CheckConstraint(
                condition=models.Q(bought__gte=0, used__gte=0, reserved__gte=0), name="billing_account_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(bought__gte=models.F("used") + models.F("reserved")),
                name="billing_account_within_bought",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.kind}: {self.used} + {self.reserved} / {self.bought}"

    @property
    def available(self) -> int:
        """Units that may still be reserved."""
        return self.bought - self.used - self.reserved


class LedgerQuerySet(TenantQuerySet["LedgerEntry"]):
    """Reads and inserts only; every way to change or delete entries raises :class:`AppendOnly`."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise AppendOnly("Ledger entries are never changed.")

    def delete(self) -> NoReturn:
        """Refused."""
        raise AppendOnly("Ledger entries are never deleted.")

    def bulk_update(self, objs: Any, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise AppendOnly("Ledger entries are never changed.")

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: an insertion that meets an existing key may be told to overwrite it."""
        raise AppendOnly("Ledger entries are inserted one by one.")


class LedgerEntry(models.Model):
    """One movement of an account; never changed and never deleted, except with its whole tenant.

    ``units`` is positive for a credit and a spend, signed for a correction of what was bought. ``key`` makes the
    movement happen once. ``reference`` names the run that spent, ``actor`` the person or process that booked.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="entries", verbose_name=_("compte"))
    movement = models.CharField(_("mouvement"), max_length=12, choices=Movement.choices)
    units = models.BigIntegerField(_("unités"))
    key = models.CharField(_("clé"), max_length=KEY_LENGTH, unique=True)
    note = models.CharField(_("note"), max_length=255, blank=True)
    reference = models.CharField(_("exécution"), max_length=KEY_LENGTH, blank=True)
    actor = models.CharField(_("auteur"), max_length=254, blank=True)
    at = models.DateTimeField(_("date"), default=timezone.now, editable=False)

    tenant_path: ClassVar[str] = "account__tenant"
    objects: ClassVar[Any] = LedgerQuerySet.as_manager()

    class Meta:
        verbose_name = _("mouvement d’unités")
        verbose_name_plural = _("mouvements d’unités")
        ordering = ["-pk"]
        base_manager_name = "objects"
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["account", "-id"], name="billing_entry_newest")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(movement__in=Movement.values), name="billing_entry_movement_known"
            ),
            models.CheckConstraint(
                condition=models.Q(units__gt=0) | models.Q(movement=Movement.CORRECTION, units__lt=0),
                name="billing_entry_sign",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.movement} {self.units}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; raises :class:`AppendOnly` for an entry that is stored already."""
        if not self._state.adding:
            raise AppendOnly("Ledger entries are never changed.")
        # force_insert: an instance built with the primary key of a stored entry must not overwrite it.
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise AppendOnly("Ledger entries are never deleted.")

    @property
    def signed_units(self) -> int:
        """Effect on the units available: negative for a spend."""
        return -self.units if self.movement == Movement.SPEND else self.units

    @property
    def run_number(self) -> int | None:
        """Number of the run that spent; None for a credit, a correction or another reference."""
        kind, _colon, number = self.reference.partition(":")
        return int(number) if kind == "run" and number.isdecimal() else None


class Reservation(models.Model):
    """Units set aside for one batch before it is sent, so that no two batches count on the same units.

    ``granted`` may be less than asked for, even 0. ``owner`` names the slice of a run and its fence, so that all
    reservations of a dead slice are given back together.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="reservations")
    key = models.CharField(max_length=KEY_LENGTH, unique=True)
    owner = models.CharField(max_length=KEY_LENGTH)
    granted = models.PositiveBigIntegerField()
    settled = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)

    tenant_path: ClassVar[str] = "account__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("réservation d’unités")
        verbose_name_plural = _("réservations d’unités")
        ordering = ["-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner"], name="billing_reservation_owner", condition=models.Q(state=State.OPEN)),
            models.Index(fields=["account"], name="billing_reservation_open", condition=models.Q(state=State.OPEN)),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(granted__gte=0, settled__gte=0, settled__lte=models.F("granted")),
                name="billing_reservation_within_granted",
            ),
            models.CheckConstraint(
                condition=models.Q(state=State.SETTLED) | models.Q(state__in=(State.OPEN, State.RELEASED), settled=0),
                name="billing_reservation_settled_only",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.granted} ({self.state})"

    @property
    def is_open(self) -> bool:
        """True while the units are set aside."""
        return self.state == State.OPEN
