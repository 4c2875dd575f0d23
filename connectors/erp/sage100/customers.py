"""Customers: found by number or by e-mail address, created with what makes them usable on a document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.canonical.parties import Address, Customer
from connectors.core.odbc import Row, int_of, text_of
from connectors.core.results import CustomerMatch
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.lookups import Lookups
from connectors.erp.sage100.rows_writer import RowWriter
from connectors.erp.sage100.sizes import Sizes
from connectors.erp.sage100.writing_problems import problem, refused

_NUMBER = re.compile(r"[A-Z0-9]{1,17}")
_CLASSIFIED = 17


@dataclass(frozen=True, slots=True)
class Party:
    """What a document takes from the customer's row."""

    number: str
    account: str
    payer: str
    central: str | None
    language: int
    copies: int
    invoice_per_delivery: int
    shipping_mode: int
    delivery_condition: int
    price_category: int
    accounting_category: int
    period: int
    sales_rep: int
    warehouse: int


class Customers:
    """Reads and writes customers. Writing methods run inside a transaction of the caller."""

    def __init__(self, database: Database, rows: RowWriter, lookups: Lookups, sizes: Sizes) -> None:
        self._database = database
        self._rows = rows
        self._lookups = lookups
        self._sizes = sizes

    def find(self, *, email: str = "", number: str = "") -> str | None:
        """Number of a customer, by its number first, then by its address of mail; ``None`` when there is none.

        Of several with the same address of mail, the oldest active one, and a note.
        """
        if number and (row := self._row(number.strip().upper())) is not None and int_of(row["ct_type"]) == 0:
            return text_of(row["ct_num"])
        found = self.by_email(email) if email.strip() else ()
        if len(found) > 1:
            self._sizes.notes.append(
                problem("customer_email_repeated", value=email, number=found[0], others=", ".join(found))
            )
        return found[0] if found else None

    def by_email(self, email: str) -> tuple[str, ...]:
        """Numbers of every customer with this address of mail, active ones first, then the oldest."""
        plain = email.strip()
        spellings = list(dict.fromkeys((plain, plain.lower(), plain.upper(), plain.capitalize())))
        rows = list(self._database.rows_for("writing/customers_by_email", spellings)) if plain else []
        ranked = sorted(rows, key=lambda row: int_of(row["ct_sommeil"]) != 0)
        return tuple(dict.fromkeys(text_of(row["ct_num"]) for row in ranked))

    def matches(self, numbers: Iterable[str]) -> tuple[CustomerMatch, ...]:
        """The customers of these numbers that exist, in their order."""
        rows = [row for number in numbers if (row := self._row(number)) is not None and int_of(row["ct_type"]) == 0]
        return tuple(
            CustomerMatch(
                number=text_of(row["ct_num"]),
                name=text_of(row["ct_intitule"]).strip(),
                dormant=int_of(row["ct_sommeil"]) != 0,
            )
            for row in rows
        )

    def create(self, customer: Customer) -> str:
        """Creates a customer and returns its number; one that bears this number already is returned as it is.

        Raises ``ItemRefused`` for a number that cannot be, that belongs to a supplier, or an account that is missing.
        """
        number = valid_number(customer.number)
        existing = self._row(number)
        if existing is not None:
            if int_of(existing["ct_type"]) != 0:
                raise refused("customer_number_taken", value=number)
            return text_of(existing["ct_num"])
        account = self._account(customer)
        self._rows.insert("F_COMPTET", self._new_row(customer, number, account))
        self._link(number, account)
        self._terms(customer, number)
        if customer.prospect and not self._database.has("F_COMPTET", "CT_Prospect"):
            self._sizes.notes.append(problem("prospect_not_marked", value=number))
        return number

    def update(self, number: str, customer: Customer) -> None:
        """Replaces the name, the address and what else a buyer may change of an existing customer."""
        row = self._details(customer)
        if not customer.vat_number:
            row.pop("CT_Identifiant")
        if not self._rows.update("F_COMPTET", row, {"CT_Num": number, "CT_Type": 0}):
            raise refused("customer_unknown", value=number)

    def party(self, number: str) -> Party:
        """What documents take from a customer; a note when the account is dormant or blocked."""
        row = self._row(number)
        if row is None or int_of(row["ct_type"]) != 0:
            raise refused("customer_unknown", value=number)
        if int_of(row["ct_sommeil"]):
            self._sizes.notes.append(problem("customer_dormant", value=number))
        if int_of(row["ct_controlenc"]) == _BLOCKED:
            self._sizes.notes.append(problem("customer_blocked", value=number))
        return _party(row)

    def _row(self, number: str) -> Row | None:
        rows = self._database.rows("writing/customer", number)
        return rows[0] if rows else None

    def _account(self, customer: Customer) -> str:
        account = customer.account or self._lookups.preferences.account
        if not account:
            raise refused("account_missing")
        if self._lookups.has_account(account):
            return account
        if not customer.own_account:
            raise refused("account_unknown", value=account)
        self._rows.insert(
            "F_COMPTEG",
            {
                "CG_Num": account,
                "CG_Type": 0,
                "CG_Intitule": customer.name,
                "CG_Classement": customer.name,
                "N_Nature": 1,
                "CG_Tiers": 1,
            },
        )
        return account

    def _new_row(self, customer: Customer, number: str, account: str) -> dict[str, Any]:
        lookups = self._lookups
        return {
            "CT_Num": number,
            "CT_Type": 0,
            "CG_NumPrinc": account,
            "CT_NumPayeur": number,
            **self._details(customer),
            "CT_EMail": customer.email.strip(),
            "N_CatTarif": lookups.price_category(customer.price_category, 1),
            "N_CatCompta": lookups.accounting_category(customer.accounting_category, 1),
            "N_Expedition": lookups.shipping_mode(customer.carrier, 1),
            "N_Condition": 1,
            "N_Period": 1,
            "N_Risque": 1,
            "N_Devise": 0,
            "CT_Facture": 1,
            "CT_BLFact": 0,
            "CT_Langue": 0,
            "CT_Lettrage": 1,
            "CT_Saut": 1,
            "CO_No": lookups.sales_rep(customer.sales_rep, 0),
            "DE_No": lookups.preferences.warehouse,
            "CT_Prospect": int(customer.prospect),
        }

    def _details(self, customer: Customer) -> dict[str, Any]:
        name = customer.name or customer.address.company or customer.address.name
        if not name.strip():
            raise refused("customer_name_missing")
        return {
            "CT_Intitule": name,
            "CT_Classement": name[:_CLASSIFIED],
            "CT_Contact": customer.address.name,
            **self._postal(customer.address),
            "CT_Telephone": compact_phone(customer.address.phone, self._sizes.size("F_COMPTET", "CT_Telephone")),
            "CT_Identifiant": re.sub(r"[\s.\-]", "", customer.vat_number),
        }

    def _postal(self, address: Address) -> dict[str, str]:
        first, second = self._sizes.wrapped("F_COMPTET", ("CT_Adresse", "CT_Complement"), address.line1, address.line2)
        return {
            "CT_Adresse": first,
            "CT_Complement": second,
            "CT_CodePostal": compact_postcode(address.postcode, self._sizes.size("F_COMPTET", "CT_CodePostal")),
            "CT_Ville": address.city,
            "CT_CodeRegion": address.region,
            "CT_Pays": country_name(address.country, self._lookups.countries, self._sizes),
        }

    def _link(self, number: str, account: str) -> None:
        known = {text_of(row["cg_num"]) for row in self._database.rows("writing/customer_accounts", number)}
        if account not in known:
            self._rows.insert("F_COMPTETG", {"CT_Num": number, "CG_Num": account})

    def _terms(self, customer: Customer, number: str) -> None:
        if self._database.rows("writing/customer_terms", number):
            return
        self._rows.insert(
            "F_REGLEMENTT",
            {
                "CT_Num": number,
                "N_Reglement": self._lookups.payment_method(customer.payment_term),
                "RT_Condition": 0,
                "RT_NbJour": 0,
                "RT_TRepart": 1,
                "RT_VRepart": 0,
            },
        )


