"""Refunds and notes of orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connectors.sandbox.woocommerce import order_effects, order_views, php
from connectors.sandbox.woocommerce.arithmetic import ZERO
from connectors.sandbox.woocommerce.errors import WooError, no_trash
from connectors.sandbox.woocommerce.routing import Routes
from connectors.sandbox.woocommerce.totals import Line, Order, dec, plain
from connectors.sandbox.woocommerce.wire import Call, Reply, created, links, paged

_REFUNDS = r"/wc/v3/orders/(?P<order_id>[\d]+)/refunds"
_NOTES = r"/wc/v3/orders/(?P<order_id>[\d]+)/notes"
_KINDS = ("line_items", "shipping_lines", "fee_lines")


def _order(call: Call) -> Order:
    row = call.store.orders.get(call.number("order_id"))
    if row is None:
        raise WooError("woocommerce_rest_shop_order_invalid_id", "Invalid order ID.", 404)
    found: Order = row
    return found


def _rule(message: str) -> WooError:
    """Broken refund rules answer 500 with the bare number as data: no fault of the server."""
    return WooError("woocommerce_rest_cannot_create_order_refund", message, 500, raw_data=500)


def _money(call: Call, value: Any) -> Decimal:
    separator = str(call.store.setting("woocommerce_price_decimal_sep")) or "."
    return dec(php.format_decimal(value, separator))


def _create(call: Call) -> Reply:
    call.request.pace_item()
    with call.store.lock:
        order = _order(call)
        entries = [one for one in call.items("line_items") if isinstance(one, dict)]
        amount = _money(call, call.get("amount")) if call.get("amount") is not None else _sum(call, entries)
        if amount < 0 or amount > dec(order["total"]) - order_effects.refunded(call.store, order["id"]):
            raise _rule("Invalid refund amount.")
        if php.truthy(call.get("api_refund", True)):
            call.store.next_id("post")
            raise _rule("The payment gateway for this order does not support automatic refunds.")
        lines = _refund_lines(call, order, entries)
        reason = str(call.get("reason") or "")
        refund = order_effects.make_refund(call.app, order, plain(amount), reason, lines)
        if php.truthy(call.get("api_restock", True)):
            _restock(call, order, entries)
        _after(call, order)
        location = call.url(rf"/orders/(?P<order_id>[\d]+)/refunds/{refund['id']}")
        return Reply(order_views.refund(call, refund), 201, [("Location", location)])


def _sum(call: Call, entries: list[dict[str, Any]]) -> Decimal:
    total = ZERO
    for entry in entries:
        total += _money(call, entry.get("refund_total", 0))
        for tax in entry.get("refund_tax") or ():
            total += _money(call, tax.get("refund_total", 0))
    return total


def _refund_lines(call: Call, order: Order, entries: list[dict[str, Any]]) -> dict[str, list[Line]]:
    lines: dict[str, list[Line]] = {kind: [] for kind in _KINDS}
    taxes: dict[int, Decimal] = {}
    for entry in entries:
        for kind in _KINDS:
            source = next((line for line in order[kind] if line["id"] == php.intval(entry.get("id"))), None)
            if source is not None:
                lines[kind].append(_negative(call, source, entry, taxes))
    return {**lines, "tax_lines": _refund_taxes(call, order, taxes)}


def _negative(call: Call, source: Line, entry: dict[str, Any], taxes: dict[int, Decimal]) -> Line:
    store = call.store
    net = _money(call, entry.get("refund_total", 0))
    rows = []
    for tax in entry.get("refund_tax") or ():
        value = _money(call, tax.get("refund_total", 0))
        number = php.intval(tax.get("id"))
        taxes[number] = taxes.get(number, ZERO) + value
        rows.append({"id": number, "total": plain(-value), "subtotal": plain(-value)})
    whole = sum((dec(row["total"]) for row in rows), ZERO)
    line = {**source, "id": store.next_id("order_item"), "taxes": rows}
    line |= {"total": plain(-net), "total_tax": plain(whole)}
    if "quantity" in source:
        line |= {"quantity": -php.intval(entry.get("quantity")), "subtotal": plain(-net), "subtotal_tax": plain(whole)}
    line["meta"] = [[store.next_id("itemmeta"), "_refunded_item_id", str(source["id"])]]
    return line


def _refund_taxes(call: Call, order: Order, taxes: dict[int, Decimal]) -> list[Line]:
    known = {line["rate_id"]: line for line in order["tax_lines"]}
    return [
        {
            **known.get(number, {"rate_id": number}),
            "id": call.store.next_id("order_item"),
            "tax_total": plain(-value),
            "shipping_tax_total": "0",
        }
        for number, value in taxes.items()
    ]


def _restock(call: Call, order: Order, entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        line = next((one for one in order["line_items"] if one["id"] == php.intval(entry.get("id"))), None)
        quantity = php.intval(entry.get("quantity"))
        taken = next((one for one in line["meta"] if one[1] == "_reduced_stock"), None) if line else None
        if line is None or taken is None or quantity <= 0:
            continue
        order_effects.move_stock(call.app, line, quantity)
        order_effects.set_line_meta(call.store, line, "_reduced_stock", str(int(taken[2]) - quantity))
        order_effects.set_line_meta(call.store, line, "_restock_refunded_items", str(quantity))


def _after(call: Call, order: Order) -> None:
    order["modified"] = call.store.now()
    if order_effects.refunded(call.store, order["id"]) >= dec(order["total"]) and order["status"] != "refunded":
        order_effects.change_status(call.app, order, "refunded")
    call.store.orders.touch(order["id"])
    call.app.changed("order", "updated", order["id"])


def _find(call: Call) -> Order:
    row = call.store.refunds.get(call.number("id"))
    if row is None or row["parent_id"] != _order(call)["id"]:
        raise WooError("woocommerce_rest_shop_order_refund_invalid_id", "Invalid ID.", 404)
    found: Order = row
    return found


def _read(call: Call) -> Reply:
    with call.store.lock:
        return Reply(order_views.refund(call, _find(call)))


def _delete(call: Call) -> Reply:
    with call.store.lock:
        row = _find(call)
        shown = order_views.refund(call, row)
        call.store.refunds.drop(row["id"])
        return Reply(shown)


def _list(call: Call) -> Reply:
    with call.store.lock:
        number = _order(call)["id"]
        rows = sorted(order_views.refunds_of(call.store, number), key=lambda row: (-row["created"], -row["id"]))
        return paged(call, rows, lambda row: order_views.refund(call, row))


def _all(call: Call) -> Reply:
    with call.store.lock:
        rows = sorted(call.store.refunds, key=lambda row: (-row["created"], -row["id"]))
        return paged(call, rows, lambda row: order_views.refund(call, row, with_parent=True), {"dp": 2})


def _show_note(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    base = f"/orders/{row['order']}"
    return {
        "id": row["id"],
        "author": row["author"],
        "date_created": php.local(row["created"]),
        "date_created_gmt": php.gmt(row["created"]),
        "note": row["note"],
        "customer_note": row["customer_note"],
        "_links": links(call, f"{base}/notes/{row['id']}", f"{base}/notes", ("GET", "DELETE"), up=base),
    }


def _note_create(call: Call) -> Reply:
    call.request.pace_item()
    with call.store.lock:
        order = _order(call)
        author = call.user.login if call.user and php.truthy(call.get("added_by_user", False)) else "WooCommerce"
        note, customer = str(call.get("note", "")), php.truthy(call.get("customer_note", False))
        number = order_effects.add_note(call.store, order["id"], note, customer=customer, author=author)
        row = call.store.notes.rows[number]
        return created(call, f"/orders/{order['id']}/notes/{number}", _show_note(call, row))


def _note(call: Call) -> dict[str, Any]:
    order = _order(call)
    row = call.store.notes.get(call.number("id"))
    if row is None or row["order"] != order["id"]:
        raise WooError("woocommerce_rest_invalid_id", "Invalid resource ID.", 404)
    found: dict[str, Any] = row
    return found


def _note_read(call: Call) -> Reply:
    with call.store.lock:
        return Reply(_show_note(call, _note(call)))


def _note_delete(call: Call) -> Reply:
    with call.store.lock:
        row = _note(call)
        if not call.force:
            raise no_trash("Webhooks do")
        call.store.notes.drop(row["id"])
        return Reply(_show_note(call, row))


def _notes(call: Call) -> Reply:
    with call.store.lock:
        number = _order(call)["id"]
        kind = str(call.get("type", "any"))
        rows = [row for row in call.store.notes if row["order"] == number]
        if kind in ("customer", "internal"):
            rows = [row for row in rows if row["customer_note"] == (kind == "customer")]
        rows.sort(key=lambda row: (-row["created"], row["id"]))
        return Reply([_show_note(call, row) for row in rows], listed=True)


def register(routes: Routes) -> None:
    """Routes of refunds and notes."""
    routes.register(_REFUNDS, get=_list, create=_create)
    routes.register(_REFUNDS + r"/(?P<id>[\d]+)", get=_read, delete=_delete)
    routes.register("/wc/v3/refunds", get=_all)
    routes.register(_NOTES, get=_notes, create=_note_create)
    routes.register(_NOTES + r"/(?P<id>[\d]+)", get=_note_read, delete=_note_delete)
