"""«Exporter les articles» and «Exporter les nouveaux articles»."""

from __future__ import annotations

from typing import Any, ClassVar

from connectors.canonical.keys import Entity
from connectors.core.query import Query
from sync.engine.context import RunContext
from sync.flows.base import SALES_SECTIONS, Excluded, Flow, Mapped
from sync.flows.export_categories import category_query
from sync.flows.export_prices import price_query
from sync.flows.export_stock import stock_query
from sync.mapping.products import map_product


class ExportProducts(Flow):
    """Creates and updates products with their variants; quantities and prices are set at creation."""

    key: ClassVar[str] = "products"
    label: ClassVar[str] = "Exporter les articles"
    help: ClassVar[str] = "Crée dans la boutique les articles de l’ERP et met à jour ceux qui ont changé."
    icon: ClassVar[str] = "box-seam"
    entity: ClassVar[Entity] = Entity.PRODUCT
    lock: ClassVar[str] = "catalogue"
    order: ClassVar[int] = 30
    creates: ClassVar[bool] = True
    incremental: ClassVar[bool] = True
    ignores: ClassVar[frozenset[str]] = Flow.ignores | SALES_SECTIONS
    batch_option: ClassVar[str] = "batch_products"
    provides: ClassVar[dict[Entity, str]] = {Entity.CATEGORY: "categories"}

    def query(self, ctx: RunContext) -> Query:
        """Articles with everything a create needs.

        Dormant and unpublished articles are read too: the mapping leaves them out with their reason.
        """
        section = ctx.options["products"]
        return Query(
            expression=section.expression,
            published_only=section.published_only,
            weight_source=section.weight_source,
            with_price=True,
            with_stock=True,
            **category_query(ctx),
            **price_query(ctx),
            **stock_query(ctx),
        )

    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """The article in the shop's terms."""
        return map_product(record, ctx.options, ctx.facts)


class ExportNewProducts(ExportProducts):
    """Only articles that are absent from the shop."""

    key: ClassVar[str] = "new_products"
    label: ClassVar[str] = "Exporter les nouveaux articles"
    help: ClassVar[str] = "Crée les articles absents de la boutique, sans toucher à ceux qui y sont déjà."
    icon: ClassVar[str] = "plus-square"
    order: ClassVar[int] = 40
    only_new: ClassVar[bool] = True
    incremental: ClassVar[bool] = False
