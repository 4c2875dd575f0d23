"""The arithmetic of one order beside the one of its document: for a page, a command and the detail of a refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from connectors.canonical.sales import DocumentLine, DocumentTax, LineKind, Order, OrderLine, SalesDocument
from connectors.canonical.values import TaxBasis
from sync.mapping.rounding import CENT, cents

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopLine:
    """A line as the shop recorded it. ``taxes`` maps the shop's rates, as people read them, to unrounded amounts."""

    key: str
    kind: str
    name: str
    reference: str
    quantity: Decimal
    net_before_discount: Decimal
    discount: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal
    taxes: Mapping[str, Decimal]
    exempt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErpLine:
    """A line of the document with its formulas. ``source`` names the shop's line; ``footer`` the charge at the foot."""

    position: int
    source: str
    kind: str
    article: str
    designation: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    tax_code: str
    percent: str
    net: Decimal
    tax: Decimal
    gross: Decimal
    formula: str
    footer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """VAT at one percentage on both sides. ``difference`` is document less order."""

    percent: str
    shop_tax: Decimal
    erp_base: Decimal
    erp_tax: Decimal
    difference: Decimal
    rounding: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Every figure of an order and of its document. ``balanced``: total and VAT per rate are equal to the cent."""

    order: str
    number: str
    currency: str
    basis: str
    shop_lines: tuple[ShopLine, ...]
    erp_lines: tuple[ErpLine, ...]
    rates: tuple[RateRow, ...]
    shop_net: Decimal
    shop_tax: Decimal
    shop_total: Decimal
    erp_net: Decimal
    erp_tax: Decimal
    erp_total: Decimal
    difference: Decimal
    deposits: Decimal
    rounding_lines: int
    balanced: bool

    def as_json(self) -> dict[str, Any]:
        """Plain data for JSON; amounts are text with their decimals."""
        plain = _plain(asdict(self))
        return plain if isinstance(plain, dict) else {}

    def columns(self) -> str:
        """Both columns in one technical line: total, then VAT per rate, as shop / ERP."""
        pairs = [f"total {self.shop_total} / {self.erp_total}"]
        pairs += [f"{row.percent} % {row.shop_tax} / {row.erp_tax}" for row in self.rates]
        return " ; ".join(pairs)


def explain(order: Order, document: SalesDocument) -> Explanation:
    """Puts both sides next to each other. Pure; nothing is taken from settings, so it also explains old documents."""
    lines = tuple(_erp_line(line, document.basis) for line in document.lines) + _footer(document)
    rates = _rates(document, lines)
    net, gross = _sum(line.net for line in lines), _sum(line.gross for line in lines)
    return Explanation(
        order=order.key,
        number=order.number,
        currency=order.currency,
        basis=document.basis.value,
        shop_lines=tuple(_shop_line(order, line) for line in order.lines),
        erp_lines=lines,
        rates=rates,
        shop_net=_short(order.total - order.total_tax),
        shop_tax=_short(order.total_tax),
        shop_total=_short(order.total),
        erp_net=net,
        erp_tax=gross - net,
        erp_total=gross,
        difference=_short(gross - order.total),
        deposits=_sum(deposit.amount for deposit in document.deposits),
        rounding_lines=sum(line.kind == LineKind.ROUNDING.value for line in lines),
        balanced=gross == order.total and not any(row.difference for row in rates),
    )


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, _ZERO)


def _short(value: Decimal) -> Decimal:
    """Without the zeros a shop adds when it is asked for six decimals."""
    return cents(value) if value == cents(value) else value


def _shop_line(order: Order, line: OrderLine) -> ShopLine:
    shown = {rate.key: rate.label or rate.code or rate.key for rate in order.rates}
    taxes: dict[str, Decimal] = {}
    for row in line.taxes:
        name = shown.get(row.rate, row.rate)
        taxes[name] = taxes.get(name, _ZERO) + row.amount
    return ShopLine(
        key=line.key,
        kind=line.kind.value,
        name=line.name,
        reference=line.reference,
        quantity=line.quantity,
        net_before_discount=line.net_before_discount,
        discount=line.net_before_discount - line.net,
        net=line.net,
        tax=line.tax,
        gross=line.net + line.tax,
        taxes=taxes,
        exempt=line.exempt,
    )


def _erp_line(line: DocumentLine, basis: TaxBasis) -> ErpLine:
    start = f"{_number(line.quantity)} × {_number(line.unit_price)}"
    if line.discount:
        start += f" − {line.discount}"
    return ErpLine(
        position=line.position,
        source=line.source,
        kind=line.kind.value,
        article=line.article,
        designation=line.designation,
        quantity=line.quantity,
        unit_price=line.unit_price,
        discount=line.discount,
        tax_code=line.tax.code if line.tax else "",
        percent=_percent(line.tax),
        net=line.net,
        tax=line.gross - line.net,
        gross=line.gross,
        formula=_formula(start, line.net, line.gross, line.tax, basis),
    )


def _footer(document: SalesDocument) -> tuple[ErpLine, ...]:
    charge = document.footer
    if charge is None:
        return ()
    return (
        ErpLine(
            position=len(document.lines) + 1,
            source="",
            kind=LineKind.SHIPPING.value,
            article="",
            designation="",
            quantity=Decimal(1),
            unit_price=charge.amount,
            discount=_ZERO,
            tax_code=charge.tax.code if charge.tax else "",
            percent=_percent(charge.tax),
            net=charge.net,
            tax=charge.gross - charge.net,
            gross=charge.gross,
            formula=_formula(_number(charge.amount), charge.net, charge.gross, charge.tax, charge.basis),
            footer=True,
        ),
    )


def _formula(start: str, net: Decimal, gross: Decimal, tax: DocumentTax | None, basis: TaxBasis) -> str:
    factor = _number(1 + (tax.percent if tax else _ZERO) / 100)
    if basis is TaxBasis.NET:
        return f"{start} = {net} ; {net} × {factor} = {gross}"
    return f"{start} = {gross} ; {gross} ÷ {factor} = {net}"


def _rates(document: SalesDocument, lines: Iterable[ErpLine]) -> tuple[RateRow, ...]:
    bases: dict[str, Decimal] = dict.fromkeys(document.expected_tax, _ZERO)
    taxes: dict[str, Decimal] = dict.fromkeys(document.expected_tax, _ZERO)
    rounding: dict[str, Decimal] = {}
    for line in lines:
        name = line.percent or "0"
        bases[name] = bases.get(name, _ZERO) + line.net
        taxes[name] = taxes.get(name, _ZERO) + line.tax
        if line.kind == LineKind.ROUNDING.value:
            rounding[name] = rounding.get(name, _ZERO) + line.tax
    return tuple(
        RateRow(
            percent=name,
            shop_tax=document.expected_tax.get(name, _ZERO),
            erp_base=bases[name],
            erp_tax=taxes[name],
            difference=taxes[name] - document.expected_tax.get(name, _ZERO),
            rounding=rounding.get(name, _ZERO),
        )
        for name in sorted(bases, key=Decimal, reverse=True)
    )


def _percent(tax: DocumentTax | None) -> str:
    if tax is None:
        return ""
    return f"{tax.percent.normalize():f}" if tax.percent else "0"


def _number(value: Decimal) -> str:
    """A number with at least two decimals unless it is whole, and never more than it has."""
    if value == value.to_integral_value():
        return f"{value.to_integral_value():f}"
    return f"{cents(value):f}" if value == cents(value) else f"{value.normalize():f}"


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.quantize(CENT):f}" if value == cents(value) else f"{value.normalize():f}"
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
