"""«Importer les commandes»."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from connectors.canonical.keys import Aspect, Direction, Entity, Ref
from connectors.canonical.sales import DocumentTotals, Order, OrderMark
from connectors.core.ports import Connection, Writer
from connectors.core.problems import ItemRefused, Transient
from connectors.core.query import Query
from connectors.core.results import Action, Cursor, Outbound, Outcome, Page
from profiles.connections import runtime
from sync.engine.context import RunContext
from sync.engine.linkbook import LinkBook
from sync.flows.base import Excluded, Flow, Mapped
from sync.mapping.customers import plan_customer
from sync.mapping.orders import Moment, is_selected, map_order, status_after
from sync.mapping.rounding import cents
from sync.orders.erasure import notice
from sync.orders.period import period_bounds
from sync.orders.records import DOCUMENT, ImportOrder
from sync.orders.resolver import ErpResolver
from sync.orders.writer import MARK, Marker, OrderWriter


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
    urgent: ClassVar[bool] = True
    keeps_refused: ClassVar[bool] = True

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
        """Pages of orders, each with the articles of its lines already looked up.

        An order whose import is unfinished is read even if it bears our mark: the mark may have been set, and its
        answer or our record of it lost (pitfall P01).
        """
        for page in self._pages(ctx, since=since, keys=keys):
            self._resolver(ctx).prefetch(page.records)
            self._notice_erased(ctx, page)
            yield page

    def _pages(self, ctx: RunContext, *, since: Cursor | None, keys: Collection[str] | None) -> Iterator[Page[Any]]:
        if keys is None:
            yield from super().pages(ctx, since=since)
            return
        unfinished = ctx.linkbook.unfinished(self.entity, self.aspect, keys)
        unfinished |= {key for key, steps in ctx.linkbook.steps(self.entity, keys).items() if MARK not in steps}
        if unfinished:
            marked_too = replace(self.query(ctx), include_transferred=True, created_after=None, created_before=None)
            yield from self.reader(ctx).pages(marked_too, keys=sorted(unfinished))
        others = [key for key in keys if key not in unfinished]
        if others or not unfinished:
            yield from super().pages(ctx, since=None, keys=others)

    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """The order's document, equal to it to the cent, or the reason why it waits."""
        order: Order = record
        if order.key in ctx.memo.get("erased_imported", ()):
            return Excluded(ERASED_KEPT)
        if order.key in ctx.memo.get("erased", ()):
            order = replace(order, erased=True)
        if not is_selected(order, ctx.options):
            return Excluded("État de commande non importé")
        moment = Moment(today=ctx.clock().astimezone(ctx.profile.tenant.zone).date(), timezone=_zone(ctx))
        document = map_order(order, ctx.options, self._resolver(ctx), moment)
        try:
            plan = plan_customer(
                order, ctx.options, accounting_category=document.accounting_category, carrier=document.carrier
            )
        except ItemRefused as error:
            if error.problem.code == "customer_erased":
                return Excluded(ERASED_NEW)
            raise
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

    def writer(self, ctx: RunContext) -> Writer[Any]:
        """One writer per slice; its sessions end with the slice."""
        held: OrderWriter | None = ctx.memo.get("order_writer")
        if held is None:
            held = OrderWriter(_opener(ctx), _marker(ctx), sessions=ctx.parallel)
            ctx.memo["order_writer"] = held
            ctx.on_close(held.close)
        return held

    def _notice_erased(self, ctx: RunContext, page: Page[Any]) -> None:
        """Which orders of the page tell of erased people, and which of these have their document already."""
        if ctx.run.dry:
            return
        erased = notice(ctx.profile.pk, page.records, ctx.clock())
        steps = ctx.linkbook.steps(self.entity, erased)
        ctx.memo["erased"] = erased
        ctx.memo["erased_imported"] = {key for key, done in steps.items() if DOCUMENT in done}

    def senders(self, ctx: RunContext) -> int:
        """Twice the sessions of the ERP: while half of the threads write there, the others tell the shop."""
        return 2 * ctx.parallel

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


ERASED_KEPT = "Données personnelles effacées dans la boutique : la pièce importée est conservée"
ERASED_NEW = "Données personnelles effacées dans la boutique : sans compte commun, la commande n’est pas importée"


def _zone(ctx: RunContext) -> ZoneInfo:
    """The shop's time zone, in which an order has its date; the tenant's where the shop does not tell."""
    name = ctx.facts.get("timezone", "")
    try:
        return ZoneInfo(name) if name else ctx.profile.tenant.zone
    except (ValueError, KeyError):
        return ctx.profile.tenant.zone


def _opener(ctx: RunContext) -> Callable[[], AbstractContextManager[Connection]]:
    spec, options, lent = ctx.profile.erp_spec, ctx.options["erp"], runtime(ctx.stop)

    def opened() -> AbstractContextManager[Connection]:
        return spec.open(options, lent)

    return opened


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
