"""What the mapping of orders must know of the ERP, read page by page and answered from memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import cast

from connectors.canonical.catalog import Product
from connectors.canonical.keys import Entity
from connectors.canonical.sales import DocumentTax, Order, TaxBase
from connectors.core.ports import Connection, SalesConnection
from connectors.core.query import Query
from connectors.core.results import Choice
from sync.mapping.order_terms import ArticleMatch, Sections

_PERCENT, _SALES_KINDS = "0", frozenset({"0", "1"})
"""Sage: a tax in percent, and the kinds that are VAT."""


Owners = Callable[[set[str]], Mapping[str, str]]
"""Variant keys of the ERP by product or variant id of the shop, from the links."""


class ErpResolver:
    """Articles by link, else by reference; taxes and currencies of the ERP. Never answers with a guess."""

    def __init__(self, erp: Connection, options: Sections, *, currency: str, owners: Owners) -> None:
        self._erp = cast(SalesConnection, erp)
        self._options = options
        self._owners = owners
        self.currency = currency
        self._variants: dict[str, str] = {}
        self._articles: dict[str, Product] = {}
        self._by_reference: dict[str, list[tuple[Product, int]]] = {}
        self._asked: set[str] = set()
        self._named: set[str] = set()
        self._taxes = {choice.key: choice for choice in erp.choices("taxes")}
        self._currencies = {choice.key: choice for choice in erp.choices("currencies")}
        self._load(key for key in self._service_articles() if key)

    def prefetch(self, orders: Iterable[Order]) -> None:
        """Reads what the lines of these orders need, in a few calls."""
        lines = [line for order in orders for line in order.lines]
        shop_keys = {line.variant_key or line.product_key for line in lines} - {""}
        self._variants.update(self._owners(shop_keys))
        wanted = {key.partition("#")[0] for key in self._variants.values()}
        references = {line.reference for line in lines if line.reference}
        self._load(wanted | references)
        self._load_named(references)

    def variant_of(self, product_key: str, variant_key: str, reference: str) -> ArticleMatch | None:
        """By link, else by reference where exactly one thing sold bears it."""
        linked = self._by_key(self._variants.get(variant_key or product_key, ""))
        if linked is not None:
            return linked
        found = self._by_reference.get(reference, []) if reference else []
        return self._match(*found[0]) if len(found) == 1 else None

    def _by_key(self, key: str) -> ArticleMatch | None:
        article = self._articles.get(key.partition("#")[0])
        variants = article.variants if article is not None else ()
        index = next((index for index, variant in enumerate(variants) if variant.key == key), None)
        return None if article is None or index is None else self._match(article, index)

    def tax(self, code: str) -> DocumentTax | None:
        """A tax by its code; ``None`` for an unknown one and for an amount."""
        choice = self._taxes.get(code)
        if choice is None or not _is_percent(choice):
            return None
        base = TaxBase(choice.extra.get("base", TaxBase.NET.value))
        return DocumentTax(code=code, percent=Decimal(choice.extra["rate"]), base=base)

    def tax_by_percent(self, percent: Decimal) -> str | None:
        """The only VAT at this percentage."""
        found = [
            key
            for key, choice in self._taxes.items()
            if _is_percent(choice)
            and choice.extra.get("kind", "0") in _SALES_KINDS
            and Decimal(choice.extra["rate"]) == percent
        ]
        return found[0] if len(found) == 1 else None

    def currency_rate(self, key: str) -> Decimal | None:
        """The ERP's own rate of one of its currencies."""
        choice = self._currencies.get(key)
        rate = Decimal(choice.extra.get("rate", "0")) if choice is not None else Decimal(0)
        return rate or None

    def _service_articles(self) -> list[str]:
        section = self._options["order_articles"]
        named = [value for name, value in section.model_dump().items() if name.endswith("_article")]
        return [str(key) for key in [*named, *section.discount_articles.values()]]

    def _load(self, keys: Iterable[str]) -> None:
        missing = sorted(set(keys) - self._asked)
        self._asked.update(missing)
        if not missing:
            return
        prices = self._options["prices"]
        query = Query(
            published_only=False,
            include_dormant=True,
            with_price=True,
            price_category=prices.price_category,
            accounting_category=prices.accounting_category,
        )
        for page in self._erp.reader(Entity.PRODUCT).pages(query, keys=missing):
            for product in page.records:
                self._keep(product)

    def _load_named(self, references: Iterable[str]) -> None:
        """Articles of which only a variant bears the reference: the ERP is asked for each, once."""
        unknown = sorted(set(references) - self._by_reference.keys() - self._named)
        self._named.update(unknown)
        found = {match.article for match in map(self._erp.article_of, unknown) if match is not None}
        self._load(found)

    def _keep(self, product: Product) -> None:
        self._articles[product.key] = product
        for index, variant in enumerate(product.variants):
            self._by_reference.setdefault(variant.reference, []).append((product, index))
        if product.is_variable:
            return
        if product.key != product.reference:
            self._by_reference.setdefault(product.key, []).append((product, 0))

    def _match(self, product: Product, index: int) -> ArticleMatch:
        variant = product.variants[index]
        price = variant.price.price if variant.price is not None else None
        return ArticleMatch(article=product.key, variant=variant.key, designation=product.name.get("", ""), price=price)


def _is_percent(choice: Choice) -> bool:
    return choice.extra.get("unit", _PERCENT) == _PERCENT and "rate" in choice.extra
