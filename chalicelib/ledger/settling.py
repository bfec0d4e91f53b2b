"""Settling: bringing a wallet to the present.

Time alone ends holds and lots. Nothing watches a wallet; whoever touches it next books first what has happened by
itself since, with the times at which it happened. So it makes no difference when that is: a sweep that is three days
late leaves the same balances as one on the second.

    hold lapses at t       its parts go back to their lots; a part whose lot was dead at t becomes a `reinstated` lot
                           that lives from t for `released_grace_hours`, once: credit that came from such a lot
                           already stays in the dead lot, and so expires
    lot dead at t <= now   its unheld remaining expires; a held part stays until its hold ends
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib.ledger.booking import Book
from chalicelib.ledger.limits import HOUR_MS, MAX_REINSTATEMENTS
from chalicelib.ledger.lots import Allocation, Kind, Lot, LotClass, Source, lot_id
from chalicelib.ledger.model import EntryType, Hold, HoldStatus, Wallet
from chalicelib.ledger.plans import Act
from chalicelib.ledger.policy import Policy

SYSTEM = "system"


def open_book(wallet: Wallet, act: Act, policy: Policy) -> Book:
    """A book on the wallet, settled to the act's instant: how every operation begins."""
    book = Book(wallet, act, policy.version)
    settle(book, policy)
    return book


def settle(book: Book, policy: Policy) -> None:
    """Book every hold that lapsed and every lot that expired by the book's instant: one `expired` entry at the most."""
    for hold in sorted(book.wallet.holds, key=lambda hold: (hold.expires_at, hold.id)):
        if hold.expires_at <= book.at:
            give_back(book, EntryType.LAPSED, hold, hold.expires_at, policy, reason="hold_lapsed", actor=SYSTEM)
    expire(book)


def expire(book: Book) -> None:
    """Book the unheld remaining of every dead lot as expired."""
    dead = tuple(Allocation(lot.id, lot.unheld) for lot in book.wallet.lots if lot.unheld and lot.dead(book.at))
    if dead:
        book.write(EntryType.EXPIRED, "expired", dead, actor=SYSTEM)


def give_back(
    book: Book,
    type_: EntryType,
    hold: Hold,
    at: int,
    policy: Policy,
    reason: str,
    actor: str | None = None,
    source: Source | None = None,
) -> None:
    """Return what these allocations of a hold set aside to its lots, as of the instant `at`."""
    reborn: list[Lot] = []
    parts: list[Allocation] = []
    for part in hold.allocations:
        lot = book.wallet.lot(part.lot)
        assert lot is not None, "a lot with a held part does not leave the wallet"
        if lot.dead(at) and may_live_on_after_release(lot):
            new = replace(
                reinstated(lot, lot_id(book.next_sequence, len(reborn)), part.amount, at),
                expires_at=at + policy.released_grace_hours * HOUR_MS,
                from_release=True,
            )
            reborn.append(new)
            part = replace(part, into=new.id)
        parts.append(part)
    book.write(
        type_, reason, tuple(parts), tuple(reborn), actor=actor, source=source, hold=hold.id, order_id=hold.order_id
    )


def end_holds_for(book: Book, order_id: str, policy: Policy) -> tuple[tuple[str, HoldStatus], ...]:
    """Release what is set aside for an order, since something takes its place; the holds that this ended."""
    ended = [hold for hold in book.wallet.holds if hold.order_id == order_id]
    for hold in ended:
        give_back(book, EntryType.RELEASED, hold, book.at, policy, reason="hold_replaced")
    expire(book)
    return tuple((hold.id, HoldStatus.RELEASED) for hold in ended)


def may_live_on_after_release(lot: Lot) -> bool:
    """Given back a second time it expires, or a shopper could keep credit alive by opening checkouts."""
    return not lot.from_release and (lot.lot_class is LotClass.PAID or lot.reinstatements < MAX_REINSTATEMENTS)


def reinstated(parent: Lot, new_id: str, amount: int, at: int) -> Lot:
    """The lot that value of a dead lot comes back as: class, priority, conditions and source are its parent's."""
    return replace(
        parent,
        id=new_id,
        kind=Kind.REINSTATED,
        granted=amount,
        remaining=0,
        held=0,
        effective_at=at,
        parent=parent.id,
        reinstatements=parent.reinstatements + 1,
        from_release=False,
    )


def lot_after(book: Book, lot: Lot) -> Lot:
    """The lot as the book leaves it; with nothing remaining if it has left the wallet."""
    return book.wallet.lot(lot.id) or lot.worth(0, 0)


def due_at(wallet: Wallet) -> int | None:
    """The earliest instant (milliseconds) at which the wallet changes by itself, or None."""
    instants = [lot.expires_at for lot in wallet.lots if lot.expires_at is not None and lot.unheld]
    instants += [hold.expires_at for hold in wallet.holds]
    return min(instants, default=None)
