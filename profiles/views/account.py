"""Pages of the signed-in person: own account, language, current tenant, invitations; and the style guide."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from profiles.access import current_user, get_for_tenant, request_access, require_member, require_sign_in
from profiles.context import profile_remember
from profiles.forms.account import AccountForm, InvitedSignupForm
from profiles.models import Invitation, Language, Profile, User
from profiles.team import InvitationRefused, invitation_accept

LANGUAGE_COOKIE_SECONDS = 365 * 24 * 3600


def next_address(request: HttpRequest, default: str) -> str:
    """Return the address in `next` when it stays on this site, else `default`."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and safe else default


@require_sign_in
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """«Mon compte»: name, language, links to address and password, the companies one belongs to."""
    user = current_user(request)
    form = AccountForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        form.save()
        translation.activate(user.language)
        messages.success(request, _("Votre compte est à jour."))
        return _with_language(redirect("profiles:account"), user.language)
    user.refresh_from_db()
    return render(request, "profiles/account.html", {"form": form, "access": request_access(request)})


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Switch the language of the interface; remembered by the account, or by a cookie for people not signed in."""
    code = request.POST.get("language", "")
    if code not in Language.values:
        raise Http404
    if isinstance(request.user, User):
        User.objects.filter(pk=request.user.pk).update(language=code)
    return _with_language(redirect(next_address(request, "/")), code)


def _with_language(response: HttpResponse, code: str) -> HttpResponse:
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=LANGUAGE_COOKIE_SECONDS,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )
    return response


@require_member
@require_POST
def profile_switch(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Make a profile the current one of this session, then go where the switcher says."""
    profile = get_for_tenant(request, Profile, pk=profile_id)
    profile_remember(request, profile.pk)
    return redirect(next_address(request, "/"))


@require_sign_in
def no_tenant(request: HttpRequest) -> HttpResponse:
    """Explain to a person without any company how to get one."""
    if request_access(request) is not None:
        return redirect("/")
    return render(request, "profiles/no_tenant.html")


@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link of an invitation: accept it, or first create an account or sign in."""
    found = Invitation.from_token(token)
    if found is None or not found.is_open:
        return render(request, "profiles/invitation_ended.html", {"invitation": found}, status=410)
    if isinstance(request.user, User):
        return _invitation_of_user(request, found, request.user)
    if User.objects.filter(email=found.email).exists():
        return render(request, "profiles/invitation.html", {"invitation": found, "known": True})
    return _invitation_sign_up(request, found)


def _invitation_of_user(request: HttpRequest, found: Invitation, user: User) -> HttpResponse:
    other = user.email != found.email
    if request.method != "POST" or other:
        return render(request, "profiles/invitation.html", {"invitation": found, "other_account": other})
    try:
        invitation_accept(invitation=found, user=user)
    except InvitationRefused as error:
        messages.error(request, str(error))
        return redirect("/")
    return _welcome(request, found)


def _invitation_sign_up(request: HttpRequest, found: Invitation) -> HttpResponse:
    form = InvitedSignupForm(request.POST or None, email=found.email)
    if request.method != "POST" or not form.is_valid():
        return render(request, "profiles/invitation.html", {"invitation": found, "form": form})
    with transaction.atomic():
        user = User.objects.create_user(
            found.email,
            form.cleaned_data["password1"],
            full_name=form.cleaned_data["full_name"],
            language=translation.get_language() or settings.LANGUAGE_CODE,
        )
        # The link came by e-mail, so whoever opened it reads that address.
        EmailAddress.objects.create(user=user, email=found.email, primary=True, verified=True)
        invitation_accept(invitation=found, user=user)
    login(request, user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return _welcome(request, found)


def _welcome(request: HttpRequest, found: Invitation) -> HttpResponse:
    request.session.pop("tenant_id", None)
    messages.success(request, _("Bienvenue dans l’équipe de %(tenant)s.") % {"tenant": found.tenant.name})
    return redirect("/")
