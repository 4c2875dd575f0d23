"""What a document of Sage amounts to, read back from it: total, net, VAT per rate, deposits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.canonical.levies import factor, split
from connectors.canonical.sales import DocumentKind, DocumentState, DocumentTax, DocumentTotals
from connectors.canonical.values import TaxBasis, round_half_up
from connectors.core.odbc import Row, decimal_of, int_of, text_of
from connectors.erp.sage100.company import Company
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.numbering import (
    CREDIT_NOTE,
    DELIVERY,
    INVOICE,
    NORMAL,
    ORDER,
    POSTED,
    PREPARATION,
    QUOTE,
)
from connectors.erp.sage100.taxes import PARAFISCAL_NET, PERCENT, base_of

ADVANCE = (QUOTE, ORDER, PREPARATION, DELIVERY, INVOICE, POSTED)
"""Kinds of document from the least to the most advanced; returns and financial credits are no stage of an order."""

_KINDS: Mapping[int, DocumentKind] = {
    QUOTE: DocumentKind.QUOTE,
    ORDER: DocumentKind.ORDER,
    PREPARATION: DocumentKind.ORDER,
    DELIVERY: DocumentKind.DELIVERY,
    INVOICE: DocumentKind.INVOICE,
    POSTED: DocumentKind.INVOICE,
}
STATES: Mapping[int, DocumentState] = {
    QUOTE: DocumentState.ORDER,
    ORDER: DocumentState.ORDER,
    PREPARATION: DocumentState.PREPARATION,
    DELIVERY: DocumentState.DELIVERY,
    INVOICE: DocumentState.INVOICE,
    POSTED: DocumentState.POSTED,
}
"""DO_Type to the stage it means."""

_TOTALS = ("DO_TotalTTC", "DO_TotalHTNet")
_NUMBERS = (1, 2, 3)
_ECO_NUMBERS = (2, 3)


@dataclass(frozen=True, slots=True)
class Piece:
    """A document: its kind (DO_Type), its number, where it comes from (DO_Provenance)."""

    type: int
    piece: str
    provenance: int = NORMAL

    @property
    def sign(self) -> int:
        """-1 for a credit note, whose amounts Sage holds negative and we positive."""
        return -1 if self.provenance == CREDIT_NOTE else 1

    @property
    def kind(self) -> DocumentKind:
        """The kind in everybody's words."""
        return DocumentKind.CREDIT if self.provenance == CREDIT_NOTE else _KINDS[self.type]


