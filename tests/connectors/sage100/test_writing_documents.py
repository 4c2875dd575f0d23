"""Orders become documents of Sage: every row and figure, by each road."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from connectors.canonical.levies import split
from connectors.canonical.parties import Address
from connectors.canonical.sales import (
    DocumentKind,
    DocumentLine,
    DocumentTax,
    DocumentTotals,
    FooterCharge,
    LineKind,
    TaxBase,
)
from connectors.canonical.values import TaxBasis
from connectors.core.problems import ItemRefused
from connectors.erp.sage100 import numbering
from tests.connectors.sage100.writing_support import (
    HOME,
    T20,
    T55,
    TODAY,
    D,
    customer_of,
    document_of,
    line_of,
    one,
    paid,
    rows,
)

pytestmark = pytest.mark.covers("SYS-01", "ORD-07", "ORD-10")

BUYER = "WEB0000101"


def refusal(company, document, **more) -> ItemRefused:
    before = company.sandbox.fingerprint()
    with company.open(**more.pop("options", {})) as connection, pytest.raises(ItemRefused) as caught:
        connection.sales().create_document(document, customer=more.get("customer", BUYER), address="")
    assert company.sandbox.fingerprint() == before, "a refused order leaves nothing behind"
    problem = caught.value.problem
    assert "%(" not in problem.text() + problem.advice_text()
    return caught.value


def created(company, document, *, customer=BUYER, address="", **options) -> DocumentTotals:
    with company.open(**options) as connection:
        return connection.sales().create_document(document, customer=customer, address=address)


def test_an_order_with_everything(writable) -> None:
    document = paid(document_of(comment="Sonnez deux fois", delivery_on=date(2025, 11, 27)))
    with writable.open() as connection:
        sales = connection.sales()
        number = sales.create_customer(customer_of())
        address = sales.create_address(number, HOME)
        totals = sales.create_document(document, customer=number, address=address)
        assert sales.take_notes() == ()
    assert totals == DocumentTotals(
        piece="WEB00006",
        kind=DocumentKind.ORDER,
        gross=document.expected_gross,
        net=sum(line.net for line in document.lines),
        tax=document.expected_tax,
        codes={"C20": document.expected_tax["20"], "C055": document.expected_tax["5.5"]},
        deposits=document.expected_gross,
    )
    sandbox = writable.sandbox
    header = one(
        sandbox,
        "SELECT DO_Type, DO_Tiers, CT_NumPayeur, CG_Num, LI_No, DO_Ref, DO_Souche, DO_Statut, DE_No, DO_Tarif, "
        "N_CatCompta, DO_Expedit, DO_Date, DO_DateLivr, DO_Coord01, DO_Coord02, DO_Coord03, DO_Coord04, DO_Contact, "
        "DO_Transaction, DO_Regime, CT_NumCentrale, DO_ValFrais FROM F_DOCENTETE WHERE DO_NoWeb = '9001'",
    )
    assert header == (
        1, number, number, "4110000", int(address), "Web 9001", 1, 2, 1, 3, 1, 1, "2025-11-20 00:00:00",
        "2025-11-27 00:00:00", "Zoé MARTIN", "12 rue du Çà", "Étage 3", "38000 Grenoble", "Zoé MARTIN", 11, 21, None, 0,
    )  # fmt: skip
    lines = rows(
        sandbox,
        "SELECT DL_Ligne, AR_Ref, DL_Qte, DL_PUTTC, DL_TTC, DL_Remise01REM_Valeur, DL_CodeTaxe1, DL_MontantHT, "
        "DL_MontantTTC, DL_Valorise, DE_No, AR_RefCompose FROM F_DOCLIGNE WHERE DO_Piece = 'WEB00006' "
        "ORDER BY DL_Ligne",
    )
    kit = "KIT-BIVOUAC"
    assert lines == [
        (10000, "TENTE2P", 2, D("274.8"), 1, 10, "C20", D("449.67"), D("539.6"), 1, 1, None),
        (20000, kit, 1, D("649.92"), 1, 0, "C20", D("541.6"), D("649.92"), 1, 0, kit),
        (30000, "TENTE2P", 1, 0, 1, 0, "C20", 0, 0, 0, 1, kit),
        (40000, "DUVET-10", 2, 0, 1, 0, "C20", 0, 0, 0, 1, kit),
        (50000, "MATELAS", 2, 0, 1, 0, "C20", 0, 0, 0, 1, kit),
        (60000, "LIVRE-TOPO", 1, D("24.9"), 1, 0, "C055", D("23.6"), D("24.9"), 1, 1, None),
        (70000, "REMISE", 1, -10, 1, 0, "C20", D("-8.33"), -10, 1, 0, None),
        (80000, "PORT", 1, D("6.9"), 1, 0, "C20", D("5.75"), D("6.9"), 1, 0, None),
        (90000, None, 0, 0, 0, 0, None, 0, 0, 0, 0, None),
    ]
    payment = one(
        sandbox,
        "SELECT p.JO_Num, p.RG_Reference, p.RG_Montant, p.N_Reglement, p.CT_NumPayeur, r.DR_Libelle FROM F_REGLECH e "
        "INNER JOIN F_CREGLEMENT p ON p.RG_No = e.RG_No INNER JOIN F_DOCREGL r ON r.DR_No = e.DR_No "
        "WHERE e.DO_Piece = 'WEB00006'",
    )
    assert payment == ("CB", "12345678", document.expected_gross.normalize(), 3, number, "CB 9001")
    (seen,) = sandbox.documents("9001")
    assert (seen.total_gross, seen.to_pay) == (document.expected_gross, 0)
    assert rows(sandbox, "SELECT DC_Piece FROM F_DOCCURRENTPIECE WHERE DC_Domaine = 0 AND DC_IdCol = 1") == [
        ("BC00004",), ("WEB00007",),
    ]  # fmt: skip


def test_writing_twice_gives_one_document(writable) -> None:
    document = paid(document_of())
    first = created(writable, document)
    before = writable.sandbox.fingerprint()
    assert created(writable, document) == first
    assert writable.sandbox.fingerprint() == before


def test_prices_without_tax_lead_when_the_document_says_so(writable) -> None:
    net = TaxBasis.NET
    lines = (
        line_of(1, "TENTE2P", "100.01", quantity="3", price="34.00", basis=net),
        line_of(2, "LIVRE-TOPO", "23.60", tax=T55, basis=net),
        line_of(3, "PORT", "5.75", basis=net, tax=None),
    )
    totals = created(writable, document_of(*lines, basis=net))
    assert (totals.net, totals.gross) == (D("129.36"), D("150.66"))
    assert totals.tax == {"20": D("20.00"), "5.5": D("1.30")}
    assert rows(
        writable.sandbox,
        "SELECT DL_PrixUnitaire, DL_TTC, DL_Remise01REM_Valeur, DL_CodeTaxe1 FROM F_DOCLIGNE WHERE DO_Piece = ? "
        "ORDER BY DL_Ligne",
        totals.piece,
    ) == [(34, 0, D("1.99"), "C20"), (D("23.6"), 0, 0, "C055"), (D("5.75"), 0, 0, None)]


@pytest.mark.parametrize("basis", list(TaxBasis))
def test_carriage_in_the_footer(writable, basis) -> None:
    net, gross = D("5.75"), D("6.90")
    footer = FooterCharge(amount=gross if basis is TaxBasis.GROSS else net, basis=basis, tax=T20, net=net, gross=gross)
    totals = created(writable, document_of(line_of(1, "TENTE2P", "120.00", basis=basis), basis=basis, footer=footer))
    assert totals.gross == D("126.90") if basis is TaxBasis.GROSS else D("150.90")
    assert one(
        writable.sandbox,
        "SELECT DO_ValFrais, DO_TypeLigneFrais, DO_Taxe1, DO_CodeTaxe1 FROM F_DOCENTETE WHERE DO_NoWeb = '9001'",
    ) == (footer.amount.normalize(), int(basis is TaxBasis.GROSS), 20, "C20")


@pytest.mark.parametrize(
    ("kind", "type_", "piece"),
    [
        (DocumentKind.QUOTE, 0, "DEW0001"),
        (DocumentKind.ORDER, 1, "WEB00006"),
        (DocumentKind.DELIVERY, 3, "BL00004"),
        (DocumentKind.INVOICE, 6, "FA00005"),
    ],
)
@pytest.mark.covers("ORD-02")
def test_each_kind_of_document(writable, kind, type_, piece) -> None:
    totals = created(writable, document_of(kind=kind))
    assert (totals.kind, totals.piece) == (kind, piece)
    assert one(writable.sandbox, "SELECT DO_Type, DO_Piece FROM F_DOCENTETE WHERE DO_NoWeb = '9001'") == (type_, piece)


def test_stock_is_reserved_by_an_order_and_leaves_with_a_delivery(writable) -> None:
    stock = "SELECT AS_QteSto, AS_QteRes FROM F_ARTSTOCK WHERE AR_Ref = 'TENTE2P' AND DE_No = 1"
    real, reserved = one(writable.sandbox, stock)
    created(writable, document_of())
    assert one(writable.sandbox, stock) == (real, reserved + 3)
    created(writable, document_of(web_number="9002", kind=DocumentKind.DELIVERY))
    assert one(writable.sandbox, stock) == (real - 3, reserved + 3)


@pytest.mark.covers("PAY-02")
def test_a_credit_note_is_an_invoice_with_negative_quantities(writable) -> None:
    lines = (line_of(1, "TENTE2P", "264.80", price="274.80"), line_of(2, "PORT", "6.90"))
    document = document_of(*lines, kind=DocumentKind.CREDIT, web_number="9001-R12")
    totals = created(writable, document)
    assert (totals.kind, totals.piece, totals.gross) == (DocumentKind.CREDIT, "AV00001", D("271.70"))
    assert totals.tax == document.expected_tax
    assert one(
        writable.sandbox,
        "SELECT DO_Type, DO_Provenance, DO_TotalTTC FROM F_DOCENTETE WHERE DO_NoWeb = '9001-R12'",
    ) == (6, 2, D("-271.7"))
    assert [row[0] for row in rows(writable.sandbox, "SELECT DL_Qte FROM F_DOCLIGNE WHERE DO_Piece = 'AV00001'")] == [
        -1, -1,
    ]  # fmt: skip
    with writable.open() as connection:
        assert connection.sales().find_document("9001-R12") == totals
        assert connection.sales().find_document("9001") is None


def test_variants_and_packagings_are_told_by_their_numbers(writable) -> None:
    first, second = one(
        writable.sandbox,
        "SELECT MIN(AG_No1), MIN(AG_No2) FROM F_ARTENUMREF WHERE AR_Ref = 'POLAIRE' AND AG_No1 = 28 AND AG_No2 = 31",
    )
    pack, holds, name = rows(
        writable.sandbox, "SELECT CO_No, EC_Quantite, EC_Enumere FROM F_CONDITION WHERE AR_Ref = 'BARRE-CER' "
        "ORDER BY EC_Quantite DESC",
    )[0]  # fmt: skip
    lines = (
        line_of(1, "POLAIRE", "69.00", variant=f"POLAIRE#{first}#{second}"),
        line_of(2, "BARRE-CER", "40.00", quantity="2", tax=T55, variant=f"BARRE-CER#c{pack}"),
        line_of(3, "BARRE-CER", "2.00", tax=T55),
    )
    totals = created(writable, document_of(*lines), packagings=True)
    assert totals.gross == D("111.00")
    found = rows(
        writable.sandbox,
        "SELECT AG_No1, AG_No2, DL_Qte, EU_Qte, EU_Enumere FROM F_DOCLIGNE WHERE DO_Piece = ? ORDER BY DL_Ligne",
        totals.piece,
    )
    assert found[0][:3] == (28, 31, 1)
    assert found[1][2:] == (2 * holds, 2, name)
    assert found[2][2:4] == (1, 1)


def test_a_kit_sold_as_its_components_keeps_the_price_of_the_order(writable) -> None:
    totals = created(writable, document_of(line_of(1, "KIT-SECU", "150.00", quantity="2")))
    found = rows(
        writable.sandbox,
        "SELECT AR_Ref, DL_Qte, DL_MontantTTC, DL_Valorise, AR_RefCompose FROM F_DOCLIGNE WHERE DO_Piece = ? "
        "ORDER BY DL_Ligne",
        totals.piece,
    )
    assert found == [
        ("KIT-SECU", 2, 150, 1, "KIT-SECU"), ("BAUDRIER", 2, 0, 1, "KIT-SECU"), ("CASQUE", 2, 0, 1, "KIT-SECU"),
        ("MOUSQ", 4, 0, 1, "KIT-SECU"),
    ]  # fmt: skip
    assert totals.gross == 150


@pytest.mark.covers("ORD-09")
def test_a_long_message_becomes_a_long_text(writable) -> None:
    message = "Bonjour,\n\nmerci de livrer après 18 h.\tPorte bleue « à gauche »."
    totals = created(writable, document_of(comment=message))
    number, title = one(
        writable.sandbox,
        "SELECT DT_No, DL_Design FROM F_DOCLIGNE WHERE DO_Piece = ? AND AR_Ref IS NULL",
        totals.piece,
    )
    assert title == "Message du client"
    text = one(writable.sandbox, "SELECT DT_Text FROM F_DOCLIGNETEXT WHERE DT_No = ?", number)[0]
    assert text == message.replace("\n", "\r\n")


@pytest.mark.covers("ORD-06")
def test_p17_a_foreign_currency_keeps_both_amounts_and_the_rate(writable) -> None:
    lines = (
        line_of(1, "TENTE2P", "299.99", quantity="3", price="100.00"),
        line_of(2, "LIVRE-TOPO", "24.90", tax=T55),
        line_of(3, "PORT", "6.90"),
    )
    index, code = one(writable.sandbox, "SELECT cbIndice, D_CodeISO FROM P_DEVISE WHERE D_CodeISO <> 'EUR' "
                      "AND D_CodeISO <> '' ORDER BY cbIndice LIMIT 1")  # fmt: skip
    document = paid(document_of(*lines, currency=str(index), currency_rate=D("1.0837")))
    totals = created(writable, document)
    assert (totals.gross, totals.tax, totals.deposits) == (D("331.79"), document.expected_tax, D("331.79"))
    header = one(writable.sandbox, "SELECT DO_Devise, DO_Cours, DO_TotalTTC FROM F_DOCENTETE WHERE DO_NoWeb = '9001'")
    assert header[:2] == (index, D("1.0837"))
    assert abs(header[2] - D("331.79") / D("1.0837")) < D("0.02")
    deposit = "SELECT DR_Montant, DR_MontantDev FROM F_DOCREGL WHERE DO_Piece = ?"
    assert one(writable.sandbox, deposit, totals.piece) == (D("306.16"), D("331.79"))
    again = replace(document, web_number="9002", currency=code, deposits=())
    assert created(writable, again).gross == D("331.79")


def test_header_lines_may_hold_the_delivery_address_or_nothing(writable_file) -> None:
    away = Address(company="ACME", first_name="Bo", last_name="LI", line1="1 rue A", postcode="1000", city="Bruxelles")
    texts = "SELECT DO_Coord01, DO_Coord02, DO_Coord03, DO_Coord04, DO_Contact FROM F_DOCENTETE WHERE DO_NoWeb = ?"
    document = document_of(delivery=away)
    created(writable_file, document, header_texts="delivery")
    assert one(writable_file.sandbox, texts, "9001") == ("ACME", "1 rue A", "", "1000 Bruxelles", "Bo LI")
    created(writable_file, replace(document, web_number="9002"), header_texts="none")
    assert one(writable_file.sandbox, texts, "9002") == ("", "", "", "", "Bo LI")


def test_what_the_document_does_not_say_comes_from_the_customer(writable_file) -> None:
    document = document_of(sales_rep="1", warehouse="2", carrier="5", accounting_category="4", price_category="1",
                           status="1:0")  # fmt: skip
    terms = "SELECT CO_No, DE_No, DO_Expedit, N_CatCompta, DO_Tarif, DO_Statut FROM F_DOCENTETE WHERE DO_NoWeb = ?"
    created(writable_file, document)
    assert one(writable_file.sandbox, terms, "9001") == (1, 2, 5, 4, 1, 0)
    plain = document_of(web_number="9002")
    created(writable_file, plain, customer="MAGGAP")
    assert one(writable_file.sandbox, terms, "9002") == (1, 1, 1, 1, 2, 2)
    payer = one(writable_file.sandbox, "SELECT CT_NumPayeur, CT_NumCentrale FROM F_DOCENTETE WHERE DO_NoWeb = '9002'")
    assert payer == ("GROUPEALPES", "GROUPEALPES")


def test_a_blocked_account_is_told(writable_file) -> None:
    with writable_file.open() as connection:
        sales = connection.sales()
        sales.create_document(document_of(), customer="MAGGAP", address="")
        assert [note.code for note in sales.take_notes()] == ["customer_blocked"]
        assert sales.take_notes() == ()


# Refusals


@pytest.mark.parametrize(
    ("changes", "code", "named"),
    [
        ({"web_number": "9" * 18}, "text_too_long", "numéro de commande web"),
        ({"web_number": " "}, "web_number_missing", ""),
        ({"web_number": "commande №1"}, "text_unwritable", "numéro de commande web"),
        ({"lines": ()}, "document_empty", ""),
        ({"series": "7"}, "choice_unknown", "Souche"),
        ({"carrier": "99"}, "choice_unknown", "Mode d’expédition"),
        ({"warehouse": "99"}, "choice_unknown", "Dépôt"),
        ({"price_category": "99"}, "choice_unknown", "Catégorie tarifaire"),
        ({"accounting_category": "99"}, "choice_unknown", "Catégorie comptable"),
        ({"sales_rep": "99"}, "choice_unknown", "Représentant"),
        ({"currency": "XXX"}, "choice_unknown", "Devise"),
        ({"status": "1:9"}, "choice_unknown", "Statut"),
        ({"status": "3:1"}, "status_of_another_kind", "3:1"),
    ],
)
def test_p22_what_sage_cannot_hold_is_refused_and_named(writable_file, changes, code, named) -> None:
    problem = refusal(writable_file, document_of(expected_gross=D(1), expected_tax={}, **changes)).problem
    assert problem.code == code
    assert named in problem.text()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (line_of(1, "INCONNU", "10.00"), "article_unknown"),
        (line_of(1, "POLAIRE", "10.00"), "variant_missing"),
        (line_of(1, "POLAIRE", "10.00", variant="POLAIRE#28#9999"), "variant_unknown"),
        (line_of(1, "TENTE2P", "10.00", tax=replace(T20, code="C99")), "choice_unknown"),
        (line_of(1, "TENTE2P", "10.00", tax=replace(T20, percent=D(19))), "tax_rate_differs"),
        (line_of(1, "TENTE2P", "10.00", tax=replace(T20, code="DEEE1")), "tax_rate_differs"),
    ],
)
@pytest.mark.covers("ORD-08")
def test_p19_a_line_is_never_booked_on_a_guess(writable_file, line, code) -> None:
    assert refusal(writable_file, document_of(line)).problem.code == code


@pytest.mark.parametrize(
    ("change", "code"), [({"method": "99"}, "choice_unknown"), ({"journal": "XYZ"}, "choice_unknown")]
)
def test_deposits_name_what_exists(writable_file, change, code) -> None:
    assert refusal(writable_file, paid(document_of(), **change)).problem.code == code


def test_unknown_customer_and_address(writable_file) -> None:
    assert refusal(writable_file, document_of(), customer="PERSONNE").problem.code == "customer_unknown"
    assert refusal(writable_file, document_of(), customer="FOURCAMP").problem.code == "customer_unknown"
    with writable_file.open() as connection, pytest.raises(ItemRefused) as caught:
        connection.sales().create_document(document_of(), customer=BUYER, address="1")
    assert caught.value.problem.code == "address_unknown"


@pytest.mark.covers("ORD-10")
def test_p13_a_document_that_differs_by_a_cent_is_not_written(writable) -> None:
    document = document_of()
    for wrong in (
        replace(document, expected_gross=document.expected_gross + D("0.01")),
        replace(document, expected_tax={**document.expected_tax, "20": document.expected_tax["20"] - D("0.01")}),
        replace(document, expected_tax={"20": document.expected_tax["20"]}),
    ):
        problem = refusal(writable, wrong).problem
        assert problem.code == "document_total_differs"
        assert f"{document.expected_gross:.2f}" in problem.text()
    assert created(writable, document).piece == "WEB00006", "no number was lost"


def test_the_lines_that_differ_are_named(writable_file) -> None:
    line = replace(line_of(1, "TENTE2P", "120.00"), net=D("99.99"))
    problem = refusal(writable_file, document_of(line)).problem
    assert "100.00 HT 120.00 TTC" in problem.detail


def test_a_deposit_without_payment_keeps_nothing(writable_file) -> None:
    """Sage's driver makes the payment of a deposit: where it does not, a paid order would look unpaid."""
    with writable_file.sandbox.session() as session:
        session.run("DROP TRIGGER TG_INS_F_DOCREGL")
    assert refusal(writable_file, paid(document_of())).problem.code == "payment_missing"


