"""Webhooks: registered, watched, mended; deliveries verified on their raw bytes."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from connectors.canonical.keys import Entity
from connectors.core.events import Change, Event, HookState, NotificationRefused, NotificationSource
from connectors.core.problems import CredentialsRefused, Misconfigured, Transient
from connectors.sandbox.woocommerce import WooCommerceSandbox
from connectors.shops.woocommerce.connection import WooConnection
from connectors.shops.woocommerce.webhooks import TOPICS, signature_of, verify
from tests.connectors.web_server import Script, Seen, reply, web_server
from tests.connectors.woocommerce.orders_support import buy, touch
from tests.connectors.woocommerce.support import connect, get, post, recording, write_calls

SECRET = "un-secret-de-trente-signes-env"
URL = "https://plateforme.example/hooks/7f3c9a"


@pytest.fixture
def quiet(shop: WooCommerceSandbox) -> Iterator[WooCommerceSandbox]:
    """The shop delivers only when told to."""
    before = shop.app.options.webhook_delay
    shop.app.options.webhook_delay = None
    yield shop
    shop.app.options.webhook_delay = before


def listed(connection: WooConnection) -> list[Mapping[str, Any]]:
    return list(get(connection, "webhooks", per_page=100))


# --- registration -----------------------------------------------------------------------------------------------------


@pytest.mark.covers("ORD-15")
def test_webhooks_are_made_once(quiet: WooCommerceSandbox, connection: WooConnection) -> None:
    assert isinstance(connection, NotificationSource)
    before = connection.webhook_state(URL, SECRET)
    assert {hook.state for hook in before.hooks} == {HookState.MISSING}
    assert not before.healthy
    report = connection.ensure_webhooks(URL, SECRET)
    assert (report.healthy, report.created, report.mended, report.removed) == (True, TOPICS, (), 0)
    assert {row["topic"] for row in listed(connection)} == set(TOPICS)
    assert all(row["delivery_url"] == URL and row["status"] == "active" for row in listed(connection))
    quiet.server.log.clear()
    again = connection.ensure_webhooks(URL, SECRET)
    assert (again.healthy, again.changed) == (True, False)
    assert write_calls(quiet) == {}
    assert connection.webhook_state(URL, SECRET).hooks == again.hooks


@pytest.mark.covers("ORD-15")
@pytest.mark.parametrize("status", ["disabled", "paused"])
def test_p10_a_webhook_that_was_switched_off_is_seen_and_switched_on(
    quiet: WooCommerceSandbox, connection: WooConnection, status: str
) -> None:
    connection.ensure_webhooks(URL, SECRET)
    number = listed(connection)[0]["id"]
    post(connection, f"webhooks/{number}", {"status": status})
    state = connection.webhook_state(URL, SECRET)
    assert not state.healthy
    assert [hook.id for hook in state.hooks if hook.state.value == status] == [str(number)]
    report = connection.ensure_webhooks(URL, SECRET)
    assert (report.healthy, len(report.mended)) == (True, 1)
    assert {row["status"] for row in listed(connection)} == {"active"}


@pytest.mark.covers("ORD-15")
def test_p10_a_webhook_that_was_deleted_is_made_again(quiet: WooCommerceSandbox, connection: WooConnection) -> None:
    connection.ensure_webhooks(URL, SECRET)
    row = listed(connection)[0]
    quiet.store.webhooks.drop(row["id"])
    assert not connection.webhook_state(URL, SECRET).healthy
    report = connection.ensure_webhooks(URL, SECRET)
    assert (report.healthy, report.created) == (True, (row["topic"],))


@pytest.mark.covers("ORD-15")
def test_another_secret_or_host_mends_the_same_webhooks(quiet: WooCommerceSandbox, connection: WooConnection) -> None:
    connection.ensure_webhooks(URL, SECRET)
    before = {row["id"] for row in listed(connection)}
    assert {hook.state for hook in connection.webhook_state(URL, "autre").hooks} == {HookState.OUTDATED}
    assert connection.ensure_webhooks(URL, "autre").mended == TOPICS
    moved = URL.replace("plateforme", "nouvelle")
    assert connection.ensure_webhooks(moved, "autre").mended == TOPICS
    assert {row["id"] for row in listed(connection)} == before
    assert {row["delivery_url"] for row in listed(connection)} == {moved}
    assert {row["secret"] for row in quiet.store.webhooks} == {"autre"}
    assert SECRET not in json.dumps(listed(connection))


@pytest.mark.covers("ORD-15")
def test_foreign_webhooks_stay_and_doubles_of_ours_go(quiet: WooCommerceSandbox, connection: WooConnection) -> None:
    foreign = post(connection, "webhooks", {"name": "Autre", "topic": "order.created", "delivery_url": URL})
    other = URL.replace("7f3c9a", "autre-profil")
    connection.ensure_webhooks(other, SECRET)
    connection.ensure_webhooks(URL, SECRET)
    row = next(one for one in listed(connection) if one["delivery_url"] == URL and one["id"] != foreign["id"])
    post(connection, "webhooks", {"name": row["name"], "topic": row["topic"], "delivery_url": URL, "secret": SECRET})
    assert connection.ensure_webhooks(URL, SECRET).removed == 1
    assert connection.remove_webhooks(URL) == len(TOPICS)
    assert connection.remove_webhooks(URL) == 0
    left = listed(connection)
    assert len(left) == len(TOPICS) + 1
    assert foreign["id"] in {one["id"] for one in left}


@pytest.mark.covers("ORD-15")
@pytest.mark.parametrize("action", ["cut_after", "cut_before"])
def test_p01_a_registration_whose_answer_is_lost_is_not_doubled(
    quiet: WooCommerceSandbox, connection: WooConnection, action: str
) -> None:
    quiet.server.faults.add({"action": action, "method": "POST", "path": "webhooks$", "times": 1})
    if action == "cut_before":
        with pytest.raises(Transient):
            connection.ensure_webhooks(URL, SECRET)
    assert connection.ensure_webhooks(URL, SECRET).healthy
    assert len(listed(connection)) == len(TOPICS)


@pytest.mark.covers("ORD-15")
def test_a_topic_the_shop_lacks_is_done_without_if_it_may(quiet: WooCommerceSandbox, connection: WooConnection) -> None:
    error = {"code": "woocommerce_rest_shop_webhook_invalid_topic", "message": "x", "data": {"status": 400}}
    rule = {"action": "status", "status": 400, "method": "POST", "path": "webhooks$", "body": error}
    quiet.server.faults.add({**rule, "nth": [3, 4]})
    report = connection.ensure_webhooks(URL, SECRET)
    assert (report.healthy, report.unsupported) == (True, ("order.deleted", "order.restored"))
    connection.remove_webhooks(URL)
    quiet.server.faults.remove()
    quiet.server.faults.add({**rule, "nth": [1]})
    with pytest.raises(Misconfigured) as caught:
        connection.ensure_webhooks(URL, SECRET)
    assert caught.value.problem.code == "webhook_not_registered"


@pytest.mark.covers("ORD-15")
def test_a_key_without_the_right_to_write_says_so(quiet: WooCommerceSandbox) -> None:
    key = quiet.read_only_key
    opened = connect(quiet, consumer_key=key.consumer_key, consumer_secret=key.consumer_secret)
    with pytest.raises(CredentialsRefused):
        opened.ensure_webhooks(URL, SECRET)
    opened.close()


# --- verification -----------------------------------------------------------------------------------------------------


def headers(body: bytes, topic: str = "order.updated", secret: str = SECRET, **more: str) -> dict[str, str]:
    """Headers of a genuine delivery."""
    return {
        "Content-Type": "application/json",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-ID": "3",
        "X-WC-Webhook-Delivery-ID": "772ebe5214d51fb6ebae84f2e3debb21",
        "X-WC-Webhook-Signature": signature_of(body, secret).decode(),
        **more,
    }


@pytest.mark.covers("ORD-15")
def test_p31_recorded_deliveries_are_verified_and_forged_ones_refused(contracts: Path) -> None:
    checked = orders = 0
    for exchange in recording(contracts, "13-webhooks"):
        delivery = exchange.get("delivery") or {}
        if "raw_body_base64" not in delivery:
            continue
        raw, secret = base64.b64decode(delivery["raw_body_base64"]), delivery["secret"]
        signed = "X-WC-Webhook-Signature" in delivery["headers"]
        change = verify(delivery["headers"], raw, secret)
        if not signed:
            assert change is None, exchange["title"]
            continue
        checked += 1
        orders += change is not None and change.entity is Entity.ORDER
        with pytest.raises(NotificationRefused):
            verify(delivery["headers"], raw, secret + "x")
        with pytest.raises(NotificationRefused):
            verify(delivery["headers"], raw + b" ", secret)
    assert checked >= 5
    assert orders >= 2


@pytest.mark.covers("ORD-15")
def test_a_delivery_becomes_a_hint() -> None:
    body = b'{"id":131,"status":"processing"}'
    expected = Change(
        entity=Entity.ORDER,
        key="131",
        event=Event.UPDATED,
        delivery="772ebe5214d51fb6ebae84f2e3debb21",
        subscription="3",
    )
    assert verify(headers(body), body, SECRET) == expected
    shouted = {name.upper(): value for name, value in headers(body).items()}
    assert verify(shouted, body, SECRET) == expected


@pytest.mark.covers("ORD-15")
@pytest.mark.parametrize(
    ("given", "body"),
    [
        ({"Content-Type": "application/json"}, b'{"id":131}'),
        ({"Content-Type": "application/json", "X-WC-Webhook-Signature": ""}, b'{"id":131}'),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"id=131"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"webhook_id=1&id=131"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"webhook_id=1" + b"0" * 200),
        ({"X-WC-Webhook-Signature": "é", "X-WC-Webhook-Topic": "order.updated"}, b'{"id":131}'),
        ({}, b""),
    ],
)
def test_p31_unsigned_and_forged_notifications_are_refused(given: dict[str, str], body: bytes) -> None:
    with pytest.raises(NotificationRefused) as caught:
        verify(given, body, SECRET)
    assert caught.value.problem.code == "webhook_forged"


@pytest.mark.covers("ORD-15")
def test_p31_an_empty_secret_signs_nothing() -> None:
    body = b'{"id":131}'
    with pytest.raises(NotificationRefused):
        verify(headers(body, secret=""), body, "")


@pytest.mark.covers("ORD-15")
@pytest.mark.parametrize("body", [b"", b"[1]", b'{"id":"131"}', b'{"id":true}', b'{"id":-1}', b"[" * 100000])
def test_a_signed_body_without_a_number_is_refused(body: bytes) -> None:
    with pytest.raises(NotificationRefused) as caught:
        verify(headers(body), body, SECRET)
    assert caught.value.problem.code == "webhook_unreadable"


@pytest.mark.covers("ORD-15")
@pytest.mark.parametrize("topic", ["action.woocommerce_order_status_completed", "coupon.updated", "", "order.eaten"])
def test_topics_we_do_not_follow_are_accepted_without_acting(topic: str) -> None:
    body = b'{"id":131}'
    assert verify(headers(body, topic), body, SECRET) is None


# --- deliveries of a shop ---------------------------------------------------------------------------------------------


class Inbox:
    """A receiver that verifies and remembers, as the platform does."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.ignored = 0
        self.refused = 0

    def __call__(self, handler: BaseHTTPRequestHandler, seen: Seen) -> None:
        try:
            change = verify(seen.headers, seen.body, SECRET)
        except NotificationRefused:
            self.refused += 1
            reply(handler, 401)
            return
        if change is None:
            self.ignored += 1
        else:
            self.changes.append(change)
        reply(handler)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def receiver(inbox: Inbox) -> Iterator[Script]:
    with web_server(inbox) as running:
        yield running


