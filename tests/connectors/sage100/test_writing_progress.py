"""How far Sage is with web orders: the document chain, tracking, invoices, incremental reading."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from connectors.canonical.keys import Aspect, Entity
from connectors.canonical.sales import OrderProgress
from connectors.core.ports import Connection
from connectors.core.problems import Misconfigured
from connectors.core.query import Query
from connectors.core.results import Cursor
from connectors.sandbox.sage100 import Sage100Sandbox
from connectors.testing.contract import ReaderContract
from tests.connectors.sage100.conftest import Company
from tests.connectors.sage100.writing_support import T55, document_of, line_of, one, rows

pytestmark = pytest.mark.covers("UPD-01", "UPD-02", "SYS-01")

BUYER = "WEB0000101"
TRACKING = "N° de suivi"
MOST = Query(tracking_field=TRACKING, least_advanced=False)
LEAST = Query(tracking_field=TRACKING, least_advanced=True)
TWO = document_of(line_of(1, "TENTE2P", "549.60", quantity="2"), line_of(2, "LIVRE-TOPO", "24.90", tax=T55))


def progress(company, query: Query = MOST, **more) -> dict[str, OrderProgress]:
    return company.read(Entity.ORDER, Aspect.STATE, query, **more).by_key


def order(company, document=TWO) -> str:
    with company.open() as connection:
        return connection.sales().create_document(document, customer=BUYER, address="").piece


def crowd(company) -> None:
    """Another 120 orders: more than two pages of 50."""
    with company.open() as connection:
        target = connection.sales()
        for count in range(120):
            document = document_of(line_of(1, "TENTE2P", "9.00"), web_number=f"7{count:03d}")
            target.create_document(document, customer=BUYER, address="")


def test_every_stage_of_the_sample_is_read(sample) -> None:
    found = progress(sample)
    assert {key: one.state for key, one in found.items()} == {
        "100001": "order", "100002": "preparation", "100003": "delivery", "100004": "invoice", "99998": "posted",
        "100006": "order",
    }  # fmt: skip
    assert found["100003"] == OrderProgress(
        key="100003", web_number="100003", state="delivery", piece="BL00001", tracking="XY123456789FR",
        carrier="Chronopost 13h", delivery_on=date(2025, 10, 9),
    )  # fmt: skip
    assert found["99998"].invoice == "FA00003"
    assert not any(one.partial for one in found.values())


def test_the_chain_is_followed_to_the_end(writable) -> None:
    piece = order(writable)
    expected = [(2, "preparation", ""), (3, "delivery", ""), (6, "invoice", "same"), (7, "posted", "same")]
    assert progress(writable)["9001"].state == "order"
    for to, state, invoice in expected:
        piece = writable.sandbox.advance_document(piece, to, tracking=f"TR{to}")
        found = progress(writable)["9001"]
        assert (found.state, found.piece, found.tracking, found.partial) == (state, piece, f"TR{to}", False)
        assert found.invoice == (piece if invoice else "")


@pytest.mark.covers("UPD-01")
def test_p16_a_partial_delivery_is_told(writable) -> None:
    piece = order(writable)
    first = one(writable.sandbox, "SELECT MIN(DL_No) FROM F_DOCLIGNE WHERE DO_Piece = ?", piece)[0]
    delivered = writable.sandbox.advance_document(piece, 3, quantities={first: 1}, tracking="COLIS1")
    most, least = progress(writable)["9001"], progress(writable, LEAST)["9001"]
    assert (most.state, most.partial, most.piece, most.tracking) == ("delivery", True, delivered, "COLIS1")
    assert replace(least, state="delivery") == most
    assert least.state == "order"
    writable.sandbox.advance_document(piece, 3, tracking="COLIS2")
    both = progress(writable, LEAST)["9001"]
    assert (both.state, both.partial) == ("delivery", False)
    assert set(both.tracking.split(", ")) == {"COLIS1", "COLIS2"}


@pytest.mark.covers("UPD-02")
def test_the_tracking_number_comes_from_the_chosen_field(writable_file) -> None:
    piece = order(writable_file)
    with writable_file.sandbox.session() as session:
        session.run("UPDATE F_DOCENTETE SET DO_Coord04 = ' 8R001 ' WHERE DO_Piece = ?", (piece,))
        session.run("UPDATE F_DOCLIGNE SET DL_NoColis = 'P1' WHERE DO_Piece = ? AND DL_Ligne = 10000", (piece,))
        session.run("UPDATE F_DOCLIGNE SET DL_NoColis = 'P2' WHERE DO_Piece = ? AND DL_Ligne = 20000", (piece,))
    for field, expected in (("DO_Coord04", "8R001"), ("DL_NoColis", "P1, P2"), (TRACKING, ""), ("", "")):
        assert progress(writable_file, Query(tracking_field=field))["9001"].tracking == expected
    with writable_file.open() as connection:
        fields = {choice.key for choice in connection.choices("document_fields")}
    assert {"DO_Coord04", "DL_NoColis", TRACKING} <= fields


@pytest.mark.parametrize("field", ["Absent", "N° absent", "DO_Piece, DO_Ref", "1 FROM F_COMPTET --"])
def test_an_unknown_tracking_field_stops_the_reading(sample, field) -> None:
    with pytest.raises(Misconfigured) as caught:
        progress(sample, Query(tracking_field=field))
    assert caught.value.problem.code == "document_field_unknown"


def test_quotes_returns_and_credit_notes_are_no_stage(writable_file) -> None:
    with writable_file.sandbox.session() as session:
        session.run("UPDATE F_DOCENTETE SET DO_NoWeb = 'Q1' WHERE DO_Piece = 'DE00001'")
        session.run("UPDATE F_DOCENTETE SET DO_NoWeb = '100003' WHERE DO_Piece IN ('FA00004', 'BR00001')")
    found = progress(writable_file)
    assert "Q1" not in found
    assert found["100003"].state == "delivery"


@pytest.mark.covers("UPD-01")
def test_p07_only_what_changed_is_read_again(writable_file) -> None:
    with writable_file.sandbox.session() as session:  # the loaded documents are old
        session.run("UPDATE F_DOCENTETE SET cbModification = '2025-01-01 00:00:00'")
        session.run("UPDATE F_DOCLIGNE SET cbModification = '2025-01-01 00:00:00'")
    first = writable_file.read(Entity.ORDER, Aspect.STATE, MOST)
    assert first.pages[-1].cursor.until == "2025-01-01 00:00:00", "the mark is the server's, never our clock's"
    cursor = Cursor(since="2025-01-01 00:02:01")
    piece = order(writable_file)
    writable_file.sandbox.advance_document("PL00001", 3)
    with writable_file.sandbox.session() as session:  # only a line changes
        session.run("UPDATE F_DOCLIGNE SET DL_NoColis = 'P9' WHERE DO_Piece = 'BL00001'")
    changed = writable_file.read(Entity.ORDER, Aspect.STATE, replace(MOST, tracking_field="DL_NoColis"), since=cursor)
    assert set(changed.by_key) == {"9001", "100002", "100003"}
    assert changed.by_key["9001"].piece == piece
    assert changed.by_key["100003"].tracking == "P9"
    later = Cursor(since="2099-01-01 00:00:00")
    assert progress(writable_file, since=later) == {}


def test_a_company_without_row_clock_is_read_whole(writable_file) -> None:
    writable_file.sandbox.rename_column("F_DOCLIGNE", "cbModification", "zzModification")
    found = progress(writable_file, since=Cursor(since="2099-01-01 00:00:00"))
    assert "100001" in found


def test_an_order_with_documents_far_apart_comes_once(writable_file) -> None:
    """Its documents lie in different pages: the order belongs to the page of the first one."""
    piece = order(writable_file)
    first = one(writable_file.sandbox, "SELECT MIN(DL_No) FROM F_DOCLIGNE WHERE DO_Piece = ?", piece)[0]
    crowd(writable_file)
    writable_file.sandbox.advance_document(piece, 3, quantities={first: 1})
    reading = writable_file.read(Entity.ORDER, Aspect.STATE, MOST, page_size=50)
    assert len(reading.pages) >= 3
    assert reading.by_key["9001"].state == "delivery"
    assert len(reading.by_key) == 127


@pytest.fixture(scope="module")
def crowded(emulated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """One company for the tests of the reader, which change nothing."""
    path = shutil.copy(emulated_file, tmp_path_factory.mktemp("sage100") / "crowded.db")
    company = Company(Sage100Sandbox(path), "sqlite3")
    crowd(company)
    return company


class TestProgressReader(ReaderContract):
    """The promises of every reader, over pages of 50 documents."""

    entity = Entity.ORDER
    aspect = Aspect.STATE
    query = MOST

    @pytest.fixture
    def connection(self, crowded: Company) -> Iterator[Connection]:
        with crowded.open(page_size=50) as opened:
            yield opened

    @pytest.fixture
    def expected_keys(self, crowded: Company) -> Collection[str]:
        statement = "SELECT DISTINCT DO_NoWeb FROM F_DOCENTETE WHERE DO_Domaine = 0 AND DO_NoWeb <> '' AND DO_Type > 0"
        return [str(row[0]) for row in rows(crowded.sandbox, statement)]


def test_nothing_is_written_while_reading(writable_file, tmp_path: Path) -> None:
    writable_file.sandbox.set_write_trap()
    progress(writable_file)
    assert writable_file.sandbox.trapped_writes() == []
