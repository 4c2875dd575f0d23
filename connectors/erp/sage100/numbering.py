"""Numbers of documents: taken by compare-and-set, so that two writers never hold the same one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.canonical.sales import DocumentKind
from connectors.core.odbc import text_of
from connectors.core.problems import Transient
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.rows_writer import RowWriter
from connectors.erp.sage100.sizes import Sizes
from connectors.erp.sage100.writing_problems import problem, refused

QUOTE, ORDER, PREPARATION, DELIVERY, RETURN, FINANCIAL_CREDIT, INVOICE, POSTED = range(8)
"""DO_Type of sales documents."""

NORMAL, CREDIT_NOTE = 0, 2
"""DO_Provenance: a credit note is an invoice with negative quantities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How Sage holds a kind of document. ``counter``: its row of F_DOCCURRENTPIECE; ``shared``: kinds among which its
    number must be new, since a document may keep it when it becomes one of them; ``origin``: statement that finds the
    number in lines of a document that was transformed since."""

    type: int
    counter: int
    shared: tuple[int, ...]
    origin: str = ""
    sign: int = 1
    provenance: int = NORMAL


KINDS: Mapping[DocumentKind, Kind] = {
    DocumentKind.QUOTE: Kind(type=QUOTE, counter=0, shared=(QUOTE, ORDER), origin="writing/number_as_order"),
    DocumentKind.ORDER: Kind(type=ORDER, counter=1, shared=(QUOTE, ORDER), origin="writing/number_as_order"),
    DocumentKind.DELIVERY: Kind(type=DELIVERY, counter=3, shared=(DELIVERY,), origin="writing/number_as_delivery"),
    DocumentKind.INVOICE: Kind(type=INVOICE, counter=6, shared=(INVOICE, POSTED)),
    DocumentKind.CREDIT: Kind(type=INVOICE, counter=8, shared=(INVOICE, POSTED), sign=-1, provenance=CREDIT_NOTE),
}

_ATTEMPTS = 1000


class Numbering:
    """Takes the next number of a series, inside a transaction of the caller."""

    def __init__(self, database: Database, rows: RowWriter, sizes: Sizes) -> None:
        self._database = database
        self._rows = rows
        self._sizes = sizes

    def take(self, kind: Kind, series: int) -> str:
        """A number that no document bears or bore.

        Raises ``Transient`` when others take them all the time, and ``ItemRefused`` (``numbers_used``) when the series
        stands far behind the numbers in use: what was passed over is lost with the transaction, at every attempt.
        """
        used = ""
        for _ in range(_ATTEMPTS):
            piece = self._next(kind, series)
            following = self._following(piece)
            key = {"DC_Domaine": 0, "DC_IdCol": kind.counter, "DC_Souche": series, "DC_Piece": piece}
            if not self._rows.update("F_DOCCURRENTPIECE", {"DC_Piece": following}, key):
                continue
            if not self._used(kind, piece):
                return piece
            used = piece
        raise refused("numbers_used", value=used) if used else Transient(problem("record_locked"))

    def give_back(self, kind: Kind, series: int, piece: str) -> None:
        """Undoes :meth:`take` in the same transaction, while nobody else can have taken the following number."""
        key = {"DC_Domaine": 0, "DC_IdCol": kind.counter, "DC_Souche": series, "DC_Piece": self._following(piece)}
        self._rows.update("F_DOCCURRENTPIECE", {"DC_Piece": piece}, key)

    def _next(self, kind: Kind, series: int) -> str:
        piece = text_of(self._database.value("writing/next_number", kind.counter, series)).strip()
        if not piece:
            raise refused("series_without_number", value=series + 1)
        return piece

    def _following(self, piece: str) -> str:
        following = following_number(piece)
        size = self._sizes.size("F_DOCENTETE", "DO_Piece")
        if size and len(following) > size:
            raise refused("number_exhausted", value=following)
        return following

    def _used(self, kind: Kind, piece: str) -> bool:
        ready = self._database.prepared("writing/number_used").listing(len(kind.shared))
        if self._database.rows(ready, *kind.shared, piece):
            return True
        return bool(kind.origin and self._database.rows(kind.origin, piece))


def following_number(piece: str) -> str:
    """The number after this one: its last digits plus one, at the same width (``WEB00009`` gives ``WEB00010``)."""
    head, digits = re.fullmatch(r"(.*?)(\d*)", piece, re.DOTALL).groups()  # type: ignore[union-attr]
    return f"{head}{int(digits or 0) + 1:0{len(digits)}d}"
