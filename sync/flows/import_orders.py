"""«Importer les commandes»."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any, ClassVar

from connectors.canonical.keys import Aspect, Direction, Entity, Ref
from connectors.canonical.sales import DocumentKind, DocumentTotals, Order, OrderMark
from connectors.canonical.zones import zone_of
from connectors.core.ports import Writer
from connectors.core.problems import ItemRefused, Transient
from connectors.core.query import Query
from connectors.core.results import Action, Cursor, Outbound, Outcome, Page
from profiles.options_store import ProfileOptions
from sync.engine.context import RunContext
from sync.engine.linkbook import LinkBook
from sync.flows.base import Excluded, Flow, Mapped
from sync.mapping.customers import plan_customer
from sync.mapping.orders import Moment, is_quote, is_selected, map_order, status_after, web_number
from sync.mapping.progress import gives_status
from sync.mapping.rounding import cents
from sync.orders.erasure import notice
from sync.orders.facts import Facts, facts_of
from sync.orders.period import period_bounds
from sync.orders.records import DOCUMENT, LIFE, CreditNote, ImportOrder, cancellation, credit_note
from sync.orders.resolver import ErpResolver
from sync.orders.sessions import session_count, sessions_of
from sync.orders.steps import MARK
from sync.orders.vanished import VanishedOrder, asked_vanished, followed_vanished, is_due, looked
from sync.orders.words import overpaid_notes
from sync.orders.writer import Marker, OrderWriter


class ImportOrders(Flow):
    """Creates a document of the ERP for each order, exactly once, with its customer, address and payments."""

    key: ClassVar[str] = "orders"
    label: ClassVar[str] = "Importer les commandes"
    help: ClassVar[str] = (
        "Crée dans l’ERP les commandes de la boutique, avec leurs clients et leurs règlements, et suit ce qui leur "
        "arrive ensuite : modification, annulation, remboursement, paiement."
    )
    icon: ClassVar[str] = "cart-check"
    direction: ClassVar[Direction] = Direction.IMPORT
    entity: ClassVar[Entity] = Entity.ORDER
    lock: ClassVar[str] = "orders"
    order: ClassVar[int] = 100
    creates: ClassVar[bool] = True
    incremental: ClassVar[bool] = True
    uses_facts: ClassVar[bool] = False
    urgent: ClassVar[bool] = True
    keeps_refused: ClassVar[bool] = True

    def query(self, ctx: RunContext) -> Query:
        """Orders of the period and those that are followed after their import, whatever their status and their mark.

        What is not to be imported is left out by the mapping, which knows what was imported before. Orders that a
        person asks for by their numbers are read whatever their date.
        """
        if _is_asked(ctx):
            return Query(include_transferred=True)
        after, before = self._period(ctx)
        if not ctx.linkbook.linked_count(Entity.ORDER):
            return Query(created_after=after, created_before=before, include_transferred=True)
        followed = ctx.clock() - timedelta(days=ctx.options["order_changes"].follow_days)
        return Query(created_after=min(after, followed) if after else None, include_transferred=True)

    def pages(
        self, ctx: RunContext, *, since: Cursor | None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Any]]:
        """Pages of orders, each with the articles of its lines and what was done so far already looked up.

        An order whose import is unfinished is read whatever its date: the mark may have been set, and its answer or our
        record of it lost (pitfall P01). First, and after orders that were asked for, come imported ones that were
        deleted in the shop (:mod:`sync.orders.vanished`).
        """
        if keys is None and is_due(ctx, since):
            lost = followed_vanished(ctx)
            if lost:
                yield Page(lost, since or Cursor())
            looked(ctx)
        seen: set[str] = set()
        for page in self._pages(ctx, since=since, keys=keys):
            seen |= {order.key for order in page.records} | {row.key for row in page.refused}
            if page.records:
                self._look_up(ctx, page.records)
            yield page
        lost = asked_vanished(ctx, set(keys or ()) - seen)
        if lost:
            yield Page(lost, Cursor())

    def _look_up(self, ctx: RunContext, orders: Sequence[Order]) -> None:
        """What the mapping of these orders needs. Most readings find none, and then neither system is asked for it."""
        ctx.memo["shop_zone"] = ctx.shop.facts("timezone").get("timezone", "")
        self._resolver(ctx).prefetch(orders)
        wanted = [order.key for order in orders]
        ctx.memo["orders_met"] = set(ctx.linkbook.lookup(Entity.ORDER, self.aspect, wanted))
        ctx.memo["order_steps"] = ctx.linkbook.steps(Entity.ORDER, wanted)
        ctx.memo["erased"] = frozenset() if ctx.run.dry else notice(ctx.profile.pk, orders, ctx.clock())

    def _pages(self, ctx: RunContext, *, since: Cursor | None, keys: Collection[str] | None) -> Iterator[Page[Any]]:
        if keys is None:
            yield from super().pages(ctx, since=since)
            return
        unfinished = ctx.linkbook.unfinished(self.entity, self.aspect, keys)
        unfinished |= {key for key, steps in ctx.linkbook.steps(self.entity, keys).items() if MARK not in steps}
        if unfinished:
            of_any_date = replace(self.query(ctx), created_after=None, created_before=None)
            yield from self.reader(ctx).pages(of_any_date, keys=sorted(unfinished))
        others = [key for key in keys if key not in unfinished]
        if others or not unfinished:
            yield from super().pages(ctx, since=None, keys=others)

    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """The order's document, equal to it to the cent, or the reason why it waits; once imported, its life."""
        if isinstance(record, VanishedOrder):
            return _cancelled(record)
        order: Order = record
        if not self.takes(order, ctx.options):
            return Excluded("Devis : « Importer les devis » s’en charge")
        steps: Mapping[str, str] = ctx.memo["order_steps"].get(order.key, {})
        if order.key in ctx.memo["erased"]:
            if DOCUMENT in steps:
                return Excluded(ERASED_KEPT)
            order = replace(order, erased=True)
        reason = "" if DOCUMENT in steps else self._left_out(ctx, order)
        if reason:
            return Excluded(reason)
        finished = MARK in steps
        try:
            wanted = self._wanted(ctx, order, finished=finished)
        except ItemRefused as error:
            if error.problem.code == "customer_erased":
                return Excluded(ERASED_NEW)
            raise
        return Mapped(
            ref=Ref(Entity.ORDER, order.key),
            record=wanted,
            label=f"{order.billing.name} · {cents(order.total)} {order.currency}",
            reference=order.number,
            parts=frozenset({LIFE if finished else DOCUMENT}),
            lasting=frozenset({LIFE}),
            notes=() if finished else overpaid_notes(wanted.document),
        )

    def _left_out(self, ctx: RunContext, order: Order) -> str:
        """Why an order without document is not imported; empty when it is. One whose import was cut short goes on."""
        if order.mark and order.key in ctx.memo["orders_met"]:
            return ""
        if not is_selected(order, ctx.options):
            return "État de commande non importé"
        if order.mark and not (ctx.options["orders"].include_transferred or (ctx.run.full and not _is_asked(ctx))):
            return "Déjà transférée"
        after, before = (None, None) if _is_asked(ctx) else self._period(ctx)
        if (after and order.created_at < after) or (before and order.created_at >= before):
            return "Hors de la période"
        return ""

    def _period(self, ctx: RunContext) -> tuple[datetime | None, datetime | None]:
        return period_bounds(ctx.options["orders"], ctx.clock(), ctx.profile.tenant.zone)

    def _wanted(self, ctx: RunContext, order: Order, *, finished: bool) -> ImportOrder:
        """What the writer needs. An imported order that cannot be mapped any more says why, and is still followed."""
        wanted = ImportOrder(
            key=order.key,
            number=order.number,
            facts=facts_of(order, gives_status=gives_status(ctx.options)),
            web_number=web_number(order, ctx.options),
            status_after=status_after(order, ctx.options),
            total=order.total,
            decimals=ctx.options["orders"].decimals,
            firm=is_selected(order, ctx.options) and not is_quote(order, ctx.options),
        )
        moment = Moment(today=ctx.clock().astimezone(ctx.profile.tenant.zone).date(), timezone=_zone(ctx))
        if order.cancelled and finished:
            wanted = replace(wanted, whole=cancellation(order, ctx.options, self._resolver(ctx), moment))
        kind = None if is_selected(order, ctx.options) else DocumentKind.ORDER
        try:
            document = map_order(order, ctx.options, self._resolver(ctx), moment, kind=kind)
            plan = plan_customer(
                order, ctx.options, accounting_category=document.accounting_category, carrier=document.carrier
            )
        except ItemRefused as error:
            if not finished:
                raise
            return replace(wanted, problem=error.problem, credits=self._credits(ctx, order, moment))
        return replace(wanted, document=document, plan=plan, credits=self._credits(ctx, order, moment))

    def _credits(self, ctx: RunContext, order: Order, moment: Moment) -> tuple[CreditNote, ...]:
        refunds = sorted(order.refunds, key=lambda refund: (refund.created_at, refund.key))
        return tuple(credit_note(order, one, ctx.options, self._resolver(ctx), moment) for one in refunds)

    def takes(self, order: Order, options: ProfileOptions) -> bool:
        """Whether this flow imports an order of this status; quotes have a flow of their own."""
        return not is_quote(order, options)

    def writer(self, ctx: RunContext) -> Writer[Any]:
        """One writer per slice."""
        held: OrderWriter | None = ctx.memo.get("order_writer")
        if held is None:
            held = OrderWriter(sessions_of(ctx), _marker(ctx), policy=ctx.options["order_changes"], clock=ctx.clock)
            ctx.memo["order_writer"] = held
        return held

    def senders(self, ctx: RunContext) -> int:
        """Twice the sessions of the ERP: while half of the threads write there, the others tell the shop."""
        return 2 * session_count(ctx)

    def _resolver(self, ctx: RunContext) -> ErpResolver:
        held: ErpResolver | None = ctx.memo.get("order_resolver")
        if held is None:
            links = LinkBook(ctx.profile.pk)
            held = ctx.memo["order_resolver"] = ErpResolver(
                ctx.erp,
                ctx.options,
                currency=ctx.erp.facts("currency").get("currency", ""),
                owners=lambda keys: links.owners(Entity.VARIANT, keys),
            )
        return held


ERASED_KEPT = "Données personnelles effacées dans la boutique : la pièce importée est conservée"
ERASED_NEW = "Données personnelles effacées dans la boutique : sans compte commun, la commande n’est pas importée"


def _cancelled(record: VanishedOrder) -> Mapped:
    """A deleted order as the event it is."""
    gone = ImportOrder(
        key=record.key,
        number=record.number,
        web_number=record.web_number,
        facts=Facts(cancelled=True),
        gone=True,
    )
    parts = frozenset({LIFE})
    ref = Ref(Entity.ORDER, record.key)
    return Mapped(ref=ref, record=gone, label=record.label, reference=record.number, parts=parts, lasting=parts)


def _is_asked(ctx: RunContext) -> bool:
    """Whether a person asked for these very orders."""
    return bool(ctx.run.retry and ctx.run.scope.get("keys"))


def _zone(ctx: RunContext) -> tzinfo:
    """The shop's time zone, in which an order has its date; the tenant's where the shop does not tell."""
    return zone_of(ctx.memo["shop_zone"]) or ctx.profile.tenant.zone


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