class Documents:
    """Finds documents of sales and reads what they amount to. Writes nothing."""

    def __init__(self, database: Database, company: Company) -> None:
        self._database = database
        self._company = company

    def of_order(self, web_number: str) -> list[Piece]:
        """Documents that carry a web number, the most advanced first; credit notes only when nothing else does."""
        found = _pieces(self._database.rows("writing/web_documents", web_number))
        return _ranked([piece for piece in found if piece.provenance == NORMAL]) or _ranked(
            [piece for piece in found if piece.provenance == CREDIT_NOTE]
        )

    def of_piece(self, piece: str) -> list[Piece]:
        """Documents of this number, or made of the order of this number, the most advanced first."""
        found = _pieces(self._database.rows("writing/piece_documents", piece))
        moved = {
            (int_of(row["do_type"]), text_of(row["do_piece"]))
            for row in self._database.rows("writing/order_documents", piece)
        }
        return _ranked([*found, *(Piece(*document) for document in moved)])

    def totals(self, pieces: Sequence[Piece], among: Sequence[Piece] = ()) -> DocumentTotals:
        """What these documents amount to together, under the number of the first one.

        ``among``: every document of the order, which decides its state, when ``pieces`` are but some of them.
        """
        first = pieces[0]
        parts = [self._totals(piece) for piece in pieces]
        return DocumentTotals(
            piece=first.piece,
            kind=first.kind,
            gross=sum((part.gross for part in parts), Decimal(0)),
            net=sum((part.net for part in parts), Decimal(0)),
            tax=_added(part.tax for part in parts),
            codes=_added(part.codes for part in parts),
            deposits=sum((part.deposits for part in parts), Decimal(0)),
            state=max((STATES[piece.type] for piece in among or pieces), key=list(DocumentState).index),
            open=self.is_open(among or pieces),
        )

    def is_open(self, pieces: Sequence[Piece]) -> bool:
        """Whether the only document of an order may still be changed.

        It is a quote or an order, nobody validated or closed it, and nothing of it went on: no other document carries
        its web number or has lines that came from it, and it is no remainder (DO_Reliquat).
        """
        if len(pieces) != 1 or pieces[0].type not in (QUOTE, ORDER):
            return False
        piece = pieces[0]
        if self.is_sealed(piece) or int_of(self.header(piece)["do_reliquat"]):
            return False
        came_from_it = self._database.rows("writing/order_documents", piece.piece)
        return all(
            (int_of(row["do_type"]), text_of(row["do_piece"])) == (piece.type, piece.piece) for row in came_from_it
        )

    def is_sealed(self, piece: Piece) -> bool:
        """Whether somebody validated or closed the document."""
        header = self.header(piece)
        return bool(int_of(header.get("do_valide")) or int_of(header["do_cloture"]))

    def lines(self, piece: Piece) -> list[Row]:
        """Rows of the lines of a document."""
        statement = self._database.prepared("writing/document_lines")
        columns = [f"l.DL_CodeTaxe{number}" for number in _NUMBERS if self._database.has("F_DOCLIGNE", _code(number))]
        return self._database.rows(statement.selecting(columns), piece.type, piece.piece)

    def header(self, piece: Piece) -> Row:
        """The row of a document. Raises ``LookupError`` when it is gone."""
        statement = self._database.prepared("writing/document_header")
        columns = (*_TOTALS, "DO_Valide", *(f"DO_CodeTaxe{number}" for number in _NUMBERS))
        optional = [f"e.{column}" for column in columns if self._database.has("F_DOCENTETE", column)]
        rows = self._database.rows(statement.selecting(optional), piece.type, piece.piece)
        if not rows:
            raise LookupError(piece.piece)
        return rows[0]

    def rate(self, piece: Piece) -> Decimal | None:
        """Units of the document's currency for one of the company's; ``None`` in the company's own."""
        header = self.header(piece)
        return self._units_for_one(header) if int_of(header["do_devise"]) else None

    def _totals(self, piece: Piece) -> DocumentTotals:
        header = self.header(piece)
        foreign = int_of(header["do_devise"]) != 0
        counted = [_line(row, foreign) for row in self.lines(piece) if int_of(row["dl_valorise"])]
        counted.append(_footer(header, self._units_for_one(header) if foreign else Decimal(1)))
        net = sum((amounts.net for amounts in counted), Decimal(0))
        gross = sum((amounts.gross for amounts in counted), Decimal(0))
        if not foreign:
            net, gross = _told(header, net, gross)
        taxes = [pair for amounts in counted for pair in amounts.taxes if pair[1]]
        return DocumentTotals(
            piece=piece.piece,
            kind=piece.kind,
            gross=gross * piece.sign,
            net=net * piece.sign,
            tax=_added({percent_text(tax.percent): amount * piece.sign} for tax, amount in taxes),
            codes=_added({tax.code: amount * piece.sign} for tax, amount in taxes if tax.code),
            deposits=self._deposits(piece, foreign),
        )

    def _units_for_one(self, header: Row) -> Decimal:
        """Units of the document's currency for one of the company's, from DO_Cours."""
        rate = decimal_of(header["do_cours"]) or Decimal(1)
        currency = self._company.currencies.get(int_of(header["do_devise"]))
        return 1 / rate if currency is not None and currency.inverse else rate

    def _deposits(self, piece: Piece, foreign: bool) -> Decimal:
        column = "dr_montantdev" if foreign else "dr_montant"
        rows = self._database.rows("writing/document_deposits", piece.type, piece.piece)
        return sum((decimal_of(row[column]) for row in rows), Decimal(0))


@dataclass(frozen=True, slots=True)
class _Amounts:
    net: Decimal
    gross: Decimal
    taxes: Sequence[tuple[DocumentTax, Decimal]]


def _code(number: int) -> str:
    return f"DL_CodeTaxe{number}"


