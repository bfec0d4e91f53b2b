"""Rules: what a paid order earns, once, and what a refund takes back of it."""

from __future__ import annotations

from typing import Any

import pytest

from dev.stack import Stack
from tests.system.conftest import AsRole, fresh_key
from tests.system.marketing import Marketing, eventually, problem
from tests.system.shop import ORDERS, Shop

Json = dict[str, Any]


@pytest.fixture
def shop(stack: Stack, as_role: AsRole, customer: str) -> Shop:
    return Shop(stack, as_role, customer)


@pytest.fixture
def marketing(stack: Stack, as_role: AsRole) -> Marketing:
    return Marketing(stack, as_role)


def a_rule(marketing: Marketing, **more: Any) -> Json:
    """A rule for orders of a site that only this test has."""
    body = {
        "name": f"Rule {marketing.word}",
        "trigger": "order.paid",
        "currency": "EUR",
        "from": "2026-01-01T00:00:00Z",
        "sites": [marketing.word],
        "grant": {"fixed": 500},
        "expires": {"days": 30},
    }
    return marketing.make("rules", **(body | more))


def earned(shop: Shop, available: int) -> Json:
    """The wallet, once that is in it: an event is told to be applied a moment before what follows from it."""
    return eventually(shop.wallet, lambda wallet: bool(wallet["available"] == available))  # type: ignore[no-any-return]


def followed(shop: Shop, said: Json) -> None:
    """Tell it, and wait until all that follows from it is done."""
    shop.tell(said)
    shop.drained(ORDERS)


def test_a_rule_is_made_once_and_changed_by_who_saw_it(marketing: Marketing, as_role: AsRole, customer: str) -> None:
    marketer, key = marketing.marketer, fresh_key()
    body = {
        "name": "Spring",
        "trigger": "order.paid",
        "currency": "EUR",
        "total_over": 5_000,
        "sites": ["nowhere"],
        "grant": {"basis_points": 1_000, "max": 2_000},
        "cap_per_customer": 2,
        "delay_days": 14,
        "expires": {"days": 60},
    }
    problem(marketer.post("v1/rules", json=body), 400, "idempotency_key_required")
    assert marketer.post("v1/rules", json=body, params={"dry_run": "true"}).status_code == 201
    for caller in (as_role("support"), as_role("checkout"), as_role("finance"), as_role("shopper", customer)):
        problem(caller.post("v1/rules", json=body, headers=fresh_key()), 403, "forbidden")
        problem(caller.get("v1/rules"), 403, "forbidden")
    first = marketer.post("v1/rules", json=body, headers=key)
    assert first.status_code == 201, first.text
    again = marketer.post("v1/rules", json=body, headers=key)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    told = first.json()
    assert body.items() <= told.items()
    assert (told["version"], told["state"]) == (1, "active")
    path = f"v1/rules/{told['id']}"
    seen = marketer.get(path)
    assert seen.json() == told
    problem(marketer.put(path, json=body), 422, "validation_failed", "/header/If-Match")
    changed = marketer.put(path, json=body | {"grant": {"fixed": 1}}, headers={"If-Match": seen.headers["ETag"]})
    assert (changed.json()["version"], changed.json()["grant"]) == (2, {"fixed": 1})
    assert changed.json()["from"] == told["from"], "a change does not move its beginning"
    problem(marketer.put(path, json=body, headers={"If-Match": seen.headers["ETag"]}), 409, "version_conflict")
    for what, state in (("pause", "paused"), ("resume", "active")):
        problem(marketer.post(f"{path}/{what}", json={}), 400, "idempotency_key_required")
        assert marketer.post(f"{path}/{what}", params={"dry_run": "true"}).json()["state"] == state
        assert marketer.post(f"{path}/{what}", json={}, headers=fresh_key()).json()["state"] == state
    assert told["id"] in [each["id"] for each in marketer.get("v1/rules?limit=250").json()["data"]]
    assert marketer.delete(path, params={"dry_run": "true"}).status_code == 200
    assert marketer.get(path).status_code == 200
    assert marketer.delete(path).status_code == 200
    problem(marketer.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"trigger": "order.cancelled"}, "/trigger"),
        ({"grant": {}}, "/grant"),
        ({"grant": {"fixed": 1, "basis_points": 1}}, "/grant"),
        ({"grant": {"basis_points": 10_001}}, "/grant/basis_points"),
        ({"total_over": -1}, "/total_over"),
        ({"from": "2027-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "/to"),
        ({"cap_per_customer": 0}, "/cap_per_customer"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_a_rule_that_is_none_is_pointed_at(marketing: Marketing, change: Json, pointer: str) -> None:
    good = {"name": "wrong", "trigger": "order.paid", "currency": "EUR", "grant": {"fixed": 1}}
    answer = marketing.marketer.post("v1/rules", json=good | change, headers=fresh_key())
    problem(answer, 422, "validation_failed", pointer)


def test_more_than_the_threshold_earns_once_up_to_the_cap_and_a_refund_takes_it_back(
    marketing: Marketing, shop: Shop
) -> None:
    rule = a_rule(marketing, total_over=5_000, cap_per_customer=2, grant={"basis_points": 1_000})

    def paid(number: int, total: int) -> Json:
        line = {"product": "pot", "category": "tea", "quantity": 2, "unit_price": total // 2}
        told = shop.paid(total, order=f"{shop.order}-{number}", site=marketing.word, lines=[line])
        told["time"] = "2026-05-01T10:00:00Z"
        return told

    first = paid(1, 8_000)
    shop.tell(first)
    (lot,) = earned(shop, 800)["lots"]
    assert lot["source"] == {"type": "order", "id": first["data"]["id"]}
    followed(shop, paid(2, 5_000))
    assert shop.available() == 800, "strictly more than the threshold"
    shop.tell(paid(3, 5_002))
    earned(shop, 800 + 500)
    followed(shop, paid(4, 9_000))
    assert shop.available() == 800 + 500, "twice is what a customer gets of it"
    for _ in range(2):
        followed(shop, paid(1, 8_000))
    assert shop.available() == 800 + 500, "once for each order"

    shop.tell(shop.refunded(2_000, order=first["data"]["id"]))
    assert shop.available() == 600 + 500, "a share of what is left of the order"
    shop.tell(shop.refunded(1_000, order=first["data"]["id"]))
    assert shop.available() == 500, "5,000 is not more than the threshold"
    assert shop.consistent()
    assert rule["version"] == 1


def test_what_is_paid_with_credit_earns_none_and_a_paused_rule_grants_nothing(marketing: Marketing, shop: Shop) -> None:
    rule = a_rule(marketing, grant={"basis_points": 1_000}, delay_days=0)
    shop.grant(3_000)
    shop.redeem(3_000)

    def paid(order: str) -> Json:
        line = {"product": "pot", "category": "tea", "quantity": 1, "unit_price": 9_000, "discount": 1_000}
        return shop.paid(8_500, order=order, site=marketing.word, lines=[line])

    shop.tell(paid(shop.order))
    earned(shop, 500)
    path = f"v1/rules/{rule['id']}"
    marketing.marketer.post(f"{path}/pause", json={}, headers=fresh_key()).raise_for_status()
    followed(shop, paid(f"{shop.order}-paused"))
    marketing.marketer.post(f"{path}/resume", json={}, headers=fresh_key()).raise_for_status()
    shop.tell(paid(f"{shop.order}-resumed"))
    earned(shop, 500 + 800)
    assert shop.consistent()
