"""Small PNG pictures drawn by code: a shape on a shaded ground. Equal arguments give equal bytes."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Iterator

Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)


def picture(colour: Colour, *, shape: str = "disc", size: int = 320) -> bytes:
    """A square picture of `size` pixels. `shape` is disc, diamond, bars or ring; KeyError for another."""
    return _file(size, _rows(size, colour, _SHAPES[shape]))


def _rows(size: int, colour: Colour, spans: Callable[[float], list[tuple[float, float]]]) -> Iterator[bytes]:
    for line in range(size):
        height = 2 * (line + 0.5) / size - 1
        ground = bytes(_mixed(WHITE, colour, 0.10 + 0.12 * line / size))
        ink = bytes(_mixed(colour, (0, 0, 0), 0.30 * line / size))
        row, place = b"", 0
        for start, end in spans(height):
            first, last = (round((one + 1) / 2 * size) for one in (start, end))
            row += ground * (first - place) + ink * (last - first)
            place = last
        yield row + ground * (size - place)


def _mixed(one: Colour, other: Colour, share: float) -> Iterator[int]:
    return (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))


def _disc(height: float, radius: float = 0.7) -> list[tuple[float, float]]:
    if abs(height) >= radius:
        return []
    half = math.sqrt(radius * radius - height * height)
    return [(-half, half)]


def _ring(height: float) -> list[tuple[float, float]]:
    outer, inner = _disc(height), _disc(height, 0.4)
    if not outer or not inner:
        return outer
    return [(outer[0][0], inner[0][0]), (inner[0][1], outer[0][1])]


def _diamond(height: float) -> list[tuple[float, float]]:
    half = 0.8 - abs(height)
    return [(-half, half)] if half > 0 else []


def _bars(height: float) -> list[tuple[float, float]]:
    return [(start, start + 0.25) for start in (-0.7, -0.25, 0.2)] if abs(height) < 0.7 else []


_SHAPES = {"disc": _disc, "ring": _ring, "diamond": _diamond, "bars": _bars}


def _file(size: int, rows: Iterator[bytes]) -> bytes:
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
