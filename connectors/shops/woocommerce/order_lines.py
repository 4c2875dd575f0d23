"""Lines, rates and taxes of a recorded order. Pure functions; nothing is recomputed from rates.

Everything called ``subtotal`` and ``total`` on a line is without tax, before and after discount (recorded).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.canonical.parties import normalised
from connectors.canonical.sales import Coupon, LineKind, OrderLine, RateTotal, RecordedTax, ShopRate
from connectors.canonical.values import round_half_up
from connectors.core.problems import ItemRefused, Problem
from connectors.shops.woocommerce.options import WooCommerceOptions
from connectors.shops.woocommerce.text import decoded

Row = Mapping[str, Any]

_CENT = Decimal("0.01")
_TOO_LARGE = Decimal(10) ** 12
EXEMPT_BUYER = "vat_exempt"
"""Reason of an exemption: the shop marked the buyer as exempt (meta ``is_vat_exempt``)."""
EXEMPT_LINE = "not_taxable"
"""Reason of an exemption: the shop calls the fee or the shipping not taxable (``tax_status`` none)."""
EXEMPT_WITH_GOODS = "follows_goods"
"""Reason of an exemption: every line of goods is at 0 %, and the shipping bears no tax with them (recorded: by default
its tax class follows the cart)."""
GOODS, SHIPPING, FEES = "line_items", "shipping_lines", "fee_lines"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRules:
    """How a shop names what WooCommerce has no field for. Names are compared without case, accents and punctuation.

    ``wrapping`` and ``eco``: parts of fee names. ``channels``: meta keys whose value names a marketplace.
    ``marketplaces``: those whose name is the means of payment of their orders.
    ``payments``: meta keys that hold amounts paid otherwise, each with its means of payment. ``received``: meta key of
    the amount that the order's own means of payment brought in, empty for none.
    """

    wrapping: tuple[str, ...] = ("emballage cadeau", "paquet cadeau", "papier cadeau", "gift wrap")
    eco: tuple[str, ...] = ("éco-participation", "éco-contribution", "écotaxe", "éco-taxe", "DEEE")
    channels: tuple[str, ...] = ("_marketplace", "marketplace", "_sales_channel")
    marketplaces: tuple[str, ...] = ()
    payments: tuple[tuple[str, str], ...] = ()
    received: str = ""

    @classmethod
    def of(cls, options: WooCommerceOptions) -> OrderRules:
        """The rules set in the profile."""
        return cls(
            wrapping=names(options.wrapping_names),
            eco=names(options.eco_names),
            channels=names(options.channel_metas),
            marketplaces=names(options.marketplaces),
            payments=options.other_payments,
            received=options.received_meta,
        )


def names(text: str) -> tuple[str, ...]:
    """The parts of a comma separated text."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def amount(value: Any, what: str = "amount") -> Decimal:
    """An amount as recorded; absent and empty ones are 0.

    Raises ``ItemRefused`` for anything that is no number, or one that no document of any ERP holds.
    """
    text = str(value if value is not None else "").strip()
    if not text:
        return Decimal(0)
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or abs(number) >= _TOO_LARGE:
        raise ItemRefused(
            Problem(
                "order_amount_unreadable",
                "Un montant de la commande est illisible : %(what)s = « %(value)s ».",
                "Une extension de la boutique enregistre mal ce montant ; corrigez la commande dans WooCommerce.",
                values={"what": what, "value": text[:60]},
            )
        )
    return number


def rows_of(body: Row, name: str) -> list[Row]:
    """The lines of one kind; anything else than a list of objects counts as none."""
    value = body.get(name)
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list | tuple) else []


def text_of(body: Row, name: str) -> str:
    """A text field without entities and outer blanks; numbers as text, everything else empty."""
    value = body.get(name)
    return decoded(value).strip() if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else ""


def id_of(row: Row, name: str = "id") -> str:
    """An id as text; 0 and absent ones are empty."""
    text = text_of(row, name)
    return "" if text == "0" else text


def parse_lines(body: Row, rules: OrderRules, exempt: str = "") -> tuple[OrderLine, ...]:
    """Goods, then shipping, then fees, in the order of the shop. ``exempt``: reason that holds for the whole order."""
    lines = [_goods(row, exempt) for row in rows_of(body, GOODS)]
    zero_rated = bool(lines) and all(line.taxes and not line.tax for line in lines)
    follows = exempt or (EXEMPT_WITH_GOODS if zero_rated else "")
    lines += [_shipping(row, follows) for row in rows_of(body, SHIPPING)]
    lines += [_fee(row, rules, exempt) for row in rows_of(body, FEES)]
    return tuple(lines)


