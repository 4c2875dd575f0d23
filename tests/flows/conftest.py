"""A profile between the two real connectors and their stand-ins: Sage 100 over ODBC, WooCommerce over a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from billing import ledger
from connectors.canonical.keys import Side
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox, serve_woocommerce
from profiles import catalogs
from profiles.models import MatchState, Profile, Tenant
from profiles.options_store import Document
from profiles.services import profile_create
from sync import services
from sync.engine import lease
from sync.engine.runner import Budget, StopFlag, execute_slice
from sync.models import Run, RunState
from tests.factories import make_tenant
from tests.flows import shop_carts

TAX_MAP = {
    "C20": "standard",
    "D20": "standard",
    "C10": "taux-intermediaire",
    "C055": "reduced-rate",
    "C021": "taux-super-reduit",
    "C00": "zero-rate",
    "C085": "reduced-rate",
    "C0105": "taux-super-reduit",
}


@dataclass
class Story:
    """A profile, both stand-ins, and shorthands."""

    profile: Profile
    erp: Sage100Sandbox
    shop: WooCommerceSandbox

    @property
    def tenant(self) -> Tenant:
        return self.profile.tenant

    def run(self, flow: str = "products", **kwargs: Any) -> Run:
        """Executes a run to its end in this process; the closing equation always holds."""
        return self.finish(services.run_request(profile=self.profile, flow=flow, **kwargs).run)

    def finish(self, run: Run) -> Run:
        """Executes slices until the run is finished."""
        while run.state != RunState.FINISHED:
            held = lease.claim(run.pk, owner="test")
            assert held is not None
            execute_slice(held, budget=Budget(), stop=StopFlag(held))
            run.refresh_from_db()
        assert run.read == run.accounted, f"{run.read} read, {run.accounted} accounted for"
        return run

    def units(self) -> ledger.Balance:
        return ledger.balance(tenant_id=self.tenant.pk, kind="export")

    def rest(self, route: str, body: Any = None, *, method: str = "") -> Any:
        """An object as the shop's own API shows it, or changed by its manager; not through the product's code."""
        return shop_carts.rest(self.shop, route, body, method=method)

    def product(self, sku: str) -> dict[str, Any]:
        """The one product of the shop with this SKU, as its database holds it."""
        found = self.shop.app.inspect({"sku": sku})["products"]
        assert len(found) == 1, f"{sku}: {len(found)} products"
        return dict(found[0])


class ShopAccess(Protocol):
    """What a profile must know of a shop, wherever it runs."""

    url: str
    consumer_key: str
    consumer_secret: str


def profile_for(
    erp: str, shop: ShopAccess, /, *, approved: bool = False, tenant: Tenant | None = None, **options: dict[str, Any]
) -> Profile:
    """A profile of a tenant with units, whose reference lists were read. ``erp`` is an ODBC connection string."""
    tenant = tenant or make_tenant()
    ledger.credit(tenant_id=tenant.pk, kind="export", units=100_000, key=f"seed:{tenant.pk}", note="", actor="test")
    document: Document = {
        "erp": {"kind": "connection_string", "connection_string": erp},
        "shop": {"url": shop.url, "consumer_key": shop.consumer_key, "consumer_secret": shop.consumer_secret},
        "products": {"tax_map": TAX_MAP, "published_only": True},
        "prices": {"price_category": "1", "accounting_category": "1"},
    }
    for section, values in options.items():
        document[section] = {**document.get(section, {}), **values}
    profile = profile_create(tenant=tenant, name="Boutique", erp="sage100", shop="woocommerce", document=document)
    for side in Side:
        assert not catalogs.refresh(profile, side).problems
    if approved:
        Profile.objects.filter(pk=profile.pk).update(match_state=MatchState.APPROVED)
        profile.refresh_from_db()
    return profile


def make_story(erp: Sage100Sandbox, shop: WooCommerceSandbox, /, **options: dict[str, Any]) -> Story:
    """A story between two stand-ins of this process."""
    return Story(profile_for(erp.odbc_connection_string(), shop, **options), erp, shop)


@pytest.fixture
def shop() -> Iterator[WooCommerceSandbox]:
    """An empty French WooCommerce shop."""
    with serve_woocommerce() as running:
        yield running


@pytest.fixture
def erp(tmp_path: Path) -> Sage100Sandbox:
    """The demo merchant's Sage 100 company in a file read through ODBC."""
    return build(tmp_path / "sage.db", merchant="demo")


@pytest.fixture
def story(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox) -> Story:
    """The demo merchant and an empty shop."""
    return make_story(erp, shop)


@pytest.fixture
def generated(db: None, tmp_path: Path, shop: WooCommerceSandbox) -> Callable[..., Story]:
    """Makes a story with a generated catalogue of any size."""

    def make(items: int, *, variants_share: float = 0.0, **options: dict[str, Any]) -> Story:
        erp = build(tmp_path / "generated.db", merchant="generated", items=items, variants_share=variants_share)
        return make_story(erp, shop, **options)

    return make


@pytest.fixture
def small(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox) -> Callable[..., Story]:
    """Makes a story that exports only the named articles of the demo merchant, every flow alike."""

    def make(*references: str, **options: dict[str, Any]) -> Story:
        condition = f"AR_Ref IN ({', '.join(repr(one) for one in references)})"
        filters: dict[str, dict[str, Any]] = {
            name: {"expression": condition} for name in ("products", "stock", "prices")
        }
        for section, values in options.items():
            filters[section] = {**filters.get(section, {}), **values}
        return make_story(erp, shop, **filters)

    return make
