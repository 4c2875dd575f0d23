"""ERP prices to shop prices: tax basis of the shop, decimals of the profile, currency checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from connectors.canonical.prices import BasePrice
from connectors.canonical.values import Money, TaxBasis
from connectors.core.problems import ItemRefused, Problem
from profiles.sections import PricesSection


def shop_basis(facts: Mapping[str, str]) -> TaxBasis:
    """The basis in which the shop keeps its prices."""
    return TaxBasis.GROSS if facts.get("prices_include_tax") == "yes" else TaxBasis.NET


def map_price(price: BasePrice, options: PricesSection, facts: Mapping[str, str]) -> BasePrice:
    """The price as the shop keeps it. Raises ``ItemRefused`` for an unknown tax, another currency, or no price at all.

    A tax that is unknown is never taken as zero: it only does not matter when the ERP's basis is the shop's. A tier
    that starts at one piece is the price a buyer pays. Shops without quantity prices get no tiers.
    """
    _require_currency(price, facts.get("currency", ""))
    asked = next((tier.price for tier in price.tiers if tier.from_quantity <= 1), price.price)
    converted = _converted(price, asked, shop_basis(facts)).rounded(options.decimals)
    if converted.amount < 0:
        raise ItemRefused(NEGATIVE)
    if converted.amount == 0 and not options.allow_zero:
        raise ItemRefused(NO_PRICE)
    return replace(price, price=converted, tax=None, purchase=None, tiers=(), eco_tax=None)


def _converted(price: BasePrice, money: Money, basis: TaxBasis) -> Money:
    """``money`` in ``basis``: an eco-participation is inside a gross price, outside a net one, and bears VAT itself."""
    if money.basis is basis:
        return money
    if price.tax is None:
        raise ItemRefused(TAX_UNKNOWN)
    eco = price.eco_tax or Money(Decimal(0), money.currency, TaxBasis.NET)
    return (money + eco).to_gross(price.tax) if basis is TaxBasis.GROSS else money.to_net(price.tax) - eco


def _require_currency(price: BasePrice, currency: str) -> None:
    if currency and price.price.currency != currency:
        raise ItemRefused(
            Problem(
                "currency_differs",
                "Le prix est en %(erp)s alors que la boutique vend en %(shop)s.",
                "Choisissez une catégorie tarifaire dans la devise de la boutique.",
                values={"erp": price.price.currency, "shop": currency},
            )
        )


NEGATIVE = Problem(
    "price_negative", "Le prix de l’article est négatif dans l’ERP.", "Corrigez le prix de vente dans l’ERP."
)
NO_PRICE = Problem(
    "price_missing",
    "L’article n’a aucun prix dans la catégorie tarifaire choisie : il aurait été vendu à zéro.",
    "Renseignez son prix de vente dans l’ERP, ou cochez « Accepter les prix à zéro » dans les réglages des prix.",
)
TAX_UNKNOWN = Problem(
    "tax_unknown",
    "L’ERP ne donne aucune taxe pour cet article dans la catégorie comptable choisie.",
    "Renseignez la taxe de l’article ou de sa famille dans l’ERP, ou changez la catégorie comptable du profil (Prix).",
)
