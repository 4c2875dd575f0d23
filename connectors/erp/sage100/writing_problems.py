"""What can be wrong with an order on its way into Sage 100, in words its reader can act on."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.core.problems import ItemRefused, Misconfigured, Problem
from connectors.core.texts import shown

_MAPPING = "Corrigez la correspondance dans le profil, après « Actualiser la configuration de l’ERP »."

_TEXTS: Mapping[str, tuple[str, str]] = {
    # Texts
    "text_too_long": (
        "Le champ « %(field)s » dépasse la taille acceptée par Sage : %(length)s caractères pour %(size)s"
        " (« %(value)s »).",
        "Raccourcissez cette valeur, ou le préfixe ou le modèle qui la compose dans le profil.",
    ),
    "text_unwritable": (
        "Le champ « %(field)s » contient des caractères que Sage ne sait pas garder (« %(value)s »).",
        "Corrigez cette valeur dans la boutique.",
    ),
    "text_cut": (
        "Le champ « %(field)s » a été coupé à %(size)s caractères : « %(value)s » est devenu « %(kept)s ».",
        "Complétez-le dans Sage si besoin.",
    ),
    "text_dropped": (
        "Le champ « %(field)s » n’a pas été repris : « %(value)s » dépasse %(size)s caractères.",
        "Saisissez-le dans Sage si besoin.",
    ),
    "text_replaced": (
        "Des caractères inconnus de Sage ont été remplacés par « ? » dans le champ « %(field)s » : « %(value)s ».",
        "Corrigez ce texte dans Sage si besoin.",
    ),
    # Customers and addresses
    "customer_number_invalid": (
        "Le numéro de client « %(value)s » n’est pas utilisable dans Sage.",
        "Il doit compter de 1 à 17 caractères, lettres sans accent et chiffres : vérifiez le préfixe et la longueur.",
    ),
    "customer_number_taken": (
        "Le numéro « %(value)s » est déjà celui d’un tiers qui n’est pas un client.",
        "Changez le préfixe des comptes clients dans le profil.",
    ),
    "customer_unknown": (
        "Le client « %(value)s » n’existe pas dans Sage.",
        "Créez-le dans Sage ou corrigez le compte client dans le profil.",
    ),
    "customer_name_missing": (
        "Le client n’a ni nom ni société.",
        "Complétez son adresse de facturation dans la boutique.",
    ),
    "customer_email_repeated": (
        "Plusieurs clients de Sage portent l’adresse e-mail %(value)s : %(others)s. Le plus ancien qui soit actif est"
        " retenu : %(number)s.",
        "Regroupez ces fiches dans Sage, ou corrigez leur adresse e-mail.",
    ),
    "customer_dormant": (
        "Le client %(value)s est mis en sommeil dans Sage.",
        "Réactivez-le si la commande est normale.",
    ),
    "customer_blocked": (
        "Le compte du client %(value)s est bloqué dans Sage.",
        "Vérifiez l’encours de ce client avant de livrer.",
    ),
    "prospect_not_marked": (
        "Cette version de Sage ne distingue pas les prospects : %(value)s a été créé comme client.",
        "Classez ce client selon vos usages.",
    ),
    "account_unknown": (
        "Le compte comptable « %(value)s » n’existe pas dans Sage.",
        "Créez-le dans Sage, ou choisissez un autre compte dans le profil.",
    ),
    "account_missing": (
        "Aucun compte collectif n’est choisi pour les clients.",
        "Choisissez-le dans le profil, ou dans les préférences de la société Sage.",
    ),
    "country_unknown": (
        "Le pays « %(value)s » n’existe pas dans la liste des pays de Sage : son code est repris tel quel.",
        "Ajoutez ce pays dans Sage (code ISO %(value)s).",
    ),
    "address_unknown": (
        "L’adresse de livraison n° %(value)s n’existe pas pour le client %(customer)s.",
        "Relancez l’import de la commande : l’adresse sera recherchée de nouveau.",
    ),
    # Choices of the profile
    "choice_unknown": (
        "%(list)s : « %(value)s » n’existe pas dans Sage.",
        _MAPPING,
    ),
    "status_of_another_kind": (
        "Le statut « %(value)s » n’est pas celui d’un document de ce genre.",
        _MAPPING,
    ),
    "tax_rate_differs": (
        "Le code taxe %(tax)s est à %(actual)s %% dans Sage, et à %(value)s %% pour cette commande.",
        "Corrigez la correspondance des taxes dans le profil.",
    ),
    "series_without_number": (
        "La souche %(value)s n’a pas de numérotation pour ce genre de document.",
        "Choisissez une autre souche, ou saisissez un numéro courant dans Sage pour celle-ci.",
    ),
    "number_exhausted": (
        "Le numéro de pièce suivant « %(value)s » ne tient plus dans Sage.",
        "Changez le numéro courant de la souche dans Sage.",
    ),
    "numbers_used": (
        "La numérotation de la souche est loin derrière ses pièces : « %(value)s » et les numéros avant lui sont pris.",
        "Mettez le numéro courant de la souche après sa dernière pièce, dans Sage.",
    ),
    # Lines
    "article_unknown": (
        "L’article « %(value)s » n’existe pas dans Sage.",
        "Créez-le, ou autorisez l’article Divers pour les références inconnues.",
    ),
    "variant_unknown": (
        "La déclinaison « %(value)s » n’existe pas pour l’article %(article)s.",
        "Vérifiez les gammes de l’article dans Sage et le lien de ce produit.",
    ),
    "variant_missing": (
        "L’article %(article)s se vend par déclinaison, et la commande ne dit pas laquelle.",
        "Vérifiez le lien de ce produit entre la boutique et Sage.",
    ),
    "document_empty": (
        "La commande n’a aucune ligne.",
        "Vérifiez-la dans la boutique.",
    ),
    "web_number_missing": (
        "Le document n’a pas de numéro de commande web.",
        "Signalez-le au support.",
    ),
    # Document
    "document_total_differs": (
        "Le document ne retrouve pas les montants de la commande : total %(found)s au lieu de %(expected)s, TVA"
        " %(found_tax)s au lieu de %(expected_tax)s. Rien n’a été écrit.",
        "Ouvrez le calcul de la commande pour voir la ligne en cause.",
    ),
    "payment_missing": (
        "Sage n’a pas créé le règlement de l’acompte de %(value)s.",
        "Vérifiez que le pilote d’écriture est bien celui de Sage 100.",
    ),
    "deposit_invalid": (
        "Le règlement de %(value)s ne peut pas devenir un acompte : Sage n’en tient que de positifs.",
        "Vérifiez les paiements de la commande dans la boutique.",
    ),
    "instalments_of_customer": (
        "L’échéancier de la commande n’a pas été écrit dans le document %(value)s : cette version de Sage calcule les"
        " échéances d’après les conditions de règlement du client.",
        "Vérifiez les conditions de règlement de ce client dans Sage.",
    ),
    "instalments_invalid": (
        "L’échéancier de la commande ne se répartit pas sur le reste à payer de %(value)s.",
        "Corrigez l’échéancier dans le profil : chaque échéance a une part, et la dernière prend le reste.",
    ),
    "payment_posted": (
        "Le règlement de %(value)s est déjà comptabilisé : son journal n’a pas été changé.",
        "Vérifiez le journal de ce règlement dans Sage.",
    ),
    "document_not_found": (
        "Aucun document de vente de Sage ne porte le numéro de commande web %(value)s.",
        "Il a peut-être été supprimé ou archivé dans Sage.",
    ),
    "document_closed": (
        "Le document %(value)s ne peut plus être modifié : il est transformé, validé ou comptabilisé.",
        "Reportez le changement ou le règlement dans Sage.",
    ),
    "document_changed_by_hand": (
        "Le document %(value)s a été modifié à la main dans Sage : des lignes y ont été ajoutées ou retirées, ou sa"
        " devise a changé. Rien n’a été écrit.",
        "Reportez les changements de la commande dans ce document, ou supprimez-le puis relancez l’import.",
    ),
    "status_alone": (
        "Le document %(value)s n’a pas pu être mis en attente : Sage n’utilise qu’un statut pour ce genre de document.",
        "Prévenez le dépôt, ou activez le statut « Saisi » dans l’organisation des ventes de Sage.",
    ),
    "currency_rate_missing": (
        "Le cours de la devise %(value)s n’est ni dans la commande ni dans Sage.",
        "Saisissez le cours de cette devise dans Sage.",
    ),
    # Connection
    "write_road_refused": (
        "L’écriture dans une base SQL Server de Sage 100 doit passer par le pilote de Sage.",
        "Choisissez le pilote ODBC de Sage comme source principale ; SQL Server peut servir de source de lecture.",
    ),
    "record_locked": (
        "Une fiche est restée ouverte dans Sage par un autre utilisateur pendant tous les essais.",
        "Fermez la fiche dans Sage ; un nouvel essai est fait tout seul.",
    ),
    "write_column_missing": (
        "La colonne %(column)s manque dans la table %(table)s.",
        "Cette version de Sage est trop ancienne pour recevoir des commandes, ou la base n’est pas la bonne.",
    ),
    "document_field_unknown": (
        "Le champ « %(name)s » n’existe pas dans les documents.",
        "Choisissez un champ de la liste, après « Actualiser la configuration de l’ERP ».",
    ),
}


def problem(code: str, detail: str = "", /, **values: object) -> Problem:
    """The problem of this code with its values filled in. Raises ``KeyError`` for an unknown code."""
    sentence, advice = _TEXTS[code]
    return Problem(code, sentence, advice, detail, {name: shown(value) for name, value in values.items()})


def refused(code: str, detail: str = "", /, **values: object) -> ItemRefused:
    """The error that refuses one order, customer or address."""
    return ItemRefused(problem(code, detail, **values))


def misconfigured(code: str, **values: object) -> Misconfigured:
    """The error that stops a run because the connection or the company does not allow it."""
    return Misconfigured(problem(code, **values))
