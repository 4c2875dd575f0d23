"""Taxes of an article: from its own accounting row, else its family's, for the chosen accounting category."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connectors.canonical.sales import TaxBase
from connectors.canonical.values import TaxRate
from connectors.core.odbc import Row, decimal_of, int_of, text_of
from connectors.erp.sage100.context import Context
from connectors.erp.sage100.options import TaxRole
from connectors.erp.sage100.rows import Article, applies
from connectors.erp.sage100.variants import Owners

PERCENT = 0
VAT_KINDS = frozenset({0, 1, 5})
PARAFISCAL_NET = 2
PARAFISCAL_GROSS = 3

_NUMBERS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Tax:
    """A row of F_TAXE. ``unit`` 0: percentage, 1 and 2: amount for one unit."""

    code: str
    label: str
    rate: Decimal
    unit: int
    kind: int
    collected: bool


@dataclass(frozen=True, slots=True)
class Taxation:
    """What applies to an article. ``vat`` is ``None`` when Sage names none: unknown, never zero."""

    vat: TaxRate | None = None
    eco: tuple[Tax, ...] = ()

    def eco_amount(self, net_price: Decimal) -> Decimal:
        """Eco-participation without VAT for one unit sold at that price."""
        return sum(
            (tax.rate * net_price / 100 if tax.unit == PERCENT else tax.rate for tax in self.eco), start=Decimal(0)
        )


NOTHING = Taxation()


def base_of(kind: int) -> TaxBase:
    """What a tax in percent of this kind (TA_Type) is computed on: a parafiscal one on the net amount bears VAT itself,
    one on the gross amount counts on all others."""
    return {PARAFISCAL_NET: TaxBase.RAISING, PARAFISCAL_GROSS: TaxBase.TOTAL}.get(kind, TaxBase.NET)


def all_taxes(rows: Sequence[Row]) -> dict[str, Tax]:
    """Taxes by code."""
    return {
        text_of(row["ta_code"]): Tax(
            code=text_of(row["ta_code"]),
            label=text_of(row["ta_intitule"]).strip(),
            rate=decimal_of(row["ta_taux"]),
            unit=int_of(row["ta_ttaux"]),
            kind=int_of(row["ta_type"]),
            collected=int_of(row["ta_sens"]) == 1,
        )
        for row in rows
    }


class TaxLoader:
    """Reads the taxes of the articles of a page. Raises ``Misconfigured`` for an unknown accounting category."""

    def __init__(self, context: Context, accounting_category: str) -> None:
        self._database = context.database
        self._category = context.company.accounting_category(accounting_category)
        self._today = context.today
        options = context.options
        self._roles: tuple[TaxRole, ...] = (options.tax_role_1, options.tax_role_2, options.tax_role_3)
        self._taxes = all_taxes(self._database.rows("taxes"))
        self._families = {
            text_of(row["fa_codefamille"]): row for row in self._database.rows("family_taxes", self._category)
        }

    def load(self, articles: Collection[Article]) -> dict[str, Taxation]:
        """Taxation of each article by reference."""
        owners = Owners([article.ref for article in articles])
        own = {
            owners.of(text_of(row["ar_ref"])): row
            for row in self._database.rows_for("article_taxes", [article.ref for article in articles], self._category)
        }
        return {article.ref: self._taxation(article, own) for article in articles}

    def _taxation(self, article: Article, own: Mapping[str, Row]) -> Taxation:
        row = own.get(article.ref)
        prefix = "acp"
        if row is None:
            row, prefix = self._families.get(article.family), "fcp"
        return NOTHING if row is None else self._read(row, prefix)

    def _read(self, row: Row, prefix: str) -> Taxation:
        vat: TaxRate | None = None
        eco: list[Tax] = []
        for number, role in zip(_NUMBERS, self._roles, strict=True):
            tax = self._taxes.get(current_code(row, prefix, number, self._today))
            if tax is None:
                continue
            meaning = _meaning(tax, role)
            if meaning == "eco":
                eco.append(tax)
            elif meaning == "vat" and vat is None:
                vat = TaxRate(tax.code, tax.rate)
        return Taxation(vat, tuple(eco))


def current_code(row: Row, prefix: str, number: int, today: date) -> str:
    """The tax code in force: the former one until the day the new one applies from."""
    base = f"{prefix}_comptacpt_"
    column = f"{base}date{number}"
    former = text_of(row.get(f"{base}taxeanc{number}")).strip()
    if former and not applies(row, column, today) and _is_dated(row, column):
        return former
    return text_of(row.get(f"{base}taxe{number}")).strip()


def _is_dated(row: Row, column: str) -> bool:
    return applies(row, column, date.max)


def _meaning(tax: Tax, role: TaxRole) -> str:
    if role == "eco":
        return "eco"
    if role == "vat":
        return "vat" if tax.unit == PERCENT else ""
    if role == "ignored":
        return ""
    if tax.kind in VAT_KINDS and tax.unit == PERCENT:
        return "vat"
    return "eco" if tax.kind == PARAFISCAL_NET else ""
