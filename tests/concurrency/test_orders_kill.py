"""Orders whose answers get lost, whose workers are killed, and which arrive beside a bulk push (P01, P32, P36)."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing import ledger
from connectors.sandbox.sage100 import Sage100Sandbox, build
from profiles.models import Profile
from sync import services
from sync.models import JournalEntry, Link, Run, RunResult, RunState, SliceState, Trigger
from sync.services import RunRefused
from tests.concurrency.live import Shop, Stack, eventually, running_shop, running_stack
from tests.flows.conftest import profile_for
from tests.flows.test_orders import ORDER_OPTIONS

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.odbc,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]

ARTICLES = ("TENTE2P", "RECHAUD", "MATELAS")
PEOPLE = 10
KILLS = 50


@dataclass
class Orders:
    """A profile that imports orders, and the orders that were placed for it."""

    profile: Profile
    shop: Shop
    erp: Sage100Sandbox
    placed: list[str]
    customers_before: int

    def buy(self, count: int) -> list[str]:
        """Paid orders of ten people."""
        made = []
        for _ in range(count):
            number = len(self.placed)
            who = number % PEOPLE
            buyer = {"email": f"p{who}@example.net", "first_name": "Anne", "last_name": f"Martin {who}"}
            items = [{"sku": ARTICLES[number % len(ARTICLES)], "quantity": 1 + number % 3}]
            asked = {"op": "checkout", "items": items, "payment_method": "card", "billing": buyer}
            made.append(str(self.shop.control("mutate", asked)["id"]))
            self.placed.append(made[-1])
        return made

    def documents(self) -> Counter[str]:
        """How many documents carry each order's number; those the company was born with are high."""
        with self.erp.session(write=False) as session:
            rows = session.all("SELECT DO_NoWeb FROM F_DOCENTETE WHERE DO_NoWeb <> ''")
        return Counter(str(row[0]) for row in rows if int(row[0]) < 90_000)

    def assert_exact(self) -> None:
        """Every order once: document, deposit, mark, link and unit; ten customers for ten people."""
        assert self.documents() == Counter(self.placed)
        for order in self.placed:
            document = self.erp.documents(order)[0]
            held = self.shop.control(f"inspect?order={order}")
            assert document.total_gross == document.deposits == Decimal(held["total"]), order
            assert any(document.piece == str(value) for _, _, value in held["meta"]), f"{order} bears no mark"
        assert _customers(self.erp) - self.customers_before == min(PEOPLE, len(self.placed))
        links = Link.objects.filter(profile=self.profile, entity="order")
        assert set(links.values_list("shop_key", flat=True)) == set(self.placed)
        assert not links.exclude(status="linked").exists()
        assert [(link.shop_key, link.steps) for link in links if not link.steps.keys() >= {"document", "mark"}] == []
        assert ledger.verify(self.profile.tenant_id) == []
        balance = ledger.balance(tenant_id=self.profile.tenant_id, kind="import")
        assert (balance.used, balance.reserved) == (len(self.placed), 0)


def _customers(erp: Sage100Sandbox) -> int:
    with erp.session(write=False) as session:
        return int(session.one("SELECT COUNT(*) FROM F_COMPTET WHERE CT_Type = 0")[0])


def _orders(folder: Path, shop: Shop, **options: dict[str, Any]) -> Orders:
    erp = build(folder / "orders.db", merchant="demo", emulation=True)
    shop.control("seed", {"skus": list(ARTICLES), "price": "12.00", "stock": 100_000})
    profile = profile_for(erp.odbc_connection_string(), shop, approved=True, **{**ORDER_OPTIONS, **options})
    ledger.credit(
        tenant_id=profile.tenant_id, kind="import", units=5000, key=f"imports:{profile.pk}", note="", actor="test"
    )
    return Orders(profile, shop, erp, [], _customers(erp))


def _fresh(run: Run) -> Run:
    run.refresh_from_db()
    return run


def _finished(run: Run, *, seconds: float = 120) -> Run:
    eventually(lambda: _fresh(run).state == RunState.FINISHED, seconds=seconds, what=f"run {run.pk} ends")
    return run


def _kill_at_random(stack: Stack, run: Run, chance: random.Random, *, most: int, longest: float) -> int:
    """Up to ``most`` kills of the worker that executes ``run``; another one takes the place of each victim."""
    kills = fence = 0
    while kills < most:
        while not (_fresh(run).slice_state == SliceState.WORKING and run.fence > fence):
            if run.state == RunState.FINISHED:
                return kills
            time.sleep(0.02)
        fence, owner = run.fence, run.owner
        time.sleep(chance.uniform(0.02, longest))
        if _fresh(run).fence != fence or run.slice_state != SliceState.WORKING:
            continue
        if stack.kill_worker_of(owner):
            kills += 1
            stack.start_worker()
    return kills


def _until_nothing_failed(run: Run, *, rounds: int) -> Sequence[Run]:
    """A person presses «Relancer» until nothing is left to be retried."""
    ran = [_finished(run)]
    for _ in range(rounds):
        try:
            ran.append(_finished(services.items_retry(ran[-1], by=None).run))
        except RunRefused:
            return ran
    raise AssertionError([(one.created, one.updated, one.failed, one.message) for one in ran])


