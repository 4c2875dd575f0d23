"""Certificates: what the shop's orders and the ERP's documents of a period had in common at one moment."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from profiles.models import Profile, TenantQuerySet


class CertificateState(models.TextChoices):
    """Life of a certificate."""

    RUNNING = "running", _("en cours")
    DONE = "done", _("établi")
    FAILED = "failed", _("impossible")


class Certificate(models.Model):
    """The comparison of one profile over the days ``since`` to ``until``, both included, in the tenant's time.

    ``counts`` holds the number of orders by verdict (``equal``, ``missing``, ``different``) and ``orders``, their sum.
    ``rows`` are plain data, the ones that need a person first, at most ``sync.orders.certificate.ROWS_KEPT`` of them.
    ``problem`` says why a failed one could not be made; ``told`` holds it and ``advice`` with their values, where they
    have some (``profiles.texts``).
    """

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="certificates")
    since = models.DateField()
    until = models.DateField()
    state = models.CharField(max_length=8, choices=CertificateState.choices, default=CertificateState.RUNNING)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    counts = models.JSONField(default=dict, blank=True)
    rows = models.JSONField(default=list, blank=True)
    problem = models.TextField(blank=True, default="")
    advice = models.TextField(blank=True, default="")
    told = models.JSONField(null=True, blank=True)

    tenant_path: ClassVar[str] = "profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("certificat")
        ordering = ["-pk"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["profile", "-id"], name="certificate_by_profile")]

    def __str__(self) -> str:
        return f"{self.profile_id} {self.since} – {self.until}"

    @property
    def is_clean(self) -> bool:
        """Whether every order was found equal."""
        return self.state == CertificateState.DONE and self.counts.get("equal") == self.counts.get("orders")

    @property
    def open_count(self) -> int:
        """Orders that are missing or different."""
        return int(self.counts.get("missing", 0)) + int(self.counts.get("different", 0))

    @property
    def hidden_count(self) -> int:
        """Orders that were compared and are not among the rows."""
        return max(0, int(self.counts.get("orders", 0)) - len(self.rows))
