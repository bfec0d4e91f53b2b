"""What is answered about orders: a refund quoted both ways."""

from __future__ import annotations

from typing import Any

from chalicelib.edge.instants import show
from chalicelib.edge.wallets.presenter import document
from chalicelib.ledger.money import display
from chalicelib.orders.queries import Option, RefundQuote

Json = dict[str, Any]


def refund_quote(quoted: RefundQuote, exponent: int) -> str:
    currency, left = quoted.order.currency, quoted.tenders

    def shown(amount: int) -> str:
        return display(amount, currency, exponent)

    credit = quoted.store_credit
    total = 0 if credit is None else credit.credit + credit.other + credit.bonus
    return document(
        {
            "order_id": quoted.order.id,
            "customer": quoted.order.customer,
            "currency": currency,
            "amount": quoted.amount,
            "refundable": {"credit": left.credit_left, "other": left.other_left},
            "original": {"credit": quoted.original.credit, "other": quoted.original.other},
            "store_credit": None if credit is None else _as_credit(credit, total),
            "store_credit_refused": quoted.store_credit_refused,
            "display": {
                "amount": shown(quoted.amount),
                "original": {"credit": shown(quoted.original.credit), "other": shown(quoted.original.other)},
                "store_credit": None if credit is None else {"bonus": shown(credit.bonus), "total": shown(total)},
            },
        }
    )


def _as_credit(option: Option, total: int) -> Json:
    """Credit that goes back to its lots, new credit in the place of other tender, and the bonus on that."""
    return {
        "credit": option.credit,
        "refund": option.other,
        "refund_expires_at": _end(option.lot.expires_at if option.lot else None),
        "bonus": option.bonus,
        "bonus_expires_at": _end(option.bonus_lot.expires_at if option.bonus_lot else None),
        "total": total,
    }


def _end(instant: int | None) -> str | None:
    return None if instant is None else show(instant)
