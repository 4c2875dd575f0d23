"""Shared by the tests of orders: an ERP that only answers, profiles, the ERP's own sums, recorded orders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
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


def erp_line(line: DocumentLine, basis: TaxBasis) -> tuple[Decimal, Decimal]:
    """Net and gross the ERP computes for a line from what is sent: quantity, price, discount and rate."""
    factor = 1 + (line.tax.percent if line.tax else Decimal(0)) / 100
    lead = half_up(line.quantity * line.unit_price - line.discount)
    return (lead, half_up(lead * factor)) if basis is TaxBasis.NET else (half_up(lead / factor), lead)


def erp_totals(document: SalesDocument) -> tuple[Decimal, dict[str, Decimal]]:
    """Total with tax and VAT per percentage (0 left out) that the ERP arrives at by itself."""
    gross = Decimal(0)
    tax: dict[str, Decimal] = {}
    rows = [(line.tax, *erp_line(line, document.basis)) for line in document.lines]
    if document.footer is not None:
        charge = document.footer
        factor = 1 + (charge.tax.percent if charge.tax else Decimal(0)) / 100
        net = charge.amount if charge.basis is TaxBasis.NET else half_up(charge.amount / factor)
        with_tax = half_up(charge.amount * factor) if charge.basis is TaxBasis.NET else charge.amount
        rows.append((charge.tax, net, with_tax))
    for rate, net, with_tax in rows:
        gross += with_tax
        if rate and rate.percent:
            name = f"{rate.percent.normalize():f}"
            tax[name] = tax.get(name, Decimal(0)) + with_tax - net
    return gross, tax


def check_exact(order: Order, document: SalesDocument, vat: Mapping[str, Decimal] | None = None) -> None:
    """The ERP's own sums equal the order's total and VAT per rate, and every line says what the ERP will find."""
    for line in document.lines:
        assert erp_line(line, document.basis) == (line.net, line.gross), line
        assert line.discount >= 0, line
    gross, tax = erp_totals(document)
    assert gross == order.total == document.expected_gross
    wanted = dict(document.expected_tax if vat is None else vat)
    assert {rate: amount for rate, amount in tax.items() if amount} == {
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
