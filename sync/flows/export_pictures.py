"""«Exporter les images»."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast

from connectors.canonical.keys import Aspect, Entity, Ref
from connectors.canonical.pictures import Picture, ProductPictures
from connectors.core.ports import PictureReader, PictureWriter, Writer
from connectors.core.query import Query
from connectors.core.results import Cursor, Page
from connectors.core.texts import Text
from sync.engine import journal, picturebook
from sync.engine.context import RunContext
from sync.flows.base import SALES_SECTIONS, Excluded, Flow, Mapped
from sync.models import JournalEntry

_AT_ONCE = 50


class ExportPictures(Flow):
    """Sends the pictures that changed to linked products; never creates a product, never touches its other data."""

    key: ClassVar[str] = "pictures"
    label: ClassVar[str] = "Exporter les images"
    help: ClassVar[str] = "Dépose dans la boutique les images qui ont changé et les place dans l’ordre."
    icon: ClassVar[str] = "images"
    entity: ClassVar[Entity] = Entity.PRODUCT
    aspect: ClassVar[Aspect] = Aspect.PICTURES
    lock: ClassVar[str] = "pictures"
    order: ClassVar[int] = 45
    uses_facts: ClassVar[bool] = False
    ignores: ClassVar[frozenset[str]] = Flow.ignores | SALES_SECTIONS
    batch_option: ClassVar[str] = "batch_products"

    def query(self, ctx: RunContext) -> Query:
        """The articles that «Exporter les articles» sends: a file changes without any date in the ERP."""
        section = ctx.options["products"]
        return Query(expression=section.expression, published_only=section.published_only)

    def writer(self, ctx: RunContext) -> Writer[Any]:
        """The shop's writer, which takes the bytes of a picture from the ERP when it needs them."""
        writer = cast(PictureWriter, super().writer(ctx))
        writer.read_from(cast(PictureReader, self.reader(ctx)).content)
        return writer

    def pages(
        self, ctx: RunContext, *, since: Cursor | None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Any]]:
        """Pictures of the ERP; variants that the shop does not have are left out until it has them."""
        for page in super().pages(ctx, since=since, keys=keys):
            wanted = {key for record in page.records for key in record.variant_keys}
            linked = ctx.linkbook.remote_keys(Entity.VARIANT, wanted) if wanted else {}
            yield replace(page, records=tuple(_of_linked(record, linked) for record in page.records))

    def map(self, ctx: RunContext, record: ProductPictures) -> Mapped | Excluded:
        """The pictures with what becomes of those of other people."""
        keep = ctx.options["media"].others == "keep"
        return Mapped(
            ref=Ref(Entity.PRODUCT, record.key),
            record=replace(record, keep_others=keep, label=""),
            label=record.label or record.reference,
            reference=record.reference,
        )

    def completed(self, ctx: RunContext) -> None:
        """Deletes the media of ours that no product shows any more, where the profile says so."""
        if not ctx.options["media"].delete_unused:
            return
        writer = cast(PictureWriter, ctx.target.writer(self.entity, self.aspect))
        left = list(picturebook.unused(ctx.linkbook).items())
        deleted = 0
        for start in range(0, len(left), _AT_ONCE):
            if ctx.stop():
                break
            deleted += self._delete(ctx, writer, left[start : start + _AT_ONCE])
        if deleted:
            text = Text("Images sans emploi supprimées de la médiathèque : %(count)s.", {"count": deleted})
            JournalEntry.objects.bulk_create([journal.line(ctx.run, text)])

    def _delete(self, ctx: RunContext, writer: PictureWriter, media: Sequence[tuple[str, str]]) -> int:
        gone = set(writer.discard([number for _, number in media]))
        return ctx.linkbook.forget(Entity.MEDIA, [digest for digest, number in media if number in gone])


def _of_linked(record: ProductPictures, linked: Collection[str]) -> ProductPictures:
    if not record.variant_keys - set(linked):
        return record
    return replace(record, pictures=tuple(_shown_on(picture, linked) for picture in record.pictures))


def _shown_on(picture: Picture, linked: Collection[str]) -> Picture:
    return replace(picture, variants=tuple(key for key in picture.variants if key in linked))
