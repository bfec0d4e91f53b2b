"""Webhooks: one request to somebody else's server, signed as Standard Webhooks wants it.

    webhook-id          stays the same when it is sent again; the receiver drops what it has seen
    webhook-timestamp   seconds, of this attempt
    webhook-signature   v1,<base64> for each secret that is valid now, space between

The address is checked here again, and what is connected to is the number that was checked: a name that meanwhile leads
elsewhere leads nowhere. No redirect is followed, of the answer only the status is read, and the whole attempt ends
after ATTEMPT_SECONDS, however slowly the other side speaks.
"""

from __future__ import annotations

import logging
import secrets
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property

from botocore.httpsession import get_cert_path
from standardwebhooks import Webhook
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError as NotReached
from urllib3.exceptions import HTTPError, NewConnectionError

from chalicelib.messaging import addresses
from chalicelib.messaging.addresses import AddressRefused, WebAddress
from chalicelib.messaging.delivery import Delivery, Outcome

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"
CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
ATTEMPT_SECONDS = 10.0
"""One attempt altogether, name, connection and answer."""
GONE = 410

_log = logging.getLogger(__name__)

Numbers = Callable[[WebAddress], Sequence[str]]


def new_secret() -> str:
    return SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signatures(keys: Sequence[str], message: str, seconds: int, body: str) -> str:
    """The header of a message sent at an instant (seconds) under these secrets."""
    at = datetime.fromtimestamp(seconds, UTC)
    return " ".join(Webhook(key).sign(message, at, body) for key in keys)


class Webhooks:
    """A sender. `numbers` and `trusted` are ports for tests: which numbers a name has, and whose certificates count."""

    def __init__(self, numbers: Numbers = addresses.numbers, trusted: ssl.SSLContext | None = None) -> None:
        self._numbers = numbers
        self._trusted = trusted

    def send(self, url: str, keys: Sequence[str], message: str, seconds: int, body: str) -> Delivery:
        """Send one message (its id, the instant, its JSON), and say what is known of it.

        Refused: the address must not be sent to (any more), or the receiver says that it is gone for ever. Not taken:
        whatever else is not an answer from 200 to 299, no answer included.
        """
        try:
            address = addresses.parse(url)
            number = self._numbers(address)[0]
        except AddressRefused:
            return Delivery(Outcome.REFUSED, "address_refused")
        except OSError:
            return Delivery(Outcome.NOT_TAKEN, "name_not_resolved")
        headers = {
            "Host": address.authority,
            "Content-Type": "application/json",
            "User-Agent": "store-credit",
            "webhook-id": message,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signatures(keys, message, seconds, body),
        }
        try:
            status = self._status(address, number, headers, body)
        except (NewConnectionError, NotReached) as error:
            _log.warning("webhook not reached: %s", type(error).__name__)
            return Delivery(Outcome.NOT_TAKEN, "webhook_down")
        except (HTTPError, OSError) as error:
            _log.warning("webhook without an answer: %s", type(error).__name__)
            return Delivery(Outcome.NOT_TAKEN, "webhook_no_answer")
        if 200 <= status < 300:
            return Delivery(Outcome.TAKEN)
        return Delivery(Outcome.REFUSED if status == GONE else Outcome.NOT_TAKEN, f"status_{status}")

    def _status(self, address: WebAddress, number: str, headers: dict[str, str], body: str) -> int:
        """The status of the answer.

        :raises HTTPError, OSError: there was none
        """
        connection = HTTPSConnection(
            number,
            address.port,
            timeout=CONNECT_SECONDS,
            server_hostname=address.host,
            ssl_context=self._context,
        )
        end = threading.Timer(ATTEMPT_SECONDS, _cut, [connection])
        end.daemon = True
        end.start()
        try:
            connection.connect()
            connection.sock.settimeout(READ_SECONDS)
            connection.timeout = READ_SECONDS
            connection.request("POST", address.target, body.encode(), headers, preload_content=False)
            return connection.getresponse().status
        finally:
            end.cancel()
            connection.close()

    @cached_property
    def _context(self) -> ssl.SSLContext:
        if self._trusted is not None:
            return self._trusted
        made = ssl.create_default_context()
        made.load_verify_locations(cafile=get_cert_path(True))
        return made


def _cut(connection: HTTPSConnection) -> None:
    """End a connection in the middle of whatever it waits for."""
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)
