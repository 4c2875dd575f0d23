"""The connection test tells every recorded failure apart, in words a shopkeeper can act on."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.core.ports import Runtime
from connectors.core.results import CheckReport, CheckState
from connectors.sandbox.woocommerce import WooCommerceSandbox, serve_woocommerce
from connectors.shops.woocommerce.check import run_check
from connectors.shops.woocommerce.options import WooCommerceOptions
from tests.connectors.web_server import local_runtime, reply, web_server
from tests.connectors.woocommerce.support import options_of

pytestmark = pytest.mark.covers("PRF-04")

HTML = "<html><title>Page</title></html>"
ROOT = {"name": "Boutique", "home": "", "url": "", "namespaces": ["wp/v2", "wc/v1", "wc/v2", "wc/v3"]}


def errors(report: CheckReport) -> list[str]:
    return [item.code for item in report.items if item.state is CheckState.ERROR]


def warnings(report: CheckReport) -> list[str]:
    return [item.code for item in report.items if item.state is CheckState.WARNING]


def check(url: str, runtime: Runtime | None = None, **changes: Any) -> CheckReport:
    values = {"consumer_key": "ck_1", "consumer_secret": "cs_1", **changes}
    return run_check(WooCommerceOptions(url=url, **values), runtime or local_runtime())


def check_shop(shop: WooCommerceSandbox, **changes: Any) -> CheckReport:
    return run_check(options_of(shop, **changes), local_runtime())


def test_a_good_shop_passes_over_http_with_signatures(shop: WooCommerceSandbox) -> None:
    report = check_shop(shop)
    assert report.ok
    assert warnings(report) == []
    assert report.facts["currency"] == "EUR"
    assert report.facts["timezone"] == "Europe/Paris"
    assert not any(shop.server.log.totals()["item_writes"].values())


@pytest.mark.parametrize("how", [{}, {"key_in_query": True}, {"sign_requests": True}])
def test_a_good_shop_passes_over_https_in_each_way_of_signing(how: dict[str, bool]) -> None:
    with serve_woocommerce(tls=True) as secure:
        assert check_shop(secure, verify_tls=False, **how).ok
        assert errors(check_shop(secure)) == ["tls_untrusted"]


def test_an_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: Any, **_kwargs: Any) -> list[Any]:
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    report = check("https://nexistepas.example")
    assert errors(report) == ["host_unknown"]
    assert "nexistepas.example" in report.items[0].text()


def test_a_closed_port_and_an_internal_address(free_port: int) -> None:
    assert errors(check(f"http://127.0.0.1:{free_port}")) == ["connection_refused"]
    assert errors(check("http://192.168.0.10", Runtime())) == ["address_refused"]


def test_a_silent_shop_is_given_up_within_ten_seconds() -> None:
    with web_server(lambda h, s: time.sleep(6)) as server:
        started = time.monotonic()
        report = check(server.url)
        assert time.monotonic() - started < 10
    assert errors(report) == ["timed_out"]


def test_a_slow_shop_gets_its_report_within_ten_seconds(own_shop: WooCommerceSandbox) -> None:
    own_shop.server.latency.request_ms = 1500
    started = time.monotonic()
    report = check_shop(own_shop)
    assert time.monotonic() - started < 10
    assert report.ok
    assert "shop_slow" in warnings(report)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda h: reply(h, 503, HTML, kind="text/html", Retry_After="600"), "shop_in_maintenance"),
        (lambda h: reply(h, 502, HTML, kind="text/html"), "shop_down"),
        (lambda h: reply(h, 500, HTML, kind="text/html"), "shop_down"),
        (lambda h: reply(h, 403, HTML, kind="text/html"), "firewall"),
        (lambda h: reply(h, 429, HTML, kind="text/html"), "firewall"),
        (lambda h: reply(h, 200, HTML, kind="text/html"), "not_json"),
        (lambda h: reply(h, 404, HTML, kind="text/html"), "not_wordpress"),
        (lambda h: reply(h, 301, "", Location="https://www.ailleurs.example/wp-json/"), "redirected"),
        (lambda h: reply(h, 200, {**ROOT, "namespaces": ["wp/v2"]}), "woocommerce_missing"),
        (lambda h: reply(h, 200, {**ROOT, "namespaces": ["wc/v1", "wc/v2"]}), "woocommerce_too_old"),
    ],
)
def test_what_answers_instead_of_a_shop(answer: Callable[[Any], None], code: str) -> None:
    with web_server(lambda h, s: answer(h)) as server:
        report = check(server.url)
    assert errors(report) == [code]
    item = report.items[-1]
    assert item.advice_text()
    assert item.text()


def test_plain_permalinks_are_recognised() -> None:
    def answer(handler: Any, seen: Any) -> None:
        if "rest_route" in seen.path:
            reply(handler, 200, ROOT)
        else:
            reply(handler, 404, HTML, kind="text/html")

    with web_server(answer) as server:
        assert errors(check(server.url)) == ["plain_permalinks"]


def test_an_old_version_is_named() -> None:
    def answer(handler: Any, seen: Any) -> None:
        if "system_status" in seen.path:
            reply(handler, 200, {"environment": {"version": "3.4.8", "wp_version": "4.9"}})
        else:
            reply(handler, 200, [] if "wc/v3" in seen.path else ROOT)

    with web_server(answer) as server:
        report = check(server.url)
    assert errors(report) == ["woocommerce_too_old"]
    assert "3.4.8" in report.items[-1].text()


@pytest.mark.parametrize("tls", [False, True])
def test_each_wrong_key_has_its_own_advice(shop: WooCommerceSandbox, tls: bool) -> None:
    with serve_woocommerce(tls=tls) as tried:
        common = {"verify_tls": False}

        def keyed(key: Any) -> CheckReport:
            return check_shop(tried, consumer_key=key.consumer_key, consumer_secret=key.consumer_secret, **common)

        found = {
            "key_unknown": check_shop(tried, consumer_key="ck_" + "9" * 40, **common),
            "secret_wrong": check_shop(tried, consumer_secret="cs_faux", **common),
            "key_read_only": keyed(tried.read_only_key),
            "key_write_only": keyed(tried.write_only_key),
            "key_without_rights": keyed(tried.customer_key),
        }
        for code, report in found.items():
            assert errors(report) == [code]
        assert len({report.items[-1].advice_text() for report in found.values()}) == len(found)
        manager = keyed(tried.manager_key)
        assert manager.ok
        assert warnings(manager) == ["key_shop_manager"]


def _recorded_refusal(handler: Any, code: str, message: str, status: int = 401) -> None:
    reply(handler, status, {"code": code, "message": message, "data": {"status": status}})


def test_a_host_that_strips_the_header_is_told_from_an_unknown_key(tmp_path: Any) -> None:
    from tests.connectors.test_http import certificate

    def answer(handler: Any, seen: Any) -> None:
        if "wc/v3" not in seen.path:
            reply(handler, 200, ROOT)
        elif "oauth_signature" in seen.path:
            reply(handler, 200, [])
        else:
            _recorded_refusal(handler, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")

    with web_server(answer, certificate(tmp_path, name="localhost", days=5)) as server:
        report = check(server.url, verify_tls=False, consumer_secret="cs_canari_9911")
        assert errors(report) == ["header_ignored"]
        assert "Signer les demandes" in report.items[-1].advice_text()
        assert not any("cs_canari_9911" in seen.path for seen in server.seen)


def test_a_wrong_clock_is_named() -> None:
    def answer(handler: Any, seen: Any) -> None:
        if "wc/v3" in seen.path:
            _recorded_refusal(handler, "woocommerce_rest_authentication_error", "Invalid timestamp.")
        else:
            reply(handler, 200, ROOT)

    with web_server(answer) as server:
        assert errors(check(server.url)) == ["clock_wrong"]


def test_a_wrong_home_address_breaks_signatures_and_is_named() -> None:
    """Recorded: «Invalid signature» when the shop believes in another host, port or scheme."""
    message = "Invalid signature - provided signature does not match."

    def answer(handler: Any, seen: Any) -> None:
        if "wc/v3" in seen.path:
            _recorded_refusal(handler, "woocommerce_rest_authentication_error", message)
        else:
            reply(handler, 200, {**ROOT, "home": "http://www.boutique.example"})

    with web_server(answer) as server:
        report = check(server.url)
    assert errors(report) == ["home_url_differs"]
    assert "http://www.boutique.example" in report.items[-1].advice_text()


def test_a_shop_behind_a_firewall_that_blocks_writes(shop: WooCommerceSandbox) -> None:
    shop.server.faults.add({"action": "status", "status": 403, "method": "POST"})
    assert errors(check_shop(shop)) == ["write_blocked"]


def test_a_hidden_index_is_only_a_warning(shop: WooCommerceSandbox) -> None:
    body = {"code": "rest_not_logged_in", "message": "Non", "data": {"status": 401}}
    shop.server.faults.add({"action": "status", "status": 401, "path": "wp-json/?$", "body": body})
    report = check_shop(shop)
    assert report.ok
    assert "index_hidden" in warnings(report)


def test_stock_management_switched_off_is_a_warning(shop: WooCommerceSandbox) -> None:
    from tests.connectors.woocommerce.support import connect

    opened = connect(shop)
    opened._shop.api.client.request(
        "PUT",
        opened._shop.api.url("wc/v3/settings/products/woocommerce_manage_stock"),
        body={"value": "no"},
    )
    assert "stock_not_managed" in warnings(check_shop(shop))
    opened.close()


def test_over_http_the_secret_never_travels(shop: WooCommerceSandbox) -> None:
    with web_server(lambda h, s: reply(h, 200, ROOT)) as server:
        check(server.url, consumer_secret="cs_canari_4242")
        assert len(server.seen) > 1
        for seen in server.seen:
            assert "cs_canari_4242" not in seen.path + repr(seen.headers)
            query = parse_qs(urlsplit(seen.path).query)
            assert "Authorization" not in seen.headers
            assert ("oauth_signature" in query) == ("wc/v3" in seen.path)


def _media(shop: WooCommerceSandbox, **changes: Any) -> tuple[CheckState, str, str]:
    values = {"media_user": shop.media_user, "media_password": shop.application_password, **changes}
    report = check_shop(shop, **values)
    (item,) = [item for item in report.items if item.name == "Images"]
    assert item.state is CheckState.OK or item.advice_text()
    return item.state, item.code, item.text()


@pytest.mark.covers("CAT-14")
def test_the_account_of_the_pictures_is_tested_only_where_it_is_filled_in(shop: WooCommerceSandbox) -> None:
    assert "Images" not in {item.name for item in check_shop(shop).items}
    state, _, sentence = _media(shop)
    assert state is CheckState.OK
    assert "supprimer" in sentence
    spaced = " ".join(shop.application_password[at : at + 4] for at in range(0, 24, 4))
    assert _media(shop, media_password=spaced)[0] is CheckState.OK, "as WordPress shows it"


@pytest.mark.covers("CAT-14")
def test_each_fault_of_the_account_of_the_pictures_has_its_own_advice(shop: WooCommerceSandbox) -> None:
    assert _media(shop, media_password="")[1] == "media_account_half"
    assert _media(shop, media_password="faux")[1] == "media_account_refused"
    assert _media(shop, media_user="personne")[1] == "media_account_refused"
    assert _media(shop, media_user=shop.consumer_key, media_password=shop.consumer_secret)[1] == "media_header_lost"
    shop.app.auth.roles["admin"] = "author"
    assert "supprimer" not in _media(shop)[2]
    shop.app.auth.roles["admin"] = "subscriber"
    assert _media(shop)[1] == "media_right_missing"
    shop.app.auth.roles.clear()
    for body, code in (
        ({"code": "application_passwords_disabled", "message": "Non"}, "media_passwords_disabled"),
        ({"code": "rest_no_route", "message": "Non"}, "media_closed"),
    ):
        status = 404 if code == "media_closed" else 401
        rule = shop.server.faults.add(
            {"action": "status", "status": status, "body": body, "method": "GET", "path": "users/me"}
        )
        assert _media(shop)[1] == code
        shop.server.faults.remove(rule.id)
