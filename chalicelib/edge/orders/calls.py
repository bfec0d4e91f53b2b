"""Handlers of the calls about orders."""

from __future__ import annotations

from chalicelib.edge.call import Call, Reply
from chalicelib.edge.orders import presenter as order_presenter
from chalicelib.edge.orders.bodies import RefundQuoteBody
from chalicelib.ledger.refusals import CurrencyUnknown
from chalicelib.orders import queries


def refund_quote(call: Call) -> Reply:
    asked = call.body_as(RefundQuoteBody)
    quoted = queries.refund_quote(call.engine(), asked.order_id, asked.amount)
    exponent = call.engine().policy.currencies.get(quoted.order.currency)
    if exponent is None:  # a points code that was registered a moment ago, and is not known in this process yet
        raise CurrencyUnknown("The currency is not known.", currency=quoted.order.currency)
    return Reply(order_presenter.refund_quote(quoted, exponent))
