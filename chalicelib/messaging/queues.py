"""A queue: SQS, as its senders and its reader use it beside what Lambda's poller does for them.

At least once: a request whose answer got lost is sent again by the SDK, so a message may be there twice. Whoever reads
it must bear that.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from chalicelib.store.connections import SharedSession

MAX_MESSAGES = 10
"""Messages in one request; together they may have 256 KB, which is for the sender to see to."""
MAX_HIDDEN_SECONDS = 12 * 3600
CONNECT_SECONDS = 0.5
READ_SECONDS = 2.0
ATTEMPTS = 3
"""Requests for one call at the most; the SDK pauses between them."""
POOL_CONNECTIONS = 16
TROUBLE = (ClientError, NoConnection, HTTPClientError)
"""What a queue's calls may end with, the SDK's retries included."""

_log = logging.getLogger(__name__)


class Queue:
    """One queue, by its URL; region, endpoint and credentials are the environment's. Threads may share it."""

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, bodies: Sequence[str]) -> list[int]:
        """Send messages; the indexes, ascending, of those that the queue did not take.

        What is not in the list is in the queue; what is in it may be (an answer can get lost).

        :raises ClientError: the queue does not exist, or may not be used: nothing that time heals
        """
        left: list[int] = []
        for start in range(0, len(bodies), MAX_MESSAGES):
            indexes = range(start, min(start + MAX_MESSAGES, len(bodies)))
            entries = [{"Id": str(index), "MessageBody": bodies[index]} for index in indexes]
            try:
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (NoConnection, HTTPClientError) as error:
                _log.warning("messages not taken: %s", error)
                return left + list(range(start, len(bodies)))
            except ClientError as error:
                if not _passes(error):
                    raise
                _log.warning("messages not taken: %s", error)
                return left + list(range(start, len(bodies)))
            for failed in answer.get("Failed", ()):
                _log.warning("message not taken: %s: %s", failed["Code"], failed.get("Message"))
                left.append(int(failed["Id"]))
        return sorted(left)

    def copy(self, body: str, attributes: Mapping[str, str]) -> None:
        """Send one message with string attributes, which must not be empty.

        :raises ClientError, NoConnection, HTTPClientError: the queue did not take it, the SDK's retries included
        """
        told = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self._client.send_message(QueueUrl=self._url, MessageBody=body, MessageAttributes=told)

    def hide(self, receipt_handle: str, seconds: int) -> None:
        """Let a received message come again after so many seconds, not when its queue says.

        :raises ClientError, NoConnection, HTTPClientError: it could not be said; it comes when its queue says
        """
        assert 0 <= seconds <= MAX_HIDDEN_SECONDS
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
        )

    def waiting(self) -> int:
        """About how many messages are in the queue, those included that a reader has just now.

        :raises ClientError, NoConnection, HTTPClientError: it could not be asked
        """
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told: dict[str, str] = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    @cached_property
    def _client(self) -> Any:
        """Made when it is first needed: it costs a function's start what most functions never use."""
        made: BaseClient = SharedSession.shared.create_client(
            "sqs",
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                max_pool_connections=POOL_CONNECTIONS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            ),
        )
        return made


def _passes(error: ClientError) -> bool:
    """Whether the service says that it is its own state, and not the request, that is wrong."""
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 500)
    return "Throttl" in error.response["Error"].get("Code", "") or status >= 500
