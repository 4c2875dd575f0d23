"""Rows of ``docs/features.md`` and the tests that name them, found without importing a single test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

STATES = ("done", "partial", "planned")
_ROW = re.compile(r"^\|\s*(?P<id>[A-Z]{3}-\d{2})\s*\|\s*(?P<state>[^|]*?)\s*\|\s*(?P<text>.+?)\s*\|\s*$")
_LOOKS_LIKE_ROW = re.compile(r"^\|\s*[A-Z]{3}-\d+")


class CatalogueError(ValueError):
    """The catalogue cannot be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One row. ``further``: goes beyond the tools this product replaces."""

    id: str
    state: str
    text: str
    further: bool
    tests: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Rows with their tests, and ids that tests name without there being a row."""

    features: list[Feature]
    unknown: Mapping[str, list[str]]

    @property
    def untested(self) -> list[str]:
        """Rows said to be done or partial that no test names."""
        return [row.id for row in self.features if row.state != "planned" and not row.tests]

    @property
    def unclaimed(self) -> list[str]:
        """Rows said to be planned although tests name them."""
        return [row.id for row in self.features if row.state == "planned" and row.tests]


def read_catalogue(path: Path) -> list[Feature]:
    """Rows in the order of the file. Raises :class:`CatalogueError` for a malformed, repeated or stateless row."""
    rows: dict[str, Feature] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not _LOOKS_LIKE_ROW.match(line):
            continue
        match = _ROW.match(line)
        if match is None or match["state"] not in STATES:
            raise CatalogueError(f"{path.name}:{number}: expected | ID | {' or '.join(STATES)} | text |")
        if match["id"] in rows:
            raise CatalogueError(f"{path.name}:{number}: {match['id']} appears twice")
        further = match["text"].endswith("**+**")
        text = match["text"].removesuffix("**+**").rstrip()
        rows[match["id"]] = Feature(match["id"], match["state"], text, further)
    return list(rows.values())


def claims_by_id(folder: Path) -> dict[str, list[str]]:
    """``row id -> tests`` for every ``covers`` mark below ``folder``, as pytest writes their names."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        name = path.relative_to(folder.parent).as_posix()
        shared = _ids_of_module(module)
        for test, ids in _tests(module, name, shared):
            for row in ids:
                found.setdefault(row, []).append(test)
    return found


def coverage(root: Path) -> Coverage:
    """The catalogue of the repository at ``root`` against its tests."""
    rows = read_catalogue(root / "docs" / "features.md")
    tests = claims_by_id(root / "tests")
    known = {row.id for row in rows}
    features = [Feature(row.id, row.state, row.text, row.further, tests.get(row.id, [])) for row in rows]
    return Coverage(features, {row: names for row, names in sorted(tests.items()) if row not in known})


def _tests(
    parent: ast.Module | ast.ClassDef, prefix: str, inherited: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    for node in parent.body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            marks = inherited | _ids_of_marks(node.decorator_list)
            yield from _tests(node, f"{prefix}::{node.name}", marks)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield f"{prefix}::{node.name}", inherited | _ids_of_marks(node.decorator_list)


def _ids_of_module(module: ast.Module) -> frozenset[str]:
    """Ids of ``pytestmark = …`` at the top of a file."""
    for node in module.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in targets):
            marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            return _ids_of_marks(marks)
    return frozenset()


def _ids_of_marks(marks: list[ast.expr]) -> frozenset[str]:
    return frozenset(
        argument.value
        for mark in marks
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr == "covers"
        for argument in mark.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    )
