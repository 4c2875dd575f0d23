"""Building, editing and watching a Sage 100 company, on both databases."""

import json
import sqlite3
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.sandbox.sage100 import Sage100Sandbox, build, main
from connectors.sandbox.sage100.documents import DELIVERY, INVOICE, POSTED, PREPARATION, USER, following
from tests.sandbox.sage100_support import Reader, company, number, postgres_database

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
pytestmark = pytest.mark.covers("SYS-01")


@pytest.fixture(params=ENGINES)
def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sage100Sandbox]:
    with company(request.param, tmp_path, merchant="sample") as made:
        yield made


def _value(sandbox: Sage100Sandbox, statement: str, *values: object) -> object:
    with sandbox.session(write=False) as session:
        row = session.one(statement, values)
    return row[0] if row else None


# Generator


def test_generated_articles_are_tracked_priced_and_sized_as_asked(tmp_path: Path) -> None:
    sandbox = build(tmp_path / "big.db", merchant="generated", items=400, seed=7, variants_share=0.25)
    count = "SELECT COUNT(*) FROM "
    assert _value(sandbox, count + "F_ARTICLE WHERE AR_Publie = 1 AND AR_SuiviStock = 2") == 400
    assert _value(sandbox, count + "F_ARTICLE WHERE AR_Gamme1 = 1") == 100
    assert _value(sandbox, count + "F_ARTENUMREF") == 400
    assert _value(sandbox, count + "F_ARTSTOCK") == 800
    assert _value(sandbox, count + "F_ARTCLIENT WHERE AC_Categorie = 3 AND AC_PrixVen > 0") == 400
    assert _value(sandbox, "SELECT COUNT(DISTINCT AR_CodeBarre) FROM F_ARTICLE WHERE AR_CodeBarre <> ''") == 300
    wrong = (
        "SELECT COUNT(*) FROM F_ARTSTOCK s INNER JOIN (SELECT AR_Ref, DE_No, SUM(GS_QteSto) AS total FROM F_GAMSTOCK "
        "GROUP BY AR_Ref, DE_No) g ON g.AR_Ref = s.AR_Ref AND g.DE_No = s.DE_No WHERE g.total <> s.AS_QteSto"
    )
    assert _value(sandbox, wrong) == 0
    assert _value(sandbox, "SELECT COUNT(*) FROM pragma_foreign_key_check") == 0


def test_the_generator_is_deterministic_by_seed(tmp_path: Path) -> None:
    prints = [
        build(tmp_path / f"{position}.db", merchant="generated", items=120, seed=seed, variants_share=0.5).fingerprint()
        for position, seed in enumerate((3, 3, 4))
    ]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.postgres
def test_both_databases_hold_the_same_generated_company(tmp_path: Path) -> None:
    asked = {"merchant": "generated", "items": 300, "seed": 5, "variants_share": 0.3}
    with postgres_database() as dsn:
        assert build(dsn, **asked).fingerprint() == build(tmp_path / "same.db", **asked).fingerprint()


def test_twenty_thousand_articles_are_built_within_seconds(tmp_path: Path) -> None:
    started = time.monotonic()
    sandbox = build(tmp_path / "large.db", merchant="generated", items=20_000)
    elapsed = time.monotonic() - started
    assert _value(sandbox, "SELECT COUNT(*) FROM F_ARTSTOCK") == 40_000
    # 200,000 must take less than a minute; a tenth of them with a margin for a busy machine.
    assert elapsed < 12


@pytest.mark.parametrize("asked", [{"merchant": "unknown"}, {"merchant": "generated", "variants_share": 2.0}])
def test_a_wrong_request_is_refused(tmp_path: Path, asked: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"merchant|variants_share"):
        build(tmp_path / "no.db", **asked)
    assert not (tmp_path / "no.db").exists()


def test_a_file_that_is_no_database_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Chère Madame, cher Monsieur")
    with pytest.raises(FileExistsError):
        build(path, merchant="sample")
    assert path.read_text().startswith("Chère")


# Edits


