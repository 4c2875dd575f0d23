"""The cast: Alice owns tenant A, Bob is an operator there, Charlie owns tenant C and is a stranger to A."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.test import Client

from billing import ledger
from connectors import registry
from connectors.testing import fakes
from profiles.models import Profile, Role, Tenant, User
from tests.factories import make_profile, make_tenant, make_user

SECRET_MARK = "Zibeline"  # in every name of tenant A: a page of a stranger that shows it leaks


@dataclass(frozen=True)
class Person:
    """A user and their signed-in browser."""

    user: User
    client: Client


@dataclass(frozen=True)
class Cast:
    """See the module."""

    tenant: Tenant
    other: Tenant
    alice: Person
    bob: Person
    charlie: Person


def _person(email: str, tenant: Tenant, role: Role) -> Person:
    user = make_user(email=email, tenant=tenant, role=role, full_name=email.split("@")[0].title())
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return Person(user, client)


@pytest.fixture
def cast(db: None) -> Cast:
    """Two tenants and three people."""
    tenant = make_tenant(name=f"Maison {SECRET_MARK}")
    other = make_tenant(name="Atelier Charlie")
    return Cast(
        tenant,
        other,
        _person(f"alice@{SECRET_MARK.lower()}.test", tenant, Role.OWNER),
        _person(f"bob@{SECRET_MARK.lower()}.test", tenant, Role.OPERATOR),
        _person("charlie@atelier.test", other, Role.OWNER),
    )


@pytest.fixture
def fake_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[fakes.World]:
    """An ERP and a shop in memory, registered as ``fake_erp`` and ``fake_shop`` beside the real connectors."""
    specs = {**registry.all_specs(), "fake_erp": fakes.ERP_SPEC, "fake_shop": fakes.SHOP_SPEC}
    monkeypatch.setattr(registry, "all_specs", lambda: specs)
    fakes.reset()
    yield fakes.world()
    fakes.reset()


@pytest.fixture
def fake_profile(cast: Cast, fake_world: fakes.World) -> Profile:
    """A profile of Alice's tenant between the two, with units and nothing left to configure."""
    ledger.credit(tenant_id=cast.tenant.pk, kind="export", units=5000, key=f"t{cast.tenant.pk}", note="", actor="test")
    return make_profile(tenant=cast.tenant, name="Boutique en mémoire", erp="fake_erp", shop="fake_shop")
