"""Open documents follow their order: only what differs is written, and nothing of a user's is lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from connectors.canonical.parties import Address
from connectors.canonical.sales import DocumentKind, DocumentState, DocumentTotals, FooterCharge
from connectors.canonical.values import TaxBasis
from connectors.core.problems import ConnectorError, ItemRefused, Uncertain
from tests.connectors.sage100.writing_support import (
    T20,
    T55,
    D,
    Faults,
    document_of,
    driver_error,
    failing,
    line_of,
    one,
    paid,
    rows,
    usual_lines,
)

pytestmark = pytest.mark.covers("SYS-01", "ORD-07")

BUYER = "WEB0000101"
STOCK = "SELECT AS_QteSto, AS_QteRes FROM F_ARTSTOCK WHERE AR_Ref = ? AND DE_No = 1"
LINES = "SELECT DL_No, DL_Ligne, AR_Ref, DL_Qte, DL_Design FROM F_DOCLIGNE WHERE DO_Piece = ? ORDER BY DL_Ligne, DL_No"
HEADER = "SELECT DO_NoWeb, DO_Piece, DO_Souche, DO_Date, DO_Tiers, DO_Statut FROM F_DOCENTETE WHERE DO_Piece = ?"


def created(company, document, **options) -> DocumentTotals:
    with company.open(**options) as connection:
        return connection.sales().create_document(document, customer=BUYER, address="")


def amended(company, document, *, customer=BUYER, address="", **options) -> DocumentTotals:
    with company.open(**options) as connection:
        return connection.sales().amend_document(document, customer=customer, address=address)


def writes(company, work: Callable[[], Any]) -> tuple[Any, Counter[tuple[str, str]]]:
    """What ``work`` gives, and the rows of documents it wrote."""
    company.sandbox.set_write_trap()
    result = work()
    seen = Counter((write.table.lower(), write.action) for write in company.sandbox.trapped_writes())
    return result, Counter({key: count for key, count in seen.items() if key[0] == "f_docligne" and key[1] != "UPDATE"})


def refusal(company, work: Callable[[], Any]) -> str:
    before = company.sandbox.fingerprint()
    with pytest.raises(ItemRefused) as caught:
        work()
    assert company.sandbox.fingerprint() == before, "a refused change leaves nothing behind"
    assert "%(" not in caught.value.problem.text() + caught.value.problem.advice_text()
    return caught.value.problem.code


ORDER = paid(document_of(comment="Un message\nde deux lignes"))
CHANGED = (
    line_of(1, "TENTE2P", "809.40", quantity="3", price="274.80"),
    line_of(2, "KIT-BIVOUAC", "649.92"),
    line_of(3, "LIVRE-TOPO", "24.90", tax=T55, designation="Topo, nouvelle édition"),
    line_of(4, "PORT", "9.90"),
)


def test_only_the_lines_that_differ_are_written(writable) -> None:
    piece = created(writable, ORDER).piece
    kept = {row[2]: row[0] for row in rows(writable.sandbox, LINES, piece) if row[2] not in ("TENTE2P", "PORT")}
    identity = one(writable.sandbox, HEADER, piece)
    deposits = rows(writable.sandbox, "SELECT DR_No, DR_Montant FROM F_DOCREGL WHERE DO_Piece = ?", piece)
    reserved = one(writable.sandbox, STOCK, "TENTE2P")[1]
    document = replace(document_of(*CHANGED, comment="Un autre\nmessage", reference="Web 9001 bis"), deposits=())
    totals, seen = writes(writable, lambda: amended(writable, document))
    assert (totals.gross, totals.tax, totals.piece) == (document.expected_gross, document.expected_tax, piece)
    assert (totals.state, totals.open, totals.deposits) == (DocumentState.ORDER, True, ORDER.expected_gross)
    # the tent, the voucher, carriage and the message go; the tent, carriage and the message come
    assert seen == {("f_docligne", "DELETE"): 4, ("f_docligne", "INSERT"): 3}
    found = rows(writable.sandbox, LINES, piece)
    assert [(row[1], row[2], row[3]) for row in found] == [
        (10000, "TENTE2P", 3), (20000, "KIT-BIVOUAC", 1), (30000, "TENTE2P", 1), (40000, "DUVET-10", 2),
        (50000, "MATELAS", 2), (60000, "LIVRE-TOPO", 1), (70000, "PORT", 1), (80000, None, 0),
    ]  # fmt: skip
    unmoved = {"KIT-BIVOUAC", "DUVET-10", "MATELAS", "LIVRE-TOPO"}
    assert {row[2]: row[0] for row in found if row[2] in unmoved} == {name: kept[name] for name in unmoved}
    assert found[5][4] == "Topo, nouvelle édition"
    assert one(writable.sandbox, HEADER, piece) == identity
    assert rows(writable.sandbox, "SELECT DR_No, DR_Montant FROM F_DOCREGL WHERE DO_Piece = ?", piece) == deposits
    assert rows(writable.sandbox, "SELECT DISTINCT DO_Ref FROM F_DOCLIGNE WHERE DO_Piece = ?", piece) == [
        ("Web 9001 bis",)
    ]
    assert rows(writable.sandbox, "SELECT DT_Text FROM F_DOCLIGNETEXT WHERE DT_Text LIKE 'Un %'") == [
        ("Un autre\r\nmessage",)
    ], "the text of the line that went is gone with it"
    assert one(writable.sandbox, STOCK, "TENTE2P")[1] == reserved + 1
    before = writable.sandbox.fingerprint()
    assert amended(writable, document) == totals
    assert writable.sandbox.fingerprint() == before, "repeating it writes nothing"
    assert amended(writable, replace(ORDER, deposits=())).gross == ORDER.expected_gross
    assert one(writable.sandbox, STOCK, "TENTE2P")[1] == reserved


def test_a_kit_is_amended_with_its_components(writable) -> None:
    whole = "SELECT AR_Ref, DL_Qte, DL_Valorise, AR_RefCompose FROM F_DOCLIGNE WHERE DO_Piece = ? ORDER BY DL_Ligne"
    fleece = line_of(2, "POLAIRE", "69.00", variant="POLAIRE#28#31")
    piece = created(writable, document_of(line_of(1, "KIT-SECU", "150.00", quantity="2"), fleece)).piece
    reserved = one(writable.sandbox, STOCK, "CASQUE")[1]
    document = document_of(line_of(1, "KIT-SECU", "75.00"), fleece)
    totals, seen = writes(writable, lambda: amended(writable, document))
    assert totals.gross == D("144.00")
    assert seen == {("f_docligne", "DELETE"): 4, ("f_docligne", "INSERT"): 4}, "the fleece stays"
    assert rows(writable.sandbox, whole, piece) == [
        ("KIT-SECU", 1, 1, "KIT-SECU"), ("BAUDRIER", 1, 1, "KIT-SECU"), ("CASQUE", 1, 1, "KIT-SECU"),
        ("MOUSQ", 2, 1, "KIT-SECU"), ("POLAIRE", 1, 1, None),
    ]  # fmt: skip
    assert one(writable.sandbox, STOCK, "CASQUE")[1] == reserved - 1
    without, seen = writes(writable, lambda: amended(writable, document_of(replace(fleece, position=1))))
    assert without.gross == D("69.00")
    assert seen == {("f_docligne", "DELETE"): 4}
    assert [row[1] for row in rows(writable.sandbox, LINES, piece)] == [10000]


def test_header_texts_address_and_footer_follow_the_order(writable) -> None:
    created(writable, document_of(line_of(1, "TENTE2P", "120.00")))
    away = Address(first_name="Bo", last_name="LI", line1="1 rue A", postcode="1000", city="Bruxelles", country="BE")
    footer = FooterCharge(amount=D("6.90"), basis=TaxBasis.GROSS, tax=T20, net=D("5.75"), gross=D("6.90"))
    with writable.open() as connection:
        sales = connection.sales()
        address = sales.create_address(BUYER, away)
        document = document_of(
            line_of(1, "TENTE2P", "120.00"), footer=footer, billing=away, delivery=away, carrier="5",
            delivery_on=date(2025, 12, 1),
        )  # fmt: skip
        totals = sales.amend_document(document, customer=BUYER, address=address)
        assert totals.gross == D("126.90")
        before = writable.sandbox.fingerprint()
        assert sales.amend_document(document, customer=BUYER, address=address) == totals
        assert writable.sandbox.fingerprint() == before
    found = one(
        writable.sandbox,
        "SELECT LI_No, DO_Coord01, DO_Coord02, DO_Coord04, DO_Contact, DO_ValFrais, DO_CodeTaxe1, DO_Expedit "
        "FROM F_DOCENTETE WHERE DO_NoWeb = '9001'",
    )
    assert found == (int(address), "Bo LI", "1 rue A", "1000 Bruxelles", "Bo LI", D("6.9"), "C20", 5)


def test_p17_a_document_in_a_foreign_currency_is_amended_at_its_own_rate(writable) -> None:
    index = one(writable.sandbox, "SELECT MIN(cbIndice) FROM P_DEVISE WHERE D_CodeISO <> 'EUR' AND D_CodeISO <> ''")[0]
    lines = (line_of(1, "TENTE2P", "299.99", quantity="3", price="100.00"), line_of(2, "LIVRE-TOPO", "24.90", tax=T55))
    abroad = {"currency": str(index), "currency_rate": D("1.0837")}
    piece = created(writable, paid(document_of(*lines, **abroad))).piece
    document = document_of(lines[0], line_of(2, "PORT", "6.90"), currency=str(index))
    totals, seen = writes(writable, lambda: amended(writable, document))
    assert (totals.gross, totals.deposits) == (D("306.89"), D("324.89"))
    assert seen == {("f_docligne", "DELETE"): 1, ("f_docligne", "INSERT"): 1}
    assert one(writable.sandbox, "SELECT DO_Cours FROM F_DOCENTETE WHERE DO_Piece = ?", piece) == (D("1.0837"),)
    prices = "SELECT DL_PUTTC, DL_PUDevise FROM F_DOCLIGNE WHERE AR_Ref = 'PORT' AND DO_Piece = ?"
    assert one(writable.sandbox, prices, piece) == (D("6.367076"), D("5.75")), "at the rate the document holds"
    other = document_of(lines[0])
    assert refusal(writable, lambda: amended(writable, other)) == "document_changed_by_hand"


def test_a_quote_stays_a_quote(writable_file) -> None:
    created(writable_file, document_of(kind=DocumentKind.QUOTE))
    totals = amended(writable_file, document_of(line_of(1, "TENTE2P", "120.00"), status="1:2"))
    assert (totals.kind, totals.piece, totals.state, totals.open) == (
        DocumentKind.QUOTE, "DEW0001", DocumentState.ORDER, True,
    )  # fmt: skip


def test_a_document_on_another_account_keeps_it(writable_file) -> None:
    created(writable_file, document_of())
    with writable_file.sandbox.session() as session:
        session.run("UPDATE F_DOCENTETE SET DO_Tiers = 'WEB0000102', LI_No = 0 WHERE DO_NoWeb = '9001'")
    amended(writable_file, document_of(line_of(1, "TENTE2P", "120.00")), address="1")
    found = "SELECT DO_Tiers, LI_No FROM F_DOCENTETE WHERE DO_NoWeb = '9001'"
    assert one(writable_file.sandbox, found) == ("WEB0000102", 0)
    assert rows(writable_file.sandbox, "SELECT CT_Num FROM F_DOCLIGNE WHERE DO_Piece = 'WEB00006'") == [("WEB0000102",)]


@pytest.mark.parametrize("position", [15000, 100000])
def test_p16_a_line_added_by_hand_is_never_lost(writable, position) -> None:
    piece = created(writable, ORDER).piece
    writable.sandbox.add_line(piece, "CASQUE", position=position, price=10)
    assert refusal(writable, lambda: amended(writable, document_of(*CHANGED))) == "document_changed_by_hand"
    assert [row[2] for row in rows(writable.sandbox, LINES, piece)].count("CASQUE") == 1


def test_p16_a_line_added_at_the_end_by_a_user_is_told_by_its_creator(writable_file) -> None:
    piece = created(writable_file, document_of(line_of(1, "TENTE2P", "120.00"))).piece
    writable_file.sandbox.add_line(piece, "CASQUE", position=20000, price=10)
    document = document_of(line_of(1, "TENTE2P", "110.00"))
    assert refusal(writable_file, lambda: amended(writable_file, document)) == "document_changed_by_hand"


def test_p16_goods_after_the_message_are_a_user_s_even_where_rows_name_nobody(writable_file) -> None:
    piece = created(writable_file, ORDER).piece
    writable_file.sandbox.add_line(piece, "CASQUE", position=100000, price=10)
    writable_file.sandbox.update("F_DOCLIGNE", "DO_Piece", piece, cbCreateur="")
    assert refusal(writable_file, lambda: amended(writable_file, document_of(*CHANGED))) == "document_changed_by_hand"


def test_p16_a_line_taken_away_by_hand_is_noticed(writable_file) -> None:
    piece = created(writable_file, ORDER).piece
    with writable_file.sandbox.session() as session:
        session.run("DELETE FROM F_DOCLIGNE WHERE DO_Piece = ? AND DL_Ligne = 60000", (piece,))
    document = document_of(*CHANGED)
    assert refusal(writable_file, lambda: amended(writable_file, document)) == "document_changed_by_hand"


def test_a_total_that_is_not_the_order_s_keeps_nothing(writable) -> None:
    created(writable, ORDER)
    wrong = replace(document_of(*CHANGED), expected_gross=D("1.00"))
    assert refusal(writable, lambda: amended(writable, wrong)) == "document_total_differs"


# What is no longer open


def seal(company, column: str) -> None:
    company.sandbox.update("F_DOCENTETE", "DO_NoWeb", "9001", **{column: 1})


CLOSED: dict[str, Callable[[Any, str], Any]] = {
    "preparation": lambda company, piece: company.sandbox.advance_document(piece, 2),
    "delivery": lambda company, piece: company.sandbox.advance_document(piece, 3),
    "invoice": lambda company, piece: company.sandbox.advance_document(piece, 6),
    "posted": lambda company, piece: company.sandbox.advance_document(company.sandbox.advance_document(piece, 6), 7),
    "part": lambda company, piece: company.sandbox.advance_document(
        piece, 3, quantities={rows(company.sandbox, LINES, piece)[0][0]: 1}
    ),
    "validated": lambda company, piece: seal(company, "DO_Valide"),
    "closed": lambda company, piece: seal(company, "DO_Cloture"),
    "remainder": lambda company, piece: seal(company, "DO_Reliquat"),
}
STATES = {"part": "delivery", "validated": "order", "closed": "order", "remainder": "order"}


@pytest.mark.parametrize("how", list(CLOSED))
def test_p16_a_document_that_went_on_is_neither_amended_nor_held(writable, how) -> None:
    created(writable, ORDER)
    CLOSED[how](writable, "WEB00006")
    with writable.open() as connection:
        sales = connection.sales()
        for found in (
            sales.find_document("9001"),
            sales.document_totals("9001"),
            sales.create_document(ORDER, customer=BUYER, address=""),
        ):
            assert (found.state, found.open) == (STATES.get(how, how), False)
    for work in (
        lambda: amended(writable, document_of(*CHANGED)),
        lambda: hold(writable, "9001"),
    ):
        assert refusal(writable, work) == "document_closed"


def test_a_part_that_went_on_without_our_number_closes_the_order_too(writable_file) -> None:
    piece = created(writable_file, ORDER).piece
    delivered = CLOSED["part"](writable_file, piece)
    with writable_file.sandbox.session() as session:
        session.run("UPDATE F_DOCENTETE SET DO_NoWeb = '', DO_Reliquat = 0 WHERE DO_Piece = ?", (delivered,))
        session.run("UPDATE F_DOCENTETE SET DO_Reliquat = 0 WHERE DO_Piece = ?", (piece,))
    with writable_file.open() as connection:
        assert connection.sales().find_document("9001").open is False


@pytest.mark.parametrize("column", ["DO_Valide", "DO_Cloture"])
@pytest.mark.covers("PAY-01")
def test_p16_a_sealed_document_takes_no_deposit(writable_file, column) -> None:
    created(writable_file, document_of())
    seal(writable_file, column)

    def late() -> None:
        with writable_file.open() as connection:
            connection.sales().add_deposits("9001", ORDER.deposits)

    assert refusal(writable_file, late) == "document_closed"


def test_an_order_that_is_not_there_is_told(writable_file) -> None:
    assert refusal(writable_file, lambda: amended(writable_file, document_of())) == "document_not_found"
    assert refusal(writable_file, lambda: hold(writable_file, "9001")) == "document_not_found"


# On hold


def hold(company, web_number: str) -> DocumentTotals:
    with company.open() as connection:
        return connection.sales().hold_document(web_number)


def test_an_order_on_hold_goes_back_to_its_first_status(writable) -> None:
    totals = created(writable, ORDER)
    assert one(writable.sandbox, HEADER, totals.piece)[5] == 2
    assert hold(writable, "9001") == totals
    assert one(writable.sandbox, HEADER, totals.piece)[5] == 0
    before = writable.sandbox.fingerprint()
    assert hold(writable, "9001") == totals
    assert writable.sandbox.fingerprint() == before, "repeating it writes nothing"
    with writable.sandbox.session() as session:
        session.run("UPDATE P_ORGAVEN SET D_Saisie = 0 WHERE cbIndice = 2")
    hold(writable, "9001")
    assert one(writable.sandbox, HEADER, totals.piece)[5] == 1


def test_a_company_with_one_status_is_told_that_nothing_was_held(writable_file) -> None:
    created(writable_file, ORDER)
    with writable_file.sandbox.session() as session:
        session.run("UPDATE P_ORGAVEN SET D_Saisie = 0, D_Confirme = 0 WHERE cbIndice = 2")
    with writable_file.open() as connection:
        sales = connection.sales()
        sales.hold_document("9001")
        assert [note.code for note in sales.take_notes()] == ["status_alone"]
    assert one(writable_file.sandbox, HEADER, "WEB00006")[5] == 2


# When things go wrong


def steps(company, work: Callable[[Any], Any]) -> int:
    """How many statements that write ``work`` takes; nothing of it is kept."""
    faults = Faults(commit="before")
    with failing(faults, company.road), company.open() as connection, pytest.raises(Uncertain):
        work(connection.sales())
    return faults.changes


WORKS: dict[str, Callable[[Any], Any]] = {
    "amend": lambda sales: sales.amend_document(
        document_of(*CHANGED, comment="Un autre\nmessage", reference="Web bis"), customer=BUYER, address=""
    ),
    "hold": lambda sales: sales.hold_document("9001"),
    "credit": lambda sales: sales.create_document(
        document_of(*usual_lines()[:2], kind=DocumentKind.CREDIT, web_number="9001-R7"), customer=BUYER, address=""
    ),
    "deposits": lambda sales: sales.add_deposits("9001", (replace(ORDER.deposits[0], label="Second"),)),
}
EXPECTED = {"amend": 12, "hold": 1, "credit": 7, "deposits": 2}


@pytest.mark.parametrize("lose", [False, True], ids=["refused", "connection-lost"])
@pytest.mark.parametrize("name", list(WORKS))
def test_p01_each_statement_of_a_change_fails_in_turn_and_nothing_is_kept(writable, name, lose) -> None:
    created(writable, ORDER)
    before = writable.sandbox.fingerprint()
    total = steps(writable, WORKS[name])
    assert total == EXPECTED[name]
    for place in range(1, total + 1):
        faults = Faults(fail_at=place, lose=lose, error=lambda: driver_error(writable.road, "HY000", "refus du pilote"))
        with failing(faults, writable.road), writable.open() as connection:
            sales = connection.sales()
            with pytest.raises(Uncertain if lose else ItemRefused) as caught:
                WORKS[name](sales)
            assert caught.value.problem.code == ("outcome_unknown" if lose else "row_refused")
            assert sales.find_document("9001").gross == ORDER.expected_gross
        assert writable.sandbox.fingerprint() == before, place
    with writable.open() as connection:
        WORKS[name](connection.sales())
    after = writable.sandbox.fingerprint()
    assert after != before
    with writable.open() as connection:
        WORKS[name](connection.sales())
    assert writable.sandbox.fingerprint() == after


@pytest.mark.parametrize("how", ["after", "before"])
def test_p01_an_amendment_whose_commit_has_no_answer_is_repeated_safely(writable, how) -> None:
    created(writable, ORDER)
    document = document_of(*CHANGED)
    with failing(Faults(commit=how), writable.road), writable.open() as connection:
        sales = connection.sales()
        with pytest.raises(Uncertain) as caught:
            sales.amend_document(document, customer=BUYER, address="")
        assert caught.value.problem.code == "outcome_unknown"
        reached = sales.find_document("9001").gross
        assert reached == (document if how == "after" else ORDER).expected_gross
        assert sales.amend_document(document, customer=BUYER, address="").gross == document.expected_gross
    assert len(rows(writable.sandbox, LINES, "WEB00006")) == 7


def together(works: list[Callable[[], Any]]) -> list[Any]:
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        barrier.wait(20)
        try:
            return work()
        except ConnectorError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


@pytest.mark.odbc
@pytest.mark.postgres
def test_p03_writers_that_amend_one_order_at_once_leave_it_right(writable_postgres) -> None:
    created(writable_postgres, ORDER)
    document = document_of(*CHANGED)
    for wanted in (document, replace(ORDER, deposits=()), document):
        results = together([lambda wanted=wanted: amended(writable_postgres, wanted)] * 3)
        assert [found.gross for found in results] == [wanted.expected_gross] * 3
    assert len(rows(writable_postgres.sandbox, LINES, "WEB00006")) == 7


@pytest.mark.odbc
@pytest.mark.postgres
def test_p16_an_order_transformed_while_it_is_amended_is_left_alone(writable_postgres) -> None:
    created(writable_postgres, ORDER)
    with writable_postgres.open() as connection, ThreadPoolExecutor(1) as pool:
        sales = connection.sales()
        with writable_postgres.sandbox.session() as session:
            session.run("UPDATE F_DOCENTETE SET DO_Valide = 1 WHERE DO_NoWeb = '9001'")
            future = pool.submit(sales.amend_document, document_of(*CHANGED), customer=BUYER, address="")
            waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE%'"
            for _ in range(200):
                if rows(writable_postgres.sandbox, waiting) != [(0,)] or future.done():
                    break
                threading.Event().wait(0.05)
        with pytest.raises(ItemRefused) as caught:
            future.result(30)
    assert caught.value.problem.code == "document_closed"
    assert len(rows(writable_postgres.sandbox, LINES, "WEB00006")) == 9
