"""The invariants themselves can fail: each names the damage that it is there for, and lets a sound history pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.ledger.limits import HOUR_MS
from chalicelib.ledger.lots import Allocation
from chalicelib.ledger.model import Entry, EntryType, Wallet
from chalicelib.ledger.policy import At
from tests import invariants
from tests.passbook import Passbook

Damage = Callable[[Wallet, list[Entry]], tuple[Wallet, list[Entry]]]


def story() -> Passbook:
    """1 to 3 issued, 4 held, 5 redeemed, 6 captured, 7 restored, 8 expired, 9 redeemed."""
    anna = Passbook()
    anna.grant(100, expires=At(anna.now + HOUR_MS))
    anna.grant(100)
    anna.grant(3, expires=At(anna.now + HOUR_MS), priority=90)
    hold = anna.hold(20, "order-1", minutes=300)
    spent = anna.redeem(90, "order-2")
    anna.capture(hold, 10, final=False)
    anna.reverse(spent, 5)
    anna.later(hours=1)
    anna.redeem(10, "order-3")
    return anna


def entry(sequence: int, **changes: Any) -> Damage:
    """That entry as it should not be."""
    return lambda wallet, entries: (
        wallet,
        [replace(each, **changes) if each.sequence == sequence else each for each in entries],
    )


def lot(name: str, **changes: Any) -> Damage:
    return lambda wallet, entries: (
        replace(wallet, lots=tuple(replace(each, **changes) if each.id == name else each for each in wallet.lots)),
        entries,
    )


def wallet(**changes: Any) -> Damage:
    return lambda wallet, entries: (replace(wallet, **changes), entries)


def without(sequence: int) -> Damage:
    return lambda wallet, entries: (wallet, [each for each in entries if each.sequence != sequence])


def test_a_sound_history_keeps_them_all() -> None:
    anna = story()
    invariants.check(anna.wallet, anna.entries)


@pytest.mark.parametrize(
    ("invariant", "damage"),
    [
        (invariants.entry_amounts_sum_to_remaining, entry(5, amount=-91)),
        (invariants.entry_amounts_sum_to_remaining, lot("lot_2", remaining=1)),
        (invariants.value_is_conserved, entry(5, allocations=(Allocation("lot_1", 89),))),
        (invariants.value_is_conserved, entry(2, type=EntryType.DEBITED)),
        (invariants.held_within_remaining_within_granted, lot("lot_2", remaining=101)),
        (invariants.held_within_remaining_within_granted, lot("lot_2", held=1)),
        (invariants.held_within_remaining_within_granted, lot("lot_1", held=11)),
        (invariants.held_within_remaining_within_granted, lot("lot_2", remaining=-1)),
        (invariants.held_within_remaining_within_granted, wallet(holds=())),
        (invariants.held_within_remaining_within_granted, wallet(lots=())),
        (invariants.held_within_remaining_within_granted, wallet(debt=-1)),
        (invariants.sequences_have_no_gap, without(4)),
        (invariants.sequences_have_no_gap, without(9)),
        (invariants.sequences_have_no_gap, wallet(version=10)),
        (invariants.balances_run_on, entry(5, balance_after=111)),
        (invariants.balances_run_on, entry(5, held_after=-1)),
        (invariants.balances_run_on, entry(4, allocations=(Allocation("lot_1", 0),))),
        (invariants.nothing_is_taken_outside_a_lots_life, entry(5, at=Passbook().now + HOUR_MS)),
        (invariants.nothing_is_taken_outside_a_lots_life, entry(5, at=Passbook().now - 1)),
        (invariants.only_dead_lots_expire, entry(8, at=Passbook().now + HOUR_MS - 1)),
        (invariants.only_dead_lots_expire, entry(8, allocations=(Allocation("lot_2", 1),))),
        (
            invariants.allocation_follows_spending_order,
            entry(5, allocations=(Allocation("lot_2", 10), Allocation("lot_1", 80))),
        ),
        (
            invariants.allocation_follows_spending_order,
            entry(5, allocations=(Allocation("lot_1", 70), Allocation("lot_2", 20))),
        ),
        (invariants.allocation_follows_spending_order, entry(4, allocations=(Allocation("lot_2", 20),))),
        (invariants.reversals_stay_within_the_redemption, entry(7, allocations=(Allocation("lot_1", 5),))),
        (invariants.reversals_stay_within_the_redemption, entry(7, allocations=(Allocation("lot_2", 91),))),
        (invariants.folding_gives_the_wallet, wallet(frozen=True)),
        (invariants.folding_gives_the_wallet, lot("lot_2", priority=1)),
        (invariants.entry_times_do_not_decrease, entry(5, at=0)),
        (invariants.entry_times_do_not_decrease, wallet(entry_at=0)),
    ],
)
def test_an_invariant_names_its_damage(invariant: Callable[..., None], damage: Damage) -> None:
    anna = story()
    with pytest.raises(AssertionError):
        invariant(*damage(anna.wallet, list(anna.entries)))


def test_a_redemption_given_back_twice_is_named() -> None:
    anna = story()
    entries = list(anna.entries)
    again = replace(entries[6], sequence=10, allocations=(Allocation("lot_2", 10),))
    with pytest.raises(AssertionError):
        invariants.reversals_stay_within_the_redemption(anna.wallet, [*entries, again])