def test_article_edits_are_dated_and_leave_the_others_alone(sandbox: Sage100Sandbox) -> None:
    before = _value(sandbox, "SELECT cbModification FROM F_ARTICLE WHERE AR_Ref = 'MATELAS'")
    sandbox.rename("TENTE2P", "Tente d'essai & Cie", english="Trial tent")
    sandbox.unpublish("RECHAUD")
    sandbox.set_dormant("CORDE60")
    sandbox.update_article("TENTE2P", **{"Marque commerciale": "Obiou"})
    with sandbox.session(write=False) as session:
        row = session.one(
            'SELECT AR_Design, AR_Langue1, "Marque commerciale", cbModification FROM F_ARTICLE WHERE AR_Ref = ?',
            ("TENTE2P",),
        )
    assert row is not None
    assert row[:3] == ("Tente d'essai & Cie", "Trial tent", "Obiou")
    assert str(row[3]) > "2025-12-31"
    assert _value(sandbox, "SELECT AR_Publie FROM F_ARTICLE WHERE AR_Ref = 'RECHAUD'") == 0
    assert _value(sandbox, "SELECT AR_Sommeil FROM F_ARTICLE WHERE AR_Ref = 'CORDE60'") == 1
    assert _value(sandbox, "SELECT cbModification FROM F_ARTICLE WHERE AR_Ref = 'MATELAS'") == before
    sandbox.publish("RECHAUD")
    sandbox.touch_article("RECHAUD", "2024-06-01 12:00:00")
    assert _value(sandbox, "SELECT cbModification FROM F_ARTICLE WHERE AR_Ref = 'RECHAUD'") == "2024-06-01 12:00:00"
    with pytest.raises(KeyError):
        sandbox.rename("ABSENT", "x")


def test_an_article_comes_and_goes_and_its_row_number_is_never_given_again(sandbox: Sage100Sandbox) -> None:
    first = sandbox.add_article("NEUF", "Nouveauté", family="BIVOUAC", price=Decimal("12.5"))
    sandbox.set_stock("NEUF", real=8)
    sandbox.set_price("NEUF", Decimal("15.00"), category=3, taxed=True)
    assert _value(sandbox, "SELECT AC_PrixTTC FROM F_ARTCLIENT WHERE AR_Ref = 'NEUF' AND AC_Categorie = 3") == 1
    sandbox.delete_article("NEUF")
    assert _value(sandbox, "SELECT COUNT(*) FROM F_ARTSTOCK WHERE AR_Ref = 'NEUF'") == 0
    assert sandbox.add_article("AUTRE", "Autre", family="BIVOUAC", price=3) > first
    with pytest.raises(ValueError, match="document"):
        sandbox.delete_article("TENTE2P")


@pytest.mark.covers("STK-05")
def test_stock_moves_do_not_touch_the_article(sandbox: Sage100Sandbox) -> None:
    dates = "SELECT MAX(cbModification) FROM F_ARTICLE"
    before = _value(sandbox, dates)
    sandbox.set_stock("MATELAS", depot=2, real=5, reserved=1, ordered=4, prepared=2, inspected=3)
    changes = sandbox.change_stocks(5, by=3)
    assert [change.after - change.before for change in changes] == [3] * 5
    assert len({change.reference for change in changes}) == 5
    second = sandbox.change_stocks(2, by=-1, skip=5)
    assert not {change.reference for change in second} & {change.reference for change in changes}
    assert _value(sandbox, dates) == before
    changed = _value(sandbox, "SELECT AS_QteSto FROM F_ARTSTOCK WHERE AR_Ref = ? AND DE_No = 1", changes[0].reference)
    assert changed == changes[0].after
    with pytest.raises(TypeError, match="wanted"):
        sandbox.set_stock("MATELAS", wanted=3)


def test_stock_of_a_variant_moves_the_total(sandbox: Sage100Sandbox) -> None:
    total = "SELECT AS_QteSto FROM F_ARTSTOCK WHERE AR_Ref = 'TSHIRT-MER' AND DE_No = 1"
    before = _value(sandbox, total)
    sandbox.set_stock("TSHIRT-MER", variant=(1, 0), real=50)
    assert _value(sandbox, total) == int(str(before)) - 3 + 50


# Documents


@pytest.mark.covers("ORD-01")
def test_a_document_moves_along_and_its_lines_keep_their_number(sandbox: Sage100Sandbox) -> None:
    before = sandbox.documents("100001")[0]
    delivery = sandbox.advance_document(sandbox.advance_document("WEB00001", PREPARATION), DELIVERY, tracking="6A042")
    after = sandbox.documents("100001")[0]
    assert (after.type, after.piece) == (DELIVERY, delivery)
    assert [line.number for line in after.lines] == [line.number for line in before.lines]
    assert {line.origin for line in after.lines} == {"WEB00001"}
    assert after.deposits == before.deposits == Decimal("447.84")
    assert _value(sandbox, 'SELECT "N° de suivi" FROM F_DOCENTETE WHERE DO_Piece = ?', delivery) == "6A042"
    invoice = sandbox.advance_document(delivery, INVOICE)
    assert sandbox.advance_document(invoice, POSTED) == invoice
    with pytest.raises(ValueError, match="cannot become"):
        sandbox.advance_document(invoice, DELIVERY)
    with pytest.raises(KeyError):
        sandbox.advance_document("ABSENT", DELIVERY)


