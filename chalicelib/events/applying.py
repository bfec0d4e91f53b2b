"""An event that was read, applied: exactly once for its (source, id), through the one commit loop.

An order keeps the customer under whom it was told first, or who spent credit for it. An event that names another
customer, who is the same person since they were merged, is applied as if it named that one; what comes of it is passed
on in `following`. Who is who is only read of an order that is new and may have been paid with credit, where the names
differ, or where the wallet has not what a reversal takes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

from chalicelib.customers import commands as customers
from chalicelib.customers.passing import home_of, lend_back, pass_on, same_person
from chalicelib.customers.store import ReadAhead
from chalicelib.events.model import (
    CustomerDid,
    CustomersMerged,
    Event,
    OfCustomers,
    OfOrders,
    OrderCancelled,
    OrderPaid,
    Outcome,
    RefundCreated,
    RefundReversed,
    Status,
    event_caller,
)
from chalicelib.ledger.lots import Source
from chalicelib.ledger.plans import Plan
from chalicelib.ledger.refunding import REFUND
from chalicelib.ledger.refusals import InsufficientCredit, OrderMismatch, Refused, SpentByAnother
from chalicelib.orders import commands
from chalicelib.orders.queries import taken_by_reversal
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Answer, Envelope, Trace, WalletId
from chalicelib.store.packing import parsed
from chalicelib.store.signals import Busy, KeyReused
from chalicelib.store.writes import Asked

MAX_IDS_TRIED = 4
"""Ids of one person that an event is tried under: as named, as paid, and as another worker has remembered it since."""


def apply(
    engine: Engine,
    event: Event,
    deadline: Deadline,
    trace: Trace,
    *,
    ahead: ReadAhead | None = None,
    dry_run: bool = False,
) -> Outcome:
    """Do what an event asks for; `ahead` is the profile that it changes, where it was read before.

    :raises NotSeenYet: it names something that may still come
    :raises Refused: it cannot be done; nothing changed
    :raises KeyReused: its (source, id) was applied before, and was another event
    :raises Busy, OutcomeUnknown, Unread, NewerSchema: to be tried again
    """
    if isinstance(event.wanted, CustomerDid | CustomersMerged):
        answer = _of_customers(engine, event, event.wanted, deadline, ahead, dry_run=dry_run)
        trace.replayed = answer.replayed
    else:
        envelope = Envelope(
            caller=event_caller(event.source),
            actor=event.actor,
            key=event.id,
            fingerprint=event.fingerprint,
            deadline=deadline,
            present=lambda plan: _record(event, plan),
            dry_run=dry_run,
            kept_for_ever=True,
            trace=trace,
        )
        answer = _of_orders(engine, event.wanted, envelope)
    return Outcome(Status.DUPLICATE if answer.replayed else Status(json.loads(answer.body)["status"]))


def record_of(answer: bytes) -> dict[str, Any]:
    """What is kept of an applied event: its status (applied, or done before by another), when, and what it did."""
    told: dict[str, Any] = parsed(answer)
    return told


def _of_orders(engine: Engine, wanted: OfOrders, envelope: Envelope) -> Answer:
    """`KeyReused` may be this very event, that another worker has applied under the order's own customer meanwhile."""
    for _ in range(MAX_IDS_TRIED):
        try:
            return _of_order(engine, wanted, envelope)
        except SpentByAnother as another:
            wanted = _of(wanted, str(another.facts["customer"]))
        except (OrderMismatch, KeyReused):
            as_remembered = _as_remembered(engine, wanted)
            if as_remembered is None:
                raise
            wanted = as_remembered
    raise Busy


def _as_remembered(engine: Engine, wanted: OfOrders) -> OfOrders | None:
    """The same, of the customer under whom the order is remembered; None where that is no other one, or nobody whom
    the named one was merged with."""
    match wanted:
        case OrderPaid(order=told):
            order_id, customer = told.id, told.customer
        case OrderCancelled(wallet, order_id):
            customer = wallet.customer
        case RefundCreated(wallet, refund):
            order_id, customer = refund.order_id, wallet.customer
        case RefundReversed():
            return None
    order = engine.store.order(order_id)
    if order is None or order.customer == customer or not same_person(engine.store, order.customer, customer):
        return None
    return _of(wanted, order.customer)


