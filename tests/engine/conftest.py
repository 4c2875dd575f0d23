"""A profile between two in-memory systems, with units to spend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from billing import ledger
from connectors import registry
from connectors.testing import fakes
from profiles.models import MatchState, Profile, Tenant
from profiles.services import profile_create
from sync import services
from sync.engine import lease
from sync.engine.runner import Budget, SliceResult, StopFlag, execute_slice
from sync.models import Run, RunState
from tests.factories import make_tenant

TAX_MAP = {"products": {"tax_map": {"TVA20": "standard"}}, "categories": {"source": "catalogue"}}


@pytest.fixture(autouse=True)
def fake_connectors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only the in-memory connectors are installed."""
    specs = {spec.key: spec for spec in (fakes.ERP_SPEC, fakes.SHOP_SPEC)}
    monkeypatch.setattr(registry, "all_specs", lambda: specs)
    fakes.reset()
    yield
    fakes.reset()


@dataclass
class Bench:
    """A profile with its world, and shorthands for what tests do all the time."""

    profile: Profile
    world: fakes.World

    @property
    def tenant(self) -> Tenant:
        return self.profile.tenant

    def run(self, flow: str = "products", **kwargs: Any) -> Run:
        """Asks for a run and executes it to its end in this process; the closing equation always holds."""
        request = services.run_request(profile=self.profile, flow=flow, **kwargs)
        run = self.finish(request.run)
        assert run.read == run.accounted, f"{run.read} read, {run.accounted} accounted for"
        return run

    def finish(self, run: Run, *, budget: Callable[[], Budget] = Budget) -> Run:
        """Executes slices until the run is finished."""
        while True:
            run.refresh_from_db()
            if run.state == RunState.FINISHED:
                return run
            self.slice(run, budget=budget())

    def slice(self, run: Run, *, budget: Budget | None = None) -> SliceResult:
        """Claims and executes one slice now, whatever its due time."""
        held = lease.claim(run.pk, owner="test")
        assert held is not None
        return execute_slice(held, budget=budget or Budget(), stop=StopFlag(held))

    def units(self, kind: str = "export") -> ledger.Balance:
        return ledger.balance(tenant_id=self.tenant.pk, kind=kind)


@pytest.fixture
def bench(db: None) -> Bench:
    """An approved profile with 10,000 export units."""
    tenant = make_tenant()
    ledger.credit(tenant_id=tenant.pk, kind="export", units=10_000, key=f"seed:{tenant.pk}", note="", actor="test")
    profile = profile_create(
        tenant=tenant, name="Essai", erp="fake_erp", shop="fake_shop", document={**TAX_MAP, "erp": {}, "shop": {}}
    )
    Profile.objects.filter(pk=profile.pk).update(match_state=MatchState.APPROVED)
    profile.refresh_from_db()
    return Bench(profile, fakes.world())
