"""The next delivery as a custom field of products and variations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from connectors.canonical.keys import Aspect, Entity
from connectors.core.results import Outcome
from connectors.sandbox.woocommerce import WooCommerceSandbox
from connectors.shops.woocommerce.connection import WooConnection
from connectors.shops.woocommerce.options import WooCommerceOptions
from tests.connectors.woocommerce.support import (
    connect,
    create,
    get,
    levels,
    linked,
    options_of,
    post,
    send,
    send_one,
    simple,
    stock,
    update,
    variable,
    variant,
    with_variant,
    write_calls,
)

pytestmark = pytest.mark.covers("STK-04")
KEY = "_next_delivery_date"
DAY, OTHER = date(2026, 12, 1), date(2027, 1, 15)
FOREIGN = {"key": "_autre_extension", "value": "à garder"}


def due(key: str, day: date | None, quantity: int = 0, product: str = "") -> Any:
    return replace(stock(key, quantity, product), expected_on=day)


def meta(connection: WooConnection, route: str) -> dict[str, Any]:
    """Custom fields of a product or variation, except our mark."""
    return {row["key"]: row["value"] for row in get(connection, route)["meta_data"] if row["key"] != "_atoosync"}


@pytest.mark.parametrize(("form", "text"), [("iso", "2026-12-01"), ("fr", "01/12/2026")])
def test_stock_batches_write_change_and_remove_the_date_and_nothing_else(
    shop: WooCommerceSandbox, form: str, text: str
) -> None:
    opened = connect(shop, next_delivery_meta=KEY, next_delivery_format=form)
    made = send(opened, [create(simple("A-1")), create(variable("V-1"))])
    child, parent = made["V-1"].children["V-1#2"], made["V-1"].remote_key
    routes = [f"products/{made['A-1'].remote_key}", f"products/{parent}/variations/{child}"]
    for route in routes:
        post(opened, route, {"meta_data": [FOREIGN]})

    def written(day: date | None, quantity: int) -> list[dict[str, Any]]:
        outs = [
            linked(due("A-1", day, quantity), made["A-1"].remote_key),
            linked(due("V-1#2", day, quantity, "V-1"), child, parent),
        ]
        results = levels(opened, outs, Aspect.STOCK)
        assert {one.outcome for one in results.values()} == {Outcome.UPDATED}
        assert {get(opened, route)["stock_quantity"] for route in routes} == {quantity}
        return [meta(opened, route) for route in routes]

    foreign = {FOREIGN["key"]: FOREIGN["value"]}
    shop.server.log.clear()
    assert written(DAY, 0) == [{**foreign, KEY: text}] * 2
    assert write_calls(shop) == {"products/batch": 1, "products/{product_id}/variations/batch": 1}
    assert written(OTHER, 0) != [{**foreign, KEY: text}] * 2
    assert written(None, 4) == [foreign] * 2, "the entry itself is gone"
    assert written(None, 5) == [foreign] * 2
    others = [number for number in made["V-1"].children.values() if number != child]
    assert [meta(opened, f"products/{parent}/variations/{number}") for number in others] == [{}] * 3
    assert meta(opened, f"products/{parent}") == {}
    opened.close()


def test_without_a_field_nothing_is_sent_and_a_date_of_others_stays(
    shop: WooCommerceSandbox, connection: WooConnection
) -> None:
    made = send_one(connection, create(simple("A-1")))
    route = f"products/{made.remote_key}"
    post(connection, route, {"meta_data": [{"key": KEY, "value": "bientôt"}]})
    shop.server.log.clear()
    for day in (DAY, None):
        levels(connection, [linked(due("A-1", day), made.remote_key)], Aspect.STOCK)
        assert meta(connection, route) == {KEY: "bientôt"}
    assert sum(shop.server.log.totals()["calls"].values()) == 4, "two writes, and the two readings of this test"


def test_a_date_is_written_without_reading_and_reading_is_for_what_may_have_to_go(shop: WooCommerceSandbox) -> None:
    opened = connect(shop, next_delivery_meta=KEY)
    made = send(opened, [create(simple(f"A-{number}")) for number in range(5)])
    shop.server.log.clear()
    for day, reads in ((DAY, 0), (None, 1)):
        outs = [linked(due(key, day), one.remote_key) for key, one in made.items()]
        levels(opened, outs, Aspect.STOCK)
        calls = shop.server.log.totals()["calls"]
        assert sum(count for name, count in calls.items() if name.startswith("GET ")) == reads
    opened.close()


def test_articles_carry_the_date_from_their_creation_on_and_lose_it_with_an_update(shop: WooCommerceSandbox) -> None:
    opened = connect(shop, next_delivery_meta=KEY)
    plain = simple("A-1", variants=(variant("A-1", "A-1", "A-1", stock=due("A-1", DAY)),))
    ranged = with_variant(variable("V-1"), 1, stock=due("V-1#2", OTHER, 0, "V-1"))
    made = send(opened, [create(plain), create(ranged)])
    parent, children = made["V-1"].remote_key, made["V-1"].children

    def dates() -> dict[str, Any]:
        routes = {key: f"products/{parent}/variations/{number}" for key, number in children.items()}
        found = {key: meta(opened, route).get(KEY) for key, route in routes.items()}
        found["A-1"] = meta(opened, f"products/{made['A-1'].remote_key}").get(KEY)
        return {key: value for key, value in found.items() if value is not None}

    assert dates() == {"A-1": "2026-12-01", "V-1#2": "2027-01-15"}
    assert {
        one.outcome for one in send(opened, [update(plain, made["A-1"]), update(ranged, made["V-1"])]).values()
    } == {Outcome.UNCHANGED}
    without_stock = frozenset({"name"})
    send(opened, [update(simple("A-1"), made["A-1"], parts=without_stock)])
    send(opened, [update(variable("V-1"), made["V-1"], parts=without_stock)])
    assert dates() == {"A-1": "2026-12-01", "V-1#2": "2027-01-15"}, "the part of quantities is switched off"
    send(opened, [update(simple("A-1"), made["A-1"]), update(variable("V-1"), made["V-1"])])
    assert dates() == {}
    opened.close()


def test_the_preview_shows_the_date_as_a_field(shop: WooCommerceSandbox) -> None:
    opened = connect(shop, next_delivery_meta=KEY)
    made = send_one(opened, create(simple("A-1", quantity=0)))
    writer = opened.writer(Entity.VARIANT, Aspect.STOCK)
    assert writer.compare([linked(due("A-1", DAY), made.remote_key)])["A-1"] == {KEY: (None, "2026-12-01")}
    levels(opened, [linked(due("A-1", DAY), made.remote_key)], Aspect.STOCK)
    assert writer.compare([linked(due("A-1", DAY), made.remote_key)])["A-1"] == {}
    assert writer.compare([linked(due("A-1", None), made.remote_key)])["A-1"] == {KEY: ("2026-12-01", "")}
    opened.close()


def test_a_date_and_the_note_of_the_sale_go_together(shop: WooCommerceSandbox) -> None:
    opened = connect(shop, next_delivery_meta=KEY)
    made = send_one(opened, create(simple("A-1")))
    route = f"products/{made.remote_key}"
    levels(opened, [linked(replace(due("A-1", DAY), sellable=False), made.remote_key)], Aspect.STOCK)
    assert (get(opened, route)["status"], meta(opened, route)) == (
        "draft",
        {KEY: "2026-12-01", "_atoosync_empty": "yes"},
    )
    levels(opened, [linked(replace(due("A-1", None, 3), sellable=True), made.remote_key)], Aspect.STOCK)
    assert (get(opened, route)["status"], meta(opened, route)) == ("publish", {"_atoosync_empty": ""})
    opened.close()


@pytest.mark.parametrize("name", ["_stock", "_price", "_atoosync", "_atoosync_empty", "deux mots"])
def test_a_field_of_the_shop_or_of_ours_is_no_place_for_the_date(shop: WooCommerceSandbox, name: str) -> None:
    with pytest.raises(ValueError, match="champ"):
        options_of(shop, next_delivery_meta=name)


def test_another_field_or_form_is_another_place(shop: WooCommerceSandbox) -> None:
    def place(**changes: Any) -> str:
        options: WooCommerceOptions = options_of(shop, **changes)
        return options.next_delivery_place

    assert place() == place(next_delivery_format="fr") == ""
    places = {
        place(next_delivery_meta="a"),
        place(next_delivery_meta="a", next_delivery_format="fr"),
        place(next_delivery_meta="b"),
    }
    assert len(places) == 3
