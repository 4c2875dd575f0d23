"""A company with a multimedia folder, and what the shop shows of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from connectors.sandbox import png
from tests.flows.conftest import Story

COLOURS = {"red": (200, 40, 40), "blue": (40, 60, 200), "green": (30, 140, 60), "grey": (90, 90, 90)}


def drawn(colour: str, shape: str = "disc") -> bytes:
    """A small picture; each colour and shape has its own content."""
    return png.picture(COLOURS[colour], shape=shape, size=24)


@dataclass
class Gallery:
    """The pictures of a story's company, and those of its shop."""

    story: Story
    folder: Path

    def put(self, name: str, content: bytes) -> None:
        """Stores a file under the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def touch(self, name: str) -> None:
        """Makes a file look changed without changing it."""
        found = (self.folder / name).stat()
        os.utime(self.folder / name, ns=(found.st_atime_ns, found.st_mtime_ns + 5_000_000_000))

    def attach(self, reference: str, photo: str = "", *others: str | tuple[str, str]) -> None:
        """Gives an article a photo and attached files (with a comment each, where it has one)."""
        self.story.erp.update_article(reference, AR_Photo=photo and f".\\Multimedia\\{photo}")
        with self.story.erp.session() as session:
            session.run("DELETE FROM F_ARTICLEMEDIA WHERE AR_Ref = ?", (reference,))
            (last,) = session.one("SELECT COALESCE(MAX(cbMarq), 0) FROM F_ARTICLEMEDIA")
            for place, other in enumerate(others, 1):
                name, comment = other if isinstance(other, tuple) else (other, "")
                session.run(
                    "INSERT INTO F_ARTICLEMEDIA (cbMarq, AR_Ref, ME_Commentaire, ME_Fichier) VALUES (?, ?, ?, ?)",
                    (int(last) + place, reference, comment, f"C:\\Sage\\Multimedia\\{name}"),
                )

    @property
    def library(self) -> dict[int, str]:
        """Media of ours in the shop: number to name."""
        media = self.story.shop.store.media
        return {row.id: row.name for row in media if row.slug.startswith("atoosync-")}

    @property
    def uploads(self) -> int:
        """How many uploads the shop has answered or carried out."""
        return int(self.story.shop.server.log.totals()["calls"].get("POST wp/v2/media", 0))

    def numbers(self, sku: str) -> list[int]:
        """Media of a product in order, as the shop's own API gives them."""
        product = self.story.rest(f"products/{self.story.product(sku)['id']}")
        return [int(image["id"]) for image in product["images"]]

    def names(self, sku: str) -> list[str]:
        """Names of the pictures of a product in order."""
        product = self.story.rest(f"products/{self.story.product(sku)['id']}")
        return [str(image["name"]) for image in product["images"]]

    def own(self, sku: str) -> list[str]:
        """Names of what a product or variation itself holds, without what visitors are shown in its place."""
        rows = [row for row in self.story.shop.store.products if row.sku == sku]
        return [self.story.shop.store.media.rows[one].name for one in rows[0].get("images", [])]

    def add_by_hand(self, sku: str, name: str, *, variation: bool = False) -> int:
        """A person uploads a picture in the shop and adds it to a product. Returns its number."""
        story = self.story
        answer = requests.post(
            f"{story.shop.url}/wp-json/wp/v2/media",
            auth=(story.shop.media_user, story.shop.application_password),
            headers={"Content-Type": "image/png", "Content-Disposition": f'attachment; filename="{name}.png"'},
            data=png.picture((len(name), 1, 2), size=8),
            timeout=10,
        )
        number = int(answer.json()["id"])
        product: dict[str, Any] = story.product(sku)
        if variation:
            body = {"image": {"id": number}}
            story.rest(f"products/{product['parent_id']}/variations/{product['id']}", body, method="PUT")
        else:
            images = [{"id": one} for one in [*self.numbers(sku), number]]
            story.rest(f"products/{product['id']}", {"images": images}, method="PUT")
        return number


def options_for(folder: Path, shop: Any, **media: Any) -> dict[str, dict[str, Any]]:
    """Settings of a profile that sends pictures."""
    return {
        "erp": {"media_folder": str(folder)},
        "shop": {"media_user": shop.media_user, "media_password": shop.application_password, "settle_seconds": 0.3},
        "media": media,
    }
