"""Open documents changed after the order they were made of, line by line, and put on hold.

What of a document is ours is told by what the rows themselves keep, since nothing else is recorded in Sage. We write
the lines of a document one after the other at the positions 10000, 20000, 30000… without a gap, the customer's message
last, and the rows bear the creator (cbCreateur) of their header. So these are certainly not ours, and refuse the
amendment (``document_changed_by_hand``) instead of being lost:

- a line another user created: its creator is not the header's (where the driver marks rows with their user);
- a line put in between, or one taken away, which leaves positions that are not 10000, 20000, 30000…;
- a line of goods after the customer's message;
- a document whose currency was changed.

A line of ours in which somebody changed a quantity, a price or a text looks exactly like an earlier state of the order:
Sage keeps no trace of it. Such a change is replaced by what the order says. The caller who must not do so compares the
totals with those of the last writing first. The same holds for a line added at the very end of a document without
message, through a driver that marks no rows.

Amounts of a line are computed by the driver when the line is added; whether it computes them again when one is changed
was never seen. A line whose quantity, price or tax differs is therefore taken away and added again; one whose place or
texts alone differ is changed where it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from connectors.canonical.sales import DocumentTotals, SalesDocument
from connectors.canonical.values import round_half_up
from connectors.core.odbc import Row, decimal_of, int_of, moment_of, text_of
from connectors.core.problems import Transient
from connectors.erp.sage100.document_lines import STEP, PlannedLine
from connectors.erp.sage100.documents import Desk, DocumentPlanner, Plan, require_equal, strange_lines
from connectors.erp.sage100.line_writer import LineWriter
from connectors.erp.sage100.lookups import EMPTY_DATE
from connectors.erp.sage100.numbering import KINDS
from connectors.erp.sage100.totals import Piece
from connectors.erp.sage100.writing_problems import problem, refused

_HEADER = "F_DOCENTETE"
_LINES = "F_DOCLIGNE"
_NUMBERS = (1, 2, 3)
_TAX_COLUMNS = ("Taxe", "TypeTaux", "TypeTaxe", "CodeTaxe")
_FROM_ORDER = (
    "DO_Ref", "DO_Contact", "DO_Coord01", "DO_Coord02", "DO_Coord03", "DO_Coord04", "DO_TypeFrais", "DO_ValFrais",
    "DO_TypeLigneFrais", *(f"DO_{name}{number}" for number in _NUMBERS for name in _TAX_COLUMNS),
)  # fmt: skip
"""Columns of the header that follow the order; the others follow it where the order names them."""

_WHAT = ("AR_Ref", "AG_No1", "AG_No2", "AR_RefCompose", "DL_Valorise", "DL_TypeTaux1", "DL_TypeTaux2", "DL_TypeTaux3")
_FIGURES = (
    "DL_Qte",
    "EU_Qte",
    "DL_TTC",
    "DL_Remise01REM_Valeur",
    "DL_Remise01REM_Type",
    "DL_Taxe1",
    "DL_Taxe2",
    "DL_Taxe3",
)
_WORDS = ("DL_Design", "EU_Enumere")
_ON_EVERY_LINE = ("DO_Ref", "DO_DateLivr")
"""Columns of the header that each line repeats."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, held or planned, as two of them are compared. ``substance``: all but its place and its words."""

    substance: tuple[Any, ...]
    words: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class _Steps:
    """What has to be done to the lines of a document."""

    removed: list[Row]
    changed: list[tuple[int, dict[str, Any]]]
    added: list[PlannedLine]

    def __bool__(self) -> bool:
        return bool(self.removed or self.changed or self.added)


