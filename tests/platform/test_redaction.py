"""The scrubber: canary secrets in every shape they take, and harmless texts left alone."""

from __future__ import annotations

import json
import threading
import time

import pytest

from connectors.core.redaction import forget_secrets, is_secret_name, redact, register_pair, register_secret

CANARY = "c4nArY-s3cret"
SHAPES = [
    f"https://shop.example/wp-json/wc/v3/products?consumer_key=ck_{CANARY}&consumer_secret=cs_{CANARY}&page=2",
    f"https://admin:{CANARY}@shop.example/api",
    f"GET /x?oauth_consumer_key=k&oauth_signature={CANARY}%3D&oauth_token={CANARY}",
    f"Authorization: Basic {CANARY}\r\nHost: shop.example",
    f"proxy-authorization: Bearer {CANARY}",
    f"{{'Authorization': 'Bearer {CANARY}', 'Accept': '*/*'}}",
    f"Cookie: sessionid={CANARY}; csrftoken={CANARY}",
    f"X-Shopify-Access-Token: {CANARY}",
    f"DSN=sage;UID={CANARY};PWD={CANARY};APP=x",
    f"Driver={{SQL Server}};Server=h;Uid=sa;Pwd={{{CANARY};}}",
    f'{{"consumer_secret": "{CANARY}", "page": 1}}',
    json.dumps(json.dumps({"password": CANARY, "page": 1})),
    f'{{"access_token":"{CANARY}","token_type":"bearer","refresh_token": "{CANARY}"}}',
    f"client_secret={CANARY}&grant_type=password&password={CANARY}",
    f"OperationalError: connection failed (password={CANARY})",
    f"api_key='{CANARY}', timeout=5",
    f"Invalid token: Bearer {CANARY}",
    f'{{"link": "https://shop.example/p?consumer_secret={CANARY}", "id": 3}}',
    f"body='password={CANARY}' sent",
    f'body="grant=1&client_secret={CANARY}"',
    f"https://x.example/?next=https://y.example/?access_token={CANARY}",
    f"curl -u ck:x -H 'Authorization: Basic {CANARY}'",
]


@pytest.mark.covers("PRF-08", "OPS-02")
@pytest.mark.parametrize("text", SHAPES)
def test_p34_no_shape_lets_a_secret_through(text: str) -> None:
    assert CANARY not in redact(text)


@pytest.mark.parametrize("text", SHAPES)
def test_redacting_twice_changes_nothing(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "Le mot de passe est incorrect.",
        "Token expired, basic authentication is off",
        "https://shop.example/products?page=2&per_page=100&sku=CHAISE-01",
        '{"sku": "CHAISE-01", "stock": 3, "token_type": "bearer", "password": null}',
        "400 woocommerce_rest_product_sku_already_exists",
        "12 secrets set; oauth_version=1.0",
        "Article AR-100: prix 12,50 €; famille=MOBILIER",
    ],
)
def test_harmless_texts_are_left_alone(text: str) -> None:
    assert redact(text) == text


@pytest.mark.covers("PRF-08")
def test_p34_a_registered_secret_is_starred_wherever_it_shows_up() -> None:
    register_secret('pa"ss/wo rd+1')
    for shape in ('pa"ss/wo rd+1', "pa%22ss%2Fwo%20rd%2B1", "pa%22ss%2Fwo+rd%2B1", 'pa\\"ss/wo rd+1'):
        assert redact(f"nothing names it: {shape}!") == "nothing names it: ***!"
    register_pair("alice", "hunter2!")
    assert "YWxpY2U6aHVudGVyMiE=" not in redact("sent YWxpY2U6aHVudGVyMiE= upstream")
    forget_secrets()
    assert redact("hunter2!") == "hunter2!"


def test_short_values_are_not_registered() -> None:
    register_secret("abc")
    register_secret(None)
    assert redact("abc") == "abc"


def test_mappings_are_copied_to_any_depth() -> None:
    given = {"url": "u", "password": CANARY, "rows": [{"api_key": CANARY, "n": 1}], "secret_set": True, "token": None}
    assert redact(given) == {
        "url": "u",
        "password": "***",
        "rows": [{"api_key": "***", "n": 1}],
        "secret_set": True,
        "token": None,
    }
    assert given["password"] == CANARY
    assert redact((f"pwd={CANARY}".encode(), 3)) == ("pwd=***", 3)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("consumer_key", True),
        ("PWD", True),
        ("X-Api-Key", True),
        ("oauth_nonce", True),
        ("token_type", False),
        ("sku", False),
    ],
)
def test_names_that_hold_secrets(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


def test_many_threads_register_and_redact() -> None:
    failures: list[str] = []

    def work(number: int) -> None:
        for turn in range(50):
            value = f"live-{number}-{turn}-secret"
            register_secret(value)
            if value in redact(f"x {value} y"):
                failures.append(value)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    "unit", ["a", "password", "-_.", '"', "x=", "http://", "pwd={", '"k":"', "x-", "Basic ", '\\"', "a b=", "token=a "]
)
def test_a_hostile_text_costs_linear_time(unit: str) -> None:
    """Ten times the text may take about ten times as long; the square would take a hundred times."""

    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.perf_counter()
        redact(text)
        return time.perf_counter() - start

    small, large = seconds(4_000), seconds(40_000)
    assert large < 40 * small + 0.1
