"""What a flow asks of a reader, in words every ERP shares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class StockFigure(StrEnum):
    """Which stock figure to read (STK-01)."""

    REAL = "real"
    FORECAST = "forecast"
    AVAILABLE = "available"


class CategorySource(StrEnum):
    """What the category tree is built from (CAT-07)."""

    CATALOGUE = "catalogue"
    FAMILIES = "families"
    FIELDS = "fields"
    NONE = "none"


class WeightSource(StrEnum):
    """Which weight an article's ``weight`` is taken from (CAT-10)."""

    NET = "net"
    GROSS = "gross"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Filters and choices of a flow. Empty values mean the ERP's own default.

    ``expression``: one condition in the ERP's own language (CAT-05); the reader refuses anything else with
    ``Misconfigured``. ``warehouses``, ``price_category`` and ``accounting_category`` are keys of reference lists.
    ``category_fields``: up to six field names, top level first. ``with_price`` and ``with_stock`` ask a reader of
    articles to fill the variants' ``price`` and ``stock`` (needed to create them in a shop). ``with_expected`` asks for
    the next delivery besides every quantity; without it the ERP's purchases are not read.

    Orders: ``statuses`` are the shop's (empty: all but drafts), ``created_after`` counts from that instant on,
    ``created_before`` ends just before it, ``include_transferred`` also gives orders that bear our transfer mark. For
    customers ``created_after`` is the date since which an order makes a customer more than a prospect.
    ``tracking_field``: field of documents that holds the parcel number. ``least_advanced``: the least advanced
    of several documents of an order says how far it is, otherwise the most advanced.
    """

    expression: str = ""
    published_only: bool = True
    include_dormant: bool = False
    warehouses: tuple[str, ...] = ()
    stock_figure: StockFigure = StockFigure.REAL
    price_category: str = ""
    accounting_category: str = ""
    category_source: CategorySource = CategorySource.CATALOGUE
    category_fields: tuple[str, ...] = ()
    weight_source: WeightSource = WeightSource.NET
    with_price: bool = False
    with_stock: bool = False
    with_expected: bool = False
    statuses: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    include_transferred: bool = False
    tracking_field: str = ""
    least_advanced: bool = True
