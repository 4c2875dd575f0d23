"""The English catalogue: complete, compiled from the committed source, and in step with the sources."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

import polib
import pytest
from django.test import override_settings

from connectors.core.redaction import redact
from profiles import runtime_texts
from profiles.management.commands.translations import update

PLACEHOLDER = re.compile(r"%\([a-z_0-9]+\)[sd]|%%|\{[a-z_]+\}")
FRENCH = re.compile(r"\w* [^ ]*[àâçéèêëîïôûùœÉÈÀÊ]\w*|\w’\w|\b(le|la|les|des|une|est|pas|pour|dans)\b.* ")


@pytest.fixture(scope="module")
def catalogue_path() -> Path:
    """The committed source of the English catalogue."""
    return Path(__file__).resolve().parents[2] / "locale/en/LC_MESSAGES/django.po"


def _texts(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) or [entry.msgstr]


def test_compiled_catalogue_equals_a_recompilation(catalogue_path: Path) -> None:
    compiled = catalogue_path.with_suffix(".mo").read_bytes()
    assert polib.pofile(str(catalogue_path)).to_binary() == compiled, "run: manage.py translations compile"


def test_no_entry_is_untranslated_or_doubtful(catalogue_path: Path) -> None:
    catalogue = polib.pofile(str(catalogue_path))
    assert [entry.msgid for entry in catalogue if not entry.translated() and not entry.obsolete] == []
    assert catalogue.fuzzy_entries() == []
    assert catalogue.obsolete_entries() == []


def test_translations_name_the_same_values(catalogue_path: Path) -> None:
    wrong = []
    for entry in polib.pofile(str(catalogue_path)):
        sources = set(PLACEHOLDER.findall(entry.msgid + entry.msgid_plural))
        for text in _texts(entry):
            found = set(PLACEHOLDER.findall(text))
            if found - sources or (not entry.msgid_plural and found != sources):
                wrong.append((entry.msgid, text))
    assert wrong == []


def test_run_time_sentences_are_in_the_catalogue(catalogue_path: Path, project_root: Path) -> None:
    known = {entry.msgid for entry in polib.pofile(str(catalogue_path))}
    missing = {text: path for text, path in runtime_texts.collect(project_root).items() if text not in known}
    assert missing == {}, "run: manage.py translations update"


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="gettext is not installed (bin/test installs it)")
def test_marked_text_is_in_the_catalogue(
    catalogue_path: Path, project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {entry.msgid for entry in polib.pofile(str(catalogue_path))}
    copy = tmp_path / "source"
    for folder in ("atoosync", "billing", "connectors", "profiles", "scheduler", "sync", "templates"):
        shutil.copytree(project_root / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    # makemessages writes into the locale folder beside the sources it reads, hence the copy.
    monkeypatch.chdir(copy)
    fresh = copy / "locale/en/LC_MESSAGES/django.po"
    with override_settings(LOCALE_PATHS=[copy / "locale"], BASE_DIR=copy):
        (copy / "locale").mkdir()
        update(fresh)
    found = {entry.msgid for entry in polib.pofile(str(fresh))}
    assert found - known == set(), "run: manage.py translations update"
    assert known - found == set(), "dead entries; run: manage.py translations update"


def test_collector_tells_sentences_from_code() -> None:
    source = '''
"""Un module avec une docstring en français."""
GROUP = "Connexion"
KEY = "wc_key"
SQL = "SELECT AR_Ref FROM F_ARTICLE WHERE une = 1"
TABLE = {"a": "Premier choix", "b": "b_code"}
def f():
    """Une docstring de fonction."""
    raise ValueError("Ce fuseau horaire n’existe pas.")
option(label="Nom", help="Le nom de l’article.", group=GROUP, pattern="^[a-z]+$")
_("Déjà marqué pour l’extraction.")
'''
    found = set(runtime_texts._sentences(ast.parse(source)))
    assert found == {"Connexion", "Premier choix", "Ce fuseau horaire n’existe pas.", "Nom", "Le nom de l’article."}


def test_no_sentence_is_filled_in_before_it_is_told(project_root: Path) -> None:
    """A French sentence inside an f-string can be translated no more; commands, which speak French only, may."""
    assert filled_in('detail = f"Le taux {rate} n’existe pas."') == ["Le taux  n’existe pas."]
    found = {}
    for package in runtime_texts.PACKAGES:
        for path in sorted((project_root / package).rglob("*.py")):
            name = path.relative_to(project_root)
            if "management" not in name.parts and str(name) != "profiles/option_values.py":
                found.update({sentence: str(name) for sentence in filled_in(path.read_text(encoding="utf-8"))})
    assert found == {}


def filled_in(source: str) -> list[str]:
    """French sentences of the f-strings of a source."""
    strings = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.JoinedStr)]
    plain = ["".join(str(part.value) for part in node.values if isinstance(part, ast.Constant)) for node in strings]
    return [text for text in plain if FRENCH.search(text)]


def test_no_text_of_the_interface_looks_like_a_secret(catalogue_path: Path) -> None:
    """Texts are redacted before they are stored, and could not be translated if that changed their sentence."""
    entries = polib.pofile(str(catalogue_path))
    assert [entry.msgid for entry in entries if redact(entry.msgid) != entry.msgid] == []
