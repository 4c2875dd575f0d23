"""Recorded orders of a real shop, played into a throw-away ERP: equal to the cent or refused by name."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from atoosync.orders_replay import read_orders, replay
from tests.mapping.cart_shop import random_cart
from tests.mapping.test_orders_exact import MARKETS

TOPICS = ("08", "09", "10", "12")


def _objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for item in value for found in _objects(item)]
    if not isinstance(value, dict):
        return []
    here = [value] if "line_items" in value and "total" in value and value.get("id") else []
    return here + [found for item in value.values() for found in _objects(item)]


@pytest.fixture
def recorded(contracts: Path) -> list[dict[str, Any]]:
    """Every order object of the recorded topics."""
    found = []
    for topic in TOPICS:
        text = next((contracts / "woocommerce" / "exchanges").glob(f"{topic}-*.json")).read_text(encoding="utf-8")
        for exchange in json.loads(text)["exchanges"]:
            found += _objects(exchange.get("response", {}).get("body"))
    return found


@pytest.mark.covers("ORD-10", "ORD-08", "ORD-09")
def test_p13_every_recorded_order_becomes_a_document_equal_to_the_cent(recorded: list[dict[str, Any]]) -> None:
    assert len(recorded) > 30
    results = replay(read_orders(json.dumps(recorded)))
    assert [one for one in results if one.status != "imported"] == []
    assert {one.difference.normalize() for one in results if one.difference is not None} == {Decimal(0)}
    wrong = [rate for one in results for rate in (one.vat or {}).values() if Decimal(rate["difference"])]
    assert wrong == []


@pytest.mark.covers("ORD-10")
def test_p13_a_tampered_total_is_refused_with_both_columns(recorded: list[dict[str, Any]]) -> None:
    tampered = copy.deepcopy(recorded[0])
    tampered["total"] = "999.99"
    (result,) = replay(read_orders(json.dumps([tampered])))
    assert result.status == "refused"
    assert result.code
    assert "999.99" in result.detail


def _abroad(number: int, code: str, percent: str, currency: str) -> dict[str, Any]:
    """An order of before 3.7, which names its rate without telling the percentage."""
    net = Decimal("100.00")
    tax = (net * Decimal(percent) / 100).quantize(Decimal("0.01"))
    address = {"first_name": "Ann", "last_name": "Lee", "address_1": "1 Main St", "city": "Town", "country": "CA"}
    taxes = [{"id": 1, "total": str(tax), "subtotal": str(tax)}]
    line = {"id": 4, "name": "Tea", "product_id": 9, "variation_id": 0, "quantity": 2, "tax_class": "", "taxes": taxes}
    amounts = {"subtotal": str(net), "subtotal_tax": str(tax), "total": str(net), "total_tax": str(tax)}
    total = {"id": 5, "rate_code": code, "rate_id": 1, "label": "Tax", "compound": False}
    return {
        "id": number, "number": str(number), "status": "processing", "currency": currency, "prices_include_tax": False,
        "date_created_gmt": "2017-09-26T11:04:15", "date_modified_gmt": "2017-09-26T11:04:16", "date_paid_gmt": None,
        "total": str(net + tax), "total_tax": str(tax), "cart_tax": str(tax), "customer_id": 0,
        "billing": {**address, "email": "ann@example.com"}, "shipping": address, "line_items": [line | amounts],
        "tax_lines": [{**total, "tax_total": str(tax), "shipping_tax_total": "0.00"}], "shipping_lines": [],
        "fee_lines": [], "coupon_lines": [], "refunds": [],
    }  # fmt: skip


@pytest.mark.covers("ORD-10", "ORD-06")
def test_p17_orders_of_foreign_shops_come_with_their_currency_and_their_untold_rates() -> None:
    """Two shops whose rates have the same id, and four currencies of which the company knew two at most."""
    orders = [
        _abroad(1, "CA-ON-HST-1", "13", "CAD"),
        _abroad(2, "US-CA-STATE TAX-1", "7.25", "USD"),
        _abroad(3, "CH-MWST-1", "8.1", "CHF"),
        _abroad(4, "DK-MOMS-1", "25", "DKK"),
    ]
    results = replay(read_orders(json.dumps(orders)))
    assert [(one.status, one.code) for one in results] == [("imported", "")] * 4
    assert [one.difference for one in results] == [Decimal(0)] * 4
    assert [next(iter(one.vat or {})) for one in results] == ["13", "7.25", "8.1", "25"]


@pytest.mark.covers("ORD-10")
def test_the_command_takes_orders_with_their_refunds_and_prints_one_report(
    recorded: list[dict[str, Any]], tmp_path: Path
) -> None:
    source = tmp_path / "orders.json"
    source.write_text(json.dumps([{"order": recorded[0], "refunds": []}]), encoding="utf-8")
    out = StringIO()
    call_command("orders", "replay", "--woocommerce", str(source), "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert (report["orders"], report["imported"], report["unequal"]) == (1, 1, 0)


def test_a_file_that_is_no_json_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        read_orders("<html>")


@pytest.mark.covers("ORD-06", "ORD-10", "ORD-05")
@pytest.mark.parametrize("basis", ["net", "gross"])
def test_p13_carts_of_canada_and_india_become_sage_documents_equal_per_tax_code(basis: str) -> None:
    """Nothing is mapped beforehand: the command gives every rate its tax, compound and twin ones too."""
    bodies = []
    for seed in range(60):
        market = MARKETS[seed % 2]
        settings = {
            "include_tax": bool(seed // 2 % 2),
            "at_subtotal": bool(seed // 4 % 2),
            "decimals": (2, 6)[seed % 2],
        }
        bodies.append((json.loads(json.dumps(random_cart(seed, mixes=market, **settings).rest(), default=str)), []))
    shipping_as = "footer" if basis == "net" else "line"
    results = replay(bodies, {"orders": {"basis": basis, "shipping_as": shipping_as}})
    assert [(one.order, one.sentence) for one in results if one.status != "imported"] == []
    assert {one.difference for one in results} == {Decimal(0)}
    rates = [(name, row) for one in results for name, row in (one.vat or {}).items()]
    assert [name for name, row in rates if Decimal(row["difference"])] == []
    assert any(" " in name for name, _ in rates), "two taxes at one percentage are compared each by its code"


@pytest.mark.covers("ORD-10")
def test_p13_orders_of_a_shop_without_cents_keep_their_total() -> None:
    bodies = [
        (json.loads(json.dumps(random_cart(seed, places=0, decimals=(0, 6)[seed % 2]).rest(), default=str)), [])
        for seed in range(30)
    ]
    results = replay(bodies)
    assert [(one.order, one.sentence) for one in results if one.status != "imported"] == []
    assert {one.difference for one in results} == {Decimal(0)}
