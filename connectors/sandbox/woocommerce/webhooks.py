"""Webhooks: registration and the queue that delivers them late, once, with the state of that moment."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from connectors.sandbox.httpd import Request
from connectors.sandbox.woocommerce import customers, order_views, php, text, views
from connectors.sandbox.woocommerce.auth import User
from connectors.sandbox.woocommerce.batch import register_resource
from connectors.sandbox.woocommerce.errors import WooError, no_trash
from connectors.sandbox.woocommerce.routing import Routes
from connectors.sandbox.woocommerce.wire import Call, Reply, created, links, paged, unpaged

if TYPE_CHECKING:
    from connectors.sandbox.httpd import SandboxServer
    from connectors.sandbox.woocommerce.app import WooCommerceApp

_AGENT = "WooCommerce/9.9.5 Hookshot (WordPress/6.8.3)"
_HOOKS: dict[str, list[str]] = {
    "order.created": ["woocommerce_new_order"],
    "order.updated": ["woocommerce_update_order", "woocommerce_order_refunded"],
    "order.deleted": ["wp_trash_post", "woocommerce_trash_order"],
    "order.restored": ["untrashed_post", "woocommerce_untrash_order"],
    "product.created": [
        "woocommerce_process_product_meta",
        "woocommerce_new_product",
        "woocommerce_new_product_variation",
    ],
    "product.updated": [
        "woocommerce_process_product_meta",
        "woocommerce_update_product",
        "woocommerce_update_product_variation",
    ],
    "product.deleted": ["wp_trash_post"],
    "product.restored": ["untrashed_post"],
    "customer.created": ["user_register", "woocommerce_created_customer", "woocommerce_new_customer"],
    "customer.updated": ["profile_update", "woocommerce_update_customer"],
    "customer.deleted": ["delete_user"],
    "coupon.created": ["woocommerce_process_shop_coupon_meta", "woocommerce_new_coupon"],
    "coupon.updated": ["woocommerce_process_shop_coupon_meta", "woocommerce_update_coupon"],
    "coupon.deleted": ["wp_trash_post"],
    "coupon.restored": ["untrashed_post"],
}
# One event of the shop may feed several topics: a new order is also an updated one (recorded).
_TOPICS: dict[tuple[str, str], tuple[str, ...]] = {
    ("order", "created"): ("order.created", "order.updated"),
    ("customer", "created"): ("customer.created", "customer.updated"),
}


def _show(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    kind, _, event = row["topic"].partition(".")
    data = {
        "id": row["id"],
        "name": row["name"],
        "status": row["status"],
        "topic": row["topic"],
        "resource": kind,
        "event": event,
        "hooks": _HOOKS.get(row["topic"], [event]),
        "delivery_url": row["delivery_url"],
        "date_created": php.local(row["created"]),
        "date_created_gmt": php.gmt(row["created"]),
        "date_modified": php.local(row["modified"]),
        "date_modified_gmt": php.gmt(row["modified"]),
    }
    data["_links"] = links(call, f"/webhooks/{row['id']}", "/webhooks")
    return data


def _find(call: Call, status: int = 404) -> dict[str, Any]:
    row = call.store.webhooks.get(call.number("id"))
    if row is None:
        raise WooError("woocommerce_rest_shop_webhook_invalid_id", "ID is invalid.", status)
    return dict(row)


def _check(topic: str, address: str) -> None:
    if topic not in _HOOKS and not (topic.startswith("action.") and len(topic) > 7):
        message = "Webhook topic is required and must be valid."
        raise WooError("woocommerce_rest_shop_webhook_invalid_topic", message, 400)
    if urlsplit(address).scheme not in ("http", "https"):
        message = "Webhook delivery URL must be a valid URL starting with http:// or https://."
        raise WooError("woocommerce_rest_shop_webhook_invalid_delivery_url", message, 400)


def _create(call: Call) -> Reply:
    with call.store.lock:
        topic, address = str(call.get("topic", "")), str(call.get("delivery_url", ""))
        _check(topic, address)
        row: dict[str, Any] = {
            "id": call.store.next_id("webhook"),
            "name": text.clean(call.get("name") or f"Webhook created on {php.local(call.store.now())}"),
            "status": str(call.get("status") or "active"),
            "topic": topic,
            "delivery_url": address,
            "secret": str(call.get("secret") or secrets.token_hex(25)),
            "created": call.store.now(),
            "modified": None,
            "failures": 0,
        }
        call.store.webhooks.put(row["id"], row)
        shown = _show(call, row)
    if row["status"] == "active":
        call.app.dispatcher.ping(row)
    return created(call, f"/webhooks/{row['id']}", shown)


def _update(call: Call) -> Reply:
    with call.store.lock:
        row = _find(call, 400)
        for name in ("name", "status", "topic", "delivery_url", "secret"):
            if call.get(name) is not None and call.has(name):
                row[name] = str(call.get(name))
        _check(row["topic"], row["delivery_url"])
        if call.get("status") == "active":
            row["failures"] = 0
        row["modified"] = call.store.now()
        call.store.webhooks.put(row["id"], row)
        return Reply(_show(call, row))


def _read(call: Call) -> Reply:
    with call.store.lock:
        return Reply(_show(call, _find(call)))


def _delete(call: Call) -> Reply:
    with call.store.lock:
        row = _find(call)
        if not call.force:
            raise no_trash("Webhooks do")
        call.store.webhooks.drop(row["id"])
        return Reply(_show(call, row))


def _list(call: Call) -> Reply:
    with call.store.lock:
        wanted = str(call.get("status", "all"))
        rows = [row for row in call.store.webhooks if wanted in ("all", row["status"])]
        rows.sort(key=lambda row: (row["created"], row["id"]), reverse=call.get("order", "desc") != "asc")
        if not rows:
            return unpaged([])
        return paged(call, rows, lambda row: _show(call, row))


def register(routes: Routes) -> None:
    """Routes of webhooks."""
    register_resource(routes, "webhooks", listing=_list, read=_read, create=_create, update=_update, delete=_delete)


class Dispatcher:
    """Delivers webhooks in the background, `options.webhook_delay` seconds late; None keeps them until `flush()`.

    Two changes of one resource before a delivery make one delivery. One attempt each; a webhook that fails more than
    `options.webhook_failures` times in a row is switched off.
    """

    def __init__(self, app: WooCommerceApp) -> None:
        self._app = app
        self._pending: dict[tuple[int, str, int], float] = {}
        self._lock = threading.Lock()
        self._work = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.server: SandboxServer | None = None

    def start(self, server: SandboxServer) -> None:
        """Begin delivering; `server` gives the address the shop believes it has."""
        self.server = server
        self._thread = threading.Thread(target=self._run, name="sandbox-webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop delivering; what waits is lost, as when the scheduler of a real shop never runs again."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def changed(self, kind: str, event: str, number: int) -> None:
        """Listener: put what concerns a webhook into the queue."""
        if not len(self._app.store.webhooks):
            return
        topics = _TOPICS.get((kind, event), (f"{kind}.{event}",))
        if kind == "order_status":
            topics = (f"action.woocommerce_order_status_{event}",)
        delay = self._app.options.webhook_delay or 0.0
        with self._lock:
            for row in self._app.store.webhooks:
                if row["topic"] in topics and row["status"] == "active":
                    self._pending.setdefault((row["id"], row["topic"], number), time.monotonic() + delay)

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            if self._app.options.webhook_delay is not None:
                self.flush(due_only=True)

    def flush(self, *, due_only: bool = False) -> int:
        """Deliver what waits (only what is due, or all of it). Returns the number of deliveries."""
        now = time.monotonic()
        with self._lock:
            ready = [key for key, due in self._pending.items() if not due_only or due <= now]
            for key in ready:
                del self._pending[key]
        for key in ready:
            self._deliver(*key)
        return len(ready)

    def ping(self, row: dict[str, Any]) -> None:
        """Unsigned form post at creation; its outcome does not matter."""
        body = f"webhook_id={row['id']}".encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._app.options.webhook_delay is not None:
            threading.Thread(target=_post, args=(row["delivery_url"], body, headers), daemon=True).start()

    def _deliver(self, webhook: int, topic: str, number: int) -> None:
        store = self._app.store
        with store.lock:
            row = store.webhooks.get(webhook)
            body = self._body(topic, number) if row and row["status"] == "active" else None
        if row is None or body is None or self.server is None:
            return
        data = json.dumps(body, separators=(",", ":")).encode()
        delivered = _post(row["delivery_url"], data, self._headers(row, data))
        with store.lock:
            current = store.webhooks.get(webhook)
            if current is None:
                return
            failures = 0 if delivered else current["failures"] + 1
            status = "disabled" if failures > self._app.options.webhook_failures else current["status"]
            modified = store.now() if status != current["status"] else current["modified"]
            store.webhooks.put(webhook, {**current, "failures": failures, "status": status, "modified": modified})

    def _headers(self, row: dict[str, Any], data: bytes) -> dict[str, str]:
        kind, _, event = row["topic"].partition(".")
        signature = hmac.new(row["secret"].encode(), data, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": (self.server.url if self.server else "") + "/",
            "X-WC-Webhook-Topic": row["topic"],
            "X-WC-Webhook-Resource": kind,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-WC-Webhook-ID": str(row["id"]),
            "X-WC-Webhook-Delivery-ID": secrets.token_hex(16),
        }

    def _body(self, topic: str, number: int) -> dict[str, Any] | None:
        kind, _, event = topic.partition(".")
        if kind == "action":
            return {"action": event, "arg": number}
        if event == "deleted":
            return {"id": number}
        call = self._call(kind)
        store = self._app.store
        shown: dict[str, Any] | None = None
        if kind == "order" and number in store.orders:
            shown = order_views.order(call, store.orders.rows[number])
        elif kind == "product" and number in store.products:
            product = store.products.rows[number]
            shown = views.variation(call, product) if product.is_variation else views.product(call, product)
        elif kind == "customer" and number in store.customers:
            shown = customers.show(call, store.customers.rows[number])
        elif kind == "coupon" and number in store.coupons:
            shown = {"id": number, "code": store.coupons.rows[number]["code"]}
        if shown is not None:
            shown.pop("_links", None)
        return shown

    def _call(self, kind: str) -> Call:
        """A read by the creator of the webhook, for the views."""
        server = self.server
        assert server is not None  # noqa: S101  (deliveries start with the server)
        request = Request("GET", f"/wp-json/wc/v3/{kind}s", "", {}, b"", "http", server.url, server)
        user = User(1, "admin", "administrator")
        return Call(self._app, request, "GET", f"{kind}s/{{id}}", {}, {}, {}, user)


def _post(address: str, body: bytes, headers: dict[str, str]) -> bool:
    """One attempt. Whether the receiver answered with 2xx or 3xx."""
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=5)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(
            "POST", path, body, {"User-Agent": _AGENT, "Accept": "*/*", "Connection": "close", **headers}
        )
        return 200 <= connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
