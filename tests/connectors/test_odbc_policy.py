"""What a profile's source of data may reach from the host: files of opened folders, allowed servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.core.odbc import Source, sqlite_source
from connectors.core.odbc_policy import require_permitted
from connectors.core.ports import Runtime
from connectors.core.problems import Misconfigured, Problem
from connectors.erp.sage100 import SPEC

pytestmark = pytest.mark.covers("SYS-01", "PRF-04")


def refusal(source: Source | str, **allowed: tuple[str, ...]) -> Problem:
    given = Source(text=source) if isinstance(source, str) else source
    with pytest.raises(Misconfigured) as caught:
        require_permitted(given, **allowed)
    problem = caught.value.problem
    assert "%(" not in problem.text() + problem.advice_text()
    return problem


def test_files_are_opened_inside_the_folders_of_the_host_only(tmp_path: Path) -> None:
    opened, closed = tmp_path / "ouvert", tmp_path / "ouvert-aussi"
    opened.mkdir()
    closed.mkdir()
    for folder in (opened, closed):
        (folder / "sage.db").touch()
    (opened / "lien.db").symlink_to(closed / "sage.db")
    (opened / "dossier").symlink_to(closed)
    allowed = {"local_files": (str(opened),)}
    require_permitted(sqlite_source(opened / "sage.db"), **allowed)
    require_permitted(Source(text=f"Driver={{SQLite3}};Database={opened}/sage.db"), **allowed)
    outside = (
        closed / "sage.db", opened / ".." / "ouvert-aussi" / "sage.db", opened / "lien.db",
        opened / "dossier" / "sage.db", Path("/etc/passwd"),
    )  # fmt: skip
    for path in outside:
        assert refusal(sqlite_source(path), **allowed).code == "local_file_refused"
        assert refusal(f"Driver={{SQLite3}};Database={path}", **allowed).code == "local_file_refused"
    assert "ATOOSYNC_LOCAL_FILES" in refusal(sqlite_source(opened / "sage.db")).advice_text()


@pytest.mark.parametrize(
    "text",
    [
        "Driver=/tmp/x.so;Server=192.0.2.1",
        "Driver={/tmp/x.so};Server=192.0.2.1",
        "Driver=libevil.so;Server=192.0.2.1",
        "Driver={SQLite3};Database=relative.db",
        "driver=SQLite3 ;DATABASE={relative.db}",
        "Driver={SQLite};Database=file:/etc/passwd?mode=ro",
        "Driver={SQLite3};Database={/tmp/ok.db};LoadExt=/tmp/x.so",
        "Driver={Firebird};Dbname=base.fdb",
        "DSN=declared;Database=../../secret.db",
        "FILEDSN=x.dsn",
        "DSN=declared;SAVEFILE=out",
        "Driver={FreeTDS};Server=8.8.8.8;DumpFile=trace",
        "Driver={PostgreSQL Unicode};Server=/var/run/postgresql;Database=x",
        "Driver={PostgreSQL Unicode};Server=8.8.8.8;pqopt={sslkey=/etc/ssl/private/key.pem}",
        # Drivers that do not know braces read a keyword inside them.
        "Driver={PostgreSQL Unicode};Server=8.8.8.8;UID={a;LoadExt=/tmp/x.so}",
    ],
)
def test_whatever_names_a_file_of_the_host_is_refused(text: str) -> None:
    assert refusal(text, allowed_addresses=("0.0.0.0/0",)).code == "local_file_refused"


@pytest.mark.parametrize(
    "text",
    [
        "Driver={ODBC Driver 18 for SQL Server};Server=127.0.0.1,1433;Database=BIJOU",
        "Driver={ODBC Driver 18 for SQL Server};Server=tcp:10.0.0.5\\SAGE100;Database=BIJOU",
        "Driver={ODBC Driver 18 for SQL Server};Database=BIJOU",
        "Driver={ODBC Driver 18 for SQL Server};Server=(local);Database=BIJOU",
        "Driver={ODBC Driver 18 for SQL Server};Server=8.8.8.8;Addr=10.0.0.5;Database=BIJOU",
        "Driver={FreeTDS};Server=169.254.169.254;Port=80;Database=x",
        "Driver={PostgreSQL Unicode};Servername=localhost;Database=x",
        "Driver={PostgreSQL Unicode};Server=8.8.8.8,127.0.0.1;Database=x",
        "Driver={PostgreSQL Unicode};Database=x",
        "Driver={PostgreSQL Unicode};Server=8.8.8.8;pqopt={hostaddr=127.0.0.1}",
        "Driver={PostgreSQL Unicode};Server=8.8.8.8;PWD={x;Server=127.0.0.1}",
        "DSN=declared;Server=127.0.0.1",
    ],
)
def test_inner_servers_are_refused_unless_allowed(text: str) -> None:
    assert refusal(text).code == "address_refused"
    require_permitted(Source(text=text), allowed_addresses=("127.0.0.0/8", "::1", "10.0.0.5", "169.254.169.254:80"))


def test_declared_sources_and_public_servers_are_fine() -> None:
    for text in (
        "DSN=SAGE;UID=sage;PWD={mot de/passe}",
        "DSN=SAGE;Database=BIJOU",
        "Driver={ODBC Driver 18 for SQL Server};Server=8.8.8.8,1433;Database=BIJOU;Encrypt=yes",
        "Driver={Pilote absent};Server=8.8.8.8;Database=BIJOU",
    ):
        require_permitted(Source(text=text))


def test_an_allowed_port_is_that_port_only() -> None:
    text = "Driver={ODBC Driver 18 for SQL Server};Server=10.0.0.5,%s;Database=BIJOU"
    require_permitted(Source(text=text % 1433), allowed_addresses=("10.0.0.5:1433",))
    assert refusal(text % 1434, allowed_addresses=("10.0.0.5:1433",)).code == "address_refused"


def test_a_server_without_address_is_named() -> None:
    problem = refusal("Driver={FreeTDS};Server=absent.invalid;Database=x")
    assert (problem.code, "absent.invalid" in problem.text()) == ("host_unknown", True)


@pytest.mark.parametrize("asked", ["reading", "check", "read_source"])
def test_the_connector_asks_before_it_opens(tmp_path: Path, asked: str) -> None:
    path = tmp_path / "sage.db"
    path.write_bytes(b"")
    where = {"kind": "sqlite", "path": str(path)}
    if asked == "read_source":
        folder = tmp_path / "ouvert"
        folder.mkdir()
        where = {"kind": "sqlite", "path": str(folder / "x.db"), "separate_read_source": True}
        where |= {"read_kind": "sqlite", "read_path": str(path)}
        with SPEC.open(SPEC.options(**where), Runtime(local_files=(str(folder),))) as connection:
            codes = [item.code for item in connection.check().items]
        assert codes == ["file_missing", "local_file_refused"]
        return
    with SPEC.open(SPEC.options(**where), Runtime()) as connection:
        if asked == "check":
            assert [item.code for item in connection.check().items] == ["local_file_refused"]
            return
        with pytest.raises(Misconfigured) as caught:
            connection.facts()
    assert caught.value.problem.code == "local_file_refused"
