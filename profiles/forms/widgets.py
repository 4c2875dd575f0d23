"""Widgets of option forms: secrets, ordered lists of choices, mapping grids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

Pair = tuple[str, str]

REMOVE_SUFFIX = "__remove"
KEY_SUFFIX = "__key"
VALUE_SUFFIX = "__value"


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
    """One line of a mapping grid. `key_gone` / `value_gone`: no longer in the list of its system."""

    key: str
    label: str
    value: str
    key_gone: bool = False
    value_gone: bool = False


@dataclass(frozen=True, slots=True)
class MappingLists:
    """The two lists of a mapping; None for one that was never read, `values` None for free text."""

    keys: Sequence[Pair] | None
    values: Sequence[Pair] | None
    free_text: bool = False


class MappingGrid(forms.Widget):
    """A table of pairs: ERP value on the left, shop value on the right, «Appliquer aux valeurs sélectionnées».

    The data is a dict; a line without right-hand value is left out. Lines and values that vanished from their system
    are shown as such and kept.
    """

    grouped = True

    def __init__(self, *, lists: MappingLists, key_title: str, value_title: str) -> None:
        super().__init__()
        self.lists = lists
        self.key_title = key_title
        self.value_title = value_title

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, str]:
        """The filled lines."""
        keys = [str(key) for key in data.getlist(name + KEY_SUFFIX)]
        values = [str(value).strip() for value in data.getlist(name + VALUE_SUFFIX)]
        return {key: value for key, value in zip(keys, values, strict=False) if key and value}

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """An empty grid posts no key at all."""
        return name + KEY_SUFFIX not in data

    def rows(self, value: Mapping[str, str] | None) -> list[MappingRow]:
        """Every known key, then the stored keys that are known no more."""
        stored = dict(value or {})
        known = dict(self.lists.keys or ())
        offered = None if self.lists.values is None else {key for key, _label in self.lists.values}
        rows = []
        for key in [*known, *(key for key in stored if key not in known)]:
            chosen = stored.get(key, "")
            rows.append(
                MappingRow(
                    key,
                    known.get(key, key),
                    chosen,
                    key_gone=self.lists.keys is not None and key not in known,
                    value_gone=bool(chosen) and offered is not None and chosen not in offered,
                )
            )
        return rows

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The table."""
        rows = self.rows(value)
        context = {
            "name": name,
            "key_name": name + KEY_SUFFIX,
            "value_name": name + VALUE_SUFFIX,
            "rows": rows,
            "offered": self.lists.values or (),
            "free_text": self.lists.free_text,
            "key_title": self.key_title,
            "value_title": self.value_title,
            "attrs": attrs or {},
            "filled": sum(bool(row.value) for row in rows),
        }
        return _render("mapping_grid", context)
