"""The stand-in as a whole: shop, keys, server, file, command line."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from connectors.sandbox.httpd import SandboxServer
from connectors.sandbox.woocommerce.app import WooCommerceApp
from connectors.sandbox.woocommerce.auth import ApiKey, Authenticator
from connectors.sandbox.woocommerce.setup import bare_shop, french_shop, seed_products
from connectors.sandbox.woocommerce.store import WooStore

FULL = ApiKey("ck_" + "1" * 40, "cs_" + "1" * 40, "read_write", "administrator", 1)
READ_ONLY = ApiKey("ck_" + "2" * 40, "cs_" + "2" * 40, "read", "administrator", 1)
WRITE_ONLY = ApiKey("ck_" + "3" * 40, "cs_" + "3" * 40, "write", "administrator", 1)
MANAGER = ApiKey("ck_" + "4" * 40, "cs_" + "4" * 40, "read_write", "shop_manager", 2)
CUSTOMER = ApiKey("ck_" + "5" * 40, "cs_" + "5" * 40, "read_write", "customer", 3)
APPLICATION_PASSWORD = "gN6fA8npbXl7WS0WIPU0n6ta"


class WooCommerceSandbox:
    """A WooCommerce shop on a loopback port. Use it as a context manager, or `start()` and `stop()` once each.

    Without TLS only OAuth 1.0a counts, as on a real shop. `state_file` keeps the shop over restarts; `bare` leaves out
    VAT rates, delivery zone and payments. Raises OSError when the port is taken.
    """

    consumer_key = FULL.consumer_key
    consumer_secret = FULL.consumer_secret
    media_user = "admin"
    application_password = APPLICATION_PASSWORD
    read_only_key, write_only_key, manager_key, customer_key = READ_ONLY, WRITE_ONLY, MANAGER, CUSTOMER

    def __init__(
        self,
        *,
        port: int = 0,
        tls: bool = False,
        state_file: Path | str | None = None,
        bare: bool = False,
        max_connections: int = 0,
    ) -> None:
        self.store = WooStore()
        keys = {key.consumer_key: key for key in (FULL, READ_ONLY, WRITE_ONLY, MANAGER, CUSTOMER)}
        self.app = WooCommerceApp(self.store, Authenticator(keys, {"admin": APPLICATION_PASSWORD}))
        self.app.fresh = bare_shop if bare else french_shop
        self.server = SandboxServer(self.app, port=port, tls=tls, max_connections=max_connections)
        if state_file is None or not self.store.attach(Path(state_file)):
            self.app.reset()

    @property
    def url(self) -> str:
        """Address of the shop, without a trailing slash."""
        return self.server.url

    @property
    def control_url(self) -> str:
        """Address of the control API, with a trailing slash."""
        return self.server.control_url

    def start(self) -> WooCommerceSandbox:
        """Serve in the background."""
        self.server.start()
        self.app.dispatcher.start(self.server)
        return self

    def stop(self) -> None:
        """Stop serving and save the state."""
        self.server.stop()
        self.app.dispatcher.stop()
        self.store.close()

    def __enter__(self) -> WooCommerceSandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def seed(self, **params: Any) -> dict[str, Any]:
        """Add generated products, see `setup.seed_products`."""
        return seed_products(self.store, params)

    def describe(self) -> dict[str, Any]:
        """What a client needs to connect."""
        return {
            "system": "woocommerce",
            "url": self.url,
            "consumer_key": self.consumer_key,
            "consumer_secret": self.consumer_secret,
            "media_user": self.media_user,
            "media_password": self.application_password,
            "control_url": self.control_url,
            "products": len(self.store.by_id),
        }


@contextmanager
def serve_woocommerce(**options: Any) -> Iterator[WooCommerceSandbox]:
    """A running shop, see `WooCommerceSandbox` for the options."""
    with WooCommerceSandbox(**options) as sandbox:
        yield sandbox


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="woocommerce", description="A WooCommerce shop to try things on.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1, 0 picks a free one")
    parser.add_argument("--state", type=Path, help="file that keeps the shop over restarts")
    parser.add_argument("--items", type=int, default=0, help="generated products to start with")
    parser.add_argument("--prefix", default="ART-", help="prefix of generated references")
    parser.add_argument("--seed", type=int, default=1, help="seed of the generated products")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="milliseconds per request")
    parser.add_argument("--latency-item-ms", type=float, default=0.0, help="milliseconds per item written")
    parser.add_argument("--max-connections", type=int, default=0, help="requests worked on at a time, 0 for no limit")
    parser.add_argument("--tls", action="store_true", help="https with a certificate made at start")
    parser.add_argument("--bare", action="store_true", help="a fresh installation without VAT rates and delivery")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, *, ready: Callable[[dict[str, Any]], None] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Prints one JSON line with address and keys once it serves."""
    options = _arguments(argv)
    sandbox = WooCommerceSandbox(
        port=options.port,
        tls=options.tls,
        state_file=options.state,
        bare=options.bare,
        max_connections=options.max_connections,
    )
    if options.items and not len(sandbox.store.products):
        sandbox.seed(count=options.items, seed=options.seed, prefix=options.prefix)
    sandbox.server.latency.request_ms = options.latency_ms
    sandbox.server.latency.item_ms = options.latency_item_ms
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with sandbox:
        print(json.dumps(sandbox.describe()), flush=True)
        if ready is not None:
            ready(sandbox.describe())
        stop.wait()
    return 0
