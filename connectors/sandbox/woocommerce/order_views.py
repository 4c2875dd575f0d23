"""Orders and refunds as the API shows them."""

from __future__ import annotations

from html import unescape
from typing import Any

from connectors.sandbox.woocommerce import php, text, views
from connectors.sandbox.woocommerce.customers import address
from connectors.sandbox.woocommerce.pricing import Money
from connectors.sandbox.woocommerce.store import WooStore
from connectors.sandbox.woocommerce.totals import Line, Order, dec, places
from connectors.sandbox.woocommerce.wire import Call, links

_BILLING = php.words("first_name last_name company address_1 address_2 city state postcode country email phone")
_SHIPPING = php.words("first_name last_name company address_1 address_2 city state postcode country phone")
_EDITABLE = frozenset({"pending", "on-hold", "auto-draft"})
_CART_TOTALS = ("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax")


def digits(call: Call) -> int:
    """Number of decimals asked for with `dp`."""
    value = call.query.get("dp")
    return (
        php.intval(value)
        if value not in (None, "")
        else php.intval(call.store.setting("woocommerce_price_num_decimals"))
    )


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value


def line_meta(store: WooStore, entries: list[list[Any]]) -> list[dict[str, Any]]:
    """Meta data of a line, with what the shop displays for attribute choices."""
    shown = []
    for number, key, value in entries:
        taxonomy = next((row for row in store.attributes if row["slug"] == key), None)
        label = taxonomy["name"] if taxonomy else key
        name = views.option_name(store, key, value) if taxonomy and isinstance(value, str) else value
        row = {"id": number, "key": key, "value": value}
        if isinstance(value, str):
            row |= {"display_key": label, "display_value": name}
        shown.append(row)
    return shown


def _image(call: Call, line: Line) -> dict[str, Any]:
    product = call.store.products.get(line["variation_id"] or line["product_id"])
    if product is None:
        return {"id": 0, "src": ""}
    ids = product.get("images") or (
        call.store.products.rows[product.parent].get("images") if product.parent in call.store.products else []
    )
    media = call.store.media.get(ids[0]) if ids else None
    return {"id": str(media.id), "src": call.home + media.path} if media else {"id": "", "src": ""}


def _line(call: Call, line: Line, dp: int) -> dict[str, Any]:
    product = call.store.products.get(line["variation_id"] or line["product_id"])
    parent = call.store.products.get(line["product_id"]) if line["variation_id"] else None
    quantity = line["quantity"]
    price = float(dec(line["total"])) / quantity if quantity else 0.0
    return {
        "id": line["id"],
        "name": line["name"],
        "product_id": line["product_id"],
        "variation_id": line["variation_id"],
        "quantity": quantity,
        "tax_class": line["tax_class"],
        **{name: places(line[name], dp) for name in ("subtotal", "subtotal_tax", "total", "total_tax")},
        "taxes": line["taxes"],
        "meta_data": line_meta(call.store, line["meta"]),
        "sku": product.sku if product else None,
        "price": _number(price),
        "image": _image(call, line),
        "parent_name": parent.name if parent else None,
    }


def _tax_line(line: Line, dp: int) -> dict[str, Any]:
    return {
        "id": line["id"],
        "rate_code": line.get("rate_code", ""),
        "rate_id": line["rate_id"],
        "label": line.get("label", ""),
        "compound": line.get("compound", False),
        "tax_total": places(line["tax_total"], dp),
        "shipping_tax_total": places(line["shipping_tax_total"], dp),
        "rate_percent": _number(line.get("rate_percent", 0.0)),
        "meta_data": [],
    }


def _shipping_line(call: Call, line: Line, dp: int) -> dict[str, Any]:
    return {
        "id": line["id"],
        "method_title": line["method_title"],
        "method_id": line["method_id"],
        "instance_id": line["instance_id"],
        "total": places(line["total"], dp),
        "total_tax": places(line["total_tax"], dp),
        "taxes": line["taxes"],
        "tax_status": line["tax_status"],
        "meta_data": line_meta(call.store, line["meta"]),
    }


def _fee_line(call: Call, line: Line, dp: int) -> dict[str, Any]:
    return {
        "id": line["id"],
        "name": line["name"],
        "tax_class": line["tax_class"],
        "tax_status": line["tax_status"],
        "amount": line.get("amount", ""),
        "total": places(line["total"], dp),
        "total_tax": places(line["total_tax"], dp),
        "taxes": line["taxes"],
        "meta_data": line_meta(call.store, line["meta"]),
    }


def _coupon_line(call: Call, line: Line) -> dict[str, Any]:
    return {
        "id": line["id"],
        "code": line["code"],
        "discount": line["discount"],
        "discount_tax": line["discount_tax"],
        "meta_data": line_meta(call.store, line["meta"]),
        "discount_type": line["discount_type"],
        "nominal_amount": _number(float(dec(line["amount"]))),
        "free_shipping": line["free_shipping"],
    }


def _lines(call: Call, order: Order, dp: int) -> dict[str, Any]:
    return {
        "line_items": [_line(call, line, dp) for line in order["line_items"]],
        "tax_lines": [_tax_line(line, dp) for line in order["tax_lines"]],
        "shipping_lines": [_shipping_line(call, line, dp) for line in order["shipping_lines"]],
        "fee_lines": [_fee_line(call, line, dp) for line in order["fee_lines"]],
    }


