"""Sales documents: planned by reading only, then written in one go: number, header, lines, deposits, proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.canonical.sales import DocumentTotals, FooterCharge, SalesDocument
from connectors.canonical.values import TaxBasis, round_half_up
from connectors.core.odbc import decimal_of, int_of, text_of
from connectors.erp.sage100.addresses import Addresses
from connectors.erp.sage100.company import Currency
from connectors.erp.sage100.customers import Customers, Party
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.deposits import Deposits
from connectors.erp.sage100.document_lines import LinePlanner, PlannedLine, Setting, midnight, tax_columns
from connectors.erp.sage100.instalments import Instalments
from connectors.erp.sage100.line_writer import LineWriter
from connectors.erp.sage100.lookups import EMPTY_DATE, Lookups
from connectors.erp.sage100.numbering import KINDS, Kind, Numbering
from connectors.erp.sage100.options import HeaderTexts
from connectors.erp.sage100.rows_writer import RowWriter
from connectors.erp.sage100.sizes import Sizes
from connectors.erp.sage100.totals import Documents, Piece
from connectors.erp.sage100.writing_problems import refused

_HEADER = "F_DOCENTETE"
_COORDINATES = ("DO_Coord01", "DO_Coord02", "DO_Coord03", "DO_Coord04")
_STREET = ("DO_Coord02", "DO_Coord03")
_CONSTANTS: Mapping[str, Any] = {
    "DO_Reliquat": 0,
    "DO_Imprim": 0,
    "DO_Transfere": 0,
    "DO_Cloture": 0,
    "DO_Ventile": 0,
    "DO_Ecart": 0,
    "DO_Attente": 0,
    "DO_Valide": 0,
    "AB_No": 0,
    "CA_No": 0,
    "CO_NoCaissier": 0,
    "DO_TxEscompte": 0,
    "DO_Colisage": 1,
    "DO_TypeColis": 1,
    "DO_Transaction": 11,
    "DO_Regime": 21,
    "CA_Num": None,
    "DO_DebutAbo": EMPTY_DATE,
    "DO_FinAbo": EMPTY_DATE,
    "DO_DebutPeriod": EMPTY_DATE,
    "DO_FinPeriod": EMPTY_DATE,
    "DO_DateLivrRealisee": EMPTY_DATE,
    "DO_DateExpedition": EMPTY_DATE,
}
"""What integrators write in every header of a sale."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a document will be, but its number."""

    kind: Kind
    series: int
    header: dict[str, Any]
    lines: list[PlannedLine]
    document: SalesDocument
    rate: Decimal | None


@dataclass(frozen=True, slots=True)
class Desk:
    """What writing documents needs of a connection."""

    database: Database
    rows: RowWriter
    lookups: Lookups
    sizes: Sizes
    customers: Customers
    addresses: Addresses
    documents: Documents
    deposits: Deposits
    instalments: Instalments
    lines: LinePlanner


