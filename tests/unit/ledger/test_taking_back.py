"""Promotional credit that an order earned is taken back as far as the order, net of its refunds, earns it no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.earning import Earning, still_earned
from chalicelib.ledger.lots import Kind, LotClass, Source
from chalicelib.ledger.policy import At, Clawback, Days
from tests.passbook import POLICY, Passbook, instant

TEN_PERCENT = Earning("order-1", Clawback.DEBT, rule="ten", base=3000, basis_points=1000)


def earned(book: Passbook, amount: int = 300, rule: Earning = TEN_PERCENT, **more: object) -> str:
    """The lot with what an order over 30.00 earned."""
    book.pays(total=3000)
    return book.grant(amount, Kind.CASHBACK, earned=rule, **more)  # type: ignore[arg-type]


# How much


@pytest.mark.parametrize(
    ("rule", "granted", "refunded", "worth"),
    [
        (Earning("o", Clawback.DEBT, base=3000, basis_points=1000), 300, 0, 300),
        (Earning("o", Clawback.DEBT, base=3000, basis_points=1000), 300, 1500, 150),
        (Earning("o", Clawback.DEBT, base=3000, basis_points=1000), 300, 1, 299),
        (Earning("o", Clawback.DEBT, base=2999, basis_points=333), 99, 1, 99),
        (Earning("o", Clawback.DEBT, base=1000, basis_points=1000), 100, 1500, 50),
        (Earning("o", Clawback.DEBT, basis_points=1000), 300, 1500, 150),
        (Earning("o", Clawback.DEBT, fixed=500), 500, 2999, 500),
        (Earning("o", Clawback.DEBT, fixed=500), 500, 3000, 0),
        (Earning("o", Clawback.DEBT, fixed=500, total_over=2000), 500, 999, 500),
        (Earning("o", Clawback.DEBT, fixed=500, total_over=2000), 500, 1000, 0),
        (Earning("o", Clawback.DEBT, base=3000, basis_points=1000, max_amount=100), 100, 1500, 100),
        (Earning("o", Clawback.DEBT, base=3000, basis_points=1000, max_amount=100), 100, 2100, 90),
        (Earning("o", Clawback.DEBT, base=3000, basis_points=1000, total_over=2999), 300, 1, 0),
        (Earning("o", Clawback.DEBT), 100, 1, 99),
        (Earning("o", Clawback.DEBT), 100, 3000, 0),
        (Earning("o", Clawback.DEBT, base=3000, basis_points=10_000), 3000, 2999, 1),
    ],
)
def test_what_an_order_over_thirty_euros_still_earns(rule: Earning, granted: int, refunded: int, worth: int) -> None:
    assert still_earned(rule, granted, 3000, refunded) == worth


@given(
    st.integers(1, 10**12),
    st.data(),
    st.one_of(st.none(), st.integers(1, 10_000)),
    st.one_of(st.none(), st.integers(0, 10**6)),
    st.one_of(st.none(), st.integers(1, 10**6)),
)
def test_the_more_is_refunded_the_less_is_earned_and_all_of_it_leaves_nothing(
    total: int, data: st.DataObject, basis_points: int | None, over: int | None, most: int | None
) -> None:
    rule = Earning("o", Clawback.DEBT, basis_points=basis_points, total_over=over, max_amount=most)
    granted = data.draw(st.integers(1, total))
    cuts = sorted(data.draw(st.lists(st.integers(0, total), max_size=6)))
    worth = [still_earned(rule, granted, total, cut) for cut in [0, *cuts, total]]
    assert worth == sorted(worth, reverse=True) and worth[-1] == 0
    assert all(0 <= each <= granted for each in worth)


def test_half_of_the_order_refunded_takes_half_of_the_percentage_back() -> None:
    book = Passbook()
    lot = earned(book)
    book.refund(1500)
    assert (book.lots, book.wallet.debt) == ({lot: 150}, 0)


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=12))
def test_refunds_in_any_parts_take_back_exactly_what_one_refund_does(cuts: list[int]) -> None:
    book, whole = Passbook(), Passbook()
    earned(book)
    earned(whole)
    left = 3000
    for cut in cuts:
        if cut <= left:
            book.refund(cut)
            left -= cut
    if left < 3000:
        whole.refund(3000 - left)
    assert (book.available, book.wallet.debt) == (whole.available, whole.wallet.debt)


def test_an_order_that_falls_to_the_threshold_earns_nothing() -> None:
    book = Passbook()
    earned(book, 500, Earning("order-1", Clawback.DEBT, fixed=500, total_over=2000))
    book.refund(999)
    assert book.available == 500
    book.refund(1)
    assert book.available == 0


def test_a_fixed_grant_is_kept_until_the_last_cent_is_refunded() -> None:
    book = Passbook()
    earned(book, 500, Earning("order-1", Clawback.DEBT, fixed=500))
    book.refund(2999)
    assert book.available == 500
    book.refund(1)
    assert book.available == 0


def test_a_grant_at_its_maximum_is_kept_while_the_rest_of_the_order_earns_as_much() -> None:
    book = Passbook()
    earned(book, 100, replace(TEN_PERCENT, max_amount=100))
    book.refund(2000)
    assert book.available == 100
    book.refund(100)
    assert book.available == 90


def test_a_grant_is_judged_by_the_rule_that_granted_it_not_by_todays_policy() -> None:
    book = Passbook()
    lot = earned(book, 300, replace(TEN_PERCENT, clawback=Clawback.LOT_ONLY))
    book.redeem(200, "order-2")
    book.policy = replace(POLICY, clawback=Clawback.DEBT)
    book.refund(3000)
    assert (book.lots.get(lot), book.wallet.debt) == (None, 0)


def test_a_grant_by_hand_for_an_order_is_taken_back_in_proportion() -> None:
    book = Passbook()
    book.pays(total=3000)
    lot = book.grant(100, Kind.PROMOTION, source=Source("order", "order-1"))
    book.refund(1000)
    assert book.lots == {lot: 66}


def test_a_grant_by_hand_follows_the_policy_of_its_own_time() -> None:
    book = Passbook(policy=replace(POLICY, clawback=Clawback.NONE))
    lot = book.grant(100, Kind.PROMOTION, source=Source("order", "order-1"))
    book.policy = POLICY
    book.pays(total=3000)
    book.refund(3000)
    assert book.lots == {lot: 100}


def test_each_of_several_grants_for_an_order_is_taken_back_by_its_own_rule() -> None:
    book = Passbook()
    first = earned(book)
    second = earned(book, 500, Earning("order-1", Clawback.DEBT, fixed=500))
    third = earned(book, 70, replace(TEN_PERCENT, clawback=Clawback.NONE))
    book.refund(1500)
    assert book.lots == {first: 150, second: 500, third: 70}
    book.refund(1500)
    assert book.lots == {third: 70}


def test_what_another_order_earned_stays() -> None:
    book = Passbook()
    lot = earned(book, rule=replace(TEN_PERCENT, order_id="order-2"))
    book.refund(3000)
    assert book.lots == {lot: 300}


# From where


def test_a_lot_that_is_pending_is_taken_back_before_it_was_ever_worth_anything() -> None:
    book = Passbook()
    earned(book, effective_at=instant("2026-02-01"))
    book.refund(1500)
    assert (book.balance.pending, book.wallet.debt) == (150, 0)
    book.refund(1500)
    assert (book.balance.pending, book.wallet.debt, book.wallet.lots) == (0, 0, ())


def test_other_pending_lots_are_left_alone() -> None:
    book = Passbook()
    earned(book)
    book.redeem(300, "order-2")
    book.grant(300, effective_at=instant("2026-02-01"))
    book.refund(3000)
    assert (book.balance.pending, book.wallet.debt) == (300, 300)


def spent(book: Passbook, how: Clawback) -> dict[str, str]:
    """What an order earned, spent but for 1.00, beside lots of every kind; 3.00 of it are to be taken back."""
    earned(book, rule=replace(TEN_PERCENT, clawback=how), priority=0)
    book.redeem(200, "order-2")
    kinds = [kind for kind in Kind if kind is not Kind.REINSTATED]
    others = {kind.value: book.grant(50, kind, effective_at=book.now) for kind in kinds}
    book.refund(3000)
    return others


def remaining_of(book: Passbook, lots: dict[str, str]) -> dict[str, int]:
    return {kind: book.lots.get(lot, 0) for kind, lot in lots.items()}


PROMOTIONAL = {"promotion", "cashback", "loyalty", "referral", "occasion"}


@pytest.mark.parametrize(
    ("how", "own", "promotional", "debt"),
    [
        (Clawback.NONE, 100, 250, 0),
        (Clawback.LOT_ONLY, 0, 250, 0),
        (Clawback.PROMOTIONAL, 0, 50, 0),
        (Clawback.DEBT, 0, 50, 0),
    ],
)
def test_the_policy_says_how_far_it_goes_and_paid_and_goodwill_lots_are_never_touched(
    how: Clawback, own: int, promotional: int, debt: int
) -> None:
    book = Passbook()
    left = remaining_of(book, spent(book, how))
    assert book.lots.get("lot_1", 0) == own
    assert sum(left[kind] for kind in PROMOTIONAL) == promotional
    assert all(amount == 50 for kind, amount in left.items() if kind not in PROMOTIONAL)
    assert book.wallet.debt == debt


@pytest.mark.parametrize(("how", "debt"), [(Clawback.PROMOTIONAL, 0), (Clawback.DEBT, 200)])
def test_what_is_still_missing_is_debt_only_where_the_rule_says_so(how: Clawback, debt: int) -> None:
    book = Passbook()
    earned(book, rule=replace(TEN_PERCENT, clawback=how))
    book.redeem(200, "order-2")
    paid = book.grant(1000, Kind.REFUND)
    book.refund(3000)
    assert (book.lots, book.wallet.debt) == ({paid: 1000}, debt)


def test_other_promotional_lots_are_taken_in_spending_order() -> None:
    book = Passbook()
    earned(book)
    book.redeem(300, "order-2")
    later = book.grant(200, expires=Days(60))
    sooner = book.grant(200, expires=Days(30))
    book.refund(3000)
    assert book.lots == {later: 100} and sooner not in book.lots


def test_credit_that_the_refund_gave_back_can_be_taken_in_the_same_movement() -> None:
    """It was promotional credit that paid the order, and the order earned more of it."""
    book = Passbook()
    lot = book.grant(500)
    book.redeem(500)
    book.pays(total=3000, credit_used=500)
    book.grant(300, Kind.CASHBACK, earned=TEN_PERCENT)
    book.redeem(300, "order-2")
    book.refund(3000)
    assert (book.lots, book.wallet.debt) == ({lot: 200}, 0)


def test_what_is_held_stays_with_its_hold_and_becomes_debt() -> None:
    book = Passbook()
    earned(book)
    hold = book.hold(200, "order-2")
    book.refund(3000)
    assert (book.available, book.balance.held, book.wallet.debt) == (0, 200, 200)
    assert book.capture(hold).amount == 200


def test_a_reinstated_promotional_lot_counts_as_promotional() -> None:
    book = Passbook()
    book.grant(300, expires=At(instant("2026-01-20")))
    old = book.redeem(300, "order-2")
    earned(book)
    book.redeem(300, "order-3")
    (lot,) = book.on("2026-01-21").reverse(old)
    assert lot.lot_class is LotClass.PROMOTIONAL
    book.refund(1500)
    assert (book.available, book.wallet.debt) == (150, 0)


def test_a_lot_that_expired_unspent_has_to_be_made_up_for() -> None:
    """It was worth something while it lived; the rule says what the order no longer earns."""
    book = Passbook()
    earned(book, expires=At(instant("2026-01-20")))
    book.on("2026-01-21").refund(3000)
    assert (book.available, book.wallet.debt) in {(0, 300), (0, 0)}


def test_a_frozen_wallet_has_it_taken_back_as_well() -> None:
    book = Passbook()
    earned(book)
    book.freeze()
    book.refund(3000)
    assert book.wallet.remaining == 0


def test_of_points_that_were_merged_into_one_lot_only_those_of_the_order_are_taken() -> None:
    book = Passbook()
    lot = book.grant(1000, Kind.LOYALTY)
    book.pays(total=3000)
    assert book.grant(300, Kind.LOYALTY, earned=TEN_PERCENT) == lot
    book.refund(3000)
    assert book.lots == {lot: 1000}


def test_it_is_taken_back_once_whatever_happens_to_the_lot() -> None:
    book = Passbook()
    lot = earned(book)
    book.refund(1000)
    book.refund(500)
    assert book.lots == {lot: 150}
    assert [taking.amount for taking in book.orders["order-1"].takings] == [100, 50]


# And given back


@pytest.mark.parametrize("how", list(Clawback))
def test_undoing_the_refund_gives_back_exactly_what_was_taken(how: Clawback) -> None:
    book = Passbook()
    earned(book, rule=replace(TEN_PERCENT, clawback=how))
    book.redeem(200, "order-2")
    book.grant(50)
    before = (book.lots, book.wallet.debt)
    done = book.refund(3000)
    book.reverse_refund(done)
    assert (book.lots, book.wallet.debt) == before
    assert book.orders["order-1"].takings == ()


def test_undoing_one_of_two_refunds_gives_back_its_part() -> None:
    book = Passbook()
    earned(book)
    book.redeem(200, "order-2")
    first = book.refund(600)
    book.refund(1500)
    assert (book.available, book.wallet.debt) == (0, 110)
    book.reverse_refund(first)
    assert (book.available, book.wallet.debt) == (0, 50)


def test_a_lot_that_expired_meanwhile_comes_back_reinstated() -> None:
    book = Passbook()
    lot = earned(book, expires=At(instant("2026-02-01")))
    done = book.refund(3000)
    book.on("2026-03-01").reverse_refund(done)
    ((reborn, remaining),) = book.lots.items()
    assert (book.lot(reborn).parent, remaining) == (lot, 300)


def test_a_lot_that_was_pending_is_pending_again() -> None:
    book = Passbook()
    lot = earned(book, effective_at=instant("2026-02-01"))
    book.reverse_refund(book.refund(3000))
    assert (book.balance.pending, book.lots) == (300, {lot: 300})


def test_taken_and_given_back_again_and_again_it_stays_what_it_was() -> None:
    book = Passbook()
    lot = earned(book)
    for amount in (1, 999, 3000, 1500, 7):
        book.reverse_refund(book.refund(amount))
        assert (book.lots, book.wallet.debt) == ({lot: 300}, 0)


def test_more_than_the_rule_gives_was_granted_and_all_of_it_comes_back_with_the_order() -> None:
    book = Passbook()
    lot = earned(book, 300, replace(TEN_PERCENT, basis_points=500))
    done = book.refund(1500)
    assert book.lots == {lot: 75}
    book.reverse_refund(done)
    assert book.lots == {lot: 300}
