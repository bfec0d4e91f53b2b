"""What happens to an order, each exactly once for its key: read, decide in the ledger, commit through the one loop.

All of them answer with `Answer`, and raise a `Refused` (nothing changed; a `NotSeenYet` may succeed later),
`KeyReused`, `Busy` (nothing changed) or `OutcomeUnknown` (see `store.signals`).
"""

from __future__ import annotations

from chalicelib.ledger import ordering, refunding
from chalicelib.ledger.orders import Order
from chalicelib.ledger.refunding import Refund
from chalicelib.ledger.refusals import RefundMismatch, RefundNotSeen
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Answer, Envelope, WalletId
from chalicelib.store.order_reading import refunds_made
from chalicelib.store.reading import Subject


def remember(engine: Engine, order: Order, envelope: Envelope) -> Answer:
    """An order was paid."""
    return engine.execute(
        WalletId(order.customer, order.currency),
        envelope,
        lambda seen, act, _: ordering.remember(seen.wallet, seen.order.order, order, act),
        Subject(order=order.id),
    )


def cancel(engine: Engine, wallet: WalletId, order_id: str, envelope: Envelope) -> Answer:
    return engine.execute(
        wallet,
        envelope,
        lambda seen, act, policy: ordering.cancel(seen.wallet, seen.order, order_id, act, policy),
        Subject(order=order_id, order_history=True),
    )


def refund(engine: Engine, wallet: WalletId, command: Refund, envelope: Envelope) -> Answer:
    """A part of an order is refunded. A refund's id is of one order: its order guards it, another one's is found by an
    index that lags a little.

    :raises RefundMismatch: another order has a refund of that id
    """
    if any(made.order_id != command.order_id for made in refunds_made(engine.store, command.id)):
        raise RefundMismatch("Another order has a refund of that id.", refund=command.id)
    return engine.execute(
        wallet,
        envelope,
        lambda seen, act, policy: refunding.refund(seen.wallet, seen.order, command, act, policy),
        Subject(order=command.order_id, order_history=True),
    )


def reverse_refund(engine: Engine, refund_id: str, envelope: Envelope) -> Answer:
    """A refund is undone. It is found by its id, in an index that lags a little: `RefundNotSeen` may be early.

    :raises RefundMismatch: two orders have a refund of that id
    """
    made = refunds_made(engine.store, refund_id)
    if not made:
        raise RefundNotSeen("No such refund is known yet.", refund=refund_id)
    if len(made) > 1:
        raise RefundMismatch("Several orders have a refund of that id.", orders=sorted(each.order_id for each in made))
    wallet, order_id = made[0].wallet, made[0].order_id
    return engine.execute(
        wallet,
        envelope,
        lambda seen, act, policy: refunding.reverse_refund(seen.wallet, seen.order, refund_id, act, policy),
        Subject(order=order_id, order_history=True),
    )
