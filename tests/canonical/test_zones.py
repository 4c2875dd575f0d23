"""Time zones by name or offset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.canonical.zones import zone_of

MOMENT = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "hours"),
    [("Europe/Paris", 2.0), ("+13:00", 13.0), ("-10:00", -10.0), ("+05:45", 5.75), ("-00:30", -0.5), ("UTC", 0.0)],
)
def test_p06_a_zone_is_known_by_its_name_or_its_offset(name: str, hours: float) -> None:
    zone = zone_of(name)
    assert zone is not None
    assert MOMENT.astimezone(zone).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize(
    "name", ["", "Europe/Nowhere", "13:00", "+1:00", "+99:00", "../../etc/passwd", "\x00", "+13:00 "]
)
def test_p06_an_unknown_zone_is_none_and_never_a_guess(name: str) -> None:
    assert zone_of(name) is None
