"""Widgets of option forms: secrets, ordered lists of choices, mapping grids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from connectors.core.mapping_keys import KeyRefused, KeyShape, canonical_key, duplicate, joined, split, unknown
from profiles.texts import rendered

Pair = tuple[str, str]

REMOVE_SUFFIX = "__remove"
KEY_SUFFIX = "__key"
VALUE_SUFFIX = "__value"
NEW_KEY_SUFFIX = "__new_key"
NEW_PART_SUFFIX = "__new_part"
NEW_VALUE_SUFFIX = "__new_value"


class _Data(Protocol):
    def get(self, key: str, default: Any = None) -> Any: ...

    def getlist(self, key: str) -> list[Any]: ...


def _render(name: str, context: Mapping[str, Any]) -> SafeString:
    # The form renderer of Django looks only into applications; our widgets live with the other templates.
    return mark_safe(render_to_string(f"profiles/widgets/{name}.html", dict(context)))  # noqa: S308


class SecretInput(forms.PasswordInput):
    """A secret: its value is never rendered; the form only says whether one is kept, and lets it be replaced.

    The data is the text typed, an empty string to keep the present value, or None to remove it.
    """

    def __init__(self, *, held: bool, removable: bool, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs={"autocomplete": "new-password", **(attrs or {})}, render_value=False)
        self.held = held
        self.removable = removable
        if held:
            self.attrs["placeholder"] = _("Enregistré : laissez vide pour le garder")

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str | None:
        """See the class."""
        typed = str(data.get(name) or "")
        if not typed and self.held and self.removable and data.get(name + REMOVE_SUFFIX):
            return None
        return typed

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """A secret left out of a request is kept, exactly like an empty one."""
        return name not in data


class MultipleChecks(forms.CheckboxSelectMultiple):
    """Several values of a short list; the data is a list of texts in the order of the list."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        """The checked values."""
        return [str(value) for value in data.getlist(name)]


class OrderedSelects(forms.Widget):
    """`count` select boxes in a row, the order of which matters; the data is the list of chosen values."""

    grouped = True

    def __init__(self, *, choices: Sequence[Pair], count: int) -> None:
        super().__init__()
        self.choices = choices
        self.count = count

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        """The chosen values in order, each once, without empty boxes."""
        return list(dict.fromkeys(str(value) for value in data.getlist(name) if value))

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """Numbered select boxes."""
        chosen = [*(str(item) for item in value or ()), *[""] * self.count][: self.count]
        return _render(
            "ordered_selects", {"name": name, "chosen": chosen, "choices": self.choices, "attrs": attrs or {}}
        )


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One line of a mapping grid. `key_gone` / `value_gone`: no longer in the list of its system.

    `free`: a line that a user added, which can be taken away again.
    """

    key: str
    label: str
    value: str
    key_gone: bool = False
    value_gone: bool = False
    free: bool = False


@dataclass(slots=True)
class NewRow:
    """A line being added, as typed; `error` says why it is refused."""

    entry: str = ""
    part: str = ""
    value: str = ""
    error: str = ""

    @property
    def blank(self) -> bool:
        """Whether nothing was typed."""
        return not (self.entry or self.part or self.value)


class PostedTable(dict[str, str]):
    """A table as posted: the filled lines of the grid, and in `fresh` the lines being added, as typed."""

    def __init__(self, lines: Mapping[str, str], fresh: Sequence[NewRow]) -> None:
        super().__init__(lines)
        self.fresh = list(fresh)


@dataclass(frozen=True, slots=True)
class MappingLists:
    """The lists of a mapping; None for one that was never read, `values` None for free text.

    `shape` says what its keys are; `parts` offers the second part of a key (currencies) where a list has it.
    """

    keys: Sequence[Pair] | None
    values: Sequence[Pair] | None
    free_text: bool = False
    shape: KeyShape = KeyShape.LISTED
    parts: Sequence[Pair] = ()

    @property
    def known(self) -> dict[str, str]:
        """Labels by key, in the one spelling of the table's keys."""
        return {canonical_key(self.shape, key): label for key, label in self.keys or () if key.strip()}

    @property
    def may_add(self) -> bool:
        """Whether lines can be added: always, except where the list has been read and nothing else is a key."""
        return self.shape is not KeyShape.LISTED or not self.keys

    @property
    def pick_entry(self) -> bool:
        """Whether the entry of a new line is chosen from the list, and not typed."""
        return bool(self.keys) and bool(self.shape.separator)


