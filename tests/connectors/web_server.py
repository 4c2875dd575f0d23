"""A web server on the loopback that a test scripts answer by answer."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from connectors.core.ports import Runtime


@dataclass
class Seen:
    """A request as the server got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Script:
    """What the server does: ``answer(handler, seen)`` for each request; ``seen`` keeps them all."""

    answer: Callable[[Any, Seen], None]
    seen: list[Seen] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)
    url: str = ""
    port: int = 0


def reply(handler: Any, status: int = 200, body: Any = None, *, kind: str = "application/json", **headers: str) -> None:
    """One complete answer; ``body`` is JSON unless it is text already."""
    data = body.encode() if isinstance(body, str) else json.dumps(body if body is not None else {"ok": True}).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(data)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    with contextlib.suppress(OSError):
        handler.wfile.write(data)


@contextmanager
def web_server(answer: Callable[[Any, Seen], None], certificate: tuple[Path, Path] | None = None) -> Iterator[Script]:
    """Serves until the block ends."""
    script = Script(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            seen = Seen(self.command, self.path, dict(self.headers), self.rfile.read(length), time.monotonic())
            script.seen.append(seen)
            script.connections.add(self.client_address)
            script.answer(self, seen)

        do_GET = do_POST = do_PUT = do_OPTIONS = do_HEAD = serve

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *args: None  # refused handshakes are what the tests are about
    script.port = server.server_address[1]
    script.url = f"{'https' if certificate else 'http'}://127.0.0.1:{script.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()


def local_runtime(**changes: Any) -> Runtime:
    """A runtime that may talk to the loopback."""
    return Runtime(**{"allowed_addresses": ("127.0.0.1:*",), **changes})
