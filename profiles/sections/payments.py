"""Options of «Importer les commandes»: payments created with documents (ORD-05, PAY-01, PAY-02)."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Literal

from connectors.core.mapping_keys import KeyShape
from connectors.core.options import OptionsSection, option
from profiles.sections.order_samples import ORDER_SAMPLES

_CREATE = "Création des règlements"
_DIFFERENCES = "Écarts de règlement"
_INSTALMENTS = "Création des échéances"
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
        help="Le total de la commande, moins ce qui fut payé autrement, ou le montant que la boutique dit avoir reçu.",
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
        samples=ORDER_SAMPLES,
    )
    instalments: dict[str, Literal["2", "3", "4", "5", "6", "10", "12"]] = option(
        {},
        label="Nombre d’échéances",
        help="Échéances égales de ce que les règlements laissent à payer, pour ce moyen de paiement. Vide : les "
        "conditions du client dans l’ERP. Une ligne « moyen|USD » ne vaut que pour cette devise.",
        group=_INSTALMENTS,
        keys_from=_METHODS,
        key_shape=KeyShape.CURRENCY,
        choices={number: f"En {number} fois" for number in ("2", "3", "4", "5", "6", "10", "12")},
    )
    instalment_days: int = option(
        30,
        label="Jours entre deux échéances",
        help="La première échéance est à la date du document.",
        group=_INSTALMENTS,
        unit="jours",
        ge=1,
        le=365,
    )
    create_differences: bool = option(
        False,
        label="Créer les écarts de règlement",
        help="Crée un règlement de plus lorsque le total payé est inférieur au total de la commande ; un trop-perçu "
        "reste dans le règlement reçu et est signalé. Sert avec le « Montant payé ».",
        group=_DIFFERENCES,
        visible_if={"create": True},
    )
    difference_limit: Decimal = option(
        Decimal("0.05"),
        label="Écart de règlement accepté",
        help="Au-delà, la commande attend et les deux montants sont montrés.",
        group=_DIFFERENCES,
        visible_if={"create": True, "create_differences": True},
        ge=0,
        le=1000,
    )
    difference_label: str = option(
        "Écart de règlement %ON",
        label="Intitulé de l’écart",
        help="Les mêmes champs que l’intitulé du règlement.",
        group=_DIFFERENCES,
        visible_if={"create": True, "create_differences": True},
        min_length=1,
        max_length=200,
    )
    difference_method: str = option(
        "",
        label="Mode de règlement de l’écart",
        help="Vide : le mode par défaut.",
        group=_DIFFERENCES,
        visible_if={"create": True, "create_differences": True},
        choices_from="erp.payment_methods",
    )
    difference_journal: str = option(
        "",
        label="Journal de l’écart",
        help="Vide : le journal par défaut.",
        group=_DIFFERENCES,
        visible_if={"create": True, "create_differences": True},
        choices_from="erp.cash_journals",
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
