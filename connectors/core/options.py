"""Options declared once: form, defaults, JSON schema, validation and documentation derive from these declarations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError, PydanticUndefined

from connectors.core.mapping_keys import KeyRefused, KeyShape, canonical_table
from connectors.core.texts import Text, Value

Visibility = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionInfo:
    """What a form, a page or a checklist must know of one option besides its type and bounds.

    ``visible_if``: other options of the same section and the value (or list of values) that shows this one.
    ``choices``: fixed values with French labels. ``choices_from``: reference list filling the select box, as
    ``erp.<list>`` or ``shop.<list>``. ``keys_from``: for a mapping, the list that gives its left column;
    ``key_shape``: what its keys are besides (:class:`KeyShape`).
    ``needed_by``: flows that refuse to start while the option is empty, ``*`` for all
    of them (PRF-12). ``unit``: shown after the field.
    ``expression``: a filter in the language of the ERP, checked by its connector when it is saved (CAT-05).
    ``samples``: for a text with fields such as ``%ON``, what each gives in the example shown beside it.
    """

    name: str
    label: str
    help: str
    group: str
    visible_if: Visibility
    choices: Mapping[str, str]
    choices_from: str
    keys_from: str
    key_shape: KeyShape
    needed_by: tuple[str, ...]
    unit: str
    advanced: bool
    multiline: bool
    expression: bool
    samples: Mapping[str, str]
    annotation: Any
    default: Any
    required: bool

    def is_needed_by(self, flow: str) -> bool:
        """Whether the flow may not start while the option is empty."""
        return self.required or flow in self.needed_by or "*" in self.needed_by

    @property
    def is_secret(self) -> bool:
        """Whether the value is encrypted at rest and never shown."""
        return self.annotation is SecretStr

    @property
    def is_mapping(self) -> bool:
        """Whether the option is a table of pairs."""
        return get_origin(self.annotation) is dict

    @property
    def is_list(self) -> bool:
        """Whether several values can be chosen."""
        return get_origin(self.annotation) in (tuple, list)


def option(
    default: Any = PydanticUndefined,
    *,
    label: str,
    help: str,  # the word users of forms know
    group: str,
    **rest: Any,
) -> Any:
    """Declares one option of an :class:`OptionsSection`.

    Besides ``label``, ``help`` and ``group`` (French, required), takes the names of :class:`OptionInfo` and pydantic
    bounds (``ge``, ``le``, ``min_length``, ``max_length``, ``pattern``). Without ``default`` the option is required.
    """
    extra = {name: rest.pop(name) for name in tuple(rest) if name in _EXTRA_NAMES}
    kwargs: dict[str, Any] = {
        "title": label,
        "description": help,
        "json_schema_extra": {"group": group, **{key: _plain(value) for key, value in extra.items()}},
        **rest,
    }
    if isinstance(default, list | dict):
        return Field(default_factory=default.copy, **kwargs)
    return Field(default, **kwargs)


_EXTRA_NAMES = frozenset(
    [
        "visible_if",
        "choices",
        "choices_from",
        "keys_from",
        "key_shape",
        "needed_by",
        "unit",
        "advanced",
        "multiline",
        "expression",
        "samples",
    ]
)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, KeyShape):
        return value.value
    return list(value) if isinstance(value, tuple) else value


class OptionsSection(BaseModel):
    """A typed group of options. Frozen; unknown keys are refused; secrets are ``SecretStr``.

    ``section`` names it in stored documents, ``version`` grows with every change that old documents do not satisfy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, str_strip_whitespace=True)

    @property
    def next_delivery_place(self) -> str:
        """Where and how a shop with these settings keeps the next delivery date (STK-04); empty: it takes none."""
        return ""

    section: ClassVar[str] = ""
    title: ClassVar[str] = ""
    version: ClassVar[int] = 1

    @field_validator("*", mode="after")
    @classmethod
    def _keys_have_one_spelling(cls, value: Any, info: ValidationInfo) -> Any:
        declared = _info(info.field_name or "", cls.model_fields[info.field_name or ""])
        if not declared.is_mapping:
            return value
        try:
            return canonical_table(declared.key_shape, value)
        except KeyRefused as error:
            context = {"sentence": error.said.sentence, **error.said.values}
            raise PydanticCustomError("mapping_key", "{sentence}", context) from None

    @classmethod
    def upgrade(cls, document: dict[str, Any], from_version: int) -> dict[str, Any]:
        """Turns a stored document of an older version into one of this version. Pure; the default changes nothing."""
        return document

    @classmethod
    def infos(cls) -> dict[str, OptionInfo]:
        """Every option of the section in the order of declaration."""
        return {name: _info(name, field) for name, field in cls.model_fields.items()}

    @classmethod
    def secret_names(cls) -> frozenset[str]:
        """Names of the secret options."""
        return frozenset(name for name, info in cls.infos().items() if info.is_secret)


