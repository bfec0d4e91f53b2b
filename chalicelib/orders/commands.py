"""What happens to an order, each exactly once for its key: read, decide in the ledger, commit through the one loop.

All of them answer with `Answer`, and raise a `Refused` (nothing changed; a `NotSeenYet` may succeed later),
`KeyReused`, `Busy` (nothing changed) or `OutcomeUnknown` (see `store.signals`).
"""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.ledger import ordering, refunding
from chalicelib.ledger.orders import Order
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refunding import Refund
from chalicelib.ledger.refusals import RedemptionNotSeen, RefundMismatch, RefundNotSeen, SpentByAnother
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Answer, Envelope, WalletId
from chalicelib.store.order_reading import refunds_made
from chalicelib.store.reading import Seen, Subject

HomeOf = Callable[[WalletId, str], tuple[str, bool]]
"""Of a wallet and an order, the id of the same person under whom the order belongs, and whether credit of that one is
spent or set aside for it."""


def remember(engine: Engine, order: Order, envelope: Envelope, home_of: HomeOf) -> Answer:
    """An order was paid.

    :raises SpentByAnother: so it is to be remembered under that customer
    """
    wallet = WalletId(order.customer, order.currency)

    def decide(seen: Seen, act: Act, _: Policy) -> Plan:
        if seen.order.order is None and order.credit_used != 0:
            _refuse_another(home_of, wallet, order.id)
        return ordering.remember(seen.wallet, seen.order.order, order, act)

    return engine.execute(wallet, envelope, decide, Subject(order=order.id))


def cancel(engine: Engine, wallet: WalletId, order_id: str, envelope: Envelope, home_of: HomeOf) -> Answer:
    """An order was cancelled, perhaps one that is not known yet.

    :raises SpentByAnother: as `remember`
    :raises RedemptionNotSeen: another id of the same person paid for it, which was not merged when it was remembered
    """

    def decide(seen: Seen, act: Act, policy: Policy) -> Plan:
        order = seen.order.order
        if order is None:
            _refuse_another(home_of, wallet, order_id)
        elif not (order.cancelled or seen.order.redemptions):
            _refuse_unreachable(home_of, wallet, order)
        return ordering.cancel(seen.wallet, seen.order, order_id, act, policy)

    return engine.execute(wallet, envelope, decide, Subject(order=order_id, order_history=True))


def _refuse_another(home_of: HomeOf, wallet: WalletId, order_id: str) -> None:
    customer, _paid = home_of(wallet, order_id)
    if customer != wallet.customer:
        raise SpentByAnother("The order was paid with credit of another id of this customer.", customer=customer)


def _refuse_unreachable(home_of: HomeOf, wallet: WalletId, order: Order) -> None:
    """The order was remembered under an id that was merged with the one that paid only later: it cannot be given back
    what is another wallet's, and is not to be told as done."""
    if order.customer != wallet.customer or not order.credit_used:
        return
    customer, paid = home_of(wallet, order.id)
    if paid and customer != wallet.customer:
        raise RedemptionNotSeen(
            "The order is known under one id of this customer, and was paid with credit of another.",
            order_id=order.id,
            customer=wallet.customer,
            paid_by=customer,
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