# Numbers


@pytest.mark.covers("ORD-03")
def test_numbers_that_are_or_were_used_are_passed_over(writable) -> None:
    with writable.sandbox.session() as session:
        session.run("UPDATE F_DOCCURRENTPIECE SET DC_Piece = 'WEB00001' WHERE DC_IdCol = 1 AND DC_Souche = 1")
    assert created(writable, document_of()).piece == "WEB00006"
    assert created(writable, document_of(web_number="9002")).piece == "WEB00007"


def test_a_series_whose_next_numbers_are_all_used_is_refused_and_not_waited_for(writable_file, monkeypatch) -> None:
    """The numbers passed over are given back with the transaction: trying again would never come further."""
    monkeypatch.setattr(numbering, "_ATTEMPTS", 3)
    with writable_file.sandbox.session() as session:
        session.run("UPDATE F_DOCCURRENTPIECE SET DC_Piece = 'WEB00001' WHERE DC_IdCol = 1 AND DC_Souche = 1")
    told = refusal(writable_file, document_of()).problem
    assert (told.code, "WEB00003" in told.text()) == ("numbers_used", True)


def test_a_number_that_no_longer_fits_is_refused(writable_file) -> None:
    with writable_file.sandbox.session() as session:
        session.run("UPDATE F_DOCCURRENTPIECE SET DC_Piece = 'WEB9999999999' WHERE DC_IdCol = 1 AND DC_Souche = 1")
    assert refusal(writable_file, document_of()).problem.code == "number_exhausted"


