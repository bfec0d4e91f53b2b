"""What became of handing something to a channel: as much as is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError


class Outcome(Enum):
    TAKEN = auto()
    REFUSED = auto()
    """It will never be taken."""
    NOT_TAKEN = auto()
    """For a reason that passes; it surely was not taken this time."""
    UNKNOWN = auto()
    """It may have been taken."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """`reason` is a stable code, None where it was taken; `reference` is the channel's own name for it."""

    outcome: Outcome
    reason: str | None = None
    reference: str | None = None


NEVER_SENT = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
_DOWN_STATUSES = frozenset({429, 503})
_THROTTLED = ("Throttl", "TooManyRequests", "LimitExceeded", "SendingPaused")


def refused_by(error: ClientError, channel: str) -> Delivery:
    """What an error that an AWS service answered means for a request that the SDK made once."""
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 500)
    code = error.response["Error"].get("Code", "")
    if status in _DOWN_STATUSES or any(word in code for word in _THROTTLED):
        return Delivery(Outcome.NOT_TAKEN, f"{channel}_down")
    if status >= 500:
        return Delivery(Outcome.UNKNOWN, f"{channel}_no_answer")
    return Delivery(Outcome.REFUSED, f"{channel}_refused")
