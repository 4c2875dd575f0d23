"""Builds journal lines; everything that leaves the engine as text passes the redactor here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from connectors.core.problems import Problem
from connectors.core.redaction import redact
from connectors.core.texts import NOTHING, Text, stored
from sync.models import JournalEntry, Level, Run

BODY_LIMIT = 4000
"""Characters kept of one sent or received body."""

FRENCH, SAID = "text", "said"
"""Under these keys a recorded body holds a text for people: in French, and with its values."""


def line(run: Run, text: Text, *, level: Level = Level.INFO, code: str = "", advice: Text = NOTHING) -> JournalEntry:
    """A line about the run itself."""
    return JournalEntry(run=run, profile_id=run.profile_id, level=level, code=code, **kept(text=text, advice=advice))


def kept(**texts: Text) -> dict[str, Any]:
    """Columns of a row that keeps these texts, redacted; see ``connectors.core.texts.stored``."""
    return stored(**{name: text.mapped(redact) for name, text in texts.items()})


def problem_fields(problem: Problem | None, *, sentence: str = "text") -> dict[str, Any]:
    """Sentence (under the name ``sentence``) and advice of a problem, redacted; nothing without a problem."""
    return kept(**{sentence: problem.said, "advice": problem.advised}) if problem is not None else {}


def notes(found: Sequence[Text]) -> list[Any] | None:
    """Remarks about an item as its line keeps them; ``None`` without any."""
    return [note.mapped(redact).dumps() for note in found] or None


def body(value: Any) -> Any:
    """A body as it may be kept: redacted, and cut to ``BODY_LIMIT`` characters; a text as it is stored with values."""
    if value is None:
        return None
    if isinstance(value, Text):
        clean_text = value.mapped(redact)
        return {FRENCH: str(clean_text), SAID: clean_text.dumps()}
    clean = redact(value)
    text = clean if isinstance(clean, str) else json.dumps(clean, ensure_ascii=False, default=str)
    if len(text) <= BODY_LIMIT:
        return clean
    return f"{text[:BODY_LIMIT]}… ({BODY_LIMIT} / {len(text)})"
