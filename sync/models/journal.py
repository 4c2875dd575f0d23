"""The journal of a run, line by line, and per item what was sent and what came back."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from profiles.models import TenantQuerySet
from sync.models.run import Run


class Level(models.TextChoices):
    """Weight of a journal line."""

    INFO = "info", _("Information")
    SUCCESS = "success", _("Réussi")
    WARNING = "warning", _("Avertissement")
    ERROR = "error", _("Erreur")


class JournalEntry(models.Model):
    """One line. Unchanged items are only counted; every other item has one line per run, or one for each remark.

    ``code`` names the cause, so that one card can gather all its victims. ``detail`` holds redacted bodies and
    field-by-field differences. ``retried`` is set when a person sent the item again. ``text`` and ``advice`` are
    French; those with values are in ``told`` as well, for readers of other languages (``profiles.texts``).
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="journal")
    profile_id = models.BigIntegerField()
    at = models.DateTimeField(default=timezone.now)
    level = models.CharField(max_length=8, choices=Level.choices, default=Level.INFO)
    entity = models.CharField(max_length=16, blank=True, default="")
    item_key = models.CharField(max_length=200, blank=True, default="")
    reference = models.CharField(max_length=200, blank=True, default="")
    label = models.CharField(max_length=250, blank=True, default="")
    shop_key = models.CharField(max_length=200, blank=True, default="")
    url = models.CharField(max_length=500, blank=True, default="")
    outcome = models.CharField(max_length=16, blank=True, default="")
    code = models.CharField(max_length=80, blank=True, default="")
    text = models.TextField(blank=True, default="")
    advice = models.TextField(blank=True, default="")
    told = models.JSONField(null=True, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    attempts = models.PositiveIntegerField(default=1)
    milliseconds = models.PositiveIntegerField(default=0)
    retried = models.BooleanField(default=False)

    tenant_path: ClassVar[str] = "run__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("ligne de journal")
        ordering = ["pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["run", "id"], name="journal_by_run"),
            models.Index(fields=["run", "outcome", "id"], name="journal_by_outcome"),
            models.Index(
                fields=["run", "code", "id"],
                include=["retried"],
                condition=models.Q(outcome__in=["refused", "failed", "deferred"]),
                name="journal_by_cause",
            ),
            models.Index(fields=["profile_id", "entity", "item_key", "-id"], name="journal_by_item"),
        ]

    def __str__(self) -> str:
        return f"{self.level} {self.item_key} {self.text}"
