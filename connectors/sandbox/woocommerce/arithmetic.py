"""Taxes of an amount at several rates, as the shop adds them to a net price or finds them inside a gross one.

Rates that are not compound count on the price alone; a compound one counts on the price with all taxes before it. Each
tax is rounded to the six places the shop keeps internally, half up, and only later to the decimals of its prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

MICRO = Decimal("0.000001")
ZERO = Decimal(0)
_HUNDRED = Decimal(100)
Rate = dict[str, Any]


def micro(value: Decimal) -> Decimal:
    """Rounded to the six places the shop keeps."""
    return value.quantize(MICRO, rounding=ROUND_HALF_UP)


def added(net: Decimal, rates: Sequence[Rate]) -> dict[int, Decimal]:
    """Taxes on a price without tax, by id of the rate, unrounded."""
    taxes = {rate["id"]: net * _share(rate) for rate in rates if not rate["compound"]}
    for rate in rates:
        if rate["compound"]:
            taxes[rate["id"]] = (net + sum(taxes.values(), ZERO)) * _share(rate)
    return {rate["id"]: taxes[rate["id"]] for rate in rates}


def contained(gross: Decimal, rates: Sequence[Rate]) -> dict[int, Decimal]:
    """Taxes inside a price with tax, by id of the rate, unrounded. The compound ones come off first, last one first."""
    taxes: dict[int, Decimal] = {}
    left = gross
    for rate in reversed([rate for rate in rates if rate["compound"]]):
        taxes[rate["id"]] = left - left / (1 + _share(rate))
        left -= taxes[rate["id"]]
    plain = [rate for rate in rates if not rate["compound"]]
    whole = 1 + sum((_share(rate) for rate in plain), ZERO)
    taxes |= {rate["id"]: left * _share(rate) / whole for rate in plain}
    return {rate["id"]: taxes[rate["id"]] for rate in rates}


def _share(rate: Rate) -> Decimal:
    return Decimal(rate["rate"]) / _HUNDRED
