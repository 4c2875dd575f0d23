"""In-memory connectors behind the real ports, for tests of the engine: they refuse, drop and fail on demand."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import SecretStr

from connectors.canonical.base import canonical_form, differences
from connectors.canonical.catalog import Category, Inactive, Product, ProductState
from connectors.canonical.keys import Aspect, Entity, Side
from connectors.core.capabilities import Capability, Changes, Verb
from connectors.core.options import OptionsSection, option
from connectors.core.ports import Runtime
from connectors.core.problems import ItemRefused, NotSupported, Problem, Transient
from connectors.core.query import Query
from connectors.core.results import (
    Action,
    CheckReport,
    Choice,
    Cursor,
    Found,
    ItemResult,
    Outbound,
    Outcome,
    Page,
)
from connectors.core.spec import ConnectorSpec


class FakeOptions(OptionsSection):
    """Options of both fakes: a world by name, and a secret to prove that it never leaks."""

    world: str = option("default", label="Monde", help="Nom du monde en mémoire.", group="Connexion")
    secret: SecretStr = option(SecretStr(""), label="Secret", help="Secret d’essai.", group="Connexion")


@dataclass
class World:
    """What both fakes hold; tests edit it directly."""

    products: dict[str, Product] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    categories: dict[str, Category] = field(default_factory=dict)
    clock: int = 0
    page_size: int = 10
    shop: dict[str, dict[str, Any]] = field(default_factory=dict)
    shop_categories: dict[str, Category] = field(default_factory=dict)
    created: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)
    calls: list[tuple[str, int]] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)
    before_send: Callable[[Sequence[Outbound[Any]]], None] = lambda batch: None
    after_item: Callable[[str], None] = lambda key: None
    gone: set[str] = field(default_factory=set)
    next_id: int = 100
    lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, *products: Product) -> None:
        """Writes articles into the ERP and stamps them as changed."""
        for product in products:
            self.clock += 1
            self.products[product.key] = product
            self.versions[product.key] = self.clock

    def by_sku(self, sku: str) -> list[str]:
        """Shop ids of the products with a SKU."""
        return [key for key, row in self.shop.items() if row["sku"] == sku]

    def new_id(self) -> str:
        """The next id of the shop."""
        self.next_id += 1
        return str(self.next_id)


_worlds: dict[str, World] = {}


def world(name: str = "default") -> World:
    """The world of that name, made on first use."""
    return _worlds.setdefault(name, World())


def reset() -> None:
    """Forgets every world."""
    _worlds.clear()


class _ErpReader:
    def __init__(self, state: World, entity: Entity, aspect: Aspect) -> None:
        self.state = state
        self.entity = entity
        self.aspect = aspect

    def all_keys(self) -> Iterator[str]:
        yield from list(self.state.products)

    def pages(
        self, query: Query, *, since: Cursor | None = None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Any]]:
        since = since or Cursor()
        until = since.until or str(self.state.clock)
        records = self._records(query, since, keys)
        records = [record for record in records if record.key > since.after] if since.after else records
        size = self.state.page_size
        for start in range(0, len(records), size):
            chunk = tuple(records[start : start + size])
            cursor = Cursor(since=since.since, until=until, after=chunk[-1].key)
            yield Page(records=chunk, cursor=cursor, total=len(records))
        if not records:
            yield Page(records=(), cursor=Cursor(since=since.since, until=until, after=since.after), total=0)

    def _records(self, query: Query, since: Cursor, keys: Collection[str] | None) -> list[Any]:
        if self.entity is Entity.CATEGORY:
            found = [one for one in self.state.categories.values() if keys is None or one.key in keys]
            return sorted(found, key=lambda one: (one.level, one.key))
        products = [self.state.products[key] for key in sorted(self.state.products)]
        if self.entity is Entity.VARIANT:
            return self._variants(products, keys)
        if keys is not None:
            products = [product for product in products if product.key in keys]
        elif since.since:
            products = [one for one in products if self.state.versions[one.key] > int(since.since)]
        if self.aspect is Aspect.STATE:
            return [_state_of(product) for product in products]
        return products

    def _variants(self, products: list[Product], keys: Collection[str] | None) -> list[Any]:
        name = "stock" if self.aspect is Aspect.STOCK else "price"
        values = [getattr(variant, name) for product in products for variant in product.variants]
        return [value for value in values if value is not None and (keys is None or value.key in keys)]


def _state_of(product: Product) -> ProductState:
    reason = Inactive.DORMANT if product.dormant else None if product.published else Inactive.UNPUBLISHED
    return ProductState(key=product.key, reference=product.reference, active=not reason, reason=reason)


class _ShopReader:
    def __init__(self, state: World) -> None:
        self.state = state

    def all_keys(self) -> Iterator[str]:
        yield from list(self.state.shop)

    def pages(
        self, query: Query, *, since: Cursor | None = None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Any]]:
        records = tuple(row["record"] for row in self.state.shop.values())
        yield Page(records=records, cursor=Cursor(), total=len(records))


class _ShopWriter:
    def __init__(self, state: World, entity: Entity, aspect: Aspect) -> None:
        self.state = state
        self.entity = entity
        self.aspect = aspect

    def find(self, batch: Sequence[Outbound[Any]]) -> Mapping[str, Found]:
        with self.state.lock:
            found = {}
            for item in batch:
                match = self._find(item.record)
                if match:
                    found[item.key] = match
            return found

    def _find(self, record: Any) -> Found | None:
        if isinstance(record, Category):
            same = [key for key, one in self.state.shop_categories.items() if one == record]
            return Found(same[0]) if same else None
        ids = self.state.by_sku(record.reference)
        return Found(ids[0], children=dict(self.state.shop[ids[0]]["children"])) if ids else None

    def send(self, batch: Sequence[Outbound[Any]]) -> Iterator[ItemResult]:
        self.state.calls.append((f"{self.entity}.{self.aspect}", len(batch)))
        self.state.before_send(batch)
        for item in batch:
            with self.state.lock:
                result = self._one(item)
            self.state.after_item(item.key)
            yield result

    def _one(self, item: Outbound[Any]) -> ItemResult:
        if item.key in self.state.refuse:
            problem = Problem("fake_refused", "La boutique refuse cet article.", "Corrigez-le.")
            return ItemResult(key=item.key, outcome=Outcome.REFUSED, problem=problem)
        if item.remote_key in self.state.gone:
            problem = Problem("gone", "L’article n’existe plus dans la boutique.", "")
            return ItemResult(key=item.key, outcome=Outcome.REFUSED, problem=problem, gone=True)
        self.state.written[item.key] += 1
        if isinstance(item.record, Category):
            return self._category(item)
        if isinstance(item.record, Product):
            return self._product(item)
        owner = self.state.shop[item.remote_parent or item.remote_key]
        owner.setdefault(self.aspect.value, {})[item.key] = item.record
        return ItemResult(key=item.key, outcome=Outcome.UPDATED, remote_key=item.remote_key, written=True)

    def _category(self, item: Outbound[Any]) -> ItemResult:
        key = item.remote_key or self.state.new_id()
        created = item.action is Action.CREATE
        self.state.shop_categories[key] = item.record
        self.state.created[item.key] += created
        outcome = Outcome.CREATED if created else Outcome.UPDATED
        return ItemResult(key=item.key, outcome=outcome, remote_key=key, written=True)

    def _product(self, item: Outbound[Any]) -> ItemResult:
        created = item.action is Action.CREATE
        key = self.state.new_id() if created else item.remote_key
        self.state.created[item.key] += created
        row = self.state.shop.setdefault(key, {"children": {}})
        for variant in item.record.variants:
            known = row["children"].get(variant.key)
            row["children"][variant.key] = known or (self.state.new_id() if item.record.axes else key)
        row |= {"sku": item.record.reference, "record": item.record, "references": dict(item.references)}
        outcome = Outcome.CREATED if created else Outcome.UPDATED
        return ItemResult(key=item.key, outcome=outcome, remote_key=key, children=dict(row["children"]), written=True)

    def compare(self, batch: Sequence[Outbound[Any]]) -> Mapping[str, Mapping[str, tuple[Any, Any]]]:
        changes = {}
        for item in batch:
            row = self.state.shop.get(item.remote_parent or item.remote_key, {})
            held = (
                row.get("record") if isinstance(item.record, Product) else row.get(self.aspect.value, {}).get(item.key)
            )
            old = canonical_form(held) if held is not None else {}
            changes[item.key] = differences(old, canonical_form(item.record))
        return changes

    def retire(self, batch: Sequence[Outbound[Any]]) -> Iterator[ItemResult]:
        yield from self.send(batch)


class _Connection:
    side: ClassVar[Side]

    def __init__(self, state: World) -> None:
        self.state = state

    def check(self) -> CheckReport:
        return CheckReport(items=())

    def choices(self, name: str) -> list[Choice]:
        return [Choice("a", "A"), Choice("b", "B")]

    def facts(self, *names: str) -> Mapping[str, str]:
        return {"currency": "EUR", "prices_include_tax": "no", "timezone": "UTC"}

    def close(self) -> None:
        return None


class FakeErp(_Connection):
    """The ERP side of a world."""

    def reader(self, entity: Entity, aspect: Aspect = Aspect.DATA) -> Any:
        """A reader of any declared entity and aspect."""
        return _ErpReader(self.state, entity, aspect)

    def writer(self, entity: Entity, aspect: Aspect = Aspect.DATA) -> Any:
        """Nothing is written to this ERP."""
        raise NotSupported(Problem("not_supported", "Cet ERP ne se laisse pas écrire."))


class FakeShop(_Connection):
    """The shop side of a world."""

    def reader(self, entity: Entity, aspect: Aspect = Aspect.DATA) -> Any:
        """A reader of the shop's products."""
        return _ShopReader(self.state)

    def writer(self, entity: Entity, aspect: Aspect = Aspect.DATA) -> Any:
        """A writer of any declared entity and aspect."""
        return _ShopWriter(self.state, entity, aspect)


