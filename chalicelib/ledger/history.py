"""All that a wallet had to do with one order, as it was read, and whether that is enough to refund by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.ledger.limits import MAX_GRANTS_OF_ORDER, MAX_REDEMPTIONS_OF_ORDER
from chalicelib.ledger.model import Entry, EntryType, Hold, Redemption, Wallet
from chalicelib.ledger.refusals import (
    CurrencyMismatch,
    OrderLimitExceeded,
    OrderMismatch,
    OrderNotSeen,
    RedemptionNotSeen,
)

if TYPE_CHECKING:
    from chalicelib.ledger.orders import Order, Tenders


@dataclass(frozen=True)
class OrderHistory:
    """All that a wallet had to do with one order. `entries` are those about the order, oldest first."""

    order: Order | None = None
    redemptions: tuple[Redemption, ...] = ()
    """In the order in which they were made."""
    entries: tuple[Entry, ...] = ()

    @property
    def grants(self) -> tuple[Entry, ...]:
        """What the order earned."""
        return tuple(entry for entry in self.entries if entry.earned is not None)

    def entry(self, sequence: int) -> Entry:
        return next(entry for entry in self.entries if entry.sequence == sequence)


def paid_order(seen: OrderHistory, wallet: Wallet, order_id: str, settled: tuple[Entry, ...]) -> Order:
    """The order, if it and what paid it is known.

    The shop may be ahead of the ledger. Where it says that more credit was used than was found, the rest may still
    come; unless a hold for the order ended, which explains it: then the ledger is the truth. `settled` are the entries
    that brought the wallet to the present: a lapse explains as much before it is booked as after.

    :raises OrderNotSeen: the order is not known, or only its cancellation
    :raises OrderMismatch: it is another customer's or in another currency
    :raises RedemptionNotSeen: credit that the shop says was used has not been seen
    :raises OrderLimitExceeded: the order has more redemptions or grants than can be dealt with at once
    """
    order = seen.order
    if order is None or order.total is None:
        raise OrderNotSeen("The order is not known yet.", order_id=order_id)
    refuse_other_wallet(order, wallet)
    refuse_crowd(seen)
    found = tenders_of(seen, order, wallet).credit_paid
    just_now = (entry for entry in settled if entry.order_id == order_id)
    explained = order.cancelled or any(entry.type in _HOLD_ENDS for entry in (*seen.entries, *just_now))
    if order.credit_used is not None and order.credit_used > found and not explained:
        raise RedemptionNotSeen(
            "The shop says that the order was paid with more credit than the ledger knows of.",
            order_id=order_id,
            credit_used=order.credit_used,
            credit_found=found,
        )
    return order


def tenders_of(seen: OrderHistory, order: Order, wallet: Wallet) -> Tenders:
    """What paid this order, by all that its wallet had to do with it."""
    from chalicelib.ledger.orders import tenders  # what serves wallets alone starts without it

    return tenders(order, seen.redemptions, holds_for(wallet, order.id), _given_up(seen, order))


def _given_up(seen: OrderHistory, order: Order) -> int:
    """What a checkout redeemed and gave back before the order was paid: that did not pay it."""
    return sum(
        entry.amount
        for entry in seen.entries
        if entry.type is EntryType.RESTORED
        and entry.redemption is not None
        and entry.source is None
        and (order.total is None or entry.sequence <= order.seen_at)
        and (order.paid_at is None or entry.at <= order.paid_at)
    )


NO_HISTORY = OrderHistory()
_HOLD_ENDS = frozenset({EntryType.RELEASED, EntryType.LAPSED})


def refuse_other_wallet(order: Order, wallet: Wallet) -> None:
    """:raises OrderMismatch, CurrencyMismatch: the order is another customer's or in another currency"""
    if order.customer != wallet.customer:
        raise OrderMismatch("The order is of another customer.", order_id=order.id)
    if order.currency != wallet.currency:
        raise CurrencyMismatch(
            "The order is in another currency.",
            order_id=order.id,
            currency=wallet.currency,
            order_currency=order.currency,
        )


def refuse_crowd(seen: OrderHistory) -> None:
    """:raises OrderLimitExceeded: the order has more redemptions or grants than can be dealt with at once"""
    open_redemptions = sum(1 for each in seen.redemptions if each.reversed < each.amount)
    if open_redemptions > MAX_REDEMPTIONS_OF_ORDER or len(seen.grants) > MAX_GRANTS_OF_ORDER:
        raise OrderLimitExceeded(
            "The order has more redemptions or grants than can be dealt with at once.",
            redemptions=MAX_REDEMPTIONS_OF_ORDER,
            grants=MAX_GRANTS_OF_ORDER,
        )


def holds_for(wallet: Wallet, order_id: str) -> tuple[Hold, ...]:
    """The open holds of an order."""
    return tuple(hold for hold in wallet.holds if hold.order_id == order_id)
