"""Batches: 100 items over all lists, worked in sequence, errors at the place of their item, no check of types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.woocommerce.errors import FatalError, WooError
from connectors.sandbox.woocommerce.routing import Routes, resource
from connectors.sandbox.woocommerce.wire import Call, Reply

LIMIT = 100
Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class ItemHandlers:
    """What the single calls of the collection are bound to; a missing one makes the list an error."""

    path: str
    create: Handler | None
    update: Handler | None
    delete: Handler | None


def register_resource(
    routes: Routes, name: str, *, listing: Handler, read: Handler, create: Handler, update: Handler, delete: Handler
) -> None:
    """The routes of a plain resource: collection, item, and the batch that works with the same three writes."""
    collection, item, batched = resource(name)
    handlers = ItemHandlers(collection, create, update, delete)
    routes.register(collection, get=listing, create=create)
    routes.register(item, get=read, edit=update, delete=delete)
    routes.register(batched, edit=lambda call: run_batch(call, handlers))


def _lists(call: Call) -> dict[str, list[Any]]:
    body = call.body if isinstance(call.body, dict) else {}
    found: dict[str, list[Any]] = {}
    for name in ("create", "update", "delete"):
        value = body.get(name)
        rows = list(value.values()) if isinstance(value, dict) else value
        if isinstance(rows, list) and rows:
            found[name] = rows
    return found


def run_batch(call: Call, handlers: ItemHandlers) -> Reply:
    """Work a batch. Raises 413 above the limit (nothing is done) and 500 for items that are no objects."""
    lists = _lists(call)
    count = sum(len(rows) for rows in lists.values())
    call.request.items = count
    if count > LIMIT:
        message = f"Unable to accept more than {LIMIT} items for this request."
        raise WooError("woocommerce_rest_request_entity_too_large", message, 413)
    if not lists:
        return Reply([])
    result: dict[str, Any] = {}
    defaults = _defaults(call, handlers.path)
    for item in lists.get("create", ()):
        result.setdefault("create", []).append(_run(call, handlers.create, "POST", item, defaults))
    for item in lists.get("update", ()):
        result.setdefault("update", []).append(_run(call, handlers.update, "PUT", item, {}))
    for item in lists.get("delete", ()):
        result.setdefault("delete", []).append(_delete(call, handlers.delete, item))
    return Reply(result)


def _defaults(call: Call, path: str) -> dict[str, Any]:
    route = call.app.routes.by_path.get(path)
    args = route.args("POST") if route else {}
    return {name: arg["default"] for name, arg in args.items() if "default" in arg}


def _run(call: Call, handler: Handler | None, method: str, item: Any, defaults: dict[str, Any]) -> Any:
    if not isinstance(item, dict):
        raise FatalError
    number = 0 if method == "POST" else item.get("id")
    inner = _inner(call, method, {**defaults, **item}, frozenset(item))
    return _guarded(inner, handler, number, str(item.get("sku") or ""))


def _delete(call: Call, handler: Handler | None, item: Any) -> Any:
    shown = {**item, "force": True} if isinstance(item, dict) else item
    number = 0 if isinstance(item, dict) else item
    inner = _inner(call, "DELETE", {"id": number, "force": True}, frozenset({"id", "force"}))
    return _guarded(inner, handler, shown, "")


def _inner(call: Call, method: str, params: dict[str, Any], given: frozenset[str]) -> Call:
    parts = {key: value for key, value in call.params.items() if key.endswith("_id") and key not in call.given}
    merged = {**params, **parts}
    return Call(call.app, call.request, method, "batch item}", merged, {}, params, call.user, given, in_batch=True)


def _guarded(inner: Call, handler: Handler | None, number: Any, sku: str) -> Any:
    try:
        _refused_by_fault(inner, sku, number)
        if handler is None:
            raise WooError("woocommerce_rest_invalid_batch", "Not supported in a batch.", 405)
        return handler(inner).data
    except FatalError:
        raise
    except WooError as error:
        return {"id": number, "error": error.body()}


def _refused_by_fault(inner: Call, sku: str, number: Any) -> None:
    known = inner.store.products.get(number) if isinstance(number, int) and not sku else None
    for rule in inner.request.item_faults("item_error", sku or (known.sku if known else ""), number):
        code = str(rule.params.get("code", "woocommerce_rest_product_not_created"))
        message = str(rule.params.get("message", "Could not save the item."))
        raise WooError(code, message, int(rule.params.get("status", 400)))
