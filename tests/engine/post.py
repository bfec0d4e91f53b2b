"""A post office: events on their way through the intake, with queues that only take notes."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from chalicelib.edge.events.calls import fate
from chalicelib.edge.functions import intake
from chalicelib.edge.functions.intake import Desk
from chalicelib.events import receiving
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
from chalicelib.store.inbox import Inbox

SHOP = "shop"
MAX_RECEIVES = 5


@dataclass
class Notes:
    """A queue that notes what it was told."""

    hidden: list[int] = field(default_factory=list)
    copies: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def hide(self, receipt_handle: str, seconds: int) -> None:
        self.hidden.append(seconds)

    def copy(self, body: str, attributes: dict[str, str]) -> None:
        self.copies.append((body, attributes))


def event(type_: str, data: dict[str, Any], name: str | None = None, source: str = SHOP) -> str:
    """A message with an event that a shop may send."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": name or uuid.uuid4().hex,
            "source": source,
            "type": type_,
            "time": "2026-05-01T10:00:00Z",
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def paid(wallet: WalletId, order: str, total: int, **more: Any) -> dict[str, Any]:
    return {"id": order, "customer": wallet.customer, "currency": wallet.currency, "total": total, **more}


def cancelled(wallet: WalletId, order: str) -> dict[str, Any]:
    return {"order_id": order, "customer": wallet.customer, "currency": wallet.currency}


def refunded(wallet: WalletId, order: str, amount: int, refund: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "refund_id": refund or f"refund-{uuid.uuid4().hex[:12]}",
        "order_id": order,
        "customer": wallet.customer,
        "currency": wallet.currency,
        "amount": amount,
        "method": "original",
        **more,
    }


class Post:
    """The intake of one engine."""

    def __init__(self, engine: Engine, seconds: float = 60.0) -> None:
        self.engine = engine
        self.inbox = Inbox(engine.store)
        self.queue, self.dead_letters = Notes(), Notes()
        self.seconds = seconds

    def deliver(self, *bodies: str, receives: int = 1, attributes: dict[str, str] | None = None) -> list[int]:
        """Hand a batch over; the places of the messages that must come again."""
        desk = Desk(self.engine, self.inbox, "refund-events", self.queue, self.dead_letters, MAX_RECEIVES)
        told = {name: {"stringValue": value} for name, value in (attributes or {}).items()}
        records = [
            {
                "messageId": str(index),
                "receiptHandle": f"receipt-{index}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "messageAttributes": told,
            }
            for index, body in enumerate(bodies)
        ]
        return [int(name) for name in intake.deal(desk, records, Deadline.after(self.seconds))]

    def send(self, type_: str, data: dict[str, Any], name: str | None = None, **how: Any) -> dict[str, Any]:
        """Deliver one event, alone; what became of it."""
        name = name or uuid.uuid4().hex
        self.deliver(event(type_, data, name), **how)
        return self.fate(name)

    def fate(self, name: str, source: str = SHOP) -> dict[str, Any]:
        told = receiving.fate_of(self.inbox, source, name)
        assert told is not None, f"nothing is known of {name}"
        return fate(source, name, told)
