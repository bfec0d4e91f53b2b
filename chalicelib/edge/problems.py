"""What can go wrong, as callers see it: RFC 9457 problem+json, a stable code each, one table of their statuses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chalicelib.edge.cursors import InvalidCursor
from chalicelib.ledger.refusals import Refused
from chalicelib.store.signals import Busy, KeyReused, NewerSchema, OutcomeUnknown, Unread
from chalicelib.wallets.queries import HistoryTooLong

STATUS: dict[str, int] = {
    "invalid_json": 400,
    "idempotency_key_required": 400,
    "invalid_cursor": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "lot_not_found": 404,
    "feature_disabled": 404,
    "insufficient_credit": 409,
    "lot_closed": 409,
    "hold_closed": 409,
    "hold_lapsed": 409,
    "hold_open": 409,
    "customer_merged": 409,
    "merge_too_large": 409,
    "over_capture": 409,
    "over_reversal": 409,
    "over_refund": 409,
    "order_limit_exceeded": 409,
    "redemption_not_seen": 409,
    "balance_limit_exceeded": 409,
    "lot_limit_exceeded": 409,
    "wallet_frozen": 409,
    "condition_not_met": 409,
    "version_conflict": 409,
    "campaign_state": 409,
    "rule_limit_exceeded": 409,
    "import_has_errors": 409,
    "notice_limit_exceeded": 409,
    "validation_failed": 422,
    "idempotency_key_reused": 422,
    "currency_unknown": 422,
    "amount_out_of_range": 422,
    "available_at_in_past": 422,
    "expires_in_past": 422,
    "expires_earlier": 422,
    "expiry_not_permitted": 422,
    "history_too_long": 422,
    "rate_limited": 429,
    "internal_error": 500,
    "busy": 503,
    "outcome_unknown": 503,
}
"""Of every code that a call is answered with. What only an event is refused for is told by `answers.REASONS`."""
CONFLICT = 409
CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:store-credit:problem:"
RETRY_AFTER_SECONDS = 1
TOO_LARGE = 413
UNSUPPORTED_MEDIA_TYPE = 415


class FieldError(NamedTuple):
    """What is wrong with one part of a request. `pointer` is a JSON Pointer into the body; of what is not in the body
    it begins with /path, /query or /header. Where the body says nothing, it leads into what the path names as GET
    answers it, of an import into its rows."""

    pointer: str
    message: str


class Problem(Exception):
    """An answer that is not the one asked for. `status` is the code's, save where one code has several (413, 415)."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int | None = None,
        errors: Sequence[FieldError] = (),
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status or STATUS[code]
        self.errors = errors
        self.facts = facts or {}

    def body(self, request_id: str) -> str:
        """The facts stand beside the standard members and never in their place."""
        told: dict[str, object] = {
            "type": TYPE_PREFIX + self.code,
            "title": title(self.code),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            told["errors"] = [{"pointer": each.pointer, "message": each.message} for each in self.errors]
        return json.dumps({**told, **self.facts, **told}, separators=(",", ":"), ensure_ascii=False)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        if self.status == 401:
            return {"WWW-Authenticate": "Bearer"}
        return {"Retry-After": str(RETRY_AFTER_SECONDS)} if self.status in (429, 503) else {}


def title(code: str) -> str:
    return code.replace("_", " ").capitalize()


def invalid(pointer: str, message: str, code: str = "validation_failed") -> Problem:
    """One field of a request is not as it must be."""
    return Problem(code, "The request is not valid.", errors=(FieldError(pointer, message),))


FORESEEN = (Problem, Refused, InvalidCursor, KeyReused, Busy, Unread, NewerSchema, OutcomeUnknown, HistoryTooLong)
"""Every error that a call may end with; whatever else is raised is a defect of ours."""


def problem_of(error: Exception) -> Problem:
    """The problem that a foreseen error is told as."""
    match error:
        case Problem():
            return error
        case Refused():
            errors = (FieldError(error.field, error.detail),) if error.field is not None else ()
            status = STATUS.get(error.code, CONFLICT)
            return Problem(error.code, error.detail, status=status, errors=errors, facts=error.facts)
        case InvalidCursor():
            return Problem(
                "invalid_cursor",
                "The cursor is not one of this list.",
                errors=(FieldError("/query/cursor", "must be a next_cursor of this list"),),
            )
        case KeyReused():
            return Problem(
                "idempotency_key_reused",
                "The key was used for another request; nothing was done.",
                errors=(FieldError("/header/Idempotency-Key", "stands for another request"),),
            )
        case OutcomeUnknown():
            return Problem(
                "outcome_unknown", "Whether it was done is not known; the same request with the same key tells."
            )
        case HistoryTooLong():
            return Problem("history_too_long", "The wallet has more entries than one explanation replays.")
        case _:
            return Problem("busy", "Too much is going on just now; nothing was done. Try again.")
