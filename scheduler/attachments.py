"""The journal of a run as a file for a mail: CSV for a spreadsheet, or plain text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from sync.models import JournalEntry, Run
from sync.templatetags.sync_ui import entity_label

LINES_LIMIT = 20_000
"""Longer journals are cut: mail servers refuse big messages, and the page shows everything."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters that make a spreadsheet run a cell as a formula; the last four are their full-width forms."""


def journal_attachment(run: Run, kind: str) -> tuple[str, bytes, str]:
    """Name, content and type of the attached journal; ``kind`` is ``csv`` or ``text``."""
    stem = f"journal-{run.flow}-{run.pk}"
    if kind == "csv":
        return f"{stem}.csv", journal_csv(run), "text/csv"
    return f"{stem}.txt", journal_text(run), "text/plain"


def safe_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula: names and references come from shops and their customers."""
    clean = text.replace("\x00", "")
    return f"'{clean}" if clean.lstrip(" ").startswith(_FORMULA) else clean


def journal_csv(run: Run) -> bytes:
    """UTF-8 with mark and semicolons, as French spreadsheets open it by a double click."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(
        [_("Date"), _("Niveau"), _("Objet"), _("Référence"), _("Libellé"), _("Résultat"), _("Message"), _("Conseil")]
    )
    for line in _lines(run):
        cells = (
            entity_label(line.entity),
            line.reference or line.item_key,
            line.label,
            line.outcome,
            _(line.text) if line.text else "",
            _(line.advice) if line.advice else "",
        )
        writer.writerow([_when(line), line.get_level_display(), *(safe_cell(str(cell)) for cell in cells)])
    if _is_cut(run):
        writer.writerow([_cut_note()])
    return out.getvalue().encode("utf-8-sig")


def journal_text(run: Run) -> bytes:
    """One line per entry, UTF-8."""
    out = []
    for line in _lines(run):
        names = " ".join(part for part in (line.reference or line.item_key, line.label) if part)
        words = " ".join(part for part in (names and f"{names} :", _(line.text) if line.text else "") if part)
        out.append(f"{_when(line)} [{line.get_level_display()}] {' '.join(words.split())}")
    if _is_cut(run):
        out.append(_cut_note())
    return ("\r\n".join(out) + "\r\n").encode()


def _lines(run: Run) -> Iterator[JournalEntry]:
    rows = JournalEntry.objects.filter(run=run).defer("detail").order_by("pk")[:LINES_LIMIT]
    yield from rows.iterator(chunk_size=2000)


def _is_cut(run: Run) -> bool:
    return bool(JournalEntry.objects.filter(run=run).order_by("pk")[LINES_LIMIT : LINES_LIMIT + 1].exists())


def _cut_note() -> str:
    return _("Journal coupé ici : la suite se lit sur la page de l’exécution.")


def _when(line: JournalEntry) -> str:
    return formats.date_format(timezone.localtime(line.at), "Y-m-d H:i:s")
