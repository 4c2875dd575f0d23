"""What a document must add up to: the total and the VAT per tax that the shop recorded, at two decimals."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from connectors.canonical.currencies import currency_decimals
from connectors.canonical.sales import DocumentTax, Order
from connectors.canonical.values import round_half_up
from sync.mapping.order_taxes import ZERO, TaxBook, places_of
from sync.mapping.order_terms import refuse
from sync.mapping.rounding import cents, is_whole


def recorded_tax(order: Order, taxes: TaxBook) -> dict[DocumentTax, Decimal]:
    """VAT per tax (0 left out) as the shop recorded it, at two decimals.

    The order's own totals per rate are the truth when they add up to its total tax; a shop may keep totals of a rate
    that it then did not charge (recorded), in which case the lines are. A shop that shows fewer decimals than its
    currency has rounds these totals only: the taxes of the lines, which it keeps long, are the truth where they round
    to them. Raises ``ItemRefused`` when neither adds up, and ``currency_decimals`` for VAT of more than two decimals.
    """
    places = places_of(order)
    by_rate = {row.rate: row.goods + row.shipping for row in order.rate_totals}
    unit = Decimal(1).scaleb(-places)
    long = _summed(order, rounded=False)
    if places < 2 and abs(sum(long.values(), ZERO) - order.total_tax) <= unit * (_rows(order) + 1) / 2:
        return _by_tax(long, taxes)
    for amounts in (by_rate, _summed(order, rounded=True), long):
        slack = unit * (len(amounts) + 1)
        if abs(sum(amounts.values(), ZERO) - order.total_tax) <= slack and (amounts or not order.total_tax):
            _require_cents(order, amounts)
            return _by_tax(amounts, taxes)
    raise refuse(
        "order_tax_inconsistent",
        "La TVA par taux enregistrée par la boutique (%(rates)s) n’est pas sa TVA totale (%(total)s).",
        "Recalculez les totaux de la commande dans la boutique, puis relancez-la.",
        rates=" + ".join(str(cents(amount)) for amount in by_rate.values()) or "0",
        total=str(order.total_tax),
    )


def _rows(order: Order) -> int:
    return sum(len(line.taxes) for line in order.lines)


def _require_cents(order: Order, amounts: Mapping[str, Decimal]) -> None:
    """VAT in thousandths of a currency that has them is not rounded away."""
    decimals = currency_decimals(order.currency) or 0
    if decimals <= 2:
        return
    for amount in amounts.values():
        require_two_decimals(round_half_up(amount, decimals), order.currency)


def require_two_decimals(amount: Decimal, currency: str) -> None:
    """Raises ``ItemRefused`` (``currency_decimals``) for an amount that no document of the ERP holds."""
    if not is_whole(amount):
        raise refuse(
            "currency_decimals",
            "La commande contient le montant %(amount)s %(currency)s : l’ERP arrondit le montant HT, les taxes et le "
            "total de chaque ligne d’une pièce à deux décimales et ne peut pas tenir la troisième.",
            "Saisissez cette commande à la main dans l’ERP, ou vendez dans la boutique avec deux décimales.",
            amount=f"{amount.normalize():f}",
            currency=currency,
        )


def _summed(order: Order, *, rounded: bool) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for line in order.lines:
        for row in line.taxes:
            # A line with one rate keeps its tax as the shop rounded it, half down in some of them.
            amount = line.tax if len(line.taxes) == 1 else cents(row.amount)
            found[row.rate] = found.get(row.rate, ZERO) + (amount if rounded else row.amount)
    return found


def _by_tax(amounts: Mapping[str, Decimal], taxes: TaxBook) -> dict[DocumentTax, Decimal]:
    found: dict[DocumentTax, Decimal] = {}
    for rate, amount in amounts.items():
        if amount:
            tax = taxes.of(rate)
            found[tax] = found.get(tax, ZERO) + cents(amount)
    return found


def accepted_gap(order: Order, exact: Decimal, limit: Decimal) -> Decimal:
    """How far the total of a document may be from the order's before a rounding line, with the limit of the profile.

    ``exact`` is what the lines of the document amount to, unrounded and with tax. A shop that rounds its totals to
    fewer decimals than its currency has (prices without cents) adds up lines that it rounded so: where its own sum
    gives the order's total, that rounding is the difference, and needs no limit. A limit of 0 refuses it all the same.
    """
    places = places_of(order)
    if places >= 2 or not limit:
        return limit
    nets = [line.net for line in order.lines]
    short = sum((round_half_up(net, places) for net in nets), ZERO)
    sums = (sum(nets, ZERO) + order.total_tax, short + order.total_tax, exact)
    half = Decimal(1).scaleb(-places) / 2
    # A line without tax that was read short does not tell its cents.
    unsure = sum(1 for line in order.lines if not line.tax and line.net and line.net == round_half_up(line.net, places))
    if order.total not in {round_half_up(one, places) for one in sums} and abs(exact - order.total) > half * unsure:
        return limit
    return max(limit, half * (len(nets) + _rows(order) + 1))
