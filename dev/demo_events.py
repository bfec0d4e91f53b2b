"""The second act of `make demo`: what time and other systems do. Expiry, orders and refunds by queue, poison, debt.

Speaks to the queues of the local AWS as a shop's own system would, and looks over HTTP at what became of each message.
"""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from dev.deploy import STACK, client
from dev.stack import Stack
from dev.telling import Teller, expect, step

PATIENCE_SECONDS = 90
PAUSE_SECONDS = 0.5


def second_act(teller: Teller, stack: Stack, customer: str) -> None:
    """Go on with the story of this customer."""
    shop = _Shop(teller, stack, customer)
    _midnight(teller, stack, shop)
    _order_and_refund(teller, shop)
    _twice(shop)
    _poison(teller, shop)
    _earned(teller, shop)


class _Shop:
    """A shop's order system: it sends events, and asks what became of them."""

    def __init__(self, teller: Teller, stack: Stack, customer: str) -> None:
        self._teller = teller
        self._queues = stack.queues
        self._sqs = client("sqs", stack.aws)
        self.customer = customer
        self.wallet = f"/v1/customers/{customer}/wallets/EUR"
        self.order = f"demo-{uuid.uuid4().hex[:8]}"

    def tells(self, queue: str, type_: str, data: dict[str, Any], name: str | None = None) -> str:
        """Send an event; its id."""
        name = name or uuid.uuid4().hex[:12]
        body = {"specversion": "1.0", "id": name, "source": "demo-shop", "type": type_, "data": data}
        self.sends(queue, json.dumps(body), f"{type_} {name}")
        return name

    def sends(self, queue: str, body: str, about: str) -> None:
        self._sqs.send_message(QueueUrl=self._queues[queue], MessageBody=body)
        print(f"    shop     {about} -> {queue}")

    def about(self, order: str | None = None) -> dict[str, Any]:
        return {"order_id": order or self.order, "customer": self.customer, "currency": "EUR"}

    def became(self, name: str) -> dict[str, Any]:
        """What became of an event, once it is known."""
        for _ in range(int(PATIENCE_SECONDS / PAUSE_SECONDS)):
            reply = self._teller.ask("finance", "GET", f"/v1/events/demo-shop/{name}")
            if reply.status == 200 and reply.body["status"] != "parked":
                found: dict[str, Any] = reply.body
                return found
            time.sleep(PAUSE_SECONDS)
        raise SystemExit(f"    NOT SO: nothing became of {name} in {PATIENCE_SECONDS} s")

    def balance(self) -> dict[str, Any]:
        found: dict[str, Any] = self._teller.ask("checkout", "GET", self.wallet).body
        return found


def _midnight(teller: Teller, stack: Stack, shop: _Shop) -> None:
    step("8. Credit for one day once more; this time nobody touches the wallet when the day is over.")
    grant = {"amount": 500, "kind": "promotion", "reason": "weekend", "expires": {"days": 1}}
    issued = teller.call("support", "POST", f"{shop.wallet}/credits", grant).body
    later = datetime.fromisoformat(issued["lot"]["expires_at"]).astimezone(UTC).isoformat().replace("+00:00", "Z")
    if teller.call("owner", "PUT", "/v1/test-clock", {"now": later}).status != 200:
        print("    this stack has no test clock (TEST_CLOCK=off): this is left out")
        return
    try:
        functions, formation = client("lambda", stack.aws), client("cloudformation", stack.aws)
        name = formation.describe_stack_resource(StackName=STACK, LogicalResourceId="Sweep")
        functions.invoke(FunctionName=name["StackResourceDetail"]["PhysicalResourceId"])
        print("    the sweep of this minute, at once")
        for _ in range(int(PATIENCE_SECONDS / PAUSE_SECONDS)):
            newest = teller.ask("finance", "GET", f"{shop.wallet}/entries?limit=1").body["data"][0]
            if newest["type"] == "expired":
                break
            time.sleep(PAUSE_SECONDS)
        expect(newest["type"] == "expired" and newest["amount"] == -500, "the 5.00 are booked as expired by a worker")
    finally:
        teller.call("owner", "DELETE", "/v1/test-clock")


