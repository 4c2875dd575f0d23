"""Keeps outgoing connections away from loopback, private and metadata addresses.

The decision is taken on the resolved address and the connection goes to that very address, so a name that changes its
mind between look-up and connection (DNS rebinding) gains nothing. Each hop of a redirect is decided anew.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connectors.core.problems import Misconfigured, Problem

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Deprecated IPv4-compatible addresses (::a.b.c.d): some stacks still route them.
_COMPATIBLE = ipaddress.ip_network("::/96")


class AddressRefused(Misconfigured):
    """The address is not one the platform may talk to."""


class NameUnknown(OSError):
    """The host name has no address."""


class LookupTimedOut(OSError):
    """The name server did not answer in time."""


def refusal(host: str, port: int, found: Sequence[Address]) -> AddressRefused:
    """The problem shown to the person who typed the address; the addresses found stay in the detail."""
    return AddressRefused(
        Problem(
            "address_refused",
            "L’adresse %(host)s:%(port)s désigne une machine interne que cette plateforme n’a pas le droit d’appeler.",
            "Saisissez l’adresse publique. Si l’adresse interne est voulue, demandez à l’hébergeur de la plateforme"
            " d’ajouter %(host)s:%(port)s aux adresses autorisées.",
            detail=", ".join(str(address) for address in found),
            values={"host": host, "port": str(port)},
        )
    )


def inner_addresses(address: Address) -> list[Address]:
    """The address and every IPv4 address wrapped inside it (mapped, compatible, 6to4, Teredo, NAT64)."""
    found: list[Address] = [address]
    if not isinstance(address, ipaddress.IPv6Address):
        return found
    if address.ipv4_mapped:
        found.append(address.ipv4_mapped)
    if address.sixtofour:
        found.append(address.sixtofour)
    if address.teredo:
        found.extend(address.teredo)
    if address in _NAT64 or address in _COMPATIBLE:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return found


def is_public(address: Address) -> bool:
    """Whether the address, and whatever is wrapped in it, belongs to the public Internet."""
    inner = inner_addresses(address)
    # A wrapper is judged by what it wraps: ::ffff:8.8.8.8 is not global by itself.
    judged = inner[1:] or inner
    return all(item.is_global and not item.is_multicast for item in judged)


@dataclass(frozen=True, slots=True)
class _Entry:
    host: str = ""
    port: int | None = None
    network: Network | None = None

    def allows(self, host: str, port: int, address: Address) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address.version == self.network.version and address in self.network
        return self.host == host


def _entry(text: str) -> _Entry:
    text = text.strip().lower()
    network = _network(text)
    if network is not None:
        return _Entry(network=network)
    host, _, port = text.rpartition(":")
    if not host:
        return _Entry(host=text.rstrip("."))
    host = host.strip("[]").rstrip(".")
    number = None if port == "*" else _port(port)
    network = _network(host)
    return _Entry(port=number, network=network) if network is not None else _Entry(host=host, port=number)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError(f"not a port: {text!r}")
    return int(text)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


class AddressGuard:
    """Decides which addresses a host name may be reached at.

    ``allowed``: entries of the platform's host: ``host:port``, ``host:*``, ``host``, an address or a CIDR block, the
    last two with or without a port. Raises ``ValueError`` for an entry that is none of these.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._entries = tuple(_entry(text) for text in allowed if text.strip())

    def permits(self, host: str, port: int, address: Address) -> bool:
        """Whether ``host`` may be reached at this address."""
        if is_public(address):
            return True
        name = host.strip("[]").rstrip(".").lower()
        candidates = inner_addresses(address)
        return any(entry.allows(name, port, item) for entry in self._entries for item in candidates)

    def addresses(self, host: str, port: int, timeout: float) -> list[str]:
        """Resolves ``host`` once and returns the addresses that may be used, in the order of the resolver.

        Raises ``NameUnknown``, ``LookupTimedOut``, or ``AddressRefused`` when every address is off limits.
        """
        found = _resolve(host, port, timeout)
        kept = [str(address) for address in found if self.permits(host, port, address)]
        if not kept:
            raise refusal(host, port, found)
        return kept


def _resolve(host: str, port: int, timeout: float) -> list[Address]:
    """All addresses of ``host``. The look-up runs aside because the system resolver has no deadline of its own."""
    answers: list[Address] = []
    failure: list[OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            for info in socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM):
                address = ipaddress.ip_address(str(info[4][0]).partition("%")[0])
                if address not in answers:
                    answers.append(address)
        except (OSError, UnicodeError) as error:
            failure.append(error)

    worker = threading.Thread(target=look_up, name="resolver", daemon=True)
    worker.start()
    worker.join(timeout)
    if worker.is_alive():
        raise LookupTimedOut(f"no answer from the name server for {host}")
    if failure or not answers:
        raise NameUnknown(f"{host}: {failure[0] if failure else 'no address'}")
    return answers
