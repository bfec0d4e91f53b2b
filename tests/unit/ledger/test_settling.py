"""What happens by itself: expiry and lapse follow from the times, whoever comes, and whenever."""

from __future__ import annotations

from itertools import combinations

import pytest

from chalicelib.ledger.limits import HOUR_MS
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import At, Days
from chalicelib.ledger.refusals import HoldLapsed, InsufficientCredit
from chalicelib.ledger.settling import due_at
from tests.passbook import Passbook, instant


def test_credit_past_its_time_and_not_swept_is_neither_spendable_nor_in_the_balance() -> None:
    anna = Passbook()
    anna.grant(500, expires=At(anna.now + 1000))
    anna.later(seconds=2)
    assert anna.available == 0
    assert anna.lots == {}
    with pytest.raises(InsufficientCredit):
        anna.redeem(1)
    assert anna.types == ["issued"]


def test_a_lot_that_is_used_in_part_and_expires_is_found_by_the_sweep() -> None:
    anna = Passbook()
    anna.grant(500, expires=At(anna.now + 1000))
    anna.redeem(200)
    assert due_at(anna.wallet) == anna.now + 1000
    anna.later(seconds=1).sweep()
    assert (anna.entries[-1].type, anna.entries[-1].amount) == ("expired", -300)


def test_one_expired_entry_says_all_lots_that_ended() -> None:
    anna = Passbook()
    for number in range(3):
        anna.grant(10, expires=At(anna.now + 1000 + number))
    anna.grant(10)
    anna.later(minutes=1).sweep()
    assert [part.lot for part in anna.entries[-1].allocations] == ["lot_1", "lot_2", "lot_3"]
    assert anna.entries[-1].amount == -30


def test_sweeping_twice_books_once() -> None:
    anna = Passbook()
    anna.grant(10, expires=At(anna.now + 1000))
    anna.later(minutes=1).sweep()
    anna.sweep()
    assert anna.types == ["issued", "expired"]


def test_sweeping_a_wallet_to_which_nothing_happened_writes_nothing() -> None:
    anna = Passbook()
    anna.grant(10)
    before = anna.wallet
    anna.sweep()
    assert anna.wallet == before


def test_lapses_are_booked_in_the_order_in_which_they_happened() -> None:
    anna = Passbook()
    anna.grant(100)
    late = anna.hold(10, "order-1", minutes=50)
    early = anna.hold(10, "order-2", minutes=20)
    middle = anna.hold(10, "order-3", minutes=30)
    anna.later(hours=3).sweep()
    assert [entry.hold for entry in anna.entries[-3:]] == [early.id, middle.id, late.id]


def life(sweeps: tuple[int, ...]) -> Passbook:
    """Six days of a wallet in which lots die free and held, swept at the end of the given days."""
    anna = Passbook("2026-03-26T12:00")
    anna.grant(100, expires=Days(0), priority=10)
    anna.grant(100, Kind.COMPENSATION, Days(1), priority=20)
    anna.grant(100, Kind.MIGRATION, Days(3), priority=30)
    anna.grant(100, effective_at=instant("2026-03-29"))
    anna.hold(150, "order-1", minutes=13 * 60)
    anna.hold(120, "order-2", minutes=45 * 60)
    for day in range(6):
        anna.later(days=1)
        if day in sweeps:
            anna.sweep()
    return anna


@pytest.mark.parametrize("sweeps", [days for count in range(5) for days in combinations(range(5), count)])
def test_being_days_late_changes_no_balance(sweeps: tuple[int, ...]) -> None:
    punctual, late = life((0, 1, 2, 3, 4, 5)), life(sweeps)
    assert late.balance.available == punctual.balance.available
    late.sweep()
    assert (late.lots, late.balance.held) == (punctual.lots, punctual.balance.held)
    assert sum(entry.amount for entry in late.entries) == sum(entry.amount for entry in punctual.entries)


def test_a_sweeper_that_was_down_for_three_days_leaves_the_same_balances_every_hour() -> None:
    punctual, late = Passbook("2026-03-26T12:00"), Passbook("2026-03-26T12:00")
    for anna in (punctual, late):
        anna.grant(100, expires=Days(0))
        anna.grant(50, expires=Days(1))
        anna.hold(130, minutes=24 * 60)
    for _ in range(72):
        punctual.later(hours=1).sweep()
        late.later(hours=1)
        seen, expected = late.balance, punctual.balance
        assert (seen.available, seen.pending, seen.held) == (expected.available, expected.pending, expected.held)


# The clock


def test_entry_times_never_go_back() -> None:
    anna = Passbook()
    anna.grant(100)
    anna.later(minutes=-5).redeem(10)
    assert anna.entries[-1].at == anna.entries[0].at


def test_a_clock_that_is_behind_does_not_revive_what_another_saw_expire() -> None:
    anna = Passbook()
    anna.grant(100, expires=At(anna.now + HOUR_MS))
    anna.later(hours=1).grant(5)
    anna.later(minutes=-5)
    assert anna.available == 5
    with pytest.raises(InsufficientCredit):
        anna.redeem(6)


def test_a_clock_that_is_behind_does_not_revive_a_hold_that_lapsed() -> None:
    anna = Passbook()
    anna.grant(100)
    hold = anna.hold(50, minutes=30)
    anna.later(minutes=30).grant(1)
    anna.later(minutes=-5)
    with pytest.raises(HoldLapsed):
        anna.capture(hold)


# When it is next due


def test_a_wallet_is_due_when_its_first_lot_ends_or_its_first_hold_lapses() -> None:
    anna = Passbook()
    assert due_at(anna.wallet) is None
    anna.grant(100, Kind.PURCHASED)
    assert due_at(anna.wallet) is None
    anna.grant(100, expires=At(anna.now + 5 * HOUR_MS))
    assert due_at(anna.wallet) == anna.now + 5 * HOUR_MS
    anna.hold(10, minutes=30)
    assert due_at(anna.wallet) == anna.now + HOUR_MS // 2


def test_a_dead_lot_that_is_only_held_is_due_with_its_hold() -> None:
    anna = Passbook()
    anna.grant(100, expires=At(anna.now + HOUR_MS))
    hold = anna.hold(100, minutes=180)
    anna.later(hours=2).sweep()
    assert due_at(anna.wallet) == hold.expires_at


def test_once_it_is_settled_a_wallet_is_due_only_in_the_future() -> None:
    anna = Passbook()
    for number in range(5):
        anna.grant(10, expires=At(anna.now + number * HOUR_MS + 1))
    anna.hold(25, minutes=90)
    while (due := due_at(anna.wallet)) is not None:
        assert due > anna.now
        anna.now = due
        anna.sweep()
    assert anna.wallet.lots == ()


def test_one_millisecond_before_it_is_due_nothing_has_happened() -> None:
    anna = Passbook()
    anna.grant(10, expires=At(anna.now + HOUR_MS))
    anna.later(hours=1, milliseconds=-1).sweep()
    assert anna.types == ["issued"]
    anna.later(milliseconds=1).sweep()
    assert anna.types == ["issued", "expired"]
