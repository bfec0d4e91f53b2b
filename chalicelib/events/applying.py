"""An event that was read, applied: exactly once for its (source, id), through the one commit loop."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.customers import commands as customers
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
from chalicelib.ledger.model import Plan
from chalicelib.orders import commands
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Asked
from chalicelib.store.envelope import Answer, Envelope, Trace
from chalicelib.store.packing import inflate


def apply(engine: Engine, event: Event, deadline: Deadline, trace: Trace, *, dry_run: bool = False) -> Outcome:
    """Do what an event asks for.

    :raises NotSeenYet: it names something that may still come
    :raises Refused: it cannot be done; nothing changed
    :raises KeyReused: its (source, id) was applied before, and was another event
    :raises Busy, OutcomeUnknown, Unread, NewerSchema: to be tried again
    """
    if isinstance(event.wanted, CustomerDid | CustomersMerged):
        answer = _of_customers(engine, event, event.wanted, deadline, dry_run=dry_run)
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
    told: dict[str, Any] = json.loads(inflate(answer))
    return told


def _of_orders(engine: Engine, wanted: OfOrders, envelope: Envelope) -> Answer:
    match wanted:
        case OrderPaid(order=order):
            return commands.remember(engine, order, envelope)
        case OrderCancelled(wallet, order_id):
            return commands.cancel(engine, wallet, order_id, envelope)
        case RefundCreated(wallet, refund):
            return commands.refund(engine, wallet, refund, envelope)
        case RefundReversed(refund_id):
            return commands.reverse_refund(engine, refund_id, envelope)


def _of_customers(engine: Engine, event: Event, wanted: OfCustomers, deadline: Deadline, *, dry_run: bool) -> Answer:
    asked = Asked(event.operation, event.fingerprint, kept_for_ever=True)
    match wanted:
        case CustomerDid(what):
            at = engine.store.clock.now()
            assert event.time is not None, "what is told of a customer has a time"
            record = _told(event, at, what.customer)
            return customers.tell(engine, what, event.time, asked, deadline, record, dry_run=dry_run)
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
