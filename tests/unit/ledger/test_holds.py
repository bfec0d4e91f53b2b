"""Holds: set aside, captured in one or more parts, released, replaced, lapsed; and each of these once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from chalicelib.ledger.cart import Cart
from chalicelib.ledger.conditions import Conditions
from chalicelib.ledger.limits import (
    HOUR_MS,
    MAX_HELD_PARTS,
    MAX_LOTS,
    MAX_OPEN_HOLDS,
    MAX_REINSTATEMENTS,
    MINUTE_MS,
)
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.model import Hold, HoldStatus
from chalicelib.ledger.policy import At, Days
from chalicelib.ledger.refusals import (
    AmountOutOfRange,
    ConditionNotMet,
    HoldClosed,
    HoldLapsed,
    InsufficientCredit,
    LotLimitExceeded,
    NotFound,
    OverCapture,
    WalletFrozen,
)
from tests.passbook import Passbook, instant, taken

WEEK = 7 * 24 * 60
"""Minutes: the longest hold."""


# Setting aside


def test_a_hold_sets_credit_aside_and_takes_none() -> None:
    anna = Passbook()
    anna.grant(1000)
    anna.hold(400)
    assert (anna.available, anna.balance.held, anna.wallet.remaining) == (600, 400, 1000)


def test_a_hold_names_its_lots_in_spending_order() -> None:
    anna = Passbook()
    paid, promotional = anna.grant(500, Kind.PURCHASED), anna.grant(300)
    hold = anna.hold(400, "order-9")
    assert [(part.lot, part.amount) for part in hold.allocations] == [(promotional, 300), (paid, 100)]
    assert (hold.order_id, hold.amount, hold.captured, hold.outstanding) == ("order-9", 400, 0, 400)


def test_a_hold_lives_thirty_minutes_unless_told_otherwise() -> None:
    anna = Passbook()
    anna.grant(1000)
    assert anna.hold(400).expires_at == anna.now + 30 * MINUTE_MS
    assert anna.hold(400, "order-2", minutes=WEEK).expires_at == anna.now + WEEK * MINUTE_MS


def test_a_hold_is_refused_for_all_the_reasons_that_a_redemption_is() -> None:
    anna = Passbook()
    anna.grant(100, conditions=Conditions(max_per_order=60))
    with pytest.raises(InsufficientCredit):
        anna.hold(101)
    with pytest.raises(ConditionNotMet):
        anna.hold(61)
    with pytest.raises(AmountOutOfRange):
        anna.hold(50, Cart("order-1", total=49))
    anna.freeze()
    with pytest.raises(WalletFrozen):
        anna.hold(1)


def test_a_hold_takes_part_where_that_is_wanted() -> None:
    anna = Passbook()
    anna.grant(100)
    assert anna.hold(500, partial=True).amount == 100


# Capturing


def test_a_capture_spends_all_that_is_held() -> None:
    anna = Passbook()
    lot = anna.grant(1000)
    hold = anna.hold(400, "order-9")
    spent = anna.capture(hold)
    assert (taken(spent), spent.order_id) == ({lot: 400}, "order-9")
    assert (anna.available, anna.balance.held, anna.wallet.holds) == (600, 0, ())


def test_a_final_capture_releases_the_rest() -> None:
    anna = Passbook()
    anna.grant(1000)
    anna.capture(anna.hold(400), 150)
    assert (anna.available, anna.balance.held) == (850, 0)
    assert anna.types[-2:] == ["captured", "released"]


def test_several_partial_captures_until_one_is_final() -> None:
    anna = Passbook()
    first, second = anna.grant(100), anna.grant(100)
    hold = anna.hold(180)
    shipments = [
        anna.capture(hold, 70, final=False),
        anna.capture(hold, 70, final=False),
        anna.capture(hold, 30),
    ]
    assert [taken(spent) for spent in shipments] == [{first: 70}, {first: 30, second: 40}, {second: 30}]
    assert anna.lots == {second: 30}


def test_each_capture_is_a_redemption_of_its_own_and_reversed_as_such() -> None:
    anna = Passbook()
    anna.grant(200)
    hold = anna.hold(180)
    first = anna.capture(hold, 70, final=False)
    second = anna.capture(hold)
    assert first.id != second.id
    anna.reverse(first)
    assert (anna.available, anna.redemptions[second.id].reversed) == (90, 0)


def test_a_capture_that_is_not_final_leaves_the_rest_held() -> None:
    anna = Passbook()
    anna.grant(200)
    hold = anna.hold(180)
    anna.capture(hold, 70, final=False)
    anna.capture(hold, 10, final=False)
    (still,) = anna.wallet.holds
    assert (still.amount, still.captured, still.outstanding, anna.available) == (180, 80, 100, 20)


def test_a_hold_of_which_nothing_is_left_is_captured_final_or_not() -> None:
    anna = Passbook()
    anna.grant(200)
    hold = anna.hold(180)
    anna.capture(hold, 180, final=False)
    assert anna.hold_statuses[hold.id] is HoldStatus.CAPTURED
    assert anna.wallet.holds == ()


def test_more_than_is_held_is_not_captured() -> None:
    anna = Passbook()
    anna.grant(1000)
    hold = anna.hold(400)
    with pytest.raises(OverCapture) as refused:
        anna.capture(hold, 401)
    assert refused.value.facts == {"held": 400, "requested": 401}
    anna.capture(hold, 300, final=False)
    with pytest.raises(OverCapture):
        anna.capture(hold, 101)


def test_nothing_is_captured_from_a_frozen_wallet_but_its_holds_can_be_released() -> None:
    anna = Passbook()
    anna.grant(1000)
    hold = anna.hold(400)
    anna.freeze()
    with pytest.raises(WalletFrozen):
        anna.capture(hold)
    anna.release(hold)
    assert anna.balance.held == 0


# Releasing, and being over


def test_a_release_gives_everything_back_to_its_lots() -> None:
    anna = Passbook()
    first, second = anna.grant(100), anna.grant(100)
    hold = anna.hold(150)
    anna.release(hold)
    assert (anna.available, anna.lots) == (200, {first: 100, second: 100})
    assert anna.hold_statuses[hold.id] is HoldStatus.RELEASED


def test_a_hold_lapses_at_exactly_its_time() -> None:
    anna = Passbook()
    anna.grant(1000)
    anna.hold(400, minutes=30)
    anna.later(minutes=30, milliseconds=-1)
    assert anna.available == 600
    assert anna.later(milliseconds=1).available == 1000


def test_a_lapse_is_booked_by_whoever_comes_next() -> None:
    anna = Passbook()
    anna.grant(1000)
    hold = anna.hold(400)
    anna.later(hours=2).redeem(1000)
    assert anna.types[-2:] == ["lapsed", "redeemed"]
    assert (anna.entries[-2].hold, anna.entries[-2].amount, anna.entries[-2].actor) == (hold.id, 0, "system")


def ends(anna: Passbook, hold: Hold) -> dict[str, tuple[Callable[[], object], type[Exception]]]:
    return {
        "captured": (lambda: anna.capture(hold), HoldClosed),
        "released": (lambda: anna.release(hold), HoldClosed),
        "replaced": (lambda: anna.hold(10, hold.order_id), HoldClosed),
        "lapsed": (lambda: anna.later(hours=1), HoldLapsed),
        "lapsed and swept": (lambda: anna.later(hours=1).sweep(), HoldLapsed),
    }


@pytest.mark.parametrize("end", ["captured", "released", "replaced", "lapsed", "lapsed and swept"])
@pytest.mark.parametrize("partly", [False, True])
def test_a_hold_ends_once_and_whoever_comes_late_is_told_how(end: str, partly: bool) -> None:
    anna = Passbook()
    anna.grant(1000)
    hold = anna.hold(400)
    if partly:
        anna.capture(hold, 100, final=False)
    finish, refusal = ends(anna, hold)[end]
    finish()
    before = anna.balance
    with pytest.raises(refusal):
        anna.capture(hold)
    with pytest.raises(refusal):
        anna.capture(hold, 1)
    with pytest.raises(refusal):
        anna.release(hold)
    assert anna.balance == before


def test_a_closed_hold_says_what_became_of_it() -> None:
    anna = Passbook()
    anna.grant(1000)
    hold = anna.hold(400)
    anna.capture(hold)
    with pytest.raises(HoldClosed) as refused:
        anna.release(hold)
    assert refused.value.facts == {"hold": hold.id, "hold_status": "captured"}


def test_a_hold_that_never_was_is_not_found() -> None:
    with pytest.raises(NotFound):
        Passbook().capture("hld_nothing")
    with pytest.raises(NotFound):
        Passbook().release("hld_nothing")


# One order, one hold


def test_a_new_hold_for_the_same_order_replaces_the_old_one_in_one_movement() -> None:
    anna = Passbook()
    anna.grant(1000)
    old = anna.hold(800, "order-1")
    new = anna.hold(900, "order-1")
    assert [hold.id for hold in anna.wallet.holds] == [new.id]
    assert (anna.balance.held, anna.hold_statuses[old.id]) == (900, HoldStatus.RELEASED)
    assert anna.types == ["issued", "held", "released", "held"]


def test_a_hold_that_cannot_be_replaced_stays() -> None:
    anna = Passbook()
    anna.grant(1000)
    old = anna.hold(800, "order-1")
    with pytest.raises(InsufficientCredit):
        anna.hold(1001, "order-1")
    assert anna.wallet.hold(old.id) is not None
    assert anna.balance.held == 800


def test_holds_for_other_orders_stay() -> None:
    anna = Passbook()
    anna.grant(1000)
    anna.hold(300, "order-1")
    anna.hold(300, "order-2")
    assert anna.balance.held == 600


# Credit that dies while it is held


def test_credit_held_before_its_expiry_is_captured_after_it_whole() -> None:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, expires=Days(0))
    hold = anna.hold(500)
    anna.on("2026-01-16T00:10")
    assert (anna.available, anna.balance.held) == (0, 500)
    assert anna.capture(hold).amount == 500


def test_the_part_that_is_not_held_expires_at_its_time() -> None:
    anna = Passbook("2026-01-15T23:50")
    lot = anna.grant(500, expires=Days(0))
    anna.hold(200)
    anna.on("2026-01-16T00:00").sweep()
    assert (anna.available, anna.lots) == (0, {lot: 200})
    assert anna.entries[-1].amount == -300


def test_a_released_part_of_an_expired_lot_lives_a_day_more_under_a_new_name() -> None:
    anna = Passbook("2026-01-15T23:50")
    lot = anna.grant(500, expires=Days(0))
    hold = anna.hold(200)
    anna.on("2026-01-16T00:10").release(hold)
    ((again, amount),) = anna.lots.items()
    assert (amount, anna.lot(again).kind, anna.lot(again).parent) == (200, Kind.REINSTATED, lot)
    assert anna.lot(again).expires_at == instant("2026-01-17T00:10")


def test_a_lapsed_part_of_an_expired_lot_lives_a_day_from_the_lapse_not_from_when_it_was_noticed() -> None:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, expires=Days(0))
    anna.hold(200, minutes=30)
    anna.on("2026-01-16T18:00").sweep()
    (again,) = anna.wallet.lots
    assert (again.effective_at, again.expires_at) == (instant("2026-01-16T00:20"), instant("2026-01-17T00:20"))


def test_the_rest_of_a_final_capture_lives_a_day_more_too() -> None:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, expires=Days(0))
    hold = anna.hold(200)
    anna.on("2026-01-16T00:10").capture(hold, 50)
    assert list(anna.lots.values()) == [150]


def test_a_part_whose_lot_expires_as_its_hold_lapses_lives_a_day_more() -> None:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, expires=Days(0))
    anna.hold(200, minutes=10)
    assert anna.on("2026-01-16T00:00").available == 200


def test_given_back_a_second_time_it_expires_at_once() -> None:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, expires=Days(0))
    first = anna.hold(200)
    anna.on("2026-01-16T00:10").release(first)
    second = anna.on("2026-01-17T00:00").hold(200, "order-2")
    anna.on("2026-01-17T00:20").release(second)
    assert (anna.available, anna.wallet.lots) == (0, ())
    assert anna.types[-2:] == ["released", "expired"]


def test_given_back_a_second_time_before_the_day_is_over_it_keeps_its_day() -> None:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, expires=Days(0))
    first = anna.hold(200)
    anna.on("2026-01-16T00:10").release(first)
    second = anna.hold(200, "order-2")
    anna.on("2026-01-16T00:20").release(second)
    assert anna.on("2026-01-17T00:09:59.999").available == 200
    assert anna.on("2026-01-17T00:10").available == 0


def held_for_the_second_time_and_dead() -> tuple[Passbook, Hold]:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, expires=Days(0))
    anna.hold(200)
    anna.on("2026-01-16T00:20")
    hold = anna.hold(200, "order-2", minutes=WEEK)
    return anna.on("2026-01-18T00:00"), hold


def test_what_a_final_capture_leaves_for_the_second_time_expires_in_the_same_movement() -> None:
    anna, hold = held_for_the_second_time_and_dead()
    anna.capture(hold, 50)
    assert anna.types[-3:] == ["captured", "released", "expired"]


def test_what_a_replaced_hold_gives_back_for_the_second_time_expires_in_the_same_movement() -> None:
    anna, hold = held_for_the_second_time_and_dead()
    anna.grant(10)
    anna.hold(10, hold.order_id)
    assert anna.types[-3:] == ["released", "expired", "held"]


def test_nobody_keeps_credit_alive_by_opening_checkouts() -> None:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, expires=Days(0))
    for _ in range(10):
        with suppress(InsufficientCredit):
            anna.hold(500, minutes=WEEK, partial=True)
        anna.later(days=6)
    assert (anna.available, anna.balance.held) == (0, 0)


def test_even_paid_credit_given_back_twice_expires() -> None:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, Kind.MIGRATION, Days(0))
    anna.hold(200, minutes=30)
    anna.on("2026-01-17T00:00").hold(200, minutes=60)
    assert anna.on("2026-01-18").available == 0


def test_credit_at_the_end_of_its_chain_does_not_live_on_after_a_hold() -> None:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, expires=Days(0))
    for _ in range(MAX_REINSTATEMENTS):
        spent = anna.redeem(500)
        anna.later(days=40).reverse(spent)
    anna.later(days=29).hold(500, minutes=2 * 24 * 60)
    assert anna.later(days=2).available == 0
    assert anna.balance.held == 0


def test_credit_that_was_bought_with_and_refunded_in_between_may_live_a_day_after_a_hold_once_more() -> None:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, expires=Days(0))
    hold = anna.hold(500)
    anna.on("2026-01-16T00:10").release(hold)
    spent = anna.redeem(500)
    (again,) = anna.later(days=2).reverse(spent)
    assert not again.from_release
    anna.later(days=29).hold(500, minutes=2 * 24 * 60)
    assert anna.later(days=2).available == 500


def test_two_holds_on_one_lot_that_died_each_give_back_their_part() -> None:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, expires=Days(0))
    one, two = anna.hold(200, "order-1"), anna.hold(300, "order-2")
    anna.on("2026-01-16T00:10").release(one)
    anna.release(two)
    assert sorted(anna.lots.values()) == [200, 300]
    assert anna.available == 500


def test_replacing_a_hold_uses_what_it_gave_back_of_a_dead_lot() -> None:
    anna = Passbook("2026-01-15T23:50")
    anna.grant(500, expires=Days(0))
    anna.hold(500, "order-1")
    anna.on("2026-01-16T00:10").hold(500, "order-1")
    assert anna.balance.held == 500
    assert anna.wallet.lots[0].from_release


# Limits


def test_twenty_holds_and_no_more() -> None:
    anna = Passbook()
    anna.grant(1000)
    for number in range(MAX_OPEN_HOLDS):
        anna.hold(1, f"order-{number}")
    with pytest.raises(LotLimitExceeded):
        anna.hold(1, "order-x")
    anna.hold(2, "order-3")
    anna.later(hours=1).hold(1, "order-x")
    assert len(anna.wallet.holds) == 1


def test_a_hundred_held_parts_and_no_more() -> None:
    anna = Passbook()
    for _ in range(60):
        anna.grant(2, conditions=Conditions(max_per_order=1))
    anna.hold(60, "order-1")
    with pytest.raises(LotLimitExceeded):
        anna.hold(MAX_HELD_PARTS - 60 + 1, "order-2")
    anna.hold(MAX_HELD_PARTS - 60, "order-2")


def test_however_often_its_lots_die_while_held_a_wallet_never_has_more_lots_than_its_limit() -> None:
    anna = Passbook()
    one_each = Conditions(max_per_order=1)
    for hour in (1, 2, 3):
        for _ in range(5):
            anna.grant(MAX_OPEN_HOLDS, expires=At(anna.now + hour * HOUR_MS), conditions=one_each)
    for hour in (1, 2, 3):
        with suppress(LotLimitExceeded):
            for number in range(MAX_OPEN_HOLDS):
                anna.hold(5, f"order-{hour}-{number}", minutes=60)
        anna.later(hours=1).sweep()
        assert len(anna.wallet.lots) <= MAX_LOTS


def test_a_redemption_takes_the_place_of_an_open_hold_for_its_order() -> None:
    anna = Passbook()
    anna.grant(1000)
    hold = anna.hold(800, "order-1")
    anna.redeem(800, "order-1")
    assert anna.wallet.holds == ()
    assert anna.wallet.remaining == 200
    with pytest.raises(HoldClosed):
        anna.capture(hold)


def test_a_redemption_leaves_holds_for_other_orders_alone() -> None:
    anna = Passbook()
    anna.grant(1000)
    anna.hold(800, "order-1")
    with pytest.raises(InsufficientCredit):
        anna.redeem(800, "order-2")
    assert anna.wallet.held == 800


def test_credit_for_the_first_order_that_is_held_for_one_is_not_held_for_another() -> None:
    anna = Passbook()
    anna.grant(500, conditions=Conditions(first_order_only=True))
    anna.grant(500, conditions=Conditions(first_order_only=True))
    anna.hold(500, "order-1")
    with pytest.raises(ConditionNotMet):
        anna.hold(500, "order-2")
