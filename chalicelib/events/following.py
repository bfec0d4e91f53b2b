"""What follows from an order that was paid, refunded or cancelled: in its customer's profile, by rules, for campaigns.

It is done after the event is applied, in commits of its own, each of which does nothing a second time. So where it is
cut short the message comes again, is found to be a duplicate, and all that follows is done as far as it is not yet.
"""

from __future__ import annotations

from chalicelib.customers.contribution import sync_order
from chalicelib.events.model import (
    Event,
    OrderCancelled,
    OrderPaid,
    Outcome,
    RefundCreated,
    RefundReversed,
    Status,
)
from chalicelib.performance.observing import order_paid
from chalicelib.rules import source as rules
from chalicelib.rules.applying import apply_rules
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.order_reading import refunds_made

DONE = frozenset({Status.APPLIED, Status.DUPLICATE})


def follow_up(engine: Engine, event: Event, outcome: Outcome, deadline: Deadline) -> None:
    """Do what follows from an event that is applied, by now or since before.

    :raises Busy, OutcomeUnknown, Unread, NewerSchema: not all of it is done; to be done again
    """
    if outcome.status not in DONE or not engine.store.tables.customers_name:
        return
    match event.wanted:
        case OrderPaid(order, lines):
            zone = engine.policy.zone
            sync_order(engine.store, order.id, lines, deadline, zone, told_at=event.time)
            apply_rules(engine, order.id, deadline, told_at=event.time)
            order_paid(engine.store, order.id)
        case OrderCancelled(_, order_id):
            _corrected(engine, order_id, deadline)
            order_paid(engine.store, order_id)
        case RefundCreated(_, refund):
            _corrected(engine, refund.order_id, deadline)
        case RefundReversed(refund_id):
            for made in refunds_made(engine.store, refund_id):
                _corrected(engine, made.order_id, deadline)
        case _:
            return


def begin_batch(engine: Engine) -> None:
    """A batch of events was received: what follows from them goes by the rules that there are by now."""
    rules.look_again(engine.store)


def _corrected(engine: Engine, order_id: str, deadline: Deadline) -> None:
    sync_order(engine.store, order_id, None, deadline, engine.policy.zone)
