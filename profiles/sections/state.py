"""Options of «Activer ou désactiver les articles»."""

from __future__ import annotations

from typing import ClassVar

from connectors.core.options import OptionsSection, option


class StateSection(OptionsSection):
    """What takes an article out of sale in the shop."""

    section: ClassVar[str] = "state"
    title: ClassVar[str] = "Activation"

    disable_dormant: bool = option(
        True,
        label="Désactiver les articles en sommeil",
        help="Un article mis en sommeil dans l’ERP n’est plus vendu dans la boutique.",
        group="Désactivation",
    )
    disable_unpublished: bool = option(
        True,
        label="Désactiver les articles qui ne sont plus publiés",
        help="Un article dont la case « Publié sur le site marchand » est décochée n’est plus vendu dans la boutique.",
        group="Désactivation",
    )
    reactivate: bool = option(
        True,
        label="Réactiver",
        help="Remet en vente les articles redevenus actifs et publiés dans l’ERP.",
        group="Désactivation",
    )
    brake_percent: int = option(
        20,
        label="Frein de désactivation",
        help="Au-delà de cette part du catalogue, rien n’est désactivé et le traitement s’arrête pour confirmation.",
        group="Sécurité",
        unit="%",
        ge=1,
        le=100,
    )