def test_a_series_without_numbering_is_refused(writable_file) -> None:
    with writable_file.sandbox.session() as session:
        session.run("DELETE FROM F_DOCCURRENTPIECE WHERE DC_IdCol = 1 AND DC_Souche = 1")
    assert refusal(writable_file, document_of()).problem.code == "series_without_number"


# Versions


@pytest.mark.covers("SYS-01")
def test_an_older_version_does_without_later_columns(writable_file) -> None:
    for table, columns in {
        "F_DOCENTETE": ("DO_DocType", "DO_DateExpedition", "DO_DateLivrRealisee", "DO_Valide", "DO_Escompte"),
        "F_DOCLIGNE": ("DO_DocType", "DL_DateDE"),
        "F_DOCREGL": ("DO_DocType",),
        "F_COMPTET": ("CT_Prospect",),
    }.items():
        for column in columns:
            writable_file.sandbox.rename_column(table, column, f"zz{column}")
    with writable_file.open() as connection:
        sales = connection.sales()
        number = sales.create_customer(customer_of(prospect=True))
        assert [note.code for note in sales.take_notes()] == ["prospect_not_marked"]
        assert sales.create_document(paid(document_of()), customer=number, address="").piece == "WEB00006"


# Totals


def test_totals_of_an_order_that_became_several_documents(writable) -> None:
    document = paid(
        document_of(line_of(1, "TENTE2P", "549.60", quantity="2"), line_of(2, "LIVRE-TOPO", "24.90", tax=T55))
    )
    totals = created(writable, document)
    first, _ = rows(writable.sandbox, "SELECT DL_No FROM F_DOCLIGNE WHERE DO_Piece = ? ORDER BY DL_Ligne", totals.piece)
    delivered = writable.sandbox.advance_document(totals.piece, 3, quantities={first[0]: 1})
    with writable.open() as connection:
        sales = connection.sales()
        part = sales.find_document("9001")
        whole = sales.document_totals("9001")
        assert sales.find_document("absent", piece=totals.piece).piece == delivered
        assert sales.document_totals(piece="absente") is None
    assert (part.piece, part.kind, part.gross) == (delivered, DocumentKind.DELIVERY, D("274.80"))
    assert (whole.gross, whole.tax, whole.deposits) == (totals.gross, totals.tax, totals.deposits)


