"""Who the customer of an order is: identity in a stated order, numbers, accounts, texts and addresses."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.canonical.parties import Address, Buyer
from connectors.canonical.sales import Order
from connectors.core.problems import ItemRefused
from profiles.sections import OrderCustomersSection
from sync.mapping.customers import (
    CustomerPlan,
    Known,
    address_key,
    buyer_key,
    cut_text,
    find_customer,
    fit_address,
    padded,
    plan_customer,
    same_address,
    without_accents,
)
from sync.mapping.orders import map_order
from tests.mapping.cart_shop import Cart, Item
from tests.mapping.order_support import MOMENT, Catalogue, parsed, profile

PLAIN = parsed(Cart([Item(10, 1)], number=900).rest())  # type: ignore[arg-type]
PARTS = OrderCustomersSection().address_match


@dataclass
class Directory:
    """The ERP's customers and our links, in memory."""

    customers: dict[str, Known] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def linked(self, key: str) -> str | None:
        return self.links.get(key)

    def numbered(self, number: str) -> Known | None:
        return self.customers.get(number)

    def with_email(self, email: str) -> Sequence[Known]:
        return [self.customers[number] for number, one in self.emails.items() if one.lower() == email]

    def add(self, number: str, name: str, email: str = "", account: str = "") -> None:
        self.customers[number] = Known(number=number, name=name, account=account)
        self.emails[number] = email

    def book(self, plan: CustomerPlan) -> str:
        """What the import does: find or create, then link, unless the account is a common one."""
        number = find_customer(plan, self)
        if number is None:
            number = plan.record.number
            assert number not in self.customers
            self.add(number, plan.record.name, plan.record.email, plan.account)
        if number not in {plan.imposed, plan.fallback}:
            self.links[plan.link] = number
            if plan.account and not self.customers[number].account:
                self.customers[number] = replace(self.customers[number], account=plan.account)
        return number


def order(key: str = "900", account: str = "4", email: str = "jeanne@example.test", **billing: str) -> Order:
    """An order of somebody; an empty account is a guest."""
    address = Address(**{"first_name": "Jeanne", "last_name": "Petit", "country": "FR", "email": email, **billing})
    return replace(PLAIN, key=key, number=key, buyer=Buyer(key=account, email=email), billing=address, shipping=address)


def plan(one: Order, **options: Any) -> CustomerPlan:
    return plan_customer(one, profile(**options))


@pytest.mark.covers("CUS-08")
def test_p24_guests_and_accounts_of_10_people_are_10_customers_with_the_right_address() -> None:
    dice = random.Random(24)  # noqa: S311 not for secrets
    people = [(f"Anne{n}", f"Dupré {n}", f"personne{n}@example.test") for n in range(10)]
    # Two people share one e-mail, each with an account.
    people[9] = ("Zoé", "Martin", people[8][2])
    directory = Directory()
    found: dict[int, set[str]] = {}
    for number in range(1, 101):
        person = (number - 1) % 10
        first, last, email = people[person]
        guest = person < 8 and dice.random() < 0.5
        spelt = dice.choice((str, str.upper, str.title))
        street = f"{number} rue du Port"
        one = order(
            str(1000 + number),
            "" if guest else str(50 + person),
            f" {email.upper()} " if dice.random() < 0.3 else email,
            first_name=spelt(first),
            last_name=spelt(last).replace(" ", dice.choice((" ", "  "))),
            line1=street,
        )
        made = plan(one)
        found.setdefault(person, set()).add(directory.book(made))
        document = map_order(one, profile(), Catalogue(), MOMENT)
        assert document.delivery is not None
        assert document.delivery.line1 == made.delivery.line1 == street
    assert len(directory.customers) == 10
    assert all(len(numbers) == 1 for numbers in found.values())
    assert len({next(iter(numbers)) for numbers in found.values()}) == 10


@pytest.mark.covers("CUS-08")
def test_p24_guests_with_one_email_collide_only_with_their_own_customer() -> None:
    directory = Directory()
    directory.add("C1", "Petit Jeanne SARL", "jeanne@example.test")
    directory.add("C2", "Jeanne PETIT", "jeanne@example.test")
    # Two customers have the e-mail: only an equal name decides.
    assert find_customer(plan(order(account="")), directory) == "C2"
    assert find_customer(plan(order(account="", first_name="Paul")), directory) is None
    assert find_customer(plan(order(account=""), search_email=False), directory) is None


