"""Who bought, as a hash: so that a person erased in the shop does not come back from older orders."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from profiles.models import Profile, TenantQuerySet


class OrderBuyer(models.Model):
    """The buyer of one order of a profile.

    ``digest`` is a keyed hash of the e-mail: it recognises the person and cannot be turned back. ``erased_at``: when
    the order was first read without personal data; from then on the digest is on the erasure list.
    """

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="order_buyers")
    order_key = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    erased_at = models.DateTimeField(null=True, blank=True)

    tenant_path: ClassVar[str] = "profile__tenant"
    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("acheteur d’une commande")
        verbose_name_plural = _("acheteurs des commandes")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["profile", "order_key"], name="order_buyer_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["profile", "digest"], condition=models.Q(erased_at__isnull=False), name="order_buyer_erased"
            ),
        ]

    def __str__(self) -> str:
        return f"buyer of {self.order_key}"