def test_eco_participation_is_neither_net_nor_vat(writable) -> None:
    with writable.open() as connection:
        totals = connection.sales().find_document("100001")
    assert (totals.gross, totals.net) == (D("447.84"), D("374.85"))
    assert totals.tax == {"20": D("70.49"), "5.5": D("1.30")}
    assert totals.gross == totals.net + sum(totals.tax.values()) + D("1.20")


# Late payments


@pytest.mark.covers("PAY-01", "PAY-02")
def test_deposits_are_added_once(writable) -> None:
    document = document_of()
    created(writable, document)
    late = paid(document).deposits
    halves = tuple(replace(late[0], amount=D("100.00"), label=f"Échéance {place}") for place in (1, 2))
    with writable.open() as connection:
        sales = connection.sales()
        assert sales.add_deposits("9001", halves).deposits == 200
        assert sales.add_deposits("9001", halves).deposits == 200
        assert sales.add_deposits("9001", (*halves, halves[0])).deposits == 300
    journals = rows(writable.sandbox, "SELECT p.JO_Num FROM F_CREGLEMENT p INNER JOIN F_REGLECH e ON e.RG_No = p.RG_No "
                    "WHERE e.DO_Piece = 'WEB00006'")  # fmt: skip
    assert journals == [("CB",)] * 3


