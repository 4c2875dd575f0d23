"""Service articles of an order (carriage, discount, fee…) and the whole sentences that say which one lacks.

A sentence per article, and not a name filled into one: names have a gender and an article of their own in other
languages.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceArticle:
    """What is said when an order needs the article and it is not chosen, or not in the ERP (``%(reference)s``)."""

    missing: str
    unknown: str


SHIPPING = ServiceArticle(
    "La commande a des frais de port et l’article Frais de port n’est pas choisi.",
    "L’article Frais de port choisi (%(reference)s) n’existe pas dans l’ERP.",
)
FREE_SHIPPING = ServiceArticle(
    "La commande a un port offert et l’article Frais de port gratuit n’est pas choisi.",
    "L’article Frais de port gratuit choisi (%(reference)s) n’existe pas dans l’ERP.",
)
WRAPPING = ServiceArticle(
    "La commande contient un emballage et l’article Emballage n’est pas choisi.",
    "L’article Emballage choisi (%(reference)s) n’existe pas dans l’ERP.",
)
ECO = ServiceArticle(
    "La commande contient une éco-participation et l’article Éco-participation n’est pas choisi.",
    "L’article Éco-participation choisi (%(reference)s) n’existe pas dans l’ERP.",
)
FEE = ServiceArticle(
    "La commande contient des frais et l’article Frais n’est pas choisi.",
    "L’article Frais choisi (%(reference)s) n’existe pas dans l’ERP.",
)
MISC = ServiceArticle(
    "La commande contient un article inconnu de l’ERP et l’article Divers n’est pas choisi.",
    "L’article Divers choisi (%(reference)s) n’existe pas dans l’ERP.",
)
DISCOUNT = ServiceArticle(
    "La commande contient une remise et l’article Remise n’est pas choisi.",
    "L’article Remise choisi (%(reference)s) n’existe pas dans l’ERP.",
)
ROUNDING = ServiceArticle(
    "La commande a besoin d’une ligne d’arrondi et l’article Arrondi n’est pas choisi.",
    "L’article Arrondi choisi (%(reference)s) n’existe pas dans l’ERP.",
)
