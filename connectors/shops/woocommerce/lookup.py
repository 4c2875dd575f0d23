"""Finding products by our own reference, exactly, in the trash too; and waiting for a shop that is still at work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from connectors.core.ratelimit import Throttle
from connectors.shops.woocommerce.api import PAGE, WooApi
from connectors.shops.woocommerce.marks import Mark

FIELDS = "id,parent_id,type,sku,name,status,meta_data"
QUERY_LENGTH_MAX = 1500


@dataclass(frozen=True, slots=True)
class Holder:
    """A product or variation that bears a reference."""

    id: int
    sku: str
    name: str = ""
    type: str = "simple"
    parent_id: int = 0
    status: str = "publish"
    mark: Mark = field(default_factory=Mark)

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> Holder:
        """Reads a row of ``/products``."""
        return cls(
            id=int(row["id"]),
            sku=str(row.get("sku") or ""),
            name=str(row.get("name") or ""),
            type=str(row.get("type") or "simple"),
            parent_id=int(row.get("parent_id") or 0),
            status=str(row.get("status") or ""),
            mark=Mark.parse(row.get("meta_data")),
        )

    @property
    def trashed(self) -> bool:
        """Whether it sits in the trash, where it still blocks its reference."""
        return self.status == "trash"


def by_sku(api: WooApi, skus: Iterable[str], *, trash: bool = True) -> dict[str, list[Holder]]:
    """Who bears each reference, letter case included; several when the shop has duplicates, the oldest first.

    The shop compares without case, so the answer is filtered. Objects of the trash are looked for only for
    references found nowhere else.
    """
    wanted = [sku for sku in dict.fromkeys(skus) if sku]
    found = _collect(api, wanted, {})
    missing = [sku for sku in wanted if sku not in found]
    if trash and missing:
        found.update(_collect(api, missing, {"status": "trash"}))
    return found


def _collect(api: WooApi, skus: Sequence[str], query: Mapping[str, str]) -> dict[str, list[Holder]]:
    wanted = set(skus)
    found: dict[str, list[Holder]] = {}
    for chunk in _chunks(skus):
        rows = api.every("products", {**query, "sku": ",".join(chunk), "_fields": FIELDS})
        for holder in map(Holder.parse, rows):
            if holder.sku in wanted:
                found.setdefault(holder.sku, []).append(holder)
    return found


def _chunks(skus: Sequence[str]) -> Iterator[list[str]]:
    """References per call: a comma in one makes it go alone (the parameter is a list, but the whole is tried too)."""
    chunk: list[str] = []
    length = 0
    for sku in skus:
        if "," in sku:
            yield [sku]
            continue
        written = len(quote(sku, safe="")) + len("%2C")
        if chunk and (len(chunk) >= PAGE or length + written > QUERY_LENGTH_MAX):
            yield chunk
            chunk, length = [], 0
        chunk.append(sku)
        length += written
    if chunk:
        yield chunk


def settled(look: Callable[[], int], complete: int, throttle: Throttle, quiet_seconds: float) -> None:
    """Looks again and again until ``complete`` things are there or nothing new came for ``quiet_seconds``.

    A shop goes on working after its client has left (recorded: 11 of 60 products right after the cut, all 60 eight
    seconds later), so a first look proves nothing. Raises ``RunStopped``.
    """
    seen = look()
    quiet_since = time.monotonic()
    while seen < complete and time.monotonic() - quiet_since < quiet_seconds:
        throttle.sleep(quiet_seconds / 4)
        now = look()
        if now > seen:
            seen, quiet_since = now, time.monotonic()
