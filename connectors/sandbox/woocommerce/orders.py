"""Orders: create, update, trash, delete, list, batch, and what a shopper's checkout makes."""

from __future__ import annotations

import copy
import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from connectors.sandbox.woocommerce import (
    metadata,
    order_effects,
    order_lines,
    order_views,
    php,
    product_list,
    text,
)
from connectors.sandbox.woocommerce.batch import register_resource
from connectors.sandbox.woocommerce.errors import WooError
from connectors.sandbox.woocommerce.reference import ORDER_STATUSES
from connectors.sandbox.woocommerce.routing import Routes, resource
from connectors.sandbox.woocommerce.store import WooStore
from connectors.sandbox.woocommerce.totals import Calculator, Order
from connectors.sandbox.woocommerce.wire import Call, Reply, created, page_of, paged

_TEXTS = ("payment_method", "payment_method_title", "transaction_id", "customer_note", "created_via")
_RECOMPUTES = ("billing", "shipping", "line_items", "shipping_lines", "fee_lines", "coupon_lines")
_ID = "woocommerce_rest_shop_order_invalid_id"


def blank(store: WooStore) -> Order:
    """A new order without an id."""
    now = store.now()
    return {
        "id": 0,
        "parent_id": 0,
        "status": "pending",
        "currency": str(store.setting("woocommerce_currency")),
        "prices_include_tax": store.setting("woocommerce_prices_include_tax") == "yes",
        "created": now,
        "modified": now,
        "completed": None,
        "paid": None,
        "customer_id": 0,
        "order_key": "wc_order_" + secrets.token_urlsafe(10)[:13].replace("-", "a").replace("_", "b"),
        "billing": {},
        "shipping": {},
        "payment_method": "",
        "payment_method_title": "",
        "transaction_id": "",
        "customer_ip_address": "",
        "customer_user_agent": "",
        "created_via": "rest-api",
        "customer_note": "",
        "cart_hash": "",
        "meta": [],
        "line_items": [],
        "shipping_lines": [],
        "fee_lines": [],
        "tax_lines": [],
        "coupon_lines": [],
        **dict.fromkeys(("discount_total", "discount_tax", "shipping_total", "shipping_tax"), "0"),
        **dict.fromkeys(("cart_tax", "total", "total_tax"), "0"),
    }


def _find(call: Call, status: int = 404, name: str = "id") -> Order:
    row = call.store.orders.get(call.number(name))
    if row is None:
        raise WooError(_ID, "Invalid ID.", status)
    found: Order = row
    return found


def _apply(call: Call, order: Order) -> None:
    """Plain fields, addresses, meta data and lines. Raises WooError and then the order is thrown away."""
    for name in _TEXTS:
        if call.has(name) and call.get(name) is not None:
            order[name] = text.clean(call.get(name)) if name != "customer_note" else str(call.get(name))
    if call.has("currency") and call.get("currency"):
        order["currency"] = str(call.get("currency"))
    if call.has("customer_id"):
        number = call.number("customer_id")
        if number and call.store.customers.get(number) is None:
            raise WooError("woocommerce_rest_invalid_customer_id", "Customer ID is invalid.", 400)
        order["customer_id"] = number
    for name in ("billing", "shipping"):
        given = call.get(name)
        if isinstance(given, dict):
            order[name] = {**order[name], **order_views.clean_address(given, billing=name == "billing")}
    if isinstance(call.get("meta_data"), list):
        order["meta"] = metadata.merge(order["meta"], call.get("meta_data"), lambda: call.store.next_id("ordermeta"))
    order_lines.apply(call.store, order, call.params)


def _save(call: Call, order: Order, *, creating: bool) -> None:
    """Number, compute, store. The order is stored before its coupons are looked at: a bad one leaves it behind."""
    store = call.store
    if creating:
        order["id"] = store.next_id("post")
    order_lines.number_lines(store, order)
    store.orders.put(order["id"], order)
    if creating or any(call.has(name) for name in _RECOMPUTES):
        Calculator(store, order).run()
    if call.has("coupon_lines"):
        _set_coupons(call, order)


