"""Categories: the catalogue (four levels), the families (two levels), or a tree made of up to six fields."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches

from connectors.canonical.catalog import Category
from connectors.core.conditions import ColumnKind
from connectors.core.odbc import text_of
from connectors.core.query import CategorySource, Query
from connectors.core.results import Cursor, Page, RefusedRow
from connectors.erp.sage100.articles import conditions_of
from connectors.erp.sage100.company import Company
from connectors.erp.sage100.context import Context
from connectors.erp.sage100.fields import field_text
from connectors.erp.sage100.problems import misconfigured, problem
from connectors.erp.sage100.rows import Article
from connectors.erp.sage100.statements import Statement

CATALOGUE, FAMILY, CENTRAL, FIELD = "catalogue:", "family:", "central:", "field:"
MOST_FIELDS = 6
LONGEST_KEY = 180
"""Longer keys made of field values are shortened by a digest: links index them."""

FAMILY_TITLE = "FA_Intitule"


class CategoryPaths(ABC):
    """How an article finds its categories, and which categories there are."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._company: Company = context.company

    @abstractmethod
    def of(self, article: Article) -> tuple[str, ...]:
        """Keys from the top to the article's own category; empty when it has none."""

    @abstractmethod
    def tree(self, query: Query) -> tuple[list[Category], list[RefusedRow]]:
        """Every category, parents before children, and the rows that cannot become one."""


class NoPaths(CategoryPaths):
    """Articles without categories."""

    def of(self, article: Article) -> tuple[str, ...]:
        """See the base class."""
        return ()

    def tree(self, query: Query) -> tuple[list[Category], list[RefusedRow]]:
        """See the base class."""
        return [], []


class CataloguePaths(CategoryPaths):
    """The catalogue. The article's leaf is its last level that exists; ancestors come from the catalogue itself."""

    def of(self, article: Article) -> tuple[str, ...]:
        """See the base class."""
        for level in ("cl_no4", "cl_no3", "cl_no2", "cl_no1"):
            number = article.integer(level)
            if number in self._company.catalogue:
                return tuple(f"{CATALOGUE}{item}" for item in self._ancestry(number))
        return ()

    def _ancestry(self, number: int) -> list[int]:
        nodes = self._company.catalogue
        path = [number]
        while (parent := nodes[path[0]].parent) in nodes and parent not in path:
            path.insert(0, parent)
        return path

    def tree(self, query: Query) -> tuple[list[Category], list[RefusedRow]]:
        """See the base class."""
        nodes = self._company.catalogue
        made, refused = [], []
        for place, node in enumerate(nodes.values()):
            key = f"{CATALOGUE}{node.number}"
            path = self._ancestry(node.number)
            if not node.label:
                refused.append(RefusedRow(key, key, problem("category_name_empty", name=key)))
            elif nodes[path[0]].parent != 0:
                refused.append(RefusedRow(key, node.label, problem("category_parent_missing", name=node.label)))
            else:
                parent = f"{CATALOGUE}{node.parent}" if node.parent else ""
                made.append(Category(key=key, name={"": node.label}, parent=parent, level=len(path), position=place))
        return sorted(made, key=lambda category: category.level), refused


class FamilyPaths(CategoryPaths):
    """The families, under their central family where they name one."""

    def of(self, article: Article) -> tuple[str, ...]:
        """See the base class."""
        family = self._company.families.get(article.family)
        if family is None:
            return ()
        own = f"{FAMILY}{family.code}"
        return (f"{CENTRAL}{family.central}", own) if family.central in self._company.central_families else (own,)

    def tree(self, query: Query) -> tuple[list[Category], list[RefusedRow]]:
        """See the base class."""
        families, central = self._company.families.values(), self._company.central_families
        used = {family.central for family in families}
        tops = [
            Category(key=f"{CENTRAL}{top.code}", name={"": top.label or top.code}, position=place)
            for place, top in enumerate(central.values())
            if top.code in used
        ]
        leaves = []
        for place, family in enumerate(families):
            parent = f"{CENTRAL}{family.central}" if family.central in central else ""
            leaves.append(
                Category(
                    key=f"{FAMILY}{family.code}",
                    name={"": family.label or family.code},
                    parent=parent,
                    level=2 if parent else 1,
                    position=len(tops) + place,
                )
            )
        return [*tops, *leaves], []


