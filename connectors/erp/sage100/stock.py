"""Stock per variant: what the chosen warehouses hold, added up by the chosen formula."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from connectors.canonical.stock import StockLevel
from connectors.core.odbc import Row, decimal_of, int_of
from connectors.core.query import Query, StockFigure
from connectors.erp.sage100.articles import Batch
from connectors.erp.sage100.context import Context
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.kits import Bills, Component, load_bills, require_depth
from connectors.erp.sage100.problems import RowRefused
from connectors.erp.sage100.purchases import ExpectedLoader, Place
from connectors.erp.sage100.rows import Article
from connectors.erp.sage100.units import UnitReader
from connectors.erp.sage100.variants import Offer, Owners, Unit

_ZERO = Decimal(0)

FIGURES: Mapping[StockFigure, Callable[[Sequence[Any]], Decimal]] = {
    StockFigure.REAL: lambda sums: decimal_of(sums[0]),
    StockFigure.FORECAST: lambda sums: (
        decimal_of(sums[0]) + decimal_of(sums[2]) - decimal_of(sums[1]) - decimal_of(sums[3])
    ),
    StockFigure.AVAILABLE: lambda sums: decimal_of(sums[0]) - decimal_of(sums[3]) - decimal_of(sums[4]),
}
"""Formulas over (in stock, reserved, ordered, being prepared, being inspected)."""


@dataclass(frozen=True, slots=True)
class StockBook:
    """Stock of the articles of a page and of what their kits are made of. No row counts as 0."""

    quantities: Mapping[Place, Decimal]
    bills: Bills
    expected: Mapping[Place, date] = field(default_factory=dict)

    def expected_on(self, article: Article, unit: Unit) -> date | None:
        """Day of the next delivery of one thing sold. A kit is bought in pieces: it has no day of its own."""
        return None if article.is_kit else self.expected.get((article.ref, unit.range1, unit.range2))

    def quantity(self, article: Article, unit: Unit) -> Decimal | None:
        """Quantity of one thing sold, ``None`` for what is not kept in stock. A kit in a loop raises ``RowRefused``."""
        held = self._held(article, unit, 0)
        if held is None or unit.holds == 1:
            return held
        return _floor(held / unit.holds)

    def _held(self, article: Article, unit: Unit, depth: int) -> Decimal | None:
        if article.is_kit:
            return self._kit(article, unit, depth)
        if not article.tracked:
            return None
        return self.quantities.get((article.ref, unit.range1, unit.range2), _ZERO)

    def _kit(self, article: Article, unit: Unit, depth: int) -> Decimal | None:
        require_depth(article, depth)
        possible = [
            _floor(held / line.quantity)
            for line in self.bills.components(article, unit)
            if (held := self._component(line, depth + 1)) is not None
        ]
        return min(possible) if possible else None

    def _component(self, line: Component, depth: int) -> Decimal | None:
        unit = Unit(key="", reference="", range1=line.range1, range2=line.range2)
        return self._held(line.article, unit, depth)


class StockLoader:
    """Reads stock for the articles of a page; with ``expected``, the next deliveries too."""

    def __init__(
        self,
        database: Database,
        warehouses: Sequence[int],
        figure: StockFigure,
        expected: ExpectedLoader | None = None,
    ) -> None:
        self._database = database
        self._warehouses = warehouses
        self._figure = FIGURES[figure]
        self._expected = expected

    def load(self, articles: Collection[Article], offers: Mapping[str, Offer]) -> StockBook:
        """Stock of these articles, by range values for those that have any."""
        ranged = {ref for ref, offer in offers.items() if offer.units[0].range1}
        kits = [article for article in articles if article.is_kit]
        bills = load_bills(self._database, kits) if kits else Bills()
        lines = [line for found in bills.lines.values() for line in found]
        totals = {article.ref for article in articles if article.tracked and article.ref not in ranged}
        totals |= {line.article.ref for line in lines if not line.range1 and line.article.tracked}
        details = ranged | {line.article.ref for line in lines if line.range1}
        expected = self._expected.load(sorted(article.ref for article in articles)) if self._expected else {}
        return StockBook({**self._totals(sorted(totals)), **self._details(sorted(details))}, bills, expected)

    def _totals(self, references: list[str]) -> dict[Place, Decimal]:
        owners = Owners(references)
        return {
            (owners.of(row[0]), 0, 0): self._figure(row[1:])
            for row in self._database.tuples_for("stock", references, lists=(self._warehouses,))
        }

    def _details(self, references: list[str]) -> dict[Place, Decimal]:
        owners = Owners(references)
        return {
            (owners.of(row[0]), int_of(row[1]), int_of(row[2])): self._figure(row[3:])
            for row in self._database.tuples_for("stock_variants", references, lists=(self._warehouses,))
        }


PAGES_IN_ONE = 4
"""Quantities are short and most of them unchanged: longer pages cost the engine fewer transactions."""


class StockReader(UnitReader[StockLevel]):
    """(VARIANT, STOCK): one record per thing sold."""

    _stock: StockLoader

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.page_size *= PAGES_IN_ONE

    def prepare(self, query: Query) -> None:
        """See the base class."""
        self._stock = stock_loader(self.context, query)

    def batch(self, query: Query, rows: Sequence[Row]) -> Batch[StockLevel]:
        """See the base class."""
        batch: Batch[StockLevel] = Batch([], [])
        articles, offers = self.offers(rows, batch)
        book = self._stock.load(articles, offers)
        for article in articles:
            try:
                batch.records.extend(self._levels(query, article, offers[article.ref].units, book))
            except RowRefused as error:
                batch.refuse(article.ref, article.design, error.problem)
        return batch

    def _levels(self, query: Query, article: Article, units: Sequence[Unit], book: StockBook) -> Iterator[StockLevel]:
        weight = article.weight(query.weight_source)
        for unit in units:
            yield stock_level(article, unit, book, weight)


def stock_loader(context: Context, query: Query) -> StockLoader:
    """The loader of a query's warehouses and figure. Raises ``Misconfigured`` for a warehouse the company lacks."""
    warehouses = context.company.warehouse_numbers(query.warehouses)
    expected = ExpectedLoader(context.database, warehouses, context.today) if query.with_expected else None
    return StockLoader(context.database, warehouses, query.stock_figure, expected)


def stock_level(article: Article, unit: Unit, book: StockBook, weight: Decimal | None) -> StockLevel:
    """The record of one thing sold. ``weight`` is that of one sale unit, in kilograms."""
    return StockLevel(
        key=unit.key,
        product_key=article.ref,
        reference=unit.reference,
        quantity=book.quantity(article, unit),
        weight=weight if weight is None or unit.holds == 1 else weight * unit.holds,
        barcode=unit.barcode,
        expected_on=book.expected_on(article, unit),
    )


def _floor(number: Decimal) -> Decimal:
    return number.to_integral_value(rounding=ROUND_FLOOR)
