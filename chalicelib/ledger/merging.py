"""Two wallets of one person become one: every lot moves, with what is left of it and all its terms.

source     settled -> `debited`: the whole of every active lot; `revoked`: of every pending one, since nothing is taken
           out of a lot before its time; `debt_settled`: its debt, which moves too
target     settled -> `issued`: the same lots, new in this wallet; `clawed_back` of nothing: the debt

The entries of both sides name each other's customer as their source (type "merge"), and they are committed together or
not at all. A lot keeps kind, class, priority, conditions, source, and its two instants; what was granted is now what
moved. The parent of a reinstated lot is in the wallet that it came from. Debt stays debt, to be paid by what is granted
next; what is moved pays none. To the source it counts as paid: where the refund that it came from is undone, that much
comes back to the source's lot, and what the target owes or has paid of it stands against that.

Afterwards the source has neither lots nor debt, so merging again moves only what it has got since. What comes of its
orders is booked in it, where their history is, and moves at once; then debt is paid as it would have been taken back
without a merge: from promotional lots of the target. What undoing a refund takes is lent back: parts of the target's
lots, by the same two entries the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.ledger.booking import Book
from chalicelib.ledger.limits import MAX_BALANCE, MAX_OPEN_LOTS
from chalicelib.ledger.lots import Allocation, Lot, LotClass, Source, lot_id
from chalicelib.ledger.model import EntryType, Wallet
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import BalanceLimitExceeded, HoldOpen, InsufficientCredit, LotLimitExceeded
from chalicelib.ledger.settling import open_book
from chalicelib.ledger.spending import in_spending_order, refuse_frozen, standing

MERGE = "merge"
"""Type of the source of entries that a merge made; its id is the other side's customer."""
MERGED = "merged"
"""The reason of these entries."""


@dataclass(frozen=True)
class Moved:
    """What a merge does to a wallet and to the one that it goes into."""

    source: Plan
    target: Plan
    amount: int
    debt: int


def merge(source: Wallet, target: Wallet, act: Act, policy: Policy, *, order: Source | None = None) -> Moved:
    """Move all credit, and all debt, of one wallet into another of the same currency. Where an `order` is what it comes
    of, its debt is paid at once, as far as the target's promotional lots go: what the order earned, pending or active,
    then all others that are active.

    :raises WalletFrozen: one of them is frozen
    :raises HoldOpen: some of the source is set aside for an order
    :raises LotLimitExceeded, BalanceLimitExceeded: the target cannot take it all
    """
    assert source.currency == target.currency and source.customer != target.customer
    giver, taker = open_book(source, act, policy), open_book(target, act, policy)
    refuse_frozen(giver.wallet)
    refuse_frozen(taker.wallet)
    if giver.wallet.holds:
        holds = [hold.id for hold in giver.wallet.holds]
        raise HoldOpen("Credit of the wallet is set aside for an order.", currency=source.currency, holds=holds)
    lots, debt = giver.wallet.lots, giver.wallet.debt
    if lots:
        _refuse_crowd(taker.wallet, giver.wallet)
        _move_lots(giver, taker, lots)
    if debt:
        giver.write(
            EntryType.DEBT_SETTLED,
            MERGED,
            source=_other(taker),
            notify=False,
            debt_change=-debt,
            debt_paid_change=debt,
        )
        taker.write(EntryType.CLAWED_BACK, MERGED, source=_other(giver), notify=False, debt_change=debt)
        if order is not None:
            _pay(taker, debt, order, policy)
    return Moved(_plan(giver), _plan(taker), sum(lot.remaining for lot in lots), debt)


