"""What events cost: orders and refunds through the intake, as the queue's function deals with them.

It is the event itself that is weighed; what follows from an order is weighed in `profiles`.
"""

from __future__ import annotations

import contextlib
import io
import json
import uuid
from dataclasses import dataclass
from typing import Any
from unittest import mock

from bench.meter import Bill, Meter
from bench.workload import CURRENCY, Bench, envelope, grant
from chalicelib.edge.functions import intake
from chalicelib.edge.functions.intake import Desk
from chalicelib.edge.wallets import presenter
from chalicelib.ledger.cart import Cart
from chalicelib.ledger.redeeming import Spending
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
from chalicelib.store.inbox import Inbox
from chalicelib.wallets import commands, support
from dev.engine import dynamodb

LOTS = (1, 5, 11, 25)
HISTORIES = (10, 1_000)
WHOLE = 1_000
"""What each lot holds; the order spends all of them."""
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class EventCost:
    """What one message cost for an order that so many lots paid, in a wallet with so many entries."""

    event: str
    lots: int
    history: int
    bill: Bill


class _Silent:
    """A queue that nobody reads."""

    def hide(self, receipt_handle: str, seconds: int) -> None: ...
    def copy(self, body: str, attributes: dict[str, str]) -> None: ...


def events(made: Bench) -> list[EventCost]:
    """An order paid and refunded, once more the same message, refunded as credit, and the refund reversed."""
    app = made.engine()
    meter = Meter(
        app.store.connections.reads.client, app.store.connections.commits.client, peek=dynamodb(made.endpoint)
    )
    told: list[EventCost] = []
    with mock.patch.object(intake, "follow_up", return_value=None):
        for lots in LOTS:
            told += _story(app, meter, WalletId(f"events-{lots}", CURRENCY), lots, history=0)
        for history in HISTORIES:
            told += _story(app, meter, WalletId(f"events-history-{history}", CURRENCY), 1, history)
    return told


def _story(app: Engine, meter: Meter, wallet: WalletId, lots: int, history: int) -> list[EventCost]:
    grant(app, wallet, lots, WHOLE)
    for _ in range(history // 2):
        support.freeze(app, wallet, "bench", envelope(presenter.frozen_or_not))
        support.unfreeze(app, wallet, "bench", envelope(presenter.frozen_or_not))
    order, total = f"order-{wallet.customer}", lots * WHOLE * 2
    spending = Spending(lots * WHOLE, Cart(order, total))
    commands.redeem(app, wallet, spending, envelope())
    about = {"customer": wallet.customer, "currency": wallet.currency}
    paid = _event("order.paid", {"id": order, **about, "total": total, "credit_used": lots * WHOLE})
    part = {"order_id": order, **about, "amount": total // 4}
    refund = _event("refund.created", {"refund_id": f"{order}-1", **part, "method": "original"})
    to_credit = _event(
        "refund.created",
        {"refund_id": f"{order}-2", **part, "method": "store_credit", "bonus_basis_points": 1_000},
    )
    reversed_ = _event("refund.reversed", {"refund_id": f"{order}-1"})
    steps = {
        "order paid": paid,
        "refund, a quarter": refund,
        "the same message again": refund,
        "refund to credit and bonus": to_credit,
        "refund reversed": reversed_,
    }
    told = []
    for name, body in steps.items():
        with meter.running() as bill:
            deliver(app, body)
        told.append(EventCost(name, lots, history, bill))
    return told


def deliver(app: Engine, body: str, queue: str = "refund-events") -> None:
    """One message, dealt with as the queue's function does."""
    desk = Desk(app, Inbox(app.store), queue, _Silent(), _Silent(), max_receives=10)
    record = {
        "messageId": uuid.uuid4().hex,
        "receiptHandle": "bench",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
    }
    with contextlib.redirect_stdout(io.StringIO()):
        left = intake.deal(desk, [record], Deadline.after(SECONDS))
    assert not left, f"not done: {body}"


def _event(type_: str, data: dict[str, Any]) -> str:
    return json.dumps({"specversion": "1.0", "id": uuid.uuid4().hex, "source": "bench", "type": type_, "data": data})
