"""Texts made to fit Sage: the Windows code page, and the real size of each column.

Sizes are read from the catalogue at connection. A text that is too long is refused where it identifies something, cut
where it is a label, and left out where a shortened one would be wrong (a phone number, an address of mail). Whatever
is done to a text is told in a note.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from connectors.core.problems import Problem
from connectors.core.texts import Text
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.writing_problems import problem, refused

REPLACEMENT = "?"


class TooLong(StrEnum):
    """What happens to a text that is longer than its column."""

    REFUSE = "refuse"
    CUT = "cut"
    DROP = "drop"


_CUT = frozenset(
    {
        "CT_Intitule", "CT_Classement", "CT_Qualite", "CT_Contact", "CT_Adresse", "CT_Complement", "CT_CodePostal",
        "CT_Ville", "CT_CodeRegion", "CT_Pays", "LI_Intitule", "LI_Adresse", "LI_Complement", "LI_CodePostal",
        "LI_Ville", "LI_CodeRegion", "LI_Pays", "LI_Contact", "DO_Ref", "DO_Contact", "DO_Coord01", "DO_Coord02",
        "DO_Coord03", "DO_Coord04", "DL_Design", "EU_Enumere", "DR_Libelle", "RG_Reference", "CG_Intitule",
        "CG_Classement",
    }
)  # fmt: skip
_DROP = frozenset({"CT_Telephone", "CT_EMail", "CT_Identifiant", "LI_Telephone", "LI_EMail"})
_QUIET = frozenset({"CT_Classement", "CG_Classement", "CG_Intitule", "EU_Enumere"})
"""Columns derived from another one, whose shortening tells nothing new."""

_LABELS: Mapping[str, Text] = {
    "AR_Ref": Text("référence de l’article"),
    "CG_Num": Text("compte comptable"),
    "CG_NumPrinc": Text("compte collectif du client"),
    "CT_Adresse": Text("adresse du client"),
    "CT_CodePostal": Text("code postal du client"),
    "CT_CodeRegion": Text("région du client"),
    "CT_Complement": Text("complément d’adresse du client"),
    "CT_Contact": Text("contact du client"),
    "CT_EMail": Text("adresse e-mail du client"),
    "CT_Identifiant": Text("numéro de TVA du client"),
    "CT_Intitule": Text("nom du client"),
    "CT_Num": Text("numéro du client"),
    "CT_Pays": Text("pays du client"),
    "CT_Telephone": Text("téléphone du client"),
    "CT_Ville": Text("ville du client"),
    "DL_Design": Text("désignation d’une ligne"),
    "DO_Contact": Text("contact du document"),
    "DO_Coord01": Text("ligne d’en-tête 1 du document"),
    "DO_Coord02": Text("ligne d’en-tête 2 du document"),
    "DO_Coord03": Text("ligne d’en-tête 3 du document"),
    "DO_Coord04": Text("ligne d’en-tête 4 du document"),
    "DO_NoWeb": Text("numéro de commande web"),
    "DO_Piece": Text("numéro de pièce"),
    "DO_Ref": Text("référence du document"),
    "DR_Libelle": Text("libellé de l’acompte"),
    "LI_Adresse": Text("adresse de livraison"),
    "LI_CodePostal": Text("code postal de livraison"),
    "LI_CodeRegion": Text("région de livraison"),
    "LI_Complement": Text("complément d’adresse de livraison"),
    "LI_Contact": Text("destinataire"),
    "LI_EMail": Text("adresse e-mail de livraison"),
    "LI_Intitule": Text("intitulé de l’adresse de livraison"),
    "LI_Pays": Text("pays de livraison"),
    "LI_Telephone": Text("téléphone de livraison"),
    "LI_Ville": Text("ville de livraison"),
    "RG_Reference": Text("référence du règlement"),
}

_SMALLEST: Mapping[str, int] = {
    "AR_Ref": 18,
    "CG_Classement": 17,
    "CG_Intitule": 35,
    "CG_Num": 13,
    "CG_NumPrinc": 13,
    "CT_Adresse": 35,
    "CT_Classement": 17,
    "CT_CodePostal": 9,
    "CT_CodeRegion": 25,
    "CT_Complement": 35,
    "CT_Contact": 35,
    "CT_EMail": 69,
    "CT_Identifiant": 25,
    "CT_Intitule": 35,
    "CT_Num": 17,
    "CT_Pays": 35,
    "CT_Qualite": 17,
    "CT_Telephone": 21,
    "CT_Ville": 35,
    "DL_Design": 69,
    "DO_Contact": 35,
    "DO_Coord01": 25,
    "DO_Coord02": 25,
    "DO_Coord03": 25,
    "DO_Coord04": 25,
    "DO_NoWeb": 17,
    "DO_Piece": 9,
    "DO_Ref": 17,
    "DR_Libelle": 35,
    "EU_Enumere": 21,
    "LI_Adresse": 35,
    "LI_CodePostal": 9,
    "LI_CodeRegion": 25,
    "LI_Complement": 35,
    "LI_Contact": 35,
    "LI_EMail": 69,
    "LI_Intitule": 35,
    "LI_Pays": 35,
    "LI_Telephone": 21,
    "LI_Ville": 35,
    "RG_Reference": 8,
}
"""Size in the oldest version, for a driver whose catalogue gives none."""

_LETTERS = str.maketrans(
    {
        "Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "ı": "i", "Ħ": "H", "ħ": "h", "ĸ": "k", "Ŋ": "N", "ŋ": "n", "Ŧ": "T",
        "ŧ": "t", "ẞ": "SS", "‐": "-", "‑": "-", "‒": "-", "―": "-", "−": "-", "′": "'", "″": '"', "ʼ": "'",
        "\u2028": " ", "\u2029": " ",
    }
)  # fmt: skip
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_CONTROL_KEEPING_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def to_cp1252(text: str) -> str:
    """The text with only characters of Windows' Western code page; what has no nearest letter becomes ``?``.

    Accents of the code page stay, foreign ones fall off their letter, invisible marks disappear.
    """
    composed = unicodedata.normalize("NFC", text)
    if _is_cp1252(composed):
        return composed
    return "".join(_nearest(letter) for letter in _INVISIBLE.sub("", composed.translate(_LETTERS)))


def _nearest(letter: str) -> str:
    if _is_cp1252(letter):
        return letter
    bare = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return bare if bare and _is_cp1252(bare) else REPLACEMENT


def _is_cp1252(text: str) -> bool:
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def one_line(text: str) -> str:
    """The text on one line, without blanks at its ends nor doubled."""
    return " ".join(_CONTROL.sub(" ", text).split())


class Sizes:
    """Fits texts into the columns of one company, and keeps notes of what had to be done to them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sizes: dict[str, dict[str, int]] = {}
        self.notes: list[Problem] = []

    def size(self, table: str, column: str) -> int:
        """Most characters the column holds; 0 when nothing limits it as far as anybody knows."""
        if table not in self._sizes:
            found = self._database.session.columns(table)
            self._sizes[table] = {name.lower(): length for name, length in found.items()}
        return self._sizes[table].get(column.lower()) or _SMALLEST.get(column, 0)

    def fit(self, table: str, column: str, text: str) -> str:
        """The text as the column can hold it. Raises ``ItemRefused`` (``text_too_long``) for one that identifies."""
        rule, size = rule_of(column), self.size(table, column)
        if rule is TooLong.REFUSE:
            return _identifying(column, text, size)
        plain = one_line(to_cp1252(text))
        if plain.count(REPLACEMENT) > text.count(REPLACEMENT):
            self._note("text_replaced", column, plain)
        if not size or len(plain) <= size:
            return plain
        kept = "" if rule is TooLong.DROP else plain[:size].rstrip()
        if column not in _QUIET:
            self._note("text_dropped" if rule is TooLong.DROP else "text_cut", column, plain, size=size, kept=kept)
        return kept

    def lines(self, title: Text, text: str) -> str:
        """A text of several lines as Sage keeps it: Windows' line ends, characters of its code page."""
        plain = _CONTROL_KEEPING_LINES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
        kept = to_cp1252(plain)
        if kept.count(REPLACEMENT) > plain.count(REPLACEMENT):
            self.notes.append(problem("text_replaced", field=title, value=kept))
        return kept.replace("\n", "\r\n")

    def row(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row with every text fitted."""
        return {
            column: self.fit(table, column, value) if isinstance(value, str) and value else value
            for column, value in row.items()
        }

    def quietly(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """The same without notes, for a row that is only compared with."""
        before = list(self.notes)
        try:
            return self.row(table, row)
        finally:
            self.notes = before

    def wrapped(self, table: str, columns: tuple[str, str], *texts: str) -> tuple[str, str]:
        """Two lines of an address for two columns: a first line that is too long goes on in the second one."""
        first, second = (one_line(to_cp1252(text)) for text in texts)
        size = self.size(table, columns[0])
        if not size or len(first) <= size:
            return first, second
        head, rest = _split(first, size)
        return head, f"{rest} {second}".strip()

    def taken_notes(self) -> tuple[Problem, ...]:
        """What was done to texts since the last time this was asked."""
        notes, self.notes = self.notes, []
        return tuple({(note.code, note.text()): note for note in notes}.values())

    def _note(self, code: str, column: str, value: str, **more: object) -> None:
        self.notes.append(problem(code, field=label_of(column), value=value, **more))


def _identifying(column: str, text: str, size: int) -> str:
    """The text untouched: blanks and case are part of what identifies."""
    if size and len(text) > size:
        raise refused("text_too_long", field=label_of(column), value=text, size=size, length=len(text))
    if not _is_cp1252(text) or _CONTROL.search(text):
        raise refused("text_unwritable", field=label_of(column), value=text)
    return text


def rule_of(column: str) -> TooLong:
    """What happens to a text too long for this column."""
    if column in _CUT:
        return TooLong.CUT
    return TooLong.DROP if column in _DROP else TooLong.REFUSE


def label_of(column: str) -> Text:
    """What people call a column."""
    return _LABELS.get(column) or Text(column)


def _split(text: str, size: int) -> tuple[str, str]:
    """The text cut at the last blank that lets the first part fit."""
    at = text.rfind(" ", 0, size + 1)
    at = at if at > 0 else size
    return text[:at].rstrip(), text[at:].lstrip()
