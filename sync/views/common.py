"""What several views of the application share."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from connectors.core.texts import Text
from profiles.access import get_for_tenant, require_access
from profiles.context import profile_remember
from profiles.models import Profile, Role
from profiles.texts import rendered
from sync.models import Run


def profile_of(request: HttpRequest, profile_id: int) -> Profile:
    """The profile of the address, which becomes the current one. Raises ``Http404``; see ``get_for_tenant``."""
    profile = get_for_tenant(request, Profile, pk=profile_id)
    profile_remember(request, profile.pk)
    return profile


def run_of(request: HttpRequest, run_id: int) -> Run:
    """The run of the address with its profile. Raises ``Http404``; see ``get_for_tenant``."""
    rows = Run.objects.select_related("profile", "started_by").defer("profile__match_report", "cursor")
    return get_for_tenant(request, rows, pk=run_id)


def rights(request: HttpRequest) -> dict[str, bool]:
    """What the person may do, for templates."""
    access = require_access(request)
    return {"can_run": access.may(Role.OPERATOR), "can_manage": access.may(Role.MANAGER)}


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page (a boosted link or a restored page asks for all of it)."""
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def back(request: HttpRequest, fallback: str, *args: Any) -> HttpResponse:
    """Goes to the page named by the form's ``next`` when it is ours, else to ``fallback``."""
    wanted = safe_address(request, request.POST.get("next", ""))
    return redirect(wanted or resolve_url(fallback, *args))


def safe_address(request: HttpRequest, wanted: str) -> str:
    """An address that a form or a link names, when it is one of ours; else empty."""
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours else ""


def refuse(request: HttpRequest, said: Text | str) -> None:
    """Tells why something was not done, in the language of the page."""
    messages.error(request, rendered(said))
