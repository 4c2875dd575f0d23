"""Sale prices per variant: price category, coefficients, prices at a date, ranges, packagings, quantity brackets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from connectors.canonical.prices import BasePrice, PriceTier
from connectors.canonical.values import Money, TaxBasis
from connectors.core.odbc import Row, decimal_of, int_of, text_of
from connectors.core.query import Query
from connectors.erp.sage100.articles import Batch
from connectors.erp.sage100.company import Currency
from connectors.erp.sage100.context import Context
from connectors.erp.sage100.kits import Bills, Component, load_bills, require_depth
from connectors.erp.sage100.problems import RowRefused
from connectors.erp.sage100.rows import KIT_PARTS, Article, applies, plain, read
from connectors.erp.sage100.taxes import NOTHING, Taxation, TaxLoader
from connectors.erp.sage100.units import UnitReader
from connectors.erp.sage100.variants import Offer, Owners, Unit

BY_QUANTITY, NET_PRICE = 1, 3
"""AC_QteMont: brackets by quantity, net price by quantity. 2 is by amount, which no tier can say."""

_PERCENT = 1
_ZERO, _ONE, _HUNDRED = Decimal(0), Decimal(1), Decimal(100)


@dataclass(frozen=True, slots=True)
class Bracket:
    """A quantity bracket: its inclusive upper bound, its net price (0 none) and its discounts in cascade."""

    bound: Decimal
    net: Decimal
    discounts: tuple[tuple[Decimal, int], ...]

    def price(self, base: Decimal, *, net_price: bool) -> Decimal:
        """Price of one unit inside the bracket."""
        if net_price:
            return self.net or base
        return cascade(base, self.discounts)


@dataclass(frozen=True, slots=True)
class Reduction:
    """The discount that goes with a price: brackets, or one discount for every quantity."""

    mode: int = 0
    brackets: tuple[Bracket, ...] = ()
    flat: tuple[tuple[Decimal, int], ...] = ()


@dataclass(slots=True)
class Tariff:
    """Rows of one price category for the articles of a page and of their kits."""

    own: dict[str, Row] = field(default_factory=dict)
    variants: dict[tuple[str, int, int], Row] = field(default_factory=dict)
    packagings: dict[tuple[str, int], Row] = field(default_factory=dict)
    brackets: dict[str, tuple[Bracket, ...]] = field(default_factory=dict)


class PriceBook:
    """Prices of the articles of a page. Pure once built."""

    def __init__(
        self,
        context: Context,
        tariff: Tariff,
        bills: Bills,
        taxes: Mapping[str, Taxation],
        families: Mapping[str, Reduction],
    ) -> None:
        self._today: date = context.today
        self._currency = context.company.currency
        self._currencies: Mapping[int, Currency] = context.company.currencies
        self._tariff = tariff
        self._bills = bills
        self._taxes = taxes
        self._families = families

    def taxation(self, article: Article) -> Taxation:
        """Taxes of an article."""
        return self._taxes.get(article.ref, NOTHING)

    def price(self, article: Article, unit: Unit) -> BasePrice:
        """The price record of one thing sold. Raises ``RowRefused`` for a price that cannot be."""
        amount, basis = self._amount(article, unit, 0)
        if amount < 0:
            raise RowRefused("value_negative", column="Le prix de vente", value=amount)
        taxation = self.taxation(article)
        # A percentage is one of the price without tax: without a VAT rate, a gross price cannot tell it.
        net = amount if basis is TaxBasis.NET or taxation.vat is None else amount / taxation.vat.factor
        eco = plain(taxation.eco_amount(net) * (unit.holds if unit.packaging else _ONE))
        return BasePrice(
            key=unit.key,
            product_key=article.ref,
            reference=unit.reference,
            price=Money(plain(amount), self._currency, basis),
            tax=taxation.vat,
            purchase=Money(plain(unit.purchase), self._currency, TaxBasis.NET) if unit.purchase else None,
            eco_tax=Money(eco, self._currency, TaxBasis.NET) if eco else None,
            tiers=self._tiers(article, unit, amount, basis),
        )

    # The price

    def _amount(self, article: Article, unit: Unit, depth: int) -> tuple[Decimal, TaxBasis]:
        single, basis = self._single(article, unit, depth)
        if not unit.packaging:
            return single, basis
        pack = self._tariff.packagings.get((article.ref, unit.packaging))
        whole = self._dated(pack, "tc_prix", article) if pack else _ZERO
        return whole or single * unit.holds, basis

    def _single(self, article: Article, unit: Unit, depth: int) -> tuple[Decimal, TaxBasis]:
        amount, basis = self._category_price(article)
        ranged = self._tariff.variants.get((article.ref, unit.range1, unit.range2)) if unit.range1 else None
        if ranged:
            amount = self._dated(ranged, "tg_prix", article) or amount
        if not amount and article.bill == KIT_PARTS:
            return self._sum_of_parts(article, unit, basis, depth)
        return amount, basis

    def _category_price(self, article: Article) -> tuple[Decimal, TaxBasis]:
        row = self._tariff.own.get(article.ref)
        if row is not None:
            amount = self._row_price(article, row)
            if amount:
                return amount, TaxBasis.GROSS if int_of(row["ac_prixttc"]) == 1 else TaxBasis.NET
        amount = article.current("ar_prixven", self._today)
        if not amount:
            amount = article.current("ar_prixach", self._today) * article.current("ar_coef", self._today)
        return amount, article.basis

    def _row_price(self, article: Article, row: Row) -> Decimal:
        purchase = article.current("ar_prixach", self._today)
        return (
            self._current(row, "ac_prixven")
            or purchase * self._current(row, "ac_coef")
            or self._foreign(row, self._current(row, "ac_prixdev"))
        )

    def _foreign(self, row: Row, amount: Decimal) -> Decimal:
        currency = self._currencies.get(int_of(row["ac_devise"]))
        return currency.to_company(amount) if currency else amount

    def _current(self, row: Row, column: str) -> Decimal:
        following = read(row, f"{column}nouv", decimal_of)
        if following and applies(row, "ac_dateapplication", self._today):
            return following
        return read(row, column, decimal_of)

    def _dated(self, row: Row, column: str, article: Article) -> Decimal:
        """A price of a variant or of a packaging, which follows the date of the category's row, else the article's."""
        following = read(row, f"{column}nouv", decimal_of)
        own = self._tariff.own.get(article.ref, {})
        if following and (
            applies(own, "ac_dateapplication", self._today) or applies(article.row, "ar_dateapplication", self._today)
        ):
            return following
        return read(row, column, decimal_of)

    def _sum_of_parts(self, article: Article, unit: Unit, basis: TaxBasis, depth: int) -> tuple[Decimal, TaxBasis]:
        """A kit sold as its components costs what they cost; nothing can be said where they mix tax bases."""
        require_depth(article, depth)
        parts = [self._part(line, depth) for line in self._bills.components(article, unit)]
        bases = {part_basis for _, part_basis in parts}
        if len(bases) != 1:
            return _ZERO, basis
        return sum((amount for amount, _ in parts), start=_ZERO), bases.pop()

    def _part(self, line: Component, depth: int) -> tuple[Decimal, TaxBasis]:
        unit = Unit(key="", reference="", range1=line.range1, range2=line.range2)
        amount, basis = self._single(line.article, unit, depth + 1)
        return amount * line.quantity, basis

    # The brackets

    def _tiers(self, article: Article, unit: Unit, amount: Decimal, basis: TaxBasis) -> tuple[PriceTier, ...]:
        reduction = self._reduction(article)
        if unit.packaging or not amount:
            return ()
        steps = [(_ONE, cascade(amount, reduction.flat))] if reduction.flat else []
        if reduction.mode in (BY_QUANTITY, NET_PRICE):
            prices = [item.price(amount, net_price=reduction.mode == NET_PRICE) for item in reduction.brackets]
            steps = list(zip(tier_starts([item.bound for item in reduction.brackets]), prices, strict=True))
        while steps and steps[0][1] == amount:
            steps.pop(0)
        return tuple(
            PriceTier(from_quantity=start, price=Money(plain(max(price, _ZERO)), self._currency, basis))
            for start, price in steps
        )

    def _reduction(self, article: Article) -> Reduction:
        """The article's own discount, else its family's, the most specific first."""
        row = self._tariff.own.get(article.ref)
        if row is None:
            return self._families.get(article.family, Reduction())
        mode = int_of(row["ac_qtemont"])
        brackets = self._tariff.brackets.get(article.ref, ())
        if mode and brackets:
            return Reduction(mode, brackets)
        discount = self._current(row, "ac_remise")
        if discount:
            return Reduction(flat=((discount, _PERCENT),))
        outside = int_of(row["ac_typerem"]) == 1
        return Reduction() if outside else self._families.get(article.family, Reduction())


class PriceLoader:
    """Reads prices for the articles of a page. Raises ``Misconfigured`` for a category the company does not have."""

    def __init__(self, context: Context, price_category: str, taxes: TaxLoader) -> None:
        self._context = context
        self._database = context.database
        self._category = context.company.price_category(price_category)
        self._taxes = taxes
        self._families = self._family_reductions()

    @property
    def owner(self) -> str:
        """Code under which variants, packagings and brackets of the category are kept."""
        return owner_code(self._category)

    def load(self, articles: Collection[Article], offers: Mapping[str, Offer]) -> PriceBook:
        """Prices of these articles."""
        kits = [article for article in articles if article.bill == KIT_PARTS]
        bills = load_bills(self._database, kits) if kits else Bills()
        everything = {article.ref: article for article in (*bills.articles.values(), *articles)}
        tariff = self._tariff(everything, offers) if self._category else Tariff()
        return PriceBook(self._context, tariff, bills, self._taxes.load(articles), self._families)

    def _tariff(self, articles: Mapping[str, Article], offers: Mapping[str, Offer]) -> Tariff:
        owners = Owners(articles)
        own: dict[str, Row] = {}
        for row in self._database.rows_for("prices", articles, self._category):
            # No unique index protects the table: the row with the lowest number counts.
            own.setdefault(owners.of(text_of(row["ar_ref"])), row)
        ranged = [ref for ref, article in articles.items() if article.range1]
        packed = [ref for ref, offer in offers.items() if any(unit.packaging for unit in offer.units)]
        staged = [ref for ref, row in own.items() if int_of(row["ac_qtemont"])]
        return Tariff(
            own,
            {
                (owners.of(text_of(row["ar_ref"])), int_of(row["ag_no1"]), int_of(row["ag_no2"])): row
                for row in self._database.rows_for("prices_variants", ranged, self.owner)
            },
            {
                (owners.of(text_of(row["ar_ref"])), int_of(row["co_no"])): row
                for row in self._database.rows_for("prices_packagings", packed, self.owner)
            },
            {
                ref: tuple(_bracket(row, "tq") for row in rows)
                for ref, rows in owners.grouped(self._database.rows_for("brackets", staged, self.owner)).items()
            },
        )

    def _family_reductions(self) -> dict[str, Reduction]:
        if not self._category:
            return {}
        brackets: dict[str, list[Bracket]] = {}
        for row in self._database.rows("family_brackets", self.owner):
            brackets.setdefault(text_of(row["fa_codefamille"]), []).append(_bracket(row, "fq"))
        return {
            text_of(row["fa_codefamille"]): _family_reduction(row, brackets.get(text_of(row["fa_codefamille"]), []))
            for row in self._database.rows("family_discounts", self._category)
        }


class PriceReader(UnitReader[BasePrice]):
    """(VARIANT, PRICE): one record per thing sold."""

    _prices: PriceLoader

    def prepare(self, query: Query) -> None:
        """See the base class."""
        self._prices = price_loader(self.context, query)

    def batch(self, query: Query, rows: Sequence[Row]) -> Batch[BasePrice]:
        """See the base class."""
        batch: Batch[BasePrice] = Batch([], [])
        articles, offers = self.offers(rows, batch)
        book = self._prices.load(articles, offers)
        for article in articles:
            try:
                batch.records.extend([book.price(article, unit) for unit in offers[article.ref].units])
            except RowRefused as error:
                batch.refuse(article.ref, article.design, error.problem)
        return batch


def price_loader(context: Context, query: Query) -> PriceLoader:
    """The loader of a query's categories."""
    return PriceLoader(context, query.price_category, TaxLoader(context, query.accounting_category))