@pytest.mark.covers("ORD-01")
def test_a_partial_delivery_leaves_the_rest_on_the_order(sandbox: Sage100Sandbox) -> None:
    order = sandbox.documents("100001")[0]
    lamps = next(line for line in order.lines if line.reference == "LAMPEF600")
    sandbox.advance_document("WEB00001", DELIVERY, quantities={lamps.number: 1})
    rest, delivered = sandbox.documents("100001")
    assert (rest.type, delivered.type) == (1, DELIVERY)
    assert [line.quantity for line in delivered.lines] == [1]
    assert next(line.quantity for line in rest.lines if line.number == lamps.number) == 1
    lines = [*rest.lines, *delivered.lines]
    assert sum(line.net for line in lines) == sum(line.net for line in order.lines)
    assert rest.total_gross + delivered.total_gross == order.total_gross
    assert _value(sandbox, "SELECT DO_Reliquat FROM F_DOCENTETE WHERE DO_Piece = 'WEB00001'") == 1


@pytest.mark.parametrize(("piece", "expected"), [("WEB00009", "WEB00010"), ("BL1", "BL2"), ("9", "10")])
def test_numbers_keep_their_width(piece: str, expected: str) -> None:
    assert following(piece) == expected


# Proof that nothing is written


def test_a_write_shows_in_the_fingerprint_and_in_the_trap(sandbox: Sage100Sandbox) -> None:
    before = sandbox.fingerprint()
    sandbox.set_write_trap()
    assert sandbox.fingerprint() == before
    assert sandbox.trapped_writes() == []
    with sandbox.session() as session:
        session.run("UPDATE F_ARTSTOCK SET AS_QteSto = AS_QteSto WHERE AR_Ref = 'MATELAS' AND DE_No = 1")
        session.run("DELETE FROM F_TARIFREMISE")
    written = {(write.table.lower(), write.action) for write in sandbox.trapped_writes()}
    assert written == {("f_artstock", "UPDATE"), ("f_tarifremise", "DELETE")}
    assert sandbox.fingerprint() != before


def test_a_new_table_or_column_shows_in_the_fingerprint(sandbox: Sage100Sandbox) -> None:
    before = sandbox.fingerprint()
    with sandbox.session() as session:
        session.script(["CREATE TABLE intruse (id INTEGER)"])
    assert sandbox.fingerprint() != before


@pytest.mark.odbc
def test_reading_through_odbc_writes_nothing(sandbox: Sage100Sandbox) -> None:
    sandbox.set_write_trap()
    before = sandbox.fingerprint()
    reader = Reader(sandbox)
    rows = reader.rows("SELECT AR_Ref, \"Matière\" FROM F_ARTICLE WHERE cbModification >= {ts '2025-01-01 00:00:00'}")
    reader.close()
    assert len(rows) == 40
    assert sandbox.trapped_writes() == []
    assert sandbox.fingerprint() == before


# Damage


def test_a_missing_table_or_column_is_repaired_by_naming_it_back(sandbox: Sage100Sandbox) -> None:
    before = sandbox.fingerprint()
    sandbox.rename_table("F_ARTSTOCK", "F_ARTSTOCK_ABSENTE")
    with pytest.raises(Exception, match=r"(?i)f_artstock"):
        _value(sandbox, "SELECT COUNT(*) FROM F_ARTSTOCK")
    sandbox.rename_table("F_ARTSTOCK_ABSENTE", "F_ARTSTOCK")
    sandbox.rename_column("F_ARTICLE", "AR_Publie", "AR_PublieAbsente")
    with pytest.raises(Exception, match=r"(?i)ar_publie"):
        _value(sandbox, "SELECT COUNT(*) FROM F_ARTICLE WHERE AR_Publie = 1")
    sandbox.rename_column("F_ARTICLE", "AR_PublieAbsente", "AR_Publie")
    assert sandbox.fingerprint() == before


