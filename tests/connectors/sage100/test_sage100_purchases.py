"""The next delivery of suppliers, read from the open lines of purchase orders."""

from __future__ import annotations

from datetime import date

import pytest

from connectors.core.problems import ConnectorError
from connectors.core.query import Query
from connectors.sandbox.sage100 import PurchaseLine
from connectors.sandbox.sage100.purchases import PREPARED

pytestmark = pytest.mark.covers("STK-04")
ALL = Query(published_only=False, with_expected=True)
SOON, LATER, PAST = date(2025, 11, 25), date(2025, 12, 9), date(2025, 11, 20)
TODAY = date(2025, 11, 21)


def expected(company, *keys, query=ALL):
    return {key: record.expected_on for key, record in company.stock(query, keys=list(keys)).by_key.items()}


def test_the_earliest_day_from_today_on_counts(editable) -> None:
    assert expected(editable, "TENTE2P", "SACADOS30") == {"TENTE2P": None, "SACADOS30": None}, "AC00001 is overdue"
    editable.sandbox.order_purchase(PurchaseLine("TENTE2P", 5, LATER), PurchaseLine("SACADOS30", 2, PAST))
    assert expected(editable, "TENTE2P", "SACADOS30") == {"TENTE2P": LATER, "SACADOS30": None}
    editable.sandbox.order_purchase(PurchaseLine("TENTE2P", 1, SOON), PurchaseLine("SACADOS30", 2, TODAY))
    assert expected(editable, "TENTE2P", "SACADOS30") == {"TENTE2P": SOON, "SACADOS30": TODAY}


def test_a_line_without_day_takes_that_of_its_header_and_an_order_without_any_says_nothing(editable) -> None:
    editable.sandbox.order_purchase(PurchaseLine("TENTE2P", 5), PurchaseLine("DUVET-10", 5, LATER), due=SOON)
    editable.sandbox.order_purchase(PurchaseLine("SACADOS30", 5))
    assert expected(editable, "TENTE2P", "DUVET-10", "SACADOS30") == {
        "TENTE2P": SOON,
        "DUVET-10": LATER,
        "SACADOS30": None,
    }


def test_orders_being_prepared_count_and_requests_and_receipts_do_not(editable) -> None:
    editable.sandbox.order_purchase(PurchaseLine("TENTE2P", 5, SOON), kind=PREPARED)
    assert expected(editable, "TENTE2P") == {"TENTE2P": SOON}
    editable.sandbox.order_purchase(PurchaseLine("DUVET-10", 5, SOON), kind=10)
    assert expected(editable, "DUVET-10") == {"DUVET-10": None}


def test_what_was_received_is_expected_no_more_and_a_rest_still_is(editable) -> None:
    piece = editable.sandbox.order_purchase(PurchaseLine("TENTE2P", 5, SOON), PurchaseLine("DUVET-10", 4, SOON))
    before = editable.stock(ALL, keys=["TENTE2P", "DUVET-10"]).by_key
    editable.sandbox.receive_purchase(piece, **{"TENTE2P": 2, "DUVET-10": 4})
    assert expected(editable, "TENTE2P", "DUVET-10") == {"TENTE2P": SOON, "DUVET-10": None}
    editable.sandbox.receive_purchase(piece)
    after = editable.stock(ALL, keys=["TENTE2P", "DUVET-10"]).by_key
    assert expected(editable, "TENTE2P") == {"TENTE2P": None}
    assert after["TENTE2P"].quantity - before["TENTE2P"].quantity == 5
    assert after["DUVET-10"].quantity - before["DUVET-10"].quantity == 4


def test_only_the_chosen_warehouses_count(editable) -> None:
    editable.sandbox.order_purchase(PurchaseLine("TENTE2P", 5, SOON, depot=2), PurchaseLine("TENTE2P", 5, LATER))
    for warehouses, day in ((("1",), LATER), (("2",), SOON), (("1", "2"), SOON), ((), SOON)):
        query = Query(published_only=False, with_expected=True, warehouses=warehouses)
        assert expected(editable, "TENTE2P", query=query) == {"TENTE2P": day}


def test_each_variant_has_its_own_day_and_a_kit_none(editable) -> None:
    editable.sandbox.order_purchase(PurchaseLine("POLAIRE", 5, LATER, (26, 29)), PurchaseLine("DUVET-10", 5, SOON))
    found = expected(editable, "POLAIRE#26#29", "POLAIRE#26#30", "DUVET-10", "KIT-BIVOUAC")
    assert {key: day for key, day in found.items() if day} == {"POLAIRE#26#29": LATER, "DUVET-10": SOON}
    assert "KIT-BIVOUAC" in found
    products = editable.products(Query(with_stock=True, with_expected=True, published_only=False)).by_key
    days = {one.key: one.stock.expected_on for one in products["POLAIRE"].variants}
    assert {key: day for key, day in days.items() if day} == {"POLAIRE#26#29": LATER}


def test_purchases_are_read_only_where_they_are_asked_for(editable) -> None:
    editable.sandbox.order_purchase(PurchaseLine("TENTE2P", 5, SOON))
    assert expected(editable, "TENTE2P", query=Query(published_only=False)) == {"TENTE2P": None}
    editable.sandbox.rename_table("F_DOCLIGNE", "F_ABSENTE")
    try:
        assert expected(editable, "TENTE2P", query=Query(published_only=False)) == {"TENTE2P": None}
        with pytest.raises(ConnectorError) as caught:
            expected(editable, "TENTE2P")
        assert caught.value.problem.code == "table_missing"
    finally:
        editable.sandbox.rename_table("F_ABSENTE", "F_DOCLIGNE")
