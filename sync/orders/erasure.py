"""People erased in the shop (CUS-10, pitfall P38): what was imported is kept, and no older order brings them back.

An order placed after the erasure is a new consent, and is imported like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Max
from django.utils.crypto import salted_hmac

from connectors.canonical.keys import Direction, Entity
from connectors.canonical.sales import Order
from sync.engine.linkbook import LinkBook
from sync.mapping.customers import clean_email
from sync.models import JournalEntry, OrderBuyer


def erased_digest(profile_id: int, email: str) -> str:
    """The keyed hash by which an e-mail is known in a profile, whatever its case."""
    return salted_hmac(f"sync.erasure:{profile_id}", clean_email(email).lower(), algorithm="sha256").hexdigest()


def notice(profile_id: int, orders: Iterable[Order], now: datetime) -> frozenset[str]:
    """Remembers buyers and erasures; answers the keys of orders that must be treated as erased ones.

    May be called again with the same orders. Labels and details that name an erased buyer are removed here.
    """
    read = list(orders)
    erased = [order.key for order in read if order.erased]
    if erased:
        _erase(profile_id, erased, now)
    known = [order for order in read if not order.erased and _email(order)]
    digests = {order.key: erased_digest(profile_id, _email(order)) for order in known}
    rows = [OrderBuyer(profile_id=profile_id, order_key=key, digest=digest) for key, digest in digests.items()]
    OrderBuyer.objects.bulk_create(rows, ignore_conflicts=True)
    listed = _listed(profile_id, set(digests.values()))
    older = [order.key for order in known if _is_older(order, listed.get(digests[order.key]))]
    return frozenset([*erased, *older])


def _is_older(order: Order, erased_at: datetime | None) -> bool:
    return erased_at is not None and order.created_at <= erased_at


def _email(order: Order) -> str:
    return order.buyer.email or order.billing.email


def _listed(profile_id: int, digests: Collection[str]) -> dict[str, datetime]:
    """When the people behind these digests were erased last."""
    rows = OrderBuyer.objects.filter(profile_id=profile_id, digest__in=digests, erased_at__isnull=False)
    return dict(rows.order_by().values_list("digest").annotate(at=Max("erased_at")))


def _erase(profile_id: int, keys: Collection[str], now: datetime) -> None:
    OrderBuyer.objects.filter(profile_id=profile_id, order_key__in=keys, erased_at__isnull=True).update(erased_at=now)
    LinkBook(profile_id, Direction.IMPORT).forget_labels(Entity.ORDER, keys)
    lines = JournalEntry.objects.filter(profile_id=profile_id, entity=Entity.ORDER, item_key__in=keys)
    lines.exclude(label="", detail={}).update(label="", detail={})
