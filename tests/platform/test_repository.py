"""The catalogue of features, lock files, translations, scripts."""

from __future__ import annotations

import json
import subprocess
from io import StringIO
from pathlib import Path

import polib
import pytest
from django.core.management import CommandError, call_command

from atoosync.devtools import repository
from atoosync.devtools.features import CatalogueError, claims_by_id, coverage, read_catalogue

CATALOGUE = """# Features
| Id | State | Feature |
|---|---|---|
| ABC-01 | done | Works |
| ABC-02 | planned | Later **+** |
| ABC-03 | partial | Half |
"""
TESTS = """
import pytest
pytestmark = [pytest.mark.django_db, pytest.mark.covers("ABC-01")]

@pytest.mark.covers("ABC-02", "XYZ-09")
def test_one(): ...

@pytest.mark.covers("ABC-03")
def helper(): ...

class TestGroup:
    @pytest.mark.covers("ABC-02")
    async def test_two(self): ...
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "features.md").write_text(CATALOGUE)
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "tests" / "deep" / "test_x.py").write_text(TESTS)
    return tmp_path


def test_marks_of_files_classes_and_functions_are_found(small: Path) -> None:
    one, two = "tests/deep/test_x.py::test_one", "tests/deep/test_x.py::TestGroup::test_two"
    assert claims_by_id(small / "tests") == {"ABC-01": [one, two], "ABC-02": [one, two], "XYZ-09": [one]}


def test_rows_without_tests_and_unknown_ids_are_told(small: Path) -> None:
    found = coverage(small)
    assert [(row.id, row.state, row.further) for row in found.features] == [
        ("ABC-01", "done", False),
        ("ABC-02", "planned", True),
        ("ABC-03", "partial", False),
    ]
    assert found.untested == ["ABC-03"]
    assert found.unclaimed == ["ABC-02"]
    assert set(found.unknown) == {"XYZ-09"}


@pytest.mark.parametrize("line", ["| ABC-04 | ready | Text |", "| ABC-01 | done | Again |", "| ABC-4 | done | Short |"])
def test_a_malformed_row_is_named_by_its_line(small: Path, line: str) -> None:
    path = small / "docs" / "features.md"
    path.write_text(CATALOGUE + line + "\n")
    with pytest.raises(CatalogueError, match=r"features\.md:7"):
        read_catalogue(path)


def test_the_command_prints_json() -> None:
    output = StringIO()
    call_command("features", "--json", stdout=output)
    found = json.loads(output.getvalue())
    assert len(found["features"]) >= 126
    assert all(set(row) == {"id", "state", "text", "further", "tests"} for row in found["features"])
    output = StringIO()
    call_command("features", stdout=output)
    assert "rows," in output.getvalue()


def test_every_mark_names_a_row_and_every_finished_row_has_a_test(project_root: Path) -> None:
    found = coverage(project_root)
    assert found.unknown == {}
    assert found.untested == []


def test_the_catalogue_has_every_row_of_the_specification(contracts: Path, project_root: Path) -> None:
    specification = contracts.parent / "spec" / "features.md"
    if not specification.exists():
        pytest.skip("the specification is absent")
    wanted = {line[2:8] for line in specification.read_text().splitlines() if line[:2] == "| " and line[5:6] == "-"}
    assert {row.id for row in read_catalogue(project_root / "docs" / "features.md")} == wanted


def test_the_repository_obeys_its_own_rules(project_root: Path) -> None:
    assert list(repository.lock_faults(project_root)) == []
    assert list(repository.setting_faults(project_root)) == []


def test_a_setting_that_the_host_cannot_read_about_is_named(tmp_path: Path) -> None:
    for folder in ("docs", "atoosync"):
        (tmp_path / folder).mkdir()
    (tmp_path / "docs" / "operations.md").write_text("| `TOLD` F | none | something |\n")
    (tmp_path / "atoosync" / "settings.py").write_text('A = ENV.text("TOLD", "")\nB = ENV.whole(\n    "SILENT")\n')
    assert list(repository.setting_faults(tmp_path)) == ["docs/operations.md does not describe SILENT."]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("--index-url https://example.org/simple\n", "names an address"),
        ("thing==1.0\n", "has no hash"),
        ("thing>=1.0 \\\n    --hash=sha256:0\n", "is not pinned"),
        ("thing @ https://example.org/thing.whl\n", "names an address"),
    ],
)
def test_lock_files_with_addresses_or_loose_versions_are_refused(tmp_path: Path, text: str, fault: str) -> None:
    for name in repository.LOCKS:
        (tmp_path / name).write_text(text)
    assert any(fault in sentence for sentence in repository.lock_faults(tmp_path))


def test_stale_and_missing_translations_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "locale" / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    texts = polib.POFile()
    texts.metadata = {"Content-Type": "text/plain; charset=utf-8"}
    texts.append(polib.POEntry(msgid="Bonjour", msgstr="Hello"))
    texts.save(str(folder / "django.po"))
    assert [sentence.split(":")[0] for sentence in repository.translation_faults(tmp_path)] == [
        "locale/en/LC_MESSAGES/django.mo is not what locale/en/LC_MESSAGES/django.po says"
    ]
    texts.save_as_mofile(str(folder / "django.mo"))
    assert list(repository.translation_faults(tmp_path)) == []
    texts.append(polib.POEntry(msgid="Article", msgstr=""))
    texts.append(polib.POEntry(msgid="Prix", msgstr="Price", flags=["fuzzy"]))
    texts.save(str(folder / "django.po"))
    faults = "\n".join(repository.translation_faults(tmp_path))
    assert "not translated: 1, such as 'Article'." in faults
    assert "fuzzy: 1, such as 'Prix'." in faults


def test_the_check_command_fails_with_the_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atoosync.management.commands.check_repository.faults", lambda root: ["one fault"])
    with pytest.raises(CommandError, match="one fault"):
        call_command("check_repository")


@pytest.mark.parametrize("script", ["bin/demo", "bin/test", "bin/check", "bin/venv", "bin/lock", ".ci/run"])
def test_scripts_are_executable_and_parse(project_root: Path, script: str) -> None:
    path = project_root / script
    assert path.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(path)], check=True)
    assert len(path.read_text().splitlines()) <= 40, "scripts stay thin"
