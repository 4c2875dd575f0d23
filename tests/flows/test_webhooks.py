"""Orders in near real time: signed webhooks of the shop's stand-in, their collapse into runs, and their repair."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import time
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import ledger
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.sandbox.woocommerce import WooCommerceSandbox
from profiles import options_store
from profiles.models import MatchState, Profile, ProfileState, Role
from profiles.secrets import unseal
from sync import notifications
from sync.engine import lease
from sync.models import JournalEntry, ProfileHook, Run, RunResult, RunState, ShopEvent, Trigger
from sync.tasks import handle_events, hooks_check
from tests.factories import make_user
from tests.flows.conftest import Story, make_story
from tests.flows.test_orders import ORDER_OPTIONS

pytestmark = pytest.mark.odbc


@pytest.fixture
def erp(tmp_path: Path) -> Sage100Sandbox:
    return build(tmp_path / "orders.db", merchant="demo", emulation=True)


@pytest.fixture
def story(db: None, erp: Sage100Sandbox, shop: WooCommerceSandbox, settings: Any) -> Story:
    """A shop with two articles, whose webhooks leave when ``flush`` is called, and a profile in real time."""
    settings.PUBLIC_URL = "https://sync.example.test"
    shop.app.options.webhook_delay = None
    options = {**ORDER_OPTIONS, "orders": {**ORDER_OPTIONS["orders"], "realtime": True}}
    story = make_story(erp, shop, **options)
    Profile.objects.filter(pk=story.profile.pk).update(match_state=MatchState.APPROVED)
    story.profile.refresh_from_db()
    ledger.credit(tenant_id=story.tenant.pk, kind="import", units=1000, key="imports", note="", actor="test")
    assert story.run("products", keys=["TENTE2P", "RECHAUD"]).created
    return story


@pytest.fixture
def hook(story: Story) -> ProfileHook:
    """The registered webhooks of the profile."""
    made = notifications.hooks_ensure(story.profile)
    assert made is not None
    assert made.healthy
    return made


@pytest.fixture
def live_hook(story: Story, live_server: Any, settings: Any) -> ProfileHook:
    """The same with an address the stand-in can really reach."""
    settings.PUBLIC_URL = live_server.url
    made = notifications.hooks_ensure(story.profile)
    assert made is not None
    return made


def _buy(story: Story, sku: str = "TENTE2P") -> str:
    return str(story.shop.app.mutate("checkout", {"items": [{"sku": sku, "quantity": 1}]})["id"])


def _notice(
    hook: ProfileHook, order: str, *, event: str = "updated", delivery: str = ""
) -> tuple[bytes, dict[str, Any]]:
    """Body and headers of a delivery as the shop signs it."""
    body = json.dumps({"id": int(order), "status": "on-hold"}).encode()
    mac = hmac.new(unseal(hook.secret).encode(), body, hashlib.sha256).digest()
    headers = {
        "X-WC-Webhook-Topic": f"order.{event}",
        "X-WC-Webhook-Signature": base64.b64encode(mac).decode(),
        "X-WC-Webhook-Delivery-ID": delivery or f"{event}-{order}",
    }
    return body, headers


@cache
def _caller() -> Client:
    """One for all deliveries: each new one loads every middleware again."""
    return Client()


def _tell(hook: ProfileHook, order: str, **more: str) -> None:
    body, headers = _notice(hook, order, **more)
    answer = _caller().post(
        reverse("sync:hook", args=[hook.token]), body, content_type="application/json", headers=headers
    )
    assert answer.status_code == 200


def _runs() -> list[Run]:
    return list(Run.objects.filter(flow="orders", state=RunState.QUEUED).order_by("pk"))


def _topics(story: Story) -> dict[str, str]:
    return {row["topic"]: row["status"] for row in story.rest("webhooks?status=all")}


@pytest.mark.django_db(transaction=True)
@pytest.mark.covers("ORD-15")
def test_p35_a_paid_order_is_imported_from_its_webhook_and_our_own_mark_ends_the_circle(
    story: Story, live_hook: ProfileHook
) -> None:
    order = _buy(story)
    assert story.shop.app.dispatcher.flush() == 2, "a new order is created and updated"
    assert set(ShopEvent.objects.values_list("topic", "key")) == {("order.created", order), ("order.updated", order)}
    assert handle_events() == 1
    (run,) = _runs()
    assert (run.trigger, run.scope) == (Trigger.CALLBACK, {"keys": [order]})
    assert story.finish(run).created == 1
    document = story.erp.documents(order)[0]
    assert set(ShopEvent.objects.values_list("run", flat=True)) == {run.pk}

    writes, echoes = story.shop.server.log.totals()["item_writes"], 0
    while story.shop.app.dispatcher.flush():
        echoes += 1
        assert echoes < 3, "our own mark goes round"
        assert handle_events() == 1
        (echo,) = _runs()
        echo = story.finish(echo)
        assert (echo.sent, echo.result) == (0, RunResult.SUCCESS)
    assert echoes == 1
    assert story.shop.server.log.totals()["item_writes"] == writes
    assert [one.piece for one in story.erp.documents(order)] == [document.piece]


@pytest.mark.covers("ORD-09", "ORD-15")
@pytest.mark.parametrize("force", [False, True])
def test_p16_a_deletion_that_is_notified_cancels_its_order_at_once(
    story: Story, hook: ProfileHook, force: bool
) -> None:
    """The shop notifies of the trash alone; by the time the order is read it may be deleted for good."""
    order, _kept = _buy(story), _buy(story, "RECHAUD")
    assert story.run("orders").created == 2
    story.rest(f"orders/{order}{'?force=true' if force else ''}", method="DELETE")
    _tell(hook, order, event="deleted")
    assert handle_events() == 1
    (run,) = _runs()
    assert story.finish(run).updated == 1
    told = JournalEntry.objects.filter(run=run, item_key=order).latest("pk").text
    assert told.startswith("Supprimée dans la boutique" if force else "Annulée dans la boutique")


@pytest.mark.django_db(transaction=True)
@pytest.mark.covers("ORD-15")
def test_the_ping_of_a_new_webhook_is_answered_and_starts_nothing(
    story: Story, live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLIC_URL = live_server.url
    story.shop.app.options.webhook_delay = 600
    answers = _watched(monkeypatch)
    hook = notifications.hooks_ensure(story.profile)
    assert hook is not None
    assert hook.healthy
    until = time.monotonic() + 20
    while len(answers) < 4 and time.monotonic() < until:
        time.sleep(0.05)
    assert answers == [200] * 4
    assert not ShopEvent.objects.exists()


def _watched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Statuses that the address of the hooks answered with, in the server's threads."""
    from sync.views import hooks

    answers: list[int] = []
    real = hooks._answer

    def answer(status: int) -> Any:
        answers.append(status)
        return real(status)

    monkeypatch.setattr(hooks, "_answer", answer)
    return answers


