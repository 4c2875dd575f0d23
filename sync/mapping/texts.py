"""Texts and codes: chosen fields, forbidden characters, bar codes."""

from __future__ import annotations

from collections.abc import Mapping

_FORBIDDEN = str.maketrans("", "", "<>;=#{}")
_EAN_LENGTHS = (8, 12, 13, 14)


def chosen(fields: Mapping[str, str], field: str) -> str:
    """The value of a chosen field, trimmed; empty when no field is chosen or the row has none."""
    return fields.get(field, "").strip() if field else ""


def without_forbidden(text: str) -> str:
    """The text without the characters that shops refuse in names."""
    return " ".join(text.translate(_FORBIDDEN).split())


def split(text: str, separator: str) -> tuple[str, ...]:
    """The values of a field; without separator, the field is one value. Empty values are left out."""
    pieces = text.split(separator) if separator else [text]
    return tuple(piece.strip() for piece in pieces if piece.strip())


def is_bar_code(code: str) -> bool:
    """Whether the code is an EAN-8, UPC-A, EAN-13 or GTIN-14 with a right check digit (GS1 General Specifications)."""
    if len(code) not in _EAN_LENGTHS or not (code.isascii() and code.isdigit()):
        return False
    digits = [int(digit) for digit in code]
    weighted = sum(digit * (3 if position % 2 else 1) for position, digit in enumerate(reversed(digits[:-1]), start=1))
    return (10 - weighted % 10) % 10 == digits[-1]
