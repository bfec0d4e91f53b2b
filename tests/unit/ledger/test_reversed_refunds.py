"""A refund that was a mistake is undone: the order is paid again, and the wallet is worth what it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.policy import At, Clawback
from chalicelib.ledger.refusals import InsufficientCredit, OverRefund, RefundNotSeen, WalletFrozen
from tests.passbook import POLICY, Passbook, instant, taken


def paid_order(book: Passbook, credit: int = 1200, total: int = 3000) -> str:
    lot = book.grant(credit, Kind.COMPENSATION)
    book.redeem(credit)
    book.pays(total=total, credit_used=credit)
    return lot


def test_the_credit_that_went_back_is_redeemed_again() -> None:
    book = Passbook()
    lot = paid_order(book)
    plan = book.reverse_refund(book.refund(1500))
    assert plan.redemption and taken(plan.redemption) == {lot: 600}
    assert book.available == 0


def test_the_order_can_then_be_refunded_as_if_nothing_had_been() -> None:
    book = Passbook()
    lot = paid_order(book)
    for _ in range(4):
        book.reverse_refund(book.refund(3000))
    done = book.refund(3000)
    assert (done.credit, done.other) == (1200, 1800)
    assert book.lots == {lot: 1200}
    with pytest.raises(OverRefund):
        book.refund(1)


def test_undoing_one_of_two_refunds_leaves_the_other() -> None:
    book = Passbook()
    paid_order(book)
    first = book.refund(1500)
    book.refund(500)
    book.reverse_refund(first)
    assert book.available == 200
    assert book.refund(2500).credit == 1000
    with pytest.raises(OverRefund):
        book.refund(1)


def test_a_refund_is_undone_once() -> None:
    book = Passbook()
    paid_order(book)
    done = book.refund(1500)
    book.refund(500)
    book.reverse_refund(done)
    entries = book.entries
    assert book.reverse_refund(done).repeats
    assert book.entries == entries


def test_a_refund_that_was_undone_is_not_made_again_under_its_id() -> None:
    book = Passbook()
    paid_order(book)
    book.refund(1500, name="r")
    book.reverse_refund("r")
    book.refund(1500, name="r")
    assert book.available == 0 and book.orders["order-1"].refunded == 0


@pytest.mark.parametrize("known", [False, True])
def test_a_refund_that_is_not_known_may_still_come(known: bool) -> None:
    book = Passbook()
    if known:
        book.pays()
    with pytest.raises(RefundNotSeen):
        book.reverse_refund("r")


def test_it_takes_the_lots_that_the_credit_went_to_before_any_other() -> None:
    book = Passbook()
    lot = paid_order(book)
    done = book.refund(3000)
    sooner = book.grant(5000, expires=At(instant("2026-02-01")))
    plan = book.reverse_refund(done)
    assert plan.redemption and taken(plan.redemption) == {lot: 1200}
    assert book.lots == {sooner: 5000}


def test_what_was_spent_of_it_meanwhile_is_taken_from_other_lots_in_spending_order() -> None:
    book = Passbook()
    lot = paid_order(book)
    done = book.refund(3000)
    book.redeem(1000, "order-2")
    later, sooner = book.grant(900), book.grant(900, expires=At(instant("2026-02-01")))
    plan = book.reverse_refund(done)
    assert plan.redemption and taken(plan.redemption) == {lot: 200, sooner: 900, later: 100}


def test_what_was_spent_and_is_not_there_cannot_be_taken() -> None:
    book = Passbook()
    paid_order(book)
    done = book.refund(3000)
    book.redeem(1, "order-2")
    seen = book.wallet
    with pytest.raises(InsufficientCredit):
        book.reverse_refund(done)
    assert book.wallet == seen and not book.orders["order-1"].refunds[0].undone
    book.grant(1)
    book.reverse_refund(done)
    assert book.available == 0


def test_held_credit_is_not_taken() -> None:
    book = Passbook()
    paid_order(book)
    done = book.refund(3000)
    book.hold(1, "order-2")
    with pytest.raises(InsufficientCredit):
        book.reverse_refund(done)


def test_nothing_is_spent_from_a_frozen_wallet() -> None:
    book = Passbook()
    paid_order(book)
    done = book.refund(3000)
    book.freeze()
    with pytest.raises(WalletFrozen):
        book.reverse_refund(done)


def test_a_refund_of_held_credit_undone_spends_it() -> None:
    book = Passbook()
    book.grant(1200)
    hold = book.hold(1200)
    book.pays(total=1200, credit_used=1200)
    book.reverse_refund(book.refund(500))
    assert (book.available, book.balance.held) == (0, 700)
    assert book.capture(hold).amount == 700
    assert book.refund(1200).credit == 1200
    assert book.available == 1200


def test_the_refund_lot_is_taken_out_and_the_bonus_taken_back() -> None:
    book = Passbook()
    paid_order(book)
    done = book.refund(1500, to_credit=True, bonus_basis_points=1000)
    assert book.available == 600 + 900 + 90
    book.reverse_refund(done)
    assert (book.lots, book.wallet.debt) == ({}, 0)
    assert book.types[-3:] == ["redeemed", "debited", "clawed_back"]


def test_a_bonus_that_was_spent_becomes_debt() -> None:
    book = Passbook()
    book.pays(total=1000)
    done = book.refund(1000, to_credit=True, bonus_basis_points=1000)
    book.redeem(100, "order-2")
    assert book.lots == {done.refund_lot: 1000}
    book.reverse_refund(done)
    assert (book.lots, book.wallet.debt) == ({}, 100)


def test_a_bonus_that_is_not_taken_back_by_policy_stays() -> None:
    book = Passbook(policy=replace(POLICY, clawback=Clawback.NONE))
    book.pays(total=1000)
    done = book.refund(1000, to_credit=True, bonus_basis_points=1000)
    book.reverse_refund(done)
    assert book.lots == {done.bonus_lot: 100}


def test_a_refund_lot_that_was_spent_is_made_up_for_from_other_lots() -> None:
    book = Passbook()
    book.pays(total=1000)
    done = book.refund(1000, to_credit=True)
    book.redeem(400, "order-2")
    other = book.grant(500)
    book.reverse_refund(done)
    assert book.lots == {other: 100}


def test_one_of_several_refunds_to_credit_undone_takes_its_own_lot() -> None:
    book = Passbook()
    book.pays(total=3000)
    first = book.refund(1000, to_credit=True)
    second = book.refund(700, to_credit=True)
    book.reverse_refund(first)
    assert book.lots == {second.refund_lot: 700}


def test_a_lot_that_was_reinstated_by_the_refund_is_what_is_spent_again() -> None:
    book = Passbook()
    book.grant(500, expires=At(instant("2026-02-01")))
    book.redeem(500)
    book.pays(total=500)
    done = book.on("2026-03-01").refund(500)
    book.reverse_refund(done)
    assert book.lots == {}
    assert book.on("2026-03-02").refund(500).credit == 500


def test_a_cancelled_order_stays_cancelled_whatever_refund_of_it_is_undone() -> None:
    """The order is not paid again by that: told in the other order, the cancellation gives all of it back."""
    worth = []
    for undone_first in (True, False):
        book = Passbook()
        paid_order(book)
        done = book.refund(1500)
        if undone_first:
            book.reverse_refund(done)
            book.cancel()
        else:
            book.cancel()
            book.reverse_refund(done)
        worth.append(book.available)
    assert worth == [1200, 1200]


def test_undone_after_the_lot_expired_again_there_is_nothing_to_take() -> None:
    book = Passbook()
    book.grant(500, expires=At(instant("2026-02-01")))
    book.redeem(500)
    book.pays(total=500)
    done = book.on("2026-03-01").refund(500)
    with pytest.raises(InsufficientCredit):
        book.on("2026-04-01").reverse_refund(done)


def test_what_the_order_earned_is_earned_again() -> None:
    book = Passbook()
    book.pays(total=3000)
    lot = book.grant(300, Kind.CASHBACK, source=Source("order", "order-1"))
    done = book.refund(1000)
    assert book.lots == {lot: 200}
    book.reverse_refund(done)
    assert book.lots == {lot: 300}
