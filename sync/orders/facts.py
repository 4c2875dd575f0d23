"""What may happen to an order after its import, as facts of the shop that no echo of our own writing changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from connectors.canonical.base import content_hash
from connectors.canonical.parties import Address
from connectors.canonical.sales import Order, OrderLine, OrderPayment
from sync.mapping.order_payments import payment_keys
from sync.mapping.rounding import cents

_AT_ONCE = timedelta(seconds=5)
"""How far apart the shop stamps two dates of one change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """``content`` is the hash of what the buyer ordered and where it goes, empty when the shop erased it.

    ``refunds`` are keys with amounts, and so are ``payments``: those that were made otherwise than by the order's own
    means, once they are made. Status, marks, tracking and dates are no facts: we set them ourselves.
    """

    content: str = ""
    refunds: tuple[tuple[str, Decimal], ...] = ()
    cancelled: bool = False
    paid: bool = False
    payments: tuple[tuple[str, Decimal], ...] = ()


def facts_of(order: Order, *, gives_status: bool) -> Facts:
    """The facts of an order. Pure.

    ``gives_status``: this platform sets statuses in the shop. Shops note a payment when an order is completed without
    one; where we complete orders ourselves, such a note is our own echo and no payment.
    """

    def is_paid(payment: OrderPayment) -> bool:
        return payment.paid_at is not None and not (gives_status and _is_by_completion(payment, order))

    others = zip(payment_keys(order), order.other_payments, strict=True)
    return Facts(
        content="" if order.erased else content_hash(_content(order)),
        refunds=tuple(sorted((refund.key, refund.amount) for refund in order.refunds)),
        cancelled=order.cancelled,
        paid=is_paid(order.payment),
        payments=tuple((key, cents(payment.amount)) for key, payment in others if is_paid(payment)),
    )


def _is_by_completion(payment: OrderPayment, order: Order) -> bool:
    paid, completed = payment.paid_at, order.completed_at
    return paid is not None and completed is not None and abs(paid - completed) <= _AT_ONCE


def _content(order: Order) -> list[object]:
    return [
        order.currency,
        order.total,
        order.total_tax,
        [_line(line) for line in sorted(order.lines, key=lambda line: (line.kind, line.key))],
        _place(order.billing),
        _place(order.shipping),
        order.note,
    ]


def _line(line: OrderLine) -> list[object]:
    return [line.key, line.kind, line.quantity, line.net, line.tax, line.reference, line.name]


def _place(address: Address) -> str:
    """Where, however it is spelt: what a person tidies up in an address is no event."""
    return address.fingerprint()
