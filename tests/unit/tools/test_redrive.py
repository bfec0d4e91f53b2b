"""`make redrive` brings dead letters back, and never loses one on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from dev import redrive as tool
from dev.ministack import CREDENTIALS
from dev.redrive import NO_REASON, redrive, show


class Queues:
    """A queue and its dead-letter queue; `tool` is the client that the tool uses."""

    def __init__(self) -> None:
        self.sqs: Any = boto3.client("sqs")
        self.tool: Any = boto3.client("sqs")
        self.queue = self.sqs.create_queue(QueueName="refund-events")["QueueUrl"]
        self.dead = self.sqs.create_queue(QueueName="refund-events-dead-letters")["QueueUrl"]

    def die(self, number: int, reason: str | None = None, **more: str) -> str:
        body = json.dumps({"type": "refund.created", "source": "shop", "id": f"event-{number}"})
        attributes = {**({"reason": reason} if reason else {}), **more}
        told = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self.sqs.send_message(QueueUrl=self.dead, MessageBody=body, MessageAttributes=told)
        return body

    def in_(self, url: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        asked: Any = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        while messages := self.sqs.receive_message(**asked).get("Messages"):
            found += messages
        return found

    def count(self, url: str, *, held: bool = False) -> int:
        """How many can be received, or are held by somebody."""
        name = "ApproximateNumberOfMessages" + ("NotVisible" if held else "")
        return int(self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield Queues()


def test_all_dead_letters_come_back_and_are_counted_by_reason(queues: Queues) -> None:
    bodies = [queues.die(number, "over_refund" if number % 3 else None) for number in range(23)]
    report = redrive(queues.tool, queues.dead, queues.queue)
    assert (report.found, report.moved, report.failures) == (23, {"over_refund": 15, NO_REASON: 8}, [])
    assert sorted(message["Body"] for message in queues.in_(queues.queue)) == sorted(bodies)
    assert queues.count(queues.dead) == 0


def test_a_message_keeps_its_attributes_but_for_the_reason(queues: Queues) -> None:
    """By `rejection` its reader knows what is settled when it can be applied now."""
    queues.die(1, "unknown_type", detail="No event of this type is known here.", rejection="0001-abc")
    redrive(queues.tool, queues.dead, queues.queue)
    (message,) = queues.in_(queues.queue)
    assert message["MessageAttributes"] == {
        "rejection": {"DataType": "String", "StringValue": "0001-abc"},
        "redriven": {"DataType": "String", "StringValue": "true"},
    }


def test_what_the_queue_does_not_take_stays_a_dead_letter(queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4):
        queues.die(number, "over_refund")

    def refuse(params: Any, **_: Any) -> None:
        if "event-2" in params["MessageBody"]:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "SendMessage")

    queues.tool.meta.events.register("provide-client-params.sqs.SendMessage", refuse)
    report = redrive(queues.tool, queues.dead, queues.queue)
    assert (report.found, report.moved.total(), len(report.failures)) == (4, 3, 1)
    assert {json.loads(each["Body"])["id"] for each in queues.in_(queues.queue)} == {"event-0", "event-1", "event-3"}
    assert queues.count(queues.dead, held=True) == 1
    assert tool.tell(report, dry_run=False) == 1
    assert "NOT moved" in capsys.readouterr().err


def test_a_dry_run_shows_each_message_and_leaves_it(queues: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    queues.die(1, "over_refund", detail="15.00 of 12.00")
    queues.sqs.send_message(QueueUrl=queues.dead, MessageBody="{not json")
    report = show(queues.tool, queues.dead)
    told = capsys.readouterr().out.splitlines()
    assert sorted(told) == ["over_refund: refund.created shop event-1 (15.00 of 12.00)", f"{NO_REASON}: '{{not json'"]
    assert (report.found, report.moved.total()) == (2, 0)
    assert tool.tell(report, dry_run=True) == 0
    assert queues.count(queues.queue) == 0
    assert len(queues.in_(queues.dead)) == 2


def test_what_dies_again_meanwhile_is_not_moved_again(queues: Queues) -> None:
    """Or a message that cannot be applied would go round for as long as somebody watches."""
    for number in range(3):
        queues.die(number)
    queues.tool.meta.events.register("after-call.sqs.DeleteMessage", lambda **_: queues.die(99))
    report = redrive(queues.tool, queues.dead, queues.queue)
    assert (report.found, report.moved.total()) == (3, 3)
    assert queues.count(queues.queue) == 3
    assert queues.count(queues.dead) == 3


def test_an_empty_queue_of_dead_letters_is_all_well(queues: Queues) -> None:
    report = redrive(queues.tool, queues.dead, queues.queue)
    assert tool.tell(report, dry_run=False) == 0
