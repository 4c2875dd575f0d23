"""«Mettre à jour les stocks»."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, ClassVar

from connectors.canonical.keys import Aspect, Entity, Ref
from connectors.core.query import Query
from connectors.core.results import Cursor, Page
from connectors.core.texts import Text
from sync.engine import journal, verification
from sync.engine.context import RunContext
from sync.flows.base import Excluded, Flow, Mapped
from sync.mapping.stock import map_stock
from sync.models import JournalEntry, Level

WITHOUT_PLACE = "next_delivery_without_field"


def stock_query(ctx: RunContext) -> dict[str, Any]:
    """The part of a query that says which stock of which warehouses."""
    section = ctx.options["stock"]
    return {
        "stock_figure": section.figure,
        "warehouses": tuple(section.warehouses),
        "with_expected": section.next_delivery != "no" and bool(ctx.options["shop"].next_delivery_place),
    }


def _tell_without_place(ctx: RunContext) -> None:
    """One journal line per run where a next delivery is asked for that the shop has no field for."""
    if ctx.options["stock"].next_delivery == "no" or ctx.options["shop"].next_delivery_place:
        return
    if not JournalEntry.objects.filter(run=ctx.run, code=WITHOUT_PLACE).exists():
        journal.line(
            ctx.run,
            Text("La date de la prochaine livraison n’est pas envoyée : la boutique n’a pas de champ pour elle."),
            level=Level.WARNING,
            code=WITHOUT_PLACE,
            advice=Text(
                "Nommez ce champ dans les réglages de la boutique, ou choisissez « Ne pas envoyer » dans Stocks."
            ),
        ).save()


class ExportStock(Flow):
    """Sends the quantities that differ from what was last sent; never creates."""

    key: ClassVar[str] = "stock"
    label: ClassVar[str] = "Mettre à jour les stocks"
    help: ClassVar[str] = "Envoie à la boutique les quantités qui ont changé dans l’ERP."
    icon: ClassVar[str] = "boxes"
    entity: ClassVar[Entity] = Entity.VARIANT
    aspect: ClassVar[Aspect] = Aspect.STOCK
    lock: ClassVar[str] = "stock"
    order: ClassVar[int] = 50
    uses_facts: ClassVar[bool] = False

    def query(self, ctx: RunContext) -> Query:
        """Every quantity of the chosen warehouses: stock moves without any date."""
        section = ctx.options["stock"]
        return Query(
            expression=section.expression,
            published_only=section.published_only,
            include_dormant=not section.published_only,
            **stock_query(ctx),
        )

    def pages(
        self, ctx: RunContext, *, since: Cursor | None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Any]]:
        """Quantities of the ERP; from time to time compared first with what the shop holds now."""
        _tell_without_place(ctx)
        pages = super().pages(ctx, since=since, keys=keys)
        if keys is None and verification.is_due(ctx, days=ctx.options["stock"].full_pass_days):
            return verification.verified(ctx, pages)
        return pages

    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """The quantity as the shop gets it."""
        has_variants = record.key != record.product_key
        place = ctx.options["shop"].next_delivery_place
        level = map_stock(record, ctx.options["stock"], has_variants=has_variants, expected_in=place)
        return Mapped(
            ref=Ref(Entity.VARIANT, level.key), record=level, label=level.reference, reference=level.reference
        )
