"""Match report of a profile: read, decide, approve."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from profiles.access import current_user, require_member, require_role
from profiles.models import MatchState, Profile, Role
from sync import services
from sync.presentation.match import match_view
from sync.services import RunRefused
from sync.views.common import profile_of, refuse, rights

TABLE = "#rapprochement"


@require_member
@require_GET
def match(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Counts of the report and one of its classes."""
    profile = profile_of(request, profile_id)
    view = match_view(profile, request.GET.get("voir", ""))
    context = {
        **rights(request),
        "profile": profile,
        "view": view,
        "is_pending": profile.match_state == MatchState.PENDING,
        "is_approved": profile.match_state == MatchState.APPROVED,
    }
    return render(request, "sync/match.html", context)


@require_role(Role.MANAGER)
@require_POST
def match_validate(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Approves the report: sure pairs are linked in the background, then flows may write."""
    profile = profile_of(request, profile_id)
    if profile.match_state == MatchState.NEEDED:
        refuse(request, _("Il n’y a pas encore de rapport : lancez d’abord un export."))
        return redirect("sync:match", profile_id=profile.pk)
    try:
        asked = services.match_request(profile, by=current_user(request))
    except RunRefused as error:
        refuse(request, error.said)
        return redirect("sync:match", profile_id=profile.pk)
    messages.success(request, _("Le rapprochement est validé : les articles sûrs sont associés en ce moment."))
    return redirect("sync:run", run_id=asked.run.pk)


@require_role(Role.MANAGER)
@require_POST
def match_choose(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Decides one ambiguous article of the report: linked to one of its candidates, or new."""
    profile = profile_of(request, profile_id)
    erp_key, shop_key = request.POST.get("article", ""), request.POST.get("boutique", "")
    candidates = _candidates(profile, erp_key)
    if shop_key and shop_key not in candidates:
        raise Http404
    if not shop_key and profile.match_state != MatchState.APPROVED:
        refuse(request, _("Validez d’abord le rapprochement : l’article pourra ensuite être créé à part."))
        return _to_questions(profile)
    try:
        services.match_choose(profile, erp_key=erp_key, shop_key=shop_key)
    except RunRefused as error:
        refuse(request, error.said)
        return _to_questions(profile)
    messages.success(request, _("Choix enregistré pour l’article %(key)s.") % {"key": erp_key})
    return _to_questions(profile)


def _candidates(profile: Profile, erp_key: str) -> set[str]:
    """Shop keys among which an article of the report may be chosen. Raises ``Http404`` for any other article."""
    for row in profile.match_report.get("ambiguous", []):
        if row["erp"]["key"] == erp_key:
            return {candidate["key"] for candidate in row["candidates"]}
    raise Http404


def _to_questions(profile: Profile) -> HttpResponse:
    response = redirect("sync:match", profile_id=profile.pk)
    response["Location"] += f"?voir=ambiguous{TABLE}"
    return response
