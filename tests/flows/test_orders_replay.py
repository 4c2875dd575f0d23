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
