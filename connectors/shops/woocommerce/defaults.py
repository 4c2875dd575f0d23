"""The variation that a product page shows first: it follows the stock where the settings ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.core.problems import Problem
from connectors.shops.woocommerce.api import PAGE, Body
from connectors.shops.woocommerce.batching import BatchSender, Row
from connectors.shops.woocommerce.merge import row_identity
from connectors.shops.woocommerce.shop import Shop
from connectors.shops.woocommerce.terms import Term
from connectors.shops.woocommerce.text import decoded, normal_term

_VARIATION_FIELDS = "id,status,stock_status,menu_order,attributes"


def move_defaults(shop: Shop, parents: Sequence[int]) -> dict[int, Problem]:
    """Preselects a variation that can be bought, of each product whose own choice is sold out or missing.

    A choice in stock stays, whoever made it, and so does any when nothing is in stock. May be repeated. The answer
    holds the products whose change was refused or left without answer; what stops a run is raised.
    """
    rows: list[Row] = []
    for start in range(0, len(parents), PAGE):
        wanted = ",".join(map(str, parents[start : start + PAGE]))
        fields = {"include": wanted, "_fields": "id,sku,type,default_attributes"}
        for parent in shop.api.every("products", fields):
            if parent.get("type") != "variable":
                continue
            route = f"products/{parent['id']}/variations"
            parent = {**parent, "default_attributes": _named(shop, parent.get("default_attributes"))}
            chosen = next_default(parent, shop.api.every(route, {"_fields": _VARIATION_FIELDS}))
            if chosen is not None:
                body = {"id": int(parent["id"]), "default_attributes": chosen}
                rows.append(Row(body, subject=int(parent["id"]), name=str(parent.get("sku") or parent["id"])))
    found: dict[int, Problem] = {}
    for answer in BatchSender(shop.api, shop.updates).send("products", "update", rows):
        problem = answer.failure or (answer.error.problem(answer.row.name) if answer.error else None)
        if problem is not None:
            found[answer.row.subject] = problem
    return found


def next_default(parent: Mapping[str, Any], variations: Sequence[Mapping[str, Any]]) -> list[Body] | None:
    """The ``default_attributes`` to send, ``None`` when those of now may stay or nothing can be bought.

    The first variation in the order of the shop (``menu_order``, then id) that is published, in stock or on back
    order, and names a value for each of its attributes.
    """
    now = _choice(parent.get("default_attributes"))
    ordered = sorted(variations, key=lambda row: (int(row.get("menu_order") or 0), int(row["id"])))
    for_sale = [row for row in ordered if _is_for_sale(row)]
    if not for_sale or (now and any(_choice(row.get("attributes")) == now for row in for_sale)):
        return None
    return [
        {
            **({"id": int(item["id"])} if item.get("id") else {"name": decoded(item["name"])}),
            "option": decoded(item["option"]),
        }
        for item in for_sale[0]["attributes"]
    ]


def _named(shop: Shop, items: Any) -> list[Body]:
    """Defaults with the names of their values: the shop takes a name of a global value and gives its slug back."""
    found: list[Body] = []
    for item in items or ():
        values = shop.terms.known_values(Term(int(item["id"]), "")) if item.get("id") else {}
        names = {term.slug: term.name for term in values.values()}
        found.append({**item, "option": names.get(str(item["option"]), item["option"])})
    return found


def _is_for_sale(row: Mapping[str, Any]) -> bool:
    attributes = row.get("attributes") or ()
    named = bool(attributes) and all(item.get("option") for item in attributes)
    return named and row.get("status") == "publish" and row.get("stock_status") != "outofstock"


def _choice(items: Any) -> frozenset[tuple[str, str]]:
    return frozenset((row_identity(item), normal_term(decoded(item.get("option"))).casefold()) for item in items or ())
