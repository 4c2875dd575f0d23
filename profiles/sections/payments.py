"""Options of «Importer les commandes»: payments created with documents (ORD-05, PAY-01, PAY-02)."""

from __future__ import annotations

from typing import ClassVar, Literal

from connectors.core.mapping_keys import KeyShape
from connectors.core.options import OptionsSection, option

_CREATE = "Création des règlements"
_MODES = "Moyens de paiement"
_METHODS = "shop.payment_methods"


class PaymentsSection(OptionsSection):
    """Whether and how payments are created; every table has the shop's means of payment on its left.

    A key is a means of payment (``bacs``) or a means and a currency (``bacs|USD``), which wins.
    """

    section: ClassVar[str] = "payments"
    title: ClassVar[str] = "Règlements"

    create: bool = option(
        True,
        label="Créer le règlement",
        help="Crée un acompte avec le document d’une commande payée.",
        group=_CREATE,
    )
    create_unpaid: bool = option(
        False,
        label="Aussi pour les commandes non payées",
        help="Une commande est payée quand la boutique a noté une date de paiement, quel que soit son état.",
        group=_CREATE,
        visible_if={"create": True},
    )
    amount: Literal["total", "paid"] = option(
        "total",
        label="Montant du règlement",
        help="Le total de la commande, ou le montant que la boutique dit avoir reçu.",
        group=_CREATE,
        visible_if={"create": True},
        choices={"total": "Total de la commande", "paid": "Montant payé"},
    )
    date: Literal["today", "order", "invoice", "payment"] = option(
        "order",
        label="Date du règlement",
        help="Date portée par le règlement dans l’ERP.",
        group=_CREATE,
        visible_if={"create": True},
        choices={
            "today": "Date du jour",
            "order": "Date de la commande",
            "invoice": "Date de la facture",
            "payment": "Date du paiement",
        },
    )
    label_template: str = option(
        "%CF %CL - %ON",
        label="Intitulé du règlement",
        help="Les mêmes champs que la référence du document : %CF prénom, %CL nom, %ON numéro de commande.",
        group=_CREATE,
        visible_if={"create": True},
        max_length=200,
    )
    method_default: str = option(
        "",
        label="Mode de règlement par défaut",
        help="Mode du règlement créé pour un moyen de paiement absent de la table.",
        group=_MODES,
        visible_if={"create": True},
        choices_from="erp.payment_methods",
        needed_by=("orders",),
    )
    term_default: str = option(
        "",
        label="Condition de règlement par défaut",
        help="Condition du document pour un moyen de paiement absent de la table. Vide : celle du client.",
        group=_MODES,
        choices_from="erp.payment_terms",
    )
    journal_default: str = option(
        "",
        label="Journal de trésorerie par défaut",
        help="Journal du règlement pour un moyen de paiement absent de la table. Vide : celui de l’ERP.",
        group=_MODES,
        visible_if={"create": True},
        choices_from="erp.cash_journals",
    )
    methods: dict[str, str] = option(
        {},
        label="Mode de règlement",
        help="Mode du règlement dans l’ERP. Une ligne « moyen|USD » ne vaut que pour cette devise.",
        group=_MODES,
        visible_if={"create": True},
        keys_from=_METHODS,
        key_shape=KeyShape.CURRENCY,
        choices_from="erp.payment_methods",
    )
    terms: dict[str, str] = option(
        {},
        label="Condition de règlement",
        help="Condition portée par le document. Une ligne « moyen|USD » ne vaut que pour cette devise.",
        group=_MODES,
        keys_from=_METHODS,
        key_shape=KeyShape.CURRENCY,
        choices_from="erp.payment_terms",
    )
    journals: dict[str, str] = option(
        {},
        label="Journal de trésorerie",
        help="Banque ou caisse du règlement. Une ligne « moyen|USD » ne vaut que pour cette devise.",
        group=_MODES,
        visible_if={"create": True},
        keys_from=_METHODS,
        key_shape=KeyShape.CURRENCY,
        choices_from="erp.cash_journals",
    )
    create_for: dict[str, Literal["yes", "no"]] = option(
        {},
        label="Créer le règlement pour",
        help="Oui ou non, pour ce moyen de paiement. Vide : oui. Une ligne « moyen|USD » ne vaut que pour cette "
        "devise.",
        group=_MODES,
        visible_if={"create": True},
        keys_from=_METHODS,
        key_shape=KeyShape.CURRENCY,
        choices={"yes": "Oui", "no": "Non"},
    )
    customers: dict[str, str] = option(
        {},
        label="Client imposé",
        help="Numéro du client de l’ERP qui reçoit les commandes de ce moyen de paiement (place de marché). Une "
        "ligne « moyen|USD » ne vaut que pour cette devise.",
        group=_MODES,
        keys_from=_METHODS,
        key_shape=KeyShape.CURRENCY,
        advanced=True,
    )
    accounts: dict[str, str] = option(
        {},
        label="Compte comptable imposé",
        help="Compte collectif du client pour ce moyen de paiement. Une ligne « moyen|USD » ne vaut que pour cette "
        "devise.",
        group=_MODES,
        keys_from=_METHODS,
        key_shape=KeyShape.CURRENCY,
        advanced=True,
    )
