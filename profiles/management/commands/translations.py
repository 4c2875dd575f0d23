"""Keeps the English catalogue: extraction, run-time sentences, compilation. For developers: needs gettext and polib."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from profiles import runtime_texts

CATALOGUE = Path("en/LC_MESSAGES/django.po")


class Command(BaseCommand):
    """`translations update` reads the sources anew and lists what lacks English; `… compile` writes the .mo only."""

    help = "Met à jour ou compile le catalogue anglais (développeurs)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declares the action."""
        parser.add_argument("action", choices=["update", "compile"])

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Runs the action; fails when some text is untranslated or doubtful."""
        import polib  # type: ignore[import-untyped]  # a development dependency, without types

        path = Path(settings.LOCALE_PATHS[0]) / CATALOGUE
        if action == "update":
            update(path, verbosity=int(options["verbosity"]))
        catalogue = polib.pofile(str(path), wrapwidth=110)
        catalogue.save_as_mofile(str(path.with_suffix(".mo")))
        missing = [entry.msgid for entry in catalogue if not entry.translated() and not entry.obsolete]
        if missing:
            raise CommandError(f"{len(missing)} untranslated:\n" + "\n".join(repr(msgid) for msgid in missing))


def update(path: Path, *, verbosity: int = 0) -> None:
    """Bring a catalogue up to the sources: marked text by makemessages, then run-time sentences; dead entries go."""
    import polib

    path.parent.mkdir(parents=True, exist_ok=True)
    # msgmerge may take a dead entry as a guess for a new one; what was translated before is put back afterwards.
    before = {(entry.msgid, entry.msgctxt): entry for entry in polib.pofile(str(path))} if path.exists() else {}
    call_command(
        "makemessages",
        locale=["en"],
        ignore_patterns=[".venv", "var", "staticfiles", "tests", "static"],
        add_location="file",
        verbosity=verbosity,
    )
    catalogue = polib.pofile(str(path), wrapwidth=110)
    known = {(entry.msgid, entry.msgctxt): entry for entry in catalogue}
    for sentence, origin in runtime_texts.collect(Path(settings.BASE_DIR)).items():
        entry = known.get((sentence, None))
        if entry is None:
            flags = ["python-format"] if "%(" in sentence else []
            catalogue.append(polib.POEntry(msgid=sentence, occurrences=[(origin, "")], flags=flags))
        elif entry.obsolete:
            entry.obsolete = False
            entry.occurrences = [(origin, "")]
    for entry in [entry for entry in catalogue if entry.obsolete]:
        catalogue.remove(entry)
    for entry in catalogue:
        entry.previous_msgid = entry.previous_msgctxt = entry.previous_msgid_plural = None
        if entry.fuzzy:
            # A guess of msgmerge is worse than a gap: it would be shown.
            entry.flags.remove("fuzzy")
            entry.msgstr = ""
            entry.msgstr_plural = dict.fromkeys(entry.msgstr_plural, "")
        earlier = before.get((entry.msgid, entry.msgctxt))
        if earlier is not None and not entry.translated() and earlier.translated():
            entry.msgstr, entry.msgstr_plural = earlier.msgstr, earlier.msgstr_plural
    catalogue.metadata = {
        "Project-Id-Version": "AtooSync",
        "Language": "en",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    catalogue.sort(key=lambda entry: entry.msgid)
    catalogue.save(str(path))
