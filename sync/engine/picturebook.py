"""Which media of the shop's library are ours, and which product shows which: what may be deleted one day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from connectors.canonical.keys import Entity
from sync.engine.linkbook import LinkBook, LinkWrite
from sync.models import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureWrite:
    """Every medium of ours that one product shows, from the digest of its content to its remote key."""

    product: str
    remote_product: str
    label: str
    media: Mapping[str, str]


def bind(book: LinkBook, writes: Sequence[PictureWrite]) -> None:
    """Makes the links say what these products show. Part of the caller's transaction.

    A medium (entity MEDIA) is known by the digest of its content; each use of it by a product is a link of its own
    (entity PICTURE), found by that digest as its reference.
    """
    for write in writes:
        uses = [_use(write, digest, medium) for digest, medium in write.media.items()]
        shown = Link.objects.filter(profile_id=book.profile_id, entity=Entity.PICTURE, shop_parent=write.remote_product)
        shown.exclude(erp_key__in=[use.key for use in uses]).delete()
        book.bind([*(_medium(write, *one) for one in write.media.items()), *uses], [])


def unused(book: LinkBook) -> dict[str, str]:
    """Media we put into the library that no product of this account shows any more: digest to remote key."""
    media = Link.objects.filter(profile_id=book.profile_id, entity=Entity.MEDIA).exclude(shop_key=None)
    # Another profile of the account may serve the same shop, and share its media.
    uses = Link.objects.filter(
        profile__tenant=OuterRef("profile__tenant"), entity=Entity.PICTURE, reference=OuterRef("erp_key")
    )
    found = media.exclude(Exists(uses)).values_list("erp_key", "shop_key")
    return {digest or "": number or "" for digest, number in found}


def _medium(write: PictureWrite, digest: str, medium: str) -> LinkWrite:
    return LinkWrite(entity=Entity.MEDIA, key=digest, remote_key=medium, reference=digest, label=write.label)


def _use(write: PictureWrite, digest: str, medium: str) -> LinkWrite:
    return LinkWrite(
        entity=Entity.PICTURE,
        key=f"{digest}@{write.product}"[:200],
        remote_key=f"{write.remote_product}:{medium}",
        remote_parent=write.remote_product,
        reference=digest,
        label=write.label,
    )
