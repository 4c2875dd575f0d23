"""The payments of an order in the ERP's terms (ORD-05, PAY-01, PAY-02)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta, tzinfo
from decimal import Decimal

from connectors.canonical.sales import Deposit, Instalment, Order, OrderPayment, SalesDocument
from profiles.sections import PaymentsSection
from sync.mapping.order_terms import refuse
from sync.mapping.order_texts import day_of, fill
from sync.mapping.rounding import cents


def by_method(table: Mapping[str, str], order: Order, method: str | None = None) -> str:
    """The entry for a means of payment and the order's currency (``bacs|USD``), else for the means alone; or empty.

    By default the order's own means of payment.
    """
    method = order.payment.method if method is None else method
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


def is_wanted(order: Order, options: PaymentsSection, payment: OrderPayment | None = None) -> bool:
    """Whether a payment is created: a date of payment tells, the status does not. By default the order's own one."""
    payment = payment or order.payment
    if not options.create or by_method(options.create_for, order, payment.method) == "no":
        return False
    return payment.paid_at is not None or options.create_unpaid


def deposits(
    order: Order, options: PaymentsSection, *, today: date, timezone: tzinfo = UTC, account: str = ""
) -> tuple[Deposit, ...]:
    """The payments to create with the document, also when the order was paid after it was imported.

    One per means of payment, then what they lack of the order's total where the profile wants it (PAY-02). A deposit is
    what the bank received: what was paid too much within the limit stays in it, and is told by :func:`overpaid`; none
    is ever negative. Raises ``ItemRefused``: ``payment_unmapped`` (means of payment without method in the ERP),
    ``payments_exceed_order`` and ``payment_difference`` (with both amounts).
    """
    paid = [one for one in _amounts(order, options) if one[1] > 0]
    wanted = [one for one in paid if is_wanted(order, options, one[0])]
    if not wanted:
        return ()
    made = [
        Deposit(
            amount=amount,
            on=payment_day(order, options, today=today, timezone=timezone, payment=payment),
            label=fill(options.label_template, order, account=account, timezone=timezone),
            method=_method(order, options, payment),
            journal=by_method(options.journals, order, payment.method) or options.journal_default,
            reference=payment.transaction,
            payment=key,
        )
        for payment, amount, key in wanted
    ]
    gap = _difference(order, options, sum((amount for _, amount, _ in paid), Decimal(0)))
    if gap > 0:
        made.append(
            Deposit(
                amount=gap,
                on=made[0].on,
                label=fill(options.difference_label, order, account=account, timezone=timezone),
                method=options.difference_method or options.method_default or made[0].method,
                journal=options.difference_journal or options.journal_default,
            )
        )
    return tuple(made)


def overpaid(document: SalesDocument) -> Decimal:
    """What the deposits of a document exceed its total by; 0 when they do not."""
    paid = sum((deposit.amount for deposit in document.deposits), Decimal(0))
    return max(paid - document.expected_gross, Decimal(0))


def instalments(order: Order, options: PaymentsSection, made: Sequence[Deposit], *, on: date) -> tuple[Instalment, ...]:
    """When what the deposits leave to pay is due: equal parts, the first on the document's day, the last balancing.

    None where the means of payment has no number of instalments, or nothing is left to pay.
    """
    count = int(by_method(options.instalments, order) or 0)
    left = cents(order.total) - sum((deposit.amount for deposit in made), Decimal(0))
    if not count or left <= 0:
        return ()
    part = cents(Decimal(100) / count)
    days = timedelta(days=options.instalment_days)
    method = by_method(options.methods, order) or options.method_default
    return tuple(Instalment(on=on + days * place, percent=part, method=method) for place in range(count))


def payment_keys(order: Order) -> tuple[str, ...]:
    """A name for each of the order's other payments, that stays the same when more of them come."""
    seen: Counter[str] = Counter()
    names = []
    for payment in order.other_payments:
        name = f"{payment.method}:{payment.transaction}"
        seen[name] += 1
        names.append(f"{name}#{seen[name]}" if seen[name] > 1 else name)
    return tuple(names)


def _amounts(order: Order, options: PaymentsSection) -> list[tuple[OrderPayment, Decimal, str]]:
    """Every payment of the order with its amount and its key; the order's own one first, without key."""
    others = [
        (payment, cents(payment.amount), key)
        for payment, key in zip(order.other_payments, payment_keys(order), strict=True)
    ]
    aside = sum((amount for _, amount, _ in others), Decimal(0))
    own = cents(order.total) - aside if options.amount == "total" else cents(order.payment.amount)
    return [(order.payment, own, ""), *others]


def _method(order: Order, options: PaymentsSection, payment: OrderPayment) -> str:
    found = by_method(options.methods, order, payment.method) or options.method_default
    if found:
        return found
    raise refuse(
        "payment_unmapped",
        "Le moyen de paiement « %(title)s » n’a pas de mode de règlement dans l’ERP.",
        "Ouvrez Règlements, choisissez le mode de règlement de « %(title)s » ou un mode par défaut, puis relancez "
        "cette commande.",
        title=payment.title or payment.method or "?",
    )


def _difference(order: Order, options: PaymentsSection, paid: Decimal) -> Decimal:
    """What the payments lack of the order's total (negative: what is too much), within the limit of the profile."""
    gap = cents(order.total) - paid
    limit = options.difference_limit if options.create_differences else Decimal(0)
    if abs(gap) <= limit:
        return gap
    values = {"paid": str(paid), "total": str(cents(order.total)), "limit": str(limit)}
    if gap < 0:
        raise refuse(
            "payments_exceed_order",
            "Les paiements de la commande (%(paid)s) dépassent son total (%(total)s).",
            "Vérifiez les paiements de la commande dans la boutique, et les champs des autres paiements dans les "
            "réglages de la boutique.",
            **values,
        )
    if options.create_differences:
        raise refuse(
            "payment_difference",
            "Les paiements de la commande (%(paid)s) et son total (%(total)s) diffèrent de plus que l’écart de "
            "règlement accepté (%(limit)s).",
            "Vérifiez les paiements de la commande dans la boutique. Si cet écart est normal, augmentez l’écart de "
            "règlement accepté dans Règlements.",
            **values,
        )
    return Decimal(0)


def payment_day(
    order: Order, options: PaymentsSection, *, today: date, timezone: tzinfo, payment: OrderPayment | None = None
) -> date:
    """The day a payment bears, in the shop's time zone; by default the order's own payment."""
    payment = payment or order.payment
    if options.date == "today":
        return today
    if options.date == "order":
        return day_of(order.created_at, timezone)
    if options.date == "payment":
        return day_of(payment.paid_at or order.created_at, timezone)
    return invoice_day(order, timezone)


def invoice_day(order: Order, timezone: tzinfo) -> date:
    """The nearest a shop without invoices has to a date of invoice: completed, else paid, else ordered."""
    return day_of(order.completed_at or order.payment.paid_at or order.created_at, timezone)
