"""Options of «Importer les prospects»: which accounts of the shop become customers of the ERP (CUS-07)."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from pydantic import field_validator

from connectors.core.options import OptionsSection, option
from profiles.sections.orders import ISO_DATE

_WHO = "Comptes à importer"
_NEW = "Clients créés"


class ProspectsSection(OptionsSection):
    """Who is a prospect and what its customer gets. Numbers, ledger accounts and the shape of names are those of the
    customers of orders, so that the first order of a prospect finds it."""

    section: ClassVar[str] = "prospects"
    title: ClassVar[str] = "Prospects"

    since: Literal["ever", "days", "date"] = option(
        "ever",
        label="Sont prospects les comptes sans commande",
        help="Un compte de la boutique qui a commandé pendant cette période n’est pas un prospect.",
        group=_WHO,
        choices={"ever": "Depuis toujours", "days": "Pendant les derniers jours", "date": "Depuis une date"},
    )
    since_days: int = option(
        365,
        label="Nombre de jours",
        help="Jours sans commande.",
        group=_WHO,
        unit="jours",
        visible_if={"since": "days"},
        ge=1,
        le=3650,
    )
    since_date: str = option(
        "",
        label="Depuis le",
        help="Premier jour sans commande, sous la forme année-mois-jour.",
        group=_WHO,
        visible_if={"since": "date"},
        pattern=ISO_DATE,
        needed_by=("prospects",),
    )
    address_needed: bool = option(
        True,
        label="Seulement avec un nom et une adresse",
        help="Laisse de côté les comptes qui n’ont qu’une adresse e-mail, souvent créés par des robots.",
        group=_WHO,
    )
    price_category: str = option(
        "",
        label="Catégorie tarifaire",
        help="Catégorie tarifaire des prospects. Vide : celle des clients créés par les commandes.",
        group=_NEW,
        choices_from="erp.price_categories",
    )
    accounting_category: str = option(
        "",
        label="Catégorie comptable",
        help="Catégorie comptable des prospects.",
        group=_NEW,
        choices_from="erp.accounting_categories",
        needed_by=("prospects",),
    )
    payment_term: str = option(
        "",
        label="Condition de règlement",
        help="Condition de règlement des prospects. Vide : celle de l’ERP.",
        group=_NEW,
        choices_from="erp.payment_terms",
    )
    sales_rep: str = option(
        "",
        label="Représentant",
        help="Représentant des prospects. Vide : celui des clients créés par les commandes.",
        group=_NEW,
        choices_from="erp.sales_reps",
    )

    @field_validator("since_date")
    @classmethod
    def _real_day(cls, value: str) -> str:
        try:
            return value and date.fromisoformat(value).isoformat()
        except ValueError:
            raise ValueError("Ce jour n’existe pas.") from None
