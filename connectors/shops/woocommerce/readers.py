"""Readers of what is in the shop: products for the first rapprochement and checks, quantities to verify them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Generic, TypeVar

from connectors.canonical.catalog import Axis, Category, Product, Variant
from connectors.canonical.prices import BasePrice
from connectors.canonical.stock import StockLevel
from connectors.canonical.values import Money
from connectors.core.paging import Position
from connectors.core.query import Query
from connectors.core.results import Cursor, Page
from connectors.shops.woocommerce.api import PAGE
from connectors.shops.woocommerce.marks import Mark
from connectors.shops.woocommerce.shop import Facts, Shop
from connectors.shops.woocommerce.text import decoded

Row = Mapping[str, Any]
Family = tuple[Row, Sequence[Row]]
R = TypeVar("R", Product, StockLevel, BasePrice)

_PRODUCT = "id,name,type,status,sku,attributes,meta_data"
_VARIATION = "id,sku,status,attributes,meta_data"
_STOCK = "manage_stock,stock_quantity"
_PRICE = "regular_price"
LIVING, TRASH = "any", "trash"


class _ProductsWalk(Generic[R]):
    """Walks products and, for variable ones, their variations (there is no list of all variations)."""

    own_fields = _PRODUCT
    child_fields = _VARIATION
    statuses: tuple[str, ...] = (LIVING,)

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def _records(self, row: Row, variations: Sequence[Row]) -> list[R]:
        raise NotImplementedError

    def pages(
        self, query: Query, *, since: Cursor | None = None, keys: Collection[str] | None = None
    ) -> Iterator[Page[R]]:
        """Everything in ascending order of id, or the products and variations of ``keys``.

        Keys are shop ids; a variation may be given as ``parent/id``, which spares a call. The cursor resumes after a
        page. Raises ``PagingBroken`` rather than return a short list.
        """
        if keys is not None:
            yield from self._by_keys(keys)
            return
        status, position = _resume(since)
        for kind in self.statuses[self.statuses.index(status) :]:
            wanted = {"status": kind, "_fields": self.own_fields}
            for step in self._shop.api.walk("products", wanted, start=position):
                cursor = Cursor(after=f"{kind}/{step.position.dumps()}")
                yield Page(self._all_records(step.rows), cursor, total=step.total)
            position = Position()

    def all_keys(self) -> Iterator[str]:
        """Ids of every living product."""
        for step in self._shop.api.walk("products", {"status": LIVING, "_fields": "id"}):
            yield from (str(row["id"]) for row in step.rows)

    def _all_records(self, rows: Sequence[Row]) -> tuple[R, ...]:
        return tuple(record for row, variations in self._families(rows) for record in self._records(row, variations))

    def _families(self, rows: Sequence[Row]) -> Iterator[Family]:
        parents = [int(row["id"]) for row in rows if row.get("type") == "variable"]
        with ThreadPoolExecutor(max_workers=min(4, self._shop.options.connections)) as pool:
            found = dict(zip(parents, pool.map(self._variations, parents), strict=True))
        for row in rows:
            yield row, found.get(int(row["id"]), ())

    def _variations(self, parent: int) -> list[Row]:
        return self._shop.api.every(f"products/{parent}/variations", {"_fields": self.child_fields})

    def _by_keys(self, keys: Collection[str]) -> Iterator[Page[R]]:
        plain = [key for key in dict.fromkeys(keys) if key.isdecimal()]
        nested: dict[int, list[str]] = {}
        for key in keys:
            parent, slash, child = key.partition("/")
            if slash and parent.isdecimal() and child.isdecimal():
                nested.setdefault(int(parent), []).append(child)
        for start in range(0, len(plain), PAGE):
            yield Page(self._plain(plain[start : start + PAGE], nested), Cursor())
        if nested:
            yield Page(self._nested(nested), Cursor())

    def _plain(self, keys: Sequence[str], nested: dict[int, list[str]]) -> tuple[R, ...]:
        """Records of plain ids; ids that turn out to be variations are added to ``nested`` under their parent."""
        rows: list[Row] = []
        for status in self.statuses:
            query = {"include": ",".join(keys), "status": status, "_fields": self.own_fields}
            rows += self._shop.api.every("products", query)
        known = {str(row["id"]) for row in rows}
        for key in keys:
            if key not in known:
                parent = self._parent_of(key)
                if parent:
                    nested.setdefault(parent, []).append(key)
        return self._all_records(rows)

    def _parent_of(self, key: str) -> int:
        answer = self._shop.api.client.request(
            "GET", self._shop.api.url(f"wc/v3/products/{key}", {"_fields": "id,parent_id,type"})
        )
        row = answer.json() if answer.status == 200 else {}
        return int(row.get("parent_id") or 0) if row.get("type") == "variation" else 0

    def _nested(self, nested: Mapping[int, Sequence[str]]) -> tuple[R, ...]:
        records: list[R] = []
        rows = self._shop.api.every("products", {"include": ",".join(map(str, nested)), "_fields": self.own_fields})
        for row in rows:
            wanted = set(nested[int(row["id"])])
            variations = [item for item in self._variations(int(row["id"])) if str(item["id"]) in wanted]
            records += self._records(row, variations)
        return tuple(records)


class ProductReader(_ProductsWalk[Product]):
    """Products as they are: key = shop id, reference = sku, ``fields`` with status, type and our mark.

    Those of the trash come last with status ``trash``: they still block their reference.
    """

    statuses = (LIVING, TRASH)

    def _records(self, row: Row, variations: Sequence[Row]) -> list[Product]:
        mark = Mark.parse(row.get("meta_data"))
        key, sku = str(row["id"]), decoded(row.get("sku"))
        status = str(row.get("status") or "")
        variable = row.get("type") == "variable"
        own = Variant(key=key, reference=sku, active=status == "publish")
        fields = {"status": status, "type": str(row.get("type") or ""), "sku": sku, "erp_key": mark.key}
        return [
            Product(
                key=key,
                reference=sku,
                name={"": decoded(row.get("name"))},
                active=status == "publish",
                axes=_axes(row) if variable else (),
                variants=tuple(_variant(item, sku) for item in variations) if variable else (own,),
                fields=fields,
            )
        ]


class _LevelsWalk(_ProductsWalk[R]):
    """A walk whose records are variants: variations in place of their parents."""

    def all_keys(self) -> Iterator[str]:
        """Ids of every plain product and every variation."""
        for page in self.pages(Query()):
            yield from (record.key for record in page.records)


class StockReader(_LevelsWalk[StockLevel]):
    """Quantities as the shop shows them; ``None`` where the shop does not track stock."""

    own_fields = f"id,type,sku,{_STOCK}"
    child_fields = f"id,sku,{_STOCK}"

    def _records(self, row: Row, variations: Sequence[Row]) -> list[StockLevel]:
        if row.get("type") != "variable":
            return [_stock(row, str(row["id"]))]
        return [_stock(item, str(row["id"])) for item in variations]


class PriceReader(_LevelsWalk[BasePrice]):
    """Regular prices as typed in the shop; products without a price are left out."""

    own_fields = f"id,type,sku,{_PRICE}"
    child_fields = f"id,sku,{_PRICE}"

    def _records(self, row: Row, variations: Sequence[Row]) -> list[BasePrice]:
        items = variations if row.get("type") == "variable" else [row]
        facts = self._shop.facts
        return [_price(item, str(row["id"]), facts) for item in items if str(item.get("regular_price") or "").strip()]


class CategoryReader:
    """The category tree of the shop: key and parent are shop ids."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def pages(
        self, query: Query, *, since: Cursor | None = None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Category]]:
        """All categories, parents before children; ``keys`` limits them. One page."""
        rows = self._shop.api.every("products/categories", {"_fields": "id,name,parent,menu_order"})
        parents = {int(row["id"]): int(row.get("parent") or 0) for row in rows}
        wanted = None if keys is None else set(keys)
        records = [
            Category(
                key=str(row["id"]),
                name={"": decoded(row["name"])},
                parent=str(row["parent"]) if row.get("parent") else "",
                level=_level(int(row["id"]), parents.get),
                position=int(row.get("menu_order") or 0),
            )
            for row in rows
            if wanted is None or str(row["id"]) in wanted
        ]
        records.sort(key=lambda record: record.level)
        yield Page(tuple(records), Cursor(), total=len(records))

    def all_keys(self) -> Iterator[str]:
        """Ids of every category."""
        for step in self._shop.api.walk("products/categories", {"_fields": "id"}):
            yield from (str(row["id"]) for row in step.rows)


