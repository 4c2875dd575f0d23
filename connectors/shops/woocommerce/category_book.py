"""Categories that only the shop knows, found by id or by name (CAT-07, CAT-08)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from connectors.core.problems import ItemRefused, Problem
from connectors.shops.woocommerce.api import WooApi
from connectors.shops.woocommerce.text import decoded, normal_term


class CategoryBook:
    """The shop's categories, read at the first use and again after :meth:`forget`. May be used from several threads."""

    def __init__(self, api: WooApi) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._names: dict[int, str] | None = None
        self._ids: dict[str, list[int]] = {}

    def find(self, text: str, reference: str) -> int:
        """Id of the category of this id, else of exactly this name.

        Raises ``ItemRefused`` (``category_not_found``) for the article of this reference when there is none, or when
        several categories bear the name; and whatever the reading raises.
        """
        with self._lock:
            names = self._read()
            if text.isdecimal() and int(text) in names:
                return int(text)
            found = self._ids.get(normal_term(text), [])
        if len(found) == 1:
            return found[0]
        raise ItemRefused(_ambiguous(text, reference, found) if found else _unknown(text, reference))

    def forget(self) -> None:
        """Categories were made or renamed: the next use reads them again."""
        with self._lock:
            self._names = None

    def _read(self) -> Mapping[int, str]:
        if self._names is None:
            rows: list[Mapping[str, Any]] = self._api.every("products/categories", {"_fields": "id,name"})
            names = {int(row["id"]): normal_term(decoded(row["name"])) for row in rows}
            self._ids = {}
            for number, name in names.items():
                self._ids.setdefault(name, []).append(number)
            self._names = names
        return self._names


def _unknown(text: str, reference: str) -> Problem:
    return Problem(
        "category_not_found",
        "La catégorie « %(category)s » de « %(reference)s » n’existe pas dans la boutique.",
        "Créez-la dans WooCommerce, ou corrigez l’article dans l’ERP ou la catégorie par défaut du profil.",
        values={"category": text, "reference": reference},
    )


def _ambiguous(text: str, reference: str, numbers: list[int]) -> Problem:
    return Problem(
        "category_not_found",
        "La catégorie « %(category)s » de « %(reference)s » existe plusieurs fois dans la boutique"
        " (numéros %(numbers)s).",
        "Indiquez le numéro de la catégorie voulue à la place de son nom.",
        values={"category": text, "reference": reference, "numbers": ", ".join(map(str, sorted(numbers)))},
    )
