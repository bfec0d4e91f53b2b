"""What producers may send: the envelope of CloudEvents 1.0 in structured JSON mode, and the data of each type.

The envelope may carry what CloudEvents lets it carry; the data may not: a misspelt field of a refund would move money
otherwise than meant. Null is the same as left out.
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from chalicelib.customers.contribution import LineFacts
from chalicelib.edge.customers.event_bodies import CUSTOMER_DATA
from chalicelib.edge.events.data import Data
from chalicelib.edge.fields import Amount, Body, Currency, Identifier, Instant, Money, Name, Reason
from chalicelib.edge.shapes import EVENT_WORD
from chalicelib.edge.terms import Expires
from chalicelib.edge.wallets.carts import OrderLine
from chalicelib.events.model import OrderCancelled, OrderPaid, RefundCreated, RefundReversed
from chalicelib.ledger.conditions import BASIS_POINTS
from chalicelib.ledger.limits import MAX_ORDER_LINES
from chalicelib.ledger.orders import Order
from chalicelib.ledger.policy import RefundSplit
from chalicelib.ledger.refunding import Refund
from chalicelib.store.envelope import WalletId

EventWord = Annotated[str, Field(pattern=EVENT_WORD)]


class CloudEvent(Body):
    """The envelope; what is not known of it is an extension and left alone."""

    model_config = ConfigDict(extra="ignore")

    specversion: Literal["1.0"]
    id: EventWord
    source: EventWord
    type: EventWord
    time: Instant | None = None
    datacontenttype: Literal["application/json"] | None = None
    data: dict[str, Any]


class OrderPaidData(Data):
    id: Identifier
    customer: Identifier
    currency: Currency
    total: Money
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_ORDER_LINES)] | None = None
    site: Name | None = None
    credit_used: Money | None = None
    placed_at: Instant | None = None
    paid_at: Instant | None = None

    def wanted(self) -> OrderPaid:
        lines = [line.line() for line in self.lines or ()]
        facts = tuple(LineFacts(line.product, line.tags) for line in lines)
        return OrderPaid(
            Order(
                id=self.id,
                customer=self.customer,
                currency=self.currency,
                total=self.total,
                credit_used=self.credit_used,
                merchandise=sum(line.amount for line in lines) if lines else None,
                site=self.site,
                placed_at=self.placed_at,
                paid_at=self.paid_at,
            ),
            facts,
        )


class OrderCancelledData(Data):
    order_id: Identifier
    customer: Identifier
    currency: Currency

    def wanted(self) -> OrderCancelled:
        return OrderCancelled(WalletId(self.customer, self.currency), self.order_id)


class ExplicitSplit(Body):
    """Credit's part of a refund, said by the shop."""

    credit: Money


class Consent(Body):
    """When the customer agreed to credit in the place of money, and to which text."""

    given_at: Instant
    text_version: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,64}$")]


class RefundCreatedData(Data):
    refund_id: Identifier
    order_id: Identifier
    customer: Identifier
    currency: Currency
    amount: Amount
    method: Literal["original", "store_credit"]
    split: Literal["proportional", "credit_first", "other_first"] | ExplicitSplit | None = None
    bonus_basis_points: Annotated[int, Field(ge=0, le=BASIS_POINTS)] | None = None
    expires: Expires | None = None
    consent: Consent | None = None
    reason: Reason | None = None

    def wanted(self) -> RefundCreated:
        split = self.split.credit if isinstance(self.split, ExplicitSplit) else self.split
        return RefundCreated(
            WalletId(self.customer, self.currency),
            Refund(
                id=self.refund_id,
                order_id=self.order_id,
                amount=self.amount,
                method=self.method,
                split=RefundSplit(split) if isinstance(split, str) else split,
                bonus_basis_points=self.bonus_basis_points,
                expires=self.expires.expiry() if self.expires else None,
                consent=f"{self.consent.given_at} {self.consent.text_version}" if self.consent else None,
                reason=self.reason or "refund",
            ),
        )


class RefundReversedData(Data):
    refund_id: Identifier

    def wanted(self) -> RefundReversed:
        return RefundReversed(self.refund_id)


DATA: dict[str, type[Data]] = {
    "order.paid": OrderPaidData,
    "order.cancelled": OrderCancelledData,
    "refund.created": RefundCreatedData,
    "refund.reversed": RefundReversedData,
    **CUSTOMER_DATA,
}
"""What each type of event carries."""
NEEDS_TIME = frozenset(CUSTOMER_DATA) - {"customer.merged"}
"""Types of events whose envelope says when it happened: the newest that is told of a customer stands."""
