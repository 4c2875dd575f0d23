"""What goes wrong with orders, and what must be true afterwards, between the real connectors and their stand-ins."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from billing import ledger
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles import options_store
from profiles.models import MatchState, Profile
from sync.models import JournalEntry, Link, LinkState, OrderBuyer, RunResult
from sync.orders.writer import OrderWriter
from tests.flows.conftest import Story, make_story
from tests.flows.test_orders import ORDER_OPTIONS

pytestmark = pytest.mark.odbc


@pytest.fixture
def erp(tmp_path: Path) -> Sage100Sandbox:
    return build(tmp_path / "orders.db", merchant="demo", emulation=True)


@pytest.fixture
def story(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox) -> Story:
    """The demo merchant with two articles in the shop and import units."""
    story = make_story(erp, shop, **ORDER_OPTIONS)
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.APPROVED)
    story.profile.refresh_from_db()
    ledger.credit(tenant_id=story.tenant.pk, kind="import", units=1000, key="imports", note="", actor="test")
    assert story.run("products", keys=["TENTE2P", "RECHAUD"]).created
    return story


def _buy(story: Story, sku: str = "TENTE2P", **more: Any) -> str:
    return str(story.shop.app.mutate("checkout", {"items": [{"sku": sku, "quantity": 1}], **more})["id"])


def _count(story: Story, statement: str, *values: Any) -> int:
    with story.erp.session(write=False) as session:
        return int(session.one(statement, values)[0])


def _everything(story: Story) -> tuple[int, int, int, int]:
    """Customers, delivery addresses, documents of shop orders and payments of the company."""
    return (
        _count(story, "SELECT COUNT(*) FROM F_COMPTET WHERE CT_Type = 0"),
        _count(story, "SELECT COUNT(*) FROM F_LIVRAISON"),
        _count(story, "SELECT COUNT(*) FROM F_DOCENTETE WHERE DO_NoWeb <> ''"),
        _count(story, "SELECT COUNT(*) FROM F_CREGLEMENT"),
    )


@pytest.mark.covers("ORD-13", "CUS-08")
def test_a_customer_deleted_between_two_attempts_is_made_again_with_the_document(story: Story) -> None:
    order = _buy(story)
    with story.erp.session() as session:
        session.run(
            "CREATE TRIGGER TG_REFUSED BEFORE INSERT ON F_DOCENTETE BEGIN SELECT RAISE(ABORT, 'refused'); END", ()
        )
    assert story.run("orders").created == 0
    made = "SELECT COUNT(*) FROM F_COMPTET WHERE CT_Num LIKE 'INV%'"
    assert _count(story, made) == 1
    with story.erp.session() as session:
        session.run("DROP TRIGGER TG_REFUSED", ())
        for table in ("F_LIVRAISON", "F_REGLEMENTT", "F_COMPTETG", "F_COMPTET"):
            session.run(f"DELETE FROM {table} WHERE CT_Num LIKE 'INV%'", ())  # noqa: S608
    assert _count(story, made) == 0
    assert story.run("orders", keys=[order], retry=True).created == 1
    assert _count(story, made) == 1
    assert _count(story, "SELECT COUNT(*) FROM F_DOCENTETE WHERE DO_NoWeb = ?", order) == 1


@pytest.mark.covers("ORD-13")
def test_p02_a_mark_that_fails_fifty_times_and_then_passes_repeats_no_other_step(story: Story) -> None:
    """The clock is moved: the platform's own retries first, a person's after the last of them."""
    before = _everything(story)
    order = _buy(story, payment_method="card")
    story.shop.server.faults.add({"method": "POST|PUT", "path": r"orders", "action": "status", "status": 500})
    failed = 0
    with time_machine.travel(timezone.now(), tick=True) as clock:
        while failed < 50:
            run = story.run("orders") if failed < 6 else story.run("orders", keys=[order], retry=True)
            assert (run.failed, run.created, run.updated) == (1, 0, 0), run.message
            failed += 1
            clock.shift(timedelta(days=2))
        after = _everything(story)
        assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, 1, 1]
        story.shop.server.faults.remove()
        assert story.run("orders", keys=[order], retry=True).updated == 1
    assert _everything(story) == after
    history = JournalEntry.objects.filter(profile_id=story.profile.pk, item_key=order).order_by("pk")
    assert [line.outcome for line in history] == ["failed"] * 50 + ["updated"]
    assert [line.attempts for line in history] == list(range(1, 52))
    link = Link.objects.get(entity="order", shop_key=order)
    assert link.steps.keys() >= {"customer", "address", "document", "mark"}
    assert ledger.balance(tenant_id=story.tenant.pk, kind="import").used == 1
    assert story.erp.documents(order)[0].deposits == Decimal(story.rest(f"orders/{order}")["total"])


@pytest.mark.covers("ORD-12")
def test_p14_an_order_that_waits_for_a_tax_goes_by_itself_once_it_is_mapped(story: Story) -> None:
    options_store.save(
        story.profile, {"order_taxes": {"tax_map": {"5.5": "C055"}, "tax_by_percent": False}}, author=None
    )
    order = _buy(story)
    for _ in range(3):
        run = story.run("orders")
        assert (run.read, run.refused) == (1, 1)
    state = LinkState.objects.get(link__entity="order", link__shop_key=order)
    assert state.problem_code.startswith("order_tax_unmapped")
    assert state.attempts == 3
    options_store.save(story.profile, {"order_taxes": {"tax_map": {"20": "C20"}}}, author=None)
    assert story.run("orders").created == 1
    assert len(story.erp.documents(order)) == 1


@pytest.mark.covers("ORD-12")
def test_p14_an_order_whose_cause_is_mended_in_the_erp_goes_by_itself(story: Story) -> None:
    """Nothing changes in the shop or in the settings: neither the date of the order nor a full pass brings it back."""
    order = _buy(story)
    assert story.run("orders").created == 1
    with story.erp.session() as session:
        session.run("UPDATE F_TAXE SET TA_Taux = 19.6 WHERE TA_Code = 'C20'")
    waiting = _buy(story)
    run = story.run("orders")
    assert (run.created, run.refused) == (0, 1), run.message
    with time_machine.travel(timezone.now(), tick=True) as clock:
        for _ in range(2):
            clock.shift(timedelta(hours=12))
            assert story.run("orders").refused == 1, "once per run, long after the reading went past it"
        with story.erp.session() as session:
            session.run("UPDATE F_TAXE SET TA_Taux = 20 WHERE TA_Code = 'C20'")
        run = story.run("orders")
    assert run.created == 1, run.message
    assert not run.full, "the order came with its own retry, not with a full pass"
    assert [len(story.erp.documents(one)) for one in (order, waiting)] == [1, 1]
    assert story.run("orders").read <= 2


@pytest.mark.covers("ORD-12")
def test_a_refused_order_that_is_cancelled_in_the_shop_is_refused_no_more(story: Story) -> None:
    options_store.save(
        story.profile, {"order_taxes": {"tax_map": {"5.5": "C055"}, "tax_by_percent": False}}, author=None
    )
    order = _buy(story)
    assert story.run("orders").refused == 1
    story.shop.app.mutate("order_status", {"id": order, "status": "cancelled"})
    run = story.run("orders")
    assert (run.refused, run.result) == (0, RunResult.SUCCESS)
    assert LinkState.objects.get(link__shop_key=order).held_hash == ""
    assert story.run("orders").refused == 0


PEOPLE = [
    {
        "first_name": "Anne",
        "last_name": f"Martin {letter}",
        "address_1": f"{number} rue du Port",
        "city": f"Ville {letter}",
    }
    for number, letter in enumerate("ABCDEFGHIJ", 1)
]


@pytest.mark.covers("CUS-08", "CUS-09")
def test_p24_a_hundred_orders_of_ten_people_make_ten_customers_and_keep_their_addresses(story: Story) -> None:
    """Capitals, double spaces, guests and accounts: the same ten people, each order with the address it was given."""
    before = _everything(story)[0]
    wanted: dict[str, str] = {}
    accounts = [
        int(story.rest("customers", {"email": f"p{n}@example.net", "username": f"p{n}", "password": "x9!kLmQ2"},
                       method="POST")["id"])
        for n in range(5)
    ]  # fmt: skip
    for number in range(100):
        who, turn = number % 10, number // 10
        person = dict(PEOPLE[who])
        if turn % 2:
            person["last_name"] = person["last_name"].upper().replace(" ", "  ")
        email = f"p{who}@example.net"
        person |= {"email": email.upper() if turn % 3 == 0 else email, "postcode": "44000", "country": "FR"}
        ship = {**person, "city": f"Relais {who}"} if turn == 4 else person
        guest = who >= 5 or turn % 2
        order = _buy(story, billing=person, shipping=ship, customer_id=0 if guest else accounts[who])
        wanted[order] = ship["city"]
    run = story.run("orders")
    causes = Counter(JournalEntry.objects.filter(run=run, level="error").values_list("code", flat=True))
    assert (run.created, run.result) == (100, RunResult.SUCCESS), causes
    assert _everything(story)[0] - before == 10
    with story.erp.session(write=False) as session:
        rows = session.all(
            "SELECT e.DO_NoWeb, l.LI_Ville FROM F_DOCENTETE e JOIN F_LIVRAISON l ON l.LI_No = e.LI_No"
            " WHERE e.DO_NoWeb <> ''"
        )
    held = {str(number): str(city) for number, city in rows}
    assert {order: held[order].lower() for order in wanted} == {order: city.lower() for order, city in wanted.items()}


@pytest.mark.covers("ORD-13")
def test_p01_the_look_up_before_a_create_is_what_keeps_a_second_document_away(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units too are spent once: the order found is adopted, not created again."""
    order = _buy(story)
    assert story.run("orders").created == 1
    Link.objects.filter(entity="order").delete()
    options_store.save(story.profile, {"orders": {"include_transferred": True}}, author=None)
    looked: list[str] = []
    find = OrderWriter.find

    def counted(self: OrderWriter, batch: Any) -> Any:
        looked.extend(one.key for one in batch)
        return find(self, batch)

    monkeypatch.setattr(OrderWriter, "find", counted)
    run = story.run("orders")
    assert looked == [order], "no create goes out unlooked"
    assert (run.created, run.updated, run.units) == (0, 1, 0)
    assert Link.objects.get(entity="order").steps["document"] == story.erp.documents(order)[0].piece
    assert len(story.erp.documents(order)) == 1


