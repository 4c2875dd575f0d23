"""What the connector knows of F_ARTICLE's columns: kind and French label, and the fields offered to text mappings."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.core.conditions import ColumnKind

TEXT, NUMBER, DATE = ColumnKind.TEXT, ColumnKind.NUMBER, ColumnKind.DATE

ARTICLE_FIELDS: Mapping[str, tuple[ColumnKind, str]] = {
    "AR_Ref": (TEXT, "Référence"),
    "AR_Design": (TEXT, "Désignation"),
    "AR_Langue1": (TEXT, "Désignation en langue 1"),
    "AR_Langue2": (TEXT, "Désignation en langue 2"),
    "FA_CodeFamille": (TEXT, "Code famille"),
    "AR_Substitut": (TEXT, "Article de substitution"),
    "AR_Raccourci": (TEXT, "Raccourci"),
    "AR_Garantie": (NUMBER, "Garantie (mois)"),
    "AR_UnitePoids": (NUMBER, "Unité de poids (code)"),
    "AR_PoidsNet": (NUMBER, "Poids net"),
    "AR_PoidsBrut": (NUMBER, "Poids brut"),
    "AR_UniteVen": (NUMBER, "Unité de vente (code)"),
    "AR_PrixAch": (NUMBER, "Prix d’achat"),
    "AR_Coef": (NUMBER, "Coefficient"),
    "AR_PrixVen": (NUMBER, "Prix de vente"),
    "AR_PrixTTC": (NUMBER, "Prix de vente TTC (0 ou 1)"),
    "AR_PrixAchNouv": (NUMBER, "Nouveau prix d’achat"),
    "AR_CoefNouv": (NUMBER, "Nouveau coefficient"),
    "AR_PrixVenNouv": (NUMBER, "Nouveau prix de vente"),
    "AR_DateApplication": (DATE, "Date d’application des nouveaux prix"),
    "AR_Gamme1": (NUMBER, "Gamme 1 (code)"),
    "AR_Gamme2": (NUMBER, "Gamme 2 (code)"),
    "AR_Condition": (NUMBER, "Conditionnement (code)"),
    "AR_SuiviStock": (NUMBER, "Suivi de stock (code)"),
    "AR_Nomencl": (NUMBER, "Nomenclature (code)"),
    "AR_QteComp": (NUMBER, "Quantité de composition"),
    "AR_Type": (NUMBER, "Type d’article (code)"),
    "AR_Contremarque": (NUMBER, "Contremarque (0 ou 1)"),
    "AR_Sommeil": (NUMBER, "Mis en sommeil (0 ou 1)"),
    "AR_Publie": (NUMBER, "Publié sur le web (0 ou 1)"),
    "AR_Stat01": (TEXT, "Statistique 1"),
    "AR_Stat02": (TEXT, "Statistique 2"),
    "AR_Stat03": (TEXT, "Statistique 3"),
    "AR_Stat04": (TEXT, "Statistique 4"),
    "AR_Stat05": (TEXT, "Statistique 5"),
    "AR_EdiCode": (TEXT, "Code EDI"),
    "AR_CodeBarre": (TEXT, "Code-barres"),
    "AR_CodeFiscal": (TEXT, "Code fiscal"),
    "AR_Pays": (TEXT, "Pays d’origine"),
    "AR_Photo": (TEXT, "Fichier photo"),
    "AR_Delai": (NUMBER, "Délai de livraison (jours)"),
    "AR_DateModif": (DATE, "Date de modification"),
    "AR_DateCreation": (DATE, "Date de création"),
    "AR_NbColis": (NUMBER, "Nombre de colis"),
    "AR_CoutStd": (NUMBER, "Coût standard"),
    "AR_PUNet": (NUMBER, "Dernier prix unitaire net"),
    "CO_No": (NUMBER, "Acheteur (numéro)"),
    "CL_No1": (NUMBER, "Catalogue, niveau 1 (numéro)"),
    "CL_No2": (NUMBER, "Catalogue, niveau 2 (numéro)"),
    "CL_No3": (NUMBER, "Catalogue, niveau 3 (numéro)"),
    "CL_No4": (NUMBER, "Catalogue, niveau 4 (numéro)"),
}
"""Standard columns given to text mappings, in the order of the select box."""

HIDDEN_ARTICLE_COLUMNS: Mapping[str, ColumnKind] = {"cbMarq": NUMBER, "cbModification": DATE, "cbCreation": DATE}
"""Columns a filter may name although no text is made of them."""

DERIVED_FIELDS: Mapping[str, str] = {
    "FA_Intitule": "Intitulé de la famille",
    "CT_Intitule": "Fournisseur principal",
    "AF_RefFourniss": "Référence chez le fournisseur principal",
    "U_Intitule": "Unité de vente",
}
"""Fields that come with an article although they are columns of other tables."""

TEXT_FIELD = "glossaire:%d"
"""Field of the glossary text at a position of the article."""

LANGUAGES: Mapping[str, str] = {"": "Langue de base", "1": "Langue 1", "2": "Langue 2"}
"""Languages of an article: Sage knows three and does not name them."""

TRANSLATED = "%s@%s"
"""Field that holds another field in a language, as ``AR_Design@1`` or ``glossaire:1@2``."""

CUSTOM_KINDS: Mapping[int, ColumnKind] = {3: DATE, 14: DATE, 7: NUMBER, 20: NUMBER}
"""cbSysLibre.CB_Type to kind; any other type (9 text, 22 list) is a text."""