@pytest.mark.django_db(transaction=True)
@pytest.mark.covers("ORD-15")
def test_p10_webhooks_that_were_deleted_or_switched_off_come_back_and_what_was_missed_is_read(
    story: Story, live_hook: ProfileHook
) -> None:
    assert live_hook.message == ""
    found = {row["topic"]: row["id"] for row in story.rest("webhooks?status=all")}
    story.rest(f"webhooks/{found['order.created']}?force=true", method="DELETE")
    story.rest(f"webhooks/{found['order.updated']}", {"status": "disabled"})
    missed = _buy(story)
    assert story.shop.app.dispatcher.flush() == 0

    assert hooks_check() == 1
    assert set(_topics(story).values()) == {"active"}
    live_hook.refresh_from_db()
    assert live_hook.healthy
    assert "order.created" in live_hook.message
    assert "order.updated" in live_hook.message
    (run,) = _runs()
    assert story.finish(run).created == 1
    assert len(story.erp.documents(missed)) == 1

    calls = story.shop.server.log.totals()["calls"]
    assert hooks_check() == 0
    after = story.shop.server.log.totals()["calls"]
    assert {name for name in after if after[name] != calls.get(name)} == {"GET webhooks"}
    live_hook.refresh_from_db()
    assert live_hook.message, "a mending is told for a day"
    notifications.hooks_check(timezone.now() + timedelta(days=2))
    live_hook.refresh_from_db()
    assert live_hook.message == ""


ORDERS, EVENTS, BURSTS = 40, 25, 5
LOST = 20
"""Every order at a multiple of this place is never told of: 5 % of the events."""


