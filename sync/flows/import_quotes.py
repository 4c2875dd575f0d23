"""«Importer les devis»."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, ClassVar

from connectors.canonical.keys import Aspect, Entity, Ref
from connectors.canonical.sales import Order
from connectors.core.ports import Writer
from connectors.core.results import Cursor, Page
from profiles.options_store import ProfileOptions
from sync.engine.context import RunContext
from sync.flows.base import Excluded, Mapped
from sync.flows.import_orders import ImportOrders
from sync.mapping.orders import is_quote, is_selected, web_number
from sync.mapping.rounding import cents
from sync.orders.quotes import AcceptedQuote, QuoteWriter
from sync.orders.sessions import sessions_of
from sync.orders.vanished import VanishedOrder

_MET = "quotes_met"


class ImportQuotes(ImportOrders):
    """Creates a quote of the ERP for each order whose status stands for a quote, exactly once.

    It shares the links of orders: a quote that becomes an order in the shop keeps its document, which a person turns
    into an order in the ERP; until then the quote is told of, and no second document is made.
    """

    key: ClassVar[str] = "quotes"
    label: ClassVar[str] = "Importer les devis"
    help: ClassVar[str] = (
        "Crée dans l’ERP les devis de la boutique : les commandes dont l’état a « Devis » pour document. Un devis "
        "accepté est signalé tant qu’il n’est pas transformé dans l’ERP."
    )
    icon: ClassVar[str] = "file-earmark-text"
    aspect: ClassVar[Aspect] = Aspect.QUOTE
    read_aspect: ClassVar[Aspect | None] = Aspect.DATA
    order: ClassVar[int] = 140

    def pages(
        self, ctx: RunContext, *, since: Cursor | None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Any]]:
        """Pages of orders, each with what this flow did about them so far."""
        for page in super().pages(ctx, since=since, keys=keys):
            views = ctx.linkbook.lookup(Entity.ORDER, self.aspect, [order.key for order in page.records])
            ctx.memo[_MET] = {key for key, view in views.items() if view.outcome}
            yield page

    def takes(self, order: Order, options: ProfileOptions) -> bool:
        """Only statuses that stand for a quote."""
        return is_quote(order, options)

    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """The quote's document, or the accepted quote that the ERP shall turn into an order."""
        if isinstance(record, VanishedOrder):
            return super().map(ctx, record)
        order: Order = record
        met = order.key in ctx.memo[_MET]
        if not is_quote(order, ctx.options):
            if met and is_selected(order, ctx.options):
                return self._accepted(ctx, order)
            return Excluded("La commande n’est pas un devis")
        return super().map(ctx, record)

    def writer(self, ctx: RunContext) -> Writer[Any]:
        """One writer per slice."""
        held: QuoteWriter | None = ctx.memo.get("quote_writer")
        if held is None:
            held = ctx.memo["quote_writer"] = QuoteWriter(super().writer(ctx), sessions_of(ctx))
        return held

    def _accepted(self, ctx: RunContext, order: Order) -> Mapped:
        return Mapped(
            ref=Ref(Entity.ORDER, order.key),
            record=AcceptedQuote(key=order.key, web_number=web_number(order, ctx.options), status=order.status),
            label=f"{order.billing.name} · {cents(order.total)} {order.currency}",
            reference=order.number,
        )
