"""The articles of an order's lines: by the keys the lines carry, or by whatever reference a shop knows them by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from connectors.canonical.keys import variant_key
from connectors.core.odbc import int_of, text_of
from connectors.core.results import ArticleMatch
from connectors.erp.sage100.articles import articles_by_reference
from connectors.erp.sage100.company import Company
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.kits import Bills, load_bills
from connectors.erp.sage100.problems import RowRefused
from connectors.erp.sage100.rows import Article, fold
from connectors.erp.sage100.variants import PACKAGING_MARK, Offer, OfferLoader, Unit, product_candidates
from connectors.erp.sage100.writing_problems import refused


@dataclass(frozen=True, slots=True)
class Sold:
    """What one line sells: an article, and which of its variants."""

    article: Article
    unit: Unit


class Resolver:
    """Finds articles. Nothing is kept between two documents: an article may be created in between."""

    def __init__(self, database: Database, company: Company, *, packagings: bool, today: date) -> None:
        self._database = database
        self._offers = OfferLoader(database, company, packagings=packagings, today=today)

    def sold(self, article_key: str, variant: str = "") -> Sold:
        """The article and variant of a line. Raises ``ItemRefused`` when either is not there; never guesses."""
        article = self._article(article_key)
        if article is None:
            raise refused("article_unknown", value=article_key)
        offer = self._offers.load([article])[article.ref]
        if isinstance(offer, RowRefused):
            raise refused("variant_unknown", value=variant or article.ref, article=article.ref) from offer
        return Sold(article, _unit(article, offer, variant))

    def bills(self, article: Article) -> Bills:
        """What a kit is made of, at every level."""
        return load_bills(self._database, [article])

    def match(self, *keys: str) -> ArticleMatch | None:
        """The article the first of these keys that means something names; ``None`` when none does.

        A key is a variant's key, an article's reference, a variant's or a packaging's own reference, or the reference
        the platform makes of an article's and the ranges' numbers.
        """
        for key in filter(None, keys):
            found = self._by_keys(key) or self._by_own_reference(key) or self._by_made_reference(key)
            if found is not None:
                return found
        return None

    def _by_keys(self, key: str) -> ArticleMatch | None:
        for reference in product_candidates(key):
            article = self._article(reference)
            if article is not None:
                return self._matched(article, key if reference != key else "")
        return None

    def _by_own_reference(self, key: str) -> ArticleMatch | None:
        variants = [
            variant_key(text_of(row["ar_ref"]), int_of(row["ag_no1"]), int_of(row["ag_no2"]))
            for row in self._database.rows("writing/variant_references", key)
        ]
        packs = [
            variant_key(text_of(row["ar_ref"]), f"{PACKAGING_MARK}{int_of(row['co_no'])}")
            for row in self._database.rows("writing/packaging_references", key)
        ]
        found = variants or packs
        # A reference that several variants carry names none of them.
        return self._by_keys(found[0]) if len(found) == 1 else None

    def _by_made_reference(self, key: str) -> ArticleMatch | None:
        parts = key.rsplit("-", 2)
        for length in (len(parts) - 1, len(parts) - 2):
            if length < 1:
                continue
            rest = [part.removeprefix(PACKAGING_MARK) for part in parts[length:]]
            if all(part.isdecimal() for part in rest):
                found = self._by_keys("#".join(["-".join(parts[:length]), *parts[length:]]))
                if found is not None and found.variant:
                    return found
        return None

    def _matched(self, article: Article, variant: str) -> ArticleMatch | None:
        offer = self._offers.load([article])[article.ref]
        if isinstance(offer, RowRefused):
            return None
        single = len(offer.units) == 1 and offer.units[0].key == article.ref
        wanted = article.ref if single and not variant else _canonical(article, variant)
        unit = next((unit for unit in offer.units if unit.key == wanted), None)
        if unit is None and variant:
            return None
        return ArticleMatch(
            article=article.ref,
            variant=unit.key if unit else "",
            designation=article.design.strip(),
            dormant=article.dormant or bool(unit and not unit.active),
        )

    def _article(self, reference: str) -> Article | None:
        found = articles_by_reference(self._database, [reference])
        if reference in found:
            return found[reference]
        return next((article for ref, article in found.items() if fold(ref) == fold(reference)), None)


def _canonical(article: Article, variant: str) -> str:
    """The variant's key under the article's reference as Sage spells it."""
    return article.ref + variant[len(article.ref) :]


def _unit(article: Article, offer: Offer, variant: str) -> Unit:
    wanted = _canonical(article, variant) if variant else article.ref
    for unit in offer.units:
        if unit.key == wanted:
            return unit
    single = variant_key(article.ref, f"{PACKAGING_MARK}0")
    if wanted == article.ref:
        for unit in offer.units:
            if unit.key == single:
                return unit
        raise refused("variant_missing", article=article.ref)
    raise refused("variant_unknown", value=variant, article=article.ref)
