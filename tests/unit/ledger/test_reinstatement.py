"""How long value that comes back lives: the modes, the chain of parents, and credit that shall not live for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.ledger.lots import Kind, Lot
from chalicelib.ledger.policy import (
    At,
    Days,
    Extend,
    Grace,
    NoExpiry,
    OriginalExpiry,
    Reinstatement,
)
from tests.passbook import POLICY, Passbook, instant


def under(mode: Reinstatement, opened: str = "2026-04-01T12:00") -> Passbook:
    return Passbook(opened, replace(POLICY, reinstatement=mode))


def spend_and_get_back_dead(anna: Passbook) -> Lot:
    """Redeem all, wait until the lot it came from is dead, and reverse."""
    spent = anna.redeem(anna.available)
    (again,) = anna.later(days=31).reverse(spent)
    return again


# Modes


@pytest.mark.parametrize(
    ("mode", "end"),
    [
        (Grace(), "2026-04-24T12:00"),
        (Grace(lifted_to_days=1), "2026-04-11T12:00"),
        (Grace(lifted_to_days=0), "2026-04-11T00:00"),
        (OriginalExpiry(), "2026-04-11T00:00"),
        (Extend(20), "2026-04-30T12:00"),
        (Extend(0), "2026-04-11T00:00"),
    ],
)
def test_the_mode_says_how_long_a_live_lot_lives_on(mode: Reinstatement, end: str) -> None:
    anna = under(mode)
    lot = anna.grant(100, expires=At(instant("2026-04-11")))
    spent = anna.redeem(100)
    anna.on("2026-04-10T12:00").reverse(spent)
    assert anna.lot(lot).expires_at == instant(end)


@pytest.mark.parametrize(
    ("mode", "end"),
    [
        (Grace(), "2026-05-20T12:00"),
        (Grace(reinstated_days=5), "2026-04-25T12:00"),
        (Extend(7), "2026-04-27T12:00"),
        (NoExpiry(), None),
    ],
)
def test_the_mode_says_how_long_a_dead_lot_comes_back(mode: Reinstatement, end: str | None) -> None:
    anna = under(mode)
    anna.grant(100, expires=At(instant("2026-04-11")))
    spent = anna.redeem(100)
    (again,) = anna.on("2026-04-20T12:00").reverse(spent)
    assert again.expires_at == (end and instant(end))
    assert anna.available == 100


def test_in_mode_original_expiry_what_is_past_expires_at_once_and_is_accounted_for() -> None:
    anna = under(OriginalExpiry())
    anna.grant(100, expires=At(instant("2026-04-11")))
    spent = anna.redeem(100)
    (again,) = anna.on("2026-04-20T12:00").reverse(spent)
    assert (again.remaining, anna.available, anna.wallet.lots) == (0, 0, ())
    assert anna.types[-2:] == ["restored", "expired"]


def test_in_mode_original_expiry_even_paid_credit_is_past() -> None:
    anna = under(OriginalExpiry())
    anna.grant(100, Kind.MIGRATION, At(instant("2026-04-11")))
    anna.on("2026-04-10")
    spent = anna.redeem(100)
    anna.on("2026-04-20").reverse(spent)
    assert anna.available == 0


def test_in_mode_no_expiry_a_live_lot_that_would_end_gives_way_to_one_that_does_not() -> None:
    anna = under(NoExpiry())
    lot = anna.grant(100, expires=At(instant("2026-04-11")))
    spent = anna.redeem(60)
    (again,) = anna.reverse(spent)
    assert anna.lots == {lot: 40, again.id: 60}
    assert (again.expires_at, again.parent) == (None, lot)


def test_in_mode_no_expiry_a_lot_that_never_ends_just_grows() -> None:
    anna = under(NoExpiry())
    lot = anna.grant(100, Kind.PURCHASED)
    assert anna.reverse(anna.redeem(60)) == ()
    assert anna.lots == {lot: 100}


def test_in_mode_extend_paid_credit_lives_as_long_as_it_says() -> None:
    anna = under(Extend(7))
    anna.grant(100, Kind.MIGRATION, Days(0))
    spent = anna.redeem(100)
    (again,) = anna.later(days=3).reverse(spent)
    assert again.expires_at == anna.now + 7 * 24 * 3600 * 1000


# The chain


@pytest.mark.parametrize("kind", [Kind.PROMOTION, Kind.COMPENSATION])
def test_three_reinstatements_and_the_fourth_expires_at_once(kind: Kind) -> None:
    anna = Passbook("2026-01-01T12:00")
    anna.grant(100, kind, Days(0))
    parents = [spend_and_get_back_dead(anna) for _ in range(3)]
    assert [lot.reinstatements for lot in parents] == [1, 2, 3]
    assert [lot.parent for lot in parents[1:]] == [lot.id for lot in parents[:-1]]
    fourth = spend_and_get_back_dead(anna)
    assert (fourth.remaining, anna.available) == (0, 0)
    assert anna.types[-2:] == ["restored", "expired"]


def test_paid_credit_comes_back_however_often() -> None:
    anna = under(Extend(1))
    anna.grant(100, Kind.MIGRATION, Days(0))
    for _ in range(6):
        spend_and_get_back_dead(anna)
    assert anna.available == 100


def test_in_mode_extend_the_chain_ends_too() -> None:
    anna = under(Extend(1))
    anna.grant(100, expires=Days(0))
    for _ in range(4):
        spend_and_get_back_dead(anna)
    assert anna.available == 0


def test_a_live_lot_at_the_end_of_its_chain_still_takes_its_value_back() -> None:
    anna = Passbook("2026-01-01T12:00")
    anna.grant(100, expires=Days(0))
    third = [spend_and_get_back_dead(anna) for _ in range(3)][-1]
    assert anna.reverse(anna.redeem(100)) == ()
    assert anna.lots == {third.id: 100}


def test_changing_the_mode_to_no_expiry_takes_nothing_from_a_live_lot_at_the_end_of_its_chain() -> None:
    anna = Passbook("2026-01-01T12:00")
    anna.grant(100, expires=Days(0))
    for _ in range(3):
        spend_and_get_back_dead(anna)
    spent = anna.redeem(100)
    anna.policy = replace(anna.policy, reinstatement=NoExpiry())
    anna.reverse(spent)
    assert anna.available == 100