def _level(number: int, parent_of: Callable[[int], int | None]) -> int:
    level = 1
    parent = parent_of(number)
    while parent and level < 50:
        level += 1
        parent = parent_of(parent)
    return level


def _resume(since: Cursor | None) -> tuple[str, Position]:
    status, _, position = (since.after if since else "").partition("/")
    return status or LIVING, Position.loads(position)


def _axes(row: Row) -> tuple[Axis, ...]:
    return tuple(
        Axis(name=decoded(item.get("name")), values=tuple(decoded(value) for value in item.get("options") or ()))
        for item in row.get("attributes") or ()
        if item.get("variation")
    )


def _variant(row: Row, parent_sku: str) -> Variant:
    sku = decoded(row.get("sku"))
    options = tuple((decoded(item.get("name")), decoded(item.get("option"))) for item in row.get("attributes") or ())
    # A variation without a reference of its own shows its parent's (recorded).
    reference = "" if sku == parent_sku else sku
    return Variant(key=str(row["id"]), reference=reference, options=options, active=row.get("status") == "publish")


def _stock(row: Row, product_key: str) -> StockLevel:
    managed = row.get("manage_stock") in (True, "parent") and row.get("stock_quantity") is not None
    quantity = Decimal(str(row["stock_quantity"])) if managed else None
    return StockLevel(key=str(row["id"]), product_key=product_key, reference=decoded(row.get("sku")), quantity=quantity)


def _price(row: Row, product_key: str, facts: Facts) -> BasePrice:
    money = Money(Decimal(str(row["regular_price"])), facts.currency, facts.basis)
    return BasePrice(key=str(row["id"]), product_key=product_key, reference=decoded(row.get("sku")), price=money)
