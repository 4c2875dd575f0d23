"""Kits: what they are made of, down to articles that are no kits themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.core.odbc import Row, decimal_of, int_of, text_of
from connectors.erp.sage100.articles import articles_by_reference
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.problems import RowRefused
from connectors.erp.sage100.rows import Article, read
from connectors.erp.sage100.variants import Owners, Unit

DEEPEST = 5


@dataclass(frozen=True, slots=True)
class Component:
    """A line of a bill of materials: ``quantity`` of an article (or of one of its variants) for one kit.

    ``for1`` and ``for2`` limit the line to one variant of the kit; 0 means all.
    """

    article: Article
    range1: int
    range2: int
    quantity: Decimal
    for1: int
    for2: int

    def concerns(self, unit: Unit) -> bool:
        """Whether the line belongs to this variant of the kit."""
        return self.for1 in (0, unit.range1) and self.for2 in (0, unit.range2)


@dataclass(slots=True)
class Bills:
    """Bills of materials of the kits of a page, and every article met in them."""

    lines: dict[str, list[Component]] = field(default_factory=dict)
    articles: dict[str, Article] = field(default_factory=dict)

    def components(self, article: Article, unit: Unit) -> list[Component]:
        """Lines of one variant of a kit."""
        return [line for line in self.lines.get(article.ref, []) if line.concerns(unit)]


def load_bills(database: Database, kits: Collection[Article]) -> Bills:
    """Reads the bills of these kits, level by level. Lines without article or quantity are left out."""
    bills = Bills()
    level = {kit.ref: kit for kit in kits}
    for _ in range(DEEPEST):
        if not level:
            break
        rows = Owners(level).grouped(database.rows_for("components", level))
        wanted = {text_of(row["no_refdet"]) for lines in rows.values() for row in lines} - bills.articles.keys()
        bills.articles.update(articles_by_reference(database, sorted(wanted)))
        for ref, lines in rows.items():
            bills.lines[ref] = _lines(level[ref], lines, bills.articles)
        level = _kits_below(level, bills)
    return bills


def _kits_below(level: Mapping[str, Article], bills: Bills) -> dict[str, Article]:
    found = {}
    for ref in level:
        for line in bills.lines.get(ref, []):
            if line.article.is_kit and line.article.ref not in bills.lines:
                found[line.article.ref] = line.article
    return found


def _lines(kit: Article, rows: list[Row], articles: Mapping[str, Article]) -> list[Component]:
    owners = Owners(articles)
    made = []
    # Quantities are given for AR_QteComp kits; 0 counts as one.
    base = kit.composed_for if kit.composed_for > 0 else Decimal(1)
    for row in rows:
        article = articles.get(owners.of(text_of(row["no_refdet"])))
        quantity = read(row, "no_qte", decimal_of)
        if article is None or quantity <= 0:
            continue
        numbers = (int_of(row[name]) for name in ("ag_no1", "ag_no2", "ag_no1comp", "ag_no2comp"))
        range1, range2, for1, for2 = numbers
        made.append(Component(article, range1, range2, quantity / base, for1, for2))
    return made


def require_depth(article: Article, depth: int) -> None:
    """Raises ``RowRefused`` when a bill of materials goes too deep, which it does when it holds itself."""
    if depth >= DEEPEST:
        raise RowRefused("kit_loop", value=article.ref)
