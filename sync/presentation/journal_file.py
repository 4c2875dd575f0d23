"""The journal of a run as a file: plain text, CSV or XLSX, written line by line so that any length fits in memory.

The files say what the page of the run says in its lines; recorded bodies (``detail``) are not in them.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO
from xml.sax.saxutils import escape

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from profiles.templatetags.ui import STATE_LOOKS
from profiles.texts import said
from sync.models import JournalEntry, Run
from sync.presentation.paging import only
from sync.templatetags.sync_ui import entity_label

KINDS = {
    "txt": "text/plain;charset=utf-8",
    "csv": "text/csv;charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Kinds of file, by the end of their name, with their content type."""

SHEET_ROWS = 1_048_576
CELL_CHARACTERS = 32_767
"""Limits of a sheet: «Excel specifications and limits» of Microsoft. Longer texts are cut."""

_READ_AT_ONCE = 2000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters that make a spreadsheet run a cell as a formula; the last four are their full-width forms."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document may hold, even escaped."""

_PACKAGE = {
    "[Content_Types].xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    b'<Override PartName="/xl/workbook.xml"'
    b' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    b'<Override PartName="/xl/worksheets/sheet1.xml"'
    b' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
    "_rels/.rels": b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    b'<Relationship Id="rId1" Target="xl/workbook.xml"'
    b' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>',
    "xl/workbook.xml": b'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    b' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    b'<sheets><sheet name="Journal" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    b'<Relationship Id="rId1" Target="worksheets/sheet1.xml"'
    b' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/></Relationships>',
}
"""The parts around the sheet: the least that ECMA-376 asks of a workbook."""

_SHEET_START = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_XML = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def file_name(run: Run, kind: str) -> str:
    """Name of the file, without accents or spaces."""
    return f"journal-{run.flow}-{run.pk}.{kind}"


def write_journal(run: Run, kind: str, out: IO[bytes], most: int | None = None) -> None:
    """Writes the journal into ``out``, in the language and the time zone of the moment.

    ``kind`` is one of :data:`KINDS`. With ``most``, a longer journal is cut and says so on its last line.
    """
    if kind == "xlsx":
        _write_workbook(_table(run, min(most or SHEET_ROWS, SHEET_ROWS - 2)), out)
        return
    for piece in _csv_pieces(run, most) if kind == "csv" else _text_pieces(run, most):
        out.write(piece.encode())


def safe_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula: names and references come from shops and their customers."""
    clean = text.replace("\x00", "")
    return f"'{clean}" if clean.lstrip(" ").startswith(_FORMULA) else clean


def _csv_pieces(run: Run, most: int | None) -> Iterator[str]:
    """UTF-8 with mark and semicolons, as French spreadsheets open it by a double click."""
    yield "\ufeff"
    for row in _table(run, most):
        line = io.StringIO()
        csv.writer(line, delimiter=";", lineterminator="\r\n").writerow([safe_cell(cell) for cell in row])
        yield line.getvalue()


def _text_pieces(run: Run, most: int | None) -> Iterator[str]:
    """One line per entry."""
    for line in _lines(run, most):
        names = " ".join(part for part in (line.reference or line.item_key, line.label) if part)
        words = " ".join(part for part in (names and f"{names} :", said(line, "text")) if part)
        yield f"{_when(line)} [{line.get_level_display()}] {' '.join(words.split())}\r\n"
    if _is_cut(run, most):
        yield f"{_cut_note()}\r\n"


def _table(run: Run, most: int | None) -> Iterator[Sequence[str]]:
    yield [_("Date"), _("Niveau"), _("Objet"), _("Référence"), _("Libellé"), _("Résultat"), _("Message"), _("Conseil")]
    for line in _lines(run, most):
        yield [
            _when(line),
            str(line.get_level_display()),
            str(entity_label(line.entity)),
            line.reference or line.item_key,
            line.label,
            _outcome(line),
            said(line, "text"),
            said(line, "advice"),
        ]
    if _is_cut(run, most):
        yield [_cut_note()]


def _outcome(line: JournalEntry) -> str:
    look = STATE_LOOKS.get(line.outcome)
    return str(look.label) if look else line.outcome


def _write_workbook(table: Iterable[Sequence[str]], out: IO[bytes]) -> None:
    """Cells are typed as texts, which no spreadsheet evaluates."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in _PACKAGE.items():
            package.writestr(name, _XML + content)
        with package.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(_XML + _SHEET_START)
            for row in table:
                sheet.write(f"<row>{''.join(map(_sheet_cell, row))}</row>".encode())
            sheet.write(b"</sheetData></worksheet>")


def _sheet_cell(text: str) -> str:
    clean = escape(_NOT_XML.sub("", text)[:CELL_CHARACTERS])
    return f'<c t="inlineStr"><is><t xml:space="preserve">{clean}</t></is></c>'


def _lines(run: Run, most: int | None) -> Iterator[JournalEntry]:
    rows = only(JournalEntry.objects.defer("detail"), run_id=run.pk).order_by("run_id", "pk")
    return iter((rows if most is None else rows[:most]).iterator(chunk_size=_READ_AT_ONCE))


def _is_cut(run: Run, most: int | None) -> bool:
    if most is None:
        return False
    return bool(only(JournalEntry.objects.all(), run_id=run.pk).order_by("run_id", "pk")[most : most + 1].exists())


def _cut_note() -> str:
    return _("Journal coupé ici : la suite se lit sur la page de l’exécution.")


def _when(line: JournalEntry) -> str:
    return formats.date_format(timezone.localtime(line.at), "Y-m-d H:i:s")
