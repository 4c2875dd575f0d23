"""Rules of the repository that no linter knows: translations compiled, lock files free of addresses, settings told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOCKS = ("requirements.txt", "requirements-dev.txt")
_ADDRESS = re.compile(r"https?://|--(?:extra-)?index-url|--find-links|--trusted-host| @ ", re.IGNORECASE)
_SETTING = re.compile(r"\bENV\.\w+\(\s*\"([A-Z][A-Z0-9_]*)\"")
_PINNED = re.compile(r"^[a-zA-Z0-9][\w.\-]*(?:\[[\w,.\-]+\])?==\S+")


def faults(root: Path) -> list[str]:
    """One sentence per fault; an empty list when all is well."""
    return [*lock_faults(root), *translation_faults(root), *setting_faults(root)]


def lock_faults(root: Path) -> Iterator[str]:
    """Lock files pin each package with a hash and name no package index."""
    for name in LOCKS:
        lines = (root / name).read_text(encoding="utf-8").splitlines()
        yield from (
            f"{name}:{number} names an address." for number, line in enumerate(lines, 1) if _ADDRESS.search(line)
        )
        packages = [line for line in lines if line and not line.startswith((" ", "#"))]
        yield from (f"{name}: {line!r} is not pinned." for line in packages if not _PINNED.match(line))
        yield from (f"{name}: {line!r} has no hash." for line in packages if not line.rstrip().endswith("\\"))


def setting_faults(root: Path) -> Iterator[str]:
    """Every setting that the environment may give is described where the host looks for it."""
    told = (root / "docs" / "operations.md").read_text(encoding="utf-8")
    names = _SETTING.findall((root / "atoosync" / "settings.py").read_text(encoding="utf-8"))
    for name in sorted(set(names)):
        if f"`{name}`" not in told:
            yield f"docs/operations.md does not describe {name}."


def translation_faults(root: Path) -> Iterator[str]:
    """Each ``.po`` has no fuzzy or missing entry, and its ``.mo`` holds exactly what it says."""
    import polib  # type: ignore[import-untyped]  # a development dependency without types

    for source in sorted((root / "locale").glob("*/LC_MESSAGES/*.po")):
        name = source.relative_to(root)
        texts = polib.pofile(str(source))
        compiled = source.with_suffix(".mo")
        yield from _counted(f"{name}: fuzzy", [entry.msgid for entry in texts.fuzzy_entries()])
        yield from _counted(f"{name}: not translated", [entry.msgid for entry in texts.untranslated_entries()])
        if not compiled.exists() or _messages(polib.mofile(str(compiled))) != _messages(texts):
            yield f"{compiled.relative_to(root)} is not what {name} says: run manage.py translations compile."


def _counted(what: str, texts: list[str]) -> Iterator[str]:
    if texts:
        yield f"{what}: {len(texts)}, such as {', '.join(map(repr, texts[:3]))}."


def _messages(texts: Any) -> set[tuple[object, ...]]:
    return {
        (entry.msgctxt, entry.msgid, entry.msgid_plural, entry.msgstr, tuple(sorted(entry.msgstr_plural.items())))
        for entry in texts
        if entry.msgid and not entry.obsolete
    }
