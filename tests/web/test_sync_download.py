"""The journal of a run as a file: text, CSV, XLSX; whole, in the words of the page, and never for a stranger."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from xml.etree import ElementTree

import pytest
from django.test import AsyncClient
from django.urls import reverse

from sync.models import Run
from sync.presentation import journal_file
from sync.views import runs
from tests.factories import make_entry, make_profile, make_run
from tests.web.conftest import SECRET_MARK, Cast, Person

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
KINDS = ("txt", "csv", "xlsx")
NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
HEADERS = ["Date", "Niveau", "Objet", "Référence", "Libellé", "Résultat", "Message", "Conseil"]
FORMULAS = ('=HYPERLINK("http://evil.test")', "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "＝1")

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.covers("LOG-06")]


async def _read(person: Person, url: str) -> tuple[bytes, dict[str, str]]:
    client = AsyncClient()
    await client.aforce_login(person.user, backend=BACKEND)
    response = await client.get(url)
    assert response.status_code == 200
    return b"".join([part async for part in response]), dict(response.headers)


def _file(person: Person, run: Run, kind: str) -> tuple[bytes, dict[str, str]]:
    return asyncio.run(_read(person, reverse(f"sync:run_journal_{kind}", args=[run.pk])))


def _csv_rows(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf"), "the mark by which spreadsheets know UTF-8"
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


def _sheet_rows(content: bytes) -> list[list[str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert package.testzip() is None
        for name in package.namelist():
            ElementTree.fromstring(package.read(name))  # noqa: S314
        sheet = ElementTree.fromstring(package.read("xl/worksheets/sheet1.xml"))  # noqa: S314
    cells = list(sheet.iter(f"{NS}c"))
    assert {cell.get("t") for cell in cells} == {"inlineStr"}, "texts, which are never evaluated"
    assert not list(sheet.iter(f"{NS}f"))
    return [["".join(cell.itertext()) for cell in row] for row in sheet.iter(f"{NS}row")]


def test_the_page_offers_the_three_files(cast: Cast) -> None:
    run = make_run(profile=make_profile(tenant=cast.tenant))
    body = cast.bob.client.get(reverse("sync:run", args=[run.pk])).content.decode()
    for kind in KINDS:
        assert f'href="{reverse(f"sync:run_journal_{kind}", args=[run.pk])}"' in body


def test_every_line_is_in_every_file(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_file, "_READ_AT_ONCE", 7)
    monkeypatch.setattr(runs, "IN_MEMORY", 500)
    run = make_run(profile=make_profile(tenant=cast.tenant), flow="products")
    other = make_run(profile=run.profile)
    make_entry(run=other, reference="AUTRE")
    for number in range(40):
        make_entry(run=run, reference=f"R{number:02};é", label='5" <disque> & co\x07', text="Créé\nici")
    text, headers = _file(cast.bob, run, "txt")
    assert headers["Content-Type"] == "text/plain;charset=utf-8"
    assert headers["Content-Disposition"] == f'attachment; filename="journal-products-{run.pk}.txt"'
    lines = text.decode().splitlines()
    assert len(lines) == 40
    assert lines[3].endswith('[Information] R03;é 5" <disque> & co\x07 : Créé ici')
    for kind, rows_of in (("csv", _csv_rows), ("xlsx", _sheet_rows)):
        content, headers = _file(cast.bob, run, kind)
        assert headers["Content-Disposition"].endswith(f'-{run.pk}.{kind}"')
        assert int(headers["Content-Length"]) == len(content)
        rows = rows_of(content)
        assert rows[0] == HEADERS
        assert [row[3] for row in rows[1:]] == [f"R{number:02};é" for number in range(40)]
        assert rows[1][1:3] == ["Information", "Article"]
        assert rows[1][4].startswith('5" <disque> & co')
        assert rows[1][6] == "Créé\nici"


def test_no_cell_is_a_formula(cast: Cast) -> None:
    run = make_run(profile=make_profile(tenant=cast.tenant))
    for text in FORMULAS:
        make_entry(run=run, reference=text, label=text, text=text)
    rows = _csv_rows(_file(cast.bob, run, "csv")[0])
    assert len(rows) == 1 + len(FORMULAS)
    for row in rows[1:]:
        assert all(not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "＝")) for cell in row), row
    sheet = _sheet_rows(_file(cast.bob, run, "xlsx")[0])
    assert [row[3] for row in sheet[1:]] == list(FORMULAS)


def test_a_text_too_long_for_a_cell_is_cut(cast: Cast) -> None:
    run = make_run(profile=make_profile(tenant=cast.tenant))
    make_entry(run=run, text="&" * 40_000)
    assert len(_sheet_rows(_file(cast.bob, run, "xlsx")[0])[1][6]) == journal_file.CELL_CHARACTERS
    assert len(_csv_rows(_file(cast.bob, run, "csv")[0])[1][6]) == 40_000


def test_a_journal_longer_than_a_sheet_says_that_it_is_cut(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_file, "SHEET_ROWS", 5)
    run = make_run(profile=make_profile(tenant=cast.tenant))
    for number in range(4):
        make_entry(run=run, reference=f"R{number}")
    rows = _sheet_rows(_file(cast.bob, run, "xlsx")[0])
    assert len(rows) == 5
    assert rows[-1][0].startswith("Journal coupé ici")
    assert len(_csv_rows(_file(cast.bob, run, "csv")[0])) == 5, "a CSV has no limit"


@pytest.mark.parametrize("kind", KINDS)
def test_strangers_get_no_journal(cast: Cast, kind: str) -> None:
    run = make_run(profile=make_profile(tenant=cast.tenant))
    make_entry(run=run, text=SECRET_MARK)
    url = reverse(f"sync:run_journal_{kind}", args=[run.pk])
    refused = cast.charlie.client.get(url)
    assert refused.status_code == 404
    assert SECRET_MARK not in refused.content.decode()
    assert cast.charlie.client.post(url).status_code == 405


def test_recorded_bodies_are_in_no_file(cast: Cast) -> None:
    run = make_run(profile=make_profile(tenant=cast.tenant))
    make_entry(run=run, text="Refusé", detail={"sent": {"name": "corps-canari"}})
    for kind in ("txt", "csv"):
        assert b"canari" not in _file(cast.bob, run, kind)[0]
    assert "canari" not in str(_sheet_rows(_file(cast.bob, run, "xlsx")[0]))
