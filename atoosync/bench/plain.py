"""The clients the export is compared with: loops over the public package ``woocommerce``."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from atoosync.bench.site import BenchFailed, Shop

Body = dict[str, Any]
TIMEOUT = 120
PAGE = 100
KEPT = (
    "name", "type", "status", "description", "short_description", "sku", "regular_price", "tax_class", "manage_stock",
    "stock_quantity", "weight", "dimensions", "global_unique_id", "categories", "attributes", "meta_data",
)  # fmt: skip
"""Fields of a product of the shop that a create may send."""


def client(shop: Shop) -> Any:
    """A client of the package. Raises :class:`BenchFailed` when it is not installed."""
    try:
        package = importlib.import_module("woocommerce")
    except ImportError:
        raise BenchFailed("the package « woocommerce » is not installed: it comes with requirements-dev.txt") from None
    return package.API(url=shop.url, consumer_key=shop.key, consumer_secret=shop.secret, timeout=TIMEOUT)


def exported(shop: Shop, count: int) -> list[Body]:
    """The first ``count`` products of the shop in the form in which they were sent to it."""
    api = client(shop)
    found: list[Body] = []
    for page in range(1, -(-count // PAGE) + 1):
        rows = _answered(api.get("products", params={"per_page": PAGE, "page": page, "orderby": "id", "order": "asc"}))
        found += [{name: row[name] for name in KEPT if row.get(name) not in (None, "", [], {})} for row in rows]
    return found[:count]


def renamed(bodies: Iterable[Body], prefix: str) -> list[Body]:
    """The same products under other references, so that the shop takes them as new ones."""
    return [{**_without_barcode(body), "sku": f"{prefix}{body['sku']}"} for body in bodies]


def one_by_one(shop: Shop, bodies: Sequence[Body]) -> float:
    """Seconds to create these products with one call each, one after the other."""
    api = client(shop)
    return _timed(lambda: [_answered(api.post("products", body)) for body in bodies])


def batch_by_batch(shop: Shop, bodies: Sequence[Body]) -> float:
    """Seconds to create these products by the batch route, 100 at a time, one call after the other."""
    api = client(shop)
    return _timed(lambda: list(map(partial(_batch, api), _chunks(bodies))))


def side_by_side(shop: Shop, bodies: Sequence[Body], *, connections: int) -> float:
    """Seconds to create these products by the batch route, ``connections`` calls at once: what the shop can take."""
    api = client(shop)
    with ThreadPoolExecutor(max_workers=connections) as threads:
        return _timed(lambda: list(threads.map(partial(_batch, api), _chunks(bodies))))


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _batch(api: Any, bodies: Sequence[Body]) -> None:
    answer = _answered(api.post("products/batch", {"create": list(bodies)}))
    bad = [row for row in answer["create"] if row.get("error")]
    if bad:
        raise BenchFailed(f"the plain client's batch had {len(bad)} refused items: {bad[0]['error']}")


def _answered(answer: Any) -> Any:
    if answer.status_code >= 300:
        raise BenchFailed(f"the plain client got {answer.status_code}: {answer.text[:200]}")
    return answer.json()


def _without_barcode(body: Body) -> Body:
    return {name: value for name, value in body.items() if name != "global_unique_id"}


def _chunks(bodies: Sequence[Body]) -> Iterator[Sequence[Body]]:
    for start in range(0, len(bodies), PAGE):
        yield bodies[start : start + PAGE]
