"""Writers of what the ERP did with an order: transfer mark, status, tracking, piece numbers, delivery date.

Each is an aspect of its own, reads the order first and writes only what differs. None ever cancels or refunds, and
none moves an order that somebody closed. Orders have no core fields for these values: they are custom fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from connectors.canonical.sales import OrderMark, OrderProgress
from connectors.core.http import LostAnswer
from connectors.core.problems import ConnectorError, ItemRefused, NotSupported, Problem
from connectors.core.results import Found, ItemResult, Outbound, Outcome
from connectors.shops.woocommerce.api import PAGE, Body
from connectors.shops.woocommerce.batching import BatchSender, BatchSizer, Row, RowAnswer
from connectors.shops.woocommerce.lists import read_list
from connectors.shops.woocommerce.orders import MARK_META
from connectors.shops.woocommerce.outcome import Differences, refused_by, short
from connectors.shops.woocommerce.shop import Shop
from connectors.shops.woocommerce.text import decoded

R = TypeVar("R", OrderMark, OrderProgress)
Current = Mapping[str, Any]

FORBIDDEN = frozenset({"cancelled", "refunded", "failed", "trash", "auto-draft", "checkout-draft"})
"""Statuses never set from here: they restock, refund or hide an order."""
CLOSED = frozenset({"cancelled", "refunded", "failed"})
"""Statuses an order is not moved out of: somebody decided so in the shop."""
CORE_STATUSES = frozenset({"pending", "processing", "on-hold", "completed"})
"""What may be set in a shop too old to list its statuses."""
_FIELDS = "id,number,status,date_modified_gmt,meta_data"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an order shall hold: a status (empty: any) and custom fields (empty text: none).

    ``further``: statuses that are kept instead.
    """

    status: str = ""
    further: frozenset[str] = frozenset()
    metas: Mapping[str, str] = field(default_factory=dict)


