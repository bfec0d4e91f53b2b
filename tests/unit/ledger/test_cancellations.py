"""A cancelled order gives back all of its credit that was not given back before, and earns nothing any more."""

from __future__ import annotations

import pytest

from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.model import HoldStatus
from chalicelib.ledger.policy import At
from chalicelib.ledger.refusals import HoldClosed, OrderLimitExceeded, OverRefund
from tests.passbook import Passbook, instant


def test_the_redemptions_of_a_cancelled_order_are_reversed_in_full() -> None:
    book = Passbook()
    first, second = book.grant(400), book.grant(600)
    book.redeem(500)
    book.redeem(300)
    book.pays(total=3000)
    book.cancel()
    assert book.lots == {second: 600, first: 400}
    assert [each.status for each in book.redemptions.values()] == ["reversed", "reversed"]


def test_its_open_hold_is_released() -> None:
    book = Passbook()
    book.grant(1200)
    hold = book.hold(1200)
    book.pays(total=3000)
    book.cancel()
    assert (book.available, book.balance.held) == (1200, 0)
    assert book.hold_statuses[hold.id] is HoldStatus.RELEASED
    with pytest.raises(HoldClosed):
        book.capture(hold)


def test_what_was_captured_and_what_was_not_comes_back_together() -> None:
    book = Passbook()
    book.grant(1200)
    book.capture(book.hold(1200), 500, final=False)
    book.pays(total=3000)
    book.cancel()
    assert (book.available, book.balance.held) == (1200, 0)


def test_a_hold_for_another_order_stays() -> None:
    book = Passbook()
    book.grant(1200)
    book.hold(500, "order-2")
    book.redeem(700)
    book.pays(total=3000)
    book.cancel()
    assert (book.available, book.balance.held) == (700, 500)


@pytest.mark.parametrize("refunded", [1, 600, 1199, 1200])
def test_cancelled_after_a_partial_refund_gives_only_the_rest(refunded: int) -> None:
    book = Passbook()
    lot = book.grant(1200)
    book.redeem(1200)
    book.pays(total=1200)
    book.refund(refunded)
    book.cancel()
    assert book.lots == {lot: 1200}


def test_cancelled_after_a_reversal_by_hand_gives_only_the_rest() -> None:
    book = Passbook()
    book.grant(1200)
    book.reverse(book.redeem(1200), 700)
    book.pays(total=3000)
    book.cancel()
    assert book.available == 1200


def test_cancelled_twice_is_cancelled_once() -> None:
    book = Passbook()
    book.grant(1200)
    book.redeem(1200)
    book.pays(total=3000)
    book.cancel()
    entries = book.entries
    assert book.cancel().repeats
    assert book.entries == entries


def test_cancelled_before_it_was_paid_gives_the_credit_back_and_is_remembered() -> None:
    book = Passbook()
    book.grant(1200)
    book.redeem(1200)
    book.cancel()
    assert book.available == 1200
    assert book.pays(total=3000, credit_used=1200).cancelled
    assert book.cancel().repeats


def test_cancelled_before_anything_else_is_known_of_it() -> None:
    book = Passbook()
    book.cancel()
    assert book.entries == () and book.pays(total=3000).cancelled


def test_the_money_of_a_cancelled_order_can_be_refunded_and_its_credit_goes_back_once() -> None:
    book = Passbook()
    book.grant(1200)
    book.redeem(1200)
    book.pays(total=3000, credit_used=1200)
    book.cancel()
    with pytest.raises(OverRefund):
        book.refund(3001)
    done = book.refund(3000)
    assert (done.credit, done.other, book.available) == (1200, 1800, 1200)
    with pytest.raises(OverRefund):
        book.refund(1)


@pytest.mark.parametrize("amount", [1000, 1500, 3000])
def test_a_cancellation_and_a_refund_to_credit_end_the_same_in_either_order(amount: int) -> None:
    """They come by two queues, and neither waits for the other."""

    def ended(*steps: str) -> int:
        book = Passbook()
        book.grant(1200, Kind.REFUND)
        book.redeem(1200)
        book.pays(total=3000, credit_used=1200)
        for step in steps:
            book.cancel() if step == "cancel" else book.refund(amount, to_credit=True)
        return book.available

    assert ended("cancel", "refund") == ended("refund", "cancel") == 1200 + (amount - amount * 1200 // 3000)


def test_a_lot_that_expired_meanwhile_comes_back_reinstated() -> None:
    book = Passbook()
    lot = book.grant(500, expires=At(instant("2026-02-01")))
    book.redeem(500)
    book.pays(total=500)
    book.on("2026-03-01").cancel()
    ((reborn, remaining),) = book.lots.items()
    assert (book.lot(reborn).parent, remaining) == (lot, 500)
    assert book.lot(reborn).expires_at == instant("2026-03-31")


def test_a_frozen_wallet_gets_it_back() -> None:
    book = Passbook()
    book.grant(1200)
    book.redeem(1200)
    book.freeze()
    book.cancel()
    assert book.available == 1200


def test_what_the_order_earned_is_taken_back_whole() -> None:
    book = Passbook()
    book.pays(total=3000)
    book.grant(300, Kind.CASHBACK, source=Source("order", "order-1"))
    book.refund(1000)
    book.cancel()
    assert (book.available, book.wallet.debt) == (0, 0)


def test_what_it_earned_is_taken_back_though_its_payment_was_never_told() -> None:
    book = Passbook()
    book.grant(300, Kind.CASHBACK, source=Source("order", "order-1"))
    book.redeem(200, "order-2")
    book.cancel()
    assert (book.available, book.wallet.debt) == (0, 200)


def test_an_order_with_more_redemptions_than_can_be_dealt_with_is_refused_whole() -> None:
    book = Passbook()
    book.grant(100)
    for _ in range(21):
        book.redeem(1)
    book.pays(total=100)
    seen = book.wallet
    for undo in (book.cancel, lambda: book.refund(1)):
        with pytest.raises(OrderLimitExceeded):
            undo()
    assert book.wallet == seen


def test_redemptions_that_were_given_back_do_not_count_towards_that() -> None:
    book = Passbook()
    book.grant(100)
    for _ in range(30):
        book.reverse(book.redeem(1))
    book.redeem(7)
    book.pays(total=7, credit_used=7)
    book.cancel()
    assert book.available == 100
