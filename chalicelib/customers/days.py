"""Days as profiles count them: whole days in the merchant's zone, as days since 1970-01-01."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = date(1970, 1, 1)


def day_of(instant: int, zone: tzinfo) -> int:
    """The day that an instant (milliseconds) falls on there."""
    return (_EPOCH + timedelta(milliseconds=instant)).astimezone(zone).toordinal() - _FIRST.toordinal()


def day_of_date(day: date) -> int:
    return day.toordinal() - _FIRST.toordinal()


def date_of(day: int) -> date:
    return date.fromordinal(day + _FIRST.toordinal())
