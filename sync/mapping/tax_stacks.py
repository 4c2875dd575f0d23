"""What a line bears several rates of a shop for: all of them on its whole amount, or each set on a part of it.

Amounts are those the shop recorded. The rates of a shop add up, each on the amount without tax; a compound one counts
on that amount with every tax before it. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.canonical.values import round_half_up
from sync.mapping.rounding import CENT

_HUNDRED = Decimal(100)
_ZERO = Decimal(0)
_HALF = Decimal("0.51")
_MICRO = Decimal("0.000001")
_LONG = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Levy:
    """A rate of the shop on a line, with its percentage."""

    rate: str
    percent: Decimal
    compound: bool = False


Stack = tuple[Levy, ...]
"""Rates that count on one amount."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A part of a line: its rates, what they were computed on, and the tax at each."""

    stack: Stack
    base: Decimal
    amounts: tuple[Decimal, ...]


def shop_parts(stack: Sequence[Levy]) -> tuple[Decimal, ...]:
    """What each rate comes to for an amount of 1 without tax."""
    reached = sum((levy.percent for levy in stack if not levy.compound), _ZERO) / _HUNDRED
    found = []
    for levy in stack:
        part = levy.percent / _HUNDRED * (1 + reached if levy.compound else 1)
        reached += part if levy.compound else 0
        found.append(part)
    return tuple(found)


def blur(value: Decimal, places: int) -> Decimal:
    """How far an amount shown at ``places`` may be from the one it was rounded from."""
    return _HALF.scaleb(-places) if value == round_half_up(value, places) else _MICRO


def fits(net: Decimal, amounts: Sequence[Decimal], stack: Sequence[Levy], places: int) -> bool:
    """Whether every tax is the one of the whole amount, to the rounding of both."""
    return all(
        abs(amount - net * part) <= max(blur(amount, places), _LONG) + part * blur(net, places)
        for amount, part in zip(amounts, shop_parts(stack), strict=True)
    )


def spread(
    net: Decimal, amounts: Mapping[Levy, Decimal], known: Sequence[Stack], places: int
) -> tuple[list[Spread], Decimal] | None:
    """The parts that explain these taxes, and by how much their sum may be off.

    ``known``: sets of rates that other lines bear. ``None`` when every explanation is larger than the line.
    """
    slack = max(CENT, blur(net, places)) + sum(
        (blur(tax, places) * _HUNDRED / levy.percent for levy, tax in amounts.items()), _ZERO
    )
    for stacks in _tries(tuple(amounts), known):
        found = _peeled(amounts, stacks, places)
        if abs(sum((part.base for part in found), _ZERO)) <= abs(net) + slack:
            return found, slack
    return None


def _tries(levies: Stack, known: Sequence[Stack]) -> Iterator[list[Stack]]:
    singles = [(levy,) for levy in levies]
    larger = sorted((stack for stack in dict.fromkeys(known) if set(stack) <= set(levies)), key=len, reverse=True)
    yield [*larger, *singles]
    yield [levies, *larger, *singles]


def _peeled(amounts: Mapping[Levy, Decimal], stacks: Sequence[Stack], places: int) -> list[Spread]:
    """Takes the largest part off that each set of rates explains, one set after the other."""
    left = {levy: amount for levy, amount in amounts.items() if amount}
    found = []
    for stack in stacks:
        if not stack or not all(levy in left for levy in stack):
            continue
        taken = _largest(left, stack, places)
        found.append(taken)
        for levy, amount in zip(stack, taken.amounts, strict=True):
            left[levy] -= amount
        left = {levy: amount for levy, amount in left.items() if amount}
    return found


def _largest(left: Mapping[Levy, Decimal], stack: Stack, places: int) -> Spread:
    parts = shop_parts(stack)
    bases = [left[levy] / part for levy, part in zip(stack, parts, strict=True)]
    lowest = min(range(len(stack)), key=lambda place: abs(bases[place]))
    base, unsure = bases[lowest], blur(left[stack[lowest]], places) / parts[lowest]
    amounts = []
    for levy, part in zip(stack, parts, strict=True):
        whole = left[levy]
        rest = whole - base * part
        amounts.append(whole if abs(rest) <= blur(whole, places) + unsure * part else base * part)
    if all(amount == left[levy] for levy, amount in zip(stack, amounts, strict=True)):
        base = sum(amounts, _ZERO) / sum(parts, _ZERO)
    return Spread(stack, base, tuple(amounts))
