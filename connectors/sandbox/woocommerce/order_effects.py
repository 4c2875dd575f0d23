"""What a status brings about: stock, dates of payment and completion, notes, refunds, webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.sandbox.woocommerce import order_views, pricing, views
from connectors.sandbox.woocommerce.reference import ORDER_STATUSES
from connectors.sandbox.woocommerce.store import WooStore
from connectors.sandbox.woocommerce.totals import Line, Order, dec, plain

if TYPE_CHECKING:
    from connectors.sandbox.woocommerce.app import WooCommerceApp

_TAKES_STOCK = frozenset({"processing", "completed", "on-hold"})
_GIVES_BACK = frozenset({"cancelled", "pending"})


def add_note(store: WooStore, order: int, note: str, *, customer: bool = False, author: str = "WooCommerce") -> int:
    """Write a note on an order."""
    number = store.next_id("note")
    row = {"id": number, "order": order, "note": note, "customer_note": customer, "author": author}
    store.notes.put(number, {**row, "created": store.now()})
    return number


def change_status(app: WooCommerceApp, order: Order, status: str, *, quiet: bool = False) -> None:
    """Move an order to a status with all that hangs on it; the same status again does nothing."""
    store, before = app.store, order["status"]
    if before == status:
        return
    order["status"] = status
    _dates(store, order, status)
    if status in _TAKES_STOCK:
        reduce_stock(app, order)
    elif status in _GIVES_BACK:
        restore_stock(app, order)
    if not quiet and before in ORDER_STATUSES:
        names = ORDER_STATUSES.get(before, before), ORDER_STATUSES.get(status, status)
        add_note(store, order["id"], f"Order status changed from {names[0]} to {names[1]}.")
    if status == "refunded":
        _refund_rest(app, order)
    if status in ("processing", "completed"):
        _mark_paying(store, order)
    app.changed("order_status", status, order["id"])


def _dates(store: WooStore, order: Order, status: str) -> None:
    due = status == "completed" or (status == "processing" and not order.get("pay_on_delivery"))
    if due and order["paid"] is None:
        order["paid"] = store.now()
    if status == "completed":
        order["completed"] = store.now()


def _mark_paying(store: WooStore, order: Order) -> None:
    customer = store.customers.get(order["customer_id"])
    if customer is not None and order["paid"] is not None:
        store.customers.put(customer["id"], {**customer, "is_paying_customer": True})


def payment_complete(app: WooCommerceApp, order: Order) -> None:
    """`set_paid`: paid now, processing or (nothing to pack) completed."""
    if order["status"] not in {"pending", "on-hold", "failed", "cancelled", "auto-draft"}:
        return
    if order["paid"] is None:
        order["paid"] = app.store.now()
    packing = order_views.needs_processing(app.store, order)
    change_status(app, order, "processing" if packing else "completed")


def _meta(line: Line, key: str) -> list[Any] | None:
    return next((entry for entry in line["meta"] if entry[1] == key), None)


def set_line_meta(store: WooStore, line: Line, key: str, value: str | None) -> None:
    """Write or delete one meta entry of a line."""
    entry = _meta(line, key)
    if value is None:
        line["meta"] = [one for one in line["meta"] if one is not entry]
    elif entry is not None:
        entry[2] = value
    else:
        line["meta"].append([store.next_id("itemmeta"), key, value])


def reduce_stock(app: WooCommerceApp, order: Order) -> None:
    """Take the goods from stock, once per line."""
    store, changes = app.store, []
    for line in order["line_items"]:
        if _meta(line, "_reduced_stock") is not None:
            continue
        change = move_stock(app, line, -int(line["quantity"]))
        if change:
            changes.append(change)
            set_line_meta(store, line, "_reduced_stock", str(line["quantity"]))
    if changes:
        add_note(store, order["id"], f"Stock levels reduced: {', '.join(changes)}")


def adjust_stock(app: WooCommerceApp, before: Order, after: Order) -> None:
    """Follow a changed quantity of lines whose goods were already taken; a removed line gives them back."""
    kept = {line["id"]: line for line in after["line_items"]}
    for old in before["line_items"]:
        taken = _meta(old, "_reduced_stock")
        if taken is None:
            continue
        new = kept.get(old["id"])
        amount = int(taken[2]) - (int(new["quantity"]) if new else 0)
        if amount:
            move_stock(app, old, amount)
        if amount and new:
            set_line_meta(app.store, new, "_reduced_stock", str(new["quantity"]))


def restore_stock(app: WooCommerceApp, order: Order) -> None:
    """Put the goods back that were taken."""
    store, changes = app.store, []
    for line in order["line_items"]:
        taken = _meta(line, "_reduced_stock")
        if taken is None:
            continue
        change = move_stock(app, line, int(taken[2]))
        set_line_meta(store, line, "_reduced_stock", None)
        if change:
            changes.append(change)
    if changes:
        add_note(store, order["id"], f"Stock levels increased: {', '.join(changes)}")


def move_stock(app: WooCommerceApp, line: Line, amount: int) -> str:
    """Change the stock behind a line; "" when nobody manages it. A sale moves date_modified."""
    store = app.store
    product = store.products.get(line["variation_id"] or line["product_id"])
    if product is not None and product.is_variation and not product.managed:
        product = store.products.get(product.parent)
    if product is None or not product.managed:
        return ""
    before = product.stock or 0
    product.stock = before + amount
    pricing.settle_stock(product)
    product.modified = store.now()
    if amount < 0:
        product.set("total_sales", int(product.get("total_sales", 0)) - amount, 0)
    store.products.touch(product.id)
    app.changed("product", "updated", product.id)
    return f"{views.full_name(store, product)} ({product.sku}) {before}&rarr;{product.stock}"


def _refund_rest(app: WooCommerceApp, order: Order) -> None:
    rest = dec(order["total"]) - refunded(app.store, order["id"])
    if rest <= 0:
        return
    make_refund(app, order, plain(rest), "Order fully refunded.", {})


def refunded(store: WooStore, number: int) -> Any:
    """Sum of the refunds of an order."""
    return sum((dec(row["amount"]) for row in order_views.refunds_of(store, number)), dec("0"))


def make_refund(app: WooCommerceApp, order: Order, amount: str, reason: str, lines: dict[str, list[Line]]) -> Order:
    """Store a refund."""
    store = app.store
    number = store.next_id("post")
    row: Order = {
        "id": number,
        "parent_id": order["id"],
        "created": store.now(),
        "amount": amount,
        "reason": reason,
        "refunded_by": 1,
        "meta": [],
        "line_items": [],
        "shipping_lines": [],
        "tax_lines": [],
        "fee_lines": [],
        **lines,
    }
    store.refunds.put(number, row)
    return row
