"""Objects for tests, and the registry that lets the tenant walls test build one for every address.

`make_*` create one object with sensible defaults; every argument is a keyword. Engineers who add an address with a new
argument (`<int:run_id>`) register here how to make such an object inside a given tenant:

    @url_object("run_id")
    def _run(tenant: Tenant) -> int:
        return make_run(profile=make_profile(tenant=tenant)).pk

A value that belongs to no tenant (the key of a flow) is registered with `url_constant("flow", "products")`. A
name may be qualified by the view: `url_object("sync:run", "pk")`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date, time
from typing import Any

from allauth.account.models import EmailAddress

from profiles.models import Invitation, Membership, OptionsRevision, Profile, Role, Tenant, User
from scheduler.models import Schedule
from sync.models import Certificate, JournalEntry, Run

PASSWORD = "correct-horse-battery"
_numbers = itertools.count(1)

UrlObject = Callable[[Tenant], Any]
URL_OBJECTS: dict[str, UrlObject] = {}
URL_CONSTANTS: dict[str, Any] = {}


def url_object(*names: str) -> Callable[[UrlObject], UrlObject]:
    """Register how to make the object behind an address argument: `(argument)` or `(view name, argument)`."""

    def register(make: UrlObject) -> UrlObject:
        URL_OBJECTS["/".join(names)] = make
        return make

    return register


def url_constant(name: str, value: Any) -> None:
    """Register an address argument that names nothing of a tenant."""
    URL_CONSTANTS[name] = value


def make_tenant(*, name: str = "", **fields: Any) -> Tenant:
    """A tenant without members."""
    return Tenant.objects.create(name=name or f"Entreprise {next(_numbers)}", **fields)


def make_user(*, email: str = "", tenant: Tenant | None = None, role: Role = Role.OWNER, **fields: Any) -> User:
    """A user with a confirmed address and the password `PASSWORD`; with `tenant`, a member of it."""
    number = next(_numbers)
    user = User.objects.create_user(
        email or f"user{number}@example.test", PASSWORD, full_name=fields.pop("full_name", f"User {number}"), **fields
    )
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    if tenant is not None:
        make_member(user=user, tenant=tenant, role=role)
    return user


def make_member(*, user: User, tenant: Tenant, role: Role = Role.READER) -> Membership:
    """A membership; the tenant becomes the user's current one when there was none."""
    membership = Membership.objects.create(user=user, tenant=tenant, role=role)
    if user.current_tenant_id is None:
        user.current_tenant = tenant
        user.save(update_fields=["current_tenant"])
    return membership


def make_invitation(*, tenant: Tenant, email: str = "", role: Role = Role.READER, **fields: Any) -> Invitation:
    """An open invitation."""
    return Invitation.objects.create(
        tenant=tenant, email=email or f"invited{next(_numbers)}@example.test", role=role, **fields
    )


def make_profile(*, tenant: Tenant, name: str = "", **fields: Any) -> Profile:
    """A Sage 100 to WooCommerce profile without settings."""
    values = {"erp": "sage100", "shop": "woocommerce", "features": ["products"], **fields}
    return Profile.objects.create(tenant=tenant, name=name or f"Profil {next(_numbers)}", **values)


def make_run(*, profile: Profile, **fields: Any) -> Run:
    """A finished, successful run of «Exporter les articles»."""
    values = {"flow": "products", "lock": "products", "state": "finished", "result": "success", **fields}
    return Run.objects.create(tenant=profile.tenant, profile=profile, **values)


def make_entry(*, run: Run, **fields: Any) -> JournalEntry:
    """A journal line of one created article."""
    values = {"entity": "product", "item_key": "REF-1", "outcome": "created", "text": "Créé dans la boutique", **fields}
    return JournalEntry.objects.create(run=run, profile_id=run.profile_id, **values)


def make_schedule(*, profile: Profile, **fields: Any) -> Schedule:
    """A task that exports articles every day at 8 o'clock, not planned yet."""
    values = {"flow": "products", "starts_on": date(2026, 1, 5), "starts_time": time(8, 0), **fields}
    return Schedule.objects.create(profile=profile, **values)


@url_object("tenant_id")
def _tenant_id(tenant: Tenant) -> int:
    return tenant.pk


@url_object("profile_id")
def _profile_id(tenant: Tenant) -> int:
    return make_profile(tenant=tenant).pk


@url_object("invitation_id")
def _invitation_id(tenant: Tenant) -> int:
    return make_invitation(tenant=tenant).pk


@url_object("membership_id")
def _membership_id(tenant: Tenant) -> int:
    return make_member(user=make_user(), tenant=tenant).pk


@url_object("revision_id")
def _revision_id(tenant: Tenant) -> int:
    return OptionsRevision.objects.create(profile=make_profile(tenant=tenant)).pk


@url_object("run_id")
def _run_id(tenant: Tenant) -> int:
    return make_run(profile=make_profile(tenant=tenant)).pk


@url_object("entry_id")
def _entry_id(tenant: Tenant) -> int:
    return make_entry(run=make_run(profile=make_profile(tenant=tenant))).pk


@url_object("schedule_id")
def _schedule_id(tenant: Tenant) -> int:
    return make_schedule(profile=make_profile(tenant=tenant)).pk


@url_object("certificate_id")
def _certificate_id(tenant: Tenant) -> int:
    day = date(2026, 1, 5)
    return Certificate.objects.create(profile=make_profile(tenant=tenant), since=day, until=day).pk


url_constant("flow", "products")
url_constant("entity", "product")
url_constant("key", "REF-1")
url_constant("section", "products")
url_constant("side", "erp")
