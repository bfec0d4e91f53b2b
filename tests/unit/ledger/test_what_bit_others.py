"""Defects that shipped in other credit, points and gift-card systems, each as the rule that it breaks.

Only those that a single wallet's rules decide; races, lost answers and repeated messages need a store, and are tested
there. Where a thread is public it is named.
"""

from __future__ import annotations

import inspect

import pytest

from chalicelib.ledger import correcting, granting, holding, redeeming
from chalicelib.ledger.cart import Cart, Line
from chalicelib.ledger.conditions import Conditions, Selection
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.limits import HOUR_MS
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.model import Entry, Wallet
from chalicelib.ledger.plans import Act
from chalicelib.ledger.policy import At, Days, Never
from chalicelib.ledger.redeeming import Spending, redeem
from chalicelib.ledger.refusals import (
    HoldClosed,
    InsufficientCredit,
    LotClosed,
    NotFound,
    OverReversal,
    Refused,
)
from chalicelib.ledger.settling import due_at
from tests.passbook import POLICY, Passbook, instant, taken


def test_of_many_debits_of_a_wallet_worth_one_exactly_one_is_accepted() -> None:
    """spree#11284, medusa#16347."""
    anna = Passbook()
    anna.grant(500)
    accepted = 0
    for _ in range(16):
        try:
            anna.debit(500)
            accepted += 1
        except InsufficientCredit:
            pass
    assert accepted == 1


def test_capture_release_and_lapse_of_one_hold_have_one_winner_and_the_others_are_told() -> None:
    """tigerbeetle#2000."""
    anna = Passbook()
    anna.grant(500)
    hold = anna.hold(500)
    anna.release(hold)
    with pytest.raises(HoldClosed):
        anna.capture(hold)
    assert (anna.available, len(anna.redemptions)) == (500, 0)


def test_the_second_refund_of_the_same_credit_does_not_take_the_first_one_back() -> None:
    """blnk#374."""
    anna = Passbook()
    anna.grant(500)
    spent = anna.redeem(500)
    anna.reverse(spent)
    with pytest.raises(OverReversal):
        anna.reverse(spent)
    assert anna.available == 500


def test_a_refund_is_not_refunded_through_the_same_door() -> None:
    """blnk#375."""
    anna = Passbook()
    anna.grant(500)
    anna.reverse(anna.redeem(500))
    with pytest.raises(NotFound):
        anna.reverse(f"rdm_{anna.entries[-1].operation}")


def test_the_first_movement_of_a_wallet_that_does_not_exist_yet_makes_it() -> None:
    """laravel-wallet#1009: it is no special case, only version 0."""
    plan = granting.issue(Wallet("anna", "EUR"), Grant(5, Kind.MANUAL, "hello"), Act("op1", "tester", 1), POLICY)
    assert (plan.wallet.version, plan.wallet.remaining) == (1, 5)


def test_the_ids_of_what_a_call_creates_are_the_same_on_its_retry() -> None:
    """formance wallets#109: a decision made again on the same wallet for the same operation is the same decision."""
    anna = Passbook()
    anna.grant(500)
    act = Act("op-of-the-key", "tester", anna.now)
    command = Spending(200, Cart("order-1"))
    assert redeem(anna.wallet, command, act, POLICY) == redeem(anna.wallet, command, act, POLICY)
    first, again = (holding.hold(anna.wallet, command, act, POLICY) for _ in range(2))
    assert first.hold is not None and again.hold is not None
    assert first.hold.id == again.hold.id


def test_all_partial_refunds_together_restore_what_was_burned_from_where_it_came() -> None:
    """lago recredit: purchased credit does not come back as promotional."""
    anna = Passbook()
    promotional, paid = anna.grant(300), anna.grant(300, Kind.PURCHASED)
    spent = anna.redeem(500)
    for part in (1, 99, 150, 250):
        anna.reverse(spent, part)
    assert anna.lots == {promotional: 300, paid: 300}