@pytest.mark.covers("ORD-15")
def test_an_order_of_the_shop_arrives_as_hints(
    shop: WooCommerceSandbox, connection: WooConnection, receiver: Script, inbox: Inbox
) -> None:
    shop.seed(skus=["ART-1"], stock=10)
    shop.app.options.webhook_delay = 3600.0
    connection.ensure_webhooks(f"{receiver.url}/hooks/1", SECRET)
    deadline = time.monotonic() + 5
    while inbox.ignored < len(TOPICS) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert inbox.ignored == len(TOPICS), "one ping per webhook"
    key = buy(shop)
    shop.app.dispatcher.flush()
    assert {(one.key, one.event) for one in inbox.changes} == {(key, Event.CREATED), (key, Event.UPDATED)}
    assert len({one.delivery for one in inbox.changes}) == 2
    inbox.changes.clear()
    touch(shop, key, "processing")
    touch(shop, key, "completed")
    shop.app.dispatcher.flush()
    assert [(one.key, one.event) for one in inbox.changes] == [(key, Event.UPDATED)]
    connection._shop.api.client.request("DELETE", connection._shop.api.url(f"wc/v3/orders/{key}"))
    shop.app.dispatcher.flush()
    assert inbox.changes[-1].event is Event.DELETED
    assert inbox.refused == 0
    shop.app.options.webhook_delay = 2.0


