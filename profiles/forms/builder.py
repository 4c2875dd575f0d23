"""Turns a declared :class:`OptionsSection` into a form: groups, visibility, bounds, secrets, reference lists, mappings.

The form reads and shows raw values only; what is valid is decided by the section itself when `options_store` saves or
merges the document, and its refusals come back by `OptionsForm.refuse`. So an option is declared once, in one place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext as _

from connectors.core.mapping_keys import KeyShape
from connectors.core.options import OptionError, OptionInfo, OptionsSection, is_visible
from connectors.core.results import Choice
from profiles.forms.widgets import (
    MappingGrid,
    MappingLists,
    MappingWords,
    MultipleChecks,
    OrderedSelects,
    Pair,
    PostedTable,
    SecretInput,
)
from profiles.texts import rendered

Lists = Mapping[str, Sequence[Choice]]

SELECT_COUNT_LIMIT = 10


_CURRENCIES = "shop.currencies"


@dataclass(frozen=True, slots=True)
class OptionField:
    """One option as the template shows it.

    `rule` is the visibility rule as JSON for the browser; `gone` lists chosen values that vanished from their system;
    `unread` is the side (`erp`, `shop`) whose reference list was never read; `samples` what the fields of a template
    give, as JSON for the browser.
    """

    bound: BoundField
    info: OptionInfo
    visible: bool
    rule: str
    gone: tuple[str, ...]
    unread: str
    samples: str

    @property
    def wide(self) -> bool:
        """Whether the control needs the full width."""
        return self.info.is_mapping or self.info.is_list or self.info.multiline


@dataclass(slots=True)
class OptionGroup:
    """Options under one title; `advanced` ones are folded away."""

    title: str
    fields: list[OptionField] = field(default_factory=list)
    advanced: list[OptionField] = field(default_factory=list)

    @property
    def visible(self) -> bool:
        """Whether any option of the group is shown at first."""
        return any(option.visible for option in [*self.fields, *self.advanced])

    @property
    def advanced_open(self) -> bool:
        """Whether the folded part holds an error and must be seen."""
        return any(option.bound.errors for option in self.advanced)


class RawField(forms.Field):
    """Hands on what the widget read; the section validates."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def clean(self, value: Any) -> Any:
        """The value as it is."""
        return value


class TableField(RawField):
    """A mapping table; a line that cannot be added is refused at its place in the grid."""

    widget: MappingGrid

    def clean(self, value: PostedTable) -> dict[str, str]:
        """The whole table."""
        table = self.widget.merged(value)
        if any(row.error for row in value.fresh):
            raise forms.ValidationError(_("Corrigez les lignes signalées dans la table."))
        return table


class NumberField(RawField):
    """A number as typed, with the French decimal comma understood; empty gives None."""

    def clean(self, value: Any) -> str | None:
        """The text without spaces and with a point."""
        text = str(value or "").replace("\u00a0", "").replace("\u202f", "").replace(" ", "").replace(",", ".")
        return text or None


