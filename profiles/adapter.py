"""How allauth speaks of our users."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from profiles.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Sign-up may be closed by the host (`SIGNUP_OPEN`); new users take the language of the page they signed up on."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Tell whether anybody may create an account; invited people always may, by their link."""
        return bool(getattr(settings, "SIGNUP_OPEN", True))

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Store the new user with the name and the language of the form."""
        user.full_name = form.cleaned_data.get("full_name", "").strip()
        user.language = getattr(request, "LANGUAGE_CODE", settings.LANGUAGE_CODE)[:2]
        saved: User = super().save_user(request, user, form, commit)
        return saved


def user_display(user: User) -> str:
    """Name used in allauth's pages and e-mails."""
    return user.display_name
