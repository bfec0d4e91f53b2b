"""Refunds in the deployed whole: a quote is what the refund then does, either way, and everything can be undone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chalicelib.settings.source import FRESH_SECONDS
from dev.stack import Stack
from tests.system.conftest import AsRole, built_in_settings
from tests.system.shop import REFUNDS, Shop


@pytest.fixture
def shop(stack: Stack, as_role: AsRole, customer: str) -> Shop:
    return Shop(stack, as_role, customer)


@pytest.fixture
def owner(as_role: AsRole) -> Iterator[httpx.Client]:
    """Who may change the settings; they are as built in before and afterwards."""
    client = as_role("owner")
    built_in_settings(client)
    yield client
    built_in_settings(client)


def change(owner: httpx.Client, **document: Any) -> None:
    """Put settings, and wait until every function goes by them."""
    now = owner.get("v1/settings")
    body = {"points": now.json()["points"], **document}
    owner.put("v1/settings", json=body, headers={"If-Match": now.headers["ETag"]}).raise_for_status()
    time.sleep(FRESH_SECONDS)


def part_paid_with_credit(shop: Shop) -> None:
    """30.00, of which 12.00 are credit."""
    shop.grant(1_200)
    shop.redeem(1_200)
    assert shop.tell(shop.paid(3_000))["status"] == "applied"


def lots(shop: Shop) -> dict[str, tuple[int, Any]]:
    """What remains, and until when, by kind."""
    return {lot["kind"]: (lot["remaining"], lot["expires_at"]) for lot in shop.wallet()["lots"]}


def test_a_quote_is_what_the_refund_to_the_original_tenders_does(shop: Shop) -> None:
    part_paid_with_credit(shop)
    for amount in (1_001, 999):
        before, quoted = shop.available(), shop.quote(amount)
        assert sum(quoted["original"].values()) == amount
        assert shop.tell(shop.refunded(amount))["status"] == "applied"
        assert shop.available() - before == quoted["original"]["credit"]
    left = shop.quote(1_000)
    assert left["refundable"] == left["original"]
    shop.tell(shop.refunded(1_000))
    assert shop.available() == 1_200
    answer = shop.checkout.post("v1/refund-quotes", json={"order_id": shop.order, "amount": 1})
    assert (answer.status_code, answer.json()["code"], answer.json()["refundable"]) == (409, "over_refund", 0)


def test_a_quote_is_what_the_refund_to_credit_does_bonus_and_expiry_included(shop: Shop, owner: httpx.Client) -> None:
    change(owner, refund_bonus_basis_points=1_000, refund_bonus_expires={"days": 30})
    part_paid_with_credit(shop)
    quoted = shop.quote(1_500)
    credit = quoted["store_credit"]
    assert (credit["credit"], credit["refund"], credit["bonus"], credit["total"]) == (600, 900, 90, 1_590)
    assert quoted["display"]["store_credit"]["total"] == "15.90 EUR"
    consent = {"given_at": "2026-05-01T10:00:00Z", "text_version": "v3"}
    assert shop.tell(shop.refunded(1_500, method="store_credit", consent=consent))["status"] == "applied"
    assert shop.available() == credit["total"]
    found = lots(shop)
    assert found["refund"] == (credit["refund"], credit["refund_expires_at"]) == (900, None)
    assert found["promotion"] == (credit["bonus"], credit["bonus_expires_at"])
    assert found["compensation"][0] == credit["credit"]
    assert shop.consistent()


def test_a_refund_says_its_own_bonus_and_its_own_split(shop: Shop) -> None:
    part_paid_with_credit(shop)
    said: dict[str, Any] = {
        "method": "store_credit",
        "split": {"credit": 100},
        "bonus_basis_points": 500,
        "expires": {"days": 7},
    }
    assert shop.tell(shop.refunded(1_000, **said))["status"] == "applied"
    found = lots(shop)
    assert (found["compensation"][0], found["refund"], found["promotion"][0]) == (100, (900, None), 45)
    assert found["promotion"][1] is not None


def test_a_refund_that_is_reversed_is_undone(shop: Shop) -> None:
    part_paid_with_credit(shop)
    refund = shop.refunded(1_500, method="store_credit", bonus_basis_points=1_000)
    shop.tell(refund)
    assert shop.available() == 1_590
    assert shop.tell(shop.reversal(refund))["status"] == "applied"
    assert shop.available() == 0
    assert shop.tell(shop.reversal(refund))["status"] == "duplicate"
    assert shop.quote(3_000)["refundable"] == {"credit": 1_200, "other": 1_800}
    assert shop.consistent()


def test_a_reversal_before_its_refund_waits_for_it(shop: Shop) -> None:
    part_paid_with_credit(shop)
    refund = shop.refunded(1_500)
    reversal = shop.reversal(refund)
    shop.send(REFUNDS, json.dumps(reversal))
    assert shop.fate(reversal, "parked")["code"] == "refund_not_seen"
    shop.tell(refund)
    assert shop.fate(reversal)["status"] == "applied"
    assert shop.available() == 0


def test_more_than_was_paid_is_not_refunded(shop: Shop) -> None:
    part_paid_with_credit(shop)
    shop.tell(shop.refunded(2_000))
    before = shop.available()
    told = shop.tell(shop.refunded(1_001))
    assert (told["status"], told["code"]) == ("rejected", "over_refund")
    assert shop.available() == before
    assert shop.tell(shop.refunded(1_000))["status"] == "applied"
    assert shop.available() == 1_200


def test_a_refund_of_anothers_order_or_in_another_currency_is_rejected(shop: Shop) -> None:
    part_paid_with_credit(shop)
    assert shop.tell(shop.refunded(100, customer=f"{shop.customer}-2"))["code"] == "order_mismatch"
    assert shop.tell(shop.refunded(100, currency="USD"))["code"] == "currency_mismatch"
    assert shop.tell(shop.refunded(100, currency="XXXX"))["code"] == "currency_unknown"
    assert shop.available() == 0


def test_a_cancelled_order_releases_its_hold_and_gives_the_rest_back(shop: Shop) -> None:
    shop.grant(2_000)
    shop.redeem(1_200)
    shop.post("holds", amount=500, order={"id": shop.order})
    shop.tell(shop.paid(3_000))
    shop.tell(shop.refunded(500, split="other_first"))
    assert (shop.wallet()["available"], shop.wallet()["held"]) == (300, 500)
    assert shop.tell(shop.cancelled())["status"] == "applied"
    wallet = shop.wallet()
    assert (wallet["available"], wallet["held"]) == (2_000, 0)
    assert {"released", "restored"} <= {entry["type"] for entry in shop.entries()}
    assert shop.tell(shop.cancelled())["status"] == "duplicate"
    assert shop.consistent()


def test_an_order_may_be_cancelled_before_it_is_known(shop: Shop) -> None:
    shop.grant(1_200)
    shop.redeem(1_200)
    assert shop.tell(shop.cancelled())["status"] == "applied"
    assert shop.available() == 1_200
    assert shop.tell(shop.paid(3_000))["status"] == "applied"
    assert shop.available() == 1_200


def earned_and_spent(shop: Shop) -> None:
    """Promotional credit of 5.00 for an order of 30.00, spent on another one."""
    shop.tell(shop.paid(3_000))
    shop.grant(500, kind="cashback", source={"type": "order", "id": shop.order})
    shop.redeem(500, f"{shop.order}-later")


def test_what_an_order_earned_is_taken_back_when_it_is_refunded(shop: Shop) -> None:
    shop.tell(shop.paid(3_000))
    shop.grant(500, kind="cashback", source={"type": "order", "id": shop.order})
    shop.grant(700, kind="refund")
    shop.tell(shop.refunded(600))
    assert lots(shop)["cashback"][0] == 400
    refund = shop.refunded(2_400)
    shop.tell(refund)
    wallet = shop.wallet()
    assert (wallet["available"], wallet["debt"]) == (700, 0)
    shop.tell(shop.reversal(refund))
    assert lots(shop)["cashback"][0] == 400
    assert shop.consistent()


def test_what_was_earned_and_spent_becomes_debt_that_a_later_grant_settles(shop: Shop) -> None:
    earned_and_spent(shop)
    shop.tell(shop.refunded(3_000))
    assert (shop.wallet()["available"], shop.wallet()["debt"]) == (0, 500)
    shop.grant(300, kind="refund")
    assert (shop.wallet()["available"], shop.wallet()["debt"]) == (300, 500)
    shop.grant(200, kind="promotion")
    assert (shop.wallet()["available"], shop.wallet()["debt"]) == (300, 300)
    shop.grant(1_000, kind="promotion")
    assert (shop.wallet()["available"], shop.wallet()["debt"]) == (1_000, 0)
    assert [entry["type"] for entry in shop.entries()].count("debt_settled") == 2
    assert shop.consistent()


def test_debt_can_be_waived(shop: Shop) -> None:
    earned_and_spent(shop)
    shop.tell(shop.refunded(3_000))
    waived = shop.post("debt/waive", amount=200, reason="goodwill")
    assert waived["balance"]["debt"] == 300
    assert shop.post("debt/waive", reason="goodwill")["balance"]["debt"] == 0
    shop.grant(400, kind="promotion")
    assert shop.available() == 400
    assert shop.consistent()


def test_without_refunds_to_credit_one_is_rejected_until_they_are_switched_on(shop: Shop, owner: httpx.Client) -> None:
    part_paid_with_credit(shop)
    change(owner, refund_to_credit=False)
    quoted = shop.quote(1_500)
    assert (quoted["store_credit"], quoted["original"]) == (None, {"credit": 600, "other": 900})
    assert quoted["store_credit_refused"] == "feature_disabled"
    refund = shop.refunded(1_500, method="store_credit")
    told = shop.tell(refund)
    assert (told["status"], told["code"]) == ("rejected", "feature_disabled")
    assert shop.available() == 0

    change(owner, refund_to_credit=True)
    assert shop.retry(told["rejection"])["status"] == "applied"
    assert shop.available() == 1_500
