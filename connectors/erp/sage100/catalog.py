"""Articles with everything sold of them, and whether they are sold on the web."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from connectors.canonical.catalog import Inactive, Product, ProductKind, ProductState, Variant
from connectors.core.odbc import Row
from connectors.core.query import Query
from connectors.erp.sage100.articles import ArticleReader, Batch, typed
from connectors.erp.sage100.categories import CategoryPaths, paths_for
from connectors.erp.sage100.fields import FieldLoader, custom_selection
from connectors.erp.sage100.prices import PriceBook, PriceLoader, price_loader
from connectors.erp.sage100.problems import RowRefused
from connectors.erp.sage100.rows import Article
from connectors.erp.sage100.schema import LANGUAGES, TRANSLATED
from connectors.erp.sage100.stock import StockBook, StockLoader, stock_level, stock_loader
from connectors.erp.sage100.taxes import NOTHING, Taxation, TaxLoader
from connectors.erp.sage100.units import load_offers
from connectors.erp.sage100.variants import Offer, OfferLoader, Unit


class _Books:
    """What was loaded for the articles of one page."""

    def __init__(
        self,
        fields: dict[str, dict[str, str]],
        taxes: dict[str, Taxation],
        prices: PriceBook | None,
        stock: StockBook | None,
    ) -> None:
        self.fields = fields
        self.taxes = taxes
        self.prices = prices
        self.stock = stock


class ProductReader(ArticleReader[Product]):
    """(PRODUCT, DATA). Serves one reading at a time."""

    statement = "articles"
    by_date = True
    _paths: CategoryPaths
    _prices: PriceLoader | None
    _stock: StockLoader | None

    def prepare(self, query: Query) -> None:
        """See the base class."""
        self._paths = paths_for(self.context, query)
        self._taxes = TaxLoader(self.context, query.accounting_category)
        self._fields = FieldLoader(self.context)
        self._prices = price_loader(self.context, query) if query.with_price else None
        self._stock = stock_loader(self.context, query) if query.with_stock else None
        self._offers = OfferLoader(
            self.database, self.company, packagings=self.context.options.packagings, today=self.context.today
        )

    def columns(self) -> Iterable[str]:
        """See the base class."""
        return custom_selection(self.company)

    def batch(self, query: Query, rows: Sequence[Row]) -> Batch[Product]:
        """See the base class."""
        batch: Batch[Product] = Batch([], [])
        articles, offers = load_offers(self._offers, typed(rows, batch), batch)
        books = _Books(
            self._fields.load(articles),
            self._taxes.load(articles),
            self._prices.load(articles, offers) if self._prices else None,
            self._stock.load(articles, offers) if self._stock else None,
        )
        for article in articles:
            try:
                batch.records.append(self._product(query, article, offers[article.ref], books))
            except RowRefused as error:
                batch.refuse(article.ref, article.design, error.problem)
        return batch

    def _product(self, query: Query, article: Article, offer: Offer, books: _Books) -> Product:
        weight = article.weight(query.weight_source)
        fields = books.fields[article.ref]
        return Product(
            key=article.ref,
            reference=article.ref,
            kind=kind_of(article),
            axes=offer.axes,
            variants=tuple(_variant(article, unit, weight, books) for unit in offer.units),
            active=not article.dormant,
            name=_names(article, fields),
            categories=self._paths.of(article),
            tax=books.taxes.get(article.ref, NOTHING).vat,
            published=article.published,
            dormant=article.dormant,
            family=article.family,
            fields=fields,
        )


class StateReader(ArticleReader[ProductState]):
    """(PRODUCT, STATE): every article that matches the filter, dormant and unpublished ones included.

    With ``published_only`` an article that is not published is inactive; without it, only dormant ones are.
    """

    all_states = True

    def batch(self, query: Query, rows: Sequence[Row]) -> Batch[ProductState]:
        """See the base class."""
        batch: Batch[ProductState] = Batch([], [])
        for article in typed(rows, batch):
            reason = _reason(article, query)
            batch.records.append(ProductState(key=article.ref, reference=article.ref, active=not reason, reason=reason))
        return batch


def kind_of(article: Article) -> ProductKind:
    """Kit, service (nothing kept in stock and nothing to weigh, or working time), else an ordinary article."""
    if article.is_kit:
        return ProductKind.KIT
    weighs = article.number("ar_poidsnet") or article.number("ar_poidsbrut")
    if article.is_resource or (not article.tracked and not weighs):
        return ProductKind.SERVICE
    return ProductKind.STANDARD


def _names(article: Article, fields: dict[str, str]) -> dict[str, str]:
    others = {language: fields[TRANSLATED % ("AR_Design", language)] for language in LANGUAGES if language}
    return {"": article.design, **{language: text for language, text in others.items() if text}}


def _variant(article: Article, unit: Unit, weight: Decimal | None, books: _Books) -> Variant:
    return Variant(
        key=unit.key,
        reference=unit.reference,
        options=unit.options,
        active=unit.active,
        barcode=unit.barcode,
        weight=weight if weight is None or unit.holds == 1 else weight * unit.holds,
        price=books.prices.price(article, unit) if books.prices else None,
        stock=stock_level(article, unit, books.stock, weight) if books.stock else None,
    )


def _reason(article: Article, query: Query) -> Inactive | None:
    if article.dormant:
        return Inactive.DORMANT
    return Inactive.UNPUBLISHED if query.published_only and not article.published else None