class OrderWriter(Generic[R]):
    """Writes values on orders that exist. ``Outbound.remote_key`` is the shop's id of the order.

    ``ItemResult.received`` holds ``status`` and ``date_modified_gmt`` as they are after the write (also when nothing
    was written): a change seen later with that date is our own (P35).
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._sizer = BatchSizer(shop.options.batch_size, shop.options.batch_seconds)
        self._statuses: frozenset[str] | None = None

    def _wanted(self, record: R) -> Wanted:
        """What the record asks for. Pure."""
        raise NotImplementedError

    def _before(self, out: Outbound[R], now: Current, body: Body) -> None:
        """What must have happened before the fields are written; raises ``ConnectorError`` of this item."""

    def find(self, batch: Sequence[Outbound[R]]) -> dict[str, Found]:
        """Nothing: values are written on orders that were read from the shop."""
        return {}

    def send(self, batch: Sequence[Outbound[R]]) -> Iterator[ItemResult]:
        """One result per item; orders that are gone or in the trash are refused, equal ones untouched."""
        for start in range(0, len(batch), PAGE):
            yield from self._send_page(batch[start : start + PAGE])

    def compare(self, batch: Sequence[Outbound[R]]) -> dict[str, Differences]:
        """Status and custom fields that would change, read now; nothing is written. Impossible items are absent."""
        orders = self._read(batch)
        found: dict[str, Differences] = {}
        for out in batch:
            try:
                now = self._existing(out, orders)
                found[out.key] = _readable(now, self._body(out, now))
            except ItemRefused:
                continue
        return found

    def retire(self, batch: Sequence[Outbound[R]]) -> Iterator[ItemResult]:
        """Not something an order can do. Raises ``NotSupported``."""
        raise NotSupported(Problem("not_supported", "Une commande ne se désactive pas."))

    def _send_page(self, batch: Sequence[Outbound[R]]) -> Iterator[ItemResult]:
        orders = self._read(batch)
        rows: list[Row] = []
        for out in batch:
            try:
                now = self._existing(out, orders)
                body = self._body(out, now)
                if body:
                    self._before(out, now, body)
            except (ItemRefused, LostAnswer) as error:
                yield _stopped(out, error)
                continue
            if body:
                rows.append(Row({"id": int(_remote(out)), **body}, subject=out, name=_name(out, now)))
            else:
                yield self._result(out, Outcome.UNCHANGED, now)
        for answer in BatchSender(self._shop.api, self._sizer).send("orders", "update", rows):
            yield self._answered(answer)

    def _read(self, batch: Sequence[Outbound[R]]) -> dict[str, Current]:
        """Present state by id; the default list leaves the trash out."""
        wanted = [key for key in dict.fromkeys(_remote(out) for out in batch) if key.isdecimal()]
        found: dict[str, Current] = {}
        for filters in ({}, {"status": "trash"}):
            missing = [key for key in wanted if key not in found]
            if missing:
                query = {"include": ",".join(missing), "_fields": _FIELDS, **filters}
                found.update({str(row["id"]): row for row in self._shop.api.every("orders", query)})
        return found

    def _existing(self, out: Outbound[R], orders: Mapping[str, Current]) -> Current:
        now = orders.get(_remote(out))
        if now is None:
            raise _gone(_name(out)) if _remote(out).isdecimal() else _unlinked(_name(out))
        if now.get("status") == "trash":
            raise _refused(
                "order_in_trash",
                "La commande %(number)s est dans la corbeille de la boutique.",
                "Restaurez-la dans WooCommerce pour que son suivi reprenne.",
                number=_name(out, now),
            )
        return now

    def _body(self, out: Outbound[R], now: Current) -> Body:
        """What differs; empty when nothing does. Raises ``ItemRefused`` for a status that must not be set."""
        wanted: Wanted = self._wanted(out.record)
        body: Body = {}
        status = wanted.status.removeprefix("wc-")
        if status and now.get("status") not in {status, *wanted.further}:
            self._check_status(status, now, _name(out, now))
            body["status"] = status
        entries = _meta_changes(wanted.metas, now)
        return {**body, "meta_data": entries} if entries else body

    def _check_status(self, status: str, now: Current, number: str) -> None:
        # A batch takes any text as a status and then sets « pending » (recorded): nothing unknown may leave.
        if status in FORBIDDEN:
            raise _refused(
                "order_status_forbidden",
                "L’état « %(status)s » n’est jamais donné automatiquement à une commande (%(number)s).",
                "Choisissez un autre état dans la table des états : annuler et rembourser se font dans la boutique.",
                status=status,
                number=number,
            )
        if status not in self._known_statuses():
            raise _refused(
                "order_status_unknown_in_shop",
                "La boutique ne connaît pas l’état « %(status)s » demandé pour la commande %(number)s.",
                "Actualisez la configuration du site web, puis corrigez la table des états.",
                status=status,
                number=number,
            )
        if now.get("status") in CLOSED:
            raise _refused(
                "order_closed_in_shop",
                "La commande %(number)s est « %(now)s » dans la boutique : son état ne devient pas « %(status)s ».",
                "Vérifiez s’il faut annuler le document de l’ERP, ou rouvrez la commande dans la boutique.",
                status=status,
                number=number,
                now=str(now.get("status")),
            )

    def _known_statuses(self) -> frozenset[str]:
        if self._statuses is None:
            listed = frozenset(choice.key for choice in read_list(self._shop, "order_statuses"))
            self._statuses = listed or CORE_STATUSES
        return self._statuses

    def _answered(self, answer: RowAnswer) -> ItemResult:
        out: Outbound[Any] = answer.row.subject
        number = answer.row.name
        problem = _problem(answer, number)
        if problem is not None:
            outcome = Outcome.FAILED if answer.failure is not None else Outcome.REFUSED
            return self._result(out, outcome, answer.body, answer, problem, gone=problem.code == "order_gone")
        kept = _unkept(answer, number)
        outcome = Outcome.UPDATED if kept is None else Outcome.REFUSED
        return self._result(out, outcome, answer.body, answer, kept)

    def _result(
        self,
        out: Outbound[Any],
        outcome: Outcome,
        now: Current,
        answer: RowAnswer | None = None,
        problem: Problem | None = None,
        *,
        gone: bool = False,
    ) -> ItemResult:
        remote = _remote(out)
        return ItemResult(
            key=out.key,
            outcome=outcome,
            remote_key=remote,
            problem=problem,
            written=outcome is Outcome.UPDATED,
            gone=gone,
            url=self._shop.options.admin_url(f"post.php?post={remote}&action=edit"),
            sent=short(answer.row.body) if answer else None,
            received=short({name: now[name] for name in ("id", "status", "date_modified_gmt") if name in now}),
            seconds=answer.seconds if answer else 0.0,
        )


class MarkWriter(OrderWriter[OrderMark]):
    """« Transferred »: the ERP's piece as a custom field, and the status to set afterwards.

    An order closed meanwhile gets the mark (it is a fact) and keeps its status.
    """

    def _wanted(self, record: OrderMark) -> Wanted:
        return Wanted(record.status, metas={MARK_META: record.document})

    def _body(self, out: Outbound[OrderMark], now: Current) -> Body:
        if now.get("status") not in CLOSED:
            return super()._body(out, now)
        entries = _meta_changes({MARK_META: out.record.document}, now)
        return {"meta_data": entries} if entries else {}


class StatusWriter(OrderWriter[OrderProgress]):
    """Status of the shop for the state of the ERP's documents, already mapped (``OrderProgress.status``)."""

    def _wanted(self, record: OrderProgress) -> Wanted:
        return Wanted(record.status, frozenset(status.removeprefix("wc-") for status in record.further))


