"""Examples about orders and events, told by the ledger itself: an order that earned credit, spent it, and came back."""

from __future__ import annotations

from chalicelib.edge.events import calls as event_calls
from chalicelib.edge.instants import parse, show
from chalicelib.edge.orders import presenter as order_presenter
from chalicelib.edge.wallets import presenter
from chalicelib.events.model import Status
from chalicelib.events.receiving import Told
from chalicelib.ledger import granting, indebting, redeeming, refunding
from chalicelib.ledger.cart import Cart
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.history import OrderHistory
from chalicelib.ledger.indebting import Waiver
from chalicelib.ledger.limits import MINUTE_MS
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.model import Wallet
from chalicelib.ledger.money import EXPONENT
from chalicelib.ledger.orders import Order, tenders
from chalicelib.ledger.plans import Act
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.redeeming import Spending
from chalicelib.ledger.refunding import ORIGINAL, Refund
from chalicelib.orders.queries import Option, RefundQuote
from chalicelib.store.inbox import Reason

_AT = parse("2026-03-03T10:00:00Z")
_SOURCE, _EVENT, _REJECTION = "shop", "evt-1", "1772532000000-72jdw2kpfe24kgjcx7vyqvil"
_REASON = Reason("over_refund", "More would be refunded than was paid on the order and has not been refunded yet.")


def answers(policy: Policy, customer: str, currency: str) -> dict[str, str]:
    """For each route about orders and events, by its name, an answer that could be one."""
    order = Order("order-1001", customer, currency, 3000, version=1)
    wallet = Wallet(customer, currency)
    acts = [Act(f"example-order-{number}", "shop", _AT + number * MINUTE_MS) for number in range(5)]
    grant = Grant(300, Kind.CASHBACK, "cashback", source=Source(granting.ORDER, order.id))
    earned = granting.issue(wallet, grant, acts[0], policy)
    spent = redeeming.redeem(earned.wallet, Spending(300, Cart("order-1002")), acts[1], policy)
    seen = OrderHistory(order, entries=earned.entries)
    refund = Refund("refund-1", order.id, 1500, ORIGINAL)
    refunded = refunding.refund(spent.wallet, seen, refund, acts[2], policy)
    waived = indebting.waive(refunded.wallet, Waiver("goodwill"), acts[3], policy)
    quoted = RefundQuote(order, 1500, tenders(order, (), ()), Option(0, 1500), Option(0, 1500, 75))
    applied = Told(
        Status.APPLIED,
        refunded.at,
        {
            "type": "refund.created",
            "customer": customer,
            "currency": currency,
            "order_id": order.id,
            "refund_id": refund.id,
            "entries": [entry.sequence for entry in refunded.entries],
        },
    )
    message = '{"specversion":"1.0","id":"evt-1","source":"shop","type":"refund.created","data":{}}'
    rejection = {
        "id": _REJECTION,
        "queue": "refund-events",
        "status": "open",
        "code": _REASON.code,
        "detail": _REASON.detail,
        "at": show(_AT),
        "tries": 1,
        "source": _SOURCE,
        "event": _EVENT,
        "type": "refund.created",
        "message": message,
        "truncated": False,
    }
    retried = {"id": _REJECTION, "status": "applied", "source": _SOURCE, "event": _EVENT, "code": None, "detail": None}
    return {
        "waive_debt": presenter.taken_out(waived),
        "quote_refund": order_presenter.refund_quote(quoted, EXPONENT[currency]),
        "get_event": presenter.document(event_calls.fate(_SOURCE, _EVENT, applied)),
        "list_rejected_events": presenter.document({"data": [rejection], "next_cursor": None}),
        "retry_event": presenter.document(retried),
    }