@pytest.mark.covers("PAY-01")
def test_p16_a_document_that_went_on_takes_no_deposit(writable_file) -> None:
    document = paid(document_of())
    piece = created(writable_file, replace(document, deposits=())).piece
    writable_file.sandbox.advance_document(piece, 3)
    before = writable_file.sandbox.fingerprint()
    with writable_file.open() as connection:
        for number, code in (("9001", "document_closed"), ("absent", "document_not_found")):
            with pytest.raises(ItemRefused) as caught:
                connection.sales().add_deposits(number, document.deposits)
            assert caught.value.problem.code == code
    assert writable_file.sandbox.fingerprint() == before


# What the mapping asks


@pytest.mark.covers("ORD-08")
@pytest.mark.parametrize(
    ("keys", "article", "variant"),
    [
        (("TENTE2P",), "TENTE2P", "TENTE2P"),
        (("", "absent", "TENTE2P"), "TENTE2P", "TENTE2P"),
        (("POLAIRE",), "POLAIRE", ""),
        (("POLAIRE#28#31",), "POLAIRE", "POLAIRE#28#31"),
        (("POLAIRE-28-31",), "POLAIRE", "POLAIRE#28#31"),
        (("POLAIRE-28-99",), None, None),
        (("KIT-BIVOUAC",), "KIT-BIVOUAC", "KIT-BIVOUAC"),
        (("absent-1",), None, None),
    ],
)
def test_articles_are_found_by_any_of_their_keys(writable_file, keys, article, variant) -> None:
    with writable_file.open() as connection:
        found = connection.article_of(*keys)
    assert (found and found.article, found and found.variant) == (article, variant)


