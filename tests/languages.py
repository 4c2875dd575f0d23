"""Finds, in what a person reads, sentences of the interface that are in another language than theirs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import polib

CATALOGUE = Path(__file__).resolve().parents[1] / "locale/en/LC_MESSAGES/django.po"
_PLACEHOLDER = re.compile(r"%\([a-z_0-9]+\)[sd]|\{[a-z_]+\}")
_FRENCH_WORDS = re.compile(
    r"(?<![\w-])(déjà|pièces?|créée?s?|refusée?s?|boutiques?|commandes?|dans l’ERP|n’est|n’a|réglages?|échec"
    r"|règlements?|remboursements?|écart|associée?s?|lancée?s?|réessai\w*|rien à|nouvel essai|manquantes?)(?![\w-])"
)
_ENGLISH_WORDS = re.compile(
    r"(?<![\w-])(the|was|were|has been|does not|is not|already|created|refused|shop|order|missing|nothing)(?![\w-])"
)
_SILENT = {"script", "style", "pre", "code", "svg", "title"}
_SPOKEN = {"title", "aria-label", "placeholder", "alt", "data-confirm", "data-confirm-text", "data-confirm-label"}
_VOID = {"meta", "link", "input", "br", "hr", "img", "path", "rect", "use"}


class _Reader(HTMLParser):
    """Texts of a page as a person reads or hears them; recorded bodies and technical words are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        foreign = "lang" in values and tag != "html"
        if (tag in _SILENT or foreign or self._silent) and tag not in _VOID:
            self._silent.append(tag)
        elif not self._silent:
            self.texts += [values[name] or "" for name in _SPOKEN & values.keys()]

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.texts.append(" ".join(data.split()))


def texts_of(html: str) -> list[str]:
    """What a person reads on a page, piece by piece."""
    reader = _Reader()
    reader.feed(html)
    return reader.texts


@dataclass(frozen=True)
class _Sentence:
    key: str
    longest: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Language:
    """Everything the interface says in one language that it says differently in the other one."""

    sentences: tuple[_Sentence, ...]
    words: frozenset[str]
    telling: re.Pattern[str]

    def found_in(self, texts: Iterable[str], data: Collection[str] = ()) -> list[str]:
        """Sentences and words of this language among the texts; ``data`` is what both systems hold, in any language."""
        pieces = [piece for piece in texts if piece not in data]
        found = [f"word: {piece}" for piece in pieces if piece in self.words]
        whole = " ".join(" ".join(pieces).split())
        for known in sorted(data, key=len, reverse=True):
            whole = whole.replace(known, "…")
        found += [
            f"sentence: {one.key}" for one in self.sentences if one.longest in whole and one.pattern.search(whole)
        ]
        return found + [
            f"telling: {whole[max(0, m.start() - 60) : m.end() + 40]}" for m in self.telling.finditer(whole)
        ]


@cache
def french() -> Language:
    """French, to be looked for in what an English reader sees."""
    return _language(_pairs(), _FRENCH_WORDS)


@cache
def english() -> Language:
    """English, to be looked for in what a French reader sees."""
    return _language(((other, own) for own, other in _pairs()), _ENGLISH_WORDS)


def _pairs() -> Iterator[tuple[str, str]]:
    for entry in polib.pofile(str(CATALOGUE)):
        yield entry.msgid, entry.msgstr or entry.msgstr_plural[0]
        if entry.msgid_plural:
            yield entry.msgid_plural, entry.msgstr_plural[1]


def _language(pairs: Iterable[tuple[str, str]], telling: re.Pattern[str]) -> Language:
    sentences, words, others = [], set(), set()
    for own, other in pairs:
        others.add(other)
        if own.casefold() == other.casefold():
            continue
        text = " ".join(own.replace("%%", "%").split())
        literal = [piece for piece in _PLACEHOLDER.split(text) if piece.strip()]
        letters = sum(character.isalpha() for character in "".join(literal))
        if " " in text.strip() and letters >= 9:
            sentences.append(_sentence(text, literal))
        elif not _PLACEHOLDER.search(text):
            words.add(text)
    return Language(tuple(sentences), frozenset(words - others), telling)


def _sentence(text: str, literal: list[str]) -> _Sentence:
    pattern = r".{0,200}?".join(re.escape(piece) for piece in _PLACEHOLDER.split(text))
    before, after = (r"(?<!\w)" if text[0].isalnum() else ""), (r"(?!\w)" if text[-1].isalnum() else "")
    return _Sentence(text, max(literal, key=len), re.compile(f"{before}{pattern}{after}"))
