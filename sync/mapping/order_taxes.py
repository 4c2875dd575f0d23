"""Taxes of an order: a rate of the ERP, exempt with its reason, or unknown, which blocks the order. Never a quiet zero.

A line of the shop may bear several rates at once, each on its whole amount (a tax of the state, one of the province),
up to three of which an ERP line holds; or it was spread over the rates of the cart, as a negative fee is. The recorded
taxes tell which: in the second case the line becomes one share per set of rates, whose bases follow from the taxes, and
the last share takes the remainder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from connectors.canonical.currencies import currency_decimals
from connectors.canonical.levies import MOST_TAXES, parts
from connectors.canonical.sales import DocumentTax, LineKind, Order, OrderLine, RecordedTax, ShopRate, TaxBase
from connectors.canonical.values import round_half_up
from connectors.core.mapping_keys import is_number, percent_text, rate_key
from connectors.core.problems import ItemRefused
from profiles.sections import OrderTaxesSection
from sync.mapping.order_terms import Resolver, refuse
from sync.mapping.rounding import CENT, is_whole, without_noise
from sync.mapping.tax_stacks import Levy, Stack, blur, fits, shop_parts, spread

ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_HALF_CENT = Decimal("0.0051")
_MICRO = Decimal("0.000001")
_BASES = (TaxBase.NET, TaxBase.RAISING, TaxBase.TOTAL)
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
    _map: dict[str, str] = field(init=False)
    _rates: dict[str, ShopRate] = field(init=False)
    _known: dict[str, DocumentTax] = field(init=False, default_factory=dict)
    _places: int = field(init=False)
    _borne: list[Stack] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """The section keeps one spelling per percentage; a rate without code counts as absent."""
        self._places = places_of(self.order)
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
        bearing = [
            (line.net, row.amount)
            for line in self.order.lines
            for row in line.taxes
            if row.rate == rate_key and line.net and (line.kind is LineKind.GOODS or len(line.taxes) == 1)
        ]
        mapped = {Decimal(name) for name in self._map if is_number(name)}
        fitting = [percent for percent in mapped if bearing and all(_agrees(*pair, percent) for pair in bearing)]
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
        tax = self.catalogue.tax(code)
        if tax is None:
            raise refuse(
                "tax_code_gone",
                "Le code taxe %(code)s choisi pour le taux %(rate)s n’existe pas dans l’ERP.",
                "Ouvrez Commandes : pays et taxes et choisissez un autre code taxe pour %(rate)s.",
                code=code,
                rate=shown,
            )
        if rate.percent is not None and tax.percent != rate.percent:
            raise refuse(
                "tax_percent_differs",
                "Le taux de TVA %(rate)s de la boutique est associé au code taxe %(code)s de l’ERP, qui est à %(erp)s "
                "%%.",
                "Ouvrez Commandes : pays et taxes et choisissez pour %(rate)s un code taxe au même taux.",
                code=code,
                rate=shown,
                erp=percent_text(tax.percent),
            )
        return tax

    def _code(self, rate: ShopRate) -> str:
        # The ids of a shop's rates are small numbers that could be taken for percentages.
        names = [rate_key(rate.code), f"id:{rate.key}"]
        if rate.percent is not None:
            percent = percent_text(rate.percent)
            # Rates of one name and two percentages share their code (CGST at 9 and at 2.5 %).
            names = [rate_key(f"{rate.code} {percent}") if rate.code else "", names[0], percent, names[1]]
        for name in names:
            if name and name in self._map:
                return self._map[name]
        if rate.percent is not None and self.options.tax_by_percent:
            return self.catalogue.tax_by_percent(rate.percent) or ""
        return ""

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
        stack = self._stack(row.rate for row in due)
        if not fits(line.net, [row.amount for row in due], stack, self._places):
            return self._spread(line, rows)
        return self._single(line, due[0]) if len(due) == 1 else (self._stacked(line, due, stack),)

    def _stack(self, rates: Iterable[str]) -> Stack:
        return tuple(Levy(rate, self.of(rate).percent, self._is_compound(rate)) for rate in rates)

    def _is_compound(self, rate: str) -> bool:
        return rate in self._rates and self._rates[rate].compound

    def of_stack(self, line: OrderLine, stack: Stack) -> tuple[DocumentTax, ...]:
        """The taxes of the ERP that together are these rates on one amount.

        Raises ``ItemRefused``: ``tax_too_many``, ``tax_code_twice``, ``tax_base_differs``.
        """
        taxes = tuple(self.of(levy.rate) for levy in stack)
        if len(taxes) > MOST_TAXES:
            raise refuse(
                "tax_too_many",
                "La ligne « %(name)s » porte %(count)s taxes ; une ligne de l’ERP en tient trois.",
                "Réunissez des taux dans la boutique, ou saisissez cette commande à la main dans l’ERP.",
                name=line.name,
                count=str(len(taxes)),
            )
        self._require_own_codes(line, taxes)
        self._require_same_base(line, stack, taxes)
        known = list(self._rates)
        order = {levy.rate: known.index(levy.rate) if levy.rate in known else len(known) for levy in stack}
        pairs = sorted(
            zip(stack, taxes, strict=True), key=lambda pair: (_BASES.index(pair[1].base), order[pair[0].rate])
        )
        return tuple(tax for _, tax in pairs)

    def _require_own_codes(self, line: OrderLine, taxes: Sequence[DocumentTax]) -> None:
        codes = [tax.code for tax in taxes]
        twice = next((code for code in codes if codes.count(code) > 1), "")
        if twice:
            raise refuse(
                "tax_code_twice",
                "La ligne « %(name)s » porte plusieurs taxes de la boutique qui ont le même code taxe %(code)s dans "
                "l’ERP.",
                "Ouvrez Commandes : pays et taxes et donnez à chacune son code taxe, par son code de taux dans la "
                "boutique suivi de son pourcentage (par exemple IN-CGST-1 9) et non par son pourcentage seul.",
                name=line.name,
                code=twice,
            )

    def _require_same_base(self, line: OrderLine, stack: Stack, taxes: Sequence[DocumentTax]) -> None:
        """The ERP computes each tax on what the shop did: a compound rate is one on the amount with the others."""
        for levy, tax, asked, held in zip(stack, taxes, shop_parts(stack), parts(taxes), strict=True):
            if asked == held:
                continue
            if levy.compound:
                raise refuse(
                    "tax_base_differs",
                    "La taxe à %(rate)s %% de la ligne « %(name)s » est calculée sur le montant avec ses autres "
                    "taxes ; son code taxe %(code)s dans l’ERP l’est sur une autre base.",
                    "Ouvrez Commandes : pays et taxes et choisissez pour ce taux un code de type « TP/TTC » (calculé "
                    "sur le TTC), ou pour les autres taxes de la ligne des codes de type « TP/HT ».",
                    name=line.name,
                    rate=percent_text(levy.percent),
                    code=tax.code,
                )
            raise refuse(
                "tax_base_differs",
                "La taxe à %(rate)s %% de la ligne « %(name)s » est calculée sur le montant hors taxe ; son code taxe "
                "%(code)s dans l’ERP l’est sur une autre base, avec les autres taxes de la ligne.",
                "Ouvrez Commandes : pays et taxes et choisissez pour chaque taux de la ligne un code de type TVA.",
                name=line.name,
                rate=percent_text(levy.percent),
                code=tax.code,
            )

    def _stacked(self, line: OrderLine, rows: Sequence[RecordedTax], stack: Stack) -> Share:
        """A line that bears every one of these rates on its whole amount."""
        taxes = self.of_stack(line, stack)
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
        amounts = {self._stack([row.rate])[0]: row.amount for row in rows if self.of(row.rate).percent and row.amount}
        found = spread(line.net, amounts, self._known_stacks(), self._places)
        if found is None:
            raise _unexplained(line)
        shares = [
            _part(
                line,
                self.of_stack(line, part.stack),
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
                stack = self._stack(row.rate for row in rows)
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
            return self._exempt_tax(), (), reason
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

    def _exempt_tax(self) -> DocumentTax | None:
        code = self.options.exempt_tax
        if not code:
            return None
        tax = self.catalogue.tax(code)
        if tax is None or tax.percent:
            raise refuse(
                "exempt_tax_wrong",
                "Le code taxe %(code)s des ventes exonérées n’est pas un code à 0 %% de l’ERP.",
                "Ouvrez Commandes : pays et taxes et choisissez un code taxe à 0 %% pour les ventes exonérées.",
                code=code,
            )
        return tax


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


def _agrees(net: Decimal, amount: Decimal, percent: Decimal) -> bool:
    """Whether a tax is what this percentage gives, to the rounding of both amounts."""
    slack = _HALF_CENT * (1 if is_whole(amount) else 0) + _HALF_CENT * percent / _HUNDRED + _MICRO
    return abs(amount - net * percent / _HUNDRED) <= slack


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