class OptionsForm(forms.Form):
    """Form of one section of a profile.

    `values` are the stored values over the defaults, `held` the names of the secrets that are set, `lists` the kept
    reference lists by path. Field names carry the section's name as prefix.
    """

    def __init__(
        self,
        section: type[OptionsSection],
        *,
        name: str,
        values: Mapping[str, Any],
        held: Iterable[str] = (),
        lists: Lists | None = None,
        data: Any = None,
    ) -> None:
        super().__init__(data=data, prefix=name, initial=dict(values))
        self.section = section
        self.infos = section.infos()
        self._held = frozenset(held)
        self._lists: Lists = lists or {}
        for info in self.infos.values():
            self.fields[info.name] = self._field(info)

    # --- Reading ---------------------------------------------------------------------------------------------

    def clean(self) -> dict[str, Any]:
        """Refuse what cannot even be handed to the section: an obligatory option left empty."""
        cleaned = super().clean() or {}
        for info in self.infos.values():
            empty = cleaned.get(info.name) in (None, "", [], {})
            kept = info.is_secret and info.name in self._held and cleaned.get(info.name) == ""
            if info.required and empty and not kept and is_visible(info, self._as_visibility(cleaned)):
                self.add_error(info.name, _("Ce réglage est obligatoire."))
        return cleaned

    def document(self) -> dict[str, Any]:
        """Values for `options_store`, after `is_valid()`. Numbers left empty fall back to None or their default."""
        values: dict[str, Any] = {}
        for info in self.infos.values():
            value = self.cleaned_data.get(info.name)
            if value is None and not info.is_secret and info.default is not None:
                value = info.default
            if info.is_secret and value == "" and info.name not in self._held:
                continue
            values[info.name] = value
        return values

    def refuse(self, errors: Iterable[OptionError]) -> None:
        """Show refusals of the section at their fields, in the language of the page."""
        for error in errors:
            self.add_error(error.name if error.name in self.fields else None, rendered(error.said))

    # --- Showing ---------------------------------------------------------------------------------------------

    def groups(self) -> list[OptionGroup]:
        """Groups in the order of declaration. A section of advanced options only shows them openly."""
        current = self._as_visibility(self._current_values())
        folded = not all(info.advanced for info in self.infos.values())
        groups: dict[str, OptionGroup] = {}
        for info in self.infos.values():
            group = groups.setdefault(info.group, OptionGroup(_(info.group)))
            part = group.advanced if info.advanced and folded else group.fields
            part.append(self._option_field(info, current))
        return list(groups.values())

    def _option_field(self, info: OptionInfo, current: Mapping[str, Any]) -> OptionField:
        bound = self[info.name]
        return OptionField(
            bound,
            info,
            visible=is_visible(info, current) or bool(bound.errors),
            rule=self._rule(info),
            gone=tuple(self._gone(info, bound.value())),
            unread=self._unread(info),
            samples=json.dumps(dict(info.samples), ensure_ascii=False) if info.samples else "",
        )

    def _rule(self, info: OptionInfo) -> str:
        rules = {
            self.add_prefix(name): [
                str(item).lower() if isinstance(item, bool) else str(item) for item in _listed(wanted)
            ]
            for name, wanted in info.visible_if.items()
        }
        return json.dumps(rules) if rules else ""

    def _unread(self, info: OptionInfo) -> str:
        for path in (info.keys_from, info.choices_from):
            if path and path not in self._lists:
                return path.partition(".")[0]
        return ""

    def _gone(self, info: OptionInfo, value: Any) -> list[str]:
        if info.is_mapping or not info.choices_from or info.choices_from not in self._lists:
            return []
        known = {choice.key for choice in self._lists[info.choices_from]}
        return [str(item) for item in _listed(value) if item and str(item) not in known]

    def _current_values(self) -> dict[str, Any]:
        return {info.name: self[info.name].value() for info in self.infos.values() if not info.is_secret}

    def _as_visibility(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values as visibility rules compare them: booleans as such, members of an enumeration as their value."""
        plain = {}
        for name, value in values.items():
            shown = value.value if isinstance(value, Enum) else value
            plain[name] = bool(shown) if self.infos[name].annotation is bool else shown
        return plain

    # --- Fields ----------------------------------------------------------------------------------------------

    def _field(self, info: OptionInfo) -> forms.Field:
        common: dict[str, Any] = {"label": _(info.label), "help_text": _(info.help) if info.help else ""}
        if info.annotation is bool:
            return forms.BooleanField(required=False, **common)
        if info.is_secret:
            held = info.name in self._held
            widget = SecretInput(held=held, removable=not info.required, attrs=self._bounds(info))
            return RawField(widget=widget, **common)
        if info.is_mapping:
            return TableField(widget=self._grid(info), **common)
        if info.is_list:
            return RawField(widget=self._several(info), **common)
        if info.annotation in (int, float, Decimal):
            return NumberField(widget=forms.NumberInput(attrs=self._bounds(info)), **common)
        return RawField(widget=self._single(info), **common)

    def _single(self, info: OptionInfo) -> forms.Widget:
        fixed = self._fixed_choices(info)
        if fixed:
            return forms.Select(choices=fixed)
        if info.choices_from:
            chosen = [str(item) for item in _listed(self._raw_value(info)) if item]
            return forms.Select(choices=[("", "—"), *self._listed_choices(info, chosen)])
        attrs = self._bounds(info)
        return forms.Textarea(attrs={**attrs, "rows": 3}) if info.multiline else forms.TextInput(attrs=attrs)

    def _several(self, info: OptionInfo) -> forms.Widget:
        fixed = self._fixed_choices(info)
        if fixed:
            return MultipleChecks(choices=fixed)
        choices = self._listed_choices(info, [str(item) for item in _listed(self._raw_value(info))])
        count = self._bounds(info).get("maxlength", 0)
        if 0 < count <= SELECT_COUNT_LIMIT:
            return OrderedSelects(choices=choices, count=count)
        return MultipleChecks(choices=choices)

    def _grid(self, info: OptionInfo) -> MappingGrid:
        keys = self._lists.get(info.keys_from)
        values = self._lists.get(info.choices_from) if info.choices_from else None
        offered = [(key, _(label)) for key, label in info.choices.items()]
        lists = MappingLists(
            keys=None if keys is None else _pairs(keys),
            values=offered or (None if values is None else _pairs(values)),
            free_text=not (info.choices_from or info.choices),
            shape=info.key_shape,
            parts=_pairs(self._lists.get(_CURRENCIES, ())) if info.key_shape is KeyShape.CURRENCY else (),
        )
        words = MappingWords(
            key_title=_side_title(info.keys_from),
            value_title=_("Valeur") if offered else _side_title(info.choices_from or "shop."),
            key_gone=_gone_text(info.keys_from),
            value_gone=_gone_text(info.choices_from),
        )
        return MappingGrid(lists=lists, words=words)

    def _raw_value(self, info: OptionInfo) -> Any:
        """What is chosen now: as posted, else as stored; the select boxes must offer it even if it has vanished."""
        if self.is_bound and hasattr(self.data, "getlist"):
            return self.data.getlist(self.add_prefix(info.name))
        return self.initial.get(info.name)

    def _listed_choices(self, info: OptionInfo, chosen: Sequence[str]) -> list[Pair]:
        known = self._lists.get(info.choices_from)
        pairs = _pairs(known or ())
        offered = {key for key, _label in pairs}
        where = _("l’ERP") if info.choices_from.startswith("erp.") else _("la boutique")
        for value in chosen:
            if value and value not in offered:
                gone = _("%(value)s (n’existe plus dans %(where)s)") % {"value": value, "where": where}
                pairs.append((value, gone if known is not None else value))
        return pairs

    def _fixed_choices(self, info: OptionInfo) -> list[Pair]:
        if info.choices:
            return [(key, _(label)) for key, label in info.choices.items()]
        annotation = get_args(info.annotation)[0] if info.is_list else info.annotation
        if get_origin(annotation) is Literal:
            return [(str(item), str(item)) for item in get_args(annotation)]
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            return [(str(member.value), str(member.value)) for member in annotation]
        return []

    def _bounds(self, info: OptionInfo) -> dict[str, Any]:
        """Bounds of the declaration as HTML attributes; the section stays the judge."""
        attrs: dict[str, Any] = {}
        for constraint in self.section.model_fields[info.name].metadata:
            for source, target in (("ge", "min"), ("le", "max"), ("max_length", "maxlength")):
                if hasattr(constraint, source):
                    attrs[target] = getattr(constraint, source)
        if info.annotation in (float, Decimal):
            attrs["step"] = "any"
        return attrs


def _listed(value: Any) -> list[Any]:
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    return [] if value is None else [value]


def _pairs(choices: Iterable[Choice]) -> list[Pair]:
    return [(choice.key, choice.label or choice.key) for choice in choices]


def _side_title(path: str) -> str:
    return _("Dans l’ERP") if path.startswith("erp.") else _("Dans la boutique")


def _gone_text(path: str) -> str:
    return _("n’existe plus dans l’ERP") if path.startswith("erp.") else _("n’existe plus dans la boutique")
