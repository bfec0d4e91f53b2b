"""What a checkout may send, a model for each call, and the command that each becomes. Null is the same as left out."""

from typing import Annotated

from pydantic import Field

from chalicelib.edge.fields import Amount, Body, Currency, Identifier, Reason
from chalicelib.edge.wallets.carts import Order, QuotedOrder
from chalicelib.ledger.holding import Capture
from chalicelib.ledger.limits import HOLD_TTL_DEFAULT_SECONDS, HOLD_TTL_MAX_SECONDS
from chalicelib.ledger.redeeming import Reversal, Spending


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