def test_points_paid_on_an_order_are_given_back_once_and_not_taken_again() -> None:
    """odoo#212922, nopCommerce#5595."""
    anna = Passbook()
    lot = anna.grant(50, Kind.LOYALTY)
    spent = anna.redeem(50)
    anna.reverse(spent)
    assert anna.lots == {lot: 50}
    assert [entry.amount for entry in anna.entries] == [50, -50, 50]


def test_cancelling_after_a_partial_refund_gives_only_the_rest() -> None:
    """solidus#1603."""
    anna = Passbook()
    anna.grant(500)
    spent = anna.redeem(500)
    anna.reverse(spent, 200)
    anna.reverse(spent)
    assert anna.available == 500


def test_expired_credit_is_not_spendable_before_the_sweep_comes() -> None:
    """fountain#1126."""
    anna = Passbook()
    anna.grant(500, expires=At(anna.now + HOUR_MS))
    anna.later(hours=1)
    assert anna.available == 0
    with pytest.raises(InsufficientCredit):
        anna.hold(1)


def test_the_sweep_finds_a_lot_that_was_used_in_part() -> None:
    """spree's scope of expired credit misses it."""
    anna = Passbook()
    anna.grant(500, expires=At(anna.now + HOUR_MS))
    anna.redeem(1)
    assert due_at(anna.wallet) == anna.now + HOUR_MS
    anna.later(hours=1).sweep()
    assert anna.entries[-1].amount == -499


def test_a_revoked_lot_is_gone_from_expiring_soon_and_is_not_expired_later() -> None:
    """kilo cloud#4369."""
    anna = Passbook()
    lot = anna.grant(500, expires=Days(1))
    anna.revoke(lot)
    assert anna.quote(Cart(None)).expiring == ()
    assert due_at(anna.wallet) is None
    with pytest.raises(LotClosed):
        anna.revoke(lot)


def test_what_was_granted_later_and_ends_sooner_goes_first() -> None:
    anna = Passbook("2026-01-01")
    long = anna.grant(100, expires=Days(365))
    eternal = anna.grant(100, expires=Never())
    short = anna.on("2026-06-01").grant(100, expires=Days(7))
    assert list(taken(anna.redeem(300))) == [short, long, eternal]


def test_held_before_its_expiry_and_captured_after_it_is_spent_whole_as_agreed() -> None:
    anna = Passbook("2026-01-15T23:59")
    anna.grant(500, expires=At(instant("2026-01-16")))
    hold = anna.hold(500)
    assert anna.on("2026-01-16T00:20").capture(hold).amount == 500


def test_splits_over_lots_never_cover_more_than_the_order() -> None:
    """saleor#13640."""
    anna = Passbook()
    shirt = Line("shirt", 1, 30)
    for _ in range(4):
        anna.grant(20, conditions=Conditions(include=Selection(products=("shirt",))))
        anna.grant(20, conditions=Conditions(max_share_of_order=6_000))
    assert anna.redeem(1000, Cart("order-1", total=50, lines=(shirt, Line("hat", 1, 20))), partial=True).amount == 50


def test_a_decision_depends_on_the_wallet_and_not_on_its_history() -> None:
    """Summing the history made a debit 1.3 to 22 times slower in four of today's packages."""
    for operation in (granting.issue, redeeming.redeem, redeeming.reverse, holding.hold, correcting.debit):
        hints = inspect.get_annotations(operation, eval_str=True)
        assert Entry not in hints.values()
    old, young = Passbook(), Passbook()
    for _ in range(50):
        old.revoke(old.grant(5))
    assert old.wallet.lots == young.wallet.lots == ()


LEDGERS = [each for each in Refused.__subclasses__() if each.__module__ == Refused.__module__]


@pytest.mark.parametrize("refusal", LEDGERS)
def test_every_refusal_has_its_own_code_and_names_its_facts(refusal: type[Refused]) -> None:
    told = refusal("A sentence.", field="/amount", requested=1)
    assert (told.detail, told.field, told.facts) == ("A sentence.", "/amount", {"requested": 1})
    assert [each.code for each in LEDGERS].count(refusal.code) == 1