def _set_coupons(call: Call, order: Order) -> None:
    store = call.store
    lines = order_lines.coupon_lines(store, call.items("coupon_lines"))
    for line in lines:
        line["id"] = store.next_id("order_item")
    order["coupon_lines"] = lines
    for line in order["line_items"] if not lines else ():
        line["total"] = line["subtotal"]
    Calculator(store, order).run()
    for line in lines:
        _use_coupon(store, line["code"])


def _use_coupon(store: WooStore, code: str) -> None:
    for row in store.coupons:
        if row["code"].casefold() == code.casefold():
            store.coupons.put(row["id"], {**row, "usage_count": row["usage_count"] + 1})


def create(call: Call) -> Reply:
    """POST: totals and taxes are always computed here, whatever the client sends."""
    call.request.pace_item()
    if php.intval(call.params.get("id")):
        raise WooError("woocommerce_rest_shop_order_exists", "Cannot create existing order.", 400)
    with call.store.lock:
        order = blank(call.store)
        _apply(call, order)
        _save(call, order, creating=True)
        _finish(call, order, str(call.get("status") or "pending"))
        call.app.count(call.request, "order created")
        call.app.changed("order", "created", order["id"])
        return created(call, f"/orders/{order['id']}", order_views.order(call, order))


def _finish(call: Call, order: Order, status: str) -> None:
    if status in ORDER_STATUSES and status != order["status"]:
        order_effects.change_status(call.app, order, status)
    if php.truthy(call.get("set_paid", False)):
        order_effects.payment_complete(call.app, order)
    call.store.orders.touch(order["id"])


def update(call: Call) -> Reply:
    """PUT, PATCH, POST on an id; moves date_modified even when nothing changes."""
    call.request.pace_item(key=call.params.get("id"))
    with call.store.lock:
        stored = _find(call, 400)
        draft = copy.deepcopy(stored)
        _apply(call, draft)
        order_effects.adjust_stock(call.app, stored, draft)
        stored.clear()
        stored.update(draft)
        _save(call, stored, creating=False)
        stored["modified"] = call.store.now()
        status = str(call.get("status") or "") if call.has("status") else ""
        _finish(call, stored, status or stored["status"])
        call.app.count(call.request, "order updated")
        call.app.changed("order", "updated", stored["id"])
        return Reply(order_views.order(call, stored))


def _read(call: Call) -> Reply:
    with call.store.lock:
        return Reply(order_views.order(call, _find(call)))


def delete(call: Call) -> Reply:
    """To the trash, or for good with force."""
    with call.store.lock:
        order = _find(call)
        shown = order_views.order(call, order)
        if call.force:
            forget(call.store, order["id"])
            return Reply(shown)
        if order["status"] == "trash":
            raise WooError("woocommerce_rest_already_trashed", "The order has already been deleted.", 410)
        order["status"], order["modified"] = "trash", call.store.now()
        call.store.orders.touch(order["id"])
        call.app.changed("order", "deleted", order["id"])
        return Reply(shown)


def forget(store: WooStore, number: int) -> None:
    """Remove an order with its notes and refunds."""
    store.orders.drop(number)
    for table, key in ((store.notes, "order"), (store.refunds, "parent_id")):
        for row in table:
            if row[key] == number:
                table.drop(row["id"])


class _Row:
    """An order as the date tests of the product list want to see it."""

    def __init__(self, order: Order) -> None:
        self.created = order["created"]
        self.modified = order["modified"]


def _named(call: Call) -> list[Order]:
    """The orders that `include` and `exclude` leave."""
    included, excluded = set(call.integers("include")), set(call.integers("exclude"))
    return [
        order
        for order in call.store.orders
        if order["id"] not in excluded and (not included or order["id"] in included)
    ]


