"""Option values written as text (command line, environment) turned into what an options section takes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from connectors.core.options import OptionInfo, OptionsSection


class OptionSyntaxError(ValueError):
    """A pair that is not ``name=value`` or names no option."""


def parse_options(section: type[OptionsSection], pairs: Iterable[str]) -> dict[str, Any]:
    """Values from ``name=value`` pairs: lists are separated by commas, tables are JSON objects.

    Raises :class:`OptionSyntaxError`, naming the closest option where there is one. Values are not validated here.
    """
    infos = section.infos()
    values: dict[str, Any] = {}
    for pair in pairs:
        name, mark, text = pair.partition("=")
        if not mark:
            raise OptionSyntaxError(f"Écrivez NOM=VALEUR (reçu : {name}).")
        if name not in infos:
            close = get_close_matches(name, infos, n=1)
            hint = f" Vouliez-vous dire {close[0]} ?" if close else f" Options : {', '.join(infos)}."
            raise OptionSyntaxError(f"L’option {name} n’existe pas.{hint}")
        values[name] = _value(infos[name], text)
    return values


def _value(info: OptionInfo, text: str) -> Any:
    if info.is_mapping:
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise OptionSyntaxError(
                f'{info.name} : écrivez un objet JSON, par exemple {{"C20": "standard"}}.'
            ) from None
    if info.is_list:
        return [piece.strip() for piece in text.split(",") if piece.strip()]
    return text
