"""What the refund of an order does to the wallet that paid it, and how it is undone.

refund     split over the tenders -> the credit's share goes back (`returning`) -> what the order earned and no longer
           earns is taken back (`unearning`) -> with method store_credit the other share becomes a `refund` lot, and a
           bonus on that share a `promotion` lot
reverse    a refund undone: its credit is redeemed again, the refund lot taken out, the bonus taken back, and what the
           order earns again is given back

Whoever calls has read all that the wallet has to do with the order: `OrderHistory`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.ledger.booking import Book
from chalicelib.ledger.conditions import BASIS_POINTS
from chalicelib.ledger.granting import Grant, grant_into
from chalicelib.ledger.history import OrderHistory, holds_for, paid_order, tenders_of
from chalicelib.ledger.indebting import take_back, terms_of
from chalicelib.ledger.limits import MAX_LOTS_AFTER_REVERSAL, MAX_REFUNDS_OF_ORDER, MAX_TRANSACTION_ITEMS
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.model import EntryType, Wallet
from chalicelib.ledger.orders import Refunded, Share, split
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Expiry, Policy, RefundSplit
from chalicelib.ledger.redeeming import redemption_of
from chalicelib.ledger.refusals import FeatureDisabled, OrderLimitExceeded, RefundMismatch, RefundNotSeen
from chalicelib.ledger.returning import give_credit_back, taken_again
from chalicelib.ledger.settling import expire, open_book
from chalicelib.ledger.spending import refuse_frozen
from chalicelib.ledger.unearning import REVERSED, give_earned_back, take_back_unearned

ORIGINAL = "original"
STORE_CREDIT = "store_credit"
REFUND = "refund"
"""Type of the source of entries that a refund made."""


@dataclass(frozen=True)
class Refund:
    """Money of an order to be given back. `split` of None is the policy's; a number is credit's part as the shop says.

    The bonus is a share (basis points) of what would otherwise have gone to other tender, rounded down.
    """

    id: str
    order_id: str
    amount: int
    method: str
    split: RefundSplit | int | None = None
    bonus_basis_points: int | None = None
    expires: Expiry | None = None
    consent: str | None = None
    reason: str = "refund"


def refund(wallet: Wallet, seen: OrderHistory, command: Refund, act: Act, policy: Policy) -> Plan:
    """Refund a part of an order, or all of it.

    The same refund a second time, under whatever key, changes nothing (`Plan.repeats`).

    :raises OrderNotSeen, RedemptionNotSeen, OrderMismatch, CurrencyMismatch: see `history.paid_order`
    :raises RefundMismatch: a refund with that id was made, and was another one
    :raises FeatureDisabled: the merchant does not refund to credit
    :raises OverRefund: see `orders.split`
    :raises ExpiryNotPermitted, ExpiresInPast, LotLimitExceeded, BalanceLimitExceeded: see `granting.issue`
    :raises OrderLimitExceeded: the order has more redemptions, grants or refunds than can be dealt with at once
    """
    book = open_book(wallet, act, policy)
    order = paid_order(seen, book.wallet, command.order_id, book.entries)
    before = order.refund(command.id)
    if before is not None:
        if (before.amount, before.method) != (command.amount, command.method):
            raise RefundMismatch("A refund with that id was made before, with another amount or method.")
        return Plan(wallet, (), book.at, order=order, repeats=True)
    if command.method == STORE_CREDIT and not policy.refund_to_credit:
        raise FeatureDisabled("The merchant does not refund to store credit.")
    if len(order.refunds) >= MAX_REFUNDS_OF_ORDER:
        raise OrderLimitExceeded("The order has as many refunds as an order may have.", limit=MAX_REFUNDS_OF_ORDER)
    holds = holds_for(book.wallet, order.id)
    how = policy.refund_split if command.split is None else command.split
    share = split(command.amount, tenders_of(seen, order, book.wallet), how)
    source = Source(REFUND, command.id)
    named = min(share.credit, order.given_by_cancellation)
    given = give_credit_back(book, seen.redemptions, holds, share.credit - named, command.reason, source, policy)
    done = Refunded(
        command.id,
        command.method,
        command.amount,
        share.credit,
        share.other,
        given.lots,
        by_cancellation=named,
        consent=command.consent,
    )
    order = replace(
        order.with_refund(done),
        released=order.released + given.released,
        given_by_cancellation=order.given_by_cancellation - named,
    )
    order = take_back_unearned(book, seen, order, command.reason, source, policy)
    if command.method == STORE_CREDIT and share.other:
        order = order.with_refund(_pay_out_as_credit(book, done, command, share, policy))
    expire(book)
    return Plan(
        book.wallet,
        book.entries,
        book.at,
        amended=given.amended,
        closed_holds=given.closed_holds,
        order=order,
        refund=command.id,
    )


def reverse_refund(wallet: Wallet, seen: OrderHistory, refund_id: str, act: Act, policy: Policy) -> Plan:
    """Undo a refund: the order is paid again as it was.

    Credit that went back is redeemed again, from the lots it went to first and then from any other active lot; a refund
    lot is taken out the same way. An order that was cancelled is not paid again: its credit stays where it is, as if
    the cancellation had given it back.

    :raises RefundNotSeen: the order has no such refund yet
    :raises WalletFrozen: nothing can be spent
    :raises InsufficientCredit: what was refunded has been spent meanwhile
    :raises LotLimitExceeded: the wallet cannot take what the order earns again
    """
    book = open_book(wallet, act, policy)
    order = seen.order
    done = order.refund(refund_id) if order is not None else None
    if order is None or done is None:
        raise RefundNotSeen("No such refund is known yet.", refund=refund_id)
    if done.undone:
        return Plan(wallet, (), book.at, order=order, repeats=True)
    refuse_frozen(book.wallet)
    source = Source(REFUND, refund_id)
    redemption = None
    if done.credit and not order.cancelled:
        parts = taken_again(book, done.lots, done.credit, policy)
        redemption = redemption_of(book.wallet, parts, act.operation, order.id)
        book.write(EntryType.REDEEMED, REVERSED, parts, source=source, order_id=order.id, redemption=redemption.id)
        order = replace(order, retaken=order.retaken + done.credit)
    if done.refund_lot is not None:
        parts = taken_again(book, (done.refund_lot,), done.other, policy)
        book.write(EntryType.DEBITED, REVERSED, parts, source=source, order_id=order.id)
    if done.bonus_lot is not None:
        entry = next(
            each for each in seen.entries if each.type is EntryType.ISSUED and each.allocations[0].lot == done.bonus_lot
        )
        take_back(
            book,
            terms_of(entry, done.bonus_lot),
            done.bonus,
            policy.clawback,
            policy,
            reason=REVERSED,
            source=source,
            order_id=order.id,
        )
    if order.cancelled:
        order = replace(order, given_by_cancellation=order.given_by_cancellation + done.credit)
    order = order.with_refund(replace(done, undone=True))
    order = give_earned_back(book, seen, order, source, policy)
    expire(book)
    if len(book.entries) + 3 > MAX_TRANSACTION_ITEMS:  # and the wallet, the operation, the order
        raise OrderLimitExceeded("Undoing the refund takes more entries than can be written at once.")
    return Plan(book.wallet, book.entries, book.at, redemption=redemption, order=order)


def _pay_out_as_credit(book: Book, done: Refunded, command: Refund, share: Share, policy: Policy) -> Refunded:
    """The refund lot and the bonus lot for what would have gone to other tender.

    An expiry that the refund asks for is the bonus's; the refund lot's too where the policy lets refunds expire, or
    where there is no bonus that it could be meant for.
    """
    source = Source(REFUND, command.id)
    bonus_share = policy.refund_bonus_basis_points if command.bonus_basis_points is None else command.bonus_basis_points
    bonus = share.other * bonus_share // BASIS_POINTS
    may_expire = Kind.REFUND not in policy.kinds_without_expiry
    lasting = command.expires if may_expire or not bonus_share else None
    grant = Grant(share.other, Kind.REFUND, command.reason, source=source, expires=lasting)
    lot = grant_into(book, grant, policy, max_lots=MAX_LOTS_AFTER_REVERSAL, order_id=command.order_id)
    done = replace(done, refund_lot=lot.id)
    if bonus:
        expires = command.expires or policy.refund_bonus_expires
        grant = Grant(bonus, Kind.PROMOTION, "refund_bonus", source=source, expires=expires)
        lot = grant_into(book, grant, policy, max_lots=MAX_LOTS_AFTER_REVERSAL, order_id=command.order_id)
        done = replace(done, bonus=bonus, bonus_lot=lot.id)
    return done
