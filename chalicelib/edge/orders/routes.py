"""Calls about orders and about events."""

from __future__ import annotations

from chalicelib.edge.access import AUDIT, CHECKOUT, READ, WRITE
from chalicelib.edge.call import Later, Route

ORDERS = (
    Route(
        "quote_refund",
        "POST",
        "/v1/refund-quotes",
        "What a refund of so much of an order would give: by the tenders that paid it, or as credit with its bonus",
        Later("chalicelib.edge.orders.calls", "refund_quote"),
        answer="RefundQuote",
        scopes=CHECKOUT | WRITE,
        body=Later("chalicelib.edge.orders.bodies", "RefundQuoteBody"),
        refusals=(
            "not_found",
            "over_refund",
            "redemption_not_seen",
            "order_limit_exceeded",
            "lot_limit_exceeded",
            "currency_unknown",
        ),
    ),
)

EVENTS = (
    Route(
        "list_rejected_events",
        "GET",
        "/v1/events/rejected",
        "Events that were rejected, newest first, each with its reason; settled ones were tried again with success",
        Later("chalicelib.edge.events.calls", "rejected"),
        answer="RejectionPage",
        scopes=AUDIT,
        paged=True,
        refusals=("invalid_cursor",),
    ),
    Route(
        "retry_event",
        "POST",
        "/v1/events/rejected/{id}/retry",
        "Try a rejected event again, after a repair; it is applied once whatever happens",
        Later("chalicelib.edge.events.calls", "retry"),
        answer="Retried",
        scopes=AUDIT | WRITE,
        body=Later("chalicelib.edge.orders.bodies", "RetryBody"),
        mutates=True,
        refusals=("not_found",),
    ),
    Route(
        "get_event",
        "GET",
        "/v1/events/{source}/{event}",
        "What became of an event",
        Later("chalicelib.edge.events.calls", "event"),
        answer="EventFate",
        scopes=AUDIT | READ,
        refusals=("not_found",),
    ),
)
