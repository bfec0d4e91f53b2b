"""How much one customer gets: fixed, a share of what was spent, or by steps; nothing where nothing is known."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.campaigns.amounts import amount_of
from chalicelib.campaigns.model import AmountRule, Basis, Fixed, Share, Step, Stepped, held_out
from chalicelib.customers.activity import Activity, Lifetime, RecentOrder, WalletFigures, with_email
from chalicelib.customers.profile import Address, Person, Profile
from chalicelib.ledger.limits import MAX_AMOUNT
from chalicelib.segments.facts import Facts
from tests.passbook import instant


def customer(count: int = 0, total: int = 0, last: int | None = None, **person: Any) -> Profile:
    """Who has so many orders in EUR, worth so much."""
    lifetime = {"EUR": Lifetime(count, total, 20_000, 20_100)} if count else {}
    orders = () if last is None else (RecentOrder(1, 1, "EUR", last, counts=True),)
    return Profile("alice", Person(**person), Activity(lifetime=lifetime, recent_orders=orders), version=1)


NOBODY = customer()
NOW = instant("2026-06-01T12:00:00Z")
FACTS = Facts(NOW, currency="EUR")


def test_a_fixed_amount_needs_nothing_to_be_known() -> None:
    assert amount_of(Fixed(500), None, FACTS) == 500


@pytest.mark.parametrize(
    ("of", "expected"),
    [(Basis.AVERAGE_ORDER, 999), (Basis.LAST_ORDER, 250), (Basis.LIFETIME_SPEND, 2_999)],
)
def test_a_share_is_rounded_down(of: Basis, expected: int) -> None:
    assert amount_of(Share(of, 1_000), customer(3, 29_999, last=2_509), FACTS) == expected


@pytest.mark.parametrize(("spent", "expected"), [(1_000, 500), (10_000, 1_000), (100_000, 5_000)])
def test_a_share_has_a_least_and_a_most(spent: int, expected: int) -> None:
    rule = Share(Basis.LIFETIME_SPEND, 1_000, min=500, max=5_000)
    assert amount_of(rule, customer(1, spent), FACTS) == expected


@pytest.mark.parametrize("of", Basis)
@pytest.mark.parametrize("profile", [None, NOBODY], ids=["nothing known", "no order"])
def test_of_nothing_there_is_no_share_not_even_the_least(of: Basis, profile: Profile | None) -> None:
    assert amount_of(Share(of, 1_000, min=500), profile, FACTS) is None


def test_what_was_spent_in_another_currency_does_not_count() -> None:
    assert amount_of(Share(Basis.LIFETIME_SPEND, 1_000), customer(3, 30_000), Facts(NOW, currency="USD")) is None


def test_a_share_that_is_nothing_is_no_grant() -> None:
    assert amount_of(Share(Basis.LIFETIME_SPEND, 1), customer(1, 9_999), FACTS) is None


@given(st.integers(1, 50), st.integers(-(10**6), 10**15), st.integers(1, 10_000))
def test_a_share_is_never_more_than_one_command_may_move(count: int, total: int, basis_points: int) -> None:
    amount = amount_of(Share(Basis.LIFETIME_SPEND, basis_points), customer(count, total), FACTS)
    assert amount is None or 1 <= amount <= MAX_AMOUNT


STEPS = Stepped("orders.total", (Step(300, at_least=0), Step(2_000, at_least=50_000), Step(800, at_least=10_000)))


@pytest.mark.parametrize(
    ("total", "expected"), [(0, 300), (9_999, 300), (10_000, 800), (49_999, 800), (50_000, 2_000), (10**9, 2_000)]
)
def test_the_highest_step_that_is_reached_counts(total: int, expected: int) -> None:
    assert amount_of(STEPS, customer(5, total), FACTS) == expected


@pytest.mark.parametrize(
    ("by", "reached"),
    [("orders.count", 3), ("orders.total", 30_000), ("orders.average", 10_000)],
)
def test_who_reaches_no_step_gets_nothing(by: str, reached: int) -> None:
    profile = customer(3, 30_000)
    assert amount_of(Stepped(by, (Step(500, at_least=reached),)), profile, FACTS) == 500
    assert amount_of(Stepped(by, (Step(500, at_least=reached + 1),)), profile, FACTS) is None


def test_without_an_order_there_is_no_average() -> None:
    assert amount_of(Stepped("orders.average", (Step(500, at_least=0),)), NOBODY, FACTS) is None
    assert amount_of(Stepped("orders.count", (Step(500, at_least=0),)), NOBODY, FACTS) == 500


KNOWN = Profile(
    "alice",
    Person(birth_date=date(1996, 6, 2)),
    with_email(
        Activity(wallets={"EUR": WalletFigures(issued=7_000, redemptions=4), "USD": WalletFigures(issued=9_000)}),
        FACTS.today - 300,
        opens=3,
        clicks=2,
    ),
    version=1,
)


@pytest.mark.parametrize(
    ("by", "reached"),
    [
        ("email.opens", 3),
        ("email.clicks", 2),
        ("email.engagements", 5),
        ("profile.age", 29),
        ("wallet.redemptions", 4),
        ("wallet.lifetime_issued", 7_000),
    ],
)
def test_steps_go_by_what_segments_know_of_a_customer(by: str, reached: int) -> None:
    """Born 30 years ago tomorrow; credit is counted in the campaign's currency."""
    assert amount_of(Stepped(by, (Step(500, at_least=reached),)), KNOWN, FACTS) == 500
    assert amount_of(Stepped(by, (Step(500, at_least=reached + 1),)), KNOWN, FACTS) is None