_BLOCKED = 2


def valid_number(number: str) -> str:
    """The number as Sage writes it. Raises ``ItemRefused`` for what is no customer number."""
    plain = number.strip().upper()
    if not _NUMBER.fullmatch(plain):
        raise refused("customer_number_invalid", value=number)
    return plain


def country_name(code: str, countries: Mapping[str, str], sizes: Sizes) -> str:
    """The name Sage gives a country; its code and a note when Sage has no such country."""
    plain = code.strip().upper()
    if not plain:
        return ""
    if plain not in countries:
        sizes.notes.append(problem("country_unknown", value=plain))
    return countries.get(plain, plain)


def compact_phone(phone: str, size: int) -> str:
    """The phone number, without its separators when it would not fit with them."""
    plain = phone.strip()
    return plain if not size or len(plain) <= size else re.sub(r"[\s.\-()/]", "", plain)


def compact_postcode(postcode: str, size: int) -> str:
    """The postcode, without its separators when it would not fit with them (ZIP+4)."""
    plain = postcode.strip()
    return plain if not size or len(plain) <= size else re.sub(r"[\s\-]", "", plain)


def _party(row: Row) -> Party:
    def number(column: str) -> int:
        return int_of(row[column])

    own = text_of(row["ct_num"])
    return Party(
        number=own,
        account=text_of(row["cg_numprinc"]),
        payer=text_of(row["ct_numpayeur"]) or own,
        central=text_of(row["ct_numcentrale"]) or None,
        language=number("ct_langue"),
        copies=number("ct_facture") or 1,
        invoice_per_delivery=number("ct_blfact"),
        shipping_mode=number("n_expedition"),
        delivery_condition=number("n_condition") or 1,
        price_category=number("n_cattarif"),
        accounting_category=number("n_catcompta"),
        period=number("n_period") or 1,
        sales_rep=number("co_no"),
        warehouse=number("de_no"),
    )
