"""Links: the pair of ERP key and shop key, and per aspect what was last sent or refused."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from profiles.models import Profile, TenantQuerySet


class LinkStatus(models.TextChoices):
    """Life of a link."""

    WANTED = "wanted", _("absent de la boutique")
    CREATING = "creating", _("création en cours")
    LINKED = "linked", _("associé")
    GONE = "gone", _("supprimé dans la boutique")
    AMBIGUOUS = "ambiguous", _("rapprochement à décider")


class Link(models.Model):
    """The identity of one object on both sides, inside a profile.

    A key is null while the object does not exist on that side. ``steps`` records what a creation in several steps has
    done so far (customer, address, document…), so that it goes on at the first step not done.

    ``creating`` is an intent: a create may have happened, so the shop is asked before anything is created again.
    ``gone`` marks an object deleted in the shop; it never comes back by itself. ``ambiguous`` waits for a person who
    says which object of the shop it is, if any. ``reference`` is what people call
    the object (SKU, document number), ``label`` its name.
    """

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="links")
    entity = models.CharField(max_length=16)
    erp_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001  # null: unique where present
    shop_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001  # null: unique where present
    shop_parent = models.CharField(max_length=200, blank=True, default="")
    reference = models.CharField(max_length=200, blank=True, default="")
    label = models.CharField(max_length=250, blank=True, default="")
    status = models.CharField(max_length=16, choices=LinkStatus.choices, default=LinkStatus.WANTED)
    token = models.CharField(max_length=64, blank=True, default="")
    steps = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    tenant_path: ClassVar[str] = "profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("lien")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["profile", "entity", "erp_key"], name="link_one_per_erp_key"),
            models.UniqueConstraint(fields=["profile", "entity", "shop_key"], name="link_one_per_shop_key"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["profile", "entity", "reference"], name="link_by_reference"),
            models.Index(fields=["profile"], condition=models.Q(status="creating"), name="link_open_intents"),
        ]

    def __str__(self) -> str:
        return f"{self.entity} {self.erp_key} ↔ {self.shop_key or '—'}"


class LinkState(models.Model):
    """What is known of one aspect of a link.

    ``sent_hash``: content last accepted by the shop. ``held_hash``: content that was refused or failed; it is not
    sent again before ``not_before`` (never by itself when that is empty), unless it changes or a person asks.
    ``run_id`` is the run that last accounted for the item, so that a resumed slice never counts it twice. ``told``
    holds ``problem`` and ``advice`` with their values, where they have some (``profiles.texts``).
    """

    link = models.ForeignKey(Link, on_delete=models.CASCADE, related_name="states")
    aspect = models.CharField(max_length=16)
    sent_hash = models.CharField(max_length=32, blank=True, default="")
    held_hash = models.CharField(max_length=32, blank=True, default="")
    outcome = models.CharField(max_length=16, blank=True, default="")
    problem_code = models.CharField(max_length=80, blank=True, default="")
    problem = models.TextField(blank=True, default="")
    advice = models.TextField(blank=True, default="")
    told = models.JSONField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    run_id = models.BigIntegerField(default=0)
    touched_at = models.DateTimeField(default=timezone.now)

    tenant_path: ClassVar[str] = "link__profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("état du lien")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["link", "aspect"], name="link_state_one_per_aspect"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["link"], condition=~models.Q(held_hash=""), name="link_state_held"),
            models.Index(fields=["not_before"], condition=models.Q(not_before__isnull=False), name="link_state_due"),
        ]

    def __str__(self) -> str:
        return f"{self.link_id} {self.aspect}"