class DocumentWriter(OrderWriter[OrderProgress]):
    """Numbers of the piece and of the invoice, and the number shown for the order where it becomes the piece's."""

    def _wanted(self, record: OrderProgress) -> Wanted:
        options = self._shop.options
        metas = {options.document_meta: record.piece, options.invoice_meta: record.invoice}
        if record.reference:
            metas[options.reference_meta] = record.reference
        return Wanted(metas=_filled(metas))


class DeliveryWriter(OrderWriter[OrderProgress]):
    """Delivery date, as ``YYYY-MM-DD``."""

    def _wanted(self, record: OrderProgress) -> Wanted:
        on = record.delivery_on.isoformat() if record.delivery_on else ""
        return Wanted(metas=_filled({self._shop.options.delivery_meta: on}))


class TrackingWriter(OrderWriter[OrderProgress]):
    """Tracking number and carrier, with the status a sent order gets and a note to the customer where wanted.

    The status is set together with a new number only, and never on an order that was closed. The note comes
    first and the field last: after a crash in between, the note is found again and not repeated.
    """

    def _wanted(self, record: OrderProgress) -> Wanted:
        if not record.tracking:
            return Wanted()
        options = self._shop.options
        metas = {options.tracking_meta: record.tracking, options.provider_meta: record.carrier}
        return Wanted(record.status, frozenset(status.removeprefix("wc-") for status in record.further), _filled(metas))

    def _body(self, out: Outbound[OrderProgress], now: Current) -> Body:
        sent = _meta_text(now, self._shop.options.tracking_meta) == out.record.tracking
        if sent or now.get("status") in CLOSED:
            out = replace(out, record=replace(out.record, status=""))
        return super()._body(out, now)

    def _before(self, out: Outbound[OrderProgress], now: Current, body: Body) -> None:
        note = _note_text(self._shop.options.tracking_note, out.record)
        number = out.record.tracking
        if not note or _meta_text(now, self._shop.options.tracking_meta) == number:
            return
        route = f"orders/{_remote(out)}/notes"
        notes = self._shop.api.rows(route, {"type": "customer"}).rows
        if not any(number in decoded(row.get("note")) for row in notes):
            self._shop.api.post(route, {"note": note, "customer_note": True})


def _note_text(template: str, record: OrderProgress) -> str:
    """The note with its values; one that does not name the number gets it, since it is found again by it."""
    if not template.strip():
        return ""
    note = template.replace("{numero}", record.tracking).replace("{transporteur}", record.carrier).strip()
    return note if record.tracking in note else f"{note} {record.tracking}"


