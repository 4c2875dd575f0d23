"""What WooCommerce's own error codes mean: one table, vendor code to our code, sentence, advice and decision.

Messages follow the language of the site and are never decided on; ``code`` and ``data`` are stable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.core.http import Answer, error_of
from connectors.core.http_policy import Decision, HttpPolicy, Rule
from connectors.core.problems import ConnectorError, CredentialsRefused, ItemRefused, Misconfigured, Problem
from connectors.core.redaction import redact
from connectors.core.texts import Text, Value
from connectors.shops.woocommerce.text import decoded

_UNAVAILABLE = Rule(
    Decision.WAIT,
    "shop_in_maintenance",
    "La boutique est en maintenance ou surchargée (code 503).",
    "Attendez la fin de la mise à jour de WordPress ; la demande sera refaite.",
)
HTTP_POLICY = HttpPolicy(rules={503: _UNAVAILABLE})

VENDOR: Mapping[str, Rule] = {
    "product_invalid_sku": Rule(
        Decision.REFUSE,
        "sku_taken",
        "La référence « %(reference)s » (UGS) est déjà utilisée par un autre produit de la boutique%(holder)s.",
        "Ouvrez ce produit dans WooCommerce : changez sa référence, ou liez-le à l’article dans le rapprochement.",
    ),
    "product_invalid_global_unique_id": Rule(
        Decision.REFUSE,
        "barcode_taken",
        "Le code-barres de « %(reference)s » est déjà utilisé par un autre produit de la boutique%(holder)s.",
        "Corrigez le code-barres dans l’ERP ou dans ce produit ; WooCommerce n’accepte pas de doublon.",
    ),
    "woocommerce_rest_product_not_created": Rule(
        Decision.REFUSE,
        "sku_blocked",
        "La boutique refuse de créer « %(reference)s » : un produit de la corbeille ou une création en cours tient"
        " cette référence.",
        "Restaurez ou supprimez définitivement ce produit dans la corbeille de WooCommerce, puis relancez.",
    ),
    "woocommerce_rest_product_invalid_id": Rule(
        Decision.REFUSE,
        "product_gone",
        "Le produit lié à « %(reference)s » n’existe plus dans la boutique.",
        "Relancez « Exporter les articles » pour le recréer, ou supprimez le lien.",
    ),
    "woocommerce_rest_product_variation_invalid_id": Rule(
        Decision.REFUSE,
        "variation_gone",
        "La variation liée à « %(reference)s » n’existe plus dans la boutique.",
        "Relancez « Exporter les articles » pour la recréer.",
    ),
    "woocommerce_rest_invalid_product_id": Rule(
        Decision.REFUSE,
        "variation_without_parent",
        "« %(reference)s » est liée à une variation sans son produit parent.",
        "Relancez « Exporter les articles » pour rétablir le lien.",
    ),
    "woocommerce_rest_term_invalid": Rule(
        Decision.REFUSE,
        "category_gone",
        "La catégorie liée à « %(reference)s » n’existe plus dans la boutique.",
        "Relancez l’export des catégories pour la recréer.",
    ),
    "term_exists": Rule(
        Decision.REFUSE,
        "name_taken",
        "Le nom « %(reference)s » existe déjà dans la boutique%(holder)s.",
        "Renommez l’un des deux.",
    ),
    "missing_parent": Rule(
        Decision.REFUSE,
        "parent_gone",
        "La catégorie parente de « %(reference)s » n’existe plus dans la boutique.",
        "Relancez l’export des catégories.",
    ),
    "empty_term_name": Rule(
        Decision.REFUSE, "name_empty", "Le nom de « %(reference)s » est vide.", "Complétez le nom dans l’ERP."
    ),
    "db_insert_error": Rule(
        Decision.REFUSE,
        "database_refused",
        "La base de données de la boutique refuse « %(reference)s » (nom trop long ou caractère interdit).",
        "Raccourcissez le nom dans l’ERP.",
    ),
    "woocommerce_product_image_upload_error": Rule(
        Decision.REFUSE,
        "image_refused",
        "La boutique n’a pas pu charger une image de « %(reference)s ».",
        "Vérifiez que l’image est accessible depuis Internet.",
    ),
    "woocommerce_product_invalid_image_id": Rule(
        Decision.REFUSE,
        "image_gone",
        "Une image de « %(reference)s » vient d’être supprimée de la médiathèque de la boutique.",
        "Relancez « Exporter les images » : elle sera déposée de nouveau.",
    ),
    "woocommerce_variation_invalid_image_id": Rule(
        Decision.REFUSE,
        "image_gone",
        "Une image de « %(reference)s » vient d’être supprimée de la médiathèque de la boutique.",
        "Relancez « Exporter les images » : elle sera déposée de nouveau.",
    ),
    "rest_invalid_param": Rule(
        Decision.REFUSE,
        "value_refused",
        "La boutique refuse une valeur de « %(reference)s » : %(message)s",
        "Corrigez la valeur indiquée dans l’ERP.",
    ),
    "woocommerce_rest_cannot_create": Rule(
        Decision.REFUSE,
        "creation_refused",
        "La boutique refuse de créer « %(reference)s » : %(message)s",
        "Corrigez la valeur indiquée dans l’ERP.",
    ),
    "woocommerce_rest_request_entity_too_large": Rule(
        Decision.SETTINGS,
        "batch_too_large",
        "La boutique refuse un lot de cette taille.",
        "Réduisez la taille maximale des lots dans les réglages de la connexion.",
    ),
    "woocommerce_rest_authentication_error": Rule(
        Decision.CREDENTIALS,
        "key_refused",
        "La boutique refuse la clé : %(message)s",
        "Testez la connexion : le test dit ce qui ne va pas (secret, droits, signature ou horloge).",
    ),
    "woocommerce_rest_authentication_missing_parameter": Rule(
        Decision.CREDENTIALS,
        "signature_incomplete",
        "La boutique n’a pas reçu la signature complète.",
        "Un équipement réseau modifie les adresses : utilisez une adresse en https.",
    ),
    "woocommerce_rest_cannot_view": Rule(
        Decision.CREDENTIALS,
        "key_unknown",
        "La boutique ne reconnaît pas la clé, ou la clé n’a pas le droit de lire.",
        "Testez la connexion, puis vérifiez la clé dans WooCommerce › Réglages › Avancé › API REST.",
    ),
    "woocommerce_rest_cannot_edit": Rule(
        Decision.CREDENTIALS,
        "right_missing",
        "Le compte de la clé n’a pas le droit de modifier.",
        "Créez la clé pour un compte administrateur.",
    ),
    "woocommerce_rest_cannot_batch": Rule(
        Decision.CREDENTIALS,
        "right_missing",
        "Le compte de la clé n’a pas le droit d’écrire par lots.",
        "Créez la clé pour un compte administrateur.",
    ),
    "rest_no_route": Rule(
        Decision.SETTINGS,
        "route_missing",
        "La boutique ne connaît pas cette fonction de l’API.",
        "Mettez WooCommerce à jour et vérifiez qu’il est activé.",
    ),
    "internal_server_error": Rule(
        Decision.UNKNOWN,
        "shop_error",
        "Une erreur interne s’est produite dans la boutique pendant l’envoi de « %(reference)s ».",
        "Consultez WooCommerce › État › Journaux (fatal-errors) ; une extension est souvent en cause.",
    ),
}

_OTHER = Rule(
    Decision.REFUSE,
    "shop_refused",
    "La boutique refuse « %(reference)s » : %(message)s",
    "Corrigez la donnée indiquée ; le code d’erreur est dans le détail technique.",
)

GONE = frozenset({"product_gone", "variation_gone", "category_gone"})
"""Our codes which mean that the linked object does not exist any more."""


@dataclass(frozen=True, slots=True)
class VendorError:
    """An error object of WooCommerce, from a whole answer or from one item of a batch."""

    code: str
    message: str = ""
    status: int = 0
    resource_id: int = 0

    @classmethod
    def parse(cls, body: Any, status: int = 0) -> VendorError | None:
        """Reads ``{"code", "message", "data"}``; ``None`` for anything else. ``data`` may be a plain integer."""
        if not isinstance(body, Mapping) or not isinstance(body.get("code"), str):
            return None
        data = body.get("data")
        known = data if isinstance(data, Mapping) else {}
        return cls(
            code=body["code"],
            message=" ".join(decoded(body.get("message")).split())[:300],
            status=_integer(known.get("status")) or status,
            resource_id=_integer(known.get("resource_id")),
        )

    @property
    def rule(self) -> Rule:
        """The line of the table for this code."""
        return VENDOR.get(self.code, _OTHER)

    def problem(self, reference: str = "") -> Problem:
        """The problem shown to the merchant about one item."""
        rule = self.rule
        values: dict[str, Value] = {
            "reference": reference[:120],
            "message": str(redact(self.message)),
            "holder": Text(" (numéro %(number)s)", {"number": self.resource_id}) if self.resource_id else "",
        }
        return Problem(
            rule.code, rule.sentence, rule.advice, detail=redact(f"{self.code}: {self.message}"), values=values
        )


def _integer(value: Any) -> int:
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else 0


def refusal(answer: Answer, reference: str = "") -> ConnectorError:
    """The exception for an answer with an error status, by WooCommerce's code where there is one."""
    vendor = VendorError.parse(answer.json(), answer.status) if answer.is_json else None
    if vendor is None:
        return error_of(answer, HTTP_POLICY.rule(answer.status))
    problem = vendor.problem(reference)
    if vendor.rule.decision is Decision.CREDENTIALS or answer.status in (401, 403):
        return CredentialsRefused(problem)
    return Misconfigured(problem) if vendor.rule.decision is Decision.SETTINGS else ItemRefused(problem)
