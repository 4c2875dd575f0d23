"""The periods of «Importer les commandes», in the days of the tenant."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from profiles.sections import OrdersSection
from sync.orders.period import period_bounds

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
"""Half past midnight on Wednesday 1 April in Paris, where the clocks changed on Sunday 29 March."""


@pytest.mark.covers("ORD-01")
@pytest.mark.parametrize(
    ("options", "first", "after"),
    [
        ({"period": "today"}, "2026-03-31T22:00", ""),
        ({"period": "yesterday"}, "2026-03-30T22:00", ""),
        ({"period": "days", "period_days": 5}, "2026-03-26T23:00", ""),
        ({"period": "week"}, "2026-03-29T22:00", ""),
        ({"period": "month"}, "2026-03-31T22:00", ""),
        ({"period": "custom", "period_from": "2026-03-29"}, "2026-03-28T23:00", ""),
        ({"period": "custom", "period_to": "2026-03-29"}, "", "2026-03-29T22:00"),
        (
            {"period": "custom", "period_from": "2026-03-28", "period_to": "2026-03-28"},
            "2026-03-27T23:00",
            "2026-03-28T23:00",
        ),
        ({"period": "custom"}, "", ""),
    ],
)
def test_each_period_begins_and_ends_at_midnight_of_the_tenant(
    options: dict[str, object], first: str, after: str
) -> None:
    def shown(moment: datetime | None) -> str:
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}" if moment else ""

    bounds = period_bounds(OrdersSection.model_validate(options), NOW, PARIS)
    assert tuple(map(shown, bounds)) == (first, after)
