"""Shared by the tests of orders: an ERP that only answers, profiles, the ERP's own sums, recorded orders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.canonical.sales import DocumentLine, DocumentTax, Order, SalesDocument, TaxBase
from connectors.canonical.values import Money, TaxBasis
from connectors.shops.woocommerce.orders import parse_order
from profiles.sections import (
    OrderArticlesSection,
    OrderCustomersSection,
    OrdersSection,
    OrderTaxesSection,
    PaymentsSection,
)
from sync.mapping.orders import ArticleMatch, Moment

CENT = Decimal("0.01")
PARIS = ZoneInfo("Europe/Paris")
MOMENT = Moment(today=date(2026, 11, 21), timezone=PARIS)
FACTS = {"currency": "EUR", "price_decimals": "2", "timezone": "Europe/Paris", "read_at": "2026-11-21T20:00:00"}
TAXES = {"C20": "20", "C10": "10", "C055": "5.5", "C021": "2.1", "C085": "8.5", "C00": "0", "B21": "21"}
ABROAD = {
    "GST": "5",
    "PST": "7",
    "QST": "9.975",
    "HST": "13",
    "QSTC": "9.5 total",
    "CGST": "9",
    "SGST": "9",
    "CGL": "2.5",
    "SGL": "2.5",
    "IGST": "18",
    "CESS": "1",
    "ECO": "1.5",
}
ABROAD_MAP = {
    **{TAXES[code].partition(" ")[0]: code for code in TAXES},
    "5": "GST",
    "7": "PST",
    "9.975": "QST",
    "13": "HST",
    "9.5": "QSTC",
    "18": "IGST",
    "1": "CESS",
    "1.5": "ECO",
    "IN-KA-CGST-1 9": "CGST",
    "IN-KA-SGST-2 9": "SGST",
    "IN-KA-CGST-1 2.5": "CGL",
    "IN-KA-SGST-2 2.5": "SGL",
}
"""Taxes of an ERP that sells in Canada and in India, and what its table of rates holds."""
SERVICES = ("ZDIVERS", "ZPORT", "ZGRATUIT", "ZEMBAL", "ZREMISE", "ZREM10", "ZARRONDI", "ZECO", "ZFRAIS")


@dataclass
class Catalogue:
    """An ERP in which every product and the service articles exist, unless told otherwise."""

    currency: str = "EUR"
    taxes: Mapping[str, str] = field(default_factory=lambda: dict(TAXES))
    missing: frozenset[str] = frozenset()
    rates: Mapping[str, str] = field(default_factory=lambda: {"2": "1.08", "3": "160.5"})
    prices: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()

    def variant_of(self, product_key: str, variant_key: str, reference: str) -> ArticleMatch | None:
        key = reference or (f"P{product_key}" if product_key else "")
        known = bool(product_key) or key in SERVICES or key in self.extra
        if not known or key in self.missing or product_key in self.missing:
            return None
        price = Money(Decimal(self.prices[key]), "EUR", TaxBasis.NET) if key in self.prices else None
        return ArticleMatch(article=key, variant=key, designation=f"ERP {key}", price=price)

    def tax(self, code: str) -> DocumentTax | None:
        if code not in self.taxes:
            return None
        percent, _, base = self.taxes[code].partition(" ")
        return DocumentTax(code=code, percent=Decimal(percent), base=TaxBase(base or "net"))

    def tax_by_percent(self, percent: Decimal) -> str | None:
        found = [code for code in self.taxes if (tax := self.tax(code)) and tax.percent == percent]
        return found[0] if len(found) == 1 else None

    def currency_rate(self, key: str) -> Decimal | None:
        return Decimal(self.rates[key]) if key in self.rates else None


def profile(**changes: Any) -> dict[str, Any]:
    """A profile with everything mapped; a keyword changes the option of that name in whichever section has it."""
    values: dict[type[Any], dict[str, Any]] = {
        OrdersSection: {"statuses": dict.fromkeys(("pending", "processing", "on-hold", "completed"), "order")},
        OrderTaxesSection: {
            "category_taxed": "1",
            "category_untaxed": "3",
            "tax_map": {value: code for code, value in TAXES.items()},
        },
        OrderArticlesSection: {
            "misc_article": "ZDIVERS",
            "shipping_article": "ZPORT",
            "wrapping_article": "ZEMBAL",
            "discount_article": "ZREMISE",
            "rounding_article": "ZARRONDI",
        },
        OrderCustomersSection: {},
        PaymentsSection: {"method_default": "2"},
    }
    for name, value in changes.items():
        owner = next(section for section in values if name in section.model_fields)
        values[owner][name] = value
    return {section.section: section(**chosen) for section, chosen in values.items()}


def half_up(value: Decimal) -> Decimal:
    """Rounding of the ERP, written apart from the product's."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def half_down(value: Decimal) -> Decimal:
    """Taxes taken off an amount with tax, written apart from the product's."""
    return value.quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP).quantize(CENT, rounding=ROUND_HALF_DOWN)


