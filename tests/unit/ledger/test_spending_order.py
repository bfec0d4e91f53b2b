"""Which lot pays first, key by key: each test makes all earlier keys equal."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from chalicelib.ledger.cart import Cart, Line
from chalicelib.ledger.conditions import Conditions, Selection
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import SPENDING_ORDER, At, Never
from chalicelib.ledger.spending import SORT_KEYS
from tests.passbook import POLICY, Passbook, instant, taken

SHOES = Cart("order-1", total=1_000, lines=(Line("shoes", 1, 1_000),))
FOR_SHOES = Conditions(include=Selection(products=("shoes",)))


def test_low_priority_goes_first_whatever_else() -> None:
    anna = Passbook()
    late = anna.grant(100, expires=At(anna.now + 1000))
    first = anna.grant(100, Kind.PURCHASED, priority=0)
    assert list(taken(anna.redeem(150))) == [first, late]


def test_the_default_priority_is_fifty() -> None:
    anna = Passbook()
    last = anna.grant(100, priority=51)
    middle = anna.grant(100)
    first = anna.grant(100, priority=49)
    assert list(taken(anna.redeem(300))) == [first, middle, last]


def test_what_expires_sooner_goes_first() -> None:
    anna = Passbook()
    may = anna.grant(100, expires=At(instant("2026-05-01")))
    april = anna.grant(100, expires=At(instant("2026-04-01")))
    assert list(taken(anna.redeem(150))) == [april, may]


def test_a_lot_granted_later_that_expires_earlier_goes_first_and_never_expiring_last() -> None:
    anna = Passbook()
    never = anna.grant(100, Kind.PROMOTION, Never())
    later = anna.grant(100, expires=At(instant("2026-05-01")))
    sooner = anna.later(days=1).grant(100, expires=At(instant("2026-04-01")))
    assert list(taken(anna.redeem(300))) == [sooner, later, never]


def test_what_expires_in_a_thousand_years_goes_before_what_never_does() -> None:
    anna = Passbook()
    never = anna.grant(100, expires=Never())
    far = anna.grant(100, expires=At(instant("3026-01-01")))
    assert list(taken(anna.redeem(150))) == [far, never]


def test_credit_for_some_items_goes_before_credit_for_all() -> None:
    anna = Passbook()
    anywhere = anna.grant(100)
    shoes = anna.grant(100, conditions=FOR_SHOES)
    assert list(taken(anna.redeem(150, SHOES))) == [shoes, anywhere]


def test_a_condition_that_names_no_items_does_not_make_a_lot_go_first() -> None:
    anna = Passbook()
    first = anna.grant(100)
    second = anna.grant(100, conditions=Conditions(min_order=1))
    assert list(taken(anna.redeem(150, SHOES))) == [first, second]


def test_promotional_goes_before_goodwill_and_goodwill_before_paid() -> None:
    anna = Passbook()
    end = At(instant("2026-12-01"))
    paid = anna.grant(100, Kind.MIGRATION, end)
    goodwill = anna.grant(100, Kind.COMPENSATION, end)
    promotional = anna.grant(100, Kind.CASHBACK, end)
    assert list(taken(anna.redeem(300))) == [promotional, goodwill, paid]


def test_promotional_credit_goes_before_paid() -> None:
    anna = Passbook()
    paid = anna.grant(1000, Kind.PURCHASED)
    promotional = anna.grant(500, Kind.PROMOTION, Never())
    assert taken(anna.redeem(700)) == {promotional: 500, paid: 200}


def test_what_started_earlier_goes_first() -> None:
    anna = Passbook()
    end = At(instant("2026-12-01"))
    recent = anna.grant(100, expires=end, effective_at=instant("2026-01-10"))
    old = anna.grant(100, expires=end, effective_at=instant("2026-01-09"))
    assert list(taken(anna.redeem(150))) == [old, recent]


def test_what_was_issued_earlier_goes_first_counted_as_a_number() -> None:
    anna = Passbook()
    lots = [anna.grant(10) for _ in range(11)]
    assert list(taken(anna.redeem(110))) == lots


def test_the_order_does_not_depend_on_how_the_lots_lie_in_the_wallet() -> None:
    anna = Passbook()
    for kind, priority in ((Kind.MANUAL, 50), (Kind.PROMOTION, 50), (Kind.REFUND, 9), (Kind.LOYALTY, 50)):
        anna.grant(10, kind, priority=priority)
    wallet = anna.wallet
    orders = set()
    for lots in permutations(wallet.lots):
        shuffled = Passbook()
        shuffled.wallet = replace(wallet, lots=lots)
        orders.add(tuple(share.lot.id for share in shuffled.quote(SHOES).shares))
    assert len(orders) == 1


def test_lots_are_taken_whole_before_the_next_is_touched() -> None:
    anna = Passbook()
    first, second, third = anna.grant(5), anna.grant(5), anna.grant(5)
    assert taken(anna.redeem(8)) == {first: 5, second: 3}
    assert anna.lots == {second: 2, third: 5}


def test_held_parts_pending_lots_and_dead_lots_are_passed_over() -> None:
    anna = Passbook()
    dead = anna.grant(10, expires=At(anna.now + 1), priority=1)
    pending = anna.grant(10, effective_at=anna.now + 10_000, priority=1)
    held = anna.grant(10, priority=2)
    free = anna.grant(10)
    anna.later(seconds=1).hold(8, "order-2")
    assert taken(anna.redeem(5)) == {held: 2, free: 3}
    assert {dead, pending} & set(anna.lots) == {pending}


def test_the_order_is_a_setting() -> None:
    oldest_first = Passbook(policy=replace(POLICY, spending_order=("issued_in",)))
    first = oldest_first.grant(100, Kind.PURCHASED)
    second = oldest_first.grant(100, Kind.PROMOTION)
    assert list(taken(oldest_first.redeem(150))) == [first, second]


def test_every_key_of_the_default_order_exists_and_ends_the_tie() -> None:
    assert set(SPENDING_ORDER) == set(SORT_KEYS)
    assert SPENDING_ORDER[-1] == "id"
