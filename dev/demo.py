"""`make demo`: one customer's credit, told to the stack that `make run` started.

Grant, quote, hold, capture, a lost answer asked again, a refund, an expiry nobody booked, and what the ledger says;
then what time and other systems do (`demo_events`): a sweep, orders and refunds by queue, a duplicate, poison, debt.
Every step checks what it tells; exit code 0 only if all of it held.
"""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from typing import Any

from dev.demo_events import second_act
from dev.places import data_folder
from dev.running import NotRunning, running
from dev.telling import Teller, expect, step


def main() -> int:
    data = data_folder()
    try:
        stack = running(data)
    except NotRunning as reason:
        print(reason, file=sys.stderr)
        return 2
    teller = Teller(stack.api, data)
    customer = f"demo-{uuid.uuid4().hex[:8]}"
    wallet = f"/v1/customers/{customer}/wallets/EUR"
    _grants(teller, wallet)
    order = {
        "id": f"order-{customer}",
        "total": 3000,
        "discounted": False,
        "lines": [{"product": "teapot", "quantity": 1, "unit_price": 3000}],
    }
    _quote(teller, customer, order)
    redemption = _hold_and_capture(teller, wallet, order)
    _lost_answer(teller, wallet)
    _refund(teller, wallet, redemption)
    _expiry(teller, wallet)
    _ledger(teller, wallet, "7.")
    second_act(teller, stack, customer)
    _ledger(teller, wallet, "13.")
    print(f"\nThat was {customer}. `make audit` replays every ledger of this stack.")
    return 0


def _grants(teller: Teller, wallet: str) -> None:
    step("1. Support grants 10.00 that never expires and marketing gives 5.00 for 30 days.")
    teller.call("support", "POST", f"{wallet}/credits", {"amount": 1000, "kind": "refund", "reason": "return"})
    promotion = {"amount": 500, "kind": "promotion", "reason": "welcome", "expires": {"days": 30}}
    promotion["conditions"] = {"min_order": 2000}
    reply = teller.call("support", "POST", f"{wallet}/credits", promotion)
    expect(reply.status == 201 and reply.body["balance"]["available"] == 1500, "15.00 EUR available")


def _quote(teller: Teller, customer: str, order: dict[str, Any]) -> None:
    step("2. The checkout asks what an order of 30.00 may use, and what one of 10.00 may.")
    body = {"customer": customer, "currency": "EUR", "order": {**order, "id": "small", "total": 1000, "lines": []}}
    small = teller.call("checkout", "POST", "/v1/checkout/quotes", body).body
    full = teller.call("checkout", "POST", "/v1/checkout/quotes", {**body, "order": order}).body
    expect(full["applicable"] == 1500, "the large order may use all of it")
    reasons = [reason for lot in small["lots"] for reason in lot["reasons"]]
    expect("min_order" in reasons, f"the small one not the promotion: {reasons}")


def _hold_and_capture(teller: Teller, wallet: str, order: dict[str, Any]) -> str:
    step("3. It sets 12.00 aside while the customer pays the rest, then captures it.")
    held = teller.call("checkout", "POST", f"{wallet}/holds", {"amount": 1200, "order": order}).body
    expect(held["balance"]["available"] == 300, "3.00 left for other carts meanwhile")
    captured = teller.call("checkout", "POST", f"{wallet}/holds/{held['hold']['id']}/captures", {}).body
    parts = [part["amount"] for part in captured["redemption"]["allocations"]]
    expect(parts == [500, 700], "the promotion was spent first, then the refund credit")
    redemption: str = captured["redemption"]["id"]
    return redemption


def _lost_answer(teller: Teller, wallet: str) -> None:
    step("4. The answer to a redemption is lost; the checkout asks again with the same key.")
    key = uuid.uuid4().hex
    body = {"amount": 300, "order": {"id": "another"}}
    first = teller.call("checkout", "POST", f"{wallet}/redemptions", body, key)
    again = teller.call("checkout", "POST", f"{wallet}/redemptions", body, key)
    expect(first.body == again.body, "the same answer, though the wallet is empty by now")
    expect(again.headers.get("idempotent-replayed") == "true", "and it says that it is a replay")
    more = teller.call("checkout", "POST", f"{wallet}/redemptions", body)
    expect(more.body["code"] == "insufficient_credit", "a new redemption is refused: insufficient_credit")


def _refund(teller: Teller, wallet: str, redemption: str) -> None:
    step("5. Part of the order comes back: 6.00 of the credit returns to the lot it came from last.")
    reply = teller.call("checkout", "POST", f"{wallet}/redemptions/{redemption}/reversals", {"amount": 600}).body
    expect(reply["redemption"]["reversed"] == 600, "6.00 of 12.00 given back")
    expect(reply["balance"]["available"] == 600, "6.00 EUR available")


def _expiry(teller: Teller, wallet: str) -> None:
    step("6. 5.00 more for one day, and the day goes by.")
    grant = {"amount": 500, "kind": "promotion", "reason": "weekend", "expires": {"days": 1}}
    issued = teller.call("support", "POST", f"{wallet}/credits", grant).body
    expires = datetime.fromisoformat(issued["lot"]["expires_at"])
    later = expires.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if teller.call("owner", "PUT", "/v1/test-clock", {"now": later}).status != 200:
        print("    this stack has no test clock (TEST_CLOCK=off): the expiry is left out")
        return
    try:
        body = teller.call("checkout", "GET", wallet).body
        expect(body["available"] == 600, f"at {later} exactly the 5.00 are gone; nothing has booked that yet")
        teller.call("checkout", "POST", f"{wallet}/redemptions", {"amount": 100, "order": {"id": "third"}})
    finally:
        teller.call("owner", "DELETE", "/v1/test-clock")


def _ledger(teller: Teller, wallet: str, number: str) -> None:
    step(f"{number} What the ledger says.")
    entries = teller.call("finance", "GET", f"{wallet}/entries?limit=250").body["data"]
    for entry in reversed(entries):
        parts = ", ".join(f"{part['lot']} {part['amount']}" for part in entry["allocations"])
        print(
            f"   {entry['sequence']:>3} {entry['type']:<9} {entry['amount']:>6} -> {entry['balance_after']:>5}  {parts}"
        )
    explanation = teller.call("finance", "GET", f"{wallet}/explanation").body
    expect(explanation["consistent"], f"{explanation['entries_checked']} entries replayed give the stored wallet")


if __name__ == "__main__":
    sys.exit(main())
