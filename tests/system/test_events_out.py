"""What a subscriber of the bus gets: a rule of its own, a queue of its own, and every entry as an event."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dev import redrive, replay
from dev.deploy import client
from dev.ministack import CREDENTIALS
from dev.stack import Stack
from tests.system.conftest import AsRole, fresh_key

HEARD_SECONDS = 30
"""A function's first call waits until it has started."""

Detail = dict[str, Any]


class Subscriber:
    """What another team's stack would have: a rule on the bus for one customer's events, and the queue it feeds."""

    def __init__(self, stack: Stack, customer: str) -> None:
        self._sqs = client("sqs", stack.aws)
        self._events = client("events", stack.aws)
        self._bus = stack.bus
        self.name = f"subscriber-{uuid4().hex[:12]}"
        self._url = self._sqs.create_queue(QueueName=self.name)["QueueUrl"]
        named = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        pattern = {"source": ["store-credit"], "detail": {"customer": [customer]}}
        self._events.put_rule(Name=self.name, EventBusName=self._bus, EventPattern=json.dumps(pattern))
        target = {"Id": "queue", "Arn": named["Attributes"]["QueueArn"]}
        self._events.put_targets(Rule=self.name, EventBusName=self._bus, Targets=[target])

    def hear(self, count: int) -> list[tuple[str, Detail]]:
        """The next so many events, as they come: (detail-type, detail)."""
        heard: list[tuple[str, Detail]] = []
        deadline = time.monotonic() + HEARD_SECONDS
        while len(heard) < count and time.monotonic() < deadline:
            asked = {"QueueUrl": self._url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1}
            for message in self._sqs.receive_message(**asked).get("Messages", []):
                event = json.loads(message["Body"])
                assert event["source"] == "store-credit"
                heard.append((event["detail-type"], event["detail"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return heard

    def leave(self) -> None:
        self._events.remove_targets(Rule=self.name, EventBusName=self._bus, Ids=["queue"])
        self._events.delete_rule(Name=self.name, EventBusName=self._bus)
        self._sqs.delete_queue(QueueUrl=self._url)


@pytest.fixture
def subscriber(stack: Stack, customer: str) -> Iterator[Subscriber]:
    made = Subscriber(stack, customer)
    yield made
    made.leave()


def grant_and_redeem(as_role: AsRole, customer: str) -> None:
    wallet = f"v1/customers/{customer}/wallets/EUR"
    grant = {"amount": 1000, "kind": "refund", "reason": "return", "note": "for the staff"}
    assert as_role("support").post(f"{wallet}/credits", json=grant, headers=fresh_key()).status_code == 201
    spend = {"amount": 400, "order": {"id": f"order-{customer}"}}
    assert as_role("checkout").post(f"{wallet}/redemptions", json=spend, headers=fresh_key()).status_code == 201


def entries(as_role: AsRole, customer: str) -> list[Any]:
    """As the API shows them to the staff, oldest first."""
    answer = as_role("finance").get(f"v1/customers/{customer}/wallets/EUR/entries")
    assert answer.status_code == 200, answer.text
    told: list[Any] = answer.json()["data"]
    return told[::-1]


def test_a_subscriber_hears_of_every_entry_in_order_under_stable_ids(
    subscriber: Subscriber, as_role: AsRole, customer: str
) -> None:
    grant_and_redeem(as_role, customer)
    heard = subscriber.hear(2)
    assert [kind for kind, _ in heard] == ["credit.issued", "credit.redeemed"]
    assert [detail["id"] for _, detail in heard] == [f"{customer}/EUR/1", f"{customer}/EUR/2"]
    assert [detail["sequence"] for _, detail in heard] == [1, 2]
    assert [detail["entry"] for _, detail in heard] == entries(as_role, customer)
    assert [detail["wallet"] for _, detail in heard] == [
        {"available": 1000, "pending": 0, "held": 0},
        {"available": 600, "pending": 0, "held": 0},
    ]


def test_a_replay_tells_the_same_again(
    subscriber: Subscriber,
    as_role: AsRole,
    customer: str,
    stack: Stack,
    data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    grant_and_redeem(as_role, customer)
    first = subscriber.hear(2)
    assert len(first) == 2
    assert replay.main([customer, "EUR", "1", "100", "--data", str(data)]) == 0
    assert f"2 entries of {customer}/EUR told again" in capsys.readouterr().out
    assert subscriber.hear(2) == first
    assert replay.main([customer, "EUR", "2", "2", "--data", str(data)]) == 0
    assert subscriber.hear(1) == first[1:]


def test_a_replay_of_nonsense_says_what_is_wrong_with_it(
    stack: Stack, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay.main(["al ice", "EUR", "3", "2", "--data", str(data)]) == 2
    assert "customer" in capsys.readouterr().err


def test_a_subscriber_sees_a_gap_and_has_it_filled(
    subscriber: Subscriber, as_role: AsRole, customer: str, stack: Stack, data: Path
) -> None:
    """What docs/events.md tells a subscriber to do: keep the last sequence, drop what is not above it, ask for gaps."""
    grant_and_redeem(as_role, customer)
    known = {detail["sequence"]: detail for kind, detail in subscriber.hear(2) if kind != "credit.issued"}
    missing = sorted(set(range(1, max(known) + 1)) - known.keys())
    assert missing == [1]
    assert replay.main([customer, "EUR", str(missing[0]), str(missing[-1]), "--data", str(data)]) == 0
    known |= {detail["sequence"]: detail for _, detail in subscriber.hear(1)}
    assert [known[sequence]["entry"] for sequence in sorted(known)] == entries(as_role, customer)


def test_dead_letters_go_back_to_their_queue(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two queues of the test's own: what lies in the stack's is another test's."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    sqs = client("sqs", stack.aws)
    queue, dead_letters = (sqs.create_queue(QueueName=uuid4().hex)["QueueUrl"] for _ in range(2))
    reason = {"reason": {"DataType": "String", "StringValue": "over_refund"}}
    for number in range(3):
        sqs.send_message(QueueUrl=dead_letters, MessageBody=f"message {number}", MessageAttributes=reason)
    urls = ["--to", queue, "--from", dead_letters, "--endpoint", stack.aws]
    assert redrive.main([*urls, "--dry-run"]) == 0
    assert capsys.readouterr().out.count("over_refund") == 3
    assert redrive.main(urls) == 0
    assert "3 moved back: over_refund" in capsys.readouterr().out
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in received) == [f"message {number}" for number in range(3)]
    assert redrive.main(urls) == 0
    assert "0 dead letters" in capsys.readouterr().out
    for url in (queue, dead_letters):
        sqs.delete_queue(QueueUrl=url)
