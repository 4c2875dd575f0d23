"""An open connection to a Sage 100 company."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from connectors.canonical.keys import Aspect, Entity
from connectors.core.odbc import ReadSession, connect_read
from connectors.core.ports import Reader, Runtime, Writer
from connectors.core.problems import NotSupported, Problem
from connectors.core.redaction import register_secret
from connectors.core.results import ArticleMatch, CheckReport, Choice
from connectors.erp.sage100.catalog import ProductReader, StateReader
from connectors.erp.sage100.categories import CategoryReader
from connectors.erp.sage100.check import facts_of, run_check
from connectors.erp.sage100.choices import read_choices
from connectors.erp.sage100.company import Company
from connectors.erp.sage100.context import Context
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.options import Sage100Options, permitted
from connectors.erp.sage100.pictures import PictureReader
from connectors.erp.sage100.prices import PriceReader
from connectors.erp.sage100.progress import ProgressReader
from connectors.erp.sage100.resolver import Resolver
from connectors.erp.sage100.stock import StockReader
from connectors.erp.sage100.writing import Sage100Sales

_READERS: Mapping[tuple[Entity, Aspect], Any] = {
    (Entity.CATEGORY, Aspect.DATA): CategoryReader,
    (Entity.PRODUCT, Aspect.DATA): ProductReader,
    (Entity.PRODUCT, Aspect.STATE): StateReader,
    (Entity.PRODUCT, Aspect.PICTURES): PictureReader,
    (Entity.VARIANT, Aspect.STOCK): StockReader,
    (Entity.VARIANT, Aspect.PRICE): PriceReader,
    (Entity.ORDER, Aspect.STATE): ProgressReader,
}


class Sage100Connection:
    """Reads one company. Nothing is opened before the first reading; not to be shared between threads."""

    def __init__(self, options: Sage100Options, runtime: Runtime) -> None:
        self._options = options
        self._runtime = runtime
        self._session: ReadSession | None = None
        self._sales: Sage100Sales | None = None
        for secret in options.secrets():
            register_secret(secret)

    @cached_property
    def _context(self) -> Context:
        self._session = connect_read(permitted(self._options.read_source(), self._runtime))
        database = Database(self._session)
        return Context(database, Company(database), self._options, self._runtime)

    def check(self) -> CheckReport:
        """See :class:`connectors.core.ports.Connection`. Uses sessions of its own."""
        return run_check(self._options, self._runtime)

    def reader(self, entity: Entity, aspect: Aspect = Aspect.DATA) -> Reader[Any]:
        """See :class:`connectors.core.ports.Connection`. A reader serves one reading at a time."""
        kind = _READERS.get((entity, aspect))
        if kind is None:
            raise _unsupported(entity, aspect)
        reader: Reader[Any] = kind(self._context)
        return reader

    def writer(self, entity: Entity, aspect: Aspect = Aspect.DATA) -> Writer[Any]:
        """Always raises ``NotSupported``: orders and customers go in through :meth:`sales`."""
        raise _unsupported(entity, aspect)

    def sales(self) -> Sage100Sales:
        """See :class:`connectors.core.ports.SalesConnection`. Opens a session of its own at its first use."""
        if self._sales is None:
            self._sales = Sage100Sales(self._options, self._runtime)
        return self._sales

    def article_of(self, *keys: str) -> ArticleMatch | None:
        """See :class:`connectors.core.ports.SalesConnection`. Reads the read source."""
        context = self._context
        resolver = Resolver(context.database, context.company, packagings=self._options.packagings, today=context.today)
        return resolver.match(*keys)

    def choices(self, name: str) -> list[Choice]:
        """See :class:`connectors.core.ports.Connection`."""
        return read_choices(self._context, name)

    def facts(self, *names: str) -> Mapping[str, str]:
        """See :class:`connectors.core.ports.Connection`."""
        context = self._context
        return facts_of(context.database, context.company, context.database.session.info, self._options)

    def close(self) -> None:
        """Rolls back and ends the sessions. May be called twice."""
        if self._session is not None:
            self._session.close()
        if self._sales is not None:
            self._sales.close()


@contextmanager
def open_connection(options: Sage100Options, runtime: Runtime) -> Iterator[Sage100Connection]:
    """A connection for the length of a block, closed at its end whatever happens."""
    connection = Sage100Connection(options, runtime)
    try:
        yield connection
    finally:
        connection.close()


def _unsupported(entity: Entity, aspect: Aspect) -> NotSupported:
    return NotSupported(
        Problem(
            "not_supported",
            "Le connecteur Sage 100 ne sait pas faire cela.",
            "Choisissez un autre flux.",
            f"{entity}/{aspect}",
        )
    )
