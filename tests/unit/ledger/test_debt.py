"""Debt: promotional credit that should have been taken back and was already spent."""

from __future__ import annotations

import pytest

from chalicelib.ledger.earning import Earning
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import Clawback
from chalicelib.ledger.refusals import AmountOutOfRange
from tests.passbook import Passbook, instant

PROMOTIONAL = [Kind.PROMOTION, Kind.CASHBACK, Kind.LOYALTY, Kind.REFERRAL, Kind.OCCASION]
OTHERS = [kind for kind in Kind if kind not in (*PROMOTIONAL, Kind.REINSTATED)]


def indebted(amount: int = 300, order: str = "order-1", book: Passbook | None = None) -> Passbook:
    """A wallet that owes what an order over 30.00, refunded, had earned. The refund is called `r-<order>`."""
    book = book or Passbook()
    owed = book.wallet.debt
    book.pays(order, 3000)
    book.grant(owed + amount, Kind.CASHBACK, earned=Earning(order, Clawback.DEBT, fixed=owed + amount))
    book.redeem(amount, "elsewhere")
    book.refund(3000, order, f"r-{order}")
    return book


def test_what_was_spent_is_owed() -> None:
    book = indebted()
    assert (book.available, book.wallet.debt) == (0, 300)


@pytest.mark.parametrize("kind", PROMOTIONAL)
def test_a_later_promotional_grant_pays_it_first(kind: Kind) -> None:
    book = indebted()
    book.grant(100, kind)
    assert (book.available, book.wallet.debt) == (0, 200)
    book.grant(250, kind)
    assert (book.available, book.wallet.debt) == (50, 0)
    assert book.types[-2:] == ["issued", "debt_settled"]


@pytest.mark.parametrize("kind", OTHERS)
def test_no_other_grant_pays_it(kind: Kind) -> None:
    book = indebted()
    book.grant(1000, kind)
    assert (book.available, book.wallet.debt) == (1000, 300)


def test_it_does_not_block_spending() -> None:
    book = indebted()
    book.grant(1000, Kind.COMPENSATION)
    assert book.redeem(1000, "order-9").amount == 1000
    assert book.wallet.debt == 300


def test_promotional_credit_that_comes_back_to_its_lot_pays_nothing() -> None:
    """Only grants settle debt: a reversal gives back what was the customer's."""
    book = Passbook()
    lot = book.grant(500)
    redemption = book.redeem(500, "order-9")
    indebted(book=book)
    book.reverse(redemption)
    assert (book.lots, book.wallet.debt) == ({lot: 500}, 300)


def test_a_grant_that_is_not_effective_yet_pays_it_too() -> None:
    book = indebted()
    book.grant(500, effective_at=instant("2026-02-01"))
    assert (book.balance.pending, book.wallet.debt) == (200, 0)


def test_a_merged_lot_pays_only_with_what_was_just_granted() -> None:
    book = Passbook()
    hold = None
    book.pays("order-1", 3000)
    book.grant(300, Kind.CASHBACK, earned=Earning("order-1", Clawback.DEBT, fixed=300))
    book.redeem(300, "elsewhere")
    book.grant(1000, Kind.LOYALTY)
    hold = book.hold(1000, "order-2")
    book.refund(3000)
    assert book.wallet.debt == 300
    book.release(hold)
    book.grant(50, Kind.LOYALTY)
    assert (book.available, book.wallet.debt) == (1000, 250)


def test_a_bonus_of_a_refund_pays_it() -> None:
    book = indebted()
    book.pays("order-2", 1000)
    done = book.refund(1000, "order-2", to_credit=True, bonus_basis_points=1000)
    assert (book.lots, book.wallet.debt) == ({done.refund_lot: 1000}, 200)


def test_debts_of_several_orders_add_up() -> None:
    book = indebted(300)
    indebted(200, "order-2", book)
    assert book.wallet.debt == 500
    book.grant(400)
    assert (book.available, book.wallet.debt) == (0, 100)


def test_a_grant_that_paid_debt_and_whose_order_is_refunded_is_owed_itself() -> None:
    book = indebted(300)
    book.pays("order-2", 1000)
    book.grant(400, earned=Earning("order-2", Clawback.DEBT, fixed=400))
    assert (book.available, book.wallet.debt) == (100, 0)
    book.refund(1000, "order-2")
    assert (book.available, book.wallet.debt) == (0, 300)


# Waived


def test_it_can_be_forgiven_whole_or_in_part() -> None:
    book = indebted()
    book.waive(100)
    assert book.wallet.debt == 200
    book.waive()
    assert (book.wallet.debt, book.entries[-1].amount, book.entries[-1].allocations) == (0, 0, ())


@pytest.mark.parametrize("amount", [301, 10**12])
def test_more_than_is_owed_cannot_be_forgiven(amount: int) -> None:
    book = indebted()
    with pytest.raises(AmountOutOfRange):
        book.waive(amount)
    assert book.wallet.debt == 300


def test_there_has_to_be_a_debt() -> None:
    with pytest.raises(AmountOutOfRange):
        Passbook().waive()
    book = indebted()
    book.waive()
    with pytest.raises(AmountOutOfRange):
        book.waive()


def test_after_a_waiver_a_grant_is_the_customers_own() -> None:
    book = indebted()
    book.waive()
    book.grant(100)
    assert book.available == 100


# The refund undone


def test_what_is_still_owed_is_owed_no_more() -> None:
    book = indebted()
    book.reverse_refund("r-order-1")
    assert (book.available, book.wallet.debt) == (0, 0)


def test_what_was_paid_meanwhile_comes_back() -> None:
    book = indebted()
    book.grant(100)
    book.reverse_refund("r-order-1")
    assert (book.available, book.wallet.debt) == (100, 0)


def test_what_was_paid_in_full_comes_back_in_full() -> None:
    book = indebted()
    book.grant(1000)
    book.reverse_refund("r-order-1")
    assert (book.available, book.wallet.debt) == (1000, 0)


def test_what_was_forgiven_is_not_given_back_as_credit() -> None:
    """Nothing was taken for it: the customer spent 3.00 that the order earned after all, and is even."""
    book = indebted()
    book.waive()
    book.reverse_refund("r-order-1")
    assert (book.available, book.wallet.debt) == (0, 0)


def test_the_debt_of_another_order_is_still_owed_or_set_off_against_what_comes_back() -> None:
    book = indebted(300)
    indebted(200, "order-2", book)
    book.grant(300)
    book.reverse_refund("r-order-1")
    assert book.available - book.wallet.debt == 300 - 200
    book.reverse_refund("r-order-2", "order-2")
    assert (book.available, book.wallet.debt) == (600, 0)
