"""Taxes of an order: a rate of the ERP, exempt with its reason, or unknown, which blocks the order. Never a quiet zero.

A line of the shop may bear several rates at once, each on its whole amount (a tax of the state, one of the province),
up to three of which an ERP line holds; or it was spread over the rates of the cart, as a negative fee is. The recorded
taxes tell which: in the second case the line becomes one share per set of rates, whose bases follow from the taxes, and
the last share takes the remainder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from connectors.canonical.currencies import currency_decimals
from connectors.canonical.sales import DocumentTax, LineKind, Order, OrderLine, RecordedTax
from connectors.canonical.values import round_half_up
from connectors.core.problems import ItemRefused
from profiles.sections import OrderTaxesSection
from sync.mapping.order_terms import Resolver, refuse
from sync.mapping.rounding import CENT, without_noise
from sync.mapping.tax_rates import TaxRates
from sync.mapping.tax_stacks import Levy, Stack, blur, fits, shop_parts, spread

ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_CHARGES = frozenset({LineKind.FEE, LineKind.DISCOUNT, LineKind.SHIPPING})

EU_COUNTRIES = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MC MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
"""Territory of the VAT of the Union by ISO country (Monaco counts as France; the French overseas departments have codes
of their own and count as exports, article 294 of the CGI)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A line of an order, or a part of it, under one set of taxes. Amounts are unrounded and for the whole quantity.

    ``rates``: the shop's rates that ``taxes`` stand for. ``whole``: the share is its entire line. ``exempt``: why it
    bears no tax or one at 0 % (empty for a rate).
    """

    line: OrderLine
    taxes: tuple[DocumentTax, ...]
    rates: tuple[str, ...] = ()
    exempt: str
    net: Decimal
    tax_amount: Decimal
    net_before: Decimal
    tax_before: Decimal
    whole: bool = True

    @property
    def gross(self) -> Decimal:
        """Amount with tax."""
        return without_noise(self.net + self.tax_amount)

    @property
    def gross_before(self) -> Decimal:
        """Amount with tax before discount."""
        return without_noise(self.net_before + self.tax_before)


@dataclass(slots=True)
class TaxBook:
    """Taxes of one order in the ERP's terms. Raises ``ItemRefused`` for what nobody mapped."""

    order: Order
    options: OrderTaxesSection
    catalogue: Resolver
    rates: TaxRates = field(init=False)
    _places: int = field(init=False)
    _borne: list[Stack] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Nothing is looked up before a line asks for it."""
        self._places = places_of(self.order)
        self.rates = TaxRates(self.order, self.options, self.catalogue)

    def of(self, rate: str) -> DocumentTax:
        """The ERP's tax of a rate of the shop; its percentage is the shop's."""
        return self.rates.of(rate)

    def shares(self, line: OrderLine) -> tuple[Share, ...]:
        """The line, or one share per set of rates when its recorded taxes say that it was spread."""
        rows = _merged(line.taxes)
        if not rows:
            return (self._untaxed_share(line, line.net, line.net_before_discount, whole=True),)
        if len(rows) == 1:
            return self._single(line, rows[0])
        due = [row for row in rows if self.of(row.rate).percent]
        if not due:
            return self._single(line, rows[0])
        stack = self.rates.stack(row.rate for row in due)
        if not fits(line.net, [row.amount for row in due], stack, self._places):
            return self._spread(line, rows)
        return self._single(line, due[0]) if len(due) == 1 else (self._stacked(line, due, stack),)

    def _stacked(self, line: OrderLine, rows: Sequence[RecordedTax], stack: Stack) -> Share:
        """A line that bears every one of these rates on its whole amount."""
        taxes = self.rates.of_stack(line, stack)
        whole = sum(shop_parts(stack), ZERO)
        amount = sum((row.amount for row in rows), ZERO)
        net, before = self._refined(line.net, amount, whole), line.net_before_discount
        told = [row.before_discount for row in rows if row.before_discount is not None]
        tax_before = sum(told, ZERO) if len(told) == len(rows) else before * whole
        if before == line.net:
            before, tax_before = net, amount
        else:
            before = self._refined(before, tax_before, whole)
        return Share(
            line=line,
            taxes=taxes,
            rates=tuple(levy.rate for levy in stack),
            exempt="",
            net=net,
            tax_amount=amount,
            net_before=before,
            tax_before=tax_before,
        )

    def _single(self, line: OrderLine, row: RecordedTax) -> tuple[Share, ...]:
        if not line.net and not line.net_before_discount and not row.amount:
            return (self._free_share(line, row),)
        tax = self.of(row.rate)
        if line.kind in _CHARGES and tax.percent and row.amount:
            base = without_noise(row.amount * _HUNDRED / tax.percent)
            if self._is_part(base, line.net, row, tax.percent):
                rest = line.net - base
                return (
                    _part(line, (tax,), (row.rate,), base, row.amount),
                    self._untaxed_share(line, rest, rest, whole=False),
                )
        return (self._stacked(line, [row], (Levy(row.rate, tax.percent),)),)

    def _is_part(self, base: Decimal, net: Decimal, row: RecordedTax, percent: Decimal) -> bool:
        slack = blur(net, self._places) + blur(row.amount, self._places) * _HUNDRED / percent
        return base * net > 0 and abs(net) - abs(base) > CENT + slack

    def _refined(self, net: Decimal, tax: Decimal, part: Decimal) -> Decimal:
        """A net amount shown short, with the decimals its recorded tax still tells."""
        shown = net == round_half_up(net, self._places)
        if not shown or not part or tax == round_half_up(tax, self._places):
            return without_noise(net)
        told = without_noise(tax / part)
        return told if abs(told - net) <= blur(net, self._places) else net

    def _free_share(self, line: OrderLine, row: RecordedTax) -> Share:
        """A free line bears the tax of its rate where it is mapped, else none: nothing is due on it."""
        try:
            taxes: tuple[DocumentTax, ...] = (self.of(row.rate),)
        except ItemRefused:
            taxes = ()
        return Share(line=line, taxes=taxes, exempt="", net=ZERO, tax_amount=ZERO, net_before=ZERO, tax_before=ZERO)

    def _spread(self, line: OrderLine, rows: Sequence[RecordedTax]) -> tuple[Share, ...]:
        zero = next((row.rate for row in rows if not self.of(row.rate).percent or not row.amount), None)
        taxed = [row for row in rows if self.of(row.rate).percent and row.amount]
        amounts = dict(zip(self.rates.stack(row.rate for row in taxed), (row.amount for row in taxed), strict=True))
        found = spread(line.net, amounts, self._known_stacks(), self._places)
        if found is None:
            raise _unexplained(line)
        shares = [
            _part(
                line,
                self.rates.of_stack(line, part.stack),
                tuple(levy.rate for levy in part.stack),
                part.base,
                sum(part.amounts, ZERO),
            )
            for part in found[0]
        ]
        rest = line.net - sum((share.net for share in shares), ZERO)
        if abs(rest) <= found[1] and shares:
            # An amount that was read without its cents knows less than its taxes do.
            last = shares[-1] if self._places < 2 else _with_net(shares[-1], shares[-1].net + rest)
            return (*shares[:-1], last)
        if rest * line.net < 0:
            raise _unexplained(line)
        if zero is not None:
            return (*shares, _part(line, (self.of(zero),), (zero,), rest, ZERO))
        if line.kind not in _CHARGES:
            raise _unexplained(line)
        return (*shares, self._untaxed_share(line, rest, rest, whole=False))

    def _known_stacks(self) -> list[Stack]:
        """The sets of rates that goods and carriage bear on their whole amount."""
        if self._borne is None:
            found = []
            for line in self.order.lines:
                rows = [row for row in _merged(line.taxes) if self.of(row.rate).percent]
                stack = self.rates.stack(row.rate for row in rows)
                if len(stack) > 1 and fits(line.net, [row.amount for row in rows], stack, self._places):
                    found.append(stack)
            self._borne = found
        return self._borne

    # --- Lines without tax -----------------------------------------------------------------------------------

    def _untaxed_share(self, line: OrderLine, net: Decimal, before: Decimal, *, whole: bool) -> Share:
        if line.tax and whole:
            raise refuse(
                "tax_rate_missing",
                "La ligne « %(name)s » porte une taxe dont la boutique ne dit pas le taux.",
                "Recalculez les taxes de la commande dans la boutique, puis relancez-la.",
                name=line.name,
            )
        tax, rates, reason = self._untaxed(line, net or before)
        net, before = without_noise(net), without_noise(before)
        return Share(
            line=line,
            taxes=(tax,) if tax else (),
            rates=rates,
            exempt=reason,
            net=net,
            tax_amount=ZERO,
            net_before=before,
            tax_before=ZERO,
            whole=whole,
        )

    def _untaxed(self, line: OrderLine, net: Decimal) -> tuple[DocumentTax | None, tuple[str, ...], str]:
        if not net:
            return None, (), ""
        following = self._rate_of_the_goods(line)
        if following is not None:
            return self.of(following), (following,), ""
        reason = line.exempt or self.order.exempt or self._reason(line)
        if reason:
            return self.rates.exempt(), (), reason
        raise refuse(
            "order_tax_unknown",
            "La ligne « %(name)s » ne porte aucune taxe et la boutique ne dit pas pourquoi (livraison : %(country)s).",
            "Corrigez la taxe dans la boutique. Si la vente est exonérée, indiquez-le dans Commandes : pays et taxes : "
            "pays vendu sans taxe, ligne sans taxe ou boutique sans TVA.",
            name=line.name,
            country=self.country or "?",
        )

    @property
    def country(self) -> str:
        """Where the goods go: it decides about the tax."""
        return self.order.shipping.country or self.order.billing.country

    def _rate_of_the_goods(self, line: OrderLine) -> str | None:
        """Carriage and fees follow goods that all bear a recorded rate of 0 %."""
        if line.kind not in _CHARGES:
            return None
        goods = [one for one in self.order.lines if one.kind is LineKind.GOODS and one.net]
        keys = [tuple(row.rate for row in one.taxes) for one in goods]
        if not goods or any(len(one) != 1 for one in keys):
            return None
        return keys[0][0] if all(self.of(one[0]).percent == 0 for one in keys) else None

    def _reason(self, line: OrderLine) -> str:
        """Why an amount without tax is none by oversight, as far as the order and the settings tell."""
        if self.options.shop_without_vat and not self._is_taxed():
            return "shop_without_vat"
        if self._is_taxed():
            return "untaxed_line" if self.options.untaxed_lines == "exempt" else ""
        country, home = self.country, self.options.home_country
        if zone_value(self.options.categories_untaxed, self.order):
            return "country"
        if country and home in EU_COUNTRIES and country not in EU_COUNTRIES:
            return "export"
        if self.order.buyer.vat_number and country not in {"", home} and country in EU_COUNTRIES:
            return "intracom"
        return ""

    def _is_taxed(self) -> bool:
        return bool(self.order.total_tax) or any(row.amount for line in self.order.lines for row in line.taxes)


def zone_value(table: Mapping[str, str], order: Order) -> str:
    """The entry of a table by country for the delivery of an order, most precise first.

    ``US:NY`` (region), ``FR:97*`` (start of the postcode, longest first), then ``FR``. Empty when there is none.
    """
    place = order.shipping if order.shipping.country else order.billing
    if place.region and table.get(f"{place.country}:{place.region}"):
        return table[f"{place.country}:{place.region}"]
    postcode = "".join(place.postcode.split()).upper()
    for length in range(len(postcode), 0, -1):
        found = table.get(f"{place.country}:{postcode[:length]}*")
        if found:
            return found
    return table.get(place.country, "")


def places_of(order: Order) -> int:
    """Decimals to which the shop rounded what an order shows, where its currency has two or more; else 2."""
    return min(order.decimals, 2) if (currency_decimals(order.currency) or 0) >= 2 else 2


def _merged(rows: tuple[RecordedTax, ...]) -> list[RecordedTax]:
    found: dict[str, RecordedTax] = {}
    for row in rows:
        known = found.get(row.rate)
        if known is None:
            found[row.rate] = row
            continue
        before = None
        if known.before_discount is not None and row.before_discount is not None:
            before = known.before_discount + row.before_discount
        found[row.rate] = RecordedTax(rate=row.rate, amount=known.amount + row.amount, before_discount=before)
    return list(found.values())


def _part(
    line: OrderLine, taxes: tuple[DocumentTax, ...], rates: tuple[str, ...], net: Decimal, amount: Decimal
) -> Share:
    net = without_noise(net)
    return Share(
        line=line,
        taxes=taxes,
        rates=rates,
        exempt="",
        net=net,
        tax_amount=amount,
        net_before=net,
        tax_before=amount,
        whole=False,
    )


def _with_net(share: Share, net: Decimal) -> Share:
    net = without_noise(net)
    return replace(share, net=net, net_before=net)


def _unexplained(line: OrderLine) -> ItemRefused:
    return refuse(
        "tax_stacked",
        "Les taxes de la ligne « %(name)s » ne sont pas celles de son montant à ses taux.",
        "Recalculez les taxes de la commande dans la boutique, puis relancez-la.",
        name=line.name,
    )
