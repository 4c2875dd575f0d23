"""Values with a meaning of their own: money, tax, quantity, text in several languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

LocalizedText = Mapping[str, str]
"""Language code (``fr``, ``en``…) to text. The key ``""`` is the base language of the ERP."""


class TaxBasis(StrEnum):
    """Whether an amount is without or with tax."""

    NET = "net"
    GROSS = "gross"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount that never travels without its currency and its tax basis.

    Arithmetic between different currencies or bases raises ``ValueError``: adding euros to dollars, or net to
    gross, is a defect and not a number.
    """

    amount: Decimal
    currency: str
    basis: TaxBasis

    def __post_init__(self) -> None:
        """Refuses floats and currencies that are no ISO 4217 code."""
        if not isinstance(self.amount, Decimal):
            raise TypeError("money takes a Decimal")
        if len(self.currency) != 3 or not self.currency.isascii() or not self.currency.isupper():
            raise ValueError(f"not an ISO 4217 currency code: {self.currency!r}")

    def __add__(self, other: Money) -> Money:
        """Sum of two amounts of the same currency and basis."""
        self._require_same(other)
        return Money(self.amount + other.amount, self.currency, self.basis)

    def __sub__(self, other: Money) -> Money:
        """Difference of two amounts of the same currency and basis."""
        self._require_same(other)
        return Money(self.amount - other.amount, self.currency, self.basis)

    def _require_same(self, other: Money) -> None:
        if (self.currency, self.basis) != (other.currency, other.basis):
            raise ValueError(f"cannot combine {self.currency}/{self.basis} with {other.currency}/{other.basis}")

    def rounded(self, decimals: int) -> Money:
        """The amount at ``decimals`` places, half up (the rule of French invoices)."""
        return Money(round_half_up(self.amount, decimals), self.currency, self.basis)

    def to_net(self, tax: TaxRate) -> Money:
        """The amount without tax, unrounded; returns itself when it is already net."""
        if self.basis is TaxBasis.NET:
            return self
        return Money(self.amount / tax.factor, self.currency, TaxBasis.NET)

    def to_gross(self, tax: TaxRate) -> Money:
        """The amount with tax, unrounded; returns itself when it is already gross."""
        if self.basis is TaxBasis.GROSS:
            return self
        return Money(self.amount * tax.factor, self.currency, TaxBasis.GROSS)


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A tax of the ERP: its code and its percentage (``Decimal("20")`` is 20 %)."""

    code: str
    percent: Decimal

    @property
    def factor(self) -> Decimal:
        """What a net amount is multiplied by."""
        return 1 + self.percent / 100


def round_half_up(value: Decimal, decimals: int) -> Decimal:
    """``value`` at ``decimals`` places, half away from zero."""
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def text_in(text: LocalizedText, language: str = "") -> str:
    """The text in ``language``, else in the base language, else empty."""
    return text.get(language) or text.get("", "")
