"""The address guard: what a profile's URL must never reach, decided on the resolved address, after redirects too."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from connectors.core.address_guard import AddressGuard, AddressRefused, is_public
from connectors.core.http import HttpClient, HttpSettings, Unreachable
from connectors.core.ports import Runtime
from tests.connectors.web_server import local_runtime, reply, web_server

pytestmark = pytest.mark.covers("OPS-02", "PRF-04")

ATTACKS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0.0.0.0",  # noqa: S104 (an attack, not a bind)
    "localhost",
    "10.0.0.5",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::7f00:1]",
    "[2002:7f00:1::]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[fe80::1]",
    "[fd00::1]",
    "[ff02::1]",
]


@pytest.mark.parametrize("host", ATTACKS)
def test_internal_addresses_are_refused(host: str) -> None:
    with HttpClient(Runtime()) as client, pytest.raises(AddressRefused) as caught:
        client.request("GET", f"http://{host}:8080/x")
    assert caught.value.problem.code == "address_refused"
    assert "%" not in caught.value.problem.text()


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("93.184.216.34", True),
        ("::ffff:8.8.8.8", True),
        ("2606:4700::1111", True),
        ("64:ff9b::808:808", True),
        ("2002:a00:1::", False),
        ("::ffff:10.0.0.1", False),
    ],
)
def test_public_addresses_pass_also_when_wrapped(text: str, public: bool) -> None:
    import ipaddress

    assert is_public(ipaddress.ip_address(text)) is public


@pytest.mark.parametrize(
    ("entry", "allowed"),
    [
        ("127.0.0.1:8080", True),
        ("127.0.0.1:*", True),
        ("127.0.0.1", True),
        ("127.0.0.0/8", True),
        ("127.0.0.0/8:8080", True),
        ("boutique.lan:8080", True),
        ("boutique.lan", True),
        ("BOUTIQUE.lan:*", True),
        ("127.0.0.1:81", False),
        ("autre.lan:8080", False),
        ("10.0.0.0/8", False),
        ("[::1]:8080", False),
    ],
)
def test_the_host_of_the_platform_may_allow_addresses(
    entry: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _resolver("127.0.0.1"))
    guard = AddressGuard([entry])
    if allowed:
        assert guard.addresses("boutique.lan", 8080, 2) == ["127.0.0.1"]
        return
    with pytest.raises(AddressRefused):
        guard.addresses("boutique.lan", 8080, 2)


def test_an_unreadable_entry_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a port"):
        AddressGuard(["boutique.lan:http"])


def test_rebinding_connects_to_the_address_that_was_decided_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is resolved once; a second answer pointing inside is never asked for."""
    answers = iter([[("93.184.216.34", 80)], [("127.0.0.1", 80)]])
    asked: list[str] = []
    reached: list[Any] = []

    def resolve(host: str, port: int, *_args: Any, **_kwargs: Any) -> list[Any]:
        if host[0].isdigit():
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in next(answers)]

    def connect(self: socket.socket, address: Any) -> None:
        reached.append(address)
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with HttpClient(Runtime(), HttpSettings(read_attempts=1)) as client, pytest.raises(Unreachable):
        client.request("GET", "http://rebind.example/")
    assert asked == ["rebind.example"]
    assert reached == [("93.184.216.34", 80)]


def test_a_name_with_public_and_private_addresses_never_reaches_the_private_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _resolver("127.0.0.1", "93.184.216.34", "10.1.1.1"))
    assert AddressGuard().addresses("double.example", 443, 2) == ["93.184.216.34"]


def test_a_redirect_to_an_internal_address_is_refused() -> None:
    with web_server(lambda h, s: reply(h, 302, Location="http://[::1]:9/secret")) as server:
        settings = HttpSettings(foreign_redirects=True)
        with HttpClient(local_runtime(), settings) as client, pytest.raises(AddressRefused):
            client.request("GET", f"{server.url}/x")
        assert len(server.seen) == 1


def test_the_host_header_keeps_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server(lambda h, s: reply(h)) as server:
        monkeypatch.setattr(socket, "getaddrinfo", _resolver("127.0.0.1"))
        runtime = Runtime(allowed_addresses=(f"boutique.lan:{server.port}",))
        with HttpClient(runtime) as client:
            assert client.request("GET", f"http://boutique.lan:{server.port}/x").status == 200
        assert server.seen[0].headers["Host"] == f"boutique.lan:{server.port}"


def test_an_unknown_host_and_a_silent_name_server_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: Any, **_kwargs: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    settings = HttpSettings(read_attempts=1, connect_timeout=0.3)
    with HttpClient(Runtime(), settings) as client:
        with pytest.raises(Unreachable) as caught:
            client.request("GET", "https://nexistepas.example/")
        assert caught.value.problem.code == "host_unknown"
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: time.sleep(1) or [])
        with pytest.raises(Unreachable) as caught:
            client.request("GET", "https://lent.example/")
        assert caught.value.problem.code == "connect_timed_out"


def _resolver(*addresses: str) -> Any:
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host[0].isdigit():
            return real(host, port, *args, **kwargs)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return resolve
