"""The queue against SQS's shapes: what was taken, what was not, and what its reader may say about a message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from chalicelib.messaging import queues
from chalicelib.messaging.queues import ATTEMPTS, MAX_HIDDEN_SECONDS, MAX_MESSAGES, Queue
from chalicelib.store.connections import SharedSession
from dev.ministack import CREDENTIALS


class Line:
    """A queue that there is, and a second way to look into it."""

    def __init__(self, session: botocore.session.Session) -> None:
        service: Any = session.create_client("sqs")
        self.service = service
        self.url = self.service.create_queue(QueueName="a-queue")["QueueUrl"]
        self.queue = Queue(self.url)
        self.events = self.queue._client.meta.events

    def received(self) -> list[Any]:
        """Up to ten messages, which are then with this reader."""
        asked = {"QueueUrl": self.url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        found: list[Any] = self.service.receive_message(**asked).get("Messages", [])
        return found

    def meets(self, operation: str, fault: Callable[[int], AWSResponse | None]) -> list[int]:
        """Let every attempt, counted from 1, meet this; None lets it go its way. The attempts that were made."""
        tried: list[int] = []

        def before_send(**_: Any) -> AWSResponse | None:
            tried.append(len(tried) + 1)
            return fault(tried[-1])

        self.events.register_first(f"before-send.sqs.{operation}", before_send)
        return tried


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    with mock_aws():
        # The process's own session may be older than the mock, which then does not see it.
        made = botocore.session.get_session()
        monkeypatch.setattr(SharedSession, "shared", made)
        yield Line(made)


def no_answer(_: int) -> AWSResponse:
    raise ReadTimeoutError(endpoint_url="https://sqs", error="timed out")


def test_what_was_sent_is_in_the_queue(line: Line) -> None:
    assert line.queue.send(["one", "two"]) == []
    assert sorted(message["Body"] for message in line.received()) == ["one", "two"]


def test_nothing_is_sent_for_nothing(line: Line) -> None:
    tried = line.meets("SendMessageBatch", lambda _: None)
    assert line.queue.send([]) == []
    assert tried == []


def test_messages_go_in_tens(line: Line) -> None:
    tried = line.meets("SendMessageBatch", lambda _: None)
    assert line.queue.send([str(number) for number in range(2 * MAX_MESSAGES + 1)]) == []
    assert len(tried) == 3
    assert line.queue.waiting() == 21


def test_messages_that_were_not_taken_are_named_by_their_place(line: Line) -> None:
    def part(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Failed"] = [{"Id": each["Id"], "Code": "InternalError", "SenderFault": False}
                            for each in parsed["Successful"] if each["Id"] in ("3", "11")]  # fmt: skip

    line.events.register("after-call.sqs.SendMessageBatch", part)
    assert line.queue.send([str(number) for number in range(12)]) == [3, 11]


def test_an_answer_that_got_lost_once_is_asked_for_again(line: Line) -> None:
    tried = line.meets("SendMessageBatch", lambda attempt: no_answer(attempt) if attempt == 1 else None)
    assert line.queue.send(["one"]) == []
    assert tried == [1, 2]


def test_after_a_request_without_an_answer_the_rest_is_not_tried(line: Line) -> None:
    tried = line.meets("SendMessageBatch", no_answer)
    assert line.queue.send([str(number) for number in range(15)]) == list(range(15))
    assert len(tried) == ATTEMPTS


def test_a_queue_that_is_not_there_is_no_matter_of_time(line: Line) -> None:
    line.service.delete_queue(QueueUrl=line.url)
    with pytest.raises(ClientError, match=r"NonExistentQueue|QueueDoesNotExist"):
        line.queue.send(["one"])


def test_a_copy_says_why_it_is_there(line: Line) -> None:
    line.queue.copy("body", {"reason": "unknown_type"})
    (message,) = line.received()
    assert message["Body"] == "body"
    assert message["MessageAttributes"]["reason"]["StringValue"] == "unknown_type"


def test_a_hidden_message_comes_again_when_it_was_said(line: Line) -> None:
    line.queue.send(["one"])
    (message,) = line.received()
    assert line.received() == []
    line.queue.hide(message["ReceiptHandle"], 0)
    assert [each["Body"] for each in line.received()] == ["one"]
    with pytest.raises(AssertionError):
        line.queue.hide(message["ReceiptHandle"], MAX_HIDDEN_SECONDS + 1)


def test_what_is_with_a_reader_still_waits_to_be_finished(line: Line) -> None:
    line.queue.send(["one", "two", "three"])
    assert len(line.received()) == 3
    line.queue.send(["four"])
    assert line.queue.waiting() == 4


def test_the_client_is_made_when_it_is_needed(line: Line) -> None:
    assert "_client" not in vars(queues.Queue(line.url))
