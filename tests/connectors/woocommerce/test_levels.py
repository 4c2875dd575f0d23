"""Stock, prices and states: grouped per parent, validated before sending, verified after."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.canonical.keys import Aspect, Entity
from connectors.canonical.values import Money, TaxBasis
from connectors.core.problems import NotSupported, Problem
from connectors.core.query import Query
from connectors.core.results import ItemResult, Outbound, Outcome
from connectors.sandbox.woocommerce import WooCommerceSandbox
from connectors.shops.woocommerce import levels as module_of_levels
from connectors.shops.woocommerce.connection import WooConnection
from tests.connectors.woocommerce.support import (
    connect,
    create,
    get,
    levels,
    linked,
    post,
    price,
    send,
    send_one,
    simple,
    stock,
    update,
    variable,
    variant,
    write_calls,
)


@pytest.mark.covers("STK-01")
def test_variations_are_written_in_one_call_per_parent(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    created = send(connection, [create(simple("A-1")), create(variable("V-1")), create(variable("V-2"))])
    shop.server.log.clear()
    outs = [linked(stock("A-1", 1), created["A-1"].remote_key)]
    for parent in ("V-1", "V-2"):
        for key, remote in created[parent].children.items():
            outs.append(linked(stock(key, 3, parent), remote, created[parent].remote_key))
    results = levels(connection, outs, Aspect.STOCK)
    assert {result.outcome for result in results.values()} == {Outcome.UPDATED}
    assert write_calls(shop) == {"products/batch": 1, "products/{product_id}/variations/batch": 2}
    url = results["V-1#1"].url
    assert url.endswith(f"post={created['V-1'].remote_key}&action=edit")


@pytest.mark.covers("STK-01", "STK-05")
def test_what_was_never_sent_and_is_there_already_is_left_alone(
    shop: WooCommerceSandbox, connection: WooConnection
) -> None:
    created = send(connection, [create(simple("A-1", quantity=4)), create(variable("V-1")), create(simple("A-2"))])
    parent = created["V-1"]
    first, second = parent.children["V-1#1"], parent.children["V-1#2"]
    outs = [
        linked(stock("A-1", 4), created["A-1"].remote_key),
        linked(stock("V-1#1", 5, "V-1"), first, parent.remote_key),
        linked(stock("V-1#2", 6, "V-1"), second, parent.remote_key),
        linked(stock("A-2", None), created["A-2"].remote_key),
    ]
    shop.server.log.clear()
    results = levels(connection, [replace(out, first=True) for out in outs], Aspect.STOCK)
    assert {key: (one.outcome, one.written) for key, one in results.items()} == {
        "A-1": (Outcome.UNCHANGED, False),
        "V-1#1": (Outcome.UNCHANGED, False),
        "V-1#2": (Outcome.UPDATED, True),
        "A-2": (Outcome.UPDATED, True),
    }
    assert results["V-1#1"].remote_key == first
    assert sum(shop.server.log.totals()["item_writes"].values()) == 2
    assert {one.outcome for one in levels(connection, outs, Aspect.STOCK).values()} == {Outcome.UPDATED}


@pytest.mark.covers("STK-02")
def test_what_is_not_tracked_is_always_available_and_can_be_tracked_again(connection: WooConnection) -> None:
    created = send(connection, [create(simple("A-1", quantity=0))])["A-1"]
    route = f"products/{created.remote_key}"
    levels(connection, [linked(stock("A-1", None), created.remote_key)], Aspect.STOCK)
    kept = get(connection, route)
    assert (kept["manage_stock"], kept["stock_status"]) == (False, "instock")
    levels(connection, [linked(stock("A-1", -3), created.remote_key)], Aspect.STOCK)
    assert get(connection, route)["stock_quantity"] == -3


@pytest.mark.covers("STK-03")
def test_weight_and_bar_code_ride_along(connection: WooConnection) -> None:
    created = send(connection, [create(simple("A-1"))])["A-1"]
    record = replace(stock("A-1", 3), weight=Decimal("1.5"), barcode="3760001000016")
    assert levels(connection, [linked(record, created.remote_key)], Aspect.STOCK)["A-1"].written
    kept = get(connection, f"products/{created.remote_key}")
    assert (kept["weight"], kept["global_unique_id"]) == ("1.5", "3760001000016")
    wrong = levels(connection, [linked(replace(record, barcode="1"), created.remote_key)], Aspect.STOCK)["A-1"]
    assert wrong.problem is not None
    assert wrong.problem.code == "barcode_invalid"


@pytest.mark.covers("STK-01")
def test_p11_deleted_products_and_variations_are_marked_as_gone(connection: WooConnection) -> None:
    created = send(connection, [create(simple("A-1")), create(variable("V-1"))])
    parent, child = created["V-1"].remote_key, created["V-1"].children["V-1#1"]
    outs = [
        linked(stock("absent", 1), "999999"),
        linked(stock("A-1", 1), created["A-1"].remote_key),
        linked(stock("V-1#1", 1, "V-1"), child, parent),
        linked(stock("V-1#9", 1, "V-1"), "888888", parent),
        linked(stock("sans-parent", 1), child),
    ]
    results = levels(connection, outs, Aspect.STOCK)
    gone = {key for key, result in results.items() if result.gone}
    assert gone == {"absent", "V-1#9"}
    assert results["A-1"].outcome is Outcome.UPDATED
    assert results["V-1#1"].outcome is Outcome.UPDATED
    assert results["sans-parent"].problem is not None
    assert results["sans-parent"].problem.code == "variation_without_parent"


@pytest.mark.covers("STK-01")
def test_a_shop_without_stock_management_is_named(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    created = send(connection, [create(simple("A-1"))])["A-1"]
    shop.server.faults.add(
        {"action": "item_error", "sku": "A-1", "code": "x", "message": "y", "status": 400, "times": 0}
    )
    from connectors.shops.woocommerce.batching import Row, RowAnswer
    from connectors.shops.woocommerce.levels import StockWriter

    writer = connection.writer(Entity.VARIANT, Aspect.STOCK)
    assert isinstance(writer, StockWriter)
    out = linked(stock("A-1", 3), created.remote_key)
    row = Row({"id": 1, "manage_stock": True, "stock_quantity": 3}, subject=out, name="A-1")
    answer = RowAnswer(row, {"id": 1, "manage_stock": False, "stock_quantity": None})
    result = writer._result(answer)
    assert result.problem is not None
    assert (result.outcome, result.problem.code, result.written) == (Outcome.REFUSED, "stock_not_managed", False)


@pytest.mark.covers("PRI-01")
def test_prices_keep_their_decimals_whatever_the_separator_of_the_shop(connection: WooConnection) -> None:
    created = send(connection, [create(simple("A-1"))])["A-1"]
    for amount, kept in (("1234.5", "1234.50"), ("0.123456", "0.123456"), ("7", "7.00")):
        levels(connection, [linked(price("A-1", amount), created.remote_key)], Aspect.PRICE)
        assert get(connection, f"products/{created.remote_key}")["regular_price"] == kept


@pytest.mark.covers("PRI-01")
def test_wrong_prices_are_refused_before_sending(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    created = send(connection, [create(simple("A-1"))])["A-1"]
    shop.server.log.clear()
    gross = replace(price("A-1", "1"), price=Money(Decimal(1), "EUR", TaxBasis.GROSS))
    for record, code in ((price("A-1", "-1"), "price_negative"), (gross, "price_basis_differs")):
        result = levels(connection, [linked(record, created.remote_key)], Aspect.PRICE)["A-1"]
        assert result.problem is not None
        assert (result.outcome, result.problem.code) == (Outcome.REFUSED, code)
    unlinked = levels(connection, [linked(price("A-1", "1"), "")], Aspect.PRICE)["A-1"]
    assert unlinked.problem is not None
    assert unlinked.problem.code == "not_linked"
    assert write_calls(shop) == {}


@pytest.mark.covers("PRI-01", "STK-05")
def test_what_the_shop_does_not_keep_is_reported(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    created = send(connection, [create(simple("A-1"))])["A-1"]
    from connectors.shops.woocommerce.outcome import not_kept

    problem = not_kept({"regular_price": "12.00"}, {"regular_price": "", "id": 1}, "A-1")
    assert problem is not None
    assert problem.code == "value_not_kept"
    assert "prix" in problem.text()
    assert not_kept({"regular_price": "12.00"}, {"regular_price": "12"}, "A-1") is None
    assert not_kept({"categories": [{"id": 3}]}, {"categories": [{"id": 15}]}, "A-1") is not None
    assert created.problem is None


@pytest.mark.covers("STK-01", "PRI-01")
def test_a_figure_can_be_found_but_not_retired(connection: WooConnection) -> None:
    created = send(connection, [create(variable("V-1"))])["V-1"]
    writer = connection.writer(Entity.VARIANT, Aspect.STOCK)
    out = linked(stock("V-1#1", 1, "V-1", "V-1-1"), "")
    assert writer.find([out])["V-1#1"].remote_key == created.children["V-1#1"]
    with pytest.raises(NotSupported):
        writer.retire([out])


@pytest.mark.covers("PRI-01")
def test_prices_are_read_back(shop: WooCommerceSandbox) -> None:
    opened = connect(shop)
    send(opened, [create(simple("A-1", amount="12.5")), create(variable("V-1"))])
    reader = opened.reader(Entity.VARIANT, Aspect.PRICE)
    found = {record.reference: record.price.amount for page in reader.pages(Query()) for record in page.records}
    assert found == {"A-1": Decimal("12.50"), **{f"V-1-{number}": Decimal("10.00") for number in range(1, 5)}}
    opened.close()


@pytest.mark.covers("STK-04")
@pytest.mark.parametrize(("word", "kept"), [("backorder", "yes"), ("notify", "notify"), ("refuse", "no")])
def test_what_is_allowed_without_stock_goes_along_with_the_quantity(
    connection: WooConnection, word: str, kept: str
) -> None:
    created = send(connection, [create(simple("A-1")), create(variable("V-1"))])
    child = created["V-1"].children["V-1#1"]
    outs = [
        linked(replace(stock("A-1", 0), backorders=word), created["A-1"].remote_key),
        linked(replace(stock("V-1#1", 0, "V-1"), backorders=word), child, created["V-1"].remote_key),
    ]
    assert {one.outcome for one in levels(connection, outs, Aspect.STOCK).values()} == {Outcome.UPDATED}
    for number in (created["A-1"].remote_key, child):
        row = get(connection, f"products/{number}")
        assert (row["backorders"], row["stock_status"]) == (kept, "outofstock" if word == "refuse" else "onbackorder")
    levels(connection, [linked(stock("A-1", 0), created["A-1"].remote_key)], Aspect.STOCK)
    assert get(connection, f"products/{created['A-1'].remote_key}")["backorders"] == kept, "empty keeps the setting"
    made = simple("A-2", variants=(variant("A-2", "A-2", "A-2", stock=replace(stock("A-2", 0), backorders=word)),))
    number = send(connection, [create(made)])["A-2"].remote_key
    assert get(connection, f"products/{number}")["backorders"] == kept


@pytest.mark.covers("STK-04")
def test_an_empty_article_goes_off_sale_and_comes_back_only_if_it_was_on_sale(connection: WooConnection) -> None:
    created = send(connection, [create(simple("A-1")), create(simple("A-2")), create(variable("V-1"))])
    by_hand = created["A-2"].remote_key
    post(connection, f"products/{by_hand}", {"status": "draft"})

    def level(key: str, quantity: int) -> Outbound[Any]:
        return linked(replace(stock(key, quantity), sellable=quantity > 0), created[key].remote_key)

    def states() -> list[str]:
        return [get(connection, f"products/{created[key].remote_key}")["status"] for key in ("A-1", "A-2")]

    writer = connection.writer(Entity.VARIANT, Aspect.STOCK)
    assert writer.compare([level("A-1", 0)])["A-1"] == {"status": ("publish", "draft"), "stock_quantity": (5, 0)}
    levels(connection, [level("A-1", 0), level("A-2", 0)], Aspect.STOCK)
    assert states() == ["draft", "draft"]
    levels(connection, [level("A-1", 4), level("A-2", 4)], Aspect.STOCK)
    assert states() == ["publish", "draft"], "what a person withdrew stays withdrawn"
    post(connection, f"products/{created['A-1'].remote_key}", {"status": "draft"})
    levels(connection, [level("A-1", 5)], Aspect.STOCK)
    assert states() == ["draft", "draft"]
    child = linked(
        replace(stock("V-1#1", 0, "V-1"), sellable=False), created["V-1"].children["V-1#1"], created["V-1"].remote_key
    )
    levels(connection, [child], Aspect.STOCK)
    assert get(connection, f"products/{created['V-1'].remote_key}")["status"] == "publish"


@pytest.mark.covers("STK-04", "CAT-08")
def test_an_article_without_stock_is_created_off_sale_and_comes_back_with_its_stock(shop: WooCommerceSandbox) -> None:
    opened = connect(shop, inactive_status="private")
    empty = replace(stock("A-1", 0), sellable=False)
    record = simple("A-1", variants=(variant("A-1", "A-1", "A-1", stock=empty),))
    created = send(opened, [create(record)])["A-1"]
    route = f"products/{created.remote_key}"
    assert get(opened, route)["status"] == "private"
    send(opened, [update(replace(record, name={"": "Autre nom"}), created)])
    assert get(opened, route)["status"] == "private", "an update of the state does not put it on sale without stock"
    levels(opened, [linked(replace(stock("A-1", 2), sellable=True), created.remote_key)], Aspect.STOCK)
    assert get(opened, route)["status"] == "publish"
    send(opened, [update(record, created)])
    assert get(opened, route)["status"] == "private"
    full = simple("A-1", variants=(variant("A-1", "A-1", "A-1", stock=replace(stock("A-1", 3), sellable=True)),))
    send(opened, [update(full, created)])
    assert get(opened, route)["status"] == "publish"
    post(opened, route, {"status": "private"})
    levels(opened, [linked(replace(stock("A-1", 9), sellable=True), created.remote_key)], Aspect.STOCK)
    assert get(opened, route)["status"] == "private", "the note of the stock rule left with the update"
    opened.close()


# --- preselected variation -------------------------------------------------------------------------------------------


def _chosen(connection: WooConnection, product: str) -> dict[str, str]:
    rows = get(connection, f"products/{product}")["default_attributes"]
    return {row["name"]: row["option"] for row in rows}


def _set_stock(connection: WooConnection, made: ItemResult, **quantities: int) -> dict[str, ItemResult]:
    """New quantities of variations, by the number after ``V_``."""
    outs = []
    for name, quantity in quantities.items():
        key = f"V#{name.removeprefix('V_')}"
        outs.append(linked(stock(key, quantity, "V"), made.children[key], made.remote_key))
    return levels(connection, outs, Aspect.STOCK)


@pytest.mark.covers("CAT-12")
def test_the_preselected_variation_moves_when_it_is_out_of_stock(shop: WooCommerceSandbox) -> None:
    opened = connect(shop, default_in_stock=True)
    made = send_one(opened, create(variable("V")))
    first = {"Taille": "s", "Couleur": "rouge"}
    assert _chosen(opened, made.remote_key) == first, "nothing was preselected"
    _set_stock(opened, made, V_4=9)
    assert _chosen(opened, made.remote_key) == first, "a choice in stock stays"
    results = _set_stock(opened, made, V_1=0)
    assert results["V#1"].outcome is Outcome.UPDATED
    assert _chosen(opened, made.remote_key) == {"Taille": "s", "Couleur": "bleu-nuit"}
    _set_stock(opened, made, V_1=5)
    assert _chosen(opened, made.remote_key) == {"Taille": "s", "Couleur": "bleu-nuit"}, "a choice in stock stays"
    _set_stock(opened, made, V_1=0, V_2=0, V_3=0, V_4=0)
    assert _chosen(opened, made.remote_key) == {"Taille": "s", "Couleur": "bleu-nuit"}, "nothing better"
    opened.close()


@pytest.mark.covers("CAT-12")
def test_a_choice_of_the_shop_in_stock_stays_and_costs_no_write(shop: WooCommerceSandbox) -> None:
    plain = connect(shop)
    made = send_one(plain, create(variable("V")))
    assert _chosen(plain, made.remote_key) == {}, "the option is off"
    rows = get(plain, f"products/{made.remote_key}/variations/{made.children['V#4']}")["attributes"]
    wanted = [{"id": row["id"], "option": row["option"]} for row in rows]
    post(plain, f"products/{made.remote_key}", {"default_attributes": wanted})
    theirs = _chosen(plain, made.remote_key)
    assert len(theirs) == 2
    _set_stock(plain, made, V_4=0)
    assert _chosen(plain, made.remote_key) == theirs, "the option is off"
    _set_stock(plain, made, V_4=3)
    plain.close()
    opened = connect(shop, default_in_stock=True)
    shop.server.log.clear()
    _set_stock(opened, made, V_1=0)
    assert _chosen(opened, made.remote_key) == theirs
    assert write_calls(shop) == {"products/{product_id}/variations/batch": 1}
    shop.server.log.clear()
    assert send_one(opened, update(variable("V"), made, parts=frozenset({"name"}))).outcome is Outcome.UNCHANGED
    assert write_calls(shop) == {}
    opened.close()


@pytest.mark.covers("CAT-12")
def test_a_preselection_that_the_shop_refuses_is_told_with_an_item_of_its_product(
    shop: WooCommerceSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = connect(shop, default_in_stock=True)
    made = send_one(opened, create(variable("V")))
    problem = Problem("shop_refused", "La boutique refuse.", "Corrigez.")
    monkeypatch.setattr(module_of_levels, "move_defaults", lambda _shop, parents: {parents[0]: problem})
    results = _set_stock(opened, made, V_1=0, V_2=7)
    assert [result.problem for result in results.values()] == [None, problem]
    assert all(result.written for result in results.values())
    opened.close()
