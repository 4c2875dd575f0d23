"""«Importer les prospects»."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, ClassVar, cast

from connectors.canonical.keys import Direction, Entity, Ref
from connectors.canonical.parties import Customer
from connectors.core.ports import SalesConnection, Writer
from connectors.core.problems import ItemRefused
from connectors.core.query import Query
from connectors.core.results import Cursor, Page
from sync.engine.context import RunContext
from sync.flows.base import Excluded, Flow, Mapped
from sync.mapping.prospects import left_out, map_prospect, since_when
from sync.orders.prospects import ProspectWriter, holders
from sync.orders.sessions import sessions_of

_KNOWN = "prospects_known"


class ImportProspects(Flow):
    """Creates a customer of the ERP, marked as a prospect, for each account of the shop that placed no order.

    Guests have no account and are no prospects. What exists in the ERP is linked, never changed.
    """

    key: ClassVar[str] = "prospects"
    label: ClassVar[str] = "Importer les prospects"
    help: ClassVar[str] = "Crée dans l’ERP, comme prospects, les clients de la boutique qui n’ont pas commandé."
    icon: ClassVar[str] = "person-plus"
    direction: ClassVar[Direction] = Direction.IMPORT
    entity: ClassVar[Entity] = Entity.CUSTOMER
    lock: ClassVar[str] = "orders"
    order: ClassVar[int] = 150
    creates: ClassVar[bool] = True
    only_new: ClassVar[bool] = True
    uses_facts: ClassVar[bool] = False

    def query(self, ctx: RunContext) -> Query:
        """Every account, told apart by its orders since the chosen day."""
        since = since_when(ctx.options["prospects"], ctx.clock(), ctx.profile.tenant.zone)
        return Query(created_after=since)

    def pages(
        self, ctx: RunContext, *, since: Cursor | None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Any]]:
        """Pages of accounts. A preview, which looks nothing up by itself, asks the ERP whom it knows already."""
        for page in super().pages(ctx, since=since, keys=keys):
            if ctx.run.dry:
                ctx.memo[_KNOWN] = self._known(ctx, page.records)
            yield page

    def map(self, ctx: RunContext, record: Any) -> Mapped | Excluded:
        """The prospect to create, or the reason why the account is none."""
        account: Customer = record
        reason = left_out(account, ctx.options["prospects"])
        if not reason and account.key in ctx.memo.get(_KNOWN, ()):
            reason = "Déjà client dans l’ERP"
        if reason:
            return Excluded(reason)
        wanted = map_prospect(account, ctx.options)
        return Mapped(ref=Ref(Entity.CUSTOMER, account.key), record=wanted, label=wanted.name, reference=wanted.number)

    def writer(self, ctx: RunContext) -> Writer[Any]:
        """One writer per slice."""
        held: ProspectWriter | None = ctx.memo.get("prospect_writer")
        if held is None:
            held = ProspectWriter(sessions_of(ctx), by_email=ctx.options["order_customers"].search_email)
            ctx.memo["prospect_writer"] = held
        return held

    def _known(self, ctx: RunContext, accounts: Collection[Customer]) -> set[str]:
        target = cast(SalesConnection, ctx.erp).sales()
        by_email = ctx.options["order_customers"].search_email
        found = set()
        for account in accounts:
            if left_out(account, ctx.options["prospects"]):
                continue
            try:
                wanted = map_prospect(account, ctx.options)
            except ItemRefused:
                continue
            if holders(target, wanted, by_email=by_email):
                found.add(account.key)
        return found
