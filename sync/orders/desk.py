"""What people ask for about single orders: import this one, forget that these were transferred."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction

from connectors.canonical.keys import Aspect, Direction, Entity, Side
from connectors.canonical.sales import OrderMark
from connectors.core.ports import Writer
from connectors.core.results import Action, ItemResult, Outbound, Outcome
from connectors.core.texts import Text
from profiles.connections import open_side
from profiles.models import Profile, User
from sync import services
from sync.engine.linkbook import LinkBook
from sync.models import Cursor, Link, Run, RunState
from sync.orders.preview import order_picture
from sync.orders.steps import lived, settled
from sync.services import RunRefused, RunRequest

FLOW = "orders"
MARK_KEPT = Text("La boutique a gardé la marque.")
_CHUNK = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """What a reset did. ``failed`` holds a sentence for each order whose mark the shop kept; those stay transferred.

    ``absent``: orders the shop no longer has.
    """

    done: tuple[str, ...]
    absent: tuple[str, ...]
    failed: dict[str, Text]


def order_import(profile: Profile, key: str, *, by: User | None) -> RunRequest:
    """Asks for the import of one order, whatever its date and even if it was refused before.

    Raises ``RunRefused`` when the profile cannot start. An order that has a document gets no second one.
    """
    with transaction.atomic():
        asked = services.run_request(profile=profile, flow=FLOW, by=by, keys=[key], retry=True)
        _book(profile).release_holds(Entity.ORDER, Aspect.DATA, [key])
    return asked


def order_import_again(profile: Profile, key: str, *, by: User | None) -> RunRequest:
    """Resets one order, then imports it: for a document that was deleted in the ERP by mistake.

    Raises ``RunRefused``, also when the shop keeps its mark or when orders of its status are not imported, before
    anything is forgotten; ``OptionsRefused`` or ``ConnectorError`` when a system cannot be read.
    """
    picture = order_picture(profile, key, with_document=False)
    if not picture.selected:
        raise RunRefused(
            Text(
                "L’état « %(status)s » n’est pas à importer : choisissez son document dans Commandes d’abord.",
                {"status": picture.order.status},
            )
        )
    reset = orders_reset(profile, [key])
    if reset.failed:
        raise RunRefused(reset.failed[key])
    return order_import(profile, key, by=by)


def orders_reset(profile: Profile, keys: Collection[str] | None = None) -> Reset:
    """Forgets that orders were transferred (ORD-14): their marks in the shop, then their links and their steps here.

    ``keys`` are the shop's ids of orders; ``None`` means every order that was ever met. Nothing is touched in the ERP:
    the next import reads the orders again and finds their documents by web number, so that none is made twice. May be
    called twice. Raises ``RunRefused`` while orders are being imported, ``OptionsRefused`` or ``ConnectorError`` when
    the shop cannot be opened; what was reset before stays reset.
    """
    _refuse_while_importing(profile)
    wanted = sorted(set(keys) if keys is not None else transferred(profile))
    done: list[str] = []
    absent: list[str] = []
    failed: dict[str, Text] = {}
    with open_side(profile, Side.SHOP) as shop:
        writer = shop.writer(Entity.ORDER, Aspect.MARK)
        for chunk in _chunks(wanted):
            for result in _unmark(writer, chunk):
                if _is_absent(result):
                    absent.append(result.key)
                elif result.outcome in (Outcome.UPDATED, Outcome.UNCHANGED):
                    done.append(result.key)
                else:
                    failed[result.key] = result.problem.said if result.problem else MARK_KEPT
            _forget(profile, [key for key in chunk if key not in failed])
    return Reset(done=tuple(done), absent=tuple(absent), failed=failed)


def order_settle(profile: Profile, key: str) -> int:
    """Says that a person dealt with everything told about an order; returns how many events that settles.

    Nothing is touched in either system, and later events are met as ever. May be called twice. Raises ``RunRefused``
    while orders are being imported.
    """
    _refuse_while_importing(profile)
    with transaction.atomic():
        steps = _book(profile).steps(Entity.ORDER, [key]).get(key, {})
        count = sum(1 for one in lived(steps) if one.open)
        if count:
            _book(profile).settle(Entity.ORDER, Aspect.DATA, key, settled(steps))
    return count


def _refuse_while_importing(profile: Profile) -> None:
    if Run.objects.filter(profile=profile, flow=FLOW, state=RunState.RUNNING, dry=False).exists():
        raise RunRefused("Un import de commandes est en cours : attendez sa fin, puis recommencez.")


def transferred(profile: Profile) -> set[str]:
    """The shop's ids of every order that has a link, also those whose import was broken off."""
    rows = Link.objects.filter(profile=profile, entity=Entity.ORDER, shop_key__isnull=False)
    return {key for key in rows.values_list("shop_key", flat=True) if key}


def _book(profile: Profile) -> LinkBook:
    return LinkBook(profile.pk, Direction.IMPORT)


def _unmark(writer: Writer[OrderMark], keys: Sequence[str]) -> Iterator[ItemResult]:
    return writer.send(
        [
            Outbound(record=OrderMark(key=key, document=""), action=Action.UPDATE, key=key, remote_key=key)
            for key in keys
        ]
    )


def _is_absent(result: ItemResult) -> bool:
    """Whether the shop no longer has the order: then there is no mark to take away."""
    return result.gone or (result.problem is not None and result.problem.code == "order_not_linked")


def _forget(profile: Profile, keys: Collection[str]) -> None:
    """Links, and the mark of the reading: an order that did not change since must be read again."""
    with transaction.atomic():
        _book(profile).forget(Entity.ORDER, keys)
        Cursor.objects.filter(profile=profile, flow=FLOW).delete()


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]
