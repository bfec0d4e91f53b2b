"""What became of events: applied ones by their operation, others by a record of their own; rejected messages whole.

    operation   #operation id / "operation"   the event was applied, or found to be done before; or the idempotency key
                                              of a caller who had a rejected one tried again, with success
    event       #operation id / "event"       it was parked or rejected, and why; an operation beside it came later
    rejection   #rejected / its id            the message, to be read and tried again; ids sort by the time of rejection

None of these is money. Each is written on the condition that it is as it was read, in one request without retries; what
does not succeed is told as `Unread`, and the message comes again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pynamodb.exceptions import QueryError, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from chalicelib.store.items import Item, Place
from chalicelib.store.packing import deflate, inflate
from chalicelib.store.reading import Store
from chalicelib.store.signals import KeyReused, OutcomeUnknown, Signal, Unread, signal_of, unread
from chalicelib.store.tables import EVENT, OPERATION, REJECTED, EventRow, OperationRow, RejectionRow
from chalicelib.store.transaction import KEY_RETENTION_SECONDS

PARKED_RETENTION_SECONDS = 40 * 24 * 3600
"""How long the record of an event that waited is kept; what was applied is kept by its operation for ever."""
SETTLED_RETENTION_SECONDS = 90 * 24 * 3600
"""How long a rejected message is kept once it was tried again with success. An open one is kept for ever, unless it
tells of a person."""
OF_PERSONS = "customer-events"
"""The queue whose messages say who somebody is. Nobody can tell which person a message is of that could not be read,
when one is to be forgotten: so these go by themselves, open or not, as long after they were rejected."""
MAX_KEPT_BYTES = 380_000
"""Of a rejected message, deflated: DynamoDB takes 400,000 bytes for an item."""

PARKED = "parked"
REJECTED_STATUS = "rejected"
NO_WALLET = "events"
"""What the record of a key has for a wallet that had an event tried again: it moved nothing by itself."""
OPEN = "open"
SETTLED = "settled"


@dataclass(frozen=True)
class Reason:
    """Why an event was not applied: a stable code and a sentence."""

    code: str
    detail: str


@dataclass(frozen=True)
class Message:
    """A message as it came: its queue, its text, and what could be read of whose event it is."""

    queue: str
    body: str
    source: str | None = None
    event: str | None = None
    type: str | None = None


@dataclass(frozen=True)
class Fate:
    """What is known of one event."""

    operation: OperationRow | None
    event: EventRow | None


class Applied(NamedTuple):
    """Records of operations that were committed, by operation; and the items that were read beside them."""

    rows: dict[str, OperationRow]
    beside: dict[Place, Item]


class Inbox:
    """The records of events in one stack's tables."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tables = store.tables

    def applied(self, operations: Iterable[str], beside: Iterable[Place] = ()) -> Applied:
        """Those of these operations that were committed, and what is in other places, in one read (at most 100 items).

        :raises Unread: they could not be read
        """
        marks = {self._place(operation): operation for operation in operations}
        places = list(dict.fromkeys([*marks, *beside]))
        found = dict(self._store.items_at(places)) if places else {}
        rows = {
            marks[place]: self._tables.operation.from_raw_data(item) for place, item in found.items() if place in marks
        }
        return Applied(rows, {place: item for place, item in found.items() if place not in marks})

    def fate(self, operation: str) -> Fate:
        """What became of the event that this operation is of.

        :raises Unread: it could not be read
        """
        raw = self._store.items([(f"#{operation}", OPERATION), (f"#{operation}", EVENT)])
        done, told = raw.get((f"#{operation}", OPERATION)), raw.get((f"#{operation}", EVENT))
        return Fate(
            self._tables.operation.from_raw_data(done) if done else None,
            self._tables.event.from_raw_data(told) if told else None,
        )

    def park(self, operation: str, reason: Reason, at: int) -> None:
        """Note why an event waits.

        :raises Unread: it could not be noted
        """
        before = self.fate(operation).event
        row = self._event_row(operation, before, PARKED, reason, at)
        row.rejection = before.rejection if before else None
        row.delete_after = at // 1000 + PARKED_RETENTION_SECONDS
        self._write((row, self._as_it_was(before)))

    def reject(self, operation: str, message: Message, reason: Reason, at: int) -> str:
        """Keep a rejected message with its reason; its id in the list of rejections, the same each time.

        :raises Unread: it could not be kept
        """
        before = self.fate(operation).event
        rejection = before.rejection if before and before.rejection else f"{at:013}-{operation}"
        earlier = self.rejection(rejection) if before and before.rejection else None
        row = self._event_row(operation, before, REJECTED_STATUS, reason, at)
        row.rejection = rejection
        body = deflate(message.body)
        kept = self._tables.rejection(
            REJECTED,
            rejection,
            queue=message.queue,
            status=OPEN,
            code=reason.code,
            detail=reason.detail,
            at=earlier.at if earlier else at,
            tries=row.tries,
            source=message.source,
            event=message.event,
            type=message.type,
            body=body if len(body) <= MAX_KEPT_BYTES else deflate(message.body[: MAX_KEPT_BYTES // 4]),
            delete_after=at // 1000 + SETTLED_RETENTION_SECONDS if message.queue == OF_PERSONS else None,
        )
        rows = self._tables.rejection
        unchanged = rows.pk.does_not_exist() if earlier is None else rows.tries == earlier.tries
        self._write((row, self._as_it_was(before)), (kept, unchanged))
        return rejection

    def rejection(self, rejection: str) -> RejectionRow | None:
        """:raises Unread: it could not be read"""
        raw = self._store.items([(REJECTED, rejection)]).get((REJECTED, rejection))
        return self._tables.rejection.from_raw_data(raw) if raw else None

    def settle(self, row: RejectionRow, at: int) -> None:
        """A rejected message was tried again with success.

        :raises Unread: it could not be noted
        """
        if row.status == SETTLED:
            return
        unchanged = self._tables.rejection.tries == row.tries
        row.status = SETTLED
        row.tries += 1
        row.delete_after = at // 1000 + SETTLED_RETENTION_SECONDS
        self._write((row, unchanged))

    def remembered(self, operation: str, request: str) -> str | None:
        """What the request with this key was answered before; None if it had no success yet.

        :raises KeyReused: the key stands for another request
        :raises Unread: it could not be read
        """
        row = self._store.operation(operation)
        if row is None:
            return None
        if (row.request, row.wallet) != (request, NO_WALLET):
            raise KeyReused
        return inflate(row.answer)

    def remember(self, operation: str, request: str, answer: str, at: int) -> None:
        """Keep what a key's request was answered, as long as every key is kept.

        A key that stands for something by now, because two requests came with it at once, goes on standing for that:
        the event is applied once either way.

        :raises OutcomeUnknown: it may be kept or not; the same request with the same key tells
        """
        rows = self._tables.operation
        row = rows(
            f"#{operation}",
            OPERATION,
            wallet=NO_WALLET,
            request=request,
            answer=deflate(answer),
            delete_after=at // 1000 + KEY_RETENTION_SECONDS,
        )
        if self._put((row, rows.pk.does_not_exist())) not in (Signal.COMMITTED, Signal.MOVED):
            raise OutcomeUnknown

    def rejections(self, before: str | None, limit: int) -> tuple[list[RejectionRow], str | None]:
        """A page of rejected messages, newest first, with ids below `before`; and the next page's `before`, if any.

        :raises Unread: they could not be read
        """
        rows = self._tables.rejection
        try:
            page = self._store.connections.reads.query(
                self._tables.wallets_name,
                REJECTED,
                range_key_condition=None if before is None else rows.sk < before,
                consistent_read=True,
                limit=limit,
                scan_index_forward=False,
            )
        except QueryError as error:
            raise unread(error) from error
        found = [rows.from_raw_data(item) for item in page["Items"]]
        return found, found[-1].sk if found and page.get("LastEvaluatedKey") else None

    def _place(self, operation: str) -> Place:
        return Place(self._tables.wallets_name, f"#{operation}", OPERATION)

    def _event_row(self, operation: str, before: EventRow | None, status: str, reason: Reason, at: int) -> EventRow:
        return self._tables.event(
            f"#{operation}",
            EVENT,
            status=status,
            code=reason.code,
            detail=reason.detail,
            at=at,
            tries=(before.tries if before else 0) + 1,
        )

    def _as_it_was(self, before: EventRow | None) -> Condition:
        rows = self._tables.event
        return rows.pk.does_not_exist() if before is None else rows.tries == before.tries

    def _write(self, *puts: tuple[EventRow | RejectionRow, Condition]) -> None:
        if self._put(*puts) is not Signal.COMMITTED:
            raise Unread("what became of an event could not be noted")

    def _put(self, *puts: tuple[EventRow | OperationRow | RejectionRow, Condition]) -> Signal:
        try:
            with TransactWrite(connection=self._store.connections.commits) as transaction:
                for row, condition in puts:
                    transaction.save(row, condition=condition)
        except TransactWriteError as error:
            return signal_of(error, operation_at=None)
        return Signal.COMMITTED


def body_of(row: RejectionRow) -> str:
    """The message as it came."""
    return inflate(row.body)
