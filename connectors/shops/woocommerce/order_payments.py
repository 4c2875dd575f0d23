"""Payments of an order: the shop's own one, and those that extensions keep in the order's custom fields.

WooCommerce itself knows one payment per order. Gift cards, credits and deposits are kept by extensions as they like: an
amount (``"12.50"``), amounts by code (``{"AB-12": "12.50"}``, YITH Gift Cards) or a list of objects with ``amount``.
Some lower the order's total by them, others do not: the recorded lines and taxes tell which. WooCommerce Gift Cards has
a field of its own in the order (``gift_cards``, with code and amount), which needs no setting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.canonical.sales import Order, OrderPayment
from connectors.shops.woocommerce.marks import meta_value
from connectors.shops.woocommerce.order_lines import OrderRules, Row, amount, text_of
from connectors.shops.woocommerce.text import decoded
from connectors.shops.woocommerce.times import instant

GIFT_CARD = "gift_card"
"""Means of payment of the cards of WooCommerce Gift Cards, to be named so in the tables of payments."""
_CODES = ("code", "giftcard_number", "number", "id")


def own_payment(body: Row, total: Decimal, marketplaces: Sequence[str] = (), channel: str = "") -> OrderPayment:
    """The one payment WooCommerce knows, of the whole ``total``.

    The means of payment of an order of one of these ``marketplaces`` is the marketplace, told by the ``channel`` or by
    the means of payment or its title, whatever the case.
    """
    method, title = text_of(body, "payment_method"), text_of(body, "payment_method_title")
    told = {text.casefold() for text in (channel, method, title)}
    marketplace = next((name for name in marketplaces if name.casefold() in told), "")
    return OrderPayment(
        method=marketplace or method,
        title=marketplace or title,
        amount=total,
        paid_at=instant(body.get("date_paid_gmt")),
        transaction=text_of(body, "transaction_id"),
    )


def recorded_difference(order: Order) -> Decimal:
    """The order's total less its lines and taxes as recorded: 0, within cents when the shop rounds per subtotal."""
    return order.total - order.total_tax - sum((line.net for line in order.lines), Decimal(0))


def with_recorded_payments(order: Order, body: Row, rules: OrderRules) -> Order:
    """The order with its gift cards and the payments of the custom fields named in the profile; else as it is.

    A total that was lowered by these payments is raised again to what was sold: it comes nearer to lines and taxes.
    Raises ``ItemRefused`` (``order_amount_unreadable``).
    """
    meta_data = body.get("meta_data")
    others = tuple(_others(body, rules, order.payment.paid_at))
    received = _received(meta_data, rules)
    if not others and received is None:
        return order
    aside = sum((payment.amount for payment in others), Decimal(0))
    gap = recorded_difference(order)
    total = order.total + aside if abs(gap + aside) < abs(gap) else order.total
    rest = total - aside if received is None else received
    return replace(order, total=total, payment=replace(order.payment, amount=rest), other_payments=others)


def _others(body: Row, rules: OrderRules, paid_at: datetime | None) -> Iterator[OrderPayment]:
    meta_data = body.get("meta_data")
    fields = [(method, key, meta_value(meta_data, key)) for key, method in rules.payments]
    for method, key, value in [(GIFT_CARD, "gift_cards", body.get("gift_cards")), *fields]:
        for code, paid in _amounts(value, key):
            if paid > 0:
                yield OrderPayment(method=method, title=method, amount=paid, paid_at=paid_at, transaction=code)


def _received(meta_data: Any, rules: OrderRules) -> Decimal | None:
    """What the order's own means of payment brought in, where a custom field tells."""
    if not rules.received:
        return None
    found = [paid for _, paid in _amounts(meta_value(meta_data, rules.received), rules.received)]
    return sum(found, Decimal(0)) if found else None


def _amounts(value: Any, what: str) -> Iterator[tuple[str, Decimal]]:
    """Codes and amounts of one custom field; nothing for an empty one."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from _amounts(one, what)
    elif isinstance(value, Mapping):
        yield from _coded_amounts(value, what)
    elif value is not None and str(value).strip():
        yield "", amount(value.replace(",", ".") if isinstance(value, str) else value, what)


def _coded_amounts(value: Row, what: str) -> Iterator[tuple[str, Decimal]]:
    if "amount" not in value:
        pairs = [(str(code), one) for code, one in value.items()]
    else:
        pairs = [(next((text_of(value, name) for name in _CODES if text_of(value, name)), ""), value["amount"])]
    for code, one in pairs:
        yield from ((decoded(code), paid) for _, paid in _amounts(one, what))
