"""A batch of the notices queue: messages side by side, what comes again and when, and what is given up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from chalicelib.notices import handlers
from chalicelib.notices.handlers import BATCH_MESSAGES, MAX_RECEIVES
from chalicelib.notices.post import Post
from chalicelib.notices.sending import PAUSES_SECONDS
from chalicelib.notices.working import NoMessage, work
from chalicelib.runtime.clock import Deadline
from chalicelib.runtime.environment import Settings
from chalicelib.store.signals import Busy, OutcomeUnknown, Unread

POST = cast(Post, object())


class Lambda:
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Hidden:
    """A queue that notes which messages are hidden for how long."""

    def __init__(self) -> None:
        self.hidden: list[tuple[str, int]] = []

    def send(self, bodies: Any) -> list[int]:
        return []

    def hide(self, receipt_handle: str, seconds: int) -> None:
        self.hidden.append((receipt_handle, seconds))


@pytest.fixture(autouse=True)
def stage(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Settings("local", "wallets", "ledger", test_clock=False, merchant_zone=ZoneInfo("UTC"), log_level="INFO")
    monkeypatch.setattr(handlers, "settings", lambda: told)


def dealt(
    monkeypatch: pytest.MonkeyPatch, does: Callable[[str, bool], int | None], *bodies: str, receives: int = 1
) -> tuple[list[str], Hidden]:
    """Which of these messages come again, and the queue."""
    monkeypatch.setattr(handlers, "work", lambda _post, body, _deadline, last_try: does(body, last_try))
    records = [
        {
            "messageId": f"m-{body}",
            "body": body,
            "receiptHandle": f"r-{body}",
            "attributes": {"ApproximateReceiveCount": str(receives)},
        }
        for body in bodies
    ]
    queue = Hidden()
    answer = handlers.notify_batch(POST, queue, {"Records": records}, Lambda())
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]], queue


def test_what_is_done_does_not_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    left, queue = dealt(monkeypatch, lambda *_: None, "a", "b")
    assert (left, queue.hidden) == ([], [])


def test_what_is_to_be_looked_at_again_comes_when_it_was_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    left, queue = dealt(monkeypatch, lambda body, _: 60 if body == "b" else None, "a", "b")
    assert (left, queue.hidden) == (["m-b"], [("r-b", 60)])


@pytest.mark.parametrize("error", [Busy(), OutcomeUnknown(), Unread(), NoMessage(), ValueError("a defect")], ids=repr)
def test_trouble_with_one_message_is_its_own(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def does(body: str, _: bool) -> None:
        if body == "b":
            raise error

    assert dealt(monkeypatch, does, "a", "b", "c")[0] == ["m-b"]


def test_messages_are_dealt_with_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that hangs takes its own time: each of these waits for all the others."""
    everybody = threading.Barrier(BATCH_MESSAGES)

    def does(*_: Any) -> None:
        everybody.wait(5)

    assert dealt(monkeypatch, does, *map(str, range(BATCH_MESSAGES)))[0] == []


@pytest.mark.parametrize(("receives", "last"), [(1, False), (MAX_RECEIVES - 1, False), (MAX_RECEIVES, True)])
def test_the_last_time_that_the_queue_hands_it_out_is_known(
    monkeypatch: pytest.MonkeyPatch, receives: int, last: bool
) -> None:
    told: list[bool] = []
    dealt(monkeypatch, lambda _, last_try: told.append(last_try), "a", receives=receives)
    assert told == [last]


def test_the_pauses_between_tries_are_as_many_as_the_queue_has_patience_for() -> None:
    assert len(PAUSES_SECONDS) == MAX_RECEIVES - 1
    assert list(PAUSES_SECONDS) == sorted(PAUSES_SECONDS)
    assert 5 * 3_600 < sum(PAUSES_SECONDS) < 12 * 3_600, "longer than an outage, shorter than the guard waits"


@pytest.mark.parametrize(
    "body", ["", "no JSON", "[]", "{}", '{"job":"dance"}', '{"job":"send"}', '{"job":"due","keys":[1]}']
)
def test_what_is_no_message_of_ours_is_told_so(body: str) -> None:
    with pytest.raises(NoMessage):
        work(POST, body, Deadline.after(10), last_try=False)
