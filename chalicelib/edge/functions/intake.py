"""The functions behind the event queues: every message of a batch ends as applied, duplicate, parked or rejected.

What must come again is told to Lambda as failed: parked ones, which come sooner than the queue would let them by
itself, and those that met trouble. A rejected message is kept, copied to the dead letters with its reason, and done
with: it blocks nothing. So is a parked one at its last try.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from chalicelib import wiring
from chalicelib.customers.store import ReadAhead
from chalicelib.edge.events.parsing import received
from chalicelib.events import receiving
from chalicelib.events.following import begin_batch, follow_up
from chalicelib.events.model import Event, Outcome, Status, message_operation
from chalicelib.events.receiving import Known, Received
from chalicelib.messaging.queues import TROUBLE
from chalicelib.runtime import telemetry
from chalicelib.runtime.clock import Deadline, stopwatch
from chalicelib.runtime.environment import max_receives, settings
from chalicelib.store.commit import API_DEADLINE_SECONDS, Engine
from chalicelib.store.envelope import Trace
from chalicelib.store.inbox import Inbox
from chalicelib.store.signals import Busy, NewerSchema, OutcomeUnknown, Unread

EVENT_SECONDS = API_DEADLINE_SECONDS
"""What one event may take, and as long again what follows from it."""
MARGIN_SECONDS = 4.0
"""Of a function's time, kept for what follows the last event."""
FIRST_PAUSE_SECONDS = 2
"""A parked message comes again after this, and after twice as long each time."""
LONGEST_PAUSE_SECONDS = 900
REDRIVEN = "redriven"
"""Attribute of a message that was brought back from the dead letters."""
COPIED_DETAIL_CHARACTERS = 256
COPIED_BYTES = 200 * 1024
"""A longer message is cut in its copy: attributes count as well. The rejection has it whole."""

_REJECTION = re.compile(r"[0-9]{13}-([a-z2-7]{24})")
_PASSING = (Busy, OutcomeUnknown, Unread, NewerSchema, *TROUBLE)


class Context(Protocol):
    def get_remaining_time_in_millis(self) -> int: ...


class EventQueue(Protocol):
    """What is needed of the queue, or of its dead letters."""

    def hide(self, receipt_handle: str, seconds: int) -> None: ...
    def copy(self, body: str, attributes: dict[str, str]) -> None: ...


class Desk(NamedTuple):
    """What a batch is dealt with at: the engine, and the queue it came from with its dead letters."""

    engine: Engine
    inbox: Inbox
    name: str
    queue: EventQueue
    dead_letters: EventQueue
    max_receives: int


class Record(NamedTuple):
    """One message as Lambda hands it over."""

    id: str
    receipt: str
    receives: int
    again: bool
    """Whether it was received before, so that what follows from it may have been cut short."""
    rejection: str | None
    received: Received


def take_batch(event: dict[str, Any], queue: str, context: Context) -> dict[str, Any]:
    """Deal with a batch; the messages that must come again, as Lambda wants them told."""
    engine = wiring.engine()
    own, dead_letters = wiring.event_queue(queue)
    desk = Desk(engine, Inbox(engine.store), queue, own, dead_letters, max_receives())
    deadline = Deadline.after(context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS)
    return {"batchItemFailures": [{"itemIdentifier": left} for left in deal(desk, event["Records"], deadline)]}


def deal(desk: Desk, records: Sequence[dict[str, Any]], deadline: Deadline) -> list[str]:
    """The ids of the messages that must come again."""
    batch = [_read(desk.name, record) for record in records]
    try:
        known = receiving.known(desk.engine, desk.inbox, [record.received for record in batch])
    except Unread:
        return [record.id for record in batch]
    begin_batch(desk.engine)
    left = []
    for record, of_it in zip(batch, known, strict=True):
        if not _finished(desk, record, of_it, deadline):
            left.append(record.id)
    return left


def _read(queue: str, record: dict[str, Any]) -> Record:
    """One that was brought back from the dead letters says which rejection it is, and goes on to be that one; but not
    a copy that was cut: the rejection has it whole."""
    attributes = record.get("messageAttributes") or {}
    brought_back = _REJECTION.fullmatch((attributes.get("rejection") or {}).get("stringValue") or "")
    whole = "cut" not in attributes
    stands_for = brought_back[1] if brought_back and whole else message_operation(queue, record["messageId"])
    read = received(queue, record["body"], stands_for)
    receives = int(record["attributes"]["ApproximateReceiveCount"])
    return Record(
        id=record["messageId"],
        receipt=record["receiptHandle"],
        receives=receives,
        again=receives > 1 or REDRIVEN in attributes,
        rejection=brought_back[0] if brought_back and brought_back[1] == read.operation else None,
        received=read,
    )


