"""What the mapping of orders asks of the ERP, and how it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from connectors.canonical.sales import DocumentTax
from connectors.canonical.values import Money
from connectors.core.problems import ItemRefused, Problem
from connectors.core.texts import Value


class Sections(Protocol):
    """The settings of a profile by name of section, as ``profiles.options_store.ProfileOptions`` gives them."""

    def __getitem__(self, name: str) -> Any:
        """One section."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleMatch:
    """An article of the ERP that a line of an order stands for. ``variant`` equals ``article`` without ranges."""

    article: str
    variant: str
    designation: str = ""
    price: Money | None = None


class Resolver(Protocol):
    """What the mapping must know of the ERP. Every method may be called often and answers from memory."""

    def variant_of(self, product_key: str, variant_key: str, reference: str) -> ArticleMatch | None:
        """The article of a shop product: by link, else by reference, only when sure. Empty keys: a service article."""
        ...

    def tax(self, code: str) -> DocumentTax | None:
        """A tax code of the ERP; ``None`` when the code does not exist or is no percentage."""
        ...

    def tax_by_percent(self, percent: Decimal) -> str | None:
        """The only sales tax of the ERP at this percentage, ``None`` when there is none or several."""
        ...

    def currency_rate(self, key: str) -> Decimal | None:
        """The ERP's own rate of one of its currencies, ``None`` when it has none."""
        ...

    @property
    def currency(self) -> str:
        """ISO code of the ERP's own currency."""
        ...


def refuse(code: str, sentence: str, advice: str, /, **values: Value) -> ItemRefused:
    """The refusal of one order."""
    return ItemRefused(Problem(code, sentence, advice, values=values))
