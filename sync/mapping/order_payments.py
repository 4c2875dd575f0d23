"""The payment of an order in the ERP's terms (ORD-05, PAY-01)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, tzinfo

from connectors.canonical.sales import Deposit, Order
from profiles.sections import PaymentsSection
from sync.mapping.order_terms import refuse
from sync.mapping.order_texts import day_of, fill
from sync.mapping.rounding import cents


def by_method(table: Mapping[str, str], order: Order) -> str:
    """The entry for the order's means of payment and currency (``bacs|USD``), else for the means alone; or empty."""
    method = order.payment.method
    return table.get(f"{method}|{order.currency}", "") or table.get(method, "")


def payment_term(order: Order, options: PaymentsSection) -> str:
    """The document's payment term, empty for the customer's own."""
    return by_method(options.terms, order) or options.term_default


def forced_customer(order: Order, options: PaymentsSection) -> str:
    """The customer that this means of payment imposes (marketplaces), or empty."""
    return by_method(options.customers, order)


def forced_account(order: Order, options: PaymentsSection) -> str:
    """The collective account that this means of payment imposes, or empty."""
    return by_method(options.accounts, order)


def is_wanted(order: Order, options: PaymentsSection) -> bool:
    """Whether a payment is created: a date of payment tells, the status does not."""
    if not options.create or by_method(options.create_for, order) == "no":
        return False
    return order.payment.paid_at is not None or options.create_unpaid


def deposits(
    order: Order, options: PaymentsSection, *, today: date, timezone: tzinfo = UTC, account: str = ""
) -> tuple[Deposit, ...]:
    """The payments to create with the document, also when the order was paid after it was imported.

    Raises ``ItemRefused`` (``payment_unmapped``) for a means of payment without method in the ERP.
    """
    amount = order.total if options.amount == "total" else order.payment.amount
    if amount <= 0 or not is_wanted(order, options):
        return ()
    method = by_method(options.methods, order) or options.method_default
    if not method:
        raise refuse(
            "payment_unmapped",
            "Le moyen de paiement « %(title)s » n’a pas de mode de règlement dans l’ERP.",
            "Ouvrez Règlements, choisissez le mode de règlement de « %(title)s » ou un mode par défaut, puis relancez "
            "cette commande.",
            title=order.payment.title or order.payment.method or "?",
        )
    return (
        Deposit(
            amount=cents(amount),
            on=payment_day(order, options, today=today, timezone=timezone),
            label=fill(options.label_template, order, account=account, timezone=timezone),
            method=method,
            journal=by_method(options.journals, order) or options.journal_default,
            reference=order.payment.transaction,
        ),
    )


def payment_day(order: Order, options: PaymentsSection, *, today: date, timezone: tzinfo) -> date:
    """The day a payment bears, in the shop's time zone."""
    if options.date == "today":
        return today
    if options.date == "order":
        return day_of(order.created_at, timezone)
    if options.date == "payment":
        return day_of(order.payment.paid_at or order.created_at, timezone)
    return invoice_day(order, timezone)


def invoice_day(order: Order, timezone: tzinfo) -> date:
    """The nearest a shop without invoices has to a date of invoice: completed, else paid, else ordered."""
    return day_of(order.completed_at or order.payment.paid_at or order.created_at, timezone)
