"""What an answer of DynamoDB, or none, means for a commit; and what the loop says when it cannot answer.

answer                                                          committed?   signal
none of it wrong                                                yes          COMMITTED
cancelled, the operation's condition among the reasons          before       DONE_BEFORE   (looked at first)
cancelled, the wallet's (or a record's) condition               no           MOVED
cancelled: conflict or throttling; throttled; no connection     no           NOT_COMMITTED
5xx, timeout, connection lost                                   unknown      UNKNOWN
anything else: validation, access denied                        no           raised: a defect
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from pynamodb.exceptions import CancellationReason, PynamoDBException, TransactWriteError


class KeyReused(Exception):
    """The idempotency key was used by this caller for another request. Nothing happened."""


class Busy(Exception):
    """Attempts or time ran out, and it is known that nothing was committed. The same key may be tried again."""


class OutcomeUnknown(Exception):
    """Attempts or time ran out, and whether it was committed is not known. A retry with the same key tells."""


class Unread(Exception):
    """A read failed, the SDK's retries included. Nothing was written by it."""


class NewerSchema(Exception):
    """The stored item was written by a later version of this code; it is not touched."""


class Signal(Enum):
    COMMITTED = auto()
    DONE_BEFORE = auto()
    MOVED = auto()
    NOT_COMMITTED = auto()
    THROTTLED = auto()
    UNKNOWN = auto()


_CONDITION_FAILED = "ConditionalCheckFailed"
_CONTENDED = frozenset({"TransactionConflict"})
_THROTTLED = frozenset(
    {
        "ThrottlingError",
        "ThrottlingException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
    }
)
_NEVER_SENT = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
_MAYBE_DONE = (ReadTimeoutError, ConnectionClosedError, HTTPClientError, SSLError)


def signal_of(error: TransactWriteError, operation_at: int | None) -> Signal:
    """What a failed TransactWriteItems means. `operation_at` is the operation's place among the items on the wire.

    :raises TransactWriteError: the error itself, where it can only be a defect of ours
    """
    code = _code(error)
    if code == "TransactionCanceledException":
        return _signal_of_cancellation(error, error.cancellation_reasons, operation_at)
    if code in _THROTTLED:
        return Signal.THROTTLED
    if code == "TransactionConflictException":
        return Signal.NOT_COMMITTED
    if code == "TransactionInProgressException":
        return Signal.UNKNOWN
    if code is not None:
        if _http_status(error) >= 500:
            return Signal.UNKNOWN
        raise error
    if isinstance(error.cause, _NEVER_SENT):
        return Signal.NOT_COMMITTED
    if isinstance(error.cause, _MAYBE_DONE):
        return Signal.UNKNOWN
    raise error


def _signal_of_cancellation(
    error: TransactWriteError, reasons: Sequence[CancellationReason | None], operation_at: int | None
) -> Signal:
    codes = [reason.code if reason else None for reason in reasons]
    if operation_at is not None and operation_at < len(codes) and codes[operation_at] == _CONDITION_FAILED:
        return Signal.DONE_BEFORE
    named = {code for code in codes if code}
    if _CONDITION_FAILED in named:
        return Signal.MOVED
    if named & _CONTENDED:
        return Signal.NOT_COMMITTED
    if named and named <= _THROTTLED:
        return Signal.THROTTLED
    raise error


def unread(error: PynamoDBException) -> Unread:
    """What a failed read is told as.

    :raises PynamoDBException: the error itself, where it can only be a defect of ours (no such table, access denied,
        no credentials)
    """
    code = _code(error)
    if code is None:
        foreseen = isinstance(error.cause, (*_NEVER_SENT, *_MAYBE_DONE))
    else:
        foreseen = code in _THROTTLED or _http_status(error) >= 500
    if not foreseen:
        raise error
    return Unread(str(error))


def _code(error: PynamoDBException) -> str | None:
    """What DynamoDB calls its error; None where it gave no answer.

    Not PynamoDB's `cause_response_code`: an error of the line has a `response` that is None, and that property fails
    on it.
    """
    response: dict[str, Any] = getattr(error.cause, "response", None) or {}
    code: str | None = response.get("Error", {}).get("Code")
    return code


def _http_status(error: PynamoDBException) -> int:
    """Status of the answer; PynamoDB keeps it only on the error that caused its own."""
    response = getattr(getattr(error.cause, "__cause__", None), "response", None) or {}
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
