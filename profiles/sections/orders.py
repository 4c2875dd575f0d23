"""Options of «Importer les commandes»: which orders are read and what document each becomes (ORD-01, 02, 03, 07)."""

from __future__ import annotations

from typing import ClassVar, Literal

from connectors.core.mapping_keys import KeyShape
from connectors.core.options import OptionsSection, option
from profiles.sections.order_samples import ORDER_SAMPLES

_READ = "Commandes à importer"
_STATUSES = "États de commande"
_DOCUMENT = "Document créé dans l’ERP"
_AMOUNTS = "Prix et remises"
_CARRIAGE = "Transport"

ISO_DATE = r"^(\d{4}-\d{2}-\d{2})?$"


class OrdersSection(OptionsSection):
    """Which orders are imported, as what, with which prices and dates."""

    section: ClassVar[str] = "orders"
    title: ClassVar[str] = "Commandes"

    period: Literal["today", "yesterday", "days", "week", "month", "custom"] = option(
        "days",
        label="Période",
        help="Commandes lues dans la boutique d’après leur date. Élargissez la période si des paiements arrivent tard "
        "(chèque, virement).",
        group=_READ,
        choices={
            "today": "Aujourd’hui",
            "yesterday": "Depuis hier",
            "days": "Les derniers jours",
            "week": "Cette semaine",
            "month": "Ce mois-ci",
            "custom": "Entre deux dates",
        },
    )
    period_days: int = option(
        15,
        label="Nombre de jours",
        help="Commandes passées ou modifiées pendant ces derniers jours.",
        group=_READ,
        unit="jours",
        visible_if={"period": "days"},
        ge=1,
        le=3650,
    )
    period_from: str = option(
        "",
        label="Du",
        help="Premier jour lu, sous la forme année-mois-jour. Vide : depuis toujours.",
        group=_READ,
        visible_if={"period": "custom"},
        pattern=ISO_DATE,
    )
    period_to: str = option(
        "",
        label="Au",
        help="Dernier jour lu, sous la forme année-mois-jour. Vide : jusqu’à maintenant.",
        group=_READ,
        visible_if={"period": "custom"},
        pattern=ISO_DATE,
    )
    include_transferred: bool = option(
        False,
        label="Inclure les commandes déjà transférées",
        help="Relit aussi les commandes marquées comme transférées. Aucune n’est créée deux fois.",
        group=_READ,
    )
    realtime: bool = option(
        False,
        label="Importer en temps réel",
        help="La boutique prévient cette plateforme de chaque nouvelle commande, importée dans la minute. Gardez "
        "une tâche planifiée : elle rattrape les avis perdus.",
        group=_READ,
    )
    statuses: dict[str, Literal["quote", "order", "delivery", "invoice"]] = option(
        {},
        label="Document créé",
        help="Pour chaque état à importer, le document à créer dans l’ERP. Une commande dont l’état n’a pas de "
        "document n’est pas importée. « Importer les devis » importe celles qui deviennent un devis, « Importer les "
        "commandes » toutes les autres.",
        group=_STATUSES,
        keys_from="shop.order_statuses",
        choices={
            "quote": "Devis",
            "order": "Bon de commande",
            "delivery": "Bon de livraison",
            "invoice": "Facture",
        },
        needed_by=("orders", "quotes"),
    )
    statuses_after: dict[str, str] = option(
        {},
        label="Changer l’état en",
        help="L’état donné à la commande dans la boutique une fois son document créé. Vide : l’état reste le même.",
        group=_STATUSES,
        keys_from="shop.order_statuses",
        choices_from="shop.order_statuses",
    )
    document_date: Literal["order", "invoice", "today"] = option(
        "order",
        label="Date du document",
        help="Date de la facture : le jour où la commande a été terminée ou, à défaut, payée.",
        group=_DOCUMENT,
        choices={
            "order": "Date de la commande",
            "invoice": "Date de la facture",
            "today": "Date du jour",
        },
    )
    delivery_date: bool = option(
        False,
        label="Renseigner la date de livraison",
        help="La date de livraison du document est celle du document.",
        group=_DOCUMENT,
    )
    web_number: Literal["id", "number"] = option(
        "id",
        label="Identifiant web du document",
        help="Ce qui permet de retrouver la commande dans l’ERP et empêche de la créer deux fois. L’identifiant ne "
        "change "
        "jamais ; le numéro peut être changé par une extension de la boutique.",
        group=_DOCUMENT,
        choices={"id": "Identifiant de la commande", "number": "Numéro de la commande"},
        advanced=True,
    )
    web_prefix: str = option(
        "",
        label="Préfixe de l’identifiant web",
        help="Distingue plusieurs boutiques dans la même base de l’ERP. Ne le changez plus après le premier import.",
        group=_DOCUMENT,
        max_length=6,
        advanced=True,
    )
    reference_template: str = option(
        "Web %ON",
        label="Référence du document",
        help="%CI identifiant, %CF prénom, %CL nom et %CA compte du client ; %CK panier ; %OI identifiant, %ON numéro, "
        "%OD date et %OR référence de la commande.",
        group=_DOCUMENT,
        max_length=200,
        samples=ORDER_SAMPLES,
    )
    warehouse: str = option(
        "",
        label="Dépôt",
        help="Dépôt des lignes du document. Vide : celui du client ou le dépôt principal.",
        group=_DOCUMENT,
        choices_from="erp.warehouses",
    )
    series: str = option(
        "",
        label="Souche",
        help="Numérotation des documents créés. Vide : la première souche.",
        group=_DOCUMENT,
        choices_from="erp.sales_series",
    )
    document_status: str = option(
        "",
        label="Statut du document",
        help="Statut donné au document à sa création. Vide : celui de l’ERP.",
        group=_DOCUMENT,
        choices_from="erp.document_statuses",
    )
    sessions: int = option(
        1,
        label="Commandes écrites en même temps",
        help="Chacune ouvre une session dans l’ERP, qui peut y occuper une licence. Augmentez ce nombre si l’ERP est "
        "lent et que beaucoup de commandes arrivent à la fois.",
        group=_DOCUMENT,
        ge=1,
        le=8,
        advanced=True,
    )
    erp_designations: bool = option(
        False,
        label="Désignations de l’ERP",
        help="Reprend la désignation de l’article dans l’ERP au lieu de celle de la boutique.",
        group=_DOCUMENT,
    )
    copy_note: bool = option(
        True,
        label="Message du client",
        help="Recopie dans le document le message que le client a laissé avec sa commande.",
        group=_DOCUMENT,
    )
    basis: Literal["shop", "net", "gross"] = option(
        "shop",
        label="Création des commandes",
        help="En TTC, le prix TTC de la ligne est repris et le prix hors taxe en est déduit : moins d’écarts d’arrondi "
        "pour une boutique qui vend en TTC.",
        group=_AMOUNTS,
        choices={
            "shop": "Comme les prix de la boutique",
            "net": "Hors taxe (HT)",
            "gross": "Toutes taxes comprises (TTC)",
        },
    )
    decimals: int = option(
        2,
        label="Précision des prix",
        help="Nombre de décimales des prix unitaires du document, de 2 à 4.",
        group=_AMOUNTS,
        unit="décimales",
        ge=2,
        le=4,
    )
    discounts: Literal["line", "net", "erp_price", "article"] = option(
        "line",
        label="Remises",
        help="Remise de ligne : le prix avant remise et la remise sont visibles. Prix net : le prix payé, sans remise. "
        "Prix de l’ERP : la remise est l’écart avec le prix de l’ERP. Article de remise : une ligne par taux de TVA.",
        group=_AMOUNTS,
        choices={
            "line": "Remise sur la ligne",
            "net": "Prix net remisé",
            "erp_price": "Écart avec le prix de l’ERP",
            "article": "Article de remise par taux",
        },
    )
    shipping_as: Literal["line", "footer"] = option(
        "line",
        label="Frais de port",
        help="En pied de document, plusieurs taux de TVA sur le port font malgré tout autant de lignes.",
        group=_CARRIAGE,
        choices={"line": "Ligne d’article", "footer": "Pied de document"},
    )
    carriers_by: Literal["id", "name"] = option(
        "id",
        label="Trouver le transporteur par",
        help="Par son nom : la colonne de gauche contient le nom affiché sur la commande.",
        group=_CARRIAGE,
        choices={"id": "Son identifiant", "name": "Son nom"},
    )
    carriers: dict[str, str] = option(
        {},
        label="Modes d’expédition",
        help="Pour chaque transporteur de la boutique, le mode d’expédition de l’ERP.",
        group=_CARRIAGE,
        keys_from="shop.shipping_methods",
        key_shape=KeyShape.FREE,
        choices_from="erp.shipping_modes",
    )
    carrier_default: str = option(
        "",
        label="Mode d’expédition par défaut",
        help="Pour un transporteur absent de la table. Vide : celui du client.",
        group=_CARRIAGE,
        choices_from="erp.shipping_modes",
    )
