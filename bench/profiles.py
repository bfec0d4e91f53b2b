"""What keeping profiles costs: customers' events through the intake, what follows from an order, and their size."""

from __future__ import annotations

import contextlib
import io
import json
import uuid
from dataclasses import dataclass
from typing import Any
from unittest import mock

from bench.events import deliver
from bench.meter import Bill, Meter
from bench.workload import CURRENCY, Bench
from chalicelib.customers.codec import body_of
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import Profiles
from chalicelib.edge.events.parsing import received
from chalicelib.edge.functions import intake
from chalicelib.edge.instants import show as instant
from chalicelib.events import following
from chalicelib.events.model import Outcome, Status
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.packing import compact, deflate
from dev.engine import dynamodb

HISTORIES = (0, 200)
"""Events that a profile has seen before."""
DAY_MS = 86_400_000
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ProfileCost:
    """What one message cost for a customer of so many events before, and how large the profile is by then (bytes)."""

    event: str
    history: int
    bill: Bill
    profile_bytes: int


def profiles(made: Bench) -> list[ProfileCost]:
    app = made.engine()
    meter = Meter(
        app.store.connections.reads.client, app.store.connections.commits.client, peek=dynamodb(made.endpoint)
    )
    return [cost for history in HISTORIES for cost in _story(app, meter, f"profiled-{history}", history)]


def show(measured: list[ProfileCost]) -> None:
    """As a table on the screen."""
    print("\nProfiles: the message's own reads and writes, and what follows from an order beside its own")
    print(f"  {'event':<28}{'before':>8}{'trips':>7}{'read':>6}{'write':>7}{'bytes':>8}")
    for each in measured:
        bill = each.bill
        print(
            f"  {each.event:<28}{each.history:>8}{bill.round_trips:>7}{bill.read_units:>6}{bill.write_units:>7}"
            f"{each.profile_bytes:>8}"
        )


def _story(app: Engine, meter: Meter, customer: str, history: int) -> list[ProfileCost]:
    for number in range(history):
        deliver(app, _seen(customer, number), "customer-events")
    opened = _seen(customer, history)
    order = _event("order.paid", {"id": f"o-{customer}", "customer": customer, "currency": CURRENCY, "total": 4_000})
    told = []
    for name, body in (("email opened", opened), ("the same message again", opened)):
        with meter.running() as bill:
            deliver(app, body, "customer-events")
        told.append(ProfileCost(name, history, bill, _bytes(app, customer)))
    lines = [{"product": f"{place}-{customer}", "quantity": 1, "unit_price": 800} for place in range(5)]
    many = {"id": f"m-{customer}", "customer": customer, "currency": CURRENCY, "total": 4_000, "lines": lines}
    for name, body in (("an order, followed", order), ("one of five products", _event("order.paid", many))):
        bill = _followed(app, meter, body)
        told.append(ProfileCost(name, history, bill, _bytes(app, customer)))
    return told


def _followed(app: Engine, meter: Meter, order: str) -> Bill:
    """What follows from an order, which is applied before."""
    with mock.patch.object(intake, "follow_up", return_value=None):
        deliver(app, order, "order-events")
    read = received("order-events", order, "").read
    with meter.running() as bill, contextlib.redirect_stdout(io.StringIO()):
        following.follow_up(app, read, Outcome(Status.APPLIED), Deadline.after(SECONDS))  # type: ignore[arg-type]
    return bill


def _seen(customer: str, number: int) -> str:
    at = 1_790_000_000_000 + number * DAY_MS // 2
    if number % 2:
        return _event("email.opened", {"customer": customer}, at)
    return _event("product.viewed", {"customer": customer, "product": uuid.uuid4().hex * 4}, at)


def _event(type_: str, data: dict[str, Any], at: int = 1_790_000_000_000) -> str:
    about = {"specversion": "1.0", "id": uuid.uuid4().hex, "source": "bench", "type": type_, "time": instant(at)}
    return json.dumps({**about, "data": data})


def _bytes(app: Engine, customer: str) -> int:
    profile = Profiles(app.store).get(customer) or Profile(customer)
    return len(deflate(compact(body_of(profile))))
