"""A call as the route handlers see it, their answers, links, paging and the choice of fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connectors.sandbox.httpd import Request
from connectors.sandbox.woocommerce import php

if TYPE_CHECKING:
    from connectors.sandbox.woocommerce.app import WooCommerceApp
    from connectors.sandbox.woocommerce.auth import User
    from connectors.sandbox.woocommerce.store import WooStore

API = "/wp-json/wc/v3"
ITEM_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(slots=True)
class Reply:
    """What a handler answers with.

    `listed` says that `data` is a list of resources, `gone` that nobody may do anything with the resource any more (the
    shop then names no allowed methods), `allow` that only these methods may be used on it.
    """

    data: Any
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    listed: bool = False
    gone: bool = False
    allow: tuple[str, ...] | None = None


@dataclass(slots=True)
class Call:
    """One API call: merged parameters plus their sources."""

    app: WooCommerceApp
    request: Request
    method: str
    route: str
    params: dict[str, Any]
    query: dict[str, Any]
    body: Any
    user: User | None
    given: frozenset[str] = frozenset()
    in_batch: bool = False

    @property
    def store(self) -> WooStore:
        """The shop's data."""
        return self.app.store

    @property
    def home(self) -> str:
        """Address of the shop as it believes it, without a trailing slash."""
        return self.request.origin

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, None counting as absent."""
        value = self.params.get(name)
        return default if value is None else value

    def has(self, name: str) -> bool:
        """Whether the client sent the parameter (null included)."""
        return name in self.given

    def number(self, name: str, default: int = 0) -> int:
        """A parameter as an integer."""
        return php.intval(self.get(name, default))

    def flag(self, name: str) -> bool | None:
        """A boolean parameter, None when absent."""
        value = self.params.get(name)
        return None if value is None else php.truthy(value)

    def items(self, name: str) -> list[Any]:
        """A list parameter."""
        return php.to_list(self.params.get(name))

    def integers(self, name: str) -> list[int]:
        """A list parameter of ids."""
        return [php.intval(value) for value in self.items(name)]

    @property
    def force(self) -> bool:
        """Whether a delete is for good."""
        return php.truthy(self.get("force", False))

    @property
    def editing(self) -> bool:
        """Whether the raw values are shown (answers to writes, `context=edit`)."""
        return self.method in {"POST", "PUT", "PATCH"} or self.get("context") == "edit"

    def fields(self) -> list[str] | None:
        """The fields asked for with `_fields`, None for all."""
        raw = self.query.get("_fields")
        return None if raw in (None, "", []) else [str(name).strip() for name in php.to_list(raw)]

    def url(self, path: str) -> str:
        """Absolute address of an API path."""
        return f"{self.home}{API}{path}"


def links(call: Call, path: str, collection: str, allow: Sequence[str] = ITEM_METHODS, **more: str) -> dict[str, Any]:
    """The `_links` of a resource."""
    result: dict[str, Any] = {
        "self": [{"href": call.url(path), "targetHints": {"allow": list(allow)}}],
        "collection": [{"href": call.url(collection)}],
    }
    for name, target in more.items():
        result[name] = [{"href": call.url(target)}]
    return result


def created(call: Call, path: str, data: Any) -> Reply:
    """201 with the address of the new resource."""
    return Reply(data, 201, [("Location", call.url(path))])


def page_of(call: Call, total: int) -> tuple[int, int]:
    """First and last row (exclusive) of the page asked for."""
    per_page = max(call.number("per_page", 10), 1)
    offset = call.params.get("offset")
    page = max(call.number("page", 1), 1)
    if "page" in ignored_params(call):
        page = 1
    start = php.intval(offset) if offset not in (None, "") else (page - 1) * per_page
    return start, min(start + per_page, total)


def ignored_params(call: Call) -> frozenset[str]:
    """Parameters that a fault makes the shop blind to."""
    rule = call.request.fired("ignore_param")
    return frozenset(str(name) for name in rule.params.get("params", [])) if rule else frozenset()


def paged(call: Call, rows: Sequence[Any], show: Callable[[Any], Any], extra: dict[str, Any] | None = None) -> Reply:
    """One page of the rows with its headers; past the end an empty page that counts nothing (recorded)."""
    start, stop = page_of(call, len(rows))
    shown = [show(row) for row in rows[start:stop]]
    total = len(rows) if start < len(rows) else 0
    return listing(call, _truncated(call, shown), total, extra)


def _truncated(call: Call, shown: list[Any]) -> list[Any]:
    rule = call.request.fired("truncate")
    if rule is None:
        return shown
    if "keep" in rule.params:
        return shown[: int(rule.params["keep"])]
    return shown[: max(len(shown) - int(rule.params.get("drop", 1)), 0)]


def listing(call: Call, shown: list[Any], total: int, extra: dict[str, Any] | None = None) -> Reply:
    """A paged list with total, number of pages and neighbours."""
    per_page = max(call.number("per_page", 10), 1)
    pages = -(-total // per_page)
    headers = [("X-WP-Total", str(total)), ("X-WP-TotalPages", str(pages))]
    neighbours = _neighbours(call, pages, extra or {})
    if neighbours:
        headers.append(("Link", ", ".join(neighbours)))
    return Reply(shown, 200, headers, listed=True)


def _neighbours(call: Call, pages: int, extra: dict[str, Any]) -> list[str]:
    page = max(call.number("page", 1), 1)
    base = {key: call.params.get(key, value) for key, value in call.query.items() if not key.startswith("oauth_")}
    for name in ("consumer_key", "consumer_secret"):
        base.pop(name, None)
    base |= {key: value for key, value in extra.items() if key not in base}
    address = f"{call.home}{call.request.path.rstrip('/')}"
    found = []
    if page > 1:
        previous = min(page - 1, pages)
        found.append(f'<{address}?{php.build_query({**base, "page": previous})}>; rel="prev"')
    if pages > page:
        found.append(f'<{address}?{php.build_query({**base, "page": page + 1})}>; rel="next"')
    return found


def unpaged(rows: list[Any], *, total: bool = True) -> Reply:
    """A list that is never cut into pages."""
    headers = [("X-WP-Total", str(len(rows))), ("X-WP-TotalPages", "1")] if total else []
    return Reply(rows, 200, headers, listed=True)


def pick(data: Any, fields: list[str]) -> Any:
    """Only the fields asked for; `a.b` reaches into objects, and empties lists of objects (recorded on batches)."""
    if not isinstance(data, dict):
        return data
    result: dict[str, Any] = {}
    for name in fields:
        head, _, tail = name.partition(".")
        if head not in data:
            continue
        if not tail:
            result[head] = data[head]
        elif isinstance(data[head], dict):
            inner = pick(data[head], [tail])
            result[head] = {**result.get(head, {}), **inner} if isinstance(result.get(head), dict) else inner
        else:
            result[head] = []
    return {key: result[key] for key in data if key in result}


def apply_fields(call: Call, reply: Reply) -> Any:
    """The answer cut down to `_fields`: lists lose their links, single resources keep them."""
    fields = call.fields()
    if fields is None:
        return reply.data
    if reply.listed and isinstance(reply.data, list):
        return [pick(row, fields) for row in reply.data]
    shown = pick(reply.data, fields)
    if isinstance(reply.data, dict) and "_links" in reply.data:
        shown["_links"] = reply.data["_links"]
    return shown
