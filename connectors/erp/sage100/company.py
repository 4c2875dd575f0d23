"""The small tables of a company, each read once per connection and only when needed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from connectors.canonical.values import round_half_up
from connectors.core.conditions import Column, ColumnKind
from connectors.core.odbc import Row, decimal_of, int_of, text_of
from connectors.erp.sage100.database import Database
from connectors.erp.sage100.problems import misconfigured
from connectors.erp.sage100.schema import ARTICLE_FIELDS, CUSTOM_KINDS, HIDDEN_ARTICLE_COLUMNS

DEFAULT_CURRENCY = "EUR"
FIRST = "1"


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency of P_DEVISE. ``rate`` is what one unit of the company's currency buys, or the inverse."""

    code: str
    label: str
    rate: Decimal
    inverse: bool

    @property
    def units(self) -> Decimal:
        """Units of this currency for one of the company's, at six decimals; 0 when Sage holds no rate."""
        return round_half_up(1 / self.rate, 6) if self.inverse and self.rate else self.rate

    def to_company(self, amount: Decimal) -> Decimal:
        """The amount in the company's currency; 0 when Sage holds no rate."""
        if not self.rate:
            return Decimal(0)
        return amount * self.rate if self.inverse else amount / self.rate


@dataclass(frozen=True, slots=True)
class Family:
    """A family of articles and the central family it hangs under, if any."""

    code: str
    label: str
    central: str


@dataclass(frozen=True, slots=True)
class CatalogueNode:
    """A node of the catalogue; ``parent`` is 0 at the top."""

    number: int
    parent: int
    level: int
    label: str


