"""Options of «Mettre à jour les stocks»."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Literal

from connectors.core.options import OptionsSection, option
from connectors.core.query import StockFigure

_QUANTITY = "Quantité"
_FILTER = "Filtre"
_ALONG = "Envoyer aussi"
_SHOP = "Dans la boutique"


class StockSection(OptionsSection):
    """Which stock figure of which warehouses becomes the quantity of the shop."""

    section: ClassVar[str] = "stock"
    title: ClassVar[str] = "Stocks"

    figure: StockFigure = option(
        StockFigure.REAL,
        label="Stock transmis",
        help="Réel : ce qui est en dépôt. À terme : réel plus commandes fournisseurs, moins réservations. "
        "Disponible : réel moins ce qui est déjà en préparation.",
        group=_QUANTITY,
        choices={"real": "Stock réel", "forecast": "Stock à terme", "available": "Stock disponible"},
    )
    warehouses: tuple[str, ...] = option(
        (),
        label="Dépôts",
        help="Un ou plusieurs dépôts, additionnés. Aucun choix : tous les dépôts.",
        group=_QUANTITY,
        choices_from="erp.warehouses",
    )
    untracked_quantity: int | None = option(
        None,
        label="Quantité des articles non suivis en stock",
        help="Vide : la boutique ne gère pas le stock de ces articles, ils restent toujours disponibles.",
        group=_QUANTITY,
        ge=0,
        le=1_000_000,
    )
    negative_to_zero: bool = option(
        True,
        label="Ramener les stocks négatifs à zéro",
        help="Décochez pour transmettre les quantités négatives telles quelles.",
        group=_QUANTITY,
    )
    safety: Decimal = option(
        Decimal(0),
        label="Stock de sécurité",
        help="Retiré de chaque quantité avant l’envoi.",
        group=_QUANTITY,
        ge=0,
        le=1_000_000,
    )
    published_only: bool = option(
        True,
        label="Uniquement les articles publiés sur le web",
        help="Décochez pour mettre à jour aussi le stock d’articles non publiés mais présents dans la boutique.",
        group=_FILTER,
    )
    expression: str = option(
        "",
        label="Condition sur les articles",
        help="Une condition dans le langage de l’ERP. Laissez vide pour tous les articles.",
        group=_FILTER,
        max_length=1000,
        multiline=True,
        expression=True,
    )
    send_weight: bool = option(
        False,
        label="Poids",
        help="Met à jour le poids en même temps que la quantité.",
        group=_ALONG,
    )
    send_barcode: bool = option(
        False,
        label="Code-barres",
        help="Met à jour le code-barres en même temps que la quantité.",
        group=_ALONG,
    )
    next_delivery: Literal["no", "empty", "always"] = option(
        "no",
        label="Date de la prochaine livraison",
        help="La plus proche des dates de livraison, à partir d’aujourd’hui, des commandes fournisseurs en cours de ces"
        " dépôts. La boutique doit avoir un champ pour elle : nommez-le dans ses réglages.",
        group=_ALONG,
        choices={
            "no": "Ne pas envoyer",
            "empty": "Seulement pour les articles épuisés",
            "always": "Pour tous les articles attendus",
        },
    )
    out_of_stock: Literal["keep", "backorder", "notify", "refuse"] = option(
        "keep",
        label="Article épuisé",
        help="Ce que la boutique permet quand la quantité tombe à zéro.",
        group=_SHOP,
        choices={
            "keep": "Garder le réglage de la boutique",
            "backorder": "Commande possible",
            "notify": "Commande possible, le client en est averti",
            "refuse": "Commande impossible",
        },
    )
    disable_when_empty: bool = option(
        False,
        label="Désactiver les articles épuisés",
        help="Retire de la vente un article sans variante dont la quantité tombe à zéro, et l’y remet ensuite.",
        group=_SHOP,
    )
    full_pass_days: int = option(
        7,
        label="Vérification complète",
        help="Tous les combien de jours les quantités de la boutique sont relues, pour corriger celles qui ont été "
        "modifiées à la main ou par des ventes. 0 : jamais.",
        group=_SHOP,
        unit="jours",
        ge=0,
        le=365,
    )
