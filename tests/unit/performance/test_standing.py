"""A customer's standing: the same told twice, and in any order, comes to the same counters."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping

import pytest

from chalicelib.ledger.limits import DAY_MS
from chalicelib.performance import standing
from chalicelib.performance.model import (
    MAX_MEMBER_ORDERS,
    MAX_MEMBERSHIPS,
    MAX_RECENT_ORDERS,
    PEOPLE,
    WINDOW_MS,
    Purchase,
    Standing,
)
from chalicelib.performance.standing import Gap, enrolled, observed, paid, with_order
from tests.passbook import Passbook
from tests.unit.performance.life import SPRING, SUMMER, Life, of

SINCE = 1_800_000_000_000
Step = Callable[[Standing], Standing]


def order(name: str, at: int = SINCE, *, stands: bool = True) -> Step:
    return lambda before: with_order(before, name, at, stands=stands)


def member(campaign: str = SPRING, *, holdout: bool = False, since: int = SINCE) -> Step:
    return lambda before: enrolled(before, campaign, holdout=holdout, since=since)


def after(*steps: Step) -> Standing:
    """Each step is done twice."""
    state = Standing("anna")
    for step in steps:
        state = step(state)
        assert step(state) == state
    return state


def people(state: Standing, campaign: str = SPRING) -> Mapping[str, int]:
    return state.owed.get((campaign, PEOPLE), {})


@pytest.mark.parametrize("steps", list(itertools.permutations([member(), order("one"), order("two", SINCE + DAY_MS)])))
def test_orders_and_membership_in_any_order_make_a_repeat(steps: tuple[Step, ...]) -> None:
    assert people(after(*steps)) == {"recipients": 1, "recipients_bought": 1, "recipients_bought_again": 1}


@pytest.mark.parametrize("steps", list(itertools.permutations([member(holdout=True), order("one"), order("two")])))
def test_the_holdout_is_counted_by_the_same_rules(steps: tuple[Step, ...]) -> None:
    assert people(after(*steps)) == {"holdout": 1, "holdout_bought": 1, "holdout_bought_again": 1}


@pytest.mark.parametrize(
    ("at", "counts"),
    [(SINCE - 1, False), (SINCE, True), (SINCE + WINDOW_MS, True), (SINCE + WINDOW_MS + 1, False)],
)
def test_an_order_counts_in_the_ninety_days_from_when_the_credit_could_be_used(at: int, counts: bool) -> None:
    expected = {"recipients": 1, "recipients_bought": 1} if counts else {"recipients": 1}
    assert people(after(member(), order("one", at))) == expected
    assert people(after(order("one", at), member())) == expected


@pytest.mark.parametrize("steps", [[member(), order("one")], [order("one"), member()]])
def test_an_order_that_is_cancelled_counts_out_again(steps: tuple[Step, ...]) -> None:
    assert people(after(*steps, order("one", stands=False))) == {"recipients": 1}
    assert people(after(order("one", stands=False), member())) == {"recipients": 1}


def test_who_was_held_out_stays_so_whoever_grants_it_something() -> None:
    assert people(after(member(holdout=True), member())) == {"holdout": 1}


def test_a_campaign_that_made_room_for_newer_ones_counts_nobody_twice() -> None:
    newer = [member(f"cmp_{number}", since=SINCE + number) for number in range(1, MAX_MEMBERSHIPS + 1)]
    state = after(member(), *newer, member())
    assert len(state.memberships) == MAX_MEMBERSHIPS
    assert people(state) == {"recipients": 1}


def test_however_many_orders_a_customer_has_a_standing_stays_small() -> None:
    state = after(member(), *(order(f"order-{number}", SINCE + number) for number in range(3 * MAX_RECENT_ORDERS)))
    assert len(state.orders) == MAX_RECENT_ORDERS
    assert len(state.memberships[SPRING].orders) == MAX_MEMBER_ORDERS
    assert people(state) == {"recipients": 1, "recipients_bought": 1, "recipients_bought_again": 1}


def money(state: Standing, campaign: str = SPRING) -> Mapping[str, int]:
    names = (standing.ORDERS, standing.REVENUE, standing.OVERSPEND)
    return {name: number for name, number in state.owed.get((campaign, "EUR"), {}).items() if name in names}


def spent(book: Passbook) -> tuple[Standing, dict[str, Purchase]]:
    return observed(Standing("anna"), "EUR", book.entries, {})


def test_an_order_with_credit_is_counted_once_with_its_whole_total() -> None:
    book = Passbook()
    book.grant(500, source=of(SPRING))
    book.redeem(200, "one")
    book.redeem(100, "one")
    state, purchases = spent(book)
    assert money(state) == {"orders": 1}
    state, purchase = paid(state, purchases["one"], 3_000)
    assert money(state) == {"orders": 1, "revenue": 3_000, "overspend": 2_700}
    assert paid(state, purchase, 3_000) == (state, purchase)


def test_the_total_may_be_known_before_the_credit_is_all_spent_or_given_back() -> None:
    book = Passbook()
    book.grant(500, source=of(SPRING))
    redemption = book.redeem(300, "one")
    state, purchases = spent(book)
    state, purchases["one"] = paid(state, purchases["one"], 3_000)
    book.reverse(redemption, 100)
    state, purchases = observed(state, "EUR", book.entries, purchases)
    assert money(state) == {"orders": 1, "revenue": 3_000, "overspend": 2_800}
    book.reverse(redemption)
    state, purchases = observed(state, "EUR", book.entries, purchases)
    assert money(state) == {}


def test_an_order_with_credit_of_two_campaigns_counts_for_both() -> None:
    book = Passbook()
    book.grant(200, source=of(SPRING))
    book.grant(200, source=of(SUMMER))
    book.redeem(300, "one")
    state, purchases = spent(book)
    state, _ = paid(state, purchases["one"], 1_000)
    assert money(state) == {"orders": 1, "revenue": 1_000, "overspend": 800}
    assert money(state, SUMMER) == {"orders": 1, "revenue": 1_000, "overspend": 900}


@pytest.mark.parametrize("number", range(8))
def test_told_in_any_pieces_and_again_entries_come_to_the_same(number: int) -> None:
    dice = random.Random(number)
    entries = Life(dice).run(30).entries
    whole = observed(Standing("anna"), "EUR", entries, {})
    state, purchases = Standing("anna"), dict[str, Purchase]()
    while (done := state.followed("EUR").sequence) < len(entries):
        first = dice.randint(0, done)
        piece = entries[first : done + dice.randint(1, 9)]
        state, purchases = observed(state, "EUR", piece, purchases)
    assert (state, purchases) == whole


def test_entries_that_are_missing_are_asked_for() -> None:
    entries = Life(random.Random(1)).run(20).entries
    state, _ = observed(Standing("anna"), "EUR", entries[:3], {})
    with pytest.raises(Gap) as gap:
        observed(state, "EUR", entries[5:], {})
    assert gap.value.applied == 3
