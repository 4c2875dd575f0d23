"""An account of the shop as a prospect of the ERP (CUS-07); what decides who is one, and since when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta, tzinfo

from connectors.canonical.parties import Customer
from profiles.sections import OrderCustomersSection, ProspectsSection
from sync.mapping.customers import clean_email, ledger_account, padded, party_name, shaped_address, shaped_name
from sync.mapping.order_terms import Sections


def since_when(section: ProspectsSection, now: datetime, zone: tzinfo) -> datetime | None:
    """The instant since which an order makes an account more than a prospect; ``None``: any order does. ``now`` is
    aware; days begin at midnight in ``zone``."""
    if section.since == "ever":
        return None
    today = now.astimezone(zone).date()
    day = (
        date.fromisoformat(section.since_date)
        if section.since == "date"
        else today - timedelta(days=section.since_days)
    )
    return datetime.combine(day, time(), tzinfo=zone)


def left_out(account: Customer, section: ProspectsSection) -> str:
    """Why an account is not imported, as a French sentence; empty when it is a prospect."""
    if not account.prospect:
        return "A déjà commandé"
    if account.erased:
        return "Données personnelles effacées dans la boutique"
    if not clean_email(account.email):
        return "Le compte n’a pas d’adresse e-mail"
    address = account.address
    if section.address_needed and not (address.name and (address.line1 or address.city)):
        return "Compte sans nom ou sans adresse"
    return ""


def map_prospect(account: Customer, options: Sections) -> Customer:
    """The customer to create, with the number that the account's first order will look for. Pure.

    Raises ``ItemRefused``: ``customer_number_too_long``, ``ledger_account_too_long``.
    """
    section: ProspectsSection = options["prospects"]
    buyers: OrderCustomersSection = options["order_customers"]
    email = clean_email(account.email)
    address = account.address
    return Customer(
        key=account.key,
        number=padded(buyers.prefix, account.key, buyers.number_length),
        name=shaped_name(party_name(address, buyers) or account.name or email, buyers),
        email=email,
        address=replace(shaped_address(address, buyers), email=email),
        account=ledger_account(account.key, buyers),
        own_account=buyers.ledger == "own",
        vat_number="".join(account.vat_number.split()).upper(),
        price_category=section.price_category or buyers.price_category,
        accounting_category=section.accounting_category,
        payment_term=section.payment_term,
        sales_rep=section.sales_rep or buyers.sales_rep,
        prospect=True,
    )
