"""Orders deleted for good in the shop: noticed without any notification, treated as cancelled, never of too many."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from connectors.shops.woocommerce.orders import OrderReader
from profiles import options_store
from sync import services
from sync.engine import lease
from sync.engine.runner import Budget, StopFlag, execute_slice
from sync.models import Cursor, JournalEntry, Link, RunResult
from sync.orders.certificate import certificate_make, last_days
from sync.orders.steps import Act, Event
from sync.orders.vanished import CLOCK
from tests.flows.conftest import Story
from tests.flows.test_orders_desk import _client, _delete_document, _page
from tests.flows.test_orders_lives import DELIVERY, INVOICE, POSTED, Ordered, _policy, _rows
from tests.flows.test_orders_lives import erp as erp
from tests.flows.test_orders_lives import story as story

pytestmark = pytest.mark.odbc


def _delete(order: Ordered) -> None:
    order.story.rest(f"orders/{order.key}?force=true", method="DELETE")


def _status(order: Ordered) -> int:
    with order.story.erp.session(write=False) as session:
        return int(session.all("SELECT DO_Statut FROM F_DOCENTETE WHERE DO_NoWeb = ?", (order.key,))[0][0])


def _look_is_due(story: Story) -> None:
    Cursor.objects.filter(profile=story.profile, flow=CLOCK).update(full_at=timezone.now() - timedelta(days=1))


@pytest.mark.covers("ORD-09", "ORD-15")
@pytest.mark.parametrize("found", ["daily", "full", "asked"])
def test_p16_an_order_deleted_for_good_is_a_cancelled_one(story: Story, found: str) -> None:
    order, kept = Ordered.place(story), Ordered.place(story)
    for one in (order, kept):
        story.erp.update("F_DOCENTETE", "DO_NoWeb", one.key, DO_Statut=2)
    _delete(order)
    assert story.run("orders").updated == 0, "it is not looked for at every run"
    if found == "daily":
        _look_is_due(story)
    run = story.run("orders", full=found == "full", **({"keys": [order.key]} if found == "asked" else {}))
    assert (run.updated, run.refused, run.result) == (1, 0, RunResult.SUCCESS)
    assert (order.life, _status(order)) == ([(Event.CANCELLED, Act.HOLD)], 0)
    assert (kept.life, _status(kept)) == ([], 2)
    assert "Supprimée dans la boutique" in order.told()[-1]
    _look_is_due(story)
    for full in (False, True):
        assert story.run("orders", full=full).sent == 0
    assert story.run("orders", keys=[order.key]).sent == 0
    assert len(order.pieces) == 1


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize("stage", [DELIVERY, INVOICE, POSTED])
def test_p16_a_deleted_order_whose_piece_went_on_is_told_once_and_settled_by_a_person(story: Story, stage: int) -> None:
    order, _kept = Ordered.place(story), Ordered.place(story)
    for step in (DELIVERY, INVOICE, POSTED):
        if step <= stage:
            order.advance(step)
    before = story.erp.fingerprint()
    _delete(order)
    _look_is_due(story)
    run = story.run("orders")
    assert (run.refused, story.erp.fingerprint()) == (1, before)
    entry = JournalEntry.objects.get(run=run, item_key=order.key)
    assert (entry.code, order.pieces[0].piece in entry.text) == ("order_deleted_after_import", True)
    _look_is_due(story)
    assert story.run("orders", full=True).sent == 0
    made = certificate_make(story.profile, *last_days(story.profile))
    assert [(row["verdict"], "supprimée dans la boutique" in str(row["causes"])) for row in made.rows] == [
        ("different", True),
        ("equal", False),
    ]
    client = _client(story)
    assert "Traité" in _page(client, story, order.key)
    client.post(reverse("sync:order_settle", args=[story.profile.pk, order.key]))
    assert order.events[0].open is False
    assert certificate_make(story.profile, *last_days(story.profile)).is_clean
    assert story.run("orders", full=True).refused == 0


@pytest.mark.covers("ORD-09")
def test_p16_a_deletion_is_told_where_the_profile_holds_nothing(story: Story) -> None:
    _policy(story, cancelled_open="tell")
    order, _kept = Ordered.place(story), Ordered.place(story)
    _delete(order)
    before = _rows(story, order)
    assert story.run("orders", full=True).refused == 1
    assert (order.life, _rows(story, order)) == ([(Event.CANCELLED, Act.TELL)], before)
    _policy(story, cancelled_open="hold")
    assert story.run("orders", keys=[order.key], retry=True).updated == 1
    assert order.life == [(Event.CANCELLED, Act.HOLD)]


@pytest.mark.covers("ORD-09")
def test_a_deleted_order_whose_piece_is_gone_too_needs_nothing(story: Story) -> None:
    order, _kept = Ordered.place(story), Ordered.place(story)
    _delete(order)
    _delete_document(story, order.key)
    run = story.run("orders", full=True)
    assert (run.refused, run.updated, order.life) == (0, 0, [])
    assert certificate_make(story.profile, *last_days(story.profile)).is_clean


@pytest.mark.covers("ORD-09")
def test_an_order_in_the_trash_or_hidden_from_lists_is_not_a_deleted_one(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, _kept = Ordered.place(story), Ordered.place(story)
    monkeypatch.setattr(OrderReader, "unlisted", lambda self, keys: frozenset([order.key]))
    assert story.run("orders", full=True).sent == 0
    assert order.life == []


@pytest.mark.covers("ORD-09")
def test_an_order_that_comes_back_after_its_deletion_is_told(story: Story) -> None:
    """As when the shop is restored from a backup."""
    order, _kept = Ordered.place(story), Ordered.place(story)
    held = story.shop.app.store.orders.get(int(order.key))
    _delete(order)
    assert story.run("orders", full=True).updated == 1
    story.shop.app.store.orders.put(int(order.key), held)
    assert story.run("orders", full=True).refused == 1
    assert order.life == [(Event.RESUMED, Act.TELL)]


@pytest.mark.covers("ORD-09")
def test_another_shop_behind_the_address_stops_the_import_and_touches_nothing(story: Story) -> None:
    orders = [Ordered.place(story) for _ in range(2)]
    before = story.erp.fingerprint()
    for one in orders:
        _delete(one)
    for options in ({"full": True}, {"keys": [orders[0].key]}):
        run = story.run("orders", **options)
        assert (run.result, run.message_code) == (RunResult.FAILED, "orders_vanished")
    assert story.erp.fingerprint() == before
    assert [one.life for one in orders] == [[], []]
    made = certificate_make(story.profile, *last_days(story.profile))
    assert (made.state, "ne se trouvent plus dans la boutique" in made.problem) == ("failed", True)
    _policy(story, vanished_limit=100)
    assert story.run("orders", full=True).updated == 2
    assert [one.life for one in orders] == [[(Event.CANCELLED, Act.HOLD)]] * 2


@pytest.mark.covers("ORD-09")
@pytest.mark.parametrize("status", [404, 500])
def test_a_shop_that_answers_404_or_fails_for_everything_makes_no_order_deleted(story: Story, status: int) -> None:
    order, _kept = Ordered.place(story), Ordered.place(story)
    before = story.erp.fingerprint()
    _delete(order)
    story.shop.server.faults.add(
        {"method": "GET", "path": rf"orders/{order.key}$", "action": "status", "status": status}
    )
    asked = services.run_request(profile=story.profile, flow="orders", full=True).run
    held = lease.claim(asked.pk, owner="test")
    assert held is not None
    execute_slice(held, budget=Budget(), stop=StopFlag(held))
    assert (order.life, story.erp.fingerprint()) == ([], before)


@pytest.mark.covers("ORD-15")
def test_a_deletion_that_the_status_flow_meets_first_keeps_what_is_known_of_the_order(story: Story) -> None:
    options_store.save(story.profile, {"progress": {"delivery_status": "completed"}}, author=None)
    order, _kept = Ordered.place(story), Ordered.place(story)
    order.advance(DELIVERY)
    _delete(order)
    steps = order.link.steps
    assert story.run("order_status").refused == 1
    assert (order.link.status, order.link.steps) == ("gone", steps)
    assert story.run("orders", full=True).refused == 1
    assert order.life == [(Event.CANCELLED, Act.TELL)]


@pytest.mark.covers("ORD-09")
def test_p29_followed_orders_are_looked_for_a_hundred_at_a_time(story: Story) -> None:
    order = Ordered.place(story)
    Link.objects.bulk_create(
        Link(
            profile=story.profile, entity="order", shop_key=order.key + f"{n:04}", erp_key=f"W{n}", status="linked",
            steps={"document": f"P{n}", "mark": "oui"},
        )
        for n in range(250)
    )  # fmt: skip
    _policy(story, vanished_limit=99)
    before = _calls(story)
    run = story.run("orders", full=True)
    assert run.message_code == "orders_vanished"
    assert _calls(story) - before < 20


def _calls(story: Story) -> int:
    totals: dict[str, Any] = story.shop.server.log.totals()
    return int(totals["requests"])
