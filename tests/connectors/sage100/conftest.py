"""Companies for the tests of the Sage 100 connector, by each road: sqlite3, ODBC to SQLite, ODBC to PostgreSQL."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from psycopg import conninfo

from connectors.canonical.keys import Aspect, Entity
from connectors.core.query import Query
from connectors.core.results import Page, RefusedRow
from connectors.erp.sage100 import SPEC
from connectors.sandbox.sage100 import Sage100Sandbox, build, create_database, drop_database
from tests.connectors.sage100.support import runtime_of

NOON = datetime(2025, 11, 21, 12, tzinfo=UTC)
ROADS = [
    pytest.param("sqlite3"),
    pytest.param("odbc-sqlite", marks=pytest.mark.odbc),
    pytest.param("odbc-postgresql", marks=[pytest.mark.odbc, pytest.mark.postgres]),
]


@dataclass(slots=True)
class Reading:
    """Everything one reading gave."""

    pages: list[Page[Any]] = field(default_factory=list)

    @property
    def records(self) -> list[Any]:
        return [record for page in self.pages for record in page.records]

    @property
    def by_key(self) -> dict[str, Any]:
        found = {record.key: record for record in self.records}
        assert len(found) == len(self.records), "a key came twice"
        return found

    @property
    def refused(self) -> dict[str, RefusedRow]:
        return {row.key: row for page in self.pages for row in page.refused}


@dataclass(slots=True)
class Company:
    """A stand-in company and the road that leads to it."""

    sandbox: Sage100Sandbox
    road: str
    settings: dict[str, Any] = field(default_factory=dict)
    clock: Callable[[], datetime] = lambda: NOON

    def options(self, **changes: Any) -> Any:
        if self.road == "sqlite3":
            where = {"kind": "sqlite", "path": str(self.sandbox.path)}
        else:
            where = {"kind": "connection_string", "connection_string": self.sandbox.odbc_connection_string()}
        return SPEC.options(**{**where, **self.settings, **changes})

    def open(self, **changes: Any) -> AbstractContextManager[Any]:
        return SPEC.open(self.options(**changes), runtime_of(clock=self.clock))

    def read(
        self,
        entity: Entity,
        aspect: Aspect = Aspect.DATA,
        query: Query | None = None,
        *,
        since: Any = None,
        keys: Any = None,
        **changes: Any,
    ) -> Reading:
        with self.open(**changes) as connection:
            return Reading(list(connection.reader(entity, aspect).pages(query or Query(), since=since, keys=keys)))

    def products(self, query: Query | None = None, **rest: Any) -> Reading:
        return self.read(Entity.PRODUCT, Aspect.DATA, query, **rest)

    def stock(self, query: Query | None = None, **rest: Any) -> Reading:
        return self.read(Entity.VARIANT, Aspect.STOCK, query, **rest)

    def prices(self, query: Query | None = None, **rest: Any) -> Reading:
        return self.read(Entity.VARIANT, Aspect.PRICE, query, **rest)

    def states(self, query: Query | None = None, **rest: Any) -> Reading:
        return self.read(Entity.PRODUCT, Aspect.STATE, query, **rest)

    def categories(self, query: Query | None = None, **rest: Any) -> Reading:
        return self.read(Entity.CATEGORY, Aspect.DATA, query, **rest)


def admin_dsn() -> str:
    """The PostgreSQL server on which tests may create databases."""
    base = settings.DATABASES["default"]
    parts = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    given = {name: str(base[key]) for name, key in parts.items() if base.get(key)}
    return conninfo.make_conninfo("", dbname="postgres", **given)


@pytest.fixture(scope="session")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 40-article company as a file to copy."""
    return build(tmp_path_factory.mktemp("sage100") / "sample.db", merchant="sample").path


PostgresCompany = Callable[[bool], Sage100Sandbox]
"""Makes a fresh sample company, with or without the behaviour of Sage's driver on writes; the one before is gone."""


@pytest.fixture(scope="session")
def postgres_company() -> Iterator[PostgresCompany]:
    """Companies in a database of this run alone, each copied from one that was built once."""
    name = f"sage100_fresh_{os.getpid()}"
    templates: dict[bool, str] = {}

    def made(emulation: bool) -> Sage100Sandbox:
        if emulation not in templates:
            template = f"sage100_template_{len(templates)}_{os.getpid()}"
            build(create_database(admin_dsn(), template), merchant="sample", emulation=emulation)
            templates[emulation] = template
        return Sage100Sandbox(create_database(admin_dsn(), name, template=templates[emulation]))

    try:
        yield made
    finally:
        for one in (name, *templates.values()):
            drop_database(admin_dsn(), one)


@pytest.fixture(scope="session")
def postgres_shared_dsn() -> Iterator[str]:
    """A second one, built once for the tests that only read."""
    name = f"sage100_shared_{os.getpid()}"
    try:
        dsn = create_database(admin_dsn(), name)
        build(dsn, merchant="sample")
        yield dsn
    finally:
        drop_database(admin_dsn(), name)


@pytest.fixture(params=ROADS)
def road(request: pytest.FixtureRequest) -> str:
    """Each road in turn."""
    return str(request.param)


@pytest.fixture
def sample(road: str, request: pytest.FixtureRequest, sample_file: Path) -> Company:
    """The sample company, for tests that only read."""
    if road == "odbc-postgresql":
        return Company(Sage100Sandbox(request.getfixturevalue("postgres_shared_dsn")), road)
    return Company(Sage100Sandbox(sample_file), road)


@pytest.fixture
def editable(road: str, request: pytest.FixtureRequest, sample_file: Path, tmp_path: Path) -> Company:
    """A fresh sample company, for tests that change or damage it."""
    if road == "odbc-postgresql":
        return Company(request.getfixturevalue("postgres_company")(False), road)
    return Company(Sage100Sandbox(shutil.copy(sample_file, tmp_path / "company.db")), road)


@pytest.fixture
def local(sample_file: Path, tmp_path: Path) -> Company:
    """A fresh sample company by the shortest road, for rules that do not depend on the driver."""
    return Company(Sage100Sandbox(shutil.copy(sample_file, tmp_path / "company.db")), "sqlite3")


@pytest.fixture
def fresh_postgres(postgres_company: PostgresCompany) -> Company:
    """A fresh sample company on PostgreSQL, for logins and rights."""
    return Company(postgres_company(False), "odbc-postgresql")


@pytest.fixture(scope="session")
def emulated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 40-article company that behaves as Sage's driver does on writes, as a file to copy."""
    return build(tmp_path_factory.mktemp("sage100") / "emulated.db", merchant="sample", emulation=True).path


@pytest.fixture
def writable(road: str, request: pytest.FixtureRequest, emulated_file: Path, tmp_path: Path) -> Company:
    """A fresh company to write into."""
    if road == "odbc-postgresql":
        return Company(request.getfixturevalue("postgres_company")(True), road)
    return Company(Sage100Sandbox(shutil.copy(emulated_file, tmp_path / "company.db")), road)


@pytest.fixture
def writable_file(emulated_file: Path, tmp_path: Path) -> Company:
    """A fresh company to write into by the shortest road, for rules that do not depend on the driver."""
    return Company(Sage100Sandbox(shutil.copy(emulated_file, tmp_path / "company.db")), "sqlite3")


@pytest.fixture
def writable_postgres(postgres_company: PostgresCompany) -> Company:
    """A fresh company on PostgreSQL, for writers that meet."""
    return Company(postgres_company(True), "odbc-postgresql")
