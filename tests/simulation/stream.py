"""The ledger's stream, the poller that Lambda puts before the publisher, and the bus behind it.

At least once, and in the order of the puts: a batch is of any size; what its function reports cuts it there and comes
again from there; an error halves it; a batch may be given out twice, or come again whole when its function died. Only
the bus is asked, so nothing of this is under way while a history goes on: the stream is told when it is over.
"""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from chalicelib.edge.functions import publishing
from chalicelib.messaging.bus import MAX_BYTES, MAX_EVENTS, Bus, size_bytes
from dev.fragment import fragment
from tests.simulation.engine_fake import failure
from tests.simulation.tables_fake import Put
from tests.simulation.weather import Killed

if TYPE_CHECKING:
    from collections import Counter

    from tests.simulation.world import World

BUS = "simulated"
BATCHES = (1, 2, 5, 20, 100)
STORMS = (0.0, 0.05, 0.15, 0.3)
"""Share of requests to the bus that meet trouble."""
LONGEST_REFUSAL = 12
"""Requests that a bus refuses in a row; fewer than a record has attempts."""
DUPLICATES = 0.1
"""Share of finished batches that are given out again."""


TROUBLES = (
    "bus takes a part",
    "bus takes unheard",
    "bus refuses for a while",
    "bus throttles",
    "publisher killed",
)


class FakeEvents:
    """The client of a bus: takes requests whole, in part, unheard, or not at all for a while."""

    def __init__(self, dice: random.Random, met: Counter[str]) -> None:
        self.taken: list[dict[str, Any]] = []
        """Events as they reached the bus, in this order."""
        self._dice = dice
        self._rate = dice.choice(STORMS)
        self._met = met
        self._refusing = 0

    def put_events(self, *, Entries: Sequence[Any]) -> dict[str, Any]:  # noqa: N803  # the client's name for it
        assert 1 <= len(Entries) <= MAX_EVENTS, f"{len(Entries)} events in one request"
        assert sum(size_bytes(entry) for entry in Entries) <= MAX_BYTES, "a request too large"
        if self._refusing:
            self._refusing -= 1
            raise EndpointConnectionError(endpoint_url=BUS)
        if self._dice.random() >= self._rate:
            return self._take(Entries, 0.0)
        trouble = self._dice.choice(TROUBLES)
        self._met[trouble] += 1
        match trouble:
            case "bus takes a part":
                return self._take(Entries, self._dice.choice((0.2, 0.5, 1.0)))
            case "bus takes unheard":
                self._take(Entries, self._dice.choice((0.0, 0.5)))
                raise ReadTimeoutError(endpoint_url=BUS)
            case "bus refuses for a while":
                self._refusing = self._dice.randint(1, LONGEST_REFUSAL)
                raise EndpointConnectionError(endpoint_url=BUS)
            case "bus throttles":
                raise failure("PutEvents", "ThrottlingException", "simulated")
            case _:
                if self._dice.random() < 0.5:
                    self._take(Entries, 0.0)
                raise Killed

    def _take(self, events: Sequence[Any], left: float) -> dict[str, Any]:
        """Take events, each but for this share of them, and tell which."""
        answers = []
        for event in events:
            if self._dice.random() < left:
                answers.append({"ErrorCode": "InternalFailure", "ErrorMessage": "simulated"})
                continue
            self.taken.append(event)
            answers.append({"EventId": str(len(self.taken))})
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}


def bus(client: FakeEvents) -> Bus:
    """The application's own, with this client."""
    told = Bus(BUS)
    told.__dict__["_client"] = client
    return told


def drain(world: World, puts: Sequence[Put]) -> None:
    """Tell the publisher of everything that was put into the ledger, as Lambda does.

    :raises AssertionError: a record came as often as it may, and would lie with the dead letters now
    """
    dice = random.Random(f"{world.seed} stream")
    records = [record(place, put) for place, put in enumerate(puts)]
    at = 0
    while at < len(records):
        end = min(len(records), at + dice.choice(BATCHES))
        _finish(records, at, end, dice)
        at = end


def _finish(records: Sequence[dict[str, Any]], first: int, end: int, dice: random.Random) -> None:
    """One batch, until nothing of it is left."""
    due = [(first, end, 0)]
    while due:
        first, end, tries = due.pop()
        assert tries <= most_retries(), f"11: given up: {records[first]['dynamodb']['Keys']}"
        try:
            answer = publishing.publish_batch({"Records": records[first:end]})
        except (publishing.BatchBlocked, Killed) as error:
            if end - first == 1 or (isinstance(error, Killed) and dice.random() < 0.5):
                due.append((first, end, tries + 1))
            else:
                half = (first + end) // 2
                due += [(half, end, 0), (first, half, tries)]
            continue
        if answer["batchItemFailures"]:
            (left,) = answer["batchItemFailures"]
            again = int(left["itemIdentifier"])
            assert first <= again < end, "a record is reported that was not in the batch"
            due.append((again, end, tries + 1 if again == first else 0))
        elif dice.random() < DUPLICATES:
            due.append((first, end, tries))


def record(place: int, put: Put) -> dict[str, Any]:
    """A record as Lambda hands it over: JSON, in which bytes are base64."""
    image = {name: _json(value) for name, value in put.item.items()}
    keys = {name: image[name] for name in ("wallet", "sequence")}
    return {
        "eventName": "INSERT" if put.new else "MODIFY",
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "Keys": keys,
            "NewImage": image,
            "SequenceNumber": f"{place:021}",
            "StreamViewType": "NEW_IMAGE",
        },
    }


def _json(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"B": b64encode(value["B"]).decode()} if "B" in value else value


@cache
def most_retries() -> int:
    """What the stream is deployed with."""
    event = fragment("local")["Resources"]["Publish"]["Properties"]["Events"]["PublishDynamodbEventSource"]
    retries: int = event["Properties"]["MaximumRetryAttempts"]
    return retries
