"""The person who signs in."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Language(models.TextChoices):
    """Languages of the interface."""

    FRENCH = "fr", "Français"
    ENGLISH = "en", "English"


def email_normalize(email: str) -> str:
    """Return the one spelling under which an address is stored: trimmed and in lower case."""
    return email.strip().lower()


class UserManager(BaseUserManager["User"]):
    """Creates users; every address goes through `email_normalize`, so look-ups ignore case."""

    use_in_migrations = True

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the user of an address, whatever its case; raises `User.DoesNotExist`."""
        return self.get(email=email_normalize(username or ""))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create and return a user; without a password the account cannot sign in until it resets one.

        Raises `ValueError` for an empty address and `IntegrityError` for one that exists.
        """
        if not email.strip():
            raise ValueError("An e-mail address is required.")
        user = self.model(email=email_normalize(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a host administrator: `is_staff` and `is_superuser` are set."""
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by an e-mail address; what they may do is told by their memberships.

    The address is stored in lower case (a database constraint holds it), hence unique without regard to case.
    """

    email = models.EmailField(_("adresse e-mail"), max_length=254, unique=True)
    full_name = models.CharField(_("nom complet"), max_length=150, blank=True)
    language = models.CharField(_("langue"), max_length=5, choices=Language.choices, default=Language.FRENCH)
    current_tenant = models.ForeignKey(
        "profiles.Tenant", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    is_staff = models.BooleanField(_("administrateur de la plateforme"), default=False)
    is_active = models.BooleanField(_("actif"), default=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("utilisateur")
        verbose_name_plural = _("utilisateurs")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_lower_case"),
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save with the address normalised."""
        self.email = email_normalize(self.email)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Normalise the address before validation, so that the uniqueness check sees the stored spelling."""
        self.email = email_normalize(self.email)

    @property
    def display_name(self) -> str:
        """The full name, or the address where no name was given."""
        return self.full_name or self.email

    @property
    def initials(self) -> str:
        """One or two capital letters for the avatar."""
        words = self.full_name.split() or [self.email]
        letters = words[0][:1] + (words[-1][:1] if len(words) > 1 else "")
        return letters.upper()

    def get_full_name(self) -> str:
        """Name used by e-mails."""
        return self.display_name

    def get_short_name(self) -> str:
        """First name, or the address."""
        return self.full_name.split(" ")[0] if self.full_name else self.email
