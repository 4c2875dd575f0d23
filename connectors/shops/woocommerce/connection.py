"""Opening a WooCommerce shop: readers, writers, lists, facts, notifications, test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from connectors.canonical.catalog import PARTS
from connectors.canonical.keys import Aspect, Entity
from connectors.core.capabilities import Capabilities, Capability, Changes, Verb
from connectors.core.events import Change, HooksReport
from connectors.core.http import Hook
from connectors.core.ports import Reader, Runtime, Writer
from connectors.core.problems import NotSupported, Problem
from connectors.core.results import CheckReport, Choice
from connectors.shops.woocommerce.api import PAGE, WooApi
from connectors.shops.woocommerce.buyers import CustomerReader
from connectors.shops.woocommerce.categories import CategoryWriter
from connectors.shops.woocommerce.check import run_check
from connectors.shops.woocommerce.levels import PriceWriter, StockWriter
from connectors.shops.woocommerce.lists import read_list
from connectors.shops.woocommerce.options import WooCommerceOptions
from connectors.shops.woocommerce.orders import OrderReader
from connectors.shops.woocommerce.pictures import PICTURES_BATCH, PictureWriter
from connectors.shops.woocommerce.products import ProductWriter
from connectors.shops.woocommerce.progress import (
    DeliveryWriter,
    DocumentWriter,
    MarkWriter,
    StatusWriter,
    TrackingWriter,
)
from connectors.shops.woocommerce.readers import CategoryReader, PriceReader, ProductReader, StockReader
from connectors.shops.woocommerce.shop import Shop
from connectors.shops.woocommerce.states import StateWriter
from connectors.shops.woocommerce.text import SKU_MAX, TERM_MAX
from connectors.shops.woocommerce.webhooks import Webhooks, verify

PARALLEL = 4
_PROGRESS = Capability(verbs=frozenset({Verb.UPDATE}), batch=PAGE, partial=True, parallel=2)

CAPABILITIES: Capabilities = {
    (Entity.CATEGORY, Aspect.DATA): Capability(
        verbs=frozenset({Verb.READ, Verb.CREATE, Verb.UPDATE, Verb.FIND}),
        batch=PAGE,
        partial=True,
        parallel=1,
        nested=True,
        limits={"name": TERM_MAX},
    ),
    (Entity.PRODUCT, Aspect.DATA): Capability(
        verbs=frozenset({Verb.READ, Verb.CREATE, Verb.UPDATE, Verb.RETIRE, Verb.FIND}),
        batch=PAGE,
        partial=True,
        parallel=PARALLEL,
        ahead=True,
        parts=frozenset(PARTS),
        limits={"reference": SKU_MAX, "option_value": TERM_MAX},
    ),
    (Entity.PRODUCT, Aspect.STATE): Capability(
        verbs=frozenset({Verb.UPDATE, Verb.RETIRE}), batch=PAGE, partial=True, parallel=PARALLEL, ahead=True
    ),
    (Entity.PRODUCT, Aspect.PICTURES): Capability(
        verbs=frozenset({Verb.UPDATE}), batch=PICTURES_BATCH, partial=True, parallel=2
    ),
    (Entity.VARIANT, Aspect.STOCK): Capability(
        verbs=frozenset({Verb.READ, Verb.UPDATE, Verb.FIND}), batch=PAGE, partial=True, parallel=PARALLEL, ahead=True
    ),
    (Entity.VARIANT, Aspect.PRICE): Capability(
        verbs=frozenset({Verb.READ, Verb.UPDATE, Verb.FIND}), batch=PAGE, partial=True, parallel=PARALLEL, ahead=True
    ),
    (Entity.CUSTOMER, Aspect.DATA): Capability(verbs=frozenset({Verb.READ})),
    (Entity.ORDER, Aspect.DATA): Capability(verbs=frozenset({Verb.READ}), changes=Changes.BY_DATE),
    (Entity.ORDER, Aspect.MARK): _PROGRESS,
    (Entity.ORDER, Aspect.STATUS): _PROGRESS,
    (Entity.ORDER, Aspect.TRACKING): _PROGRESS,
    (Entity.ORDER, Aspect.DOCUMENT): _PROGRESS,
    (Entity.ORDER, Aspect.DELIVERY): _PROGRESS,
}

_READERS: Mapping[tuple[Entity, Aspect], Callable[[Shop], Reader[Any]]] = {
    (Entity.CATEGORY, Aspect.DATA): CategoryReader,
    (Entity.PRODUCT, Aspect.DATA): ProductReader,
    (Entity.VARIANT, Aspect.STOCK): StockReader,
    (Entity.VARIANT, Aspect.PRICE): PriceReader,
    (Entity.CUSTOMER, Aspect.DATA): CustomerReader,
    (Entity.ORDER, Aspect.DATA): OrderReader,
}
_WRITERS: Mapping[tuple[Entity, Aspect], Callable[[Shop], Writer[Any]]] = {
    (Entity.CATEGORY, Aspect.DATA): CategoryWriter,
    (Entity.PRODUCT, Aspect.DATA): ProductWriter,
    (Entity.PRODUCT, Aspect.STATE): StateWriter,
    (Entity.PRODUCT, Aspect.PICTURES): PictureWriter,
    (Entity.VARIANT, Aspect.STOCK): StockWriter,
    (Entity.VARIANT, Aspect.PRICE): PriceWriter,
    (Entity.ORDER, Aspect.MARK): MarkWriter,
    (Entity.ORDER, Aspect.STATUS): StatusWriter,
    (Entity.ORDER, Aspect.TRACKING): TrackingWriter,
    (Entity.ORDER, Aspect.DOCUMENT): DocumentWriter,
    (Entity.ORDER, Aspect.DELIVERY): DeliveryWriter,
}


class WooConnection:
    """An open shop. Nothing is called before it is needed."""

    def __init__(self, options: WooCommerceOptions, runtime: Runtime, *, hook: Hook | None = None) -> None:
        self._options = options
        self._runtime = runtime
        self._shop = Shop(options, WooApi(options, runtime, hook=hook), runtime)

    def check(self) -> CheckReport:
        """Tests the connection point by point; never raises, answers within 10 seconds."""
        return run_check(self._options, self._runtime)

    def reader(self, entity: Entity, aspect: Aspect = Aspect.DATA) -> Reader[Any]:
        """A reader; raises ``NotSupported`` if the connector does not declare it."""
        reader: Reader[Any] = _chosen(_READERS, entity, aspect)(self._shop)
        return reader

    def writer(self, entity: Entity, aspect: Aspect = Aspect.DATA) -> Writer[Any]:
        """A writer; raises ``NotSupported`` if the connector does not declare it."""
        writer: Writer[Any] = _chosen(_WRITERS, entity, aspect)(self._shop)
        return writer

    def choices(self, name: str) -> list[Choice]:
        """A reference list, read now. Raises ``NotSupported`` for other names."""
        return read_list(self._shop, name)

    def facts(self, *names: str) -> Mapping[str, str]:
        """Currency, tax basis, units, version, zone; read once per connection. The zone alone costs one call."""
        if names == ("timezone",):
            return {"timezone": self._shop.timezone}
        return dict(self._shop.facts.texts)

    def ensure_webhooks(self, delivery_url: str, secret: str) -> HooksReport:
        """Makes, mends and re-activates our webhooks (see ``connectors.core.events``)."""
        return Webhooks(self._shop.api).ensure(delivery_url, secret)

    def webhook_state(self, delivery_url: str, secret: str) -> HooksReport:
        """How our webhooks stand; writes nothing."""
        return Webhooks(self._shop.api).state(delivery_url, secret)

    def remove_webhooks(self, delivery_url: str) -> int:
        """Removes our webhooks that deliver there."""
        return Webhooks(self._shop.api).remove(delivery_url)

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> Change | None:
        """The change a delivery tells of; calls nothing. Raises ``NotificationRefused``."""
        return verify(headers, body, secret)

    def close(self) -> None:
        """Closes idle connections. May be called twice."""
        self._shop.close()


def _chosen(
    table: Mapping[tuple[Entity, Aspect], Callable[[Shop], Any]], entity: Entity, aspect: Aspect
) -> Callable[[Shop], Any]:
    found = table.get((entity, aspect))
    if found is None:
        raise NotSupported(
            Problem(
                "not_supported",
                "Le connecteur WooCommerce ne gère pas cette opération (%(what)s).",
                values={"what": f"{entity}/{aspect}"},
            )
        )
    return found


@contextmanager
def open_shop(options: WooCommerceOptions, runtime: Runtime) -> Iterator[WooConnection]:
    """Opens a shop for the length of a block; closes its connections also after a failure."""
    connection = WooConnection(options, runtime)
    try:
        yield connection
    finally:
        connection.close()
