"""Global attributes, their values and brands: looked up, and made once, before any product needs them."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from connectors.core.problems import ItemRefused, Problem
from connectors.core.texts import Text
from connectors.shops.woocommerce.api import PAGE, Body, WooApi
from connectors.shops.woocommerce.policy import VendorError
from connectors.shops.woocommerce.text import decoded, normal_term, term_problem, value_of

SLUG_MAX = 28
"""Longest attribute slug the shop takes (recorded)."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the shop: its id, its name as people read it, and the slug by which defaults name a value."""

    id: int
    name: str
    slug: str = ""


class TermBook:
    """Attributes, values and brands of one shop, cached for the life of the connection.

    Everything that creates runs under one lock: the shop itself lets two simultaneous creates make two terms of one
    name (recorded).
    """

    def __init__(self, api: WooApi) -> None:
        self._api = api
        self._lock = threading.RLock()
        self._attributes: dict[str, Term] | None = None
        self._slugs: dict[str, Term] = {}
        self._values: dict[int, dict[str, Term]] = {}
        self._brands: dict[str, Term] | None = None

    def attribute(self, name: str) -> Term:
        """The global attribute of this name (or slug), made if there is none. Raises ``ItemRefused``."""
        _refuse(name, Text("attribut"))
        with self._lock:
            return self.known_attribute(name) or self._create_attribute(normal_term(name))

    def known_attribute(self, name: str) -> Term | None:
        """The global attribute of this name or slug, if there is one."""
        with self._lock:
            return self._loaded_attributes().get(_key(name)) or self._slugs.get(f"pa_{attribute_slug(name)}")

    def known_values(self, attribute: Term) -> dict[str, Term]:
        """The values of an attribute by their name in the form of comparison."""
        with self._lock:
            known = self._values.get(attribute.id)
            if known is None:
                known = self._values[attribute.id] = self._load(f"products/attributes/{attribute.id}/terms")
            return known

    def values(self, attribute: Term, names: Collection[str]) -> dict[str, Term]:
        """The values of a global attribute by the wanted name, the missing ones made. Raises ``ItemRefused``.

        Letter case does not tell values apart in the shop: «S» finds «s».
        """
        for name in names:
            _refuse(name, value_of(attribute.name))
        with self._lock:
            known = self.known_values(attribute)
            missing = {_key(name): normal_term(name) for name in names if _key(name) not in known}
            if missing:
                self._create_terms(f"products/attributes/{attribute.id}/terms", list(missing.values()), known)
            return {name: known[_key(name)] for name in names}

    def brand(self, name: str, *, create: bool) -> Term | None:
        """The core brand of this name; ``None`` when absent and not to be made. Raises ``ItemRefused``."""
        _refuse(name, Text("marque"))
        with self._lock:
            if self._brands is None:
                self._brands = self._load("products/brands")
            if _key(name) not in self._brands and create:
                self._create_terms("products/brands", [normal_term(name)], self._brands)
            return self._brands.get(_key(name))

    def _loaded_attributes(self) -> dict[str, Term]:
        if self._attributes is None:
            self._attributes = {}
            self._slugs = {}
            rows = self._api.get("products/attributes", {"_fields": "id,name,slug"})
            for row in sorted(rows, key=lambda row: int(row["id"])):
                term = Term(int(row["id"]), decoded(row["name"]))
                self._attributes.setdefault(_key(term.name), term)
                self._slugs.setdefault(str(row["slug"]), term)
        return self._attributes

    def _create_attribute(self, name: str) -> Term:
        slug = attribute_slug(name)
        digest = blake2b(name.encode(), digest_size=4).hexdigest()
        failure: ItemRefused | None = None
        # The second slug is for reserved words («type», «order»…) and slugs held by an attribute of another name.
        for candidate in (slug, f"{slug[: SLUG_MAX - 9]}-{digest}"):
            try:
                row = self._api.post("products/attributes", {"name": name, "slug": candidate})
            except ItemRefused as error:
                failure = error
                self._attributes = None
                found = self._loaded_attributes().get(_key(name))
                if found is not None:
                    return found
                continue
            term = Term(int(row["id"]), decoded(row["name"]))
            self._loaded_attributes()[_key(name)] = term
            self._slugs[str(row["slug"])] = term
            return term
        raise failure or AssertionError

    def _load(self, route: str) -> dict[str, Term]:
        known: dict[str, Term] = {}
        for row in self._api.every(route, {"_fields": "id,name,slug"}):
            term = Term(int(row["id"]), decoded(row["name"]), str(row["slug"]))
            known.setdefault(_key(term.name), term)
        return known

    def _create_terms(self, route: str, names: list[str], known: dict[str, Term]) -> None:
        for start in range(0, len(names), PAGE):
            chunk = names[start : start + PAGE]
            items: list[Body] = [{"name": name} for name in chunk]
            for name, answer in zip(chunk, self._api.batch(route, "create", items)[0], strict=True):
                known[_key(name)] = self._created(route, name, answer)

    def _created(self, route: str, name: str, answer: Mapping[str, Any]) -> Term:
        error = VendorError.parse(answer.get("error"))
        if error is None:
            return Term(int(answer["id"]), decoded(answer["name"]), str(answer.get("slug") or ""))
        if error.code == "term_exists" and error.resource_id:
            row = self._api.get(f"{route}/{error.resource_id}", {"_fields": "id,name,slug"})
            return Term(int(row["id"]), decoded(row["name"]), str(row["slug"]))
        raise ItemRefused(error.problem(name))


class KnownTerms:
    """The same look-ups for a comparison: nothing is made, what is absent comes with id 0."""

    def __init__(self, book: TermBook) -> None:
        self._book = book

    def attribute(self, name: str) -> Term:
        """The attribute, with id 0 when it would have to be made. Raises ``ItemRefused`` for an impossible name."""
        _refuse(name, Text("attribut"))
        return self._book.known_attribute(name) or Term(0, normal_term(name))

    def values(self, attribute: Term, names: Collection[str]) -> dict[str, Term]:
        """The values, with id 0 for those that would have to be made."""
        for name in names:
            _refuse(name, value_of(attribute.name))
        known = self._book.known_values(attribute) if attribute.id else {}
        return {name: known.get(_key(name), Term(0, normal_term(name))) for name in names}

    def brand(self, name: str, *, create: bool) -> Term | None:
        """The brand, with id 0 when it would have to be made."""
        found = self._book.brand(name, create=False)
        return found or (Term(0, normal_term(name)) if create else None)


Terms = TermBook | KnownTerms


def attribute_slug(name: str) -> str:
    """A slug of at most 28 plain characters; a digest stands in where nothing of the name is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_MAX].rstrip("-")
    return slug or "att-" + blake2b(name.encode(), digest_size=4).hexdigest()


def _key(name: str) -> str:
    return normal_term(name).casefold()


def _refuse(name: str, kind: Text) -> None:
    problem: Problem | None = term_problem(name, kind)
    if problem is not None:
        raise ItemRefused(problem)
