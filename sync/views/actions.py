"""What a person asks of the engine: start, preview, stop, send again. Every one is a POST and may be sent twice."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from profiles.access import current_user, require_role
from profiles.models import Profile, Role
from profiles.texts import said
from sync import notifications, services
from sync.flows import registry
from sync.flows.base import Flow
from sync.services import RunRefused, RunRequest
from sync.views.common import back, profile_of, refuse, run_of

MODES = ("run", "full", "resend", "preview")
KEYS_LIMIT = 2000
EARLIEST = date(2000, 1, 1)


@require_role(Role.OPERATOR)
@require_POST
def run_start(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Starts a flow: as usual, by a complete reading, by sending everything again, or as a preview."""
    profile = profile_of(request, profile_id)
    flow = _flow(profile, request.POST.get("flow", ""))
    mode = request.POST.get("mode", "run")
    if mode not in MODES:
        raise Http404
    try:
        asked = _request(request, profile, flow, mode)
    except RunRefused as error:
        refuse(request, error.said)
        return redirect("sync:sync", profile_id=profile.pk)
    _tell(request, asked)
    return redirect("sync:run", run_id=asked.run.pk)


def _flow(profile: Profile, key: str) -> Flow:
    try:
        return next(flow for flow in services.available_flows(profile) if flow.key == key)
    except (LookupError, StopIteration):
        raise Http404 from None


def _request(request: HttpRequest, profile: Profile, flow: Flow, mode: str) -> RunRequest:
    by = current_user(request)
    keys = _keys(request.POST.get("references", ""))
    if mode == "preview":
        return services.run_request(profile=profile, flow=flow.key, by=by, dry=True, keys=keys)
    if mode != "resend":
        return services.run_request(profile=profile, flow=flow.key, by=by, full=mode == "full", keys=keys)
    # What was sent is forgotten only if the run is accepted; a live run is followed by one that sends everything.
    with transaction.atomic():
        asked = services.run_request(profile=profile, flow=flow.key, by=by, full=True, queue_next=True)
        services.resend_all(profile, flow)
    return asked


def _keys(text: str) -> list[str] | None:
    """References typed one per line (or separated by commas or semicolons); ``None`` for everything."""
    parts = text.replace(";", "\n").replace(",", "\n").splitlines()
    found = sorted({part.strip() for part in parts if part.strip()})
    if len(found) > KEYS_LIMIT:
        raise RunRefused(_("Saisissez au plus %(limit)s références.") % {"limit": KEYS_LIMIT})
    return found or None


def _tell(request: HttpRequest, asked: RunRequest) -> None:
    flow = registry.by_key(asked.run.flow)
    names = {"flow": _(flow.label)}
    if not asked.created:
        messages.info(request, _("« %(flow)s » est déjà en cours : le voici.") % names)
    elif not asked.run.dry:
        messages.success(request, _("« %(flow)s » est lancé.") % names)


@require_role(Role.OPERATOR)
@require_POST
def resend_since(request: HttpRequest, profile_id: int, flow: str) -> HttpResponse:
    """Reads and sends again what changed since the day of the field ``depuis``."""
    profile = profile_of(request, profile_id)
    chosen = _flow(profile, flow)
    if not services.may_resend_since(chosen):
        raise Http404
    day = _past_day(request.POST.get("depuis", ""), profile)
    if day is None:
        refuse(request, _("Choisissez un jour passé, ou aujourd’hui."))
        return redirect("sync:resend_new", profile_id=profile.pk, flow=flow)
    try:
        asked = services.resend_since(profile, chosen, day, by=current_user(request))
    except RunRefused as error:
        refuse(request, error.said)
        return redirect("sync:sync", profile_id=profile.pk)
    _tell(request, asked)
    return redirect("sync:run", run_id=asked.run.pk)


def _past_day(text: str, profile: Profile) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    today = timezone.now().astimezone(profile.tenant.zone).date()
    return day if EARLIEST <= day <= today else None


@require_role(Role.OPERATOR)
@require_POST
def run_stop(request: HttpRequest, run_id: int) -> HttpResponse:
    """Asks a run to stop."""
    run = run_of(request, run_id)
    if services.run_stop(run, by=current_user(request)):
        messages.info(request, _("Arrêt demandé : le traitement s’arrête après les envois en cours."))
    return back(request, "sync:run", run.pk)


@require_role(Role.OPERATOR)
@require_POST
def run_retry(request: HttpRequest, run_id: int) -> HttpResponse:
    """Sends items of a run again: one (``cle``), all of one cause (``cause``), or all that did not pass."""
    run = run_of(request, run_id)
    key, code = request.POST.get("cle", ""), request.POST.get("cause", "")
    try:
        asked = services.items_retry(run, by=current_user(request), keys=[key] if key else None, code=code)
    except RunRefused as error:
        refuse(request, error.said)
        return back(request, "sync:run", run.pk)
    messages.success(request, _("Renvoi lancé."))
    return redirect("sync:run", run_id=asked.run.pk)


@require_role(Role.OPERATOR)
@require_POST
def run_again(request: HttpRequest, run_id: int) -> HttpResponse:
    """Starts the flow of a run once more with the same scope; for a preview, this time for real."""
    run = run_of(request, run_id)
    flow = registry.all_flows().get(run.flow)
    if flow is None or flow.applies_match:
        raise Http404
    scope: dict[str, Any] = run.scope
    try:
        asked = services.run_request(
            profile=run.profile, flow=run.flow, by=current_user(request), keys=scope.get("keys"), full=run.full
        )
    except RunRefused as error:
        refuse(request, error.said)
        return redirect("sync:run", run_id=run.pk)
    _tell(request, asked)
    return redirect("sync:run", run_id=asked.run.pk)


@require_role(Role.OPERATOR)
@require_POST
def hooks_check(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Looks at the notifications in the shop now, and mends them, as the platform does every hour by itself."""
    return _looked_after(request, profile_id, anew=False)


@require_role(Role.MANAGER)
@require_POST
def hooks_recreate(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Removes the notifications in the shop and registers them anew."""
    return _looked_after(request, profile_id, anew=True)


def _looked_after(request: HttpRequest, profile_id: int, *, anew: bool) -> HttpResponse:
    profile = profile_of(request, profile_id)
    hook = notifications.hooks_ensure(profile, anew=anew)
    if hook is None:
        messages.info(request, _("La boutique n’envoie plus de notifications pour ce profil."))
    elif not hook.healthy:
        messages.error(request, " ".join(filter(None, (said(hook, "message"), said(hook, "advice")))))
    elif anew:
        messages.success(request, _("Les notifications sont recréées dans la boutique."))
    else:
        messages.success(request, _("Les notifications de la boutique fonctionnent."))
    return redirect(reverse("sync:sync", args=[profile.pk]) + "#notifications")
