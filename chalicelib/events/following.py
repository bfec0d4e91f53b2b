"""What follows from an order that was paid, refunded or cancelled: in its customer's profile, by rules, for campaigns;
and where its customer was merged into another, that credit goes there.

It is done after the event is applied, in commits of its own, each of which does nothing a second time. So where it is
cut short the message comes again, is found to be a duplicate, and all that follows is done as far as it is not yet.

What is bought together comes last, and is no reason for a message to come again. It costs one read and one write more,
of an order with two products or more; see `customers.together_store`.
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib.customers.contribution import Synced, sync_order
from chalicelib.customers.passing import pass_on
from chalicelib.customers.together_store import count_together
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
from chalicelib.rules.applying import GRANTED, apply_rules
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
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
            synced = sync_order(engine.store, order.id, lines, deadline, zone, event.time, order.customer)
            applied = apply_rules(engine, order.id, deadline, told_at=event.time)
            if any(each.outcome == GRANTED for each in applied):
                # A merge since the order was synced has not moved this grant: who stands is read again.
                synced = replace(synced, profile=None)
            _pass_on(engine, event, synced, deadline)
            order_paid(engine.store, order.id, synced.order)
            products, pause, uniform = (line.product for line in lines), engine.sleep, engine.uniform
            count_together(engine.store, order.id, products, deadline, sleep=pause, uniform=uniform)
        case OrderCancelled(wallet, order_id):
            synced = _corrected(engine, event, order_id, wallet.customer, deadline)
            order_paid(engine.store, order_id, synced.order)
        case RefundCreated(wallet, refund):
            _corrected(engine, event, refund.order_id, wallet.customer, deadline)
        case RefundReversed(refund_id):
            for made in refunds_made(engine.store, refund_id):
                _corrected(engine, event, made.order_id, made.wallet.customer, deadline)
        case _:
            return


def begin_batch(engine: Engine) -> None:
    """A batch of events was received: what follows from them goes by the rules that there are by now."""
    rules.look_again(engine.store)


def _corrected(engine: Engine, event: Event, order_id: str, customer: str, deadline: Deadline) -> Synced:
    synced = sync_order(engine.store, order_id, None, deadline, engine.policy.zone, customer=customer)
    _pass_on(engine, event, synced, deadline)
    return synced


def _pass_on(engine: Engine, event: Event, synced: Synced, deadline: Deadline) -> None:
    """Who stands for the order's customer was read to let the order count, as a rule: then it costs no read more."""
    order, profile = synced.order, synced.profile
    if order is None or (profile is not None and profile.customer == order.customer):
        return
    pass_on(engine, WalletId(order.customer, order.currency), order.id, event.operation, deadline, heir=profile)
