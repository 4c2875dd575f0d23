"""Categories: a tree found by name under its parent, made once, moved and renamed."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.canonical.catalog import Category
from connectors.canonical.keys import Entity, Ref
from connectors.core.problems import NotSupported
from connectors.core.query import Query
from connectors.core.results import Action, ItemResult, Outbound, Outcome
from connectors.sandbox.woocommerce import WooCommerceSandbox
from connectors.shops.woocommerce.connection import WooConnection
from tests.connectors.woocommerce.support import connect, get, post, write_calls

pytestmark = pytest.mark.covers("CAT-07")


def node(key: str, name: str, parent: str = "", level: int = 1, position: int = 0) -> Category:
    return Category(key=key, name={"": name}, parent=parent, level=level, position=position)


def made(record: Category, **changes: Any) -> Outbound[Category]:
    return Outbound(record, Action.CREATE, record.key, **changes)


def moved(record: Category, remote: str, **changes: Any) -> Outbound[Category]:
    return Outbound(record, Action.UPDATE, record.key, remote_key=remote, **changes)


def write(connection: WooConnection, *outs: Outbound[Category]) -> dict[str, ItemResult]:
    return {result.key: result for result in connection.writer(Entity.CATEGORY).send(list(outs))}


def test_a_tree_is_made_level_by_level_in_one_call_each(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    tree = [node("c", "Vis à bois", "b", 3), node("a", "Quincaillerie"), node("b", "Vis & écrous", "a", 2, 4)]
    results = write(connection, *map(made, tree))
    rows = {str(row["id"]): row for row in get(connection, "products/categories", per_page=100)}
    assert rows[results["b"].remote_key]["name"] == "Vis &amp; écrous"
    assert rows[results["b"].remote_key]["menu_order"] == 4
    assert str(rows[results["c"].remote_key]["parent"]) == results["b"].remote_key
    assert write_calls(shop) == {"products/categories/batch": 3}
    assert results["a"].url.endswith(f"tag_ID={results['a'].remote_key}&post_type=product")


def test_the_same_name_lives_under_two_parents_and_each_is_found(connection: WooConnection) -> None:
    tree = [node("a", "Intérieur"), node("b", "Extérieur"), node("c", "Tables", "a", 2), node("d", "Tables", "b", 2)]
    results = write(connection, *map(made, tree))
    assert len({result.remote_key for result in results.values()}) == 4
    found = connection.writer(Entity.CATEGORY).find([made(record) for record in tree])
    assert {key: one.remote_key for key, one in found.items()} == {key: r.remote_key for key, r in results.items()}


def test_a_category_made_by_hand_is_adopted_without_being_written(connection: WooConnection) -> None:
    by_hand = post(connection, "products/categories", {"name": "Vis & écrous"})
    result = write(connection, made(node("a", "Vis & écrous")))["a"]
    assert (result.remote_key, result.outcome, result.written) == (str(by_hand["id"]), Outcome.UNCHANGED, False)


def test_a_category_waits_for_its_parent(connection: WooConnection) -> None:
    result = write(connection, made(node("b", "Vis", "a", 2)))["b"]
    assert result.outcome is Outcome.DEFERRED
    parent = write(connection, made(node("a", "Quincaillerie")))["a"]
    linked = made(node("b", "Vis", "a", 2), references={Ref(Entity.CATEGORY, "a"): parent.remote_key})
    assert write(connection, linked)["b"].outcome is Outcome.CREATED


def test_names_and_parents_follow_the_erp_and_slugs_stay(shop: WooCommerceSandbox, connection: WooConnection) -> None:
    results = write(connection, made(node("a", "Un")), made(node("b", "Deux")))
    outs = [
        moved(node("a", "Premier"), results["a"].remote_key),
        moved(node("b", "Deux", "a", 2), results["b"].remote_key),
    ]
    after = write(connection, *outs)
    assert {result.outcome for result in after.values()} == {Outcome.UPDATED}
    rows = {str(row["id"]): row for row in get(connection, "products/categories", per_page=100)}
    assert (rows[results["a"].remote_key]["name"], rows[results["a"].remote_key]["slug"]) == ("Premier", "un")
    assert str(rows[results["b"].remote_key]["parent"]) == results["a"].remote_key
    fixed = connect(shop, rename_categories=False)
    assert write(fixed, moved(node("a", "Autre"), results["a"].remote_key))["a"].outcome is Outcome.UNCHANGED
    fixed.close()


def test_a_loop_is_refused_instead_of_being_silently_flattened(connection: WooConnection) -> None:
    results = write(connection, made(node("a", "Un")), made(node("b", "Deux", "a", 2)))
    out = moved(
        node("a", "Un", "b", 2),
        results["a"].remote_key,
        references={Ref(Entity.CATEGORY, "b"): results["b"].remote_key},
    )
    result = write(connection, out)["a"]
    assert result.problem is not None
    assert (result.outcome, result.problem.code) == (Outcome.REFUSED, "category_loop")


@pytest.mark.parametrize("name", ["", "x" * 201, "a <b> c", "50%25"])
def test_p22_impossible_names_are_refused_with_a_reason(connection: WooConnection, name: str) -> None:
    results = write(connection, made(node("a", name)), made(node("b", "Bon")))
    assert results["a"].problem is not None
    assert results["a"].problem.code == "name_not_storable"
    assert results["b"].outcome is Outcome.CREATED


@pytest.mark.parametrize(
    "name", ["R&D", "5 > 4", "L’été", "«Œuvre»", "a/b\\c", 'Dit "x"', "日本", "😀", "100 %", "A  B "]
)
def test_p22_nasty_names_are_found_again(connection: WooConnection, name: str) -> None:
    created = write(connection, made(node("a", name)))["a"]
    assert created.outcome is Outcome.CREATED
    assert connection.writer(Entity.CATEGORY).find([made(node("a", name))])["a"].remote_key == created.remote_key
    assert write(connection, moved(node("a", name), created.remote_key))["a"].outcome is Outcome.UNCHANGED


def test_the_tree_is_read_parents_first(connection: WooConnection) -> None:
    write(connection, made(node("a", "Un")), made(node("b", "Deux & demi", "a", 2)))
    records = [r for page in connection.reader(Entity.CATEGORY).pages(Query()) for r in page.records]
    by_name = {record.name[""]: record for record in records}
    assert by_name["Deux & demi"].parent == by_name["Un"].key
    assert [record.level for record in records] == sorted(record.level for record in records)


def test_a_category_cannot_be_retired(connection: WooConnection) -> None:
    with pytest.raises(NotSupported):
        connection.writer(Entity.CATEGORY).retire([])
