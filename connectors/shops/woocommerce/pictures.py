"""Writer of pictures: uploads what the library lacks, then gives products and variations their media."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.canonical.pictures import Picture, ProductPictures
from connectors.core.problems import ItemRefused, Misconfigured, NotSupported, Problem, Uncertain
from connectors.core.results import Found, ItemResult, Outbound, Outcome, Remark
from connectors.core.texts import NOTHING, Text, joined
from connectors.shops.woocommerce.api import PAGE
from connectors.shops.woocommerce.batching import BatchSender, Row, RowAnswer
from connectors.shops.woocommerce.galleries import Shown, gallery, variation_changes, variation_media
from connectors.shops.woocommerce.media import MediaLibrary, digest_of
from connectors.shops.woocommerce.outcome import Differences, failed_row, refused_by, short
from connectors.shops.woocommerce.shop import Shop

PICTURES_BATCH = 20
"""Products per ``send``: each may mean several uploads of seconds, and a run must be able to stop."""

Out = Outbound[ProductPictures]


@dataclass(slots=True)
class _Work:
    """One product on its way: its pictures with their media, and what is written."""

    out: Out
    shown: Shown
    digests: list[str] = field(default_factory=list)
    media: list[int] = field(default_factory=list)
    uploaded: int = 0
    images: list[int] | None = None
    variations: dict[str, int] = field(default_factory=dict)
    removed: int = 0

    @property
    def pictures(self) -> list[tuple[Picture, int]]:
        return list(zip(self.out.record.pictures, self.media, strict=True))


class PictureWriter:
    """See :class:`connectors.core.ports.PictureWriter`. Writes nothing but ``images`` and ``image``."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._content: Callable[[str], bytes] = _no_content

    @property
    def _library(self) -> MediaLibrary:
        """Raises ``Misconfigured`` when its account is not filled in."""
        return self._shop.media

    def read_from(self, content: Callable[[str], bytes]) -> None:
        """See the protocol."""
        self._content = content

    def find(self, batch: Sequence[Out]) -> dict[str, Found]:
        """Nothing: pictures are given to linked products only."""
        return {}

    def retire(self, batch: Sequence[Out]) -> Iterator[ItemResult]:
        """Not something pictures can do. Raises ``NotSupported``."""
        raise NotSupported(Problem("not_supported", "Des images ne se désactivent pas ; désactivez l’article."))

    def discard(self, media: Sequence[str]) -> list[str]:
        """See the protocol. Deletes only what the slug says is ours."""
        numbers = [int(one) for one in media if one.isdecimal()]
        ours = self._library.ours(numbers)
        for number in numbers:
            if number in ours:
                self._library.delete(number)
        return [str(number) for number in numbers]

    def send(self, batch: Sequence[Out]) -> Iterator[ItemResult]:
        """One result per item; a picture that is refused refuses its product alone."""
        works: list[_Work] = []
        for work in self._opened(batch):
            if isinstance(work, ItemResult):
                yield work
                continue
            try:
                self._resolve(work)
            except ItemRefused as error:
                yield refused_by(work.out, error)
            except Uncertain as error:
                yield ItemResult(work.out.key, Outcome.UNCERTAIN, work.out.remote_key, problem=error.problem)
            else:
                works.append(work)
        self._decide(works)
        yield from self._write(works)

    def compare(self, batch: Sequence[Out]) -> dict[str, Differences]:
        """Names of the pictures before and after; nothing is uploaded nor written."""
        found: dict[str, Differences] = {}
        works = [work for work in self._opened(batch) if isinstance(work, _Work)]
        readable = [work for work in works if self._is_readable(work)]
        known = self._library.find({digest for work in readable for digest in work.digests})
        for work in readable:
            # A picture that is not there yet gets a number that no medium has.
            work.media = [known.get(digest, -place) for place, digest in enumerate(work.digests, 1)]
        self._decide(readable)
        for work in readable:
            found[work.out.key] = _differences(work)
        return found

    def _is_readable(self, work: _Work) -> bool:
        try:
            work.digests = [self._digest(picture) for picture in work.out.record.pictures]
        except ItemRefused:
            return False
        return True

    # --- what the shop shows --------------------------------------------------------------------------------------

    def _opened(self, batch: Sequence[Out]) -> Iterator[_Work | ItemResult]:
        """The items with what the shop shows of them; a product that is gone gives its result at once."""
        rows = self._rows("products", [out.remote_key for out in batch], "id,type,status,images")
        for out in batch:
            row = rows.get(out.remote_key)
            if row is None:
                yield _gone(out)
                continue
            linked = [key for key in out.children.values() if key != out.remote_key]
            variations: Collection[Mapping[str, Any]] = ()
            if row.get("type") == "variable" and linked:
                route = f"products/{out.remote_key}/variations"
                # In the view of visitors, a variation without a picture shows its parent's.
                variations = self._rows(route, linked, "id,image", context="edit").values()
            yield _Work(out, Shown.parse(row, variations))

    def _rows(self, route: str, ids: Sequence[str], fields: str, **query: str) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        numbers = [one for one in dict.fromkeys(ids) if one.isdecimal()]
        for start in range(0, len(numbers), PAGE):
            wanted = {"include": ",".join(numbers[start : start + PAGE]), "_fields": fields, **query}
            found.update({str(row["id"]): row for row in self._shop.api.every(route, wanted)})
        return found

    # --- media ----------------------------------------------------------------------------------------------------

    def _digest(self, picture: Picture) -> str:
        self._library.check(picture)
        return digest_of(self._content(picture.source))

    def _resolve(self, work: _Work) -> None:
        """The medium of each picture, uploaded where the library lacks it; the files are read one at a time."""
        record = work.out.record
        for picture in record.pictures:
            self._library.check(picture)
        for picture in record.pictures:
            content = self._content(picture.source)
            digest = digest_of(content)
            number, uploaded = self._library.put(digest, picture, content, work.out.label)
            work.digests.append(digest)
            work.media.append(number)
            work.uploaded += uploaded

    def _decide(self, works: Sequence[_Work]) -> None:
        """What must be written, from what is shown, what is wanted, and who put there what is shown."""
        unknown = {number for work in works for number in work.shown.media - set(work.media)}
        ours = frozenset(self._library.ours(unknown)) | {number for work in works for number in work.media}
        for work in works:
            record = work.out.record
            wanted = variation_media(work.out, work.pictures)
            work.variations = variation_changes(work.shown, wanted, ours, keep_others=record.keep_others)
            images = gallery(record, work.pictures, work.shown, ours, wanted)
            work.images = None if tuple(images) == work.shown.product else images
            work.removed = len((work.shown.media & ours) - set(work.media))

    # --- writing --------------------------------------------------------------------------------------------------

    def _write(self, works: Sequence[_Work]) -> Iterator[ItemResult]:
        sender = BatchSender(self._shop.api, self._shop.updates)
        rows = [
            Row({"id": int(work.out.remote_key), "images": _listed(work.images)}, work, work.out.record.reference)
            for work in works
            if work.images is not None
        ]
        for work in works:
            if work.images is None:
                yield self._finished(sender, work, None)
        for answer in sender.send("products", "update", rows):
            yield self._finished(sender, answer.row.subject, answer)

    def _finished(self, sender: BatchSender, work: _Work, answer: RowAnswer | None) -> ItemResult:
        """The result of one product, once its variations have theirs too."""
        failed = _failure(work, answer, _product_kept) if answer else None
        if failed is not None:
            return failed
        route = f"products/{work.out.remote_key}/variations"
        rows = [
            # A batch takes a text where no picture is meant; an object without id is refused by some versions.
            Row({"id": int(remote), "image": {"id": number} if number else ""}, work, work.out.record.reference)
            for remote, number in work.variations.items()
        ]
        for one in sender.send(route, "update", rows):
            failed = failed or _failure(work, one, _variation_kept, written=answer is not None)
        return failed or self._done(work, answer)

    def _done(self, work: _Work, answer: RowAnswer | None) -> ItemResult:
        changed = answer is not None or bool(work.variations)
        return ItemResult(
            key=work.out.key,
            outcome=Outcome.UPDATED if changed else Outcome.UNCHANGED,
            remote_key=work.out.remote_key,
            written=changed,
            url=self._shop.product_url(work.out.remote_key),
            sent=short(answer.row.body) if answer else None,
            seconds=answer.seconds if answer else 0.0,
            remarks=(Remark(_told(work)),) if changed else (),
            pictures={digest: str(number) for digest, number in zip(work.digests, work.media, strict=True)},
        )


