"""Who may see and do what: the tenant of a request, roles, and look-ups that never leave the tenant.

Rules for every view (the architecture test `tests/web/test_tenant_walls.py` walks all URLs and holds them):

* the tenant is never part of an address: it comes from the session, see `current_tenant`;
* an object is fetched by `get_for_tenant` (or a `for_tenant` query set); an object of another tenant answers 404,
  exactly like one that does not exist;
* a member whose role is too low gets a 403 page that names the role needed; a person not signed in goes to the
  sign-in page and comes back afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _

from profiles.models import Membership, Role, Tenant, User, tenant_path

SESSION_TENANT = "tenant_id"
SESSION_PROFILE = "profile_id"
_CACHE = "_atoosync_access"

M = TypeVar("M", bound=models.Model)
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


class RoleTooLow(PermissionDenied):
    """The member's role does not allow this; carries the role that would."""

    def __init__(self, needed: Role) -> None:
        super().__init__(_("Cette action demande le rôle « %(role)s ».") % {"role": needed.label})
        self.needed = needed


@dataclass(frozen=True, slots=True)
class Access:
    """A signed-in user inside one tenant, and the other tenants they may switch to."""

    user: User
    membership: Membership
    memberships: tuple[Membership, ...]

    @property
    def tenant(self) -> Tenant:
        """The current tenant."""
        return self.membership.tenant

    @property
    def role(self) -> Role:
        """The user's role in the current tenant."""
        return self.membership.role_enum

    def may(self, role: Role) -> bool:
        """Tell whether the user may do what `role` allows."""
        return self.role.includes(role)


def request_access(request: HttpRequest) -> Access | None:
    """Return the access of a request; None for a person not signed in or without any tenant.

    The tenant is the one chosen in this session, else the user's last one, else the first one. Memberships are read
    once per request, so a removed member loses access with the very next request.
    """
    cached: tuple[int | None, Access | None] | None = getattr(request, _CACHE, None)
    user_id = request.user.pk
    if cached is None or cached[0] != user_id:
        cached = (user_id, _find_access(request))
        setattr(request, _CACHE, cached)
    return cached[1]


def _find_access(request: HttpRequest) -> Access | None:
    user = request.user
    if not isinstance(user, User):
        return None
    memberships = tuple(Membership.objects.filter(user=user).select_related("tenant").order_by("tenant__name", "pk"))
    by_tenant = {membership.tenant_id: membership for membership in memberships}
    for wanted in (request.session.get(SESSION_TENANT), user.current_tenant_id):
        if wanted in by_tenant:
            return Access(user, by_tenant[wanted], memberships)
    return Access(user, memberships[0], memberships) if memberships else None


def require_access(request: HttpRequest) -> Access:
    """Return the access of a request; raises `PermissionDenied` where there is none (views use the decorators)."""
    access = request_access(request)
    if access is None:
        raise PermissionDenied(_("Votre compte n’appartient à aucune entreprise."))
    return access


def current_tenant(request: HttpRequest) -> Tenant:
    """Return the tenant whose data this request may see; raises `PermissionDenied` where there is none."""
    return require_access(request).tenant


def current_user(request: HttpRequest) -> User:
    """Return the signed-in user; raises `PermissionDenied` for an anonymous request."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def tenant_select(request: HttpRequest, tenant_id: int) -> Tenant:
    """Make a tenant the current one of this session and the user's default; may be called twice.

    Raises `Http404` when the user is not a member of it.
    """
    access = request_access(request)
    for membership in access.memberships if access else ():
        if membership.tenant_id == tenant_id:
            request.session[SESSION_TENANT] = tenant_id
            request.session.pop(SESSION_PROFILE, None)
            User.objects.filter(pk=membership.user_id).update(current_tenant_id=tenant_id)
            delattr(request, _CACHE)
            return membership.tenant
    raise Http404


def get_for_tenant(request: HttpRequest, source: type[M] | models.QuerySet[M], **lookup: Any) -> M:
    """Return the one object that matches `lookup` inside the current tenant.

    `source` is a model or a query set of a model with a path to its tenant (`profiles.models.tenant_path`). Raises
    `Http404` when nothing matches, also when the object exists in another tenant: an address betrays nothing.
    """
    queryset = source if isinstance(source, models.QuerySet) else source._default_manager.all()
    path = tenant_path(queryset.model)
    found = queryset.filter(**{path: current_tenant(request)}, **lookup).first()
    if found is None:
        raise Http404
    return found


def _refusal(request: HttpRequest, needed: Role | None) -> HttpResponse | None:
    """Return the answer for a request that may not go on, or None for one that may."""
    if not request.user.is_authenticated:
        return _to_login(request)
    access = request_access(request)
    if access is None:
        return redirect("profiles:no_tenant")
    if needed is not None and not access.may(needed):
        return forbidden(request, RoleTooLow(needed))
    return None


def _to_login(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request") == "true":
        # A fragment request cannot follow a redirection to a whole page: htmx is told to load it.
        return HttpResponse(status=204, headers={"HX-Redirect": resolve_url("account_login")})
    return redirect_to_login(request.get_full_path())


def forbidden(request: HttpRequest, reason: PermissionDenied) -> HttpResponse:
    """Render the 403 page with its explanation."""
    context = {"reason": str(reason), "needed_role": getattr(reason, "needed", None)}
    return render(request, "errors/403.html", context, status=403)


def require_role(role: Role) -> Callable[[View[P]], View[P]]:
    """Decorate a view: only members of the current tenant whose role includes `role` get in.

    Usage: `@require_role(Role.OPERATOR)` above `def run_start(request, profile_id)`. Put it outermost (first line),
    above `require_POST` and the like, so that a stranger learns nothing from a 405.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            return _refusal(request, role) or view(request, *args, **kwargs)

        return guarded

    return decorate


def require_member(view: View[P]) -> View[P]:
    """Decorate a view that any member of the current tenant may see (same as `require_role(Role.READER)`)."""
    return require_role(Role.READER)(view)


def require_sign_in(view: View[P]) -> View[P]:
    """Decorate a view of the signed-in person that needs no tenant (own account, accepting an invitation)."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_login(request)
        return view(request, *args, **kwargs)

    return guarded


class RoleRequiredMixin:
    """For class-based views: put it first among the bases and set `required_role`.

    `RoleTooLow` raised inside the view (`self.require(role)`) becomes the 403 page with its explanation.
    """

    required_role: Role = Role.READER
    request: HttpRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let members with the role pass; see `require_role`."""
        refusal = _refusal(request, self.required_role)
        if refusal is not None:
            return refusal
        try:
            answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        except RoleTooLow as reason:
            return forbidden(request, reason)
        return answer

    @property
    def tenant(self) -> Tenant:
        """The current tenant."""
        return current_tenant(self.request)

    def require(self, role: Role) -> None:
        """Raise `RoleTooLow` unless the member's role includes `role` (for one method of a view)."""
        if not require_access(self.request).may(role):
            raise RoleTooLow(role)
