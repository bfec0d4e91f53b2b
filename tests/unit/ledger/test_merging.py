"""Two wallets of one person become one: nothing is lost, nothing made, and both still follow from their entries."""

from __future__ import annotations

from datetime import UTC

import pytest

from chalicelib.ledger import correcting, granting, holding, redeeming
from chalicelib.ledger.booking import Book
from chalicelib.ledger.cart import Cart
from chalicelib.ledger.folding import audit
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.limits import DAY_MS, HOUR_MS, MAX_BALANCE
from chalicelib.ledger.lots import Kind, Lot, LotClass, Source
from chalicelib.ledger.merging import MERGE, lend, merge
from chalicelib.ledger.model import Entry, EntryType, Wallet
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import At, Policy
from chalicelib.ledger.redeeming import Reversal, Spending
from chalicelib.ledger.refusals import (
    BalanceLimitExceeded,
    HoldOpen,
    InsufficientCredit,
    LotLimitExceeded,
    WalletFrozen,
)
from tests.passbook import instant

POLICY = Policy("1", UTC)
NOW = instant("2026-03-01T12:00")


class Purse:
    """A wallet, with all its entries."""

    def __init__(self, customer: str) -> None:
        self.wallet = Wallet(customer, "EUR")
        self.entries: tuple[Entry, ...] = ()

    def take(self, plan: Plan) -> Plan:
        self.wallet, self.entries = plan.wallet, self.entries + plan.entries
        return plan

    def grant(self, amount: int, kind: Kind = Kind.COMPENSATION, **terms: object) -> Purse:
        self.take(granting.issue(self.wallet, Grant(amount, kind, "x", **terms), act(), POLICY))  # type: ignore[arg-type]
        return self

    def ties(self) -> bool:
        return audit(self.wallet, self.entries) == ((), len(self.entries))


def act(at: int = NOW) -> Act:
    return Act("op", "tester", at)


def merged(source: Purse, target: Purse, at: int = NOW) -> tuple[list[str], list[str]]:
    """The types of the entries on both sides."""
    before = source.wallet.remaining + target.wallet.remaining
    expired = sum(lot.remaining for purse in (source, target) for lot in purse.wallet.lots if lot.dead(at))
    moved = merge(source.wallet, target.wallet, act(at), POLICY)
    source.take(moved.source)
    target.take(moved.target)
    assert source.wallet.remaining + target.wallet.remaining == before - expired
    assert source.ties() and target.ties()
    return [each.type.value for each in moved.source.entries], [each.type.value for each in moved.target.entries]


def terms(lot: Lot) -> tuple[object, ...]:
    return (
        *(lot.kind, lot.lot_class, lot.remaining, lot.priority, lot.effective_at, lot.expires_at),
        *(lot.conditions, lot.source, lot.reinstatements, lot.from_release),
    )


def test_every_lot_keeps_its_terms() -> None:
    source = Purse("a").grant(500, Kind.PROMOTION, expires=At(NOW + DAY_MS), source=Source("campaign", "c"), priority=3)
    source.grant(200, Kind.REFUND)
    target = Purse("b").grant(50)
    before = [terms(lot) for lot in source.wallet.lots]
    assert merged(source, target) == (["debited"], ["issued"])
    assert [terms(lot) for lot in target.wallet.lots[1:]] == before
    assert [lot.granted for lot in target.wallet.lots[1:]] == [500, 200]
    assert source.wallet.lots == ()


def test_the_entries_of_both_sides_name_each_other() -> None:
    source, target = Purse("a").grant(500), Purse("b")
    merged(source, target)
    assert source.entries[-1].source == Source(MERGE, "b")
    assert target.entries[-1].source == Source(MERGE, "a")
    assert source.entries[-1].notify is target.entries[-1].notify is False


def test_what_is_pending_leaves_by_revocation_and_stays_pending() -> None:
    source = Purse("a").grant(500, effective_at=NOW + HOUR_MS).grant(100)
    target = Purse("b")
    assert merged(source, target) == (["debited", "revoked"], ["issued"])
    assert [lot.effective_at for lot in target.wallet.lots] == [NOW + HOUR_MS, NOW]


