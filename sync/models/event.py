"""Notifications a shop sent by itself, and the registration that makes it send them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from profiles.models import Profile, TenantQuerySet
from sync.models.run import Run


class ProfileHook(models.Model):
    """How a profile's shop reaches us. A profile without this row gets no notifications.

    ``token`` is the end of the address that is told to the shop: it names the profile, it protects nothing; ``secret``
    (encrypted) signs what arrives there. ``healthy`` and ``message`` tell how the last look at the shop's
    registrations ended, ``advice`` what to do about it and ``states`` how each topic stood (:class:`HookState` by
    topic). ``told`` holds ``message`` and ``advice`` with their values, where they have some (``profiles.texts``).
    ``not_before``: until then no run is asked for, because the last request was refused.
    """

    profile = models.OneToOneField(Profile, on_delete=models.CASCADE, related_name="hook")
    token = models.CharField(max_length=64, unique=True)
    secret = models.TextField()
    checked_at = models.DateTimeField(null=True, blank=True)
    healthy = models.BooleanField(default=False)
    message = models.TextField(blank=True, default="")
    advice = models.TextField(blank=True, default="")
    told = models.JSONField(null=True, blank=True)
    states = models.JSONField(default=dict, blank=True)
    mended_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)

    tenant_path: ClassVar[str] = "profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("notifications d’une boutique")

    def __str__(self) -> str:
        return f"hook of {self.profile_id}"


class ShopEvent(models.Model):
    """A verified notification: a hint to read the order ``key`` again, never data.

    ``delivery_id`` is remembered for some days, so that a repeat is recognised. ``handled_at``: when a run was asked
    for (``run``), or the event was put aside because the profile no longer wants any (no ``run``).
    """

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="shop_events")
    delivery_id = models.CharField(max_length=64)
    topic = models.CharField(max_length=40)
    key = models.CharField(max_length=64)
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    handled_at = models.DateTimeField(null=True, blank=True)
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, blank=True, related_name="events")

    tenant_path: ClassVar[str] = "profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification reçue")
        verbose_name_plural = _("notifications reçues")
        ordering = ["pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["profile", "delivery_id"], name="shop_event_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["profile", "id"], condition=models.Q(handled_at__isnull=True), name="shop_event_open"),
            models.Index(fields=["received_at"], name="shop_event_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"
