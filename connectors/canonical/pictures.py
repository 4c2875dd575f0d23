"""Pictures of an article, as files of the ERP's side; their bytes are read only when they must be sent."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.canonical.base import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture file.

    ``source`` says where its reader finds it again, ``name`` is the file's name for people, ``size`` its length in
    bytes. ``version`` changes whenever the file may have changed, without any of it being read. ``variants`` are the
    keys of the variants it shows; empty for a picture of the whole article.
    """

    source: str
    name: str
    size: int
    version: str
    variants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPictures(Record):
    """The pictures of one article, the main one first.

    ``keep_others``: pictures that people added in the shop stay, behind these. ``label`` is the article's name; a
    mapped record leaves it empty, so that another name sends no picture again.
    """

    key: str
    reference: str
    label: str = ""
    pictures: tuple[Picture, ...] = ()
    keep_others: bool = True

    @property
    def variant_keys(self) -> frozenset[str]:
        """Variants that some picture shows."""
        return frozenset(key for picture in self.pictures for key in picture.variants)
