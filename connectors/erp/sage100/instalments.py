"""Instalments of a document: what is left to pay, by which day and by which method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from connectors.canonical.sales import Instalment, SalesDocument
from connectors.canonical.values import round_half_up
from connectors.core.odbc import Row, decimal_of, int_of, moment_of
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.document_lines import midnight
from connectors.erp.sage100.lookups import Lookups
from connectors.erp.sage100.rows_writer import RowWriter
from connectors.erp.sage100.sizes import Sizes
from connectors.erp.sage100.totals import Piece
from connectors.erp.sage100.versions import takes_instalments
from connectors.erp.sage100.writing_problems import problem, refused

_INSTALMENT = 2
"""DR_TypeRegl: a due date."""

_HUNDRED = Decimal(100)
_NOTHING = Decimal(0)


class Instalments:
    """Writes the instalments of a document, inside a transaction of the caller.

    Percentages are taken of what the deposits leave to pay, as Sage's own due dates are (inferred: the balancing row
    of the recorded documents holds the amount to pay). Versions from i7 v8 on refuse these rows and make them out of
    the customer's terms (F_REGLEMENTT): the document is then written without, and a note tells it.
    """

    def __init__(self, database: Database, rows: RowWriter, lookups: Lookups, sizes: Sizes) -> None:
        self._database = database
        self._rows = rows
        self._lookups = lookups
        self._sizes = sizes

    def check(self, document: SalesDocument) -> None:
        """Raises ``ItemRefused`` for instalments that cannot be: an unknown method, no share, more than is left."""
        for instalment in document.instalments:
            self._lookups.payment_method(instalment.method)
        self._shares(document)

    def add(self, piece: Piece, document: SalesDocument, rate: Decimal | None) -> None:
        """Adds the instalments the document lacks. May be repeated.

        ``rate``: units of the document's currency for one of the company's, ``None`` in the company's own. Rows that
        Sage made by itself stay, alone, with a note.
        """
        shares = self._shares(document)
        if not shares:
            return
        if not takes_instalments(self._database):
            self._sizes.notes.append(problem("instalments_of_customer", value=piece.piece))
            return
        wanted = [
            self._row(piece, instalment, amount, rate, last=place == len(shares))
            for place, (instalment, amount) in enumerate(shares, 1)
        ]
        held = self._database.rows("writing/document_instalments", piece.type, piece.piece)
        present = Counter(_told(row) for row in held)
        if present - Counter(_own(row) for row in wanted):
            self._sizes.notes.append(problem("instalments_of_customer", value=piece.piece))
            return
        for row in wanted:
            if present[_own(row)]:
                present[_own(row)] -= 1
            else:
                self._rows.insert("F_DOCREGL", row)

    def _shares(self, document: SalesDocument) -> Sequence[tuple[Instalment, Decimal]]:
        """Each instalment with its amount in the document's currency; none when nothing is left to pay."""
        due = document.expected_gross - sum((deposit.amount for deposit in document.deposits), _NOTHING)
        if due <= 0 or not document.instalments:
            return ()
        *first, last = document.instalments
        shares = [(instalment, _share(instalment, due)) for instalment in first]
        left = due - sum((amount for _, amount in shares), _NOTHING)
        if left <= 0 or any(amount <= 0 for _, amount in shares):
            raise refused("instalments_invalid", value=f"{due:.2f}")
        return (*shares, (last, left))

    def _row(
        self, piece: Piece, instalment: Instalment, amount: Decimal, rate: Decimal | None, *, last: bool
    ) -> dict[str, Any]:
        return {
            "DR_No": 0,
            "DO_Domaine": 0,
            "DO_Type": piece.type,
            "DO_Piece": piece.piece,
            "DO_DocType": piece.type,
            "DR_TypeRegl": _INSTALMENT,
            "DR_Date": midnight(instalment.on),
            "DR_Libelle": "",
            "DR_Pourcent": instalment.percent or _NOTHING,
            "DR_Montant": amount if rate is None else round_half_up(amount / rate, 2),
            "DR_MontantDev": _NOTHING if rate is None else amount,
            "DR_Equil": int(last),
            "EC_No": 0,
            "DR_Regle": 0,
            "N_Reglement": self._lookups.payment_method(instalment.method),
        }


def _share(instalment: Instalment, due: Decimal) -> Decimal:
    if instalment.amount is not None:
        return instalment.amount
    return round_half_up(due * (instalment.percent or _NOTHING) / _HUNDRED, 2)


def _own(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["DR_Date"], row["DR_Pourcent"], row["DR_Montant"], row["DR_Equil"], row["N_Reglement"]


def _told(row: Row) -> tuple[Any, ...]:
    return (
        moment_of(row["dr_date"]),
        decimal_of(row["dr_pourcent"]),
        decimal_of(row["dr_montant"]),
        int_of(row["dr_equil"]),
        int_of(row["n_reglement"]),
    )
