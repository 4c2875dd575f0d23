"""Builders and shortcuts for the tests of the WooCommerce connector."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.canonical.catalog import PARTS, Axis, Category, Product, Variant
from connectors.canonical.keys import Aspect, Entity, Ref, variant_key
from connectors.canonical.prices import BasePrice
from connectors.canonical.stock import StockLevel
from connectors.canonical.values import Money, TaxBasis
from connectors.core.results import Action, ItemResult, Outbound
from connectors.sandbox.woocommerce import WooCommerceSandbox
from connectors.shops.woocommerce.connection import WooConnection
from connectors.shops.woocommerce.options import WooCommerceOptions
from tests.connectors.web_server import local_runtime

ALL = frozenset(PARTS)
SIZES = Axis(name="Taille", values=("S", "M"))
COLOURS = Axis(name="Couleur", values=("Rouge", "Bleu nuit"))


def options_of(shop: WooCommerceSandbox, **changes: Any) -> WooCommerceOptions:
    """Settings of the stand-in; short waits so that failure tests end."""
    values = {
        "url": shop.url,
        "consumer_key": shop.consumer_key,
        "consumer_secret": shop.consumer_secret,
        "settle_seconds": 0.4,
        **changes,
    }
    return WooCommerceOptions(**values)


def connect(shop: WooCommerceSandbox, **changes: Any) -> WooConnection:
    """An open connection to the stand-in."""
    return WooConnection(options_of(shop, **changes), local_runtime())


def money(amount: str) -> Money:
    """Net euros, as the stand-in works."""
    return Money(Decimal(amount), "EUR", TaxBasis.NET)


def price(key: str, amount: str, product_key: str = "", reference: str = "") -> BasePrice:
    """A mapped price."""
    return BasePrice(key=key, product_key=product_key or key, reference=reference or key, price=money(amount))


def stock(key: str, quantity: int | None, product_key: str = "", reference: str = "") -> StockLevel:
    """A mapped quantity."""
    return StockLevel(
        key=key,
        product_key=product_key or key,
        reference=reference or key,
        quantity=None if quantity is None else Decimal(quantity),
    )


def variant(
    product: str, key: str, reference: str, options: tuple[tuple[str, str], ...] = (), **changes: Any
) -> Variant:
    """A variant with price and stock."""
    values: dict[str, Any] = {
        "key": key,
        "reference": reference,
        "options": options,
        "price": price(key, "10.00", product, reference),
        "stock": stock(key, 5, product, reference),
        **changes,
    }
    return Variant(**values)


def simple(key: str, **changes: Any) -> Product:
    """A plain article; ``amount``, ``quantity``, ``barcode`` and ``weight`` go to its variant."""
    inner: dict[str, Any] = {}
    if "amount" in changes:
        inner["price"] = price(key, changes.pop("amount"))
    if "quantity" in changes:
        inner["stock"] = stock(key, changes.pop("quantity"))
    for name in ("barcode", "weight"):
        if name in changes:
            inner[name] = changes.pop(name)
    values: dict[str, Any] = {
        "key": key,
        "reference": key,
        "name": {"": f"Article {key}"},
        "variants": (variant(key, key, changes.get("reference", key), **inner),),
        **changes,
    }
    return Product(**values)


def variable(key: str, axes: Sequence[Axis] = (SIZES, COLOURS), **changes: Any) -> Product:
    """An article with one variant per combination, numbered from 1, references ``KEY-1``…"""
    combinations = itertools.product(*[axis.values for axis in axes])
    variants = tuple(
        variant(
            key, variant_key(key, number), f"{key}-{number}", tuple(zip([a.name for a in axes], values, strict=True))
        )
        for number, values in enumerate(combinations, 1)
    )
    values: dict[str, Any] = {
        "key": key,
        "reference": key,
        "name": {"": f"Article {key}"},
        "axes": tuple(axes),
        "variants": variants,
        **changes,
    }
    return Product(**values)


def create(record: Any, **changes: Any) -> Outbound[Any]:
    """A create with its token."""
    return Outbound(record, Action.CREATE, record.key, **{"token": f"jeton-{record.key}", **changes})


def update(record: Any, result: ItemResult, **changes: Any) -> Outbound[Any]:
    """An update of what a write gave back, every part on."""
    values = {"remote_key": result.remote_key, "children": result.children, "parts": ALL, **changes}
    return Outbound(record, Action.UPDATE, record.key, **values)


def linked(record: Any, remote: str, parent: str = "") -> Outbound[Any]:
    """An update of a stock or price record."""
    return Outbound(record, Action.UPDATE, record.key, remote_key=remote, remote_parent=parent or remote)


def product_writer(connection: WooConnection) -> Any:
    """The writer of articles."""
    return connection.writer(Entity.PRODUCT)


def send(
    connection: WooConnection, outs: Sequence[Outbound[Any]], aspect: Aspect = Aspect.DATA
) -> dict[str, ItemResult]:
    """Results of articles by key."""
    return {result.key: result for result in connection.writer(Entity.PRODUCT, aspect).send(outs)}


def send_one(connection: WooConnection, out: Outbound[Any]) -> ItemResult:
    """The result of one article."""
    return send(connection, [out])[out.key]


def levels(connection: WooConnection, outs: Sequence[Outbound[Any]], aspect: Aspect) -> dict[str, ItemResult]:
    """Results of stock or price records by key."""
    return {result.key: result for result in connection.writer(Entity.VARIANT, aspect).send(outs)}


def raw(shop: WooCommerceSandbox, sku: str) -> Mapping[str, Any]:
    """The product that bears a reference, as the stand-in keeps it."""
    found = shop.app.inspect({"sku": sku})["products"]
    assert len(found) == 1, (sku, found)
    return found[0]


def get(connection: WooConnection, route: str, **query: Any) -> Any:
    """A GET of the connector's own API object."""
    return connection._shop.api.get(route, query)


def post(connection: WooConnection, route: str, body: Any) -> Any:
    """A POST by somebody else than the writers."""
    return connection._shop.api.post(route, body)


def write_calls(shop: WooCommerceSandbox) -> dict[str, int]:
    """Number of POST calls by route."""
    calls = shop.server.log.totals()["calls"]
    return {name.removeprefix("POST "): count for name, count in calls.items() if name.startswith("POST ")}


def categories(connection: WooConnection, *pairs: tuple[str, str]) -> dict[Ref, str]:
    """Creates categories given as (key, parent key) and returns the references to them."""
    levels_by_key: dict[str, int] = {}
    outs = []
    for key, parent in pairs:
        levels_by_key[key] = levels_by_key.get(parent, 0) + 1
        record = Category(key=key, name={"": key}, parent=parent, level=levels_by_key[key])
        outs.append(Outbound(record, Action.CREATE, key))
    results = connection.writer(Entity.CATEGORY).send(outs)
    return {Ref(Entity.CATEGORY, result.key): result.remote_key for result in results}


def with_variant(product: Product, index: int, **changes: Any) -> Product:
    """The product with one variant changed."""
    variants = list(product.variants)
    variants[index] = replace(variants[index], **changes)
    return replace(product, variants=tuple(variants))


def recording(contracts: Path, name: str) -> list[dict[str, Any]]:
    """Exchanges of one recorded topic of the real shop."""
    return list(json.loads((contracts / "woocommerce" / "exchanges" / f"{name}.json").read_text())["exchanges"])