ERASED = {
    "billing": {"first_name": "[deleted]", "last_name": "[deleted]", "address_1": "", "email": "deleted@site.invalid"},
    "meta_data": [{"key": "_anonymized", "value": "yes"}],
}


@pytest.mark.covers("CUS-10")
def test_p38_an_imported_order_that_is_erased_in_the_shop_is_kept_without_error(story: Story) -> None:
    order = _buy(story, billing={"email": "anne@example.net", "last_name": "Effacée"})
    assert story.run("orders").created == 1
    after = _everything(story)
    assert "Effacée" in Link.objects.get(entity="order").label
    story.rest(f"orders/{order}", ERASED)
    for run in (story.run("orders"), story.run("orders", full=True), story.run("orders", keys=[order], retry=True)):
        assert (run.result, run.refused, run.failed, run.sent) == (RunResult.SUCCESS, 0, 0, 0)
    assert _everything(story) == after, "what was imported is kept, and nobody comes back"
    assert Link.objects.get(entity="order").label == ""
    assert not JournalEntry.objects.filter(item_key=order, label__contains="Effacée").exists()


@pytest.mark.covers("CUS-10")
def test_p38_older_orders_of_an_erased_person_bring_nobody_back_and_a_new_one_does(story: Story) -> None:
    who = {"email": "Anne@example.net", "last_name": "Effacée"}
    first, second = (_buy(story, billing=who) for _ in range(2))
    for order in (first, second):
        story.shop.app.mutate("order_status", {"id": order, "status": "pending"})
    before = _everything(story)
    assert story.run("orders").excluded == 2
    story.rest(f"orders/{first}", ERASED)
    for order in (first, second):
        story.shop.app.mutate("order_status", {"id": order, "status": "processing"})
    run = story.run("orders", full=True)
    assert (run.result, run.excluded, run.created) == (RunResult.SUCCESS, 2, 0)
    assert _everything(story) == before
    digests = set(OrderBuyer.objects.values_list("digest", flat=True))
    assert len(digests) == 1, "one person, whatever the order"
    assert not any("anne" in digest for digest in digests)
    again = _buy(story, billing={**who, "email": "anne@EXAMPLE.net"})
    story.shop.app.store.orders.get(int(again))["created"] += 120
    assert story.run("orders").created == 1
    assert len(story.erp.documents(again)) == 1


