"""Options of «Mettre à jour les commandes»: the ERP's progress sent back to the shop (UPD-01, UPD-02)."""

from __future__ import annotations

from typing import ClassVar, Literal

from connectors.core.options import OptionsSection, option

_STATES = "État de la commande dans la boutique"
_NEWS = "Informations envoyées"
_STATUSES = "shop.order_statuses"


class ProgressSection(OptionsSection):
    """Which shop status each stage of the ERP gives, and what else is told."""

    section: ClassVar[str] = "progress"
    title: ClassVar[str] = "Suivi des commandes"

    retained: Literal["least", "most"] = option(
        "least",
        label="Commande répartie sur plusieurs documents",
        help="Le moins avancé : la commande n’est « livrée » que lorsque tout est livré.",
        group=_STATES,
        choices={"least": "Le document le moins avancé décide", "most": "Le document le plus avancé décide"},
    )
    preparation_status: str = option(
        "",
        label="En préparation",
        help="État donné quand la préparation de livraison existe. Vide : l’état ne change pas.",
        group=_STATES,
        choices_from=_STATUSES,
    )
    partial_status: str = option(
        "",
        label="Partiellement livrée",
        help="État donné quand une partie seulement est livrée. Vide : l’état ne change pas.",
        group=_STATES,
        choices_from=_STATUSES,
    )
    delivery_status: str = option(
        "",
        label="Livrée",
        help="État donné quand le bon de livraison existe. Vide : l’état ne change pas.",
        group=_STATES,
        choices_from=_STATUSES,
    )
    invoice_status: str = option(
        "",
        label="Facturée",
        help="État donné quand la facture existe. Vide : l’état ne change pas.",
        group=_STATES,
        choices_from=_STATUSES,
    )
    posted_status: str = option(
        "",
        label="Comptabilisée",
        help="État donné quand la facture est comptabilisée. Vide : l’état ne change pas.",
        group=_STATES,
        choices_from=_STATUSES,
    )
    forward_only: bool = option(
        True,
        label="Ne jamais revenir en arrière",
        help="Une commande qui a déjà, dans la boutique, l’état d’un stade suivant de cette liste le garde.",
        group=_STATES,
    )
    send_tracking: bool = option(
        True,
        label="Numéro de suivi",
        help="Envoie le numéro de suivi du colis dès qu’il est saisi dans l’ERP.",
        group=_NEWS,
    )
    tracking_field: str = option(
        "",
        label="Champ du numéro de suivi",
        help="Champ du document de l’ERP qui contient le numéro de suivi. Vide : aucun n’est lu.",
        group=_NEWS,
        visible_if={"send_tracking": True},
        choices_from="erp.document_fields",
    )
    tracking_status: str = option(
        "",
        label="État d’une commande expédiée",
        help="État donné en même temps que le numéro de suivi. Vide : l’état ne change pas.",
        group=_NEWS,
        visible_if={"send_tracking": True},
        choices_from=_STATUSES,
    )
    send_number: bool = option(
        False,
        label="Numéro du document",
        help="Envoie le numéro du bon de commande ou de la facture de l’ERP.",
        group=_NEWS,
    )
    replace_number: bool = option(
        False,
        label="Remplacer le numéro de la commande",
        help="Le numéro du document devient celui que la boutique montre, si une de ses extensions permet de le "
        "changer. Impossible quand le numéro de la commande est l’identifiant web du document.",
        group=_NEWS,
        visible_if={"send_number": True},
    )
    send_delivery_date: bool = option(
        False,
        label="Date de livraison",
        help="Envoie la date de livraison du document de l’ERP.",
        group=_NEWS,
    )