@dataclass(frozen=True, slots=True)
class MappingWords:
    """What a grid calls its columns, and what it says of an entry that vanished from either system."""

    key_title: str
    value_title: str
    key_gone: str
    value_gone: str


class MappingGrid(forms.Widget):
    """A table of pairs with «Appliquer aux valeurs sélectionnées» and, where keys allow it, lines added by hand.

    The data is a :class:`PostedTable`; a line without right-hand value is left out. Lines and values that vanished from
    their system are shown as such and kept.
    """

    grouped = True

    def __init__(self, *, lists: MappingLists, words: MappingWords) -> None:
        super().__init__()
        self.lists = lists
        self.words = words

    def value_from_datadict(self, data: Any, files: Any, name: str) -> PostedTable:
        """The filled lines, and those being added."""
        keys = [str(key) for key in data.getlist(name + KEY_SUFFIX)]
        values = [str(value).strip() for value in data.getlist(name + VALUE_SUFFIX)]
        lines = {key: value for key, value in zip(keys, values, strict=False) if key and value}
        return PostedTable(lines, self._fresh(data, name))

    def _fresh(self, data: Any, name: str) -> list[NewRow]:
        entries, values = data.getlist(name + NEW_KEY_SUFFIX), data.getlist(name + NEW_VALUE_SUFFIX)
        parts = data.getlist(name + NEW_PART_SUFFIX) or [""] * len(entries)
        typed = zip(entries, parts, values, strict=False)
        rows = [NewRow(str(entry).strip(), str(part).strip(), str(value).strip()) for entry, part, value in typed]
        return [row for row in rows if not row.blank]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """An empty grid posts no key at all."""
        return name + KEY_SUFFIX not in data and name + NEW_KEY_SUFFIX not in data

    def merged(self, table: PostedTable) -> dict[str, str]:
        """The whole table, added lines included. A line that cannot be added bears its error and is left out."""
        found = dict(table)
        for row in table.fresh:
            try:
                key = self._new_key(row, found)
            except KeyRefused as error:
                row.error = rendered(error.said)
                continue
            if row.value:
                found[key] = row.value
            else:
                row.error = _("Choisissez la valeur de cette ligne ou videz-la.")
        return found

    def _new_key(self, row: NewRow, found: Mapping[str, str]) -> str:
        shape = self.lists.shape
        key = canonical_key(shape, joined(shape, row.entry, row.part))
        refused = unknown(shape, key, self.lists.known) if self.lists.keys else None
        if key in found:
            refused = duplicate(key)
        if refused:
            raise refused
        return key

    def rows(self, value: Mapping[str, str] | None) -> list[MappingRow]:
        """Every known key, then the stored keys that the list does not hold."""
        stored = dict(value or {})
        known = self.lists.known
        rows = [self._row(key, label, stored.get(key, "")) for key, label in known.items()]
        return rows + [self._row(key, "", chosen) for key, chosen in stored.items() if key not in known]

    def _row(self, key: str, label: str, chosen: str) -> MappingRow:
        offered = None if self.lists.values is None else {key for key, _label in self.lists.values}
        return MappingRow(
            key,
            label or self._free_label(key),
            chosen,
            key_gone=not label and self._is_gone(key),
            value_gone=bool(chosen) and offered is not None and chosen not in offered,
            free=not label,
        )

    def _free_label(self, key: str) -> str:
        entry, part = split(self.lists.shape, key)
        label = self.lists.known.get(entry, entry)
        return f"{label} · {part}" if part else label

    def _is_gone(self, key: str) -> bool:
        known = self.lists.known
        return self.lists.keys is not None and unknown(self.lists.shape, key, known) is not None

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The table. A bound field reads its data anew for every call, so refusals are found again here."""
        rows = self.rows(value)
        if isinstance(value, PostedTable):
            self.merged(value)
        context = {
            "names": {
                "key": name + KEY_SUFFIX,
                "value": name + VALUE_SUFFIX,
                "new_key": name + NEW_KEY_SUFFIX,
                "new_part": name + NEW_PART_SUFFIX,
                "new_value": name + NEW_VALUE_SUFFIX,
            },
            "rows": rows,
            "fresh": [*getattr(value, "fresh", ()), NewRow()] if self.lists.may_add else (),
            "lists": self.lists,
            "words": self.words,
            "attrs": attrs or {},
            "filled": sum(bool(row.value) for row in rows),
        }
        return _render("mapping_grid", context)
