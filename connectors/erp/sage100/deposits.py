"""Deposits of a document, and the journal of the payments the driver makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from connectors.canonical.sales import Deposit
from connectors.canonical.values import round_half_up
from connectors.core.odbc import Row, decimal_of, int_of, text_of
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.document_lines import midnight
from connectors.erp.sage100.lookups import Lookups
from connectors.erp.sage100.rows_writer import RowWriter
from connectors.erp.sage100.sizes import Sizes
from connectors.erp.sage100.totals import Piece
from connectors.erp.sage100.writing_problems import problem, refused

_OF_DOCUMENT = 0
"""DR_TypeRegl: a deposit. From i7 v8 on the driver refuses any other kind."""

_REFERENCE = 8
"""Characters of a payment's reference that every screen of Sage shows."""


class Deposits:
    """Writes the deposits of a document, inside a transaction of the caller; each one once."""

    def __init__(self, database: Database, rows: RowWriter, lookups: Lookups, sizes: Sizes) -> None:
        self._database = database
        self._rows = rows
        self._lookups = lookups
        self._sizes = sizes

    def check(self, deposits: Sequence[Deposit]) -> None:
        """Raises ``ItemRefused`` for a deposit of nothing or less, or of an unknown method or journal."""
        for deposit in deposits:
            if deposit.amount <= 0:
                raise refused("deposit_invalid", value=f"{deposit.amount:f}")
            self._lookups.payment_method(deposit.method)
            self._lookups.journal(deposit.journal)

    def add(self, piece: Piece, deposits: Sequence[Deposit], rate: Decimal | None = None) -> None:
        """Adds those of ``deposits`` the document does not have yet, and sets journal and reference of their payments.

        ``rate``: units of the document's currency for one of the company's, ``None`` in the company's own. Two equal
        deposits (amount, label, method) are two payments. Raises ``ItemRefused`` when Sage makes no payment of one.
        """
        self.check(deposits)
        amount = "DR_Montant" if rate is None else "DR_MontantDev"
        present = Counter(_fingerprint(row, amount.lower()) for row in self._of(piece))
        for deposit in deposits:
            row = self._row(piece, deposit, rate)
            known = (row["DR_Libelle"], row[amount], row["N_Reglement"])
            if present[known]:
                present[known] -= 1
                continue
            before = {int_of(held["dr_no"]) for held in self._of(piece)}
            self._rows.insert("F_DOCREGL", row)
            added = [held for held in self._of(piece) if int_of(held["dr_no"]) not in before]
            for held in added:
                self._pay(piece, int_of(held["dr_no"]), deposit)

    def _of(self, piece: Piece) -> list[Row]:
        return self._database.rows("writing/document_deposits", piece.type, piece.piece)

    def _row(self, piece: Piece, deposit: Deposit, rate: Decimal | None) -> dict[str, Any]:
        amount = deposit.amount if rate is None else round_half_up(deposit.amount / rate, 2)
        return {
            "DR_No": 0,
            "DO_Domaine": 0,
            "DO_Type": piece.type,
            "DO_Piece": piece.piece,
            "DO_DocType": piece.type,
            "DR_TypeRegl": _OF_DOCUMENT,
            "DR_Date": midnight(deposit.on),
            "DR_Libelle": self._sizes.fit("F_DOCREGL", "DR_Libelle", deposit.label),
            "DR_Montant": amount,
            "DR_MontantDev": Decimal(0) if rate is None else deposit.amount,
            "DR_Pourcent": Decimal(0),
            "DR_Equil": 0,
            "EC_No": 0,
            "DR_Regle": 0,
            "N_Reglement": self._lookups.payment_method(deposit.method),
        }

    def _pay(self, piece: Piece, number: int, deposit: Deposit) -> None:
        """The driver makes the payment and its allocation: they are read back, and the journal is set."""
        payments = [
            row
            for row in self._database.rows("writing/deposit_payments", piece.type, piece.piece)
            if int_of(row["dr_no"]) == number
        ]
        if not payments:
            raise refused("payment_missing", value=f"{deposit.amount:f}")
        changes: dict[str, Any] = {}
        journal = self._lookups.journal(deposit.journal)
        if journal:
            changes["JO_Num"] = journal
        if deposit.reference.strip():
            # Transaction numbers differ at their end.
            changes["RG_Reference"] = deposit.reference.strip()[-_REFERENCE:]
        for payment in payments:
            self._complete(payment, changes, deposit)

    def _complete(self, payment: Row, changes: dict[str, Any], deposit: Deposit) -> None:
        if not changes:
            return
        where = {"RG_No": int_of(payment["rg_no"]), "RG_Compta": 0}
        if not self._rows.update("F_CREGLEMENT", changes, where):
            self._sizes.notes.append(problem("payment_posted", value=f"{deposit.amount:f}"))


def _fingerprint(row: Row, amount: str) -> tuple[str, Decimal, int]:
    """What a deposit is known by; its amount in the document's own currency, since Sage rounds the rate."""
    return text_of(row["dr_libelle"]).strip(), decimal_of(row[amount]), int_of(row["n_reglement"])