def _of(wanted: OfOrders, customer: str) -> OfOrders:
    """The same, of another customer; what undoes a refund names none."""
    match wanted:
        case OrderPaid(order=told):
            return replace(wanted, order=replace(told, customer=customer))
        case OrderCancelled(wallet) | RefundCreated(wallet):
            return replace(wanted, wallet=WalletId(customer, wallet.currency))
        case RefundReversed():
            return wanted


def _of_order(engine: Engine, wanted: OfOrders, envelope: Envelope) -> Answer:
    match wanted:
        case OrderPaid(order=order):
            return commands.remember(engine, order, envelope, partial(home_of, engine.store))
        case OrderCancelled(wallet, order_id):
            return commands.cancel(engine, wallet, order_id, envelope, partial(home_of, engine.store))
        case RefundCreated(wallet, refund):
            return commands.refund(engine, wallet, refund, envelope)
        case RefundReversed(refund_id):
            return _reverse_refund(engine, refund_id, envelope)


def _reverse_refund(engine: Engine, refund_id: str, envelope: Envelope) -> Answer:
    """What the refund gave may have gone on to another customer by a merge: then that much is lent back first."""
    try:
        return commands.reverse_refund(engine, refund_id, envelope)
    except InsufficientCredit:
        taken = taken_by_reversal(engine, refund_id)
        if taken is None:
            raise
        cause, within, first = envelope.operation, envelope.deadline, Source(REFUND, refund_id)
        if not lend_back(engine, taken.wallet, taken.amount, first, cause, within, dry_run=envelope.dry_run):
            raise
    if envelope.dry_run:
        return Answer(json.dumps({"status": Status.APPLIED}))
    try:
        return commands.reverse_refund(engine, refund_id, envelope)
    except Refused as refusal:
        pass_on(engine, taken.wallet, taken.order_id, cause, within)
        if isinstance(refusal, InsufficientCredit):
            raise Busy from refusal  # another worker has passed it on again
        raise


def _of_customers(
    engine: Engine,
    event: Event,
    wanted: OfCustomers,
    deadline: Deadline,
    ahead: ReadAhead | None,
    *,
    dry_run: bool,
) -> Answer:
    asked = Asked(event.operation, event.fingerprint, kept_for_ever=True)
    match wanted:
        case CustomerDid(what):
            at = engine.store.clock.now()
            assert event.time is not None, "what is told of a customer has a time"
            record = _told(event, at, what.customer)
            return customers.tell(engine, what, event.time, asked, deadline, record, ahead=ahead, dry_run=dry_run)
        case CustomersMerged(customer, into):
            return customers.merge_into(
                engine,
                customer,
                into,
                event.actor,
                asked,
                deadline,
                lambda merging: _told(event, merging.at, customer, into=into),
                dry_run=dry_run,
            )


def _told(event: Event, at: int, customer: str, **more: Any) -> str:
    """What is kept of an applied event about a customer."""
    told = {"status": Status.APPLIED, "source": event.source, "id": event.id, "type": event.type, "at": at}
    return json.dumps({**told, "customer": customer, **more}, separators=(",", ":"))


def _record(event: Event, plan: Plan) -> str:
    """What is kept of an applied event: who it was about, and which entries it made."""
    return json.dumps(
        {
            "status": Status.DUPLICATE if plan.repeats else Status.APPLIED,
            "source": event.source,
            "id": event.id,
            "type": event.type,
            "at": plan.at,
            "customer": plan.wallet.customer,
            "currency": plan.wallet.currency,
            "order_id": plan.order.id if plan.order else None,
            "refund_id": plan.refund,
            "entries": [entry.sequence for entry in plan.entries],
        },
        separators=(",", ":"),
    )
