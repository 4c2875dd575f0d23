"""Options of «Après l’import»: what becomes of an imported order that changes in the shop (life of an order)."""

from __future__ import annotations

from typing import ClassVar, Literal

from connectors.core.options import OptionsSection, option

_FOLLOWED = "Commandes suivies"
_EDITED = "Commande modifiée"
_CANCELLED = "Commande annulée"
_REFUNDED = "Commande remboursée"
_PAID = "Commande payée après coup"
_AMEND = "Corriger la pièce"
_CREDIT = "Créer un avoir"
_HOLD = "Mettre la pièce en attente"
_HOLD_AND_TELL = "Mettre la pièce en attente et prévenir"
_TELL = "Prévenir seulement"
_OPEN = "Pièce ouverte"
_PREPARED = "Pièce en préparation, validée ou clôturée"
_DELIVERED = "Pièce livrée, même en partie"
_INVOICED = "Pièce facturée"
_POSTED = "Pièce comptabilisée"


class OrderChangesSection(OptionsSection):
    """What is done for an event of the shop, by how far the ERP is with the order.

    A cell without option only tells: a document that went on is never changed by itself, a posted one never.
    """

    section: ClassVar[str] = "order_changes"
    title: ClassVar[str] = "Après l’import"

    follow_days: int = option(
        90,
        label="Durée du suivi",
        help="Une commande importée est suivie pendant ces jours après sa date, même hors de la période importée.",
        group=_FOLLOWED,
        unit="jours",
        ge=1,
        le=3650,
    )
    vanished_limit: int = option(
        20,
        label="Commandes disparues acceptées",
        help="Une commande supprimée dans la boutique compte comme annulée. Si une plus grande part des commandes "
        "suivies a disparu, ou toutes, c’est sans doute une autre boutique : l’import s’arrête. À 100, jamais.",
        group=_FOLLOWED,
        unit="%",
        ge=1,
        le=100,
    )
    edited_open: Literal["amend", "hold", "tell"] = option(
        "amend",
        label=_OPEN,
        help="Corriger : les lignes, les adresses et les totaux de la pièce deviennent ceux de la commande. Une pièce "
        "plus avancée n’est jamais touchée : vous êtes prévenu.",
        group=_EDITED,
        choices={"amend": _AMEND, "hold": _HOLD_AND_TELL, "tell": _TELL},
    )
    cancelled_open: Literal["hold", "tell"] = option(
        "hold",
        label=_OPEN,
        help="Annulée, mise à la corbeille ou supprimée dans la boutique. En attente, la pièce reprend le premier "
        "statut de son genre et personne ne la prépare. Une pièce plus avancée n’est jamais touchée.",
        group=_CANCELLED,
        choices={"hold": _HOLD, "tell": _TELL},
    )
    cancelled_delivery: Literal["credit", "tell"] = option(
        "tell",
        label=_DELIVERED,
        help="L’avoir porte toute la commande, moins ce qui en est déjà remboursé : choisissez-le si elle est facturée "
        "en entier.",
        group=_CANCELLED,
        choices={"credit": _CREDIT, "tell": _TELL},
    )
    cancelled_invoice: Literal["credit", "tell"] = option(
        "tell",
        label=_INVOICED,
        help="L’avoir porte l’identifiant web de la commande suivi de « -A ». Rien n’est crédité deux fois : un "
        "remboursement déjà en avoir est déduit, un remboursement qui vient ensuite n’en fait pas d’autre.",
        group=_CANCELLED,
        choices={"credit": _CREDIT, "tell": _TELL},
    )
    cancelled_posted: Literal["credit", "tell"] = option(
        "tell",
        label=_POSTED,
        help="La facture comptabilisée n’est jamais touchée : l’avoir est une nouvelle pièce.",
        group=_CANCELLED,
        choices={"credit": _CREDIT, "tell": _TELL},
    )
    refunded_open: Literal["amend", "hold", "tell"] = option(
        "amend",
        label=_OPEN,
        help="Corriger : ce qui est remboursé est retiré de la pièce, au centime et par taux de TVA.",
        group=_REFUNDED,
        choices={"amend": _AMEND, "hold": _HOLD_AND_TELL, "tell": _TELL},
    )
    refunded_preparation: Literal["credit", "tell"] = option(
        "tell",
        label=_PREPARED,
        help="L’avoir s’ajoute à la pièce, qui n’est pas touchée : choisissez-le si elle sera facturée en entier.",
        group=_REFUNDED,
        choices={"credit": _CREDIT, "tell": _TELL},
    )
    refunded_delivery: Literal["credit", "tell"] = option(
        "tell",
        label=_DELIVERED,
        help="L’avoir s’ajoute à la pièce, qui n’est pas touchée : choisissez-le si elle sera facturée en entier.",
        group=_REFUNDED,
        choices={"credit": _CREDIT, "tell": _TELL},
    )
    refunded_invoice: Literal["credit", "tell"] = option(
        "credit",
        label=_INVOICED,
        help="L’avoir porte l’identifiant web de la commande suivi du numéro du remboursement.",
        group=_REFUNDED,
        choices={"credit": _CREDIT, "tell": _TELL},
    )
    refunded_posted: Literal["credit", "tell"] = option(
        "credit",
        label=_POSTED,
        help="La facture comptabilisée n’est jamais touchée : l’avoir est une nouvelle pièce.",
        group=_REFUNDED,
        choices={"credit": _CREDIT, "tell": _TELL},
    )
    paid_open: Literal["amend", "tell"] = option(
        "amend",
        label=_OPEN,
        help="Corriger : le règlement arrivé après l’import est ajouté à la pièce, une seule fois.",
        group=_PAID,
        choices={"amend": _AMEND, "tell": _TELL},
    )
    paid_preparation: Literal["amend", "tell"] = option(
        "amend",
        label=_PREPARED,
        help="Le règlement est ajouté à la pièce sans que ses lignes changent. Une pièce livrée ou facturée n’est "
        "jamais touchée : vous êtes prévenu.",
        group=_PAID,
        choices={"amend": _AMEND, "tell": _TELL},
    )
