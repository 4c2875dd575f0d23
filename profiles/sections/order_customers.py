"""Options of «Importer les commandes»: the customers that orders belong to (CUS-08, CUS-09)."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from connectors.core.options import OptionsSection, option

_ACCOUNT = "Compte client"
_LEDGER = "Compte comptable"
_NEW = "Nouveaux clients"
_TEXTS = "Noms et adresses"
_ADDRESSES = "Adresses"

AddressPart = Literal["name", "company", "street", "postcode", "city", "country", "phone"]

ADDRESS_PARTS = {
    "name": "Nom",
    "company": "Société",
    "street": "Rue",
    "postcode": "Code postal",
    "city": "Ville",
    "country": "Pays",
    "phone": "Téléphone",
}


class OrderCustomersSection(OptionsSection):
    """How a buyer of the shop is found or created in the ERP."""

    section: ClassVar[str] = "order_customers"
    title: ClassVar[str] = "Commandes : clients"

    search_email: bool = option(
        True,
        label="Chercher d’abord par l’adresse e-mail",
        help="Une adresse portée par un seul client de l’ERP le désigne. Si plusieurs clients la portent, elle ne "
        "décide "
        "de rien.",
        group=_ACCOUNT,
    )
    mode: Literal["own", "single"] = option(
        "own",
        label="Client des commandes",
        help="Un compte par client porte le préfixe et l’identifiant du client dans la boutique.",
        group=_ACCOUNT,
        choices={"own": "Un compte par client", "single": "Un compte unique"},
    )
    single_account: str = option(
        "",
        label="Compte unique",
        help="Numéro du client de l’ERP qui reçoit toutes les commandes.",
        group=_ACCOUNT,
        visible_if={"mode": "single"},
        max_length=35,
        needed_by=("orders", "quotes"),
    )
    guest_account: str = option(
        "",
        label="Compte des commandes sans inscription",
        help="Numéro du client de l’ERP. Vide : un acheteur sans compte est un client comme un autre, reconnu à son "
        "adresse e-mail.",
        group=_ACCOUNT,
        visible_if={"mode": "own"},
        max_length=35,
    )
    prefix: str = option(
        "WEB",
        label="Préfixe des comptes",
        help="Début du numéro des clients créés.",
        group=_ACCOUNT,
        visible_if={"mode": "own"},
        pattern=r"^[A-Za-z0-9]*$",
        max_length=10,
    )
    guest_prefix: str = option(
        "WEBI",
        label="Préfixe des acheteurs sans compte",
        help="Début du numéro des clients créés pour un acheteur sans compte ; l’identifiant de sa première commande "
        "suit.",
        group=_ACCOUNT,
        visible_if={"mode": "own"},
        pattern=r"^[A-Za-z0-9]*$",
        max_length=10,
    )
    number_length: int = option(
        10,
        label="Longueur des comptes",
        help="Longueur totale du numéro ; l’identifiant est complété par des zéros.",
        group=_ACCOUNT,
        visible_if={"mode": "own"},
        unit="caractères",
        ge=4,
        le=35,
    )
    ledger: Literal["erp", "shared", "own"] = option(
        "erp",
        label="Compte comptable des clients créés",
        help="Laissé à l’ERP, le compte est celui de ses propres réglages.",
        group=_LEDGER,
        choices={
            "erp": "Laissé à l’ERP",
            "shared": "Le même pour tous les clients",
            "own": "Un compte par client",
        },
    )
    ledger_account: str = option(
        "",
        label="Compte comptable commun",
        help="Numéro du compte collectif, par exemple 4110000.",
        group=_LEDGER,
        visible_if={"ledger": "shared"},
        pattern=r"^[A-Za-z0-9]*$",
        max_length=20,
        needed_by=("orders", "quotes", "prospects"),
    )
    ledger_prefix: str = option(
        "411",
        label="Préfixe des comptes comptables",
        help="Début du compte comptable de chaque client.",
        group=_LEDGER,
        visible_if={"ledger": "own"},
        pattern=r"^[A-Za-z0-9]*$",
        max_length=10,
    )
    ledger_length: int = option(
        8,
        label="Longueur des comptes comptables",
        help="Longueur totale ; l’identifiant du client est complété par des zéros.",
        group=_LEDGER,
        visible_if={"ledger": "own"},
        unit="caractères",
        ge=4,
        le=20,
    )
    price_category: str = option(
        "",
        label="Catégorie tarifaire",
        help="Catégorie tarifaire des clients créés. Vide : la première.",
        group=_NEW,
        choices_from="erp.price_categories",
    )
    sales_rep: str = option(
        "",
        label="Représentant",
        help="Représentant des clients créés et de leurs documents.",
        group=_NEW,
        choices_from="erp.sales_reps",
    )
    name_from: Literal["company", "person"] = option(
        "company",
        label="Nom des clients et des adresses",
        help="Intitulé des clients créés et de leurs adresses de livraison.",
        group=_TEXTS,
        choices={
            "company": "La société, sinon le contact",
            "person": "Le contact (prénom et nom), sinon la société",
        },
    )
    strip_accents: bool = option(
        False,
        label="Retirer les accents",
        help="Dans l’intitulé du client et dans les adresses.",
        group=_TEXTS,
    )
    upper_name: bool = option(
        False,
        label="Intitulé du client en majuscules",
        help="Uniformise les noms des clients créés.",
        group=_TEXTS,
    )
    upper_address: bool = option(
        False,
        label="Adresses en majuscules",
        help="Uniformise les adresses de facturation et de livraison.",
        group=_TEXTS,
    )
    update_billing: bool = option(
        False,
        label="Mettre à jour l’adresse de facturation",
        help="Remplace l’adresse de la fiche client par celle de la dernière commande.",
        group=_ADDRESSES,
    )
    update_delivery: bool = option(
        False,
        label="Mettre à jour les adresses de livraison",
        help="Une adresse de livraison reconnue est remplacée par celle de la commande. Le document garde toujours "
        "l’adresse de sa propre commande.",
        group=_ADDRESSES,
    )
    address_match: tuple[AddressPart, ...] = option(
        ("name", "company", "street", "postcode", "city", "country"),
        label="Une adresse est la même si ces champs sont égaux",
        help="Majuscules, accents, espaces et ponctuation ne comptent pas.",
        group=_ADDRESSES,
        choices=ADDRESS_PARTS,
        min_length=1,
    )

    @model_validator(mode="after")
    def _numbers_never_meet(self) -> Self:
        """Accounts and guests are numbered from two sequences: their prefixes must keep them apart."""
        if self.mode == "own" and not self.guest_account:
            short, long = sorted((self.prefix.upper(), self.guest_prefix.upper()), key=len)
            rest = long.removeprefix(short)
            if long.startswith(short) and (not rest or rest.isdecimal()):
                raise ValueError(
                    "Les préfixes des comptes et des acheteurs sans compte donneraient les mêmes numéros : "
                    "ajoutez une lettre à l’un d’eux."
                )
        return self
