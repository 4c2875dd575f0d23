"""Imported orders that the shop no longer has: looked for in lists, confirmed one by one, never believed of too many.

An order deleted for good is told by no notification and by no reading: it only stops coming. So the orders that are
followed are looked for by their ids once a day and at every full reading, and so are those that a run asks for in vain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from connectors.canonical.base import Record
from connectors.canonical.keys import Entity
from connectors.core.ports import AbsenceReader, Reader
from connectors.core.problems import Misconfigured, Problem
from connectors.core.results import Cursor
from sync.engine.context import RunContext
from sync.models import Cursor as CursorRow
from sync.models import Link
from sync.orders.steps import DOCUMENT, GONE, Event, step_name

EVERY = timedelta(days=1)
CLOCK = "orders.gone"
"""The name under which the moment of the last look is kept, for imports of orders and of quotes alike."""

SAMPLE = 100
"""Known orders that are looked for beside an absent one, to tell a deleted order from another shop."""
FEW = 5
"""Orders that may disappear together however small the shop is."""
_CANCELLED = step_name(Event.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class VanishedOrder(Record):
    """An imported order that was deleted for good in the shop, by what its link still knows of it."""

    key: str
    number: str
    label: str
    web_number: str


def is_due(ctx: RunContext, since: Cursor | None) -> bool:
    """Whether this slice looks for the orders that are followed: the first one of a full run, else once a day.

    The clock of a profile starts at its first run: what was never imported need not be looked for.
    """
    if ctx.run.dry or (since is not None and since.until):
        return False
    row, made = CursorRow.objects.get_or_create(
        profile_id=ctx.profile.pk, flow=CLOCK, defaults={"full_at": ctx.clock()}
    )
    return ctx.run.full or not (made or (row.full_at is not None and ctx.clock() - row.full_at < EVERY))


def looked(ctx: RunContext) -> None:
    """Sets the clock of the daily look."""
    CursorRow.objects.update_or_create(profile_id=ctx.profile.pk, flow=CLOCK, defaults={"full_at": ctx.clock()})


def followed_vanished(ctx: RunContext) -> tuple[VanishedOrder, ...]:
    """The followed orders that were deleted in the shop. Raises ``Misconfigured`` (``orders_vanished``)."""
    since = ctx.clock() - timedelta(days=ctx.options["order_changes"].follow_days)
    rows = list(living(ctx.profile.pk).filter(created_at__gte=since))
    return _records(rows, _gone(ctx, [row.shop_key or "" for row in rows], ()))


def asked_vanished(ctx: RunContext, keys: Collection[str]) -> tuple[VanishedOrder, ...]:
    """Those of ``keys``, which a reading did not give, that were imported and deleted in the shop.

    Raises ``Misconfigured`` (``orders_vanished``).
    """
    if ctx.run.dry or not keys:
        return ()
    rows = list(imported(ctx.profile.pk).filter(shop_key__in=sorted(keys)))
    if not rows:
        return ()
    others = living(ctx.profile.pk).exclude(shop_key__in=sorted(keys)).order_by("-pk")[:SAMPLE]
    known = [key or "" for key in others.values_list("shop_key", flat=True)]
    return _records(rows, _gone(ctx, [row.shop_key or "" for row in rows], known))


def vanished(
    reader: Reader[Any], wanted: Sequence[str], others: Sequence[str] = (), *, present: int = 0, limit_percent: int
) -> frozenset[str]:
    """Those of ``wanted`` that were deleted for good.

    ``others`` are known orders that are looked for beside them, ``present`` counts those that were just read. A reader
    that cannot tell finds none. Raises ``Misconfigured`` (``orders_vanished``) when more than ``limit_percent`` of all
    these orders are absent, or every one of them: then it is the shop that is another one. With 100 anything is
    believed that the shop confirms.
    """
    if not isinstance(reader, AbsenceReader) or not wanted:
        return frozenset()
    absent = reader.unlisted([*wanted, *others])
    known = len(wanted) + len(others) + present
    too_many = len(absent) == known or (len(absent) > FEW and len(absent) * 100 > limit_percent * known)
    if absent and too_many and limit_percent < 100:
        raise Misconfigured(_too_many(len(absent), known))
    return frozenset(key for key in wanted if key in absent and reader.is_gone(key))


def living(profile_id: int) -> QuerySet[Link]:
    """Links of imported orders that nobody knows to be cancelled or deleted."""
    return imported(profile_id).exclude(steps__has_key=GONE).exclude(steps__has_key=_CANCELLED)


def imported(profile_id: int) -> QuerySet[Link]:
    """Links of orders that have, or had, a document."""
    found: QuerySet[Link] = Link.objects.filter(
        profile_id=profile_id, entity=Entity.ORDER, shop_key__isnull=False, steps__has_key=DOCUMENT
    )
    return found


def _gone(ctx: RunContext, wanted: Sequence[str], others: Sequence[str]) -> frozenset[str]:
    reader = ctx.shop.reader(Entity.ORDER)
    return vanished(reader, wanted, others, limit_percent=ctx.options["order_changes"].vanished_limit)


def _records(rows: Iterable[Link], gone: Collection[str]) -> tuple[VanishedOrder, ...]:
    return tuple(
        VanishedOrder(
            key=row.shop_key or "",
            number=row.reference,
            label=row.label,
            web_number=row.erp_key or row.reference,
        )
        for row in rows
        if row.shop_key in gone
    )


def _too_many(absent: int, known: int) -> Problem:
    return Problem(
        "orders_vanished",
        "%(absent)s des %(known)s commandes importées ne se trouvent plus dans la boutique : la lecture est arrêtée.",
        "Vérifiez que l’adresse est bien celle de la même boutique et qu’aucune sauvegarde n’y a été restaurée. Si ces "
        "commandes y ont été supprimées exprès, réinitialisez-les, ou mettez « Commandes disparues acceptées » à 100 "
        "dans Après l’import le temps d’un import.",
        values={"absent": str(absent), "known": str(known)},
    )
