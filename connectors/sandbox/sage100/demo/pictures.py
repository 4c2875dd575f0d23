"""Pictures of the demo merchant: which files its articles name, and the files themselves, drawn by code."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from connectors.sandbox import png
from connectors.sandbox.sage100.dataset import Row
from connectors.sandbox.sage100.sandbox import Sage100Sandbox

from .shop import Shop

MISSING = "MATELAS"
"""The article whose file is not there: a refusal for a person to mend."""

_COLOURS: Mapping[str, png.Colour] = {
    "Bleu glacier": (66, 133, 190), "Gris schiste": (96, 104, 114), "Jaune gentiane": (226, 178, 32),
    "Noir": (38, 40, 44), "Orange crépuscule": (222, 110, 40), "Prune": (116, 44, 92), "Rouge": (190, 40, 44),
    "Vert lichen": (126, 148, 76),
}  # fmt: skip
_SHAPES = ("disc", "diamond", "bars", "ring")
_SECOND_VIEWS = 5  # every fifth article with a photo has a second view
_ENDING = ".png"


def add_pictures(shop: Shop) -> None:
    """Names the pictures: one photo per article, second views for some, one per colour where there are colours."""
    media = shop.dataset.rows("F_ARTICLEMEDIA")
    for row in media:
        row["ME_Fichier"] = _as_png(row["ME_Fichier"])
    given = {(row["AR_Ref"], row["ME_Commentaire"]) for row in media}
    colours = _colours_by_article(shop.dataset.rows("F_ARTGAMME"))
    photographed = [row for row in shop.dataset.rows("F_ARTICLE") if row.get("AR_Photo")]
    for place, row in enumerate(photographed):
        row["AR_Photo"] = _as_png(row["AR_Photo"])
        for colour in colours.get(row["AR_Ref"], ()):
            if (row["AR_Ref"], colour) not in given:
                _attach(shop, row["AR_Ref"], colour, f"{row['AR_Ref']}-{colour.split()[0].lower()}")
        if place % _SECOND_VIEWS == 0 and row["AR_Ref"] not in {one for one, _ in given}:
            _attach(shop, row["AR_Ref"], "Vue de détail", f"{row['AR_Ref']}-detail")


def _attach(shop: Shop, reference: str, comment: str, name: str) -> None:
    path = f".\\Multimedia\\{name}{_ENDING}"
    shop.dataset.add("F_ARTICLEMEDIA", AR_Ref=reference, ME_Fichier=path, ME_Commentaire=comment)


def _as_png(path: str) -> str:
    stem, _, ending = path.rpartition(".")
    return stem + _ENDING if ending.lower() == "jpg" else path


def _colours_by_article(values: list[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in values:
        if row["EG_Enumere"] in _COLOURS:
            found.setdefault(row["AR_Ref"], []).append(row["EG_Enumere"])
    return found


def draw_pictures(sandbox: Sage100Sandbox, folder: Path) -> int:
    """Draws every picture that the articles of a company name, except the missing one. Returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    for reference, path, comment in _named(sandbox):
        name = path.rpartition("\\")[2]
        if name.endswith(_ENDING) and reference != MISSING:
            (folder / name).write_bytes(_drawn(reference, comment))
            number += 1
    return number


def _named(sandbox: Sage100Sandbox) -> Iterator[tuple[str, str, str]]:
    with sandbox.session(write=False) as session:
        yield from session.all("SELECT AR_Ref, AR_Photo, '' FROM F_ARTICLE WHERE AR_Photo <> ''")
        yield from session.all("SELECT AR_Ref, ME_Fichier, ME_Commentaire FROM F_ARTICLEMEDIA")


def _drawn(reference: str, comment: str) -> bytes:
    """A shape for the article, a colour for what is shown of it; no two articles look quite alike."""
    mark = zlib.crc32(f"{reference}:{'' if comment in _COLOURS else comment}".encode())
    own = (60 + mark % 140, 60 + (mark >> 8) % 140, 60 + (mark >> 16) % 140)
    colour = _COLOURS.get(comment, own)
    shade = (mark >> 24) % 12
    tinted = (min(255, colour[0] + shade), colour[1], min(255, colour[2] + shade))
    return png.picture(tinted, shape=_SHAPES[zlib.crc32(reference.encode()) % len(_SHAPES)])