def refunds_of(store: WooStore, number: int) -> list[Order]:
    """Refunds of an order, newest first; those of one second keep their order."""
    rows = [row for row in store.refunds if row["parent_id"] == number]
    return sorted(rows, key=lambda row: (-row["created"], row["id"]))


def _refund_summary(store: WooStore, number: int, dp: int) -> list[dict[str, Any]]:
    return [
        {"id": row["id"], "reason": row["reason"], "total": "-" + places(row["amount"], dp)}
        for row in refunds_of(store, number)
    ]


def order(call: Call, row: Order) -> dict[str, Any]:
    """An order."""
    dp = digits(call)
    data: dict[str, Any] = {
        "id": row["id"],
        "parent_id": row.get("parent_id", 0),
        "status": row["status"],
        "currency": row["currency"],
        "version": "9.9.5",
        "prices_include_tax": row["prices_include_tax"],
        "date_created": php.local(row["created"]),
        "date_modified": php.local(row["modified"]),
        **{name: places(row[name], dp) for name in _CART_TOTALS},
        "customer_id": row["customer_id"],
        "order_key": row["order_key"],
        "billing": {name: row["billing"].get(name, "") for name in _BILLING},
        "shipping": {name: row["shipping"].get(name, "") for name in _SHIPPING},
        **{name: row[name] for name in ("payment_method", "payment_method_title", "transaction_id")},
        **{name: row[name] for name in ("customer_ip_address", "customer_user_agent", "created_via", "customer_note")},
        "date_completed": php.local(row["completed"]),
        "date_paid": php.local(row["paid"]),
        "cart_hash": row["cart_hash"],
        "number": str(row["id"]),
        "meta_data": views.meta(sorted(row["meta"], key=lambda entry: entry[1])),
        **_lines(call, row, dp),
        "coupon_lines": [_coupon_line(call, line) for line in row["coupon_lines"]],
        "refunds": _refund_summary(call.store, row["id"], dp),
        "payment_url": f"{call.home}/checkout/order-pay/{row['id']}/?pay_for_order=true&key={row['order_key']}",
        **_state(call, row),
    }
    return _linked(call, row, data)


def _state(call: Call, row: Order) -> dict[str, Any]:
    return {
        "is_editable": row["status"] in _EDITABLE,
        "needs_payment": row["status"] in {"pending", "failed", "checkout-draft"} and dec(row["total"]) > 0,
        "needs_processing": needs_processing(call.store, row),
        "date_created_gmt": php.gmt(row["created"]),
        "date_modified_gmt": php.gmt(row["modified"]),
        "date_completed_gmt": php.gmt(row["completed"]),
        "date_paid_gmt": php.gmt(row["paid"]),
        "currency_symbol": unescape(Money(row["currency"], "", "", "", 2).symbol),
    }


def needs_processing(store: WooStore, row: Order) -> bool:
    """Whether somebody has to pack something: not for goods both virtual and downloadable."""
    products = [store.products.get(line["variation_id"] or line["product_id"]) for line in row["line_items"]]
    return any(one is None or not (one.get("virtual") and one.get("downloadable")) for one in products)


def _linked(call: Call, row: Order, data: dict[str, Any]) -> dict[str, Any]:
    wanted = call.fields()
    if wanted is not None:
        plain = {name for name in wanted if "." not in name}
        dotted = {name.partition(".")[0] for name in wanted if "." in name}
        # Reaching into lists of lines does not work: the field is left out as a whole (recorded).
        data = {
            name: value for name, value in data.items() if name in plain or (name in dotted and isinstance(value, dict))
        }
    single = call.method not in {"GET", "HEAD"} or call.route.endswith("}")
    if wanted is None or single:
        path = f"/orders/{row['id']}"
        data["_links"] = links(call, path, "/orders")
        target = call.url(f"{path}/actions/email_templates")
        data["_links"]["email_templates"] = [{"embeddable": True, "href": target}]
        if row["customer_id"]:
            data["_links"]["customer"] = [{"href": call.url(f"/customers/{row['customer_id']}")}]
        if "_embed" in call.query:
            data["_embedded"] = {"email_templates": [[]]}
    return data


def refund(call: Call, row: Order, *, with_parent: bool = False) -> dict[str, Any]:
    """A refund."""
    dp = digits(call)
    data: dict[str, Any] = {"id": row["id"]}
    if with_parent:
        data["parent_id"] = row["parent_id"]
    lines = _lines(call, row, dp)
    data |= {
        "date_created": php.local(row["created"]),
        "date_created_gmt": php.gmt(row["created"]),
        "amount": places(row["amount"], dp),
        "reason": row["reason"],
        "refunded_by": row["refunded_by"],
        "refunded_payment": False,
        "meta_data": views.meta(row["meta"]),
        **{name: lines[name] for name in ("line_items", "shipping_lines", "tax_lines", "fee_lines")},
    }
    base = f"/orders/{row['parent_id']}"
    data["_links"] = links(call, f"{base}/refunds/{row['id']}", f"{base}/refunds", ("GET", "DELETE"), up=base)
    return data


def clean_address(given: dict[str, Any], *, billing: bool) -> dict[str, str]:
    """The fields of an address that the client sent, cleaned."""
    known = address({}, billing=billing)
    return {name: text.clean(value or "") for name, value in given.items() if name in known}