class DocumentPlanner:
    """Works out the rows of a document. Reads only; raises ``ItemRefused`` for what Sage cannot hold."""

    def __init__(self, desk: Desk, *, now: datetime, header_texts: HeaderTexts) -> None:
        self._desk = desk
        self._now = now
        self._header_texts = header_texts

    def plan(self, document: SalesDocument, customer: str, address: str) -> Plan:
        """The plan of a document of this customer, delivered to this address (empty: the customer's main one)."""
        if not document.web_number.strip():
            raise refused("web_number_missing")
        if not document.lines:
            raise refused("document_empty")
        kind = KINDS[document.kind]
        party = self._desk.customers.party(customer)
        setting, currency = self._setting(document, kind, party)
        header = {
            **self._identity(document, setting),
            **self._customer(document, party, address),
            **self._terms(document, party, setting, currency),
            **self._footer(document.footer, setting),
            **_CONSTANTS,
        }
        series = self._desk.lookups.series(document.series)
        header["DO_Souche"] = series
        lines = self._desk.lines.plan(document, setting)
        self._check_payments(document)
        return Plan(kind, series, self._desk.sizes.row(_HEADER, header), lines, document, setting.rate)

    def _setting(self, document: SalesDocument, kind: Kind, party: Party) -> tuple[Setting, int]:
        lookups = self._desk.lookups
        index, currency = lookups.currency(document.currency)
        return (
            Setting(
                kind=kind,
                customer=party.number,
                on=document.on,
                delivery_on=document.delivery_on,
                reference=self._desk.sizes.fit(_HEADER, "DO_Ref", document.reference),
                basis=document.basis,
                warehouse=lookups.warehouse(document.warehouse, party.warehouse),
                sales_rep=lookups.sales_rep(document.sales_rep, party.sales_rep),
                rate=None if currency is None else _rate(document, currency),
            ),
            index,
        )

    def _identity(self, document: SalesDocument, setting: Setting) -> dict[str, Any]:
        return {
            "DO_Domaine": 0,
            "DO_Type": setting.kind.type,
            "DO_DocType": setting.kind.type,
            "DO_Provenance": setting.kind.provenance,
            "DO_Date": midnight(document.on),
            "DO_DateLivr": midnight(document.delivery_on) if document.delivery_on else EMPTY_DATE,
            "DO_Heure": f"000{self._now:%H%M%S}",
            "DO_Ref": setting.reference,
            "DO_NoWeb": document.web_number,
            "DO_Statut": self._desk.lookups.status(document.status, setting.kind.type, setting.kind.counter),
        }

    def _customer(self, document: SalesDocument, party: Party, address: str) -> dict[str, Any]:
        addresses = self._desk.addresses
        if address and not addresses.exists(party.number, address):
            raise refused("address_unknown", value=address, customer=party.number)
        contact = document.delivery or document.billing
        return {
            "DO_Tiers": party.number,
            "CT_NumPayeur": party.payer,
            "CT_NumCentrale": party.central,
            "CG_Num": party.account,
            "LI_No": int(address) if address else addresses.main(party.number),
            "DO_Contact": contact.name if contact else "",
            "DO_Langue": party.language,
            **self._coordinates(document),
        }

    def _coordinates(self, document: SalesDocument) -> dict[str, str]:
        """The order's own address as text, whatever becomes of the customer's card."""
        given = {"none": None, "billing": document.billing, "delivery": document.delivery}[self._header_texts]
        if given is None:
            return {}
        first, second = self._desk.sizes.wrapped(_HEADER, _STREET, given.line1, given.line2)
        city = f"{given.postcode} {given.city}".strip()
        return dict(zip(_COORDINATES, (given.company or given.name, first, second, city), strict=True))

    def _terms(self, document: SalesDocument, party: Party, setting: Setting, currency: int) -> dict[str, Any]:
        lookups = self._desk.lookups
        category = lookups.accounting_category(document.accounting_category, party.accounting_category)
        return {
            "DE_No": setting.warehouse,
            "CO_No": setting.sales_rep,
            "DO_Expedit": lookups.shipping_mode(document.carrier, party.shipping_mode),
            "DO_Condition": party.delivery_condition,
            "DO_Tarif": lookups.price_category(document.price_category, party.price_category),
            "N_CatCompta": category,
            "DO_Period": party.period,
            "DO_Devise": currency,
            "DO_Cours": Decimal(0) if setting.rate is None else self._stored_rate(currency, setting.rate),
            "DO_NbFacture": party.copies,
            "DO_BLFact": party.invoice_per_delivery,
        }

    def _stored_rate(self, currency: int, rate: Decimal) -> Decimal:
        held = self._desk.lookups.currency(str(currency))[1]
        return round_half_up(1 / rate if held is not None and held.inverse else rate, 6)

    def _footer(self, footer: FooterCharge | None, setting: Setting) -> dict[str, Any]:
        if footer is None:
            # A shipping mode may charge by itself: the order alone says what carriage costs.
            return {"DO_TypeFrais": 0, "DO_ValFrais": Decimal(0), "DO_TypeLigneFrais": 0, "DO_Taxe1": Decimal(0)}
        amount = footer.amount * setting.kind.sign / (setting.rate or 1)
        row: dict[str, Any] = {
            "DO_TypeFrais": 0,
            "DO_ValFrais": round_half_up(amount, 6),
            "DO_TypeLigneFrais": int(footer.basis is TaxBasis.GROSS),
        }
        return {**row, **tax_columns("DO", self._desk.lookups, footer.taxes)}

    def _check_payments(self, document: SalesDocument) -> None:
        """Refuses before anything is written what would be refused afterwards."""
        self._desk.deposits.check(document.deposits)
        self._desk.instalments.check(document)


