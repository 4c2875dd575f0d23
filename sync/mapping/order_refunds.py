"""A refund of an order as a credit note, with the same arithmetic as an order (PAY, UPD; life of an order).

A refund has its own amount, which rules even when its lines say otherwise (recorded). Where they agree, the credit note
has the refund's lines; where they do not, or there are none, the amount is spread over the rates of the order in
proportion of what was paid at each, the last share taking the remainder.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from connectors.canonical.sales import (
    DocumentKind,
    LineKind,
    Order,
    OrderLine,
    RateTotal,
    RecordedTax,
    Refund,
    RefundLine,
    SalesDocument,
)
from sync.mapping.order_taxes import ZERO, TaxBook
from sync.mapping.order_terms import Resolver, Sections, refuse
from sync.mapping.orders import Moment, map_order, web_number
from sync.mapping.rounding import CENT, cents, without_noise

REFUND_NAME = "Remboursement"


def map_refund(order: Order, refund: Refund, options: Sections, catalogue: Resolver, moment: Moment) -> SalesDocument:
    """The credit note of one refund: positive amounts, its total equal to the refund's amount to the cent.

    ``key`` is the refund's, ``web_number`` the order's with ``-R`` and the refund's key. No deposit. Raises
    ``ItemRefused`` as :func:`map_order`, and ``refund_empty`` for a refund of nothing.
    """
    if refund.amount <= 0:
        raise refuse("refund_empty", "Le remboursement est nul.", "Aucun avoir n’est nécessaire.")
    returned = _as_order(order, refund, options, catalogue)
    document = map_order(returned, options, catalogue, moment, kind=DocumentKind.CREDIT)
    number = f"{web_number(order, options)}-R{refund.key}"
    return replace(document, key=refund.key, web_number=number, deposits=(), instalments=(), comment=refund.reason)


def returned_order(order: Order, refund: Refund, options: Sections, catalogue: Resolver) -> Order:
    """The refund written as an order of its own, to explain the arithmetic of its credit note."""
    return _as_order(order, refund, options, catalogue)


def _as_order(order: Order, refund: Refund, options: Sections, catalogue: Resolver) -> Order:
    lines = _lines(order, refund)
    told = sum((line.net + line.tax for line in lines), ZERO)
    if not lines or abs(told - refund.amount) > CENT * (len(lines) + 1):
        lines = _spread(order, refund, TaxBook(order, options["order_taxes"], catalogue))
    totals = _rate_totals(lines)
    return replace(
        order,
        created_at=refund.created_at,
        completed_at=None,
        total=cents(refund.amount),
        total_tax=sum((row.goods for row in totals), ZERO),
        payment=replace(order.payment, amount=ZERO, paid_at=None),
        other_payments=(),
        lines=tuple(lines),
        rate_totals=totals,
        coupons=(),
        refunds=(),
        note="",
        team_notes=(),
    )


def _lines(order: Order, refund: Refund) -> list[OrderLine]:
    known = {line.key: line for line in order.lines}
    return [_line(line, known.get(line.line), str(place)) for place, line in enumerate(refund.lines, start=1)]


def _line(line: RefundLine, source: OrderLine | None, place: str) -> OrderLine:
    # Money given back without a piece is no return: the article, and with it the stock, must not move.
    returns_goods = line.kind is LineKind.GOODS and line.quantity > 0
    kind = LineKind.FEE if line.kind is LineKind.GOODS and not returns_goods else line.kind
    return OrderLine(
        key=line.line or place,
        kind=kind,
        name=source.name if source else REFUND_NAME,
        quantity=line.quantity if returns_goods else Decimal(1),
        net=line.net,
        net_before_discount=line.net,
        tax=sum((cents(row.amount) for row in line.taxes), ZERO),
        taxes=line.taxes,
        exempt=source.exempt if source else "",
        reference=source.reference if source and returns_goods else "",
        product_key=source.product_key if source and returns_goods else "",
        variant_key=source.variant_key if source and returns_goods else "",
        method=source.method if source else "",
    )


def _rate_totals(lines: Iterable[OrderLine]) -> tuple[RateTotal, ...]:
    sums: dict[str, Decimal] = {}
    for line in lines:
        for row in line.taxes:
            sums[row.rate] = sums.get(row.rate, ZERO) + row.amount
    return tuple(RateTotal(rate=rate, goods=cents(amount), shipping=ZERO) for rate, amount in sums.items())


def _spread(order: Order, refund: Refund, taxes: TaxBook) -> list[OrderLine]:
    """One line per rate of the order; the amounts per rate add up to the refund."""
    paid = _paid_by_rate(order, taxes)
    whole = sum(paid.values(), ZERO)
    if whole <= 0:
        raise refuse(
            "refund_without_base",
            "Le remboursement %(amount)s ne peut pas être réparti : la commande ne vaut rien.",
            "Saisissez l’avoir à la main dans l’ERP.",
            amount=str(refund.amount),
        )
    rest = refund.amount
    lines = []
    for place, (rate, gross) in enumerate(paid.items(), start=1):
        share = rest if place == len(paid) else cents(refund.amount * gross / whole)
        rest -= share
        if share:
            lines.append(_share(rate, share, refund, taxes, place))
    return lines


def _share(rate: str, share: Decimal, refund: Refund, taxes: TaxBook, place: int) -> OrderLine:
    percent = taxes.of(rate).percent if rate else ZERO
    net = without_noise(share / (1 + percent / 100))
    return OrderLine(
        key=f"{refund.key}-{place}",
        kind=LineKind.FEE,
        name=refund.reason or REFUND_NAME,
        net=net,
        net_before_discount=net,
        tax=cents(share - net),
        taxes=(RecordedTax(rate=rate, amount=share - net),) if rate else (),
        exempt="" if rate else "refund",
    )


def _paid_by_rate(order: Order, taxes: TaxBook) -> dict[str, Decimal]:
    """What was paid at each rate of the shop; "" for what was exempt."""
    rate_of = {taxes.of(row.rate): row.rate for line in order.lines for row in line.taxes if row.amount or line.net}
    paid: dict[str, Decimal] = {}
    for line in order.lines:
        for share in taxes.shares(line):
            name = rate_of.get(share.tax, "") if share.tax else ""
            paid[name] = paid.get(name, ZERO) + share.gross
    return {name: gross for name, gross in paid.items() if gross > 0}
