"""Granting credit: what a lot starts as, what is refused, and which grants merge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.ledger.conditions import Conditions
from chalicelib.ledger.limits import MAX_BALANCE, MAX_OPEN_LOTS
from chalicelib.ledger.lots import CLASS_OF_KIND, Kind, LotClass, Source
from chalicelib.ledger.policy import At, Days, Never
from chalicelib.ledger.refusals import BalanceLimitExceeded, LotLimitExceeded
from tests.passbook import POLICY, Passbook, instant


def test_a_grant_is_available_at_once_and_is_a_lot_of_its_own() -> None:
    anna = Passbook()
    first, second = anna.grant(500), anna.grant(250)
    assert anna.available == 750
    assert anna.lots == {first: 500, second: 250}


def test_a_lot_is_named_after_the_entry_that_made_it() -> None:
    anna = Passbook()
    anna.grant(500)
    lot = anna.grant(100)
    assert lot == "lot_2"
    assert anna.lot(lot).issued_in == 2


@pytest.mark.parametrize(
    ("kind", "lot_class"),
    [
        (Kind.REFUND, LotClass.PAID),
        (Kind.EXCHANGE, LotClass.PAID),
        (Kind.PURCHASED, LotClass.PAID),
        (Kind.MIGRATION, LotClass.PAID),
        (Kind.COMPENSATION, LotClass.GOODWILL),
        (Kind.MANUAL, LotClass.GOODWILL),
        (Kind.PROMOTION, LotClass.PROMOTIONAL),
        (Kind.CASHBACK, LotClass.PROMOTIONAL),
        (Kind.LOYALTY, LotClass.PROMOTIONAL),
        (Kind.REFERRAL, LotClass.PROMOTIONAL),
        (Kind.OCCASION, LotClass.PROMOTIONAL),
    ],
)
def test_every_kind_has_its_class(kind: Kind, lot_class: LotClass) -> None:
    anna = Passbook()
    assert anna.lot(anna.grant(1, kind)).lot_class is lot_class


def test_nobody_grants_reinstated_credit() -> None:
    assert set(Kind) - set(CLASS_OF_KIND) == {Kind.REINSTATED}


def test_the_entry_tells_all_that_the_grant_said() -> None:
    anna = Passbook()
    anna.grant(500, source=Source("ticket", "T-1"), note="sorry", customer_text="For you", notify=False)
    entry = anna.entries[-1]
    assert (entry.type, entry.amount, entry.balance_after, entry.reason) == ("issued", 500, 500, "test")
    assert (entry.note, entry.customer_text, entry.notify) == ("sorry", "For you", False)
    assert (entry.source, entry.actor, entry.policy) == (Source("ticket", "T-1"), "tester", "1")


def test_credit_that_starts_later_is_pending_until_that_very_instant() -> None:
    anna = Passbook("2026-01-15T12:00")
    anna.grant(500, effective_at=instant("2026-02-01"))
    before = anna.on("2026-01-31T23:59:59.999").balance
    after = anna.on("2026-02-01").balance
    assert (before.available, before.pending) == (0, 500)
    assert (after.available, after.pending) == (500, 0)


def test_a_grant_may_be_backdated() -> None:
    anna = Passbook("2026-01-15T12:00")
    lot = anna.grant(500, effective_at=instant("2026-01-01"))
    assert anna.available == 500
    assert anna.lot(lot).effective_at == instant("2026-01-01")


def test_a_grant_lands_in_a_frozen_wallet() -> None:
    anna = Passbook()
    anna.freeze()
    anna.grant(500)
    assert anna.available == 500


def test_a_wallet_takes_a_hundred_lots_and_clearly_refuses_one_more() -> None:
    anna = Passbook()
    for _ in range(MAX_OPEN_LOTS):
        anna.grant(1)
    with pytest.raises(LotLimitExceeded) as refused:
        anna.grant(1)
    assert refused.value.facts == {"limit": 100, "open_lots": 100}
    assert anna.available == 100


def test_a_lot_that_has_expired_makes_room_for_a_grant_whether_swept_or_not() -> None:
    anna = Passbook()
    anna.grant(1, expires=At(anna.now + 1))
    for _ in range(MAX_OPEN_LOTS - 1):
        anna.grant(1)
    anna.later(seconds=1).grant(7)
    assert anna.available == 99 + 7


def test_a_wallet_holds_no_more_than_its_limit() -> None:
    anna = Passbook()
    anna.grant(MAX_BALANCE - 5)
    with pytest.raises(BalanceLimitExceeded) as refused:
        anna.grant(6)
    assert refused.value.facts == {"limit": MAX_BALANCE, "balance": MAX_BALANCE - 5, "requested": 6}
    anna.grant(5)
    assert anna.available == MAX_BALANCE


def test_a_reversal_is_not_refused_for_the_balance_limit() -> None:
    anna = Passbook()
    anna.grant(MAX_BALANCE)
    spent = anna.redeem(10)
    anna.grant(10)
    anna.reverse(spent)
    assert anna.available == MAX_BALANCE + 10


# Merging


def test_points_with_the_same_terms_join_one_lot() -> None:
    anna = Passbook()
    first, second = anna.grant(30, Kind.LOYALTY), anna.grant(12, Kind.LOYALTY)
    assert first == second
    assert anna.lot(first).granted == anna.lot(first).remaining == 42


def test_a_merged_grant_keeps_its_amount_and_source_in_its_entry() -> None:
    anna = Passbook()
    anna.grant(30, Kind.LOYALTY, source=Source("order", "1"))
    lot = anna.grant(12, Kind.LOYALTY, source=Source("order", "2"))
    assert [(entry.amount, entry.source) for entry in anna.entries] == [
        (30, Source("order", "1")),
        (12, Source("order", "2")),
    ]
    assert anna.lot(lot).source == Source("order", "1")


@pytest.mark.parametrize(
    "other",
    [
        {"priority": 10},
        {"expires": Days(10)},
        {"expires": Never()},
        {"conditions": Conditions(min_order=100)},
        {"kind": Kind.PROMOTION},
    ],
)
def test_points_with_other_terms_do_not_join(other: dict[str, object]) -> None:
    anna = Passbook("2026-01-15T12:00")
    anna.grant(30, Kind.LOYALTY)
    anna.grant(12, **{"kind": Kind.LOYALTY} | other)  # type: ignore[arg-type]
    assert sorted(anna.lots.values()) == [12, 30]


def test_points_that_start_later_do_not_join_a_lot_that_has_started() -> None:
    anna = Passbook("2026-01-15T12:00")
    anna.grant(30, Kind.LOYALTY, At(instant("2026-06-01")))
    anna.grant(12, Kind.LOYALTY, At(instant("2026-06-01")), effective_at=instant("2026-02-01"))
    assert (anna.balance.pending, anna.balance.available) == (12, 30)


def test_points_do_not_join_a_lot_that_has_not_started() -> None:
    anna = Passbook("2026-01-15T12:00")
    anna.grant(30, Kind.LOYALTY, At(instant("2026-06-01")), effective_at=instant("2026-02-01"))
    anna.grant(12, Kind.LOYALTY, At(instant("2026-06-01")))
    assert (anna.balance.pending, anna.balance.available) == (30, 12)


def test_points_join_a_lot_of_which_some_is_spent_and_some_is_held() -> None:
    anna = Passbook()
    lot = anna.grant(30, Kind.LOYALTY)
    anna.redeem(5)
    anna.hold(10, "order-2")
    anna.grant(12, Kind.LOYALTY)
    assert (anna.lot(lot).granted, anna.lot(lot).remaining, anna.lot(lot).held) == (42, 37, 10)


def test_points_join_even_where_a_new_lot_would_be_refused() -> None:
    anna = Passbook()
    anna.grant(1, Kind.LOYALTY)
    for _ in range(MAX_OPEN_LOTS - 1):
        anna.grant(1)
    anna.grant(1, Kind.LOYALTY)
    assert len(anna.wallet.lots) == MAX_OPEN_LOTS


def test_which_kinds_merge_is_a_setting() -> None:
    anna = Passbook(policy=replace(POLICY, merged_kinds=frozenset({Kind.REFUND})))
    anna.grant(1, Kind.REFUND)
    anna.grant(1, Kind.REFUND)
    anna.grant(1, Kind.LOYALTY)
    anna.grant(1, Kind.LOYALTY)
    assert sorted(anna.lots.values()) == [1, 1, 2]
