"""A tenant with its owner, and short ways to the ledger."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from billing import ledger
from billing.models import LedgerEntry
from profiles.models import Tenant, User
from profiles.team import tenant_create


@pytest.fixture
def owner(db: None) -> User:
    """Alice, who owns the tenant."""
    return User.objects.create_user("alice@example.test", "secret-of-alice", full_name="Alice Martin")


@pytest.fixture
def tenant(owner: User) -> Tenant:
    """A company without any unit."""
    return tenant_create(name="Maison Dupont", owner=owner)


@pytest.fixture
def stranger(db: None) -> User:
    """Charlie, who owns another tenant."""
    user = User.objects.create_user("charlie@example.test", "secret-of-charlie")
    tenant_create(name="Ailleurs SARL", owner=user)
    return user


@pytest.fixture
def buy(db: None) -> Callable[..., LedgerEntry]:
    """Book units as the host does."""

    def book(tenant: Tenant, units: int, *, kind: str = "export", key: str = "invoice-1") -> LedgerEntry:
        return ledger.credit(tenant_id=tenant.pk, kind=kind, units=units, key=key, note="Facture 1", actor="host")

    return book
