"""Promotional credit that should be taken back and was already spent: how it is taken, and what becomes of the debt.

take back     from the lot that was granted, pending or active; then, as far as the policy goes, from the wallet's other
              active promotional lots in spending order; what is still missing becomes debt. What is held stays with its
              hold. Lots that were paid for, and goodwill, are never touched
settle        a later promotional grant pays debt at once, as far as it goes; spending is never blocked
waive         debt is forgiven: an entry that moves nothing
give back     a taking undone: what of it is still debt is no longer owed, the rest returns to the lots it came from;
              of debt no more than was paid and has not been given back, since what was waived nobody paid
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.ledger.booking import Book
from chalicelib.ledger.lots import Allocation, Lot, LotClass, Source
from chalicelib.ledger.model import Entry, EntryType, Wallet
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Clawback, Policy
from chalicelib.ledger.refusals import AmountOutOfRange
from chalicelib.ledger.settling import open_book
from chalicelib.ledger.spending import in_spending_order, standing


def take_back(
    book: Book, granted: Lot, due: int, how: Clawback, policy: Policy, *, reason: str, source: Source, order_id: str
) -> tuple[Entry, int] | None:
    """Take so much of a grant back: the `clawed_back` entry, and how much it accounts for, debt included.

    None where nothing can be taken and nothing is owed. The entry carries the terms of the lots it takes from, so that
    undoing it can bring back one that has left the wallet.
    """
    parts: list[Allocation] = []
    terms: list[Lot] = []
    left = due
    for lot in _takeable(book, granted, how, policy):
        taken = min(left, lot.unheld)
        if taken:
            parts.append(Allocation(lot.id, taken))
            terms.append(lot)
            left -= taken
    debt = left if how is Clawback.DEBT else 0
    if not parts and not debt:
        return None
    entry = book.write(
        EntryType.CLAWED_BACK,
        reason,
        tuple(parts),
        tuple(terms),
        source=source,
        order_id=order_id,
        debt_change=debt,
    )
    return entry, due - left + debt


def _takeable(book: Book, granted: Lot, how: Clawback, policy: Policy) -> list[Lot]:
    if how is Clawback.NONE:
        return []
    own = book.wallet.lot(granted.id)
    lots = [own] if own is not None and not own.dead(book.at) else []
    if how is not Clawback.LOT_ONLY:
        lots += [
            lot
            for lot in in_spending_order(book.wallet.lots, policy.spending_order)
            if lot.id != granted.id and lot.lot_class is LotClass.PROMOTIONAL and not standing(lot, book.at)
        ]
    return lots


def settle_debt(book: Book, lot: Lot, granted: int) -> None:
    """Pay debt out of what was just granted to this lot."""
    there = book.wallet.lot(lot.id)
    amount = min(book.wallet.debt, granted, there.unheld if there else 0)
    if amount:
        book.write(
            EntryType.DEBT_SETTLED,
            "debt_settled",
            (Allocation(lot.id, amount),),
            debt_change=-amount,
            debt_paid_change=amount,
        )


@dataclass(frozen=True)
class Waiver:
    """Debt to be forgiven: all of it unless an amount is said."""

    reason: str
    amount: int | None = None
    note: str | None = None


def waive(wallet: Wallet, command: Waiver, act: Act, policy: Policy) -> Plan:
    """Forgive debt.

    :raises AmountOutOfRange: there is none, or less than was said
    """
    book = open_book(wallet, act, policy)
    amount = book.wallet.debt if command.amount is None else command.amount
    if not amount or amount > book.wallet.debt:
        raise AmountOutOfRange(
            "The wallet owes less than that.", field="/amount", debt=book.wallet.debt, requested=command.amount
        )
    book.write(EntryType.DEBT_SETTLED, command.reason, note=command.note, debt_change=-amount)
    return Plan(book.wallet, book.entries, book.at)


def forgive(book: Book, amount: int, *, reason: str, source: Source, order_id: str) -> None:
    """What a taking left as debt is no longer owed, since the taking is undone."""
    book.write(EntryType.DEBT_SETTLED, reason, source=source, order_id=order_id, debt_change=-amount)


def terms_of(entry: Entry, lot: str) -> Lot:
    """The terms under which an entry touched a lot."""
    found = next(each for each in entry.lots if each.id == lot)
    return replace(found, remaining=0, held=0)
