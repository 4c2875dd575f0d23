"""Options of «Exporter les images»."""

from __future__ import annotations

from typing import ClassVar, Literal

from connectors.core.options import OptionsSection, option


class MediaSection(OptionsSection):
    """What becomes of the pictures that the ERP does not give, or gives no more."""

    section: ClassVar[str] = "media"
    title: ClassVar[str] = "Images"

    others: Literal["keep", "replace"] = option(
        "keep",
        label="Images ajoutées dans la boutique",
        help="Les images qu’une personne a ajoutées à un article dans la boutique. Remplacer ne concerne que les"
        " articles qui ont au moins une image dans l’ERP, et les laisse dans la médiathèque.",
        group="Images de la boutique",
        choices={"keep": "Les garder, après celles de l’ERP", "replace": "Les remplacer par celles de l’ERP"},
    )
    delete_unused: bool = option(
        False,
        label="Supprimer les images qui ne servent plus",
        help="Supprime aussi de la médiathèque une image retirée des articles, si elle y a été déposée par ce"
        " traitement et qu’aucun autre article ne la montre. Laissez décoché si vous les utilisez ailleurs (pages,"
        " actualités).",
        group="Images de la boutique",
    )
