"""Failures by name: cut connections, timeouts, slow rows, duplicates, drift, limits, and secrets."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from connectors.canonical.catalog import Axis
from connectors.canonical.keys import Aspect, Entity
from connectors.core.http import HttpSettings
from connectors.core.paging import PagingBroken
from connectors.core.problems import CredentialsRefused, RateLimited, Transient
from connectors.core.query import Query
from connectors.core.ratelimit import RunStopped, TokenBucket
from connectors.core.results import Cursor, Outbound, Outcome
from connectors.sandbox.woocommerce import WooCommerceSandbox
from connectors.shops.woocommerce.api import WooApi
from connectors.shops.woocommerce.connection import WooConnection
from tests.connectors.web_server import local_runtime
from tests.connectors.woocommerce.support import (
    SIZES,
    connect,
    create,
    get,
    levels,
    linked,
    options_of,
    post,
    product_writer,
    send,
    send_one,
    simple,
    stock,
    update,
    variable,
    write_calls,
)


def stocks(shop: WooCommerceSandbox, count: int, quantity: int = 9) -> list[Outbound[Any]]:
    """Seeded plain products and a new quantity for each."""
    shop.seed(count=count, prefix="ART-", stock=1)
    rows = sorted(shop.store.products.rows.values(), key=lambda row: row.id)
    return [linked(stock(row.sku, quantity), str(row.id)) for row in rows]


def quantities(shop: WooCommerceSandbox) -> set[int | None]:
    return {row.stock for row in shop.store.products.rows.values()}


def skus(shop: WooCommerceSandbox) -> dict[str, int]:
    summary = shop.app.inspect({})
    assert summary["duplicate_skus"] == {}
    return {sku: len(rows) for sku, rows in shop.app.inspect({"dump": "1"})["products"].items()}


# --- P01 / P03: nothing twice -----------------------------------------------------------------------------------------


@pytest.mark.covers("CAT-01")
@pytest.mark.parametrize("action", ["cut_before", "cut_after", "slow_after", "html"])
def test_p01_creates_whose_answer_is_lost_are_found_and_never_doubled(
    own_shop: WooCommerceSandbox, action: str
) -> None:
    rule: dict[str, Any] = {"action": action, "method": "POST", "path": "products/batch$", "nth": [1, 3]}
    own_shop.server.faults.add({**rule, **({"ms": 1800} if action == "slow_after" else {"work": True})})
    opened = connect(own_shop, timeout=1)
    results = send(opened, [create(simple(f"A-{number}")) for number in range(20)])
    assert {result.outcome for result in results.values()} == {Outcome.CREATED}
    assert all(result.written for result in results.values())
    assert skus(own_shop) == {f"A-{number}": 1 for number in range(20)}
    assert {result.remote_key for result in results.values()} == {str(one) for one in own_shop.store.products.rows}
    opened.close()


@pytest.mark.covers("CAT-12")
@pytest.mark.parametrize("action", ["cut_before", "cut_after"])
def test_p01_variations_whose_answer_is_lost_are_found_and_never_doubled(shop: WooCommerceSandbox, action: str) -> None:
    shop.server.faults.add({"action": action, "method": "POST", "path": "variations/batch$", "nth": [1]})
    opened = connect(shop)
    result = send_one(opened, create(variable("TS")))
    assert result.outcome is Outcome.CREATED
    assert len(set(result.children.values())) == 4
    assert skus(shop) == {"TS": 1, **{f"TS-{number}": 1 for number in range(1, 5)}}
    opened.close()


@pytest.mark.covers("CAT-07")
def test_p01_categories_whose_answer_is_lost_are_found_and_never_doubled(shop: WooCommerceSandbox) -> None:
    from tests.connectors.woocommerce.support import categories

    shop.server.faults.add({"action": "cut_after", "method": "POST", "path": "categories/batch$", "nth": [1]})
    opened = connect(shop)
    made = categories(opened, ("Un", ""), ("Deux", ""), ("Trois", "Deux"))
    assert len(set(made.values())) == 3
    names = [row["name"] for row in get(opened, "products/categories", per_page=100)]
    assert sorted(names) == ["Deux", "Trois", "Un", "Uncategorized"]
    opened.close()


@pytest.mark.covers("CAT-01")
def test_p01_a_shop_that_goes_on_after_the_client_left_is_waited_for(own_shop: WooCommerceSandbox) -> None:
    """Recorded: 11 of 60 products right after the cut, all 60 eight seconds later."""
    own_shop.server.latency.item_ms = 40
    opened = connect(own_shop, timeout=1, settle_seconds=1.2)
    results = send(opened, [create(simple(f"A-{number}")) for number in range(60)])
    assert {result.outcome for result in results.values()} == {Outcome.CREATED}
    assert skus(own_shop) == {f"A-{number}": 1 for number in range(60)}
    assert own_shop.app.inspect({})["created_more_than_once"] == {}
    opened.close()


@pytest.mark.covers("CAT-01")
def test_p01_a_create_repeated_after_a_crash_is_recognised_by_its_token(connection: WooConnection) -> None:
    out = create(variable("TS"))
    first = send_one(connection, out)
    again = send_one(connection, out)
    assert (again.outcome, again.remote_key, again.children) == (Outcome.CREATED, first.remote_key, first.children)
    other = send_one(connection, replace(out, token="autre-jeton"))
    assert (other.outcome, other.written) == (Outcome.UNCHANGED, False)


@pytest.mark.covers("CAT-01")
def test_p01_a_half_finished_create_is_completed(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    """The process died between the product and its variations."""
    out = create(variable("TS"))
    post(connection, "products", {"name": "?", "sku": "TS", "type": "variable", "meta_data": [
        {"key": "_atoosync", "value": {"key": "TS", "made_by": out.token}}
    ]})  # fmt: skip
    result = send_one(connection, out)
    assert (result.outcome, len(result.children)) == (Outcome.CREATED, 4)
    assert skus(shop)["TS"] == 1


@pytest.mark.covers("CAT-01")
def test_p01_a_single_create_without_an_answer_and_without_a_product_is_uncertain(shop: WooCommerceSandbox) -> None:
    shop.server.faults.add({"action": "cut_before", "method": "POST", "path": "products/batch$"})
    opened = connect(shop)
    result = send_one(opened, create(simple("A-1")))
    assert (result.outcome, result.written) == (Outcome.UNCERTAIN, False)
    assert result.problem is not None
    assert result.problem.code == "row_not_answered"
    opened.close()


@pytest.mark.covers("CAT-01", "CAT-11")
def test_p03_eight_threads_make_each_product_attribute_and_value_once(shop: WooCommerceSandbox) -> None:
    opened = connect(shop, connections=8)
    writer = product_writer(opened)
    results: list[Any] = []
    articles = [
        variable(f"V-{number}", [SIZES, Axis(name="Couleur", values=("Noir", "Blanc"))]) for number in range(16)
    ]

    def work(start: int) -> None:
        results.extend(writer.send([create(article) for article in articles[start::8]]))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {result.outcome for result in results} == {Outcome.CREATED}
    assert len(results) == 16
    assert len(skus(shop)) == 16 * 5
    summary = shop.app.inspect({})
    assert summary["attributes"] == 2
    opened.close()


@pytest.mark.covers("CAT-01")
def test_p03_two_connections_racing_on_one_reference_make_one_product(shop: WooCommerceSandbox) -> None:
    shop.app.options.race_window = 0.2
    connections = [connect(shop) for _ in range(4)]
    results: list[Any] = []
    barrier = threading.Barrier(4)

    def work(opened: WooConnection) -> None:
        barrier.wait()
        results.append(send_one(opened, create(simple("A-1"))))

    threads = [threading.Thread(target=work, args=(opened,)) for opened in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shop.app.options.race_window = 0
    assert skus(shop) == {"A-1": 1}
    assert len({result.remote_key for result in results if result.remote_key}) == 1
    for opened in connections:
        opened.close()


# --- P27 / P29: batches ------------------------------------------------------------------------------------------


@pytest.mark.covers("STK-01", "PRF-07")
@pytest.mark.slow
def test_p27_three_slow_rows_in_a_thousand_are_named_and_the_others_done(own_shop: WooCommerceSandbox) -> None:
    outs = stocks(own_shop, 1000)
    slow = {"ART-000101", "ART-000502", "ART-000950"}
    names = {out.key for out in outs}
    slow = slow if slow <= names else set(sorted(names)[10:13])
    for sku in slow:
        own_shop.server.faults.add({"action": "item_slow", "sku": sku, "ms": 1600})
    opened = connect(own_shop, timeout=1, connections=4)
    results: dict[str, Any] = {}
    lock = threading.Lock()

    def work(start: int) -> None:
        found = levels(opened, outs[start * 250 : (start + 1) * 250], Aspect.STOCK)
        with lock:
            results.update(found)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = {key for key, result in results.items() if result.outcome is not Outcome.UPDATED}
    assert failed == slow
    assert len(results) == 1000
    for key in slow:
        assert results[key].outcome is Outcome.FAILED
        assert key in results[key].problem.text()
    opened.close()


@pytest.mark.covers("STK-01")
def test_p27_ten_errors_in_a_batch_answer_of_a_hundred_are_named(shop: WooCommerceSandbox) -> None:
    outs = stocks(shop, 100)
    bad = {out.key for out in outs[5:95:9]}
    for sku in bad:
        shop.server.faults.add(
            {"action": "item_error", "sku": sku, "code": "plugin_says_no", "message": "Non", "status": 400}
        )
    opened = connect(shop)
    results = levels(opened, outs, Aspect.STOCK)
    refused = {key for key, result in results.items() if result.outcome is Outcome.REFUSED}
    assert refused == bad
    assert all("Non" in results[key].problem.text() for key in bad)
    assert sum(result.outcome is Outcome.UPDATED for result in results.values()) == 100 - len(bad)
    assert write_calls(shop)["products/batch"] == 1
    opened.close()


@pytest.mark.covers("STK-01", "STK-05")
def test_p29_a_thousand_changes_are_ten_calls(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    outs = stocks(shop, 1000)
    for start in range(0, 1000, 100):
        results = levels(connection, outs[start : start + 100], Aspect.STOCK)
        assert {result.outcome for result in results.values()} == {Outcome.UPDATED}
    assert write_calls(shop) == {"products/batch": 10}
    assert shop.server.log.totals()["calls"].get("GET products") is None
    assert quantities(shop) == {9}


@pytest.mark.covers("CAT-01", "PRF-07")
def test_p29_a_first_export_costs_one_write_call_per_hundred_articles(
    shop: WooCommerceSandbox, connection: WooConnection
) -> None:
    results = send(connection, [create(simple(f"A-{number}")) for number in range(100)])
    assert {result.outcome for result in results.values()} == {Outcome.CREATED}
    assert write_calls(shop) == {"products/batch": 1}


@pytest.mark.covers("PRF-07")
def test_p27_batches_shrink_when_the_shop_is_slow(shop: WooCommerceSandbox) -> None:
    outs = stocks(shop, 60)
    shop.server.latency.item_ms = 60
    opened = connect(shop, batch_seconds=1, batch_size=40)
    levels(opened, outs, Aspect.STOCK)
    sizes = [entry["items"] for entry in shop.server.log.entries() if entry["method"] == "POST"]
    assert sizes[0] == 40
    assert max(sizes[1:]) < 20
    assert sum(sizes) == 60
    opened.close()


@pytest.mark.covers("STK-01")
def test_p27_a_shop_that_never_answers_ends_the_run_instead_of_trying_every_row(shop: WooCommerceSandbox) -> None:
    outs = stocks(shop, 100)
    shop.server.faults.add({"action": "cut_before", "method": "POST"})
    opened = connect(shop)
    results: list[Any] = []
    with pytest.raises(Transient):
        results.extend(opened.writer(Entity.VARIANT, Aspect.STOCK).send(outs))
    assert sum(write_calls(shop).values()) < 20
    opened.close()


# --- P26: being told to slow down, and stopping -----------------------------------------------------------------------


@pytest.mark.covers("STK-01")
@pytest.mark.parametrize("status", [429, 503])
def test_p26_a_request_to_wait_is_honoured_and_nothing_is_lost(shop: WooCommerceSandbox, status: int) -> None:
    outs = stocks(shop, 30)
    shop.server.faults.add({"action": "status", "status": status, "retry_after": 1, "method": "POST", "times": 1})
    opened = connect(shop)
    started = time.monotonic()
    results = levels(opened, outs, Aspect.STOCK)
    assert time.monotonic() - started >= 0.9
    assert {result.outcome for result in results.values()} == {Outcome.UPDATED}
    opened.close()


@pytest.mark.covers("STK-01")
def test_p26_a_maintenance_of_ten_minutes_is_handed_to_the_engine(shop: WooCommerceSandbox) -> None:
    outs = stocks(shop, 3)
    shop.server.faults.add({"action": "status", "status": 503, "retry_after": 600})
    opened = connect(shop)
    with pytest.raises(RateLimited) as caught:
        levels(opened, outs, Aspect.STOCK)
    assert caught.value.delay == 600
    assert caught.value.problem.code == "shop_in_maintenance"
    opened.close()


@pytest.mark.covers("PRF-07")
def test_p26_the_cap_of_requests_per_second_holds_for_all_threads(shop: WooCommerceSandbox) -> None:
    opened = WooConnection(options_of(shop, requests_per_second=20), local_runtime(rate=TokenBucket()))
    started = time.monotonic()
    threads = [threading.Thread(target=lambda: [get(opened, "products") for _ in range(15)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - started
    assert (60 - 20) / 20 * 0.9 <= seconds <= (60 - 20) / 20 * 1.5
    opened.close()


@pytest.mark.covers("LOG-01")
def test_a_stop_request_ends_a_long_wait_and_keeps_what_was_sent(shop: WooCommerceSandbox) -> None:
    outs = stocks(shop, 40)
    stop = threading.Event()
    opened = WooConnection(options_of(shop, batch_size=20), local_runtime(should_stop=stop.is_set))
    shop.server.faults.add({"action": "status", "status": 429, "retry_after": 30, "method": "POST", "nth": [2]})
    threading.Timer(0.8, stop.set).start()
    started = time.monotonic()
    results: list[Any] = []
    with pytest.raises(RunStopped):
        results.extend(opened.writer(Entity.VARIANT, Aspect.STOCK).send(outs))
    assert time.monotonic() - started < 2.5
    assert len(results) == 20
    opened.close()


@pytest.mark.covers("PRF-04")
def test_a_revoked_key_stops_the_run(shop: WooCommerceSandbox) -> None:
    outs = stocks(shop, 3)
    opened = connect(shop, consumer_secret="cs_faux")
    with pytest.raises(CredentialsRefused) as caught:
        levels(opened, outs, Aspect.STOCK)
    assert caught.value.problem.code == "key_refused"
    opened.close()


# --- P08: lists that move or lie --------------------------------------------------------------------------------------


def read_ids(connection: WooConnection) -> list[str]:
    reader = connection.reader(Entity.PRODUCT)
    return [record.key for page in reader.pages(Query()) for record in page.records]


@pytest.mark.covers("CAT-01")
def test_p08_products_deleted_and_inserted_between_pages_hide_no_other(
    shop: WooCommerceSandbox, connection: WooConnection
) -> None:
    shop.seed(count=350, prefix="ART-")
    stay = {str(row.id) for row in shop.store.products.rows.values() if row.sku not in {"ART-000001", "ART-000002"}}
    first = sorted(shop.store.products.rows)[:2]
    for number, one in enumerate(first):
        shop.server.faults.add(
            {
                "action": "mutate",
                "when": "after",
                "op": "delete",
                "id": one,
                "force": True,
                "path": "products$",
                "nth": [number + 1],
            }
        )
    shop.server.faults.add(
        {
            "action": "mutate",
            "when": "after",
            "op": "insert",
            "count": 3,
            "path": "products$",
            "nth": [3],
        }
    )
    seen = read_ids(connection)
    assert len(seen) == len(set(seen))
    assert {str(one) for one in shop.store.products.rows} & stay <= set(seen)
    assert len([one for one in seen if one not in stay]) >= 3


@pytest.mark.covers("CAT-01")
@pytest.mark.parametrize(
    "rule",
    [
        {"action": "ignore_param", "params": ["offset"]},
        {"action": "truncate", "keep": 40},
        {"action": "ignore_param", "params": ["orderby", "order"]},
    ],
)
def test_p08_a_shop_that_lies_about_its_pages_gives_the_full_set_or_a_failure(
    shop: WooCommerceSandbox, connection: WooConnection, rule: dict[str, Any]
) -> None:
    shop.seed(count=230, prefix="ART-")
    everything = {str(one) for one in shop.store.products.rows}
    shop.server.faults.add({**rule, "path": "products$"})
    seen: set[str] | None = None
    with suppress(PagingBroken):
        seen = set(read_ids(connection))
    assert seen in (None, everything)


@pytest.mark.covers("CAT-01")
def test_p08_an_ignored_page_size_still_gives_the_full_set(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    shop.seed(count=95, prefix="ART-")
    shop.server.faults.add({"action": "ignore_param", "params": ["per_page"], "path": "products$"})
    assert set(read_ids(connection)) == {str(one) for one in shop.store.products.rows}


@pytest.mark.covers("CAT-01")
def test_the_reading_shows_the_trash_and_resumes(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    shop.seed(count=120, prefix="ART-")
    victim = min(shop.store.products.rows)
    connection._shop.api.client.request("DELETE", connection._shop.api.url(f"wc/v3/products/{victim}"))
    pages = list(connection.reader(Entity.PRODUCT).pages(Query()))
    trashed = [record for page in pages for record in page.records if record.fields["status"] == "trash"]
    assert [record.key for record in trashed] == [str(victim)]
    rest = connection.reader(Entity.PRODUCT).pages(Query(), since=Cursor.loads(pages[0].cursor.dumps()))
    assert sum(len(page.records) for page in rest) == 120 - len(pages[0].records)


# --- P07 / P34 ------------------------------------------------------------------------------------------


@pytest.mark.covers("STK-05")
def test_p07_a_quantity_changed_without_any_date_is_seen_by_the_stock_reader(
    shop: WooCommerceSandbox, connection: WooConnection
) -> None:
    created = send(connection, [create(simple("A-1")), create(variable("TS", [SIZES]))])
    shop.app.mutate("stock", {"sku": "A-1", "quantity": 42, "touch": False})
    shop.app.mutate("stock", {"sku": "TS-2", "quantity": 43, "touch": False})
    parent = created["TS"].remote_key
    child = created["TS"].children["TS#2"]
    reader = connection.reader(Entity.VARIANT, Aspect.STOCK)
    for keys in ([created["A-1"].remote_key, child], [created["A-1"].remote_key, f"{parent}/{child}"]):
        levels_read = {
            record.reference: record.quantity for page in reader.pages(Query(), keys=keys) for record in page.records
        }
        assert levels_read == {"A-1": 42, "TS-2": 43}


@pytest.mark.covers("PRF-08", "LOG-04")
@pytest.mark.parametrize("https", [False, True])
def test_p34_keys_reach_neither_logs_nor_results_nor_problems(caplog: pytest.LogCaptureFixture, https: bool) -> None:
    from connectors.sandbox.woocommerce import serve_woocommerce

    caplog.set_level(logging.DEBUG)
    with serve_woocommerce(tls=https) as shop:
        calls: list[Any] = []
        options = options_of(shop, verify_tls=False, key_in_query=https)
        opened = WooConnection(options, local_runtime(), hook=calls.append)
        shop.server.faults.add(
            {"action": "status", "status": 500, "method": "POST", "times": 1, "body": {"trace": shop.consumer_secret}}
        )
        results = send(opened, [create(simple("A-1")), create(simple("A-1", reference=shop.consumer_secret))])
        report = opened.check()
        opened.close()
        told = repr(calls) + repr(results) + repr(report) + caplog.text
    assert len(calls) > 3
    assert shop.consumer_secret not in told
    assert shop.consumer_key not in told


@pytest.mark.covers("PRF-07")
def test_errors_of_the_transport_keep_their_cause(shop: WooCommerceSandbox, free_port: int) -> None:
    options = options_of(shop, url=f"http://127.0.0.1:{free_port}")
    api = WooApi(options, local_runtime(), settings=HttpSettings(first_pause=0.01))
    with pytest.raises(Transient) as caught:
        api.get("products")
    assert caught.value.problem.code == "connection_refused"
    api.close()


@pytest.mark.covers("CAT-01")
def test_updates_survive_a_cut_because_they_may_be_repeated(shop: WooCommerceSandbox) -> None:
    opened = connect(shop)
    created = send(opened, [create(simple(f"A-{number}")) for number in range(10)])
    shop.server.faults.add({"action": "cut_after", "method": "POST", "path": "products/batch$", "times": 1})
    changed = [update(simple(key, name={"": "Neuf"}), result) for key, result in created.items()]
    results = send(opened, changed)
    assert {result.outcome for result in results.values()} <= {Outcome.UPDATED, Outcome.UNCHANGED}
    assert {row.name for row in shop.store.products.rows.values()} == {"Neuf"}
    opened.close()


# --- P06: the zone of the shop ----------------------------------------------------------------------------------------


@pytest.mark.covers("ORD-01")
def test_p06_the_zone_alone_costs_one_call_and_is_asked_for_again_after_a_failure(shop: WooCommerceSandbox) -> None:
    shop.server.faults.add({"action": "status", "status": 502, "path": "/wp-json/$", "times": 1})
    opened = connect(shop)
    zone = opened.facts("timezone")
    assert zone == {"timezone": "Europe/Paris"}
    assert opened.facts("timezone") == zone
    assert sum(shop.server.log.totals()["calls"].values()) == 2
    assert opened.facts()["timezone"] == zone["timezone"]
    opened.close()


@pytest.mark.covers("ORD-01")
def test_p06_a_shop_that_fails_to_tell_its_zone_has_no_guessed_one_and_tells_all_else(shop: WooCommerceSandbox) -> None:
    shop.server.faults.add({"action": "status", "status": 502, "path": "/wp-json/$"})
    opened = connect(shop)
    with pytest.raises(Transient):
        opened.facts("timezone")
    facts = opened.facts()
    assert (facts["timezone"], facts["currency"]) == ("", "EUR")
    with pytest.raises(Transient):
        opened.facts("timezone")
    shop.server.faults.remove()
    assert opened.facts("timezone") == {"timezone": "Europe/Paris"}
    opened.close()


@pytest.mark.covers("ORD-01")
def test_p06_a_site_that_hides_its_index_has_no_zone(shop: WooCommerceSandbox) -> None:
    shop.server.faults.add({"action": "status", "status": 403, "path": "/wp-json/$"})
    opened = connect(shop)
    assert opened.facts("timezone") == {"timezone": ""}
    opened.close()
