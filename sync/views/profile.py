"""Synchronisation page of a profile: one card per flow, and the choice of what a preview covers."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from profiles.access import current_tenant, require_member, require_role
from profiles.models import MatchState, Profile, Role
from sync import services
from sync.flows.base import Flow
from sync.orders.desk import FLOW as ORDERS
from sync.presentation import flows, hooks, places
from sync.presentation.runs import live_runs, read_since
from sync.views.common import is_fragment, profile_of, rights


@require_member
@require_GET
def sync(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Cards of the flows with their last runs, what is missing, and what runs now; reloads its cards by htmx."""
    profile = profile_of(request, profile_id)
    live = live_runs(current_tenant(request), profile.pk)
    ids = ",".join(str(run.pk) for run in live)
    context: dict[str, Any] = {**rights(request), "profile": profile, "live": live, "live_ids": ids}
    context |= _cards(profile, live)
    if is_fragment(request):
        return render(request, "sync/_flow_cards.html", context)
    context["banner"] = _banner(profile)
    context["has_orders"] = any(card.flow.key == ORDERS for card in context["cards"])
    context["hooks"] = hooks.panel(profile)
    context["problem_links"] = places.links_for(profile.problem_code, profile.pk)
    return render(request, "sync/sync.html", context)


def _cards(profile: Profile, live: list[Any]) -> dict[str, Any]:
    try:
        found = flows.cards(profile, live)
    except LookupError:
        # A connector that is no longer installed: the page still opens, with its journal and settings.
        return {"cards": [], "groups": [], "connector_missing": True, "checklist": []}
    entries = {(entry.section_title, entry.label): entry for card in found for entry in card.missing}
    return {"cards": found, "groups": flows.grouped(found), "checklist": list(entries.values())}


def _banner(profile: Profile) -> str:
    """Which match banner to show: only a report that waits needs a person."""
    return profile.match_state if profile.match_state == MatchState.PENDING else ""


@require_role(Role.OPERATOR)
@require_GET
def preview_new(request: HttpRequest, profile_id: int, flow: str) -> HttpResponse:
    """Asks what the preview of a flow covers: everything, or some references."""
    profile = profile_of(request, profile_id)
    return render(request, "sync/preview_new.html", {"profile": profile, "flow": _available(profile, flow)})


@require_role(Role.OPERATOR)
@require_GET
def resend_new(request: HttpRequest, profile_id: int, flow: str) -> HttpResponse:
    """Shows since when a flow reads changes, and asks for an earlier day."""
    profile = profile_of(request, profile_id)
    chosen = _available(profile, flow)
    if not services.may_resend_since(chosen):
        raise Http404
    today = timezone.now().astimezone(profile.tenant.zone)
    since = read_since(profile).get(flow)
    day = (since or today).astimezone(profile.tenant.zone).date()
    context = {"profile": profile, "flow": chosen, "since": since, "day": day, "today": today.date()}
    return render(request, "sync/resend_new.html", context)


def _available(profile: Profile, key: str) -> Flow:
    try:
        found = {flow.key: flow for flow in services.available_flows(profile)}
    except LookupError:
        raise Http404 from None
    if key not in found:
        raise Http404
    return found[key]
