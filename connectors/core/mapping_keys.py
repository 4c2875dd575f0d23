"""Keys of mapping tables: what may stand in the left column, and its one spelling.

Forms, imports and the command line write keys through :func:`canonical_key`, so that the code which looks them up finds
them whatever way they were typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum

from connectors.core.texts import Text

KEY_LENGTH_LIMIT = 200

_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_POSTCODE = re.compile(r"[A-Z0-9-]+\*")
_REGION = re.compile(r"[^*|:]+")


class KeyShape(Enum):
    """What the keys of a mapping table are.

    ``LISTED``: entries of the reference list and nothing else. ``FREE``: any text besides (the name of a carrier).
    ``PERCENT``: a percentage or the code of a rate. ``CURRENCY``: an entry, or an entry and a currency
    (``bacs|USD``). ``ZONE``: a country, a start of postcodes (``FR:97*``) or a region (``US:NY``).
    """

    LISTED = "listed"
    FREE = "free"
    PERCENT = "percent"
    CURRENCY = "currency"
    ZONE = "zone"

    @property
    def separator(self) -> str:
        """What stands between an entry of the list and its second part; empty for keys of one part."""
        return {KeyShape.CURRENCY: "|", KeyShape.ZONE: ":"}.get(self, "")


class KeyRefused(ValueError):
    """A key that no record can ever match: the French sentence and its values."""

    def __init__(self, sentence: str, **values: str) -> None:
        self.said = Text(sentence, values)
        super().__init__(str(self.said))


def percent_text(percent: Decimal) -> str:
    """One spelling per percentage: "20", "5.5", "0"."""
    return f"{percent.normalize():f}" if percent else "0"


def joined(shape: KeyShape, entry: str, part: str) -> str:
    """A key made of both parts, not yet judged; ``entry`` alone when there is no second part."""
    return f"{entry}{shape.separator}{part}" if part.strip() else entry


def split(shape: KeyShape, key: str) -> tuple[str, str]:
    """The entry of the reference list in a key and its second part, which may be empty."""
    if not shape.separator:
        return key, ""
    entry, _mark, part = key.partition(shape.separator)
    return entry, part


def canonical_key(shape: KeyShape, text: str) -> str:
    """The one spelling of a key. Raises :class:`KeyRefused` for a text that cannot be a key of this shape."""
    key = text.strip()
    if not key:
        raise KeyRefused("Indiquez ce que la ligne concerne.")
    if len(key) > KEY_LENGTH_LIMIT or not key.isprintable():
        raise KeyRefused("« %(key)s » est trop long ou contient un caractère interdit.", key=key[:40])
    judge = {KeyShape.PERCENT: rate_key, KeyShape.CURRENCY: _with_currency, KeyShape.ZONE: _zone}.get(shape)
    return judge(key) if judge else key


def canonical_table(shape: KeyShape, table: Mapping[str, object]) -> dict[str, object]:
    """A table with its keys in their one spelling. Raises :class:`KeyRefused`, also for two keys that are the same."""
    found: dict[str, object] = {}
    for text, value in table.items():
        key = canonical_key(shape, text)
        if key in found:
            raise duplicate(key)
        found[key] = value
    return found


def duplicate(key: str) -> KeyRefused:
    """The refusal of a key that a table already holds."""
    return KeyRefused("« %(key)s » figure déjà dans la table : gardez une seule ligne.", key=key)


def unknown(shape: KeyShape, key: str, entries: Iterable[str]) -> KeyRefused | None:
    """The refusal of a key whose entry is not in the reference list; ``None`` when it is, or need not be."""
    if shape in (KeyShape.FREE, KeyShape.PERCENT) or split(shape, key)[0] in set(entries):
        return None
    return KeyRefused("« %(key)s » n’est pas dans la liste : choisissez une de ses valeurs.", key=split(shape, key)[0])


def rate_key(text: str) -> str:
    """A percentage in its one spelling (``5,50 %`` is ``5.5``); the code of a rate as it is."""
    cleaned = text.strip().removesuffix("%").strip()
    number = cleaned.replace(",", ".")
    return percent_text(Decimal(number)) if is_number(number) else cleaned


def is_number(text: str) -> bool:
    """Whether a key of a table of rates is a percentage."""
    return bool(text) and text.replace(".", "", 1).isdecimal()


def _with_currency(key: str) -> str:
    entry, mark, currency = (piece.strip() for piece in key.partition("|"))
    currency = currency.upper()
    if entry and (not mark or _CURRENCY.fullmatch(currency)):
        return f"{entry}|{currency}" if mark else entry
    raise KeyRefused(
        "« %(key)s » n’est pas une ligne valable : écrivez le moyen de paiement seul ou avec une devise de trois "
        "lettres, par exemple bacs|USD.",
        key=key,
    )


def _zone(key: str) -> str:
    country, mark, place = (piece.strip() for piece in key.partition(":"))
    country = country.upper()
    if "*" in place:
        place = "".join(place.split()).upper()
    fits = _POSTCODE.fullmatch(place) or _REGION.fullmatch(place)
    if _COUNTRY.fullmatch(country) and (not mark or fits):
        return f"{country}:{place}" if mark else country
    raise KeyRefused(
        "« %(key)s » n’est pas une zone valable : écrivez un pays (FR), un début de code postal (FR:97*) ou une région "
        "(US:NY).",
        key=key,
    )
