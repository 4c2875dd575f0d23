"""The arithmetic of orders of a profile, before they are imported or after: read, mapped, explained, never written."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from django.utils import timezone

from connectors.canonical.keys import Aspect, Entity, Side
from connectors.canonical.sales import DocumentTotals, Order, SalesDocument
from connectors.canonical.zones import zone_of
from connectors.core.ports import Connection, SalesConnection, SalesTarget
from connectors.core.problems import ItemRefused, Misconfigured, Problem
from connectors.core.query import Query
from profiles import options_store
from profiles.connections import open_side
from profiles.models import Profile
from profiles.options_store import ProfileOptions
from sync.engine.linkbook import LinkBook
from sync.mapping.order_refunds import without_refunds
from sync.mapping.orders import Moment, Preview, is_selected, preview, web_number
from sync.orders.records import credit_note
from sync.orders.resolver import ErpResolver


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An order on both sides. ``number`` is what its document is found by, ``document`` what the ERP holds (or none).

    ``selected``: the settings import orders of this status; ``settled``: it is one that an import gives. ``expected``
    is what the document should be once the refunds that were taken out of it are counted.
    """

    order: Order
    found: Preview
    number: str
    selected: bool
    settled: bool = False
    document: DocumentTotals | None = None
    expected: SalesDocument | None = None


class Pictures:
    """Makes pictures of orders over open connections. Reads only."""

    def __init__(self, profile: Profile, options: ProfileOptions, shop: Connection, erp: Connection) -> None:
        links = LinkBook(profile.pk)
        self._options = options
        self._shop = shop
        self._erp = erp
        self._home = profile.tenant.zone
        self._zone = zone_of(shop.facts("timezone").get("timezone", "")) or self._home
        self._sales: SalesTarget | None = None
        self.resolver = ErpResolver(
            erp,
            options,
            currency=erp.facts("currency").get("currency", ""),
            owners=lambda keys: links.owners(Entity.VARIANT, keys),
        )

    def of(self, order: Order, *, with_document: bool, piece: str = "", amended: Collection[str] = ()) -> Picture:
        """The picture of an order whose articles were fetched before; see ``resolver.prefetch``.

        ``piece`` finds a document whose web number was taken away by hand; ``amended`` are refunds taken out of it.
        """
        number = web_number(order, self._options)
        found = preview(order, self._options, self.resolver, self._moment())
        return Picture(
            order=order,
            found=found,
            number=number,
            selected=is_selected(order, self._options),
            settled=order.status in self._options["orders"].statuses_after.values(),
            document=self.document(number, piece) if with_document else None,
            expected=self._expected(order, found.document, amended),
        )

    def _expected(self, order: Order, document: SalesDocument | None, refunds: Collection[str]) -> SalesDocument | None:
        """The order's document without these refunds; ``None`` when it cannot be said."""
        if document is None or not refunds:
            return document
        notes = [
            credit_note(order, one, self._options, self.resolver, self._moment())
            for one in order.refunds
            if one.key in refunds
        ]
        credits = [note.document for note in notes if note.document is not None]
        try:
            return without_refunds(document, credits, decimals=self._options["orders"].decimals)
        except ItemRefused:
            return None

    def _moment(self) -> Moment:
        return Moment(today=timezone.now().astimezone(self._home).date(), timezone=self._zone)

    def document(self, number: str, piece: str = "") -> DocumentTotals | None:
        """What all documents of an order amount to together, by its number, else by its first piece."""
        if self._sales is None:
            self._sales = cast(SalesConnection, self._erp).sales()
        found = self._sales.document_totals(number)
        return found or (self._sales.document_totals(piece=piece) if piece else None)


@contextmanager
def opened(profile: Profile) -> Iterator[tuple[Pictures, Connection]]:
    """What makes pictures, and the shop, both open. Raises ``OptionsRefused`` or ``ConnectorError``."""
    options = options_store.load(profile)
    with open_side(profile, Side.SHOP) as shop, open_side(profile, Side.ERP) as erp:
        yield Pictures(profile, options, shop, erp), shop


def order_picture(
    profile: Profile, key: str, *, with_document: bool = True, piece: str = "", amended: Collection[str] = ()
) -> Picture:
    """One order, read now on both sides.

    Raises ``OptionsRefused`` or ``ConnectorError``: a system does not answer, or the shop has no such order.
    """
    with opened(profile) as (pictures, shop):
        query = Query(include_transferred=True)
        reader = shop.reader(Entity.ORDER, Aspect.DATA)
        orders = [order for page in reader.pages(query, keys=[key]) for order in page.records]
        if not orders:
            raise Misconfigured(
                Problem(
                    "order_unknown",
                    "La boutique n’a pas de commande %(key)s.",
                    "Donnez l’identifiant de la commande dans la boutique.",
                    values={"key": key},
                )
            )
        pictures.resolver.prefetch(orders)
        return pictures.of(orders[0], with_document=with_document, piece=piece, amended=amended)


def explain_order(profile: Profile, key: str) -> dict[str, Any]:
    """Both columns of an order as plain data, or the problem that keeps it from being imported.

    Raises ``ConnectorError`` when a system does not answer or the shop has no such order.
    """
    found = order_picture(profile, key, with_document=False).found
    problem = found.problem
    return {
        "balanced": bool(found.explanation and found.explanation.balanced and problem is None),
        "problem": _told(problem) if problem else None,
        **(found.explanation.as_json() if found.explanation else {}),
    }


def _told(problem: Problem) -> dict[str, str]:
    return {"code": problem.code, "sentence": problem.text(), "advice": problem.advice_text()}
