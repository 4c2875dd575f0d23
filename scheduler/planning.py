"""When a schedule triggers: pure arithmetic on the clock of the tenant's wall, right across clock changes.

Times are named on the wall clock and become instants (aware UTC) one by one:

* a time that does not exist, because the clock jumps over it, moves to the first instant after the jump;
* a time that exists twice, because the clock is put back, is taken once, the first time;
* repetitions of up to one hour count real minutes from the opening of their window, so they neither pause during the
  repeated hour nor bunch up after the skipped one; longer ones are times of the wall clock again (every six hours from
  midnight means 0, 6, 12 and 18 o'clock on every day of the year);
* a window ends when the wall clock shows its opening time plus its length; that instant itself is outside.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

LAST = -1
"""Among days of the month and weeks of the month: the last one."""

ALL_WEEKDAYS = frozenset(range(1, 8))
ALL_MONTHS = frozenset(range(1, 13))
REAL_TIME_UP_TO = timedelta(hours=1)
LONGEST_WINDOW = timedelta(days=1)

_DAY = timedelta(days=1)
_BARREN_YEARS = 9
"""29 February can be eight years away; a rule without any day for longer has none at all."""

_LAST_YEAR = 9990


class Every(StrEnum):
    """What the days of a schedule are counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class MonthBy(StrEnum):
    """How days of a month are chosen: by number, or by weekday and week."""

    DAYS = "days"
    WEEKDAYS = "weekdays"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """A rule: on which days a window opens, and how often it triggers inside.

    ``start`` is naive, on the wall clock: no window opens before that date, each opens at that time of the day.
    ``interval`` counts days or weeks (weeks begin on Monday). ``weekdays`` are ISO numbers (Monday is 1), used by weeks
    and by months chosen by weekday. ``month_days`` and ``month_weeks`` may hold :data:`LAST`; a day that a month does
    not have is left out in that month. Without ``repeat`` a window triggers once; with it, every ``repeat`` for
    ``repeat_for`` (at most a day). ``until`` is the last day with triggers.
    """

    start: datetime
    every: Every = Every.DAY
    interval: int = 1
    weekdays: frozenset[int] = ALL_WEEKDAYS
    months: frozenset[int] = ALL_MONTHS
    month_by: MonthBy = MonthBy.DAYS
    month_days: frozenset[int] = frozenset({1})
    month_weeks: frozenset[int] = frozenset({1})
    repeat: timedelta | None = None
    repeat_for: timedelta | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if self.start.tzinfo is not None:
            raise ValueError("The start of a recurrence is a time of the wall clock, without zone.")
        if self.interval < 1:
            raise ValueError("A recurrence needs an interval of at least 1.")
        if self.repeat is None:
            return
        if self.repeat_for is None or not timedelta(0) < self.repeat < self.repeat_for <= LONGEST_WINDOW:
            raise ValueError("A repetition must be shorter than its window, and the window not longer than a day.")


def next_times(rule: Recurrence, after: datetime, zone: tzinfo, count: int) -> list[datetime]:
    """The next ``count`` triggers strictly after an instant, as aware UTC, growing, none twice; fewer when it ends.

    Raises ``ValueError`` for a naive ``after``.
    """
    found: list[datetime] = []
    if count < 1:
        return found
    for moment in triggers(rule, after, zone):
        found.append(moment)
        if len(found) == count:
            break
    return found


def next_time(rule: Recurrence, after: datetime, zone: tzinfo) -> datetime | None:
    """The next trigger strictly after an instant; ``None`` when the rule has ended."""
    return next(triggers(rule, after, zone), None)


def count_between(rule: Recurrence, after: datetime, upto: datetime, zone: tzinfo, *, limit: int) -> int:
    """How many triggers lie after one instant and up to another; counting stops at ``limit``."""
    count = 0
    for moment in triggers(rule, after, zone):
        if moment > upto or count >= limit:
            break
        count += 1
    return count


