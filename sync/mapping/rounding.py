"""The ERP's arithmetic of a line, and the choice of cents that makes a document equal an order.

An ERP line has one leading amount at two decimals (without tax, or with tax for a document «en TTC»); its taxes, up to
three, and the other amount are computed from it (``connectors.canonical.levies``). A document is the sum of its lines.
A shop keeps longer amounts and rounds later, so a line of 22.483333 may become 22.48 or 22.49: :func:`balance` chooses,
for all lines together, the neighbours that give the order's total and its VAT per tax, staying as near as possible to
what was recorded. Lines whose taxes overlap (one tax on all of them, a second one on some) are chosen together. What no
choice can give is left as gaps, which :func:`corrections` turns into named rounding lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from operator import add, sub
from typing import NamedTuple

from connectors.canonical.levies import split
from connectors.canonical.sales import DocumentTax
from connectors.canonical.values import TaxBasis, round_half_up

CENT = Decimal("0.01")
_HUNDRED = Decimal(100)
_HALF = Decimal("0.5")
_HALF_CENT = Decimal("0.005")
_NOISE = Decimal("0.0001")
_MICRO = Decimal("0.000001")
_LARGEST_CORRECTION = 100_000
_SLACK = 6


def cents(value: Decimal) -> Decimal:
    """``value`` at two decimals, half away from zero."""
    return round_half_up(value, 2)


def is_whole(value: Decimal) -> bool:
    """Whether ``value`` needs no more than two decimals."""
    return value == cents(value)


def without_noise(value: Decimal) -> Decimal:
    """``value`` at six decimals, or at two when it only differs from them by what a shop's own rounding loses."""
    near = cents(value)
    return near if abs(value - near) < _NOISE else round_half_up(value, 6)


@dataclass(frozen=True, slots=True)
class Pricing:
    """How a line arrives at its leading amount. ``discount`` is for the whole line and never negative."""

    unit_price: Decimal
    discount: Decimal


def price_line(quantity: Decimal, lead: Decimal, full_price: Decimal, decimals: int) -> Pricing:
    """Unit price at ``decimals`` places and discount such that the ERP computes exactly ``lead``.

    ``full_price`` is the unit price wished for (before discount, or ``lead / quantity`` for a net price); it is
    raised where quantity by price would stay under ``lead``. A price that does not divide evenly leaves a discount of
    a few cents rather than a wrong total. Quantity by price less discount never lies on a half cent: an ERP that
    computes in binary fractions takes 87.565 - 79.45 for a little less than 8.115. Raises ``ValueError`` for a quantity
    of zero.
    """
    if not quantity:
        raise ValueError("a line without quantity has no price")
    for wished in (full_price, lead / quantity):
        for places in (decimals, 2, 4, 6):
            found = _priced(quantity, lead, wished, places)
            if abs(quantity * found.unit_price - found.discount - lead) < _HALF_CENT:
                return found
    raise ValueError(f"no price gives {lead} for {quantity}")


def _priced(quantity: Decimal, lead: Decimal, wished: Decimal, places: int) -> Pricing:
    unit = round_half_up(wished, places)
    if cents(quantity * unit) < lead:
        # A lower price would ask for a negative discount, which an ERP prints as a supplement.
        away = ROUND_CEILING if quantity > 0 else ROUND_FLOOR
        unit = (lead / quantity).quantize(Decimal(1).scaleb(-places), rounding=away)
    return Pricing(unit, cents(quantity * unit) - lead)


@dataclass(frozen=True, slots=True)
class Piece:
    """One line to be rounded: its taxes (none when exempt) and its leading amount as recorded, unrounded."""

    taxes: tuple[DocumentTax, ...]
    exact: Decimal


@dataclass(frozen=True, slots=True)
class Target:
    """What the document must add up to: VAT per tax, and the total with tax."""

    tax: Mapping[DocumentTax, Decimal]
    gross: Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    """The chosen leading amounts, in the order of the pieces, and what they leave open (target less document)."""

    leads: tuple[Decimal, ...]
    tax_gaps: Mapping[DocumentTax, Decimal]
    gross_gap: Decimal

    @property
    def net_gap(self) -> Decimal:
        """What is missing without tax."""
        return self.gross_gap - sum(self.tax_gaps.values(), Decimal(0))

    @property
    def is_exact(self) -> bool:
        """Whether the document equals the order without any correction."""
        return not self.gross_gap and not self.tax_gaps


