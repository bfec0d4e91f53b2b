"""What happens to a request, in order, and the one place where errors become answers.

    caller      who it is, and whether a scope of the route is in its token     401 403
    path        decoded, checked                                                422
    query, key  the same                                                        400 422
    version     the same                                                        422
    body        the same                                                        400 413 415 422
    customer    a shopper names itself                                          403
    currency    is known                                                        422
    handler     the use case                                                    404 409 422 503

Chalice turns an error of a view into an answer of its own shape before any middleware sees it; so none gets out of
here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalice.app import Request, Response

from chalicelib.edge import etags, parsing
from chalicelib.edge.access import admit, only_own
from chalicelib.edge.call import Call, Reply, Route
from chalicelib.edge.problems import CONTENT_TYPE, FORESEEN, FieldError, Problem, problem_of
from chalicelib.runtime import telemetry
from chalicelib.runtime.clock import SystemClock, stopwatch
from chalicelib.runtime.environment import settings
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId

_CLOCK = SystemClock()


def serve(route: Route, request: Request, engine: Callable[[], Engine]) -> Response:
    """The answer to a request, whatever becomes of it; a line about it goes to the log."""
    began = stopwatch()
    request_id = str(request.context.get("requestId") or "")
    call = Call(route, engine)
    try:
        response = _success(route, _reply(call, request))
        outcome = "ok"
    except FORESEEN as error:
        problem = problem_of(error)
        response, outcome = _failure(problem, request_id), problem.code
    except Exception as error:  # noqa: BLE001 the outermost handler: a defect is logged, and the caller gets its request id
        telemetry.write_fault(request_id, route.name, error)
        problem = Problem("internal_error", "Something went wrong on our side.")
        response, outcome = _failure(problem, request_id), problem.code
    response.headers["X-Request-Id"] = request_id
    response.headers["Cache-Control"] = "no-store"
    _tell(call, outcome, request_id, stopwatch() - began)
    return response


def _reply(call: Call, request: Request) -> Reply:
    route = call.route
    if not route.open:
        call.identity = admit(request.context.get("authorizer"), route.scopes, route.own, _CLOCK.now())
        call.parameters = parsing.path_parameters(request.uri_params)
        call.query = parsing.query(_multi(request), dry_run=route.mutates, paged=route.paged, filters=route.filters)
        key = request.headers.get("idempotency-key") if route.needs_key else None
        call.key = parsing.idempotency_key(key, required=route.needs_key and not call.query.dry_run)
        if route.needs_version:
            if_match = request.headers.get("if-match")
            call.if_match = if_match is not None or not route.if_match_optional
            call.expected_version = etags.expected(if_match) if call.if_match else 0
        if (model := route.model) is not None:
            content_type = request.headers.get("content-type")
            call.body = parsing.body(model, request.to_original_event(), content_type)
        customer = call.parameters.get("customer") or getattr(call.body, "customer", None)
        only_own(call.identity, customer)
        call.wallet = _wallet(call, customer)
    return route.handle(call)


def _multi(request: Request) -> dict[str, list[str]] | None:
    told: dict[str, list[str]] | None = request.to_original_event().get("multiValueQueryStringParameters")
    return told


def _wallet(call: Call, customer: str | None) -> WalletId | None:
    """The wallet that the call is about, of a currency that there is.

    :raises Problem: currency_unknown
    """
    currency = call.parameters.get("currency")
    pointer = "/path/currency" if currency else "/currency"
    currency = currency or getattr(call.body, "currency", None)
    if customer is None or currency is None:
        return None
    if currency not in call.engine().policy.currencies:
        raise Problem(
            "currency_unknown",
            "The currency is not known.",
            errors=(FieldError(pointer, "is neither an ISO 4217 code nor a registered points code"),),
            facts={"currency": currency},
        )
    return WalletId(customer, currency)


def _success(route: Route, reply: Reply) -> Response:
    headers: dict[str, Any] = {"Content-Type": "application/json"}
    if reply.replayed:
        headers["Idempotent-Replayed"] = "true"
    if reply.version is not None:
        headers["ETag"] = etags.show(reply.version)
    return Response(body=reply.body, headers=headers, status_code=route.status)


def _failure(problem: Problem, request_id: str) -> Response:
    headers: dict[str, Any] = {"Content-Type": CONTENT_TYPE, **problem.headers}
    return Response(body=problem.body(request_id), headers=headers, status_code=problem.status)


def _tell(call: Call, outcome: str, request_id: str, seconds: float) -> None:
    trace = call.trace
    tried = trace.attempts > 0  # reads must not thin out what is counted about commands
    telemetry.write_line(
        settings().stage,
        call.route.name,
        outcome,
        request_id,
        metrics={
            "Attempts": trace.attempts if tried else None,
            "Conflicts": trace.conflicts if tried else None,
            "Replays": int(trace.replayed) if tried else None,
            "UnknownOutcome": int(outcome == "outcome_unknown"),
            "Busy": int(outcome == "busy"),
            "OpenLots": trace.open_lots,
            "WalletBytes": trace.wallet_bytes,
            "DurationMs": round(seconds * 1000, 1),
        },
        facts={
            "caller": call.identity.sub if call.identity else None,
            "customer": call.wallet.customer if call.wallet else call.parameters.get("customer"),
            "currency": call.wallet.currency if call.wallet else None,
            "operation_id": call.operation,
            "dry_run": call.query.dry_run or None,
            "throttles": trace.throttles or None,
            "unknown_attempts": trace.unknowns or None,
            "entries": trace.entries,
        },
    )
