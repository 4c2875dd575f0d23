"""Coupons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.sandbox.woocommerce import metadata, php, text, views
from connectors.sandbox.woocommerce.batch import register_resource
from connectors.sandbox.woocommerce.errors import WooError
from connectors.sandbox.woocommerce.routing import Routes
from connectors.sandbox.woocommerce.store import WooStore
from connectors.sandbox.woocommerce.wire import Call, Reply, created, links, paged

_FLAGS = ("individual_use", "free_shipping", "exclude_sale_items")
_LISTS = (
    "product_ids",
    "excluded_product_ids",
    "product_categories",
    "excluded_product_categories",
    "email_restrictions",
)
_LIMITS = ("usage_limit", "usage_limit_per_user", "limit_usage_to_x_items")
_AMOUNTS = ("amount", "minimum_amount", "maximum_amount")


def by_code(store: WooStore, code: str) -> dict[str, Any] | None:
    """A coupon by its code, without regard to case."""
    wanted = code.strip().casefold()
    for row in store.coupons:
        if row["code"].casefold() == wanted and row["status"] == "publish":
            found: dict[str, Any] = row
            return found
    return None


def _money(value: Any) -> str:
    return f"{php.to_float(php.format_decimal(value, ',')):.2f}"


def _show(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    expires = row["date_expires"]
    data = {
        "id": row["id"],
        "code": row["code"],
        "amount": row["amount"],
        "status": row["status"],
        "date_created": php.local(row["created"]),
        "date_created_gmt": php.gmt(row["created"]),
        "date_modified": php.local(row["modified"]),
        "date_modified_gmt": php.gmt(row["modified"]),
        "discount_type": row["discount_type"],
        "description": row["description"],
        "date_expires": php.local(expires),
        "date_expires_gmt": php.gmt(expires),
        "usage_count": row["usage_count"],
        **{name: row[name] for name in ("individual_use", "product_ids", "excluded_product_ids", *_LIMITS)},
        **{name: row[name] for name in ("free_shipping", "product_categories", "excluded_product_categories")},
        **{name: row[name] for name in ("exclude_sale_items", "minimum_amount", "maximum_amount")},
        "email_restrictions": row["email_restrictions"],
        "used_by": row["used_by"],
        "meta_data": views.meta(row["meta"]),
    }
    data["_links"] = links(call, f"/coupons/{row['id']}", "/coupons")
    return data


def _blank(now: int) -> dict[str, Any]:
    return {
        "code": "",
        "status": "publish",
        "created": now,
        "modified": now,
        "discount_type": "fixed_cart",
        "description": "",
        "date_expires": None,
        "usage_count": 0,
        "used_by": [],
        "meta": [],
        **dict.fromkeys(_FLAGS, False),
        **{name: [] for name in _LISTS},
        **dict.fromkeys(_LIMITS),
        **dict.fromkeys(_AMOUNTS, "0.00"),
    }


Conversion = Callable[[Call, str], Any]
_CONVERSIONS: tuple[tuple[tuple[str, ...], Conversion], ...] = (
    (("discount_type", "description", "status"), lambda call, name: str(call.get(name, ""))),
    (_AMOUNTS, lambda call, name: _money(call.get(name))),
    (_FLAGS, lambda call, name: php.truthy(call.get(name, False))),
    (_LISTS, lambda call, name: call.items(name)),
    (_LIMITS, lambda call, name: None if call.get(name) is None else call.number(name)),
)


def _apply(call: Call, row: dict[str, Any]) -> None:
    if call.has("code"):
        code = text.clean(call.get("code", ""))
        other = by_code(call.store, code)
        if other is not None and other["id"] != row.get("id"):
            message = "The coupon code already exists"
            raise WooError("woocommerce_rest_coupon_code_already_exists", message, 400)
        row["code"] = code
    for names, convert in _CONVERSIONS:
        for name in names:
            if call.has(name):
                row[name] = convert(call, name)
    if call.has("date_expires"):
        row["date_expires"] = php.parse_date(call.get("date_expires"))
    if call.has("meta_data"):
        row["meta"] = metadata.merge(row["meta"], call.get("meta_data"), lambda: call.store.next_id("postmeta"))


def _find(call: Call, status: int = 404) -> dict[str, Any]:
    row = call.store.coupons.get(call.number("id"))
    if row is None:
        raise WooError("woocommerce_rest_shop_coupon_invalid_id", "Invalid ID.", status)
    return dict(row)


def _create(call: Call) -> Reply:
    with call.store.lock:
        row = _blank(call.store.now())
        _apply(call, row)
        row["id"] = call.store.next_id("post")
        call.store.coupons.put(row["id"], row)
        call.app.changed("coupon", "created", row["id"])
        return created(call, f"/coupons/{row['id']}", _show(call, row))


def _update(call: Call) -> Reply:
    with call.store.lock:
        row = _find(call, 400)
        _apply(call, row)
        row["modified"] = call.store.now()
        call.store.coupons.put(row["id"], row)
        call.app.changed("coupon", "updated", row["id"])
        return Reply(_show(call, row))


def _read(call: Call) -> Reply:
    with call.store.lock:
        return Reply(_show(call, _find(call)))


def _delete(call: Call) -> Reply:
    with call.store.lock:
        row = _find(call)
        shown = _show(call, row)
        if call.force:
            call.store.coupons.drop(row["id"])
        else:
            call.store.coupons.put(row["id"], {**row, "status": "trash"})
        call.app.changed("coupon", "deleted", row["id"])
        return Reply(shown)


def _list(call: Call) -> Reply:
    with call.store.lock:
        rows = [row for row in call.store.coupons if row["status"] != "trash"]
        if call.get("code"):
            rows = [row for row in rows if row["code"].casefold() == str(call.get("code")).casefold()]
        if call.get("search"):
            rows = [row for row in rows if str(call.get("search")).casefold() in row["code"].casefold()]
        rows.sort(key=lambda row: (row["created"], row["id"]), reverse=call.get("order", "desc") != "asc")
        return paged(call, rows, lambda row: _show(call, row))


def register(routes: Routes) -> None:
    """Routes of coupons."""
    register_resource(routes, "coupons", listing=_list, read=_read, create=_create, update=_update, delete=_delete)