class FieldPaths(CategoryPaths):
    """A tree made of fields, top level first. A level without value ends the path."""

    def __init__(self, context: Context, names: Sequence[str]) -> None:
        super().__init__(context)
        if not names:
            raise misconfigured("category_fields_missing")
        self._fields = [self._field(name) for name in names[:MOST_FIELDS]]

    def _field(self, name: str) -> tuple[str, str, ColumnKind]:
        """Name in a row, name in SQL, kind."""
        columns = self._company.article_columns
        wanted = "fa_codefamille" if name == FAMILY_TITLE else name.lower()
        column = columns.get(wanted)
        if column is None:
            close = get_close_matches(name.lower(), list(columns), n=3)
            raise misconfigured("field_unknown", name=name, close=", ".join(columns[key].name for key in close) or "—")
        return (FAMILY_TITLE if name == FAMILY_TITLE else wanted), f"a.{column.sql}", column.kind

    @property
    def columns(self) -> list[str]:
        """Columns of F_ARTICLE the tree is made of, as SQL, once each."""
        return list(dict.fromkeys(sql for _, sql, _ in self._fields))

    def of(self, article: Article) -> tuple[str, ...]:
        """See the base class."""
        values = self._values(lambda name: article.row.get(name))
        return tuple(path_key(values[:depth]) for depth in range(1, len(values) + 1))

    def _values(self, read: Callable[[str], object]) -> list[str]:
        values = []
        for name, _, kind in self._fields:
            if name == FAMILY_TITLE:
                family = self._company.families.get(text_of(read("fa_codefamille")))
                value = family.label if family else ""
            else:
                value = field_text(read(name), kind).strip()
            if not value:
                break
            values.append(value)
        return values

    def tree(self, query: Query) -> tuple[list[Category], list[RefusedRow]]:
        """See the base class. Only values that some article carries."""
        columns = ", ".join(self.columns)
        distinct = Statement("category_values", f"SELECT {columns}", "FROM F_ARTICLE a", "", f"GROUP BY {columns}")
        paths = {
            tuple(values[:depth])
            for row in self._context.database.rows(distinct.filtered(*conditions_of(self._context, query)))
            if (values := self._values(row.get))
            for depth in range(1, len(values) + 1)
        }
        ordered = sorted(paths, key=lambda path: (len(path), path))
        return [_field_category(path, place) for place, path in enumerate(ordered)], []


def _field_category(path: tuple[str, ...], place: int) -> Category:
    parent = path_key(path[:-1]) if len(path) > 1 else ""
    return Category(key=path_key(path), name={"": path[-1]}, parent=parent, level=len(path), position=place)


def path_key(values: Sequence[str]) -> str:
    """Key of a path of values: the same for the same values, different for any others."""
    text = "|".join(value.replace("\\", "\\\\").replace("|", "\\|") for value in values)
    if len(text) <= LONGEST_KEY:
        return FIELD + text
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return f"{FIELD}{text[: LONGEST_KEY - 40]}…{digest}"


def paths_for(context: Context, query: Query) -> CategoryPaths:
    """The way the query builds categories. Raises ``Misconfigured`` for an unknown field."""
    if query.category_source is CategorySource.CATALOGUE:
        return CataloguePaths(context)
    if query.category_source is CategorySource.FAMILIES:
        return FamilyPaths(context)
    if query.category_source is CategorySource.FIELDS:
        return FieldPaths(context, query.category_fields)
    return NoPaths(context)


class CategoryReader:
    """(CATEGORY, DATA): parents before children, the tree being small enough to be held whole."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def pages(
        self, query: Query, *, since: Cursor | None = None, keys: Collection[str] | None = None
    ) -> Iterator[Page[Category]]:
        """See :class:`connectors.core.ports.Reader`."""
        made, refused = paths_for(self._context, query).tree(query)
        if keys is not None:
            wanted = frozenset(keys)
            kept = tuple(category for category in made if category.key in wanted)
            yield Page(kept, Cursor(), tuple(row for row in refused if row.key in wanted), len(kept))
            return
        start = int(since.after) if since and since.after else 0
        size = self._context.options.page_size
        for place in range(start, max(len(made), start + 1), size):
            piece = tuple(made[place : place + size])
            cursor = replace(since or Cursor(), since="", until="", after=str(place + len(piece)))
            yield Page(piece, cursor, tuple(refused) if place == 0 else (), len(made))

    def all_keys(self) -> Iterator[str]:
        """Keys of the catalogue and of the families; trees of fields have no keys of their own."""
        for paths in (CataloguePaths(self._context), FamilyPaths(self._context)):
            yield from (category.key for category in paths.tree(Query())[0])
