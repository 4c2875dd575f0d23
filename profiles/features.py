"""Kinds of profiles and the features a pair of systems can offer (PRF-01)."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connectors.canonical.keys import Entity
from connectors.core.spec import ConnectorSpec

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of profile."""

    key: str
    label: Text
    text: Text
    icon: str


@dataclass(frozen=True, slots=True)
class Feature:
    """A part of a profile that may be chosen in the wizard; `sections` are its tabs of settings."""

    key: str
    label: Text
    text: Text
    icon: str
    entity: Entity
    sections: tuple[str, ...]


KINDS: tuple[Kind, ...] = (
    Kind(
        "gescom",
        _("Gestion commerciale"),
        _("Articles, prix, stocks, clients et commandes entre un ERP et une boutique."),
        "shop",
    ),
    Kind(
        "compta",
        _("Comptabilité"),
        _("Les commandes de la boutique deviennent des écritures comptables."),
        "calculator",
    ),
)

FEATURES: tuple[Feature, ...] = (
    Feature(
        "products",
        _("Articles"),
        _("Articles, catégories, prix et stocks de l’ERP vers la boutique."),
        "box-seam",
        Entity.PRODUCT,
        ("products", "categories", "prices", "stock", "state"),
    ),
    Feature(
        "customers",
        _("Clients"),
        _("Clients de la boutique sans commande, créés dans l’ERP comme prospects."),
        "people",
        Entity.CUSTOMER,
        ("prospects",),
    ),
    Feature(
        "orders",
        _("Commandes"),
        _("Commandes de la boutique vers l’ERP, et leur suivi en retour."),
        "bag-check",
        Entity.ORDER,
        ("orders", "order_taxes", "order_articles", "order_customers", "payments", "progress"),
    ),
)


def features_of(erp: ConnectorSpec, shop: ConnectorSpec) -> list[Feature]:
    """Features both systems declare a capability for."""
    shared = {entity for entity, _aspect in erp.capabilities.keys() & shop.capabilities.keys()}
    return [feature for feature in FEATURES if feature.entity in shared]


def kinds_of(specs: list[ConnectorSpec]) -> list[Kind]:
    """Kinds at least one of these connectors serves."""
    served = {kind for spec in specs for kind in spec.kinds}
    return [kind for kind in KINDS if kind.key in served]
