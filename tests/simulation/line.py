"""The line between the application and its DynamoDB: where a request waits, meets its fault, and is heard of or not.

It stands where botocore's client stands in a PynamoDB connection, and hands requests to any engine: the fake one, or
the client of a running one. Faults are met here and not in the engine, so both are tried by the very same ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, ReadTimeoutError
from pynamodb.connection import Connection

from chalicelib.store.connections import (
    CONNECT_SECONDS,
    READ_RETRIES,
    READ_SECONDS,
    RETRY_PAUSE_SECONDS,
    Connections,
    connect,
)
from chalicelib.store.tables import Tables
from tests.simulation.engine_fake import failure
from tests.simulation.weather import Fault, Killed, Weather
from tests.simulation.weaving import Weaver

LATEST_SECONDS = 2.5
"""How long after it was given up a request may still land."""
LONGEST_OUTAGE_SECONDS = 12.0
LONGEST_TEAR_SECONDS = 0.4
"""Between the two moments at which a batch is read."""
REMEMBERED_EVENTS = 30

Request = dict[str, Any]
Engine = Callable[[str, Request], dict[str, Any]]
_RETRIED_CODES = frozenset({"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"})


class Line:
    """All requests of a history, one engine behind them."""

    def __init__(self, weaver: Weaver, weather: Weather, engine: Engine) -> None:
        self.weaver = weaver
        self.weather = weather
        self.requests = 0
        self._events: deque[tuple[int, str, str, Request, object]] = deque(maxlen=REMEMBERED_EVENTS)
        self.tell: Callable[[str], None] | None = None
        """Is given every request, where somebody wants to read along."""
        self._engine = engine
        self._dead_until_ms = 0

    def connections(self, tables: Tables) -> Connections:
        """The application's own connections, with this line in the place of their clients."""
        connections = connect(tables)
        _plug(connections.reads, self, READ_RETRIES)
        _plug(connections.commits, self, 0)
        return connections

    def carry(self, operation: str, request: Request) -> dict[str, Any]:
        """One request, and what its sender hears of it.

        :raises Killed: its sender does not live to hear it
        """
        self.requests += 1
        fault = self.weather.strikes(operation)
        if self.weaver.now_ms < self._dead_until_ms and not self.weather.over:
            fault = Fault.REQUEST_LOST
        self._note(operation, request, fault)
        self.weaver.pause(self.weather.latency_seconds())
        answer = self._meet(fault, operation, request)
        self.weaver.pause(self.weather.latency_seconds())
        return answer

    def _meet(self, fault: Fault | None, operation: str, request: Request) -> dict[str, Any]:
        match fault:
            case Fault.ANSWER_LOST:
                self._do(operation, request)
                raise self._no_answer()
            case Fault.LATE:
                wait = READ_SECONDS + self.weather.dice.random() * LATEST_SECONDS
                self.weaver.after(wait, lambda: self._do(operation, request))
                raise self._no_answer()
            case Fault.OUTAGE:
                self._do(operation, request)
                self._dead_until_ms = self.weaver.now_ms + int(
                    1_000 * self.weather.dice.random() * LONGEST_OUTAGE_SECONDS
                )
                raise self._no_answer()
            case Fault.REQUEST_LOST:
                raise self._no_answer()
            case Fault.NO_CONNECTION:
                self.weaver.pause(CONNECT_SECONDS)
                raise EndpointConnectionError(endpoint_url="simulated")
            case Fault.ERROR_BEFORE:
                raise failure(operation, "InternalServerError", "simulated", status=500)
            case Fault.ERROR_AFTER:
                self._do(operation, request)
                raise failure(operation, "InternalServerError", "simulated", status=500)
            case Fault.THROTTLED:
                raise failure(operation, "ThrottlingException", "simulated")
            case Fault.THROTTLED_INSIDE:
                raise _cancelled(operation, request, "ThrottlingError")
            case Fault.CONFLICT:
                raise _cancelled(operation, request, "TransactionConflict")
            case Fault.KILLED:
                if self.weather.dice.random() < 0.5:
                    self._do(operation, request)
                raise Killed
            case Fault.UNPROCESSED:
                return self._in_part(operation, request)
            case Fault.SHORT_PAGE:
                return self._engine(operation, {**request, "Limit": self.weather.dice.randint(1, 3)})
            case Fault.SLOW:
                self.weaver.pause(self.weather.dice.random() * READ_SECONDS)
        if operation == "BatchGetItem" and self.weather.happens("batch read at two moments", self.weather.torn_rate):
            return self._torn(operation, request)
        return self._engine(operation, request)

    def _no_answer(self) -> ReadTimeoutError:
        self.weaver.pause(READ_SECONDS)
        return ReadTimeoutError(endpoint_url="simulated")

    def _do(self, operation: str, request: Request) -> None:
        """Done, or refused: nobody hears which."""
        try:
            self._engine(operation, request)
            self._note(operation, request, "is done, unheard")
        except ClientError as error:
            self._note(operation, request, f"is refused, unheard: {error.response['Error']['Code']}")

    def _in_part(self, operation: str, request: Request) -> dict[str, Any]:
        """A batch of which DynamoDB leaves some keys for the next time, perhaps all."""
        done, left = self._split(request)
        answer = self._engine(operation, {**request, "RequestItems": done}) if done else {"Responses": {}}
        return {**answer, "UnprocessedKeys": left}

    def _torn(self, operation: str, request: Request) -> dict[str, Any]:
        """A batch whose items are read at two moments, between which others write."""
        first, second = self._split(request)
        found: dict[str, list[Any]] = {}
        for part in (first, second):
            if part:
                responses = self._engine(operation, {**request, "RequestItems": part})["Responses"]
                for table, items in responses.items():
                    found.setdefault(table, []).extend(items)
            self.weaver.pause(self.weather.dice.random() * LONGEST_TEAR_SECONDS)
        return {"Responses": found, "UnprocessedKeys": {}}

    def _split(self, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
        parts: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for table, wanted in request["RequestItems"].items():
            keys = list(wanted["Keys"])
            self.weather.dice.shuffle(keys)
            cut = self.weather.dice.randint(0, len(keys))
            for part, some in zip(parts, (keys[:cut], keys[cut:]), strict=True):
                if some:
                    part[table] = {**wanted, "Keys": some}
        return parts

    def events(self) -> list[str]:
        """The last requests, for people."""
        return [_event(*noted) for noted in self._events]

    def _note(self, operation: str, request: Request, what: object) -> None:
        noted = (self.weaver.now_ms, self.weaver.actor, operation, request, what)
        self._events.append(noted)
        if self.tell is not None:
            self.tell(_event(*noted))


class _Client:
    """One connection's end of the line, with the SDK's retries of reads."""

    _request_signer = None

    def __init__(self, line: Line, retries: int) -> None:
        self._line = line
        self._retries = retries

    def _make_api_call(self, operation: str, request: Request) -> dict[str, Any]:
        for _ in range(self._retries):
            try:
                return self._line.carry(operation, request)
            except (ClientError, BotoCoreError) as error:
                if not _is_retried(error):
                    raise
            self._line.weaver.pause(self._line.weather.dice.random() * RETRY_PAUSE_SECONDS)
        return self._line.carry(operation, request)


def _plug(connection: Connection, line: Line, retries: int) -> None:
    connection._client = cast(Any, _Client(line, retries))


def _is_retried(error: ClientError | BotoCoreError) -> bool:
    if not isinstance(error, ClientError):
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= 500 or error.response["Error"]["Code"] in _RETRIED_CODES


def _cancelled(operation: str, request: Request, code: str) -> ClientError:
    """A transaction that DynamoDB cancels for a reason of its own, found at its first item."""
    reasons = [{"Code": code, "Message": "simulated"}, *({"Code": "None"} for _ in request["TransactItems"][1:])]
    return failure(operation, "TransactionCanceledException", "simulated", reasons=reasons)


def _event(at_ms: int, actor: str, operation: str, request: Request, what: object) -> str:
    return f"{at_ms:>12} ms  {actor:28} {operation} {_about(operation, request)}{f'  ** {what}' if what else ''}"


def _about(operation: str, request: Request) -> str:
    """Keys that a request is about, for people."""
    if operation == "TransactWriteItems":
        actions = (next(iter(each.items())) for each in request["TransactItems"])
        return ", ".join(f"{action} {_key(what.get('Item') or what['Key'])}" for action, what in actions)
    if operation == "BatchGetItem":
        return ", ".join(_key(key) for each in request["RequestItems"].values() for key in each["Keys"])
    if operation == "Query":
        values = (next(iter(each.values())) for each in request["ExpressionAttributeValues"].values())
        return f"{request.get('IndexName', request['TableName'])} {list(values)}"
    return _key(request.get("Key") or request.get("Item") or {})


def _key(item: dict[str, Any]) -> str:
    names = ("pk", "sk") if "pk" in item else ("wallet", "sequence")
    return "/".join(str(next(iter(item[name].values()))) for name in names if name in item)
