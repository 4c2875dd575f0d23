"""Texts in the language of their reader: what was stored with its values is filled in when it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from django.utils import formats
from django.utils.translation import gettext

from connectors.core.problems import Problem
from connectors.core.texts import Text, joined


class Row(Protocol):
    """A stored row that keeps texts: each one in French under its name, and those with values in ``told``."""

    told: Any


def rendered(text: Text | str) -> str:
    """A text in the active language; a plain text is a sentence without values."""
    if isinstance(text, Text):
        return text.rendered(gettext, _shown)
    return gettext(text) if text else ""


def said(row: Row, name: str) -> str:
    """The text that a row keeps under ``name``, in the active language. No query.

    What was stored filled in, without its values, can only be translated as a whole: an unknown sentence stays French.
    """
    return rendered(text_kept(row, name))


def text_kept(row: Row, name: str) -> Text:
    """The text that a row keeps under ``name``, with its values where it has some."""
    return kept(row.told, name, getattr(row, name))


def kept(told: Mapping[str, Any] | None, name: str, plain: str) -> Text:
    """The text ``name`` among those that were told with values, else the plain sentence."""
    return Text.loads(told[name]) if told and name in told else Text(plain)


def problem_told(problem: Problem) -> str:
    """Sentence and advice of a problem in the active language."""
    return rendered(joined(problem.said, problem.advised))


def _shown(value: Decimal | date) -> str:
    if isinstance(value, Decimal):
        return formats.number_format(value)
    return formats.date_format(value, "SHORT_DATE_FORMAT")
