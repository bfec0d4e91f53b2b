"""What a refund, or undoing one, would do, said before it is done."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.ledger import refunding
from chalicelib.ledger.history import tenders_of
from chalicelib.ledger.lots import Lot
from chalicelib.ledger.orders import Order, Tenders
from chalicelib.ledger.plans import Act
from chalicelib.ledger.quoting import VIEW, view
from chalicelib.ledger.refunding import ORIGINAL, STORE_CREDIT, Refund
from chalicelib.ledger.refusals import (
    BalanceLimitExceeded,
    ExpiresInPast,
    ExpiryNotPermitted,
    FeatureDisabled,
    LotLimitExceeded,
    NotFound,
)
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
from chalicelib.store.order_reading import refunds_made
from chalicelib.store.reading import Subject


@dataclass(frozen=True)
class Option:
    """One way to refund: what goes back to lots, what to other tender or into new credit, and the bonus on that."""

    credit: int
    other: int
    bonus: int = 0
    lot: Lot | None = None
    bonus_lot: Lot | None = None


NO_STORE_CREDIT = (FeatureDisabled, LotLimitExceeded, BalanceLimitExceeded, ExpiresInPast, ExpiryNotPermitted)
"""What may keep a refund from being paid out as credit, where the tenders that paid can still have theirs back."""


@dataclass(frozen=True)
class RefundQuote:
    """Both ways to refund an amount of an order.

    `store_credit` is None where that way is refused just now, with the code of why in `store_credit_refused`.
    """

    order: Order
    amount: int
    tenders: Tenders
    original: Option
    store_credit: Option | None
    store_credit_refused: str | None = None


def refund_quote(engine: Engine, order_id: str, amount: int) -> RefundQuote:
    """What a refund of so much would give, either way; decided by the same rules as the refund itself.

    :raises NotFound: the order is not known
    :raises Refused: a refund of so much would be refused just now, whichever way
    """
    order = engine.store.order(order_id)
    if order is None or order.total is None:
        raise NotFound("The order is not known.", order_id=order_id)
    wallet_id = WalletId(order.customer, order.currency)
    seen = engine.store.read(wallet_id, Subject(order=order_id, order_history=True))
    policy = engine.policy
    act = Act(VIEW.operation, VIEW.actor, seen.now)

    def option(method: str) -> Option:
        plan = refunding.refund(seen.wallet, seen.order, Refund(_QUOTED, order_id, amount, method), act, policy)
        done = plan.order.refund(_QUOTED) if plan.order else None
        assert done is not None, "a refund that is not refused is remembered"
        lots = {lot.id: lot for entry in plan.entries for lot in entry.lots}
        return Option(
            done.credit,
            done.other,
            done.bonus,
            lots.get(done.refund_lot or ""),
            lots.get(done.bonus_lot or ""),
        )

    original, refused = option(ORIGINAL), None
    try:
        store_credit = option(STORE_CREDIT)
    except NO_STORE_CREDIT as refusal:
        store_credit, refused = None, refusal.code
    settled, _ = view(seen.wallet, seen.now, policy)
    left = tenders_of(seen.order, seen.order.order or order, settled)
    return RefundQuote(order, amount, left, original, store_credit, refused)


@dataclass(frozen=True)
class Taken:
    """What undoing a refund takes out of which wallet, what it earned and its bonus left out. Minor units."""

    wallet: WalletId
    order_id: str
    amount: int


def taken_by_reversal(engine: Engine, refund_id: str) -> Taken | None:
    """What undoing a refund would take; None where there is no refund that could be undone.

    :raises Unread: it could not be read
    """
    made = refunds_made(engine.store, refund_id)
    order = engine.store.order(made[0].order_id) if len(made) == 1 else None
    refund = order.refund(refund_id) if order is not None else None
    if order is None or refund is None or refund.undone:
        return None
    credit = 0 if order.cancelled else refund.credit
    return Taken(made[0].wallet, order.id, credit + (refund.other if refund.refund_lot is not None else 0))


_QUOTED = "#quote"
"""No refund has this id: `#` is in none."""
