"""Options of «Exporter les articles»."""

from __future__ import annotations

from typing import ClassVar, Literal

from connectors.core.options import OptionsSection, option
from connectors.core.query import WeightSource

_FIELDS = "erp.article_fields"
_TEXTS = "Textes"
_FILTER = "Filtre"
_TAX = "Taxes"
_UPDATE = "Mise à jour dans la boutique"
_CREATE = "Création dans la boutique"
_MEASURES = "Mesures et codes"
_FEATURES = "Marque et caractéristiques"

PartName = Literal[
    "name",
    "description",
    "summary",
    "seo",
    "price",
    "quantity",
    "weight",
    "dimensions",
    "barcode",
    "brand",
    "features",
    "categories",
    "tax",
    "state",
]

PART_LABELS = {
    "name": "Nom",
    "description": "Description",
    "summary": "Description courte",
    "seo": "Référencement (SEO)",
    "price": "Prix",
    "quantity": "Quantité",
    "weight": "Poids",
    "dimensions": "Dimensions",
    "barcode": "Code-barres",
    "brand": "Marque",
    "features": "Caractéristiques",
    "categories": "Catégories",
    "tax": "Taxe",
    "state": "Publication",
}


class ProductsSection(OptionsSection):
    """What articles are exported, how their texts are built, and what an update may touch."""

    section: ClassVar[str] = "products"
    title: ClassVar[str] = "Articles"

    published_only: bool = option(
        True,
        label="Uniquement les articles publiés sur le web",
        help="N’exporte que les articles dont la case « Publié sur le site marchand » est cochée dans l’ERP.",
        group=_FILTER,
    )
    expression: str = option(
        "",
        label="Condition sur les articles",
        help="Une condition dans le langage de l’ERP. Exemple pour Sage : FA_CodeFamille = 'BIVOUAC'. "
        "Laissez vide pour exporter tous les articles.",
        group=_FILTER,
        max_length=1000,
        multiline=True,
        expression=True,
    )
    name_field: str = option(
        "",
        label="Nom",
        help="Champ de l’ERP qui donne le nom. Vide : la désignation de l’article.",
        group=_TEXTS,
        choices_from=_FIELDS,
    )
    description_field: str = option(
        "", label="Description", help="Champ de l’ERP. Vide : aucun.", group=_TEXTS, choices_from=_FIELDS
    )
    summary_field: str = option(
        "", label="Description courte", help="Champ de l’ERP. Vide : aucun.", group=_TEXTS, choices_from=_FIELDS
    )
    seo_title_field: str = option(
        "", label="Balise titre (meta title)", help="Champ de l’ERP. Vide : aucun.", group=_TEXTS, choices_from=_FIELDS
    )
    seo_description_field: str = option(
        "",
        label="Balise description (meta description)",
        help="Champ de l’ERP. Vide : aucun.",
        group=_TEXTS,
        choices_from=_FIELDS,
    )
    seo_keywords_field: str = option(
        "",
        label="Mots-clés (meta keywords)",
        help="Champ de l’ERP. Vide : aucun.",
        group=_TEXTS,
        choices_from=_FIELDS,
    )
    slug_field: str = option(
        "",
        label="Adresse de la page (URL)",
        help="Champ de l’ERP dont l’adresse de la page est tirée à la création. Vide : la boutique la compose.",
        group=_TEXTS,
        choices_from=_FIELDS,
    )
    strip_forbidden: bool = option(
        True,
        label="Supprimer les caractères interdits",
        help="Retire des noms les caractères qu’une boutique refuse (< > ; = # { }).",
        group=_TEXTS,
    )
    tax_map: dict[str, str] = option(
        {},
        label="Taxes",
        help="Pour chaque code taxe de l’ERP, la classe de taxe de la boutique.",
        group=_TAX,
        keys_from="erp.taxes",
        choices_from="shop.tax_classes",
    )
    tax_default: str = option(
        "",
        label="Taxe par défaut",
        help="Employée pour un code taxe absent de la table. Vide : l’article est refusé et le code est nommé.",
        group=_TAX,
        choices_from="shop.tax_classes",
    )
    weight_source: WeightSource = option(
        WeightSource.NET,
        label="Poids",
        help="Poids de l’article transmis à la boutique.",
        group=_MEASURES,
        choices={"net": "Poids net", "gross": "Poids brut"},
    )
    width_field: str = option(
        "", label="Largeur (cm)", help="Champ de l’ERP. Vide : aucun.", group=_MEASURES, choices_from=_FIELDS
    )
    height_field: str = option(
        "", label="Hauteur (cm)", help="Champ de l’ERP. Vide : aucun.", group=_MEASURES, choices_from=_FIELDS
    )
    depth_field: str = option(
        "", label="Profondeur (cm)", help="Champ de l’ERP. Vide : aucun.", group=_MEASURES, choices_from=_FIELDS
    )
    check_barcode: bool = option(
        True,
        label="Vérifier les codes-barres",
        help="N’envoie que les codes EAN-13, EAN-8 et UPC dont la clé est juste ; les autres sont signalés.",
        group=_MEASURES,
    )
    brand_field: str = option(
        "", label="Marque", help="Champ de l’ERP. Vide : aucun.", group=_FEATURES, choices_from=_FIELDS
    )
    feature_map: dict[str, str] = option(
        {},
        label="Caractéristiques",
        help="Champ de l’ERP à gauche, nom de la caractéristique dans la boutique à droite.",
        group=_FEATURES,
        keys_from=_FIELDS,
    )
    feature_separator: str = option(
        "",
        label="Séparateur de valeurs",
        help="Caractère qui sépare plusieurs valeurs dans un même champ. Vide : une seule valeur.",
        group=_FEATURES,
        max_length=3,
    )
    update_parts: tuple[PartName, ...] = option(
        (
            "name",
            "description",
            "summary",
            "seo",
            "weight",
            "dimensions",
            "barcode",
            "brand",
            "features",
            "categories",
            "tax",
        ),
        label="Éléments mis à jour",
        help="Un élément décoché n’est jamais modifié dans la boutique ; il est seulement rempli à la création.",
        group=_UPDATE,
        choices=PART_LABELS,
    )
    create_active: bool = option(
        True,
        label="Publier les articles créés",
        help="Décochez pour créer les articles en brouillon et les relire avant leur publication.",
        group=_CREATE,
    )
    default_category: str = option(
        "",
        label="Catégorie par défaut",
        help="Catégorie de la boutique pour un article qui n’en a aucune dans l’ERP.",
        group=_CREATE,
        choices_from="shop.categories",
    )
    missing_action: Literal["none", "disable", "report"] = option(
        "report",
        label="Articles disparus de l’ERP",
        help="Ce qu’il advient, dans la boutique, d’un article qui n’existe plus dans l’ERP. "
        "Appliqué par « Activer ou désactiver les articles ».",
        group=_UPDATE,
        choices={"none": "Ne rien faire", "disable": "Désactiver", "report": "Signaler dans le journal"},
    )
