"""Pages of a tenant: its settings, its team, creating another one and switching."""

from __future__ import annotations

import logging

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from profiles import retention
from profiles.access import (
    current_tenant,
    current_user,
    get_for_tenant,
    require_access,
    require_role,
    require_sign_in,
    tenant_select,
)
from profiles.forms.account import InvitationForm, RoleForm, TenantForm, TenantSettingsForm
from profiles.models import Invitation, Membership, Role
from profiles.team import (
    TeamError,
    invitation_create,
    invitation_renew,
    invitation_send,
    member_remove,
    member_role_change,
    tenant_create,
)
from profiles.views.account import next_address

log = logging.getLogger(__name__)


@require_role(Role.OWNER)
@require_http_methods(["GET", "POST"])
def tenant(request: HttpRequest) -> HttpResponse:
    """«Entreprise»: name, time zone, language of e-mails, how long journals are kept."""
    found = current_tenant(request)
    form = TenantSettingsForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Les réglages de l’entreprise sont enregistrés."))
        return redirect("profiles:tenant")
    found.refresh_from_db()
    kept = {
        "journal": retention.journal_days(found),
        "previews": retention.PREVIEW_AGE.days,
        "notices": retention.NOTICE_AGE.days,
        "events": retention.EVENT_AGE.days,
    }
    return render(request, "profiles/tenant.html", {"form": form, "kept": kept})


@require_sign_in
@require_http_methods(["GET", "POST"])
def tenant_new(request: HttpRequest) -> HttpResponse:
    """Create a further company owned by the signed-in person (an integrator serves several)."""
    form = TenantForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        draft = form.save(commit=False)
        made = tenant_create(name=draft.name, owner=current_user(request), language=draft.language)
        made.time_zone = draft.time_zone
        made.save(update_fields=["time_zone"])
        request.session.pop("tenant_id", None)
        messages.success(request, _("L’entreprise « %(tenant)s » est créée.") % {"tenant": made.name})
        return redirect("/")
    return render(request, "profiles/tenant_new.html", {"form": form})


@require_sign_in
@require_POST
def tenant_switch(request: HttpRequest, tenant_id: int) -> HttpResponse:
    """Make another of one's companies the current one."""
    chosen = tenant_select(request, tenant_id)
    messages.info(request, _("Vous travaillez maintenant dans « %(tenant)s ».") % {"tenant": chosen.name})
    return redirect("/")


@require_role(Role.OWNER)
@require_GET
def team(request: HttpRequest) -> HttpResponse:
    """«Équipe»: members, roles, pending invitations."""
    return _team_page(request, InvitationForm())


def _team_page(request: HttpRequest, form: InvitationForm, status: int = 200) -> HttpResponse:
    found = current_tenant(request)
    members = list(Membership.objects.for_tenant(found).select_related("user").order_by("user__full_name", "pk"))
    context = {
        "members": members,
        "owners": sum(member.role == Role.OWNER for member in members),
        "invitations": Invitation.objects.for_tenant(found).filter(accepted_at=None),
        "form": form,
        "roles": list(Role),
        "me": require_access(request).membership,
    }
    return render(request, "profiles/team.html", context, status=status)


@require_role(Role.OWNER)
@require_POST
def team_invite(request: HttpRequest) -> HttpResponse:
    """Invite an address; an invitation that is already open is renewed and sent again."""
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _team_page(request, form, status=422)
    try:
        invitation = invitation_create(
            tenant=current_tenant(request),
            email=form.cleaned_data["email"],
            role=Role(form.cleaned_data["role"]),
            by=current_user(request),
        )
    except TeamError as error:
        form.add_error("email", str(error))
        return _team_page(request, form, status=422)
    _send(request, invitation)
    return redirect("profiles:team")


def _send(request: HttpRequest, invitation: Invitation) -> None:
    try:
        invitation_send(invitation=invitation)
    except OSError:
        log.exception("invitation %s could not be sent", invitation.pk)
        messages.error(
            request,
            _("L’invitation est enregistrée, mais l’e-mail n’a pas pu partir. Réessayez avec « Renvoyer »."),
        )
        return
    messages.success(request, _("Invitation envoyée à %(email)s.") % {"email": invitation.email})


@require_role(Role.OWNER)
@require_POST
def invitation_resend(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """Send an invitation again; the earlier link ends."""
    invitation = get_for_tenant(request, Invitation, pk=invitation_id, accepted_at=None)
    invitation_renew(invitation=invitation)
    _send(request, invitation)
    return redirect("profiles:team")


@require_role(Role.OWNER)
@require_POST
def invitation_cancel(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """Cancel an invitation; its link ends."""
    get_for_tenant(request, Invitation, pk=invitation_id, accepted_at=None).delete()
    messages.success(request, _("L’invitation est annulée."))
    return redirect("profiles:team")


@require_role(Role.OWNER)
@require_POST
def member_role(request: HttpRequest, membership_id: int) -> HttpResponse:
    """Give a member another role."""
    membership = get_for_tenant(request, Membership, pk=membership_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choisissez un rôle de la liste."))
        return redirect("profiles:team")
    try:
        member_role_change(membership=membership, role=Role(form.cleaned_data["role"]))
    except TeamError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Le rôle est modifié."))
    return redirect("profiles:team")


@require_role(Role.OWNER)
@require_POST
def member_leave(request: HttpRequest, membership_id: int) -> HttpResponse:
    """Remove a member from the company."""
    membership = get_for_tenant(request, Membership, pk=membership_id)
    try:
        member_remove(membership=membership)
    except TeamError as error:
        messages.error(request, str(error))
        return redirect("profiles:team")
    if membership.user_id == request.user.pk:
        messages.info(request, _("Vous avez quitté l’entreprise."))
        return redirect(next_address(request, "/"))
    messages.success(request, _("La personne ne fait plus partie de l’équipe."))
    return redirect("profiles:team")