def _kept(call: Call, order: Order, tests: list[Callable[[Any], bool]]) -> bool:
    statuses = call.items("status") or ["any"]
    shown = order["status"] not in {"trash", "auto-draft"} if "any" in statuses else order["status"] in statuses
    if not shown or not all(test(_Row(order)) for test in tests):
        return False
    if call.get("customer") not in (None, "") and order["customer_id"] != call.number("customer"):
        return False
    if call.get("product") and not _holds(order, call.number("product")):
        return False
    if call.items("created_via") and order["created_via"] not in call.items("created_via"):
        return False
    return not call.get("search") or _found(order, str(call.get("search")))


def _holds(order: Order, product: int) -> bool:
    return any(product in (line["product_id"], line["variation_id"]) for line in order["line_items"])


def _found(order: Order, needle: str) -> bool:
    parts = [str(order["id"]), *order["billing"].values(), *order["shipping"].values(), order["transaction_id"]]
    parts += [line["name"] for line in order["line_items"]]
    hay = text.strip_accents(" ".join(parts)).casefold()
    return text.strip_accents(needle).casefold() in hay


def _list(call: Call) -> Reply:
    with call.store.lock:
        tests = product_list.date_tests(call)
        rows = [order for order in _named(call) if _kept(call, order, tests)]
        keys: dict[str, Callable[[Order], Any]] = {
            "id": lambda order: order["id"],
            "modified": lambda order: (order["modified"], order["id"]),
            "include": lambda order: order["id"],
        }
        key = keys.get(str(call.get("orderby", "date")), lambda order: (order["created"], order["id"]))
        rows.sort(key=key, reverse=str(call.get("order", "desc")).lower() != "asc")
        return paged(call, rows, lambda order: order_views.order(call, order), _link_params(call, len(rows)))


def _link_params(call: Call, total: int) -> dict[str, Any]:
    """Parameters that the shop adds to the links of the list; an empty page adds fewer (recorded)."""
    call.query.pop("status", None)
    for name in [name for name in call.query if name.startswith("status[")]:
        call.query.pop(name)
    more: dict[str, Any] = {"status": call.items("status") or ["any"]}
    if page_of(call, total)[0] < total:
        more |= {"dp": 2, "context": "view"}
    return more


def _email_templates(call: Call) -> Reply:
    with call.store.lock:
        order = _find(call)
        rows = [
            {"id": "customer_invoice", "title": "Order details", "description": "Sent by hand to the customer."},
        ]
        own = {"completed": "Completed order", "processing": "Processing order", "refunded": "Refunded order"}
        if order["status"] in own:
            name = f"customer_{order['status']}_order"
            rows.insert(0, {"id": name, "title": own[order["status"]], "description": "Sent at this status."})
        return Reply(rows, listed=True)


def _send_details(call: Call) -> Reply:
    with call.store.lock:
        order = _find(call)
        agent = call.request.headers.get("user-agent", "")
        address = order["billing"].get("email", "")
        order_effects.add_note(call.store, order["id"], f"Order details sent to {address}, via {agent}.")
        return Reply({"message": f"Order details sent to {address}, via {agent}."})


def _receipt(call: Call) -> Reply:
    with call.store.lock:
        order = _find(call)
        token = hashlib.sha256(order["order_key"].encode()).hexdigest()[:36]
        day = (php.local(call.store.now() + 86400) or "")[:10]
        return Reply({"receipt_url": f"{call.home}/wc/file/transient/{token}", "expiration_date": day})


def register(routes: Routes) -> None:
    """Routes of orders."""
    _collection, item, _batched = resource("orders")
    register_resource(routes, "orders", listing=_list, read=_read, create=create, update=update, delete=delete)
    routes.register(item + "/actions/email_templates", get=_email_templates)
    routes.register(item + "/actions/send_order_details", create=_send_details)
    routes.register(item + "/receipt", create=_receipt)
