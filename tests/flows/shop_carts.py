"""Carts of many shapes, placed as a shopper does in the running stand-in of WooCommerce, the same for the same seed."""

from __future__ import annotations

import json
import random
import urllib.request
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from authlib.oauth1 import SIGNATURE_TYPE_QUERY, ClientAuth

from connectors.sandbox.sage100 import Sage100Sandbox

CLASSES = ("", "taux-intermediaire", "reduced-rate", "taux-super-reduit", "zero-rate")
MIXES = (("",), ("", "reduced-rate"), ("", "taux-intermediaire", "reduced-rate"), CLASSES)
COUPONS = (
    *((f"POUR{share}", "percent", str(share)) for share in (5, 10, 15, 33, 50)),
    *((f"PANIER{number}", "fixed_cart", amount) for number, amount in enumerate(("0.99", "5", "7.77", "20", "150"))),
    *((f"ARTICLE{number}", "fixed_product", amount) for number, amount in enumerate(("0.50", "1.25", "3.33"))),
)
PRODUCTS = 100
CARRIAGES = (False, ("4.90",), ("5.75",), ("6.90",), ("12.9083",), ("0",), ("4.90", "3.05"))


def references(company: Sage100Sandbox) -> list[str]:
    """References of a hundred plain articles of a company."""
    with company.session(write=False) as session:
        rows = session.all(
            "SELECT AR_Ref FROM F_ARTICLE WHERE AR_Gamme1 = 0 AND AR_Type = 0 AND AR_Nomencl = 0 AND AR_Sommeil = 0 "
            "AND AR_SuiviStock = 2 ORDER BY cbMarq"
        )
    return [str(row[0]) for row in rows[:PRODUCTS]]


def rest(shop: Any, route: str, body: Any = None, *, method: str = "") -> Any:
    """An object as the shop's own API shows it, or changed by its manager; not through the product's code."""
    separator = "&" if "?" in route else "?"
    address = f"{shop.url}/wp-json/wc/v3/{route}{separator}context=edit"
    method = method or ("GET" if body is None else "PUT")
    signer = ClientAuth(shop.consumer_key, shop.consumer_secret, signature_type=SIGNATURE_TYPE_QUERY)
    signed, _, _ = signer.sign(method, address, {}, b"")
    return _answer(signed, body, method)


def tell(shop: Any, **operation: Any) -> Any:
    """One operation of the control interface of a shop: what people do in it."""
    return _answer(f"{shop.control_url}mutate", operation, "POST")


def _answer(address: str, body: Any, method: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310  # loopback
        address, data=data, method=method, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.loads(answer.read())


def set_rules(shop: Any, *, include_tax: bool, at_subtotal: bool) -> None:
    """How the shop reads prices and rounds taxes, as set by its manager."""
    for name, chosen in (("prices_include_tax", include_tax), ("tax_round_at_subtotal", at_subtotal)):
        rest(shop, f"settings/tax/woocommerce_{name}", {"value": "yes" if chosen else "no"})


def fill_shop(shop: Any, skus: Sequence[str], seed: int = 7) -> None:
    """Products of every rate at two to four decimals, vouchers of every kind, carriage taxed at every rate."""
    dice = random.Random(seed)  # noqa: S311  # not for secrets
    for rate in rest(shop, "taxes?per_page=100"):
        rest(shop, f"taxes/{rate['id']}", {"shipping": True})
    products = [_product(dice, number, sku) for number, sku in enumerate(skus)]
    made = rest(shop, "products/batch", {"create": products}, method="POST")["create"]
    assert not [row for row in made if "error" in row]
    rows = [{"code": code, "discount_type": kind, "amount": amount} for code, kind, amount in COUPONS]
    rest(shop, "coupons/batch", {"create": rows}, method="POST")


def _product(dice: random.Random, number: int, sku: str) -> dict[str, Any]:
    places = (2, 2, 2, 3, 4)[number // 5 % 5]
    highest = 300 if number // 5 % 3 == 0 else 18000
    price = Decimal(dice.randint(5 * 10 ** (places - 2), highest * 10 ** (places - 2))).scaleb(-places)
    given = {"name": f"Article {number}", "sku": sku, "type": "simple", "manage_stock": False}
    return {**given, "regular_price": f"{price:f}", "tax_class": CLASSES[number % 5]}


def cart(seed: int, skus: Sequence[str]) -> dict[str, Any]:
    """What a shopper buys: up to twelve lines of one to five rates, vouchers, fees, lowered and free carriage."""
    dice = random.Random(seed)  # noqa: S311  # not for secrets
    mix = dice.choice(MIXES)
    chosen = dict.fromkeys(
        dice.choice(skus[CLASSES.index(dice.choice(mix)) :: len(CLASSES)])
        for _ in range(dice.choice((1, 1, 2, 3, 5, 8, 12)))
    )
    items = [{"sku": sku, "quantity": dice.choice((1, 1, 1, 2, 3, 7, 12, 40))} for sku in chosen]
    coupons = dice.sample([code for code, _kind, _amount in COUPONS], dice.choice((0, 0, 0, 1, 1, 2)))
    return {
        "items": items,
        "coupons": coupons,
        "fees": _fees(dice, mix),
        "carriage": dice.choice(CARRIAGES),
        "payment_method": dice.choice(("bacs", "card", "cod")),
    }


def _fees(dice: random.Random, mix: Sequence[str]) -> list[dict[str, str]]:
    fees = []
    if dice.random() < 0.15:
        fees.append({"name": "Emballage cadeau", "total": f"{dice.randint(50, 900) / 100:.2f}"})
    if dice.random() < 0.1:
        fees.append({"name": "Éco-participation", "total": f"{dice.randint(1, 400) / 100:.2f}", "tax_class": mix[-1]})
    if dice.random() < 0.1:
        fees.append({"name": "Remise fidélité", "total": f"-{dice.randint(1, 30) / 100:.2f}"})
    if dice.random() < 0.05:
        fees.append({"name": "Frais de dossier", "total": "2.50", "tax_status": "none"})
    return fees


def place(shop: Any, seeds: Sequence[int], skus: Sequence[str]) -> list[str]:
    """Places the carts of these seeds; the ids of their orders."""
    return [str(tell(shop, op="checkout", **cart(seed, skus))["id"]) for seed in seeds]
