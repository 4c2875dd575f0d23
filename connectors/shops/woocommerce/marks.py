"""Our own mark on products and variations: one hidden meta entry that says whose they are and what we wrote last.

It lets a repeated create recognise its own object, and an update tell our categories and attributes from foreign ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

META_KEY = "_atoosync"
EMPTY_KEY = "_atoosync_empty"
"""Says on a product that it was taken off sale for lack of stock: only such a one is put back on sale (STK-04)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """``key``: ERP key. ``token``: of the create. ``categories``, ``features`` and ``brands``: what we set last."""

    key: str = ""
    token: str = ""
    categories: tuple[int, ...] = ()
    features: tuple[str, ...] = ()
    brands: tuple[int, ...] = ()

    @classmethod
    def parse(cls, meta_data: Any) -> Mark:
        """Reads the entry out of ``meta_data``; anything unreadable is an empty mark."""
        value = meta_value(meta_data, META_KEY)
        if not isinstance(value, Mapping):
            return cls()
        return cls(
            key=str(value.get("key") or ""),
            token=str(value.get("made_by") or ""),
            categories=_ids(value.get("categories")),
            features=tuple(str(name) for name in _items(value.get("features"))),
            brands=_ids(value.get("brands")),
        )

    def entry(self) -> dict[str, Any]:
        """The meta entry to send. An object: objects and lists come back as they went (recorded)."""
        value: dict[str, Any] = {"key": self.key}
        if self.token:
            value["made_by"] = self.token
        if self.categories:
            value["categories"] = list(self.categories)
        if self.features:
            value["features"] = list(self.features)
        if self.brands:
            value["brands"] = list(self.brands)
        return {"key": META_KEY, "value": value}

    def belongs_to(self, key: str) -> bool:
        """Whether nobody else claims the object."""
        return not self.key or self.key == key


def empty_entry(empty: bool) -> dict[str, str]:
    """The meta entry that says, or says no more, that a product is off sale for lack of stock."""
    return {"key": EMPTY_KEY, "value": "yes" if empty else ""}


def meta_value(meta_data: Any, key: str) -> Any:
    """Value of a meta entry, ``None`` when absent."""
    for entry in meta_data if isinstance(meta_data, list | tuple) else ():
        if isinstance(entry, Mapping) and entry.get("key") == key:
            return entry.get("value")
    return None


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else ()


def _ids(value: Any) -> tuple[int, ...]:
    return tuple(int(item) for item in _items(value) if str(item).isdecimal())