@pytest.mark.covers("CUS-10")
def test_p38_an_order_erased_before_its_import_goes_to_the_common_account_where_there_is_one(story: Story) -> None:
    order = _buy(story, billing={"email": "anne@example.net"})
    story.rest(f"orders/{order}", ERASED)
    before = _everything(story)
    run = story.run("orders")
    assert (run.result, run.excluded) == (RunResult.SUCCESS, 1)
    with story.erp.session(write=False) as session:
        common = str(session.one("SELECT CT_Num FROM F_COMPTET WHERE CT_Type = 0 AND CT_Sommeil = 0")[0])
    options_store.save(story.profile, {"order_customers": {"guest_account": common}}, author=None)
    assert story.run("orders").created == 1
    assert _everything(story)[0] == before[0], "no new customer"
    assert story.erp.documents(order)[0].customer == common


@pytest.mark.covers("BIL-05", "ORD-13")
def test_without_import_units_the_orders_wait_and_are_imported_once_after_a_credit(story: Story) -> None:
    tenant = story.tenant.pk
    ledger.correct(tenant_id=tenant, kind="import", units=-998, key="less", note="", actor="test")
    bought = {_buy(story) for _ in range(5)}
    run = story.run("orders")
    assert (run.result, run.created, run.units) == (RunResult.QUOTA, 2, 2)
    assert "unités d’import" in run.message
    assert story.run("orders").created == 0
    ledger.credit(tenant_id=tenant, kind="import", units=10, key="more", note="", actor="test")
    rest = story.run("orders")
    assert (rest.result, rest.created, rest.units) == (RunResult.SUCCESS, 3, 3)
    with story.erp.session(write=False) as session:
        documents = Counter(str(row[0]) for row in session.all("SELECT DO_NoWeb FROM F_DOCENTETE", ()))
    assert {number: documents[number] for number in bought} == dict.fromkeys(bought, 1)
