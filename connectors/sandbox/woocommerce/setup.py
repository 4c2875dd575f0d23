"""Filling a shop: what a fresh installation holds, a French shop ready to sell, generated products."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from connectors.sandbox.woocommerce import settings, shipping, text
from connectors.sandbox.woocommerce.records import Media, Product, Term
from connectors.sandbox.woocommerce.store import CATEGORY, WooStore

_PLACEHOLDER = "/wp-content/uploads/woocommerce-placeholder.png"
_RATES = (
    ("standard", "20.0000", "TVA 20", True),
    ("taux-intermediaire", "10.0000", "TVA 10", False),
    ("reduced-rate", "5.5000", "TVA 5,5", False),
    ("taux-super-reduit", "2.1000", "TVA 2,1", False),
    ("zero-rate", "0.0000", "TVA 0", False),
)
_NOUNS = ("Chaise", "Table", "Lampe", "Étagère", "Tabouret", "Coussin", "Vase", "Miroir", "Tapis", "Panier", "Banc")
_MATTERS = ("en chêne", "en hêtre", "en métal", "en verre", "en lin", "en coton", "en céramique", "en rotin")
_COLOURS = ("noir", "blanc", "naturel", "bleu nuit", "vert sapin", "terracotta", "ocre", "gris perle")


def bare_shop(store: WooStore) -> None:
    """What a fresh installation in France holds: settings, default category, accounts, no rate, no product."""
    settings.install(store)
    shipping.install(store)
    for slug, name in (("reduced-rate", "Reduced rate"), ("zero-rate", "Zero rate")):
        store.tax_classes.put(slug, {"slug": slug, "name": name})
    for sequence, value in (("post", 12), ("term", 15), ("user", 3), ("postmeta", 100)):
        store.sequences.put(sequence, value)
    store.put_term(Term(15, CATEGORY, "Uncategorized", "uncategorized"))
    store.settings.put("products/woocommerce_default_category", 15)
    store.media.put(5, Media(5, _PLACEHOLDER, "woocommerce-placeholder.png", created=store.now()))
    store.media_paths.add(_PLACEHOLDER)
    for number, login, role, mail in (
        (1, "admin", "administrator", "admin@example.com"),
        (2, "shopmgr", "shop_manager", "shopmgr@example.com"),
        (3, "lambda", "customer", "lambda@example.com"),
    ):
        store.customers.put(number, _account(number, login, role, mail, store.now()))


def _account(number: int, login: str, role: str, mail: str, now: int) -> dict[str, Any]:
    return {
        "id": number,
        "email": mail,
        "username": login,
        "role": role,
        "first_name": "",
        "last_name": "",
        "billing": {},
        "shipping": {},
        "created": now,
        "modified": None,
        "meta": [],
    }


def french_shop(store: WooStore) -> None:
    """A bare shop plus the French VAT rates, a delivery zone and the offline payments switched on."""
    bare_shop(store)
    store.tax_classes.put("taux-intermediaire", {"slug": "taux-intermediaire", "name": "Taux intermédiaire"})
    store.tax_classes.put("taux-super-reduit", {"slug": "taux-super-reduit", "name": "Taux super réduit"})
    for tax_class, rate, name, carriage in _RATES:
        number = store.next_id("tax_rate")
        row = {"id": number, "country": "FR", "state": "", "rate": rate, "name": name, "priority": 1}
        row |= {"compound": False, "shipping": carriage, "order": 1, "class": tax_class, "postcodes": [], "cities": []}
        store.tax_rates.put(number, row)
    store.settings.put("tax/woocommerce_calc_taxes", "yes")
    method = {"id": store.next_id("zone_method"), "method_id": "flat_rate", "enabled": True, "order": 1}
    method |= {"settings": {"title": "Colissimo", "cost": "6.90"}, "shown_title": "Colissimo"}
    zone = store.next_id("zone")
    places = [{"code": "FR", "type": "country"}]
    store.zones.put(zone, {"id": zone, "name": "France", "order": 0, "places": places, "methods": [method]})
    for name in ("bacs", "cheque", "cod"):
        store.gateways.put(name, {**(store.gateways.get(name) or {}), "enabled": True})


def seed_products(store: WooStore, params: Mapping[str, Any]) -> dict[str, Any]:
    """Add generated simple products directly, without passing through the API.

    `count` or `skus` (exact list), `prefix` and `start` of generated references, `seed`, `price`, `stock`, `managed`.
    """
    skus = [str(one) for one in params.get("skus") or ()]
    prefix, start = str(params.get("prefix", "ART-")), int(params.get("start", 1))
    skus = skus or [f"{prefix}{number:06d}" for number in range(start, start + int(params.get("count", 0)))]
    dice = random.Random(int(params.get("seed", 1)))
    with store.lock:
        now = store.now()
        default = int(store.setting("woocommerce_default_category") or 0)
        rows = [_generated(store, sku, dice, params, now, default) for sku in skus]
        store.reindex()
    ids = [row.id for row in rows]
    return {"created": len(ids), "first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}


def _generated(
    store: WooStore, sku: str, dice: random.Random, params: Mapping[str, Any], now: int, category: int
) -> Product:
    name = f"{dice.choice(_NOUNS)} {dice.choice(_MATTERS)} {dice.choice(_COLOURS)}"
    price = params.get("price") or f"{dice.randint(500, 30000) / 100:.2f}"
    stock = params.get("stock")
    number = store.next_id("post")
    managed = bool(params.get("managed", True))
    quantity = (dice.randint(0, 60) if stock is None else int(stock)) if managed else None
    row = Product(
        id=number,
        name=name,
        slug=f"{text.slugify(name)}-{number}",
        sku=sku,
        regular=str(price),
        managed=managed,
        stock=quantity,
        stock_status="instock" if quantity is None or quantity > 0 else "outofstock",
        created=now,
        modified=now,
        categories=[category],
    )
    return store.products.put(number, row)
