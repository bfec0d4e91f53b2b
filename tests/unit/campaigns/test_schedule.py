"""When a campaign's credit is usable: the merchant's clock as an instant, and the next occurrence of what repeats."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import count, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.campaigns.model import Every, Local, Repeat
from chalicelib.campaigns.schedule import entitled, instant_of, local_of, next_after, resolve
from chalicelib.ledger.conditions import local_time
from chalicelib.ledger.limits import DAY_MS, MINUTE_MS
from tests.passbook import instant

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Pacific/Apia",
    "Pacific/Chatham",
    "America/Havana",
]
zones = st.sampled_from([ZoneInfo(name) for name in ZONES])
minutes = st.times().map(lambda told: told.replace(second=0, microsecond=0))
days = st.dates(date(2000, 1, 1), date(2060, 12, 31))
distances = st.one_of(
    st.integers(1, 40).map(lambda number: Every(days=number)),
    st.integers(1, 13).map(lambda number: Every(months=number)),
)


def local(told: str) -> Local:
    at = datetime.fromisoformat(told)
    return Local(at.date(), at.time())


@pytest.mark.parametrize(
    ("zone", "told", "expected"),
    [
        ("Europe/Berlin", "2027-03-01T09:00", "2027-03-01T08:00"),
        ("Europe/Berlin", "2027-07-01T09:00", "2027-07-01T07:00"),
        ("Asia/Kathmandu", "2027-07-01T09:00", "2027-07-01T03:15"),
    ],
)
def test_a_local_time_is_the_instant_at_which_the_merchants_clock_shows_it(zone: str, told: str, expected: str) -> None:
    assert resolve(local(told), ZoneInfo(zone)) == instant(expected)


@pytest.mark.parametrize(
    ("zone", "told", "expected"),
    [
        ("Europe/Berlin", "2027-03-28T02:00", "2027-03-28T01:00"),
        ("Europe/Berlin", "2027-03-28T02:30", "2027-03-28T01:00"),
        ("Europe/Berlin", "2027-03-28T02:59", "2027-03-28T01:00"),
        ("Australia/Lord_Howe", "2027-10-03T02:15", "2027-10-02T15:30"),
        ("America/Sao_Paulo", "2018-11-04T00:00", "2018-11-04T03:00"),
        ("Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00"),
    ],
    ids=["its start", "its middle", "its last minute", "half an hour", "midnight", "a whole day"],
)
def test_a_time_that_is_skipped_is_the_next_instant_that_there_is(zone: str, told: str, expected: str) -> None:
    assert resolve(local(told), ZoneInfo(zone)) == instant(expected)


@pytest.mark.parametrize(
    ("zone", "told", "expected"),
    [
        ("Europe/Berlin", "2027-10-31T02:00", "2027-10-31T00:00"),
        ("Europe/Berlin", "2027-10-31T02:30", "2027-10-31T00:30"),
        ("Europe/Berlin", "2027-10-31T03:00", "2027-10-31T02:00"),
        ("Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-03T14:45"),
    ],
)
def test_a_time_that_occurs_twice_is_the_first(zone: str, told: str, expected: str) -> None:
    assert resolve(local(told), ZoneInfo(zone)) == instant(expected)


@given(days, minutes, zones)
def test_it_is_the_first_instant_at_which_the_clock_shows_no_less(day: date, at: time, zone: tzinfo) -> None:
    found, wanted = resolve(Local(day, at), zone), datetime.combine(day, at)

    def shown(when: int) -> datetime:
        return local_time(when, zone).replace(tzinfo=None)

    assert shown(found) >= wanted
    earlier = [found - 1, *(found - step * 15 * MINUTE_MS for step in range(1, 120))]
    assert all(shown(when) < wanted for when in earlier)


def test_without_a_time_it_is_as_soon_as_it_is_scheduled() -> None:
    assert instant_of(None, 5, UTC) == 5
    assert instant_of(7, 5, UTC) == 7
    assert instant_of(local("2027-03-01T09:00"), 5, BERLIN) == instant("2027-03-01T08:00")


@given(days, minutes, zones)
def test_what_the_clock_shows_leads_back_to_the_instant_or_to_the_one_that_was_shown_first(
    day: date, at: time, zone: tzinfo
) -> None:
    found = resolve(Local(day, at), zone)
    assert resolve(local_of(found, zone), zone) == found


@pytest.mark.parametrize(
    ("told", "every", "after", "expected"),
    [
        ("2027-03-01T09:00", Every(days=1), "2027-03-01T08:00", "2027-03-02T08:00"),
        ("2027-03-27T02:30", Every(days=1), "2027-03-27T01:30", "2027-03-28T01:00"),
        ("2027-03-27T02:30", Every(days=1), "2027-03-28T01:00", "2027-03-29T00:30"),
        ("2027-01-31T09:00", Every(months=1), "2027-01-31T08:00", "2027-02-28T08:00"),
        ("2027-01-31T09:00", Every(months=1), "2027-02-28T08:00", "2027-03-31T07:00"),
        ("2024-02-29T09:00", Every(months=12), "2024-02-29T08:00", "2025-02-28T08:00"),
        ("2024-02-29T09:00", Every(months=12), "2027-12-01T00:00", "2028-02-29T08:00"),
        ("2027-03-01T09:00", Every(days=7), "2027-03-20T00:00", "2027-03-22T08:00"),
        ("2027-03-01T09:00", Every(days=7), "2020-01-01T00:00", "2027-03-01T08:00"),
    ],
)
def test_runs_follow_the_merchants_clock_from_the_first_one_on(
    told: str, every: Every, after: str, expected: str
) -> None:
    assert next_after(local(told), every, instant(after), BERLIN) == instant(expected)


def test_nothing_recurs_after_the_calendars_end() -> None:
    assert next_after(local("2199-12-31T09:00"), Every(days=1), instant("2199-12-31T08:00"), BERLIN) is None


@given(days, minutes, distances, st.integers(-100, 4_000), zones)
def test_the_next_run_is_the_first_occurrence_that_is_later(
    day: date, at: time, every: Every, ahead: int, zone: tzinfo
) -> None:
    anchor = Local(day, at)
    after = resolve(anchor, zone) + ahead * DAY_MS // 7
    passed = takewhile(lambda when: when <= after, (occurrence(anchor, every, number, zone) for number in count()))
    assert next_after(anchor, every, after, zone) == occurrence(anchor, every, len(list(passed)), zone)


def occurrence(anchor: Local, every: Every, number: int, zone: tzinfo) -> int:
    """Counted from the anchor one by one; a day that the month does not have is its last."""
    on = anchor.date + timedelta(days=every.days * number)
    months = anchor.date.month - 1 + every.months * number
    for last in range(anchor.date.day, 27, -1) if every.months else ():
        try:
            on = date(anchor.date.year + months // 12, months % 12 + 1, last)
            break
        except ValueError:
            continue
    if every.months and anchor.date.day <= 27:
        on = date(anchor.date.year + months // 12, months % 12 + 1, anchor.date.day)
    return resolve(Local(on, anchor.time), zone)


MONTHLY, DAILY = Every(months=1), Every(days=1)


@pytest.mark.parametrize(
    ("repeat", "received", "days_ago", "again"),
    [
        (None, 0, None, True),
        (None, 1, 40, False),
        (Repeat(MONTHLY), 12, 28, True),
        (Repeat(MONTHLY, lifetime_cap=3), 2, 28, True),
        (Repeat(MONTHLY, lifetime_cap=3), 3, 28, False),
        (Repeat(MONTHLY, cool_down_days=60), 1, 59, False),
        (Repeat(MONTHLY, cool_down_days=60), 1, 60, True),
        (Repeat(DAILY, on_entry=True), 0, None, True),
        (Repeat(DAILY, on_entry=True), 1, 3_000, False),
        (Repeat(DAILY, on_entry=True, cool_down_days=300), 1, 299, False),
        (Repeat(DAILY, on_entry=True, cool_down_days=300), 1, 300, True),
        (Repeat(DAILY, on_entry=True, cool_down_days=1, lifetime_cap=1), 1, 300, False),
    ],
)
def test_who_got_it_gets_it_again_after_the_cool_down_and_up_to_the_cap(
    repeat: Repeat | None, received: int, days_ago: int | None, again: bool
) -> None:
    today = 20_000
    assert entitled(repeat, received, None if days_ago is None else today - days_ago, today) is again
