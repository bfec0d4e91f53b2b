"""What support does: debit, revoke, extend, freeze."""

from __future__ import annotations

import pytest

from chalicelib.ledger.conditions import Conditions
from chalicelib.ledger.limits import HOUR_MS
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import At, Days, Months, Never
from chalicelib.ledger.refusals import (
    ExpiresEarlier,
    ExpiresInPast,
    InsufficientCredit,
    LotClosed,
    LotNotFound,
    WalletFrozen,
)
from tests.passbook import Passbook, instant

# Debit


def test_a_debit_takes_credit_in_spending_order() -> None:
    anna = Passbook()
    paid, promotional = anna.grant(100, Kind.PURCHASED), anna.grant(100)
    anna.debit(150)
    assert anna.lots == {paid: 50}
    assert (anna.entries[-1].type, anna.entries[-1].amount) == ("debited", -150)
    assert promotional not in anna.lots


def test_a_debit_heeds_no_conditions() -> None:
    anna = Passbook()
    anna.grant(100, conditions=Conditions(min_order=10**6))
    anna.debit(100)
    assert anna.available == 0


def test_a_debit_may_name_its_lot() -> None:
    anna = Passbook()
    first, second = anna.grant(100), anna.grant(100)
    anna.debit(30, second)
    assert anna.lots == {first: 100, second: 70}


def test_a_debit_takes_all_or_nothing() -> None:
    anna = Passbook()
    lot = anna.grant(100)
    anna.grant(100, effective_at=anna.now + 1)
    anna.hold(30)
    with pytest.raises(InsufficientCredit) as refused:
        anna.debit(71)
    assert refused.value.facts == {"available": 70, "requested": 71}
    with pytest.raises(InsufficientCredit):
        anna.debit(71, lot)
    anna.debit(70)
    assert anna.available == 0


def test_a_pending_lot_is_not_debited() -> None:
    anna = Passbook()
    lot = anna.grant(100, effective_at=anna.now + HOUR_MS)
    with pytest.raises(InsufficientCredit):
        anna.debit(1, lot)


def test_a_frozen_wallet_is_not_debited() -> None:
    anna = Passbook()
    anna.grant(100)
    anna.freeze()
    with pytest.raises(WalletFrozen):
        anna.debit(1)


# Revoke


def test_revoking_takes_back_what_is_left_of_a_lot() -> None:
    anna = Passbook()
    lot = anna.grant(100)
    anna.redeem(40)
    anna.revoke(lot)
    assert (anna.available, anna.wallet.lots) == (0, ())
    assert (anna.entries[-1].type, anna.entries[-1].amount, anna.entries[-1].reason) == ("revoked", -60, "mistake")


def test_part_of_a_lot_can_be_revoked() -> None:
    anna = Passbook()
    lot = anna.grant(100)
    anna.revoke(lot, 30)
    assert anna.lots == {lot: 70}


def test_a_held_part_is_not_revoked_and_stays_with_its_hold() -> None:
    anna = Passbook()
    lot = anna.grant(100)
    hold = anna.hold(40)
    anna.revoke(lot)
    assert (anna.available, anna.balance.held) == (0, 40)
    assert anna.capture(hold).amount == 40


def test_a_lot_that_is_all_held_cannot_be_revoked() -> None:
    anna = Passbook()
    lot = anna.grant(100)
    anna.hold(100)
    with pytest.raises(InsufficientCredit) as refused:
        anna.revoke(lot)
    assert refused.value.facts == {"available": 0, "held": 100, "requested": 100}


def test_no_more_than_is_unheld_can_be_revoked() -> None:
    anna = Passbook()
    lot = anna.grant(100)
    anna.hold(40)
    with pytest.raises(InsufficientCredit):
        anna.revoke(lot, 61)
    anna.revoke(lot, 60)


def test_a_pending_lot_and_one_of_a_frozen_wallet_can_be_revoked() -> None:
    anna = Passbook()
    lot = anna.grant(100, effective_at=anna.now + HOUR_MS)
    anna.freeze()
    anna.revoke(lot)
    assert anna.balance.pending == 0


def test_a_revoked_lot_vanishes_from_expiring_soon_and_is_not_expired_later() -> None:
    anna = Passbook()
    lot = anna.grant(100, expires=Days(1))
    anna.revoke(lot)
    assert anna.balance.available == 0
    anna.later(days=5).sweep()
    assert anna.types == ["issued", "revoked"]


# Which lot


def test_a_lot_that_never_was_is_not_found_and_one_that_was_is_closed() -> None:
    anna = Passbook()
    lot = anna.grant(100)
    anna.redeem(100)
    for act in (anna.revoke, lambda lot: anna.debit(1, lot), lambda lot: anna.extend(lot, Never())):
        with pytest.raises(LotNotFound):
            act("lot_99")
        with pytest.raises(LotClosed):
            act(lot)


