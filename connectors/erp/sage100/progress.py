"""How far Sage is with the orders of a shop: the documents that carry a web number, whatever they became."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from connectors.canonical.sales import OrderProgress
from connectors.core.odbc import Row, decimal_of, int_of, moment_of, text_of
from connectors.core.query import Query
from connectors.core.results import Cursor, Page
from connectors.erp.sage100.articles import LAG
from connectors.erp.sage100.company import quoted
from connectors.erp.sage100.context import Context
from connectors.erp.sage100.numbering import DELIVERY, INVOICE, NORMAL, POSTED, QUOTE
from connectors.erp.sage100.statements import Statement
from connectors.erp.sage100.totals import STATES
from connectors.erp.sage100.writing_problems import misconfigured

PARCEL_FIELD = "DL_NoColis"
"""The one field of lines that may hold a tracking number."""

_DELIVERED = ("DO_DateLivrRealisee", "DO_DateExpedition")
_MARK = "%Y-%m-%d %H:%M:%S"
_BY_NUMBER = "n:"
_TRACKING = "tracking"


@dataclass(frozen=True, slots=True)
class _Document:
    type: int
    piece: str
    row: Row
    open_goods: bool
    parcels: tuple[str, ...]


class ProgressReader:
    """Streams :class:`OrderProgress`, one for each web number. Keys are web numbers."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._page_size = context.options.page_size

    def pages(
        self, query: Query, *, since: Cursor | None = None, keys: Collection[str] | None = None
    ) -> Iterator[Page[OrderProgress]]:
        """See :class:`connectors.core.ports.Reader`. A change of a header or of one of its lines counts as one."""
        self._check(query)
        cursor = since or Cursor()
        if keys is not None:
            yield from self._numbered(query, sorted({key for key in keys if key}), Cursor(), len(keys))
        elif cursor.since and self._dated:
            yield from self._changed(query, cursor)
        else:
            yield from self._scanned(query, replace(cursor, until=cursor.until or self._mark()))

    def all_keys(self) -> Iterator[str]:
        """Every web number of an order; those of quotes and credit notes are none."""
        seen: set[str] = set()
        for rows, _ in self._windows(0):
            for row in rows:
                number = text_of(row["do_noweb"])
                if _is_stage(row) and number not in seen:
                    seen.add(number)
                    yield number

    # What to read

    def _check(self, query: Query) -> None:
        field = query.tracking_field
        if field in ("", PARCEL_FIELD):
            return
        plain = re.fullmatch(r"\w+", field, re.ASCII) is not None
        if not (plain or field in self._custom) or not self._database.has("F_DOCENTETE", field):
            raise misconfigured("document_field_unknown", name=field)

    @property
    def _dated(self) -> bool:
        return all(self._database.has(table, "cbModification") for table in ("F_DOCENTETE", "F_DOCLIGNE"))

    def _mark(self) -> str:
        """The latest change the server holds, read before the first row: never the clock of this machine."""
        if not self._dated:
            return ""
        marks = [moment_of(self._database.value(name)) for name in ("progress/mark", "progress/mark_lines")]
        known = [mark for mark in marks if mark is not None]
        return f"{max(known):{_MARK}}" if known else ""

    def _changed(self, query: Query, cursor: Cursor) -> Iterator[Page[OrderProgress]]:
        cursor = replace(cursor, until=cursor.until or self._mark() or cursor.since)
        floor = datetime.strptime(cursor.since, _MARK) - LAG  # noqa: DTZ007 the server's time
        literal = self._database.session.date_literal(floor)
        found: set[str] = set()
        for name, alias in (("progress/changed_headers", "e"), ("progress/changed_lines", "l")):
            ready = self._database.prepared(name).filtered(f"{alias}.cbModification >= {literal}")
            with self._database.session.stream(ready.text) as stream:
                found |= {text_of(row[0]) for row in stream}
        after = cursor.after.removeprefix(_BY_NUMBER)
        yield from self._numbered(query, sorted(number for number in found if number > after), cursor, len(found))

    def _numbered(
        self, query: Query, numbers: Sequence[str], cursor: Cursor, total: int
    ) -> Iterator[Page[OrderProgress]]:
        for start in range(0, len(numbers), self._page_size) or (0,):
            piece = numbers[start : start + self._page_size]
            after = _BY_NUMBER + piece[-1] if piece and cursor != Cursor() else cursor.after
            yield Page(tuple(self._progress(query, piece)), replace(cursor, after=after), (), total)

    def _scanned(self, query: Query, cursor: Cursor) -> Iterator[Page[OrderProgress]]:
        total = int_of(self._database.value("progress/count"))
        low = int(cursor.after or 0)
        for rows, high in self._windows(low):
            numbers = list(dict.fromkeys(text_of(row["do_noweb"]) for row in rows))
            found = self._progress(query, numbers, first_after=low)
            yield Page(tuple(found), replace(cursor, after=str(high)), (), total)
            low = high

    def _windows(self, low: int) -> Iterator[tuple[list[Row], int]]:
        """Headers by ranges of row numbers with the end of each range; at least one."""
        highest = int_of(self._database.value("progress/highest"))
        while low < highest:
            # Web orders may be few among many documents: jump to the next one.
            low = max(low, int_of(self._database.value("progress/next", low)) - 1)
            high = min(low + self._page_size, highest)
            yield self._database.rows("progress/window", low, high), high
            low = high
        if not highest:
            yield [], low

    # Documents of some orders

    def _progress(self, query: Query, numbers: Sequence[str], *, first_after: int = 0) -> Iterator[OrderProgress]:
        """Progress of these orders. ``first_after``: leaves out orders one of whose documents was met before it."""
        if not numbers:
            return
        headers: dict[str, list[Row]] = {}
        for row in self._database.rows_for(self._header_statement(query), numbers):
            headers.setdefault(text_of(row["do_noweb"]), []).append(row)
        lines = self._lines([row for rows in headers.values() for row in rows])
        for number in numbers:
            rows = headers.get(number, [])
            if not rows or int_of(rows[0]["cbmarq"]) <= first_after:
                continue
            documents = _documents(rows, lines)
            if documents:
                yield self._record(query, number, documents)

    def _header_statement(self, query: Query) -> Statement:
        optional = [f"e.{column}" for column in _DELIVERED if self._database.has("F_DOCENTETE", column)]
        field = query.tracking_field
        if field and field != PARCEL_FIELD:
            optional.append(f"e.{quoted(field) if field in self._custom else field} AS {_TRACKING}")
        return self._database.prepared("progress/headers").selecting(optional)

    def _lines(self, headers: Sequence[Row]) -> dict[tuple[int, str], list[Row]]:
        found: dict[tuple[int, str], list[Row]] = {}
        for row in self._database.rows_for("progress/lines", dict.fromkeys(text_of(h["do_piece"]) for h in headers)):
            found.setdefault((int_of(row["do_type"]), text_of(row["do_piece"])), []).append(row)
        return found

    def _record(self, query: Query, number: str, documents: Sequence[_Document]) -> OrderProgress:
        most, least = documents[-1], documents[0]
        shown = least if query.least_advanced else most
        return OrderProgress(
            key=number,
            web_number=number,
            state=STATES[shown.type],
            partial=least.type < most.type and least.open_goods,
            piece=most.piece,
            tracking=_joined(self._trackings(query, documents)),
            carrier=self._carriers.get(int_of(most.row["do_expedit"]), ""),
            delivery_on=_delivery_day(most),
            invoice=_joined(document.piece for document in documents if document.type in (INVOICE, POSTED)),
        )

    def _trackings(self, query: Query, documents: Sequence[_Document]) -> Iterator[str]:
        for document in documents:
            if query.tracking_field == PARCEL_FIELD:
                yield from document.parcels
            elif query.tracking_field:
                yield text_of(document.row.get(_TRACKING)).strip()

    @cached_property
    def _carriers(self) -> dict[int, str]:
        rows = self._database.rows("shipping_modes")
        return {int_of(row["cbindice"]): text_of(row["e_intitule"]).strip() for row in rows}

    @cached_property
    def _custom(self) -> frozenset[str]:
        return frozenset(text_of(row["cb_name"]) for row in self._database.rows("custom_columns", "F_DOCENTETE"))


