"""Texts for people: a French sentence and the values it names, kept apart until somebody reads them.

What is stored and what travels is the sentence with its values; each reader gets it filled in, in their language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Union

Value = Union[str, int, Decimal, date, "Text"]
"""What fills a sentence: a text of the outside world is shown as it is, a :class:`Text` is translated as well."""

Translate = Callable[[str], str]
Show = Callable[[Decimal | date], str]

_NAMED = re.compile(r"%\((\w+)\)")


@dataclass(frozen=True, slots=True)
class Text:
    """A French sentence, which is its own key in the catalogue of translations, and the values of its ``%(name)s``."""

    sentence: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        """The text in French."""
        return self.rendered(lambda sentence: sentence, french)

    def __bool__(self) -> bool:
        return bool(self.sentence)

    def rendered(self, translate: Translate, show: Show) -> str:
        """The text in a language: ``translate`` turns a French sentence into it, ``show`` writes amounts and dates.

        A sentence that names values nobody recorded is shown unfilled; nothing is raised for it.
        """
        sentence = translate(self.sentence) if self.sentence else ""
        if not self.values:
            return sentence
        try:
            return sentence % {name: _filled(value, translate, show) for name, value in self.values.items()}
        except (KeyError, TypeError, ValueError):
            return sentence

    def filled(self, **values: Value) -> Text:
        """The same sentence with these values."""
        return Text(self.sentence, values)

    def mapped(self, change: Callable[[str], str]) -> Text:
        """The same text with ``change`` applied to its sentence and to every text among its values."""
        return Text(change(self.sentence), {name: _mapped(value, change) for name, value in self.values.items()})

    def dumps(self) -> list[Any]:
        """Plain data for JSON: ``[sentence]`` or ``[sentence, values]``, with the values that the sentence names."""
        named = set(_NAMED.findall(self.sentence))
        values = {name: _plain(value) for name, value in self.values.items() if name in named}
        return [self.sentence, values] if self.values else [self.sentence]

    @classmethod
    def loads(cls, stored: Any) -> Text:
        """The inverse of :meth:`dumps`; a plain text is a sentence without values."""
        if not isinstance(stored, list) or not stored:
            return cls(str(stored or ""))
        values = stored[1] if len(stored) > 1 else {}
        return cls(str(stored[0]), {name: _loaded(value) for name, value in values.items()})


NOTHING = Text()
"""No text at all."""


def text_of(value: Text | str) -> Text:
    """A text as it is, or a sentence without values as one."""
    return value if isinstance(value, Text) else Text(value)


def shown(value: object) -> Text | str:
    """A value of a sentence: a text to translate as it is, anything else as it is written."""
    return value if isinstance(value, Text) else str(value)


def joined(*texts: Text | str, separator: str = " ") -> Text:
    """Several texts as one, each translated by itself; empty ones are left out."""
    found = [text for text in map(text_of, texts) if text]
    if len(found) < 2:
        return found[0] if found else Text()
    names = [f"t{place}" for place in range(len(found))]
    return Text(separator.join(f"%({name})s" for name in names), dict(zip(names, found, strict=True)))


def stored(**texts: Text) -> dict[str, Any]:
    """Columns of a row that keeps texts: each one in French under its name, and in ``told`` those that hold values.

    ``told`` is ``None`` when none does: the French sentence is then all there is to translate.
    """
    told = {name: text.dumps() for name, text in texts.items() if text.values}
    return {**{name: str(text) for name, text in texts.items()}, "told": told or None}


def french(value: Decimal | date) -> str:
    """An amount or a day as French readers write it."""
    return f"{value:f}".replace(".", ",") if isinstance(value, Decimal) else f"{value:%d/%m/%Y}"


def _filled(value: Value, translate: Translate, show: Show) -> str | int:
    if isinstance(value, Text):
        return value.rendered(translate, show)
    return show(value) if isinstance(value, Decimal | date) else value


def _mapped(value: Value, change: Callable[[str], str]) -> Value:
    if isinstance(value, Text):
        return value.mapped(change)
    return change(value) if isinstance(value, str) else value


def _plain(value: Value) -> Any:
    if isinstance(value, Text):
        return value.dumps()
    if isinstance(value, Decimal):
        return {"amount": f"{value:f}"}
    return {"day": value.isoformat()} if isinstance(value, date) else value


def _loaded(value: Any) -> Value:
    if isinstance(value, list):
        return Text.loads(value)
    if isinstance(value, dict):
        return Decimal(value["amount"]) if "amount" in value else date.fromisoformat(value["day"][:10])
    return value if isinstance(value, int) else str(value)
