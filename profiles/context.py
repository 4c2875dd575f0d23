"""What every page shows around its content: tenant, profile, navigation; and the person's language and time zone."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation
from django.utils.functional import Promise, cached_property

from connectors.core import logcontext
from profiles.access import SESSION_PROFILE, Access, request_access
from profiles.models import Profile, User
from profiles.navigation import NAVIGATION, NavEntry


@dataclass(frozen=True, slots=True)
class NavLink:
    """A link of the side bar, ready to be shown."""

    label: str | Promise
    icon: str
    address: str
    active: bool


@dataclass(frozen=True, slots=True)
class NavSection:
    """A titled group of links."""

    label: str | Promise
    links: list[NavLink] = field(default_factory=list)


class Shell:
    """Lazily read data of the page frame; a fragment that shows no frame costs no query."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def access(self) -> Access | None:
        """Access of the request; None for anonymous people and those without a tenant."""
        return request_access(self._request)

    @cached_property
    def profiles(self) -> list[Profile]:
        """Profiles of the current tenant by name, for the switcher."""
        if self.access is None:
            return []
        return list(Profile.objects.for_tenant(self.access.tenant).defer("match_report").order_by("name", "pk"))

    @cached_property
    def profile(self) -> Profile | None:
        """The current profile: the one of the address, else the one last chosen, else the default, else the first."""
        by_id = {profile.pk: profile for profile in self.profiles}
        for wanted in (self._profile_of_address(), self._request.session.get(SESSION_PROFILE)):
            if wanted in by_id:
                return by_id[wanted]
        return next((profile for profile in self.profiles if profile.is_default), next(iter(self.profiles), None))

    def _profile_of_address(self) -> int | None:
        match = self._request.resolver_match
        value = match.kwargs.get("profile_id") if match else None
        return value if isinstance(value, int) else None

    @cached_property
    def navigation(self) -> list[NavSection]:
        """Groups of links the person may use."""
        sections = [NavSection(group.label, self._links(group.entries)) for group in NAVIGATION]
        return [section for section in sections if section.links]

    def _links(self, entries: tuple[NavEntry, ...]) -> list[NavLink]:
        match = self._request.resolver_match
        view_name = match.view_name if match else ""
        links = []
        for entry in entries:
            if self.access is None or not self.access.may(entry.role):
                continue
            address = entry.address(self.profile.pk if entry.per_profile and self.profile else None)
            if address is not None:
                links.append(NavLink(entry.label, entry.icon, address, entry.is_active(view_name)))
        return links


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `shell` (see `Shell`) for `base.html`, and the languages of the interface."""
    return {"shell": Shell(request), "interface_languages": settings.LANGUAGES, "debug_pages": settings.DEBUG}


def profile_remember(request: HttpRequest, profile_id: int) -> None:
    """Make a profile of the current tenant the current one of this session; the caller has checked that it is."""
    if request.session.get(SESSION_PROFILE) != profile_id:
        request.session[SESSION_PROFILE] = profile_id


class UserLanguageMiddleware:
    """Answers in the language of the signed-in person and the time zone of the tenant; names the tenant in the logs.

    Requests without a session cookie (probes, sign-in page) cost no query.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Activate language and zone for the length of the request."""
        access = request_access(request) if settings.SESSION_COOKIE_NAME in request.COOKIES else None
        if settings.SESSION_COOKIE_NAME in request.COOKIES and isinstance(request.user, User):
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = request.user.language
        zone = access.tenant.zone if access else zoneinfo.ZoneInfo(settings.DISPLAY_TIME_ZONE)
        with timezone.override(zone), logcontext.bind(tenant=access.tenant.pk if access else None):
            return self.get_response(request)
