"""Money of the order import: carts of a running shop become documents of Sage 100 that are equal to the cent."""

from __future__ import annotations

import itertools
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from atoosync.orders_replay import Replayed, replay_orders
from billing import ledger
from connectors.canonical.sales import Order
from connectors.sandbox.sage100 import Sage100Sandbox, build, create_database, drop_database
from connectors.sandbox.woocommerce import WooCommerceSandbox
from tests.connectors.woocommerce.orders_support import read
from tests.connectors.woocommerce.support import connect
from tests.flows import shop_carts
from tests.flows.conftest import Story, profile_for
from tests.flows.test_orders import ORDER_OPTIONS
from tests.sandbox.sage100_support import admin_dsn

CARTS = 500
RULES = [*itertools.product((False, True), repeat=2)]
# Twelve ways to create documents, in which every two values meet.
WAYS: list[dict[str, Any]] = [
    {
        "decimals": decimals,
        "discounts": discounts,
        "basis": ("net", "gross")[(number + number // 4) % 2],
        "shipping_as": ("line", "footer")[number // 2 % 2],
    }
    for number, (decimals, discounts) in enumerate(
        itertools.product((2, 3, 4), ("line", "net", "erp_price", "article"))
    )
]
KNOWN_REASONS = {"order_tax_differs", "order_total_differs"}


@pytest.fixture
def company(tmp_path: Path) -> Sage100Sandbox:
    return build(tmp_path / "money.db", merchant="demo", emulation=True)


def _recorded(shop: WooCommerceSandbox, keys: list[str]) -> dict[str, dict[str, Any]]:
    """The orders as the shop shows them to anybody, at two decimals."""
    found = {}
    for start in range(0, len(keys), 100):
        included = ",".join(keys[start : start + 100])
        for row in shop_carts.rest(shop, f"orders?per_page=100&dp=2&include={included}"):
            found[str(row["id"])] = row
    return found


def _shop_tax(body: Mapping[str, Any]) -> dict[str, Decimal]:
    """VAT per percentage of an order as shown."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in body["tax_lines"]:
        amount = Decimal(row["tax_total"]) + Decimal(row["shipping_tax_total"])
        found[f"{Decimal(str(row['rate_percent'])).normalize():f}"] += amount
    return {rate: amount for rate, amount in found.items() if amount}


def _placed(shop: WooCommerceSandbox, skus: list[str], count: int) -> dict[str, int]:
    """``count`` carts under each of the four rules of the shop; the place of each order in its series."""
    keys: dict[str, int] = {}
    for number, (include_tax, at_subtotal) in enumerate(RULES):
        shop_carts.set_rules(shop, include_tax=include_tax, at_subtotal=at_subtotal)
        seeds = range(number * count, (number + 1) * count)
        keys |= {key: place for place, key in enumerate(shop_carts.place(shop, seeds, skus))}
    return keys


def _imported(orders: list[Order], places: Mapping[str, int]) -> dict[str, Replayed]:
    """Every order written into a throw-away company, by the way of its turn."""
    results: dict[str, Replayed] = {}
    for number, way in enumerate(WAYS):
        taken = [order for order in orders if places[order.key] % len(WAYS) == number]
        told = replay_orders(taken, {"orders": way})
        results |= {one.order: one for one in told}
    return results


@pytest.mark.covers("ORD-10", "ORD-03", "ORD-08", "ORD-09")
def test_p13_cents_of_2000_carts_placed_in_the_shop_are_equal_in_sage_or_refused_by_name(
    company: Sage100Sandbox, shop: WooCommerceSandbox
) -> None:
    skus = shop_carts.references(company)
    shop_carts.fill_shop(shop, skus)
    places = _placed(shop, skus, CARTS)
    assert len(places) == len(RULES) * CARTS
    connection = connect(shop)
    orders = read(connection)[0]
    connection.close()
    assert {order.key for order in orders} == set(places)
    results = _imported(orders, places)
    assert results.keys() == places.keys()
    refused = Counter(one.code for one in results.values() if one.status == "refused")
    assert set(refused) <= KNOWN_REASONS
    assert refused.total() < len(places) * 0.005, refused
    assert all(one.sentence for one in results.values() if one.status == "refused")
    bodies = _recorded(shop, list(places))
    wrong = []
    for key, one in results.items():
        if one.status == "refused":
            continue
        vat = {rate: Decimal(row["erp"]) for rate, row in (one.vat or {}).items() if Decimal(row["erp"])}
        if (one.document_total, vat) != (Decimal(bodies[key]["total"]), _shop_tax(bodies[key])):
            wrong.append((key, one, bodies[key]["total"], _shop_tax(bodies[key])))
    assert wrong == []
