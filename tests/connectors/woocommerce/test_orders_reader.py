"""Reading orders from a shop: marks on its clock, filters, refunds, drift, time zones and clock changes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.canonical.keys import Aspect, Entity
from connectors.canonical.sales import LineKind
from connectors.core.paging import PagingBroken
from connectors.core.problems import Misconfigured, Transient
from connectors.core.query import Query
from connectors.core.results import Cursor, Outcome
from connectors.sandbox.woocommerce import WooCommerceSandbox
from connectors.shops.woocommerce.connection import WooConnection
from connectors.shops.woocommerce.order_payments import recorded_difference
from connectors.shops.woocommerce.orders import LAG, ORDERS_PAGE
from connectors.testing.contract import ReaderContract
from tests.connectors.woocommerce.orders_support import (
    ALL,
    buy,
    freeze,
    marked,
    next_run,
    order_of,
    read,
    shop_at,
    touch,
    write_one,
)
from tests.connectors.woocommerce.support import post

D = Decimal


@pytest.fixture
def stocked(shop: WooCommerceSandbox) -> WooCommerceSandbox:
    """The shop with some products."""
    shop.seed(skus=["ART-1", "ART-2", "ART-3"], stock=100000, price="10.00")
    return shop


class TestOrderReader(ReaderContract):
    pytestmark = pytest.mark.covers("ORD-01", "SYS-06")
    entity = Entity.ORDER

    @pytest.fixture
    def expected_keys(self, stocked: WooCommerceSandbox) -> Collection[str]:
        return {buy(stocked) for _ in range(ORDERS_PAGE + 15)}


class TestCustomerReader(ReaderContract):
    pytestmark = pytest.mark.covers("CUS-07")
    entity = Entity.CUSTOMER

    @pytest.fixture
    def expected_keys(self, shop: WooCommerceSandbox, connection: WooConnection) -> Collection[str]:
        for number in range(110):
            post(connection, "customers", {"email": f"client{number}@example.com"})
        return {str(row["id"]) for row in shop.store.customers if row["role"] == "customer"}


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.covers("ORD-01", "ORD-10")
def test_an_order_of_the_shop_is_read_whole(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    key = buy(stocked, quantity=3, payment_method="card", customer_note="Merci & à bientôt")
    order = order_of(connection, key)
    row = stocked.store.orders.rows[int(key)]
    assert (order.key, order.number, order.status) == (key, key, "processing")
    assert order.total == D(str(row["total"]))
    assert recorded_difference(order) == 0
    assert [line.kind for line in order.lines] == [LineKind.GOODS, LineKind.SHIPPING]
    assert order.payment.paid_at == datetime.fromtimestamp(row["paid"], UTC)
    assert order.note == "Merci & à bientôt"
    assert order.carrier in {choice.key for choice in connection.choices("shipping_methods")}


@pytest.mark.covers("ORD-09")
def test_p13_amounts_are_read_as_stored_and_not_as_shown(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    post(connection, "settings/tax/woocommerce_tax_round_at_subtotal", {"value": "yes"})
    product = stocked.store.by_sku.get("ART-1")[0]
    post(connection, f"products/{product}", {"regular_price": "3.33", "tax_class": "reduced-rate"})
    order = order_of(connection, buy(stocked, quantity=7, carriage=False))
    assert order.lines[0].tax == D("1.28205")
    assert (order.rate_totals[0].goods, order.total_tax) == (D("1.28"), D("1.28"))


@pytest.mark.covers("ORD-04", "ORD-06")
def test_rates_of_orders_are_in_the_list_of_rates(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    percents = [one.percent for one in order_of(connection, buy(stocked)).rates]
    choices = {choice.key: choice.label for choice in connection.choices("tax_rates")}
    assert [f"{percent:f}" for percent in percents if percent is not None] == ["20"]
    assert {"20", "10", "5.5", "2.1", "0"} <= set(choices)
    assert choices["5.5"].startswith("5,5 % (")


@pytest.mark.covers("ORD-02")
def test_drafts_never_come(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    draft, order = buy(stocked, draft=True), buy(stocked)
    assert [one.key for one in read(connection)[0]] == [order]
    assert read(connection, keys=[draft])[0] == []
    assert list(connection.reader(Entity.ORDER).all_keys()) == [order]


@pytest.mark.covers("ORD-02")
def test_statuses_limit_the_reading_also_by_key(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    held, paid = buy(stocked, payment_method="bacs"), buy(stocked, payment_method="card")
    query = Query(statuses=("wc-processing", "completed"))
    assert [one.key for one in read(connection, query)[0]] == [paid]
    assert [one.key for one in read(connection, query, keys=[held, paid])[0]] == [paid]


@pytest.mark.covers("ORD-02")
def test_a_status_unknown_to_the_shop_stops_the_run_by_name(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    buy(stocked)
    with pytest.raises(Misconfigured) as caught:
        read(connection, Query(statuses=("expediee",)))
    assert caught.value.problem.code == "order_status_unknown"
    assert "expediee" in caught.value.problem.text()


@pytest.mark.covers("ORD-01")
def test_orders_already_transferred_come_only_when_asked_for(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    done, new = buy(stocked), buy(stocked)
    assert write_one(connection, Aspect.MARK, marked(done, "BC00001")).outcome is Outcome.UPDATED
    assert [one.key for one in read(connection, Query())[0]] == [new]
    both = {one.key: one.mark for one in read(connection, ALL)[0]}
    assert both == {done: "BC00001", new: ""}


@pytest.mark.covers("ORD-09")
def test_p16_refunds_are_read_with_their_lines(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    key = buy(stocked, quantity=4, payment_method="card")
    line = order_of(connection, key).lines[0]
    tax = line.taxes[0]
    body = {
        "api_refund": False,
        "reason": "Retour & échange",
        "line_items": [
            {"id": int(line.key), "quantity": 1, "refund_total": 10, "refund_tax": [{"id": 1, "refund_total": 2}]}
        ],
    }
    post(connection, f"orders/{key}/refunds", body)
    post(connection, f"orders/{key}/refunds", {"api_refund": False, "amount": "1.50", "reason": "Geste"})
    order = order_of(connection, key)
    assert [(one.amount, one.reason) for one in order.refunds] == [
        (D("12.00"), "Retour & échange"),
        (D("1.50"), "Geste"),
    ]
    given = order.refunds[0].lines[0]
    assert (given.line, given.quantity, given.net) == (line.key, D(1), D(10))
    assert [(one.rate, one.amount) for one in given.taxes] == [(tax.rate, D(2))]
    assert order.refunds[1].lines == ()


@pytest.mark.covers("ORD-12")
def test_p12_an_impossible_order_is_refused_by_name_and_the_others_come(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    keys = [buy(stocked) for _ in range(3)]
    stocked.store.orders.rows[int(keys[1])]["currency"] = "BTC"
    pages = list(connection.reader(Entity.ORDER).pages(ALL))
    assert [one.key for page in pages for one in page.records] == [keys[0], keys[2]]
    refused = [row for page in pages for row in page.refused]
    assert [(row.key, row.label, row.problem.code) for row in refused] == [(keys[1], keys[1], "order_currency_unknown")]


@pytest.mark.covers("ORD-01")
def test_a_page_costs_one_call_and_no_facts(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    for _ in range(5):
        buy(stocked)
    stocked.server.log.clear()
    read(connection)
    assert stocked.server.log.totals()["requests"] == 4
    read(connection, keys=[buy(stocked)])
    assert stocked.server.log.totals()["requests"] == 6


@pytest.mark.covers("ORD-09")
def test_p16_transferred_orders_of_the_trash_come_as_cancelled_and_no_others(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    kept, transferred, other, erased = (buy(stocked) for _ in range(4))
    for key in (transferred, erased):
        write_one(connection, Aspect.MARK, marked(key, "BC1"))
    for key in (transferred, other):
        touch(stocked, key, "trash")
    post(connection, "orders/batch", {"delete": [int(erased)]})
    for wanted in ([kept, transferred, other, erased], None):
        orders, cursor = read(connection, keys=wanted)
        assert [(one.key, one.cancelled) for one in orders] == [(kept, False), (transferred, True)]
    assert [one.key for one in read(connection, query=Query())[0]] == [kept]
    stocked.store.clock.advance(3600)
    assert [one.key for one in read(connection, since=next_run(cursor))[0]][-1:] == [transferred]
    later = Cursor(since="2099-01-01T00:00:00")
    assert read(connection, since=later)[0] == []
    stocked.store.clock.reset()


# --- the mark ---------------------------------------------------------------------------------------------------------


@pytest.mark.covers("ORD-01")
def test_p05_the_mark_comes_from_the_shop_and_lags(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    with shop_at(stocked, "Europe/Paris", "2026-11-21T10:00:00+00:00"):
        buy(stocked)
        freeze(stocked, "2026-11-21T12:00:00+00:00")
        _orders, cursor = read(connection)
        assert datetime.fromisoformat(cursor.until + "+00:00") == datetime(2026, 11, 21, 10, tzinfo=UTC) - LAG
        assert cursor.since == ""


@pytest.mark.covers("ORD-01")
def test_p05_a_shop_without_orders_gives_a_mark_before_its_first_order(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    orders, cursor = read(connection)
    assert (orders, bool(cursor.until)) == ([], True)
    key = buy(stocked)
    assert [one.key for one in read(connection, since=next_run(cursor))[0]] == [key]


@pytest.mark.covers("ORD-01")
def test_p05_an_order_committed_late_is_still_found(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    with shop_at(stocked, "Europe/Paris", "2026-11-21T10:00:00+00:00"):
        buy(stocked)
        _orders, cursor = read(connection)
        # A transaction that began 90 s before the newest order ends after the reading.
        freeze(stocked, "2026-11-21T09:58:30+00:00")
        late = buy(stocked)
        assert late in [one.key for one in read(connection, since=next_run(cursor))[0]]


@pytest.mark.covers("ORD-01", "ORD-13")
def test_p05_edits_during_the_reading_are_found_by_the_next_one(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    stocked.store.clock.advance(-7200)
    keys = [buy(stocked) for _ in range(2 * ORDERS_PAGE)]
    stocked.store.clock.advance(600)
    buy(stocked)
    seen: dict[str, str] = {}
    cursor = Cursor()
    for number, page in enumerate(connection.reader(Entity.ORDER).pages(ALL)):
        seen.update({one.key: one.status for one in page.records})
        cursor = page.cursor
        if number == 0:
            stocked.store.clock.advance(600)
            touch(stocked, keys[3])
            touch(stocked, keys[-3])
    assert len(seen) == 2 * ORDERS_PAGE + 1
    assert (seen[keys[3]], seen[keys[-3]]) == ("on-hold", "completed")
    again, _ = read(connection, since=next_run(cursor))
    assert {keys[3], keys[-3]} <= {one.key for one in again}
    assert len(again) < 5
    stocked.store.clock.reset()


@pytest.mark.covers("ORD-13")
def test_p35_our_own_mark_does_not_come_back_in_the_same_reading(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    for _ in range(ORDERS_PAGE + 5):
        buy(stocked)
    read_keys = []
    for page in connection.reader(Entity.ORDER).pages(ALL):
        read_keys += [one.key for one in page.records]
        for order in page.records[:10]:
            write_one(connection, Aspect.MARK, marked(order.key, f"BC{order.key}"))
    assert len(read_keys) == len(set(read_keys)) == ORDERS_PAGE + 5


@pytest.mark.covers("ORD-13")
def test_p35_our_own_write_is_recognised_by_its_date(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    with shop_at(stocked, "Europe/Paris", "2026-11-21T10:00:00+00:00"):
        key = buy(stocked)
        _orders, cursor = read(connection)
        freeze(stocked, "2026-11-21T10:05:00+00:00")
        result = write_one(connection, Aspect.MARK, marked(key, "BC1"))
        again, _ = read(connection, since=next_run(cursor))
        assert [one.key for one in again] == [key]
        own = datetime.fromisoformat(result.received["date_modified_gmt"] + "+00:00")
        assert again[0].modified_at == own
        freeze(stocked, "2026-11-21T10:06:00+00:00")
        touch(stocked, key)
        assert order_of(connection, key).modified_at > own


# --- time zones -------------------------------------------------------------------------------------------------------

ZONES = ["Pacific/Honolulu", "Europe/Paris", "Pacific/Tongatapu"]


@pytest.mark.covers("ORD-01", "SCH-02")
@pytest.mark.parametrize("zone", ZONES)
def test_p06_every_change_is_read_once_in_every_zone(
    stocked: WooCommerceSandbox, connection: WooConnection, zone: str
) -> None:
    with shop_at(stocked, zone, "2026-11-21T10:00:00+00:00"):
        _check_hours(stocked, connection, "2026-11-21T10:00:00+00:00")


@pytest.mark.covers("ORD-01", "SCH-02")
@pytest.mark.parametrize("start", ["2026-10-24T23:00:00+00:00", "2026-03-28T23:00:00+00:00"])
def test_p06_nothing_is_lost_or_doubled_when_the_clocks_change(
    stocked: WooCommerceSandbox, connection: WooConnection, start: str
) -> None:
    """Paris: 3 o'clock becomes 2 at 01:00 UTC on 25 October (the hour repeats), 2 becomes 3 on 29 March."""
    with shop_at(stocked, "Europe/Paris", start):
        _check_hours(stocked, connection, start)


