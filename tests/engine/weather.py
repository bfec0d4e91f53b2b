"""Kinds of faults by what they mean for a command, named for the tests that are run with each of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.engine.trouble import (
    broken_tls_after,
    cancelled,
    closed_after,
    connect_timeout,
    error,
    lost_answer,
    lost_request,
    no_connection,
    throttled,
)
from tests.engine.wire import Fault

DONE_UNHEARD: dict[str, Callable[[], Fault]] = {
    "answer lost": lost_answer,
    "connection closed": closed_after,
    "TLS broken": broken_tls_after,
    "500": partial(error, 500, after=True),
    "503": partial(error, 503, "ServiceUnavailable", after=True),
}
NOT_DONE_UNKNOWN: dict[str, Callable[[], Fault]] = {
    "request lost": lost_request,
    "500": partial(error, 500),
    "in progress": partial(error, 400, "TransactionInProgressException"),
}
NOT_DONE_KNOWN: dict[str, Callable[[], Fault]] = {
    "no connection": no_connection,
    "connect timeout": connect_timeout,
    "throttled": throttled,
    "throughput exceeded": partial(throttled, "ProvisionedThroughputExceededException"),
    "account limit": partial(throttled, "RequestLimitExceeded"),
    "conflict": partial(cancelled, "TransactionConflict"),
    "conflict at an entry": partial(cancelled, None, "TransactionConflict"),
    "conflict at the operation": partial(cancelled, None, None, "TransactionConflict"),
    "throttling inside": partial(cancelled, "ThrottlingError"),
    "throughput inside": partial(cancelled, None, "ProvisionedThroughputExceeded"),
    "conflict and throttling": partial(cancelled, "TransactionConflict", "ThrottlingError"),
    "moved and conflict": partial(cancelled, "ConditionalCheckFailed", "TransactionConflict"),
    "moved and throttling": partial(cancelled, "ConditionalCheckFailed", "ThrottlingError"),
}
READ_FAULTS: dict[str, Callable[[], Fault]] = {
    "500": partial(error, 500),
    "throttled": partial(throttled, "ProvisionedThroughputExceededException"),
    "no answer": lost_request,
    "no connection": no_connection,
    "connection closed": closed_after,
    "TLS broken": broken_tls_after,
}
DEFECTS: dict[str, Callable[[], Fault]] = {
    "validation": partial(error, 400, "ValidationException"),
    "access denied": partial(error, 400, "AccessDeniedException"),
    "no such table": partial(error, 400, "ResourceNotFoundException"),
    "bad credentials": partial(error, 400, "UnrecognizedClientException"),
    "token expired": partial(error, 400, "ExpiredTokenException"),
}
DEFECTS_INSIDE: dict[str, Callable[[], Fault]] = {
    "validation inside": partial(cancelled, "ValidationError"),
    "validation beside throttling": partial(cancelled, "ThrottlingError", "ValidationError"),
    "no reason at all": partial(cancelled),
}


def faults(kinds: dict[str, Callable[[], Fault]]) -> pytest.MarkDecorator:
    """Run a test with each of these, under its name."""
    return pytest.mark.parametrize("fault", list(kinds.values()), ids=list(kinds))
