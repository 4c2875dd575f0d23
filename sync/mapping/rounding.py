"""The ERP's arithmetic of a line, and the choice of cents that makes a document equal an order.

An ERP line has one leading amount at two decimals (without tax, or with tax for a document «en TTC»); the other one is
computed from it and rounded half away from zero. A document is the sum of its lines. A shop keeps longer amounts and
rounds later, so a line of 22.483333 may become 22.48 or 22.49: :func:`balance` chooses, for all lines together, the
neighbours that give the order's total and its VAT per rate, staying as near as possible to what was recorded. What no
choice can give is left as gaps, which :func:`corrections` turns into named rounding lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import NamedTuple

from connectors.canonical.values import TaxBasis, round_half_up

CENT = Decimal("0.01")
_HUNDRED = Decimal(100)
_HALF = Decimal("0.5")
_HALF_CENT = Decimal("0.005")
_NOISE = Decimal("0.0001")
_MICRO = Decimal("0.000001")
_LARGEST_CORRECTION = 100_000
_SLACK = 6


@dataclass(frozen=True, slots=True)
class Amounts:
    """A line's amounts as the ERP keeps them, at two decimals."""

    net: Decimal
    gross: Decimal

    @property
    def tax(self) -> Decimal:
        """The VAT of the line."""
        return self.gross - self.net


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


def amounts(lead: Decimal, percent: Decimal, basis: TaxBasis) -> Amounts:
    """Both amounts of a line from its leading one (at two decimals), as the ERP computes them."""
    factor = 1 + percent / _HUNDRED
    if basis is TaxBasis.NET:
        return Amounts(lead, cents(lead * factor))
    return Amounts(cents(lead / factor), lead)


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
    """One line to be rounded: its percentage (0 when exempt) and its leading amount as recorded, unrounded."""

    percent: Decimal
    exact: Decimal


@dataclass(frozen=True, slots=True)
class Target:
    """What the document must add up to: VAT per percentage, and the total with tax."""

    tax: Mapping[Decimal, Decimal]
    gross: Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    """The chosen leading amounts, in the order of the pieces, and what they leave open (target less document)."""

    leads: tuple[Decimal, ...]
    tax_gaps: Mapping[Decimal, Decimal]
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
    """What taking the other neighbour of one piece does, in cents of net and of tax."""

    piece: int
    lead: Decimal
    net: int
    tax: int
    cost: int


class _Way(NamedTuple):
    """One set of changes: what it costs and which pieces it changes, as bits."""

    cost: int
    flips: int


@dataclass(frozen=True, slots=True)
class _Group:
    """The pieces of one percentage: VAT still missing with the nearest cents, and the changes that exist."""

    percent: Decimal
    missing: int
    changes: tuple[_Change, ...]


def balance(pieces: Sequence[Piece], target: Target, basis: TaxBasis) -> Balance:
    """Chooses one of the two neighbouring cents for every piece (the only one, when it is whole).

    Pure and deterministic. Of all choices that leave the smallest gaps, the one nearest to the recorded amounts.
    """
    nearest = [cents(piece.exact) for piece in pieces]
    groups = _groups(pieces, nearest, target, basis)
    now = [amounts(lead, piece.percent, basis) for lead, piece in zip(nearest, pieces, strict=True)]
    net_wanted = target.gross - sum(target.tax.values(), Decimal(0))
    net_missing = _in_cents(net_wanted - sum((one.net for one in now), Decimal(0)))
    leads = list(nearest)
    if net_missing or any(group.missing for group in groups):
        for change in _chosen(groups, net_missing):
            leads[change.piece] = change.lead
    return _outcome(pieces, leads, target, basis)


def _outcome(pieces: Sequence[Piece], leads: Sequence[Decimal], target: Target, basis: TaxBasis) -> Balance:
    taxes = dict(target.tax)
    gross = target.gross
    for piece, lead in zip(pieces, leads, strict=True):
        now = amounts(lead, piece.percent, basis)
        taxes[piece.percent] = taxes.get(piece.percent, Decimal(0)) - now.tax
        gross -= now.gross
    return Balance(tuple(leads), {percent: gap for percent, gap in sorted(taxes.items()) if gap}, gross)


