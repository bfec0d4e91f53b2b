"""What support does to credit that is there: take it out, revoke a lot, lengthen a lot's life, freeze the wallet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from chalicelib.ledger.booking import Book
from chalicelib.ledger.lots import Allocation, Lot
from chalicelib.ledger.model import EntryType, Wallet
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Expiry, Policy, resolve
from chalicelib.ledger.refusals import (
    ExpiresEarlier,
    ExpiresInPast,
    InsufficientCredit,
    LotClosed,
    LotNotFound,
)
from chalicelib.ledger.settling import lot_after, open_book
from chalicelib.ledger.spending import in_spending_order, refuse_frozen, standing


@dataclass(frozen=True)
class Debit:
    """Credit to be taken out: of one lot, or of all active lots in spending order, whatever their conditions."""

    amount: int
    reason: str
    note: str | None = None
    lot: str | None = None


def debit(wallet: Wallet, command: Debit, act: Act, policy: Policy, *, lot_was_issued: bool = False) -> Plan:
    """Take credit out of the wallet.

    :raises WalletFrozen: nothing leaves a frozen wallet but by revocation
    :raises LotNotFound, LotClosed: see `open_lot`
    :raises InsufficientCredit: less is active and unheld than is asked for
    """
    book = open_book(wallet, act, policy)
    refuse_frozen(book.wallet)
    if command.lot is None:
        lots = in_spending_order(book.wallet.lots, policy.spending_order)
    else:
        lots = [open_lot(book, command.lot, lot_was_issued)]
    parts = []
    left = command.amount
    for lot in lots:
        if left and not standing(lot, book.at):
            part = min(left, lot.unheld)
            parts.append(Allocation(lot.id, part))
            left -= part
    if left:
        raise InsufficientCredit(
            "There is not enough credit to take out.", available=command.amount - left, requested=command.amount
        )
    book.write(EntryType.DEBITED, command.reason, tuple(parts), note=command.note)
    return Plan(book.wallet, book.entries, book.at)


@dataclass(frozen=True)
class Revocation:
    """A lot to be taken back, wholly (what is unheld of it) or in part."""

    lot: str
    reason: str
    amount: int | None = None


def revoke(wallet: Wallet, command: Revocation, act: Act, policy: Policy, *, lot_was_issued: bool = False) -> Plan:
    """Take back a lot, pending ones and those of a frozen wallet too; a held part stays with its hold.

    :raises LotNotFound, LotClosed: see `open_lot`
    :raises InsufficientCredit: more is asked for than is unheld, or all that is left is held
    """
    book = open_book(wallet, act, policy)
    lot = open_lot(book, command.lot, lot_was_issued)
    amount = lot.unheld if command.amount is None else command.amount
    if not lot.unheld or amount > lot.unheld:
        raise InsufficientCredit(
            "The lot has less than that which is not set aside by a hold.",
            available=lot.unheld,
            held=lot.held,
            requested=command.amount or lot.remaining,
        )
    book.write(EntryType.REVOKED, command.reason, (Allocation(lot.id, amount),))
    return Plan(book.wallet, book.entries, book.at, lots=(lot_after(book, lot),))


def revoke_in_order(wallet: Wallet, lots: Iterable[str], amount: int, reason: str, act: Act, policy: Policy) -> Plan:
    """Take back so much (minor units) of several lots, one after the other, by one entry: as far as they are there and
    unheld. Where nothing is, there is no such entry."""
    book, parts = open_book(wallet, act, policy), list[Allocation]()
    for each in lots:
        lot = book.wallet.lot(each)
        taken = min(amount, lot.unheld) if lot is not None and not lot.dead(book.at) else 0
        if taken:
            parts.append(Allocation(each, taken))
            amount -= taken
    if parts:
        book.write(EntryType.REVOKED, reason, tuple(parts))
    return Plan(book.wallet, book.entries, book.at)


@dataclass(frozen=True)
class Extension:
    """A later end for a lot. Days and months count from the present."""

    lot: str
    expires: Expiry
    reason: str


def extend(wallet: Wallet, command: Extension, act: Act, policy: Policy, *, lot_was_issued: bool = False) -> Plan:
    """Let a lot live longer; only ever later.

    :raises LotNotFound, LotClosed: see `open_lot`
    :raises ExpiresInPast: the new end is past
    :raises ExpiresEarlier: the new end is not later than the present one
    """
    book = open_book(wallet, act, policy)
    lot = open_lot(book, command.lot, lot_was_issued)
    instant = resolve(command.expires, book.at, policy.zone)
    if instant is not None and instant <= book.at:
        raise ExpiresInPast("The new expiry is in the past.", field="/expires")
    if lot.expires_at is None or (instant is not None and instant <= lot.expires_at):
        raise ExpiresEarlier("An extension can only make a lot expire later.", field="/expires")
    book.write(EntryType.EXTENDED, command.reason, (), (replace(lot, expires_at=instant),))
    return Plan(book.wallet, book.entries, book.at, lots=(lot_after(book, lot),))


def freeze(wallet: Wallet, reason: str, act: Act, policy: Policy) -> Plan:
    """From now nothing is spent or held; grants and reversals still land. Freezing again records the new reason."""
    return _mark(wallet, EntryType.FROZEN, reason, act, policy)


def unfreeze(wallet: Wallet, reason: str, act: Act, policy: Policy) -> Plan:
    """From now credit can be spent again."""
    return _mark(wallet, EntryType.UNFROZEN, reason, act, policy)


def _mark(wallet: Wallet, type_: EntryType, reason: str, act: Act, policy: Policy) -> Plan:
    book = open_book(wallet, act, policy)
    book.write(type_, reason)
    return Plan(book.wallet, book.entries, book.at)


def open_lot(book: Book, lot: str, was_issued: bool) -> Lot:
    """The open lot of that id.

    :raises LotClosed: it was used up, expired or revoked; `was_issued` says that the wallet once had it
    :raises LotNotFound: the wallet never had it
    """
    found = book.wallet.lot(lot)
    if found is not None and not found.dead(book.at):
        return found
    if found is not None or was_issued or any(lot == part.lot for e in book.entries for part in e.allocations):
        raise LotClosed("The lot is used up, expired or revoked.", lot=lot)
    raise LotNotFound("The wallet has no such lot.", lot=lot)
