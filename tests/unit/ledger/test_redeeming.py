"""Spending at once, and every way in which it is refused."""

from __future__ import annotations

import pytest

from chalicelib.ledger.cart import Cart, Line
from chalicelib.ledger.conditions import Conditions
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import At
from chalicelib.ledger.refusals import (
    AmountOutOfRange,
    ConditionNotMet,
    InsufficientCredit,
    WalletFrozen,
)
from tests.passbook import Passbook, taken


def test_a_redemption_takes_the_credit_and_remembers_from_where() -> None:
    anna = Passbook()
    lot = anna.grant(1000)
    spent = anna.redeem(400, "order-7")
    assert anna.available == 600
    assert (spent.order_id, spent.amount, spent.reversed, spent.status) == ("order-7", 400, 0, "redeemed")
    assert taken(spent) == {lot: 400}


def test_one_entry_says_it_all() -> None:
    anna = Passbook()
    anna.grant(300)
    anna.grant(300)
    spent = anna.redeem(400, "order-7")
    entry = anna.entries[-1]
    assert (entry.type, entry.amount, entry.balance_after) == ("redeemed", -400, 200)
    assert (entry.order_id, entry.redemption) == ("order-7", spent.id)
    assert [part.amount for part in entry.allocations] == [300, 100]


def test_a_lot_that_is_used_up_leaves_the_wallet() -> None:
    anna = Passbook()
    anna.grant(1000)
    anna.redeem(1000)
    assert anna.wallet.lots == ()
    assert anna.available == 0


def test_too_little_credit_is_refused_and_nothing_happens() -> None:
    anna = Passbook()
    anna.grant(999)
    with pytest.raises(InsufficientCredit) as refused:
        anna.redeem(1000)
    assert refused.value.facts == {"available": 999, "requested": 1000}
    assert anna.available == 999
    assert anna.types == ["issued"]


def test_an_empty_wallet_has_too_little() -> None:
    with pytest.raises(InsufficientCredit):
        Passbook().redeem(1)
    with pytest.raises(InsufficientCredit):
        Passbook().redeem(1, partial=True)


def test_who_takes_part_gets_what_there_is() -> None:
    anna = Passbook()
    anna.grant(999)
    assert anna.redeem(1000, partial=True).amount == 999


def test_who_takes_part_gets_no_more_than_was_asked_for() -> None:
    anna = Passbook()
    anna.grant(999)
    assert anna.redeem(10, partial=True).amount == 10


def test_credit_does_not_cover_more_than_the_order() -> None:
    anna = Passbook()
    anna.grant(1000)
    with pytest.raises(AmountOutOfRange) as refused:
        anna.redeem(501, Cart("order-1", total=500))
    assert refused.value.field == "/amount"
    assert refused.value.facts == {"requested": 501, "order_total": 500}
    assert anna.redeem(500, Cart("order-1", total=500)).amount == 500


def test_without_a_total_the_lines_are_what_can_be_covered() -> None:
    anna = Passbook()
    anna.grant(1000)
    cart = Cart("order-1", lines=(Line("shirt", 2, 200, discount=50),))
    with pytest.raises(AmountOutOfRange):
        anna.redeem(351, cart)
    assert anna.redeem(351, cart, partial=True).amount == 350


def test_an_order_of_nothing_needs_no_credit() -> None:
    anna = Passbook()
    anna.grant(1000)
    with pytest.raises(AmountOutOfRange):
        anna.redeem(1, Cart("order-1", total=0), partial=True)


def test_an_order_of_unknown_size_can_be_paid() -> None:
    anna = Passbook()
    anna.grant(1000)
    assert anna.redeem(1000, Cart("order-1")).amount == 1000


def test_credit_that_this_order_may_not_use_is_not_called_too_little() -> None:
    anna = Passbook()
    bound = anna.grant(1000, conditions=Conditions(max_per_order=300))
    with pytest.raises(ConditionNotMet) as refused:
        anna.redeem(400)
    assert refused.value.facts == {
        "available": 1000,
        "applicable": 300,
        "requested": 400,
        "lots": [{"lot": bound, "reasons": ["max_per_order"]}],
    }


def test_who_takes_part_of_nothing_usable_is_told_the_conditions_and_not_that_there_is_too_little() -> None:
    anna = Passbook()
    anna.grant(100, conditions=Conditions(min_order=5_000))
    with pytest.raises(ConditionNotMet):
        anna.redeem(400, Cart("order-1", total=400), partial=True)


def test_too_little_is_said_where_even_without_conditions_it_would_not_do() -> None:
    anna = Passbook()
    anna.grant(100, conditions=Conditions(min_order=5_000))
    with pytest.raises(InsufficientCredit):
        anna.redeem(400, Cart("order-1", total=400))


def test_nothing_is_spent_from_a_frozen_wallet() -> None:
    anna = Passbook()
    anna.grant(1000)
    anna.freeze()
    with pytest.raises(WalletFrozen):
        anna.redeem(1)
    anna.unfreeze()
    assert anna.redeem(1).amount == 1


def test_a_redemption_after_an_expiry_books_both() -> None:
    anna = Passbook()
    anna.grant(500, expires=At(anna.now + 1000))
    anna.grant(500)
    anna.later(seconds=1).redeem(500)
    assert anna.types == ["issued", "issued", "expired", "redeemed"]
    assert [entry.actor for entry in anna.entries[-2:]] == ["system", "tester"]


def test_a_refused_redemption_leaves_the_expiry_unbooked() -> None:
    anna = Passbook()
    anna.grant(500, expires=At(anna.now + 1000))
    with pytest.raises(InsufficientCredit):
        anna.later(seconds=1).redeem(500)
    assert anna.types == ["issued"]
    assert anna.available == 0


def test_held_credit_cannot_be_spent() -> None:
    anna = Passbook()
    anna.grant(1000)
    anna.hold(700, "order-1")
    with pytest.raises(InsufficientCredit) as refused:
        anna.redeem(301, "order-2")
    assert refused.value.facts["available"] == 300


def test_the_same_command_on_the_same_wallet_decides_the_same() -> None:
    first, second = Passbook(), Passbook()
    for anna in (first, second):
        anna.grant(300, Kind.LOYALTY)
        anna.grant(300)
        anna.redeem(400)
    assert first.entries == second.entries
    assert first.wallet == second.wallet
