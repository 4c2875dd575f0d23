"""A refund of an order as a credit note, with the same arithmetic as an order (PAY, UPD; life of an order).

A refund has its own amount, which rules even when its lines say otherwise (recorded). Where they agree, the credit note
has the refund's lines; where they do not, or there are none, the amount is spread over the rates of the order in
proportion of what was paid at each, the last share taking the remainder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from connectors.canonical.currencies import currency_decimals
from connectors.canonical.levies import split
from connectors.canonical.sales import (
    DocumentKind,
    DocumentLine,
    FooterCharge,
    LineKind,
    Order,
    OrderLine,
    RateTotal,
    RecordedTax,
    Refund,
    RefundLine,
    SalesDocument,
)
from connectors.canonical.values import TaxBasis
from sync.mapping.order_taxes import ZERO, TaxBook
from sync.mapping.order_terms import Resolver, Sections, refuse
from sync.mapping.orders import Moment, map_order, web_number
from sync.mapping.rounding import CENT, cents, price_line, without_noise
from sync.mapping.tax_stacks import Levy, shop_parts

REFUND_NAME = "Remboursement"
CANCELLATION_NAME = "Annulation de la commande"

Rates = tuple[str, ...]


def map_refund(order: Order, refund: Refund, options: Sections, catalogue: Resolver, moment: Moment) -> SalesDocument:
    """The credit note of one refund: positive amounts, its total equal to the refund's amount to the cent.

    ``key`` is the refund's, ``web_number`` the order's with ``-R`` and the refund's key. No deposit and no
    instalment. Raises ``ItemRefused`` as :func:`map_order`, and ``refund_empty`` for a refund of nothing.
    """
    if refund.amount <= 0:
        raise refuse("refund_empty", "Le remboursement est nul.", "Aucun avoir n’est nécessaire.")
    returned = _as_order(order, refund, options, catalogue)
    document = map_order(returned, options, catalogue, moment, kind=DocumentKind.CREDIT)
    number = f"{web_number(order, options)}-R{refund.key}"
    return replace(document, key=refund.key, web_number=number, deposits=(), instalments=(), comment=refund.reason)


def map_cancellation(order: Order, options: Sections, catalogue: Resolver, moment: Moment) -> SalesDocument:
    """The credit note of a whole order, with the amounts of its document, on the day of its last change.

    ``web_number`` is the order's with ``-A``. What was credited before is taken out with :func:`without_refunds`.
    Raises ``ItemRefused`` as :func:`map_order`.
    """
    returned = replace(order, created_at=order.modified_at, completed_at=None, refunds=(), note="", team_notes=())
    unpaid = replace(returned, payment=replace(order.payment, amount=ZERO, paid_at=None), other_payments=())
    document = map_order(unpaid, options, catalogue, moment, kind=DocumentKind.CREDIT)
    return replace(
        document,
        web_number=cancellation_number(web_number(order, options)),
        deposits=(),
        instalments=(),
        comment=CANCELLATION_NAME,
    )


def cancellation_number(number: str) -> str:
    """The web number of the credit note that cancels the order of this web number."""
    return f"{number}-A"


def returned_order(order: Order, refund: Refund, options: Sections, catalogue: Resolver) -> Order:
    """The refund written as an order of its own, to explain the arithmetic of its credit note."""
    return _as_order(order, refund, options, catalogue)


def without_refunds(document: SalesDocument, credits: Sequence[SalesDocument], *, decimals: int) -> SalesDocument:
    """The document of an order less what its refunds gave back, to the cent per rate.

    A line that came back whole disappears and one that came back in part shrinks; where that would move a cent, and
    for money given back without a piece, a negative line says so. ``decimals``: of unit prices. Pure. Raises
    ``ItemRefused`` (``refund_not_subtracted``) where the charge at the foot is too small for what it should lose.
    """
    if not credits:
        return document
    taken = [line for credit in credits for line in credit.lines]
    lines = _shrunk(document, taken, decimals)
    footer = document.footer
    for credit in credits:
        footer = _less_footer(footer, credit.footer, document.basis)
    if not lines and footer is None:
        # A document without any line is none: everything stays visible, and adds up to nothing.
        lines = [*document.lines, *(_negative(line) for line in taken)]
    return replace(
        document,
        lines=tuple(replace(line, position=place) for place, line in enumerate(lines, start=1)),
        footer=footer,
        expected_gross=document.expected_gross - sum((credit.expected_gross for credit in credits), ZERO),
        expected_tax=_less(document.expected_tax, [credit.expected_tax for credit in credits]),
        expected_codes=_less(document.expected_codes, [credit.expected_codes for credit in credits]),
    )


def _less(held: Mapping[str, Decimal], taken: Iterable[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    left = dict(held)
    for one in taken:
        for name, amount in one.items():
            left[name] = left.get(name, ZERO) - amount
    return {name: amount for name, amount in left.items() if amount}


def _shrunk(document: SalesDocument, taken: Iterable[DocumentLine], decimals: int) -> list[DocumentLine]:
    lines = list(document.lines)
    extra: list[DocumentLine] = []
    for line in taken:
        for place, held in enumerate(lines):
            if not _is_same(held, line):
                continue
            rest = _rest(held, line, document.basis, decimals)
            if rest is not None:
                lines[place : place + 1] = rest
                break
        else:
            extra.append(_negative(line))
    return [*lines, *extra]


def _is_same(held: DocumentLine, taken: DocumentLine) -> bool:
    def identity(line: DocumentLine) -> tuple[object, ...]:
        return line.source, line.kind, line.article, line.variant, line.taxes

    return bool(taken.source) and identity(held) == identity(taken)


def _rest(held: DocumentLine, taken: DocumentLine, basis: TaxBasis, decimals: int) -> tuple[DocumentLine, ...] | None:
    """What is left of a line, nothing when all of it came back; ``None`` when the rest has no exact price."""
    net, gross = held.net - taken.net, held.gross - taken.gross
    goods = held.kind is LineKind.GOODS
    quantity = held.quantity - taken.quantity if goods else held.quantity
    if not net and not gross and (not quantity or not goods):
        return ()
    lead = net if basis is TaxBasis.NET else gross
    found = split(lead, held.taxes, basis)
    if quantity <= 0 or lead < 0 or (found.net, found.gross) != (net, gross):
        return None
    price = price_line(quantity, lead, held.unit_price if goods else lead / quantity, decimals)
    return (
        replace(held, quantity=quantity, unit_price=price.unit_price, discount=price.discount, net=net, gross=gross),
    )


def _negative(line: DocumentLine) -> DocumentLine:
    return replace(line, quantity=-line.quantity, discount=-line.discount, net=-line.net, gross=-line.gross)


def _less_footer(held: FooterCharge | None, taken: FooterCharge | None, basis: TaxBasis) -> FooterCharge | None:
    if taken is None:
        return held
    rest = held.amount - taken.amount if held is not None else -taken.amount
    if held is None or rest < 0 or held.taxes != taken.taxes:
        raise refuse(
            "refund_not_subtracted",
            "Le port remboursé ne peut pas être retiré du pied de la pièce.",
            "Corrigez la pièce dans l’ERP.",
        )
    if not rest:
        return None
    found = split(rest, held.taxes, basis)
    return replace(held, amount=rest, net=found.net, gross=found.gross)


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
        total=refund.amount if (currency_decimals(order.currency) or 0) > 2 else cents(refund.amount),
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
    """One line per set of rates of the order; their amounts add up to the refund."""
    paid = _paid_by_rates(order, taxes)
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
    for place, (rates, gross) in enumerate(paid.items(), start=1):
        share = rest if place == len(paid) else cents(refund.amount * gross / whole)
        rest -= share
        if share:
            lines.append(_share(rates, share, refund, order, taxes, place))
    return lines


def _share(rates: Rates, share: Decimal, refund: Refund, order: Order, taxes: TaxBook, place: int) -> OrderLine:
    told = {rate.key: rate for rate in order.rates}
    parts = shop_parts([Levy(rate, taxes.of(rate).percent, rate in told and told[rate].compound) for rate in rates])
    net = without_noise(share / (1 + sum(parts, ZERO)))
    amounts = [without_noise(net * part) for part in parts[:-1]]
    amounts += [share - net - sum(amounts, ZERO)] if rates else []
    return OrderLine(
        key=f"{refund.key}-{place}",
        kind=LineKind.FEE,
        name=refund.reason or REFUND_NAME,
        net=net,
        net_before_discount=net,
        tax=cents(share - net),
        taxes=tuple(RecordedTax(rate=rate, amount=amount) for rate, amount in zip(rates, amounts, strict=True)),
        exempt="" if rates else "refund",
    )


def _paid_by_rates(order: Order, taxes: TaxBook) -> dict[Rates, Decimal]:
    """What was paid at each set of rates of the shop; none for what was exempt."""
    paid: dict[Rates, Decimal] = {}
    for line in order.lines:
        for share in taxes.shares(line):
            paid[share.rates] = paid.get(share.rates, ZERO) + share.gross
    return {rates: gross for rates, gross in paid.items() if gross > 0}
