"""Credit of an order on its way back to the wallet, and taken again when that was a mistake.

back     what a hold still sets aside for the order is released first, then its redemptions give back, the newest first;
         within each, what was taken last comes back first
again    from the lots that it went back to, then from all other active lots in spending order
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.ledger.booking import Book
from chalicelib.ledger.limits import MAX_LOTS
from chalicelib.ledger.lots import Allocation, Source
from chalicelib.ledger.model import EntryType, Hold, HoldStatus, Redemption
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.redeeming import restore
from chalicelib.ledger.refusals import InsufficientCredit, LotLimitExceeded
from chalicelib.ledger.settling import give_back
from chalicelib.ledger.spending import in_spending_order, standing


@dataclass(frozen=True)
class GivenBack:
    """Which lots credit went back to, what of it was only held, and the records that this changes."""

    lots: tuple[str, ...]
    released: int
    amended: tuple[Redemption, ...]
    closed_holds: tuple[tuple[str, HoldStatus], ...]


def give_credit_back(
    book: Book,
    redemptions: tuple[Redemption, ...],
    holds: tuple[Hold, ...],
    amount: int,
    reason: str,
    source: Source,
    policy: Policy,
) -> GivenBack:
    """Give back so much of what an order's holds and redemptions (oldest first) took; they have as much left.

    :raises LotLimitExceeded: the wallet cannot take another lot
    """
    lots: dict[str, None] = {}
    closed: list[tuple[str, HoldStatus]] = []
    amended: list[Redemption] = []
    left = amount
    for hold in holds:
        taken = min(left, hold.outstanding)
        if taken:
            part = replace(hold, allocations=_last(hold.allocations, taken))
            give_back(book, EntryType.RELEASED, part, book.at, policy, reason=reason, source=source)
            lots.update(dict.fromkeys(each.into or each.lot for each in book.entries[-1].allocations))
            left -= taken
            if book.wallet.hold(hold.id) is None:
                closed.append((hold.id, HoldStatus.RELEASED))
    released = amount - left
    for redemption in reversed(redemptions):
        taken = min(left, redemption.amount - redemption.reversed)
        if taken:
            after, entry = restore(book, redemption, taken, reason, policy, source)
            amended.append(after)
            lots.update(dict.fromkeys(each.lot for each in entry.allocations))
            left -= taken
    if len(book.wallet.lots) > MAX_LOTS:
        raise LotLimitExceeded("The wallet cannot take another lot; use or revoke some first.", limit=MAX_LOTS)
    assert left == 0, "no more is given back than there is left"
    return GivenBack(tuple(lots), released, tuple(amended), tuple(closed))


def _last(allocations: tuple[Allocation, ...], amount: int) -> tuple[Allocation, ...]:
    """The last parts that make up the amount: what was taken last comes back first."""
    parts = []
    for part in reversed(allocations):
        taken = min(amount, part.amount)
        if taken:
            parts.append(Allocation(part.lot, taken))
            amount -= taken
    return tuple(parts)


def taken_again(book: Book, preferred: tuple[str, ...], amount: int, policy: Policy) -> tuple[Allocation, ...]:
    """Parts of these lots, then of all others in spending order, that make up the amount.

    :raises InsufficientCredit: less is active and unheld
    """
    lots = in_spending_order(book.wallet.lots, policy.spending_order)
    lots = [lot for lot in lots if lot.id in preferred] + [lot for lot in lots if lot.id not in preferred]
    parts = []
    left = amount
    for lot in lots:
        taken = 0 if standing(lot, book.at) else min(left, lot.unheld)
        if taken:
            parts.append(Allocation(lot.id, taken))
            left -= taken
    if left:
        raise InsufficientCredit(
            "What was refunded as credit has been spent meanwhile.", available=amount - left, requested=amount
        )
    return tuple(parts)
