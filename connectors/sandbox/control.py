"""Control API of a stand-in, under `/__sandbox__/` on the same port: JSON in, JSON out, no authentication.

Tests and the demo use it to reset, fill, disturb and look into a stand-in. It is not counted, slowed or logged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connectors.sandbox.faults import FaultError

if TYPE_CHECKING:
    from connectors.sandbox.httpd import Request, Response, SandboxServer

_PREFIX = "/__sandbox__/"


class ControlError(ValueError):
    """The call makes no sense; the text says why."""


class ControlApi:
    """Routes of the control API, by method and name."""

    def __init__(self, server: SandboxServer) -> None:
        self._server = server
        self._routes: dict[tuple[str, str], Callable[[Request, Any], Any]] = {
            ("POST", "reset"): self._reset,
            ("POST", "seed"): self._seed,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._remove_faults,
            ("GET", "requests"): self._requests,
            ("DELETE", "requests"): self._clear_requests,
            ("GET", "inspect"): self._inspect,
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._set_clock,
            ("GET", "latency"): self._latency,
            ("POST", "latency"): self._set_latency,
            ("POST", "mutate"): self._mutate,
            ("POST", "save"): self._save,
        }

    def handle(self, request: Request) -> Response:
        """Answer one control call: 200, 400 with `error`, or 404."""
        from connectors.sandbox.httpd import Response

        name = request.path.removeprefix(_PREFIX).strip("/")
        route = self._routes.get((request.method, name.split("/")[0]))
        if route is None:
            known = sorted(f"{method} {path}" for method, path in self._routes)
            return Response.from_json({"error": "unknown control route", "routes": known}, 404)
        try:
            body = json.loads(request.body) if request.body.strip() else {}
            return Response.from_json(route(request, body))
        except (ControlError, FaultError, ValueError, KeyError, TypeError) as error:
            return Response.from_json({"error": f"{type(error).__name__}: {error}"}, 400)

    def _reset(self, request: Request, body: Any) -> Any:
        self._server.faults.remove()
        self._server.log.clear()
        self._server.app.store.clock.reset()
        self._server.app.reset()
        return {"reset": True}

    def _seed(self, request: Request, body: Any) -> Any:
        return self._server.app.seed(_mapping(body))

    def _faults(self, request: Request, body: Any) -> Any:
        return {"faults": [rule.to_json() for rule in self._server.faults.rules()]}

    def _add_faults(self, request: Request, body: Any) -> Any:
        rules = body if isinstance(body, list) else [body]
        return {"faults": [self._server.faults.add(rule).to_json() for rule in rules]}

    def _remove_faults(self, request: Request, body: Any) -> Any:
        tail = request.path.removeprefix(_PREFIX).strip("/").partition("/")[2]
        number = tail or (body.get("id") if isinstance(body, dict) else None)
        return {"removed": self._server.faults.remove(None if number is None else int(number))}

    def _requests(self, request: Request, body: Any) -> Any:
        since = int(dict(request.query).get("since", 0))
        totals = self._server.log.totals()
        totals["busy_at_most"] = self._server.gate.highest
        return {"requests": self._server.log.entries(since), "totals": totals}

    def _clear_requests(self, request: Request, body: Any) -> Any:
        self._server.log.clear()
        self._server.gate.highest = 0
        return {"cleared": True}

    def _inspect(self, request: Request, body: Any) -> Any:
        return self._server.app.inspect(dict(request.query))

    def _clock(self, request: Request, body: Any) -> Any:
        now = self._server.app.store.clock.now()
        return {"now": datetime.fromtimestamp(now, UTC).isoformat()}

    def _set_clock(self, request: Request, body: Any) -> Any:
        clock = self._server.app.store.clock
        data = _mapping(body)
        if data.get("reset"):
            clock.reset()
        if data.get("freeze"):
            moment = datetime.fromisoformat(str(data["freeze"]))
            if moment.tzinfo is None:
                raise ControlError("freeze needs an offset, for instance 2026-11-21T19:00:00+00:00")
            clock.freeze(moment.timestamp())
        clock.advance(float(data.get("advance", 0)))
        return self._clock(request, body)

    def _latency(self, request: Request, body: Any) -> Any:
        server = self._server
        return {
            "request_ms": server.latency.request_ms,
            "item_ms": server.latency.item_ms,
            "max_connections": server.gate.limit,
        }

    def _set_latency(self, request: Request, body: Any) -> Any:
        data = _mapping(body)
        server = self._server
        server.latency.request_ms = float(data.get("request_ms", server.latency.request_ms))
        server.latency.item_ms = float(data.get("item_ms", server.latency.item_ms))
        server.gate.limit = int(data.get("max_connections", server.gate.limit))
        return self._latency(request, body)

    def _mutate(self, request: Request, body: Any) -> Any:
        data = _mapping(body)
        return self._server.app.mutate(str(data.get("op", "")), data)

    def _save(self, request: Request, body: Any) -> Any:
        return {"rows_written": self._server.app.store.flush()}


def _mapping(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ControlError("the body must be a JSON object")
    return body
