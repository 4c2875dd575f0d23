"""Taxes of an order: a rate of the ERP, exempt with its reason, or unknown, which blocks the order. Never a quiet zero.

A line of the shop that bears several rates (a negative fee spread over the rates of a cart) becomes one share per rate,
whose bases follow from the recorded taxes; the last share takes the remainder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from connectors.canonical.sales import DocumentTax, LineKind, Order, OrderLine, RecordedTax, ShopRate
from connectors.core.mapping_keys import is_number, percent_text, rate_key
from connectors.core.problems import ItemRefused
from profiles.sections import OrderTaxesSection
from sync.mapping.order_terms import Resolver, refuse
from sync.mapping.rounding import CENT, cents, is_whole, without_noise

ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_HALF_CENT = Decimal("0.0051")
_MICRO = Decimal("0.000001")
_CHARGES = frozenset({LineKind.FEE, LineKind.DISCOUNT, LineKind.SHIPPING})

EU_COUNTRIES = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MC MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
"""Territory of the VAT of the Union by ISO country (Monaco counts as France; the French overseas departments have codes
of their own and count as exports, article 294 of the CGI)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A line of an order at one tax. Amounts are unrounded and for the whole quantity.

    ``whole``: the share is its entire line. ``exempt``: why ``tax`` is ``None`` or at 0 % (empty for a rate).
    """

    line: OrderLine
    tax: DocumentTax | None
    exempt: str
    net: Decimal
    tax_amount: Decimal
    net_before: Decimal
    tax_before: Decimal
    whole: bool = True

    @property
    def percent(self) -> Decimal:
        """Percentage of the share, 0 when exempt."""
        return self.tax.percent if self.tax else ZERO

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
    _map: dict[str, str] = field(init=False)
    _rates: dict[str, ShopRate] = field(init=False)
    _known: dict[str, DocumentTax] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """The section keeps one spelling per percentage; a rate without code counts as absent."""
        self._map = {key: code for key, code in self.options.tax_map.items() if code}
        self._rates = {rate.key: rate for rate in self.order.rates}

    def of(self, rate_key: str) -> DocumentTax:
        """The ERP's tax of a rate of the shop; its percentage is the shop's."""
        if rate_key not in self._known:
            rate = self._rates.get(rate_key) or ShopRate(key=rate_key)
            if rate.percent is None:
                rate = replace(rate, percent=self._told_by_amounts(rate_key))
            self._known[rate_key] = self._look_up(rate)
        return self._known[rate_key]

    def _told_by_amounts(self, rate_key: str) -> Decimal | None:
        """The only mapped percentage that every amount recorded at a rate agrees with, for an order that hides it."""
        alone = [line for line in self.order.lines if [row.rate for row in line.taxes] == [rate_key] and line.net]
        mapped = {Decimal(name) for name in self._map if is_number(name)}
        fitting = [percent for percent in mapped if alone and all(_agrees(line, percent) for line in alone)]
        return fitting[0] if len(fitting) == 1 else None

    def _look_up(self, rate: ShopRate) -> DocumentTax:
        shown = f"{percent_text(rate.percent)} %" if rate.percent is not None else rate.label or rate.code or rate.key
        code = self._code(rate)
        if not code:
            raise refuse(
                "order_tax_unmapped",
                "Le taux de TVA %(rate)s de la boutique n’a pas de code taxe dans l’ERP.",
                "Ouvrez Commandes : pays et taxes, choisissez le code taxe de l’ERP pour %(rate)s, puis relancez cette "
                "commande.",
                rate=shown,
            )
        percent = self.catalogue.tax_percent(code)
        if percent is None:
            raise refuse(
                "tax_code_gone",
                "Le code taxe %(code)s choisi pour le taux %(rate)s n’existe pas dans l’ERP.",
                "Ouvrez Commandes : pays et taxes et choisissez un autre code taxe pour %(rate)s.",
                code=code,
                rate=shown,
            )
        if rate.percent is not None and percent != rate.percent:
            raise refuse(
                "tax_percent_differs",
                "Le taux de TVA %(rate)s de la boutique est associé au code taxe %(code)s de l’ERP, qui est à %(erp)s "
                "%%.",
                "Ouvrez Commandes : pays et taxes et choisissez pour %(rate)s un code taxe au même taux.",
                code=code,
                rate=shown,
                erp=percent_text(percent),
            )
        return DocumentTax(code=code, percent=percent)

    def _code(self, rate: ShopRate) -> str:
        # The ids of a shop's rates are small numbers that could be taken for percentages.
        names = [rate_key(rate.code), f"id:{rate.key}"]
        if rate.percent is not None:
            names.insert(1, percent_text(rate.percent))
        for name in names:
            if name and name in self._map:
                return self._map[name]
        if rate.percent is not None and self.options.tax_by_percent:
            return self.catalogue.tax_by_percent(rate.percent) or ""
        return ""

    def shares(self, line: OrderLine) -> tuple[Share, ...]:
        """The line, or one share per rate when its recorded taxes say that it was spread."""
        rows = _merged(line.taxes)
        if not rows:
            return (self._untaxed_share(line, line.net, line.net_before_discount, whole=True),)
        if len(rows) == 1:
            return self._single(line, rows[0])
        return self._spread(line, rows)

    def _single(self, line: OrderLine, row: RecordedTax) -> tuple[Share, ...]:
        if not line.net and not line.net_before_discount and not row.amount:
            return (self._free_share(line, row),)
        tax = self.of(row.rate)
        base = _base(row, tax.percent)
        if line.kind in _CHARGES and base is not None and _is_part(base, line.net, row, tax.percent):
            rest = line.net - base
            return (
                _part(line, tax, base, row.amount),
                self._untaxed_share(line, rest, rest, whole=False),
            )
        net, before = _refined(line.net, row.amount, tax), line.net_before_discount
        tax_before = row.before_discount
        if tax_before is None:
            tax_before = row.amount if before == line.net else before * tax.percent / _HUNDRED
        else:
            before = _refined(before, tax_before, tax)
        return (
            Share(
                line=line,
                tax=tax,
                exempt="",
                net=net,
                tax_amount=row.amount,
                net_before=net if line.net_before_discount == line.net else before,
                tax_before=row.amount if line.net_before_discount == line.net else tax_before,
            ),
        )

    def _free_share(self, line: OrderLine, row: RecordedTax) -> Share:
        """A free line bears the tax of its rate where it is mapped, else none: nothing is due on it."""
        try:
            tax: DocumentTax | None = self.of(row.rate)
        except ItemRefused:
            tax = None
        return Share(line=line, tax=tax, exempt="", net=ZERO, tax_amount=ZERO, net_before=ZERO, tax_before=ZERO)

    def _spread(self, line: OrderLine, rows: list[RecordedTax]) -> tuple[Share, ...]:
        taxes = [self.of(row.rate) for row in rows]
        bases = [_base(row, tax.percent) for row, tax in zip(rows, taxes, strict=True)]
        slack = sum((_slack(row, tax.percent) for row, tax in zip(rows, taxes, strict=True)), CENT)
        rest = line.net - sum((base for base in bases if base is not None), ZERO)
        shares = [
            _part(line, tax, base, row.amount)
            for row, tax, base in zip(rows, taxes, bases, strict=True)
            if base is not None
        ]
        zero = next((tax for tax, base in zip(taxes, bases, strict=True) if base is None), None)
        if abs(rest) <= slack and shares:
            return (*shares[:-1], _with_net(shares[-1], shares[-1].net + rest))
        if rest * line.net < 0:
            raise _stacked(line)
        if zero is not None:
            return (*shares, _part(line, zero, rest, ZERO))
        if line.kind not in _CHARGES:
            raise _stacked(line)
        return (*shares, self._untaxed_share(line, rest, rest, whole=False))

    # --- Lines without tax -----------------------------------------------------------------------------------

    def _untaxed_share(self, line: OrderLine, net: Decimal, before: Decimal, *, whole: bool) -> Share:
        if line.tax and whole:
            raise refuse(
                "tax_rate_missing",
                "La ligne « %(name)s » porte une taxe dont la boutique ne dit pas le taux.",
                "Recalculez les taxes de la commande dans la boutique, puis relancez-la.",
                name=line.name,
            )
        tax, reason = self._untaxed(line, net or before)
        net, before = without_noise(net), without_noise(before)
        return Share(
            line=line,
            tax=tax,
            exempt=reason,
            net=net,
            tax_amount=ZERO,
            net_before=before,
            tax_before=ZERO,
            whole=whole,
        )

    def _untaxed(self, line: OrderLine, net: Decimal) -> tuple[DocumentTax | None, str]:
        if not net:
            return None, ""
        following = self._rate_of_the_goods(line)
        if following is not None:
            return following, ""
        reason = line.exempt or self.order.exempt or self._reason(line)
        if reason:
            return self._exempt_tax(), reason
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

    def _rate_of_the_goods(self, line: OrderLine) -> DocumentTax | None:
        """Carriage and fees follow goods that all bear a recorded rate of 0 %."""
        if line.kind not in _CHARGES:
            return None
        goods = [one for one in self.order.lines if one.kind is LineKind.GOODS and one.net]
        keys = [tuple(row.rate for row in one.taxes) for one in goods]
        if not goods or any(len(one) != 1 for one in keys):
            return None
        taxes = [self.of(one[0]) for one in keys]
        return taxes[0] if all(tax.percent == 0 for tax in taxes) else None

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

    def _exempt_tax(self) -> DocumentTax | None:
        code = self.options.exempt_tax
        if not code:
            return None
        if self.catalogue.tax_percent(code) != 0:
            raise refuse(
                "exempt_tax_wrong",
                "Le code taxe %(code)s des ventes exonérées n’est pas un code à 0 %% de l’ERP.",
                "Ouvrez Commandes : pays et taxes et choisissez un code taxe à 0 %% pour les ventes exonérées.",
                code=code,
            )
        return DocumentTax(code=code, percent=ZERO)


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


def recorded_tax(order: Order, taxes: TaxBook) -> dict[Decimal, Decimal]:
    """VAT per percentage (0 left out) as the shop recorded it, at two decimals.

    The order's own totals per rate are the truth when they add up to its total tax; a shop may keep totals of a rate
    that it then did not charge (recorded), in which case the lines are. Raises ``ItemRefused`` when neither adds up.
    """
    by_rate = {row.rate: row.goods + row.shipping for row in order.rate_totals}
    for amounts in (by_rate, _summed(order, rounded=True), _summed(order, rounded=False)):
        slack = CENT * (len(amounts) + 1)
        if abs(sum(amounts.values(), ZERO) - order.total_tax) <= slack and (amounts or not order.total_tax):
            return _by_percent(amounts, taxes)
    raise refuse(
        "order_tax_inconsistent",
        "La TVA par taux enregistrée par la boutique (%(rates)s) n’est pas sa TVA totale (%(total)s).",
        "Recalculez les totaux de la commande dans la boutique, puis relancez-la.",
        rates=" + ".join(str(cents(amount)) for amount in by_rate.values()) or "0",
        total=str(order.total_tax),
    )


def _summed(order: Order, *, rounded: bool) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for line in order.lines:
        for row in line.taxes:
            # A line with one rate keeps its tax as the shop rounded it, half down in some of them.
            amount = line.tax if len(line.taxes) == 1 else cents(row.amount)
            found[row.rate] = found.get(row.rate, ZERO) + (amount if rounded else row.amount)
    return found


def _by_percent(amounts: Mapping[str, Decimal], taxes: TaxBook) -> dict[Decimal, Decimal]:
    found: dict[Decimal, Decimal] = {}
    for rate, amount in amounts.items():
        if amount:
            percent = taxes.of(rate).percent
            found[percent] = found.get(percent, ZERO) + cents(amount)
    return found


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


def _agrees(line: OrderLine, percent: Decimal) -> bool:
    """Whether the tax of a line is what this percentage gives, to the rounding of both amounts."""
    row = line.taxes[0]
    slack = _HALF_CENT * (1 if is_whole(row.amount) else 0) + _HALF_CENT * percent / _HUNDRED + _MICRO
    return abs(row.amount - line.net * percent / _HUNDRED) <= slack


def _base(row: RecordedTax, percent: Decimal) -> Decimal | None:
    """What a recorded tax was computed on; ``None`` where the tax does not tell."""
    return without_noise(row.amount * _HUNDRED / percent) if percent and row.amount else None


def _slack(row: RecordedTax, percent: Decimal) -> Decimal:
    """How far a base computed from a tax may be off."""
    if not percent:
        return ZERO
    return (_HALF_CENT if is_whole(row.amount) else _MICRO) * _HUNDRED / percent


def _is_part(base: Decimal, net: Decimal, row: RecordedTax, percent: Decimal) -> bool:
    return base * net > 0 and abs(net) - abs(base) > CENT + _slack(row, percent)


def _refined(net: Decimal, tax_amount: Decimal, tax: DocumentTax) -> Decimal:
    """A net amount shown at two decimals, with the decimals its recorded tax still tells."""
    if not is_whole(net) or not tax.percent or is_whole(tax_amount):
        return without_noise(net)
    told = without_noise(tax_amount * _HUNDRED / tax.percent)
    return told if abs(told - net) <= _HALF_CENT else net


def _part(line: OrderLine, tax: DocumentTax, net: Decimal, amount: Decimal) -> Share:
    net = without_noise(net)
    return Share(
        line=line, tax=tax, exempt="", net=net, tax_amount=amount, net_before=net, tax_before=amount, whole=False
    )


def _with_net(share: Share, net: Decimal) -> Share:
    net = without_noise(net)
    return replace(share, net=net, net_before=net)


def _stacked(line: OrderLine) -> ItemRefused:
    return refuse(
        "tax_stacked",
        "La ligne « %(name)s » porte plusieurs taxes sur le même montant.",
        "L’ERP ne connaît qu’une taxe par ligne : remplacez ces taux par un seul dans la boutique.",
        name=line.name,
    )