def _info(name: str, field: FieldInfo) -> OptionInfo:
    extra: dict[str, Any] = dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}
    return OptionInfo(
        name=name,
        label=field.title or "",
        help=field.description or "",
        group=extra.get("group", ""),
        visible_if=extra.get("visible_if", {}),
        choices=extra.get("choices", {}),
        choices_from=extra.get("choices_from", ""),
        keys_from=extra.get("keys_from", ""),
        key_shape=KeyShape(extra.get("key_shape", KeyShape.LISTED)),
        needed_by=tuple(extra.get("needed_by", ())),
        unit=extra.get("unit", ""),
        advanced=bool(extra.get("advanced", False)),
        multiline=bool(extra.get("multiline", False)),
        expression=bool(extra.get("expression", False)),
        samples=extra.get("samples", {}),
        annotation=_without_none(field.annotation),
        default=None if field.is_required() else field.get_default(call_default_factory=True),
        required=field.is_required(),
    )


def _without_none(annotation: Any) -> Any:
    args = [arg for arg in get_args(annotation) if arg is not type(None)]
    optional = type(None) in get_args(annotation)
    return args[0] if optional and len(args) == 1 else annotation


def is_visible(info: OptionInfo, values: Mapping[str, Any]) -> bool:
    """Whether the option is shown, given the current values of its section."""
    for name, wanted in info.visible_if.items():
        allowed = wanted if isinstance(wanted, list | tuple) else [wanted]
        if values.get(name) not in allowed:
            return False
    return True


@dataclass(frozen=True, slots=True)
class OptionError:
    """One refused value: the option's name (empty for the whole section), the French sentence and its values."""

    name: str
    sentence: str
    values: Mapping[str, Value]

    @property
    def said(self) -> Text:
        """The sentence with its values, for readers of any language."""
        return Text(self.sentence, self.values)

    def text(self) -> str:
        """The French sentence with its values filled in."""
        return str(self.said)


class ValueRefused(ValueError):
    """What a validator of a section raises for a sentence with values; one without values is a plain ``ValueError``."""

    def __init__(self, sentence: str, **values: Value) -> None:
        self.said = Text(sentence, values)
        super().__init__(str(self.said))


SENTENCES: Mapping[str, str] = {
    "missing": "Ce réglage est obligatoire.",
    "extra_forbidden": "Ce réglage n’existe pas ; vérifiez son nom.",
    "string_too_short": "Au moins %(min_length)s caractère(s).",
    "string_too_long": "Au plus %(max_length)s caractères.",
    "string_pattern_mismatch": "Le format n’est pas celui attendu.",
    "greater_than": "La valeur doit être supérieure à %(gt)s.",
    "greater_than_equal": "La valeur doit être au moins %(ge)s.",
    "less_than": "La valeur doit être inférieure à %(lt)s.",
    "less_than_equal": "La valeur doit être au plus %(le)s.",
    "int_parsing": "Saisissez un nombre entier.",
    "int_type": "Saisissez un nombre entier.",
    "int_from_float": "Saisissez un nombre entier.",
    "decimal_parsing": "Saisissez un nombre.",
    "decimal_type": "Saisissez un nombre.",
    "bool_parsing": "Répondez par oui ou par non.",
    "bool_type": "Répondez par oui ou par non.",
    "string_type": "Saisissez un texte.",
    "literal_error": "Choisissez une valeur de la liste (%(expected)s).",
    "enum": "Choisissez une valeur de la liste (%(expected)s).",
    "dict_type": "Une table de correspondance est attendue.",
    "tuple_type": "Une liste de valeurs est attendue.",
    "list_type": "Une liste de valeurs est attendue.",
    "datetime_parsing": "Saisissez une date et une heure.",
    "datetime_from_date_parsing": "Saisissez une date et une heure.",
    "url_parsing": "Saisissez une adresse complète, par exemple https://boutique.example.",
}
"""Pydantic error type to French sentence. ``value_error`` carries its own sentence."""


def explain(error: ValidationError) -> list[OptionError]:
    """Every refused value in words of a user, in the order of the fields; input values are never repeated."""
    return [_explain_one(detail) for detail in error.errors(include_input=False, include_url=False)]


def _explain_one(detail: ErrorDetails) -> OptionError:
    location: Sequence[Any] = detail["loc"]
    name = str(location[0]) if location else ""
    if detail["type"] == "value_error":
        error = detail.get("ctx", {})["error"]
        told = error.said if isinstance(error, ValueRefused) else Text(str(error))
        return OptionError(name, told.sentence, told.values)
    # Pydantic joins the names of a list by an English word.
    context = {key: str(value).replace("' or '", "', '") for key, value in detail.get("ctx", {}).items()}
    if detail["type"] == "mapping_key":
        return OptionError(name, context.pop("sentence"), context)
    sentence = SENTENCES.get(detail["type"], "Cette valeur n’est pas acceptée (%(kind)s).")
    return OptionError(name, sentence, {**context, "kind": detail["type"]})


def json_schema(section: type[OptionsSection]) -> dict[str, Any]:
    """JSON schema of the section, for the API, editors of YAML profiles and the documentation."""
    return section.model_json_schema()
