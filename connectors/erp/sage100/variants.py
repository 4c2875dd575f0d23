"""What is sold of an article: the article itself, its variants by ranges («gammes»), or its packagings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from connectors.canonical.catalog import Axis
from connectors.canonical.keys import variant_key
from connectors.core.odbc import Row, decimal_of, int_of, text_of
from connectors.erp.sage100.company import Company
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.problems import RowRefused
from connectors.erp.sage100.rows import Article, applies, fold, read

PACKAGING_AXIS = "Conditionnement"
PACKAGING_MARK = "c"
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One thing a buyer can choose: ``holds`` sale units of the article, in the ranges ``range1`` and ``range2``."""

    key: str
    reference: str
    options: tuple[tuple[str, str], ...] = ()
    range1: int = 0
    range2: int = 0
    packaging: int = 0
    holds: Decimal = _ONE
    active: bool = True
    barcode: str = ""
    purchase: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything sold of one article."""

    axes: tuple[Axis, ...]
    units: tuple[Unit, ...]


@dataclass(slots=True)
class _Loaded:
    values: dict[str, list[Row]] = field(default_factory=dict)
    pairs: dict[str, list[Row]] = field(default_factory=dict)
    packs: dict[str, list[Row]] = field(default_factory=dict)


class Owners:
    """Finds the article of the page a child row belongs to: exactly, else under Sage's own comparison."""

    def __init__(self, references: Collection[str]) -> None:
        self._exact = frozenset(references)
        self._folded = {fold(reference): reference for reference in references}

    def of(self, reference: str) -> str:
        """The article's reference; empty when it is not of the page."""
        return reference if reference in self._exact else self._folded.get(fold(reference), "")

    def grouped(self, rows: Iterable[Row]) -> dict[str, list[Row]]:
        """Rows by article."""
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(self.of(text_of(row["ar_ref"])), []).append(row)
        return found


