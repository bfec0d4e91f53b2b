"""Asking another function: once, within the caller's time; and whatever is no answer is told as none."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import BotoCoreError, ConnectTimeoutError, NoCredentialsError, ReadTimeoutError

from chalicelib.messaging import functions as module
from chalicelib.messaging.functions import Function, NotAnswered
from chalicelib.runtime.clock import Deadline
from chalicelib.store.connections import SharedSession
from dev.ministack import CREDENTIALS

WHERE = "https://lambda.invalid"


class Service:
    """What is sent to Lambda, and what it says to it."""

    def __init__(self, function: Function) -> None:
        self.sent: list[Any] = []
        self.said: tuple[int, dict[str, str], bytes] | Exception = (200, {}, b'{"sum": 3}')
        function._client.meta.events.register_first("before-send.lambda", self._before_send)

    def _before_send(self, request: Any, **_: Any) -> AWSResponse:
        self.sent.append(request)
        if isinstance(self.said, Exception):
            raise self.said
        status, headers, body = self.said
        raw: Any = io.BytesIO(body)
        raw.stream = lambda *_, **__: iter([body])
        told: Any = headers
        return AWSResponse(request.url, status, told, raw)


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Function:
    for name, value in {**CREDENTIALS, "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": WHERE}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(SharedSession, "shared", botocore.session.get_session())
    return Function("stack-lift")


@pytest.fixture
def service(function: Function) -> Service:
    return Service(function)


def test_a_question_goes_there_as_json_and_so_does_its_answer_come_back(function: Function, service: Service) -> None:
    assert function.ask({"numbers": [1, 2]}, Deadline.after(8)) == {"sum": 3}
    (request,) = service.sent
    assert request.url == f"{WHERE}/2015-03-31/functions/stack-lift/invocations"
    assert json.loads(request.body) == {"numbers": [1, 2]}


@pytest.mark.parametrize(
    "said",
    [
        ConnectTimeoutError(endpoint_url=WHERE),
        ReadTimeoutError(endpoint_url=WHERE),
        NoCredentialsError(),
        (429, {}, b'{"message": "Rate exceeded"}'),
        (404, {}, b'{"message": "no such function"}'),
        (500, {}, b""),
        (200, {"X-Amz-Function-Error": "Unhandled"}, b'{"errorMessage": "Task timed out"}'),
    ],
    ids=["no connection", "too slow", "no credentials", "throttled", "not there", "in trouble", "failed"],
)
def test_what_does_not_answer_is_asked_once_and_the_log_says_why(
    function: Function,
    service: Service,
    caplog: pytest.LogCaptureFixture,
    said: BotoCoreError | tuple[int, dict[str, str], bytes],
) -> None:
    service.said = said
    with caplog.at_level(logging.WARNING), pytest.raises(NotAnswered):
        function.ask({}, Deadline.after(8))
    assert len(service.sent) == 1
    assert [record.getMessage().split()[0] for record in caplog.records] == ["stack-lift"]


def test_what_is_no_json_is_no_answer(function: Function, service: Service) -> None:
    service.said = (200, {}, b"<html>")
    with pytest.raises(NotAnswered):
        function.ask({}, Deadline.after(8))


def test_nobody_is_asked_who_could_answer_too_late(function: Function, service: Service) -> None:
    with pytest.raises(NotAnswered):
        function.ask({}, Deadline.after(module.LONGEST_SECONDS - 0.1))
    assert service.sent == []


def test_the_client_is_made_when_it_is_first_needed_and_waits_no_longer_than_it_says(function: Function) -> None:
    assert "_client" not in vars(function)
    config = function._client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (module.CONNECT_SECONDS, module.READ_SECONDS)
    assert config.retries["total_max_attempts"] == 1
    assert module.LONGEST_SECONDS == module.CONNECT_SECONDS + module.READ_SECONDS