@pytest.mark.postgres
@pytest.mark.odbc
def test_a_reader_may_read_and_loses_one_table(tmp_path: Path) -> None:
    import pyodbc

    login = "sage100_test_reader"
    with company("postgresql", tmp_path, merchant="sample") as sandbox:
        sandbox.create_reader(login, "secret'1")
        sandbox.create_reader(login, "secret1")
        try:
            text = sandbox.odbc_connection_string(login=login, password="secret1")
            with pyodbc.connect(text) as connection:
                assert connection.execute("SELECT COUNT(*) FROM F_ARTICLE").fetchone()[0] == 40
                with pytest.raises(pyodbc.Error, match="permission denied"):
                    connection.execute("UPDATE F_ARTICLE SET AR_Design = 'x'")
            sandbox.revoke("F_ARTSTOCK", login)
            with pyodbc.connect(text) as connection, pytest.raises(pyodbc.Error, match="permission denied"):
                connection.execute("SELECT COUNT(*) FROM F_ARTSTOCK")
            sandbox.grant("F_ARTSTOCK", login)
            with pyodbc.connect(sandbox.odbc_connection_string(read_only=True)) as connection:
                assert connection.execute("SELECT COUNT(*) FROM F_ARTSTOCK").fetchone()[0] == 56
                with pytest.raises(pyodbc.Error, match=r"(?i)read.?only"):
                    connection.execute("UPDATE F_ARTICLE SET AR_Design = 'x'")
        finally:
            sandbox.drop_reader(login)


def test_a_sqlite_company_has_no_logins(tmp_path: Path) -> None:
    sandbox = build(tmp_path / "plain.db", merchant="sample")
    with pytest.raises(TypeError):
        sandbox.create_reader("x", "y")
    with pytest.raises(TypeError):
        _ = sandbox.dsn


def test_an_edit_does_not_wait_for_a_streaming_reader(tmp_path: Path) -> None:
    sandbox = build(tmp_path / "stream.db", merchant="sample")
    reading = sqlite3.connect(sandbox.path)
    cursor = reading.execute("SELECT AR_Ref FROM F_ARTICLE ORDER BY cbMarq")
    cursor.fetchone()
    started = time.monotonic()
    sandbox.rename("TENTE2P", "Pendant la lecture")
    assert time.monotonic() - started < 2
    assert len(cursor.fetchall()) == 39
    reading.close()


# Behaviour of the Sage driver on writes


@pytest.mark.odbc
@pytest.mark.covers("SYS-01", "ORD-08", "PAY-01")
@pytest.mark.parametrize("engine", ENGINES)
def test_an_order_written_through_odbc_is_numbered_added_up_and_paid(engine: str, tmp_path: Path) -> None:
    with company(engine, tmp_path, merchant="demo", emulation=True) as sandbox:
        stock = "SELECT AS_QteRes FROM F_ARTSTOCK WHERE AR_Ref = 'TENTE2P' AND DE_No = 1"
        reserved = _value(sandbox, stock)
        _write_order(sandbox)
        (document,) = sandbox.documents("200001")
        assert [(line.net, line.gross) for line in document.lines] == [
            (Decimal("412.2"), Decimal("494.64")),
            (Decimal("58.25"), Decimal("70.62")),
            (Decimal("67.8"), Decimal("71.53")),
        ]
        assert all(line.number for line in document.lines)
        assert (document.total_net, document.total_gross) == (Decimal("538.25"), Decimal("643.69"))
        assert document.to_pay == Decimal("543.69")
        assert _value(sandbox, stock) == int(str(reserved)) + 2
        payment = (
            "SELECT p.RG_Montant FROM F_REGLECH e INNER JOIN F_CREGLEMENT p ON p.RG_No = e.RG_No "
            "WHERE e.DO_Domaine = 0 AND e.DO_Type = 1 AND e.DO_Piece = 'WEB00999'"
        )
        assert _value(sandbox, payment) == 100
        sandbox.advance_document("WEB00999", DELIVERY)
        assert _value(sandbox, stock) == reserved


