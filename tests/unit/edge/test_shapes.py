"""Every answer has exactly the members of the contract; the models that describe it are held against real answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.edge import answers
from chalicelib.edge.examples import REQUESTS
from chalicelib.edge.examples import answers as example_answers
from chalicelib.edge.routes import ROUTES
from tests.unit.edge.till import WALLET, Answered, Till

ENTRY = {
    "sequence",
    "type",
    "amount",
    "balance_after",
    "held_after",
    "allocations",
    "at",
    "actor",
    "reason",
    "operation",
}
LOT = {
    "id", "kind", "amount", "remaining", "held", "priority", "effective_at", "expires_at", "conditions", "source",
    "status",
}  # fmt: skip
BALANCE = {"version", "available", "pending", "held", "debt"}
REDEMPTION = {"id", "order_id", "amount", "allocations", "reversed", "status"}
HOLD = {"id", "order_id", "amount", "captured", "allocations", "status", "expires_at"}


def described(answered: Answered, name: str) -> Any:
    """The body, which the model of that name describes completely: what is validated and told again is the same."""
    body = answered.json
    model = getattr(answers, name)
    assert model.model_validate_json(answered.text).model_dump(mode="json", exclude_unset=True, by_alias=True) == body
    return body


def test_a_grant_answers_the_lot_the_entries_and_the_balance(till: Till) -> None:
    answered = till.grant(1_000, note="seen", customer_text="for you", source={"type": "order", "id": "o1"})
    assert answered.status == 201
    body = described(answered, "LotChanged")
    assert set(body) == {"lot", "entries", "balance"}
    assert set(body["lot"]) == LOT
    assert set(body["balance"]) == BALANCE
    (entry,) = body["entries"]
    assert set(entry) == ENTRY | {"note", "customer_text", "source"}
    assert entry["allocations"] == [{"lot": "lot_1", "amount": 1_000}]
    assert (entry["type"], entry["amount"], entry["actor"]) == ("issued", 1_000, "owner")
    assert body["balance"] == {"version": 1, "available": 1_000, "pending": 0, "held": 0, "debt": 0}


def test_what_an_entry_does_not_have_is_left_out(till: Till) -> None:
    assert set(till.grant(1_000).json["entries"][0]) == ENTRY


def test_a_grant_for_later_is_pending(till: Till) -> None:
    body = till.grant(1_000, effective_at="2027-01-01T00:00:00+01:00").json
    assert (body["lot"]["status"], body["lot"]["effective_at"]) == ("pending", "2026-12-31T23:00:00Z")
    assert (body["balance"]["available"], body["balance"]["pending"]) == (0, 1_000)


def test_conditions_are_answered_as_they_were_given(till: Till) -> None:
    conditions = {
        "min_order": 2_000,
        "max_share_of_order": 5_000,
        "include": {"products": ["tea"], "sites": ["de"]},
        "weekdays": ["mon", "tue"],
        "hours": {"from": "09:00", "to": "17:30"},
        "first_order_only": True,
    }
    assert described(till.grant(1_000, conditions=conditions), "LotChanged")["lot"]["conditions"] == conditions


def test_conditions_that_demand_nothing_are_none(till: Till) -> None:
    nothing = {"first_order_only": False, "include": {"products": []}, "weekdays": []}
    assert till.grant(1_000, conditions=nothing).json["lot"]["conditions"] is None


@pytest.mark.parametrize(
    ("expires", "told"),
    [
        ({"never": True}, None),
        ({"at": "2027-01-01T00:00:00Z"}, "2027-01-01T00:00:00Z"),
        ({"at": "2027-01-01T00:00:00.25Z"}, "2027-01-01T00:00:00.250Z"),
        ({"days": 1}, "2026-09-23T00:00:00Z"),
        ({"months": 1}, "2026-10-22T00:00:00Z"),
    ],
)
def test_an_expiry_is_answered_as_an_instant(till: Till, expires: dict[str, Any], told: str | None) -> None:
    assert till.grant(1_000, expires=expires).json["lot"]["expires_at"] == told


def test_a_redemption_tells_what_it_took_from_where(till: Till) -> None:
    till.grant(500, expires={"days": 5})
    till.grant(1_000)
    answered = till.redeem(700)
    assert answered.status == 201
    body = described(answered, "Redeemed")
    assert set(body) == {"redemption", "entries", "balance"}
    assert set(body["redemption"]) == REDEMPTION
    assert body["redemption"]["allocations"] == [{"lot": "lot_1", "amount": 500}, {"lot": "lot_2", "amount": 200}]
    assert (body["redemption"]["reversed"], body["redemption"]["status"]) == (0, "redeemed")
    asked = till.get(f"{WALLET}/redemptions/{body['redemption']['id']}")
    assert described(asked, "Redemption") == body["redemption"]


def test_a_reversal_tells_what_is_left_and_what_was_reinstated(till: Till) -> None:
    till.grant(500, expires={"at": "2026-10-01T00:00:00Z"})
    redemption = till.redeem(500).json["redemption"]["id"]
    till.send("PUT", "/v1/test-clock", {"now": "2026-11-01T00:00:00Z"})
    answered = till.post(f"{WALLET}/redemptions/{redemption}/reversals", {"amount": 200})
    assert answered.status == 201
    body = described(answered, "GivenBack")
    assert set(body) == {"redemption", "reinstated", "entries", "balance"}
    assert (body["redemption"]["reversed"], body["redemption"]["status"]) == (200, "partially_reversed")
    (lot,) = body["reinstated"]
    assert set(lot) == LOT | {"parent"}
    assert (lot["kind"], lot["parent"], lot["remaining"]) == ("reinstated", "lot_1", 200)


def test_a_hold_its_capture_and_its_release(till: Till) -> None:
    till.grant(1_000)
    held = described(till.hold(600, ttl_seconds=60), "Held")
    assert set(held) == {"hold", "balance"}
    assert set(held["hold"]) == HOLD
    assert (held["hold"]["status"], held["hold"]["expires_at"]) == ("open", "2026-09-21T14:14:20Z")
    assert (held["balance"]["available"], held["balance"]["held"]) == (400, 600)

    hold = held["hold"]["id"]
    captured = described(till.post(f"{WALLET}/holds/{hold}/captures", {"amount": 250, "final": False}), "Captured")
    assert set(captured) == {"hold", "redemption", "entries", "balance"}
    assert (captured["hold"]["captured"], captured["hold"]["status"]) == (250, "open")
    assert captured["redemption"]["amount"] == 250

    released = till.post(f"{WALLET}/holds/{hold}/release")
    assert released.status == 201
    body = described(released, "Held")
    assert set(body) == {"hold", "balance"}
    assert (body["hold"]["status"], body["balance"]["available"]) == ("released", 750)


def test_a_revoked_lot_is_closed(till: Till) -> None:
    till.grant(1_000)
    body = described(till.post(f"{WALLET}/lots/lot_1/revoke", {"reason": "fraud"}), "LotChanged")
    assert (body["lot"]["status"], body["lot"]["remaining"]) == ("closed", 0)


def test_a_lot_is_extended(till: Till) -> None:
    till.grant(1_000, expires={"days": 3})
    answered = till.post(f"{WALLET}/lots/lot_1/extend", {"reason": "kind", "expires": {"never": True}})
    assert answered.status == 201
    assert described(answered, "LotChanged")["lot"]["expires_at"] is None


def test_freezing_and_unfreezing(till: Till) -> None:
    frozen = described(till.post(f"{WALLET}/freeze", {"reason": "odd"}), "FrozenOrNot")
    assert frozen["frozen"] is True
    assert till.redeem(1).code == "wallet_frozen"
    assert described(till.post(f"{WALLET}/unfreeze", {"reason": "fine"}), "FrozenOrNot")["frozen"] is False


def test_a_debit_answers_entries_and_balance(till: Till) -> None:
    till.grant(1_000)
    body = described(till.post(f"{WALLET}/debits", {"amount": 300, "reason": "wrong", "lot": "lot_1"}), "TakenOut")
    assert set(body) == {"entries", "balance"}
    assert body["entries"][0]["amount"] == -300


def test_a_wallet_shows_its_amounts_to_people_too(till: Till) -> None:
    till.grant(1_250, expires={"at": "2027-01-01T00:00:00Z"})
    body = described(till.get(WALLET), "Wallet")
    assert set(body) == BALANCE | {"customer", "currency", "frozen", "lots", "next_expiry", "display"}
    assert body["next_expiry"] == {"at": "2027-01-01T00:00:00Z", "amount": 1_250}
    assert body["display"]["available"] == "12.50 EUR"
    assert body["display"]["lots"]["lot_1"]["remaining"] == "12.50 EUR"


def test_a_customer_without_a_wallet_has_an_empty_one(till: Till) -> None:
    body = described(till.get("/v1/customers/nobody/wallets/JPY"), "Wallet")
    assert (body["version"], body["available"], body["lots"], body["next_expiry"]) == (0, 0, [], None)
    assert body["display"]["available"] == "0 JPY"
    assert till.get("/v1/customers/nobody/wallets").json == {"data": []}


def test_all_wallets_of_a_customer(till: Till) -> None:
    till.grant(1_000)
    body = described(till.get("/v1/customers/alice/wallets"), "WalletList")
    assert [wallet["currency"] for wallet in body["data"]] == ["EUR"]


def test_a_quote_says_what_applies_and_why_not(till: Till) -> None:
    till.grant(1_000, conditions={"min_order": 5_000})
    till.grant(700)
    order = {"total": 3_000, "lines": [], "site": "de", "channel": "web", "discounted": False}
    answered = till.post("/v1/checkout/quotes", {"customer": "alice", "currency": "EUR", "order": order}, key=None)
    assert answered.status == 200
    body = described(answered, "Quote")
    assert (body["available"], body["applicable"], body["suggested"]) == (1_700, 700, 700)
    assert {"lot": "lot_1", "applicable": 0, "reasons": ["min_order"]} in body["lots"]
    assert body["display"]["suggested"] == "7.00 EUR"


def test_an_explanation_replays_the_ledger(till: Till) -> None:
    till.grant(1_000)
    till.redeem(300)
    body = described(till.get(f"{WALLET}/explanation"), "Explanation")
    assert (body["consistent"], body["differences"], body["entries_checked"]) == (True, [], 2)
    assert body["wallet"]["available"] == 700


def test_an_explanation_names_a_missing_entry(till: Till) -> None:
    till.grant(1_000)
    till.redeem(300)
    del till.engine.store.entries["alice/EUR"][0]
    body = described(till.get(f"{WALLET}/explanation"), "Explanation")
    assert body["consistent"] is False
    assert body["differences"][0]["code"] == "entry_missing"


def test_the_test_clock_is_set_and_reset(till: Till) -> None:
    answered = till.send("PUT", "/v1/test-clock", {"now": "2030-01-01T01:00:00+01:00"})
    assert described(answered, "TestClock") == {"now": "2030-01-01T00:00:00Z"}
    assert till.grant(1).json["entries"][0]["at"] == "2030-01-01T00:00:00Z"
    assert till.send("DELETE", "/v1/test-clock").json == {"now": None}


def test_a_test_clock_tried_dry_is_not_set(till: Till) -> None:
    till.send("PUT", "/v1/test-clock", {"now": "2030-01-01T00:00:00Z"}, query={"dry_run": "true"})
    assert till.grant(1).json["entries"][0]["at"] == "2026-09-21T14:13:20Z"


def test_health_needs_no_token(till: Till) -> None:
    till.claims = None
    body = described(till.send("GET", "/health", query={"probe": "7"}), "Health")
    assert set(body) == {"status", "version"}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_example_of_an_answer_is_one(route: Any) -> None:
    told = example_answers().get(route.name)
    assert told is not None or route.name == "get_description"
    if told is not None:
        model = answers.model(route.answer)
        assert (
            model.model_validate_json(json.dumps(told)).model_dump(mode="json", exclude_unset=True, by_alias=True)
            == told
        )


@pytest.mark.parametrize("route", [route for route in ROUTES if route.body], ids=lambda route: route.name)
def test_every_example_of_a_request_is_accepted(route: Any) -> None:
    assert route.model.model_validate_json(json.dumps(REQUESTS[route.name]))


def test_no_answer_is_kept_by_a_cache_and_all_name_their_request(till: Till) -> None:
    for answered in (till.grant(1), till.get(WALLET), till.get(f"{WALLET}/redemptions/rdm_x")):
        assert answered.headers["Cache-Control"] == "no-store"
        assert answered.headers["X-Request-Id"] == "request-1"
