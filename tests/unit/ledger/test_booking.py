"""How one entry changes a wallet, and every entry that is refused because it cannot follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.ledger.booking import EFFECT, apply
from chalicelib.ledger.folding import fold
from chalicelib.ledger.limits import HOUR_MS
from chalicelib.ledger.lots import Allocation, Kind
from chalicelib.ledger.model import Entry, EntryType, Wallet
from chalicelib.ledger.policy import At
from chalicelib.ledger.refusals import LedgerFault
from tests.passbook import Passbook


def entry(anna: Passbook, type_: EntryType, *parts: Allocation, **more: Any) -> Entry:
    """The next entry of the wallet, consistent in all but what the test says."""
    remaining_sign, held_sign = EFFECT[type_]
    total = sum(part.amount for part in parts)
    told: dict[str, Any] = {
        "sequence": anna.wallet.version + 1,
        "type": type_,
        "amount": remaining_sign * total,
        "balance_after": anna.wallet.remaining + remaining_sign * total,
        "held_after": anna.wallet.held + held_sign * total,
        "debt_after": anna.wallet.debt,
        "allocations": parts,
        "at": anna.now,
        "actor": "tester",
        "reason": "test",
        "operation": "op",
        "policy": "1",
    }
    return Entry(**told | more)


def opened() -> Passbook:
    anna = Passbook()
    anna.grant(100)
    anna.grant(50, Kind.PURCHASED)
    return anna


def test_every_entry_type_has_its_effect() -> None:
    assert set(EFFECT) == set(EntryType)


def test_what_the_helper_makes_is_accepted() -> None:
    anna = opened()
    after = apply(anna.wallet, entry(anna, EntryType.REDEEMED, Allocation("lot_1", 30), order_id="order-1"))
    assert (after.remaining, after.first_order, after.version) == (120, "order-1", 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sequence": 2},
        {"sequence": 4},
        {"sequence": 0},
        {"amount": -31},
        {"amount": 30},
        {"balance_after": 121},
        {"held_after": 1},
        {"at": 0},
        {"allocations": (Allocation("lot_9", 30),)},
        {"allocations": (Allocation("lot_1", 101),)},
        {"allocations": ()},
        {"type": EntryType.HELD},
        {"type": EntryType.CAPTURED},
        {"type": EntryType.RESTORED},
        {"hold": "hld_unknown"},
    ],
)
def test_an_entry_that_does_not_follow_is_refused(wrong: dict[str, Any]) -> None:
    anna = opened()
    with pytest.raises(LedgerFault):
        apply(anna.wallet, replace(entry(anna, EntryType.REDEEMED, Allocation("lot_1", 30)), **wrong))


@pytest.mark.parametrize("amount", [0, -1])
@pytest.mark.parametrize("type_", [EntryType.REDEEMED, EntryType.RESTORED, EntryType.EXPIRED])
def test_nothing_moves_by_nothing_or_less(type_: EntryType, amount: int) -> None:
    anna = opened()
    anna.redeem(10)
    with pytest.raises(LedgerFault):
        apply(anna.wallet, entry(anna, type_, Allocation("lot_1", amount)))


def test_no_lot_grows_above_its_grant() -> None:
    anna = opened()
    anna.redeem(10)
    apply(anna.wallet, entry(anna, EntryType.RESTORED, Allocation("lot_1", 10)))
    with pytest.raises(LedgerFault):
        apply(anna.wallet, entry(anna, EntryType.RESTORED, Allocation("lot_1", 11)))


def test_held_credit_is_not_redeemed_expired_revoked_or_debited() -> None:
    anna = opened()
    anna.hold(60)
    for type_ in (EntryType.REDEEMED, EntryType.EXPIRED, EntryType.REVOKED, EntryType.DEBITED):
        apply(anna.wallet, entry(anna, type_, Allocation("lot_1", 40)))
        with pytest.raises(LedgerFault):
            apply(anna.wallet, entry(anna, type_, Allocation("lot_1", 41)))


def test_no_more_is_taken_from_a_hold_than_it_sets_aside() -> None:
    anna = opened()
    hold, other = anna.hold(60, "order-1"), anna.hold(20, "order-2")
    for type_ in (EntryType.CAPTURED, EntryType.RELEASED, EntryType.LAPSED):
        with pytest.raises(LedgerFault):
            apply(anna.wallet, entry(anna, type_, Allocation("lot_1", 61), hold=hold.id))
        with pytest.raises(LedgerFault):
            apply(anna.wallet, entry(anna, type_, Allocation("lot_2", 1), hold=other.id))


def test_two_parts_of_one_lot_count_together_against_a_hold() -> None:
    anna = opened()
    hold = anna.hold(60, "order-1")
    anna.hold(30, "order-2")
    twice = (Allocation("lot_1", 40), Allocation("lot_1", 40))
    with pytest.raises(LedgerFault):
        apply(anna.wallet, entry(anna, EntryType.CAPTURED, *twice, hold=hold.id))
    halves = (Allocation("lot_1", 30), Allocation("lot_1", 30))
    after = apply(anna.wallet, entry(anna, EntryType.CAPTURED, *halves, hold=hold.id))
    assert after.hold(hold.id) is None
    assert after.held == 30


def test_a_lot_that_is_opened_starts_from_its_terms() -> None:
    anna = opened()
    terms = replace(anna.lot("lot_1"), id="lot_3", remaining=0)
    after = apply(anna.wallet, entry(anna, EntryType.ISSUED, Allocation("lot_3", 100), lots=(terms,)))
    assert after.lot("lot_3") == replace(terms, remaining=100)


def test_new_terms_of_an_open_lot_keep_what_remains_and_what_is_held() -> None:
    anna = opened()
    anna.hold(60)
    terms = replace(anna.lot("lot_1"), remaining=0, held=0, expires_at=None)
    after = apply(anna.wallet, entry(anna, EntryType.EXTENDED, lots=(terms,)))
    assert after.lot("lot_1") == replace(terms, remaining=100, held=60)


def test_a_wallet_is_the_fold_of_its_entries() -> None:
    anna = opened()
    anna.grant(40, expires=At(anna.now + HOUR_MS), priority=1)
    hold = anna.hold(120, minutes=300)
    anna.capture(hold, 20, final=False)
    spent = anna.redeem(10, "order-2")
    anna.later(hours=2).reverse(spent)
    anna.freeze()
    assert fold("anna", "EUR", anna.entries) == anna.wallet
    assert fold("anna", "EUR", ()) == Wallet("anna", "EUR")


def test_an_entry_keeps_a_lots_terms_without_what_remains_of_it() -> None:
    anna = opened()
    anna.extend("lot_1", At(anna.now + 10_000 * HOUR_MS))
    assert [(lot.remaining, lot.held) for entry in anna.entries for lot in entry.lots] == [(0, 0)] * 3
