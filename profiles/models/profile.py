"""Profiles, their settings and what was last read from both systems."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connectors import registry
from connectors.core.spec import ConnectorSpec
from profiles.models.tenant import Tenant, TenantQuerySet


class ProfileState(models.TextChoices):
    """Whether a profile's flows may run."""

    ACTIVE = "active", _("Actif")
    PAUSED = "paused", _("En pause")


class MatchState(models.TextChoices):
    """Whether the first link of two existing catalogues was looked at (nothing is written before)."""

    NEEDED = "needed", _("Rapprochement à faire")
    PENDING = "pending", _("Rapprochement à valider")
    APPROVED = "approved", _("Rapprochement validé")


class Profile(models.Model):
    """One ERP connected to one shop, inside one tenant.

    ``problem_*`` hold the last reason why a run had to stop for a person (refused key, missing table…); a successful
    connection test or run clears them. ``told`` holds the sentence and the advice with their values, where they have
    some (``profiles.texts``).
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="profiles")
    name = models.CharField(_("nom"), max_length=80)
    kind = models.CharField(max_length=16, default="gescom")
    erp = models.CharField(_("ERP"), max_length=40)
    shop = models.CharField(_("boutique"), max_length=40)
    features = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=16, choices=ProfileState.choices, default=ProfileState.ACTIVE)
    match_state = models.CharField(max_length=16, choices=MatchState.choices, default=MatchState.NEEDED)
    match_report = models.JSONField(default=dict, blank=True)
    is_default = models.BooleanField(_("profil par défaut"), default=False)
    problem_code = models.CharField(max_length=80, blank=True, default="")
    problem_sentence = models.TextField(blank=True, default="")
    problem_advice = models.TextField(blank=True, default="")
    told = models.JSONField(null=True, blank=True)
    problem_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("profil")
        verbose_name_plural = _("profils")
        ordering = ["name", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["tenant", "name"], name="profile_name_once_per_tenant"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(is_default=True), name="profile_one_default_per_tenant"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def erp_spec(self) -> ConnectorSpec:
        """The manifest of the ERP's connector. Raises ``LookupError`` when it is no longer installed."""
        return registry.by_key(self.erp)

    @property
    def shop_spec(self) -> ConnectorSpec:
        """The manifest of the shop's connector. Raises ``LookupError`` when it is no longer installed."""
        return registry.by_key(self.shop)


class OptionsRevision(models.Model):
    """One state of a profile's settings, never changed: the newest counts, the others are the history (PRF-11).

    ``document`` holds ``section -> option -> value`` without secrets; ``versions`` the schema version of each section.
    """

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="revisions")
    document = models.JSONField(default=dict)
    versions = models.JSONField(default=dict)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    tenant_path: ClassVar[str] = "profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("révision des réglages")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.profile_id} r{self.pk}"


class Secret(models.Model):
    """One encrypted option value; in a table of its own so that a lost key breaks no list page."""

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="secrets")
    section = models.CharField(max_length=40)
    name = models.CharField(max_length=60)
    ciphertext = models.TextField()
    updated_at = models.DateTimeField(auto_now=True)

    tenant_path: ClassVar[str] = "profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("secret")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["profile", "section", "name"], name="secret_once_per_option"),
        ]

    def __str__(self) -> str:
        return f"{self.profile_id} {self.section}.{self.name}"


class ReferenceList(models.Model):
    """What a system answered last for one reference list (warehouses, tax classes…), with its date (PRF-05).

    ``items`` is a list of ``{"key", "label", "extra"}`` in the system's order.
    """

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="reference_lists")
    side = models.CharField(max_length=8)
    name = models.CharField(max_length=60)
    items = models.JSONField(default=list)
    refreshed_at = models.DateTimeField(default=timezone.now)

    tenant_path: ClassVar[str] = "profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("liste de référence")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["profile", "side", "name"], name="reference_list_once"),
        ]

    def __str__(self) -> str:
        return f"{self.profile_id} {self.side}.{self.name}"
