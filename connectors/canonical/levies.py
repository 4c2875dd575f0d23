"""The arithmetic of a line that bears several taxes in percent, as an ERP keeps it.

Every tax is an amount of its own at two decimals, since it is booked on an account of its own: a line led by its amount
without tax adds them up, one led by its amount with tax takes them off. With a single tax this is the ordinary sum of a
line. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, Decimal

from connectors.canonical.sales import DocumentTax, TaxBase
from connectors.canonical.values import TaxBasis, round_half_up

MOST_TAXES = 3
"""Taxes that one line of an ERP holds."""

_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Split:
    """Amounts of a line at two decimals; ``taxes`` in the order of its taxes. Net and taxes add up to gross."""

    net: Decimal
    gross: Decimal
    taxes: tuple[Decimal, ...]

    @property
    def tax(self) -> Decimal:
        """All taxes of the line."""
        return self.gross - self.net


def parts(taxes: Sequence[DocumentTax]) -> tuple[Decimal, ...]:
    """What each tax comes to for an amount of 1 without tax."""
    raising = sum((tax.percent for tax in taxes if tax.base is TaxBase.RAISING), _ZERO) / _HUNDRED
    plain = sum((tax.percent for tax in taxes if tax.base is TaxBase.NET), _ZERO) / _HUNDRED * (1 + raising)
    factors = {TaxBase.RAISING: Decimal(1), TaxBase.NET: 1 + raising, TaxBase.TOTAL: 1 + raising + plain}
    return tuple(tax.percent * factors[tax.base] / _HUNDRED for tax in taxes)


def factor(taxes: Sequence[DocumentTax]) -> Decimal:
    """What an amount without tax is multiplied by to hold them."""
    return 1 + sum(parts(taxes), _ZERO)


def split(lead: Decimal, taxes: Sequence[DocumentTax], basis: TaxBasis) -> Split:
    """All amounts of a line from its leading one (at two decimals)."""
    shares = parts(taxes)
    if basis is TaxBasis.NET:
        found = tuple(round_half_up(lead * share, 2) for share in shares)
        return Split(lead, lead + sum(found, _ZERO), found)
    if len(shares) == 1:
        net = round_half_up(lead / (1 + shares[0]), 2)
        return Split(net, lead, (lead - net,))
    exact = lead / (1 + sum(shares, _ZERO))
    found = tuple(_half_down(exact * share) for share in shares)
    return Split(lead - sum(found, _ZERO), lead, found)


def _half_down(value: Decimal) -> Decimal:
    """Rounded so that what is left of an amount with tax is rounded half up."""
    return round_half_up(value, 6).quantize(_CENT, rounding=ROUND_HALF_DOWN)
