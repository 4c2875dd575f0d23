"""The period of orders to read, in the tenant's days."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from profiles.sections import OrdersSection


def period_bounds(section: OrdersSection, now: datetime, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
    """First instant and first instant after the period; ``None`` where it is open. Days begin at midnight in ``zone``.

    ``now`` is aware. Pure.
    """
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    match section.period:
        case "today":
            return today, None
        case "yesterday":
            return _day(today, -1), None
        case "days":
            return _day(today, -section.period_days), None
        case "week":
            return _day(today, -today.weekday()), None
        case "month":
            return today.replace(day=1), None
        case _:
            return _at(section.period_from, zone), _after(section.period_to, zone)


def _day(today: datetime, days: int) -> datetime:
    """Midnight some days away, also across a clock change."""
    return (today.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=today.tzinfo)


def _at(text: str, zone: tzinfo) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=zone) if text else None


def _after(text: str, zone: tzinfo) -> datetime | None:
    first = _at(text, zone)
    return _day(first, 1) if first is not None else None
