"""Which pictures a product and its variations should show, and what must be written for it. Nothing is called here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.canonical.pictures import Picture, ProductPictures
from connectors.core.results import Outbound

Resolved = Sequence[tuple[Picture, int]]
"""Pictures with the medium that holds each."""


@dataclass(slots=True)
class Shown:
    """What the shop shows now: media of the product in order, and the own medium of each variation (0 for none)."""

    product: tuple[int, ...] = ()
    variations: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    simple: bool = True

    @classmethod
    def parse(cls, row: Mapping[str, Any], variations: Collection[Mapping[str, Any]] = ()) -> Shown:
        """From the shop's answers."""
        images = [image for image in row.get("images") or () if isinstance(image, Mapping)]
        own = {str(one["id"]): _medium(one.get("image")) for one in variations}
        names = {_medium(image): str(image.get("name") or "") for image in images}
        return cls(tuple(map(_medium, images)), own, names, row.get("type") != "variable")

    @property
    def media(self) -> frozenset[int]:
        """Every medium."""
        return frozenset({*self.product, *self.variations.values()} - {0})


def _medium(image: Any) -> int:
    return int(image.get("id") or 0) if isinstance(image, Mapping) else 0


def gallery(
    record: ProductPictures, pictures: Resolved, shown: Shown, ours: Collection[int], variations: Mapping[str, int]
) -> list[int]:
    """Media of the product in order.

    The first picture is the main one whatever it shows; one that is the picture of a variation is not repeated. Those
    of other people stay behind ours, unless the record says otherwise and has pictures of its own.
    """
    on_variations = set(variations.values())
    wanted = [
        number for place, (_, number) in enumerate(pictures) if place == 0 or number not in on_variations
    ]  # fmt: skip
    others = [number for number in shown.product if number not in ours and number not in wanted]
    kept = others if record.keep_others or not pictures else []
    return list(dict.fromkeys([*wanted, *kept]))


def variation_media(out: Outbound[ProductPictures], pictures: Resolved) -> dict[str, int]:
    """The medium of each variation by its remote key: the first picture that shows the variant."""
    found: dict[str, int] = {}
    for picture, number in pictures:
        for key in picture.variants:
            remote = out.children.get(key, "")
            if remote and remote != out.remote_key:
                found.setdefault(remote, number)
    return found


def variation_changes(
    shown: Shown, wanted: Mapping[str, int], ours: Collection[int], *, keep_others: bool
) -> dict[str, int]:
    """What to write on variations, 0 to take a picture off. A picture of other people stays where we have none."""
    changes: dict[str, int] = {}
    for remote, now in shown.variations.items():
        target = wanted.get(remote, 0)
        foreign = now and now not in ours
        if now == target or (foreign and (keep_others or not target)):
            continue
        changes[remote] = target
    return changes
