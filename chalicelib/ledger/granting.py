"""Granting credit: one lot more, or more in a lot that is just like it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.ledger.booking import Book
from chalicelib.ledger.conditions import Conditions
from chalicelib.ledger.limits import DEFAULT_PRIORITY, MAX_BALANCE, MAX_OPEN_LOTS
from chalicelib.ledger.model import (
    CLASS_OF_KIND,
    Act,
    Allocation,
    EntryType,
    Kind,
    Lot,
    Plan,
    Source,
    Wallet,
    lot_id,
)
from chalicelib.ledger.policy import Expiry, Policy, expires_at
from chalicelib.ledger.refusals import BalanceLimitExceeded, LotLimitExceeded
from chalicelib.ledger.settling import lot_after, open_book


@dataclass(frozen=True)
class Grant:
    """Credit to be given. `kind` is any but `reinstated`; `effective_at` (milliseconds) is the present unless said."""

    amount: int
    kind: Kind
    reason: str
    note: str | None = None
    customer_text: str | None = None
    source: Source | None = None
    effective_at: int | None = None
    expires: Expiry | None = None
    priority: int = DEFAULT_PRIORITY
    conditions: Conditions | None = None
    notify: bool | None = None


def issue(wallet: Wallet, grant: Grant, act: Act, policy: Policy) -> Plan:
    """Grant credit, also to a frozen wallet. Kinds that merge join an open, active lot with the same terms.

    :raises ExpiryNotPermitted, ExpiresInPast: see `policy.expires_at`
    :raises LotLimitExceeded: the wallet has all the open lots it may have
    :raises BalanceLimitExceeded: the wallet would hold more than it may
    """
    book = open_book(wallet, act, policy)
    if book.wallet.remaining + grant.amount > MAX_BALANCE:
        raise BalanceLimitExceeded(
            "The wallet would hold more credit than a wallet may.",
            limit=MAX_BALANCE,
            balance=book.wallet.remaining,
            requested=grant.amount,
        )
    lot = _new_lot(grant, book, policy)
    twin = _twin(book, lot) if grant.kind in policy.merged_kinds else None
    if twin is not None:
        lot = replace(twin, granted=twin.granted + grant.amount)
    elif len(book.wallet.lots) >= MAX_OPEN_LOTS:
        raise LotLimitExceeded(
            "The wallet has as many open lots as a wallet may have.", limit=MAX_OPEN_LOTS, open_lots=MAX_OPEN_LOTS
        )
    book.write(
        EntryType.ISSUED,
        grant.reason,
        (Allocation(lot.id, grant.amount),),
        (lot,),
        note=grant.note,
        customer_text=grant.customer_text,
        source=grant.source,
        notify=grant.notify,
    )
    return Plan(book.wallet, book.entries, book.at, lots=(lot_after(book, lot),))


def _new_lot(grant: Grant, book: Book, policy: Policy) -> Lot:
    effective_at = book.at if grant.effective_at is None else grant.effective_at
    lot_class = CLASS_OF_KIND[grant.kind]
    return Lot(
        id=lot_id(book.next_sequence),
        kind=grant.kind,
        lot_class=lot_class,
        granted=grant.amount,
        remaining=0,
        held=0,
        priority=grant.priority,
        effective_at=effective_at,
        expires_at=expires_at(grant.expires, grant.kind, lot_class, effective_at, book.at, policy),
        conditions=grant.conditions,
        source=grant.source,
    )


def _twin(book: Book, lot: Lot) -> Lot | None:
    """An open, active lot that the new one cannot be told from by what it may be spent on and until when."""
    if not lot.active(book.at):
        return None
    terms = (lot.kind, lot.priority, lot.expires_at, lot.conditions)
    return next(
        (
            each
            for each in book.wallet.lots
            if each.active(book.at) and (each.kind, each.priority, each.expires_at, each.conditions) == terms
        ),
        None,
    )
