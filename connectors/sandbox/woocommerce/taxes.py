"""Tax rates and tax classes."""

from __future__ import annotations

import re
from typing import Any

from connectors.sandbox.woocommerce import php, text
from connectors.sandbox.woocommerce.app import sorted_tax_classes
from connectors.sandbox.woocommerce.batch import register_resource
from connectors.sandbox.woocommerce.errors import WooError, no_trash
from connectors.sandbox.woocommerce.routing import Routes
from connectors.sandbox.woocommerce.wire import Call, Reply, created, links, paged, unpaged

_SLUG_ITEM = r"/wc/v3/taxes/classes/(?P<slug>\w[\w\s\-]*)"


def _decimal(value: Any) -> str:
    """A rate as stored: PHP reads "8,5" as 8 (recorded)."""
    match = re.match(r"\s*([+-]?\d+(?:\.\d+)?)", str(value))
    return f"{float(match.group(1)) if match else 0.0:.4f}"


def _show(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    data = {
        "id": row["id"],
        "country": row["country"],
        "state": row["state"],
        "postcode": row["postcodes"][-1] if row["postcodes"] else "",
        "city": row["cities"][-1] if row["cities"] else "",
        "rate": row["rate"],
        "name": row["name"],
        "priority": row["priority"],
        "compound": row["compound"],
        "shipping": row["shipping"],
        "order": row["order"],
        "class": row["class"],
        "postcodes": row["postcodes"],
        "cities": row["cities"],
    }
    data["_links"] = links(call, f"/taxes/{row['id']}", "/taxes")
    return data


def _find(call: Call) -> dict[str, Any]:
    row = call.store.tax_rates.get(call.number("id"))
    if row is None:
        raise WooError("woocommerce_rest_invalid_id", "Invalid resource ID.", 404)
    return dict(row)


def _apply(call: Call, row: dict[str, Any]) -> None:
    for name in ("country", "state", "name"):
        if call.has(name):
            row[name] = text.clean(call.get(name, "")).upper() if name != "name" else text.clean(call.get(name, ""))
    if call.has("rate"):
        row["rate"] = _decimal(call.get("rate", "0"))
    for name in ("priority", "order"):
        if call.has(name):
            row[name] = call.number(name)
    for name in ("compound", "shipping"):
        if call.has(name):
            row[name] = php.truthy(call.get(name, False))
    if call.has("class"):
        row["class"] = str(call.get("class") or "standard")
    _apply_places(call, row)


def _apply_places(call: Call, row: dict[str, Any]) -> None:
    for name, single in (("postcodes", "postcode"), ("cities", "city")):
        if call.has(single):
            row[name] = [str(call.get(single)).upper()] if call.get(single) else []
        if call.has(name):
            row[name] = [str(one).upper() for one in call.items(name)]


def _create(call: Call) -> Reply:
    with call.store.lock:
        row: dict[str, Any] = {
            "country": "",
            "state": "",
            "rate": "0.0000",
            "name": "Tax",
            "priority": 1,
            "compound": False,
            "shipping": True,
            "order": 0,
            "class": "standard",
            "postcodes": [],
            "cities": [],
        }
        _apply(call, row)
        row["id"] = call.store.next_id("tax_rate")
        call.store.tax_rates.put(row["id"], row)
        return created(call, f"/taxes/{row['id']}", _show(call, row))


def _update(call: Call) -> Reply:
    with call.store.lock:
        row = _find(call)
        _apply(call, row)
        call.store.tax_rates.put(row["id"], row)
        return Reply(_show(call, row))


def _read(call: Call) -> Reply:
    with call.store.lock:
        return Reply(_show(call, _find(call)))


def _delete(call: Call) -> Reply:
    with call.store.lock:
        row = _find(call)
        if not call.force:
            raise no_trash("Taxes do")
        call.store.tax_rates.drop(row["id"])
        return Reply(_show(call, row))


def _list(call: Call) -> Reply:
    with call.store.lock:
        wanted = call.query.get("class")
        rows = [row for row in call.store.tax_rates if not wanted or row["class"] == wanted]
        orderby = str(call.get("orderby", "order"))
        key = {"id": lambda row: row["id"], "priority": lambda row: (row["priority"], row["id"])}.get(
            orderby, lambda row: (row["order"], row["id"])
        )
        rows.sort(key=key, reverse=str(call.get("order", "asc")).lower() == "desc")
        return paged(call, rows, lambda row: _show(call, row))


def _class_links(call: Call) -> dict[str, Any]:
    return {"_links": {"collection": [{"href": call.url("/taxes/classes")}]}}


def _classes(call: Call) -> Reply:
    with call.store.lock:
        rows = sorted_tax_classes(call.store)
        return unpaged([{"slug": row["slug"], "name": row["name"], **_class_links(call)} for row in rows])


def _shown_class(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    return {"name": row["name"], "slug": row["slug"], **_class_links(call)}


def _class_create(call: Call) -> Reply:
    with call.store.lock:
        name = text.clean(call.get("name", ""))
        slug = text.slugify(name)
        if call.store.tax_classes.get(slug) is not None or slug == "standard":
            raise WooError("woocommerce_rest_tax_class_exists", "Tax class already exists", 400)
        row = call.store.tax_classes.put(slug, {"slug": slug, "name": name})
        return created(call, f"/taxes/classes/{slug}", _shown_class(call, row))


def _class(call: Call) -> dict[str, Any]:
    slug = str(call.get("slug", ""))
    for row in sorted_tax_classes(call.store):
        if row["slug"] == slug:
            return row
    raise WooError("woocommerce_rest_tax_class_invalid_slug", "Invalid slug.", 404)


def _class_read(call: Call) -> Reply:
    with call.store.lock:
        return Reply([_shown_class(call, _class(call))], listed=True)


def _class_delete(call: Call) -> Reply:
    with call.store.lock:
        if not call.force:
            raise no_trash("Taxes do")
        row = _class(call)
        call.store.tax_classes.drop(row["slug"])
        return Reply(_shown_class(call, row))


def register(routes: Routes) -> None:
    """Routes of taxes."""
    register_resource(routes, "taxes", listing=_list, read=_read, create=_create, update=_update, delete=_delete)
    routes.register("/wc/v3/taxes/classes", get=_classes, create=_class_create)
    routes.register(_SLUG_ITEM, get=_class_read, delete=_class_delete)
