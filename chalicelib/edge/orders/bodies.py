"""What callers may send about orders and rejected events. Null is the same as left out."""

from chalicelib.edge.fields import Amount, Body, Identifier


class RefundQuoteBody(Body):
    order_id: Identifier
    amount: Amount


class RetryBody(Body):
    pass
