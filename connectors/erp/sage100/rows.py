"""An article as Sage gives it, typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from connectors.canonical.values import TaxBasis
from connectors.core.odbc import Row, decimal_of, int_of, moment_of, text_of
from connectors.core.query import WeightSource
from connectors.erp.sage100.problems import RowRefused

V = TypeVar("V")

KIT_WHOLE, KIT_PARTS = 2, 3
"""AR_Nomencl: commercial kit sold as the parent, or as its components. 1 (made) and 4 (linked) are plain articles."""

_RESOURCES = (2, 3)

_KILOGRAMS: dict[int, Decimal] = {
    0: Decimal(1000),
    1: Decimal(100),
    2: Decimal(1),
    3: Decimal("0.001"),
    4: Decimal("0.000001"),
}
"""AR_UnitePoids to kilograms: tonne, quintal, kilogram, gram, milligram."""


@dataclass(slots=True)
class Article:
    """One row of F_ARTICLE, converted. ``row`` keeps the rest."""

    ref: str
    design: str
    family: str
    barcode: str
    range1: int
    range2: int
    packaging: int
    tracked: bool
    bill: int
    composed_for: Decimal
    kind: int
    dormant: bool
    published: bool
    row: Row

    @property
    def is_kit(self) -> bool:
        """Whether it is sold as a set of components."""
        return self.bill in (KIT_WHOLE, KIT_PARTS)

    @property
    def is_resource(self) -> bool:
        """Whether it is working time or a machine."""
        return self.kind in _RESOURCES

    @property
    def basis(self) -> TaxBasis:
        """Whether its own sale price includes tax."""
        return TaxBasis.GROSS if self.integer("ar_prixttc") else TaxBasis.NET

    def number(self, column: str) -> Decimal:
        """A number of the row. Raises ``RowRefused`` when it is none."""
        return read(self.row, column, decimal_of)

    def integer(self, column: str) -> int:
        """A code of the row. Raises ``RowRefused`` when it is none."""
        return read(self.row, column, int_of)

    def weight(self, source: WeightSource) -> Decimal | None:
        """Weight in kilograms; ``None`` when not filled in (0). Raises ``RowRefused`` for what no weight can be."""
        name = "AR_PoidsNet" if source is WeightSource.NET else "AR_PoidsBrut"
        amount, unit = self.number(name.lower()), self.integer("ar_unitepoids")
        if amount < 0:
            raise RowRefused("value_negative", column=name, value=amount)
        if unit not in _KILOGRAMS:
            raise RowRefused("value_unreadable", column="AR_UnitePoids", value=unit)
        return plain(amount * _KILOGRAMS[unit]) if amount else None

    def current(self, column: str, today: date) -> Decimal:
        """A price of the row, or the one that replaces it from AR_DateApplication on when that one is not 0."""
        if applies(self.row, "ar_dateapplication", today):
            following = self.number(f"{column}nouv")
            if following:
                return following
        return self.number(column)


def article_of(row: Row) -> Article:
    """The typed row. Raises ``RowRefused`` for values that cannot be."""
    ref = text_of(row["ar_ref"])
    if not ref.strip():
        raise RowRefused("reference_empty")
    return Article(
        ref=ref,
        design=text_of(row["ar_design"]),
        family=text_of(row["fa_codefamille"]),
        barcode=text_of(row["ar_codebarre"]).strip(),
        range1=read(row, "ar_gamme1", int_of),
        range2=read(row, "ar_gamme2", int_of),
        packaging=read(row, "ar_condition", int_of),
        tracked=read(row, "ar_suivistock", int_of) != 0,
        bill=read(row, "ar_nomencl", int_of),
        composed_for=read(row, "ar_qtecomp", decimal_of),
        kind=read(row, "ar_type", int_of),
        dormant=read(row, "ar_sommeil", int_of) != 0,
        published=read(row, "ar_publie", int_of) != 0,
        row=row,
    )


def read(row: Row, column: str, convert: Callable[[Any], V]) -> V:
    """A converted value; a column this version lacks counts as empty. Raises ``RowRefused`` when it is unreadable."""
    try:
        return convert(row.get(column))
    except (ValueError, ArithmeticError):
        raise RowRefused("value_unreadable", column=column, value=row.get(column)) from None


def applies(row: Row, column: str, today: date) -> bool:
    """Whether the date of that column is set and reached."""
    moment = read(row, column, moment_of)
    return moment is not None and moment.date() <= today


def fold(reference: str) -> str:
    """The normal form under which Sage compares references: without case nor blanks at the end."""
    return reference.rstrip().casefold()


def plain(number: Decimal) -> Decimal:
    """The number without trailing zeros, at most six decimals."""
    return decimal_of(number)
