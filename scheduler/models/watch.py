"""How each flow of each profile stands, and what people were told of it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from profiles.models import Profile, TenantQuerySet


class Level(models.TextChoices):
    """How the last finished run of a flow ended, by what it asks of people."""

    GOOD = "good", _("En ordre")
    PARTIAL = "partial", _("Avec des refus")
    FAILING = "failing", _("En échec")


class FlowWatch(models.Model):
    """State of one flow of one profile, so that alerts are sent on changes only (NOT-02, pitfall P10).

    ``told``: people were sent an alert about the present bad level, ``causes`` the problem codes it named.
    ``late_since``: the trigger whose good end is overdue; ``late_told``: an alert about it was sent.
    """

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="flow_watches")
    flow = models.CharField(max_length=40)
    level = models.CharField(max_length=8, choices=Level.choices, default=Level.GOOD)
    causes = models.JSONField(default=list, blank=True)
    told = models.BooleanField(default=False)
    late_since = models.DateTimeField(null=True, blank=True)
    late_told = models.BooleanField(default=False)
    changed_at = models.DateTimeField(auto_now=True)

    tenant_path: ClassVar[str] = "profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("suivi d’un traitement")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["profile", "flow"], name="flow_watch_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["profile"], condition=models.Q(late_since__isnull=False), name="flow_watch_late"),
        ]

    def __str__(self) -> str:
        return f"{self.profile_id} {self.flow} {self.level}"
