"""Which files of the multimedia folder belong to what, by their paths in Sage or by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from connectors.core.media_folder import picture_refused
from connectors.erp.sage100.rows import fold
from connectors.erp.sage100.variants import Unit

SAGE_FOLDER = "multimedia"
"""Name that Sage itself gives to the folder."""

_FORBIDDEN = re.compile(r'[\\/:*?"<>|]')
_NUMBERED = re.compile(r"(.+?)[_-](\d{1,3})")
_SEPARATORS = re.compile(r"\s*[,;/+]\s*")


def inner_parts(path: str, folder: str) -> list[str]:
    """The parts of a path of Sage inside of the multimedia folder, whose name here is ``folder``.

    An absolute path that does not lead through the folder keeps its last part only. Raises ``ItemRefused`` for a path
    that climbs.
    """
    written = path.strip()
    parts = [part for part in re.split(r"[\\/]", written) if part not in {"", "."}]
    if ".." in parts:
        raise picture_refused("picture_outside", written)
    marks = [place for place, part in enumerate(parts[:-1]) if part.casefold() in {SAGE_FOLDER, folder.casefold()}]
    if marks:
        return parts[marks[0] + 1 :]
    absolute = written[:1] in {"\\", "/"} or ":" in written[:2]
    return parts[-1:] if absolute else parts


class NameIndex:
    """Pictures of the folder by the reference their names begin with."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact: dict[str, list[str]] = {}
        self._numbered: dict[str, list[tuple[int, str]]] = {}
        for name in names:
            stem = fold(PurePosixPath(name).stem)
            self._exact.setdefault(stem, []).append(name)
            match = _NUMBERED.fullmatch(stem)
            if match:
                self._numbered.setdefault(match[1], []).append((int(match[2]), name))

    def of(self, reference: str, others: Iterable[str] = ()) -> list[str]:
        """Names for a reference: itself, then by number; never one that is the name of another reference."""
        taken = {_as_name(other) for other in others}
        numbered = [name for _, name in sorted(self._numbered.get(_as_name(reference), ()))]
        return sorted(self._exact.get(_as_name(reference), ())) + [
            name for name in numbered if fold(PurePosixPath(name).stem) not in taken
        ]

    def doubtful(self, reference: str) -> list[str]:
        """Names without ending that could also be references of others (``REF-2``), in both cases."""
        stems = [PurePosixPath(name).stem for _, name in self._numbered.get(_as_name(reference), ())]
        return list(dict.fromkeys(spelling for stem in stems for spelling in (stem, stem.upper())))


def _as_name(reference: str) -> str:
    return fold(_FORBIDDEN.sub("_", reference))


def named_variants(comment: str, units: Sequence[Unit]) -> tuple[str, ...]:
    """Keys of the variants a comment names: by their reference, by one value, or by several values of one."""
    text = fold(comment.strip())
    if not text:
        return ()
    values = {unit.key: {fold(value) for _, value in unit.options} for unit in units}
    by_reference = [unit.key for unit in units if fold(unit.reference) == text]
    by_value = [unit.key for unit in units if text in values[unit.key]]
    pieces = {piece for piece in _SEPARATORS.split(text) if piece}
    by_values = [unit.key for unit in units if len(pieces) > 1 and pieces <= values[unit.key]]
    return tuple(by_reference or by_value or by_values)


def owners_of_names(units: Sequence[Unit], index: NameIndex) -> Mapping[str, list[str]]:
    """File names by the key of the variant whose reference they carry."""
    references = [unit.reference for unit in units]
    return {unit.key: names for unit in units if (names := index.of(unit.reference, references))}