class DocumentAmender:
    """Changes open documents, inside a transaction of the caller."""

    def __init__(self, desk: Desk, planner: DocumentPlanner, *, transactional: bool) -> None:
        self._desk = desk
        self._planner = planner
        self._transactional = transactional
        self._writer = LineWriter(desk.database, desk.rows)

    def amend(self, document: SalesDocument, customer: str, address: str) -> DocumentTotals:
        """Makes the order's document hold what ``document`` says; writes nothing when it does already.

        Raises ``ItemRefused``: ``document_not_found``, ``document_closed``, ``document_changed_by_hand`` (see the
        module), ``document_total_differs``; the caller's transaction then keeps nothing.
        """
        piece = self._open_piece(document.web_number)
        plan = self._plan(piece, document, customer, address)
        header, steps = self._header_changes(piece, plan), self._steps(piece, plan)
        if header or steps:
            self._take(piece, header or {"DO_Ref": plan.header["DO_Ref"]})
            # Another writer may have amended it while we waited for the row.
            self._write(piece, self._steps(piece, plan), header)
        totals = self._desk.documents.totals([piece])
        require_equal(document, totals, strange_lines(self._desk, plan, piece))
        return totals

    def hold(self, web_number: str) -> DocumentTotals:
        """Puts the order's document back to the first status of its kind; writes nothing when it stands there.

        Raises ``ItemRefused``: ``document_not_found``, ``document_closed``. A company that uses a single status for
        this kind of document has no way to hold it: a note tells so.
        """
        piece = self._open_piece(web_number)
        first = self._desk.lookups.first_status(KINDS[piece.kind].counter)
        if first is None:
            self._desk.sizes.notes.append(problem("status_alone", value=piece.piece))
        elif int_of(self._desk.documents.header(piece)["do_statut"]) != first:
            self._take(piece, {"DO_Statut": first})
        return self._desk.documents.totals([piece])

    def _open_piece(self, web_number: str) -> Piece:
        found = self._desk.documents.of_order(web_number)
        if not found:
            raise refused("document_not_found", value=web_number)
        if not self._desk.documents.is_open(found):
            raise refused("document_closed", value=found[0].piece)
        return found[0]

    def _take(self, piece: Piece, changes: Mapping[str, Any]) -> None:
        """Changes the header, which nobody else then changes before our commit; its kind and state are compared.

        Whoever transforms, validates or amends the document changes this row too. When it is not as it was read, the
        step is run once more and sees why.
        """
        where: dict[str, Any] = {"DO_Domaine": 0, "DO_Type": piece.type, "DO_Piece": piece.piece, "DO_Cloture": 0}
        if self._desk.database.has(_HEADER, "DO_Valide"):
            where["DO_Valide"] = 0
        if self._desk.rows.update(_HEADER, changes, where) != 1:
            raise Transient(problem("record_locked"))

    # The plan of the document as it stands

    def _plan(self, piece: Piece, document: SalesDocument, customer: str, address: str) -> Plan:
        """The plan of the order under the kind, the day, the customer and the exchange rate of the document held."""
        held = self._held(piece)
        day, owner = moment_of(held["do_date"]), text_of(held["do_tiers"])
        if self._desk.lookups.currency(document.currency)[0] != int_of(held["do_devise"]):
            raise refused("document_changed_by_hand", value=piece.piece)
        kept = replace(
            document,
            kind=piece.kind,
            on=day.date() if day else document.on,
            status="",
            series="",
            deposits=(),
            instalments=(),
            currency_rate=self._desk.documents.rate(piece) or document.currency_rate,
        )
        # A user may have put the document on another account, which does not have our addresses.
        plan = self._planner.plan(kept, owner, address if owner == customer else "")
        named = {
            "LI_No": bool(address) and owner == customer,
            "DO_Expedit": bool(document.carrier),
            "N_CatCompta": bool(document.accounting_category),
            "DO_DateLivr": document.delivery_on is not None,
        }
        columns = (*_FROM_ORDER, *(column for column, given in named.items() if given))
        return replace(plan, header={column: plan.header[column] for column in columns if column in plan.header})

    def _held(self, piece: Piece) -> Row:
        statement = self._desk.database.prepared("writing/amended_header")
        optional = [f"e.{column}" for column in (*_codes("DO"), "cbCreateur") if self._has(_HEADER, column)]
        rows = self._desk.database.rows(statement.selecting(optional), piece.type, piece.piece)
        if not rows:
            raise Transient(problem("record_locked"))
        return rows[0]

    def _has(self, table: str, column: str) -> bool:
        return self._desk.database.has(table, column)

    def _header_changes(self, piece: Piece, plan: Plan) -> dict[str, Any]:
        held = self._held(piece)
        return {
            column: value
            for column, value in plan.header.items()
            if self._has(_HEADER, column) and not _equal(held[column.lower()], value)
        }

    # Lines

    def _steps(self, piece: Piece, plan: Plan) -> _Steps:
        """How the lines held become the planned ones: equal lines stay, those with other words are changed."""
        held = self._held_lines(piece)
        foreign, coded = plan.rate is not None, self._has(_LINES, "DL_CodeTaxe1")
        left = [(row, _line(row, self._text(int_of(row["dt_no"])), foreign, coded)) for row in held]
        wanted = [(line, _line(self._fitted(line), line.text, foreign, coded)) for line in plan.lines]
        found: dict[int, Row] = {}
        for same in (_same_line, _same_substance):
            for place, (_, asked) in enumerate(wanted):
                match = next((pair for pair in left if place not in found and same(pair[1], asked)), None)
                if match is not None:
                    left.remove(match)
                    found[place] = match[0]
        changed = [
            (int_of(found[place]["dl_no"]), changes)
            for place, (line, _) in enumerate(wanted)
            if place in found and (changes := self._changes(found[place], self._fitted(line)))
        ]
        return _Steps([row for row, _ in left], changed, [wanted[n][0] for n in range(len(wanted)) if n not in found])

    def _fitted(self, line: PlannedLine) -> dict[str, Any]:
        """The row as Sage will hold it, by lower-case name as rows are read."""
        fitted = self._desk.sizes.row(_LINES, line.row)
        return {column.lower(): value for column, value in fitted.items()}

    def _changes(self, held: Row, wanted: Row) -> dict[str, Any]:
        columns = [column for column in ("DL_Ligne", *_WORDS) if column.lower() in wanted]
        return {
            column: wanted[column.lower()]
            for column in columns
            if not _equal(held[column.lower()], wanted[column.lower()])
        }

    def _held_lines(self, piece: Piece) -> list[Row]:
        """Lines of the document. Raises ``ItemRefused`` (``document_changed_by_hand``) when some are not ours."""
        statement = self._desk.database.prepared("writing/amended_lines")
        optional = [f"l.{column}" for column in (*_codes("DL"), "cbCreateur") if self._has(_LINES, column)]
        rows = self._desk.database.rows(statement.selecting(optional), piece.type, piece.piece)
        creator = text_of(self._held(piece).get("cbcreateur")).strip()
        if not self._ours(rows, creator):
            raise refused("document_changed_by_hand", value=piece.piece)
        return rows

    def _ours(self, rows: Sequence[Row], creator: str) -> bool:
        places = [int_of(row["dl_ligne"]) for row in rows]
        if self._transactional:
            placed = places == [STEP * number for number in range(1, len(rows) + 1)]
        else:
            # An amendment that was cut short leaves gaps of its own.
            placed = all(place % STEP == 0 for place in places)
        others = {text_of(row.get("cbcreateur")).strip() for row in rows} - {"", creator}
        after_message = any(
            not text_of(row["ar_ref"]) and text_of(following["ar_ref"]) for row, following in pairwise(rows)
        )
        return placed and not (creator and others) and not after_message

    def _text(self, number: int) -> str:
        return text_of(self._desk.database.value("writing/long_text", number)) if number else ""

    def _write(self, piece: Piece, steps: _Steps, header: Mapping[str, Any]) -> None:
        for row in steps.removed:
            self._writer.remove(piece, int_of(row["dl_no"]), int_of(row["dt_no"]))
        for number, changes in steps.changed:
            self._writer.change(piece, number, changes)
        repeated = {column: header[column] for column in _ON_EVERY_LINE if column in header}
        if repeated:
            where = {"DO_Domaine": 0, "DO_Type": piece.type, "DO_Piece": piece.piece}
            self._desk.rows.update(_LINES, repeated, where)
        for line in steps.added:
            self._writer.add(piece, line)


