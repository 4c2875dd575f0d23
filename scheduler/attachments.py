"""The journal of a run as a file for a mail: CSV for a spreadsheet, or plain text."""

from __future__ import annotations

import io

from sync.models import Run
from sync.presentation.journal_file import file_name, write_journal

LINES_LIMIT = 20_000
"""Longer journals are cut: mail servers refuse big messages, and the page shows everything."""


def journal_attachment(run: Run, kind: str) -> tuple[str, bytes, str]:
    """Name, content and type of the attached journal; ``kind`` is ``csv`` or ``text``."""
    ending = "csv" if kind == "csv" else "txt"
    out = io.BytesIO()
    write_journal(run, ending, out, LINES_LIMIT)
    return file_name(run, ending), out.getvalue(), "text/csv" if ending == "csv" else "text/plain"