def _order_and_refund(teller: Teller, shop: _Shop) -> None:
    step("9. 12.00 of credit pay a part of 30.00; half is refunded, by queue, before the order itself is known.")
    grant = {"amount": 1200, "kind": "refund", "reason": "return"}
    teller.call("support", "POST", f"{shop.wallet}/credits", grant)
    before = shop.balance()["available"]
    order = {"id": shop.order, "total": 3000}
    teller.call("checkout", "POST", f"{shop.wallet}/redemptions", {"amount": 1200, "order": order})
    refund = {"refund_id": f"{shop.order}-r1", **shop.about(), "amount": 1500, "method": "original"}
    early = shop.tells("refund-events", "refund.created", refund)
    paid = {"id": shop.order, "customer": shop.customer, "currency": "EUR", "total": 3000, "credit_used": 1200}
    shop.tells("order-events", "order.paid", paid)
    expect(shop.became(early)["status"] == "applied", "the refund waited for its order, and is applied")
    expect(
        shop.balance()["available"] == before - 600,
        "6.00 of the 15.00 went back to the credit that paid, 9.00 to the card",
    )


def _twice(shop: _Shop) -> None:
    step("10. The shop sends the same refund again, under the same name and under another.")
    before = shop.balance()["available"]
    refund = {"refund_id": f"{shop.order}-r1", **shop.about(), "amount": 1500, "method": "original"}
    again = shop.tells("refund-events", "refund.created", refund)
    told = shop.became(again)
    expect(told["status"] == "duplicate", "it is a duplicate, and says so")
    expect(shop.balance()["available"] == before, "the balance did not move")


def _poison(teller: Teller, shop: _Shop) -> None:
    step("11. A message that is no event, a refund of more than was paid, and a good one behind them.")
    shop.sends("refund-events", "this is not JSON", "nonsense")
    greedy = {"refund_id": f"{shop.order}-r2", **shop.about(), "amount": 99_000, "method": "original"}
    too_much = shop.tells("refund-events", "refund.created", greedy)
    rest = {"refund_id": f"{shop.order}-r3", **shop.about(), "amount": 500, "method": "store_credit"}
    good = shop.tells("refund-events", "refund.created", rest | {"bonus_basis_points": 1000})
    told = shop.became(too_much)
    expect(told["status"] == "rejected", f"rejected: {told['code']}: {told['detail']}")
    expect(
        shop.became(good)["status"] == "applied", "the good one is applied: credit instead of money, and a bonus on it"
    )
    rejected = teller.call("finance", "GET", "/v1/events/rejected?limit=10").body["data"]
    for each in rejected[:2]:
        print(f"      {each['code']:<18} {each['detail'][:80]}")
    expect({"invalid_json", "over_refund"} <= {each["code"] for each in rejected}, "both can be read, and tried again")


def _earned(teller: Teller, shop: _Shop) -> None:
    step("12. An order earns 3.00, which are spent; then the order is cancelled.")
    order = f"{shop.order}-b"
    paid = {"id": order, "customer": shop.customer, "currency": "EUR", "total": 4000}
    shop.became(shop.tells("order-events", "order.paid", paid))
    grant = {"amount": 300, "kind": "cashback", "reason": "cashback", "source": {"type": "order", "id": order}}
    teller.call("support", "POST", f"{shop.wallet}/credits", grant | {"priority": 0})
    available = shop.balance()["available"]
    teller.call("checkout", "POST", f"{shop.wallet}/redemptions", {"amount": available, "order": {"id": f"{order}-2"}})
    shop.became(shop.tells("order-events", "order.cancelled", shop.about(order)))
    expect(shop.balance()["debt"] == 300, "the 3.00 are owed: the next promotional credit pays them, nothing else does")
    waived = teller.call("support", "POST", f"{shop.wallet}/debt/waive", {"reason": "goodwill"})
    expect(waived.body["balance"]["debt"] == 0, "support waives them")
