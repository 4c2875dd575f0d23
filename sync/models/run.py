"""Runs: one execution of a flow, its counters, and the lease of the worker that executes its slices."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from profiles.models import Profile, Tenant, TenantQuerySet


class RunState(models.TextChoices):
    """Life of a run. The row is the truth; the broker only wakes workers."""

    QUEUED = "queued", _("En attente")
    RUNNING = "running", _("En cours")
    FINISHED = "finished", _("Terminé")


class RunResult(models.TextChoices):
    """How a finished run ended, in the words of the table of runs."""

    SUCCESS = "success", _("Réussie")
    PARTIAL = "partial", _("Partiellement réussie")
    FAILED = "failed", _("Échouée")
    STOPPED = "stopped", _("Arrêtée")
    QUOTA = "quota", _("Quota épuisé")
    APPROVAL = "approval", _("À valider")


class SliceState(models.TextChoices):
    """Where the next slice of a live run stands."""

    IDLE = "idle", _("aucune")
    PENDING = "pending", _("à distribuer")
    SENT = "sent", _("distribuée")
    WORKING = "working", _("en cours")


class Trigger(models.TextChoices):
    """What started a run."""

    MANUAL = "manual", _("Manuel")
    SCHEDULE = "schedule", _("Planifié")
    CALLBACK = "callback", _("Événement")
    COMMAND = "command", _("Ligne de commande")


OUTCOME_COUNTERS = ("created", "updated", "unchanged", "excluded", "refused", "deferred", "failed")
"""The right-hand side of the closing equation: read = sum of these (sent = created + updated)."""


class Run(models.Model):
    """One execution of a flow of a profile.

    ``lock`` names what may not be written by two runs at once; several flows can share one. ``scope`` is ``{}`` or
    ``{"keys": [...]}``, ``scope_key`` its identity. ``fence`` grows with every claim: a worker whose fence is no
    longer the row's has lost the run and may write nothing. ``cursor`` resumes the reading after the last recorded
    page. ``excluded_reasons`` counts what was left out, by reason. ``told`` holds ``message`` and ``advice`` with their
    values, where they have some (``profiles.texts``).
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="runs")
    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="runs")
    flow = models.CharField(max_length=40)
    lock = models.CharField(max_length=40)
    scope = models.JSONField(default=dict, blank=True)
    scope_key = models.CharField(max_length=64, blank=True, default="")
    dry = models.BooleanField(default=False)
    full = models.BooleanField(default=False)
    retry = models.BooleanField(default=False)
    trigger = models.CharField(max_length=16, choices=Trigger.choices, default=Trigger.MANUAL)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.QUEUED)
    result = models.CharField(max_length=16, choices=RunResult.choices, blank=True, default="")
    message_code = models.CharField(max_length=80, blank=True, default="")
    message = models.TextField(blank=True, default="")
    advice = models.TextField(blank=True, default="")
    told = models.JSONField(null=True, blank=True)

    slice_state = models.CharField(max_length=16, choices=SliceState.choices, default=SliceState.PENDING)
    slice_number = models.PositiveIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    owner = models.CharField(max_length=120, blank=True, default="")
    due_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    breaks = models.PositiveIntegerField(default=0)
    cursor = models.TextField(blank=True, default="")

    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    activity_at = models.DateTimeField(default=timezone.now)

    total = models.PositiveIntegerField(null=True, blank=True)
    read = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    excluded = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    deferred = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    units = models.PositiveIntegerField(default=0)
    excluded_reasons = models.JSONField(default=dict, blank=True)

    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("exécution")
        verbose_name_plural = _("exécutions")
        ordering = ["-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["profile", "lock"], condition=models.Q(state="running"), name="run_one_live_per_lock"
            ),
            models.UniqueConstraint(
                fields=["profile", "flow", "scope_key", "dry"],
                condition=models.Q(state="queued"),
                name="run_one_successor",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tenant", "-id"], name="run_by_tenant"),
            models.Index(fields=["profile", "flow", "-id"], name="run_by_profile_flow"),
            models.Index(fields=["tenant", "ended_at"], name="run_by_tenant_end"),
            models.Index(fields=["due_at"], condition=~models.Q(state="finished"), name="run_live_due"),
        ]

    def __str__(self) -> str:
        return f"{self.flow} #{self.pk}"

    @property
    def sent(self) -> int:
        """Items created or changed on the other side."""
        return self.created + self.updated

    @property
    def accounted(self) -> int:
        """The right-hand side of the closing equation."""
        return sum(getattr(self, name) for name in OUTCOME_COUNTERS)

    @property
    def is_live(self) -> bool:
        """Whether the run is queued or running."""
        return self.state != RunState.FINISHED

    @property
    def percent(self) -> int | None:
        """Progress from 0 to 100, or ``None`` while the total is unknown."""
        if self.state == RunState.FINISHED:
            return 100
        if not self.total:
            return None
        return min(99, round(100 * self.read / self.total))
