"""Finds quantities that somebody changed in the shop: by hand, or by sales (STK-05)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from connectors.canonical.keys import Aspect, Entity
from connectors.canonical.stock import StockLevel
from connectors.core.capabilities import Verb
from connectors.core.problems import ItemRefused
from connectors.core.query import Query
from connectors.core.results import Page
from connectors.core.texts import Text
from sync.engine import journal
from sync.engine.context import RunContext
from sync.engine.linkbook import LinkView
from sync.flows.base import Mapped
from sync.models import Cursor as CursorRow
from sync.models import JournalEntry, LinkStatus

CODE = "shop_verified"
VERIFIED = "Vérification complète : %(checked)s quantités relues dans la boutique, %(different)s à corriger."


def is_due(ctx: RunContext, *, days: int) -> bool:
    """Whether this run reads the shop's quantities again: asked for (``full``), or not done for ``days`` (0: never).

    The clock of a profile starts at its first run: what was never sent needs no verification.
    """
    capability = ctx.profile.shop_spec.capability(Entity.VARIANT, Aspect.STOCK)
    if ctx.run.dry or capability is None or Verb.READ not in capability.verbs:
        return False
    if ctx.run.full:
        return True
    row, _ = CursorRow.objects.get_or_create(
        profile_id=ctx.profile.pk, flow=ctx.flow.key, defaults={"full_at": ctx.clock()}
    )
    return bool(days) and (row.full_at is None or ctx.clock() - row.full_at >= timedelta(days=days))


def verified(ctx: RunContext, pages: Iterator[Page[Any]]) -> Iterator[Page[Any]]:
    """The same pages; what the shop holds differently is forgotten first, so that it is sent again.

    One page of the ERP and its counterpart of the shop are in memory at a time. Raises what the shop's reader raises.
    """
    for page in pages:
        _verify(ctx, page)
        yield page
    CursorRow.objects.update_or_create(profile_id=ctx.profile.pk, flow=ctx.flow.key, defaults={"full_at": ctx.clock()})


def _verify(ctx: RunContext, page: Page[Any]) -> None:
    wanted = dict(_wanted(ctx, page.records))
    views = ctx.linkbook.lookup(Entity.VARIANT, Aspect.STOCK, wanted)
    sent = {key: view for key, view in views.items() if view.sent_hash and view.status == LinkStatus.LINKED}
    if not sent:
        return
    present = _present(ctx, list(sent.values()))
    different = [key for key, view in sent.items() if _differs(present.get(view.remote_key), wanted[key])]
    ctx.linkbook.forget_sent_of(Entity.VARIANT, Aspect.STOCK, different)
    _report(ctx, checked=len(sent), different=len(different))


def _wanted(ctx: RunContext, records: Sequence[StockLevel]) -> Iterator[tuple[str, StockLevel]]:
    for record in records:
        try:
            mapped = ctx.flow.map(ctx, record)
        except ItemRefused:
            continue  # the mapping of the run itself reports it
        if isinstance(mapped, Mapped) and isinstance(mapped.record, StockLevel):
            yield mapped.ref.key, mapped.record


def _present(ctx: RunContext, views: Sequence[LinkView]) -> dict[str, StockLevel]:
    keys = [
        view.remote_key if view.remote_parent in ("", view.remote_key) else f"{view.remote_parent}/{view.remote_key}"
        for view in views
    ]
    reader = ctx.target.reader(Entity.VARIANT, Aspect.STOCK)
    return {level.key: level for page in reader.pages(Query(), keys=keys) for level in page.records}


def _differs(present: StockLevel | None, wanted: StockLevel) -> bool:
    """What is absent counts as different: sending it again finds out that it is gone."""
    return present is None or present.quantity != wanted.quantity


def _report(ctx: RunContext, *, checked: int, different: int) -> None:
    """Keeps one journal line per run with the figures so far."""
    line = JournalEntry.objects.filter(run=ctx.run, code=CODE).first() or journal.line(ctx.run, Text(), code=CODE)
    checked += line.detail.get("checked", 0)
    different += line.detail.get("different", 0)
    line.detail = {"checked": checked, "different": different}
    for column, value in journal.kept(text=Text(VERIFIED, line.detail)).items():
        setattr(line, column, value)
    line.save()
