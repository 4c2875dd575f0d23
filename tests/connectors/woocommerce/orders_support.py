"""Orders of the stand-in, recorded orders, and the shop's clock and time zone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.canonical.keys import Aspect, Entity
from connectors.canonical.sales import Order, OrderMark, OrderProgress
from connectors.core.query import Query
from connectors.core.results import Action, Cursor, ItemResult, Outbound
from connectors.sandbox.woocommerce import WooCommerceSandbox, php
from connectors.shops.woocommerce.connection import WooConnection

FACTS = {"currency": "EUR", "price_decimals": "2", "timezone": "Europe/Paris", "read_at": "2026-11-21T19:00:00"}
ALL = Query(include_transferred=True)


def recorded(contracts: Path, topic: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every order object of a recorded topic, with a name for messages; refunds and other objects are left out."""
    text = next((contracts / "woocommerce" / "exchanges").glob(f"{topic}-*.json")).read_text(encoding="utf-8")
    for number, exchange in enumerate(json.loads(text, parse_float=Decimal)["exchanges"]):
        for body in _objects(exchange.get("response", {}).get("body")):
            if "line_items" in body and "total" in body:
                yield f"{topic}/{number} {exchange['title']}", body


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for item in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        yield from _objects(item)


def buy(shop: WooCommerceSandbox, sku: str = "ART-1", quantity: int = 1, **more: Any) -> str:
    """Id of an order placed by a shopper."""
    items = more.pop("items", [{"sku": sku, "quantity": quantity}])
    return str(shop.app.mutate("checkout", {"items": items, **more})["id"])


def touch(shop: WooCommerceSandbox, order: str, status: str = "completed") -> None:
    """Somebody moves an order in the back office."""
    shop.app.mutate("order_status", {"id": int(order), "status": status})


def read(
    connection: WooConnection, query: Query = ALL, *, since: Cursor | None = None, keys: list[str] | None = None
) -> tuple[list[Order], Cursor]:
    """All orders of a reading and the cursor of its last page."""
    orders: list[Order] = []
    cursor = Cursor()
    for page in connection.reader(Entity.ORDER).pages(query, since=since, keys=keys):
        orders += page.records
        cursor = page.cursor
    return orders, cursor


def order_of(connection: WooConnection, key: str) -> Order:
    """One order."""
    orders, _ = read(connection, keys=[key])
    assert len(orders) == 1
    return orders[0]


def next_run(cursor: Cursor) -> Cursor:
    """Where the next run begins, as the engine does it."""
    return Cursor(since=cursor.until)


def progress(remote: str, **changes: Any) -> Outbound[OrderProgress]:
    """Progress of a linked order."""
    values = {"key": f"BC-{remote}", "web_number": remote, "state": "delivery", **changes}
    return Outbound(OrderProgress(**values), Action.UPDATE, values["key"], remote_key=remote)


def marked(key: str, document: str, status: str = "") -> Outbound[OrderMark]:
    """A transfer mark."""
    record = OrderMark(key=key, document=document, status=status)
    return Outbound(record, Action.UPDATE, key, remote_key=key)


def changed(out: Outbound[Any], **changes: Any) -> Outbound[Any]:
    """The same item with other content."""
    return replace(out, record=replace(out.record, **changes))


def write(connection: WooConnection, aspect: Aspect, *outs: Outbound[Any]) -> dict[str, ItemResult]:
    """Results by key."""
    return {result.key: result for result in connection.writer(Entity.ORDER, aspect).send(list(outs))}


def write_one(connection: WooConnection, aspect: Aspect, out: Outbound[Any]) -> ItemResult:
    """The result of one item."""
    return write(connection, aspect, out)[out.key]


def metas(shop: WooCommerceSandbox, order: str) -> Mapping[str, Any]:
    """Custom fields of an order as the stand-in keeps them."""
    return {key: value for _number, key, value in shop.store.orders.rows[int(order)]["meta"]}


def status_of(shop: WooCommerceSandbox, order: str) -> str:
    """Status of an order as the stand-in keeps it."""
    return str(shop.store.orders.rows[int(order)]["status"])


@contextmanager
def shop_at(shop: WooCommerceSandbox, zone: str, moment: str = "") -> Iterator[None]:
    """The shop lives in another zone (a name, or an offset like +13:00), its clock frozen at ``moment``."""
    before = php.SITE_ZONE
    php.SITE_ZONE = ZoneInfo(zone) if "/" in zone else datetime.fromisoformat(f"2026-01-01T00:00:00{zone}").tzinfo
    try:
        if moment:
            freeze(shop, moment)
        yield
    finally:
        php.SITE_ZONE = before
        shop.store.clock.reset()


def freeze(shop: WooCommerceSandbox, moment: str) -> None:
    """Stops the shop's clock at an instant."""
    shop.store.clock.freeze(datetime.fromisoformat(moment).timestamp())
