"""Refunds quoted and debts waived, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.edge import answers
from chalicelib.ledger import granting, refunding
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.limits import MAX_AMOUNT, MAX_BALANCE, MAX_LOTS_AFTER_REVERSAL
from chalicelib.ledger.lots import Kind, Lot, LotClass, Source
from chalicelib.ledger.model import Wallet
from chalicelib.ledger.orders import Order
from chalicelib.ledger.plans import Act
from chalicelib.ledger.refunding import ORIGINAL, Refund
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Subject
from tests.unit.edge.till import NOW, WALLET, Answered, Till

QUOTES = "/v1/refund-quotes"
WAIVE = f"{WALLET}/debt/waive"
ALICE = WalletId("alice", "EUR")


def paid(till: Till, total: int = 3_000, order: str = "o1", **more: Any) -> None:
    till.engine.store.orders[order] = Order(order, "alice", more.pop("currency", "EUR"), total, version=1, **more)


def ask(till: Till, amount: int = 1_500, order: str = "o1") -> Answered:
    return till.post(QUOTES, {"order_id": order, "amount": amount}, key=None)


def quoted(answered: Answered) -> Any:
    assert answered.status == 200
    told = answers.RefundQuote.model_validate_json(answered.text).model_dump(mode="json", exclude_unset=True)
    assert told == answered.json
    return told


def put_settings(till: Till, **document: Any) -> None:
    headers = {"If-Match": till.get("/v1/settings").headers["ETag"]}
    assert till.send("PUT", "/v1/settings", document, headers=headers).status == 200


def lot(number: int) -> Lot:
    return Lot(f"lot_{number}", Kind.PROMOTION, LotClass.PROMOTIONAL, 1, 1, 0, number, NOW, None)


def owe(till: Till, amount: int) -> None:
    """Promotional credit that an order earned, spent before the order was refunded in full."""
    paid(till, order="earner")
    store, policy = till.engine.store, till.engine.policy
    grant = Grant(amount, Kind.CASHBACK, "cashback", source=Source(granting.ORDER, "earner"))
    store.keep(ALICE, granting.issue(store.read(ALICE).wallet, grant, Act("earned", "shop", NOW), policy))
    till.redeem(amount, "spender")
    seen = store.read(ALICE, Subject(order="earner", order_history=True))
    refund = Refund("refund", "earner", 3_000, ORIGINAL)
    store.keep(ALICE, refunding.refund(seen.wallet, seen.order, refund, Act("refunded", "shop", NOW), policy))
    till.engine.commands = 0


def test_a_refund_is_quoted_both_ways(till: Till) -> None:
    till.grant(1_200)
    till.redeem(1_200, "o1")
    paid(till)
    put_settings(till, refund_bonus_basis_points=1_000, refund_bonus_expires={"days": 30})
    assert quoted(ask(till)) == {
        "order_id": "o1",
        "customer": "alice",
        "currency": "EUR",
        "amount": 1_500,
        "refundable": {"credit": 1_200, "other": 1_800},
        "original": {"credit": 600, "other": 900},
        "store_credit": {
            "credit": 600,
            "refund": 900,
            "refund_expires_at": None,
            "bonus": 90,
            "bonus_expires_at": "2026-10-22T00:00:00Z",
            "total": 1_590,
        },
        "store_credit_refused": None,
        "display": {
            "amount": "15.00 EUR",
            "original": {"credit": "6.00 EUR", "other": "9.00 EUR"},
            "store_credit": {"bonus": "0.90 EUR", "total": "15.90 EUR"},
        },
    }


def test_a_quote_changes_nothing_and_needs_no_key(till: Till) -> None:
    till.grant(1_200)
    till.redeem(1_200, "o1")
    paid(till)
    before = till.get(WALLET).text
    assert ask(till).text == ask(till).text
    assert till.get(WALLET).text == before
    assert till.engine.store.orders["o1"].refunds == ()


def test_without_refunds_to_credit_there_is_one_way(till: Till) -> None:
    paid(till)
    put_settings(till, refund_to_credit=False)
    told = quoted(ask(till))
    assert (told["store_credit"], told["display"]["store_credit"]) == (None, None)
    assert told["store_credit_refused"] == "feature_disabled"
    assert told["original"] == {"credit": 0, "other": 1_500}


def test_a_wallet_that_cannot_take_the_credit_leaves_the_way_by_the_tenders(till: Till) -> None:
    for _ in range(MAX_BALANCE // MAX_AMOUNT):
        till.grant(MAX_AMOUNT)
    paid(till)
    told = quoted(ask(till))
    assert (told["store_credit"], told["store_credit_refused"]) == (None, "balance_limit_exceeded")
    assert told["original"] == {"credit": 0, "other": 1_500}


def test_a_wallet_full_of_lots_leaves_the_way_by_the_tenders(till: Till) -> None:
    paid(till)
    lots = tuple(lot(number) for number in range(1, MAX_LOTS_AFTER_REVERSAL + 1))
    till.engine.store.wallets[str(ALICE)] = Wallet("alice", "EUR", version=len(lots), lots=lots)
    told = quoted(ask(till))
    assert (told["store_credit"], told["store_credit_refused"]) == (None, "lot_limit_exceeded")
    assert told["original"] == {"credit": 0, "other": 1_500}


def test_more_than_was_paid_is_refused_with_what_is_left(till: Till) -> None:
    till.grant(1_200)
    till.redeem(1_200, "o1")
    paid(till)
    answered = ask(till, 3_001)
    assert (answered.status, answered.code) == (409, "over_refund")
    assert answered.json["refundable"] == 3_000
    assert (answered.json["refundable_credit"], answered.json["refundable_other"]) == (1_200, 1_800)


def test_an_order_that_is_not_known_is_not_found(till: Till) -> None:
    answered = ask(till)
    assert (answered.status, answered.code) == (404, "not_found")
    till.engine.store.orders["o1"] = Order("o1", "alice", "EUR", cancelled=True, version=1)
    assert ask(till).code == "not_found"


def test_credit_that_the_shop_speaks_of_and_nobody_saw_is_waited_for(till: Till) -> None:
    paid(till, credit_used=500)
    answered = ask(till)
    assert (answered.status, answered.code) == (409, "redemption_not_seen")


def test_an_expiry_of_the_settings_that_has_passed_leaves_the_way_by_the_tenders(till: Till) -> None:
    paid(till)
    ends = {"at": "2026-10-01T00:00:00Z"}
    put_settings(till, refund_bonus_basis_points=1_000, refund_bonus_expires=ends)
    assert quoted(ask(till))["store_credit_refused"] is None
    till.send("PUT", "/v1/test-clock", {"now": ends["at"]})
    told = quoted(ask(till))
    assert (told["store_credit"], told["store_credit_refused"]) == (None, "expires_in_past")
    assert told["original"] == {"credit": 0, "other": 1_500}


def test_a_points_code_that_this_process_does_not_know_yet_is_told(till: Till) -> None:
    paid(till, currency="STARS")
    answered = ask(till)
    assert (answered.status, answered.code) == (422, "currency_unknown")


@pytest.mark.parametrize(
    ("pointer", "code", "body"),
    [
        ("/order_id", "validation_failed", {"amount": 1}),
        ("/order_id", "validation_failed", {"order_id": "../o", "amount": 1}),
        ("/amount", "validation_failed", {"order_id": "o1"}),
        ("/amount", "validation_failed", {"order_id": "o1", "amount": 1.0}),
        ("/amount", "amount_out_of_range", {"order_id": "o1", "amount": 0}),
        ("/method", "validation_failed", {"order_id": "o1", "amount": 1, "method": "original"}),
    ],
)
def test_a_question_that_is_wrong_is_pointed_to(till: Till, pointer: str, code: str, body: Any) -> None:
    answered = till.post(QUOTES, body, key=None)
    assert (answered.status, answered.code, answered.pointers) == (422, code, [pointer])


def test_debt_is_waived_in_part_or_whole(till: Till) -> None:
    owe(till, 500)
    assert till.get(WALLET).json["debt"] == 500
    answered = till.post(WAIVE, {"amount": 200, "reason": "goodwill", "note": "called us"})
    assert answered.status == 201
    told = answers.TakenOut.model_validate_json(answered.text).model_dump(mode="json", exclude_unset=True)
    assert told == answered.json
    (entry,) = told["entries"]
    assert (entry["type"], entry["amount"], entry["note"], entry["reason"]) == (
        "debt_settled",
        0,
        "called us",
        "goodwill",
    )
    assert told["balance"]["debt"] == 300
    assert till.post(WAIVE, {"reason": "goodwill"}).json["balance"]["debt"] == 0


def test_debt_that_is_not_there_is_not_waived(till: Till) -> None:
    owe(till, 500)
    answered = till.post(WAIVE, {"amount": 501, "reason": "goodwill"})
    assert (answered.status, answered.code, answered.pointers) == (422, "amount_out_of_range", ["/amount"])
    assert (answered.json["debt"], answered.json["requested"]) == (500, 501)
    assert till.get(WALLET).json["debt"] == 500
    assert till.post("/v1/customers/bob/wallets/EUR/debt/waive", {"reason": "x"}).code == "amount_out_of_range"


def test_a_waiver_is_done_once_for_its_key(till: Till) -> None:
    owe(till, 500)
    first = till.post(WAIVE, {"amount": 200, "reason": "goodwill"}, key="k")
    again = till.post(WAIVE, {"amount": 200, "reason": "goodwill"}, key="k")
    assert (again.text, again.headers["Idempotent-Replayed"]) == (first.text, "true")
    assert till.post(WAIVE, {"amount": 201, "reason": "goodwill"}, key="k").code == "idempotency_key_reused"
    assert till.get(WALLET).json["debt"] == 300


def test_a_waiver_tried_dry_forgives_nothing(till: Till) -> None:
    owe(till, 500)
    dry = till.post(WAIVE, {"reason": "goodwill"}, key=None, query={"dry_run": "true"})
    assert (dry.status, dry.json["balance"]["debt"]) == (201, 0)
    assert till.get(WALLET).json["debt"] == 500


@pytest.mark.parametrize(
    ("pointer", "body"),
    [
        ("/reason", {}),
        ("/reason", {"reason": "Not a code"}),
        ("/amount", {"reason": "x", "amount": "1"}),
        ("/note", {"reason": "x", "note": "nul\0"}),
        ("/lot", {"reason": "x", "lot": "lot_1"}),
    ],
)
def test_a_waiver_that_is_wrong_is_pointed_to(till: Till, pointer: str, body: Any) -> None:
    answered = till.post(WAIVE, body)
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", [pointer])
    assert till.engine.commands == 0
