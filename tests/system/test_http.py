"""The contract over HTTP, on the packaged stack: what a checkout, a support tool and a shopper's app do with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.system.conftest import AsRole, fresh_key

BALANCE = {"version", "available", "pending", "held", "debt"}


class Shop:
    """One customer's wallet, as the shop's systems see it."""

    def __init__(self, as_role: AsRole, customer: str) -> None:
        self.customer = customer
        self.wallet = f"v1/customers/{customer}/wallets/EUR"
        self.support, self.checkout, self.owner = (as_role(role) for role in ("support", "checkout", "owner"))
        self.shopper = as_role("shopper", customer)

    def grant(self, amount: int, **more: Any) -> Any:
        body = {"amount": amount, "kind": "promotion", "reason": "test"} | more
        return made(self.support.post(f"{self.wallet}/credits", json=body, headers=fresh_key()))

    def redeem(self, amount: int, order: str = "order-1") -> Any:
        body = {"amount": amount, "order": {"id": order}}
        return made(self.checkout.post(f"{self.wallet}/redemptions", json=body, headers=fresh_key()))

    def hold(self, amount: int, order: str = "order-1", **more: Any) -> Any:
        body = {"amount": amount, "order": {"id": order}} | more
        return made(self.checkout.post(f"{self.wallet}/holds", json=body, headers=fresh_key()))

    def available(self) -> Any:
        return self.shopper.get(self.wallet).json()["available"]


def made(answer: httpx.Response) -> Any:
    assert answer.status_code == 201, answer.text
    return answer.json()


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["request_id"] == answer.headers["X-Request-Id"]
    return answer.status_code, told["code"]


@pytest.fixture
def shop(as_role: AsRole, customer: str) -> Shop:
    return Shop(as_role, customer)


@pytest.fixture
def standing_clock(as_role: AsRole) -> Iterator[httpx.Client]:
    """The owner, who sets the test clock; it runs again at the end."""
    owner = as_role("owner")
    yield owner
    assert owner.delete("v1/test-clock").json() == {"now": None}


def test_credit_is_granted_quoted_held_captured_and_given_back(shop: Shop) -> None:
    lot = shop.grant(1_000, customer_text="for you", note="internal")["lot"]
    assert (lot["amount"], lot["remaining"], lot["status"]) == (1_000, 1_000, "active")

    order = {"total": 3_000, "lines": [], "site": "de", "channel": "web", "discounted": False}
    quote = {"customer": shop.customer, "currency": "EUR", "order": order}
    quoted = shop.checkout.post("v1/checkout/quotes", json=quote)
    assert quoted.status_code == 200
    assert (quoted.json()["applicable"], quoted.json()["display"]["applicable"]) == (1_000, "10.00 EUR")

    held = shop.hold(600)
    assert (held["hold"]["status"], held["balance"]["available"], held["balance"]["held"]) == ("open", 400, 600)

    captures = f"{shop.wallet}/holds/{held['hold']['id']}/captures"
    captured = made(shop.checkout.post(captures, json={"amount": 450}, headers=fresh_key()))
    assert (captured["hold"]["status"], captured["balance"]["available"]) == ("captured", 550)

    redemption = captured["redemption"]["id"]
    reversals = f"{shop.wallet}/redemptions/{redemption}/reversals"
    reversed_ = made(shop.support.post(reversals, json={"amount": 200}, headers=fresh_key()))
    assert (reversed_["redemption"]["reversed"], reversed_["balance"]["available"]) == (200, 750)
    asked = shop.checkout.get(f"{shop.wallet}/redemptions/{redemption}").json()
    assert asked == reversed_["redemption"]

    wallet = shop.shopper.get(shop.wallet).json()
    assert {name: wallet[name] for name in BALANCE} == reversed_["balance"]
    told = shop.owner.get(f"{shop.wallet}/explanation").json()
    assert (told["consistent"], told["entries_checked"]) == (True, wallet["version"])


def test_a_body_that_may_be_empty_may_be_absent(shop: Shop) -> None:
    shop.grant(500)
    hold = shop.hold(500)["hold"]["id"]
    released = shop.checkout.post(f"{shop.wallet}/holds/{hold}/release", headers=fresh_key())
    assert made(released)["hold"]["status"] == "released"
    redemption = shop.redeem(500)["redemption"]["id"]
    back = made(shop.checkout.post(f"{shop.wallet}/redemptions/{redemption}/reversals", headers=fresh_key()))
    assert back["redemption"]["status"] == "reversed"


def test_support_debits_revokes_extends_and_freezes(shop: Shop) -> None:
    shop.grant(500, expires={"days": 3})
    shop.grant(700)
    debit = {"amount": 100, "reason": "wrong", "lot": "lot_2"}
    assert made(shop.support.post(f"{shop.wallet}/debits", json=debit, headers=fresh_key()))["balance"] == {
        "version": 3, "available": 1_100, "pending": 0, "held": 0, "debt": 0,
    }  # fmt: skip
    extend = {"reason": "kind", "expires": {"never": True}}
    extended = made(shop.support.post(f"{shop.wallet}/lots/lot_1/extend", json=extend, headers=fresh_key()))
    assert extended["lot"]["expires_at"] is None
    revoke = {"reason": "fraud"}
    revoked = made(shop.support.post(f"{shop.wallet}/lots/lot_2/revoke", json=revoke, headers=fresh_key()))
    assert (revoked["lot"]["status"], revoked["balance"]["available"]) == ("closed", 500)
    made(shop.support.post(f"{shop.wallet}/freeze", json={"reason": "odd"}, headers=fresh_key()))
    spend = {"amount": 1, "order": {"id": "o"}}
    refused = shop.checkout.post(f"{shop.wallet}/redemptions", json=spend, headers=fresh_key())
    assert problem(refused) == (409, "wallet_frozen")
    made(shop.support.post(f"{shop.wallet}/unfreeze", json={"reason": "fine"}, headers=fresh_key()))
    assert shop.redeem(1)["balance"]["available"] == 499


def test_a_retry_is_answered_what_was_answered_first_byte_for_byte(shop: Shop) -> None:
    shop.grant(500)
    key = fresh_key()
    url, body = f"{shop.wallet}/redemptions", {"amount": 500, "order": {"id": "order-1"}}
    first = shop.checkout.post(url, json=body, headers=key)
    again = shop.checkout.post(url, json=body, headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert shop.available() == 0
    other = shop.checkout.post(url, json=body | {"amount": 1}, headers=key)
    assert problem(other) == (422, "idempotency_key_reused")


def test_a_refusal_is_not_remembered_and_tells_the_facts(shop: Shop) -> None:
    key = fresh_key()
    url, body = f"{shop.wallet}/redemptions", {"amount": 500, "order": {"id": "order-1"}}
    refused = shop.checkout.post(url, json=body, headers=key)
    assert problem(refused) == (409, "insufficient_credit")
    assert (refused.json()["available"], refused.json()["requested"]) == (0, 500)
    shop.grant(500)
    assert shop.checkout.post(url, json=body, headers=key).status_code == 201


def test_a_dry_run_answers_the_same_and_changes_nothing(shop: Shop) -> None:
    body = {"amount": 500, "kind": "manual", "reason": "test"}
    url = f"{shop.wallet}/credits"
    dry = shop.support.post(url, json=body, params={"dry_run": "true"})
    assert (dry.status_code, dry.json()["balance"]["available"]) == (201, 500)
    assert shop.shopper.get(shop.wallet).json()["version"] == 0


def test_entries_come_page_by_page_and_a_cursor_is_good_for_its_list_alone(shop: Shop) -> None:
    for amount in (1, 2, 3, 4, 5):
        shop.grant(amount)
    url = f"{shop.wallet}/entries"
    seen, cursor = [], None
    while True:
        page = shop.shopper.get(url, params={"limit": "2"} | ({"cursor": cursor} if cursor else {})).json()
        seen += [entry["sequence"] for entry in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        kept = cursor
    assert seen == [5, 4, 3, 2, 1]
    tampered = kept[:-1] + ("A" if kept[-1] != "A" else "B")
    assert problem(shop.shopper.get(url, params={"cursor": tampered})) == (400, "invalid_cursor")
    foreign = shop.support.get("v1/customers/somebody/wallets/EUR/entries", params={"cursor": kept})
    assert problem(foreign) == (400, "invalid_cursor")


def test_every_answer_names_its_request_and_is_kept_by_no_cache(shop: Shop, http: httpx.Client) -> None:
    for answer in (
        shop.shopper.get(shop.wallet),
        shop.shopper.get(f"{shop.wallet}/entries?limit=0"),
        http.get("health"),
    ):
        assert answer.headers["X-Request-Id"]
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("currency", "amount", "shown"), [("JPY", 1_250, "1250 JPY"), ("KWD", 1_250, "1.250 KWD"), ("PTS", 7, "7 PTS")]
)
def test_a_currency_has_its_own_decimals(shop: Shop, currency: str, amount: int, shown: str) -> None:
    wallet = f"v1/customers/{shop.customer}/wallets/{currency}"
    body = {"amount": amount, "kind": "manual", "reason": "test"}
    made(shop.support.post(f"{wallet}/credits", json=body, headers=fresh_key()))
    assert shop.shopper.get(wallet).json()["display"]["available"] == shown


def test_a_customers_id_may_have_all_its_characters(as_role: AsRole, customer: str) -> None:
    wild = f"{customer}.A_z:0@x+y-z"
    shop = Shop(as_role, wild)
    shop.grant(100)
    assert shop.available() == 100
    escaped = wild.replace("+", "%2B").replace("@", "%40").replace(":", "%3A")
    assert shop.support.get(f"v1/customers/{escaped}/wallets/EUR").json()["customer"] == wild


def test_time_stands_still_where_the_owner_sets_it_at_once(shop: Shop, standing_clock: httpx.Client) -> None:
    assert standing_clock.put("v1/test-clock", json={"now": "2031-05-01T00:00:00Z"}).status_code == 200
    granted = shop.grant(500, expires={"at": "2031-06-01T00:00:00Z"})
    assert granted["entries"][0]["at"] == "2031-05-01T00:00:00Z"
    assert standing_clock.put("v1/test-clock", json={"now": "2031-05-31T23:59:59.999Z"}).status_code == 200
    assert shop.available() == 500
    assert standing_clock.put("v1/test-clock", json={"now": "2031-06-01T00:00:00Z"}).status_code == 200
    assert shop.available() == 0
    spend = {"amount": 500, "order": {"id": "o"}}
    refused = shop.checkout.post(f"{shop.wallet}/redemptions", json=spend, headers=fresh_key())
    assert problem(refused) == (409, "insufficient_credit")


def test_the_description_is_served(http: httpx.Client) -> None:
    answer = http.get("openapi.json")
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")
    assert "/v1/checkout/quotes" in answer.json()["paths"]
