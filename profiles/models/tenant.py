"""Tenants, who belongs to them, and invitations."""

from __future__ import annotations

import zoneinfo
from datetime import timedelta
from typing import Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.core import signing
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import models
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from profiles.models.user import Language, email_normalize

DEFAULT_TIME_ZONE = "Europe/Paris"
INVITATION_LIFETIME = timedelta(days=7)
_INVITATION_SALT = "profiles.invitation"

M = TypeVar("M", bound=models.Model, covariant=True)


class Role(models.TextChoices):
    """What a member may do; each role includes those below it.

    owner: billing and users; manager: profiles, mappings, runs; operator: starts runs, reads journals; reader: reads.
    """

    OWNER = "owner", _("Propriétaire")
    MANAGER = "manager", _("Gestionnaire")
    OPERATOR = "operator", _("Opérateur")
    READER = "reader", _("Lecteur")

    @property
    def rank(self) -> int:
        """Number that grows with the rights."""
        return _RANKS[self.value]

    def includes(self, other: Role) -> bool:
        """Tell whether a member with this role may do what `other` may do."""
        return self.rank >= other.rank

    @property
    def description(self) -> str:
        """One sentence for the page where a role is chosen."""
        return str(_DESCRIPTIONS[self.value])


_RANKS = {"reader": 0, "operator": 1, "manager": 2, "owner": 3}
_DESCRIPTIONS = {
    "owner": _("Gère les utilisateurs, les unités et tout le reste."),
    "manager": _("Crée et configure les profils, lance les synchronisations."),
    "operator": _("Lance les synchronisations et lit les journaux."),
    "reader": _("Consulte sans rien modifier."),
}


def tenant_path(model: type[models.Model]) -> str:
    """Return the look-up that leads from a model to its tenant.

    A model names it as class attribute `tenant_path` (for example `"profile__tenant"`); a model with a field
    `tenant` needs none. Raises `ImproperlyConfigured` for a model that has neither.
    """
    path = getattr(model, "tenant_path", None)
    if path:
        return str(path)
    if any(field.name == "tenant" for field in model._meta.get_fields()):
        return "tenant"
    raise ImproperlyConfigured(f"{model.__name__} names no path to its tenant")


class TenantQuerySet(models.QuerySet[M]):
    """Query set of a model that belongs to a tenant (see `tenant_path`)."""

    def for_tenant(self, tenant: Tenant | int) -> Self:
        """Keep only the rows of one tenant, given as object or primary key."""
        return self.filter(**{tenant_path(self.model): tenant})


def _validate_time_zone(value: str) -> None:
    if value not in zoneinfo.available_timezones():
        raise ValidationError(_("Fuseau horaire inconnu : %(value)s."), params={"value": value})


class Tenant(models.Model):
    """A customer company of the platform; everything else belongs to exactly one tenant.

    ``journal_days``: how long it wishes its journals to be kept, ``None`` for as long as the host allows; read it by
    ``profiles.retention``.
    """

    name = models.CharField(_("nom de l’entreprise"), max_length=120)
    slug = models.SlugField(max_length=140, unique=True, editable=False)
    time_zone = models.CharField(
        _("fuseau horaire"), max_length=64, default=DEFAULT_TIME_ZONE, validators=[_validate_time_zone]
    )
    language = models.CharField(_("langue"), max_length=5, choices=Language.choices, default=Language.FRENCH)
    journal_days = models.PositiveIntegerField(_("conservation des journaux"), null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members: models.ManyToManyField[models.Model, Membership] = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="tenants"
    )

    tenant_path: ClassVar[str] = "pk"

    class Meta:
        verbose_name = _("entreprise")
        verbose_name_plural = _("entreprises")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a tenant without slug gets one made of its name and, where taken, a number."""
        if not self.slug:
            self.slug = self._free_slug()
        super().save(*args, **kwargs)

    def _free_slug(self) -> str:
        base = slugify(self.name)[:120] or "entreprise"
        taken = set(Tenant.objects.filter(slug__startswith=base).values_list("slug", flat=True))
        if base not in taken:
            return base
        return next(slug for slug in (f"{base}-{n}" for n in range(2, len(taken) + 3)) if slug not in taken)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The tenant's time zone, for display and schedules."""
        return zoneinfo.ZoneInfo(self.time_zone)


class Membership(models.Model):
    """A user inside a tenant, with one role. Every tenant keeps at least one owner (`profiles.team` sees to it)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("rôle"), max_length=16, choices=Role.choices, default=Role.READER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("membre")
        verbose_name_plural = _("membres")
        ordering = ["tenant__name", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "tenant"], name="membership_once_per_tenant"),
            models.CheckConstraint(condition=models.Q(role__in=list(_RANKS)), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} @ {self.tenant_id} ({self.role})"

    @property
    def role_enum(self) -> Role:
        """The role as `Role`."""
        return Role(self.role)


class Invitation(models.Model):
    """An address asked to join a tenant with a role.

    The link sent by e-mail carries a signed token; it proves control of the address, so it is shown nowhere else.
    It ends when accepted, when cancelled (the row is deleted) or when `expires_at` has passed.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(_("adresse e-mail"), max_length=254)
    role = models.CharField(_("rôle"), max_length=16, choices=Role.choices, default=Role.READER)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-created_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=models.Q(accepted_at__isnull=True),
                name="invitation_once_pending",
            ),
            models.CheckConstraint(condition=models.Q(role__in=list(_RANKS)), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.email} → {self.tenant_id} ({self.role})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save with the address normalised and, where none was given, the usual end of validity."""
        self.email = email_normalize(self.email)
        if self.expires_at is None:
            self.expires_at = timezone.now() + INVITATION_LIFETIME
        super().save(*args, **kwargs)

    @property
    def token(self) -> str:
        """Signed token for the link; it changes when the invitation is sent again, which ends the earlier link."""
        return signing.dumps([self.pk, self.email, int(self.sent_at.timestamp())], salt=_INVITATION_SALT)

    @property
    def is_open(self) -> bool:
        """True while the invitation may be accepted."""
        return self.accepted_at is None and self.expires_at > timezone.now()

    @classmethod
    def from_token(cls, token: str) -> Invitation | None:
        """Return the invitation of a token, open or not; None for a forged, replaced or cancelled one."""
        try:
            pk, email, sent = signing.loads(token, salt=_INVITATION_SALT)
        except (signing.BadSignature, ValueError, TypeError):
            return None
        found: Invitation | None = cls.objects.select_related("tenant", "invited_by").filter(pk=pk, email=email).first()
        return found if found and int(found.sent_at.timestamp()) == sent else None