class _Change(NamedTuple):
    """What taking the other neighbour of one piece does, in cents: of net, then of every tax of its group."""

    piece: int
    lead: Decimal
    step: tuple[int, ...]
    cost: int


class _Way(NamedTuple):
    """One set of changes: what it costs and which pieces it changes, as bits."""

    cost: int
    flips: int


@dataclass(frozen=True, slots=True)
class _Group:
    """Pieces whose taxes overlap: VAT per tax still missing with the nearest cents, and the changes that exist."""

    missing: tuple[int, ...]
    changes: tuple[_Change, ...]


def balance(pieces: Sequence[Piece], target: Target, basis: TaxBasis) -> Balance:
    """Chooses one of the two neighbouring cents for every piece (the only one, when it is whole).

    Pure and deterministic. Of all choices that leave the smallest gaps, the one nearest to the recorded amounts.
    """
    nearest = [cents(piece.exact) for piece in pieces]
    groups = _groups(pieces, nearest, target, basis)
    now = [split(lead, piece.taxes, basis) for lead, piece in zip(nearest, pieces, strict=True)]
    net_wanted = target.gross - sum(target.tax.values(), Decimal(0))
    net_missing = _in_cents(net_wanted - sum((one.net for one in now), Decimal(0)))
    leads = list(nearest)
    if net_missing or any(any(group.missing) for group in groups):
        for change in _chosen(groups, net_missing):
            leads[change.piece] = change.lead
    return _outcome(pieces, leads, target, basis)


def _outcome(pieces: Sequence[Piece], leads: Sequence[Decimal], target: Target, basis: TaxBasis) -> Balance:
    gaps = dict(target.tax)
    gross = target.gross
    for piece, lead in zip(pieces, leads, strict=True):
        now = split(lead, piece.taxes, basis)
        for tax, amount in zip(piece.taxes, now.taxes, strict=True):
            gaps[tax] = gaps.get(tax, Decimal(0)) - amount
        gross -= now.gross
    return Balance(tuple(leads), {tax: gaps[tax] for tax in in_order(gaps) if gaps[tax]}, gross)


def in_order(taxes: Iterable[DocumentTax]) -> list[DocumentTax]:
    """Taxes by percentage, then by code: the order in which they are treated and told."""
    return sorted(taxes, key=lambda tax: (tax.percent, tax.code))


def _in_cents(amount: Decimal) -> int:
    return int((amount * _HUNDRED).to_integral_value(rounding=ROUND_HALF_UP))


def _groups(pieces: Sequence[Piece], nearest: Sequence[Decimal], target: Target, basis: TaxBasis) -> list[_Group]:
    found = []
    for taxes in _overlapping(pieces, target):
        missing = [target.tax.get(tax, Decimal(0)) for tax in taxes]
        changes = []
        for index, piece in enumerate(pieces):
            if not (set(_levied(piece)) & set(taxes) if taxes else not _levied(piece)):
                continue
            held = _by_tax(piece, nearest[index], taxes, basis)
            missing = [left - one for left, one in zip(missing, held[1:], strict=True)]
            if not is_whole(piece.exact):
                changes.append(_change(index, piece, nearest[index], taxes, basis))
        found.append(_Group(tuple(_in_cents(left) for left in missing), tuple(changes)))
    return found


def _overlapping(pieces: Sequence[Piece], target: Target) -> list[tuple[DocumentTax, ...]]:
    """The taxes in sets that no line connects; the first one, empty, stands for the lines without any."""
    sets: list[set[DocumentTax]] = []
    for levied in dict.fromkeys([*(_levied(piece) for piece in pieces), *((tax,) for tax in target.tax)]):
        if not levied:
            continue
        touched = [one for one in sets if one & set(levied)]
        sets = [one for one in sets if one not in touched]
        sets.append(set(levied).union(*touched))
    return [(), *sorted((tuple(in_order(one)) for one in sets), key=lambda one: (one[0].percent, one[0].code))]


def _levied(piece: Piece) -> tuple[DocumentTax, ...]:
    return tuple(tax for tax in piece.taxes if tax.percent)


def _by_tax(piece: Piece, lead: Decimal, taxes: Sequence[DocumentTax], basis: TaxBasis) -> list[Decimal]:
    """The net amount, then the amount at each of these taxes."""
    now = split(lead, piece.taxes, basis)
    held = dict(zip(piece.taxes, now.taxes, strict=True))
    return [now.net, *(held.get(tax, Decimal(0)) for tax in taxes)]


