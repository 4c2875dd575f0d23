"""Lines of an order as sent by a client: goods, shipping, fees, coupons."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connectors.sandbox.woocommerce import coupons, metadata, php, text, views
from connectors.sandbox.woocommerce.errors import FatalError, WooError
from connectors.sandbox.woocommerce.records import Product
from connectors.sandbox.woocommerce.store import WooStore
from connectors.sandbox.woocommerce.totals import Line, Order, dec, net_price, plain, tax_class_of


def _next_item(store: WooStore) -> int:
    return store.next_id("order_item")


def _next_meta(store: WooStore) -> int:
    return store.next_id("itemmeta")


def _money(store: WooStore, value: Any) -> str:
    separator = str(store.setting("woocommerce_price_decimal_sep")) or "."
    return plain(dec(php.format_decimal(value, separator)))


def goods_line(store: WooStore, order: Order, given: dict[str, Any]) -> Line:
    """A new line of goods. Raises WooError without any reference, FatalError for a quantity of 0."""
    product = _product(store, given)
    quantity = php.intval(given.get("quantity", 1))
    if quantity == 0:
        raise FatalError
    line: Line = {
        "id": 0,
        "product_id": (product.parent or product.id) if product else 0,
        "variation_id": product.id if product and product.is_variation else 0,
        "quantity": quantity,
        "meta": [],
        "taxes": [],
        "subtotal": "0",
        "total": "0",
        "subtotal_tax": "0",
        "total_tax": "0",
        "name": views.full_name(store, product) if product else text.clean(given.get("name", "")),
        "tax_class": tax_class_of(store, product) if product else str(given.get("tax_class") or ""),
        "tax_status": product.get("tax_status", "taxable") if product else "taxable",
    }
    if product is not None:
        net = net_price(store, product, Decimal(quantity), include_tax=order["prices_include_tax"])
        line["subtotal"] = line["total"] = plain(net)
        line["meta"] = [[_next_meta(store), key, value] for key, value in product.get("options", {}).items()]
    _edit_goods(store, line, given)
    return line


def _product(store: WooStore, given: dict[str, Any]) -> Product | None:
    number = php.intval(given.get("variation_id")) or php.intval(given.get("product_id"))
    if number:
        return store.products.get(number)
    sku = str(given.get("sku") or "")
    if not sku:
        raise WooError("woocommerce_rest_required_product_reference", "Product ID or SKU is required.", 400)
    found = store.by_sku.get(sku)
    return store.products.get(found[0]) if found else None


def _edit_goods(store: WooStore, line: Line, given: dict[str, Any]) -> None:
    for name in ("subtotal", "total"):
        if given.get(name) is not None:
            line[name] = _money(store, given[name])
    if given.get("name"):
        line["name"] = text.clean(given["name"])
    if given.get("quantity") is not None and line["id"]:
        # A new quantity alone keeps the amounts of the line (recorded).
        line["quantity"] = php.intval(given["quantity"])
    line["meta"] = metadata.merge(line["meta"], given.get("meta_data"), lambda: _next_meta(store))


def shipping_line(store: WooStore, order: Order, given: dict[str, Any]) -> Line:
    """A new shipping line."""
    line: Line = {
        "id": 0,
        "method_title": "",
        "method_id": "",
        "instance_id": str(given.get("instance_id") or ""),
        "total": "0",
        "total_tax": "0",
        "taxes": [],
        "tax_status": "taxable",
        "meta": [],
    }
    _edit_simple(store, line, given)
    return line


def fee_line(store: WooStore, order: Order, given: dict[str, Any]) -> Line:
    """A new fee; a negative one is a discount."""
    line: Line = {
        "id": 0,
        "name": "",
        "tax_class": "",
        "tax_status": "taxable",
        "amount": "",
        "total": "0",
        "total_tax": "0",
        "taxes": [],
        "meta": [],
    }
    _edit_simple(store, line, given)
    return line


def _edit_simple(store: WooStore, line: Line, given: dict[str, Any]) -> None:
    for name in ("method_title", "method_id", "name", "tax_class", "tax_status"):
        if name in line and given.get(name) is not None:
            line[name] = text.clean(given[name])
    if given.get("total") is not None:
        line["total"] = _money(store, given["total"])
    line["meta"] = metadata.merge(line["meta"], given.get("meta_data"), lambda: _next_meta(store))


# Kind of line → how to make one, how to change one, and the field whose null takes one away.
Maker = Callable[[WooStore, Order, dict[str, Any]], Line]
Editor = Callable[[WooStore, Line, dict[str, Any]], None]
_KINDS: dict[str, tuple[Maker, Editor, str]] = {
    "line_items": (goods_line, _edit_goods, "product_id"),
    "shipping_lines": (shipping_line, _edit_simple, "method_id"),
    "fee_lines": (fee_line, _edit_simple, "name"),
}


def apply(store: WooStore, order: Order, given: dict[str, Any]) -> None:
    """Change, add and remove lines as the client asks. Raises WooError for line ids of other orders."""
    for kind in _KINDS:
        for entry in given.get(kind) or ():
            if isinstance(entry, dict):
                _apply_one(store, order, kind, entry)


def _apply_one(store: WooStore, order: Order, kind: str, entry: dict[str, Any]) -> None:
    make, edit, key = _KINDS[kind]
    number = php.intval(entry.get("id"))
    if not number:
        order[kind].append(make(store, order, entry))
        return
    line = next((one for one in order[kind] if one["id"] == number), None)
    if line is None:
        message = "Order item ID provided is not associated with order."
        raise WooError("woocommerce_rest_invalid_item_id", message, 400)
    removed = key in entry and entry[key] is None
    if removed or (entry.get("quantity") is not None and php.intval(entry["quantity"]) == 0):
        order[kind].remove(line)
        return
    edit(store, line, entry)


def number_lines(store: WooStore, order: Order) -> None:
    """Give ids to new lines, in the order in which the shop saves them."""
    for kind in ("line_items", "shipping_lines", "fee_lines"):
        for line in order[kind]:
            if not line["id"]:
                line["id"] = _next_item(store)


def coupon_lines(store: WooStore, given: list[Any]) -> list[Line]:
    """Lines for the coupons of an order. Raises WooError for an unknown code."""
    lines: list[Line] = []
    for entry in given:
        code = text.clean((entry or {}).get("code") or "") if isinstance(entry, dict) else ""
        if not code:
            continue
        coupon = coupons.by_code(store, code)
        if coupon is None:
            message = f"Coupon &quot;{code}&quot; does not exist!"
            raise WooError("woocommerce_rest_invalid_coupon", message, 400)
        lines.append(_coupon_line(store, coupon))
    return lines


def _coupon_line(store: WooStore, coupon: dict[str, Any]) -> Line:
    amount = float(dec(coupon["amount"]))
    shown = int(amount) if amount == int(amount) else amount
    kind = None if coupon["discount_type"] == "fixed_cart" else coupon["discount_type"]
    info = json.dumps([coupon["id"], coupon["code"], kind, shown], separators=(",", ":"))
    return {
        "id": 0,
        "code": coupon["code"],
        "discount": "0",
        "discount_tax": "0",
        "discount_type": coupon["discount_type"],
        "amount": coupon["amount"],
        "free_shipping": coupon["free_shipping"],
        "meta": [[_next_meta(store), "coupon_info", info]],
    }
