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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from chalicelib.customers.store import Profiles, ReadAhead
from chalicelib.events.applying import apply, record_of
from chalicelib.events.model import CustomerDid, Event, Outcome, Status, event_operation
from chalicelib.ledger.refusals import NotSeenYet, Refused
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Trace
from chalicelib.store.inbox import Inbox, Message, Reason
from chalicelib.store.signals import KeyReused, Unread

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


class Known(NamedTuple):
    """What is known of a message before anything is done: its outcome, if it is a duplicate; else the profile that it
    will change, if it is the first of its batch to do so."""

    outcome: Outcome | None = None
    ahead: ReadAhead | None = None


def known(engine: Engine, inbox: Inbox, received: Sequence[Received]) -> list[Known]:
    """What is known of each of these messages (at most 50), in one read. Where a profile cannot be read its message
    will find out, and holds up no other.

    Another message under the (source, id) of an applied event is no duplicate: nothing is known of it.

    :raises Unread: it could not be read
    """
    events = [each.read if isinstance(each.read, Event) else None for each in received]
    operations = [event.operation for event in events if event]
    profiles = Profiles(engine.store) if any(map(_changes, events)) else None
    places = {each: profiles.place(each) for event in events if profiles and (each := _changes(event))}
    try:
        done, found = inbox.applied(operations, places.values())
    except Unread:
        if not places:
            raise
        places = {}
        done, found = inbox.applied(operations)

    def of(event: Event | None) -> Known:
        row = done.get(event.operation) if event else None
        if row is not None and event and row.request == event.fingerprint:
            return Known(Outcome(Status.DUPLICATE))
        customer = _changes(event)
        place = places.pop(customer, None) if customer else None
        return Known(ahead=ReadAhead(found.get(place)) if place else None)

    return [of(event) for event in events]


def _changes(event: Event | None) -> str | None:
    """The customer whose profile is all that an event changes, as far as it can be told from the event."""
    return event.wanted.what.customer if event and isinstance(event.wanted, CustomerDid) else None


def receive(
    engine: Engine,
    inbox: Inbox,
    received: Received,
    deadline: Deadline,
    trace: Trace,
    *,
    last_try: bool,
    ahead: ReadAhead | None = None,
    dry_run: bool = False,
) -> Outcome:
    """Do what a message asks for, or keep it with the reason why not. A dry run only tells, and writes nothing. What
    was read `ahead` is not read again.

    :raises Busy, OutcomeUnknown, Unread, NewerSchema: it must come again
    """
    if isinstance(received.read, Reason):
        reason = received.read
    else:
        try:
            return apply(engine, received.read, deadline, trace, ahead=ahead, dry_run=dry_run)
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