@pytest.mark.covers("ORD-08")
def test_p22_an_ambiguous_variant_reference_names_nothing(writable_file) -> None:
    sandbox = writable_file.sandbox
    reference = one(sandbox, "SELECT MIN(AE_Ref) FROM F_ARTENUMREF WHERE AR_Ref = 'VESTE-IMP' AND AE_Ref <> ''")[0]
    with writable_file.open() as connection:
        found = connection.article_of(reference)
    assert found is not None
    assert found.variant.startswith("VESTE-IMP#")
    with sandbox.session() as session:
        session.run("UPDATE F_ARTENUMREF SET AE_Ref = ? WHERE AR_Ref = 'VESTE-IMP'", (reference,))
    with writable_file.open() as connection:
        assert connection.article_of(reference) is None


def test_tax_codes_by_rate(writable_file) -> None:
    with writable_file.open() as connection:
        sales = connection.sales()
        assert sales.tax_codes(D(20)) == ("C20",)
        assert sales.tax_codes(D(7)) == ()
        assert sales.tax_percent("C055") == D("5.5")
        assert sales.tax_percent("DEEE1") is None
        assert sales.tax_percent("C99") is None


def test_document_lines_keep_the_order_they_were_given(writable_file) -> None:
    lines = (line_of(2, "PORT", "6.90", kind=LineKind.SHIPPING), line_of(1, "TENTE2P", "120.00"))
    totals = created(writable_file, document_of(*lines, on=TODAY))
    found = rows(
        writable_file.sandbox, "SELECT AR_Ref FROM F_DOCLIGNE WHERE DO_Piece = ? ORDER BY DL_Ligne", totals.piece
    )
    assert found == [("TENTE2P",), ("PORT",)]