def _write_order(sandbox: Sage100Sandbox) -> None:
    header = (
        "INSERT INTO F_DOCENTETE (DO_Domaine, DO_Type, DO_Piece, DO_Tiers, CT_NumPayeur, CG_Num, DO_NoWeb, DO_Souche, "
        "DO_ValFrais, DO_TypeLigneFrais, DO_Taxe1) VALUES (0, 1, 'WEB00999', 'WEB0000101', 'WEB0000101', '4110100', "
        "'200001', 1, 6.9, 1, 20)"
    )
    line = (
        "INSERT INTO F_DOCLIGNE (DO_Domaine, DO_Type, DO_Piece, CT_Num, DL_No, DL_Valorise, DE_No, DL_TypeTaux1, "
        "AR_Ref, DL_Qte, DL_PrixUnitaire, DL_PUTTC, DL_TTC, DL_Taxe1, DL_Remise01REM_Type, DL_Remise01REM_Valeur, "
        "DL_Taxe2, DL_TypeTaux2, DL_TypeTaxe2) "
        "VALUES (0, 1, 'WEB00999', 'WEB0000101', 0, 1, 1, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )
    lines = (
        ("TENTE2P", 2, 229, Decimal("274.8"), 1, 20, 1, 10, 0, 0, 0),
        ("LAMPEF600", 1, Decimal("58.25"), Decimal("70.62"), 1, 20, 0, 0, Decimal("0.6"), 1, 2),
        ("LIVRE-TOPO", 3, Decimal("23.6"), Decimal("24.9"), 0, Decimal("5.5"), 2, 1, 0, 0, 0),
    )
    deposit = (
        "INSERT INTO F_DOCREGL (DR_No, DO_Domaine, DO_Type, DO_Piece, DR_TypeRegl, DR_Date, DR_Libelle, DR_Montant, "
        "N_Reglement) VALUES (0, 0, 1, 'WEB00999', 0, {d '2025-10-20'}, 'CB 200001', 100, 3)"
    )
    connection = sandbox.odbc_connect()
    try:
        cursor = connection.cursor()
        cursor.execute(header)
        for values in lines:
            cursor.execute(line, values)
        cursor.execute(deposit)
        connection.commit()
    finally:
        connection.close()


@pytest.mark.odbc
@pytest.mark.covers("PAY-01")
@pytest.mark.parametrize("engine", ENGINES)
def test_the_driver_refuses_a_payment_that_is_no_deposit(engine: str, tmp_path: Path) -> None:
    import pyodbc

    with company(engine, tmp_path, merchant="sample", emulation=True) as sandbox:
        connection = sandbox.odbc_connect()
        with pytest.raises(pyodbc.Error, match="acompte"):
            connection.execute(
                "INSERT INTO F_DOCREGL (DR_No, DO_Domaine, DO_Type, DO_Piece, DR_TypeRegl) "
                "VALUES (0, 0, 1, 'WEB00001', 2)"
            )
        connection.rollback()
        connection.execute("INSERT INTO F_LIVRAISON (LI_No, CT_Num, LI_Intitule) VALUES (0, 'WEB0000101', 'Chalet')")
        numbered = connection.execute("SELECT LI_No FROM F_LIVRAISON WHERE LI_Intitule = 'Chalet'").fetchone()[0]
        connection.rollback()
        connection.close()
        assert numbered == 21


@pytest.mark.odbc
@pytest.mark.covers("PAY-02")
@pytest.mark.parametrize("engine", ENGINES)
def test_an_older_driver_takes_instalments(engine: str, tmp_path: Path) -> None:
    with company(engine, tmp_path, merchant="sample", emulation=True) as sandbox:
        sandbox.become_older()
        connection = sandbox.odbc_connect()
        payments = connection.execute("SELECT COUNT(*) FROM F_CREGLEMENT").fetchone()[0]
        connection.execute(
            "INSERT INTO F_DOCREGL (DR_No, DO_Domaine, DO_Type, DO_Piece, DR_TypeRegl, DR_Montant, DR_Libelle) "
            "VALUES (0, 0, 1, 'WEB00001', 2, 100, 'part')"
        )
        assert connection.execute("SELECT DR_No FROM F_DOCREGL WHERE DR_Libelle = 'part'").fetchone()[0] == 9
        assert connection.execute("SELECT COUNT(*) FROM F_CREGLEMENT").fetchone()[0] == payments
        connection.rollback()
        connection.close()


SEALS = (
    "UPDATE F_DOCENTETE SET DO_Valide = 1 WHERE DO_Piece = 'WEB00001'",
    "UPDATE F_DOCENTETE SET DO_Cloture = 1 WHERE DO_Piece = 'WEB00001'",
)
CHANGES = (
    "UPDATE F_DOCLIGNE SET DL_Qte = 5 WHERE DO_Piece = 'WEB00001'",
    "DELETE FROM F_DOCLIGNE WHERE DO_Piece = 'WEB00001'",
    "INSERT INTO F_DOCLIGNE (DO_Domaine, DO_Type, DO_Piece, CT_Num, DL_No, PF_Num) "
    "VALUES (0, 1, 'WEB00001', 'WEB0000101', 0, '')",
    "UPDATE F_DOCENTETE SET DO_Ref = 'x' WHERE DO_Piece = 'WEB00001'",
    "UPDATE F_DOCENTETE SET DO_Statut = 0 WHERE DO_Piece = 'WEB00001'",
    "INSERT INTO F_DOCREGL (DR_No, DO_Domaine, DO_Type, DO_Piece, DR_TypeRegl, DR_Montant) "
    "VALUES (0, 0, 1, 'WEB00001', 0, 1)",
)


@pytest.mark.odbc
@pytest.mark.parametrize("engine", ENGINES)
def test_p16_a_sealed_document_refuses_every_change_and_can_still_go_on(engine: str, tmp_path: Path) -> None:
    import pyodbc

    with company(engine, tmp_path, merchant="sample", emulation=True) as sandbox:
        connection = sandbox.odbc_connect()
        for change in CHANGES:
            connection.execute(change)
            connection.rollback()
            for seal in SEALS:
                connection.execute(seal)
                with pytest.raises(pyodbc.Error, match="ne peut plus etre modifie"):
                    connection.execute(change)
                connection.rollback()
        connection.execute(SEALS[0])
        connection.commit()
        connection.close()
        delivered = sandbox.advance_document("WEB00001", DELIVERY)
        invoice = sandbox.advance_document(delivered, INVOICE)
        sandbox.advance_document(invoice, POSTED)
        connection = sandbox.odbc_connect()
        for change in CHANGES[:2]:
            with pytest.raises(pyodbc.Error, match="ne peut plus etre modifie"):
                connection.execute(change.replace("WEB00001", invoice))
            connection.rollback()
        connection.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_line_that_goes_gives_back_what_it_reserved(engine: str, tmp_path: Path) -> None:
    reserved = "SELECT AS_QteRes FROM F_ARTSTOCK WHERE AR_Ref = 'CASQUE' AND DE_No = 1"
    with company(engine, tmp_path, merchant="sample", emulation=True) as sandbox:
        before = number(_value(sandbox, reserved))
        total = number(_value(sandbox, "SELECT DO_TotalHT FROM F_DOCENTETE WHERE DO_Piece = 'WEB00001'"))
        sandbox.add_line("WEB00001", "CASQUE", position=90000, quantity=3, price=10)
        with sandbox.session() as session:
            session.run("UPDATE F_DOCLIGNE SET DE_No = 1 WHERE AR_Ref = 'CASQUE' AND DO_Piece = 'WEB00001'")
        assert number(_value(sandbox, reserved)) == before + 3
        assert _value(sandbox, "SELECT cbCreateur FROM F_DOCLIGNE WHERE DL_Ligne = 90000") == USER
        with sandbox.session() as session:
            session.run("DELETE FROM F_DOCLIGNE WHERE AR_Ref = 'CASQUE' AND DO_Piece = 'WEB00001'")
        assert number(_value(sandbox, reserved)) == before
        assert number(_value(sandbox, "SELECT DO_TotalHT FROM F_DOCENTETE WHERE DO_Piece = 'WEB00001'")) == total
        with pytest.raises(KeyError):
            sandbox.add_line("ABSENT", "CASQUE", position=10000)


# Command line


def test_the_command_prints_one_line_of_connection_strings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cli.db"
    assert main(["--path", str(path), "--items", "50", "--seed", "3"]) == 0
    printed = capsys.readouterr().out
    answer = json.loads(printed)
    assert printed.count("\n") == 1
    assert (answer["merchant"], answer["articles"], answer["path"]) == ("generated", 50, str(path))
    assert answer["odbc"].startswith("Driver={SQLite3};")


@pytest.mark.odbc
def test_both_drivers_give_the_same_numbers(tmp_path: Path) -> None:
    sandbox = build(tmp_path / "numbers.db", merchant="sample")
    reader = Reader(sandbox)
    prices = {
        row["ar_ref"]: number(row["ar_prixven"]) for row in reader.rows("SELECT AR_Ref, AR_PrixVen FROM F_ARTICLE")
    }
    reader.close()
    assert prices["LAMPEF600"] == Decimal("58.25")
