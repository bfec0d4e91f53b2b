"""Text messages: SNS to one phone. One request for one call, as with `email`."""

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
CHANNEL = "sms"

_log = logging.getLogger(__name__)


class Sms:
    """Region, endpoint and credentials are the environment's. Threads may share it."""

    def send(self, phone: str, text: str) -> Delivery:
        """Send one message to a number in E.164, and say what is known of it."""
        try:
            answer = self._client.publish(PhoneNumber=phone, Message=text)
        except NEVER_SENT as error:
            _log.warning("text message not sent: %s", type(error).__name__)
            return Delivery(Outcome.NOT_TAKEN, "sms_down")
        except (NoConnection, HTTPClientError) as error:
            _log.warning("text message without an answer: %s", type(error).__name__)
            return Delivery(Outcome.UNKNOWN, "sms_no_answer")
        except ClientError as error:
            _log.warning("text message not taken: %s", error.response["Error"].get("Code"))
            return refused_by(error, CHANNEL)
        return Delivery(Outcome.TAKEN, reference=str(answer["MessageId"]))

    @cached_property
    def _client(self) -> Any:
        """Made when it is first needed."""
        return SharedSession.shared.create_client(
            "sns",
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": 1, "mode": "standard"},
            ),
        )
