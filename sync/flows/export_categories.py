"""«Exporter les catégories»."""

from __future__ import annotations

from typing import Any, ClassVar

from connectors.canonical.keys import Entity
from connectors.core.query import Query
from sync.engine.context import RunContext
from sync.flows.base import Excluded, Flow, Mapped
from sync.mapping.categories import map_category


def category_query(ctx: RunContext) -> dict[str, Any]:
    """The part of a query that says where categories come from."""
    section = ctx.options["categories"]
    return {"category_source": section.source, "category_fields": tuple(section.fields)}


class ExportCategories(Flow):
    """Creates and renames the category tree of the shop, parents first."""

    key: ClassVar[str] = "categories"
    label: ClassVar[str] = "Exporter les catégories"
    help: ClassVar[str] = "Crée l’arbre des catégories de la boutique et le tient à jour."
    icon: ClassVar[str] = "diagram-3"
    entity: ClassVar[Entity] = Entity.CATEGORY
    lock: ClassVar[str] = "catalogue"
    order: ClassVar[int] = 20
    creates: ClassVar[bool] = True
    batch_option: ClassVar[str] = "batch_products"
    provides: ClassVar[dict[Entity, str]] = {Entity.CATEGORY: "categories"}

    def query(self, ctx: RunContext) -> Query:
        """Only where the tree comes from."""
        return Query(**category_query(ctx))

    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """Names cleaned, parent as reference."""
        return map_category(record)