def _check_hours(shop: WooCommerceSandbox, connection: WooConnection, start: str) -> None:
    """Five hours of orders every 20 minutes, polled every 30: each comes at its poll, and only at it."""
    begin = datetime.fromisoformat(start)
    cursor = Cursor()
    seen: list[tuple[str, datetime]] = []
    made: dict[str, datetime] = {}
    fresh: set[str] = set()
    for minutes in range(0, 300, 10):
        now = begin + timedelta(minutes=minutes)
        freeze(shop, now.isoformat())
        if minutes % 20 == 0:
            key = buy(shop)
            made[key] = now
            fresh.add(key)
        if minutes % 30 == 0:
            orders, cursor = read(connection, since=next_run(cursor))
            new = {(one.key, one.modified_at) for one in orders} - set(seen)
            assert {key for key, _at in new} == fresh, now
            assert len(orders) - len(new) <= 1, "only the newest order may come again"
            seen += sorted(new)
            fresh = set()
    assert dict(seen) == {key: at for key, at in made.items() if key not in fresh}


@pytest.mark.covers("ORD-01")
@pytest.mark.parametrize("zone", ZONES)
def test_p06_a_period_is_cut_at_true_instants(
    stocked: WooCommerceSandbox, connection: WooConnection, zone: str
) -> None:
    with shop_at(stocked, zone):
        keys = []
        for hour in range(6):
            freeze(stocked, f"2026-10-25T0{hour}:00:00+02:00")
            keys.append(buy(stocked))
        query = Query(
            created_after=datetime(2026, 10, 25, 0, 0, tzinfo=UTC), created_before=datetime(2026, 10, 25, 3, tzinfo=UTC)
        )
        assert [one.key for one in read(connection, query)[0]] == keys[2:5]
        assert [one.key for one in read(connection, query, keys=keys)[0]] == keys[2:5]