def _no_content(source: str) -> bytes:
    raise Misconfigured(Problem("no_content", "Aucune source ne donne le contenu des images.", detail=source))


def _listed(images: Sequence[int] | None) -> list[dict[str, int]]:
    return [{"id": number} for number in images or ()]


def _gone(out: Out) -> ItemResult:
    values = {"reference": out.record.reference}
    problem = Problem(
        "product_gone",
        "Le produit lié à « %(reference)s » n’existe plus dans la boutique.",
        "Relancez « Exporter les articles » pour le recréer, ou supprimez le lien.",
        values=values,
    )
    return ItemResult(out.key, Outcome.REFUSED, out.remote_key, problem=problem, gone=True, pictures={})


def _failure(
    work: _Work, answer: RowAnswer, kept: Callable[[RowAnswer], bool], *, written: bool = False
) -> ItemResult | None:
    """The result when a row was refused, not answered or not kept; ``None`` when all is well."""
    reference = work.out.record.reference
    problem = answer.failure or (answer.error.problem(reference) if answer.error else None)
    if problem is None and kept(answer):
        return None
    if problem is not None:
        result = failed_row(work.out, answer, problem)
        return result if not written else _also_written(result)
    lost = Problem(
        "pictures_not_kept",
        "La boutique a répondu sans erreur mais n’a pas gardé les images de « %(reference)s ».",
        "Une extension de la boutique modifie les images des produits ; vérifiez le produit.",
        values={"reference": reference},
    )
    return ItemResult(work.out.key, Outcome.REFUSED, work.out.remote_key, problem=lost, written=written)


