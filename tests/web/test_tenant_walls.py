"""Every address of our applications is public on purpose, or closed to people not signed in and to strangers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from profiles.models import Role, Tenant
from tests.factories import (
    URL_CONSTANTS,
    URL_OBJECTS,
    make_entry,
    make_invitation,
    make_profile,
    make_run,
    make_user,
    url_constant,
)
from tests.web.conftest import SECRET_MARK, Cast

OUR_SPACES = ("profiles", "sync", "billing", "scheduler")
# Views that may answer a person not signed in, each with the reason.
PUBLIC = {
    "profiles:language": "changes the language of the sign-in page; stores nothing of a tenant",
    "profiles:invitation": "opened from an e-mail; the signed token is the key",
    "sync:hook": "called by shops; the signature of the message is the key, and the answer says nothing",
}
url_constant("profiles:invitation/token", "not-a-token")
url_constant("sync:hook/token", "not-a-token")


@dataclass(frozen=True)
class Address:
    """A named URL pattern and its arguments."""

    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def _walk(resolver: URLResolver, space: str = "", above: tuple[str, ...] = ()) -> Iterator[Address]:
    for entry in resolver.url_patterns:
        arguments = above + tuple(entry.pattern.converters)
        if isinstance(entry, URLPattern):
            if space in OUR_SPACES:
                assert entry.name, f"{space}: {entry.pattern} has no name"
                yield Address(f"{space}:{entry.name}", arguments)
        else:
            yield from _walk(entry, entry.namespace or space, arguments)


ADDRESSES = sorted(set(_walk(get_resolver())), key=str)
WITH_OBJECTS = [address for address in ADDRESSES if address.arguments and address.name not in PUBLIC]
WITHOUT_OBJECTS = [address for address in ADDRESSES if not address.arguments and address.name not in PUBLIC]


def _constant(address: Address, argument: str) -> Any:
    return URL_CONSTANTS.get(f"{address.name}/{argument}", URL_CONSTANTS.get(argument))


def _value(address: Address, argument: str, tenant: Tenant) -> Any:
    constant = _constant(address, argument)
    if constant is not None:
        return constant
    make = URL_OBJECTS.get(f"{address.name}/{argument}") or URL_OBJECTS.get(argument)
    assert make, f"{address}: register how to make <{argument}> in tests/factories.py (url_object or url_constant)"
    return make(tenant)


def _foreign_combinations(address: Address, cast: Cast) -> Iterator[dict[str, Any]]:
    """All arguments of the other tenant, then each alone among the stranger's own."""
    foreign = {argument: _value(address, argument, cast.tenant) for argument in address.arguments}
    yield foreign
    owned = [argument for argument in address.arguments if _constant(address, argument) is None]
    if len(owned) > 1:
        own = {argument: _value(address, argument, cast.other) for argument in address.arguments}
        for argument in owned:
            yield {**own, argument: foreign[argument]}


def _answers(client: Client, url: str) -> dict[str, int]:
    return {"GET": client.get(url).status_code, "POST": client.post(url, {}).status_code}


def test_the_walk_finds_our_addresses() -> None:
    names = {address.name for address in ADDRESSES}
    assert {"profiles:team", "profiles:account", "profiles:tenant_switch"} <= names
    assert set(PUBLIC) <= names, "PUBLIC names an address that no longer exists"


@pytest.mark.covers("ACC-04")
@pytest.mark.parametrize("address", WITH_OBJECTS, ids=str)
def test_stranger_gets_404_for_objects_of_another_tenant(address: Address, cast: Cast) -> None:
    owned = [argument for argument in address.arguments if _constant(address, argument) is None]
    if not owned:
        answers = _answers(cast.charlie.client, reverse(address.name, kwargs=_constants(address)))
        assert 500 not in answers.values()
        return
    for kwargs in _foreign_combinations(address, cast):
        answers = _answers(cast.charlie.client, reverse(address.name, kwargs=kwargs))
        assert set(answers.values()) <= {404, 405}, f"{address} {kwargs}: {answers}"
        assert 404 in answers.values(), f"{address} {kwargs}: no method answered 404"


def _constants(address: Address) -> dict[str, Any]:
    return {argument: _constant(address, argument) for argument in address.arguments}


@pytest.mark.covers("ACC-04", "ACC-01")
@pytest.mark.parametrize("address", [*WITH_OBJECTS, *WITHOUT_OBJECTS], ids=str)
def test_person_not_signed_in_gets_nothing(address: Address, cast: Cast) -> None:
    kwargs = {argument: _value(address, argument, cast.tenant) for argument in address.arguments}
    url = reverse(address.name, kwargs=kwargs)
    for method, response in (("get", Client().get(url)), ("post", Client().post(url, {}))):
        assert response.status_code in {302, 401, 403, 405}, f"{address} {method}: {response.status_code}"
        if response.status_code == 302:
            assert response.headers["Location"].startswith(reverse("account_login"))


@pytest.mark.covers("ACC-04")
@pytest.mark.parametrize("address", WITHOUT_OBJECTS, ids=str)
def test_stranger_sees_nothing_of_another_tenant_on_common_pages(address: Address, cast: Cast) -> None:
    profile = make_profile(
        tenant=cast.tenant, name=f"Profil {SECRET_MARK}", problem_code="x", problem_sentence=SECRET_MARK
    )
    make_entry(
        run=make_run(profile=profile, message=SECRET_MARK), label=SECRET_MARK, outcome="refused", text=SECRET_MARK
    )
    make_invitation(tenant=cast.tenant, email=f"dany@{SECRET_MARK.lower()}.test")
    response = cast.charlie.client.get(reverse(address.name))
    assert response.status_code in {200, 302, 404, 405}, f"{address}: {response.status_code}"
    body = response.getvalue().decode().lower() if response.streaming is False else ""
    assert SECRET_MARK.lower() not in body


@pytest.mark.covers("ACC-04")
def test_member_of_two_tenants_sees_only_the_current_one(cast: Cast) -> None:
    """An integrator too must switch first: the address of the other tenant's object is not enough."""
    both = make_user(tenant=cast.other, role=Role.OWNER)
    both.memberships.create(tenant=cast.tenant, role=Role.OWNER)
    profile = make_profile(tenant=cast.tenant)
    client = Client()
    client.force_login(both, backend="allauth.account.auth_backends.AuthenticationBackend")
    url = reverse("profiles:profile_switch", args=[profile.pk])
    assert client.post(url).status_code == 404
    client.post(reverse("profiles:tenant_switch", args=[cast.tenant.pk]))
    assert client.post(url).status_code == 302
