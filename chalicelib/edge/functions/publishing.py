"""Telling the bus of every entry: from the ledger's stream as they come, and again when somebody asks.

Promised: in order for a wallet, at least once, under a stable id. An entry is put only when the one before it in its
wallet was taken, so no request holds two of one wallet. A batch is put in rounds:

    batch   a1 b1 a2 c1 a3      rounds   a1 b1 c1 · a2 · a3

When a record is not taken, nothing that stands after it is put any more, what stands before it is, and it is reported:
Lambda tells the batch again from there. If it is the first of several, the batch fails as a whole instead: then Lambda
halves it until that record is alone, and the dead letters get it and not its neighbours (`BisectBatchOnFunctionError`;
a batch whose first record is reported would be repeated in one piece).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple, Protocol

from pydantic import Field, ValidationError

from chalicelib import wiring
from chalicelib.edge.fields import Body, Currency, Identifier
from chalicelib.edge.functions.announcements import announcement
from chalicelib.messaging.bus import Event
from chalicelib.runtime import telemetry
from chalicelib.runtime.clock import Deadline, stopwatch
from chalicelib.runtime.environment import settings
from chalicelib.store.envelope import WalletId
from chalicelib.store.images import UnreadableImage, entry_of_image
from chalicelib.store.reading import Store
from chalicelib.store.signals import Unread

NOT_TAKEN = "not_taken"
UNREADABLE = "unreadable"
REPLAY_ENTRIES = 500
"""Entries that one call of the replayer tells at the most."""
REPLAY_SECONDS = 12.0
"""After this it begins no other entry; with one that takes longest, the function (30 s) is still in time."""
MAX_SEQUENCE = 10**15
"""More than any wallet has."""


class Outlet(Protocol):
    """Takes events; see `Bus`."""

    def put(self, events: Sequence[Event]) -> list[int]: ...


class BatchBlocked(Exception):
    """The first record of a batch cannot be published: to be halved until that record is alone."""


class Range(Body):
    """What the replayer is asked for: the entries of one wallet from one sequence to another, both included."""

    customer: Identifier
    currency: Currency
    first: Annotated[int, Field(alias="from", ge=1, le=MAX_SEQUENCE)]
    last: Annotated[int, Field(alias="to", ge=1, le=MAX_SEQUENCE)]


class _Told(NamedTuple):
    """A record of the stream that can be told. `place` is its index in the batch."""

    place: int
    wallet: str
    event: Event


def publish_batch(batch: dict[str, Any], outlet: Outlet | None = None) -> dict[str, list[dict[str, str]]]:
    """Publish a batch of stream records; what Lambda is to tell again: the first that was not taken, or nothing.

    Only insertions are entries; whatever else the stream shows is passed over.

    :raises BatchBlocked: the first record was not taken, and others follow it
    """
    began = stopwatch()
    records: list[dict[str, Any]] = batch["Records"]
    told, end, why = _read(records)
    stopped = _publish(told, end, outlet or wiring.bus())
    if stopped < end:
        why = NOT_TAKEN
    blocked = records[stopped] if stopped < len(records) else None
    _tell(sum(each.place < stopped for each in told), blocked, why, stopwatch() - began)
    if blocked is None:
        return {"batchItemFailures": []}
    if stopped == 0 and len(records) > 1:
        raise BatchBlocked(f"the first of {len(records)} records is {why}")
    return {"batchItemFailures": [{"itemIdentifier": str(blocked["dynamodb"]["SequenceNumber"])}]}


def replay_range(wanted: object, outlet: Outlet | None = None) -> dict[str, Any]:
    """Tell entries of a wallet again: {"customer", "currency", "from", "to"}, sequences, both included.

    The answer is {"published": how many, "next": where to go on, or null when all was told}, and "error" in words where
    something stood in the way: what was asked for makes no sense (next is null then), or bus or ledger did not answer.
    """
    began = stopwatch()
    try:
        asked = Range.model_validate(wanted)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, each['loc'])) or 'the event'}: {each['msg']}" for each in error.errors()]
        return {"published": 0, "next": None, "error": "; ".join(problems)}
    if asked.first > asked.last:
        return {"published": 0, "next": None, "error": "from: is after to"}
    answer = _replay(wiring.engine().store, asked, outlet or wiring.bus())
    telemetry.write_line(
        settings().stage,
        "replay",
        "blocked" if "error" in answer else "ok",
        "",
        metrics={"Published": answer["published"], "DurationMs": round((stopwatch() - began) * 1000, 1)},
        facts={
            "customer": asked.customer,
            "currency": asked.currency,
            "first": asked.first,
            "next": answer["next"],
            "reason": answer.get("error"),
        },
    )
    return answer


def _replay(store: Store, asked: Range, outlet: Outlet) -> dict[str, Any]:
    deadline = Deadline.after(REPLAY_SECONDS)
    wallet_id = WalletId(asked.customer, asked.currency)
    published, following = 0, asked.first
    try:
        for entry in store.entries_between(wallet_id, asked.first, asked.last):
            following = entry.sequence
            if published == REPLAY_ENTRIES or deadline.remaining_seconds <= 0:
                return {"published": published, "next": following}
            if outlet.put([announcement(wallet_id, entry)]):
                return {"published": published, "next": following, "error": "the bus did not take it"}
            published += 1
            following += 1
    except Unread:
        return {"published": published, "next": following, "error": "the ledger could not be read"}
    return {"published": published, "next": None}


def _read(records: Sequence[dict[str, Any]]) -> tuple[list[_Told], int, str | None]:
    """What can be told of a batch, up to the first record that nobody can read; that one's index, and what is wrong."""
    told: list[_Told] = []
    for place, record in enumerate(records):
        if record["eventName"] != "INSERT":
            continue
        try:
            wallet_id, entry = entry_of_image(record["dynamodb"].get("NewImage"))
        except UnreadableImage as error:
            return told, place, f"{UNREADABLE}: {error}"
        told.append(_Told(place, str(wallet_id), announcement(wallet_id, entry)))
    return told, len(records), None


def _publish(told: Sequence[_Told], end: int, outlet: Outlet) -> int:
    """Put what stands before `end`; the index of the first that was not taken, or `end`."""
    for each_round in _rounds(told):
        due = [each for each in each_round if each.place < end]
        left = outlet.put([each.event for each in due]) if due else []
        if left:
            end = due[left[0]].place
    return end


def _rounds(told: Sequence[_Told]) -> Iterator[list[_Told]]:
    """The first record of each wallet, then the second of each, and so on; each round in the order of the batch."""
    rounds: list[list[_Told]] = []
    seen: dict[str, int] = {}
    for each in told:
        turn = seen.get(each.wallet, 0)
        seen[each.wallet] = turn + 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(each)
    return iter(rounds)


def _tell(published: int, blocked: dict[str, Any] | None, why: str | None, seconds: float) -> None:
    """The line of this batch. It names the entry that blocks it: a dead letter names a place in the stream only."""
    change = blocked["dynamodb"] if blocked else {}
    keys = change.get("Keys", {})
    customer, _, currency = keys.get("wallet", {}).get("S", "").rpartition("/")
    telemetry.write_line(
        settings().stage,
        "publish",
        "ok" if blocked is None else "blocked",
        "",
        metrics={
            "Published": published,
            "PublishFailed": int(blocked is not None),
            "DurationMs": round(seconds * 1000, 1),
        },
        facts={
            "reason": why,
            "customer": customer or None,
            "currency": currency or None,
            "sequence": keys.get("sequence", {}).get("N"),
            "stream_sequence_number": change.get("SequenceNumber"),
        },
    )