def _filled(metas: Mapping[str, str]) -> dict[str, str]:
    """Fields with a value: what the ERP does not know yet is left alone."""
    return {key: value for key, value in metas.items() if value}


def _meta_entry(now: Current, key: str) -> Mapping[str, Any]:
    entries = now.get("meta_data")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get("key") == key:
            return entry
    return {}


def _meta_text(now: Current, key: str) -> str:
    value = _meta_entry(now, key).get("value")
    return "" if value is None else decoded(value)


def _meta_changes(metas: Mapping[str, str], now: Current) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for key, value in metas.items():
        if _meta_text(now, key) == value:
            continue
        # With its id an entry is changed or, with null, deleted; without, a second one of the key could be made.
        known = _meta_entry(now, key).get("id")
        entries.append({**({"id": known} if known else {}), "key": key, "value": value or None})
    return entries


def _readable(now: Current, body: Body) -> Differences:
    shown: Differences = {}
    if "status" in body:
        shown["status"] = (str(now.get("status") or ""), body["status"])
    for entry in body.get("meta_data", ()):
        shown[entry["key"]] = (_meta_text(now, entry["key"]), entry["value"] or "")
    return shown


def _unkept(answer: RowAnswer, number: str) -> Problem | None:
    """The problem when the shop answered without error and did not keep a value."""
    body = answer.row.body
    lost = ["status"] if body.get("status", answer.body.get("status")) != answer.body.get("status") else []
    if "meta_data" in answer.body:
        sent = body.get("meta_data", ())
        lost += [entry["key"] for entry in sent if _meta_text(answer.body, entry["key"]) != (entry["value"] or "")]
    if not lost:
        return None
    return Problem(
        "order_value_not_kept",
        "La boutique a répondu sans erreur mais n’a pas gardé « %(field)s » de la commande %(number)s.",
        "Une extension de la boutique modifie cette valeur ; vérifiez la commande.",
        values={"field": ", ".join(lost), "number": number},
    )


def _problem(answer: RowAnswer, number: str) -> Problem | None:
    if answer.failure is not None:
        return Problem(
            "order_not_answered",
            "La boutique n’a pas répondu pour la commande %(number)s, même envoyée seule.",
            "Ouvrez cette commande dans WooCommerce : une extension ralentit son enregistrement. Elle sera réessayée.",
            detail=f"{answer.failure.code}: {answer.failure.detail}",
            values={"number": number},
        )
    if answer.error is None:
        return None
    if answer.error.code == "woocommerce_rest_shop_order_invalid_id":
        return _gone(number).problem
    return answer.error.problem(number)


def _stopped(out: Outbound[Any], error: ConnectorError) -> ItemResult:
    """Result of an item that ended before its fields were sent. A lost note may have been written."""
    if isinstance(error, LostAnswer):
        return ItemResult(out.key, Outcome.UNCERTAIN, remote_key=_remote(out), problem=error.problem)
    result = refused_by(out, error)
    if error.problem.code != "order_gone":
        return result
    return ItemResult(out.key, result.outcome, remote_key=_remote(out), problem=error.problem, gone=True)


def _remote(out: Outbound[Any]) -> str:
    """The shop's id of the order; a mark is keyed by it."""
    return out.remote_key or (out.record.key if isinstance(out.record, OrderMark) else "")


def _name(out: Outbound[Any], now: Current | None = None) -> str:
    return decoded((now or {}).get("number")) or out.label or _remote(out) or out.key


def _refused(code: str, sentence: str, advice: str, **values: str) -> ItemRefused:
    return ItemRefused(Problem(code, sentence, advice, values=values))


def _gone(number: str) -> ItemRefused:
    return _refused(
        "order_gone",
        "La commande %(number)s n’existe plus dans la boutique.",
        "Rien n’est à faire si elle a été supprimée exprès ; son document reste dans l’ERP.",
        number=number,
    )


def _unlinked(number: str) -> ItemRefused:
    return _refused(
        "order_not_linked",
        "« %(number)s » n’est lié à aucune commande de la boutique.",
        "Importez d’abord la commande.",
        number=number,
    )
