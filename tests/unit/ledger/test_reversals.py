"""Giving redeemed credit back: to where it came from, the last consumed first, never more than was taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.limits import MAX_LOTS_AFTER_REVERSAL, MAX_OPEN_LOTS
from chalicelib.ledger.lots import Kind, LotClass, Source
from chalicelib.ledger.policy import At, Days, Never
from chalicelib.ledger.refusals import LotLimitExceeded, NotFound, OverReversal
from tests.passbook import Passbook, instant, taken


class Shopper(Passbook):
    """Lots A 5.00 (to 1 May) and B 10.00 (to 1 August) pay 12.00 of an order on 20 April."""

    def __init__(self) -> None:
        super().__init__("2026-04-01T12:00")
        self.a = self.grant(500, expires=At(instant("2026-05-01")))
        self.b = self.grant(1000, expires=At(instant("2026-08-01")))
        self.on("2026-04-20T12:00")
        self.spent = self.redeem(1200)


# The worked example


def test_the_sooner_lot_is_consumed_first() -> None:
    anna = Shopper()
    assert taken(anna.spent) == {anna.a: 500, anna.b: 700}


def test_a_partial_refund_restores_the_lot_burned_last() -> None:
    anna = Shopper()
    anna.on("2026-05-10T12:00")
    assert anna.reverse(anna.spent, 600) == ()
    assert anna.lots == {anna.b: 900}
    assert anna.lot(anna.b).expires_at == instant("2026-08-01")


def test_a_full_refund_brings_the_expired_lot_back_for_thirty_days() -> None:
    anna = Shopper()
    anna.on("2026-05-10T12:00")
    (again,) = anna.reverse(anna.spent)
    assert anna.lots == {anna.b: 1000, again.id: 500}
    assert (again.kind, again.parent, again.granted) == (Kind.REINSTATED, anna.a, 500)
    assert (again.effective_at, again.expires_at) == (instant("2026-05-10T12:00"), instant("2026-06-09T12:00"))


def test_the_reinstated_lot_ends_on_9_june() -> None:
    anna = Shopper()
    anna.on("2026-05-10T12:00").reverse(anna.spent)
    assert anna.on("2026-06-09T11:59:59.999").available == 1500
    assert anna.on("2026-06-09T12:00").available == 1000


def test_a_reinstated_lot_keeps_class_conditions_priority_and_source_of_its_parent() -> None:
    anna = Passbook("2026-04-01")
    lot = anna.grant(100, Kind.COMPENSATION, Days(1), priority=7, source=Source("ticket", "T-1"))
    terms = anna.lot(lot)
    spent = anna.redeem(100)
    (again,) = anna.later(days=3).reverse(spent)
    assert again.lot_class is LotClass.GOODWILL
    assert (again.priority, again.conditions, again.source) == (7, terms.conditions, terms.source)


# Where the value goes


def test_a_live_lot_grows_and_keeps_its_expiry() -> None:
    anna = Shopper()
    anna.on("2026-04-21T12:00").reverse(anna.spent, 300)
    assert anna.lots == {anna.b: 600}
    assert anna.lot(anna.b).expires_at == instant("2026-08-01")


def test_a_lot_that_was_used_up_comes_back_under_its_own_id() -> None:
    anna = Shopper()
    anna.reverse(anna.spent, 700)
    assert anna.a not in anna.lots
    assert anna.reverse(anna.spent, 100) == ()
    assert anna.lots == {anna.b: 1000, anna.a: 100}
    assert anna.lot(anna.a).granted == 500


def test_a_live_lot_that_ends_soon_is_lifted_to_fourteen_days() -> None:
    anna = Shopper()
    anna.on("2026-04-20T12:00").reverse(anna.spent)
    assert anna.lot(anna.a).expires_at == instant("2026-05-04T12:00")


def test_a_live_lot_that_ends_in_exactly_fourteen_days_is_not_lifted() -> None:
    anna = Passbook("2026-04-10")
    lot = anna.grant(100, expires=At(instant("2026-05-01")))
    spent = anna.redeem(100)
    anna.on("2026-04-17").reverse(spent)
    assert anna.lot(lot).expires_at == instant("2026-05-01")


def test_a_lot_that_never_expires_is_not_lifted() -> None:
    anna = Passbook()
    lot = anna.grant(100, Kind.PURCHASED)
    anna.reverse(anna.redeem(100))
    assert anna.lot(lot).expires_at is None


def test_a_lot_is_reinstated_at_exactly_its_expiry_and_lifted_just_before() -> None:
    before, at = Shopper(), Shopper()
    before.on("2026-04-30T23:59:59.999").reverse(before.spent)
    (again,) = at.on("2026-05-01T00:00").reverse(at.spent)
    assert before.lots == {before.b: 1000, before.a: 500}
    assert again.parent == at.a


def test_paid_credit_that_expired_comes_back_for_ever() -> None:
    anna = Passbook("2026-04-01")
    anna.grant(100, Kind.MIGRATION, Days(1))
    spent = anna.redeem(100)
    (again,) = anna.later(days=30).reverse(spent)
    assert (again.expires_at, again.lot_class) == (None, LotClass.PAID)


def test_purchased_credit_does_not_come_back_as_promotional() -> None:
    anna = Passbook()
    promotional, paid = anna.grant(100), anna.grant(100, Kind.PURCHASED)
    spent = anna.redeem(150)
    anna.reverse(spent, 120)
    assert anna.lots == {paid: 100, promotional: 70}


def test_refund_to_a_lot_that_was_revoked_brings_back_what_was_spent_of_it() -> None:
    anna = Passbook()
    lot = anna.grant(100)
    spent = anna.redeem(40)
    anna.revoke(lot)
    anna.reverse(spent)
    assert anna.lots == {lot: 40}


def test_refund_to_a_lot_that_expired_while_used_reinstates_only_what_was_used() -> None:
    anna = Passbook("2026-04-01")
    anna.grant(100, expires=Days(1))
    spent = anna.redeem(40)
    anna.later(days=3).sweep()
    (again,) = anna.reverse(spent)
    assert (again.granted, anna.available) == (40, 40)


def test_a_refund_lands_in_a_frozen_wallet() -> None:
    anna = Shopper()
    anna.freeze()
    anna.reverse(anna.spent)
    assert anna.available == 1500


def test_the_expired_lot_that_stays_open_for_a_held_part_is_reinstated_beside_it() -> None:
    anna = Passbook("2026-04-01")
    lot = anna.grant(100, expires=Days(0))
    spent = anna.redeem(40)
    anna.hold(60, "order-2", minutes=7 * 24 * 60)
    (again,) = anna.later(days=2).reverse(spent)
    assert anna.lots == {lot: 60, again.id: 40}
    assert (anna.balance.held, anna.available) == (60, 40)


def test_credit_that_comes_back_to_a_lot_with_a_held_part_is_free() -> None:
    anna = Passbook()
    lot = anna.grant(100)
    spent = anna.redeem(40)
    anna.hold(60, "order-2")
    anna.reverse(spent)
    assert (anna.lot(lot).remaining, anna.lot(lot).held, anna.available) == (100, 60, 40)


# How much


def test_all_that_is_left_is_given_back_unless_an_amount_is_said() -> None:
    anna = Shopper()
    anna.reverse(anna.spent, 200)
    anna.reverse(anna.spent)
    assert anna.available == 1500
    assert anna.redemptions[anna.spent.id].status == "reversed"


def test_cancel_after_a_partial_refund_gives_only_the_rest() -> None:
    anna = Shopper()
    anna.reverse(anna.spent, 1000)
    anna.reverse(anna.spent)
    assert [entry.amount for entry in anna.entries if entry.type == "restored"] == [1000, 200]


def test_a_redemption_knows_what_was_given_back_of_it() -> None:
    anna = Shopper()
    anna.reverse(anna.spent, 800)
    amended = anna.redemptions[anna.spent.id]
    assert (amended.amount, amended.reversed, amended.status) == (1200, 800, "partially_reversed")
    assert [(part.lot.id, part.given_back) for part in amended.parts] == [(anna.a, 100), (anna.b, 700)]


@pytest.mark.parametrize("amount", [1201, 10**12])
def test_more_than_was_taken_is_not_given_back(amount: int) -> None:
    anna = Shopper()
    with pytest.raises(OverReversal) as refused:
        anna.reverse(anna.spent, amount)
    assert refused.value.facts == {"redeemed": 1200, "reversed": 0, "requested": amount}
    assert anna.available == 300


def test_a_redemption_is_given_back_once() -> None:
    anna = Shopper()
    anna.reverse(anna.spent)
    for amount in (None, 1):
        with pytest.raises(OverReversal):
            anna.reverse(anna.spent, amount)
    assert anna.available == 1500


def test_a_refund_of_a_refund_through_the_same_door_is_refused() -> None:
    anna = Shopper()
    anna.reverse(anna.spent)
    (restored,) = (entry for entry in anna.entries if entry.type == "restored")
    with pytest.raises(NotFound):
        anna.reverse(f"rdm_{restored.operation}")


def test_a_redemption_that_never_was_is_not_found() -> None:
    with pytest.raises(NotFound):
        Passbook().reverse("rdm_nothing")


def test_a_reversal_says_whose_redemption_and_order_it_gives_back() -> None:
    anna = Shopper()
    anna.reverse(anna.spent, 10, reason="returned")
    entry = anna.entries[-1]
    assert (entry.type, entry.amount, entry.reason) == ("restored", 10, "returned")
    assert (entry.redemption, entry.order_id) == (anna.spent.id, "order-1")


@given(
    lots=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    cuts=st.lists(st.integers(1, 40), max_size=8),
    days=st.integers(0, 20),
)
def test_partial_reversals_together_restore_exactly_what_one_full_reversal_does(
    lots: list[int], cuts: list[int], days: int
) -> None:
    def given_back(parts: list[int | None]) -> dict[str, int]:
        anna = Passbook("2026-04-01")
        for number, amount in enumerate(lots):
            anna.grant(amount, expires=Days(number * 4))
        spent = anna.redeem(sum(lots) - lots[-1] // 2)
        anna.later(days=days)
        for part in parts:
            anna.reverse(spent, part)
        by_lot: dict[str, int] = {}
        for lot in anna.wallet.lots:
            origin = lot.parent or lot.id
            by_lot[origin] = by_lot.get(origin, 0) + lot.remaining
        return by_lot

    left = sum(lots) - lots[-1] // 2
    parts: list[int | None] = []
    for cut in cuts:
        if cut < left:
            parts.append(cut)
            left -= cut
    assert given_back([*parts, None]) == given_back([None])


# Merged lots


def test_points_spent_before_and_after_a_merge_can_all_be_given_back() -> None:
    anna = Passbook()
    lot = anna.grant(10, Kind.LOYALTY)
    before = anna.redeem(6, "order-1")
    anna.grant(5, Kind.LOYALTY)
    after = anna.redeem(9, "order-2")
    anna.reverse(before)
    anna.reverse(after)
    assert anna.lots == {lot: 15}
    assert anna.lot(lot).granted == 15


def test_points_that_joined_a_lot_which_came_back_are_not_in_the_way_of_a_refund() -> None:
    anna = Passbook()
    lot = anna.grant(10, Kind.LOYALTY)
    before = anna.redeem(6, "order-1")
    anna.grant(5, Kind.LOYALTY)
    after = anna.redeem(9, "order-2")
    anna.reverse(before)
    anna.grant(5, Kind.LOYALTY)
    anna.reverse(after)
    assert anna.lots == {lot: 20}


def test_points_come_back_beside_a_lot_that_was_opened_meanwhile() -> None:
    anna = Passbook()
    first = anna.grant(10, Kind.LOYALTY)
    spent = anna.redeem(10)
    second = anna.grant(5, Kind.LOYALTY)
    anna.reverse(spent)
    assert anna.lots == {second: 5, first: 10}


def test_the_later_end_that_support_gave_a_lot_is_kept_when_its_credit_comes_back_in_any_order() -> None:
    for swapped in (False, True):
        anna = Passbook("2026-04-01")
        lot = anna.grant(10, expires=At(instant("2026-06-01")))
        before = anna.redeem(5, "order-1")
        anna.extend(lot, At(instant("2026-12-01")))
        after = anna.redeem(5, "order-2")
        for spent in (after, before) if swapped else (before, after):
            anna.reverse(spent)
        assert anna.lot(lot).expires_at == instant("2026-12-01")


def test_a_lot_that_support_made_last_for_ever_comes_back_for_ever() -> None:
    anna = Passbook("2026-04-01")
    lot = anna.grant(10, expires=At(instant("2026-06-01")))
    before = anna.redeem(5, "order-1")
    anna.extend(lot, Never())
    after = anna.redeem(5, "order-2")
    anna.reverse(before)
    anna.reverse(after)
    assert anna.lot(lot).expires_at is None


# Limits


def test_a_refund_lands_where_a_grant_would_be_refused() -> None:
    anna = Passbook()
    anna.grant(5, expires=Days(0))
    spent = anna.redeem(5)
    anna.later(days=2)
    for _ in range(MAX_OPEN_LOTS):
        anna.grant(1)
    anna.reverse(spent)
    assert len(anna.wallet.lots) == MAX_OPEN_LOTS + 1


def test_at_its_last_limit_a_wallet_refuses_a_refund_that_needs_a_lot_and_takes_one_that_does_not() -> None:
    anna = Passbook()
    for _ in range(51):
        anna.grant(1, expires=Days(0))
    spent = anna.redeem(51)
    anna.later(days=2)
    lots = [anna.grant(2, priority=number) for number in range(MAX_OPEN_LOTS)]
    other = anna.redeem(1)
    for _ in range(50):
        anna.reverse(spent, 1)
    assert len(anna.wallet.lots) == MAX_LOTS_AFTER_REVERSAL
    with pytest.raises(LotLimitExceeded):
        anna.reverse(spent, 1)
    anna.reverse(other)
    assert anna.lots[lots[0]] == 2
    anna.revoke(lots[0])
    anna.reverse(spent)
    assert anna.redemptions[spent.id].status == "reversed"