def test_what_has_expired_by_now_does_not_move() -> None:
    source = Purse("a").grant(500, Kind.PROMOTION, expires=At(NOW + HOUR_MS)).grant(100)
    target = Purse("b")
    assert merged(source, target, NOW + HOUR_MS) == (["expired", "debited"], ["issued"])
    assert target.wallet.remaining == 100


def test_a_reinstated_lot_keeps_its_class() -> None:
    source, target = Purse("a").grant(500, Kind.PROMOTION, expires=At(NOW + HOUR_MS)), Purse("b")
    spent = source.take(redeeming.redeem(source.wallet, Spending(500, Cart("o")), act(), POLICY))
    assert spent.redemption is not None
    later = act(NOW + DAY_MS)
    source.take(redeeming.reverse(source.wallet, spent.redemption, Reversal(spent.redemption.id), later, POLICY))
    merged(source, target, NOW + DAY_MS)
    (lot,) = target.wallet.lots
    assert (lot.kind, lot.lot_class, lot.reinstatements) == (Kind.REINSTATED, LotClass.PROMOTIONAL, 1)


def test_a_second_time_there_is_nothing_to_move() -> None:
    source, target = Purse("a").grant(500), Purse("b")
    merged(source, target)
    assert merged(source, target) == ([], [])


def test_what_is_set_aside_for_an_order_stands_in_the_way() -> None:
    source = Purse("a").grant(500)
    source.take(holding.hold(source.wallet, Spending(100, Cart("o")), act(), POLICY, ttl_seconds=1800))
    with pytest.raises(HoldOpen):
        merge(source.wallet, Wallet("b", "EUR"), act(), POLICY)
    assert merged(source, Purse("b"), NOW + DAY_MS) == (["lapsed", "debited"], ["issued"])


def test_nothing_leaves_and_nothing_enters_a_frozen_wallet() -> None:
    frozen = Purse("a").grant(500)
    frozen.take(correcting.freeze(frozen.wallet, "fraud", act(), POLICY))
    for source, target in ((frozen, Purse("b")), (Purse("b").grant(1), frozen)):
        with pytest.raises(WalletFrozen):
            merge(source.wallet, target.wallet, act(), POLICY)


def test_a_wallet_takes_no_more_lots_and_no_more_credit_than_it_may_have() -> None:
    target = Purse("b")
    for _ in range(99):
        target.grant(1)
    with pytest.raises(LotLimitExceeded):
        merge(Purse("a").grant(1).grant(1).wallet, target.wallet, act(), POLICY)
    assert merged(Purse("a").grant(1), target) == (["debited"], ["issued"])
    rich = Wallet("b", "EUR", lots=(Purse("x").grant(1).wallet.lots[0].worth(MAX_BALANCE, 0),))
    with pytest.raises(BalanceLimitExceeded):
        merge(Purse("a").grant(1).wallet, rich, act(), POLICY)


def test_debt_moves_and_stays_debt() -> None:
    source, target = Purse("a").grant(500), Purse("b").grant(70, Kind.PROMOTION)
    source.wallet = Wallet("a", "EUR", debt=300)
    source.entries = ()
    moved = merge(source.wallet, target.wallet, act(), POLICY)
    target.take(moved.target)
    assert (moved.source.wallet.debt, target.wallet.debt, target.wallet.remaining) == (0, 300, 70)
    assert target.ties()
    target.grant(400, Kind.PROMOTION)
    assert (target.wallet.debt, target.wallet.remaining) == (0, 170)


# What comes of orders of who is gone

ORDER = Source("order", "o1")
REFUND = Source("refund", "r1")


def owing(amount: int) -> Purse:
    """A wallet that owes so much, and has nothing."""
    purse = Purse("a")
    book = Book(purse.wallet, act(), POLICY.version)
    book.write(EntryType.CLAWED_BACK, "refund", source=REFUND, order_id="o1", debt_change=amount)
    purse.take(Plan(book.wallet, book.entries, book.at))
    return purse


def passed_on(source: Purse, target: Purse) -> None:
    moved = merge(source.wallet, target.wallet, act(), POLICY, order=ORDER)
    source.take(moved.source)
    target.take(moved.target)
    assert source.ties() and target.ties()


