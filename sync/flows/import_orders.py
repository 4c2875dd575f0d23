"""«Importer les commandes»."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from connectors.canonical.keys import Aspect, Direction, Entity, Ref
from connectors.canonical.sales import DocumentTotals, Order, OrderMark
from connectors.core.ports import Writer
from connectors.core.problems import ItemRefused, Transient
from connectors.core.query import Query
from connectors.core.results import Action, Cursor, Outbound, Outcome, Page
from profiles.options_store import ProfileOptions
from sync.engine.context import RunContext
from sync.engine.linkbook import LinkBook
from sync.flows.base import Excluded, Flow, Mapped
from sync.mapping.customers import plan_customer
from sync.mapping.orders import Moment, is_quote, is_selected, map_order, status_after
from sync.mapping.rounding import cents
from sync.orders.period import period_bounds
from sync.orders.records import DOCUMENT, ImportOrder
from sync.orders.resolver import ErpResolver
from sync.orders.sessions import erp_opener
from sync.orders.writer import Marker, OrderWriter


class ImportOrders(Flow):
    """Creates a document of the ERP for each order, exactly once, with its customer, address and payments."""

    key: ClassVar[str] = "orders"
    label: ClassVar[str] = "Importer les commandes"
    help: ClassVar[str] = "Crée dans l’ERP les commandes de la boutique, avec leurs clients et leurs règlements."
    icon: ClassVar[str] = "cart-check"
    direction: ClassVar[Direction] = Direction.IMPORT
    entity: ClassVar[Entity] = Entity.ORDER
    lock: ClassVar[str] = "orders"
    order: ClassVar[int] = 100
    creates: ClassVar[bool] = True
    incremental: ClassVar[bool] = True

    def query(self, ctx: RunContext) -> Query:
        """Orders of the period; every status is read, so that a late change is seen, and judged by the mapping.

        Orders that a person asks for by their numbers are read whatever their date.
        """
        section = ctx.options["orders"]
        if ctx.run.retry and ctx.run.scope.get("keys"):
            return Query(include_transferred=section.include_transferred)
        after, before = period_bounds(section, ctx.clock(), ctx.profile.tenant.zone)
        return Query(
            created_after=after, created_before=before, include_transferred=section.include_transferred or ctx.run.full
        )

    def pages(
        self, ctx: RunContext, *, since: Cursor | None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Any]]:
        """Pages of orders, each with the articles of its lines already looked up."""
        for page in super().pages(ctx, since=since, keys=keys):
            self._resolver(ctx).prefetch(page.records)
            yield page

    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """The order's document, equal to it to the cent, or the reason why it waits."""
        order: Order = record
        if not is_selected(order, ctx.options):
            return Excluded("État de commande non importé")
        if not self.takes(order, ctx.options):
            return Excluded("Devis : « Importer les devis » s’en charge")
        moment = Moment(today=ctx.clock().astimezone(ctx.profile.tenant.zone).date(), timezone=_zone(ctx))
        document = map_order(order, ctx.options, self._resolver(ctx), moment)
        plan = plan_customer(
            order, ctx.options, accounting_category=document.accounting_category, carrier=document.carrier
        )
        wanted = ImportOrder(
            key=order.key,
            number=order.number,
            document=document,
            plan=plan,
            status_after=status_after(order, ctx.options),
        )
        return Mapped(
            ref=Ref(Entity.ORDER, order.key),
            record=wanted,
            label=f"{order.billing.name} · {cents(order.total)} {order.currency}",
            reference=order.number,
            parts=frozenset({DOCUMENT}),
        )

    def takes(self, order: Order, options: ProfileOptions) -> bool:
        """Whether this flow imports an order of this status; quotes have a flow of their own."""
        return not is_quote(order, options)

    def writer(self, ctx: RunContext) -> Writer[Any]:
        """One writer per slice; its sessions end with the slice."""
        held: OrderWriter | None = ctx.memo.get("order_writer")
        if held is None:
            held = OrderWriter(erp_opener(ctx), _marker(ctx))
            ctx.memo["order_writer"] = held
            ctx.on_close(held.close)
        return held

    def _resolver(self, ctx: RunContext) -> ErpResolver:
        held: ErpResolver | None = ctx.memo.get("order_resolver")
        if held is None:
            links = LinkBook(ctx.profile.pk)
            held = ctx.memo["order_resolver"] = ErpResolver(
                ctx.erp,
                ctx.options,
                currency=ctx.erp_facts.get("currency", ""),
                owners=lambda keys: links.owners(Entity.VARIANT, keys),
            )
        return held


def _zone(ctx: RunContext) -> ZoneInfo:
    """The shop's time zone, in which an order has its date; the tenant's where the shop does not tell."""
    name = ctx.facts.get("timezone", "")
    try:
        return ZoneInfo(name) if name else ctx.profile.tenant.zone
    except (ValueError, KeyError):
        return ctx.profile.tenant.zone


def _marker(ctx: RunContext) -> Marker:
    writer = ctx.shop.writer(Entity.ORDER, Aspect.MARK)

    def mark(order: ImportOrder, totals: DocumentTotals) -> None:
        wanted = OrderMark(key=order.key, document=totals.piece, status=order.status_after)
        outbound = Outbound(record=wanted, action=Action.UPDATE, key=order.key, remote_key=order.key)
        for result in writer.send([outbound]):
            if result.outcome in (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED) or result.problem is None:
                continue
            if result.outcome is Outcome.REFUSED:
                raise ItemRefused(result.problem)
            raise Transient(result.problem)

    return mark
