"""Customers and their addresses: found, created once, replaced."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from connectors.canonical.parties import Address
from connectors.core.problems import ItemRefused
from connectors.erp.sage100.sizes import Sizes, TooLong, one_line, rule_of, to_cp1252
from tests.connectors.sage100.writing_support import HOME, customer_of, one, rows

pytestmark = pytest.mark.covers("CUS-08", "CUS-09", "SYS-01")


def refusal(company, customer) -> str:
    before = company.sandbox.fingerprint()
    with company.open() as connection, pytest.raises(ItemRefused) as caught:
        connection.sales().create_customer(customer)
    assert company.sandbox.fingerprint() == before
    assert "%(" not in caught.value.problem.text() + caught.value.problem.advice_text()
    return caught.value.problem.code


def test_a_customer_is_created_with_what_makes_it_usable(writable) -> None:
    customer = customer_of(
        vat_number="FR 12 345678901", accounting_category="2", carrier="5", sales_rep="2", account="4110100"
    )
    with writable.open() as connection:
        sales = connection.sales()
        assert sales.create_customer(customer) == "WEB0000555"
        before = writable.sandbox.fingerprint()
        assert sales.create_customer(customer) == "WEB0000555", "a repeated step finds what it made"
        assert sales.take_notes() == ()
    assert writable.sandbox.fingerprint() == before
    assert one(
        writable.sandbox,
        "SELECT CT_Intitule, CT_Classement, CT_Type, CG_NumPrinc, CT_NumPayeur, CT_Contact, CT_Adresse, CT_Complement, "
        "CT_CodePostal, CT_Ville, CT_Pays, CT_Telephone, CT_EMail, CT_Identifiant, N_CatTarif, N_CatCompta, "
        "N_Expedition, N_Condition, N_Period, N_Risque, CO_No, CT_Prospect, CT_Sommeil FROM F_COMPTET WHERE CT_Num = ?",
        "WEB0000555",
    ) == (
        "MARTIN Zoé", "MARTIN Zoé", 0, "4110100", "WEB0000555", "Zoé MARTIN", "12 rue du Çà", "Étage 3", "38000",
        "Grenoble", "France", "06 01 02 03 04", "zoe@exemple.example", "FR12345678901", 3, 2, 5, 1, 1, 1, 2, 0, 0,
    )  # fmt: skip
    assert rows(writable.sandbox, "SELECT CG_Num FROM F_COMPTETG WHERE CT_Num = 'WEB0000555'") == [("4110100",)]
    assert rows(writable.sandbox, "SELECT N_Reglement, RT_NbJour FROM F_REGLEMENTT WHERE CT_Num = 'WEB0000555'") == [
        (3, 0)
    ]


@pytest.mark.covers("CUS-07")
def test_a_prospect_is_marked(writable) -> None:
    with writable.open() as connection:
        number = connection.sales().create_customer(customer_of(prospect=True))
    assert one(writable.sandbox, "SELECT CT_Prospect FROM F_COMPTET WHERE CT_Num = ?", number) == (1,)


def test_defaults_come_from_the_company(writable_file) -> None:
    with writable_file.open() as connection:
        sales = connection.sales()
        number = sales.create_customer(customer_of("web7", price_category="", payment_term=""))
    assert number == "WEB7"
    found = one(
        writable_file.sandbox, "SELECT CG_NumPrinc, N_CatTarif, N_CatCompta FROM F_COMPTET WHERE CT_Num = 'WEB7'"
    )
    assert found == ("4110000", 1, 1)
    assert rows(writable_file.sandbox, "SELECT N_Reglement FROM F_REGLEMENTT WHERE CT_Num = 'WEB7'") == [(2,)]


def test_an_account_of_its_own_is_created_when_that_is_asked(writable) -> None:
    customer = customer_of(account="41100555")
    assert refusal(writable, customer) == "account_unknown"
    with writable.open() as connection:
        connection.sales().create_customer(replace(customer, own_account=True))
        connection.sales().create_customer(customer_of("WEB0000556", account="41100555"))
    assert one(writable.sandbox, "SELECT CG_Intitule, CG_Type, N_Nature, CG_Tiers FROM F_COMPTEG WHERE CG_Num = ?",
               "41100555") == ("MARTIN Zoé", 0, 1, 1)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"number": ""}, "customer_number_invalid"),
        ({"number": "WEB-12"}, "customer_number_invalid"),
        ({"number": "É1"}, "customer_number_invalid"),
        ({"number": "W" * 18}, "customer_number_invalid"),
        ({"number": "FOURCAMP"}, "customer_number_taken"),
        ({"account": "999"}, "account_unknown"),
        ({"account": "4" * 14, "own_account": True}, "text_too_long"),
        ({"price_category": "77"}, "choice_unknown"),
        ({"payment_term": "77"}, "choice_unknown"),
        ({"carrier": "77"}, "choice_unknown"),
        ({"sales_rep": "77"}, "choice_unknown"),
        ({"name": "", "address": Address()}, "customer_name_missing"),
    ],
)
def test_what_cannot_be_a_customer_is_refused(writable_file, changes, code) -> None:
    assert refusal(writable_file, customer_of(**changes)) == code


def test_without_any_collective_account_a_customer_is_refused(writable_file) -> None:
    with writable_file.sandbox.session() as session:
        session.run("UPDATE P_PREFERENCES SET CG_NumCli = ''")
    assert refusal(writable_file, customer_of()) == "account_missing"


# Finding


def test_p24_customers_are_found_by_number_then_by_mail(writable) -> None:
    with writable.open() as connection:
        sales = connection.sales()
        assert sales.find_customer(number="web0000102") == "WEB0000102"
        assert sales.find_customer(number="WEB0000102", email="elodie.dupont@exemple.example") == "WEB0000102"
        assert sales.find_customer(number="ABSENT", email=" F.Muller@exemple.example ") == "WEB0000102"
        assert sales.find_customer(number="FOURCAMP") is None, "a supplier is no customer"
        assert sales.find_customer(email="personne@exemple.example") is None
        assert sales.find_customer() is None
        assert sales.take_notes() == ()


def test_p24_a_mail_that_several_carry_gives_the_oldest_active_and_says_so(writable) -> None:
    with writable.open() as connection:
        sales = connection.sales()
        assert sales.find_customer(email="ELODIE.DUPONT@EXEMPLE.EXAMPLE") == "WEB0000101"
        (note,) = sales.take_notes()
        assert note.code == "customer_email_repeated"
        assert "WEB0000101, WEB0000104" in note.text()
    with writable.sandbox.session() as session:
        session.run("UPDATE F_COMPTET SET CT_Sommeil = 1 WHERE CT_Num = 'WEB0000101'")
    with writable.open() as connection:
        found = connection.sales().customers_by_email("elodie.dupont@exemple.example")
        assert [(one.number, one.dormant) for one in found] == [("WEB0000104", False), ("WEB0000101", True)]
        assert connection.sales().customer("WEB0000101").name == "DUPONT Élodie"
        assert connection.sales().customer("ABSENT") is None


def test_the_card_is_replaced_when_asked(writable) -> None:
    moved = replace(HOME, line1="1 place Neuve", line2="", postcode="69001", city="Lyon", phone="")
    with writable.open() as connection:
        sales = connection.sales()
        number = sales.create_customer(customer_of(vat_number="FR1"))
        sales.update_customer(number, customer_of(address=moved, name="MARTIN-ROUX Zoé"))
        with pytest.raises(ItemRefused, match="customer_unknown"):
            sales.update_customer("ABSENT", customer_of())
    card = (
        "SELECT CT_Intitule, CT_Adresse, CT_Complement, CT_Ville, CT_Identifiant, N_CatTarif FROM F_COMPTET "
        "WHERE CT_Num = ?"
    )
    assert one(writable.sandbox, card, number) == ("MARTIN-ROUX Zoé", "1 place Neuve", "", "Lyon", "FR1", 3)


# Addresses


def test_p24_an_address_is_recognised_whatever_its_spelling(writable) -> None:
    shouted = Address(
        first_name="zoe", last_name="martin", line1="12, RUE DU CA", line2="etage 3", postcode="38 000",
        city="GRENOBLE", country="fr", phone="0601020304",
    )  # fmt: skip
    swapped = replace(HOME, first_name="MARTIN", last_name="Zoé")
    with writable.open() as connection:
        sales = connection.sales()
        number = sales.create_customer(customer_of())
        first = sales.create_address(number, HOME)
        assert sales.find_address(number, HOME) == first
        assert sales.find_address(number, shouted) == first
        assert sales.find_address(number, swapped) == first
        assert sales.find_address("WEB0000101", HOME) is None
        assert sales.create_address(number, HOME) == first, "a repeated step finds what it made"
        for changes in (
            {"line1": "13 rue du Çà"}, {"line2": ""}, {"postcode": "38100"}, {"city": "Lyon"}, {"country": "BE"},
            {"first_name": "Zara"}, {"company": "ACME"},
        ):  # fmt: skip
            assert sales.find_address(number, replace(HOME, **changes)) is None, changes
        assert sales.find_address(number, replace(HOME, city="Lyon"), ("street", "postcode")) == first
        assert sales.find_address(number, replace(HOME, phone="1"), ("phone",)) is None


def test_labels_stay_different_and_the_first_address_is_the_main_one(writable) -> None:
    with writable.open() as connection:
        sales = connection.sales()
        number = sales.create_customer(customer_of())
        keys = [sales.create_address(number, replace(HOME, line1=f"{place} rue A")) for place in range(1, 4)]
        found = [sales.find_address(number, replace(HOME, line1=f"{place} rue A")) for place in range(1, 4)]
    assert found == keys
    stored = rows(
        writable.sandbox,
        "SELECT LI_Intitule, LI_Principal, N_Expedition, N_Condition FROM F_LIVRAISON WHERE CT_Num = ? ORDER BY LI_No",
        number,
    )
    assert stored == [("Zoé MARTIN", 1, 1, 1), ("Zoé MARTIN (2)", 0, 1, 1), ("Zoé MARTIN (3)", 0, 1, 1)]


def test_an_address_is_replaced(writable) -> None:
    with writable.open() as connection:
        sales = connection.sales()
        number = sales.create_customer(customer_of())
        first = sales.create_address(number, HOME)
        second = sales.create_address(number, replace(HOME, line1="2 rue B"))
        sales.update_address(number, second, replace(HOME, line1="3 rue C", company="ACME"))
        sales.update_address(number, second, replace(HOME, line1="4 rue D"))
        assert sales.find_address(number, HOME) == first
        assert sales.find_address(number, replace(HOME, line1="4 rue D")) == second
        with pytest.raises(ItemRefused, match="address_unknown"):
            sales.update_address(number, "99999", HOME)
    labels = rows(writable.sandbox, "SELECT LI_Intitule FROM F_LIVRAISON WHERE CT_Num = ? ORDER BY LI_No", number)
    assert labels == [("Zoé MARTIN",), ("Zoé MARTIN (2)",)]


def test_a_country_that_sage_does_not_know_is_told(writable_file) -> None:
    with writable_file.open() as connection:
        sales = connection.sales()
        number = sales.create_customer(customer_of(address=replace(HOME, country="JP")))
        assert [note.code for note in sales.take_notes()] == ["country_unknown"]
    assert one(writable_file.sandbox, "SELECT CT_Pays FROM F_COMPTET WHERE CT_Num = ?", number) == ("JP",)


@pytest.mark.covers("CUS-08")
def test_p24_hundred_orders_of_ten_people_make_ten_customers(writable_file) -> None:
    draw = random.Random(24)  # noqa: S311 repeatable, nothing to hide
    people = [
        replace(HOME, first_name=f"Prénom{n}", line1=f"{n} rue A", email=f"p{n}@exemple.example") for n in range(10)
    ]
    spellings = (lambda text: text, str.upper, str.lower, lambda text: f"  {text.replace(' ', '  ')} ")
    chosen: dict[int, set[tuple[str, str]]] = {}
    with writable_file.open() as connection:
        sales = connection.sales()
        for order in range(100):
            person = draw.randrange(10)
            spelt = draw.choice(spellings)
            given = people[person]
            seen = replace(
                given, first_name=spelt(given.first_name), line1=spelt(given.line1), email=spelt(given.email)
            )
            number = sales.find_customer(email=seen.email) or sales.create_customer(
                customer_of(f"WEB{order:07d}", email=given.email, address=given, name=given.name)
            )
            address = sales.find_address(number, seen) or sales.create_address(number, seen)
            chosen.setdefault(person, set()).add((number, address))
    assert all(len(places) == 1 for places in chosen.values())
    assert len({next(iter(places))[0] for places in chosen.values()}) == 10


# Texts


def test_long_texts_are_cut_by_rule_and_told(writable) -> None:
    customer = customer_of(
        name="Société " + "très " * 20 + "longue",
        email="a" * 70 + "@exemple.example",
        address=replace(HOME, line1="12 avenue de la Très Honorable République Française", line2="Escalier C",
                        postcode="94105-1234", phone="+33 (0)6 01 02 03 04 05 06"),
    )  # fmt: skip
    with writable.open() as connection:
        sales = connection.sales()
        number = sales.create_customer(customer)
        notes = {note.code: note for note in sales.take_notes()}
    assert set(notes) == {"text_cut", "text_dropped"}
    found = one(
        writable.sandbox,
        "SELECT CT_Intitule, CT_EMail, CT_Adresse, CT_Complement, CT_CodePostal, CT_Telephone FROM F_COMPTET "
        "WHERE CT_Num = ?",
        number,
    )
    assert len(found[0]) <= 69
    assert found[1] == ""
    assert found[2:] == (
        "12 avenue de la Très Honorable", "République Française Escalier C", "941051234",
        "+33060102030405" + "06",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Œnone Lefèvre — 10 €", "Œnone Lefèvre — 10 €"),
        ("Łukasz Żółć", "Lukasz Zólc"),
        ("e\u0301te\u0301", "été"),
        ("Ελένη", "?????"),
        ("Merci 🎉", "Merci ?"),
        ("a\u200bb\ufe0f", "ab"),
        ("ﬁn №1 x²", "fin No1 x²"),
        ("l’été « ici »", "l’été « ici »"),
    ],
)
def test_p22_texts_are_folded_into_the_windows_code_page(text, kept) -> None:
    assert to_cp1252(text) == kept
    assert to_cp1252(text).encode("cp1252")


def test_one_line_has_no_control_characters() -> None:
    assert one_line("  a\r\n\tb\x00  c ") == "a b c"


def test_folding_comes_before_counting(writable_file) -> None:
    with writable_file.open() as connection:
        sizes: Sizes = connection.sales()._desk.sizes
        long = "ﬃ" * 12  # one character, three letters
        assert sizes.fit("F_COMPTET", "CT_Contact", long) == "ffi" * 11 + "ff"
        assert sizes.fit("F_COMPTET", "CT_Contact", "x" * 35) == "x" * 35
        assert [note.code for note in sizes.taken_notes()] == ["text_cut"]


def test_sizes_are_those_of_the_company(writable) -> None:
    with writable.open() as connection:
        sizes: Sizes = connection.sales()._desk.sizes
        assert sizes.size("F_COMPTET", "CT_Intitule") == 69
        assert sizes.size("F_DOCENTETE", "DO_Piece") == 13
        assert sizes.size("F_DOCENTETE", "DO_NoWeb") == 17
        assert sizes.size("F_ABSENTE", "DO_Piece") == 9, "the oldest size where the catalogue is silent"


def test_what_identifies_is_never_cut() -> None:
    assert {rule_of(column) for column in ("CT_Num", "AR_Ref", "DO_Piece", "DO_NoWeb", "CG_Num", "JO_Num")} == {
        TooLong.REFUSE
    }