@pytest.mark.covers("CUS-08")
def test_p24_customers_of_another_account_are_never_taken_by_their_email() -> None:
    directory = Directory()
    directory.add("WEB0000007", "Jeanne Petit", "jeanne@example.test", account="7")
    assert find_customer(plan(order(account="4")), directory) is None
    assert find_customer(plan(order(account="7")), directory) == "WEB0000007"
    # A guest with the e-mail of an account is that customer.
    assert find_customer(plan(order(account="")), directory) == "WEB0000007"


@pytest.mark.covers("CUS-08")
def test_identity_is_looked_for_in_the_stated_order() -> None:
    directory = Directory(links={"4": "LINKED"})
    directory.add("WEB0000004", "Quelqu’un")
    directory.add("MAIL", "Quelqu’un", "jeanne@example.test")
    assert find_customer(plan(order(), customers={"bacs": "AMAZON"}), directory) == "AMAZON"
    assert find_customer(plan(order()), directory) == "LINKED"
    directory.links.clear()
    assert find_customer(plan(order()), directory) == "WEB0000004"
    del directory.customers["WEB0000004"], directory.emails["WEB0000004"]
    assert find_customer(plan(order()), directory) == "MAIL"
    del directory.customers["MAIL"], directory.emails["MAIL"]
    assert find_customer(plan(order()), directory) is None
    assert plan(order()).record.number == "WEB0000004"


@pytest.mark.covers("CUS-08")
def test_single_account_and_guest_account() -> None:
    single = {"mode": "single", "single_account": "COMPTOIR"}
    directory = Directory()
    assert find_customer(plan(order(), **single), directory) == "COMPTOIR"
    directory.add("MAIL", "Jeanne Petit", "jeanne@example.test")
    assert find_customer(plan(order(), **single), directory) == "MAIL"
    assert find_customer(plan(order(), search_email=False, **single), directory) == "COMPTOIR"
    assert (
        find_customer(plan(order(account="", email="x@example.test"), guest_account="INVITES"), directory) == "INVITES"
    )
    assert find_customer(plan(order(email="x@example.test"), guest_account="INVITES"), directory) is None
    with pytest.raises(ItemRefused) as caught:
        plan(order(), mode="single")
    assert caught.value.problem.code == "single_account_missing"


@pytest.mark.covers("CUS-08")
def test_numbers_are_padded_and_never_cut() -> None:
    assert padded("web", "42", 10) == "WEB0000042"
    assert padded("", "42", 4) == "0042"
    assert plan(order(account="", key="187")).record.number == "WEBI000187"
    with pytest.raises(ItemRefused) as caught:
        padded("WEBSHOP", "1234567", 10)
    assert caught.value.problem.code == "customer_number_too_long"


@pytest.mark.covers("CUS-08")
@pytest.mark.parametrize(
    ("prefix", "guest", "allowed"),
    [("WEB", "WEBI", True), ("WEB", "WEB", False), ("WEB", "web1", False), ("W2", "W", False), ("C", "G", True)],
)
def test_numbers_of_accounts_and_guests_never_meet(prefix: str, guest: str, allowed: bool) -> None:
    if allowed:
        assert OrderCustomersSection(prefix=prefix, guest_prefix=guest).prefix == prefix
        return
    with pytest.raises(ValidationError, match="mêmes numéros"):
        OrderCustomersSection(prefix=prefix, guest_prefix=guest)


@pytest.mark.covers("CUS-08", "ORD-05")
@pytest.mark.parametrize(
    ("options", "account"),
    [
        ({}, ""),
        ({"ledger": "shared", "ledger_account": "4111000"}, "4111000"),
        ({"ledger": "own"}, "41100004"),
        ({"ledger": "own", "accounts": {"bacs|EUR": "4119000"}}, "4119000"),
    ],
)
def test_accounting_account_modes(options: dict[str, Any], account: str) -> None:
    assert plan(order(), **options).record.account == account


@pytest.mark.covers("SHP-02", "CUS-08")
def test_customers_and_addresses_are_named_after_the_company_or_the_person() -> None:
    both = order(first_name="Jeanne", last_name="Petit", company="Petit SARL")
    both = replace(both, shipping=both.billing)
    found, person = plan(both), plan(both, name_from="person")
    assert (found.record.name, found.delivery.company, found.delivery.name) == (
        "Petit SARL",
        "Petit SARL",
        "Jeanne Petit",
    )
    assert (person.record.name, person.delivery.company, person.delivery.name) == ("Jeanne Petit", "", "Jeanne Petit")
    nobody = order(first_name="", last_name="", company="Petit SARL")
    nobody = replace(nobody, shipping=nobody.billing)
    assert plan(nobody, name_from="person").record.name == "Petit SARL"
    assert plan(nobody, name_from="person").delivery.company == "Petit SARL"
    person_only = order(first_name="Jeanne", last_name="Petit", company="")
    assert plan(person_only).record.name == "Jeanne Petit"