def _is_stage(row: Row) -> bool:
    kind = int_of(row["do_type"])
    return kind in STATES and kind != QUOTE and int_of(row["do_provenance"]) == NORMAL


def _documents(rows: Sequence[Row], lines: Mapping[tuple[int, str], list[Row]]) -> list[_Document]:
    """The documents of one order, the least advanced first; quotes, returns and credit notes are no stage of it."""
    found = []
    for row in rows:
        kind, piece = int_of(row["do_type"]), text_of(row["do_piece"])
        if not _is_stage(row):
            continue
        own = lines.get((kind, piece), [])
        goods = any(text_of(line["ar_ref"]) and decimal_of(line["dl_qte"]) > 0 for line in own)
        parcels = tuple(dict.fromkeys(filter(None, (text_of(line["dl_nocolis"]).strip() for line in own))))
        found.append(_Document(kind, piece, row, goods, parcels))
    return sorted(found, key=lambda document: document.type)


def _delivery_day(document: _Document) -> date | None:
    """The day of delivery that was noted, else the one that was planned."""
    columns: tuple[str, ...] = ("DO_DateLivr",)
    if document.type >= DELIVERY:
        columns = (*_DELIVERED, *columns)
    for column in columns:
        moment = moment_of(document.row.get(column.lower()))
        if moment is not None:
            return moment.date()
    return None


def _joined(texts: Any) -> str:
    return ", ".join(dict.fromkeys(filter(None, texts)))