def _with_taxes(sandbox, *taxes: tuple[str, str, int]) -> list[DocumentTax]:
    """Further sales taxes of the company: code, percentage, kind."""
    bases = {2: TaxBase.RAISING, 3: TaxBase.TOTAL}
    with sandbox.session(write=True) as session:
        for code, percent, kind in taxes:
            session.run(
                "INSERT INTO F_TAXE (TA_No, TA_Code, TA_Intitule, TA_Taux, TA_TTaux, TA_Type, TA_Sens, CG_Num) "
                "SELECT (SELECT MAX(TA_No) + 1 FROM F_TAXE), ?, ?, ?, 0, ?, 1, CG_Num "
                "FROM F_TAXE WHERE TA_Code = 'C20'",
                (code, code, percent, kind),
            )
    return [
        DocumentTax(code=code, percent=D(percent), base=bases.get(kind, TaxBase.NET)) for code, percent, kind in taxes
    ]


@pytest.mark.covers("ORD-06", "ORD-10")
@pytest.mark.parametrize("basis", list(TaxBasis))
def test_lines_and_footer_of_several_taxes_are_written_and_read_back_per_code(writable, basis: TaxBasis) -> None:
    gst, pst, over = _with_taxes(writable.sandbox, ("GST", "5", 0), ("PST", "7", 0), ("QST", "9.5", 3))
    lead = (lambda text: split(D(text), (gst, pst), TaxBasis.NET).gross) if basis is TaxBasis.GROSS else D
    amounts = split(lead("229.00"), (gst, pst), basis)
    compound = split(D("100.00"), (gst, over), basis)
    foot = split(lead("10.00"), (gst, pst), basis)
    common = {"kind": LineKind.GOODS, "article": "TENTE2P", "variant": "TENTE2P", "quantity": D(1)}
    first = DocumentLine(
        position=1,
        **common,
        unit_price=lead("229.00"),
        tax=gst,
        more_taxes=(pst,),
        net=amounts.net,
        gross=amounts.gross,
    )
    second = DocumentLine(
        position=2,
        **common,
        unit_price=D("100.00"),
        tax=gst,
        more_taxes=(over,),
        net=compound.net,
        gross=compound.gross,
    )
    codes = {
        "GST": amounts.taxes[0] + compound.taxes[0] + foot.taxes[0],
        "PST": amounts.taxes[1] + foot.taxes[1],
        "QST": compound.taxes[1],
    }
    document = document_of(
        first,
        second,
        basis=basis,
        footer=FooterCharge(
            amount=lead("10.00"), basis=basis, tax=gst, more_taxes=(pst,), net=foot.net, gross=foot.gross
        ),
        expected_gross=amounts.gross + compound.gross + foot.gross,
        expected_tax={"5": codes["GST"], "7": codes["PST"], "9.5": codes["QST"]},
        expected_codes=codes,
    )
    totals = created(writable, document)
    assert (totals.gross, totals.codes) == (document.expected_gross, codes)
    assert totals.tax == document.expected_tax
    held = rows(
        writable.sandbox,
        "SELECT DL_CodeTaxe1, DL_CodeTaxe2, DL_CodeTaxe3, DL_TypeTaxe2 FROM F_DOCLIGNE WHERE DO_Piece = "
        "(SELECT DO_Piece FROM F_DOCENTETE WHERE DO_NoWeb = '9001') ORDER BY DL_Ligne",
    )
    assert [tuple(row) for row in held] == [("GST", "PST", None, 0), ("GST", "QST", None, 3)]
    with writable.open() as connection:
        before = writable.sandbox.fingerprint()
        assert connection.sales().amend_document(document, customer=BUYER, address="") == totals
        assert writable.sandbox.fingerprint() == before, "an equal document is left alone"
    alone = replace(first, more_taxes=(), **_alone(first, gst, basis))
    less = replace(
        document,
        lines=(alone,),
        footer=None,
        expected_gross=alone.gross,
        expected_tax={"5": alone.gross - alone.net},
        expected_codes={"GST": alone.gross - alone.net},
    )
    with writable.open() as connection:
        assert connection.sales().amend_document(less, customer=BUYER, address="").codes == less.expected_codes
    wrong = replace(document, web_number="9002", expected_codes={**codes, "GST": codes["PST"], "PST": codes["GST"]})
    assert refusal(writable, wrong).problem.code == "document_total_differs"


def _alone(line: DocumentLine, tax: DocumentTax, basis: TaxBasis) -> dict[str, D]:
    found = split(line.unit_price, (tax,), basis)
    return {"net": found.net, "gross": found.gross}