def _goods(row: Row, exempt: str) -> OrderLine:
    product = id_of(row, "product_id")
    net = amount(row.get("total"), "total")
    before = net if row.get("subtotal") in (None, "") else amount(row["subtotal"], "subtotal")
    return OrderLine(
        key=id_of(row),
        kind=LineKind.GOODS,
        name=text_of(row, "name"),
        quantity=amount(row.get("quantity", 1), "quantity"),
        net=net,
        net_before_discount=before,
        tax=amount(row.get("total_tax"), "total_tax"),
        taxes=line_taxes(row),
        exempt=_exempt(row, exempt),
        reference=text_of(row, "sku"),
        product_key=product,
        variant_key=(id_of(row, "variation_id") or product) if product else "",
        options=_options(row),
    )


def _shipping(row: Row, exempt: str) -> OrderLine:
    return _charge(row, LineKind.SHIPPING, text_of(row, "method_title"), exempt, method=carrier_key(row))


def _fee(row: Row, rules: OrderRules, exempt: str) -> OrderLine:
    return _charge(row, fee_kind(row, rules), text_of(row, "name"), exempt)


def _charge(row: Row, kind: LineKind, name: str, exempt: str, method: str = "") -> OrderLine:
    net = amount(row.get("total"), "total")
    return OrderLine(
        key=id_of(row),
        kind=kind,
        name=name,
        net=net,
        net_before_discount=net,
        tax=amount(row.get("total_tax"), "total_tax"),
        taxes=line_taxes(row),
        exempt=_exempt(row, exempt),
        options=_options(row) if kind is not LineKind.SHIPPING else (),
        method=method,
    )


def fee_kind(row: Row, rules: OrderRules) -> LineKind:
    """What a fee stands for: a discount when it is negative, else by its name."""
    if amount(row.get("total"), "total") < 0:
        return LineKind.DISCOUNT
    name = normalised(text_of(row, "name"))
    if any(normalised(part) in name for part in rules.eco if normalised(part)):
        return LineKind.ECO
    if any(normalised(part) in name for part in rules.wrapping if normalised(part)):
        return LineKind.WRAPPING
    return LineKind.FEE


def carrier_key(row: Row) -> str:
    """``method:instance`` of a shipping line as the list of shipping methods names it; orders made by REST have no
    instance (recorded)."""
    method, instance = text_of(row, "method_id"), id_of(row, "instance_id")
    # Before 3.4 the instance was part of the method.
    return f"{method}:{instance}" if method and instance and ":" not in method else method


def line_taxes(row: Row) -> tuple[RecordedTax, ...]:
    """Tax rows of a line. The shop lists rates that do not concern the line with empty amounts: they are left out."""
    return tuple(
        RecordedTax(
            rate=id_of(tax),
            amount=amount(tax.get("total"), "taxes"),
            before_discount=None if tax.get("subtotal") in (None, "") else amount(tax["subtotal"], "taxes"),
        )
        for tax in rows_of(row, "taxes")
        if tax.get("total") not in (None, "")
    )


def _exempt(row: Row, order_reason: str) -> str:
    """Why a line with an amount bears no tax; empty when it bears some (a rate of 0 % is a rate) or nobody said."""
    taxed = amount(row.get("total_tax"), "total_tax") != 0 or bool(line_taxes(row))
    if taxed or amount(row.get("total"), "total") == 0:
        return ""
    return order_reason or (EXEMPT_LINE if row.get("tax_status") == "none" else "")


def _options(row: Row) -> tuple[tuple[str, str], ...]:
    """Choices of the buyer as the shop shows them; entries with a leading underscore are the shop's own."""
    pairs = []
    for entry in rows_of(row, "meta_data"):
        key = str(entry.get("key") or "")
        shown = entry.get("display_value", entry.get("value"))
        if key and not key.startswith("_") and isinstance(shown, str | int | Decimal):
            pairs.append((decoded(entry.get("display_key") or key), decoded(shown)))
    return tuple(pairs)


def parse_coupons(body: Row) -> tuple[Coupon, ...]:
    """Vouchers; their amounts are inside the lines already."""
    return tuple(
        Coupon(
            code=text_of(row, "code"),
            net=amount(row.get("discount"), "discount"),
            tax=amount(row.get("discount_tax"), "discount_tax"),
            description=text_of(row, "discount_type"),
        )
        for row in rows_of(body, "coupon_lines")
    )


def parse_rates(body: Row, lines: Sequence[OrderLine]) -> tuple[ShopRate, ...]:
    """Rates of the order, those of deleted tax rows included: lines keep their ids (recorded)."""
    found: dict[str, ShopRate] = {}
    for row in rows_of(body, "tax_lines"):
        key = id_of(row, "rate_id")
        rate = ShopRate(key=key, code=text_of(row, "rate_code"), label=text_of(row, "label"))
        found.setdefault(
            key,
            ShopRate(
                key=key,
                code=rate.code,
                label=rate.label,
                percent=_percent(row, rate, body, lines),
                compound=row.get("compound") is True,
            ),
        )
    for line in lines:
        for tax in line.taxes:
            found.setdefault(tax.rate, ShopRate(key=tax.rate))
    return tuple(found.values())


