"""Schedules: which flow of which profile starts by itself, and when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connectors.core.texts import Text
from profiles.models import Profile, TenantQuerySet
from profiles.texts import rendered
from scheduler.planning import Every, MonthBy, Recurrence
from sync.models import Run

REPEATS = (5, 10, 15, 30, 60, 120, 180, 360, 720)
"""Minutes between two triggers of a window."""

WINDOWS = (15, 30, 60, 120, 240, 480, 720, 1440)
"""Minutes a window may stay open."""


class TriggerOutcome(models.TextChoices):
    """What came of the last trigger of a schedule."""

    STARTED = "started", _("Lancée à l’heure prévue.")
    CAUGHT_UP = "caught_up", _("Lancée une fois en rattrapage (déclenchements manqués : %(missed)s).")
    MANUAL = "manual", _("Lancée à la main.")
    OVERLAP = "overlap", _("Déclenchement passé : ce traitement était déjà en cours.")
    REFUSED = "refused", _("Déclenchement passé : %(reason)s")
    BROKEN = "broken", _("Déclenchement passé à cause d’une erreur interne ; le suivant sera tenté.")


class Schedule(models.Model):
    """A scheduled task (SCH-01).

    ``starts_on`` and ``starts_time`` are on the wall clock of the tenant; lists hold numbers as
    :class:`scheduler.planning.Recurrence` takes them. ``next_at`` is the next trigger (UTC), empty while paused and
    after the end; ``zone`` is the time zone it was computed in. ``planned_at`` is when somebody last made, changed or
    resumed the schedule. ``skipped`` counts triggers that started nothing.
    """

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="schedules")
    flow = models.CharField(max_length=40)
    enabled = models.BooleanField(default=True)

    starts_on = models.DateField()
    starts_time = models.TimeField()
    until = models.DateField(null=True, blank=True)
    every = models.CharField(max_length=8, default=Every.DAY.value)
    interval = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(366)])
    weekdays = models.JSONField(default=list, blank=True)
    months = models.JSONField(default=list, blank=True)
    month_by = models.CharField(max_length=8, default=MonthBy.DAYS.value)
    month_days = models.JSONField(default=list, blank=True)
    month_weeks = models.JSONField(default=list, blank=True)
    repeat_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    repeat_for = models.PositiveSmallIntegerField(null=True, blank=True)

    zone = models.CharField(max_length=64, blank=True, default="")
    planned_at = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    last_run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    outcome = models.CharField(max_length=16, choices=TriggerOutcome.choices, blank=True, default="")
    outcome_values = models.JSONField(default=dict, blank=True)
    skipped = models.PositiveIntegerField(default=0)

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    tenant_path: ClassVar[str] = "profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("tâche planifiée")
        verbose_name_plural = _("tâches planifiées")
        ordering = ["profile__name", "flow", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(repeat_minutes__isnull=True, repeat_for__isnull=True)
                | models.Q(repeat_minutes__lt=models.F("repeat_for"), repeat_for__lte=1440),
                name="schedule_repeat_within_window",
            ),
            models.CheckConstraint(condition=models.Q(interval__gte=1), name="schedule_interval_positive"),
            models.CheckConstraint(
                condition=models.Q(enabled=True) | models.Q(next_at__isnull=True), name="schedule_paused_has_no_next"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=models.Q(next_at__isnull=False), name="schedule_due"),
        ]

    def __str__(self) -> str:
        return f"{self.profile_id} {self.flow} #{self.pk}"

    @property
    def recurrence(self) -> Recurrence:
        """The rule. Raises ``ValueError`` for figures that contradict each other."""
        return Recurrence(
            start=datetime.combine(self.starts_on, self.starts_time),
            every=Every(self.every),
            interval=self.interval,
            weekdays=frozenset(self.weekdays),
            months=frozenset(self.months),
            month_by=MonthBy(self.month_by),
            month_days=frozenset(self.month_days),
            month_weeks=frozenset(self.month_weeks),
            repeat=_minutes(self.repeat_minutes),
            repeat_for=_minutes(self.repeat_for),
            until=self.until,
        )

    @property
    def tenant_zone(self) -> ZoneInfo:
        """The time zone of the tenant, in which the rule is read."""
        found: ZoneInfo = self.profile.tenant.zone
        return found

    @property
    def message(self) -> str:
        """What came of the last trigger, in the language of the page; empty before the first one."""
        if not self.outcome:
            return ""
        values = dict(self.outcome_values)
        if "reason" in values:
            values["reason"] = rendered(Text.loads(values["reason"]))
        return str(TriggerOutcome(self.outcome).label) % values if values else str(TriggerOutcome(self.outcome).label)


def _minutes(value: int | None) -> timedelta | None:
    return None if value is None else timedelta(minutes=value)