def owner_code(category: int) -> str:
    """Owner of a price category in F_TARIFGAM, F_TARIFCOND, F_TARIFQTE: lower-case a and two digits."""
    return f"a{category:02d}"


def cascade(amount: Decimal, discounts: Sequence[tuple[Decimal, int]]) -> Decimal:
    """The amount after discounts one after the other: type 1 a percentage, 0 and 2 an amount off the unit."""
    for value, kind in discounts:
        amount = amount * (_HUNDRED - value) / _HUNDRED if kind == _PERCENT else amount - value
    return amount


def tier_starts(bounds: Sequence[Decimal]) -> list[Decimal]:
    """First quantity of each bracket, from inclusive upper bounds in rising order.

    The next bracket starts one unit after a whole bound, one last decimal after a broken one.
    """
    starts = [_ONE]
    for bound in bounds[:-1]:
        exponent = bound.normalize().as_tuple().exponent
        places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        starts.append(bound + _ONE.scaleb(-places))
    return starts[: len(bounds)]


def _bracket(row: Row, prefix: str) -> Bracket:
    discounts = tuple(
        (read(row, f"{prefix}_remise0{place}rem_valeur", decimal_of), int_of(row[f"{prefix}_remise0{place}rem_type"]))
        for place in (1, 2, 3)
    )
    return Bracket(
        read(row, f"{prefix}_bornesup", decimal_of),
        read(row, f"{prefix}_prixnet", decimal_of),
        tuple(pair for pair in discounts if pair[0]),
    )


def _family_reduction(row: Row, brackets: list[Bracket]) -> Reduction:
    mode = int_of(row["ft_qtemont"])
    if mode and brackets:
        return Reduction(mode, tuple(brackets))
    discount = read(row, "ft_remise", decimal_of)
    return Reduction(flat=((discount, _PERCENT),)) if discount else Reduction()
