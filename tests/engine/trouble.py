"""Faults for the wire: what a line can do to a request, and what DynamoDB can say instead of doing it.

Each function makes a `wire.Fault`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)

from tests.engine.wire import Fault, Request

# What a line does


def lost_answer() -> Fault:
    """DynamoDB does it, and the answer never comes."""

    def fault(request: Request) -> AWSResponse:
        request.send()
        raise _no_answer(request)

    return fault


def closed_after() -> Fault:
    """DynamoDB does it, and the connection breaks before the answer is there."""

    def fault(request: Request) -> AWSResponse:
        request.send()
        raise ConnectionClosedError(endpoint_url=request.signed.url)

    return fault


def broken_tls_after() -> Fault:
    """DynamoDB does it, and the encrypted line ends in the middle of the answer."""

    def fault(request: Request) -> AWSResponse:
        request.send()
        raise SSLError(endpoint_url=request.signed.url, error=OSError("EOF occurred in violation of protocol"))

    return fault


def lost_request() -> Fault:
    """It never arrives, and all that is known is that no answer comes."""

    def fault(request: Request) -> AWSResponse:
        raise _no_answer(request)

    return fault


def no_connection() -> Fault:
    def fault(request: Request) -> AWSResponse:
        raise EndpointConnectionError(endpoint_url=request.signed.url, error="connection refused")

    return fault


def connect_timeout() -> Fault:
    def fault(request: Request) -> AWSResponse:
        raise ConnectTimeoutError(endpoint_url=request.signed.url, error="timed out")

    return fault


class Kept:
    """A fault that keeps a request on the way; `deliver` lets it arrive. Nobody ever hears the answer."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> AWSResponse:
        self.requests.append(request)
        raise _no_answer(request)

    def deliver(self) -> None:
        while self.requests:
            self.requests.pop(0).send()


def _no_answer(request: Request) -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url=request.signed.url, error="read timed out")


# What DynamoDB says


def error(status: int, code: str = "InternalServerError", *, after: bool = False, reasons: Any = None) -> Fault:
    """An error as DynamoDB words it, instead of doing what was asked or `after` it."""

    def fault(request: Request) -> AWSResponse:
        if after:
            request.send()
        told = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "injected"}
        if reasons is not None:
            told["CancellationReasons"] = reasons(request) if callable(reasons) else reasons
        return answer(request, told, status)

    return fault


def throttled(code: str = "ThrottlingException") -> Fault:
    return error(400, code)


def cancelled(*codes: str | None) -> Fault:
    """A cancelled transaction with these reasons, the rest of its items blameless."""

    def reasons(request: Request) -> list[dict[str, str]]:
        blameless = (None,) * (len(request.actions) - len(codes))
        return [{"Code": code or "None", **({"Message": "injected"} if code else {})} for code in codes + blameless]

    return error(400, "TransactionCanceledException", reasons=reasons)


def answer(request: Request, told: dict[str, Any], status: int = 200) -> AWSResponse:
    """An answer that never was on the line."""
    body = json.dumps(told).encode()
    headers: Any = {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": "injected"}
    return AWSResponse(request.signed.url, status, headers, _Body(body))


class _Body:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body