class OfferLoader:
    """Reads what is sold of the articles of a page."""

    def __init__(self, database: Database, company: Company, *, packagings: bool, today: date) -> None:
        self._database = database
        self._company = company
        self._packagings = packagings
        self._today = today

    def load(self, articles: Collection[Article]) -> dict[str, Offer | RowRefused]:
        """The offer of each article by reference, or why it cannot be made."""
        loaded = self._read(articles)
        offers: dict[str, Offer | RowRefused] = {}
        for article in articles:
            try:
                offers[article.ref] = self._offer(article, loaded)
            except RowRefused as error:
                offers[article.ref] = error
        return offers

    def _read(self, articles: Collection[Article]) -> _Loaded:
        loaded = _Loaded()
        ranged = [article.ref for article in articles if self.has_ranges(article)]
        if ranged:
            owners = Owners(ranged)
            loaded.values = owners.grouped(self._database.rows_for("range_values", ranged))
            loaded.pairs = owners.grouped(self._database.rows_for("variants", ranged))
        packed = [article.ref for article in articles if self._has_packagings(article)]
        if packed:
            loaded.packs = Owners(packed).grouped(self._database.rows_for("packagings", packed))
        return loaded

    def has_ranges(self, article: Article) -> bool:
        """Whether the article is sold by ranges: ranges that hold discounts are no attributes."""
        return article.range1 > 0 and article.range1 not in self._company.discount_ranges

    def _has_packagings(self, article: Article) -> bool:
        # Sage lets an article have ranges or packagings, not both.
        return self._packagings and article.packaging > 0 and not self.has_ranges(article)

    def _offer(self, article: Article, loaded: _Loaded) -> Offer:
        if self.has_ranges(article):
            return self._ranged(article, loaded.values.get(article.ref, []), loaded.pairs.get(article.ref, []))
        packs = loaded.packs.get(article.ref)
        if packs:
            return self._packed(article, packs)
        unit = Unit(key=article.ref, reference=article.ref, barcode=article.barcode, purchase=self._purchase(article))
        return Offer((), (unit,))

    def _ranged(self, article: Article, values: list[Row], pairs: list[Row]) -> Offer:
        if not pairs:
            raise RowRefused("range_without_variant")
        names = {int_of(row["ag_no"]): text_of(row["eg_enumere"]).strip() for row in values}
        two = article.range2 > 0 and article.range2 not in self._company.discount_ranges
        fields = (article.range1, article.range2) if two else (article.range1,)
        axes = tuple(self._company.ranges.get(index, f"Gamme {place}") for place, index in enumerate(fields, 1))
        if len(set(axes)) < len(axes):
            axes = tuple(f"{name} {place}" for place, name in enumerate(axes, 1))
        units = [self._pair(article, row, names, axes) for row in pairs]
        _require_distinct(units)
        order = _Order(self._company.range_order, fields)
        units.sort(key=order.of)
        return Offer(tuple(_axis(place, name, units, order) for place, name in enumerate(axes)), tuple(units))

    def _pair(self, article: Article, row: Row, names: Mapping[int, str], axes: tuple[str, ...]) -> Unit:
        numbers = (int_of(row["ag_no1"]), int_of(row["ag_no2"]))[: len(axes)]
        for number in numbers:
            if not names.get(number):
                raise RowRefused("range_value_unknown", number=number)
        first, second = numbers[0], numbers[1] if len(numbers) > 1 else 0
        key = variant_key(article.ref, first, second)
        return Unit(
            key=key,
            reference=self._reference(text_of(row["ae_ref"]), key, article),
            options=tuple((axis, names[number]) for axis, number in zip(axes, numbers, strict=True)),
            range1=first,
            range2=second,
            active=int_of(row.get("ae_sommeil")) == 0,
            barcode=text_of(row["ae_codebarre"]).strip(),
            purchase=self._pair_purchase(article, row),
        )

    def _pair_purchase(self, article: Article, row: Row) -> Decimal:
        following = read(row, "ae_prixachnouv", decimal_of)
        if following and applies(article.row, "ar_dateapplication", self._today):
            return following
        return read(row, "ae_prixach", decimal_of) or self._purchase(article)

    def _purchase(self, article: Article) -> Decimal:
        return article.current("ar_prixach", self._today)

    def _reference(self, given: str, key: str, article: Article) -> str:
        """The variant's own reference; one made of the article's and the ranges' numbers when empty or not unique."""
        own = given.strip()
        if not own or given in self._company.repeated_references or fold(own) == fold(article.ref):
            return key.replace("#", "-")
        return own

    def _packed(self, article: Article, rows: list[Row]) -> Offer:
        purchase = self._purchase(article)
        single = self._company.units.get(article.integer("ar_uniteven"), "Unité")
        units = [
            Unit(
                key=variant_key(article.ref, f"{PACKAGING_MARK}0"),
                reference=f"{article.ref}-{PACKAGING_MARK}0",
                options=((PACKAGING_AXIS, single),),
                barcode=article.barcode,
                purchase=purchase,
            )
        ]
        for row in rows:
            holds, number = read(row, "ec_quantite", decimal_of), int_of(row["co_no"])
            if holds <= 0:
                continue
            key = variant_key(article.ref, f"{PACKAGING_MARK}{number}")
            units.append(
                Unit(
                    key=key,
                    reference=text_of(row["co_ref"]).strip() or key.replace("#", "-"),
                    options=((PACKAGING_AXIS, text_of(row["ec_enumere"]).strip() or f"{holds:f}"),),
                    packaging=number,
                    holds=holds,
                    barcode=text_of(row["co_codebarre"]).strip(),
                    purchase=purchase * holds,
                )
            )
        _require_distinct(units)
        values = tuple(unit.options[0][1] for unit in units)
        return Offer((Axis(name=PACKAGING_AXIS, values=values),), tuple(units))


class _Order:
    """Order of the values of an article: that of the company's range, then that of their numbers."""

    def __init__(self, positions: Mapping[tuple[int, str], int], fields: tuple[int, ...]) -> None:
        self._positions = positions
        self._fields = fields

    def of(self, unit: Unit) -> tuple[tuple[int, int], ...]:
        """Sort key of a variant."""
        numbers = (unit.range1, unit.range2)
        return tuple(
            (self._positions.get((index, value), 1_000_000), numbers[place])
            for place, (index, (_, value)) in enumerate(zip(self._fields, unit.options, strict=True))
        )


def _axis(place: int, name: str, units: list[Unit], order: _Order) -> Axis:
    ranked = sorted(units, key=lambda unit: order.of(unit)[place])
    return Axis(name=name, values=tuple(dict.fromkeys(unit.options[place][1] for unit in ranked)))


def _require_distinct(units: list[Unit]) -> None:
    seen = set()
    for unit in units:
        if unit.options in seen:
            raise RowRefused("range_value_repeated", value=", ".join(value for _, value in unit.options))
        seen.add(unit.options)


def product_candidates(key: str) -> list[str]:
    """References of the articles a variant key may belong to: an article's reference may itself hold ``#``."""
    parts = key.split("#")
    return ["#".join(parts[:length]) for length in range(len(parts), 0, -1) if len(parts) - length <= 2]