class DocumentWriter:
    """Writes planned documents, inside a transaction of the caller."""

    def __init__(self, desk: Desk, *, transactional: bool) -> None:
        self._desk = desk
        self._transactional = transactional
        self._numbering = Numbering(desk.database, desk.rows, desk.sizes)
        self._lines = LineWriter(desk.database, desk.rows)

    def write(self, plan: Plan) -> DocumentTotals:
        """Writes the document, unless one carries its web number, and returns what Sage holds.

        Raises ``ItemRefused`` (``document_total_differs``) when Sage does not arrive at the amounts of the order:
        the caller's transaction then keeps nothing.
        """
        existing = self._desk.documents.of_order(plan.document.web_number)
        if existing:
            return self._finished(plan, existing)
        number = self._numbering.take(plan.kind, plan.series)
        # Whoever writes to this series now waits for our commit, and we have waited for his: he may have brought the
        # very order we are about to write.
        existing = self._desk.documents.of_order(plan.document.web_number)
        if existing:
            self._numbering.give_back(plan.kind, plan.series, number)
            return self._desk.documents.totals(existing[:1], existing)
        piece = Piece(plan.kind.type, number, plan.kind.provenance)
        self._desk.rows.insert(_HEADER, {**plan.header, "DO_Piece": piece.piece})
        return self._completed(plan, piece, plan.lines)

    def _completed(self, plan: Plan, piece: Piece, lines: list[PlannedLine]) -> DocumentTotals:
        for line in lines:
            self._lines.add(piece, line)
        self._desk.deposits.add(piece, plan.document.deposits, plan.rate)
        self._desk.instalments.add(piece, plan.document, plan.rate)
        totals = self._desk.documents.totals([piece])
        require_equal(plan.document, totals, strange_lines(self._desk, plan, piece))
        return totals

    def _finished(self, plan: Plan, existing: Sequence[Piece]) -> DocumentTotals:
        """What is there already; through a driver without transactions, completed when our writing was cut short."""
        piece = existing[0]
        missing = None if self._transactional else self._missing(plan, piece)
        if missing is not None:
            return self._completed(plan, piece, missing)
        return self._desk.documents.totals([piece], existing)

    def _missing(self, plan: Plan, piece: Piece) -> list[PlannedLine] | None:
        """Lines that were not written; ``None`` when the document is not a beginning of ours, or a user changed it."""
        header = self._desk.documents.header(piece)
        if piece.type != plan.kind.type or int_of(header.get("do_valide")) or int_of(header["do_cloture"]):
            return None
        planned = {line.row["DL_Ligne"]: line for line in plan.lines}
        for row in self._desk.documents.lines(piece):
            line = planned.pop(int_of(row["dl_ligne"]), None)
            same = line is not None and (text_of(row["ar_ref"]), decimal_of(row["dl_qte"])) == (
                text_of(line.row["AR_Ref"]),
                decimal_of(line.row.get("DL_Qte")),
            )
            if not same:
                return None
        return [planned[place] for place in sorted(planned)]


def strange_lines(desk: Desk, plan: Plan, piece: Piece) -> str:
    """The lines of a document whose amounts are not those asked for, to be told with a difference of totals."""
    wanted = {line.position: (line.net, line.gross) for line in plan.document.lines}
    sign = plan.kind.sign
    found = sorted(
        (decimal_of(row["dl_montantht"]) * sign, decimal_of(row["dl_montantttc"]) * sign)
        for row in desk.documents.lines(piece)
        if int_of(row["dl_valorise"])
    )
    asked = sorted(wanted.values())
    strange = [amounts for amounts in found if amounts not in asked and any(amounts)]
    return "; ".join(f"ERP {net:.2f} HT {gross:.2f} TTC" for net, gross in strange)


def require_equal(document: SalesDocument, totals: DocumentTotals, detail: str) -> None:
    """Raises ``ItemRefused`` unless total and VAT per rate are those of the order."""
    expected = {percent: amount for percent, amount in document.expected_tax.items() if amount}
    found = {percent: amount for percent, amount in totals.tax.items() if amount}
    if totals.gross == document.expected_gross and found == expected and not _codes_differ(document, totals):
        return
    raise refused(
        "document_total_differs",
        detail,
        found=f"{totals.gross:.2f}",
        expected=f"{document.expected_gross:.2f}",
        found_tax=_tax_text(found),
        expected_tax=_tax_text(expected),
    )


def _codes_differ(document: SalesDocument, totals: DocumentTotals) -> bool:
    """Whether the VAT per tax code is another one, where both sides know it."""
    expected = {code: amount for code, amount in document.expected_codes.items() if amount}
    found = {code: amount for code, amount in totals.codes.items() if amount}
    return bool(expected and found) and expected != found


def _tax_text(taxes: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{percent} % {amount:.2f}" for percent, amount in sorted(taxes.items())) or "0"


def _rate(document: SalesDocument, currency: Currency) -> Decimal:
    """Units of the document's currency for one of the company's: the order's own rate, else the company's."""
    rate = document.currency_rate or currency.units
    if rate <= 0:
        raise refused("currency_rate_missing", value=currency.code or currency.label)
    return rate
