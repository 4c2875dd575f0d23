"""Advanced options: volumes, retries and limits of every flow (PRF-07)."""

from __future__ import annotations

from typing import ClassVar

from connectors.core.options import OptionsSection, option

_VOLUME = "Volumes"
_SAFETY = "Sécurité"


class AdvancedSection(OptionsSection):
    """Volumes and limits; the defaults suit most shops."""

    section: ClassVar[str] = "advanced"
    title: ClassVar[str] = "Avancé"

    batch_products: int = option(
        100,
        label="Articles par envoi",
        help="Au plus ce nombre d’articles dans un même appel à la boutique.",
        group=_VOLUME,
        ge=1,
        le=100,
        advanced=True,
    )
    batch_stock: int = option(
        100,
        label="Stocks et prix par envoi",
        help="Au plus ce nombre de lignes dans un même appel à la boutique.",
        group=_VOLUME,
        ge=1,
        le=100,
        advanced=True,
    )
    parallel: int = option(
        4,
        label="Envois simultanés",
        help="Réduisez à 1 ou 2 si l’hébergement de la boutique est lent.",
        group=_VOLUME,
        ge=1,
        le=16,
        advanced=True,
    )
    refused_limit_percent: int = option(
        50,
        label="Arrêt au-delà de cette part d’articles refusés",
        help="Le traitement s’arrête quand la boutique refuse plus que cette part des articles envoyés (à partir de "
        "100 envois) : c’est le signe d’un réglage à revoir.",
        group=_SAFETY,
        unit="%",
        ge=1,
        le=100,
        advanced=True,
    )
    bug_limit: int = option(
        10,
        label="Arrêt après ce nombre d’erreurs internes de suite",
        help="Protège la boutique d’un défaut du connecteur.",
        group=_SAFETY,
        ge=1,
        le=1000,
        advanced=True,
    )
    full_pass_days: int = option(
        7,
        label="Relecture complète de l’ERP",
        help="Tous les combien de jours les articles sont relus en entier, même sans date de modification.",
        group=_SAFETY,
        unit="jours",
        ge=1,
        le=365,
        advanced=True,
    )
