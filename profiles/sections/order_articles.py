"""Options of «Importer les commandes»: articles of the ERP that stand for what is no article in the shop (ORD-08)."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Literal

from connectors.core.options import OptionsSection, option

_ARTICLES = "Articles de service"
_DISCOUNTS = "Articles de remise"
_UNKNOWN = "Références inconnues"
_ROUNDING = "Arrondis"


class OrderArticlesSection(OptionsSection):
    """References of the articles used for carriage, wrapping, fees, discounts and rounding."""

    section: ClassVar[str] = "order_articles"
    title: ClassVar[str] = "Commandes : articles"

    misc_article: str = option(
        "",
        label="Article Divers",
        help="Référence de l’ERP pour les lignes libres, les frais et, si vous le permettez, les références inconnues.",
        group=_ARTICLES,
        max_length=100,
        needed_by=("orders", "quotes"),
    )
    shipping_article: str = option(
        "",
        label="Article Frais de port",
        help="Référence de l’ERP pour les frais de port en ligne d’article.",
        group=_ARTICLES,
        max_length=100,
        needed_by=("orders", "quotes"),
    )
    free_shipping_article: str = option(
        "",
        label="Article Frais de port gratuit",
        help="Référence de l’ERP pour un port offert. Vide : aucune ligne n’est créée pour un port à zéro.",
        group=_ARTICLES,
        max_length=100,
    )
    wrapping_article: str = option(
        "",
        label="Article Emballage",
        help="Référence de l’ERP pour l’emballage cadeau.",
        group=_ARTICLES,
        max_length=100,
        needed_by=("orders", "quotes"),
    )
    fee_article: str = option(
        "",
        label="Article Frais",
        help="Référence de l’ERP pour les autres frais (dossier, paiement). Vide : l’article Divers.",
        group=_ARTICLES,
        max_length=100,
    )
    eco_article: str = option(
        "",
        label="Article Éco-participation",
        help="Référence de l’ERP pour l’éco-participation. Vide : l’article Divers.",
        group=_ARTICLES,
        max_length=100,
    )
    discount_article: str = option(
        "",
        label="Article Remise par défaut",
        help="Référence de l’ERP pour les remises et les frais négatifs dont le code taxe n’est pas dans la table.",
        group=_DISCOUNTS,
        max_length=100,
        needed_by=("orders", "quotes"),
    )
    discount_articles: dict[str, str] = option(
        {},
        label="Article Remise par code taxe",
        help="Pour chaque code taxe de l’ERP, la référence de l’article de remise.",
        group=_DISCOUNTS,
        keys_from="erp.taxes",
    )
    coupon_as_article: bool = option(
        False,
        label="Le libellé du bon donne l’article",
        help="Quand la commande n’a qu’un bon de réduction et que son libellé est une référence de l’ERP, la remise "
        "porte "
        "cet article.",
        group=_DISCOUNTS,
        advanced=True,
    )
    unknown: Literal["refuse", "misc"] = option(
        "refuse",
        label="Article introuvable dans l’ERP",
        help="Avec l’article Divers, la désignation et le prix sont ceux de la boutique, mais le stock ne bouge pas.",
        group=_UNKNOWN,
        choices={"refuse": "Refuser la commande", "misc": "Utiliser l’article Divers"},
    )
    rounding_limit: Decimal = option(
        Decimal("0.05"),
        label="Écart d’arrondi accepté",
        help="Un écart de total ou de TVA jusqu’à ce montant devient une ligne d’arrondi ; au-delà, la commande est "
        "refusée avec le détail du calcul. 0 : jamais de ligne d’arrondi. Dans une devise sans décimales, comme le "
        "yen, l’écart accepté est cent fois ce montant.",
        group=_ROUNDING,
        ge=0,
        le=5,
    )
    rounding_article: str = option(
        "",
        label="Article Arrondi",
        help="Référence de l’ERP pour les lignes d’arrondi. Vide : l’article Divers.",
        group=_ROUNDING,
        max_length=100,
    )