def _finished(desk: Desk, record: Record, known: Known, deadline: Deadline) -> bool:
    """Whether the message is done with; a line about it goes to the log."""
    began, trace = stopwatch(), Trace()
    if deadline.remaining_seconds < EVENT_SECONDS / 2:
        return False
    within = Deadline.after(min(EVENT_SECONDS, deadline.remaining_seconds))
    try:
        outcome = known.outcome or _received(desk, record, known.ahead, within, trace)
        if known.outcome is None or record.again:
            _do_what_follows(desk, record, outcome, deadline)
        finished = _dealt_with(desk, record, outcome)
        told = outcome.code or outcome.status.value
    except _PASSING as error:
        outcome, finished, told = None, False, type(error).__name__
        _hide(desk, record)
    except Exception as error:  # noqa: BLE001 the outermost handler: a defect of ours must not hold up the batch
        outcome, finished, told = None, False, "fault"
        telemetry.write_fault(record.id, _type(record), error)
    _tell(record, outcome, told, trace, stopwatch() - began)
    return finished


def _received(desk: Desk, record: Record, ahead: ReadAhead | None, within: Deadline, trace: Trace) -> Outcome:
    last_try = record.receives >= desk.max_receives
    return receiving.receive(desk.engine, desk.inbox, record.received, within, trace, last_try=last_try, ahead=ahead)


def _do_what_follows(desk: Desk, record: Record, outcome: Outcome, deadline: Deadline) -> None:
    """Also of a duplicate that was received before: that time it may have come no further than being applied. One that
    is brought back from the dead letters is new to its queue, and says so itself."""
    if isinstance(record.received.read, Event):
        within = Deadline.after(min(EVENT_SECONDS, deadline.remaining_seconds))
        follow_up(desk.engine, record.received.read, outcome, within)


def _dealt_with(desk: Desk, record: Record, outcome: Outcome) -> bool:
    match outcome.status:
        case Status.PARKED:
            _hide(desk, record)
            return False
        case Status.REJECTED:
            desk.dead_letters.copy(*_copy(record, outcome))
        case _:
            if record.rejection is not None:
                receiving.settle(desk.engine, desk.inbox, record.rejection)
    return True


def _copy(record: Record, outcome: Outcome) -> tuple[str, dict[str, str]]:
    message = record.received.message
    body = message.body.encode("utf-8", "replace")[:COPIED_BYTES].decode("utf-8", "ignore")
    told = {
        "reason": outcome.code,
        "detail": (outcome.detail or "")[:COPIED_DETAIL_CHARACTERS],
        "rejection": outcome.rejection,
        "source": message.source,
        "event": message.event,
        "cut": None if body == message.body else "true",
    }
    return body, {name: _printable(value) for name, value in told.items() if value}


def _printable(text: str) -> str:
    """As an attribute of a message may be: a producer's own words can stand in a reason."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _hide(desk: Desk, record: Record) -> None:
    seconds = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(record.receives - 1, 20))
    try:
        desk.queue.hide(record.receipt, seconds)
    except TROUBLE:
        return  # it comes again all the same, when the queue says


def _type(record: Record) -> str:
    read = record.received.read
    return read.type if isinstance(read, Event) else "unread"


def _tell(record: Record, outcome: Outcome | None, told: str, trace: Trace, seconds: float) -> None:
    message = record.received.message
    telemetry.write_line(
        settings().stage,
        _type(record),
        told,
        record.id,
        metrics={
            "Attempts": trace.attempts if trace.attempts else None,
            "Conflicts": trace.conflicts if trace.attempts else None,
            "Rejected": int(outcome is not None and outcome.status is Status.REJECTED),
            "Parked": int(outcome is not None and outcome.status is Status.PARKED),
            "DurationMs": round(seconds * 1000, 1),
        },
        facts={
            "source": message.source,
            "event": message.event,
            "status": outcome.status.value if outcome else "again",
            "rejection": outcome.rejection if outcome else None,
            "receives": record.receives,
        },
    )
