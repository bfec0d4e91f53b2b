"""Email and text messages against the services' shapes: what goes out, once, and what an answer means."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends
from moto.sns.models import sns_backends

from chalicelib.messaging.delivery import Delivery, Outcome
from chalicelib.messaging.email import Email
from chalicelib.messaging.sms import Sms
from chalicelib.store.connections import SharedSession
from dev.ministack import CREDENTIALS, REGION

SENDER = "credit@example.com"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SESV2", "AWS_ENDPOINT_URL_SNS"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        # The process's own session may be older than the mock, which then does not see it.
        made = botocore.session.get_session()
        monkeypatch.setattr(SharedSession, "shared", made)
        ses: Any = made.create_client("sesv2", region_name=REGION)
        ses.create_email_identity(EmailIdentity=SENDER)
        yield


Send = Callable[[], Delivery]


class Channel:
    """A channel, and how many requests it made."""

    def __init__(self, service: str, client: Any, send: Send) -> None:
        self.service = service
        self.client = client
        self.send = send
        self.requests: list[bytes] = []
        self.answers: Callable[[], AWSResponse | None] = lambda: None
        client.meta.events.register_first(f"before-send.{service}", self._before_send)

    def _before_send(self, request: Any, **_: Any) -> AWSResponse | None:
        self.requests.append(request.body)
        return self.answers()


@pytest.fixture(params=["email", "sms"])
def channel(request: pytest.FixtureRequest, cloud: None) -> Channel:
    if request.param == "email":
        email = Email(SENDER)
        return Channel("sesv2", email._client, lambda: email.send("anna@example.com", "Grüße", "Hallo", "<p>Hallo</p>"))
    sms = Sms()
    return Channel("sns", sms._client, lambda: sms.send("+491700000000", "Grüße"))


def answer(service: str, status: int, code: str) -> AWSResponse:
    headers: Any = {"x-amzn-errortype": code}
    body = json.dumps({"message": "no"}).encode()
    if service == "sns":
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>".encode()

    class Raw:
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield body

    return AWSResponse("https://example.com", status, headers, Raw())


def test_a_message_is_taken(channel: Channel) -> None:
    delivery = channel.send()
    assert (delivery.outcome, delivery.reason, bool(delivery.reference)) == (Outcome.TAKEN, None, True)
    assert len(channel.requests) == 1


def test_an_email_says_what_it_is_told_to(cloud: None) -> None:
    Email(SENDER).send("anna@example.com", "Grüße", "Hallo", "<p>Hallo</p>")
    (sent,) = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    assert (sent.source, sent.destinations["ToAddresses"], sent.subject) == (SENDER, ["anna@example.com"], "Grüße")


def test_a_text_message_goes_to_its_phone(cloud: None) -> None:
    sms = Sms()
    sms.send("+491700000000", "Grüße")
    ((phone, text),) = [each[:2] for each in sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_messages.values()]
    assert (phone, text) == ("+491700000000", "Grüße")


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (400, "MessageRejected", Outcome.REFUSED),
        (400, "InvalidParameter", Outcome.REFUSED),
        (400, "Throttling", Outcome.NOT_TAKEN),
        (429, "TooManyRequestsException", Outcome.NOT_TAKEN),
        (503, "ServiceUnavailable", Outcome.NOT_TAKEN),
        (500, "InternalFailure", Outcome.UNKNOWN),
    ],
)
def test_what_a_service_answers_and_that_it_is_asked_once(
    channel: Channel, status: int, code: str, outcome: Outcome
) -> None:
    channel.answers = lambda: answer(channel.service, status, code)
    assert channel.send().outcome is outcome
    assert len(channel.requests) == 1


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ConnectTimeoutError(endpoint_url="https://example.com"), Outcome.NOT_TAKEN),
        (EndpointConnectionError(endpoint_url="https://example.com"), Outcome.NOT_TAKEN),
        (ReadTimeoutError(endpoint_url="https://example.com"), Outcome.UNKNOWN),
        (ConnectionClosedError(endpoint_url="https://example.com"), Outcome.UNKNOWN),
    ],
    ids=lambda each: type(each).__name__,
)
def test_without_an_answer_it_may_have_gone_out_and_is_not_sent_again(
    channel: Channel, error: Exception, outcome: Outcome
) -> None:
    def fails() -> AWSResponse | None:
        raise error

    channel.answers = fails
    assert channel.send().outcome is outcome
    assert len(channel.requests) == 1
