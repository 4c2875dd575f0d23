"""The rows of F_DOCLIGNE a document will have, worked out before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from connectors.canonical.levies import MOST_TAXES, factor
from connectors.canonical.sales import DocumentLine, DocumentTax, SalesDocument
from connectors.canonical.values import TaxBasis, round_half_up
from connectors.core.problems import ItemRefused
from connectors.core.query import WeightSource
from connectors.core.texts import Text
from connectors.erp.sage100.company import Company
from connectors.erp.sage100.kits import require_depth
from connectors.erp.sage100.lookups import EMPTY_DATE, Lookups
from connectors.erp.sage100.numbering import DELIVERY, INVOICE, Kind
from connectors.erp.sage100.problems import RowRefused
from connectors.erp.sage100.resolver import Resolver, Sold
from connectors.erp.sage100.rows import KIT_WHOLE, Article
from connectors.erp.sage100.sizes import Sizes, one_line
from connectors.erp.sage100.variants import Unit

STEP = 10_000
"""Distance between the positions of two lines, so that a user can put one in between."""

_GRAMS = Decimal(1000)
_NOTHING = Decimal(0)
_STOCK_OUT = 3
_COMMENT_TITLE = "Message du client"


@dataclass(frozen=True, slots=True)
class Setting:
    """What every line of one document shares. ``rate``: units of its currency for one of the company's."""

    kind: Kind
    customer: str
    on: date
    delivery_on: date | None
    reference: str
    basis: TaxBasis
    warehouse: int
    sales_rep: int
    rate: Decimal | None

    @property
    def gross(self) -> bool:
        """Whether the price with tax leads."""
        return self.basis is TaxBasis.GROSS


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """A row without its document's number; ``text`` is the long text to be written before it."""

    row: dict[str, Any]
    text: str = ""


class LinePlanner:
    """Turns the lines of a document into rows. Reads only; raises ``ItemRefused`` for what Sage cannot hold."""

    def __init__(self, resolver: Resolver, company: Company, lookups: Lookups, sizes: Sizes) -> None:
        self._resolver = resolver
        self._company = company
        self._lookups = lookups
        self._sizes = sizes

    def plan(self, document: SalesDocument, setting: Setting) -> list[PlannedLine]:
        """Rows in the order of the document, the components of a kit after it, the customer's message last."""
        planned: list[PlannedLine] = []
        for line in sorted(document.lines, key=lambda line: line.position):
            planned += self._lines(line, setting)
        planned += self._comment(document.comment, setting)
        return [_placed(line, number) for number, line in enumerate(planned, 1)]

    def _lines(self, line: DocumentLine, setting: Setting) -> Iterator[PlannedLine]:
        sold = self._resolver.sold(line.article, line.variant)
        quantity = line.quantity * sold.unit.holds * setting.kind.sign
        row = {
            **_frame(setting, line.designation or sold.article.design),
            **self._goods(sold.article, sold.unit, quantity, setting),
            **self._tax(line),
            **_prices(line, sold.unit, setting),
            "EU_Qte": line.quantity * setting.kind.sign,
            "EU_Enumere": self._unit_name(sold),
        }
        if not sold.article.is_kit:
            yield PlannedLine(row)
            return
        yield PlannedLine({**row, "AR_RefCompose": sold.article.ref})
        yield from self._components(sold, quantity, setting, self._tax(line), 0)

    def _components(
        self, kit: Sold, quantity: Decimal, setting: Setting, tax: dict[str, Any], depth: int
    ) -> Iterator[PlannedLine]:
        try:
            require_depth(kit.article, depth)
        except RowRefused as error:
            raise ItemRefused(error.problem) from error
        for component in self._resolver.bills(kit.article).components(kit.article, kit.unit):
            part = component.article
            unit = Unit(key=part.ref, reference=part.ref, range1=component.range1, range2=component.range2)
            needed = round_half_up(component.quantity * quantity, 6)
            yield PlannedLine(
                {
                    **_frame(setting, part.design),
                    **self._goods(part, unit, needed, setting),
                    **tax,
                    "EU_Qte": needed,
                    "EU_Enumere": self._unit_name(Sold(part, unit)),
                    "DL_PrixUnitaire": _NOTHING,
                    "DL_PUTTC": _NOTHING,
                    "DL_TTC": int(setting.gross),
                    # The price of the order stands on the kit; components only move stock.
                    "DL_Valorise": int(kit.article.bill != KIT_WHOLE),
                    "AR_RefCompose": kit.article.ref,
                }
            )
            if part.is_kit:
                yield from self._components(Sold(part, unit), needed, setting, tax, depth + 1)

    def _goods(self, article: Article, unit: Unit, quantity: Decimal, setting: Setting) -> dict[str, Any]:
        moved = setting.kind.type in (DELIVERY, INVOICE)
        return {
            "AR_Ref": article.ref,
            "AG_No1": unit.range1,
            "AG_No2": unit.range2,
            "DL_Qte": quantity,
            "DL_QteBC": quantity,
            "DL_QteBL": quantity if moved else _NOTHING,
            "DL_PoidsNet": _weight(article, WeightSource.NET) * quantity,
            "DL_PoidsBrut": _weight(article, WeightSource.GROSS) * quantity,
            # Sage keeps no stock of some articles: their lines name no warehouse.
            "DE_No": setting.warehouse if article.tracked else 0,
            "DL_MvtStock": _STOCK_OUT if moved and article.tracked else 0,
            "DL_Valorise": 1,
        }

    def _tax(self, line: DocumentLine) -> dict[str, Any]:
        return tax_columns("DL", self._lookups, line.taxes)

    def _unit_name(self, sold: Sold) -> str:
        if sold.unit.packaging:
            return sold.unit.options[0][1]
        return self._company.units.get(sold.article.integer("ar_uniteven"), "")

    def _comment(self, comment: str, setting: Setting) -> Iterator[PlannedLine]:
        text = self._sizes.lines(Text("message du client"), comment)
        if not text:
            return
        line, size = one_line(text), self._sizes.size("F_DOCLIGNE", "DL_Design")
        short = line == text and (not size or len(line) <= size)
        row = {**_frame(setting, line if short else _COMMENT_TITLE), "DL_Qte": _NOTHING, "DL_Valorise": 0, "DE_No": 0}
        yield PlannedLine(row, "" if short else text)


