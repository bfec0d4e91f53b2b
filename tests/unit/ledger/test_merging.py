"""Two wallets of one person become one: nothing is lost, nothing made, and both still follow from their entries."""

from __future__ import annotations

from datetime import UTC

import pytest

from chalicelib.ledger import correcting, granting, holding, redeeming
from chalicelib.ledger.cart import Cart
from chalicelib.ledger.folding import audit
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.limits import DAY_MS, HOUR_MS, MAX_BALANCE
from chalicelib.ledger.merging import MERGE, merge
from chalicelib.ledger.model import Act, Entry, Kind, Lot, LotClass, Plan, Source, Wallet
from chalicelib.ledger.policy import At, Policy
from chalicelib.ledger.redeeming import Reversal, Spending
from chalicelib.ledger.refusals import BalanceLimitExceeded, HoldOpen, LotLimitExceeded, WalletFrozen
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