def _added(parts: Iterable[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for part in parts:
        for name, amount in part.items():
            found[name] = found.get(name, Decimal(0)) + amount
    return found


def _taxes(row: Row, prefix: str) -> tuple[DocumentTax, ...]:
    """Taxes in percent of a line or a charge; without any, one at 0 %."""
    found = tuple(
        DocumentTax(
            code=text_of(row.get(f"{prefix}_codetaxe{number}")).strip(),
            percent=decimal_of(row[f"{prefix}_taxe{number}"]),
            base=base_of(int_of(row[f"{prefix}_typetaxe{number}"])),
        )
        for number in _NUMBERS
        if int_of(row[f"{prefix}_typetaux{number}"]) == PERCENT and decimal_of(row[f"{prefix}_taxe{number}"])
    )
    return found or (DocumentTax(code="", percent=Decimal(0)),)


def _line(row: Row, foreign: bool) -> _Amounts:
    taxes = _taxes(row, "dl")
    basis = TaxBasis.GROSS if int_of(row["dl_ttc"]) else TaxBasis.NET
    if foreign:
        return _foreign_line(row, taxes, basis)
    net, gross = decimal_of(row["dl_montantht"]), decimal_of(row["dl_montantttc"])
    return _Amounts(net, gross, _shared(net, gross, _eco(row), taxes, basis))


def _shared(
    net: Decimal, gross: Decimal, eco: Decimal, taxes: Sequence[DocumentTax], basis: TaxBasis
) -> list[tuple[DocumentTax, Decimal]]:
    """What Sage put between net and gross, by tax; whatever it computed otherwise than expected is on the first one."""
    lead = net + eco if basis is TaxBasis.NET else gross
    amounts = list(split(lead, taxes, basis).taxes)
    amounts[0] += gross - net - eco - sum(amounts, Decimal(0))
    return list(zip(taxes, amounts, strict=True))


def _foreign_line(row: Row, taxes: Sequence[DocumentTax], basis: TaxBasis) -> _Amounts:
    """Amounts in the document's currency, which Sage keeps as a unit price only."""
    exact = decimal_of(row["dl_qte"]) * decimal_of(row["dl_pudevise"])
    return _led(round_half_up(exact * factor(taxes) if basis is TaxBasis.GROSS else exact, 2), taxes, basis)


def _led(lead: Decimal, taxes: Sequence[DocumentTax], basis: TaxBasis) -> _Amounts:
    found = split(lead, taxes, basis)
    return _Amounts(found.net, found.gross, list(zip(taxes, found.taxes, strict=True)))


def _eco(row: Row) -> Decimal:
    """Eco-participation of a line: an amount for each piece, without VAT, that belongs to neither net nor VAT."""
    return sum(
        (
            round_half_up(decimal_of(row[f"dl_taxe{number}"]) * decimal_of(row["dl_qte"]), 2)
            for number in _ECO_NUMBERS
            if int_of(row[f"dl_typetaxe{number}"]) == PARAFISCAL_NET and int_of(row[f"dl_typetaux{number}"]) != PERCENT
        ),
        start=Decimal(0),
    )


def _footer(header: Row, units: Decimal) -> _Amounts:
    """Carriage at the foot of the document, in its currency."""
    charge = decimal_of(header["do_valfrais"]) * units
    basis = TaxBasis.GROSS if int_of(header["do_typelignefrais"]) else TaxBasis.NET
    return _led(round_half_up(charge, 2), _taxes(header, "do"), basis)


def _told(header: Row, net: Decimal, gross: Decimal) -> tuple[Decimal, Decimal]:
    """The header's own totals, which are the truth where this version keeps them; else the sums of the lines."""
    told_gross = decimal_of(header.get("do_totalttc"))
    told_net = decimal_of(header.get("do_totalhtnet"))
    return (told_net, told_gross) if told_gross or told_net else (net, gross)


def percent_text(percent: Decimal) -> str:
    """One spelling per percentage: "20", "5.5", "0"."""
    return f"{percent.normalize():f}" if percent else "0"


def _pieces(rows: Sequence[Row]) -> list[Piece]:
    return [Piece(int_of(row["do_type"]), text_of(row["do_piece"]), int_of(row["do_provenance"])) for row in rows]


def _ranked(pieces: Sequence[Piece]) -> list[Piece]:
    known = [piece for piece in dict.fromkeys(pieces) if piece.type in ADVANCE]
    return sorted(known, key=lambda piece: -ADVANCE.index(piece.type))