def _change(index: int, piece: Piece, nearest: Decimal, taxes: Sequence[DocumentTax], basis: TaxBasis) -> _Change:
    other = nearest - CENT if nearest > piece.exact else nearest + CENT
    before, after = _by_tax(piece, nearest, taxes, basis), _by_tax(piece, other, taxes, basis)
    # Largest remainder first: the cost of a change is how much further from the recorded amount it goes.
    further = abs(other - piece.exact) - abs(nearest - piece.exact)
    step = tuple(_in_cents(new - old) for old, new in zip(before, after, strict=True))
    return _Change(index, other, step, 1 + int(further / _MICRO))


def _chosen(groups: Sequence[_Group], net_missing: int) -> list[_Change]:
    """The changes of the best combination over all groups: smallest gaps of VAT, then of net, then of cost."""
    combined: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}
    reach = abs(net_missing) + sum(abs(left) for group in groups for left in group.missing) + _SLACK
    for group in groups:
        ways = _best_ways(group, reach)
        following: dict[int, tuple[int, tuple[int, ...]]] = {}
        for net, (cost, flips) in combined.items():
            for step, way in ways.items():
                known = following.get(net + step)
                if known is None or cost + way.cost < known[0]:
                    following[net + step] = (cost + way.cost, (*flips, way.flips))
        combined = following
    best = min(combined, key=lambda net: (abs(net_missing - net), combined[net][0], net))
    return [
        change
        for group, flips in zip(groups, combined[best][1], strict=True)
        for place, change in enumerate(group.changes)
        if flips >> place & 1
    ]


def _best_ways(group: _Group, reach: int) -> dict[int, _Way]:
    """The cheapest way to every net change, among those that leave the smallest gaps of VAT."""
    states: dict[tuple[int, ...], _Way] = {(0,) * (1 + len(group.missing)): _Way(0, 0)}
    for place, change in enumerate(group.changes):
        for held, way in list(states.items()):
            state = tuple(map(add, held, change.step))
            if any(abs(one) > reach for one in state):
                continue
            known = states.get(state)
            if known is None or way.cost + change.cost < known.cost:
                states[state] = _Way(way.cost + change.cost, way.flips | 1 << place)
    gaps = {state: sum(map(abs, map(sub, group.missing, state[1:]))) for state in states}
    smallest = min(gaps.values())
    ways: dict[int, _Way] = {}
    for state, way in states.items():
        if gaps[state] == smallest and (state[0] not in ways or way.cost < ways[state[0]].cost):
            ways[state[0]] = way
    return ways


@dataclass(frozen=True, slots=True)
class Correction:
    """A rounding line. ``tax`` is ``None`` for the exempt one."""

    tax: DocumentTax | None
    lead: Decimal


def corrections(gaps: Balance, basis: TaxBasis) -> tuple[Correction, ...] | None:
    """Rounding lines that close the gaps: one per tax for its VAT, then an exempt one for the total.

    ``None`` when no line can (VAT asked for at 0 %).
    """
    lines = []
    rest = gaps.gross_gap
    for tax, gap in gaps.tax_gaps.items():
        lead = _lead_with_tax(gap, tax, basis)
        if lead is None:
            return None
        lines.append(Correction(tax, lead))
        rest -= split(lead, (tax,), basis).gross
    if rest:
        lines.append(Correction(None, rest))
    return tuple(lines)


def _lead_with_tax(amount: Decimal, tax: DocumentTax, basis: TaxBasis) -> Decimal | None:
    """The smallest amount whose VAT is ``amount`` without lying on a half cent, which ERPs round either way."""
    if tax.percent <= 0:
        return None
    sign = Decimal(1).copy_sign(amount)
    for count in range(1, _LARGEST_CORRECTION):
        lead = CENT * count
        found = split(lead, (tax,), basis).tax
        if found > abs(amount):
            return None
        if found == abs(amount) and not _on_half_cent(lead, tax.percent, basis):
            return sign * lead
    return None


def _on_half_cent(lead: Decimal, percent: Decimal, basis: TaxBasis) -> bool:
    factor = 1 + percent / _HUNDRED
    other = lead * factor if basis is TaxBasis.NET else lead / factor
    return abs(other * _HUNDRED) % 1 == _HALF
