"""Customers: who they are is said over HTTP and by events, what they did is told by events, in any order."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dev.stack import Stack
from tests.system.conftest import AsRole, fresh_key
from tests.system.marketing import Marketing, eventually, problem
from tests.system.shop import ORDERS, REFUNDS, Shop, event

Json = dict[str, Any]
PERSON: Json = {
    "email": "ann@shop.example",
    "phone": "+4915112345678",
    "locale": "de-DE",
    "birth_date": "1990-02-28",
    "consents": {"email": True, "sms": False, "push": False},
    "tags": ["loves-tea"],
    "attributes": {"size": "m", "points": 12, "staff": False},
    "address": {"country": "DE", "region": "Hessen", "city": "Kassel", "postal_code": "34117"},
    "predicted_spend_tier": "high",
    "has_account": True,
}


@pytest.fixture
def marketing(stack: Stack, as_role: AsRole) -> Marketing:
    return Marketing(stack, as_role)


def test_a_customer_is_what_was_said_last_and_nobody_overwrites_what_he_has_not_seen(
    as_role: AsRole, customer: str
) -> None:
    support, path = as_role("support"), f"v1/customers/{customer}"
    problem(support.get(path), 404, "not_found")
    dry = support.put(path, json=PERSON, params={"dry_run": "true"})
    assert dry.status_code == 200
    assert support.get(path).status_code == 404

    first = support.put(path, json=PERSON)
    assert first.status_code == 200
    assert PERSON.items() <= first.json().items()
    same = support.get(path)
    assert same.json() == first.json()
    assert same.headers["ETag"] == first.headers["ETag"]
    assert same.json()["aggregates"]["orders"] == {
        "count": 0, "total": {}, "average": {}, "first_at": None, "last_at": None,
    }  # fmt: skip

    second = support.put(path, json={"email": "b@shop.example"}, headers={"If-Match": first.headers["ETag"]})
    assert second.json()["email"] == "b@shop.example"
    assert second.json()["phone"] is None, "what is left out is said to be nothing"
    problem(support.put(path, json={}, headers={"If-Match": first.headers["ETag"]}), 409, "version_conflict")
    for wrong, pointer in (
        ({"email": "nobody"}, "/email"),
        ({"birth_date": "2999-01-01"}, "/birth_date"),
        ({"consents": {"email": "yes"}}, "/consents/email"),
        ({"attributes": {"size": 1.5}}, "/attributes/size"),
        ({"predicted_spend_tier": "top"}, "/predicted_spend_tier"),
        ({"loyal": True}, "/loyal"),
    ):
        told = problem(support.put(path, json=wrong), 422, "validation_failed")
        assert all(each["pointer"].startswith(pointer) for each in told["errors"]), told


def test_only_those_who_look_after_customers_see_them(as_role: AsRole, customer: str) -> None:
    path = f"v1/customers/{customer}"
    for role in ("support", "marketer", "owner"):
        assert as_role(role).put(path, json={}).status_code == 200
        assert as_role(role).get(path).status_code == 200
    for caller in (as_role("checkout"), as_role("finance"), as_role("shopper", customer)):
        problem(caller.get(path), 403, "forbidden")
        problem(caller.put(path, json={}), 403, "forbidden")
        problem(caller.delete(path), 403, "forbidden")
        problem(caller.post(f"{path}/merge", json={"into": "x"}, headers=fresh_key()), 403, "forbidden")


def a_life(customer: str) -> tuple[list[Json], list[Json], list[Json]]:
    """What three queues tell of a customer: what they did, what they ordered, what was refunded."""

    def at(day: int, type_: str, **data: Any) -> Json:
        time = (datetime(2026, 4, 1, 12, tzinfo=UTC) + timedelta(days=day)).isoformat()
        return event(type_, {"customer": customer, **data}, time=time)

    def order(number: int, day: int, total: int, product: str) -> Json:
        paid_at = (datetime(2026, 4, 1, 12, tzinfo=UTC) + timedelta(days=day)).isoformat()
        line = {"product": product, "category": "tea", "tags": ["green"], "quantity": 1, "unit_price": total}
        about = {"id": f"{customer}-{number}", "currency": "EUR", "total": total, "paid_at": paid_at}
        return at(day, "order.paid", **about, placed_at=paid_at, lines=[line])

    did = [
        at(1, "email.subscribed"),
        at(2, "email.opened"),
        at(2, "email.opened"),
        at(3, "email.clicked"),
        at(4, "product.viewed", product="pot", collections=["spring"], tags=["green"]),
        at(5, "collection.viewed", collection="summer"),
        at(6, "checkout.started", total=900, currency="EUR"),
        at(6, "checkout.abandoned", total=900, currency="EUR"),
        at(7, "customer.updated", locale="fr", tags=["a"]),
        at(8, "customer.updated", locale="de", address={"country": "AT"}),
        at(9, "email.unsubscribed"),
    ]
    ordered = [
        order(1, 10, 4_000, "cup"),
        order(2, 20, 6_000, "pot"),
        order(3, 30, 9_000, "tin"),
        at(31, "order.cancelled", order_id=f"{customer}-3", currency="EUR"),
    ]
    refunded = {"refund_id": f"{customer}-r", "order_id": f"{customer}-2", "currency": "EUR", "amount": 1_000}
    return did, ordered, [at(25, "refund.created", method="original", **refunded)]


def test_events_in_any_order_and_twice_make_the_same_customer(
    stack: Stack, as_role: AsRole, marketing: Marketing, customer: str
) -> None:
    """One is told in order, the other backwards, each thing twice, and the refund before its order."""
    forwards, backwards = f"{customer}-f", f"{customer}-b"
    shop = Shop(stack, as_role, customer)
    did, ordered, refunded = a_life(backwards)
    shop.send(REFUNDS, *map(json.dumps, refunded))
    shop.send(ORDERS, *map(json.dumps, ordered[::-1]))
    marketing.tell(*did[::-1], *did[::-1])
    told = [*did, *ordered, *refunded]
    did, ordered, refunded = a_life(forwards)
    marketing.tell(*did)
    for each in ordered:
        shop.send(ORDERS, json.dumps(each))
        shop.fate(each)
    shop.send(REFUNDS, *map(json.dumps, refunded))
    for each in [*told, *did, *refunded]:
        assert shop.fate(each)["status"] == "applied", each

    def seen(name: str) -> Json:
        found: Json = eventually(
            lambda: marketing.profile(name), lambda seen: bool(seen["aggregates"]["orders"]["total"] == {"EUR": 9_000})
        )
        return {each: found[each] for each in found if each not in ("customer", "version")}

    assert seen(forwards) == seen(backwards)
    known = marketing.profile(forwards)
    assert known["locale"] == "de"
    assert known["tags"] == ["a"]
    assert known["address"]["country"] == "AT"
    assert known["consents"]["email"] is False
    about = known["aggregates"]
    assert about["orders"]["count"] == 2, "one of three was cancelled"
    assert about["orders"]["average"] == {"EUR": 4_500}
    assert (about["orders"]["first_at"], about["orders"]["last_at"]) == ("2026-04-11", "2026-04-21")
    assert (about["email"]["opens"], about["email"]["clicks"]) == (2, 1)
    assert [each["product"] for each in about["products"]["viewed"]] == ["pot"]
    assert about["checkout"]["abandoned_total"] == {"EUR": 900}


def test_duplicates_of_one_person_become_one_wallet_with_kind_and_expiry(
    stack: Stack, as_role: AsRole, customer: str
) -> None:
    source, target = Shop(stack, as_role, f"{customer}-a"), Shop(stack, as_role, f"{customer}-b")
    lot = source.grant(700, expires={"at": "2031-01-01T00:00:00Z"})["lot"]
    source.grant(300, kind="promotion", expires={"days": 90})
    target.grant(50)
    path, body, key = f"v1/customers/{source.customer}/merge", {"into": target.customer}, fresh_key()
    problem(source.support.post(path, json=body), 400, "idempotency_key_required")
    dry = source.support.post(path, json=body, params={"dry_run": "true"}).raise_for_status().json()
    assert dry["wallets"][0]["amount"] == 1_000
    assert source.available() == 1_000, "a dry run moves nothing"
    first = source.support.post(path, json=body, headers=key)
    assert first.status_code == 200, first.text
    again = source.support.post(path, json=body, headers=key)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    (moved,) = first.json()["wallets"]
    assert (moved["currency"], moved["amount"]) == ("EUR", 1_000)

    assert source.available() == 0
    assert target.available() == 1_050
    there = {(each["kind"], each["remaining"], each["expires_at"]) for each in target.wallet()["lots"]}
    assert (lot["kind"], 700, lot["expires_at"]) in there
    given = [each for each in source.entries() if each["sequence"] in moved["from_entries"]]
    taken = [each for each in target.entries() if each["sequence"] in moved["into_entries"]]
    assert sum(each["amount"] for each in [*given, *taken]) == 0, "what leaves one arrives in the other"
    assert {each["operation"] for each in given} == {each["operation"] for each in taken}
    assert source.consistent()
    assert target.consistent()
    assert source.support.get(f"v1/customers/{source.customer}").json()["merged_into"] == target.customer
    problem(source.support.post(path, json={"into": customer}, headers=key), 422, "idempotency_key_reused")
    problem(source.support.post(path, json={"into": source.customer}, headers=fresh_key()), 422, "validation_failed")


def test_an_erased_customer_is_a_pseudonym_with_a_ledger(stack: Stack, as_role: AsRole, customer: str) -> None:
    shop, path = Shop(stack, as_role, customer), f"v1/customers/{customer}"
    shop.support.put(path, json=PERSON).raise_for_status()
    shop.grant(500, note="for Ann")
    assert shop.support.delete(path, params={"dry_run": "true"}).json()["erased"] is True
    assert shop.support.get(path).json()["email"] == PERSON["email"], "a dry run erases nothing"
    assert shop.support.delete(path).status_code == 200
    told = shop.support.get(path)
    assert told.status_code == 200
    for name in ("email", "phone", "locale", "birth_date", "predicted_spend_tier", "has_account"):
        assert told.json()[name] is None, name
    assert told.json()["address"] == dict.fromkeys(PERSON["address"])
    assert (told.json()["tags"], told.json()["attributes"]) == ([], {})
    assert told.json()["erased"] is True
    for private in ("Kassel", "ann@", "Ann", "151123"):
        assert private not in told.text
    assert shop.available() == 500
    assert shop.consistent()
    assert shop.support.delete(path).json() == told.json(), "a second time nothing changes"


def test_an_import_tells_what_is_wrong_before_it_changes_anything(
    as_role: AsRole, marketing: Marketing, customer: str
) -> None:
    support = as_role("support")
    table = f"customer,email,locale\n{customer}-1,a@shop.example,de\n{customer}-2,nobody,de\n{customer}-3,,fr\n"
    body, key = {"kind": "customers", "csv": table}, fresh_key()
    problem(support.post("v1/imports", json=body), 400, "idempotency_key_required")
    checked = support.post("v1/imports", json=body, headers=key)
    assert checked.status_code == 201, checked.text
    assert support.post("v1/imports", json=body, headers=key).content == checked.content
    told = checked.json()
    assert (told["rows"], told["valid"], told["invalid"]) == (3, 2, 1)
    assert [each["ok"] for each in told["verdicts"]] == [True, False, True]
    assert told["verdicts"][1]["errors"][0]["pointer"] == "/email"
    assert support.get(f"v1/customers/{customer}-1").status_code == 404, "checked is not applied"

    apply = f"v1/imports/{told['id']}/apply"
    problem(support.post(apply, json={}, headers=fresh_key()), 409, "import_has_errors")
    support.post(apply, json={"skip_invalid": True}, headers=fresh_key()).raise_for_status()
    done = eventually(
        lambda: support.get(f"v1/imports/{told['id']}").json(), lambda seen: bool(seen["state"] == "applied")
    )
    assert (done["applied"], done["refused"], done["skipped"]) == (2, 0, 1)
    assert marketing.profile(f"{customer}-1")["email"] == "a@shop.example"
    assert marketing.profile(f"{customer}-3")["locale"] == "fr"
    page = support.get(f"v1/imports/{told['id']}/rows?limit=2").json()
    rest = support.get(f"v1/imports/{told['id']}/rows?limit=2&cursor={page['next_cursor']}").json()
    outcomes = [each["outcome"] for each in page["data"] + rest["data"]]
    assert outcomes == ["applied", "skipped", "applied"]
    assert rest["next_cursor"] is None


def test_imported_credit_lands_once(as_role: AsRole, marketing: Marketing, customer: str) -> None:
    table = f"customer,currency,amount,kind,reason\n{customer},EUR,900,compensation,moved\n"
    body = {"kind": "credits", "csv": table}
    problem(as_role("marketer").post("v1/imports", json=body, headers=fresh_key()), 403, "forbidden")
    support = as_role("support")
    told = support.post("v1/imports", json=body, headers=fresh_key()).raise_for_status().json()
    for _ in range(2):
        support.post(f"v1/imports/{told['id']}/apply", json={}, headers=fresh_key()).raise_for_status()
    eventually(lambda: support.get(f"v1/imports/{told['id']}").json(), lambda seen: bool(seen["state"] == "applied"))
    assert marketing.wallet(customer)["available"] == 900
