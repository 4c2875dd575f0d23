"""Five shoppers who order what the shop has in stock, so that a demonstration has orders of every kind at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.sandbox.woocommerce import pricing
from connectors.sandbox.woocommerce.records import Product
from connectors.sandbox.woocommerce.store import WooStore

if TYPE_CHECKING:
    from connectors.sandbox.woocommerce.app import WooCommerceApp

_SHOPPERS: tuple[tuple[dict[str, Any], str, tuple[int, ...]], ...] = (
    (
        {"first_name": "Hélène", "last_name": "Rochette", "address_1": "14 rue Thiers", "postcode": "38000",
         "city": "Grenoble", "email": "helene.rochette@example.net", "phone": "0476000001"},
        "card",
        (1, 2),
    ),
    (
        {"first_name": "Yann", "last_name": "Le Goff", "address_1": "3 quai de la Fosse", "postcode": "44000",
         "city": "Nantes", "email": "yann.legoff@example.net", "phone": "0240000002"},
        "bacs",
        (3,),
    ),
    (
        {"first_name": "Inès", "last_name": "Moreau", "company": "Refuge du Grand Veymont", "postcode": "26420",
         "address_1": "Les Nonières", "city": "La Chapelle-en-Vercors", "email": "refuge@example.net",
         "phone": "0475000003"},
        "cheque",
        (10, 1, 4),
    ),
    (
        {"first_name": "Marc", "last_name": "Dubois", "address_1": "27 cours Lafayette", "postcode": "69003",
         "city": "Lyon", "email": "marc.dubois@example.net", "phone": "0478000004"},
        "cod",
        (1,),
    ),
    (
        {"first_name": "Hélène", "last_name": "Rochette", "address_1": "14, rue Thiers", "postcode": "38000",
         "city": "GRENOBLE", "email": "Helene.Rochette@example.net", "phone": "0476000001"},
        "card",
        (1, 1, 1),
    ),
)  # fmt: skip
"""Who orders (the last one is the first one again, written otherwise), how they pay, how many pieces of each line."""

DEMONSTRATION = len(_SHOPPERS)


def place_all(app: WooCommerceApp) -> list[dict[str, Any]]:
    """Place one order per shopper, each of other products; the orders as the checkout answers them.

    Raises ValueError when fewer simple products with a price are in stock than the shoppers want.
    """
    wanted = sum(len(pieces) for _, _, pieces in _SHOPPERS)
    skus = _skus(app.store, wanted)
    if len(skus) < wanted:
        raise ValueError("La boutique a trop peu de produits en stock : exportez d’abord les articles.")
    placed = []
    for who, payment, pieces in _SHOPPERS:
        items = [{"sku": skus.pop(), "quantity": quantity} for quantity in pieces]
        order = {"items": items, "billing": {"country": "FR", **who}, "payment_method": payment}
        placed.append(app.mutate("checkout", order))
    return placed


def _skus(store: WooStore, wanted: int) -> list[str]:
    """References spread over the whole catalogue, so that several rates of tax come up."""
    rows = [row for number in store.by_date if _is_sold(store, row := store.products.rows[number])]
    step = max(len(rows) // wanted, 1)
    return [row.sku for row in rows[::step][:wanted]]


def _is_sold(store: WooStore, row: Product) -> bool:
    return bool(
        row.status == "publish"
        and row.kind == "simple"
        and row.sku
        and pricing.price(store, row)
        and pricing.stock_status(store, row) == "instock"
        and (row.stock or 0) >= 10
    )
