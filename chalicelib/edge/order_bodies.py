"""What callers may send about orders, debts and rejected events. Null is the same as left out."""

from chalicelib.edge.fields import Amount, Body, Identifier, Reason, Text
from chalicelib.ledger.indebting import Waiver


class RefundQuoteBody(Body):
    order_id: Identifier
    amount: Amount


class WaiverBody(Body):
    amount: Amount | None = None
    reason: Reason
    note: Text | None = None

    def waiver(self) -> Waiver:
        return Waiver(self.reason, self.amount, self.note)


class RetryBody(Body):
    pass