def _storm(orders: list[str]) -> list[tuple[str, str, str]]:
    """Order, topic and delivery of a thousand events, less the lost ones, each three times and in any order."""
    topics = ["created", *(("updated", "restored") * EVENTS)[: EVENTS - 1]]
    told = [order for place, order in enumerate(orders) if place % LOST]
    events = [(order, topic, f"{order}-{number}") for order in told for number, topic in enumerate(topics)]
    assert (len(orders) * len(topics), len(events)) == (1000, 950)
    sent = events * 3
    random.Random(31).shuffle(sent)  # noqa: S311
    return sent


@pytest.mark.covers("ORD-15")
def test_p31_a_thousand_events_lost_repeated_and_shuffled_end_in_one_document_per_order(
    story: Story, hook: ProfileHook
) -> None:
    """2,850 deliveries in five bursts, worked off after each; meanwhile a tenth of the orders change in the shop."""
    orders = [_buy(story) for _ in range(ORDERS)]
    sent = _storm(orders)
    lost, edited = orders[::LOST], orders[5::10]
    done: list[Run] = []
    reads = story.shop.server.log.totals()["calls"].get("GET orders", 0)
    for burst in range(BURSTS):
        if burst == 1:
            for order in edited:
                _double(story, order)
                _tell(hook, order, event="updated", delivery=f"{order}-edit")
        for order, topic, delivery in sent[burst::BURSTS]:
            _tell(hook, order, event=topic, delivery=delivery)
        assert handle_events() == 1, "a burst is one run"
        assert handle_events() == 0
        done.append(story.finish(*_runs()))
        assert not _runs()
    assert ShopEvent.objects.count() == 950 + len(edited)
    assert not ShopEvent.objects.filter(handled_at__isnull=True).exists()
    assert {run.result for run in done} == {RunResult.SUCCESS}
    assert (sum(run.created for run in done), sum(run.updated for run in done)) == (ORDERS - len(lost), len(edited))
    reads = story.shop.server.log.totals()["calls"]["GET orders"] - reads
    assert reads <= BURSTS * ORDERS // 2, "read together, not once for each delivery"
    assert all(run.read <= ORDERS for run in done)
    assert [order for order in orders if not story.erp.documents(order)] == lost
    polled = story.run("orders")
    assert polled.created == len(lost)
    _as_in_the_shop(story, orders)
    assert handle_events() == 0
    assert ledger.balance(tenant_id=story.tenant.pk, kind="import").used == ORDERS


def _double(story: Story, order: str) -> None:
    """A manager doubles what was ordered, at the same price."""
    line = story.rest(f"orders/{order}")["line_items"][0]
    amount = f"{2 * Decimal(line['total'])}"
    change = {"id": line["id"], "quantity": 2 * line["quantity"], "total": amount, "subtotal": amount}
    story.rest(f"orders/{order}", {"line_items": [change]})


def _as_in_the_shop(story: Story, orders: list[str]) -> None:
    """Each order has one document, and its total is the one the shop shows."""
    totals = {str(row["id"]): Decimal(row["total"]) for row in story.rest("orders?per_page=100")}
    found = {order: [one.total_gross for one in story.erp.documents(order)] for order in orders}
    assert found == {order: [totals[order]] for order in orders}


@pytest.mark.covers("ORD-15")
def test_p31_a_burst_during_a_live_run_leaves_exactly_one_successor(story: Story, hook: ProfileHook) -> None:
    orders = [_buy(story) for _ in range(3)]
    _tell(hook, orders[0], delivery="a")
    assert handle_events() == 1
    (live,) = _runs()
    held = lease.claim(live.pk, owner="test")
    assert held is not None
    for number in range(5):
        _tell(hook, orders[0], delivery=f"b{number}")
        _tell(hook, orders[1], delivery=f"c{number}")
        assert handle_events() == int(number == 0)
    _tell(hook, orders[2], delivery="late")
    assert handle_events() == 0, "it gathers for the run after the one that waits"
    waiting = _runs()
    assert [run.scope["keys"] for run in waiting] == [orders[:2]]
    lease.release(held)
    story.finish(Run.objects.get(pk=live.pk))
    while _runs():
        story.finish(_runs()[0])
        handle_events()
    assert not ShopEvent.objects.filter(handled_at__isnull=True).exists()
    assert [len(story.erp.documents(order)) for order in orders] == [1, 1, 1]


