"""What is answered about orders and events, as models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from chalicelib.edge.answer_parts import Part


class ByTender(Part):
    """Minor units by tender: credit that goes back to its lots, and the rest."""

    credit: int = Field(ge=0)
    other: int = Field(ge=0)


class AsCredit(Part):
    """A refund to credit: what goes back to its lots, new credit in the place of other tender, and the bonus on it."""

    credit: int = Field(ge=0)
    refund: int = Field(ge=0)
    refund_expires_at: AwareDatetime | None
    bonus: int = Field(ge=0)
    bonus_expires_at: AwareDatetime | None
    total: int = Field(ge=0)


class RefundQuote(Part):
    """Both ways to refund. `store_credit` is null where that way is refused just now; the other way is open then."""

    order_id: str
    customer: str
    currency: str
    amount: int = Field(ge=1)
    refundable: ByTender
    original: ByTender
    store_credit: AsCredit | None
    store_credit_refused: str | None = Field(
        description="Why not as credit, null where it can be: feature_disabled (the merchant has switched it off), "
        "lot_limit_exceeded, balance_limit_exceeded (the wallet cannot take it), expires_in_past or "
        "expiry_not_permitted (of the expiry in the settings), or a code of more to come"
    )
    display: dict[str, Any]


REASONS = (
    # the message is not an event, or not one of ours
    "invalid_json",
    "validation_failed",
    "too_large",
    "unknown_type",
    "event_id_reused",
    # something that may still come: parked at first
    "order_not_seen",
    "redemption_not_seen",
    "refund_not_seen",
    # it contradicts what is known
    "order_mismatch",
    "refund_mismatch",
    "currency_mismatch",
    "currency_unknown",
    "over_refund",
    # it cannot be done just now
    "feature_disabled",
    "insufficient_credit",
    "wallet_frozen",
    "expires_in_past",
    "expiry_not_permitted",
    "lot_limit_exceeded",
    "balance_limit_exceeded",
    "order_limit_exceeded",
    "hold_open",
    "customer_merged",
    "merge_too_large",
)
"""Why an event is parked or rejected. Stable; those that a call is answered with as well mean the same there."""

Why = Annotated[str, Field(description="A stable code, one of these or of more to come: " + " ".join(REASONS))]


class EventFate(Part):
    """What became of an event. An applied one says what it did; a parked or rejected one why it did nothing."""

    source: str
    id: str
    status: Literal["applied", "duplicate", "parked", "rejected"]
    at: AwareDatetime
    type: str | None = None
    code: Why | None = None
    detail: str | None = None
    tries: int | None = None
    rejection: str | None = None
    customer: str | None = None
    currency: str | None = None
    order_id: str | None = None
    refund_id: str | None = None
    entries: list[int] | None = None
    into: str | None = Field(default=None, description="Whom the customer was merged into.")


class Rejection(Part):
    """A rejected event. `event` is its id in its source's words; `message` is what came, cut where `truncated`."""

    id: str
    queue: str
    status: Literal["open", "settled"]
    code: Why
    detail: str
    at: AwareDatetime
    tries: int = Field(ge=1)
    source: str | None
    event: str | None
    type: str | None
    message: str
    truncated: bool


class RejectionPage(Part):
    data: list[Rejection]
    next_cursor: str | None


class Retried(Part):
    """What became of a rejected event this time."""

    id: str
    status: Literal["applied", "rejected"]
    source: str | None
    event: str | None
    code: Why | None
    detail: str | None
