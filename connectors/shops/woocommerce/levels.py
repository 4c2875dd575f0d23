"""Writers of stock and prices: plain products in shared batches, variations in batches of their parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Generic, TypeVar

from connectors.canonical.prices import BasePrice
from connectors.canonical.stock import StockLevel
from connectors.core.problems import ConnectorError, ItemRefused, NotSupported, Problem
from connectors.core.results import Found, ItemResult, Outbound, Outcome
from connectors.shops.woocommerce import expected
from connectors.shops.woocommerce.api import PAGE, Body
from connectors.shops.woocommerce.batching import BatchSender, Row, RowAnswer
from connectors.shops.woocommerce.defaults import move_defaults
from connectors.shops.woocommerce.lookup import by_sku
from connectors.shops.woocommerce.marks import EMPTY_KEY
from connectors.shops.woocommerce.merge import changed_fields
from connectors.shops.woocommerce.outcome import (
    Differences,
    failed_row,
    not_kept,
    readable,
    received,
    refused_by,
    short,
)
from connectors.shops.woocommerce.render import check_barcode, check_price, sale_change, stock_fields
from connectors.shops.woocommerce.shop import Shop
from connectors.shops.woocommerce.text import decoded, price_text, weight_text

R = TypeVar("R", StockLevel, BasePrice)
MOST_STOCK = 2**31 - 1


class LevelWriter(Generic[R]):
    """Writes one figure per variant. Values are checked before sending, since batches check nothing."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def _fields(self, record: R) -> Body:
        """Fields to send. Raises ``ItemRefused`` for a value that must not be sent."""
        raise NotImplementedError

    def find(self, batch: Sequence[Outbound[R]]) -> dict[str, Found]:
        """Products and variations that bear the variant's reference."""
        holders = by_sku(self._shop.api, [out.record.reference for out in batch])
        found: dict[str, Found] = {}
        for out in batch:
            bearers = holders.get(out.record.reference, [])
            if len(bearers) == 1:
                holder = bearers[0]
                found[out.key] = Found(str(holder.id), decoded(holder.name), hidden=holder.trashed)
        return found

    def send(self, batch: Sequence[Outbound[R]]) -> Iterator[ItemResult]:
        """One result per item, parent after parent. An object that is gone says so.

        What was never sent to an object, and is what it holds already, is left alone.
        """
        routes: dict[str, list[Row]] = {}
        rows_now = self._current([out for out in batch if out.remote_key.isdecimal() and self._must_look(out)])
        for out in batch:
            now = rows_now.get(out.remote_key, {})
            try:
                body = self._body(out, now)
            except ConnectorError as error:
                if not isinstance(error, ItemRefused):
                    raise
                yield refused_by(out, error)
                continue
            if out.first and now and not _changes(now, body):
                yield self._same(out)
                continue
            routes.setdefault(_route(out), []).append(Row(body, subject=out, name=out.record.reference or out.key))
        sender = BatchSender(self._shop.api, self._shop.updates)
        for route, rows in routes.items():
            yield from self._completed(rows, (self._result(answer) for answer in sender.send(route, "update", rows)))

    def _completed(self, rows: Sequence[Row], results: Iterator[ItemResult]) -> Iterator[ItemResult]:
        """The results of one route, each as soon as known, and whatever depends on all of them."""
        return results

    def compare(self, batch: Sequence[Outbound[R]]) -> dict[str, Differences]:
        """Figures that would change, read now; nothing is written. Refused and unlinked items are absent."""
        rows = self._current([out for out in batch if out.remote_key.isdecimal()])
        found: dict[str, Differences] = {}
        for out in batch:
            now = rows.get(out.remote_key)
            if now is None:
                continue
            with suppress(ItemRefused):
                found[out.key] = readable(now, _changes(now, self._body(out, now)))
        return found

    def _must_look(self, out: Outbound[R]) -> bool:
        """Whether what the shop holds must be known before the figure is written."""
        return out.first

    def _current(self, outs: Sequence[Outbound[R]]) -> dict[str, Mapping[str, Any]]:
        fields = (
            "id,status,manage_stock,stock_quantity,stock_status,backorders,regular_price,weight,global_unique_id,"
            "meta_data"
        )
        routes: dict[str, list[str]] = {}
        for out in outs:
            routes.setdefault(_route(out), []).append(out.remote_key)
        found: dict[str, Mapping[str, Any]] = {}
        for route, ids in routes.items():
            for start in range(0, len(ids), PAGE):
                query = {"include": ",".join(ids[start : start + PAGE]), "_fields": fields}
                found.update({str(row["id"]): row for row in self._shop.api.every(route, query)})
        return found

    def retire(self, batch: Sequence[Outbound[R]]) -> Iterator[ItemResult]:
        """Not something a figure can do. Raises ``NotSupported``."""
        raise NotSupported(Problem("not_supported", "Un stock ou un prix ne se désactive pas ; désactivez l’article."))

    def _extra(self, out: Outbound[R], now: Mapping[str, Any]) -> Body:
        """Fields that depend on what the shop holds now."""
        return {}

    def _body(self, out: Outbound[R], now: Mapping[str, Any]) -> Body:
        if not out.remote_key.isdecimal():
            raise ItemRefused(
                Problem(
                    "not_linked",
                    "« %(reference)s » n’est pas dans la boutique.",
                    "Exportez d’abord l’article.",
                    values={"reference": out.record.reference or out.key},
                )
            )
        return {"id": int(out.remote_key), **self._fields(out.record), **self._extra(out, now)}

    def _result(self, answer: RowAnswer) -> ItemResult:
        out: Outbound[Any] = answer.row.subject
        name = answer.row.name
        problem = answer.failure or (answer.error.problem(name) if answer.error else None)
        if problem is not None:
            return failed_row(out, answer, problem)
        kept = self._unkept(answer, name)
        return ItemResult(
            key=out.key,
            outcome=Outcome.UPDATED if kept is None else Outcome.REFUSED,
            remote_key=out.remote_key,
            problem=kept,
            written=kept is None,
            url=self._shop.product_url(out.remote_parent or out.remote_key),
            sent=short(answer.row.body),
            received=received(answer.body),
            seconds=answer.seconds,
        )

    def _same(self, out: Outbound[R]) -> ItemResult:
        address = self._shop.product_url(out.remote_parent or out.remote_key)
        return ItemResult(key=out.key, outcome=Outcome.UNCHANGED, remote_key=out.remote_key, url=address)

    def _unkept(self, answer: RowAnswer, name: str) -> Problem | None:
        return not_kept(answer.row.body, answer.body, name)