def lend(source: Wallet, target: Wallet, wanted: int, first: Source, act: Act, policy: Policy) -> Moved:
    """Move as much credit into another wallet of the same currency as that lacks of `wanted` (minor units, active and
    unheld): from lots that came from `first`, then from others in spending order. A bonus that came from it is last: it
    is there to pay for itself.

    :raises WalletFrozen: one of them is frozen
    :raises InsufficientCredit: both together have less
    :raises LotLimitExceeded: the target cannot take as many lots
    """
    assert source.currency == target.currency and source.customer != target.customer
    giver, taker = open_book(source, act, policy), open_book(target, act, policy)
    refuse_frozen(giver.wallet)
    refuse_frozen(taker.wallet)
    there = sum(lot.unheld for lot in taker.wallet.lots if not standing(lot, taker.at))
    amount = max(0, wanted - there)

    def rank(lot: Lot) -> int:
        if lot.source != first:
            return 1
        return 2 if lot.lot_class is LotClass.PROMOTIONAL else 0

    active = [lot for lot in giver.wallet.lots if not standing(lot, giver.at)]
    parts = _parts(sorted(in_spending_order(active, policy.spending_order), key=rank), amount)
    found = sum(part.remaining for part in parts)
    if found < amount:
        raise InsufficientCredit(
            "What was refunded as credit has been spent meanwhile.", available=there + found, requested=wanted
        )
    if len(taker.wallet.lots) + len(parts) > MAX_OPEN_LOTS:
        raise LotLimitExceeded(
            "The wallet would have more open lots than a wallet may.",
            limit=MAX_OPEN_LOTS,
            open_lots=len(taker.wallet.lots),
            moving=len(parts),
        )
    if parts:
        _move_lots(giver, taker, parts)
    return Moved(_plan(giver), _plan(taker), amount, 0)


def _pay(book: Book, debt: int, order: Source, policy: Policy) -> None:
    lots = in_spending_order(book.wallet.lots, policy.spending_order)
    lots = [lot for lot in lots if lot.lot_class is LotClass.PROMOTIONAL]
    own = [lot for lot in lots if lot.source == order and not lot.dead(book.at)]
    parts = _parts(own, debt)
    left = debt - sum(part.remaining for part in parts)
    parts += _parts([lot for lot in lots if lot.source != order and not standing(lot, book.at)], left)
    amount = sum(part.remaining for part in parts)
    if amount:
        taken = tuple(Allocation(part.id, part.remaining) for part in parts)
        book.write(EntryType.DEBT_SETTLED, "debt_settled", taken, debt_change=-amount, debt_paid_change=amount)


def _parts(lots: list[Lot], amount: int) -> tuple[Lot, ...]:
    """As much of lots, in this order, as makes up the amount, or all there is: each with what is taken of it."""
    parts = []
    for lot in lots:
        taken = min(amount, lot.unheld)
        if taken:
            parts.append(lot.worth(taken, 0))
            amount -= taken
    return tuple(parts)


def _move_lots(giver: Book, taker: Book, lots: tuple[Lot, ...]) -> None:
    for type_, begun in ((EntryType.DEBITED, True), (EntryType.REVOKED, False)):
        parts = tuple(Allocation(lot.id, lot.remaining) for lot in lots if (lot.effective_at <= giver.at) is begun)
        if parts:
            giver.write(type_, MERGED, parts, source=_other(taker), notify=False)
    moved = tuple(
        replace(lot, id=lot_id(taker.next_sequence, place), granted=lot.remaining, remaining=0, held=0)
        for place, lot in enumerate(lots)
    )
    parts = tuple(Allocation(new.id, lot.remaining) for new, lot in zip(moved, lots, strict=True))
    taker.write(EntryType.ISSUED, MERGED, parts, moved, source=_other(giver), notify=False)


def _refuse_crowd(target: Wallet, source: Wallet) -> None:
    """:raises LotLimitExceeded, BalanceLimitExceeded: the target would have more than a wallet may"""
    if len(target.lots) + len(source.lots) > MAX_OPEN_LOTS:
        raise LotLimitExceeded(
            "The wallet would have more open lots than a wallet may.",
            limit=MAX_OPEN_LOTS,
            open_lots=len(target.lots),
            moving=len(source.lots),
        )
    if target.remaining + source.remaining > MAX_BALANCE:
        raise BalanceLimitExceeded(
            "The wallet would hold more credit than a wallet may.",
            limit=MAX_BALANCE,
            balance=target.remaining,
            requested=source.remaining,
        )


def _other(book: Book) -> Source:
    return Source(MERGE, book.wallet.customer)


def _plan(book: Book) -> Plan:
    return Plan(book.wallet, book.entries, book.at)
