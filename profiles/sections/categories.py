"""Options of «Exporter les catégories»."""

from __future__ import annotations

from typing import Any, ClassVar

from connectors.core.options import OptionsSection, option
from connectors.core.query import CategorySource


class CategoriesSection(OptionsSection):
    """What the category tree of the shop is built from."""

    section: ClassVar[str] = "categories"
    title: ClassVar[str] = "Catégories"
    version: ClassVar[int] = 2

    source: CategorySource = option(
        CategorySource.CATALOGUE,
        label="Origine des catégories",
        help="D’où vient l’arbre des catégories de la boutique.",
        group="Arbre",
        choices={
            "catalogue": "Catalogue de l’ERP",
            "families": "Familles d’articles",
            "fields": "Champs choisis",
            "none": "Aucune catégorie",
        },
    )
    fields: tuple[str, ...] = option(
        (),
        label="Champs, du premier au dernier niveau",
        help="Jusqu’à six champs ; le dernier renseigné donne la catégorie par défaut de l’article.",
        group="Arbre",
        visible_if={"source": "fields"},
        choices_from="erp.article_fields",
        max_length=6,
    )
    extra_field: str = option(
        "",
        label="Catégories supplémentaires",
        help="Champ de l’ERP qui contient d’autres catégories de la boutique, par leur numéro ou par leur nom exact. "
        "Vide : aucune.",
        group="Catégories supplémentaires",
        choices_from="erp.article_fields",
    )
    extra_separator: str = option(
        ";",
        label="Séparateur",
        help="Caractère qui sépare plusieurs catégories dans ce champ.",
        group="Catégories supplémentaires",
        max_length=3,
    )

    @classmethod
    def upgrade(cls, document: dict[str, Any], from_version: int) -> dict[str, Any]:
        """Version 1 had a switch for names that repeated one of the shop's settings."""
        return {name: value for name, value in document.items() if name != "update_names"}
