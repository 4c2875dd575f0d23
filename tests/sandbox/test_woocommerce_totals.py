"""The tax arithmetic of the WooCommerce stand-in beyond the recordings: compound rates, places, fees, decimals."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connectors.sandbox.woocommerce import WooCommerceSandbox, serve_woocommerce
from connectors.sandbox.woocommerce.arithmetic import added, contained
from connectors.sandbox.woocommerce.records import Product
from connectors.sandbox.woocommerce.store import WooStore


def _rate(number: int, percent: str, *, compound: bool = False) -> dict[str, Any]:
    return {"id": number, "rate": percent, "compound": compound}


@pytest.fixture(scope="module")
def server() -> Iterator[WooCommerceSandbox]:
    with serve_woocommerce() as running:
        yield running


@pytest.fixture
def shop(server: WooCommerceSandbox) -> WooCommerceSandbox:
    server.app.reset()
    server.seed(skus=["A", "B"], price="100.00", managed=False)
    return server


def _product(shop: WooCommerceSandbox, sku: str) -> Product:
    number = (shop.store.by_sku.get(sku) or [0])[0]
    found = shop.store.products.get(number)
    assert found is not None
    return found


def _set(store: WooStore, **settings: str) -> None:
    for name, value in settings.items():
        store.settings.put(f"{'general' if 'decimals' in name else 'tax'}/woocommerce_{name}", value)


def _add_rate(store: WooStore, number: int, percent: str, **more: Any) -> None:
    row = {"id": number, "country": "FR", "state": "", "rate": percent, "name": f"T{number}", "priority": 1}
    row |= {"compound": False, "shipping": True, "order": number, "class": "standard", "postcodes": [], "cities": []}
    store.tax_rates.put(number, row | more)


def _order(shop: WooCommerceSandbox, **cart: Any) -> dict[str, Any]:
    cart.setdefault("carriage", False)
    made = shop.app.mutate("checkout", {"items": [{"sku": "A", "quantity": 1}], **cart})
    return dict(shop.store.orders.get(made["id"]) or {})


def _taxes(line: dict[str, Any]) -> dict[int, str]:
    return {row["id"]: row["total"] for row in line["taxes"]}


@pytest.mark.covers("SYS-06")
def test_a_compound_rate_counts_on_the_price_with_the_other_taxes() -> None:
    rates = [_rate(1, "5"), _rate(2, "9.975", compound=True)]
    assert added(Decimal(100), rates) == {1: Decimal(5), 2: Decimal("10.47375")}
    inside = contained(Decimal("115.47375"), rates)
    assert {number: round(value, 6) for number, value in inside.items()} == {1: Decimal(5), 2: Decimal("10.47375")}


@pytest.mark.covers("SYS-06")
def test_two_plain_rates_share_what_a_price_contains() -> None:
    inside = contained(Decimal("128.00"), [_rate(1, "20"), _rate(2, "8")])
    assert {number: round(value, 6) for number, value in inside.items()} == {1: Decimal(20), 2: Decimal(8)}


@pytest.mark.covers("SYS-06")
@pytest.mark.parametrize(("include_tax", "net"), [("no", "100"), ("yes", "79.365079")])
def test_a_shop_charges_a_compound_rate_on_goods_and_carriage(
    shop: WooCommerceSandbox, include_tax: str, net: str
) -> None:
    _add_rate(shop.store, 90, "5.0000", priority=2, compound=True)
    _set(shop.store, prices_include_tax=include_tax)
    order = _order(shop, carriage=["10"])
    assert order["line_items"][0]["total"] == net
    assert _taxes(order["shipping_lines"][0]) == {1: "2", 90: "0.6"}
    assert [row["compound"] for row in order["tax_lines"]] == [False, True]


@pytest.mark.covers("SYS-06")
@pytest.mark.parametrize(("postcode", "percent"), [("97110", 8.5), ("97400", 8.5), ("20090", 10.0), ("75001", 20.0)])
def test_rates_by_start_and_range_of_the_postcode(shop: WooCommerceSandbox, postcode: str, percent: float) -> None:
    _add_rate(shop.store, 91, "8.5000", postcodes=["97100...97499"])
    _add_rate(shop.store, 92, "10.0000", postcodes=["20*"])
    order = _order(shop, billing={"postcode": postcode})
    assert [row["rate_percent"] for row in order["tax_lines"]] == [percent]


@pytest.mark.covers("SYS-06")
def test_a_negative_fee_is_taxed_like_goods_and_carriage_it_lowers(shop: WooCommerceSandbox) -> None:
    _product(shop, "B").set("tax_status", "none", "taxable")
    items = [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 1}]
    order = _order(shop, items=items, fees=[{"name": "Remise", "total": "-10"}], carriage=["50"])
    assert _taxes(order["fee_lines"][0]) == {1: "-1.2"}
    assert (order["total_tax"], order["total"]) == ("28.8", "268.8")


@pytest.mark.covers("SYS-06")
@pytest.mark.parametrize(("decimals", "tax", "total"), [("0", "21", "125"), ("3", "20.755", "124.531")])
def test_a_shop_rounds_at_its_own_decimals(shop: WooCommerceSandbox, decimals: str, tax: str, total: str) -> None:
    _product(shop, "A").regular = "103.7761"
    _set(shop.store, price_num_decimals=decimals)
    order = _order(shop)
    assert (order["total_tax"], order["total"]) == (tax, total)


@pytest.mark.covers("SYS-06")
@pytest.mark.parametrize(("chosen", "rate"), [("inherit", 3), ("", 1), ("taux-intermediaire", 2)])
def test_carriage_inherits_its_class_or_has_its_own(shop: WooCommerceSandbox, chosen: str, rate: int) -> None:
    for row in list(shop.store.tax_rates):
        shop.store.tax_rates.put(row["id"], {**row, "shipping": True})
    _product(shop, "A").tax_class = "reduced-rate"
    _set(shop.store, shipping_tax_class=chosen)
    assert list(_taxes(_order(shop, carriage=["10"])["shipping_lines"][0])) == [rate]
