"""Options of «Mettre à jour les prix»."""

from __future__ import annotations

from typing import ClassVar

from connectors.core.options import OptionsSection, option


class PricesSection(OptionsSection):
    """Which price of the ERP becomes the price of the shop."""

    section: ClassVar[str] = "prices"
    title: ClassVar[str] = "Prix"

    price_category: str = option(
        "",
        label="Catégorie tarifaire",
        help="Catégorie de l’ERP qui donne le prix de vente. Vide : le prix de base de l’article.",
        group="Prix de vente",
        choices_from="erp.price_categories",
    )
    accounting_category: str = option(
        "1",
        label="Catégorie comptable",
        help="Catégorie de l’ERP qui donne le taux de taxe de chaque article.",
        group="Prix de vente",
        choices_from="erp.accounting_categories",
        needed_by=("products", "new_products", "prices"),
    )
    decimals: int = option(
        2,
        label="Décimales",
        help="Nombre de décimales des prix envoyés, arrondis au plus proche.",
        group="Prix de vente",
        ge=0,
        le=6,
    )
    allow_zero: bool = option(
        False,
        label="Accepter les prix à zéro",
        help="Décoché : un article sans prix dans l’ERP est refusé au lieu d’être vendu à zéro.",
        group="Prix de vente",
    )
    published_only: bool = option(
        True,
        label="Uniquement les articles publiés sur le web",
        help="Décochez pour mettre à jour aussi le prix d’articles non publiés mais présents dans la boutique.",
        group="Filtre",
    )
    expression: str = option(
        "",
        label="Condition sur les articles",
        help="Une condition dans le langage de l’ERP. Laissez vide pour tous les articles.",
        group="Filtre",
        max_length=1000,
        multiline=True,
        expression=True,
    )
