"""The two functions of notices, as Lambda calls them: one batch of the notices queue, or one look at what is due.

The messages of a batch are dealt with side by side, so one whose channel hangs takes its own time and nobody else's.
What could not be finished is reported, and comes again when its message was told to; what was received for the last
time goes to the dead letters, and what it was to tell counts as failed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from chalicelib.ledger.limits import SECOND_MS
from chalicelib.messaging.queues import TROUBLE
from chalicelib.notices.post import Post
from chalicelib.notices.reminding import NoticesQueue, nominate_due
from chalicelib.notices.sending import MAX_TRIES
from chalicelib.notices.store import documents
from chalicelib.notices.working import work
from chalicelib.runtime import telemetry
from chalicelib.runtime.clock import Deadline, stopwatch
from chalicelib.runtime.environment import settings
from chalicelib.store.commit import Engine
from chalicelib.store.signals import Busy, OutcomeUnknown, Unread

BATCH_MESSAGES = 10
"""Messages that one call is handed at the most."""
MARGIN_SECONDS = 5.0
"""Of a function's time, kept for what was begun at the last moment, and for the answer."""
MAX_RECEIVES = MAX_TRIES
"""How often the queue hands a message out before it gives it up: `maxReceiveCount` of the notices queue."""


class Context(Protocol):
    """What is needed of Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


class HidingQueue(NoticesQueue, Protocol):
    def hide(self, receipt_handle: str, seconds: int) -> None: ...


def notify_batch(post: Post, queue: HidingQueue, event: dict[str, Any], context: Context) -> dict[str, Any]:
    """The messages of one batch; those that could not be finished, as Lambda wants them told."""
    began = stopwatch()
    deadline = Deadline.after(context.get_remaining_time_in_millis() / SECOND_MS - MARGIN_SECONDS)
    records: list[dict[str, Any]] = event["Records"]
    with ThreadPoolExecutor(BATCH_MESSAGES) as workers:
        finished = list(workers.map(lambda record: _finish(post, queue, record, deadline, context), records))
    left = [record["messageId"] for record, done in zip(records, finished, strict=True) if not done]
    telemetry.write_line(
        settings().stage,
        "notify",
        "left" if left else "ok",
        context.aws_request_id,
        metrics={"LeftMessages": len(left), "DurationMs": _since(began)},
        facts={"messages": len(records)},
    )
    return {"batchItemFailures": [{"itemIdentifier": message} for message in left]}


def remind_now(engine: Engine, queue: NoticesQueue, context: Context) -> dict[str, Any]:
    """Hand on what is due.

    :raises Unread: something could not be read; the rest was handed on, and the function counts as failed
    """
    began = stopwatch()
    found = nominate_due(engine.store, documents(engine.store), queue)
    telemetry.write_line(
        settings().stage,
        "remind",
        "ok",
        context.aws_request_id,
        metrics={"Nominated": found.due, "DurationMs": _since(began)},
        facts={"not_taken": found.not_taken, "unread_shards": found.unread},
    )
    if found.unread:
        raise Unread(f"{found.unread} shards of the index of what is due could not be read")
    return {"nominated": found.due, "not_taken": found.not_taken}


def _finish(post: Post, queue: HidingQueue, record: dict[str, Any], deadline: Deadline, context: Context) -> bool:
    """Whether all that a message asks for is done."""
    receives = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    try:
        again = work(post, record["body"], deadline, last_try=receives >= MAX_RECEIVES)
        if again is None:
            return True
        queue.hide(record["receiptHandle"], again)
        return False
    except (Busy, OutcomeUnknown, Unread, *TROUBLE):
        return False
    except Exception as error:  # noqa: BLE001 the outermost handler: what is wrong here must not stop the rest
        telemetry.write_fault(context.aws_request_id, "notify", error)
        return False


def _since(began: float) -> float:
    return round((stopwatch() - began) * 1000, 1)
