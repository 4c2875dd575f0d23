"""Where in the settings a cause is mended: problem code to section and option, and the addresses of those places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MATCH = "match"
SCHEDULES = "schedules"
UNITS = "units"


@dataclass(frozen=True, slots=True)
class Place:
    """A place that a cause points to: a section of the settings with one option of it, or a page of its own."""

    section: str
    option: str
    label: str | Promise


@dataclass(frozen=True, slots=True)
class Link:
    """A place with its address."""

    label: str | Promise
    address: str


_ERP = Place("erp", "", _("Connexion à l’ERP"))
_SHOP = Place("shop", "", _("Connexion à la boutique"))
_TAXES = Place("products", "tax_map", _("Table des taxes"))
_ACCOUNTING = Place("prices", "accounting_category", _("Catégorie comptable"))
_PRICE_CATEGORY = Place("prices", "price_category", _("Catégorie tarifaire"))
_MATCH = Place(MATCH, "", _("Rapprochement des catalogues"))
_UNITS = Place(UNITS, "", _("Unités"))
_VOLUMES = Place("advanced", "batch_products", _("Articles par envoi"))

PLACES: Mapping[str, tuple[Place, ...]] = {
    "tax_unmapped": (_TAXES, Place("products", "tax_default", _("Taxe par défaut"))),
    "tax_class_unknown": (_TAXES,),
    "tax_unknown": (_ACCOUNTING,),
    "currency_differs": (_PRICE_CATEGORY,),
    "price_basis_differs": (_SHOP,),
    "name_empty": (Place("products", "name_field", _("Champ du nom")),),
    "category_name_empty": (Place("categories", "source", _("Origine des catégories")),),
    "category_not_found": (
        Place("categories", "extra_field", _("Catégories supplémentaires")),
        Place("products", "default_category", _("Catégorie par défaut")),
    ),
    "category_not_linked": (Place("products", "default_category", _("Catégorie par défaut")),),
    "barcode_taken": (Place("products", "check_barcode", _("Codes-barres")),),
    "mass_removal": (
        Place("state", "brake_percent", _("Frein")),
        Place("products", "missing_action", _("Articles disparus de l’ERP")),
    ),
    "too_many_refused": (Place("advanced", "refused_limit_percent", _("Arrêt sur refus")),),
    "request_too_large": (_VOLUMES,),
    "gateway_timed_out": (_VOLUMES, Place("shop", "timeout", _("Délai d’attente"))),
    "timed_out": (Place("shop", "timeout", _("Délai d’attente")),),
    "too_many_requests": (Place("shop", "requests_per_second", _("Appels par seconde")),),
    "query_timeout": (Place("erp", "query_timeout", _("Délai d’une requête")),),
    "encoding_wrong": (Place("erp", "text_encoding", _("Encodage des textes")),),
    "driver_missing": (Place("erp", "driver", _("Pilote ODBC")),),
    "source_unknown": (Place("erp", "dsn", _("Source de données")),),
    "database_unknown": (Place("erp", "database", _("Base de données")),),
    "match_to_approve": (_MATCH,),
    "match_ambiguous": (_MATCH,),
    "quota_empty": (_UNITS,),
    "flow_late": (Place(SCHEDULES, "", _("Tâches planifiées")),),
    "order_tax_unmapped": (Place("order_taxes", "tax_map", _("Table des taxes des commandes")),),
    "order_tax_unknown": (Place("order_taxes", "untaxed_lines", _("Ligne sans taxe")),),
    "article_unknown": (Place("order_articles", "unknown", _("Article introuvable dans l’ERP")),),
    "payment_unmapped": (Place("payments", "methods", _("Modes de règlement")),),
    "currency_unmapped": (Place("order_taxes", "currencies", _("Devises")),),
    "accounting_category_missing": (Place("order_taxes", "category_taxed", _("Catégorie comptable")),),
    "service_article_missing": (Place("order_articles", "misc_article", _("Articles des commandes")),),
    "order_total_differs": (Place("order_articles", "rounding_limit", _("Écart d’arrondi accepté")),),
    "order_tax_differs": (Place("order_articles", "rounding_limit", _("Écart d’arrondi accepté")),),
    "order_changed_after_import": (Place("order_changes", "edited_open", _("Après l’import")),),
    "order_cancelled_after_import": (Place("order_changes", "cancelled_open", _("Après l’import")),),
    "order_refunded_after_import": (Place("order_changes", "refunded_open", _("Après l’import")),),
    "order_paid_after_import": (Place("order_changes", "paid_open", _("Après l’import")),),
    "customer_erased": (Place("order_customers", "guest_account", _("Compte des commandes sans inscription")),),
    "single_account_missing": (Place("order_customers", "single_account", _("Compte unique")),),
    "picture_too_large": (Place("shop", "media_max_mb", _("Taille maximale d’une image")),),
    **dict.fromkeys(
        ("media_folder_refused", "media_folder_missing", "media_folder_unreadable", "media_folder_empty",
         "picture_missing", "picture_outside"),
        (Place("erp", "media_folder", _("Dossier multimédia")),),
    ),
    **dict.fromkeys(
        ("media_account_missing", "media_account_refused", "media_right_missing", "media_passwords_disabled",
         "media_header_lost"),
        (Place("shop", "media_user", _("Compte WordPress des images")),),
    ),
    "credentials_refused": (_ERP, _SHOP),
    "right_missing": (_ERP, _SHOP),
    "connection_failed": (_ERP, _SHOP),
    "address_refused": (_SHOP,),
    **dict.fromkeys(
        ("key_refused", "key_unknown", "signature_incomplete", "route_missing", "redirected", "proxy_refused",
         "shop_in_maintenance", "not_found"),
        (_SHOP,),
    ),
    **dict.fromkeys(
        ("host_unknown", "not_a_database", "file_missing", "server_unreachable", "connection_lost", "table_missing",
         "column_missing", "statement_refused", "odbc_missing", "too_many_connections", "source_empty"),
        (_ERP,),
    ),
}  # fmt: skip
"""Codes that are mended outside the settings (a reference to correct in the ERP) have no place."""


def links_for(code: str, profile_id: int) -> list[Link]:
    """Addresses where a cause is mended, the most useful first; places whose page is not installed are left out."""
    return _links(PLACES.get(code.partition(".")[0], ()), profile_id)


def settings_address(profile_id: int, section: str, option: str = "") -> str:
    """Address of one option (or the top of one section) of the settings; empty when the page is not installed."""
    anchor = f"#id_{section}-{option}_field" if option else ""
    for name, kwargs in (
        ("profiles:settings", {"profile_id": profile_id, "section": section}),
        ("profiles:settings_section", {"profile_id": profile_id, "section": section}),
        ("profiles:settings", {"profile_id": profile_id}),
    ):
        try:
            return reverse(name, kwargs=kwargs) + anchor
        except NoReverseMatch:
            continue
    return ""


def _links(places: Iterable[Place], profile_id: int) -> list[Link]:
    found = [Link(place.label, _address(place, profile_id)) for place in places]
    return [link for link in found if link.address]


def _address(place: Place, profile_id: int) -> str:
    if place.section == MATCH:
        return reverse("sync:match", kwargs={"profile_id": profile_id})
    if place.section == SCHEDULES:
        return reverse("scheduler:list")
    if place.section == UNITS:
        return reverse("billing:overview")
    return settings_address(profile_id, place.section, place.option)
