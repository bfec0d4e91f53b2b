"""When a grant expires: the merchant's calendar, precedence, and what must never expire."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.conditions import local_time
from chalicelib.ledger.limits import MAX_EXPIRY_DAYS, MAX_EXPIRY_MONTHS
from chalicelib.ledger.lots import Kind, LotClass
from chalicelib.ledger.policy import At, Days, EndOf, Expiry, Months, Never, resolve
from chalicelib.ledger.refusals import ExpiresInPast, ExpiryNotPermitted
from tests.passbook import POLICY, Passbook, instant

BERLIN = ZoneInfo("Europe/Berlin")
HAVANA = ZoneInfo("America/Havana")
BEIRUT = ZoneInfo("Asia/Beirut")


def ends(rule: Expiry, start: str, zone: tzinfo = UTC) -> int | None:
    return resolve(rule, instant(start, zone), zone)


# The merchant's calendar


def test_days_run_to_the_end_of_that_day() -> None:
    assert ends(Days(1), "2026-01-15T12:00") == instant("2026-01-17")
    assert ends(Days(1), "2026-01-15T00:00") == instant("2026-01-17")
    assert ends(Days(1), "2026-01-15T23:59:59.999") == instant("2026-01-17")


def test_no_days_is_the_end_of_today() -> None:
    assert ends(Days(0), "2026-01-15T12:00") == instant("2026-01-16")


def test_a_month_from_31_january_is_the_end_of_february() -> None:
    assert ends(Months(1), "2026-01-31T12:00") == instant("2026-03-01")


def test_a_month_from_31_january_of_a_leap_year_is_29_february() -> None:
    assert ends(Months(1), "2028-01-31T12:00") == instant("2028-03-01")
    assert ends(Months(1), "2028-01-28T12:00") == instant("2028-02-29")


def test_a_year_from_leap_day_is_28_february() -> None:
    assert ends(Months(12), "2028-02-29T12:00") == instant("2029-03-01")


def test_months_run_over_new_year() -> None:
    assert ends(Months(2), "2026-11-30T12:00") == instant("2027-01-31")
    assert ends(Months(14), "2026-12-31T12:00") == instant("2028-03-01")


@pytest.mark.parametrize(
    ("rule", "end"),
    [
        (EndOf(1), "2026-06-01"),
        (EndOf(1, 1), "2026-07-01"),
        (EndOf(1, 8), "2027-02-01"),
        (EndOf(3), "2026-07-01"),
        (EndOf(3, 1), "2026-10-01"),
        (EndOf(12), "2027-01-01"),
        (EndOf(12, 2), "2029-01-01"),
    ],
)
def test_end_of_month_quarter_or_year(rule: EndOf, end: str) -> None:
    assert ends(rule, "2026-05-31T23:59") == instant(end)


def test_the_merchants_day_is_not_the_utc_day() -> None:
    half_past_midnight_in_berlin = instant("2026-01-15T23:30")
    assert resolve(Days(1), half_past_midnight_in_berlin, BERLIN) == instant("2026-01-17T23:00")
    assert resolve(Days(1), half_past_midnight_in_berlin, UTC) == instant("2026-01-17")


def test_a_month_counts_from_the_merchants_date() -> None:
    already_february_in_berlin = instant("2026-01-31T23:30")
    assert resolve(Months(1), already_february_in_berlin, BERLIN) == instant("2026-03-01T23:00")


def test_the_day_that_loses_an_hour_ends_at_its_midnight() -> None:
    assert ends(Days(1), "2026-03-28T12:00", BERLIN) == instant("2026-03-29T22:00")


def test_the_day_that_gains_an_hour_ends_at_its_midnight() -> None:
    assert ends(Days(1), "2026-10-24T12:00", BERLIN) == instant("2026-10-25T23:00")


def test_where_midnight_is_skipped_the_day_before_ends_at_the_first_instant_there_is() -> None:
    assert ends(Days(0), "2026-03-07T12:00", HAVANA) == instant("2026-03-08T05:00")
    assert ends(Days(0), "2026-03-28T12:00", BEIRUT) == instant("2026-03-28T22:00")
    assert local_time(instant("2026-03-08T05:00"), HAVANA).hour == 1


def test_where_midnight_comes_twice_the_day_before_ends_at_the_first() -> None:
    assert ends(Days(0), "2026-10-31T12:00", HAVANA) == instant("2026-11-01T04:00")


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Pacific/Apia",
    "Pacific/Kiritimati",
]


@given(zone=st.sampled_from(ZONES), day=st.dates(date(2014, 1, 1), date(2037, 12, 31)), minute=st.integers(0, 1439))
def test_the_end_of_a_day_is_the_first_instant_of_the_next_in_every_zone(zone: str, day: date, minute: int) -> None:
    place = ZoneInfo(zone)
    start = instant(f"{day}T{minute // 60:02}:{minute % 60:02}", place)
    end = resolve(Days(0), start, place)
    assert end is not None
    assert local_time(end, place).date() == local_time(start, place).date() + timedelta(days=1)
    assert local_time(end - 1, place).date() == local_time(start, place).date()


@given(months=st.integers(0, MAX_EXPIRY_MONTHS), day=st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_months_keep_the_day_of_the_month_or_take_the_last(months: int, day: date) -> None:
    end = ends(Months(months), f"{day}T12:00")
    assert end is not None
    last = local_time(end - 1, UTC).date()
    assert (last.year * 12 + last.month) - (day.year * 12 + day.month) == months
    assert last.day == day.day or (last.day < day.day and (last + timedelta(days=1)).day == 1)


def test_the_longest_expiries_are_still_dates() -> None:
    assert ends(Days(MAX_EXPIRY_DAYS), "2199-12-31T23:59", BERLIN)
    assert ends(Months(MAX_EXPIRY_MONTHS), "2199-12-31T23:59", BERLIN)


# Precedence


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        (Kind.PROMOTION, "2026-04-16"),
        (Kind.LOYALTY, "2026-04-16"),
        (Kind.COMPENSATION, "2027-01-16"),
        (Kind.MANUAL, "2027-01-16"),
        (Kind.REFUND, None),
        (Kind.EXCHANGE, None),
        (Kind.PURCHASED, None),
        (Kind.MIGRATION, None),
    ],
)
def test_without_a_word_paid_never_goodwill_365_days_promotional_90(kind: Kind, end: str | None) -> None:
    anna = Passbook("2026-01-15T12:00")
    assert anna.lot(anna.grant(1, kind)).expires_at == (end and instant(end))


def test_the_grants_own_word_goes_before_the_kinds_and_the_kinds_before_the_class() -> None:
    policy = replace(
        POLICY,
        expiry_of_kind={Kind.CASHBACK: Days(1)},
        expiry_of_class=POLICY.expiry_of_class | {LotClass.PROMOTIONAL: Days(2)},
    )
    anna = Passbook("2026-01-15T12:00", policy)
    assert anna.lot(anna.grant(1, Kind.CASHBACK, Days(0))).expires_at == instant("2026-01-16")
    assert anna.lot(anna.grant(1, Kind.CASHBACK)).expires_at == instant("2026-01-17")
    assert anna.lot(anna.grant(1, Kind.PROMOTION)).expires_at == instant("2026-01-18")


def test_promotional_credit_may_be_told_never_to_expire() -> None:
    anna = Passbook()
    assert anna.lot(anna.grant(1, expires=Never())).expires_at is None


def test_days_count_from_the_day_that_credit_starts() -> None:
    anna = Passbook("2026-01-15T12:00")
    lot = anna.grant(1, expires=Days(1), effective_at=instant("2026-02-01T12:00"))
    assert anna.lot(lot).expires_at == instant("2026-02-03")


def test_days_of_a_backdated_grant_count_from_today() -> None:
    anna = Passbook("2026-01-15T12:00")
    lot = anna.grant(1, expires=Days(1), effective_at=instant("2025-06-01"))
    assert anna.lot(lot).expires_at == instant("2026-01-17")


# Refusals


@pytest.mark.parametrize("kind", [Kind.REFUND, Kind.EXCHANGE, Kind.PURCHASED])
def test_refunded_exchanged_and_purchased_credit_must_not_expire(kind: Kind) -> None:
    anna = Passbook()
    with pytest.raises(ExpiryNotPermitted) as refused:
        anna.grant(1, kind, Days(1000))
    assert refused.value.facts == {"kind": str(kind)}
    assert anna.lots == {}


def test_a_jurisdiction_may_let_purchased_credit_expire() -> None:
    anna = Passbook("2026-01-15T12:00", replace(POLICY, kinds_without_expiry=frozenset({Kind.REFUND})))
    assert anna.lot(anna.grant(1, Kind.PURCHASED, Months(48))).expires_at == instant("2030-01-16")


def test_migrated_credit_is_paid_and_may_bring_its_expiry() -> None:
    anna = Passbook("2026-01-15T12:00")
    assert anna.lot(anna.grant(1, Kind.MIGRATION, Days(1))).expires_at == instant("2026-01-17")


@pytest.mark.parametrize("early", [0, 1, 1000])
def test_credit_that_is_dead_on_arrival_is_refused(early: int) -> None:
    anna = Passbook()
    with pytest.raises(ExpiresInPast):
        anna.grant(1, expires=At(anna.now - early))
    anna.grant(1, expires=At(anna.now + 1))


def test_credit_that_would_end_as_it_starts_is_refused() -> None:
    anna = Passbook("2026-01-15T12:00")
    with pytest.raises(ExpiresInPast):
        anna.grant(1, expires=At(instant("2026-02-01")), effective_at=instant("2026-02-01"))


# Being dead


def test_a_lot_is_dead_at_exactly_its_expiry() -> None:
    anna = Passbook("2026-01-15T12:00")
    anna.grant(500, expires=At(instant("2026-02-01")))
    assert anna.on("2026-01-31T23:59:59.999").available == 500
    assert anna.on("2026-02-01").available == 0


def test_granting_to_the_merchants_midnight_across_the_clock_change() -> None:
    anna = Passbook("2026-03-28T12:00", replace(POLICY, zone=BERLIN))
    anna.grant(500, expires=Days(1))
    assert anna.on("2026-03-29T23:59:59.999").available == 500
    assert anna.on("2026-03-30T00:00").available == 0