def _also_written(result: ItemResult) -> ItemResult:
    return ItemResult(
        key=result.key,
        outcome=result.outcome,
        remote_key=result.remote_key,
        problem=result.problem,
        written=True,
        sent=result.sent,
        received=result.received,
        seconds=result.seconds,
    )


def _product_kept(answer: RowAnswer) -> bool:
    images = answer.body.get("images")
    return images is None or [image["id"] for image in images] == [image["id"] for image in answer.row.body["images"]]


def _variation_kept(answer: RowAnswer) -> bool:
    wanted, image = answer.row.body["image"], answer.body.get("image")
    return not wanted or not isinstance(image, Mapping) or image.get("id") == wanted["id"]


def _told(work: _Work) -> Text:
    """What was done, for the journal."""
    return joined(
        Text("Images dans la boutique : %(number)s.", {"number": len(work.out.record.pictures)}),
        Text("Ajoutées : %(number)s.", {"number": work.uploaded}) if work.uploaded else NOTHING,
        Text("Retirées : %(number)s.", {"number": work.removed}) if work.removed else NOTHING,
    )


def _differences(work: _Work) -> Differences:
    named = {number: picture.name for picture, number in work.pictures}
    names = {**work.shown.names, **named}

    def listed(numbers: Collection[int]) -> str:
        return ", ".join(names.get(number) or f"n° {number}" for number in numbers)

    found: Differences = {}
    if work.images is not None:
        found["images"] = (listed(work.shown.product), listed(work.images))
    if work.variations:
        now = {remote: work.shown.variations[remote] for remote in work.variations}
        found["image"] = (listed([one for one in now.values() if one]), listed(sorted(set(work.variations.values()))))
    return found
