"""Email: SES, one message to one person. One request for one call: the SDK repeats nothing, since a message whose
answer got lost would go out twice."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from chalicelib.messaging.delivery import NEVER_SENT, Delivery, Outcome, refused_by
from chalicelib.store.connections import SharedSession

CONNECT_SECONDS = 1.0
READ_SECONDS = 5.0
CHANNEL = "email"

_log = logging.getLogger(__name__)


class Email:
    """A sender by its address; region, endpoint and credentials are the environment's. Threads may share it."""

    def __init__(self, sender: str) -> None:
        self._sender = sender

    def send(self, address: str, subject: str, text: str, html: str | None) -> Delivery:
        """Send one message, and say what is known of it. Never raises for what the service answers."""
        body: dict[str, Any] = {"Text": _utf8(text)}
        if html is not None:
            body["Html"] = _utf8(html)
        try:
            answer = self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [address]},
                Content={"Simple": {"Subject": _utf8(subject), "Body": body}},
            )
        except NEVER_SENT as error:
            _log.warning("email not sent: %s", type(error).__name__)
            return Delivery(Outcome.NOT_TAKEN, "email_down")
        except (NoConnection, HTTPClientError) as error:
            _log.warning("email without an answer: %s", type(error).__name__)
            return Delivery(Outcome.UNKNOWN, "email_no_answer")
        except ClientError as error:
            _log.warning("email not taken: %s", error.response["Error"].get("Code"))
            return refused_by(error, CHANNEL)
        return Delivery(Outcome.TAKEN, reference=str(answer["MessageId"]))

    @cached_property
    def _client(self) -> Any:
        """Made when it is first needed: it costs a function's start what most functions never use."""
        return SharedSession.shared.create_client(
            "sesv2",
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": 1, "mode": "standard"},
            ),
        )


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
