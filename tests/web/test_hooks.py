"""The address that shops notify: what it answers, what it stores, and that it needs no session."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from profiles import options_store
from profiles.secrets import seal
from sync.models import ProfileHook, Run, ShopEvent
from sync.views.hooks import BODY_MAX
from tests.factories import make_profile, make_tenant

SECRET = "what-only-the-shop-and-we-know"


@pytest.fixture
def hook(db: None) -> ProfileHook:
    """A profile whose shop is registered; the shop itself is never called."""
    profile = make_profile(tenant=make_tenant())
    shop = {"url": "http://127.0.0.1:9", "consumer_key": "ck_" + "a" * 40, "consumer_secret": "cs_" + "b" * 40}
    options_store.save(profile, {"shop": shop}, author=None)
    return ProfileHook.objects.create(profile=profile, token="Ab-c_1", secret=seal(SECRET))


def _sign(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _post(
    body: bytes = b'{"id":17}',
    *,
    topic: str = "order.updated",
    signature: str | None = None,
    delivery: str = "d1",
    address: str = "Ab-c_1",
    content_type: str = "application/json",
) -> Any:
    headers = {
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Signature": _sign(body) if signature is None else signature,
        "X-WC-Webhook-Delivery-ID": delivery,
    }
    sent = {name: value for name, value in headers.items() if value}
    client = Client(enforce_csrf_checks=True)
    return client.post(reverse("sync:hook", args=[address]), body, content_type=content_type, headers=sent)


@pytest.mark.covers("ORD-15")
def test_a_signed_event_is_stored_and_answered_without_session_and_without_work(hook: ProfileHook) -> None:
    answer = _post()
    assert (answer.status_code, answer.content) == (200, b"")
    assert not answer.cookies
    event = ShopEvent.objects.get()
    assert (event.profile, event.delivery_id, event.topic, event.key) == (hook.profile, "d1", "order.updated", "17")
    assert (event.handled_at, event.run) == (None, None)
    assert not Run.objects.exists()


@pytest.mark.covers("ORD-15")
@pytest.mark.parametrize("signature", ["", "AAAA", _sign(b'{"id":17}', "another"), _sign(b'{"id":18}'), "é"])
def test_p31_a_forged_event_is_refused_and_leaves_nothing(
    hook: ProfileHook, signature: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert _post(signature=signature.encode().decode("latin-1")).status_code == 401
    assert not ShopEvent.objects.exists()
    assert SECRET not in caplog.text


@pytest.mark.covers("ORD-15")
def test_a_ping_is_answered(hook: ProfileHook) -> None:
    form = "application/x-www-form-urlencoded"
    assert _post(body=b"webhook_id=12", topic="", signature="", delivery="", content_type=form).status_code == 200
    assert _post(body=b"webhook_id=12&id=3", signature="", content_type=form).status_code == 401
    assert not ShopEvent.objects.exists()


@pytest.mark.covers("ORD-15")
def test_p31_a_repeated_delivery_is_answered_and_stored_once(hook: ProfileHook) -> None:
    assert [_post().status_code for _ in range(3)] == [200] * 3
    assert _post(delivery="d2").status_code == 200
    assert ShopEvent.objects.count() == 2
    ShopEvent.objects.all().delete()
    assert [_post(delivery="").status_code for _ in range(2)] == [200] * 2
    assert _post(body=b'{"id":18}', delivery="").status_code == 200
    assert sorted(ShopEvent.objects.values_list("key", flat=True)) == ["17", "18"]


@pytest.mark.covers("ORD-15")
def test_one_delivery_id_counts_per_profile(hook: ProfileHook) -> None:
    other = make_profile(tenant=make_tenant())
    ShopEvent.objects.create(profile=other, delivery_id="d1", topic="order.updated", key="17")
    assert _post().status_code == 200
    assert ShopEvent.objects.filter(profile=hook.profile).count() == 1


@pytest.mark.covers("ORD-15")
@pytest.mark.parametrize("topic", ["product.deleted", "product.updated", "coupon.created", "action.x", "order", ""])
def test_what_is_not_followed_is_answered_and_ignored(hook: ProfileHook, topic: str) -> None:
    assert _post(topic=topic).status_code == 200
    assert not ShopEvent.objects.exists()


@pytest.mark.covers("ORD-15")
@pytest.mark.parametrize("body", [b"", b"[]", b"{", json.dumps({"id": "17"}).encode(), b'{"id":-1}'])
def test_a_signed_body_without_order_is_refused(hook: ProfileHook, body: bytes) -> None:
    assert _post(body=body).status_code == 401
    assert not ShopEvent.objects.exists()


@pytest.mark.covers("ORD-15")
def test_only_posts_of_a_reasonable_size_to_known_addresses_are_read(hook: ProfileHook) -> None:
    whole = b'{"id":17,"x":"' + b"a" * (BODY_MAX - 16) + b'"}'
    assert len(whole) == BODY_MAX
    assert _post(body=whole + b" ").status_code == 413
    assert not ShopEvent.objects.exists()
    assert _post(body=whole).status_code == 200
    assert _post(address="unknown").status_code == 404
    assert Client().get(reverse("sync:hook", args=[hook.token])).status_code == 405


@pytest.mark.covers("ORD-15")
def test_an_event_that_cannot_be_judged_is_neither_believed_nor_called_forged(hook: ProfileHook) -> None:
    ProfileHook.objects.update(secret="v1:lost")
    assert _post().status_code == 503
    assert not ShopEvent.objects.exists()
