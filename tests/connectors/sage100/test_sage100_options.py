"""Options of a connection: what is asked, what is refused, what becomes of secrets."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from connectors.core.odbc import keywords_of
from connectors.core.options import explain
from connectors.core.redaction import redact
from connectors.erp.sage100 import SPEC
from connectors.registry import by_key
from tests.connectors.sage100.support import runtime_of

Options = SPEC.options


@pytest.mark.covers("PRF-09", "SYS-01")
def test_the_connector_is_found_and_every_option_is_documented() -> None:
    assert by_key("sage100") is SPEC
    infos = Options.infos()
    for info in infos.values():
        assert info.label
        assert info.help
        assert info.group
        assert set(info.visible_if) <= set(infos)
    assert Options.secret_names() == {"password", "read_password", "connection_string", "read_connection_string"}
    assert all(label for label in SPEC.choices.values())


@pytest.mark.covers("PRF-09")
@pytest.mark.parametrize(
    ("values", "fragment"),
    [
        ({}, "Source de données (DSN)"),
        ({"kind": "sqlserver", "server": "srv"}, "Base de données"),
        ({"kind": "connection_string"}, "Chaîne de connexion"),
        ({"kind": "sqlite"}, "Fichier"),
        ({"dsn": "X", "separate_read_source": True}, "Serveur (lecture)"),
        ({"dsn": "X", "timezone": "Europe/Grenoble"}, "fuseau horaire"),
    ],
)
def test_what_is_missing_is_named(values, fragment) -> None:
    with pytest.raises(ValidationError) as error:
        Options(**values)
    assert fragment in explain(error.value)[0].text()


@pytest.mark.covers("PRF-09")
def test_unknown_options_are_refused() -> None:
    with pytest.raises(ValidationError):
        Options(dsn="X", mot_de_passe="x")


@pytest.mark.covers("SYS-01")
def test_connection_strings_of_each_kind() -> None:
    sage = Options(dsn="SAGE BIJOU", user="<Administrateur>", password="a;b}c").read_source().text
    assert keywords_of(sage) == {"dsn": "SAGE BIJOU", "uid": "<Administrateur>", "pwd": "a;b}c"}
    server = Options(
        kind="sqlserver", server="srv\\sage,1433", database="BIJOU", user="u", password="p",
        driver="ODBC Driver 18 for SQL Server",
    ).read_source().text  # fmt: skip
    found = keywords_of(server)
    assert (found["driver"], found["server"], found["database"]) == (
        "ODBC Driver 18 for SQL Server", "srv\\sage,1433", "BIJOU",
    )  # fmt: skip
    freetds = Options(kind="sqlserver", server="srv,1444", database="BIJOU", driver="FreeTDS").read_source().text
    assert (keywords_of(freetds)["port"], keywords_of(freetds)["clientcharset"]) == ("1444", "UTF-8")
    full = Options(
        kind="connection_string", connection_string="DSN=X;UID=moi", user="autre", password="secret"
    ).read_source()
    assert keywords_of(full.text) == {"dsn": "X", "uid": "moi", "pwd": "secret"}
    assert Options(kind="sqlite", path="/tmp/é à.db").read_source().path == "/tmp/é à.db"


@pytest.mark.covers("SYS-01")
def test_the_reading_source_is_the_second_one_when_there_is_one() -> None:
    options = Options(dsn="ECRITURE", separate_read_source=True, read_kind="sqlite", read_path="/tmp/x.db")
    assert keywords_of(options.write_source().text) == {"dsn": "ECRITURE"}
    assert options.read_source().is_file


@pytest.mark.covers("PRF-08", "OPS-02")
def test_p34_secrets_are_hidden_and_starred_in_logs() -> None:

    options = Options(
        kind="connection_string", connection_string="DSN=X;PWD=canary-in-string", password="canary-in-field"
    )
    assert "canary" not in repr(options) + str(options) + repr(options.read_source())
    with SPEC.open(options, runtime_of()):
        assert "canary" not in redact("échec avec canary-in-string et canary-in-field")