class StockWriter(LevelWriter[StockLevel]):
    """Quantities; weight, bar code (STK-03), state of sale and next delivery (STK-04) ride along where asked for."""

    def _must_look(self, out: Outbound[StockLevel]) -> bool:
        expects = expected.must_look(out.record, self._shop.options)
        return super()._must_look(out) or _follows_stock(out) or expects

    def _completed(self, rows: Sequence[Row], results: Iterator[ItemResult]) -> Iterator[ItemResult]:
        """Moves the preselected variation of the parent; a refusal goes to the last result, so that it is retried.

        The last result that was written waits for that, all others are told as soon as known.
        """
        parent: str = rows[0].subject.remote_parent
        if not (self._shop.options.default_in_stock and parent.isdecimal() and _route(rows[0].subject) != "products"):
            yield from results
            return
        last: ItemResult | None = None
        for result in results:
            if not result.written:
                yield result
                continue
            if last is not None:
                yield last
            last = result
        if last is not None:
            problem = move_defaults(self._shop, [int(parent)]).get(int(parent))
            yield last if problem is None else replace(last, outcome=Outcome.REFUSED, problem=problem)

    def _extra(self, out: Outbound[StockLevel], now: Mapping[str, Any]) -> Body:
        fields = sale_change(out.record, now, self._shop.options) if _follows_stock(out) else {}
        meta = [*fields.get("meta_data", ()), *expected.entries(out.record, now.get("meta_data"), self._shop.options)]
        return {**fields, "meta_data": meta} if meta else fields

    def _fields(self, record: StockLevel) -> Body:
        fields = stock_fields(record)
        if abs(fields.get("stock_quantity", 0)) > MOST_STOCK:
            raise ItemRefused(
                Problem(
                    "quantity_impossible",
                    "La quantité de « %(reference)s » est trop grande pour la boutique.",
                    "Corrigez le stock dans l’ERP.",
                    values={"reference": record.reference},
                )
            )
        if record.weight is not None:
            fields["weight"] = weight_text(record.weight, self._shop.facts.weight_unit)
        if record.barcode and self._shop.facts.has_barcodes:
            check_barcode(record.reference, record.barcode, self._shop.options)
            fields["global_unique_id"] = record.barcode
        return fields

    def _unkept(self, answer: RowAnswer, name: str) -> Problem | None:
        if answer.row.body.get("manage_stock") and answer.body.get("manage_stock") is False:
            return Problem(
                "stock_not_managed",
                "La boutique n’a pas gardé la quantité de « %(reference)s » : la gestion des stocks y est désactivée.",
                "Activez « Gestion du stock » dans WooCommerce › Réglages › Produits › Inventaire.",
                values={"reference": name},
            )
        return super()._unkept(answer, name)


class PriceWriter(LevelWriter[BasePrice]):
    """Regular prices, already in the shop's currency and tax basis (checked again here)."""

    def _fields(self, record: BasePrice) -> Body:
        facts = self._shop.facts
        check_price(record, facts)
        return {"regular_price": price_text(record.price.amount, facts.price_decimals)}


def _changes(now: Mapping[str, Any], body: Body) -> Body:
    """The fields of ``body`` that differ from what the shop holds; our own mark of used-up stock is none of them."""
    meta = [entry for entry in body.get("meta_data", ()) if entry["key"] != EMPTY_KEY]
    changes = changed_fields(now, {name: value for name, value in body.items() if name != "meta_data"})
    return {**changes, "meta_data": meta} if meta else changes


def _follows_stock(out: Outbound[StockLevel]) -> bool:
    """Whether the product goes off sale and back with its stock; a variation's parent has others to sell."""
    return out.record.sellable is not None and _route(out) == "products"


def _route(out: Outbound[Any]) -> str:
    """Plain products are written on their own route, variations on their parent's: nothing else is accepted."""
    if out.remote_parent and out.remote_parent != out.remote_key:
        return f"products/{out.remote_parent}/variations"
    return "products"
