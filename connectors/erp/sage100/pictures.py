"""Pictures of articles: AR_Photo, the attached files that are pictures, and files found by their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from connectors.canonical.pictures import Picture, ProductPictures
from connectors.core.media_folder import MediaFolder, is_picture
from connectors.core.odbc import Row, text_of
from connectors.core.ports import Runtime
from connectors.core.problems import ItemRefused
from connectors.core.query import Query
from connectors.erp.sage100.articles import ArticleReader, Batch, typed
from connectors.erp.sage100.options import Sage100Options
from connectors.erp.sage100.picture_names import NameIndex, inner_parts, named_variants, owners_of_names
from connectors.erp.sage100.rows import Article
from connectors.erp.sage100.units import load_offers
from connectors.erp.sage100.variants import Offer, OfferLoader, Owners


def media_folder(options: Sage100Options, runtime: Runtime) -> MediaFolder:
    """The folder of a company's pictures; opens nothing yet."""
    return MediaFolder(options.media_folder, local_files=runtime.local_files)


@dataclass(frozen=True, slots=True)
class _Found:
    """What one page needs to know beside its rows."""

    media: dict[str, list[Row]]
    strangers: frozenset[str]


class PictureReader(ArticleReader[ProductPictures]):
    """(PRODUCT, PICTURES): one record per article, also for one without a picture.

    Files are looked at, not opened. One that is missing, unreadable or outside of the folder refuses its article.
    """

    def prepare(self, query: Query) -> None:
        """See the base class. Raises ``Misconfigured`` when the folder cannot be read."""
        self._folder.require()

    def columns(self) -> Iterable[str]:
        """See the base class."""
        return ["a.AR_Photo"]

    def content(self, source: str) -> bytes:
        """The bytes of a picture; may be called from several threads. Raises ``ItemRefused``."""
        return self._folder.content(source)

    @cached_property
    def _folder(self) -> MediaFolder:
        return media_folder(self.context.options, self.context.runtime)

    @cached_property
    def _index(self) -> NameIndex:
        return NameIndex(self._folder.files())

    @property
    def _by_variant_name(self) -> bool:
        return self.context.options.variant_pictures == "name"

    def batch(self, query: Query, rows: Sequence[Row]) -> Batch[ProductPictures]:
        """See the base class."""
        batch: Batch[ProductPictures] = Batch([], [])
        loader = OfferLoader(
            self.database, self.company, packagings=self.context.options.packagings, today=self.context.today
        )
        articles, offers = load_offers(loader, typed(rows, batch), batch)
        found = self._found(articles)
        for article in articles:
            try:
                pictures = tuple(_distinct(self._pictures(article, offers[article.ref], found)))
            except ItemRefused as error:
                batch.refuse(article.ref, article.design, error.problem)
                continue
            batch.records.append(
                ProductPictures(key=article.ref, reference=article.ref, label=article.design, pictures=pictures)
            )
        return batch

    def _found(self, articles: Sequence[Article]) -> _Found:
        references = [article.ref for article in articles]
        media = Owners(references).grouped(self.database.rows_for("pictures/media", references))
        strangers: set[str] = set()
        if self.context.options.pictures_by_name:
            doubtful = {name for reference in references for name in self._index.doubtful(reference)}
            rows = self.database.rows_for("pictures/references", sorted(doubtful))
            strangers = {text_of(row["ar_ref"]) for row in rows}
        return _Found(media, frozenset(strangers))

    def _pictures(self, article: Article, offer: Offer, found: _Found) -> Iterator[Picture]:
        own = list(self._of_sage(article, offer, found.media.get(article.ref, [])))
        if not own and self.context.options.pictures_by_name:
            units = [unit.reference for unit in offer.units if unit.reference != article.ref]
            own = [self._picture([name]) for name in self._index.of(article.ref, [*found.strangers, *units])]
        yield from own
        if offer.axes and self._by_variant_name:
            for key, names in owners_of_names(offer.units, self._index).items():
                yield from (self._picture([name], variants=(key,)) for name in names)

    def _of_sage(self, article: Article, offer: Offer, media: Sequence[Row]) -> Iterator[Picture]:
        photo = text_of(article.row.get("ar_photo")).strip()
        if photo:
            yield self._picture(inner_parts(photo, self._folder.name), photo)
        by_comment = offer.axes and self.context.options.variant_pictures == "comment"
        for row in media:
            path = text_of(row["me_fichier"]).strip()
            if is_picture(path):
                comment = text_of(row["me_commentaire"]) if by_comment else ""
                variants = named_variants(comment, offer.units)
                yield self._picture(inner_parts(path, self._folder.name), path, variants=variants)

    def _picture(self, parts: Sequence[str], told: str = "", variants: tuple[str, ...] = ()) -> Picture:
        file = self._folder.locate(parts, told)
        return Picture(source=file.source, name=file.name, size=file.size, version=file.version, variants=variants)


def _distinct(pictures: Iterable[Picture]) -> Iterator[Picture]:
    """Each file once, at its first place, for all the variants that any mention gives it."""
    merged: dict[str, Picture] = {}
    for picture in pictures:
        known = merged.get(picture.source)
        if known is None:
            merged[picture.source] = picture
        else:
            variants = tuple(dict.fromkeys([*known.variants, *picture.variants]))
            merged[picture.source] = replace(known, variants=variants)
    return iter(merged.values())
