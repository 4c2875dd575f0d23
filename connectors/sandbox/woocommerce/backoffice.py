"""What happens in the shop without the client: sales, edits by people, and a look behind the scenes for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from connectors.sandbox.woocommerce import checkout, order_effects, php, pricing, text
from connectors.sandbox.woocommerce.records import Product
from connectors.sandbox.woocommerce.store import WooStore, keys_of

if TYPE_CHECKING:
    from connectors.sandbox.woocommerce.app import WooCommerceApp

_DIRECT = {"name": "name", "regular_price": "regular", "sale_price": "sale", "status": "status", "sku": "sku"}


def _product(store: WooStore, params: Mapping[str, Any]) -> Product:
    number = php.intval(params.get("id"))
    ids = [number] if number else list(store.by_sku.get(str(params.get("sku", ""))))
    row = store.products.get(ids[0]) if ids else None
    if row is None:
        raise ValueError(f"no product with sku {params.get('sku')!r} or id {params.get('id')!r}")
    return row


def _touch(app: WooCommerceApp, row: Product, params: Mapping[str, Any], *, default: bool) -> dict[str, Any]:
    if params.get("touch", default):
        row.modified = app.store.now()
    app.store.products.touch(row.id)
    app.changed("product", "updated", row.id)
    return raw(app.store, row)


def _sale(app: WooCommerceApp, params: Mapping[str, Any]) -> Any:
    """Somebody bought: stock falls, total_sales grows, date_modified moves."""
    row = _product(app.store, params)
    quantity = int(params.get("quantity", 1))
    if row.managed:
        row.stock = (row.stock or 0) - quantity
        pricing.settle_stock(row)
    row.set("total_sales", int(row.get("total_sales", 0)) + quantity, 0)
    return _touch(app, row, params, default=True)


def _stock(app: WooCommerceApp, params: Mapping[str, Any]) -> Any:
    """Stock changed by a plugin writing straight into the database: date_modified stays, unless `touch`."""
    row = _product(app.store, params)
    row.managed, row.stock = True, int(params["quantity"])
    pricing.settle_stock(row)
    return _touch(app, row, params, default=False)


def _edit(app: WooCommerceApp, params: Mapping[str, Any]) -> Any:
    """Somebody edited the product in the back office: `set` holds the new values."""
    row = _product(app.store, params)
    before = keys_of(row)
    for name, value in dict(params.get("set") or {}).items():
        if name in _DIRECT:
            setattr(row, _DIRECT[name], str(value))
        elif name == "stock_quantity":
            row.managed, row.stock = True, int(value)
        else:
            row.set(name, value)
    pricing.settle_stock(row)
    app.store.save(row, before)
    return _touch(app, row, params, default=True)


def _insert(app: WooCommerceApp, params: Mapping[str, Any]) -> Any:
    """Somebody added products: they come first in the default list and push the others down."""
    store = app.store
    made = []
    for number in range(int(params.get("count", 1))):
        now = store.now()
        name = str(params.get("name", "Ajouté à la main"))
        row = Product(id=store.next_id("post"), name=name, created=now, modified=now)
        row.slug = store.free_slug(text.slugify(name), row.id)
        row.sku = str(params.get("sku", "")) + (f"-{number}" if number else "")
        row.regular = str(params.get("regular_price", "10.00"))
        row.categories = [int(store.setting("woocommerce_default_category") or 0)]
        store.save(row, None)
        app.changed("product", "created", row.id)
        made.append(raw(store, row))
    return {"inserted": made}


def _delete(app: WooCommerceApp, params: Mapping[str, Any]) -> Any:
    """Somebody deleted a product (for good, unless `force` is false); without sku and id the newest one."""
    store = app.store
    if not params.get("sku") and not params.get("id") and store.by_date:
        params = {**params, "id": store.by_date[-1]}
    row = _product(store, params)
    if params.get("force", True):
        for one in pricing.variations(store, row):
            store.remove(one)
        store.remove(row)
    else:
        before = keys_of(row)
        row.status = "trash"
        store.save(row, before)
    return {"deleted": row.id}


def _order_status(app: WooCommerceApp, params: Mapping[str, Any]) -> Any:
    """Somebody moved an order to another status in the back office."""
    order = app.store.orders.get(php.intval(params.get("id")))
    if order is None:
        raise ValueError(f"no order {params.get('id')!r}")
    order_effects.change_status(app, order, str(params["status"]))
    order["modified"] = app.store.now()
    app.store.orders.touch(order["id"])
    app.changed("order", "updated", order["id"])
    return {"id": order["id"], "status": order["status"]}


_OPERATIONS: dict[str, Callable[[WooCommerceApp, Mapping[str, Any]], Any]] = {
    "sale": _sale,
    "stock": _stock,
    "edit": _edit,
    "insert": _insert,
    "delete": _delete,
    "checkout": checkout.place,
    "order_status": _order_status,
}


def mutate(app: WooCommerceApp, op: str, params: Mapping[str, Any]) -> Any:
    """Carry out one operation. Raises ValueError for unknown ones and unknown products."""
    operation = _OPERATIONS.get(op)
    if operation is None:
        raise ValueError(f"op must be one of {', '.join(sorted(_OPERATIONS))}")
    with app.store.lock:
        return operation(app, params)


def raw(store: WooStore, row: Product) -> dict[str, Any]:
    """A product as stored, for tests."""
    return {
        "id": row.id,
        "type": row.kind,
        "parent_id": row.parent,
        "status": row.status,
        "name": row.name,
        "slug": row.slug,
        "sku": row.sku,
        "global_unique_id": row.gtin,
        "regular_price": row.regular,
        "sale_price": row.sale,
        "tax_class": row.tax_class,
        "manage_stock": row.managed,
        "stock_quantity": row.stock,
        "stock_status": pricing.stock_status(store, row),
        "date_created_gmt": php.gmt(row.created),
        "date_modified_gmt": php.gmt(row.modified),
        "categories": list(row.categories),
        "extra": dict(row.extra),
    }


def inspect(app: WooCommerceApp, query: Mapping[str, str]) -> Any:
    """What the shop really holds: `?sku=` one reference, `?dump=1` every reference, else the totals."""
    store = app.store
    with store.lock:
        if query.get("sku"):
            return _one(store, query["sku"])
        if query.get("order"):
            return _order(store, query["order"])
        if query.get("dump"):
            return _dump(store)
        return _summary(store)


def _order(store: WooStore, number: str) -> dict[str, Any]:
    order = store.orders.get(php.intval(number))
    if order is None:
        return {"order": number, "status": "", "total": "", "meta": []}
    return {"order": number, "status": order["status"], "total": str(order["total"]), "meta": list(order["meta"])}


def _one(store: WooStore, sku: str) -> dict[str, Any]:
    rows = [raw(store, store.products.rows[one]) for one in store.by_sku.get(sku)]
    return {"sku": sku, "created_times": int(store.sku_created.get(sku.casefold()) or 0), "products": rows}


def _dump(store: WooStore) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for row in store.products:
        if row.sku and row.status != "trash":
            entry = {
                "id": row.id,
                "name": row.name,
                "price": row.regular,
                "sale_price": row.sale,
                "stock": row.stock,
                "status": row.status,
                "created_times": int(store.sku_created.get(row.sku.casefold()) or 0),
            }
            shown.setdefault(row.sku, []).append(entry)
    return {"products": shown}


def _summary(store: WooStore) -> dict[str, Any]:
    counts = store.skus()
    created = {sku: times for sku, times in store.sku_created.rows.items() if times > 1}
    return {
        "products": len(store.by_id),
        "types": dict(Counter(row.kind for row in store.products if row.status != "trash")),
        "trashed": sum(1 for row in store.products if row.status == "trash"),
        "terms": dict(Counter(term.taxonomy for term in store.terms)),
        "attributes": len(store.attributes),
        "media": len(store.media),
        "customers": len(store.customers),
        "orders": len(store.orders),
        "duplicate_skus": {sku: count for sku, count in counts.items() if count > 1},
        "created_more_than_once": created,
    }
