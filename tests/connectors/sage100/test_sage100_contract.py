"""The promises every connector makes, on a company of three pages, by each road."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors.canonical.keys import Aspect, Entity
from connectors.core.ports import Connection, Reader
from connectors.core.query import CategorySource, Query
from connectors.erp.sage100 import SPEC
from connectors.erp.sage100.connection import Sage100Connection
from connectors.sandbox.sage100 import Sage100Sandbox, build
from connectors.testing.contract import CheckContract, Opened, ReaderContract, SpecContract
from tests.connectors.sage100.support import runtime_of

pytestmark = pytest.mark.covers("SYS-01")
EVERYTHING = Query(published_only=False, include_dormant=True, price_category="3")


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Sage100Sandbox:
    """120 articles, a fifth of them with four sizes."""
    folder = tmp_path_factory.mktemp("sage100-contract")
    return build(folder / "company.db", merchant="generated", items=120, variants_share=0.2)


@pytest.fixture(params=[pytest.param("sqlite3"), pytest.param("odbc", marks=pytest.mark.odbc)])
def connection(request: pytest.FixtureRequest, generated: Sage100Sandbox) -> Iterator[Connection]:
    """An open connection with small pages."""
    where: dict[str, Any] = {"kind": "sqlite", "path": str(generated.path)}
    if request.param == "odbc":
        where = {"kind": "connection_string", "connection_string": generated.odbc_connection_string()}
    with SPEC.open(SPEC.options(page_size=50, **where), runtime_of()) as opened:
        yield opened


def articles(sandbox: Sage100Sandbox) -> set[str]:
    with sandbox.session(write=False) as session:
        return {str(row[0]) for row in session.all("SELECT AR_Ref FROM F_ARTICLE")}


def sold(sandbox: Sage100Sandbox) -> set[str]:
    with sandbox.session(write=False) as session:
        plain = session.all("SELECT AR_Ref FROM F_ARTICLE WHERE AR_Gamme1 = 0")
        pairs = session.all("SELECT AR_Ref, AG_No1 FROM F_ARTENUMREF")
    return {str(row[0]) for row in plain} | {f"{ref}#{number}" for ref, number in pairs}


class TestProducts(ReaderContract):
    entity = Entity.PRODUCT
    query = EVERYTHING

    @pytest.fixture
    def expected_keys(self, generated: Sage100Sandbox) -> Collection[str]:
        return articles(generated)


class TestStates(TestProducts):
    aspect = Aspect.STATE


class TestStock(ReaderContract):
    entity = Entity.VARIANT
    aspect = Aspect.STOCK
    query = EVERYTHING

    @pytest.fixture
    def expected_keys(self, generated: Sage100Sandbox) -> Collection[str]:
        return sold(generated)


class TestPrices(TestStock):
    aspect = Aspect.PRICE


class TestCategories(ReaderContract):
    entity = Entity.CATEGORY
    query = Query(category_source=CategorySource.FAMILIES)

    @pytest.fixture
    def expected_keys(self, connection: Connection) -> Collection[str]:
        central = {choice.extra["central"] for choice in connection.choices("families")} - {""}
        return {f"family:{choice.key}" for choice in connection.choices("families")} | {
            f"central:{code}" for code in central
        }

    def test_all_keys_are_what_exists_now(self, reader: Reader[Any], expected_keys: Collection[str]) -> None:
        """Keys do not depend on a query: those of the catalogue are there too."""
        keys = list(reader.all_keys())
        assert len(keys) == len(set(keys))
        assert set(expected_keys) == {key for key in keys if not key.startswith("catalogue:")}


class TestSpec(SpecContract):
    spec = SPEC

    @pytest.fixture
    def healthy(self, sample_file: Path) -> Iterator[Connection]:
        with SPEC.open(SPEC.options(kind="sqlite", path=str(sample_file)), runtime_of()) as opened:
            yield opened


class TestCheck(CheckContract):
    @pytest.fixture
    def healthy(self, sample_file: Path) -> Iterator[Connection]:
        with SPEC.open(SPEC.options(kind="sqlite", path=str(sample_file)), runtime_of()) as opened:
            yield opened

    @pytest.fixture
    def failures(self, local: Any, tmp_path: Path) -> Mapping[str, Callable[[], Opened]]:
        local.sandbox.rename_table("F_TAXE", "F_AUTRE")
        broken = tmp_path / "broken.gcm"
        broken.write_bytes(b"x" * 5000)

        def opening(**options: Any) -> Callable[[], Opened]:
            return lambda: SPEC.open(SPEC.options(**options), runtime_of())

        return {
            "table_missing": opening(kind="sqlite", path=str(local.sandbox.path)),
            "file_missing": opening(kind="sqlite", path=str(tmp_path / "absent.db")),
            "not_a_database": opening(kind="sqlite", path=str(broken)),
        }


def test_a_connection_opens_nothing_before_it_is_used(tmp_path: Path) -> None:
    connection = Sage100Connection(SPEC.options(kind="sqlite", path=str(tmp_path / "absent.db")), runtime_of())
    connection.close()
    assert not connection.check().ok