def _percent(row: Row, rate: ShopRate, body: Row, lines: Sequence[OrderLine]) -> Decimal | None:
    """The percentage the order tells, else (before 3.7) the one its name tells if the recorded amounts agree."""
    told = row.get("rate_percent")
    if told not in (None, ""):
        percent = amount(str(told).strip().rstrip("%"), "rate_percent")
        # Orders of before 3.7 that were saved again show 0 beside a tax that is not 0.
        if percent or not _has_tax(row):
            return percent
    return next((one for one in _named_percents(rate) if _confirmed(one, rate.key, lines)), None)


def _has_tax(row: Row) -> bool:
    return bool(amount(row.get("tax_total")) or amount(row.get("shipping_tax_total")))


def _named_percents(rate: ShopRate) -> Iterator[Decimal]:
    """Numbers in the label and in the name part of the code (``FR-TVA 5,5-1``: country, state, name, priority)."""
    for text in (rate.label, "-".join(rate.code.split("-")[1:-1])):
        for word in "".join(letter if letter.isdigit() or letter in ",." else " " for letter in text).split():
            cleaned = word.strip(",.").replace(",", ".")
            if cleaned and cleaned.count(".") <= 1:
                yield Decimal(cleaned)


def _confirmed(percent: Decimal, key: str, lines: Sequence[OrderLine]) -> bool:
    """Whether every line that bears this rate was taxed so, to the rounding, and one of them is large enough.

    Charges that bear several rates may have been spread over them and tell nothing.
    """
    bearing = [
        (line.net, tax.amount)
        for line in lines
        for tax in line.taxes
        if tax.rate == key and (line.kind is LineKind.GOODS or len(line.taxes) == 1)
    ]
    agree = all(abs(amount - net * percent / 100) <= _CENT for net, amount in bearing)
    return agree and percent <= 100 and any(abs(net) >= 10 for net, _ in bearing)


def parse_rate_totals(body: Row, lines: Sequence[OrderLine], total_tax: Decimal, places: int) -> tuple[RateTotal, ...]:
    """VAT per rate as the shop shows it, at ``places`` decimals; several rows of one rate are one.

    A checkout that changes its shipping may leave a row behind that no line bears (recorded: 1.38 of shipping tax in
    an order whose tax is 0). Such amounts are left out where the order's own tax says that they are not part of it.
    """
    goods: dict[str, Decimal] = {}
    shipping: dict[str, Decimal] = {}
    for row in rows_of(body, "tax_lines"):
        key = id_of(row, "rate_id")
        goods[key] = goods.get(key, Decimal(0)) + amount(row.get("tax_total"), "tax_total")
        shipping[key] = shipping.get(key, Decimal(0)) + amount(row.get("shipping_tax_total"), "shipping_tax_total")
    cleaned = _borne(goods, lines, shipping=False), _borne(shipping, lines, shipping=True)
    left = total_tax - _sum(*cleaned)
    if abs(left) < abs(total_tax - _sum(goods, shipping)) and abs(left) <= _CENT * len(goods):
        borne = {tax.rate for line in lines for tax in line.taxes}
        goods, shipping = ({key: value for key, value in part.items() if key in borne} for part in cleaned)
    return tuple(
        RateTotal(rate=key, goods=round_half_up(goods[key], places), shipping=round_half_up(shipping[key], places))
        for key in goods
    )


def shown_decimals(body: Row, lines: Sequence[OrderLine], told: int) -> int:
    """To how many decimals the shop rounded the totals and taxes of an order.

    ``told`` is the shop's setting of today, or what is assumed for a file. An order made under a setting of none or one
    shows it: its totals are that short, although the taxes by rate, which the shop keeps long, are not and do not add
    up to them in cents.
    """
    if told > 2:
        return told
    totals = [amount(body.get("total")), amount(body.get("total_tax"))]
    long = sum((tax.amount for line in lines for tax in line.taxes), Decimal(0))
    if sum((line.tax for line in lines), Decimal(0)) == totals[1] or abs(long - totals[1]) < 2 * _CENT:
        kept = (sum((tax.amount for tax in line.taxes), Decimal(0)) - line.tax for line in lines)
        totals += [line.tax for line in lines]
        if not any(abs(rest) > _CENT for rest in kept):
            return told
    return next((places for places in range(told) if all(one == round_half_up(one, places) for one in totals)), told)


def _borne(amounts: Mapping[str, Decimal], lines: Sequence[OrderLine], *, shipping: bool) -> dict[str, Decimal]:
    """The amounts with 0 for rates that no line of the sort bears."""
    known = {tax.rate for line in lines if (line.kind is LineKind.SHIPPING) is shipping for tax in line.taxes}
    return {key: value if key in known else Decimal(0) for key, value in amounts.items()}


def _sum(*parts: Mapping[str, Decimal]) -> Decimal:
    return sum((value for part in parts for value in part.values()), Decimal(0))
