"""Walking through the articles: pages by row number, by key, or by what changed; the frame of every article reader.

A page is one bounded range of cbMarq, read whole and closed, so that no cursor stays open, any driver can serve the
queries of a page one after the other, and memory does not grow with the catalogue.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

from connectors.canonical.base import Record
from connectors.core.conditions import EXPRESSION_REFUSED, check_condition, parse_condition
from connectors.core.odbc import Row, int_of, moment_of, text_of
from connectors.core.problems import Misconfigured, Problem
from connectors.core.query import Query
from connectors.core.results import Cursor, Page, RefusedRow
from connectors.erp.sage100.context import Context
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.problems import RowRefused
from connectors.erp.sage100.rows import Article, article_of
from connectors.erp.sage100.statements import Statement

R = TypeVar("R", bound=Record)

TABLE = "F_ARTICLE"
"""The table whose columns a filter may name."""
LAG = timedelta(minutes=2)
"""How far before the mark a reading starts: cbModification is kept to the minute up to 100c v3."""

WIDEST = 8
QUIET_WINDOWS = 20

MARKED = ("f_article", "f_artenumref", "f_artgamme", "f_artgloss", "f_glossaire", "f_condition", "f_artcompta")
"""Tables whose cbModification makes the mark of a reading of articles."""

RELATED = MARKED[1:]
"""Tables whose changes concern an article without touching its own row."""

_MARK = "%Y-%m-%d %H:%M:%S"
_BY_REFERENCE = "r:"


@dataclass(slots=True)
class Batch(Generic[R]):
    """What became of the rows of one page."""

    records: list[R]
    refused: list[RefusedRow]

    def refuse(self, ref: str, label: str, problem: Problem) -> None:
        """Reports a row that cannot become a record."""
        self.refused.append(RefusedRow(ref, label, problem))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One walk: which statements, which conditions, from where."""

    conditions: tuple[str, ...]
    cursor: Cursor
    dated: tuple[str, ...] = ()
    floor: datetime | None = None
    total: int | None = None


