"""Queues as SQS has them, with the poller that Lambda puts before a function, in simulated time.

At least once: a message may be there twice, come late, or out of order; a batch may be taken in part, or be taken and
reported as not taken. A received message is hidden; what its batch does not finish comes again, and after as many
receipts as the queue allows goes to its dead letters. Nothing is ever lost on the way: `unaccounted` must be empty when
a history is over.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botocore.exceptions import EndpointConnectionError

from chalicelib.edge.functions.intake import REDRIVEN
from tests.simulation.weather import Killed, Weather
from tests.simulation.weaving import MILLISECONDS, Weaver

BATCH = 10
MOST_LATE_SECONDS = 30.0


class State(StrEnum):
    WAITING = "waiting"
    RECEIVED = "received"
    FINISHED = "finished"
    DEAD = "dead"


@dataclass
class Message:
    """One message in a queue; a duplicate is another with the same id."""

    id: str
    body: str
    attributes: Mapping[str, str]
    receipts: int = 0
    state: State = State.WAITING
    visible_at_ms: int = 0
    hidden_seconds: int | None = None
    """Said by its reader while it was received: when it is to come again."""


class Context:
    """What a function is told by Lambda about its call."""

    def __init__(self, weaver: Weaver, request_id: str, seconds: float) -> None:
        self.aws_request_id = request_id
        self._weaver = weaver
        self._ends_at = weaver.seconds() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self._ends_at - self._weaver.seconds()) * MILLISECONDS))


Handler = Callable[[dict[str, Any], Context], dict[str, Any]]


@dataclass
class FakeQueue:
    """One queue, its function and its dead letters. It has the face of `chalicelib.messaging.queues.Queue`."""

    name: str
    weaver: Weaver
    weather: Weather
    dice: random.Random
    function_seconds: float
    visibility_seconds: int = 0
    max_receipts: int = 0
    batch: int = BATCH
    """Messages that its function is given at a time."""
    handler: Handler | None = None
    """None: nobody reads it, as with dead letters."""
    messages: list[Message] = field(default_factory=list)
    calls: int = 0

    # as its senders and readers see it

    def send(self, bodies: Sequence[str]) -> list[int]:
        left = []
        for index, body in enumerate(bodies):
            if index % BATCH == 0:
                self.weaver.pause(self.weather.latency_seconds())
            if self.weather.happens("message not taken", self.weather.message_rate / 4):
                left.append(index)
                continue
            self._arrive(body, {})
            if self.weather.happens("message taken, and told otherwise", self.weather.message_rate / 4):
                left.append(index)
        return left

    def copy(self, body: str, attributes: Mapping[str, str]) -> None:
        self._meet_trouble()
        assert all(attributes.values()), "SQS takes no empty attribute"
        self._arrive(body, attributes)

    def hide(self, receipt_handle: str, seconds: int) -> None:
        self._meet_trouble()
        self.messages[int(receipt_handle)].hidden_seconds = seconds

    def waiting(self) -> int:
        self.weaver.pause(self.weather.latency_seconds())
        return len(self.unaccounted)

    def _meet_trouble(self) -> None:
        self.weaver.pause(self.weather.latency_seconds())
        if self.weather.happens("queue not reached", self.weather.message_rate / 4):
            raise EndpointConnectionError(endpoint_url="simulated")
        if self.weather.happens("function killed between table and queue", self.weather.message_rate / 10):
            raise Killed

    # as a history sees it

    @property
    def unaccounted(self) -> list[Message]:
        return [each for each in self.messages if each.state in (State.WAITING, State.RECEIVED)]

    @property
    def dead(self) -> list[Message]:
        return [each for each in self.messages if each.state is State.DEAD]

    def redrive(self) -> None:
        """Give what lies with the dead letters another chance, as an operator does after a repair."""
        for message in self.dead:
            message.receipts = 0
            message.attributes = {**message.attributes, REDRIVEN: "true"}
            self._come(message, 0.0)

    def _arrive(self, body: str, attributes: Mapping[str, str]) -> None:
        message_id = f"{self.name}-{len(self.messages)}"
        copies = 1 + self.weather.happens("message twice", self.weather.message_rate)
        for _ in range(copies):
            late = self.weather.happens("message late", self.weather.message_rate)
            self._come(
                self._added(Message(message_id, body, attributes)),
                self.dice.random() * MOST_LATE_SECONDS if late else 0.0,
            )

    def _added(self, message: Message) -> Message:
        self.messages.append(message)
        return message

    def _come(self, message: Message, seconds: float) -> None:
        """Let a message be visible after so many seconds, and the poller look then."""
        message.state = State.WAITING
        message.visible_at_ms = self.weaver.now_ms + round(seconds * MILLISECONDS)
        if self.handler is not None:
            self.weaver.start(f"{self.name} {message.id}", self._poll, seconds + self.dice.choice((0.0, 0.05, 0.5)))

    def _poll(self) -> None:
        """Take up to a batch of messages that are visible, in any order, and call the function with them."""
        visible = [
            each for each in self.messages if each.state is State.WAITING and each.visible_at_ms <= self.weaver.now_ms
        ]
        self.dice.shuffle(visible)
        batch: list[Message] = []
        for message in visible:
            if message.receipts == self.max_receipts:
                message.state = State.DEAD
            elif len(batch) < self.batch:
                message.state, message.receipts, message.hidden_seconds = State.RECEIVED, message.receipts + 1, None
                batch.append(message)
        if not batch:
            return
        began_ms = self.weaver.now_ms
        left = self._failed(batch)
        for message in batch:
            again = message.id in left
            if not again and self.weather.happens(
                "message finished, and given out again", self.weather.message_rate / 2
            ):
                again = True
            if again:
                hidden = self.visibility_seconds if message.hidden_seconds is None else message.hidden_seconds
                passed = 0.0 if message.hidden_seconds is not None else (self.weaver.now_ms - began_ms) / MILLISECONDS
                self._come(message, max(0.0, hidden - passed))
            else:
                message.state = State.FINISHED

    def _failed(self, batch: list[Message]) -> set[str]:
        """Ids of the messages that the function did not finish: all, when it died."""
        assert self.handler is not None
        self.calls += 1
        event = {"Records": [self._record(message) for message in batch]}
        try:
            answer = self.handler(event, Context(self.weaver, f"{self.name}-call-{self.calls}", self.function_seconds))
        except Killed:
            return {message.id for message in batch}
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        assert failed <= {message.id for message in batch}, "a function reports messages that it was not given"
        return failed

    def _record(self, message: Message) -> dict[str, Any]:
        return {
            "messageId": message.id,
            "receiptHandle": str(next(i for i, each in enumerate(self.messages) if each is message)),
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.receipts)},
            "messageAttributes": {
                name: {"stringValue": value, "dataType": "String"} for name, value in message.attributes.items()
            },
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{self.name}",
            "awsRegion": "us-east-1",
        }