# --- drift, loss and lies ---------------------------------------------------------------------------------------------


@pytest.mark.covers("ORD-01")
def test_p08_orders_deleted_and_made_between_pages_hide_no_other(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    keys = [buy(stocked) for _ in range(3 * ORDERS_PAGE)]
    found: list[str] = []
    for number, page in enumerate(connection.reader(Entity.ORDER).pages(ALL)):
        found += [one.key for one in page.records]
        if number < 3:
            post(connection, "orders/batch", {"delete": [int(key) for key in keys[number : number + 2]]})
            keys.append(buy(stocked))
    living = {str(row["id"]) for row in stocked.store.orders if row["status"] != "trash"}
    assert len(living) == 3 * ORDERS_PAGE - 1
    assert living <= set(found)
    assert len(found) == len(set(found))


@pytest.mark.covers("ORD-01")
def test_p08_a_list_that_is_cut_never_passes_for_the_whole(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    for _ in range(ORDERS_PAGE + 5):
        buy(stocked)
    rule = stocked.server.faults.add({"action": "truncate", "keep": 0, "method": "GET", "path": "wc/v3/orders$"})
    with pytest.raises(PagingBroken):
        read(connection)
    stocked.server.faults.remove()
    assert rule
    assert len(read(connection)[0]) == ORDERS_PAGE + 5


@pytest.mark.covers("ORD-01", "SYS-06")
def test_p08_a_shop_that_ignores_the_filter_of_changes_gives_no_old_order(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    """Before WooCommerce 5.8 the filter does not exist: everything comes, and is sorted out here."""
    with shop_at(stocked, "Pacific/Honolulu", "2026-11-21T08:00:00+00:00"):
        buy(stocked)
        freeze(stocked, "2026-11-21T10:00:00+00:00")
        new = buy(stocked)
        params = ["modified_after", "dates_are_gmt"]
        stocked.server.faults.add({"action": "ignore_param", "params": params, "path": "wc/v3/orders$"})
        orders, _ = read(connection, since=Cursor(since="2026-11-21T09:00:00"))
        assert [one.key for one in orders] == [new]


@pytest.mark.covers("ORD-13")
def test_p01_a_reading_survives_lost_answers(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    keys = [buy(stocked) for _ in range(5)]
    stocked.server.faults.add({"action": "cut_after", "method": "GET", "path": "orders", "times": 2})
    assert [one.key for one in read(connection)[0]] == keys


@pytest.mark.covers("ORD-09")
def test_p08_refunds_that_are_cut_stop_the_reading(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    key = buy(stocked, payment_method="card")
    post(connection, f"orders/{key}/refunds", {"api_refund": False, "amount": "1.00"})
    stocked.server.faults.add({"action": "truncate", "keep": 0, "method": "GET", "path": "refunds$"})
    with pytest.raises(Transient):
        read(connection)


@pytest.mark.covers("ORD-13")
def test_a_broken_reading_resumes_with_its_own_mark(stocked: WooCommerceSandbox, connection: WooConnection) -> None:
    keys = [buy(stocked) for _ in range(ORDERS_PAGE + 5)]
    first = next(iter(connection.reader(Entity.ORDER).pages(ALL)))
    stocked.store.clock.advance(3600)
    late = buy(stocked)
    rest, cursor = read(connection, since=Cursor.loads(first.cursor.dumps()))
    assert [one.key for one in first.records] + [one.key for one in rest] == [*keys, late]
    assert cursor.until == first.cursor.until
    stocked.store.clock.reset()


# --- prospects --------------------------------------------------------------------------------------------------------


def prospects(connection: WooConnection, query: Query, keys: list[str] | None = None) -> dict[str, bool]:
    """Accounts with a name, and whether each is a prospect."""
    pages = connection.reader(Entity.CUSTOMER).pages(query, keys=keys)
    return {one.name: one.prospect for page in pages for one in page.records if one.name.endswith(" Test")}


@pytest.mark.covers("CUS-07")
def test_prospects_are_accounts_without_an_order_since_a_date(
    stocked: WooCommerceSandbox, connection: WooConnection
) -> None:
    made: dict[str, Any] = {}
    for name in ("nouveau", "ancien", "actif"):
        body = {"email": f"{name}@example.com", "billing": {"first_name": name, "last_name": "Test", "country": "FR"}}
        made[name] = post(connection, "customers", body)["id"]
    with shop_at(stocked, "Europe/Paris", "2025-01-10T10:00:00+00:00"):
        buy(stocked, customer_id=made["ancien"])
    buy(stocked, customer_id=made["actif"])
    ever = prospects(connection, Query())
    assert ever == {"nouveau Test": True, "ancien Test": False, "actif Test": False}
    query = Query(created_after=datetime(2026, 1, 1, tzinfo=UTC))
    assert prospects(connection, query) == {**ever, "ancien Test": True}
    keys = [str(made["ancien"]), str(made["actif"]), "1"]
    assert prospects(connection, query, keys) == {"ancien Test": True, "actif Test": False}


@pytest.mark.covers("CUS-07")
def test_staff_is_no_prospect(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    roles = {str(row["id"]): row["role"] for row in shop.store.customers}
    assert "administrator" in roles.values()
    read_keys = list(connection.reader(Entity.CUSTOMER).all_keys())
    assert {roles[key] for key in read_keys} <= {"customer", "subscriber"}
