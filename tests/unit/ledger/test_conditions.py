"""Every condition of a lot and its edge. What the checkout did not tell counts as not met."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.cart import Cart, Line
from chalicelib.ledger.conditions import UNCONDITIONAL, Conditions, Coverage, Selection, as_dict, from_dict
from chalicelib.ledger.refusals import ConditionNotMet
from tests.passbook import POLICY, Passbook, taken

SHIRT = Line("shirt", 2, 1_000, variant="blue", category="men/tops/shirts", collections=("summer",), tags=("new",))
SOCKS = Line("socks", 1, 500, category="men/socks")


def gives(conditions: Conditions, cart: Cart, amount: int = 10_000, at: str = "2026-01-15T12:00") -> int:
    """What a lot of that amount with these conditions gives to the order."""
    anna = Passbook(at)
    anna.grant(amount, conditions=conditions)
    return anna.quote(cart).applicable


def reasons(conditions: Conditions, cart: Cart) -> tuple[str, ...]:
    anna = Passbook()
    anna.grant(10_000, conditions=conditions)
    (share,) = anna.quote(cart).shares
    return share.reasons


def order(total: int | None = None, *lines: Line, **more: Any) -> Cart:
    return Cart("order-1", total=total, lines=lines, **more)


# The size of the order


def test_an_order_of_exactly_the_minimum_is_enough() -> None:
    fifty = Conditions(min_order=5_000)
    assert gives(fifty, order(5_000)) == 5_000
    assert gives(fifty, order(4_999)) == 0
    assert reasons(fifty, order(4_999)) == ("min_order",)


def test_without_a_total_the_lines_are_the_order() -> None:
    assert gives(Conditions(min_order=2_500), order(None, SHIRT, SOCKS)) == 2_500
    assert gives(Conditions(min_order=2_501), order(None, SHIRT, SOCKS)) == 0


def test_a_lines_discount_is_off_its_amount_and_never_below_nothing() -> None:
    assert replace(SHIRT, discount=300).amount == 1_700
    assert replace(SHIRT, discount=2_001).amount == 0


@pytest.mark.parametrize(
    ("bound", "conditions"),
    [
        ("min_order", Conditions(min_order=1)),
        ("min_order_multiple", Conditions(min_order_multiple=1)),
        ("max_share_of_order", Conditions(max_share_of_order=1)),
    ],
)
def test_a_bound_on_the_order_is_not_met_by_an_order_of_unknown_size(bound: str, conditions: Conditions) -> None:
    assert gives(conditions, order()) == 0
    assert reasons(conditions, order()) == (bound,)


def test_an_order_must_be_so_many_times_the_credit_used() -> None:
    thrice = Conditions(min_order_multiple=3)
    assert gives(thrice, order(3_000)) == 1_000
    assert gives(thrice, order(2_999)) == 999
    assert reasons(thrice, order(2_999)) == ("min_order_multiple",)


def test_a_share_of_the_order_is_rounded_down() -> None:
    third = Conditions(max_share_of_order=3_333)
    assert gives(third, order(10_000)) == 3_333
    assert gives(third, order(10)) == 3
    assert gives(third, order(3)) == 0
    assert reasons(third, order(10)) == ("max_share_of_order",)


def test_so_much_per_order_and_no_more() -> None:
    assert gives(Conditions(max_per_order=700), order(10_000)) == 700
    assert gives(Conditions(max_per_order=700), order()) == 700
    assert reasons(Conditions(max_per_order=700), order(10_000)) == ("max_per_order",)


def test_a_bound_that_does_not_bind_is_no_reason() -> None:
    loose = Conditions(max_per_order=10_000, max_share_of_order=10_000, min_order_multiple=1, min_order=1)
    assert reasons(loose, order(10_000)) == ()


def test_two_lots_of_at_most_half_the_order_do_not_pay_the_whole_of_it() -> None:
    anna = Passbook()
    half = Conditions(max_share_of_order=5_000)
    first, second, free = anna.grant(300, conditions=half), anna.grant(900, conditions=half), anna.grant(900)
    assert taken(anna.redeem(1_000, order(1_000))) == {first: 300, second: 200, free: 500}


def test_two_lots_with_a_multiple_share_it() -> None:
    anna = Passbook()
    twice = Conditions(min_order_multiple=2)
    first, second = anna.grant(300, conditions=twice), anna.grant(900, conditions=twice)
    assert taken(anna.redeem(500, order(1_000))) == {first: 300, second: 200}


def test_so_much_per_order_is_each_lots_own_bound() -> None:
    anna = Passbook()
    capped = Conditions(max_per_order=100)
    first, second = anna.grant(300, conditions=capped), anna.grant(300, conditions=capped)
    assert taken(anna.redeem(200, order(1_000))) == {first: 100, second: 100}


# The items


@pytest.mark.parametrize(
    ("wanted", "pays"),
    [
        ({"products": ("shirt",)}, 2_000),
        ({"products": ("socks", "shirt")}, 2_500),
        ({"categories": ("men",)}, 2_500),
        ({"categories": ("men/tops",)}, 2_000),
        ({"categories": ("men/tops/shirts",)}, 2_000),
        ({"categories": ("men/top",)}, 0),
        ({"categories": ("tops",)}, 0),
        ({"categories": ("men/tops/shirts/blue",)}, 0),
        ({"collections": ("summer",)}, 2_000),
        ({"tags": ("new",)}, 2_000),
        ({"tags": ("sale",)}, 0),
        ({"products": ("socks",), "tags": ("new",)}, 2_500),
    ],
)
def test_included_items_are_what_a_lot_pays_for(wanted: dict[str, Any], pays: int) -> None:
    assert gives(Conditions(include=Selection(**wanted)), order(None, SHIRT, SOCKS)) == pays


@pytest.mark.parametrize(
    ("barred", "pays"),
    [
        ({"products": ("shirt",)}, 500),
        ({"categories": ("men",)}, 0),
        ({"categories": ("men/tops",)}, 500),
        ({"tags": ("sale",)}, 2_500),
    ],
)
def test_excluded_items_are_what_it_does_not_pay_for(barred: dict[str, Any], pays: int) -> None:
    assert gives(Conditions(exclude=Selection(**barred)), order(None, SHIRT, SOCKS)) == pays


def test_what_is_included_and_excluded_is_excluded() -> None:
    both = Conditions(include=Selection(categories=("men",)), exclude=Selection(tags=("new",)))
    assert gives(both, order(None, SHIRT, SOCKS)) == 500


def test_credit_for_items_does_not_pay_an_order_whose_lines_are_not_told() -> None:
    assert reasons(Conditions(include=Selection(products=("shirt",))), order(10_000)) == ("items",)
    assert reasons(Conditions(exclude=Selection(products=("shirt",))), order(10_000)) == ("items",)


def test_a_line_without_a_category_is_in_none() -> None:
    plain = Line("shirt", 1, 1_000)
    assert gives(Conditions(include=Selection(categories=("men",))), order(None, plain)) == 0
    assert gives(Conditions(exclude=Selection(categories=("men",))), order(None, plain)) == 1_000


def test_credit_for_items_pays_no_more_than_is_to_pay() -> None:
    assert gives(Conditions(include=Selection(products=("shirt",))), order(700, SHIRT, SOCKS)) == 700


def test_two_lots_for_the_same_items_do_not_pay_them_twice() -> None:
    anna = Passbook()
    shirts = Conditions(include=Selection(products=("shirt",)))
    first, second = anna.grant(1_500, conditions=shirts), anna.grant(1_500, conditions=shirts)
    assert taken(anna.redeem(2_000, order(2_500, SHIRT, SOCKS))) == {first: 1_500, second: 500}
    assert first != second


def test_credit_for_all_pays_what_credit_for_items_left() -> None:
    anna = Passbook()
    free = anna.grant(5_000)
    socks = anna.grant(5_000, conditions=Conditions(include=Selection(products=("socks",))))
    assert taken(anna.redeem(2_600, order(2_600, SHIRT, SOCKS))) == {socks: 500, free: 2_100}


# Where, when, who


@pytest.mark.parametrize(("field", "names"), [("sites", {"site": "de"}), ("channels", {"channel": "app"})])
def test_included_and_excluded_sites_and_channels(field: str, names: dict[str, str]) -> None:
    (value,) = names.values()
    only, others = (
        Conditions(include=Selection(**{field: (value,)})),
        Conditions(exclude=Selection(**{field: (value,)})),
    )
    elsewhere = dict.fromkeys(names, "other")
    assert (gives(only, order(100, **names)), gives(only, order(100, **elsewhere))) == (100, 0)
    assert (gives(others, order(100, **names)), gives(others, order(100, **elsewhere))) == (0, 100)
    assert (gives(only, order(100)), gives(others, order(100))) == (0, 0), "the checkout did not tell"
    assert reasons(only, order(100)) == (field,)


def test_a_site_does_not_make_a_lot_item_scoped() -> None:
    assert not Conditions(include=Selection(sites=("de",))).item_scoped


def test_weekdays_are_the_merchants() -> None:
    friday = Conditions(weekdays=("fri",))
    policy = replace(POLICY, zone=ZoneInfo("Europe/Berlin"))
    anna = Passbook("2026-01-15T12:00", policy)
    anna.grant(100, conditions=friday)
    assert anna.on("2026-01-15T23:59:59.999").quote(order(100)).shares[0].reasons == ("weekdays",)
    assert anna.on("2026-01-16T00:00").quote(order(100)).applicable == 100
    assert anna.on("2026-01-16T23:59:59.999").quote(order(100)).applicable == 100
    assert anna.on("2026-01-17T00:00").quote(order(100)).applicable == 0


@pytest.mark.parametrize(("at", "pays"), [("08:59:59.999", 0), ("09:00", 100), ("16:59:59.999", 100), ("17:00", 0)])
def test_hours_are_half_open(at: str, pays: int) -> None:
    office = Conditions(hours=(9 * 60, 17 * 60))
    assert gives(office, order(100), at=f"2026-01-15T{at}") == pays


@pytest.mark.parametrize(
    ("at", "pays"), [("21:59", 0), ("22:00", 100), ("23:59:59.999", 100), ("00:00", 100), ("01:59", 100), ("02:00", 0)]
)
def test_hours_may_run_over_midnight(at: str, pays: int) -> None:
    assert gives(Conditions(hours=(22 * 60, 2 * 60)), order(100), at=f"2026-01-15T{at}") == pays


def test_hours_to_24_run_to_the_end_of_the_day() -> None:
    assert gives(Conditions(hours=(9 * 60, 24 * 60)), order(100), at="2026-01-15T23:59:59.999") == 100


def test_hours_are_the_merchants_summer_and_winter() -> None:
    anna = Passbook("2026-03-28T09:30", replace(POLICY, zone=ZoneInfo("Europe/Berlin")))
    anna.grant(100, conditions=Conditions(hours=(9 * 60, 10 * 60)))
    assert anna.quote(order(100)).applicable == 100
    assert anna.on("2026-03-29T09:30").quote(order(100)).applicable == 100
    assert anna.on("2026-03-29T10:00").quote(order(100)).shares[0].reasons == ("hours",)


def test_credit_for_the_first_order_pays_no_second_one() -> None:
    anna = Passbook()
    anna.grant(100, conditions=Conditions(first_order_only=True))
    anna.redeem(40, "order-1")
    with pytest.raises(ConditionNotMet) as refused:
        anna.redeem(40, "order-2")
    assert refused.value.facts["lots"] == [{"lot": "lot_1", "reasons": ["first_order_only"]}]
    anna.redeem(60, "order-1")


def test_an_order_is_the_first_once_credit_was_spent_on_it_not_when_it_was_held_for_it() -> None:
    anna = Passbook()
    anna.grant(100)
    anna.release(anna.hold(50, "order-1"))
    assert anna.wallet.first_order is None
    anna.capture(anna.hold(50, "order-2"))
    assert anna.wallet.first_order == "order-2"


def test_not_with_discounts_wants_to_be_told_that_there_are_none() -> None:
    alone = Conditions(not_with_discounts=True)
    assert gives(alone, order(100, discounted=False)) == 100
    assert gives(alone, order(100, discounted=True)) == 0
    assert reasons(alone, order(100)) == ("not_with_discounts",)


def test_credit_is_not_for_the_order_that_earned_it() -> None:
    earned = Conditions(not_on_order="order-1")
    assert reasons(earned, Cart("order-1", 100)) == ("not_on_order",)
    assert gives(earned, Cart("order-2", 100)) == 100


def test_all_conditions_must_hold_and_each_that_does_not_is_named() -> None:
    strict = Conditions(
        min_order=101,
        include=Selection(products=("hat",), sites=("de",), channels=("app",)),
        weekdays=("sun",),
        hours=(0, 60),
        not_with_discounts=True,
        not_on_order="order-1",
    )
    assert reasons(strict, order(100, SOCKS)) == (
        "min_order",
        "items",
        "sites",
        "channels",
        "weekdays",
        "hours",
        "not_with_discounts",
        "not_on_order",
    )


def test_a_lot_that_is_only_partly_bound_still_gives_the_rest() -> None:
    anna = Passbook()
    bound = anna.grant(100, conditions=Conditions(max_per_order=30))
    free = anna.grant(100)
    assert taken(anna.redeem(100, order(100))) == {bound: 30, free: 70}


# Arithmetic

LINES = st.builds(
    Line,
    product=st.sampled_from("abc"),
    quantity=st.integers(1, 3),
    unit_price=st.integers(0, 60),
    discount=st.integers(0, 40),
)
ITEMS = st.lists(st.sampled_from("abcd"), max_size=2, unique=True).map(tuple)
SOME_CONDITIONS = st.builds(
    Conditions,
    min_order=st.none() | st.integers(0, 100),
    min_order_multiple=st.none() | st.integers(1, 4),
    max_share_of_order=st.none() | st.integers(1, 10_000),
    max_per_order=st.none() | st.integers(1, 50),
    include=st.builds(Selection, products=ITEMS),
    exclude=st.builds(Selection, products=ITEMS),
)
CARTS = st.builds(
    Cart,
    order_id=st.just("order-1"),
    total=st.none() | st.integers(0, 200),
    lines=st.lists(LINES, max_size=4).map(tuple),
)


@given(lots=st.lists(st.tuples(SOME_CONDITIONS, st.integers(1, 100)), min_size=1, max_size=5), cart=CARTS)
def test_whatever_the_conditions_credit_never_covers_more_than_it_may(
    lots: list[tuple[Conditions, int]], cart: Cart
) -> None:
    anna = Passbook()
    for conditions, amount in lots:
        anna.grant(amount, conditions=conditions)
    ceiling = cart.ceiling
    covered = covered_items = covered_shares = covered_multiples = 0
    for share in anna.quote(cart).shares:
        conditions = share.lot.conditions or UNCONDITIONAL
        covered += share.amount
        assert 0 <= share.amount <= share.lot.remaining
        assert conditions.max_per_order is None or share.amount <= conditions.max_per_order
        if conditions.item_scoped:
            covered_items += share.amount
            assert share.amount <= sum(line.amount for line in cart.lines if conditions.eligible(line))
        if conditions.max_share_of_order is not None:
            covered_shares += share.amount
            if share.amount:
                assert covered_shares * 10_000 <= (ceiling or 0) * conditions.max_share_of_order
        if conditions.min_order_multiple is not None:
            covered_multiples += share.amount
            if share.amount:
                assert covered_multiples * conditions.min_order_multiple <= (ceiling or 0)
    assert ceiling is None or covered <= ceiling
    assert covered_items <= sum(line.amount for line in cart.lines)


@given(lots=st.lists(st.tuples(SOME_CONDITIONS, st.integers(1, 100)), min_size=1, max_size=4), cart=CARTS)
def test_what_a_quote_calls_applicable_can_be_redeemed_to_the_cent_and_not_a_cent_more(
    lots: list[tuple[Conditions, int]], cart: Cart
) -> None:
    anna = Passbook()
    for conditions, amount in lots:
        anna.grant(amount, conditions=conditions)
    applicable = anna.quote(cart).applicable
    if applicable:
        assert anna.redeem(anna.available + 1, cart, partial=True).amount == applicable


def test_room_shrinks_as_lots_are_taken() -> None:
    coverage = Coverage(order(100))
    assert coverage.room(UNCONDITIONAL, 500) == (100, "order_covered")
    coverage.take(UNCONDITIONAL, 60)
    assert coverage.room(UNCONDITIONAL, 500) == (40, "order_covered")
    assert coverage.room(UNCONDITIONAL, 40) == (40, None)


# Shape


@given(
    st.builds(
        Conditions,
        min_order=st.none() | st.integers(0, 10**12),
        min_order_multiple=st.none() | st.integers(1, 100),
        max_share_of_order=st.none() | st.integers(1, 10_000),
        max_per_order=st.none() | st.integers(1, 10**12),
        include=st.builds(Selection, products=ITEMS, categories=ITEMS, sites=ITEMS),
        exclude=st.builds(Selection, collections=ITEMS, tags=ITEMS, channels=ITEMS),
        weekdays=st.lists(st.sampled_from(["mon", "sun"]), unique=True).map(tuple),
        hours=st.none() | st.tuples(st.integers(0, 1439), st.integers(1, 1440)),
        first_order_only=st.booleans(),
        not_with_discounts=st.booleans(),
        not_on_order=st.none() | st.just("order-9"),
    )
)
def test_conditions_survive_being_stored(conditions: Conditions) -> None:
    assert from_dict(as_dict(conditions)) == conditions


def test_conditions_that_say_nothing_take_no_room() -> None:
    assert as_dict(UNCONDITIONAL) == {}
    assert from_dict({}) == UNCONDITIONAL


def test_hours_are_stored_as_people_write_them() -> None:
    assert as_dict(Conditions(hours=(9 * 60 + 5, 24 * 60))) == {"hours": {"from": "09:05", "to": "24:00"}}
