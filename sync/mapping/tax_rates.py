"""The ERP's taxes for the rates of a shop, by the table of the settings, alone and together on one amount."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from connectors.canonical.levies import MOST_TAXES, parts
from connectors.canonical.sales import DocumentTax, LineKind, Order, OrderLine, ShopRate, TaxBase
from connectors.core.mapping_keys import is_number, percent_text, rate_key
from profiles.sections import OrderTaxesSection
from sync.mapping.order_terms import Resolver, refuse
from sync.mapping.rounding import is_whole
from sync.mapping.tax_stacks import Levy, Stack, shop_parts

_HUNDRED = Decimal(100)
_HALF_CENT = Decimal("0.0051")
_MICRO = Decimal("0.000001")
_BASES = (TaxBase.NET, TaxBase.RAISING, TaxBase.TOTAL)


@dataclass(slots=True)
class TaxRates:
    """Rates of one order in the ERP's terms. Raises ``ItemRefused`` for what nobody mapped."""

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

    def exempt(self) -> DocumentTax | None:
        """The tax at 0 % of exempt sales, where the settings name one."""
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

    def stack(self, rates: Iterable[str]) -> Stack:
        """These rates with their percentages, and whether each counts on the others."""
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


def _agrees(net: Decimal, amount: Decimal, percent: Decimal) -> bool:
    """Whether a tax is what this percentage gives, to the rounding of both amounts."""
    slack = _HALF_CENT * (1 if is_whole(amount) else 0) + _HALF_CENT * percent / _HUNDRED + _MICRO
    return abs(amount - net * percent / _HUNDRED) <= slack
