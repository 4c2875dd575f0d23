"""Categories and articles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from connectors.canonical.base import Record, part
from connectors.canonical.prices import BasePrice
from connectors.canonical.stock import StockLevel
from connectors.canonical.values import LocalizedText, TaxRate

PARTS: tuple[str, ...] = (
    "name", "description", "summary", "seo", "slug", "price", "quantity", "weight", "dimensions", "barcode", "brand",
    "features", "categories", "tax", "state",
)  # fmt: skip
"""Parts of an article that CAT-09 can switch on and off, one by one."""


class ProductKind(StrEnum):
    """What an article is in the ERP."""

    STANDARD = "standard"
    KIT = "kit"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Category(Record):
    """A node of the category tree. ``parent`` is the key of its parent, empty at the top; ``level`` starts at 1."""

    key: str
    name: LocalizedText
    parent: str = ""
    level: int = 1
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A named characteristic of an article with one or several values."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A range («gamme») of an article: its name and its values in the order of the ERP."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimensions:
    """Outer size in centimetres."""

    width: Decimal | None = None
    height: Decimal | None = None
    depth: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(Record):
    """What is sold: one stock figure, one reference, one bar code.

    A plain article has exactly one variant with the article's own key and no ``options``. ``weight`` is in
    kilograms. ``options`` pairs each axis name with the value's name.
    """

    key: str
    reference: str
    options: tuple[tuple[str, str], ...] = ()
    active: bool = part("state", True)
    barcode: str = part("barcode", "")
    weight: Decimal | None = part("weight", None)
    price: BasePrice | None = part("price", None)
    stock: StockLevel | None = part("quantity", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Record):
    """An article with its variants, in the ERP's terms when read and in the shop's terms once mapped.

    ``fields`` holds every standard and custom field of the ERP row as text, for the text mapping (CAT-02); mapped
    products leave it empty so that unrelated columns never change the hash. ``categories`` holds category keys, the
    last one being the default category; ``shop_categories`` are ids or names of further categories in the shop itself.
    ``tax_class`` is the shop's tax class, filled by the mapping.
    """

    key: str
    reference: str
    kind: ProductKind = ProductKind.STANDARD
    axes: tuple[Axis, ...] = ()
    variants: tuple[Variant, ...] = ()
    active: bool = part("state", True)
    name: LocalizedText = part("name", factory=dict)
    description: LocalizedText = part("description", factory=dict)
    summary: LocalizedText = part("summary", factory=dict)
    seo_title: LocalizedText = part("seo", factory=dict)
    seo_description: LocalizedText = part("seo", factory=dict)
    seo_keywords: LocalizedText = part("seo", factory=dict)
    slug: str = part("slug", "")
    categories: tuple[str, ...] = part("categories", ())
    shop_categories: tuple[str, ...] = part("categories", ())
    tax_class: str = part("tax", "")
    brand: str = part("brand", "")
    dimensions: Dimensions = part("dimensions", factory=Dimensions)
    features: tuple[Feature, ...] = part("features", ())
    # What only the ERP side knows; empty on a mapped product.
    tax: TaxRate | None = None
    published: bool = True
    dormant: bool = False
    family: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_variable(self) -> bool:
        """Whether a buyer must choose among variants."""
        return bool(self.axes)


class Inactive(StrEnum):
    """Why an article is not sold on the web."""

    DORMANT = "dormant"
    UNPUBLISHED = "unpublished"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductState(Record):
    """Whether an article is sold on the web, for «Activer ou désactiver les articles» (CAT-06)."""

    key: str
    reference: str
    active: bool
    reason: Inactive | None = None
