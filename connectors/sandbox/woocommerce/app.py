"""The shop as an application: from a request to the handler of its route and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from connectors.sandbox.httpd import Request, RequestLog, Response
from connectors.sandbox.woocommerce import php, schema, storefront
from connectors.sandbox.woocommerce.auth import Authenticator, User, check_permissions
from connectors.sandbox.woocommerce.errors import FatalError, WooError, no_route
from connectors.sandbox.woocommerce.routing import Route, Routes
from connectors.sandbox.woocommerce.store import WooStore
from connectors.sandbox.woocommerce.wire import Call, Reply, apply_fields

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OVERRIDABLE = frozenset({"PUT", "PATCH", "DELETE", "GET", "HEAD", "OPTIONS"})


class Options:
    """Traits of this shop that a real one decides in its installation. All may be changed while it runs."""

    def __init__(self) -> None:
        self.cost_of_goods = False
        self.image_ports: frozenset[int] | None = None
        self.race_window = 0.001
        self.store_name = "Boutique Test"
        self.webhook_delay: float | None = 2.0
        self.webhook_failures = 6


class WooCommerceApp:
    """Answers every request of the shop: REST API, media, storefront. Thread-safe."""

    def __init__(self, store: WooStore, authenticator: Authenticator) -> None:
        from connectors.sandbox.woocommerce import handlers, webhooks

        self.store = store
        self.options = Options()
        self.auth = authenticator
        self.routes = Routes()
        self.listeners: list[Callable[[str, str, int], None]] = []
        self.fresh: Callable[[WooStore], None] = lambda store: None
        handlers.register(self.routes)
        self.dispatcher = webhooks.Dispatcher(self)
        self.listeners.append(self.dispatcher.changed)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        path = unquote(request.path)
        query = php.nested(request.query)
        if "rest_route" in query:
            return self._guarded(request, lambda: self._api(request, str(query["rest_route"]), query, api=False))
        if path == "/wp-json" or path.startswith("/wp-json/"):
            inner = path.removeprefix("/wp-json") or "/"
            api = inner.lower().startswith("/wc")
            return self._guarded(request, lambda: self._api(request, inner, query, api=api))
        request.kind = f"{request.method} storefront"
        if request.method == "POST" and path.strip("/") == "commander":
            return storefront.ordered(self, request)
        if request.method == "POST" and path.strip("/") == "commandes-de-demonstration":
            return storefront.demonstrated(self)
        return storefront.page(self.store, request, path, query)

    def _guarded(self, request: Request, work: Callable[[], Response]) -> Response:
        try:
            response = work()
        except WooError as error:
            response = _json(error.body(), error.status, [])
        names = {name for name, _ in response.headers}
        if "Link" not in names:
            response.headers.append(("Link", f'<{request.origin}/wp-json/>; rel="https://api.w.org/"'))
        return response

    def _api(self, request: Request, inner: str, query: dict[str, Any], *, api: bool) -> Response:
        method = _effective_method(request, query)
        request.kind = f"{method} {inner.strip('/')}"
        headers = [("Vary", "Origin")]
        try:
            user = self.auth.caller(request, api=api)
            if user is not None:
                headers = [("Cache-Control", "no-cache, must-revalidate, max-age=0, no-store, private")]
                check_permissions(user, method)
            found = self.routes.find(inner)
            if found is None:
                raise no_route()
            route, parts = found
            request.kind = f"{method} {route.label}"
            if method == "OPTIONS":
                return _json(self._described(route), 200, [*headers, ("Allow", ", ".join(route.methods))])
            reply, call = self._dispatch(request, route, parts, query, method, user, headers)
        except WooError as error:
            kept = [one for one in headers if one[0] != "Allow"] if error.gone else headers
            return _json(error.body(), error.status, kept)
        if reply.gone or reply.allow is not None:
            headers = [one for one in headers if one[0] != "Allow"]
            headers += [("Allow", ", ".join(reply.allow))] if reply.allow else []
        return _finished(call, reply, headers)

    def _described(self, route: Route) -> dict[str, Any]:
        from connectors.sandbox.woocommerce import reference

        return reference.describe(route)

    def _dispatch(
        self,
        request: Request,
        route: Route,
        parts: dict[str, str],
        query: dict[str, Any],
        method: str,
        user: User | None,
        headers: list[tuple[str, str]],
    ) -> tuple[Reply, Call]:
        handler = route.handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            raise no_route()
        if route.label in _PUBLIC or (user is not None and user.manages):
            headers.append(("Allow", ", ".join(dict.fromkeys(route.methods))))
        args = self._arguments(route, method)
        body = read_body(request)
        sent = {**parts, **query, **(body if isinstance(body, dict) else {})}
        if not route.label.endswith("batch"):
            schema.check(sent, args)
        self._permit(user, route, method)
        sent |= {name: php.to_list(sent[name]) for name in query if args.get(name, {}).get("type") == "array"}
        defaults = {name: arg["default"] for name, arg in args.items() if "default" in arg}
        call = Call(
            self, request, method, route.label, {**defaults, **sent}, query, body, user, frozenset(sent) - set(parts)
        )
        return handler(call), call

    def _arguments(self, route: Route, method: str) -> dict[str, dict[str, Any]]:
        args = route.args("GET" if method == "HEAD" else method)
        name = "class" if route.label.startswith("taxes") else "tax_class"
        if name in args and "enum" in args[name]:
            slugs = [row["slug"] for row in sorted_tax_classes(self.store)]
            return {**args, name: {**args[name], "enum": slugs}}
        return args

    @staticmethod
    def _permit(user: User | None, route: Route, method: str) -> None:
        if (user is not None and user.manages) or route.label in _PUBLIC or route.label.startswith("wp/v2/"):
            return
        code, text = _refusal(route, method)
        raise WooError(code, text, 401 if user is None else 403)

    def subjects(self, request: Request) -> frozenset[str]:
        """References named by a request: in its query, its items, or through the ids it carries."""
        try:
            body = json.loads(request.body) if request.body else {}
        except ValueError:
            body = {}
        skus = {part for key, value in request.query if key == "sku" for part in value.split(",")}
        items: list[Any] = [body]
        if isinstance(body, dict):
            items += [item for name in ("create", "update") for item in _listed(body.get(name))]
            items += [{"id": number} for number in _listed(body.get("delete"))]
        match = re.search(r"/(?:products|variations)/(\d+)/?$", request.path)
        if match:
            items.append({"id": match.group(1)})
        for item in items:
            skus.update(self._skus_of(item))
        return frozenset(sku.casefold() for sku in skus if sku)

    def _skus_of(self, item: Any) -> set[str]:
        if not isinstance(item, dict):
            return set()
        found = {str(item["sku"])} if item.get("sku") else set()
        product = self.store.products.get(php.intval(item.get("id")))
        return found | {product.sku} if product else found

    def changed(self, resource: str, event: str, number: int) -> None:
        """Tell the listeners (webhooks) that something happened."""
        for listener in self.listeners:
            listener(resource, event, number)

    def count(self, request: Request, what: str) -> None:
        """Count one item really written."""
        log: RequestLog = request.server.log
        log.count_item(what)

    def reset(self) -> None:
        """Back to a fresh shop."""
        with self.store.lock:
            self.store.clear()
            self.fresh(self.store)

    def seed(self, params: Mapping[str, Any]) -> Any:
        """Fill with generated products."""
        from connectors.sandbox.woocommerce.setup import seed_products

        return seed_products(self.store, params)

    def mutate(self, op: str, params: Mapping[str, Any]) -> Any:
        """A change made in the shop by somebody else."""
        from connectors.sandbox.woocommerce.backoffice import mutate

        return mutate(self, op, params)

    def inspect(self, query: Mapping[str, str]) -> Any:
        """What the shop really holds."""
        from connectors.sandbox.woocommerce.backoffice import inspect

        return inspect(self, query)


_PUBLIC = frozenset({"", "index", "wp-json"})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


@lru_cache(maxsize=512)
def _refusal(route: Route, method: str) -> tuple[str, str]:
    if route.label.endswith("batch"):
        return "woocommerce_rest_cannot_batch", "Sorry, you are not allowed to batch manipulate this resource."
    single = route.label.endswith("}")
    if method in {"GET", "HEAD"}:
        text = "Sorry, you cannot view this resource." if single else "Sorry, you cannot list resources."
        return "woocommerce_rest_cannot_view", text
    if method == "DELETE":
        return "woocommerce_rest_cannot_delete", "Sorry, you are not allowed to delete this resource."
    if single:
        return "woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource."
    return "woocommerce_rest_cannot_create", "Sorry, you are not allowed to create resources."


def sorted_tax_classes(store: WooStore) -> list[dict[str, Any]]:
    """The standard class first, the others by name."""
    others = sorted((row for row in store.tax_classes if row["slug"] != "standard"), key=lambda row: row["slug"])
    return [{"slug": "standard", "name": "Standard rate"}, *others]


def _effective_method(request: Request, query: dict[str, Any]) -> str:
    override = str(query.get("_method") or request.headers.get("x-http-method-override") or "").upper()
    if request.method == "POST" and override in _OVERRIDABLE:
        return override
    return request.method


def read_body(request: Request) -> Any:
    """The body as parameters: JSON or form, nothing at all under another content type.

    Raises WooError for JSON that cannot be read and FatalError for JSON that is no container.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return php.nested(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    if kind != "application/json" or not request.body.strip():
        return {}
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError:
        raise _bad_json(5, "Malformed UTF-8 characters, possibly incorrectly encoded") from None
    try:
        value = json.loads(text)
    except ValueError:
        raise _bad_json(4, "Syntax error") from None
    if value is None or value == []:
        return {}
    if not isinstance(value, dict | list):
        raise FatalError
    return value


def _bad_json(code: int, message: str) -> WooError:
    data = {"json_error_code": code, "json_error_message": message}
    return WooError("rest_invalid_json", "Invalid JSON body passed.", 400, data)


def _json(data: Any, status: int, headers: list[tuple[str, str]]) -> Response:
    return Response.from_json(data, status, list(headers))


def _finished(call: Call, reply: Reply, headers: list[tuple[str, str]]) -> Response:
    data = apply_fields(call, reply)
    if "_envelope" in call.query:
        shown = {name: int(value) if value.isdigit() else value for name, value in reply.headers}
        shown |= {name: value for name, value in headers if name == "Allow"}
        outer = [one for one in headers if one[0] != "Allow"]
        return _json({"body": data, "status": reply.status, "headers": shown}, 200, outer)
    return _json(data, reply.status, [*reply.headers, *headers])
