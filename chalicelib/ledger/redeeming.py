"""Spending credit on an order, and giving it back.

redeem     lots in spending order -> one `redeemed` entry and a redemption that remembers what it took from where
reverse    the redemption's parts from the last consumed to the first, each up to what is left of it:
             lot alive (by the wallet's terms, or by those the redemption remembers if it has left the wallet)
                  -> the value grows it again, under its own id; in mode `grace` its expiry is lifted if near
             lot dead -> a new `reinstated` lot; value that has come back too often is restored and expires at once
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from chalicelib.ledger.booking import Book
from chalicelib.ledger.cart import Cart
from chalicelib.ledger.limits import DAY_MS, MAX_LOTS_AFTER_REVERSAL, MAX_REINSTATEMENTS
from chalicelib.ledger.lots import Allocation, Lot, LotClass, Source, lot_id
from chalicelib.ledger.model import Entry, EntryType, Redemption, RedemptionPart, Wallet
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Extend, Grace, NoExpiry, OriginalExpiry, Policy
from chalicelib.ledger.refusals import LotLimitExceeded, NotFound, OverReversal
from chalicelib.ledger.settling import end_holds_for, expire, lot_after, open_book, reinstated
from chalicelib.ledger.spending import allocate, refuse_frozen


@dataclass(frozen=True)
class Spending:
    """Credit to be spent on, or set aside for, an order."""

    amount: int
    cart: Cart
    allow_partial: bool = False


def redeem(wallet: Wallet, command: Spending, act: Act, policy: Policy) -> Plan:
    """Spend credit at once: a hold and its capture in one step. So it takes the place of an open hold for the order.

    :raises WalletFrozen, AmountOutOfRange, InsufficientCredit, ConditionNotMet: see `spending.allocate`
    """
    book = open_book(wallet, act, policy)
    refuse_frozen(book.wallet)
    order_id = command.cart.order_id or ""
    replaced = end_holds_for(book, order_id, policy)
    parts = allocate(book.wallet, command.amount, command.cart, book.at, policy, allow_partial=command.allow_partial)
    redemption = redemption_of(book.wallet, parts, act.operation, order_id)
    book.write(EntryType.REDEEMED, "redemption", parts, order_id=order_id, redemption=redemption.id)
    return Plan(book.wallet, book.entries, book.at, redemption=redemption, closed_holds=replaced)


def redemption_of(wallet: Wallet, parts: tuple[Allocation, ...], operation: str, order_id: str) -> Redemption:
    """The redemption that taking these parts makes; it remembers the terms of their lots as they are before it."""
    lots = {lot.id: lot for lot in wallet.lots}
    remembered = tuple(RedemptionPart(lots[part.lot].worth(0, 0), part.amount) for part in parts)
    return Redemption(redemption_id(operation), order_id, remembered)


def redemption_id(operation: str) -> str:
    return f"rdm_{operation}"


@dataclass(frozen=True)
class Reversal:
    """Value of a redemption to be given back: all that is left of it unless an amount is said."""

    redemption: str
    amount: int | None = None
    reason: str = "reversal"


def reverse(wallet: Wallet, redemption: Redemption | None, command: Reversal, act: Act, policy: Policy) -> Plan:
    """Give credit back to the lots it came from, also to a frozen wallet.

    Partial reversals together give back exactly what one full reversal gives, lot by lot.

    :raises NotFound: the wallet has no such redemption
    :raises OverReversal: more than is left of it, or nothing is
    :raises LotLimitExceeded: the wallet cannot take another lot
    """
    if redemption is None:
        raise NotFound("The wallet has no such redemption.", redemption=command.redemption)
    book = open_book(wallet, act, policy)
    left = redemption.amount - redemption.reversed
    amount = left if command.amount is None else command.amount
    if not left or amount > left:
        raise OverReversal(
            "More would be given back than is left of the redemption.",
            redeemed=redemption.amount,
            reversed=redemption.reversed,
            requested=amount,
        )
    amended, entry = restore(book, redemption, amount, command.reason, policy)
    expire(book)
    came_from = {part.lot.id for part in redemption.parts}
    made = tuple(lot_after(book, lot) for lot in entry.lots if lot.id not in came_from)
    return Plan(book.wallet, book.entries, book.at, amended=(amended,), lots=made)


def restore(
    book: Book, redemption: Redemption, amount: int, reason: str, policy: Policy, source: Source | None = None
) -> tuple[Redemption, Entry]:
    """Write the `restored` entry that gives so much of a redemption back; the redemption afterwards, and the entry.

    What was restored of credit that came back too often is dead: the caller books that with `expire`.

    :raises LotLimitExceeded: the wallet cannot take another lot
    """
    amended, given = _give_back(redemption, amount)
    allocations, terms = receiving(book, [(part.lot, part_amount) for part, part_amount in given], policy)
    entry = book.write(
        EntryType.RESTORED,
        reason,
        allocations,
        terms,
        source=source,
        order_id=redemption.order_id,
        redemption=redemption.id,
    )
    return amended, entry


def receiving(
    book: Book, parts: Iterable[tuple[Lot, int]], policy: Policy
) -> tuple[tuple[Allocation, ...], tuple[Lot, ...]]:
    """Where value goes that comes back from these lots: allocations, and the terms of lots that this makes or changes.

    :raises LotLimitExceeded: the wallet cannot take another lot
    """
    allocations: list[Allocation] = []
    terms: list[Lot] = []
    made = 0
    for came_from, amount in parts:
        lot = _lot_to_receive(book, came_from, amount, made, policy)
        made += lot.id != came_from.id
        if lot != book.wallet.lot(lot.id):
            terms.append(lot)
        allocations.append(Allocation(lot.id, amount))
    newcomers = sum(1 for lot in terms if book.wallet.lot(lot.id) is None)
    if newcomers and len(book.wallet.lots) + newcomers > MAX_LOTS_AFTER_REVERSAL:
        raise LotLimitExceeded(
            "The wallet cannot take another lot; use or revoke some first.", limit=MAX_LOTS_AFTER_REVERSAL
        )
    return tuple(allocations), tuple(terms)


def _give_back(redemption: Redemption, amount: int) -> tuple[Redemption, list[tuple[RedemptionPart, int]]]:
    """The redemption afterwards, and what each part gives back, last consumed first."""
    given = []
    parts = list(redemption.parts)
    for index in reversed(range(len(parts))):
        back = min(amount, parts[index].left)
        if back:
            given.append((parts[index], back))
            parts[index] = replace(parts[index], given_back=parts[index].given_back + back)
            amount -= back
    return replace(redemption, parts=tuple(parts)), given


def _lot_to_receive(book: Book, came_from: Lot, amount: int, ordinal: int, policy: Policy) -> Lot:
    """Terms of the lot that takes value back: the one it came from, or a reinstated one."""
    lot = _newest_terms(book.wallet.lot(came_from.id), came_from)
    mode = policy.reinstatement
    gives_way = isinstance(mode, NoExpiry) and lot.expires_at is not None and not _at_end_of_chain(lot)
    if not lot.dead(book.at) and not gives_way:
        granted = max(lot.granted, lot.remaining + amount)
        return replace(lot, granted=granted, expires_at=_lifted(lot.expires_at, book.at, mode))
    new = reinstated(lot, lot_id(book.next_sequence, ordinal), amount, book.at)
    return replace(new, expires_at=_end_of_reinstated(lot, book.at, mode))


def _newest_terms(there: Lot | None, remembered: Lot) -> Lot:
    """A lot's terms as far as they are known.

    Each redemption remembers those of its own time, so a lot that has left may come back on older ones. A merge only
    adds to what was granted, and an end only moves later: the larger is newer.
    """
    if there is None:
        return remembered
    ends = (there.expires_at, remembered.expires_at)
    return replace(
        there,
        granted=max(there.granted, remembered.granted),
        expires_at=None if None in ends else max(end for end in ends if end is not None),
    )


def _at_end_of_chain(lot: Lot) -> bool:
    return lot.lot_class is not LotClass.PAID and lot.reinstatements >= MAX_REINSTATEMENTS


def _lifted(expires_at: int | None, at: int, mode: object) -> int | None:
    if expires_at is None:
        return None
    match mode:
        case Grace(lifted_to_days=days) | Extend(days):
            return max(expires_at, at + days * DAY_MS)
        case _:
            return expires_at


def _end_of_reinstated(parent: Lot, at: int, mode: object) -> int | None:
    if isinstance(mode, OriginalExpiry):
        return parent.expires_at
    if _at_end_of_chain(parent):
        return at
    match mode:
        case Grace(reinstated_days=days) if parent.lot_class is not LotClass.PAID:
            return at + days * DAY_MS
        case Extend(days):
            return at + days * DAY_MS
        case _:
            return None