def test_who_has_told_no_birthday_reaches_no_step_of_age() -> None:
    assert amount_of(Stepped("profile.age", (Step(500, at_least=0),)), NOBODY, FACTS) is None


@pytest.mark.parametrize(
    ("by", "word", "person"),
    [
        ("tier", "gold", {"attributes": {"tier": "gold"}}),
        ("predicted_spend_tier", "high", {"predicted_spend_tier": "high"}),
        ("profile.country", "DE", {"address": Address(country="DE")}),
        ("profile.region", "Bavaria", {"address": Address(region="Bavaria")}),
        ("profile.locale", "de-DE", {"locale": "de-DE"}),
    ],
)
def test_a_step_may_be_a_word(by: str, word: str, person: dict[str, Any]) -> None:
    rule: AmountRule = Stepped(by, (Step(100, equals="other"), Step(700, equals=word)))
    assert amount_of(rule, customer(**person), FACTS) == 700
    assert amount_of(Stepped(by, (Step(100, equals="other"),)), customer(**person), FACTS) is None
    assert amount_of(rule, NOBODY, FACTS) is None
    assert amount_of(rule, None, FACTS) is None


def test_who_is_held_out_is_the_same_for_ever() -> None:
    """Written down: were it to change, a customer would be granted in one run and kept out of the next."""
    out = [number for number in range(100) if held_out("cmp_1", f"customer-{number}", 1_000)]
    assert out == [0, 4, 10, 11, 19, 25, 54, 68]


@pytest.mark.parametrize("basis_points", [0, 500, 5_000, 10_000])
def test_the_holdout_is_about_its_share_of_all(basis_points: int) -> None:
    out = sum(held_out("cmp_1", f"customer-{number}", basis_points) for number in range(10_000))
    assert abs(out - basis_points) <= 200
    assert basis_points not in (0, 10_000) or out == basis_points


def test_another_campaign_holds_out_others() -> None:
    customers = [f"customer-{number}" for number in range(10_000)]
    both = sum(held_out("cmp_1", each, 5_000) and held_out("cmp_2", each, 5_000) for each in customers)
    assert abs(both - 2_500) <= 200
