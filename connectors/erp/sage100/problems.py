"""What can be wrong with a Sage 100 company, in words its user can act on."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.core.problems import Misconfigured, Problem
from connectors.core.texts import shown

_TEXTS: Mapping[str, tuple[str, str]] = {
    # Settings that no longer fit the company
    "price_category_unknown": (
        "La catégorie tarifaire « %(name)s » n’existe pas dans la société.",
        "Choisissez une catégorie tarifaire de la liste, après « Actualiser la configuration de l’ERP ».",
    ),
    "accounting_category_unknown": (
        "La catégorie comptable « %(name)s » n’existe pas dans la société.",
        "Choisissez une catégorie comptable de la liste, après « Actualiser la configuration de l’ERP ».",
    ),
    "warehouse_unknown": (
        "Le dépôt « %(name)s » n’existe pas dans la société.",
        "Choisissez un dépôt de la liste, après « Actualiser la configuration de l’ERP ».",
    ),
    "warehouse_none": (
        "La société n’a aucun dépôt pris en compte dans la disponibilité.",
        "Choisissez un dépôt dans les réglages du stock.",
    ),
    "field_unknown": (
        "Le champ « %(name)s » n’existe pas dans la fiche article.",
        "Choisissez un champ de la liste. Champs proches : %(close)s.",
    ),
    "category_fields_missing": (
        "Aucun champ n’est choisi pour construire les catégories.",
        "Choisissez de un à six champs, du niveau le plus haut au plus bas.",
    ),
    # Rows that cannot become a record
    "reference_empty": ("Un article n’a pas de référence.", "Donnez-lui une référence dans Sage."),
    "value_unreadable": (
        "La valeur « %(value)s » de %(column)s n’est pas lisible.",
        "Corrigez la fiche de l’article dans Sage.",
    ),
    "value_negative": (
        "%(column)s est négatif (%(value)s).",
        "Corrigez la fiche de l’article dans Sage.",
    ),
    "range_without_variant": (
        "L’article a des gammes mais aucune déclinaison.",
        "Créez les énumérés de gamme de l’article dans Sage, ou retirez-lui ses gammes.",
    ),
    "range_value_unknown": (
        "Une déclinaison de l’article désigne une valeur de gamme qui n’existe pas (numéro %(number)s).",
        "Vérifiez les énumérés de gamme de l’article dans Sage.",
    ),
    "range_value_repeated": (
        "Deux déclinaisons de l’article portent les mêmes valeurs (%(value)s).",
        "Renommez l’un des énumérés de gamme de l’article dans Sage.",
    ),
    "kit_loop": (
        "La nomenclature de l’article tourne en rond ou est trop profonde (%(value)s).",
        "Corrigez la nomenclature dans Sage.",
    ),
    "category_parent_missing": (
        "Le catalogue « %(name)s » est rattaché à un niveau qui n’existe pas.",
        "Rattachez-le à un niveau existant dans Sage.",
    ),
    "category_name_empty": (
        "La catégorie %(name)s n’a pas d’intitulé.",
        "Donnez-lui un intitulé dans Sage.",
    ),
}


def problem(code: str, **values: object) -> Problem:
    """The problem of this code with its values filled in. Raises ``KeyError`` for an unknown code."""
    sentence, advice = _TEXTS[code]
    return Problem(code, sentence, advice, values={name: shown(value) for name, value in values.items()})


class RowRefused(Exception):
    """A row that cannot become a record."""

    def __init__(self, code: str, **values: object) -> None:
        self.problem = problem(code, **values)
        super().__init__(self.problem.text())


def misconfigured(code: str, **values: object) -> Misconfigured:
    """The error that stops a run because a setting does not fit the company."""
    return Misconfigured(problem(code, **values))
