"""The HTTP side of a stand-in: a small threaded HTTP/1.1 server that can also misbehave on demand.

One thread per connection, keep-alive, optional TLS with a certificate made at start. A stand-in supplies an
`Application`; the `SandboxServer` adds the request log, the latency model, the limit of simultaneous requests, the
faults and the control API under `/__sandbox__/`.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl

from connectors.sandbox.faults import FaultBook, FaultRule
from connectors.sandbox.state import Store

CONTROL_PREFIX = "/__sandbox__/"
MAX_BODY = 64 * 1024 * 1024
_LOGGED_BODY = 16 * 1024
_SECRET_PARAMS = frozenset(
    {"consumer_secret", "oauth_signature", "consumer_key", "oauth_consumer_key", "key", "ws_key"}
)
REASONS = {int(status): status.phrase for status in http.HTTPStatus}


class ConnectionCut(Exception):
    """Drop the connection without an answer; `reset` sends RST instead of FIN."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__("connection cut")
        self.reset = reset


@dataclass(slots=True)
class Response:
    """One answer; `body` is already encoded."""

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def from_json(cls, value: Any, status: int = 200, headers: list[tuple[str, str]] | None = None) -> Response:
        """JSON answer in UTF-8."""
        body = json.dumps(value, separators=(",", ":")).encode()
        return cls(status, body, [("Content-Type", "application/json; charset=UTF-8"), *(headers or [])])

    @classmethod
    def html(cls, text: str, status: int = 200, headers: list[tuple[str, str]] | None = None) -> Response:
        """HTML answer in UTF-8."""
        return cls(status, text.encode(), [("Content-Type", "text/html; charset=UTF-8"), *(headers or [])])


