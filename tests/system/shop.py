"""A shop: what tells the deployed whole of its orders and refunds over the queues, and asks what became of them."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from dev.deploy import client
from dev.stack import Stack
from tests.system.conftest import AsRole, fresh_key

SOURCE = "shop"
APPLIED_SECONDS = 60
"""A function's first call waits until it has started, and a parked event pauses."""
LOOK_SECONDS = 0.2
ORDERS, REFUNDS = "order-events", "refund-events"

Json = dict[str, Any]


def event(type_: str, data: Json, name: str | None = None, source: str = SOURCE, **more: Any) -> Json:
    return {
        "specversion": "1.0",
        "id": name or f"evt-{uuid4().hex}",
        "source": source,
        "type": type_,
        "time": "2026-05-01T10:00:00+02:00",
        "datacontenttype": "application/json",
        "data": data,
        **more,
    }


def escaped(word: str) -> str:
    """As it stands in a path."""
    return quote(word, safe="")


class Shop:
    """One customer's shopping in EUR, and who looks after it. Orders and refunds have names that nobody else uses."""

    def __init__(self, stack: Stack, as_role: AsRole, customer: str) -> None:
        self.stack, self.customer = stack, customer
        self.sqs = client("sqs", stack.aws)
        self.support, self.checkout, self.finance = as_role("support"), as_role("checkout"), as_role("finance")
        self.path = f"v1/customers/{customer}/wallets/EUR"
        self.order = f"order-{uuid4().hex[:12]}"

    # Over HTTP

    def post(self, path: str, **body: Any) -> Any:
        """A command on the wallet, by who may."""
        role = self.checkout if path in ("redemptions", "holds") else self.support
        answer = role.post(f"{self.path}/{path}", json=body, headers=fresh_key())
        assert answer.status_code == 201, answer.text
        return answer.json()

    def grant(self, amount: int, kind: str = "compensation", **more: Any) -> Any:
        return self.post("credits", amount=amount, kind=kind, reason="test", **more)

    def redeem(self, amount: int, order: str | None = None) -> Any:
        return self.post("redemptions", amount=amount, order={"id": order or self.order})

    def wallet(self) -> Any:
        return self.support.get(self.path).raise_for_status().json()

    def available(self) -> Any:
        return self.wallet()["available"]

    def entries(self) -> list[Any]:
        """Oldest first."""
        told: list[Any] = self.support.get(f"{self.path}/entries").raise_for_status().json()["data"]
        return told[::-1]

    def consistent(self) -> bool:
        told = self.finance.get(f"{self.path}/explanation").raise_for_status().json()
        return bool(told["consistent"]) and told["differences"] == []

    def quote(self, amount: int, order: str | None = None) -> Any:
        """A refund of so much, both ways, before it is made."""
        body = {"order_id": order or self.order, "amount": amount}
        return self.checkout.post("v1/refund-quotes", json=body).raise_for_status().json()

    # Over the queues

    def send(self, queue: str, *bodies: str) -> None:
        """One batch."""
        entries: Any = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        answer = self.sqs.send_message_batch(QueueUrl=self.stack.queues[queue], Entries=entries)
        assert len(answer["Successful"]) == len(bodies), answer

    def tell(self, said: Json) -> Any:
        """Send one event and wait; what became of it."""
        self.send(ORDERS if said["type"].startswith("order.") else REFUNDS, json.dumps(said))
        return self.fate(said)

    def paid(self, total: int, order: str | None = None, **more: Any) -> Json:
        about = {"id": order or self.order, "customer": self.customer, "currency": "EUR", "total": total}
        return event("order.paid", about | more)

    def cancelled(self, order: str | None = None) -> Json:
        about = {"order_id": order or self.order, "customer": self.customer, "currency": "EUR"}
        return event("order.cancelled", about)

    def refunded(self, amount: int, order: str | None = None, **more: Any) -> Json:
        about = {"order_id": order or self.order, "customer": self.customer, "currency": "EUR", "amount": amount}
        return event("refund.created", {"refund_id": f"refund-{uuid4().hex[:12]}", "method": "original"} | about | more)

    def reversal(self, refund: Json) -> Json:
        return event("refund.reversed", {"refund_id": refund["data"]["refund_id"]})

    # What became of it

    def look(self, said: Json) -> Any:
        """What is known of an event just now; None for nothing."""
        answer = self.finance.get(f"v1/events/{escaped(said['source'])}/{escaped(said['id'])}")
        assert answer.status_code in (200, 404), answer.text
        return answer.json() if answer.status_code == 200 else None

    def fate(self, said: Json, *until: str) -> Any:
        """What became of an event, once it is one of these; by default once that is final."""
        wanted = until or ("applied", "duplicate", "rejected")
        ends = time.monotonic() + APPLIED_SECONDS
        while (told := self.look(said)) is None or told["status"] not in wanted:
            assert time.monotonic() < ends, f"{said['type']} is {told}, not {wanted}"
            time.sleep(LOOK_SECONDS)
        return told

    def rejections(self) -> list[Any]:
        """The newest rejected events."""
        told: list[Any] = self.finance.get("v1/events/rejected?limit=250").raise_for_status().json()["data"]
        return told

    def rejection(self, **like: Any) -> Any:
        """The one rejected event that is like this, waited for."""
        ends = time.monotonic() + APPLIED_SECONDS
        while not (found := [row for row in self.rejections() if like.items() <= row.items()]):
            assert time.monotonic() < ends, f"nothing rejected is {like}"
            time.sleep(LOOK_SECONDS)
        (row,) = found
        return row

    def retry(self, rejection: str) -> Any:
        path = f"v1/events/rejected/{rejection}/retry"
        return self.support.post(path, headers=fresh_key()).raise_for_status().json()

    def dead_letter(self, queue: str, rejection: str) -> tuple[str, dict[str, str]]:
        """The copy of a rejected message, and its attributes; it stays where it is."""
        url = self.stack.queues[f"{queue}-dead-letters"]
        asked: Any = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        held: dict[str, tuple[str, str, dict[str, str]]] = {}
        ends = time.monotonic() + APPLIED_SECONDS
        while not any(told.get("rejection") == rejection for _, _, told in held.values()):
            assert time.monotonic() < ends, f"no dead letter is of {rejection}"
            for message in self.sqs.receive_message(**asked, VisibilityTimeout=30, WaitTimeSeconds=1).get(
                "Messages", []
            ):
                told = {name: each["StringValue"] for name, each in message.get("MessageAttributes", {}).items()}
                held[message["MessageId"]] = (message["ReceiptHandle"], message["Body"], told)
        for receipt, _, _ in held.values():
            self.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
        return next((body, told) for _, body, told in held.values() if told.get("rejection") == rejection)

    def drained(self, queue: str) -> None:
        """Wait until the queue has nothing, nor anybody anything of it."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        ends = time.monotonic() + APPLIED_SECONDS
        while True:
            told = self.sqs.get_queue_attributes(QueueUrl=self.stack.queues[queue], AttributeNames=names)["Attributes"]
            if all(told[name] == "0" for name in names):
                return
            assert time.monotonic() < ends, f"{queue} still has {told}"
            time.sleep(LOOK_SECONDS)
