"""Who the customer of an order is in the ERP, and how its name and addresses are written there (CUS-08, CUS-09).

Identity is looked for in a stated order: imposed by the means of payment, link kept by us, number, e-mail if it is
unique; then the common account of the profile, else a new customer. A found customer is never merged with another one,
and whatever its card says, a document keeps the addresses of its own order.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from connectors.canonical.parties import Address, Customer, normalised
from connectors.canonical.sales import Order
from profiles.sections import OrderCustomersSection, PaymentsSection
from sync.mapping.order_payments import forced_account, forced_customer, payment_term
from sync.mapping.order_terms import Sections, refuse

_PARTS: Mapping[str, tuple[str, ...]] = {
    "name": ("first_name", "last_name"),
    "company": ("company",),
    "street": ("line1", "line2"),
    "postcode": ("postcode",),
    "city": ("city",),
    "country": ("country",),
    "phone": ("phone",),
}
_TEXTS = ("first_name", "last_name", "company", "line1", "line2", "postcode", "city", "region", "country", "phone")
_LIGATURES = str.maketrans(
    {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
)
_KEPT_WHOLE = frozenset({"postcode"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A customer of the ERP. ``account`` is the shop account it is linked to, empty for none."""

    number: str
    name: str
    account: str = ""


class Directory(Protocol):
    """The customers of the ERP and the links to them."""

    def linked(self, key: str) -> str | None:
        """Number of the customer linked to a buyer, by :attr:`CustomerPlan.link`."""
        ...

    def numbered(self, number: str) -> Known | None:
        """The customer with exactly this number."""
        ...

    def with_email(self, email: str) -> Sequence[Known]:
        """Customers with this e-mail, whatever its case."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPlan:
    """What to do about the customer of one order.

    ``imposed``: this customer and no other, never searched, created or changed. ``link``: key of the link between the
    buyer and the customer found. ``number`` and ``email``: what to search by (empty: do not). ``fallback``: existing
    account to use when nothing is found; empty: create ``record``. ``account``: the buyer's account in the shop.
    ``same_place``: parts of two addresses that must be equal for them to be one.
    """

    link: str
    imposed: str
    number: str
    email: str
    account: str
    name: str
    fallback: str
    record: Customer
    delivery: Address
    delivery_label: str
    update_billing: bool
    update_delivery: bool
    same_place: tuple[str, ...] = ()


def plan_customer(order: Order, options: Sections, *, accounting_category: str = "", carrier: str = "") -> CustomerPlan:
    """The plan for the buyer of an order. Pure; the same order always gives the same plan.

    Raises ``ItemRefused``: ``customer_erased`` (personal data removed in the shop and no common account),
    ``customer_number_too_long``, ``ledger_account_too_long``, ``single_account_missing``.
    """
    section: OrderCustomersSection = options["order_customers"]
    payments: PaymentsSection = options["payments"]
    record = _record(order, section, payments, accounting_category, carrier)
    imposed = forced_customer(order, payments)
    fallback = _fallback(order, section) if not imposed else ""
    own = not imposed and not fallback
    return CustomerPlan(
        link=buyer_key(order),
        imposed=imposed,
        number=record.number if own else "",
        email=record.email if section.search_email and not imposed and not order.erased else "",
        account=order.buyer.key,
        name=record.name,
        fallback=fallback,
        record=record,
        delivery=_delivery(order, section),
        delivery_label=delivery_label(_delivery(order, section)),
        update_billing=section.update_billing and own and not order.erased,
        update_delivery=section.update_delivery and not imposed and not order.erased,
        same_place=tuple(section.address_match),
    )


def find_customer(plan: CustomerPlan, directory: Directory) -> str | None:
    """Number of the customer to use, ``None`` when ``plan.record`` must be created. Reads only."""
    if plan.imposed:
        return plan.imposed
    linked = directory.linked(plan.link)
    if linked:
        return linked
    if plan.number:
        numbered = directory.numbered(plan.number)
        if numbered is not None and numbered.account in {"", plan.account}:
            return numbered.number
    return _by_email(plan, directory) or plan.fallback or None


def _by_email(plan: CustomerPlan, directory: Directory) -> str:
    """The only customer with the e-mail. One that is linked to another account of the shop is somebody else; among
    several, only an equal name decides."""
    if not plan.email:
        return ""
    found = [
        one for one in directory.with_email(plan.email) if not (plan.account and one.account not in {"", plan.account})
    ]
    if len(found) > 1:
        found = [one for one in found if normalised(one.name) == normalised(plan.name)]
    return found[0].number if len(found) == 1 else ""


def buyer_key(order: Order) -> str:
    """Who a buyer is for us: the shop's account, else the e-mail, else the order itself."""
    if order.buyer.key:
        return order.buyer.key
    email = clean_email(order.buyer.email or order.billing.email)
    return f"mail:{email}" if email and not order.erased else f"order:{order.key}"


