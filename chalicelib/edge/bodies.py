"""What callers may send, one model for each call, and the command that each becomes. Null is the same as left out."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.edge.fields import (
    Amount,
    Body,
    Currency,
    Identifier,
    Instant,
    Reason,
    SourceWord,
    Text,
)
from chalicelib.edge.terms import Expires, LotConditions, Order, QuotedOrder
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.holding import Capture
from chalicelib.ledger.limits import DEFAULT_PRIORITY, HOLD_TTL_DEFAULT_SECONDS, HOLD_TTL_MAX_SECONDS, MAX_PRIORITY
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.redeeming import Reversal, Spending

GrantableKind = Literal[
    "refund",
    "exchange",
    "purchased",
    "migration",
    "compensation",
    "manual",
    "promotion",
    "cashback",
    "loyalty",
    "referral",
    "occasion",
]
"""Every kind but `reinstated`, which only the ledger grants."""


class SourceBody(Body):
    type: SourceWord
    id: SourceWord


class CreditBody(Body):
    amount: Amount
    kind: GrantableKind
    reason: Reason
    note: Text | None = None
    customer_text: Text | None = None
    source: SourceBody | None = None
    effective_at: Instant | None = None
    expires: Expires | None = None
    priority: Annotated[int, Field(ge=0, le=MAX_PRIORITY)] | None = DEFAULT_PRIORITY
    conditions: LotConditions | None = None
    notify: bool | None = None

    def grant(self) -> Grant:
        return Grant(
            amount=self.amount,
            kind=Kind(self.kind),
            reason=self.reason,
            note=self.note,
            customer_text=self.customer_text,
            source=Source(self.source.type, self.source.id) if self.source else None,
            effective_at=self.effective_at,
            expires=self.expires.expiry() if self.expires else None,
            priority=DEFAULT_PRIORITY if self.priority is None else self.priority,
            conditions=self.conditions.conditions() if self.conditions else None,
            notify=self.notify,
        )


class RedemptionBody(Body):
    amount: Amount
    order: Order
    allow_partial: bool | None = False

    def spending(self) -> Spending:
        return Spending(self.amount, self.order.cart(), self.allow_partial is True)


class HoldBody(RedemptionBody):
    ttl_seconds: Annotated[int, Field(ge=1, le=HOLD_TTL_MAX_SECONDS)] | None = HOLD_TTL_DEFAULT_SECONDS

    @property
    def ttl(self) -> int:
        """Seconds until it lapses."""
        return HOLD_TTL_DEFAULT_SECONDS if self.ttl_seconds is None else self.ttl_seconds


class CaptureBody(Body):
    amount: Amount | None = None
    final: bool | None = True

    def capture(self, hold: str) -> Capture:
        return Capture(hold, self.amount, self.final is not False)


class ReleaseBody(Body):
    pass


class ReversalBody(Body):
    amount: Amount | None = None
    reason: Reason | None = "reversal"

    def reversal(self, redemption: str) -> Reversal:
        return Reversal(redemption, self.amount, self.reason or "reversal")


class QuoteBody(Body):
    customer: Identifier
    currency: Currency
    order: QuotedOrder
