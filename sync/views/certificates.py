"""Certificates of a profile: list, detail, download, and one made now."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from profiles.access import current_user, get_for_tenant, require_member, require_role
from profiles.models import Profile, Role
from sync.models import Certificate, CertificateState
from sync.orders import certificate as making
from sync.orders.certificate import Verdict
from sync.presentation.paging import key_of
from sync.tasks import certificate_later
from sync.views.common import rights
from sync.views.orders import profile_with_orders

LISTED = 60
ROWS_PER_PAGE = 50
LONGEST = 366


@require_member
@require_GET
def certificate_list(request: HttpRequest, profile_id: int) -> HttpResponse:
    """The certificates of a profile, newest first."""
    profile = profile_with_orders(request, profile_id)
    made = Certificate.objects.filter(profile=profile).select_related("started_by").defer("rows")[:LISTED]
    context = {**rights(request), "profile": profile, "certificates": made, "days": making.NIGHT_DAYS, "most": LONGEST}
    return render(request, "sync/certificate_list.html", context)


@require_role(Role.OPERATOR)
@require_POST
def certificate_make(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Begins a certificate over the last ``jours`` days; one that is under way is shown instead."""
    profile = profile_with_orders(request, profile_id)
    live = Certificate.objects.filter(profile=profile, state=CertificateState.RUNNING).defer("rows").first()
    if live is not None:
        messages.info(request, _("Un certificat est déjà en cours : le voici."))
        return redirect("sync:certificate", profile_id=profile.pk, certificate_id=live.pk)
    days = min(LONGEST, max(1, key_of(request.POST.get("jours")) or making.NIGHT_DAYS))
    begun = making.certificate_begin(profile, *making.last_days(profile, days), by=current_user(request))
    certificate_later(begun.pk)
    return redirect("sync:certificate", profile_id=profile.pk, certificate_id=begun.pk)


@require_member
@require_GET
def certificate(request: HttpRequest, profile_id: int, certificate_id: int) -> HttpResponse:
    """One certificate: counts, and its orders of one verdict (``voir``)."""
    profile = profile_with_orders(request, profile_id)
    found = _certificate(request, profile, certificate_id)
    shown = request.GET.get("voir", "")
    if shown not in [*Verdict, "toutes"]:
        shown = "" if found.open_count else "toutes"
    rows = [row for row in found.rows if _is_shown(row["verdict"], shown)]
    page = Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page"))
    context = {**rights(request), "profile": profile, "certificate": found, "page": page, "shown": shown}
    return render(request, "sync/certificate.html", context)


def _is_shown(verdict: str, shown: str) -> bool:
    if not shown:
        return verdict != Verdict.EQUAL
    return shown in ("toutes", verdict)


@require_member
@require_GET
def certificate_csv(request: HttpRequest, profile_id: int, certificate_id: int) -> HttpResponse:
    """The certificate as a file for a spreadsheet."""
    profile = profile_with_orders(request, profile_id)
    found = _certificate(request, profile, certificate_id)
    name = f"certificat-{found.since:%Y%m%d}-{found.until:%Y%m%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(making.csv_text(found), content_type="text/csv; charset=utf-8", headers=headers)


def _certificate(request: HttpRequest, profile: Profile, certificate_id: int) -> Certificate:
    rows = Certificate.objects.filter(profile=profile).select_related("started_by")
    return get_for_tenant(request, rows, pk=certificate_id)