@pytest.mark.covers("ORD-15")
def test_events_of_a_paused_profile_wait_and_are_worked_off_afterwards(story: Story, hook: ProfileHook) -> None:
    order = _buy(story)
    Profile.objects.filter(pk=story.profile.pk).update(state=ProfileState.PAUSED)
    _tell(hook, order)
    assert handle_events() == 0
    assert ShopEvent.objects.filter(handled_at__isnull=True).count() == 1
    Profile.objects.filter(pk=story.profile.pk).update(state=ProfileState.ACTIVE)
    assert handle_events() == 0, "the profile is asked again a minute later"
    assert notifications.handle_events(timezone.now() + timedelta(minutes=2)) == 1
    assert story.finish(_runs()[0]).created == 1


@pytest.mark.covers("ORD-15")
def test_switching_real_time_on_and_off_follows_the_saved_settings_within_a_minute(story: Story) -> None:
    assert _topics(story) == {}
    hooks_check(saved_seconds=120)
    assert len(_topics(story)) == 4
    before = story.shop.server.log.totals()["requests"]
    hooks_check(saved_seconds=120)
    assert story.shop.server.log.totals()["requests"] == before, "looked after since: not asked again"

    hook = ProfileHook.objects.get()
    _tell(hook, _buy(story))
    options_store.save(story.profile, {"orders": {"realtime": False}}, author=None)
    assert handle_events() == 0
    assert ShopEvent.objects.get().handled_at is not None
    hooks_check(saved_seconds=120)
    assert _topics(story) == {}
    assert not ProfileHook.objects.exists()
    assert not _runs()


@pytest.mark.covers("ORD-15")
def test_p10_what_keeps_the_shop_from_notifying_is_told_and_mended_later(story: Story, settings: Any) -> None:
    settings.PUBLIC_URL = ""
    hook = notifications.hooks_ensure(story.profile)
    assert hook is not None
    assert (hook.healthy, hook.message) == (False, notifications.NO_ADDRESS.text())
    settings.PUBLIC_URL = "https://sync.example.test"
    story.shop.server.faults.add({"method": "POST", "path": "webhooks", "action": "status", "status": 403})
    hook = notifications.hooks_ensure(story.profile)
    assert hook is not None
    assert not hook.healthy
    assert hook.message
    story.shop.server.faults.remove()
    hooks_check()
    hook.refresh_from_db()
    assert hook.healthy
    assert len(_topics(story)) == 4


@pytest.mark.covers("ORD-15", "PRF-08")
def test_a_secret_that_no_key_opens_is_replaced_in_the_shop_too(story: Story, hook: ProfileHook) -> None:
    ProfileHook.objects.filter(pk=hook.pk).update(secret="v1:lost")
    assert hooks_check() == 1
    hook.refresh_from_db()
    rows = story.shop.store.webhooks.rows.values()
    assert {row["secret"] for row in rows} == {unseal(hook.secret)}
    assert unseal(hook.secret) not in hook.secret


@pytest.mark.covers("ORD-15")
def test_old_events_are_forgotten_and_open_ones_kept_longer(story: Story) -> None:
    now = timezone.now()
    for age, handled in ((6, True), (8, True), (8, False), (31, False)):
        ShopEvent.objects.create(
            profile=story.profile,
            delivery_id=f"{age}{handled}",
            topic="order.updated",
            key="1",
            received_at=now - timedelta(days=age),
            handled_at=now if handled else None,
        )
    assert notifications.forget_old_events(now) == 2
    assert set(ShopEvent.objects.values_list("delivery_id", flat=True)) == {"6True", "8False"}


@pytest.mark.covers("ORD-15")
def test_p12_a_profile_whose_connector_is_gone_keeps_no_other_from_its_orders(story: Story, hook: ProfileHook) -> None:
    broken = Profile.objects.create(tenant=story.tenant, name="Ancienne", erp="gone", shop="gone")
    ProfileHook.objects.create(profile=broken, token="old", secret=hook.secret)
    ShopEvent.objects.create(profile=broken, delivery_id="1", topic="order.updated", key="1")
    _tell(hook, _buy(story))
    assert handle_events() == 1
    ProfileHook.objects.filter(pk=hook.pk).update(healthy=False)
    hooks_check()
    hook.refresh_from_db()
    assert hook.healthy
    assert ProfileHook.objects.get(profile=broken).message


