"""«Mettre à jour les prix»."""

from __future__ import annotations

from typing import Any, ClassVar

from connectors.canonical.keys import Aspect, Entity, Ref
from connectors.core.query import Query
from sync.engine.context import RunContext
from sync.flows.base import Excluded, Flow, Mapped
from sync.mapping.prices import map_price


def price_query(ctx: RunContext) -> dict[str, Any]:
    """The part of a query that says which price and which tax."""
    section = ctx.options["prices"]
    return {"price_category": section.price_category, "accounting_category": section.accounting_category}


class ExportPrices(Flow):
    """Sends the prices that changed since they were last sent; never creates."""

    key: ClassVar[str] = "prices"
    label: ClassVar[str] = "Mettre à jour les prix"
    help: ClassVar[str] = "Envoie à la boutique les prix qui ont changé dans l’ERP."
    icon: ClassVar[str] = "tag"
    entity: ClassVar[Entity] = Entity.VARIANT
    aspect: ClassVar[Aspect] = Aspect.PRICE
    lock: ClassVar[str] = "prices"
    order: ClassVar[int] = 60

    def query(self, ctx: RunContext) -> Query:
        """Every price of the profile's category: prices change without any date."""
        section = ctx.options["prices"]
        return Query(
            expression=section.expression,
            published_only=section.published_only,
            include_dormant=not section.published_only,
            **price_query(ctx),
        )

    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """The price in the shop's tax basis."""
        price = map_price(record, ctx.options["prices"], ctx.facts)
        return Mapped(
            ref=Ref(Entity.VARIANT, price.key), record=price, label=price.reference, reference=price.reference
        )
