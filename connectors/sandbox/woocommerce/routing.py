"""The route table: patterns and argument lists come from the recorded route index, handlers register themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from connectors.sandbox.woocommerce.wire import Call, Reply

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
Handler = Callable[[Call], Reply]
_EDIT = ("POST", "PUT", "PATCH")


@cache
def seed(name: str) -> Any:
    """A seed file of this stand-in, read once."""
    return json.loads((SEEDS / f"woocommerce_{name}.json").read_text(encoding="utf-8"))


@dataclass(slots=True)
class Endpoint:
    """One entry of a route: methods sharing an argument list."""

    methods: list[str]
    args: dict[str, dict[str, Any]]


class Route:
    """One pattern with its endpoints and handlers."""

    def __init__(self, path: str, endpoints: list[Endpoint]) -> None:
        self.path = path
        self.endpoints = endpoints
        self.pattern = re.compile(path + r"/?$", re.IGNORECASE)
        self.handlers: dict[str, Handler] = {}
        self.label = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", path).removeprefix("/wc/v3").strip("/") or "index"

    @property
    def methods(self) -> list[str]:
        """All methods, in the order of the index."""
        return [method for endpoint in self.endpoints for method in endpoint.methods]

    def args(self, method: str) -> dict[str, dict[str, Any]]:
        """Argument list of a method."""
        return next((endpoint.args for endpoint in self.endpoints if method in endpoint.methods), {})


class Routes:
    """All routes of the API."""

    def __init__(self) -> None:
        data = seed("routes")
        currencies = [row[0] for row in seed("places")["currencies"]]
        pool = [_expanded(argument, currencies) for argument in data["arguments"]]
        self.by_path: dict[str, Route] = {}
        for path, endpoints in data["routes"].items():
            self.add(path, [Endpoint(m, {n: pool[i] for n, i in args.items()}) for m, args in endpoints])

    def add(self, path: str, endpoints: list[Endpoint]) -> Route:
        """Add a route that the index does not have."""
        route = self.by_path[path] = Route(path, endpoints)
        return route

    def find(self, path: str) -> tuple[Route, dict[str, str]] | None:
        """The first route whose pattern matches, with the parts of the address."""
        if path.lower().startswith("/wc/v2/"):
            # The old version still answers; on the routes in use its shape differs only in details.
            path = "/wc/v3/" + path[7:]
        for route in self.by_path.values():
            match = route.pattern.match(path)
            if match:
                return route, match.groupdict()
        return None

    def register(self, path: str, **handlers: Handler | None) -> None:
        """Bind handlers: `get`, `create` (POST), `edit` (POST, PUT, PATCH), `delete`, `put`."""
        route = self.by_path[path]
        names = {"get": ("GET",), "create": ("POST",), "edit": _EDIT, "delete": ("DELETE",)}
        for name, handler in handlers.items():
            for method in names[name]:
                if handler is not None:
                    route.handlers[method] = handler


def _expanded(argument: dict[str, Any], currencies: list[str]) -> dict[str, Any]:
    return {**argument, "enum": currencies} if argument.get("enum") == "currencies" else argument


def resource(collection: str, item: str = r"(?P<id>[\d]+)") -> tuple[str, str, str]:
    """The three paths of a resource: collection, item and batch."""
    return f"/wc/v3/{collection}", f"/wc/v3/{collection}/{item}", f"/wc/v3/{collection}/batch"
