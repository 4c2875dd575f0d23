"""The arithmetic of one order beside the one of its document: for a page, a command and the detail of a refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from connectors.canonical.levies import Split, split
from connectors.canonical.sales import DocumentLine, DocumentTax, LineKind, Order, OrderLine, SalesDocument
from connectors.canonical.values import TaxBasis
from connectors.core.mapping_keys import percent_text
from sync.mapping.order_taxes import places_of
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
    """A line of the document with its formulas. ``source`` names the shop's line; ``footer`` the charge at the foot.

    ``tax_code`` and ``percent`` join the taxes of a line that bears several («GST + PST», «5 + 7»); ``taxes`` has the
    amount of each code.
    """

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
    taxes: Mapping[str, Decimal]
    footer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """VAT at one percentage on both sides. ``difference`` is document less order.

    ``code``: the tax code, where a document has several at this percentage; else empty.
    """

    percent: str
    code: str = ""
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
        pairs += [f"{row.percent} %{row.code and ' ' + row.code} {row.shop_tax} / {row.erp_tax}" for row in self.rates]
        return " ; ".join(pairs)


def explain(order: Order, document: SalesDocument) -> Explanation:
    """Puts both sides next to each other. Pure; nothing is taken from settings, so it also explains old documents."""
    lines = tuple(_erp_line(line, document.basis) for line in document.lines) + _footer(document)
    rates = _rates(document)
    shop_tax = order.total_tax if places_of(order) == 2 else _sum(document.expected_tax.values())
    net, gross = _sum(line.net for line in lines), _sum(line.gross for line in lines)
    return Explanation(
        order=order.key,
        number=order.number,
        currency=order.currency,
        basis=document.basis.value,
        shop_lines=tuple(_shop_line(order, line) for line in order.lines),
        erp_lines=lines,
        rates=rates,
        shop_net=_short(order.total - shop_tax),
        shop_tax=_short(shop_tax),
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
        **_taxed(start, line.taxes, Split(line.net, line.gross, ()), basis),
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
            footer=True,
            **_taxed(_number(charge.amount), charge.taxes, Split(charge.net, charge.gross, ()), charge.basis),
        ),
    )


def _taxed(start: str, taxes: Sequence[DocumentTax], held: Split, basis: TaxBasis) -> dict[str, Any]:
    """What the columns of a line say about its taxes."""
    found = _split(held, taxes, basis)
    return {
        "tax_code": " + ".join(tax.code for tax in taxes),
        "percent": " + ".join(percent_text(tax.percent) for tax in taxes),
        "net": held.net,
        "tax": held.tax,
        "gross": held.gross,
        "formula": _formula(start, held, taxes, found, basis),
        "taxes": {tax.code: amount for tax, amount in zip(taxes, found, strict=True)},
    }


def _split(held: Split, taxes: Sequence[DocumentTax], basis: TaxBasis) -> tuple[Decimal, ...]:
    return split(held.net if basis is TaxBasis.NET else held.gross, taxes, basis).taxes


def _formula(start: str, held: Split, taxes: Sequence[DocumentTax], amounts: Sequence[Decimal], basis: TaxBasis) -> str:
    net, gross = held.net, held.gross
    if len(taxes) > 1:
        added = " + ".join(str(amount) for amount in amounts)
        if basis is TaxBasis.NET:
            return f"{start} = {net} ; {net} + {added} = {gross}"
        return f"{start} = {gross} ; {gross} − ({added}) = {net}"
    factor = _number(1 + (taxes[0].percent if taxes else _ZERO) / 100)
    if basis is TaxBasis.NET:
        return f"{start} = {net} ; {net} × {factor} = {gross}"
    return f"{start} = {gross} ; {gross} ÷ {factor} = {net}"


@dataclass(slots=True)
class _Sums:
    """What the lines of a document amount to at one tax."""

    base: Decimal = _ZERO
    tax: Decimal = _ZERO
    rounding: Decimal = _ZERO


def _rates(document: SalesDocument) -> tuple[RateRow, ...]:
    sums = _sums(document)
    codes: dict[str, list[str]] = {}
    for percent, code in sums:
        codes.setdefault(percent, []).append(code)
    for percent in document.expected_tax:
        if percent not in codes:
            codes[percent] = [""]
            sums[percent, ""] = _Sums()
    rows = []
    for percent in sorted(codes, key=Decimal, reverse=True):
        several = percent != "0" and len(codes[percent]) > 1 and bool(document.expected_codes)
        groups = [[code] for code in codes[percent]] if several else [codes[percent]]
        rows += [_rate_row(document, percent, group, sums, several=several) for group in groups]
    return tuple(rows)


def _sums(document: SalesDocument) -> dict[tuple[str, str], _Sums]:
    """By percentage and tax code; lines without tax count at 0 %."""
    charges = [
        (line.taxes, Split(line.net, line.gross, ()), document.basis, line.kind is LineKind.ROUNDING)
        for line in document.lines
    ]
    if document.footer is not None:
        foot = document.footer
        charges.append((foot.taxes, Split(foot.net, foot.gross, ()), foot.basis, False))
    sums: dict[tuple[str, str], _Sums] = {}
    for taxes, held, basis, rounding in charges:
        names = [(percent_text(tax.percent), tax.code) for tax in taxes] or [("0", "")]
        for name, amount in zip(names, _split(held, taxes, basis) or (_ZERO,), strict=True):
            row = sums.setdefault(name, _Sums())
            row.base, row.tax = row.base + held.net, row.tax + amount
            row.rounding += amount if rounding else _ZERO
    return sums


def _rate_row(
    document: SalesDocument,
    percent: str,
    codes: Sequence[str],
    sums: Mapping[tuple[str, str], _Sums],
    *,
    several: bool,
) -> RateRow:
    held = [sums[percent, code] for code in codes]
    expected, name = (document.expected_codes, codes[0]) if several else (document.expected_tax, percent)
    shop, erp = expected.get(name, _ZERO), _sum(one.tax for one in held)
    return RateRow(
        percent=percent,
        code=codes[0] if several else "",
        shop_tax=shop,
        erp_base=_sum(one.base for one in held),
        erp_tax=erp,
        difference=erp - shop,
        rounding=_sum(one.rounding for one in held),
    )


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