@dataclass(slots=True)
class Request:
    """One request as read from the wire. Header names are lower-case."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    scheme: str
    origin: str
    server: SandboxServer
    query: list[tuple[str, str]] = field(default_factory=list)
    faults: list[FaultRule] = field(default_factory=list)
    kind: str = ""
    items: int = 0

    def pace_item(self, *, sku: str = "", key: Any = None, share: float = 1.0) -> None:
        """Spend the time that one item of work costs, faults on that item included."""
        extra = sum(float(rule.params.get("ms", 0)) for rule in self.item_faults("item_slow", sku, key))
        self.server.latency.item(share, extra)

    def item_faults(self, action: str, sku: str, key: Any) -> list[FaultRule]:
        """Fired rules of this action that name the item by sku or id (or name nothing: every item)."""
        return [rule for rule in self.faults if rule.action == action and _names_item(rule, sku, key)]

    def fired(self, action: str) -> FaultRule | None:
        """The first fired rule of this action."""
        return next((rule for rule in self.faults if rule.action == action), None)


def _names_item(rule: FaultRule, sku: str, key: Any) -> bool:
    wanted_key = rule.params.get("id")
    if rule.sku and rule.sku.casefold() != sku.casefold():
        return False
    return wanted_key is None or str(wanted_key) == str(key)


class Application(Protocol):
    """What a stand-in implements."""

    @property
    def store(self) -> Store:
        """Its state; the control API moves its clock and saves it."""

    def handle(self, request: Request) -> Response:
        """Answer one request; may sleep, must be thread-safe."""

    def subjects(self, request: Request) -> frozenset[str]:
        """Casefolded references (SKU) the request is about; asked only when a fault names one."""

    def mutate(self, op: str, params: Mapping[str, Any]) -> Any:
        """A change made by somebody else than the client (a sale, an edit in the back office)."""

    def inspect(self, query: Mapping[str, str]) -> Any:
        """What the stand-in really holds, for tests."""

    def reset(self) -> None:
        """Back to the state of a fresh start."""

    def seed(self, params: Mapping[str, Any]) -> Any:
        """Fill with generated data."""


class Latency:
    """How slow the stand-in is: fixed milliseconds per request, plus some per item of work. Changeable at run time."""

    def __init__(self, request_ms: float = 0.0, item_ms: float = 0.0) -> None:
        self.request_ms = request_ms
        self.item_ms = item_ms

    def request(self) -> None:
        """Sleep the fixed part."""
        if self.request_ms > 0:
            time.sleep(self.request_ms / 1000)

    def item(self, share: float = 1.0, extra_ms: float = 0.0) -> None:
        """Sleep (a share of) the part of one item."""
        wait = self.item_ms * share + extra_ms
        if wait > 0:
            time.sleep(wait / 1000)


class Gate:
    """At most `limit` requests are worked on at a time, the others wait their turn; 0 means no limit."""

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._busy = 0
        self.highest = 0
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """The limit in force."""
        return self._limit

    @limit.setter
    def limit(self, value: int) -> None:
        with self._changed:
            self._limit = value
            self._changed.notify_all()

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        with self._changed:
            while self._limit and self._busy >= self._limit:
                self._changed.wait()
            self._busy += 1
            self.highest = max(self.highest, self._busy)
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify()


class RequestLog:
    """The last requests and counters since the last reset. Secrets are left out."""

    def __init__(self, size: int = 5000) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=size)
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        self.item_writes: Counter[str] = Counter()
        self._number = 0

    def record(self, request: Request, outcome: str, status: int, seconds: float) -> None:
        """Add one finished request."""
        entry: dict[str, Any] = {
            "method": request.method,
            "path": request.path,
            "query": {key: value for key, value in request.query if key not in _SECRET_PARAMS},
            "kind": request.kind,
            "status": status,
            "outcome": outcome,
            "items": request.items,
            "ms": round(seconds * 1000, 1),
            "at": time.time(),
            "faults": [rule.id for rule in request.faults],
        }
        if request.body and len(request.body) <= _LOGGED_BODY:
            entry["body"] = request.body.decode("utf-8", "replace")
        with self._lock:
            self._number += 1
            entry["number"] = self._number
            self._entries.append(entry)
            self.calls[request.kind or f"{request.method} {request.path}"] += 1

    def count_item(self, what: str, amount: int = 1) -> None:
        """Count items really written, by what happened to them."""
        with self._lock:
            self.item_writes[what] += amount

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        """Entries with a number above `since`, oldest first; the ring keeps the last 5000."""
        with self._lock:
            return [dict(entry) for entry in self._entries if entry["number"] > since]

    def totals(self) -> dict[str, Any]:
        """Counters since the last clear."""
        with self._lock:
            return {
                "requests": sum(self.calls.values()),
                "calls": dict(self.calls),
                "item_writes": dict(self.item_writes),
                "last_number": self._number,
            }

    def clear(self) -> None:
        """Forget entries and counters; numbers go on."""
        with self._lock:
            self._entries.clear()
            self.calls.clear()
            self.item_writes.clear()


class _Handler(http.server.BaseHTTPRequestHandler):
    """Reads a request, lets the server answer it, writes the answer in one piece."""

    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    disable_nagle_algorithm = True
    owner: SandboxServer

    def setup(self) -> None:
        """Remember the connection, so that stopping the server ends idle ones."""
        super().setup()
        self.owner.connections.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.owner.connections.discard(self.connection)
        super().finish()

    def _serve(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = 0
        if length > MAX_BODY:
            self._send(_too_large())
            self.close_connection = True
            return
        body = self.rfile.read(length) if length else self._chunked()
        try:
            self._send(self.owner.answer(self._request(body)))
        except ConnectionCut as cut:
            self._cut(reset=cut.reset)

    def _request(self, body: bytes) -> Request:
        path, _, query = self.path.partition("?")
        headers = {key.lower(): value for key, value in self.headers.items()}
        scheme = "https" if self.owner.tls else "http"
        if self.owner.trust_forwarded_proto and headers.get("x-forwarded-proto") == "https":
            scheme = "https"
        pairs = parse_qsl(query, keep_blank_values=True)
        origin = f"{scheme}://{self.owner.host}:{self.owner.port}"
        return Request(self.command, path, query, headers, body, scheme, origin, self.owner, pairs)

    def _chunked(self) -> bytes:
        if "chunked" not in (self.headers.get("Transfer-Encoding") or "").lower():
            return b""
        parts: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, response: Response) -> None:
        head = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}"]
        head += [f"{name}: {value}" for name, value in response.headers]
        head.append(f"Content-Length: {len(response.body)}")
        if self.close_connection:
            head.append("Connection: close")
        data = "\r\n".join(head).encode("utf-8") + b"\r\n\r\n"
        if self.command != "HEAD":
            data += response.body
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def _cut(self, *, reset: bool) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            if reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: the request log is the record."""


def _too_large() -> Response:
    return Response.html("<html><head><title>413 Request Entity Too Large</title></head></html>", 413)