@pytest.mark.covers("ORD-15")
def test_p10_a_webhook_the_shop_gave_up_is_found_and_mended(
    shop: WooCommerceSandbox, connection: WooConnection, receiver: Script, inbox: Inbox
) -> None:
    shop.seed(skus=["ART-1"], stock=100)
    shop.app.options.webhook_delay = 3600.0
    url = f"{receiver.url}/hooks/1"
    connection.ensure_webhooks(url, "un autre secret")
    for _ in range(8):
        buy(shop)
        shop.app.dispatcher.flush()
    assert inbox.changes == []
    states = {hook.topic: hook.state for hook in connection.webhook_state(url, "un autre secret").hooks}
    assert states["order.created"] is HookState.DISABLED
    assert connection.ensure_webhooks(url, SECRET).healthy
    key = buy(shop)
    shop.app.dispatcher.flush()
    assert {one.key for one in inbox.changes} == {key}
    shop.app.options.webhook_delay = 2.0


@pytest.mark.covers("ORD-15")
def test_p31_shuffled_and_repeated_deliveries_name_each_order_and_their_delivery() -> None:
    draw = random.Random(31)  # noqa: S311 (a test's order of events)
    deliveries = []
    for number in range(1, 200):
        body = json.dumps({"id": number}).encode()
        one = headers(body, draw.choice(TOPICS), **{"X-WC-Webhook-Delivery-ID": f"d{number}"})
        deliveries += [(one, body)] * 3
    draw.shuffle(deliveries)
    changes = [verify(one, body, SECRET) for one, body in deliveries]
    assert len({change.delivery for change in changes if change}) == 199
    assert {change.key for change in changes if change} == {str(number) for number in range(1, 200)}