# --- What people see and do ------------------------------------------------------------------------------------


def _person(story: Story, role: Role) -> Client:
    client = Client()
    user = make_user(email=f"{role.value}@webhooks.test", tenant=story.tenant, role=role)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def _panel(client: Client, story: Story) -> str:
    body = client.get(reverse("sync:sync", args=[story.profile.pk])).content.decode()
    return body[body.index('id="notifications"') :] if 'id="notifications"' in body else ""


@pytest.mark.covers("ORD-15")
def test_p10_the_page_shows_each_webhook_and_what_is_wrong_and_a_person_mends_it(story: Story) -> None:
    client = _person(story, Role.OPERATOR)
    assert "dans la minute" in _panel(client, story)
    check = reverse("sync:hooks_check", args=[story.profile.pk])
    assert "fonctionnent" in client.post(check, follow=True).content.decode()
    hook = ProfileHook.objects.get()
    _tell(hook, _buy(story))
    shown = _panel(client, story)
    assert shown.count("Actif") == 4
    assert "order.updated" in shown
    assert "à l’instant" in shown, "the last delivery and the last check"
    assert notifications.delivery_url(hook) in shown
    assert unseal(hook.secret) not in shown

    for row in story.shop.store.webhooks.rows.values():
        row["status"] = "disabled"
    story.shop.server.faults.add({"path": "webhooks", "action": "status", "status": 403})
    answer = client.post(check, follow=True).content.decode()
    hook.refresh_from_db()
    assert not hook.healthy
    assert "Les notifications n’arrivent pas toutes" in answer
    assert hook.advice
    story.shop.server.faults.remove()
    client.post(check)
    assert set(_topics(story).values()) == {"active"}


@pytest.mark.covers("ORD-15")
def test_webhooks_are_recreated_by_a_manager_and_by_nobody_below(story: Story, hook: ProfileHook) -> None:
    before = {row["id"] for row in story.rest("webhooks?status=all")}
    address = reverse("sync:hooks_recreate", args=[story.profile.pk])
    assert _person(story, Role.OPERATOR).post(address).status_code == 403
    assert {row["id"] for row in story.rest("webhooks?status=all")} == before
    assert "recréées" in _person(story, Role.MANAGER).post(address, follow=True).content.decode()
    after = {row["id"] for row in story.rest("webhooks?status=all")}
    assert len(after) == 4
    assert not after & before
    _tell(hook, _buy(story))
    assert handle_events() == 1 or _runs(), "what was signed with the same secret is still believed"


@pytest.mark.covers("ORD-15")
def test_a_shop_that_is_away_when_real_time_ends_is_told_on_the_page(story: Story, hook: ProfileHook) -> None:
    options_store.save(story.profile, {"orders": {"realtime": False}}, author=None)
    story.shop.server.faults.add({"path": "webhooks", "action": "status", "status": 403})
    hooks_check(saved_seconds=120)
    client = _person(story, Role.READER)
    assert "Le temps réel est désactivé, mais la boutique n’a pas pu être jointe" in _panel(client, story)
    assert len(story.shop.store.webhooks.rows) == 4
    story.shop.server.faults.remove()
    hooks_check()
    assert _topics(story) == {}
    assert _panel(client, story) == ""


@pytest.mark.covers("ORD-15", "PRF-06")
@pytest.mark.parametrize("away", [False, True])
def test_deleting_a_profile_removes_its_webhooks_or_says_that_they_stay(
    story: Story, hook: ProfileHook, away: bool
) -> None:
    if away:
        story.shop.server.faults.add({"path": "webhooks", "action": "status", "status": 403})
    address = reverse("profiles:profile_remove", args=[story.profile.pk])
    client = _person(story, Role.MANAGER)
    client.post(address, {"typed_name": "autre"})
    assert ProfileHook.objects.exists(), "nothing is undone before the name was typed"
    answer = client.post(address, {"typed_name": story.profile.name}, follow=True).content.decode()
    assert "est supprimé" in answer
    assert not Profile.objects.filter(pk=story.profile.pk).exists()
    assert ("n’ont pas pu être supprimées dans la boutique" in answer) is away
    assert len(story.shop.store.webhooks.rows) == (4 if away else 0)
