"""When schedules trigger: rules, ends, and clock changes in Europe/Paris, UTC-10 and UTC+13."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.planning import LAST, Every, MonthBy, Recurrence, count_between, instant, next_time, next_times

PARIS = ZoneInfo("Europe/Paris")
HAWAII = ZoneInfo("Pacific/Honolulu")  # UTC-10 all year
TONGA = ZoneInfo("Pacific/Tongatapu")  # UTC+13 all year
AUCKLAND = ZoneInfo("Pacific/Auckland")  # UTC+12, +13 in its summer
ZONES = [PARIS, HAWAII, TONGA, AUCKLAND]
FIVE, HOUR, DAY = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def shown(rule: Recurrence, after: str, count: int, zone: ZoneInfo = PARIS) -> list[str]:
    """Triggers after a wall-clock time, on the wall clock."""
    times = next_times(rule, instant(wall(after), zone), zone, count)
    return [moment.astimezone(zone).strftime("%a %d/%m/%Y %H:%M") for moment in times]


@pytest.mark.covers("SCH-01")
def test_every_n_days_counts_from_the_start() -> None:
    rule = Recurrence(start=wall("2026-01-30T08:15"), interval=3)
    assert shown(rule, "2020-01-01T00:00", 2) == ["Fri 30/01/2026 08:15", "Mon 02/02/2026 08:15"]
    assert shown(rule, "2026-02-02T08:15", 1) == ["Thu 05/02/2026 08:15"], "strictly after"


@pytest.mark.covers("SCH-01")
def test_every_n_weeks_on_chosen_weekdays() -> None:
    rule = Recurrence(start=wall("2026-01-07T20:00"), every=Every.WEEK, interval=2, weekdays=frozenset({1, 3, 7}))
    assert shown(rule, "2026-01-01T00:00", 5) == [
        "Wed 07/01/2026 20:00",
        "Sun 11/01/2026 20:00",
        "Mon 19/01/2026 20:00",
        "Wed 21/01/2026 20:00",
        "Sun 25/01/2026 20:00",
    ]


@pytest.mark.covers("SCH-01")
def test_days_of_the_month_with_the_last_and_without_days_a_month_lacks() -> None:
    days = frozenset({1, 30, LAST})
    rule = Recurrence(start=wall("2027-01-15T06:00"), every=Every.MONTH, months=frozenset({1, 2, 4}), month_days=days)
    assert shown(rule, "2027-01-01T00:00", 7) == [
        "Sat 30/01/2027 06:00",
        "Sun 31/01/2027 06:00",
        "Mon 01/02/2027 06:00",
        "Sun 28/02/2027 06:00",
        "Thu 01/04/2027 06:00",
        "Fri 30/04/2027 06:00",
        "Sat 01/01/2028 06:00",
    ]


@pytest.mark.covers("SCH-01")
def test_nth_and_last_weekday_of_the_month() -> None:
    rule = Recurrence(
        start=wall("2026-01-01T12:00"),
        every=Every.MONTH,
        month_by=MonthBy.WEEKDAYS,
        weekdays=frozenset({5}),
        month_weeks=frozenset({2, LAST}),
    )
    assert shown(rule, "2026-01-01T00:00", 4) == [
        "Fri 09/01/2026 12:00",
        "Fri 30/01/2026 12:00",
        "Fri 13/02/2026 12:00",
        "Fri 27/02/2026 12:00",
    ]


def test_the_29th_of_february_is_found_however_far_and_the_31st_never() -> None:
    leap = Recurrence(
        start=wall("2097-01-01T00:00"), every=Every.MONTH, months=frozenset({2}), month_days=frozenset({29})
    )
    assert shown(leap, "2097-01-01T00:00", 2) == ["Fri 29/02/2104 00:00", "Wed 29/02/2108 00:00"]
    never = Recurrence(
        start=wall("2026-01-01T00:00"), every=Every.MONTH, months=frozenset({2}), month_days=frozenset({31})
    )
    assert next_time(never, datetime(2026, 1, 1, tzinfo=UTC), PARIS) is None


@pytest.mark.covers("SCH-01")
def test_repetition_inside_a_window_of_the_day() -> None:
    rule = Recurrence(start=wall("2026-03-02T08:00"), repeat=FIVE, repeat_for=12 * HOUR)
    times = shown(rule, "2026-03-02T00:00", 145)
    assert times[0] == "Mon 02/03/2026 08:00"
    assert times[143] == "Mon 02/03/2026 19:55", "the end of the window is outside"
    assert times[144] == "Tue 03/03/2026 08:00"


def test_a_window_over_midnight_is_still_open_on_the_next_day() -> None:
    rule = Recurrence(
        start=wall("2026-03-02T22:00"), every=Every.WEEK, weekdays=frozenset({1}), repeat=2 * HOUR, repeat_for=DAY
    )
    assert shown(rule, "2026-03-03T17:00", 3) == [
        "Tue 03/03/2026 18:00",
        "Tue 03/03/2026 20:00",
        "Mon 09/03/2026 22:00",
    ]


@pytest.mark.covers("SCH-01")
def test_the_last_day_is_included_and_nothing_follows_it() -> None:
    rule = Recurrence(start=wall("2026-03-02T20:00"), repeat=3 * HOUR, repeat_for=12 * HOUR, until=date(2026, 3, 3))
    assert shown(rule, "2026-03-03T00:30", 9) == ["Tue 03/03/2026 02:00", "Tue 03/03/2026 05:00",
                                                  "Tue 03/03/2026 20:00", "Tue 03/03/2026 23:00"]  # fmt: skip


@pytest.mark.covers("SCH-02")
def test_p06_a_time_that_the_clock_jumps_over_moves_to_the_end_of_the_jump() -> None:
    rule = Recurrence(start=wall("2026-03-28T02:30"))
    assert shown(rule, "2026-03-28T00:00", 3) == [
        "Sat 28/03/2026 02:30",
        "Sun 29/03/2026 03:00",
        "Mon 30/03/2026 02:30",
    ]


@pytest.mark.covers("SCH-02")
def test_p06_a_time_that_exists_twice_triggers_once() -> None:
    rule = Recurrence(start=wall("2026-10-24T02:30"))
    times = next_times(rule, instant(wall("2026-10-24T00:00"), PARIS), PARIS, 3)
    assert times == [
        datetime(2026, 10, 24, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]


@pytest.mark.covers("SCH-02")
@pytest.mark.parametrize(("day", "count"), [("2026-03-29", 276), ("2026-10-25", 300), ("2026-06-01", 288)])
def test_p06_short_repetitions_neither_pause_nor_bunch_up(day: str, count: int) -> None:
    rule = Recurrence(start=wall("2026-01-01T00:00"), repeat=FIVE, repeat_for=DAY)
    begin = instant(wall(f"{day}T00:00"), PARIS) - timedelta(seconds=1)
    end = instant(wall(f"{day}T00:00") + DAY, PARIS) - timedelta(seconds=1)
    assert count_between(rule, begin, end, PARIS, limit=1000) == count
    times = next_times(rule, begin, PARIS, count)
    assert {after - before for before, after in itertools.pairwise(times)} == {FIVE}


@pytest.mark.covers("SCH-02")
@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_p06_long_repetitions_keep_their_times_of_the_day(day: str) -> None:
    rule = Recurrence(start=wall("2026-01-01T00:00"), repeat=6 * HOUR, repeat_for=DAY)
    times = next_times(rule, instant(wall(f"{day}T00:00"), PARIS) - timedelta(seconds=1), PARIS, 5)
    assert [moment.astimezone(PARIS).hour for moment in times] == [0, 6, 12, 18, 0]


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="without zone"):
        Recurrence(start=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="interval"):
        Recurrence(start=wall("2026-01-01"), interval=0)
    with pytest.raises(ValueError, match="shorter"):
        Recurrence(start=wall("2026-01-01"), repeat=HOUR, repeat_for=HOUR)
    with pytest.raises(ValueError, match="zone"):
        next_times(Recurrence(start=wall("2026-01-01")), wall("2026-01-01"), PARIS, 1)


# --- Properties --------------------------------------------------------------------------------------------------

_WINDOWS = [(None, None)] + [
    (timedelta(minutes=step), timedelta(minutes=length))
    for step in (5, 10, 15, 30, 60, 120, 180, 360, 720)
    for length in (15, 30, 60, 720, 1440)
    if step < length
]


@st.composite
def rules(draw: Any) -> Recurrence:
    repeat, repeat_for = draw(st.sampled_from(_WINDOWS))
    start = draw(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001  # wall clock
    some = lambda values: st.frozensets(st.sampled_from(values), min_size=1)  # noqa: E731
    return Recurrence(
        start=start.replace(second=0, microsecond=0),
        every=draw(st.sampled_from(list(Every))),
        interval=draw(st.integers(1, 40)),
        weekdays=draw(some(range(1, 8))),
        months=draw(some(range(1, 13))),
        month_by=draw(st.sampled_from(list(MonthBy))),
        month_days=draw(some([*range(1, 29), LAST])),
        month_weeks=draw(some([1, 2, 3, 4, LAST])),
        repeat=repeat,
        repeat_for=repeat_for,
    )


_INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.covers("SCH-01", "SCH-02")
@settings(max_examples=150, deadline=None)
@given(rule=rules(), after=_INSTANTS, zone=st.sampled_from(ZONES))
def test_p06_triggers_grow_and_depend_on_nothing_but_the_rule(
    rule: Recurrence, after: datetime, zone: ZoneInfo
) -> None:
    times = next_times(rule, after, zone, 12)
    assert times == sorted(set(times))
    assert all(moment > after and moment.tzinfo is UTC for moment in times)
    assert len(times) == 12, "these rules never end"
    for index in (0, 5):
        assert next_times(rule, times[index], zone, 6) == times[index + 1 : index + 7], "asked later, answered alike"
    assert next_time(rule, times[3] - timedelta(seconds=1), zone) == times[3]


@pytest.mark.covers("SCH-01")
@settings(max_examples=150, deadline=None)
@given(rule=rules(), after=_INSTANTS, zone=st.sampled_from(ZONES))
def test_every_trigger_lies_in_a_window_that_opens_on_a_day_of_the_rule(
    rule: Recurrence, after: datetime, zone: ZoneInfo
) -> None:
    for moment in next_times(rule, after, zone, 8):
        local = moment.astimezone(zone).replace(tzinfo=None)
        # A time that the clock jumped over is shown up to an hour later than the rule says.
        length = (rule.repeat_for or timedelta(0)) + HOUR
        openings = [datetime.combine(local.date() - timedelta(days=back), rule.start.time()) for back in range(3)]
        inside = [opening for opening in openings if opening <= local <= opening + length]
        assert any(_fits(rule, opening.date()) for opening in inside), (local, rule)
        assert local >= rule.start


def _fits(rule: Recurrence, day: date) -> bool:
    """The rule in other words than the code's."""
    start = rule.start.date()
    if rule.every is Every.DAY:
        return (day - start).days % rule.interval == 0
    if rule.every is Every.WEEK:
        monday = day - timedelta(days=day.weekday())
        first = start - timedelta(days=start.weekday())
        return day.isoweekday() in rule.weekdays and (monday - first).days // 7 % rule.interval == 0
    last = (day + timedelta(days=1)).month != day.month
    if day.month not in rule.months:
        return False
    if rule.month_by is MonthBy.DAYS:
        return day.day in rule.month_days or (last and LAST in rule.month_days)
    in_last_week = (day + timedelta(days=7)).month != day.month
    week = (day.day - 1) // 7 + 1
    return day.isoweekday() in rule.weekdays and (
        week in rule.month_weeks or (in_last_week and LAST in rule.month_weeks)
    )


@pytest.mark.covers("SCH-02")
@settings(max_examples=150, deadline=None)
@given(when=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), zone=st.sampled_from(ZONES))  # noqa: DTZ001
def test_p06_an_instant_shows_its_wall_time_or_the_end_of_the_jump(when: datetime, zone: ZoneInfo) -> None:
    when = when.replace(microsecond=0)
    moment = instant(when, zone)
    local = moment.astimezone(zone).replace(tzinfo=None)
    if local == when:
        earlier = (moment - HOUR).astimezone(zone).replace(tzinfo=None)
        assert earlier != when, "of two, the first"
        return
    assert timedelta(0) < local - when <= HOUR
    second_before = (moment - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    assert second_before < when, "nothing between the jump and the trigger"


@pytest.mark.covers("SCH-02")
@pytest.mark.parametrize("zone", [HAWAII, TONGA])
def test_p06_zones_far_from_utc_keep_the_day_of_the_wall_clock(zone: ZoneInfo) -> None:
    rule = Recurrence(start=wall("2026-01-05T23:30"), every=Every.WEEK, weekdays=frozenset({1}))
    assert shown(rule, "2026-01-01T00:00", 2, zone) == ["Mon 05/01/2026 23:30", "Mon 12/01/2026 23:30"]
