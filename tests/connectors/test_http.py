"""The HTTP client: time-outs, retries of reads only, pauses, caps, redirects, content types, secrets."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.core.http import (
    Call,
    CertificateRefused,
    HttpClient,
    HttpSettings,
    LostAnswer,
    NoAnswer,
    Outgoing,
    Unreachable,
    clock_skew,
    error_of,
    query_text,
)
from connectors.core.http_policy import Decision, HttpPolicy, Rule, retry_after
from connectors.core.problems import CredentialsRefused, ItemRefused, Misconfigured, RateLimited
from connectors.core.ratelimit import RunStopped, TokenBucket
from connectors.core.redaction import register_secret
from tests.connectors.web_server import Script, local_runtime, reply, web_server

QUICK = HttpSettings(read_timeout=0.4, first_pause=0.02)


def scripted(*answers: Callable[[Any], None]) -> Callable[[Any, Any], None]:
    """Answers in turn; the last one repeats."""
    left = list(answers)

    def answer(handler: Any, _seen: Any) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return answer


def cut(handler: Any) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def ok(handler: Any) -> None:
    reply(handler, 200, {"ok": True})


# --- time-outs and lost answers --------------------------------------------------------------------------------------


@pytest.mark.covers("PRF-07")
def test_p27_a_read_that_gets_no_answer_in_time_is_tried_again_and_then_fails() -> None:
    with web_server(lambda h, s: time.sleep(1.2)) as server, HttpClient(local_runtime(), QUICK) as client:
        with pytest.raises(NoAnswer) as caught:
            client.request("GET", server.url)
        assert caught.value.problem.code == "timed_out"
        assert len(server.seen) == QUICK.read_attempts


@pytest.mark.covers("CAT-01")
def test_p01_a_write_without_an_answer_is_sent_once_and_reported_as_lost() -> None:
    for failure, code in ((lambda h: time.sleep(1.0), "timed_out"), (cut, "connection_cut")):
        with web_server(scripted(failure)) as server, HttpClient(local_runtime(), QUICK) as client:
            with pytest.raises(LostAnswer) as caught:
                client.request("POST", server.url, body={"a": 1})
            assert caught.value.problem.code == code
            assert len(server.seen) == 1


@pytest.mark.covers("CAT-01")
@pytest.mark.parametrize("status", [500, 502, 504, 503])
def test_p01_a_write_answered_by_a_server_error_is_lost_and_not_repeated(status: int) -> None:
    with web_server(lambda h, s: reply(h, status)) as server, HttpClient(local_runtime(), QUICK) as client:
        with pytest.raises(LostAnswer):
            client.request("POST", server.url, body={})
        assert len(server.seen) == 1


@pytest.mark.covers("PRF-07")
def test_a_read_survives_two_server_errors_and_a_cut() -> None:
    answers = scripted(lambda h: reply(h, 502, "<html>", kind="text/html"), cut, ok)
    with web_server(answers) as server, HttpClient(local_runtime(), QUICK) as client:
        assert client.request("GET", server.url).json() == {"ok": True}


@pytest.mark.covers("PRF-07")
def test_an_answer_that_trickles_in_is_ended_by_the_overall_deadline() -> None:
    def trickle(handler: Any, _seen: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        for _ in range(60):
            try:
                handler.wfile.write(b"x")
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.1)

    settings = HttpSettings(connect_timeout=0.3, read_timeout=0.3, read_attempts=1)
    with web_server(trickle) as server, HttpClient(local_runtime(), settings) as client:
        started = time.monotonic()
        with pytest.raises(NoAnswer):
            client.request("GET", server.url)
        assert time.monotonic() - started < 3


@pytest.mark.covers("PRF-07")
def test_a_shortened_answer_is_noticed() -> None:
    def short(handler: Any, _seen: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"[1,2")
        handler.close_connection = True

    with web_server(short) as server, HttpClient(local_runtime(), HttpSettings(read_attempts=1)) as client:
        with pytest.raises(NoAnswer) as caught:
            client.request("GET", server.url)
        assert caught.value.problem.code == "connection_cut"


@pytest.mark.covers("PRF-07")
def test_p28_a_body_above_the_cap_is_refused() -> None:
    settings = HttpSettings(max_body=100_000, read_attempts=1)
    with (
        web_server(lambda h, s: reply(h, 200, "x" * 300_000)) as server,
        HttpClient(local_runtime(), settings) as client,
    ):
        with pytest.raises(NoAnswer) as caught:
            client.request("GET", server.url)
        assert caught.value.problem.code == "answer_too_large"


@pytest.mark.covers("PRF-04")
def test_a_closed_port_is_unreachable_and_nothing_was_sent(free_port: int) -> None:
    with HttpClient(local_runtime(), QUICK) as client, pytest.raises(Unreachable) as caught:
        client.request("POST", f"http://127.0.0.1:{free_port}/", body={})
    assert caught.value.problem.code == "connection_refused"
    assert str(free_port) in caught.value.problem.text()


# --- being told to wait ----------------------------------------------------------------------------------------------


@pytest.mark.covers("PRF-07")
def test_p26_a_decimal_retry_after_is_honoured() -> None:
    answers = scripted(lambda h: reply(h, 429, Retry_After="0.5"), ok)
    with web_server(answers) as server, HttpClient(local_runtime(), QUICK) as client:
        assert client.request("POST", server.url, body={}).status == 200
        assert server.seen[1].at - server.seen[0].at >= 0.45


@pytest.mark.covers("PRF-07")
def test_p26_a_pause_above_the_ceiling_is_handed_over_at_once() -> None:
    with web_server(lambda h, s: reply(h, 503, Retry_After="600")) as server, HttpClient(local_runtime()) as client:
        started = time.monotonic()
        with pytest.raises(RateLimited) as caught:
            client.request("POST", server.url, body={})
        assert caught.value.delay == 600
        assert time.monotonic() - started < 1


@pytest.mark.covers("PRF-07")
def test_p26_one_thread_told_to_wait_holds_back_the_others() -> None:
    started = time.monotonic()

    def answer(handler: Any, seen: Any) -> None:
        told = seen.path == "/first" and seen.at - started < 0.4
        reply(handler, 429 if told else 200, Retry_After="1")

    with web_server(answer) as server, HttpClient(local_runtime(), QUICK) as client:
        thread = threading.Thread(target=client.request, args=("GET", f"{server.url}/first"))
        thread.start()
        time.sleep(0.3)
        client.request("GET", f"{server.url}/second")
        thread.join()
        second = next(seen for seen in server.seen if seen.path == "/second")
        assert second.at - server.seen[0].at >= 0.9


@pytest.mark.covers("LOG-01")
def test_a_stop_request_ends_a_pause_within_a_second() -> None:
    stop = threading.Event()
    runtime = local_runtime(should_stop=stop.is_set)
    with web_server(lambda h, s: reply(h, 429, Retry_After="30")) as server, HttpClient(runtime) as client:
        threading.Timer(0.3, stop.set).start()
        started = time.monotonic()
        with pytest.raises(RunStopped):
            client.request("GET", server.url)
        assert time.monotonic() - started < 1.3


@pytest.mark.covers("PRF-07")
@pytest.mark.parametrize(("connections", "at_once", "most"), [(3, 0, 3), (4, 2, 2), (2, 8, 2)])
def test_no_more_calls_are_made_at_once_than_allowed_however_many_threads_ask(
    connections: int, at_once: int, most: int
) -> None:
    """All places are taken before the first is left: a client that allowed fewer would wait in vain."""
    lock, full = threading.Lock(), threading.Barrier(most)
    state = {"now": 0, "most": 0}

    def answer(handler: Any, _seen: Any) -> None:
        with lock:
            state["now"] += 1
            state["most"] = max(state["most"], state["now"])
        full.wait(20)
        with lock:
            state["now"] -= 1
        reply(handler)

    settings = HttpSettings(connections=connections)
    with web_server(answer) as server, HttpClient(local_runtime(at_once=at_once), settings) as client:
        threads = [threading.Thread(target=_calls, args=(client, server, 2)) for _ in range(most * 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.seen) == most * 6
    assert state["most"] == most


@pytest.mark.covers("LOG-01")
def test_a_stop_request_ends_the_wait_for_a_place_within_a_second_and_nothing_is_sent() -> None:
    stop, leave = threading.Event(), threading.Event()

    def answer(handler: Any, _seen: Any) -> None:
        leave.wait(20)
        reply(handler)

    runtime = local_runtime(should_stop=stop.is_set)
    with web_server(answer) as server, HttpClient(runtime, HttpSettings(connections=1)) as client:
        first = threading.Thread(target=client.request, args=("GET", server.url))
        first.start()
        while not server.seen:
            time.sleep(0.01)
        threading.Timer(0.3, stop.set).start()
        started = time.monotonic()
        with pytest.raises(RunStopped):
            client.request("POST", server.url, body={})
        assert time.monotonic() - started < 1.3
        leave.set()
        first.join()
        assert [seen.method for seen in server.seen] == ["GET"]


@pytest.mark.covers("PRF-07")
def test_p26_the_budget_is_used_to_nine_tenths_with_hardly_a_refusal() -> None:
    """A server with its own bucket (60 calls a second); four threads share one client bucket of the same rate."""
    lock = threading.Lock()
    state = {"level": 6.0, "at": time.monotonic(), "refused": 0}

    def answer(handler: Any, _seen: Any) -> None:
        with lock:
            now = time.monotonic()
            state["level"] = min(6.0, state["level"] + (now - state["at"]) * 60)
            state["at"] = now
            fits = state["level"] >= 1
            state["level"] -= 1 if fits else 0
            state["refused"] += 0 if fits else 1
        reply(handler, 200 if fits else 429, Retry_After="0.1")

    settings = HttpSettings(rate=57, burst=3, rate_name="shop")
    runtime = local_runtime(rate=TokenBucket())
    with web_server(answer) as server, HttpClient(runtime, settings) as client:
        client.request("GET", server.url)
        started = time.monotonic()
        threads = [threading.Thread(target=_calls, args=(client, server, 45)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - started
    assert state["refused"] <= 0.01 * 181
    assert 180 / seconds >= 0.9 * 57


def _calls(client: HttpClient, server: Script, count: int) -> None:
    for _ in range(count):
        assert client.request("GET", server.url).status == 200


@pytest.mark.covers("PRF-07")
@pytest.mark.parametrize(
    ("text", "seconds"), [("2", 2.0), ("1.5", 1.5), ("", None), ("demain", None), ("-3", 0.0), ("nan", None)]
)
def test_retry_after_is_read_leniently(text: str, seconds: float | None) -> None:
    assert retry_after(text) == seconds


@pytest.mark.covers("PRF-07")
def test_retry_after_may_be_a_date() -> None:
    now = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
    assert retry_after(format_datetime(now + timedelta(seconds=90), usegmt=True), now) == 90
    assert retry_after(format_datetime(now - timedelta(seconds=90), usegmt=True), now) == 0


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.covers("PRF-04")
def test_html_instead_of_json_is_named_and_a_write_behind_it_counts_as_lost() -> None:
    page = "<html><title>Just a moment…</title></html>"
    with (
        web_server(lambda h, s: reply(h, 200, page, kind="text/html")) as server,
        HttpClient(local_runtime()) as client,
    ):
        with pytest.raises(NoAnswer) as caught:
            client.request("GET", server.url).json()
        assert caught.value.problem.code == "not_json"
        assert "Just a moment" in caught.value.problem.detail
        with pytest.raises(LostAnswer):
            client.request("POST", server.url, body={}).json()


@pytest.mark.covers("PRI-01")
def test_numbers_are_decimals_and_a_byte_order_mark_is_no_obstacle() -> None:
    body = "\ufeff" + '{"price": 10.10}'
    with web_server(lambda h, s: reply(h, 200, body)) as server, HttpClient(local_runtime()) as client:
        assert client.request("GET", server.url).json() == {"price": Decimal("10.10")}


@pytest.mark.covers("PRF-04")
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ItemRefused),
        (401, CredentialsRefused),
        (403, CredentialsRefused),
        (404, ItemRefused),
        (301, Misconfigured),
    ],
)
def test_each_status_has_its_consequence(status: int, kind: type[Exception]) -> None:
    policy = HttpPolicy()
    elsewhere = "https://ailleurs.example/"
    with web_server(lambda h, s: reply(h, status, Location=elsewhere)) as server, HttpClient(local_runtime()) as client:
        answer = client.request("POST", server.url, body={})
    error = error_of(answer, policy.rule(status))
    assert type(error) is kind
    assert "%(" not in error.problem.text() + error.problem.advice_text()


@pytest.mark.covers("PRF-04")
def test_a_connector_overrides_single_statuses() -> None:
    policy = HttpPolicy(rules={404: Rule(Decision.SETTINGS, "wrong_endpoint", "Adresse fausse.")})
    assert policy.rule(404).code == "wrong_endpoint"
    assert policy.rule(410).decision is Decision.REFUSE
    assert policy.rule(599).decision is Decision.UNKNOWN
    assert policy.rule(204).decision is Decision.ACCEPT


@pytest.mark.covers("PRF-04")
def test_the_clock_of_the_server_is_compared() -> None:
    with web_server(lambda h, s: reply(h)) as server, HttpClient(local_runtime()) as client:
        answer = client.request("GET", server.url)
    assert abs(clock_skew(answer, time.time()) or 99) < 5
    assert 3500 < (clock_skew(answer, time.time() - 3600) or 0) < 3700


# --- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.covers("PRF-04")
def test_reads_follow_redirects_on_the_same_host_and_sign_each_hop() -> None:
    signed: list[str] = []

    def sign(outgoing: Outgoing) -> Outgoing:
        signed.append(outgoing.url)
        return outgoing

    def answer(handler: Any, seen: Any) -> None:
        reply(handler, 200 if seen.path == "/b" else 301, Location="/b")

    with web_server(answer) as server, HttpClient(local_runtime(), signer=sign) as client:
        assert client.request("GET", f"{server.url}/a").status == 200
        assert signed == [f"{server.url}/a", f"{server.url}/b"]


@pytest.mark.covers("PRF-04")
def test_redirects_of_writes_loops_and_foreign_hosts_are_not_followed() -> None:
    with web_server(lambda h, s: reply(h, 301, Location=s.path)) as server, HttpClient(local_runtime()) as client:
        assert client.request("POST", server.url, body={}).status == 301
        assert len(server.seen) == 1
        assert client.request("GET", server.url).status == 301
        assert len(server.seen) == 2 + client.settings.redirects
    target = "http://localhost:1/"
    with web_server(lambda h, s: reply(h, 302, Location=target)) as server, HttpClient(local_runtime()) as client:
        assert client.request("GET", server.url).status == 302


@pytest.mark.covers("PRF-08")
def test_p34_credentials_do_not_follow_to_another_host() -> None:
    with web_server(lambda h, s: reply(h)) as other:

        def sign(outgoing: Outgoing) -> Outgoing:
            return Outgoing(
                method=outgoing.method, url=outgoing.url, headers={**outgoing.headers, "Authorization": "Basic abc"}
            )

        target = f"http://localhost:{other.port}/"
        with web_server(lambda h, s: reply(h, 302, Location=target)) as server:
            runtime = local_runtime(allowed_addresses=("127.0.0.1:*", "localhost:*"))
            settings = HttpSettings(foreign_redirects=True)
            with HttpClient(runtime, settings, signer=sign) as client:
                assert client.request("GET", server.url).status == 200
            assert server.seen[0].headers["Authorization"] == "Basic abc"
            assert "Authorization" not in other.seen[0].headers


# --- secrets, connections, threads -----------------------------------------------------------------------------------


@pytest.mark.covers("PRF-08", "LOG-04")
def test_p34_no_secret_reaches_the_log_the_hook_or_a_problem(caplog: pytest.LogCaptureFixture) -> None:
    canary = "cs_canari_7d1f0c"
    register_secret(canary)
    calls: list[Call] = []
    caplog.set_level(logging.DEBUG)
    body = {"password": canary, "note": canary}
    with (
        web_server(lambda h, s: reply(h, 500, f"trace {canary}")) as server,
        HttpClient(local_runtime(), hook=calls.append) as client,
        pytest.raises(LostAnswer) as caught,
    ):
        client.request("POST", f"{server.url}/?consumer_secret={canary}", body=body)
    assert len(calls) == 1
    assert calls[0].status == 500
    assert canary not in repr(calls) + repr(caught.value.problem) + caplog.text + str(caught.value)


@pytest.mark.covers("PRF-07")
def test_p27_connections_are_kept_open_and_never_more_than_allowed() -> None:
    with web_server(lambda h, s: reply(h)) as server:
        with HttpClient(local_runtime(), HttpSettings(connections=3)) as client:
            threads = [threading.Thread(target=_calls, args=(client, server, 20)) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(server.seen) == 120
        assert len(server.connections) <= 3


@pytest.mark.covers("ACC-04")
def test_cookies_and_environment_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with web_server(lambda h, s: reply(h, Set_Cookie="session=1")) as server, HttpClient(local_runtime()) as client:
        client.request("GET", server.url)
        client.request("GET", server.url)
    assert "Cookie" not in server.seen[1].headers


@pytest.mark.covers("PRF-04")
def test_queries_encode_every_reserved_character() -> None:
    assert query_text({"search": "é & à/b c", "n": 1}) == "search=%C3%A9%20%26%20%C3%A0%2Fb%20c&n=1"


# --- certificates ----------------------------------------------------------------------------------------------------


def certificate(folder: Path, *, name: str, days: int = 1) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=30))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}{days}.crt", folder / f"{name}{days}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.mark.covers("PRF-04")
@pytest.mark.parametrize(
    ("name", "days", "trusted", "code"),
    [
        ("localhost", 10, False, "tls_untrusted"),
        ("localhost", -1, True, "tls_expired"),
        ("autre.example", 10, True, "tls_hostname"),
        ("localhost", 10, True, ""),
    ],
)
def test_certificate_troubles_are_told_apart(tmp_path: Path, name: str, days: int, trusted: bool, code: str) -> None:
    paths = certificate(tmp_path, name=name, days=days)
    settings = HttpSettings(verify=str(paths[0]) if trusted else True)
    runtime = local_runtime(allowed_addresses=("localhost:*",))
    with web_server(lambda h, s: reply(h), paths) as server, HttpClient(runtime, settings) as client:
        url = f"https://localhost:{server.port}/"
        if not code:
            assert client.request("GET", url).status == 200
            return
        with pytest.raises(CertificateRefused) as caught:
            client.request("GET", url)
        assert caught.value.problem.code == code


@pytest.mark.covers("PRF-04")
def test_https_towards_a_plain_port_is_named() -> None:
    with (
        web_server(lambda h, s: reply(h)) as server,
        HttpClient(local_runtime()) as client,
        pytest.raises(CertificateRefused) as caught,
    ):
        client.request("GET", f"https://127.0.0.1:{server.port}/")
    assert caught.value.problem.code == "tls_failed"
