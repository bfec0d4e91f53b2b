"""Marketing: who looks after customers, segments, campaigns and rules over HTTP, and waits for what becomes of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

from dev.deploy import client
from dev.stack import Stack
from tests.system.conftest import AsRole, fresh_key

Json = dict[str, Any]
PATIENCE_SECONDS = 90
"""A function's first call waits until it has started."""
LOOK_SECONDS = 0.2
CUSTOMER_EVENTS = "customer-events"


def eventually(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What is seen, once it is as wanted."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not wanted(seen := look()):
        assert time.monotonic() < ends, f"it stays {seen}"
        time.sleep(LOOK_SECONDS)
    return seen


def problem(answer: httpx.Response, status: int, code: str, pointer: str | None = None) -> Json:
    """The facts of a refusal, which must be this one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    told: Json = answer.json()
    assert told["code"] == code, told
    assert {"type", "title", "status", "detail", "request_id"} <= told.keys()
    if pointer is not None:
        assert [each["pointer"] for each in told["errors"]] == [pointer], told
    return told


class Marketing:
    """Callers by role, and a word that only this test's customers have."""

    def __init__(self, stack: Stack, as_role: AsRole) -> None:
        self.stack, self.as_role = stack, as_role
        self.marketer, self.support, self.owner = as_role("marketer"), as_role("support"), as_role("owner")
        self.word = uuid4().hex[:12]
        self.where: Json = {"field": "profile.attributes", "of": "test", "op": "=", "value": self.word}

    def customers(self, count: int, **person: Any) -> list[str]:
        """So many customers with the word of this test."""
        names = [f"{self.word}-{number}" for number in range(count)]
        for name in names:
            self.put_customer(name, **person)
        return names

    def put_customer(self, customer: str, **person: Any) -> Json:
        body = {"attributes": {"test": self.word}, **person}
        told: Json = self.support.put(f"v1/customers/{customer}", json=body).raise_for_status().json()
        return told

    def profile(self, customer: str) -> Json:
        told: Json = self.support.get(f"v1/customers/{customer}").raise_for_status().json()
        return told

    def tell(self, *events: Json) -> None:
        """Customer events, in batches of ten, in this order."""
        sqs = client("sqs", self.stack.aws)
        for first in range(0, len(events), 10):
            entries: Any = [
                {"Id": str(number), "MessageBody": json.dumps(each)}
                for number, each in enumerate(events[first : first + 10])
            ]
            answer = sqs.send_message_batch(QueueUrl=self.stack.queues[CUSTOMER_EVENTS], Entries=entries)
            assert len(answer["Successful"]) == len(entries), answer

    def make(self, path: str, status: int = 201, **body: Any) -> Json:
        answer = self.marketer.post(f"v1/{path}", json=body, headers=fresh_key())
        assert answer.status_code == status, answer.text
        told: Json = answer.json()
        return told

    def campaign(self, **body: Any) -> Json:
        """A draft for the customers of this test."""
        group: Json = {"where": self.where, "amount": 500, "expires": {"days": 30}}
        told = body if "groups" in body else group | body
        return self.make("campaigns", **told)

    def pages(self, path: str, limit: int) -> list[Json]:
        """All that a list has, page by page."""
        found: list[Json] = []
        asked: Json = {"limit": limit}
        while True:
            page = self.marketer.get(f"v1/{path}", params=asked).raise_for_status().json()
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            asked["cursor"] = page["next_cursor"]

    def move(self, campaign: Json, what: str) -> httpx.Response:
        """Let something become of a campaign."""
        return self.marketer.post(f"v1/campaigns/{campaign['id']}/{what}", json={}, headers=fresh_key())

    def moved(self, campaign: Json, what: str) -> Json:
        told: Json = self.move(campaign, what).raise_for_status().json()
        return told

    def read(self, campaign: Json, what: str = "") -> Json:
        told: Json = self.marketer.get(f"v1/campaigns/{campaign['id']}{what}").raise_for_status().json()
        return told

    def until(self, campaign: Json, state: str) -> Json:
        return eventually(lambda: self.read(campaign), lambda told: told["state"] == state)  # type: ignore[no-any-return]

    def recipients(self, campaign: Json) -> dict[str, Json]:
        """What became of each, by customer; read page by page."""
        found = self.pages(f"campaigns/{campaign['id']}/recipients", 2)
        assert len({each["customer"] for each in found}) == len(found), "nobody is there twice"
        return {each["customer"]: each for each in found}

    def wallet(self, customer: str, currency: str = "EUR") -> Json:
        told: Json = self.support.get(f"v1/customers/{customer}/wallets/{currency}").raise_for_status().json()
        return told
