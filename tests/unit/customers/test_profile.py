"""A profile is the same in whatever order it is told, and never grows past its limit."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date
from zoneinfo import ZoneInfo

import pytest

from chalicelib.customers.activity import (
    HORIZON_DAYS,
    MAX_RECENT_ORDERS,
    MAX_TRACES,
    Abandoned,
    Activity,
    Lifetime,
    Recent,
    WalletFigures,
    newest_products,
    with_email,
    with_orders,
)
from chalicelib.customers.codec import body_of, profile_of
from chalicelib.customers.daily import DayEmail, DayOrders, OrderDays
from chalicelib.customers.days import date_of, day_of, day_of_date
from chalicelib.customers.happening import CheckoutAbandoned, EmailSeen, PersonTold, after
from chalicelib.customers.merging import activities_joined, merged
from chalicelib.customers.profile import (
    MAX_PROFILE_BYTES,
    Consents,
    Person,
    Profile,
    people_joined,
    person_replaced,
    person_told,
)
from chalicelib.customers.traces import Traces, trace_of
from chalicelib.ledger.limits import MAX_BALANCE
from chalicelib.store.packing import compact, deflate
from tests.passbook import instant
from tests.unit.customers.told import POLICY, a_happening, a_person, a_sale, an_id, an_instant, happened, sold

SEEDS = range(3)


def stored_bytes(profile: Profile) -> int:
    return len(deflate(compact(body_of(profile))))


def back(profile: Profile) -> Profile:
    return profile_of(profile.customer, profile.version, body_of(profile))


@pytest.mark.parametrize("number", SEEDS)
def test_in_whatever_order_it_is_told_the_profile_is_the_same(number: int) -> None:
    """Also when more is told than is kept: what was pushed out would be pushed out in any order."""
    dice = random.Random(number)
    told = [(a_happening(dice), an_instant(dice)) for _ in range(1_000)]
    shuffled = dice.sample(told, len(told))
    assert happened(Profile("c"), told) == happened(Profile("c"), shuffled)


@pytest.mark.parametrize("number", SEEDS)
def test_in_whatever_order_orders_are_told_paid_and_cancelled_the_profile_is_the_same(number: int) -> None:
    dice = random.Random(number)
    sales = [a_sale(dice, f"order-{sale_number}") for sale_number in range(300)]
    one = other = Profile("c")
    for sale in sales:
        one = sold(one, sale, sale.states)
    for sale in dice.sample(sales, len(sales)):
        other = sold(other, sale, sale.states[-1:])
    assert one == other
    assert len(one.activity.recent_orders) == MAX_RECENT_ORDERS
    last = [sale.states[-1] for sale in sales]
    for currency in one.activity.lifetime:
        standing = [order.total for order in last if order.currency == currency and not order.cancelled]
        assert one.activity.orders_ever(currency) == DayOrders(len(standing), sum(filter(None, standing)))


@pytest.mark.parametrize("number", SEEDS)
def test_a_profile_stays_small_whatever_happens(number: int) -> None:
    """Thousands of events with the longest ids and the greatest amounts that there are."""
    dice = random.Random(number)
    told = [(a_happening(dice), an_instant(dice, 420)) for _ in range(2_000)]
    profile = happened(Profile(an_id(dice)), [*told, (a_person(dice), an_instant(dice)), *[_everything(dice)]])
    for sale_number in range(400):
        sale = a_sale(dice, f"order-{sale_number}")
        profile = sold(profile, sale, sale.states)
    recent = [Recent(an_instant(dice), an_id(dice, 64)) for _ in range(9)]
    figures = {
        an_id(dice, 10): WalletFigures(
            dice.randrange(10**6),
            dice.randrange(MAX_BALANCE),
            dice.randrange(10**4),
            dice.randrange(MAX_BALANCE),
            an_instant(dice),
            an_instant(dice),
        )
        for _ in range(6)
    }
    activity = replace(profile.activity, recently_bought=newest_products(recent), wallets=figures)
    profile = replace(profile, activity=activity)
    assert len(profile.activity.bought.cells) == len(profile.activity.viewed.cells) == MAX_TRACES
    assert stored_bytes(profile) <= MAX_PROFILE_BYTES
    assert back(profile) == profile


def _everything(dice: random.Random) -> tuple[PersonTold, int]:
    """A person of whom everything is said."""
    told: dict[str, object] = {}
    while len(told) < 12:
        told |= a_person(dice).telling
    return PersonTold("c", told), an_instant(dice, 2_000)


def test_an_ordinary_profile_takes_little_room() -> None:
    profile = Profile("c")
    dice = random.Random(1)
    for sale_number in range(12):
        sale = a_sale(dice, f"order-{sale_number}")
        profile = sold(profile, sale, sale.states)
    told = [(EmailSeen("c", opens=1), an_instant(dice)) for _ in range(50)]
    assert stored_bytes(happened(profile, told)) < 1_600


def test_an_empty_profile_comes_back_as_it_was() -> None:
    joined = Profile("c", merged_into="d", depth=2, joined_at=5)
    for profile in (Profile("c"), Profile("c", erased=True, version=3), joined):
        assert back(profile) == profile
    assert stored_bytes(Profile("c")) < 50


# A person


def test_of_a_person_what_was_told_last_stands() -> None:
    later = person_told(Person(), {"email": "new@example.com"}, 2)
    assert person_told(later, {"email": "old@example.com", "locale": "de"}, 1) == person_told(
        person_told(Person(), {"email": "old@example.com", "locale": "de"}, 1), {"email": "new@example.com"}, 2
    )


def test_of_two_tellings_at_one_instant_the_same_stands_in_either_order() -> None:
    one, other = {"tags": ("a",)}, {"tags": ("b",)}
    assert person_told(person_told(Person(), one, 1), other, 1) == person_told(person_told(Person(), other, 1), one, 1)


def test_consent_is_told_by_channel() -> None:
    person = person_told(person_told(Person(), {"consents.email": True}, 5), {"consents.sms": False}, 3)
    person = person_told(person, {"consents.email": False}, 4)
    assert person.consents == Consents(email=True, sms=False)


def test_what_is_left_out_of_a_replacement_is_said_to_be_nothing() -> None:
    person = person_replaced({"email": "a@example.com"}, 10)
    assert person_told(person, {"locale": "de", "email": "b@example.com"}, 9) == person
    assert person_told(person, {"locale": "de"}, 11).locale == "de"


def test_joining_people_a_nothing_replaces_nothing() -> None:
    known = person_told(Person(), {"email": "a@example.com", "birth_date": date(1990, 1, 1)}, 1)
    assert people_joined(known, person_replaced({"locale": "de"}, 5)).email == "a@example.com"


def test_nothing_is_taken_in_of_the_erased() -> None:
    erased = Profile("c", erased=True)
    assert after(erased, PersonTold("c", {"email": "a@example.com"}), 1, POLICY) == erased
    assert after(erased, EmailSeen("c", opens=1), 1, POLICY) == erased


def test_a_checkout_abandoned_in_no_currency_is_one_in_the_merchants() -> None:
    said, unsaid = CheckoutAbandoned("c", 900, "USD"), CheckoutAbandoned("c", 900)
    policy = replace(POLICY, default_currency="GBP")
    assert after(Profile("c"), said, 1, policy).activity.abandoned == Abandoned(1, 900, "USD")
    assert after(Profile("c"), unsaid, 1, policy).activity.abandoned == Abandoned(1, 900, "GBP")


# What a customer did


def test_days_are_the_merchants() -> None:
    at = instant("2026-05-01T22:30")
    assert date_of(day_of(at, UTC)) == date(2026, 5, 1)
    assert date_of(day_of(at, ZoneInfo("Europe/Berlin"))) == date(2026, 5, 2)
    assert day_of_date(date(1970, 1, 2)) == 1


def test_days_beyond_the_horizon_are_only_in_the_sum() -> None:
    activity = with_orders(with_orders(Activity(), 100, "EUR", 1, 500), 101 + HORIZON_DAYS, "EUR", 1, 700)
    assert activity.orders == {"EUR": OrderDays((101 + HORIZON_DAYS,), (1,), (700,))}
    assert activity.lifetime == {"EUR": Lifetime(2, 1_200, 100, 101 + HORIZON_DAYS)}
    assert (activity.first_order_day(), activity.last_order_day()) == (100, 101 + HORIZON_DAYS)
    assert activity.orders_between(0, 10_000) == DayOrders(1, 700)


def test_a_cancelled_order_is_neither_the_first_nor_the_last() -> None:
    activity = Activity()
    for day in (10, 20, 30):
        activity = with_orders(activity, day, "EUR", 1, 500)
    activity = with_orders(with_orders(activity, 10, "EUR", -1, -500), 30, "EUR", -1, -500)
    assert (activity.first_order_day("EUR"), activity.last_order_day("EUR")) == (20, 20)
    gone = with_orders(activity, 20, "EUR", -1, -500)
    assert (gone.first_order_day(), gone.last_order_day(), gone.bought_anything) == (None, None, False)


def test_the_main_currency_is_that_of_most_orders() -> None:
    activity = with_orders(with_orders(Activity(), 1, "USD", 2, 10), 1, "EUR", 1, 10)
    assert activity.main_currency == "USD"
    assert with_orders(activity, 2, "EUR", 1, 1).main_currency == "EUR"
    assert Activity().main_currency is None


def test_a_trace_is_found_on_its_days() -> None:
    hat, cap = trace_of("hat"), trace_of("cap")
    traces = Traces(10).plus([((5, hat), 1), ((8, hat), 1), ((6, cap), 1)]).plus([((6, cap), -1)])
    assert traces.has(hat, since=8) and not traces.has(hat, since=6, until=7)
    assert not traces.has(cap)
    assert traces.days(frozenset({hat})) == [5, 8]
    assert traces.has_any(frozenset({cap, hat}))


def test_the_last_abandoned_checkout_stands() -> None:
    activity = activities_joined(
        Activity(abandoned=Abandoned(5, 100, "EUR")), Activity(abandoned=Abandoned(7, 50, "EUR"), checkout_started_at=9)
    )
    assert (activity.abandoned, activity.checkout_started_at) == (Abandoned(7, 50, "EUR"), 9)


@pytest.mark.parametrize("number", SEEDS)
def test_two_profiles_merged_are_as_if_one_had_been_told_everything(number: int) -> None:
    dice = random.Random(number)
    told = [(a_happening(dice), an_instant(dice)) for _ in range(900)]
    told = [each for each in told if not isinstance(each[0], PersonTold)]
    sales = [a_sale(dice, f"order-{sale_number}") for sale_number in range(200)]
    half, whole = len(told) // 2, happened(Profile("c"), told)
    source, into = happened(Profile("s"), told[:half]), happened(Profile("c"), told[half:])
    for place, sale in enumerate(sales):
        whole = sold(whole, sale, sale.states)
        if place % 2:
            source = sold(source, sale, sale.states)
        else:
            into = sold(into, sale, sale.states)
    left, one = merged(source, into, 5_000)
    assert replace(one, depth=0, joined_at=None) == whole
    assert (left.merged_into, left.activity, one.depth, one.joined_at) == ("c", Activity(), 1, 5_000)


def test_opens_of_one_day_are_counted_up_to_a_limit() -> None:
    activity = Activity()
    for _ in range(150):
        activity = with_email(activity, 3, opens=1)
    assert activity.email.cells()[3] == DayEmail(opens=99, clicks=0)
