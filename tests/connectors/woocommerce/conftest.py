"""A stand-in shop per module, emptied for each test, and connections to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sandbox.woocommerce import WooCommerceSandbox, serve_woocommerce
from connectors.shops.woocommerce.connection import WooConnection
from tests.connectors.woocommerce.support import connect


@pytest.fixture(scope="module")
def server() -> Iterator[WooCommerceSandbox]:
    with serve_woocommerce() as running:
        yield running


@pytest.fixture
def shop(server: WooCommerceSandbox) -> Iterator[WooCommerceSandbox]:
    """An empty French shop over http, without faults, latency or log."""
    server.app.reset()
    server.server.faults.remove()
    server.server.log.clear()
    server.server.latency.request_ms = server.server.latency.item_ms = 0
    yield server
    server.server.faults.remove()


@pytest.fixture
def connection(shop: WooCommerceSandbox) -> Iterator[WooConnection]:
    """A connection to the empty shop (OAuth, since it speaks http)."""
    opened = connect(shop)
    yield opened
    opened.close()


@pytest.fixture
def own_shop() -> Iterator[WooCommerceSandbox]:
    """A shop of its own, for tests after which the server is still busy with abandoned requests."""
    with serve_woocommerce() as running:
        yield running
