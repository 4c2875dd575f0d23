"""Names of what is synchronised, and references between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Which end of a profile a connector stands at."""

    ERP = "erp"
    SHOP = "shop"


class Entity(StrEnum):
    """Kinds of objects that links join.

    A medium is a file of the shop's library, whose key is the digest of its content; a picture is the use of one by one
    product.
    """

    CATEGORY = "category"
    PRODUCT = "product"
    VARIANT = "variant"
    CUSTOMER = "customer"
    ORDER = "order"
    MEDIA = "media"
    PICTURE = "picture"


class Aspect(StrEnum):
    """What a flow compares and sends of an entity; each has its own hash, so flows never undo each other."""

    DATA = "data"
    STOCK = "stock"
    PRICE = "price"
    STATE = "state"
    PICTURES = "pictures"
    MARK = "mark"
    STATUS = "status"
    TRACKING = "tracking"
    DOCUMENT = "document"
    DELIVERY = "delivery"
    QUOTE = "quote"


class Direction(StrEnum):
    """Which way a flow writes, hence which of the two unit counters it spends."""

    EXPORT = "export"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to one object of the ERP by entity and key."""

    entity: Entity
    key: str


def variant_key(product_key: str, *range_values: int | str) -> str:
    """Key of a variant: the product's key and the ids of its range values, joined by ``#``.

    A product without ranges has one variant with the same key as the product. Zero and empty values are left out
    (Sage: ``AG_No2 = 0`` with a single range).
    """
    values = [str(value) for value in range_values if value not in (0, "", "0")]
    return "#".join([product_key, *values])
