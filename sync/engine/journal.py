"""Builds journal lines; everything that leaves the engine as text passes the redactor here."""

from __future__ import annotations

import json
from typing import Any

from connectors.core.problems import Problem
from connectors.core.redaction import redact
from sync.models import JournalEntry, Level, Run

BODY_LIMIT = 4000
"""Characters kept of one sent or received body."""


def line(run: Run, text: str, *, level: Level = Level.INFO, code: str = "", advice: str = "") -> JournalEntry:
    """A line about the run itself."""
    return JournalEntry(
        run=run, profile_id=run.profile_id, level=level, text=redact(text), code=code, advice=redact(advice)
    )


def problem_fields(problem: Problem | None) -> dict[str, str]:
    """Code, sentence and advice of a problem, redacted."""
    if problem is None:
        return {}
    return {"code": problem.code, "text": redact(problem.text()), "advice": redact(problem.advice_text())}


def body(value: Any) -> Any:
    """A body as it may be kept: redacted, and cut to ``BODY_LIMIT`` characters."""
    if value is None:
        return None
    clean = redact(value)
    text = clean if isinstance(clean, str) else json.dumps(clean, ensure_ascii=False, default=str)
    if len(text) <= BODY_LIMIT:
        return clean
    return f"{text[:BODY_LIMIT]}… ({len(text)} caractères)"
