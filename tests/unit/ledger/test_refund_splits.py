"""How one refund is shared out between the credit and the other tender that paid the order."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.orders import Share, Tenders, split
from chalicelib.ledger.policy import RefundSplit
from chalicelib.ledger.refusals import OverRefund
from tests.passbook import POLICY, Passbook

PROPORTIONAL, CREDIT_FIRST, OTHER_FIRST = RefundSplit


def paid(credit: int, other: int) -> Tenders:
    """An order of which nothing is refunded yet."""
    return Tenders(credit, other, credit, other)


def order(book: Passbook, credit: int = 1200, total: int = 3000) -> None:
    book.grant(credit)
    book.redeem(credit)
    book.pays(total=total)


@pytest.mark.parametrize(
    ("how", "amount", "credit", "other"),
    [
        (PROPORTIONAL, 1500, 600, 900),
        (PROPORTIONAL, 3000, 1200, 1800),
        (PROPORTIONAL, 1, 0, 1),
        (PROPORTIONAL, 2, 1, 1),
        (CREDIT_FIRST, 1500, 1200, 300),
        (CREDIT_FIRST, 1200, 1200, 0),
        (OTHER_FIRST, 1500, 0, 1500),
        (OTHER_FIRST, 2000, 200, 1800),
        (0, 1800, 0, 1800),
        (1200, 1200, 1200, 0),
        (700, 1500, 700, 800),
    ],
)
def test_twelve_of_thirty_euros_were_credit(how: RefundSplit | int, amount: int, credit: int, other: int) -> None:
    assert split(amount, paid(1200, 1800), how) == Share(credit, other)


@pytest.mark.parametrize(
    ("credit_paid", "other_paid", "amount", "credit"),
    [(1, 2, 1, 0), (2, 1, 1, 1), (1, 1, 1, 1), (1, 1, 3, None), (1, 3, 2, 1), (333, 667, 100, 33), (335, 665, 100, 34)],
)
def test_the_larger_remainder_gets_the_odd_cent_and_a_tie_goes_to_credit(
    credit_paid: int, other_paid: int, amount: int, credit: int | None
) -> None:
    if credit is None:
        with pytest.raises(OverRefund):
            split(amount, paid(credit_paid, other_paid), PROPORTIONAL)
    else:
        assert split(amount, paid(credit_paid, other_paid), PROPORTIONAL).credit == credit


@pytest.mark.parametrize(
    ("how", "amount"), [(1201, 1500), (1501, 1500), (1200, 3001), (0, 1801), (100, 1901), (10**12, 1)]
)
def test_an_explicit_share_above_what_a_tender_paid_is_refused(how: int, amount: int) -> None:
    with pytest.raises(OverRefund):
        split(amount, paid(1200, 1800), how)


def test_a_tender_that_is_used_up_leaves_the_rest_to_the_other() -> None:
    book = Passbook()
    order(book)
    assert book.refund(1200, split=CREDIT_FIRST).credit == 1200
    assert book.refund(900).credit == 0
    assert book.refund(900).other == 900
    with pytest.raises(OverRefund):
        book.refund(1)


def test_an_explicit_share_is_held_against_what_is_left_of_the_tender() -> None:
    book = Passbook()
    order(book)
    book.refund(1000, split=1000)
    with pytest.raises(OverRefund) as refused:
        book.refund(300, split=201)
    assert (refused.value.facts["refundable_credit"], refused.value.facts["refundable_other"]) == (200, 1800)
    with pytest.raises(OverRefund):
        book.refund(1801, split=0)
    assert book.refund(2000, split=200).other == 1800


@pytest.mark.parametrize(("how", "credit"), [(CREDIT_FIRST, 1200), (OTHER_FIRST, 0), (PROPORTIONAL, 600)])
def test_the_merchants_split_holds_unless_the_refund_names_one(how: RefundSplit, credit: int) -> None:
    book = Passbook(policy=replace(POLICY, refund_split=how))
    order(book)
    assert book.refund(1500).credit == credit


def test_a_refund_may_name_the_share_of_credit_as_nothing() -> None:
    book = Passbook(policy=replace(POLICY, refund_split=CREDIT_FIRST))
    order(book)
    assert book.refund(1500, split=0).credit == 0


@given(
    st.integers(0, 500),
    st.integers(0, 500),
    st.lists(st.tuples(st.integers(1, 200), st.sampled_from([*RefundSplit])), max_size=30),
)
def test_refunds_in_any_parts_sum_to_exactly_what_was_paid(
    credit: int, other: int, cuts: list[tuple[int, RefundSplit]]
) -> None:
    left = paid(credit, other)
    for amount, how in [*cuts, (10**6, PROPORTIONAL)]:
        amount = min(amount, left.left)
        if not amount:
            break
        share = split(amount, left, how)
        assert share.credit + share.other == amount and min(share.credit, share.other) >= 0
        assert share.credit <= left.credit_left and share.other <= left.other_left
        left = Tenders(credit, other, left.credit_left - share.credit, left.other_left - share.other)
    else:
        assert left.left == 0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.data())
def test_one_proportional_refund_is_within_half_a_cent_of_the_exact_share(
    credit: int, other: int, data: st.DataObject
) -> None:
    if credit + other:
        amount = data.draw(st.integers(1, credit + other))
        exact = Fraction(amount * credit, credit + other)
        assert abs(split(amount, paid(credit, other), PROPORTIONAL).credit - exact) <= Fraction(1, 2)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 10**13), st.integers(0, 10**12))
def test_more_than_is_left_is_refused_and_less_never_is(credit: int, other: int, amount: int, said: int) -> None:
    of = paid(credit, other)
    for how in RefundSplit:
        if amount > credit + other:
            with pytest.raises(OverRefund):
                split(amount, of, how)
        else:
            share = split(amount, of, how)
            assert share.credit + share.other == amount
    if said > credit or said > amount or amount - said > other:
        with pytest.raises(OverRefund):
            split(amount, of, said)
    else:
        assert split(amount, of, said) == Share(said, amount - said)
