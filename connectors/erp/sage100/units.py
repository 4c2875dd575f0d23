"""Readers that give one record per thing sold: stock and prices."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from connectors.canonical.base import Record
from connectors.core.odbc import Row, int_of
from connectors.core.query import Query
from connectors.core.results import Cursor, Page
from connectors.erp.sage100.articles import ArticleReader, Batch, typed
from connectors.erp.sage100.problems import RowRefused
from connectors.erp.sage100.rows import Article
from connectors.erp.sage100.variants import Offer, OfferLoader, product_candidates

R = TypeVar("R", bound=Record)


class UnitReader(ArticleReader[R]):
    """Frame of the readers of variants. Keys are variant keys; a plain article's is its reference."""

    def pages(
        self, query: Query, *, since: Cursor | None = None, keys: Collection[str] | None = None
    ) -> Iterator[Page[R]]:
        """See the base class; with ``keys``, only these variants."""
        wanted = None if keys is None else frozenset(keys)
        for page in super().pages(query, since=since, keys=keys):
            if wanted is None:
                yield page
            else:
                yield replace(page, records=tuple(record for record in page.records if record.key in wanted))

    def all_keys(self) -> Iterator[str]:
        """Keys of everything that is sold, whatever its state."""
        for rows in self.every_row("articles_short"):
            _, offers = self.offers(rows, Batch([], []))
            yield from (unit.key for offer in offers.values() for unit in offer.units)

    def references_of(self, keys: Collection[str]) -> list[str]:
        """References of the articles these variants may belong to."""
        return list(dict.fromkeys(candidate for key in keys for candidate in product_candidates(key)))

    def offers(self, rows: Sequence[Row], batch: Batch[Any]) -> tuple[list[Article], dict[str, Offer]]:
        """The readable articles of a page with what is sold of them; the others are refused in ``batch``."""
        return load_offers(self._loader(), typed(rows, batch), batch)

    def _loader(self) -> OfferLoader:
        options = self.context.options
        return OfferLoader(self.database, self.company, packagings=options.packagings, today=self.context.today)

    def _total(self, conditions: tuple[str, ...]) -> int:
        # An estimate for the progress bar: a variable article counts once besides its variants.
        extra = self.database.value(self.database.prepared("variant_count").filtered(*conditions))
        return super()._total(conditions) + int_of(extra)


def load_offers(
    loader: OfferLoader, articles: Sequence[Article], batch: Batch[Any]
) -> tuple[list[Article], dict[str, Offer]]:
    """What is sold of these articles; those of which nothing can be sold are refused in ``batch``."""
    kept, offers = [], {}
    loaded = loader.load(articles)
    for article in articles:
        offer = loaded[article.ref]
        if isinstance(offer, RowRefused):
            batch.refuse(article.ref, article.design, offer.problem)
        else:
            kept.append(article)
            offers[article.ref] = offer
    return kept, offers
