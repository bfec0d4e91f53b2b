"""The bus against EventBridge's shapes: what was taken, what was not, and requests as large as the service takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from chalicelib.messaging import bus
from chalicelib.messaging.bus import Bus, Event, size_bytes
from chalicelib.store.connections import SharedSession
from dev.ministack import CREDENTIALS

NAME = "store-credit"


class Line:
    """A bus that there is, and what goes over the wire: the events of each request, and those that the service took."""

    def __init__(self, session: botocore.session.Session) -> None:
        service: Any = session.create_client("events")
        service.create_event_bus(Name=NAME)
        self.bus = Bus(NAME)
        self.requests: list[list[Any]] = []
        self.taken: list[Any] = []
        self.events = self.bus._client.meta.events
        self.events.register("provide-client-params.events.PutEvents", self._asked)
        self.events.register("after-call.events.PutEvents", self._answered)

    def _asked(self, params: Any, **_: Any) -> None:
        self.requests.append([_number(entry) for entry in params["Entries"]])
        assert {entry["EventBusName"] for entry in params["Entries"]} == {NAME}

    def _answered(self, parsed: Any, **_: Any) -> None:
        told = zip(self.requests[-1], parsed.get("Entries", ()), strict=False)
        self.taken += [number for number, entry in told if "EventId" in entry]

    def meets(self, fault: Callable[[int, AWSPreparedRequest], AWSResponse | None]) -> list[int]:
        """Let every attempt, counted from 1, meet this; None lets it go its way. The attempts that were made."""
        tried: list[int] = []

        def before_send(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
            tried.append(len(tried) + 1)
            return fault(tried[-1], request)

        self.events.register_first("before-send.events.PutEvents", before_send)
        return tried


def _number(entry: Any) -> Any:
    try:
        return json.loads(entry["Detail"])["id"]
    except ValueError:
        return None


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[botocore.session.Session]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_EVENTS"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        # The process's own session may be older than the mock, which then does not see it.
        made = botocore.session.get_session()
        monkeypatch.setattr(SharedSession, "shared", made)
        yield made


@pytest.fixture
def line(session: botocore.session.Session) -> Line:
    return Line(session)


def event(number: int, padding: int = 0) -> Event:
    detail = json.dumps({"id": number, "padding": "x" * padding})
    return {"Source": NAME, "DetailType": "credit.issued", "Detail": detail, "Time": "2026-01-15T12:00:00.250Z"}


def test_what_was_put_is_on_the_bus_of_that_name(line: Line) -> None:
    assert line.bus.put([event(1), event(2)]) == []
    assert line.taken == [1, 2]


def test_nothing_to_put_is_no_request(line: Line) -> None:
    assert line.bus.put([]) == []
    assert line.requests == []


def test_many_events_go_in_tens(line: Line) -> None:
    assert line.bus.put([event(number) for number in range(23)]) == []
    assert line.requests == [list(range(10)), list(range(10, 20)), [20, 21, 22]]
    assert line.taken == list(range(23))


def test_a_request_is_cut_where_the_service_would_refuse_it(line: Line) -> None:
    events = [event(number, padding=100_000) for number in range(5)]
    assert 2 * size_bytes(events[0]) <= bus.MAX_BYTES < 3 * size_bytes(events[0])
    assert line.bus.put(events) == []
    assert line.requests == [[0, 1], [2, 3], [4]]


def test_an_event_that_is_too_large_by_itself_goes_alone(line: Line) -> None:
    line.bus.put([event(1), event(2, padding=bus.MAX_BYTES), event(3)])
    assert line.requests == [[1], [2], [3]]


def test_the_size_counts_bytes_not_characters() -> None:
    plain, other = event(1), event(1)
    other["Detail"] = plain["Detail"].replace("padding", "päddïng")
    assert size_bytes(other) == size_bytes(plain) + 2


def test_what_the_service_refuses_of_a_request_is_named_and_the_rest_taken(line: Line) -> None:
    broken: Event = {**event(2), "Detail": "{not json"}
    assert line.bus.put([event(1), broken, event(3)]) == [1]
    assert line.taken == [1, 3]


def test_a_bus_that_does_not_exist_is_a_defect_and_no_pause(session: botocore.session.Session) -> None:
    with pytest.raises(ClientError, match="does not exist"):
        Bus("no-such-bus").put([event(1)])


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


def no_answer(request: AWSPreparedRequest) -> AWSResponse:
    raise ReadTimeoutError(endpoint_url=request.url)


def error(status: int, code: str) -> Callable[[AWSPreparedRequest], AWSResponse]:
    body = json.dumps({"__type": code, "message": "no"}).encode()
    return lambda request: AWSResponse(request.url, status, HTTPHeaders(), _Raw(body))


@pytest.mark.parametrize(
    "respond",
    [no_answer, error(500, "InternalException"), error(503, "ServiceUnavailable"), error(400, "ThrottlingException")],
    ids=["no answer", "500", "503", "throttled"],
)
def test_after_a_request_without_a_good_answer_the_rest_is_left_and_not_tried(
    line: Line, respond: Callable[[AWSPreparedRequest], AWSResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    tried = line.meets(lambda attempt, request: respond(request) if attempt > 1 else None)
    assert line.bus.put([event(number) for number in range(35)]) == list(range(10, 35))
    assert len(tried) == 1 + bus.ATTEMPTS
    assert line.taken == list(range(10))


def test_a_passing_trouble_is_repeated_by_the_sdk(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    tried = line.meets(lambda attempt, request: error(500, "InternalException")(request) if attempt == 1 else None)
    assert line.bus.put([event(1)]) == []
    assert len(tried) == 2
    assert line.taken == [1]


def test_the_client_is_made_when_it_is_first_needed(session: botocore.session.Session) -> None:
    assert "_client" not in vars(Bus(NAME))