def test_a_lot_that_expired_and_was_not_swept_is_closed() -> None:
    anna = Passbook()
    lot = anna.grant(100, expires=At(anna.now + HOUR_MS))
    anna.later(hours=1)
    for act in (anna.revoke, lambda lot: anna.debit(1, lot), lambda lot: anna.extend(lot, Never())):
        with pytest.raises(LotClosed):
            act(lot)


def test_a_dead_lot_that_is_open_for_its_held_part_is_closed_to_support() -> None:
    anna = Passbook()
    lot = anna.grant(100, expires=At(anna.now + HOUR_MS))
    anna.hold(100, minutes=180)
    anna.later(hours=1)
    for act in (anna.revoke, lambda lot: anna.debit(1, lot), lambda lot: anna.extend(lot, Never())):
        with pytest.raises(LotClosed):
            act(lot)


# Extend


def test_a_lots_life_can_be_lengthened() -> None:
    anna = Passbook("2026-01-15T12:00")
    lot = anna.grant(100, expires=Days(1))
    anna.extend(lot, Days(10))
    assert anna.lot(lot).expires_at == instant("2026-01-26")
    assert (anna.entries[-1].type, anna.entries[-1].amount) == ("extended", 0)
    assert anna.on("2026-01-25T23:59:59.999").available == 100


def test_a_lot_can_be_made_to_last_for_ever() -> None:
    anna = Passbook()
    lot = anna.grant(100)
    anna.extend(lot, Never())
    assert anna.lot(lot).expires_at is None


def test_an_extension_counts_from_today() -> None:
    anna = Passbook("2026-01-15T12:00")
    lot = anna.grant(100, expires=Days(1))
    anna.on("2026-01-16T12:00").extend(lot, Months(1))
    assert anna.lot(lot).expires_at == instant("2026-02-17")


def test_a_life_is_only_ever_lengthened() -> None:
    anna = Passbook()
    lot = anna.grant(100, expires=At(anna.now + 2 * HOUR_MS))
    for end in (HOUR_MS, 2 * HOUR_MS):
        with pytest.raises(ExpiresEarlier):
            anna.extend(lot, At(anna.now + end))
    anna.extend(lot, At(anna.now + 2 * HOUR_MS + 1))


def test_what_lasts_for_ever_cannot_be_lengthened() -> None:
    anna = Passbook()
    lot = anna.grant(100, Kind.PURCHASED)
    for rule in (Never(), Days(1000)):
        with pytest.raises(ExpiresEarlier):
            anna.extend(lot, rule)


def test_a_life_cannot_be_lengthened_into_the_past() -> None:
    anna = Passbook()
    lot = anna.grant(100)
    with pytest.raises(ExpiresInPast):
        anna.extend(lot, At(anna.now))


def test_an_extension_keeps_what_is_held() -> None:
    anna = Passbook()
    lot = anna.grant(100, expires=Days(1))
    anna.hold(40)
    anna.extend(lot, Never())
    assert (anna.lot(lot).remaining, anna.lot(lot).held) == (100, 40)


def test_credit_that_is_extended_while_held_goes_back_to_its_own_lot() -> None:
    anna = Passbook()
    lot = anna.grant(100, expires=At(anna.now + HOUR_MS))
    anna.hold(100, minutes=90)
    anna.extend(lot, At(anna.now + 10 * HOUR_MS))
    anna.later(hours=2)
    assert anna.lots == {lot: 100}


# Freeze


def test_a_frozen_wallet_keeps_its_balance() -> None:
    anna = Passbook()
    anna.grant(100)
    anna.freeze()
    assert (anna.available, anna.wallet.frozen) == (100, True)
    assert (anna.entries[-1].type, anna.entries[-1].reason) == ("frozen", "fraud")


def test_credit_in_a_frozen_wallet_expires_and_holds_lapse_all_the_same() -> None:
    anna = Passbook()
    anna.grant(100, expires=At(anna.now + HOUR_MS))
    anna.grant(100)
    anna.hold(150)
    anna.freeze()
    anna.later(hours=2).sweep()
    assert anna.types[-3:] == ["frozen", "lapsed", "expired"]
    assert (anna.available, anna.balance.held) == (100, 0)


def test_freezing_and_unfreezing_again_is_allowed_and_recorded() -> None:
    anna = Passbook()
    for act in (anna.freeze, anna.freeze, anna.unfreeze, anna.unfreeze):
        act()
    assert anna.types == ["frozen", "frozen", "unfrozen", "unfrozen"]
    assert not anna.wallet.frozen


def test_a_lot_of_a_frozen_wallet_can_be_extended() -> None:
    anna = Passbook()
    lot = anna.grant(100, expires=Days(1))
    anna.freeze()
    anna.extend(lot, Days(2))
    assert anna.later(days=2).available == 100