def _in_cents(amount: Decimal) -> int:
    return int((amount * _HUNDRED).to_integral_value(rounding=ROUND_HALF_UP))


def _groups(pieces: Sequence[Piece], nearest: Sequence[Decimal], target: Target, basis: TaxBasis) -> list[_Group]:
    found = []
    for percent in sorted({piece.percent for piece in pieces} | set(target.tax)):
        missing = target.tax.get(percent, Decimal(0))
        changes = []
        for index, piece in enumerate(pieces):
            if piece.percent != percent:
                continue
            missing -= amounts(nearest[index], percent, basis).tax
            if not is_whole(piece.exact):
                changes.append(_change(index, piece, nearest[index], basis))
        found.append(_Group(percent, _in_cents(missing), tuple(changes)))
    return found


def _change(index: int, piece: Piece, nearest: Decimal, basis: TaxBasis) -> _Change:
    other = nearest - CENT if nearest > piece.exact else nearest + CENT
    before, after = amounts(nearest, piece.percent, basis), amounts(other, piece.percent, basis)
    # Largest remainder first: the cost of a change is how much further from the recorded amount it goes.
    further = abs(other - piece.exact) - abs(nearest - piece.exact)
    return _Change(
        index,
        other,
        _in_cents(after.net - before.net),
        _in_cents(after.tax - before.tax),
        1 + int(further / _MICRO),
    )


def _chosen(groups: Sequence[_Group], net_missing: int) -> list[_Change]:
    """The changes of the best combination over all groups: smallest gaps of VAT, then of net, then of cost."""
    combined: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}
    reach = abs(net_missing) + sum(abs(group.missing) for group in groups) + _SLACK
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
    """The cheapest way to every net change, among those that leave the smallest gap of VAT."""
    states: dict[tuple[int, int], _Way] = {(0, 0): _Way(0, 0)}
    for place, change in enumerate(group.changes):
        for (net, tax), way in list(states.items()):
            state = (net + change.net, tax + change.tax)
            if abs(state[0]) > reach or abs(state[1]) > reach:
                continue
            known = states.get(state)
            if known is None or way.cost + change.cost < known.cost:
                states[state] = _Way(way.cost + change.cost, way.flips | 1 << place)
    smallest = min(abs(group.missing - tax) for _, tax in states)
    ways: dict[int, _Way] = {}
    for (net, tax), way in states.items():
        if abs(group.missing - tax) == smallest and (net not in ways or way.cost < ways[net].cost):
            ways[net] = way
    return ways


@dataclass(frozen=True, slots=True)
class Correction:
    """A rounding line. ``percent`` is ``None`` for the exempt one."""

    percent: Decimal | None
    lead: Decimal


def corrections(gaps: Balance, basis: TaxBasis) -> tuple[Correction, ...] | None:
    """Rounding lines that close the gaps: one per percentage for its VAT, then an exempt one for the total.

    ``None`` when no line can (VAT asked for at 0 %).
    """
    lines = []
    rest = gaps.gross_gap
    for percent, gap in gaps.tax_gaps.items():
        lead = _lead_with_tax(gap, percent, basis)
        if lead is None:
            return None
        lines.append(Correction(percent, lead))
        rest -= amounts(lead, percent, basis).gross
    if rest:
        lines.append(Correction(None, rest))
    return tuple(lines)


def _lead_with_tax(tax: Decimal, percent: Decimal, basis: TaxBasis) -> Decimal | None:
    """The smallest amount whose VAT is ``tax`` without lying on a half cent, which ERPs round either way."""
    if percent <= 0:
        return None
    sign = Decimal(1).copy_sign(tax)
    for count in range(1, _LARGEST_CORRECTION):
        lead = CENT * count
        found = amounts(lead, percent, basis).tax
        if found > abs(tax):
            return None
        if found == abs(tax) and not _on_half_cent(lead, percent, basis):
            return sign * lead
    return None


def _on_half_cent(lead: Decimal, percent: Decimal, basis: TaxBasis) -> bool:
    factor = 1 + percent / _HUNDRED
    other = lead * factor if basis is TaxBasis.NET else lead / factor
    return abs(other * _HUNDRED) % 1 == _HALF