@pytest.mark.covers("CUS-09")
def test_texts_are_shaped_as_asked() -> None:
    one = order(first_name="Zoé", last_name="Müller-Lœwe", line1="12  rue de l’Église", city="Sète")
    record = plan(one).record
    assert (record.name, record.address.line1) == ("Zoé Müller-Lœwe", "12 rue de l’Église")
    record = plan(one, strip_accents=True, upper_name=True, upper_address=True, sales_rep="3").record
    assert record.name == "ZOE MULLER-LOEWE"
    assert (record.address.line1, record.address.city) == ("12 RUE DE L’EGLISE", "SETE")
    assert record.email == record.address.email == "jeanne@example.test"
    assert record.sales_rep == "3"
    assert plan(order(company="ACME")).record.name == "ACME"
    assert without_accents("Đà Nẵng, Łódź, Ελλάδα") == "Đa Nang, Lodz, Ελλαδα"


@pytest.mark.covers("CUS-09")
def test_updates_happen_only_where_asked_and_never_on_common_accounts() -> None:
    both = {"update_billing": True, "update_delivery": True}
    assert (plan(order()).update_billing, plan(order()).update_delivery) == (False, False)
    assert (plan(order(), **both).update_billing, plan(order(), **both).update_delivery) == (True, True)
    imposed = plan(order(), customers={"bacs": "AMAZON"}, **both)
    assert (imposed.update_billing, imposed.update_delivery) == (False, False)
    guest = plan(order(account=""), guest_account="INVITES", **both)
    assert guest.update_billing is False


@pytest.mark.covers("CUS-10")
def test_erased_order_makes_no_customer() -> None:
    erased = replace(order(), erased=True)
    with pytest.raises(ItemRefused) as caught:
        plan(erased)
    assert caught.value.problem.code == "customer_erased"
    made = plan(erased, guest_account="INVITES", update_billing=True)
    assert find_customer(made, Directory()) == "INVITES"
    assert (made.email, made.update_billing) == ("", False)


def test_keys_of_buyers() -> None:
    assert buyer_key(order()) == "4"
    assert buyer_key(order(account="", email=" Jeanne@Example.test ")) == "mail:jeanne@example.test"
    assert buyer_key(order("77", account="", email="")) == "order:77"


@pytest.mark.covers("CUS-09")
def test_addresses_are_the_same_whatever_their_spelling() -> None:
    one = Address(
        first_name="Jean", last_name="Dupré", line1="12, rue de l’Église", postcode="69 001", city="LYON", country="FR"
    )
    other = Address(
        first_name="DUPRE", last_name="Jean", line1="12 Rue de l'Eglise", postcode="69001", city="Lyon", country="FR"
    )
    assert same_address(one, other, PARTS)
    assert not same_address(one, replace(other, line1="14 rue de l'Eglise"), PARTS)
    assert same_address(one, replace(other, first_name="Paul"), ("street", "postcode", "city"))
    assert address_key(one, ("postcode",)) == "69001"


SIZES = {
    "first_name": 35,
    "last_name": 35,
    "company": 35,
    "line1": 35,
    "line2": 35,
    "postcode": 9,
    "city": 35,
    "email": 69,
}


@pytest.mark.covers("CUS-09")
def test_addresses_are_cut_by_a_stated_rule_and_never_silently() -> None:
    street = "Zone industrielle des Portes du Soleil Levant"
    long = Address(
        line1=street, line2="Bâtiment B", city="Saint-Rémy-en-Bouzemont-Saint-Genest-et-Isson", email="x" * 80
    )
    fitted = fit_address(long, SIZES)
    assert fitted.address.line1 == "Zone industrielle des Portes du"
    assert fitted.address.line2 == "Soleil Levant Bâtiment B"
    assert fitted.address.city == "Saint-Rémy-en-Bouzemont-Saint-Genes"
    assert fitted.address.email == ""
    assert set(fitted.cut) == {"city", "email"}
    with pytest.raises(ItemRefused) as caught:
        fit_address(Address(postcode="1234567890"), SIZES)
    assert caught.value.problem.code == "address_too_long"


@pytest.mark.covers("CUS-09")
@given(text=st.text(max_size=80), size=st.integers(min_value=1, max_value=40))
def test_cut_text_fits_and_is_a_beginning(text: str, size: int) -> None:
    cut = cut_text(text, size)
    assert len(cut) <= max(size, 0)
    assert text.startswith(cut)
