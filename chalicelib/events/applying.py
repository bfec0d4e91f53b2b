"""An event that was read, applied: exactly once for its (source, id), through the one commit loop."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.events.model import (
    Event,
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
from chalicelib.store.envelope import Answer, Envelope, Trace
from chalicelib.store.packing import inflate


def apply(engine: Engine, event: Event, deadline: Deadline, trace: Trace, *, dry_run: bool = False) -> Outcome:
    """Do what an event asks for.

    :raises NotSeenYet: it names something that may still come
    :raises Refused: it cannot be done; nothing changed
    :raises KeyReused: its (source, id) was applied before, and was another event
    :raises Busy, OutcomeUnknown, Unread, NewerSchema: to be tried again
    """
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
    answer = _command(engine, event, envelope)
    return Outcome(Status.DUPLICATE if answer.replayed else Status(json.loads(answer.body)["status"]))


def record_of(answer: bytes) -> dict[str, Any]:
    """What is kept of an applied event: its status (applied, or done before by another), when, and what it did."""
    told: dict[str, Any] = json.loads(inflate(answer))
    return told


def _command(engine: Engine, event: Event, envelope: Envelope) -> Answer:
    match event.wanted:
        case OrderPaid(order):
            return commands.remember(engine, order, envelope)
        case OrderCancelled(wallet, order_id):
            return commands.cancel(engine, wallet, order_id, envelope)
        case RefundCreated(wallet, refund):
            return commands.refund(engine, wallet, refund, envelope)
        case RefundReversed(refund_id):
            return commands.reverse_refund(engine, refund_id, envelope)


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
