"""Rows of the shop that come in large numbers; the rare ones are plain JSON objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Product:
    """A product or a variation. Everything seldom set lives in `extra`, so that 200,000 of them stay affordable."""

    id: int
    kind: str = "simple"
    parent: int = 0
    status: str = "publish"
    name: str = ""
    slug: str = ""
    sku: str = ""
    gtin: str = ""
    regular: str = ""
    sale: str = ""
    tax_class: str = ""
    managed: bool = False
    stock: int | None = None
    stock_status: str = "instock"
    created: int = 0
    modified: int = 0
    categories: list[int] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def is_variation(self) -> bool:
        """Whether it lives under `/products/{parent}/variations`."""
        return self.kind == "variation"

    @property
    def listed(self) -> bool:
        """Whether the default product list shows it."""
        return not self.is_variation and self.status not in {"trash", "auto-draft"}

    def get(self, key: str, default: Any = None) -> Any:
        """One of the seldom set values."""
        return self.extra.get(key, default)

    def set(self, key: str, value: Any, default: Any = None) -> None:
        """Set a seldom set value; the default is not stored."""
        if value == default:
            self.extra.pop(key, None)
        else:
            self.extra[key] = value


@dataclass(slots=True)
class Term:
    """A category, tag, brand, shipping class or attribute value; `taxonomy` says which."""

    id: int
    taxonomy: str
    name: str
    slug: str
    parent: int = 0
    description: str = ""
    menu_order: int = 0
    display: str = "default"
    image: dict[str, Any] | None = None


@dataclass(slots=True)
class Media:
    """A file of the media library. `origin` is the address it was announced under; nothing is ever fetched."""

    id: int
    path: str
    name: str
    alt: str = ""
    created: int = 0
    parent: int | None = None
    origin: str = ""
    mime: str = "image/png"
    content: str = ""
    slug: str = ""