def _opener(cls: type[_Connection]) -> Callable[[Any, Runtime], Any]:
    @contextmanager
    def opened(options: FakeOptions, runtime: Runtime) -> Iterator[_Connection]:
        yield cls(world(options.world))

    return opened


_ALL = (
    (Entity.CATEGORY, Aspect.DATA),
    (Entity.PRODUCT, Aspect.DATA),
    (Entity.PRODUCT, Aspect.STATE),
    (Entity.VARIANT, Aspect.STOCK),
    (Entity.VARIANT, Aspect.PRICE),
)


class _ErpOptions(FakeOptions):
    section: ClassVar[str] = "erp"
    title: ClassVar[str] = "ERP d’essai"


class _ShopOptions(FakeOptions):
    section: ClassVar[str] = "shop"
    title: ClassVar[str] = "Boutique d’essai"


ERP_SPEC = ConnectorSpec(
    key="fake_erp",
    label="ERP d’essai",
    side=Side.ERP,
    options=_ErpOptions,
    capabilities={pair: Capability(verbs=frozenset([Verb.READ]), changes=Changes.BY_DATE) for pair in _ALL},
    open=_opener(FakeErp),
    choices={"warehouses": "Dépôts", "taxes": "Taxes"},
)
SHOP_SPEC = ConnectorSpec(
    key="fake_shop",
    label="Boutique d’essai",
    side=Side.SHOP,
    options=_ShopOptions,
    capabilities={
        pair: Capability(
            verbs=frozenset([Verb.READ, Verb.CREATE, Verb.UPDATE, Verb.FIND]), batch=100, partial=True, parallel=4
        )
        for pair in _ALL
    },
    open=_opener(FakeShop),
    choices={"tax_classes": "Classes de taxe"},
)


def transient(text: str = "La boutique ne répond pas.") -> Transient:
    """A broken connection, for ``before_send``."""
    return Transient(Problem("shop_away", text, "Elle sera rappelée."))


def refused(code: str = "fake_refused") -> ItemRefused:
    """A refusal of a whole batch, for ``before_send``."""
    return ItemRefused(Problem(code, "La boutique refuse.", "Corrigez."))
