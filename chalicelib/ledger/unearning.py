"""What an order earned, when less of it is left: it is taken back, and given back when a refund is undone.

Judged by `earning`, moved by `indebting`; what was taken of which grant is remembered with the order (`Taking`).
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib.ledger.booking import Book
from chalicelib.ledger.earning import still_earned
from chalicelib.ledger.history import OrderHistory
from chalicelib.ledger.indebting import forgive, take_back, terms_of
from chalicelib.ledger.lots import Lot, Source
from chalicelib.ledger.model import Entry, EntryType
from chalicelib.ledger.orders import Order, Taking
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.redeeming import receiving

REVERSED = "refund_reversed"


def take_back_unearned(
    book: Book, seen: OrderHistory, order: Order, reason: str, source: Source, policy: Policy
) -> Order:
    """Take back what the order, as it is now, no longer earns; the order with what was taken."""
    takings = []
    for grant in seen.grants:
        due = _due(order, grant) - order.taken(grant.sequence)
        if due <= 0 or grant.earned is None:
            continue
        lot = terms_of(grant, grant.allocations[0].lot)
        taken = take_back(
            book, lot, due, grant.earned.clawback, policy, reason=reason, source=source, order_id=order.id
        )
        if taken is not None:
            entry, amount = taken
            takings.append(Taking(grant.sequence, entry.sequence, amount, amount + entry.amount))
    return replace(order, takings=order.takings + tuple(takings))


def give_earned_back(book: Book, seen: OrderHistory, order: Order, source: Source, policy: Policy) -> Order:
    """Give back what was taken from grants and is earned again, the last taking first."""
    takings = list(order.takings)
    for grant in seen.grants:
        back = order.taken(grant.sequence) - _due(order, grant)
        for index in reversed(range(len(takings))):
            taking = takings[index]
            if taking.grant == grant.sequence and back > 0:
                amount = min(back, taking.amount)
                takings[index] = _undo(book, seen, grant, taking, amount, order.id, source, policy)
                back -= amount
    return replace(order, takings=tuple(taking for taking in takings if taking.amount))


def _undo(
    book: Book,
    seen: OrderHistory,
    grant: Entry,
    taking: Taking,
    amount: int,
    order_id: str,
    source: Source,
    policy: Policy,
) -> Taking:
    """Give back a part of a taking: first what is still owed of it, then to the lots that it took from.

    Debt that was settled meanwhile comes back to the lot of the grant, debt that was waived does not. The wallet does
    not know whose debt was settled and whose waived, only how much was: never more comes back than was paid.
    """
    owed = min(amount, taking.debt)
    forgiven = min(owed, book.wallet.debt)
    if forgiven:
        forgive(book, forgiven, reason=REVERSED, source=source, order_id=order_id)
    entry = seen.entry(taking.entry)
    parts: dict[str, tuple[Lot, int]] = {}
    returned = -entry.amount - (taking.amount - taking.debt)
    left = amount - owed
    for part in reversed(entry.allocations):
        skipped = min(returned, part.amount)
        returned -= skipped
        taken = min(left, part.amount - skipped)
        if taken:
            parts[part.lot] = (terms_of(entry, part.lot), taken)
            left -= taken
    paid = min(owed - forgiven, book.wallet.debt_paid)
    if paid:
        own = terms_of(grant, grant.allocations[0].lot)
        parts[own.id] = (own, paid + parts.get(own.id, (own, 0))[1])
    if parts:
        allocations, terms = receiving(book, parts.values(), policy)
        book.write(
            EntryType.RESTORED,
            REVERSED,
            allocations,
            terms,
            source=source,
            order_id=order_id,
            debt_paid_change=-paid,
        )
    return replace(taking, amount=taking.amount - amount, debt=taking.debt - owed)


def _due(order: Order, grant: Entry) -> int:
    """What of a grant should have been taken back by now, all in all."""
    assert grant.earned is not None, "a grant for an order says by which rule"
    if not order.cancelled and not order.refunded:
        return 0  # of an untouched order nothing is due, also where more was granted than the rule gives
    return grant.amount - still_earned(grant.earned, grant.amount, order.total or 0, order.refunded)
