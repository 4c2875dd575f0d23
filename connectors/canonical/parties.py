"""Customers and addresses."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from connectors.canonical.base import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address as text. ``country`` is ISO 3166-1 alpha-2."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    line1: str = ""
    line2: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    phone: str = ""
    email: str = ""

    @property
    def name(self) -> str:
        """First and last name, else the company."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.company

    def fingerprint(self) -> str:
        """What two spellings of one place have in common: case, accents, blanks and punctuation do not count."""
        parts = (self.name, self.company, self.line1, self.line2, self.postcode, self.city, self.country)
        return "|".join(normalised(part) for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who placed an order. ``key`` is the shop's account, empty for a guest."""

    key: str = ""
    email: str = ""
    vat_number: str = ""

    @property
    def is_guest(self) -> bool:
        """Whether the order was placed without an account."""
        return not self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer(Record):
    """A customer to be created or updated in the ERP. ``account`` is the ERP's collective account, empty for its own
    default; ``own_account`` lets it be created for this customer when it does not exist. ``price_category`` and the
    others are keys of the ERP's lists. ``erased``: personal data were removed in the shop (GDPR)."""

    key: str
    number: str
    name: str
    email: str
    address: Address
    account: str = ""
    own_account: bool = False
    vat_number: str = ""
    price_category: str = ""
    accounting_category: str = ""
    carrier: str = ""
    payment_term: str = ""
    sales_rep: str = ""
    prospect: bool = False
    erased: bool = False


def normalised(text: str) -> str:
    """Lower case without accents, blanks and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[^a-z0-9]", "", "".join(letter for letter in plain if not unicodedata.combining(letter)))
