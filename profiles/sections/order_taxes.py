"""Options of «Importer les commandes»: countries, taxes and currencies (ORD-04, ORD-06)."""

from __future__ import annotations

from typing import ClassVar, Literal

from connectors.core.mapping_keys import KeyShape
from connectors.core.options import OptionsSection, option

_CATEGORIES = "Pays"
_TAXES = "Taxes"
_EXEMPT = "Ventes sans taxe"
_CURRENCIES = "Devises"
_ACCOUNTING = "erp.accounting_categories"


class OrderTaxesSection(OptionsSection):
    """What a sale is for the accounts: category by country, tax code by rate, currency."""

    section: ClassVar[str] = "order_taxes"
    title: ClassVar[str] = "Commandes : pays et taxes"

    category_taxed: str = option(
        "",
        label="Catégorie comptable par défaut, avec taxe",
        help="Pour les commandes soumises à TVA dont le pays n’est pas dans la table.",
        group=_CATEGORIES,
        choices_from=_ACCOUNTING,
        needed_by=("orders", "quotes"),
    )
    category_untaxed: str = option(
        "",
        label="Catégorie comptable par défaut, sans taxe",
        help="Pour les commandes sans TVA dont le pays n’est pas dans la table. Vide : une telle commande est refusée.",
        group=_CATEGORIES,
        choices_from=_ACCOUNTING,
    )
    categories_taxed: dict[str, str] = option(
        {},
        label="Ventes avec taxe",
        help="Par pays de livraison. Une zone s’écrit FR:97* (début de code postal) ou US:NY (région).",
        group=_CATEGORIES,
        keys_from="shop.countries",
        key_shape=KeyShape.ZONE,
        choices_from=_ACCOUNTING,
    )
    categories_untaxed: dict[str, str] = option(
        {},
        label="Ventes sans taxe",
        help="Par pays de livraison. Un pays qui figure ici peut recevoir des commandes sans TVA.",
        group=_CATEGORIES,
        keys_from="shop.countries",
        key_shape=KeyShape.ZONE,
        choices_from=_ACCOUNTING,
    )
    tax_map: dict[str, str] = option(
        {},
        label="Taux de la boutique",
        help="Pour chaque taux de TVA de la boutique (20, 5.5…) ou code de taux, le code taxe de l’ERP. Une commande "
        "dont "
        "un taux manque attend, les autres passent.",
        group=_TAXES,
        keys_from="shop.tax_rates",
        key_shape=KeyShape.PERCENT,
        choices_from="erp.taxes",
        needed_by=("orders", "quotes"),
    )
    tax_by_percent: bool = option(
        False,
        label="Deviner le code taxe",
        help="Pour un taux absent de la table, prend le code taxe de l’ERP qui a ce taux, s’il est le seul.",
        group=_TAXES,
        advanced=True,
    )
    home_country: str = option(
        "FR",
        label="Pays de l’entreprise",
        help="Décide si une vente sans taxe est une exportation ou une livraison intracommunautaire.",
        group=_EXEMPT,
        choices_from="shop.countries",
    )
    exempt_tax: str = option(
        "",
        label="Code taxe des ventes exonérées",
        help="Code à 0 % porté par les lignes exonérées. Vide : ces lignes n’ont pas de code taxe.",
        group=_EXEMPT,
        choices_from="erp.taxes",
    )
    shop_without_vat: bool = option(
        False,
        label="La boutique ne facture pas de TVA",
        help="Franchise en base (article 293 B du CGI) : les commandes sans taxe sont acceptées. Sans cette case, une "
        "ligne sans taxe et sans motif bloque la commande.",
        group=_EXEMPT,
    )
    untaxed_lines: Literal["refuse", "exempt"] = option(
        "refuse",
        label="Ligne sans taxe dans une commande taxée",
        help="Par exemple un chèque cadeau vendu hors TVA. Refuser protège d’une taxe oubliée dans la boutique.",
        group=_EXEMPT,
        choices={"refuse": "Refuser la commande", "exempt": "Importer la ligne comme exonérée"},
    )
    currencies: dict[str, str] = option(
        {},
        label="Devises",
        help="Pour chaque devise de la boutique, celle de l’ERP. Une commande dans une autre devise que celle de "
        "l’ERP et "
        "absente de la table est refusée.",
        group=_CURRENCIES,
        keys_from="shop.currencies",
        choices_from="erp.currencies",
    )
    rate_field: str = option(
        "",
        label="Champ du taux de change",
        help="Champ de la commande où l’extension multidevise de la boutique écrit le cours. Vide : le cours de l’ERP.",
        group=_CURRENCIES,
        max_length=100,
        advanced=True,
    )
