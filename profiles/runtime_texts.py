"""Finds the French sentences that reach a page only at run time, so that the catalogue can hold their translations.

Connectors, sections of options, flows and the engine write plain French text, because they know no Django; pages
translate it when they show it. The extraction of Django sees marked text only, so the sources are read here as syntax
trees: arguments with a telling name (`label`, `help`, `sentence`, …), values of `choices`, upper-case constants, and
text that looks like a French sentence.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("connectors/core", "connectors/erp", "connectors/shops", "profiles", "billing", "sync", "scheduler")
SKIPPED_PARTS = {"migrations", "management", "templatetags", "tests"}
TELLING = {"label", "help", "group", "title", "sentence", "advice", "summary", "unit", "text", "note"}
_TELLING_CALLS = {"CheckItem", "FlowInfo", "Feature", "Kind", "Problem", "ok", "warn", "fail"}
_FRENCH = re.compile(r"[àâçéèêëîïôûùœÀÉÈÊÎÔ’«]|\b(le|la|les|de|des|du|un|une|est|pas|et|ou|sur|pour|dans)\b")
_WORDS = {"s", "jours", "articles"}  # units of options, the only labels without a capital
_CODE = re.compile(r"^[a-z0-9_.:/{}%#-]*$|^\S*[_,@%/]\S*$|^\S+\.\S+$|%Y|\b(SELECT|FROM|WHERE|INSERT|PRAGMA|COALESCE)\b")


def collect(root: Path) -> dict[str, str]:
    """Every sentence with the file it was found in first, relative to `root`."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            if SKIPPED_PARTS.isdisjoint(path.relative_to(root).parts):
                for sentence in _sentences(ast.parse(path.read_text(encoding="utf-8"))):
                    found.setdefault(sentence, str(path.relative_to(root)))
    return found


def _sentences(tree: ast.Module) -> Iterator[str]:
    ignored = {id(node) for node in _docstrings(tree)} | {id(node) for node in _marked(tree)}
    told = {id(node) for node in _told(tree)}
    spoken = {id(node) for node in _spoken(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in ignored:
            text = node.value
            if not text.strip():
                continue
            if id(node) in spoken or _is_sentence(text) or (id(node) in told and _is_label(text)):
                yield text


def _is_label(text: str) -> bool:
    return any(letter.islower() for letter in text) and "(?" not in text and (not _CODE.search(text) or text in _WORDS)


def _is_sentence(text: str) -> bool:
    start = text.strip()[0]
    opens = start.isupper() or start == "«"
    return opens and " " in text.strip() and bool(_FRENCH.search(text)) and not _CODE.search(text)


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    """Docstrings, also those that follow an assignment."""
    for node in ast.walk(tree):
        for child in (
            getattr(node, "body", None) or [] if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) else []
        ):
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                yield child.value


def _marked(tree: ast.Module) -> Iterator[ast.AST]:
    """Text that Django's own extraction finds, and text inside f-strings, which cannot be translated."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in {
            "_",
            "gettext",
            "gettext_lazy",
            "ngettext",
            "gettext_noop",
        }:
            yield from node.args
        if isinstance(node, ast.JoinedStr):
            yield from node.values


def _spoken(tree: ast.Module) -> Iterator[ast.AST]:
    """What a :class:`connectors.core.texts.Text` is made of: text for people whatever it looks like."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == "Text":
            yield from node.args[:1]


def _told(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in TELLING:
            yield node.value
        elif isinstance(node, ast.keyword) and node.arg == "choices" and isinstance(node.value, ast.Dict):
            yield from node.value.values
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _assigned(node)
        elif isinstance(node, ast.Call) and _name(node.func) in _TELLING_CALLS:
            yield from node.args


def _assigned(node: ast.Assign | ast.AnnAssign) -> Iterator[ast.AST]:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    name = _name(target)
    if node.value is None or not (name.strip("_").isupper() or name in TELLING):
        return
    if isinstance(node.value, ast.Constant):
        yield node.value
    elif isinstance(node.value, ast.Dict):
        yield from node.value.values


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""
