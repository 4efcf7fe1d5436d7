"""Moments and business days. A moment is always aware; a day is always a utility's."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Return this moment in UTC; faces call it once and pass it down."""
    return datetime.now(UTC)


def business_day(at: datetime, zone: ZoneInfo) -> date:
    """
    Return the calendar day that a moment falls on where the utility is.

    >>> business_day(datetime(2026, 11, 22, 22, 30, tzinfo=UTC), ZoneInfo("Africa/Nairobi"))
    datetime.date(2026, 11, 23)

    :raises ValueError: if the moment carries no zone
    """
    if at.tzinfo is None:
        raise ValueError("a moment without a zone cannot be placed in a day")
    return at.astimezone(zone).date()


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """
    Return the half-open UTC interval of a local day, 23 or 25 hours long at a clock change.

    >>> start, end = day_bounds(date(2026, 3, 29), ZoneInfo("Europe/Berlin"))
    >>> (end - start).total_seconds() / 3600
    23.0
    """
    start = datetime.combine(day, time.min, zone)
    end = datetime.combine(day + timedelta(days=1), time.min, zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def month_start(day: date) -> date:
    """Return the first day of the month that a day lies in."""
    return day.replace(day=1)


def add_months(first: date, months: int) -> date:
    """
    Move the first day of a month by whole months.

    >>> add_months(date(2026, 11, 1), 3), add_months(date(2026, 1, 1), -1)
    (datetime.date(2027, 2, 1), datetime.date(2025, 12, 1))
    """
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)