class Company:
    """What flows of one connection share. Lists keep the order of Sage; position indices start at 1."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @cached_property
    def custom_columns(self) -> dict[str, ColumnKind]:
        """Information libre columns of F_ARTICLE that exist, by name, in the order of Sage."""
        return {
            name: CUSTOM_KINDS.get(int_of(row["cb_type"]), ColumnKind.TEXT)
            for row in self._database.rows("custom_columns", "F_ARTICLE")
            if self._database.has("F_ARTICLE", name := text_of(row["cb_name"]))
        }

    @cached_property
    def article_columns(self) -> dict[str, Column]:
        """Every column a filter may name, by lower-case name."""
        found = {name.lower(): _custom(name, kind) for name, kind in self.custom_columns.items()}
        standard = {name: kind for name, (kind, _) in ARTICLE_FIELDS.items()} | dict(HIDDEN_ARTICLE_COLUMNS)
        names = {name.lower(): name for name in standard}
        actual = self._database.columns("F_ARTICLE") or names
        for key, spelled in actual.items():
            name = names.get(key, spelled)
            if key not in found and name.isidentifier():
                found[key] = Column(name, name, standard.get(name, ColumnKind.TEXT))
        return found

    @cached_property
    def ranges(self) -> dict[int, str]:
        """Names of the ranges that are attributes of products (not those that hold discounts), by index."""
        return {
            int_of(row["cbindice"]): text_of(row["g_intitule"])
            for row in self._database.rows("ranges")
            if int_of(row["g_type"]) == 0
        }

    @cached_property
    def discount_ranges(self) -> frozenset[int]:
        """Indices of the ranges that hold discounts: an article that names one has no attribute."""
        return frozenset(int_of(row["cbindice"]) for row in self._database.rows("ranges") if int_of(row["g_type"]) != 0)

    @cached_property
    def range_order(self) -> dict[tuple[int, str], int]:
        """Position of a value inside its range."""
        return {
            (int_of(row["eg_champ"]), text_of(row["eg_enumere"])): int_of(row["eg_ligne"])
            for row in self._database.rows("range_order")
        }

    @cached_property
    def repeated_references(self) -> frozenset[str]:
        """Variant references that several variants of the company carry."""
        return frozenset(text_of(row["ae_ref"]) for row in self._database.rows("variant_references_repeated"))

    @cached_property
    def units(self) -> dict[int, str]:
        """Names of the sale units by index."""
        return {int_of(row["cbindice"]): text_of(row["u_intitule"]) for row in self._database.rows("units")}

    @cached_property
    def packaging_names(self) -> dict[int, str]:
        """Names of the kinds of packaging by index."""
        rows = self._database.rows("packaging_names")
        return {int_of(row["cbindice"]): text_of(row["p_conditionnement"]) for row in rows}

    @cached_property
    def statistic_names(self) -> dict[int, str]:
        """Titles of the five statistics of articles."""
        rows = self._database.rows("statistic_names")
        return {int_of(row["cbindice"]): text_of(row["p_intstatart"]) for row in rows}

    @cached_property
    def currencies(self) -> dict[int, Currency]:
        """Currencies by index."""
        return {int_of(row["cbindice"]): _currency(row) for row in self._database.rows("currencies")}

    @cached_property
    def identity(self) -> tuple[str, str]:
        """Name of the company and ISO code of its currency."""
        rows = self._database.rows("company")
        if not rows:
            return "", DEFAULT_CURRENCY
        own = self.currencies.get(int_of(rows[0]["n_devisecompte"]))
        return text_of(rows[0]["d_raisonsoc"]).strip(), (own.code if own else "") or DEFAULT_CURRENCY

    @property
    def name(self) -> str:
        """Name of the company."""
        return self.identity[0]

    @property
    def currency(self) -> str:
        """ISO code of the currency amounts are kept in."""
        return self.identity[1]

    @cached_property
    def catalogue(self) -> dict[int, CatalogueNode]:
        """Nodes of the catalogue by number, top level first."""
        return {
            int_of(row["cl_no"]): CatalogueNode(
                int_of(row["cl_no"]),
                int_of(row["cl_noparent"]),
                int_of(row["cl_niveau"]),
                text_of(row["cl_intitule"]).strip(),
            )
            for row in self._database.rows("catalogue")
        }

    @cached_property
    def families(self) -> dict[str, Family]:
        """Families articles belong to (FA_Type 0) by code."""
        return {family.code: family for kind, family in self._all_families if kind == 0}

    @cached_property
    def central_families(self) -> dict[str, Family]:
        """Central families (FA_Type 2) by code; a code may name both a family and a central one."""
        return {family.code: family for kind, family in self._all_families if kind == 2}

    @cached_property
    def _all_families(self) -> list[tuple[int, Family]]:
        return [
            (
                int_of(row["fa_type"]),
                Family(text_of(row["fa_codefamille"]), text_of(row["fa_intitule"]).strip(), text_of(row["fa_central"])),
            )
            for row in self._database.rows("families")
        ]

    @cached_property
    def price_categories(self) -> dict[str, tuple[str, bool]]:
        """Price categories: index as text to title and whether their prices include tax."""
        return {
            str(int_of(row["cbindice"])): (text_of(row["ct_intitule"]), int_of(row["ct_prixttc"]) == 1)
            for row in self._database.rows("price_categories")
        }

    @cached_property
    def accounting_categories(self) -> dict[str, str]:
        """Accounting categories of sales: the index is the number of the column of the only row."""
        rows = self._database.rows("accounting_categories")
        titles = [(name, text_of(value).strip()) for name, value in rows[0].items()] if rows else []
        return {str(int(name[-2:])): title for name, title in titles if title}

    @cached_property
    def warehouses(self) -> list[Row]:
        """Rows of the warehouses."""
        return self._database.rows("warehouses")

    def price_category(self, key: str) -> int:
        """Index of a price category, 0 for none. Raises ``Misconfigured`` for one the company does not have."""
        if key and key not in self.price_categories:
            raise misconfigured("price_category_unknown", name=key)
        return int(key or 0)

    def accounting_category(self, key: str) -> int:
        """Index of an accounting category, the first one by default. Raises ``Misconfigured`` for an unknown one."""
        if key and key not in self.accounting_categories:
            raise misconfigured("accounting_category_unknown", name=key)
        return int(key or FIRST)

    def warehouse_numbers(self, keys: tuple[str, ...]) -> list[int]:
        """Numbers of these warehouses; of all that count in availability when none is named.

        Raises ``Misconfigured`` for an unknown one, or when none is left.
        """
        known = {str(int_of(row["de_no"])): row for row in self.warehouses}
        for key in keys:
            if key not in known:
                raise misconfigured("warehouse_unknown", name=key)
        chosen = keys or [key for key, row in known.items() if int_of(row.get("de_exclure")) == 0]
        if not chosen:
            raise misconfigured("warehouse_none")
        return [int(key) for key in dict.fromkeys(chosen)]


def _custom(name: str, kind: ColumnKind) -> Column:
    return Column(name, quoted(name), kind)


def quoted(name: str) -> str:
    """The name of an information libre as SQL writes it: it may hold blanks, accents and apostrophes."""
    return '"' + name.replace('"', '""') + '"'


def _currency(row: Row) -> Currency:
    code = text_of(row["d_codeiso"]).strip().upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        code = DEFAULT_CURRENCY if int_of(row["d_euro"]) else ""
    # D_Mode: 0 quoted "certain" (foreign units for one of ours), 1 "uncertain" (ours for one foreign unit).
    return Currency(
        code, text_of(row["d_intitule"]).strip(), decimal_of(row["d_cours"]), int_of(row.get("d_mode")) == 1
    )