def _line(row: Mapping[str, Any], text: str, foreign: bool, coded: bool) -> _Line:
    """The line as it is compared: only the price that leads counts, the driver works the others out of it."""
    lead = "dl_pudevise" if foreign else ("dl_puttc" if int_of(row.get("dl_ttc")) else "dl_prixunitaire")
    codes = tuple(text_of(row.get(f"dl_codetaxe{number}")).strip() for number in _NUMBERS) if coded else ()
    what = tuple(text_of(row.get(column.lower())).strip() or "0" for column in _WHAT)
    figures = tuple(round_half_up(decimal_of(row.get(column.lower())), 6) for column in (*_FIGURES, lead))
    return _Line(
        (what, figures, codes), tuple(text_of(row.get(word.lower())).strip() for word in _WORDS), text.rstrip()
    )


def _codes(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_CodeTaxe{number}" for number in _NUMBERS)


def _same_line(held: _Line, asked: _Line) -> bool:
    return held == asked


def _same_substance(held: _Line, asked: _Line) -> bool:
    return held.substance == asked.substance and held.text == asked.text


def _equal(held: Any, wanted: Any) -> bool:
    if isinstance(wanted, datetime):
        return (moment_of(held) or EMPTY_DATE) == wanted
    if isinstance(wanted, int | Decimal):
        return round_half_up(decimal_of(held), 6) == round_half_up(decimal_of(wanted), 6)
    return text_of(held).rstrip() == text_of(wanted).rstrip()
