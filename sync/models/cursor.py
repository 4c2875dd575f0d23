"""Where the next run of a flow starts reading."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from profiles.models import Profile, TenantQuerySet


class Cursor(models.Model):
    """Change mark per profile and flow, on the ERP's own clock, moved only when every row read was accounted for.

    ``revision`` is the settings revision the mark belongs to: other settings of the sections that the flow reads mean a
    full reading, so that a changed mapping reaches every affected item. ``full_at`` is when everything was last read.
    """

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="cursors")
    flow = models.CharField(max_length=40)
    mark = models.TextField(blank=True, default="")
    revision = models.BigIntegerField(default=0)
    full_at = models.DateTimeField(null=True, blank=True)
    moved_at = models.DateTimeField(auto_now=True)

    tenant_path: ClassVar[str] = "profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("curseur")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["profile", "flow"], name="cursor_one_per_flow"),
        ]

    def __str__(self) -> str:
        return f"{self.profile_id} {self.flow}"