def erp_taxes(lead: Decimal, taxes: Sequence[DocumentTax], basis: TaxBasis) -> list[Decimal]:
    """What the ERP computes for each tax of a line: a compound one counts on the amount with the others."""
    plain = [tax.percent / 100 for tax in taxes if tax.base is not TaxBase.TOTAL]
    parts = [tax.percent / 100 * (1 + sum(plain, Decimal(0)) if tax.base is TaxBase.TOTAL else 1) for tax in taxes]
    if basis is TaxBasis.NET:
        return [half_up(lead * part) for part in parts]
    if len(parts) == 1:
        return [lead - half_up(lead / (1 + parts[0]))]
    return [half_down(lead / (1 + sum(parts, Decimal(0))) * part) for part in parts]


def erp_line(line: DocumentLine, basis: TaxBasis) -> tuple[Decimal, Decimal]:
    """Net and gross the ERP computes for a line from what is sent: quantity, price, discount and rates."""
    lead = half_up(line.quantity * line.unit_price - line.discount)
    tax = sum(erp_taxes(lead, line.taxes, basis), Decimal(0))
    return (lead, lead + tax) if basis is TaxBasis.NET else (lead - tax, lead)


def erp_totals(document: SalesDocument) -> tuple[Decimal, dict[str, Decimal]]:
    """Total with tax and VAT per tax code (0 left out) that the ERP arrives at by itself."""
    gross = Decimal(0)
    tax: dict[str, Decimal] = {}
    rows = [
        (line.taxes, half_up(line.quantity * line.unit_price - line.discount), document.basis)
        for line in document.lines
    ]
    if document.footer is not None:
        rows.append((document.footer.taxes, document.footer.amount, document.footer.basis))
    for taxes, lead, basis in rows:
        found = erp_taxes(lead, taxes, basis)
        gross += lead + (sum(found, Decimal(0)) if basis is TaxBasis.NET else 0)
        for one, amount in zip(taxes, found, strict=True):
            if one.percent:
                tax[one.code] = tax.get(one.code, Decimal(0)) + amount
    return gross, tax


def check_exact(order: Order, document: SalesDocument, vat: Mapping[str, Decimal] | None = None) -> None:
    """The ERP's own sums equal the order's total and VAT per rate, and every line says what the ERP will find."""
    for line in document.lines:
        assert erp_line(line, document.basis) == (line.net, line.gross), line
        assert line.discount >= 0, line
    gross, tax = erp_totals(document)
    assert gross == order.total == document.expected_gross
    found = {code: amount for code, amount in tax.items() if amount}
    assert found == {code: amount for code, amount in document.expected_codes.items() if amount}
    wanted = dict(document.expected_tax if vat is None else vat)
    percents = {one.code: f"{one.percent.normalize():f}" for line in document.lines for one in line.taxes}
    if document.footer is not None:
        percents |= {one.code: f"{one.percent.normalize():f}" for one in document.footer.taxes}
    by_percent: dict[str, Decimal] = {}
    for code, amount in found.items():
        by_percent[percents[code]] = by_percent.get(percents[code], Decimal(0)) + amount
    assert {rate: amount for rate, amount in by_percent.items() if amount} == {
        rate: amount for rate, amount in wanted.items() if amount
    }


def is_order(body: Any) -> bool:
    """Whether a recorded answer is an order with lines and total."""
    return isinstance(body, dict) and "line_items" in body and "total" in body and "amount" not in body


def orders_in(body: Any) -> Iterator[dict[str, Any]]:
    """Orders of one recorded answer: a single one, a list, or a batch."""
    if is_order(body):
        yield body
    elif isinstance(body, list):
        for item in body:
            yield from orders_in(item)
    elif isinstance(body, dict):
        for name in ("create", "update"):
            yield from orders_in(body.get(name))


RECORDINGS = ("08-orders-create", "09-tax-and-rounding", "10-orders-update-notes-refunds", "12-checkout-orders")
_DEFAULTS = {"currency": "EUR", "status": "processing", "billing": {"country": "FR"}, "shipping": {"country": "FR"}}


def recorded_bodies(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every recorded order; what the recorder cut away (country, currency) is filled in."""
    found = []
    for name in RECORDINGS:
        path = folder / "woocommerce" / "exchanges" / f"{name}.json"
        for index, exchange in enumerate(json.loads(path.read_text(encoding="utf-8"))["exchanges"]):
            title = f"{name}[{index}] {exchange['title']}"
            found += [(title, {**_DEFAULTS, **body}) for body in orders_in(exchange["response"]["body"])]
    return found


def parsed(body: Mapping[str, Any]) -> Order:
    """The order as the real reader gives it."""
    return parse_order(body, facts=FACTS)
