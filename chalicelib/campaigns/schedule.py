"""When: a local time as an instant, and the occurrences of what repeats.

resolve(Local, zone)    the instant at which the merchant's clock shows it;
                        a time that daylight saving skips: the next instant that there is, the end of the gap;
                        one that occurs twice: the first.
occurrence n            the anchor's date and n times the distance, at the anchor's time, resolved.
                        Counted from the anchor, so 31 January monthly is 28 February and then 31 March.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, tzinfo

from chalicelib.campaigns.model import AvailableAt, Every, Local, Repeat
from chalicelib.ledger.conditions import local_time

LAST_YEAR = 2199
"""No run begins after it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)


def instant_of(told: AvailableAt | None, now: int, zone: tzinfo) -> int:
    """The instant (milliseconds) that is asked for; the present where none is."""
    match told:
        case None:
            return now
        case Local():
            return resolve(told, zone)
    return told


def local_of(at: int, zone: tzinfo) -> Local:
    """What the merchant's clock shows at an instant, down to the minute."""
    local = local_time(at, zone)
    return Local(local.date(), local.time().replace(second=0, microsecond=0))


def resolve(local: Local, zone: tzinfo) -> int:
    """The instant (milliseconds) that a local time is; see above."""
    first = datetime.combine(local.date, local.time, zone)
    instant = first.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != first.replace(tzinfo=None):
        instant = _end_of_gap(first.replace(fold=1).astimezone(UTC), instant, zone)
    return (instant - _EPOCH) // _MILLISECOND


def next_after(anchor: Local, every: Every, after: int, zone: tzinfo) -> int | None:
    """The first occurrence later than an instant (milliseconds); None if there is none before the calendar's end."""
    assert every.days or every.months, "it has a distance"
    day = local_time(after, zone).date()
    passed = (
        (day - anchor.date).days // every.days
        if every.days
        else ((day.year - anchor.date.year) * 12 + day.month - anchor.date.month) // every.months
    )
    number = max(0, passed - 1)
    while (on := _date_of(anchor.date, every, number)).year <= LAST_YEAR:
        instant = resolve(Local(on, anchor.time), zone)
        if instant > after:
            return instant
        number += 1
    return None


def entitled(repeat: Repeat | None, received: int, last_day: int | None, today: int) -> bool:
    """Whether a customer who received a campaign so many times, the last time on `last_day`, is to get it today.

    Days are numbered days of the merchant's calendar.
    """
    if received == 0:
        return True
    if repeat is None or (repeat.lifetime_cap is not None and received >= repeat.lifetime_cap):
        return False
    if repeat.cool_down_days is None:
        return not repeat.on_entry
    return last_day is None or today - last_day >= repeat.cool_down_days


def _date_of(start: date, every: Every, number: int) -> date:
    if every.days:
        return start + timedelta(days=every.days * number)
    year, month = divmod(start.year * 12 + start.month - 1 + every.months * number, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def _end_of_gap(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The first instant (UTC) with the offset that `after` has, between one that has another and `after`."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2 // _SECOND * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