@pytest.mark.covers("ORD-13")
def test_p01_two_hundred_orders_with_lost_answers_and_killed_workers_make_two_hundred_documents(
    tmp_path: Path, free_port: int
) -> None:
    """Three in ten marks are set and their answer dropped; so are three in ten commits of the ERP."""
    with (
        running_shop(latency_ms=5) as shop,
        running_stack(tmp_path / "stack", port=free_port, workers=0) as stack,
    ):
        stack.include = "tests.concurrency.lossy_erp"
        stack.start_worker()
        stack.start_worker()
        orders = _orders(tmp_path, shop, advanced={"refused_limit_percent": 100})
        orders.buy(200)
        lost = {"method": "POST|PUT", "path": "orders", "action": "cut_after", "probability": 0.3, "seed": 7}
        shop.control("faults", lost)
        run = services.run_request(profile=orders.profile, flow="orders").run
        kills = _kill_at_random(stack, run, random.Random(11), most=4, longest=2.0)  # noqa: S311
        assert kills >= 2, "the import ended before its workers were killed"
        ran = _until_nothing_failed(run, rounds=25)
        assert sum(one.failed for one in ran) > 50, "too few answers were lost to prove anything"
        assert sum(one.units for one in ran) == 200
        orders.assert_exact()


@pytest.mark.covers("ORD-13", "BIL-04")
def test_p32_a_worker_killed_at_fifty_points_of_order_imports_loses_nothing_and_doubles_nothing(
    tmp_path: Path, free_port: int
) -> None:
    chance = random.Random(20261122)  # noqa: S311
    with running_shop(latency_ms=60) as shop, running_stack(tmp_path / "stack", port=free_port, workers=3) as stack:
        orders = _orders(tmp_path, shop)
        kills, points = 0, []
        while kills < KILLS:
            orders.buy(40)
            run = services.run_request(profile=orders.profile, flow="orders").run
            kills += _kill_at_random(stack, run, chance, most=min(9, KILLS - kills), longest=0.9)
            assert _finished(run).result == RunResult.SUCCESS, (kills, run.message, run.advice)
            points.append(run.created)
        assert kills == KILLS
        orders.assert_exact()
        again = _finished(services.run_request(profile=orders.profile, flow="orders", full=True).run)
        assert (again.sent, again.units) == (0, 0), again.message


@pytest.mark.covers("ORD-13", "ORD-07")
def test_p01_two_platforms_that_import_one_shop_at_once_create_each_document_once(
    tmp_path: Path, free_port: int
) -> None:
    """Two profiles of two tenants share no link, no lock and no unit: only the ERP tells one what the other did."""
    with running_shop(latency_ms=5) as shop, running_stack(tmp_path / "stack", port=free_port, workers=3):
        options = {**ORDER_OPTIONS, "orders": {**ORDER_OPTIONS["orders"], "sessions": 2}}
        one = _orders(tmp_path, shop, **options)
        two = profile_for(one.erp.odbc_connection_string(), shop, approved=True, **options)
        ledger.credit(tenant_id=two.tenant_id, kind="import", units=5000, key="imports2", note="", actor="test")
        one.buy(60)
        runs = [services.run_request(profile=profile, flow="orders").run for profile in (one.profile, two)]
        for run in runs:
            _until_nothing_failed(run, rounds=5)
        assert all(_fresh(run).created + run.updated > 0 for run in runs), "one platform did everything alone"
        assert one.documents() == Counter(one.placed)
        for order in one.placed:
            document = one.erp.documents(order)[0]
            assert document.deposits == document.total_gross, order
        assert _customers(one.erp) - one.customers_before == PEOPLE


@pytest.mark.covers("OPS-05", "ORD-15")
def test_p36_a_paid_order_reaches_the_erp_while_a_push_of_its_own_profile_goes_on(
    tmp_path: Path, free_port: int
) -> None:
    """The platform has two slots for bulk work, of which one tenant gets one: the push holds it all the time."""
    with (
        running_shop() as shop,
        running_stack(tmp_path / "stack", port=free_port, workers=2, slices=2),
    ):
        orders = _orders(tmp_path, shop, advanced={"batch_products": 10, "parallel": 1})
        shop.control("latency", {"request_ms": 100, "item_ms": 200})
        push = services.run_request(profile=orders.profile, flow="products").run
        eventually(lambda: _fresh(push).created > 0, seconds=60, what="the push begins")
        for _ in range(3):
            (order,) = orders.buy(1)
            asked = time.monotonic()
            run = services.run_request(profile=orders.profile, flow="orders", trigger=Trigger.SCHEDULE).run
            _finished(run, seconds=20)
            assert orders.documents()[order] == 1, [run.message, *JournalEntry.objects.values_list("text", flat=True)]
            assert time.monotonic() - asked < 20
        assert _fresh(push).state != RunState.FINISHED
        progress = push.created
        eventually(lambda: _fresh(push).created > progress, seconds=30, what="the push goes on")
        services.run_stop(push)
        _finished(push)
        causes = JournalEntry.objects.filter(run__flow="orders", level="error")
        assert not causes.exists(), list(causes.values_list("code", flat=True))