def clean_email(email: str) -> str:
    """An e-mail as it is compared: lower case, without blanks."""
    return "".join(email.split()).lower()


def _fallback(order: Order, section: OrderCustomersSection) -> str:
    if section.mode == "single":
        if section.single_account:
            return section.single_account
        raise refuse(
            "single_account_missing",
            "Les commandes vont à un compte unique, qui n’est pas choisi.",
            "Ouvrez Commandes : clients et indiquez le compte unique.",
        )
    if order.buyer.is_guest and section.guest_account:
        return section.guest_account
    if order.erased:
        if section.guest_account:
            return section.guest_account
        raise refuse(
            "customer_erased",
            "Les données personnelles de la commande ont été effacées dans la boutique.",
            "Indiquez un compte des commandes sans inscription dans Commandes : clients pour importer cette commande.",
        )
    return ""


# --- The record ----------------------------------------------------------------------------------------------


def _record(
    order: Order,
    section: OrderCustomersSection,
    payments: PaymentsSection,
    accounting_category: str,
    carrier: str,
) -> Customer:
    guest = order.buyer.is_guest
    seed = order.key if guest else order.buyer.key
    billing = shaped_address(order.billing, section)
    email = clean_email(order.buyer.email or order.billing.email)
    own = section.mode == "own" and not forced_customer(order, payments) and not _uses_common(order, section)
    return Customer(
        key=buyer_key(order),
        number=padded(section.guest_prefix if guest else section.prefix, seed, section.number_length) if own else "",
        name=customer_name(order, section),
        email=email,
        address=replace(billing, email=email),
        account=forced_account(order, payments) or (ledger_account(seed, section) if own else ""),
        own_account=own and section.ledger == "own" and not forced_account(order, payments),
        vat_number="".join(order.buyer.vat_number.split()).upper(),
        price_category=section.price_category,
        accounting_category=accounting_category,
        carrier=carrier,
        payment_term=payment_term(order, payments),
        sales_rep=section.sales_rep,
    )


def _uses_common(order: Order, section: OrderCustomersSection) -> bool:
    return bool(section.guest_account) and (order.buyer.is_guest or order.erased)


def padded(prefix: str, key: str, length: int) -> str:
    """``prefix`` and ``key`` in capitals, filled with zeros between them to ``length``; only letters and digits.

    Raises ``ItemRefused`` when they do not fit: a number is never cut, for two customers could get the same one.
    """
    digits = "".join(letter for letter in key.upper() if letter.isascii() and letter.isalnum())
    number = prefix.upper() + digits.rjust(length - len(prefix), "0")
    if len(number) <= length:
        return number
    raise refuse(
        "customer_number_too_long",
        "Le numéro de client %(number)s dépasse la longueur choisie (%(length)s).",
        "Ouvrez Commandes : clients et augmentez la longueur des comptes ou raccourcissez leur préfixe.",
        number=number,
        length=str(length),
    )


def ledger_account(seed: str, section: OrderCustomersSection) -> str:
    """The ledger account of a new customer, empty where the ERP decides; ``seed`` tells customers apart.

    Raises ``ItemRefused`` (``ledger_account_too_long``).
    """
    if section.ledger == "shared":
        return section.ledger_account
    if section.ledger == "erp":
        return ""
    number = section.ledger_prefix.upper() + seed.upper().rjust(section.ledger_length - len(section.ledger_prefix), "0")
    if len(number) <= section.ledger_length:
        return number
    raise refuse(
        "ledger_account_too_long",
        "Le compte comptable %(number)s dépasse la longueur choisie (%(length)s).",
        "Ouvrez Commandes : clients et augmentez la longueur des comptes comptables ou raccourcissez leur préfixe.",
        number=number,
        length=str(section.ledger_length),
    )


def customer_name(order: Order, section: OrderCustomersSection) -> str:
    """Company or person, else e-mail; shaped as the profile asks."""
    billing = order.billing
    return shaped_name(
        party_name(billing, section) or order.buyer.email or billing.email or f"Web {order.key}", section
    )


