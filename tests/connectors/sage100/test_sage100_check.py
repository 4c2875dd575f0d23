"""What the connection test says about each thing that can be wrong."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.core.results import CheckItem, CheckState
from connectors.erp.sage100 import SPEC
from connectors.erp.sage100 import check as check_module
from connectors.erp.sage100.statements import requirements
from tests.connectors.sage100.support import runtime_of

PASSWORD = "canary-mot-de-passe-123"


def report_of(company, **changes):
    with company.open(**changes) as connection:
        return connection.check()


def report_with(**options):
    with SPEC.open(SPEC.options(**options), runtime_of()) as connection:
        return connection.check()


def errors(report) -> list[CheckItem]:
    return [item for item in report.items if item.state is CheckState.ERROR]


def only_error(report) -> CheckItem:
    (item,) = errors(report)
    assert not report.ok
    assert item.text()
    assert item.advice_text()
    assert "%(" not in item.text() + item.advice_text()
    return item


@pytest.mark.covers("PRF-04", "SYS-01")
def test_a_healthy_company_is_described(sample) -> None:
    report = report_of(sample)
    assert report.ok
    assert {item.name for item in report.items} == {"driver", "source", "structure", "company", "version", "articles"}
    assert {item.state for item in report.items} == {CheckState.OK}
    assert report.facts["company"] == "Vercors Équipement"
    assert report.facts["currency"] == "EUR"
    assert report.facts["version"] == "Sage 100 postérieure à 100c v3"
    expected = {"sqlite3": "sqlite3", "odbc-sqlite": "sqlite3odbc", "odbc-postgresql": "psqlodbc"}[sample.road]
    assert expected in report.facts["driver"]
    assert "34 publiés" in next(item.text() for item in report.items if item.name == "articles")


@pytest.mark.covers("PRF-04")
def test_a_missing_table_is_named(editable) -> None:
    editable.sandbox.rename_table("F_ARTSTOCK", "F_AUTRE")
    item = only_error(report_of(editable))
    assert (item.name, item.code) == ("structure", "table_missing")
    assert "F_ARTSTOCK" in item.text()


@pytest.mark.covers("PRF-04")
def test_each_missing_column_is_named(editable) -> None:
    editable.sandbox.rename_column("F_TAXE", "TA_Taux", "TA_Autre")
    editable.sandbox.rename_column("F_TAXE", "TA_Type", "TA_Autre2")
    found = errors(report_of(editable))
    assert {item.code for item in found} == {"column_missing"}
    assert [item.text() for item in found] == [
        "La colonne TA_Taux manque dans la table F_TAXE.", "La colonne TA_Type manque dans la table F_TAXE.",
    ]  # fmt: skip


@pytest.mark.covers("PRF-04")
def test_a_base_that_is_no_company_names_what_lacks(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "autre.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE clients (id INTEGER)")
    report = report_with(kind="sqlite", path=str(path))
    assert {item.code for item in errors(report)} == {"table_missing"}
    assert len(errors(report)) == len(requirements())


@pytest.mark.covers("PRF-04")
def test_an_empty_company_is_told_from_a_company_without_articles(editable) -> None:
    with editable.sandbox.session() as session:
        session.run("UPDATE F_ARTICLE SET AR_Publie = 0")
    assert report_of(editable).ok
    with editable.sandbox.session() as session:
        session.run("DELETE FROM P_DOSSIER")
    item = only_error(report_of(editable))
    assert (item.name, item.code) == ("company", "company_empty")


@pytest.mark.covers("PRF-04")
def test_a_company_without_articles_is_a_warning(local) -> None:
    connection = local.sandbox.connect()
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("DELETE FROM F_ARTICLE")
    connection.commit()
    connection.close()
    report = report_of(local)
    assert report.ok
    assert [item.code for item in report.items if item.state is CheckState.WARNING] == ["articles_none"]


@pytest.mark.covers("PRF-04")
def test_garbled_accents_are_noticed(local) -> None:
    local.sandbox.update("P_DOSSIER", "cbMarq", 1, D_RaisonSoc="Vercors Ã‰quipement")
    report = report_of(local)
    assert report.ok
    assert [item.code for item in report.items if item.state is CheckState.WARNING] == ["encoding_suspect"]


@pytest.mark.covers("PRF-04", "SYS-01")
@pytest.mark.parametrize(
    ("column", "version"),
    [
        (("P_DOSSIER", "D_Laf"), "Sage 100c v3"),
        (("F_DEPOT", "DE_Souche01"), "Sage 100c v1 ou v2"),
        (("F_ARTSTOCK", "AS_Mouvemente"), "Sage 100 i7 v8"),
        (("F_ARTICLE", "AR_EdiCode"), "Sage 100 i7 7.70"),
        (("F_DEPOT", "DE_Exclure"), "Sage 100 i7"),
        (("F_ARTENUMREF", "AE_EdiCode"), "Sage 100 antérieure à i7 (v14 à v16)"),
    ],
)
def test_the_version_is_told_by_the_columns(local, column, version) -> None:
    """Columns are only ever added: take them away from the latest to the oldest."""
    marks = [
        ("P_DOSSIER", "D_Laf"), ("F_DEPOT", "DE_Souche01"), ("F_ARTSTOCK", "AS_Mouvemente"),
        ("F_ARTICLE", "AR_EdiCode"), ("F_DEPOT", "DE_Exclure"), ("F_ARTENUMREF", "AE_EdiCode"),
    ]  # fmt: skip
    for table, name in marks[: marks.index(column) + 1]:
        local.sandbox.rename_column(table, name, f"zz{name}")
    report = report_of(local)
    assert report.ok
    assert report.facts["version"] == version


@pytest.mark.covers("PRF-04")
@pytest.mark.odbc
@pytest.mark.postgres
def test_a_missing_right_is_named_with_its_table(fresh_postgres) -> None:
    sandbox = fresh_postgres.sandbox
    sandbox.create_reader("sage_lecteur", PASSWORD)
    try:
        sandbox.revoke("F_ARTCLIENT", "sage_lecteur")
        text = sandbox.odbc_connection_string(login="sage_lecteur", password=PASSWORD)
        report = report_with(kind="connection_string", connection_string=text)
        item = only_error(report)
        assert (item.name, item.code, item.detail) == ("rights", "right_missing", "F_ARTCLIENT")
        assert "F_ARTCLIENT" in item.text()
        sandbox.grant("F_ARTCLIENT", "sage_lecteur")
        assert report_with(kind="connection_string", connection_string=text).ok
    finally:
        sandbox.drop_reader("sage_lecteur")


@pytest.mark.covers("PRF-04")
@pytest.mark.odbc
@pytest.mark.postgres
def test_an_unknown_user_and_an_unknown_database_are_told_apart(fresh_postgres) -> None:
    text = fresh_postgres.sandbox.odbc_connection_string(login="personne_ici", password=PASSWORD)
    refused = only_error(report_with(kind="connection_string", connection_string=text))
    assert refused.code == "credentials_refused"
    assert PASSWORD not in repr(refused)
    elsewhere = fresh_postgres.sandbox.odbc_connection_string().replace("Database=", "Database=zz")
    unknown = only_error(report_with(kind="connection_string", connection_string=elsewhere))
    assert unknown.code == "database_unknown"
    assert "zzsage100_" in unknown.text()


@pytest.fixture
def refusing_server() -> Iterator[int]:
    """A PostgreSQL server that refuses every password, as the real one words it."""
    listener = socket.create_server(("127.0.0.1", 0))
    body = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "sage"\0\0'

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                _refuse(peer, body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join(2)


def _refuse(peer: socket.socket, body: bytes) -> None:
    while True:
        request = peer.recv(4096)
        if not request:
            return
        if int.from_bytes(request[4:8], "big") in (80877103, 80877104):  # asks for TLS or GSS
            peer.sendall(b"N")
            continue
        peer.sendall(b"E" + (len(body) + 4).to_bytes(4, "big") + body)
        return


@pytest.mark.covers("PRF-04", "PRF-08")
@pytest.mark.odbc
def test_a_wrong_password_is_told_and_never_shown(refusing_server: int) -> None:
    report = report_with(
        kind="connection_string",
        connection_string=f"Driver={{PostgreSQL Unicode}};Server=127.0.0.1;Port={refusing_server};Database=bijou",
        user="sage",
        password=PASSWORD,
    )
    item = only_error(report)
    assert (item.name, item.code) == ("source", "credentials_refused")
    assert PASSWORD not in repr(report)


@pytest.mark.covers("PRF-04")
@pytest.mark.odbc
@pytest.mark.parametrize(
    ("options", "name", "code"),
    [
        ({"kind": "sage", "dsn": "SAGE_ABSENTE"}, "source", "source_unknown"),
        (
            {"kind": "sqlserver", "server": "127.0.0.1", "database": "BIJOU", "driver": "Pilote absent"},
            "driver",
            "driver_missing",
        ),
        (
            {"kind": "sqlserver", "server": "127.0.0.1", "database": "BIJOU", "driver": "/nulle/part/lib.so"},
            "driver",
            "driver_missing",
        ),
        (
            {"kind": "connection_string", "connection_string": "Driver={SQLite3};Database=/nulle/part/x.db"},
            "source",
            "file_missing",
        ),
        ({"kind": "sqlite", "path": "/nulle/part/x.db"}, "source", "file_missing"),
        (
            {
                "kind": "connection_string",
                "connection_string": "Driver={PostgreSQL Unicode};Server=127.0.0.1;Port=1;Database=x;Uid=y",
            },
            "source",
            "server_unreachable",
        ),
    ],
)
def test_each_failure_to_connect_has_its_own_advice(options, name, code) -> None:
    item = only_error(report_with(**options))
    assert (item.name, item.code) == (name, code)


@pytest.mark.covers("PRF-04")
def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "societe.gcm"
    path.write_bytes(b"Sage" * 1000)
    assert only_error(report_with(kind="sqlite", path=str(path))).code == "not_a_database"


@pytest.mark.covers("PRF-04")
@pytest.mark.odbc
def test_a_file_that_is_no_database_through_odbc(tmp_path: Path) -> None:
    path = tmp_path / "societe.gcm"
    path.write_bytes(b"Sage" * 1000)
    text = f"Driver={{SQLite3}};Database={path}"
    assert only_error(report_with(kind="connection_string", connection_string=text)).code == "not_a_database"


@pytest.mark.covers("PRF-04")
def test_without_odbc_the_test_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyodbc", None)
    item = only_error(report_with(kind="sage", dsn="SAGE"))
    assert (item.name, item.code) == ("driver", "odbc_missing")
    assert "unixodbc" in item.advice_text()


@pytest.mark.covers("PRF-04", "SYS-01")
def test_both_sources_are_tested(local) -> None:
    report = report_of(local, separate_read_source=True, read_kind="sqlite", read_path="/nulle/part/x.db")
    assert only_error(report).code == "file_missing"
    assert any("source principale" in item.text() for item in report.items)
    path = str(local.sandbox.path)
    assert report_of(local, separate_read_source=True, read_kind="sqlite", read_path=path).ok
    assert not report_with(
        kind="sqlite", path="/nulle/part/x.db", separate_read_source=True, read_kind="sqlite", read_path=path
    ).ok


@pytest.mark.covers("PRF-04")
@pytest.mark.odbc
def test_a_silent_server_does_not_hold_the_test_beyond_its_deadline(monkeypatch) -> None:
    monkeypatch.setattr(check_module, "DEADLINE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts, never answers
        started = time.monotonic()
        report = report_with(
            kind="connection_string",
            connection_string=f"Driver={{PostgreSQL Unicode}};Server=127.0.0.1;Port={listener.getsockname()[1]};"
            "Database=x;Uid=y",
        )
        assert time.monotonic() - started < 3
    assert only_error(report).code == "timeout"
    assert check_module.DEADLINE < 10


@pytest.mark.covers("PRF-04")
def test_a_defect_of_the_test_itself_is_reported(local, monkeypatch) -> None:
    def broken(database):
        raise ZeroDivisionError("inattendu")

    monkeypatch.setattr(check_module, "detect_version", broken)
    assert only_error(report_of(local)).code == "connector_bug"
