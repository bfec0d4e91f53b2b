"""Answers: values of the ledger as the JSON of the API, with exactly its members.

Bodies are compact JSON text, made before the commit and kept with it, so a replay is the same byte for byte. Commands
are for the staff, which sees everything; what a shopper may read leaves out `note` and `actor`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.edge.instants import show
from chalicelib.ledger import conditions
from chalicelib.ledger.lots import Allocation, Lot
from chalicelib.ledger.model import Balance, Entry, Redemption, RedemptionPart, balance
from chalicelib.ledger.money import display
from chalicelib.ledger.plans import Plan
from chalicelib.ledger.quoting import Expiring, Quote
from chalicelib.wallets.queries import Explanation, WalletView

Json = dict[str, Any]
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


# What commands answer


def lot_changed(plan: Plan) -> str:
    """A grant, a revocation, an extension: the lot afterwards."""
    return _encode({"lot": _lot(plan.lots[0], plan.at), **_entries_and_balance(plan)})


def taken_out(plan: Plan) -> str:
    return _encode(_entries_and_balance(plan))


def redeemed(plan: Plan) -> str:
    return _encode({"redemption": _of_redemption(plan.redemption), **_entries_and_balance(plan)})


def given_back(plan: Plan) -> str:
    reinstated = [_lot(lot, plan.at) for lot in plan.lots]
    amended = _of_redemption(plan.amended[0])
    return _encode({"redemption": amended, "reinstated": reinstated, **_entries_and_balance(plan)})


def held(plan: Plan) -> str:
    """A hold made or released."""
    return _encode({"hold": _hold(plan), "balance": _balance(balance(plan.wallet, plan.at))})


def captured(plan: Plan) -> str:
    return _encode({"hold": _hold(plan), "redemption": _of_redemption(plan.redemption), **_entries_and_balance(plan)})


def frozen_or_not(plan: Plan) -> str:
    return _encode({"frozen": plan.wallet.frozen, **_entries_and_balance(plan)})


# What questions are answered with


def wallets(views: Iterable[WalletView]) -> str:
    return _encode({"data": [_wallet(view) for view in views]})


def wallet(view: WalletView) -> str:
    return _encode(_wallet(view))


def entries(page: Iterable[Entry], next_cursor: str | None, *, shopper: bool) -> str:
    return _encode({"data": [_entry(each, shopper=shopper) for each in page], "next_cursor": next_cursor})


def entry_for_staff(entry: Entry) -> Json:
    """An entry as the staff reads it, for those who put it into something larger."""
    return _entry(entry, shopper=False)


def redemption(found: Redemption) -> str:
    return _encode(_of_redemption(found))


def explanation(explained: Explanation) -> str:
    differences = [
        {"code": each.code, "where": each.where, "stored": each.stored, "expected": each.expected}
        for each in explained.differences
    ]
    return _encode(
        {
            "consistent": not differences,
            "differences": differences,
            "entries_checked": explained.entries_checked,
            "wallet": _wallet(explained.view),
        }
    )


def quote(quoted: Quote, currency: str, exponent: int) -> str:
    lots = [
        {"lot": share.lot.id, "applicable": share.amount, "reasons": list(share.reasons)} for share in quoted.shares
    ]
    return _encode(
        {
            "available": quoted.available,
            "applicable": quoted.applicable,
            "suggested": quoted.suggested,
            "lots": lots,
            "expiring": _expiring(quoted.expiring),
            "display": {
                "available": display(quoted.available, currency, exponent),
                "applicable": display(quoted.applicable, currency, exponent),
                "suggested": display(quoted.suggested, currency, exponent),
                "lots": {share.lot.id: display(share.amount, currency, exponent) for share in quoted.shares},
                "expiring": [display(each.amount, currency, exponent) for each in quoted.expiring],
            },
        }
    )


def document(value: Json) -> str:
    """JSON of something that is not of the ledger."""
    return _encode(value)


# Parts


def _entries_and_balance(plan: Plan) -> Json:
    return {
        "entries": [_entry(each, shopper=False) for each in plan.entries],
        "balance": _balance(balance(plan.wallet, plan.at)),
    }


def _balance(worth: Balance) -> Json:
    return {
        "version": worth.version,
        "available": worth.available,
        "pending": worth.pending,
        "held": worth.held,
        "debt": worth.debt,
    }


def _wallet(view: WalletView) -> Json:
    lots = view.wallet.lots
    currency, exponent = view.wallet.currency, view.exponent
    worth = _balance(view.balance)
    next_expiry = _expiring(view.expiring[:1])
    return {
        "customer": view.wallet.customer,
        "currency": currency,
        **worth,
        "frozen": view.wallet.frozen,
        "lots": [_lot(lot, view.at) for lot in lots],
        "next_expiry": next_expiry[0] if next_expiry else None,
        "display": {
            **{name: display(worth[name], currency, exponent) for name in ("available", "pending", "held", "debt")},
            "next_expiry": display(next_expiry[0]["amount"], currency, exponent) if next_expiry else None,
            "lots": {
                lot.id: {
                    "amount": display(lot.granted, currency, exponent),
                    "remaining": display(lot.remaining, currency, exponent),
                    "held": display(lot.held, currency, exponent),
                }
                for lot in lots
            },
        },
    }


def _lot(lot: Lot, at: int) -> Json:
    told: Json = {
        "id": lot.id,
        "kind": lot.kind.value,
        "amount": lot.granted,
        "remaining": lot.remaining,
        "held": lot.held,
        "priority": lot.priority,
        "effective_at": show(lot.effective_at),
        "expires_at": None if lot.expires_at is None else show(lot.expires_at),
        "conditions": None if lot.conditions is None else conditions.as_dict(lot.conditions),
        "source": None if lot.source is None else {"type": lot.source.type, "id": lot.source.id},
        "status": lot_status(lot, at),
    }
    if lot.parent is not None:
        told["parent"] = lot.parent
    return told


def lot_status(lot: Lot, at: int) -> str:
    """`pending` before its time, `active`, or `closed`: used up, revoked or expired. A held part keeps a lot active."""
    if not lot.remaining:
        return "closed"
    return "pending" if lot.effective_at > at else "active"


def _entry(entry: Entry, *, shopper: bool) -> Json:
    told: Json = {
        "sequence": entry.sequence,
        "type": entry.type.value,
        "amount": entry.amount,
        "balance_after": entry.balance_after,
        "held_after": entry.held_after,
        "allocations": _allocations(entry.allocations),
        "at": show(entry.at),
        "reason": entry.reason,
        "operation": entry.operation,
    }
    if not shopper:
        told["actor"] = entry.actor
        if entry.note is not None:
            told["note"] = entry.note
    if entry.customer_text is not None:
        told["customer_text"] = entry.customer_text
    if entry.source is not None:
        told["source"] = {"type": entry.source.type, "id": entry.source.id}
    return told


def _allocations(parts: Sequence[Allocation | RedemptionPart]) -> list[Json]:
    return [{"lot": part.lot if isinstance(part.lot, str) else part.lot.id, "amount": part.amount} for part in parts]


def _of_redemption(made: Redemption | None) -> Json:
    assert made is not None, "the operation makes or changes a redemption"
    return {
        "id": made.id,
        "order_id": made.order_id,
        "amount": made.amount,
        "allocations": _allocations(made.parts),
        "reversed": made.reversed,
        "status": made.status,
    }


def _hold(plan: Plan) -> Json:
    hold, status = plan.hold, plan.hold_status
    assert hold is not None, "the operation is about a hold"
    assert status is not None, "the operation says what became of its hold"
    return {
        "id": hold.id,
        "order_id": hold.order_id,
        "amount": hold.amount,
        "captured": hold.captured,
        "allocations": _allocations(hold.allocations),
        "status": status.value,
        "expires_at": show(hold.expires_at),
    }


def _expiring(ends: Sequence[Expiring]) -> list[Json]:
    return [{"at": show(each.at), "amount": each.amount} for each in ends]