def triggers(rule: Recurrence, after: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Every trigger strictly after an instant, lazily and in order; see :func:`next_times`."""
    if after.tzinfo is None:
        raise ValueError("An instant needs a zone.")
    stop = None if rule.until is None else instant(datetime.combine(rule.until + _DAY, datetime.min.time()), zone)
    latest = after.astimezone(UTC)
    # Two days back: a window that opened yesterday may still be open, in any zone.
    first = after.astimezone(zone).date() - 2 * _DAY
    for day in _days(rule, first):
        for moment in _window(rule, day, zone):
            if stop is not None and moment >= stop:
                return
            if moment > latest:
                latest = moment
                yield moment


def instant(wall: datetime, zone: tzinfo) -> datetime:
    """The instant at which the wall clock of a zone shows a naive time; see the module for clock changes."""
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return found
    return _end_of_jump(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), found, zone)


def _end_of_jump(before: datetime, behind: datetime, zone: tzinfo) -> datetime:
    """The first instant with the offset of ``behind``, found to the second between two instants around a jump."""
    offset = behind.astimezone(zone).utcoffset()
    low, high = 0, int((behind - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return before + timedelta(seconds=high)


def _window(rule: Recurrence, day: date, zone: tzinfo) -> Iterator[datetime]:
    opening = datetime.combine(day, rule.start.time())
    if rule.repeat is None or rule.repeat_for is None:
        yield instant(opening, zone)
        return
    closing = opening + rule.repeat_for
    if rule.repeat > REAL_TIME_UP_TO:
        wall = opening
        while wall < closing:
            yield instant(wall, zone)
            wall += rule.repeat
        return
    moment, end = instant(opening, zone), instant(closing, zone)
    while moment < end:
        yield moment
        moment += rule.repeat


def _days(rule: Recurrence, first: date) -> Iterator[date]:
    begin = max(first, rule.start.date())
    source = {Every.DAY: _every_days, Every.WEEK: _every_weeks, Every.MONTH: _every_months}[rule.every]
    for day in source(rule, begin):
        if day.year > _LAST_YEAR or (rule.until is not None and day > rule.until):
            return
        if day >= begin:
            yield day


def _every_days(rule: Recurrence, begin: date) -> Iterator[date]:
    start = rule.start.date()
    passed = (begin - start).days
    day = start + timedelta(days=-(-passed // rule.interval) * rule.interval)
    while True:
        yield day
        day += timedelta(days=rule.interval)


def _every_weeks(rule: Recurrence, begin: date) -> Iterator[date]:
    start = rule.start.date()
    first_monday = start - timedelta(days=start.weekday())
    weeks = (begin - first_monday).days // 7
    monday = first_monday + timedelta(weeks=weeks // rule.interval * rule.interval)
    chosen = sorted(rule.weekdays)
    while chosen:
        for weekday in chosen:
            yield monday + timedelta(days=weekday - 1)
        monday += timedelta(weeks=rule.interval)


def _every_months(rule: Recurrence, begin: date) -> Iterator[date]:
    index, barren = begin.year * 12 + begin.month - 1, 0
    while barren < 12 * _BARREN_YEARS:
        year, month = divmod(index, 12)
        days = _days_of_month(rule, year, month + 1) if month + 1 in rule.months else []
        yield from days
        barren = 0 if days else barren + 1
        index += 1


def _days_of_month(rule: Recurrence, year: int, month: int) -> list[date]:
    length = calendar.monthrange(year, month)[1]
    if rule.month_by is MonthBy.DAYS:
        numbers = {length if day == LAST else day for day in rule.month_days}
        return [date(year, month, day) for day in sorted(numbers) if day <= length]
    found = set()
    for weekday in rule.weekdays:
        same = [day for day in range(1, length + 1) if date(year, month, day).isoweekday() == weekday]
        for week in rule.month_weeks:
            found.add(same[-1] if week == LAST else same[week - 1])
    return [date(year, month, day) for day in sorted(found)]