def tax_columns(prefix: str, lookups: Lookups, taxes: Sequence[DocumentTax]) -> dict[str, Any]:
    """Columns of the three taxes of a line (``DL``) or of the charge at the foot (``DO``), empty ones included.

    Raises ``ItemRefused`` for a tax that Sage does not have, or at another rate.
    """
    found = [lookups.tax(wanted) for wanted in taxes]
    row: dict[str, Any] = {}
    for number in range(1, MOST_TAXES + 1):
        tax = found[number - 1] if number <= len(found) else None
        row |= {
            f"{prefix}_Taxe{number}": tax.rate if tax else _NOTHING,
            f"{prefix}_TypeTaux{number}": tax.unit if tax else 0,
            f"{prefix}_TypeTaxe{number}": tax.kind if tax else 0,
            f"{prefix}_CodeTaxe{number}": tax.code if tax else None,
        }
    return row


def _placed(line: PlannedLine, number: int) -> PlannedLine:
    return PlannedLine({**line.row, "DL_Ligne": number * STEP}, line.text)


def _frame(setting: Setting, designation: str) -> dict[str, Any]:
    on = midnight(setting.on)
    return {
        "DO_Domaine": 0,
        "DO_Type": setting.kind.type,
        "DO_DocType": setting.kind.type,
        "CT_Num": setting.customer,
        "DO_Date": on,
        "DL_DateBC": on,
        "DL_DatePL": on,
        "DL_DateBL": on,
        "DL_DateDE": on,
        "DL_DateAvancement": EMPTY_DATE,
        "DO_DateLivr": midnight(setting.delivery_on) if setting.delivery_on else EMPTY_DATE,
        "DO_Ref": setting.reference,
        "DL_No": 0,
        "AR_Ref": None,
        "DL_Design": designation,
        "CO_No": setting.sales_rep,
        "CA_Num": None,
        "PF_Num": "",
        "AR_RefCompose": None,
        "DL_Escompte": 0,
        "DL_FactPoids": 0,
        # The driver computes the amounts of a line that leaves them at 0.
        "DL_MontantHT": _NOTHING,
        "DL_MontantTTC": _NOTHING,
    }


def _prices(line: DocumentLine, unit: Unit, setting: Setting) -> dict[str, Any]:
    price, discount = line.unit_price / unit.holds, line.discount
    if setting.rate is not None and discount:
        # In which currency a discount by amount counts is not known: the price already bears it.
        price, discount = (line.quantity * line.unit_price - discount) / (line.quantity * unit.holds), _NOTHING
    whole = factor(line.taxes)
    net = price / whole if setting.gross else price
    gross = price if setting.gross else price * whole
    rate = setting.rate or Decimal(1)
    return {
        "DL_PrixUnitaire": round_half_up(net / rate, 6),
        "DL_PUTTC": round_half_up(gross / rate, 6),
        "DL_PUDevise": round_half_up(net, 6) if setting.rate is not None else _NOTHING,
        "DL_TTC": int(setting.gross),
        "DL_Remise01REM_Valeur": discount * setting.kind.sign,
        "DL_Remise01REM_Type": 0,
    }


def _weight(article: Article, source: WeightSource) -> Decimal:
    try:
        return (article.weight(source) or _NOTHING) * _GRAMS
    except RowRefused:
        # An unreadable weight is no reason to refuse an order that is paid for.
        return _NOTHING


def midnight(day: date) -> datetime:
    """A day as Sage stores it."""
    return datetime.combine(day, time())


def places_of(lines: Sequence[PlannedLine]) -> dict[int, PlannedLine]:
    """Lines by their position."""
    return {line.row["DL_Ligne"]: line for line in lines}