def left(purse: Purse) -> dict[Kind, int]:
    return {lot.kind: lot.remaining for lot in purse.wallet.lots}


def test_debt_of_an_order_is_paid_from_what_it_earned_first_also_while_that_is_pending() -> None:
    source, target = owing(300), Purse("b").grant(500, Kind.PROMOTION)
    target.grant(200, Kind.LOYALTY, source=ORDER, effective_at=NOW + DAY_MS, expires=At(NOW + 9 * DAY_MS))
    passed_on(source, target)
    assert (left(target), target.wallet.debt, source.wallet.debt) == ({Kind.PROMOTION: 400}, 0, 0)


def test_debt_of_an_order_is_not_paid_from_what_was_paid_for_nor_from_what_is_held() -> None:
    source, target = owing(300), Purse("b").grant(200, Kind.REFUND).grant(100, Kind.COMPENSATION)
    target.grant(50, Kind.PROMOTION)
    target.take(holding.hold(target.wallet, Spending(40, Cart(order_id="other")), act(), POLICY, ttl_seconds=600))
    passed_on(source, target)
    assert target.wallet.debt == 290
    assert left(target) == {Kind.REFUND: 200, Kind.COMPENSATION: 100, Kind.PROMOTION: 40}


def test_debt_that_a_merge_moves_is_not_paid_by_it() -> None:
    source, target = owing(300), Purse("b").grant(500, Kind.PROMOTION)
    merged(source, target)
    assert (target.wallet.debt, target.wallet.remaining) == (300, 500)


def lent(source: Purse, target: Purse, wanted: int) -> list[int]:
    """What was lent of each lot."""
    moved = lend(source.wallet, target.wallet, wanted, REFUND, act(), POLICY)
    source.take(moved.source)
    target.take(moved.target)
    assert source.ties() and target.ties()
    return [part.amount for entry in moved.target.entries for part in entry.allocations]


def test_only_what_is_missing_is_lent() -> None:
    source, target = Purse("b").grant(500), Purse("a").grant(70)
    assert lent(source, target, 100) == [30]
    assert (source.wallet.remaining, target.wallet.remaining) == (470, 100)
    assert lent(source, target, 100) == []


def test_the_refunds_own_credit_is_lent_first_and_its_bonus_last() -> None:
    source = Purse("b").grant(90, Kind.PROMOTION, source=REFUND).grant(200)
    source.grant(300, Kind.REFUND, source=REFUND)
    assert lent(source, Purse("a"), 400) == [300, 100]
    assert left(source) == {Kind.PROMOTION: 90, Kind.COMPENSATION: 100}


def test_a_lent_part_keeps_the_terms_of_its_lot() -> None:
    source, target = Purse("b").grant(500, Kind.PROMOTION, expires=At(NOW + DAY_MS), priority=3), Purse("a")
    lent(source, target, 200)
    assert [each[:2] + each[3:] for each in map(terms, target.wallet.lots)] == [
        each[:2] + each[3:] for each in map(terms, source.wallet.lots)
    ]


def test_what_is_pending_or_held_is_not_lent_and_too_little_is_refused() -> None:
    source = Purse("b").grant(500, effective_at=NOW + DAY_MS).grant(100)
    source.take(holding.hold(source.wallet, Spending(40, Cart(order_id="other")), act(), POLICY, ttl_seconds=600))
    with pytest.raises(InsufficientCredit) as refused:
        lend(source.wallet, Purse("a").wallet, 61, REFUND, act(), POLICY)
    assert refused.value.facts == {"available": 60, "requested": 61}
    assert lent(source, Purse("a"), 60) == [60]


def test_nothing_is_lent_from_or_to_a_frozen_wallet() -> None:
    frozen, other = Purse("a").grant(10), Purse("b").grant(500)
    frozen.take(correcting.freeze(frozen.wallet, "fraud", act(), POLICY))
    for source, target in ((frozen, other), (other, frozen)):
        with pytest.raises(WalletFrozen):
            lend(source.wallet, target.wallet, 1, REFUND, act(), POLICY)