def party_name(address: Address, section: OrderCustomersSection) -> str:
    """Who lives at an address, company or person first as the profile asks; empty when nobody is named."""
    person = " ".join(part for part in (address.first_name, address.last_name) if part)
    return person or address.company if section.name_from == "person" else address.company or person


def shaped_name(name: str, section: OrderCustomersSection) -> str:
    """The name of a customer with single blanks, without accents and in capitals where the profile asks."""
    text = without_accents(_squeezed(name)) if section.strip_accents else _squeezed(name)
    return text.upper() if section.upper_name else text


# --- Addresses -----------------------------------------------------------------------------------------------


def shaped_address(address: Address, section: OrderCustomersSection) -> Address:
    """The address with single blanks and, where asked, without accents and in capitals; the e-mail only trimmed."""
    shaped = {}
    for name in _TEXTS:
        text = _squeezed(getattr(address, name))
        text = without_accents(text) if section.strip_accents else text
        shaped[name] = text.upper() if section.upper_address else text
    return replace(address, **shaped, email=clean_email(address.email))


def _delivery(order: Order, section: OrderCustomersSection) -> Address:
    """The delivery address. The ERP names it after its company, unless it is to bear the name of the person."""
    address = shaped_address(order.shipping, section)
    named = bool(address.first_name or address.last_name)
    return replace(address, company="") if section.name_from == "person" and named else address


def address_key(address: Address, parts: Sequence[str]) -> str:
    """What two spellings of one address have in common, on the chosen parts (``OrderCustomersSection.address_match``).

    Case, accents, blanks and punctuation do not count; first and last name may be swapped.
    """
    keys = []
    for part in parts:
        words = [normalised(getattr(address, name)) for name in _PARTS[part]]
        keys.append("".join(sorted(words) if part == "name" else words))
    return "|".join(keys)


def same_address(one: Address, other: Address, parts: Sequence[str]) -> bool:
    """Whether an address of the ERP is the one of an order, on the chosen parts."""
    return address_key(one, parts) == address_key(other, parts)


def delivery_label(address: Address) -> str:
    """Name under which a new delivery address is kept: who, and where."""
    return " - ".join(part for part in (address.company or address.name, address.city) if part)


def without_accents(text: str) -> str:
    """Letters without accents; ligatures as two letters. Other alphabets are left as they are."""
    plain = unicodedata.normalize("NFD", text.translate(_LIGATURES))
    return unicodedata.normalize("NFC", "".join(letter for letter in plain if not unicodedata.combining(letter)))


def _squeezed(text: str) -> str:
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Fitted:
    """An address that fits the ERP's columns. ``cut`` names the fields that lost text and must be told."""

    address: Address
    cut: tuple[str, ...]


def fit_address(address: Address, sizes: Mapping[str, int]) -> Fitted:
    """The address cut to the sizes of the ERP's columns, by field name; a field without size is not cut.

    Rules: the end of a long first street line goes in front of the second one; other texts are cut at the last blank
    when it is near the end, else at the size; an e-mail that does not fit is left out. Raises ``ItemRefused``
    (``address_too_long``) for a postcode, which is worth nothing when cut.
    """
    moved = _with_overflow(address, sizes)
    cut: list[str] = []
    values: dict[str, str] = {}
    for name, size in sizes.items():
        text = getattr(moved, name)
        if len(text) <= size:
            values[name] = text
            continue
        if name in _KEPT_WHOLE:
            raise refuse(
                "address_too_long",
                "Le code postal %(text)s est trop long pour l’ERP (%(size)s caractères).",
                "Corrigez l’adresse de la commande dans la boutique, puis relancez-la.",
                text=text,
                size=str(size),
            )
        values[name] = "" if name == "email" else cut_text(text, size)
        cut.append(name)
    return Fitted(replace(moved, **values), tuple(cut))


def cut_text(text: str, size: int) -> str:
    """The beginning of a text: up to its last blank in the final third of ``size``, else exactly ``size`` long."""
    if len(text) <= size:
        return text
    place = text.rfind(" ", size * 2 // 3, size + 1)
    return (text[:place] if place > 0 else text[:size]).rstrip()


def _with_overflow(address: Address, sizes: Mapping[str, int]) -> Address:
    size = sizes.get("line1", 0)
    if not size or len(address.line1) <= size:
        return address
    first = cut_text(address.line1, size)
    rest = " ".join(part for part in (address.line1[len(first) :].strip(), address.line2) if part)
    return replace(address, line1=first, line2=rest)