class ArticleReader(ABC, Generic[R]):
    """Frame of a reader that makes records of articles. Subclasses say what becomes of a page of rows."""

    statement: ClassVar[str] = "articles_short"
    by_date: ClassVar[bool] = False
    all_states: ClassVar[bool] = False
    """Whether dormant and unpublished articles are read whatever the query says."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.database = context.database
        self.company = context.company
        self.page_size = context.options.page_size

    @abstractmethod
    def batch(self, query: Query, rows: Sequence[Row]) -> Batch[R]:
        """The records of one page of rows, and the rows that cannot become one."""

    def prepare(self, query: Query) -> None:
        """Checks the query before anything is read. Raises ``Misconfigured`` for a choice that no longer exists."""

    def columns(self) -> Iterable[str]:
        """Further columns of F_ARTICLE to read, written as SQL."""
        return ()

    def pages(
        self, query: Query, *, since: Cursor | None = None, keys: Collection[str] | None = None
    ) -> Iterator[Page[R]]:
        """See :class:`connectors.core.ports.Reader`. At least one page, the last one possibly empty."""
        self.prepare(query)
        conditions = conditions_of(self.context, query, all_states=self.all_states)
        try:
            if keys is not None:
                yield from self._keyed(query, conditions, keys)
            else:
                yield from self._scanned(query, self._scan(conditions, since or Cursor()))
        except Misconfigured as error:
            raise _blamed(error, query) from error

    def all_keys(self) -> Iterator[str]:
        """References of every article, whatever its state."""
        for rows in self.every_row("article_keys"):
            yield from (text_of(row["ar_ref"]) for row in rows)

    def every_row(self, statement: str) -> Iterator[list[Row]]:
        """Rows of every article by pages, whatever their state."""
        everything = Scan(conditions=(), cursor=Cursor())
        for rows, _ in self._windows(self.database.prepared(statement), everything, 0):
            yield rows

    # What to read

    def _scan(self, conditions: tuple[str, ...], start: Cursor) -> Scan:
        if not (self.by_date and self.database.has("F_ARTICLE", "cbModification")):
            start = replace(start, since="", until="")
        elif not start.until:
            start = replace(start, until=self._mark() or start.since)
        floor = datetime.strptime(start.since, _MARK) - LAG if start.since else None  # noqa: DTZ007 the server's time
        # As a literal: bound dates compare as texts of another precision in SQLite.
        dated = (f"a.cbModification >= {self.database.session.date_literal(floor)}",) if floor else ()
        total = self._total((*conditions, *dated))
        return Scan(conditions=conditions, cursor=start, dated=dated, floor=floor, total=total)

    def _mark(self) -> str:
        """The latest change the server holds, read before the first row: never the clock of this machine."""
        marks = [
            moment
            for table in MARKED
            if self.database.has(table.upper(), "cbModification")
            and (moment := moment_of(self.database.value(f"mark_{table}")))
        ]
        return f"{max(marks):{_MARK}}" if marks else ""

    def _total(self, conditions: tuple[str, ...]) -> int:
        return int_of(self.database.value(self.database.prepared("article_count").filtered(*conditions)))

    # How to walk

    def _keyed(self, query: Query, conditions: tuple[str, ...], keys: Collection[str]) -> Iterator[Page[R]]:
        references = self.references_of(keys)
        ready = self.database.prepared(f"{self.statement}_by_key").selecting(self.columns()).filtered(*conditions)
        for start in range(0, len(references), self.page_size) or (0,):
            rows = list(self.database.rows_for(ready, references[start : start + self.page_size]))
            yield self._page(query, _unique(rows), Cursor(), len(references))

    def references_of(self, keys: Collection[str]) -> list[str]:
        """References of the articles these keys belong to."""
        return list(dict.fromkeys(keys))

    def _scanned(self, query: Query, scan: Scan) -> Iterator[Page[R]]:
        after = scan.cursor.after
        if not after.startswith(_BY_REFERENCE):
            ready = self.database.prepared(self.statement).selecting(self.columns())
            for rows, position in self._windows(ready, scan, int(after or 0)):
                yield self._page(query, rows, replace(scan.cursor, after=str(position)), scan.total)
        if scan.floor is not None:
            yield from self._related(query, scan, after.removeprefix(_BY_REFERENCE))

    def _windows(self, ready: Statement, scan: Scan, low: int) -> Iterator[tuple[list[Row], int]]:
        """Rows by pages of at most ``page_size`` with the position after each; at least one page."""
        ready = ready.filtered(*scan.conditions, *scan.dated)
        highest = int_of(self.database.value("article_highest"))
        width, quiet = self.page_size, 0
        rows: list[Row] = []
        while low < highest:
            high = min(low + width, highest)
            found = self.database.rows(ready, low, high)
            rows += found
            while len(rows) >= self.page_size:
                piece, rows = rows[: self.page_size], rows[self.page_size :]
                yield piece, int_of(piece[-1]["cbmarq"])
            quiet = 0 if found else quiet + 1
            if quiet >= QUIET_WINDOWS:
                # Nothing matches for long: let the engine breathe, and save how far the reading went.
                yield rows, high
                rows, quiet = [], 0
            low = high if found else self._next_low(high)
            width = self._next_width(width, len(found))
        yield rows, max(low, highest)

    def _next_low(self, high: int) -> int:
        """Jumps over row numbers that no longer exist."""
        following = self.database.value("article_next", high)
        return int_of(following) - 1 if following is not None else high

    def _next_width(self, width: int, found: int) -> int:
        if found < width // 4:
            return min(width * 2, self.page_size * WIDEST)
        return max(self.page_size, width // 2) if found > self.page_size else width

    def _related(self, query: Query, scan: Scan, after: str) -> Iterator[Page[R]]:
        """Articles whose own row did not change although their variants, texts, packagings or taxes did."""
        references = sorted(ref for ref in self._changed_references(scan.floor) if ref > after)
        ready = self.database.prepared(f"{self.statement}_by_key").selecting(self.columns()).filtered(*scan.conditions)
        for start in range(0, len(references), self.page_size):
            piece = references[start : start + self.page_size]
            found = _unique(list(self.database.rows_for(ready, piece)))
            rows = [row for row in found if not _changed_since(row, scan.floor)]
            if rows:
                yield self._page(query, rows, replace(scan.cursor, after=_BY_REFERENCE + piece[-1]), scan.total)

    def _changed_references(self, floor: datetime | None) -> set[str]:
        return {
            text_of(row["ar_ref"])
            for table in RELATED
            if self.database.has(table.upper(), "cbModification")
            for row in self.database.rows(f"changed_{table}", floor)
        }

    def _page(self, query: Query, rows: Sequence[Row], cursor: Cursor, total: int | None) -> Page[R]:
        made = self.batch(query, rows) if rows else Batch[R]([], [])
        return Page(tuple(made.records), cursor, tuple(made.refused), total)


def conditions_of(context: Context, query: Query, *, all_states: bool = False) -> tuple[str, ...]:
    """The query's filters as SQL over ``F_ARTICLE a``. Raises ``Misconfigured`` for a refused expression."""
    found = []
    if query.published_only and not all_states:
        found.append("a.AR_Publie = 1")
    if not query.include_dormant and not all_states:
        found.append("a.AR_Sommeil = 0")
    if query.expression.strip():
        written = parse_condition(
            query.expression,
            context.company.article_columns,
            table=TABLE,
            alias="a",
            write_date=context.database.session.date_literal,
        )
        found.append(f"({written})")
    return tuple(found)


def check_expression(text: str) -> None:
    """Raises ``Misconfigured`` for what is no condition; which columns a company has is known once connected."""
    check_condition(text, table=TABLE)


def typed(rows: Iterable[Row], batch: Batch[Any]) -> list[Article]:
    """The rows as articles; those that cannot be are refused in ``batch``."""
    articles = []
    for row in rows:
        try:
            articles.append(article_of(row))
        except RowRefused as error:
            batch.refuse(text_of(row["ar_ref"]), text_of(row["ar_design"]), error.problem)
    return articles


def articles_by_reference(database: Database, references: Collection[str]) -> dict[str, Article]:
    """Articles of these references whatever their state, those that are readable."""
    unread: Batch[Any] = Batch([], [])
    rows = database.rows_for("articles_short_by_key", references)
    return {article.ref: article for article in typed(rows, unread)}


def _unique(rows: list[Row]) -> list[Row]:
    """Each row once: a reference may be asked for twice, in another case, of a server that ignores case."""
    return list({row["cbmarq"]: row for row in rows}.values())


def _changed_since(row: Row, floor: datetime | None) -> bool:
    moment = moment_of(row["cbmodification"])
    return moment is not None and floor is not None and moment >= floor


def _blamed(error: Misconfigured, query: Query) -> Misconfigured:
    """A statement that only fails with the user's filter in it is the filter's fault."""
    if error.problem.code != "statement_refused" or not query.expression.strip():
        return error
    return Misconfigured(
        Problem(
            EXPRESSION_REFUSED,
            "La base refuse le filtre saisi : il compare sans doute un champ à une valeur d’un autre type.",
            "Comparez les textes à des textes entre apostrophes, et les nombres à des nombres.",
            error.problem.detail,
        )
    )
