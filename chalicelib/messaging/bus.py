"""The bus: PutEvents of EventBridge, in requests as large as it takes, and an exact account of what it did not take.

The bus promises no order of delivery, and one request may be taken in part. Whoever needs an order puts the later event
when the earlier one was taken.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, TypedDict

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from chalicelib.store.connections import SharedSession

MAX_EVENTS = 10
"""Events in one request."""
MAX_BYTES = 256 * 1024
"""Size of one request's events, by the service's own rule; see `size_bytes`."""
TIME_BYTES = 14
"""What the service counts for an event's time, however it is written."""
CONNECT_SECONDS = 0.5
READ_SECONDS = 2.0
ATTEMPTS = 3
"""Requests for one call at the most; the SDK pauses between them."""
PAUSES_SECONDS = 3.0
"""The SDK's pauses of one call together: at most one second, then two."""
LONGEST_REQUEST_SECONDS = ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS) + PAUSES_SECONDS

_log = logging.getLogger(__name__)


class Event(TypedDict):
    """One event: what it is, in short; `Detail` is JSON text; `Time` an RFC 3339 instant."""

    Source: str
    DetailType: str
    Detail: str
    Time: str


class Bus:
    """One event bus, by its name; region, endpoint and credentials are the environment's."""

    def __init__(self, name: str) -> None:
        self._name = name

    def put(self, events: Sequence[Event]) -> list[int]:
        """Put events in their order; the indexes, ascending, of those that the bus did not take.

        What is not in the list was taken; what is in it may have been (an answer can get lost). After a request that
        got no good answer the rest is not tried: it would meet the same, each time for LONGEST_REQUEST_SECONDS.

        :raises ClientError: the bus does not exist, or may not be used: nothing that time heals
        """
        left: list[int] = []
        for indexes in _requests(events):
            answer = self._send([events[index] for index in indexes])
            if answer is None:
                return left + list(range(indexes[0], len(events)))
            for index, entry in zip(indexes, answer, strict=True):
                if "ErrorCode" in entry:
                    _log.warning("event not taken: %s: %s", entry["ErrorCode"], entry.get("ErrorMessage"))
                    left.append(index)
        return left

    def _send(self, events: list[Event]) -> list[dict[str, Any]] | None:
        """What the bus says of each event; None when it could not be reached, is throttling, or is down."""
        entries = [{**event, "EventBusName": self._name} for event in events]
        try:
            answered: list[dict[str, Any]] = self._client.put_events(Entries=entries)["Entries"]
        except (NotConnected, HTTPClientError) as error:
            _log.warning("events not taken: %s", error)
            return None
        except ClientError as error:
            if not _passes(error):
                raise
            _log.warning("events not taken: %s", error)
            return None
        return answered

    @cached_property
    def _client(self) -> Any:
        """Made when it is first needed: it costs a function's start what most functions never use."""
        return SharedSession.shared.create_client(
            "events",
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            ),
        )


def size_bytes(event: Event) -> int:
    """What an event counts against MAX_BYTES."""
    texts = (event["Source"], event["DetailType"], event["Detail"])
    return TIME_BYTES + sum(len(text.encode()) for text in texts)


def _requests(events: Sequence[Event]) -> Iterator[list[int]]:
    """The events' indexes, as they fit into one request each. One that is too large by itself goes alone: the service
    refuses it, and only it."""
    request: list[int] = []
    filled = 0
    for index, event in enumerate(events):
        size = size_bytes(event)
        if request and (len(request) == MAX_EVENTS or filled + size > MAX_BYTES):
            yield request
            request, filled = [], 0
        request.append(index)
        filled += size
    if request:
        yield request


def _passes(error: ClientError) -> bool:
    """Whether the service says that it is its own state, and not the request, that is wrong."""
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 500)
    throttled = "Throttl" in error.response["Error"].get("Code", "")
    return throttled or status >= 500
