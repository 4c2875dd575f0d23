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
from sync.models import JournalEntry
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


@pytest.mark.slow
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


# --- The whole import ------------------------------------------------------------------------------------------------


@pytest.fixture
def postgres_company() -> Iterator[Sage100Sandbox]:
    """The demo merchant's company in a PostgreSQL database of its own."""
    name = f"sage100_money_{os.getpid()}"
    try:
        yield build(create_database(admin_dsn(), name), merchant="demo", emulation=True)
    finally:
        drop_database(admin_dsn(), name)


def _merchant(company: Sage100Sandbox, shop: WooCommerceSandbox, **options: dict[str, Any]) -> Story:
    """A merchant who imports every order, with units."""
    given = {name: dict(values) for name, values in ORDER_OPTIONS.items()}
    given["order_taxes"]["tax_map"] |= {"2.1": "C021", "0": "C00"}
    given["order_articles"] |= {"free_shipping_article": "PORT", "eco_article": "DIVERS", "fee_article": "DIVERS"}
    given["order_articles"] |= {"rounding_article": "DIVERS"}
    for section, values in options.items():
        given[section] = {**given.get(section, {}), **values}
    story = Story(profile_for(company.odbc_connection_string(), shop, approved=True, **given), company, shop)
    ledger.credit(tenant_id=story.tenant.pk, kind="import", units=1000, key="imports", note="", actor="test")
    return story


def _reasons(run: Any) -> list[Any]:
    return list(JournalEntry.objects.filter(run=run).exclude(code="").values_list("code", "text", "detail"))


@pytest.mark.odbc
@pytest.mark.postgres
@pytest.mark.covers("ORD-10", "ORD-03")
def test_p13_cents_of_40_carts_are_equal_through_odbc_on_postgresql(
    db: None, postgres_company: Sage100Sandbox, shop: WooCommerceSandbox
) -> None:
    skus = shop_carts.references(postgres_company)
    shop_carts.fill_shop(shop, skus)
    way = {"decimals": 3, "discounts": "line", "basis": "shop", "shipping_as": "footer"}
    story = _merchant(postgres_company, shop, orders=way, order_taxes={"untaxed_lines": "exempt", "exempt_tax": "C00"})
    keys: list[str] = []
    for number, (include_tax, at_subtotal) in enumerate(RULES):
        shop_carts.set_rules(shop, include_tax=include_tax, at_subtotal=at_subtotal)
        placed = shop_carts.place(shop, range(5000 + number * 10, 5010 + number * 10), skus)
        run = story.run("orders")
        assert (run.created, run.refused, run.failed) == (len(placed), 0, 0), _reasons(run)
        keys += placed
    for key, body in _recorded(shop, keys).items():
        (document,) = postgres_company.documents(key)
        assert document.total_gross == Decimal(body["total"]), key


def _with_currencies(company: Sage100Sandbox, **rates: str) -> dict[str, str]:
    """Puts two currencies in the place of others of a company on the euro; their numbers."""
    numbers = {}
    with company.session() as session:
        for index, (code, rate) in enumerate(rates.items(), start=3):
            session.run(
                "UPDATE P_DEVISE SET D_Intitule = ?, D_CodeISO = ?, D_Sigle = ?, D_Cours = ? WHERE cbIndice = ?",
                (code, code, code, rate, index),
            )
            numbers[code] = str(index)
    return numbers


def _ordered(shop: WooCommerceSandbox, currency: str, items: list[dict[str, Any]], **more: Any) -> str:
    """An order of a shop whose extension sells in several currencies."""
    address = {"first_name": "Ann", "last_name": "Lee", "country": "FR", "postcode": "69001", "city": "Lyon"}
    billing = {**address, "address_1": "1 rue A", "email": f"{currency.lower()}@example.net", "phone": "0400000000"}
    body = {"currency": currency, "line_items": items, "billing": billing, "shipping": address, **more}
    body |= {"status": "processing", "payment_method": "bacs", "payment_method_title": "Virement"}
    return str(shop_carts.rest(shop, "orders", body, method="POST")["id"])


@pytest.mark.odbc
@pytest.mark.covers("ORD-06", "ORD-07")
@pytest.mark.parametrize(
    ("currency", "rate", "decimals", "total"), [("USD", "1.0837", "2", "277.72"), ("JPY", "160.5", "0", "33334")]
)
def test_p17_currency_of_an_order_keeps_both_amounts_and_the_rate_in_sage(
    db: None, company: Sage100Sandbox, shop: WooCommerceSandbox, currency: str, rate: str, decimals: str, total: str
) -> None:
    skus = shop_carts.references(company)
    shop_carts.fill_shop(shop, skus)
    numbers = _with_currencies(company, USD="1.0837", JPY="160.5")
    shop_carts.rest(shop, "settings/general/woocommerce_price_num_decimals", {"value": decimals})
    story = _merchant(company, shop, order_taxes={"currencies": numbers})
    net = "231.43" if currency == "USD" else "27778"
    key = _ordered(shop, currency, [{"sku": skus[0], "quantity": 2, "subtotal": net, "total": net}])
    assert Decimal(shop_carts.rest(shop, f"orders/{key}")["total"]) == Decimal(total)
    run = story.run("orders")
    assert (run.created, run.refused) == (1, 0), _reasons(run)
    with company.session(write=False) as session:
        columns = "DO_Devise, DO_Cours, DO_TotalTTC"
        held = session.all(f"SELECT {columns} FROM F_DOCENTETE WHERE DO_NoWeb = ?", (key,))  # noqa: S608
        line = session.all("SELECT DL_PUDevise, DL_Qte FROM F_DOCLIGNE WHERE DO_Piece IN "
                           "(SELECT DO_Piece FROM F_DOCENTETE WHERE DO_NoWeb = ?)", (key,))  # fmt: skip
    assert (str(held[0][0]), Decimal(str(held[0][1]))) == (numbers[currency], Decimal(rate))
    assert abs(Decimal(str(held[0][2])) - Decimal(total) / Decimal(rate)) < Decimal("0.02")
    assert sum(Decimal(str(row[0])) * Decimal(str(row[1])) for row in line).quantize(Decimal("0.01")) == Decimal(net)


@pytest.mark.odbc
@pytest.mark.covers("ORD-06", "ORD-12")
def test_p17_currency_unknown_to_the_profile_waits_by_name_and_the_euro_order_passes(
    db: None, company: Sage100Sandbox, shop: WooCommerceSandbox
) -> None:
    skus = shop_carts.references(company)
    shop_carts.fill_shop(shop, skus)
    story = _merchant(company, shop)
    foreign, home = (_ordered(shop, code, [{"sku": skus[0], "quantity": 1}]) for code in ("SEK", "EUR"))
    run = story.run("orders")
    assert (run.created, run.refused) == (1, 1), _reasons(run)
    entry = JournalEntry.objects.get(run=run, outcome="refused")
    assert (entry.item_key, entry.code) == (foreign, "currency_unmapped")
    assert "SEK" in entry.text
    assert company.documents(foreign) == []
    assert len(company.documents(home)) == 1
