"""Records, their parts, and the canonical form whose hash decides whether anything must be sent."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

PART = "part"
SILENT = "silent"


class Record:
    """Base of every canonical record. Subclasses are frozen, slotted dataclasses with a text ``key``.

    ``key`` is the identity in the ERP (or, for what comes from a shop, in the shop): text from end to end, never
    trimmed, never turned into a number (leading zeros and blanks are significant).
    """

    __slots__ = ()

    key: str


def part(name: str, default: Any = dataclasses.MISSING, factory: Any = dataclasses.MISSING) -> Any:
    """Declares a dataclass field that belongs to the update part ``name`` (feature CAT-09).

    A field without a part is identity: it is always compared. ``default`` and ``factory`` work as in
    :func:`dataclasses.field`.
    """
    if factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=factory, metadata={PART: name})
    return dataclasses.field(default=default, metadata={PART: name})


def silent() -> Any:
    """Declares a dataclass field that is left out of the canonical form while it is ``None``.

    For what most profiles never fill: a record without it keeps the hash it would have if the field did not exist, so
    nothing is sent again because a release knows one more field.
    """
    return dataclasses.field(default=None, metadata={SILENT: True})


def canonical_form(value: Any, parts: Collection[str] | None = None) -> Any:
    """Turns a record into plain lists, dicts and text with one spelling per meaning.

    Decimals lose trailing zeros, datetimes become UTC text, mappings are sorted by key. With ``parts``, fields of
    other parts are left out at every depth. Raises ``TypeError`` for floats and naive datetimes, which have no
    place in a record.
    """
    kind: Any = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, Decimal):
        return _decimal_text(value)
    plan = _plan(kind)
    if plan is not None:
        return _fields_form(value, plan, parts)
    return _other_form(value, parts)


def _other_form(value: Any, parts: Collection[str] | None) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str | int):
        return value
    if isinstance(value, datetime):
        return _instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): canonical_form(value[name], parts) for name in sorted(value)}
    if isinstance(value, frozenset | set):
        return sorted(canonical_form(item, parts) for item in value)
    if isinstance(value, tuple | list):
        return [canonical_form(item, parts) for item in value]
    raise TypeError(f"a canonical record cannot hold {type(value).__name__}")


_PLAIN = frozenset({str, int, bool, type(None)})
_Plan = tuple[tuple[str, str | None, bool], ...]


@cache
def _plan(kind: type) -> _Plan | None:
    """A dataclass's fields (name, part, silent), worked out once per class; ``None`` for any other class."""
    if not dataclasses.is_dataclass(kind):
        return None
    return tuple((one.name, one.metadata.get(PART), SILENT in one.metadata) for one in dataclasses.fields(kind))


def _fields_form(value: Any, plan: _Plan, parts: Collection[str] | None) -> dict[str, Any]:
    form = {}
    for name, owner, quiet in plan:
        if parts is None or owner is None or owner in parts:
            item = getattr(value, name)
            if quiet and item is None:
                continue
            # Most fields are texts and numbers: half of the time of a hash went into asking again for each.
            form[name] = item if type(item) in _PLAIN else canonical_form(item, parts)
    return form


def _decimal_text(value: Decimal) -> str:
    if not value.is_finite():
        raise TypeError("a canonical record cannot hold a number that is not finite")
    text = f"{value.normalize():f}"
    return "0" if text in {"-0", ""} else text


def _instant_text(value: datetime) -> str:
    if value.tzinfo is None:
        raise TypeError("a canonical record cannot hold a datetime without time zone")
    return value.astimezone(UTC).isoformat()


def content_hash(record: Any, parts: Collection[str] | None = None) -> str:
    """Hash of the canonical form (32 hexadecimal digits): equal meaning gives an equal hash, in every process.

    With ``parts``, only identity fields and fields of these parts count; the part names themselves are hashed too,
    so that switching a part on sends it once even where its value is empty.
    """
    form: Any = canonical_form(record, parts)
    if parts is not None:
        form = [sorted(parts), form]
    return hashlib.blake2b(_encoded(form).encode(), digest_size=16).hexdigest()


_encoded = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def differences(old: Any, new: Any, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Field-by-field differences of two canonical forms, as ``path -> (old, new)``; equal forms give ``{}``."""
    if isinstance(old, dict) and isinstance(new, dict):
        found: dict[str, tuple[Any, Any]] = {}
        for name in sorted(old.keys() | new.keys()):
            path = f"{prefix}.{name}" if prefix else name
            found.update(differences(old.get(name), new.get(name), path))
        return found
    return {} if old == new else {prefix: (old, new)}