class _Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    block_on_close = False
    context: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.context is not None:
            connection = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event; anything else would show up as a missing answer in the tests."""


class SandboxServer:
    """Serves one application on a loopback address. `start()` and `stop()` may be called once each."""

    def __init__(
        self, app: Application, *, host: str = "127.0.0.1", port: int = 0, tls: bool = False, max_connections: int = 0
    ) -> None:
        # Imported here because the control API is itself written in terms of this class.
        from connectors.sandbox.control import ControlApi

        self.app = app
        self.host = host
        self.port = port
        self.tls = tls
        self.trust_forwarded_proto = False
        self.latency = Latency()
        self.gate = Gate(max_connections)
        self.faults = FaultBook()
        self.log = RequestLog()
        self.connections: set[socket.socket] = set()
        self._control = ControlApi(self)
        self._listener: _Listener | None = None

    @property
    def url(self) -> str:
        """Base address without a trailing slash."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    @property
    def control_url(self) -> str:
        """Base address of the control API, with a trailing slash."""
        return self.url + CONTROL_PREFIX

    def start(self) -> SandboxServer:
        """Bind and serve in the background. Raises OSError when the port is taken."""
        handler = type("_BoundHandler", (_Handler,), {"owner": self})
        self._listener = _Listener((self.host, self.port), cast("Callable[..., _Handler]", handler))
        self.port = int(self._listener.server_address[1])
        if self.tls:
            self._listener.context = self_signed_context()
        threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.1}, name="sandbox", daemon=True
        ).start()
        return self

    def stop(self) -> None:
        """Stop listening and end idle connections. Requests in work are still answered."""
        if self._listener is None:
            return
        self._listener.shutdown()
        self._listener.server_close()
        self._listener = None
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                # The plain socket's method: the one of a TLS socket would also end the encryption of the answer.
                socket.socket.shutdown(connection, socket.SHUT_RD)

    def answer(self, request: Request) -> Response:
        """Answer one request, faults and latency included. Raises ConnectionCut."""
        if request.path.startswith(CONTROL_PREFIX):
            return self._control.handle(request)
        started = time.monotonic()
        outcome, status = "answered", 0
        try:
            response = self._work(request)
            status = response.status
        except ConnectionCut:
            outcome = "cut"
            raise
        except Exception:
            outcome = "crashed"
            raise
        finally:
            self.log.record(request, outcome, status, time.monotonic() - started)
        return response

    def _work(self, request: Request) -> Response:
        self._match(request)
        with self.gate():
            self.latency.request()
            early = self._before(request)
            if early is not None:
                return early
            response = self.app.handle(request)
            return self._after(request, response)

    def _match(self, request: Request) -> None:
        rules = self.faults.rules()
        if not rules:
            return
        named = any(rule.sku for rule in rules)
        skus = self.app.subjects(request) if named else frozenset()
        request.faults = self.faults.match(request.method, request.path, skus)

    def _before(self, request: Request) -> Response | None:
        for rule in request.faults:
            if rule.action == "latency":
                time.sleep(float(rule.params.get("ms", 0)) / 1000)
            elif rule.action == "cut_before":
                raise ConnectionCut(reset=bool(rule.params.get("reset")))
            elif rule.action == "status":
                return failure_page(rule)
            elif rule.action == "html" and not rule.params.get("work"):
                return Response.html(_CHALLENGE)
            elif rule.action == "mutate" and rule.params.get("when") == "before":
                self.app.mutate(str(rule.params.get("op")), rule.params)
        return None

    def _after(self, request: Request, response: Response) -> Response:
        for rule in request.faults:
            if rule.action == "slow_after":
                time.sleep(float(rule.params.get("ms", 0)) / 1000)
            elif rule.action == "cut_after":
                raise ConnectionCut(reset=bool(rule.params.get("reset")))
            elif rule.action == "html":
                response = Response.html(_CHALLENGE)
            elif rule.action == "mutate" and rule.params.get("when", "after") == "after":
                self.app.mutate(str(rule.params.get("op")), rule.params)
        return response


_CHALLENGE = (
    "<!DOCTYPE html><html lang='fr'><head><title>Un instant…</title></head>"
    "<body><h1>Vérification de votre navigateur</h1><p>Cette page disparaîtra dans quelques secondes.</p></body></html>"
)


def failure_page(rule: FaultRule) -> Response:
    """The HTML page that a host, a firewall or a site in maintenance sends with an error status."""
    status = int(rule.params.get("status", 503))
    reason = REASONS.get(status, "Error")
    body = rule.params.get("body") or (
        f"<!DOCTYPE html>\n<html><head><title>{status} {reason}</title></head>"
        f"<body><center><h1>{status} {reason}</h1></center><hr></body></html>\n"
    )
    headers: list[tuple[str, str]] = []
    if rule.params.get("retry_after") is not None:
        headers.append(("Retry-After", str(rule.params["retry_after"])))
    if isinstance(body, str):
        return Response.html(body, status, headers)
    return Response.from_json(body, status, headers)


def self_signed_context() -> ssl.SSLContext:
    """A TLS context with a certificate made on the spot; clients must not verify it."""
    from werkzeug.serving import generate_adhoc_ssl_context

    return generate_adhoc_ssl_context()
