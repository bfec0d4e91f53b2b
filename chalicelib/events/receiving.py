"""What is done with one message: applied, found done before, parked, or rejected and kept.

could not be read ------------------------------------------------> rejected
its (source, id) is applied ---------------------------------------> duplicate   (one read)
applied, or the order, refund, … is done under another event ------> applied, duplicate
names something not seen yet --- last try? no --> parked, comes again
                                 yes -----------------------------> rejected
refused ----------------------------------------------------------> rejected
busy, unknown, unread --------------------------------------------> nothing said: the message comes again
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.events.applying import apply, record_of
from chalicelib.events.model import Event, Outcome, Status, event_operation
from chalicelib.ledger.refusals import NotSeenYet, Refused
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Trace
from chalicelib.store.inbox import Inbox, Message, Reason
from chalicelib.store.signals import KeyReused

EVENT_ID_REUSED = "event_id_reused"


@dataclass(frozen=True)
class Received:
    """A message as it came, and what it was read as: an event, or the reason why it is none.

    `stands_for` is what the records of a message are kept under that does not say whose event it is.
    """

    message: Message
    read: Event | Reason
    stands_for: str

    @property
    def operation(self) -> str:
        """What its records are kept under."""
        if isinstance(self.read, Event):
            return self.read.operation
        if self.message.source and self.message.event:
            return event_operation(self.message.source, self.message.event)
        return self.stands_for


def known(inbox: Inbox, received: list[Received]) -> list[Outcome | None]:
    """What is known of each of these messages (at most 100) before anything is done, in one read.

    Another message under the (source, id) of an applied event is no duplicate: nothing is known of it.

    :raises Unread: it could not be read
    """
    done = inbox.applied(each.read.operation for each in received if isinstance(each.read, Event))

    def outcome(read: Event | Reason) -> Outcome | None:
        if not isinstance(read, Event):
            return None
        row = done.get(read.operation)
        return Outcome(Status.DUPLICATE) if row is not None and row.request == read.fingerprint else None

    return [outcome(each.read) for each in received]


def receive(
    engine: Engine,
    inbox: Inbox,
    received: Received,
    deadline: Deadline,
    trace: Trace,
    *,
    last_try: bool,
    dry_run: bool = False,
) -> Outcome:
    """Do what a message asks for, or keep it with the reason why not. A dry run only tells, and writes nothing.

    :raises Busy, OutcomeUnknown, Unread, NewerSchema: it must come again
    """
    if isinstance(received.read, Reason):
        reason = received.read
    else:
        try:
            return apply(engine, received.read, deadline, trace, dry_run=dry_run)
        except NotSeenYet as refusal:
            reason = Reason(refusal.code, refusal.detail)
            if not last_try:
                inbox.park(received.operation, reason, engine.store.clock.now())
                return Outcome(Status.PARKED, reason.code, reason.detail)
        except KeyReused:
            reason = Reason(EVENT_ID_REUSED, "Another event with this source and id was applied before.")
        except Refused as refusal:
            reason = Reason(refusal.code, refusal.detail)
    if dry_run:
        return Outcome(Status.REJECTED, reason.code, reason.detail)
    rejection = inbox.reject(received.operation, received.message, reason, engine.store.clock.now())
    return Outcome(Status.REJECTED, reason.code, reason.detail, rejection)


def settle(engine: Engine, inbox: Inbox, rejection: str) -> None:
    """A message that was rejected has been tried again with success.

    :raises Unread: it could not be noted
    """
    row = inbox.rejection(rejection)
    if row is not None:
        inbox.settle(row, engine.store.clock.now())


@dataclass(frozen=True)
class Told:
    """What can be said of one event: its status since `at`, what it did, or the reason why it did nothing."""

    status: Status
    at: int
    record: Mapping[str, Any] = field(default_factory=dict)
    reason: Reason | None = None
    rejection: str | None = None
    tries: int | None = None


def fate_of(inbox: Inbox, source: str, event_id: str) -> Told | None:
    """What became of an event; None for one that never came, or that is on its way for the first time.

    :raises Unread: it could not be read
    """
    fate = inbox.fate(event_operation(source, event_id))
    if fate.operation is not None:
        record = record_of(fate.operation.answer)
        return Told(Status(record["status"]), record["at"], record)
    if fate.event is None:
        return None
    row = fate.event
    reason = Reason(row.code, row.detail)
    return Told(Status(row.status), int(row.at), reason=reason, rejection=row.rejection, tries=int(row.tries))
