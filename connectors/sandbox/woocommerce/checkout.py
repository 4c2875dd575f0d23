"""An order placed by a shopper in the shop: richer than one made through the API, and what a connector really meets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from connectors.sandbox.woocommerce import order_effects, order_lines, order_views, orders
from connectors.sandbox.woocommerce.errors import WooError
from connectors.sandbox.woocommerce.store import WooStore
from connectors.sandbox.woocommerce.totals import Calculator, Line, Order

if TYPE_CHECKING:
    from connectors.sandbox.woocommerce.app import WooCommerceApp

# Payment → title and status; only a card is paid at once, cash on delivery goes on without being paid (recorded).
_PAYMENTS = {
    "bacs": ("Direct bank transfer", "on-hold"),
    "cheque": ("Check payments", "on-hold"),
    "cod": ("Cash on delivery", "processing"),
    "card": ("Carte bancaire", "processing"),
}
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
_GUEST = {
    "first_name": "Claire",
    "last_name": "Bernard",
    "address_1": "8 avenue Foch",
    "city": "Nantes",
    "postcode": "44000",
    "country": "FR",
    "email": "client.web@example.net",
    "phone": "0240000000",
}


def place(app: WooCommerceApp, params: Mapping[str, Any]) -> dict[str, Any]:
    """Place an order: `items` [{sku, quantity}], `billing`, `shipping`, `payment_method` (bacs, cheque, cod, card),
    `coupons` [codes], `fees` [{name, total, tax_class, tax_status}] that extensions add to a cart (negative ones lower
    it), `customer_note`, `customer_id`, `carriage` (false for none, or the costs of each parcel instead of the flat
    rate), `draft` (abandoned checkout).

    Returns {"id", "status", "total"}. Raises ValueError for unknown references, payments and coupons.
    """
    store = app.store
    order = orders.blank(store)
    _address(order, params)
    try:
        order["line_items"] = [
            order_lines.goods_line(store, order, {"sku": one["sku"], "quantity": one.get("quantity", 1)})
            for one in params.get("items") or ()
        ]
        coupons = order_lines.coupon_lines(store, [{"code": code} for code in params.get("coupons") or ()])
    except WooError as error:
        raise ValueError(error.message) from error
    if any(not line["product_id"] for line in order["line_items"]):
        raise ValueError("an item names an unknown sku")
    _carriage(store, order, params)
    order["fee_lines"] = [order_lines.fee_line(store, order, dict(fee)) for fee in params.get("fees") or ()]
    payment = _payment(order, params)
    order["id"] = store.next_id("post")
    order["coupon_lines"] = coupons
    store.orders.put(order["id"], order)
    _compute(store, order)
    _hashes(store, order)
    _settle(app, order, "checkout-draft" if params.get("draft") else payment)
    return {"id": order["id"], "status": order["status"], "total": order["total"]}


def _address(order: Order, params: Mapping[str, Any]) -> None:
    billing = {**_GUEST, **(params.get("billing") or {})}
    shipping = {key: value for key, value in billing.items() if key != "email"} | dict(params.get("shipping") or {})
    order["billing"] = order_views.clean_address(billing, billing=True)
    order["shipping"] = order_views.clean_address(shipping, billing=False)
    order["customer_note"] = str(params.get("customer_note") or "")
    order["customer_id"] = int(params.get("customer_id") or 0)
    order["created_via"] = "store-api"
    order["customer_ip_address"], order["customer_user_agent"] = "127.0.0.1", _AGENT


def _payment(order: Order, params: Mapping[str, Any]) -> str:
    method = str(params.get("payment_method", "bacs"))
    if method not in _PAYMENTS:
        raise ValueError(f"payment_method must be one of {', '.join(_PAYMENTS)}")
    title, status = _PAYMENTS[method]
    order["payment_method"], order["payment_method_title"] = method, title
    order["pay_on_delivery"] = method == "cod"
    return status


def _carriage(store: WooStore, order: Order, params: Mapping[str, Any]) -> None:
    """The first flat rate of the zone of the delivery country."""
    country = order["shipping"].get("country")
    zones = [zone for zone in store.zones if any(one["code"] == country for one in zone["places"])]
    methods = [one for zone in zones for one in zone["methods"] if one["method_id"] == "flat_rate" and one["enabled"]]
    if not methods or params.get("carriage") is False:
        return
    costs = params.get("carriage")
    if not isinstance(costs, list):
        costs = [methods[0]["settings"].get("cost", "0")]
    order["shipping_lines"] = [_parcel(store, order, methods[0], cost) for cost in costs]


def _parcel(store: WooStore, order: Order, method: Mapping[str, Any], cost: Any) -> Line:
    goods = ", ".join(f"{line['name']} &times; {line['quantity']}" for line in order["line_items"])
    given = {
        "method_id": "flat_rate",
        "method_title": method["settings"].get("title", "Flat rate"),
        "instance_id": str(method["id"]),
        "total": cost,
        "meta_data": [{"key": "Items", "value": goods}],
    }
    return order_lines.shipping_line(store, order, given)


def _compute(store: WooStore, order: Order) -> None:
    """Totals first, numbers of the lines afterwards: a checkout saves its tax lines before the goods (recorded)."""
    for place, line in enumerate(order["line_items"], 1):
        line["id"] = -place
    Calculator(store, order).run()
    for line in order["line_items"]:
        line["id"] = 0
    order_lines.number_lines(store, order)
    for line in order["coupon_lines"]:
        line["id"] = store.next_id("order_item")


def _hashes(store: WooStore, order: Order) -> None:
    for name in ("coupons", "fees", "shipping", "taxes"):
        digest = hashlib.md5(repr(order.get(f"{name}_lines")).encode(), usedforsecurity=False).hexdigest()
        order["meta"].append([store.next_id("ordermeta"), f"_{name}_hash", digest])
    order["meta"].append([store.next_id("ordermeta"), "is_vat_exempt", "no"])
    order["cart_hash"] = hashlib.md5(order["order_key"].encode(), usedforsecurity=False).hexdigest()


def _settle(app: WooCommerceApp, order: Order, status: str) -> None:
    store = app.store
    if status == "checkout-draft":
        order["status"] = status
        app.changed("order", "created", order["id"])
        return
    holds = "<br>".join(f"- {line['name']} &times; {line['quantity']}" for line in order["line_items"])
    order_effects.add_note(store, order["id"], f"Stock hold of 60 minutes applied to: <br>{holds}")
    order_effects.add_note(store, order["id"], "Order status changed from Draft to Pending payment.")
    order_effects.change_status(app, order, status)
    app.changed("order", "created", order["id"])
