"""Granting credit: one lot more, or more in a lot that is just like it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.ledger.booking import Book
from chalicelib.ledger.conditions import Conditions
from chalicelib.ledger.earning import Earning
from chalicelib.ledger.indebting import settle_debt
from chalicelib.ledger.limits import DEFAULT_PRIORITY, MAX_BALANCE, MAX_OPEN_LOTS
from chalicelib.ledger.lots import CLASS_OF_KIND, Allocation, Kind, Lot, LotClass, Source, lot_id
from chalicelib.ledger.model import EntryType, Wallet
from chalicelib.ledger.plans import Act, Plan
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
    earned: Earning | None = None
    """The rule that an order earned it by; a promotional grant whose source is an order has one in any case."""


ORDER = "order"
"""Type of the source of what an order earned."""


def issue(wallet: Wallet, grant: Grant, act: Act, policy: Policy) -> Plan:
    """Grant credit, also to a frozen wallet. Kinds that merge join an open, active lot with the same terms.

    :raises ExpiryNotPermitted, ExpiresInPast: see `policy.expires_at`
    :raises LotLimitExceeded: the wallet has all the open lots it may have
    :raises BalanceLimitExceeded: the wallet would hold more than it may
    """
    book = open_book(wallet, act, policy)
    lot = grant_into(book, grant, policy)
    return Plan(book.wallet, book.entries, book.at, lots=(lot_after(book, lot),))


def grant_into(
    book: Book, grant: Grant, policy: Policy, *, max_lots: int = MAX_OPEN_LOTS, order_id: str | None = None
) -> Lot:
    """Write the `issued` entry of a grant; a promotional one then settles debt, as far as it goes. Its lot's terms.

    :raises: as `issue`
    """
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
    elif len(book.wallet.lots) >= max_lots:
        raise LotLimitExceeded(
            "The wallet has as many open lots as a wallet may have.",
            limit=max_lots,
            open_lots=len(book.wallet.lots),
        )
    earned = grant.earned or _earned_by_hand(grant, lot, policy)
    book.write(
        EntryType.ISSUED,
        grant.reason,
        (Allocation(lot.id, grant.amount),),
        (lot,),
        note=grant.note,
        customer_text=grant.customer_text,
        source=grant.source,
        notify=grant.notify,
        earned=earned,
        order_id=earned.order_id if earned else order_id,
    )
    if lot.lot_class is LotClass.PROMOTIONAL and book.wallet.debt:
        settle_debt(book, lot, grant.amount)
    return lot


def _earned_by_hand(grant: Grant, lot: Lot, policy: Policy) -> Earning | None:
    """A promotional grant whose source is an order was earned by that order, though no rule says how."""
    if lot.lot_class is LotClass.PROMOTIONAL and grant.source is not None and grant.source.type == ORDER:
        return Earning(grant.source.id, policy.clawback)
    return None


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
