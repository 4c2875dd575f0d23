"""Notifications by e-mail: to whom, when, and how much (NOT-01, NOT-02)."""

from __future__ import annotations

from typing import ClassVar, Literal

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from pydantic import field_validator

from connectors.core.options import OptionsSection, option

RECIPIENTS_LIMIT = 20

_WHO = "Destinataires"
_WHEN = "Quand écrire"
_HOW = "Fréquence et contenu"


class NotificationsSection(OptionsSection):
    """Without recipients nothing is sent about runs; a flow that stands still is told to the owners all the same."""

    section: ClassVar[str] = "notifications"
    title: ClassVar[str] = "Notifications par e-mail"

    recipients: str = option(
        "",
        label="Adresses e-mail",
        help="Une ou plusieurs adresses, séparées par des virgules. Vide : aucun e-mail en fin de traitement.",
        group=_WHO,
        max_length=2000,
        multiline=True,
    )
    subject: str = option(
        "AtooSync · {profil} · {traitement} : {resultat}",
        label="Sujet",
        help="{profil}, {traitement}, {resultat} et {date} sont remplacés par leur valeur.",
        group=_WHO,
        max_length=200,
    )
    only_changes: bool = option(
        True,
        label="Seulement quand la situation change",
        help="Un e-mail au premier échec ou pour une nouvelle cause de refus, un autre au retour à la normale. "
        "Décochez pour un e-mail à chaque exécution.",
        group=_WHEN,
    )
    on_success: bool = option(
        False,
        label="Traitement réussi",
        help="Écrire après chaque exécution réussie.",
        group=_WHEN,
        visible_if={"only_changes": False},
    )
    on_partial: bool = option(
        True,
        label="Traitement partiellement réussi",
        help="Écrire quand des éléments ont été refusés ou restent en attente.",
        group=_WHEN,
    )
    on_failure: bool = option(
        True,
        label="Traitement échoué",
        help="Écrire quand un traitement échoue, attend une validation ou manque d’unités.",
        group=_WHEN,
    )
    on_orders: bool = option(
        False,
        label="Commandes créées",
        help="Écrire après chaque import qui a créé des commandes dans l’ERP.",
        group=_WHEN,
    )
    on_quotes: bool = option(
        False,
        label="Devis créés",
        help="Écrire après chaque import qui a créé des devis dans l’ERP.",
        group=_WHEN,
    )
    on_late: bool = option(
        True,
        label="Traitement en retard",
        help="Écrire quand une tâche planifiée ne se termine plus comme prévu. Sans destinataire, les propriétaires "
        "de l’entreprise sont prévenus.",
        group=_WHEN,
    )
    digest: Literal["off", "daily", "weekly"] = option(
        "off",
        label="Résumé",
        help="Regroupe les exécutions dans un seul e-mail. Un premier échec et le retour à la normale restent "
        "annoncés aussitôt.",
        group=_HOW,
        choices={"off": "Non, un e-mail par exécution", "daily": "Chaque jour", "weekly": "Chaque lundi"},
    )
    digest_hour: int = option(
        7,
        label="Heure du résumé",
        help="À l’heure de l’entreprise.",
        group=_HOW,
        unit="h",
        ge=0,
        le=23,
        visible_if={"digest": ["daily", "weekly"]},
    )
    attach_journal: Literal["no", "csv", "text"] = option(
        "no",
        label="Joindre le journal",
        help="Ajoute le journal de l’exécution à l’e-mail ; les résumés n’ont pas de pièce jointe.",
        group=_HOW,
        choices={"no": "Non", "csv": "Tableau (CSV)", "text": "Texte"},
    )

    @field_validator("recipients")
    @classmethod
    def _valid_addresses(cls, value: str) -> str:
        addresses = split_addresses(value)
        if len(addresses) > RECIPIENTS_LIMIT:
            raise ValueError("Au plus vingt adresses.")
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError:
                raise ValueError("Une des adresses n’est pas valide : séparez les adresses par des virgules.") from None
        return ", ".join(addresses)

    @property
    def addresses(self) -> list[str]:
        """The recipients, each once."""
        return split_addresses(self.recipients)


def split_addresses(text: str) -> list[str]:
    """Addresses typed one per line or separated by commas or semicolons, each once."""
    parts = text.replace(";", ",").replace("\n", ",").split(",")
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))
