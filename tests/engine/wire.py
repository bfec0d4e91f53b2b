"""The wire between a store and its DynamoDB: tests listen on it, cut it, and answer in DynamoDB's place.

Everything happens in botocore's `before-send` event, where a request is signed and ready. A `Fault` decides what
becomes of the request: it may send it, keep it for later, answer by itself, or raise what botocore raises when a line
is dead.

    wire.on(COMMIT, lost_answer())                  the next commit is done, and nobody hears of it
    wire.on(COMMIT, throttled(), times=3)           then the rest goes through
    wire.on(READ, error(500), times=None)           for ever

The faults are in `trouble`.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

from chalicelib.store.connections import Connections
from chalicelib.store.tables import DUE, REFUNDS

COMMIT = ("TransactWriteItems",)
READ = ("GetItem", "BatchGetItem")
ANY = (*COMMIT, *READ, "Query", "Scan")

# botocore's clients switch Nagle's algorithm off too; with it each request takes 40 ms.
_AT_ONCE: Any = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
_line = URLLib3Session(timeout=20, max_pool_connections=64, socket_options=_AT_ONCE)


@dataclass(slots=True)
class Request:
    """One request on its way. `send` puts it on the line, as often as it is called."""

    operation: str
    body: dict[str, Any]
    signed: AWSPreparedRequest = field(repr=False)

    def send(self) -> AWSResponse:
        return _line.send(self.signed)

    @property
    def actions(self) -> list[tuple[str, dict[str, Any]]]:
        """A transaction's actions in the order of the wire: ("Put" or "Update", what is to be done)."""
        return [next(iter(each.items())) for each in self.body["TransactItems"]]

    @property
    def keys(self) -> list[tuple[str, str]]:
        """(pk, sk) of the wallets table's items that a read asks for."""
        if self.operation == "GetItem":
            wanted = [self.body["Key"]] if "pk" in self.body["Key"] else []
        else:
            wanted = [key for table in self.body["RequestItems"].values() for key in table["Keys"]]
        return [(key["pk"]["S"], key["sk"]["S"]) for key in wanted]

    @property
    def asks_for_operation(self) -> bool:
        """Whether a read is about what an idempotency key did."""
        return any(sk == "operation" for _, sk in self.keys)

    @property
    def strongly_consistent(self) -> bool:
        """Whether it sees all that was committed before it."""
        if self.operation == "BatchGetItem":
            return all(table.get("ConsistentRead") for table in self.body["RequestItems"].values())
        return bool(self.body.get("ConsistentRead"))

    @property
    def nominates(self) -> bool:
        """Whether it asks an index that lags: it only says where to look, and nothing is decided from it."""
        return self.operation == "Query" and self.body.get("IndexName") in (DUE, REFUNDS)

    @property
    def wallet(self) -> str:
        """The wallet that a transaction moves: the key of its first put."""
        item = self.actions[0][1]["Item"]
        return f"{item['pk']['S']}/{item['sk']['S']}"


Fault = Callable[[Request], AWSResponse | None]
"""None lets the request go its way."""


@dataclass(slots=True)
class _Rule:
    operations: tuple[str, ...]
    fault: Fault
    times: int | None
    where: Callable[[Request], bool]


class Wire:
    """Both connections of a store. Rules are looked at in the order they were made; the first that fits acts."""

    def __init__(self, connections: Connections) -> None:
        self.sent: list[Request] = []
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        for connection in (connections.reads, connections.commits):
            connection.client.meta.events.register_first("before-send.dynamodb", self._before_send)

    def on(
        self,
        operations: tuple[str, ...],
        fault: Fault,
        *,
        times: int | None = 1,
        where: Callable[[Request], bool] = lambda request: True,
    ) -> None:
        """Let the next `times` requests that fit meet the fault; None is for ever."""
        with self._lock:
            self._rules.append(_Rule(operations, fault, times, where))

    def mend(self) -> None:
        """No fault from now on."""
        with self._lock:
            self._rules.clear()

    def check_reads(self) -> None:
        """Nothing was decided, in whatever test, from a read that may be behind; an index that lags only nominates."""
        reads = [request for request in self.sent if request.operation not in COMMIT and not request.nominates]
        assert all(request.strongly_consistent for request in reads)

    def count(self, *operations: str) -> int:
        return sum(1 for request in self.sent if not operations or request.operation in operations)

    @contextmanager
    def listen(self) -> Iterator[list[Request]]:
        """The requests of the block, also those that met a fault."""
        heard: list[Request] = []
        before = len(self.sent)
        yield heard
        heard += self.sent[before:]

    def _before_send(self, request: Any, event_name: str, **_: Any) -> Any:
        operation = event_name.rpartition(".")[2]
        seen = Request(operation, json.loads(request.body or b"{}"), request)
        with self._lock:
            self.sent.append(seen)
            rule = self._matching(seen)
        return rule.fault(seen) if rule else None

    def _matching(self, request: Request) -> _Rule | None:
        for rule in self._rules:
            if rule.times != 0 and request.operation in rule.operations and rule.where(request):
                if rule.times is not None:
                    rule.times -= 1
                return rule
        return None
