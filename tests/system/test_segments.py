"""Segments: a tree or a template of the library says whom a campaign is for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dev.stack import Stack
from tests.system.conftest import AsRole, fresh_key
from tests.system.marketing import Marketing, eventually, problem
from tests.system.shop import event

Json = dict[str, Any]
LIBRARY = (
    "engaged_never_bought first_timers_subscribed first_timers_of_products lapsed_regulars cooled_subscribers "
    "frequent_openers birthday_soon birthday_today once_loyal_big_spenders frequent_buyers vip big_spenders_of_tag "
    "high_value_high_intent big_spenders_recent likely_to_spend_more abandoned_checkout viewed_products_never_bought "
    "viewed_collections_never_bought recent_collection_viewers small_baskets bought_tag bought_product_in_period "
    "bought_products"
).split()


@pytest.fixture
def marketing(stack: Stack, as_role: AsRole) -> Marketing:
    return Marketing(stack, as_role)


def test_every_template_of_the_library_can_be_looked_at_kept_and_launched(marketing: Marketing) -> None:
    told = marketing.marketer.get("v1/segments/templates").raise_for_status().json()["data"]
    assert [each["id"] for each in told] == LIBRARY
    for template in told:
        assert {"id", "name", "description", "goal", "parameters", "recommended"} <= template.keys()
        assert {"amount", "expires", "conditions", "message"} <= template["recommended"].keys()
        needed = [each["name"] for each in template["parameters"] if each["required"]]
        selection: Json = {"template": template["id"], "parameters": {name: ["some"] for name in needed}}
        seen = marketing.marketer.post("v1/segments/preview", json=selection)
        assert seen.status_code == 200, (template["id"], seen.text)
        assert {"matched", "total", "sample", "evaluated_at"} <= seen.json().keys()
        assert len(seen.json()["sample"]) <= 20
        if needed:
            bare = marketing.marketer.post("v1/segments/preview", json={"template": template["id"]})
            problem(bare, 422, "validation_failed", f"/parameters/{needed[0]}")
        draft = marketing.make("campaigns/from-template", **selection)
        assert draft["state"] == "draft"
        assert draft["goal"] == template["goal"]


def test_a_segment_is_made_once_read_replaced_and_deleted(marketing: Marketing) -> None:
    marketer, name = marketing.marketer, f"Segment {marketing.word}"
    body, key = {"name": name, "where": marketing.where}, fresh_key()
    problem(marketer.post("v1/segments", json=body), 400, "idempotency_key_required")
    dry = marketer.post("v1/segments", json=body, params={"dry_run": "true"})
    assert dry.status_code == 201
    first = marketer.post("v1/segments", json=body, headers=key)
    assert first.status_code == 201
    again = marketer.post("v1/segments", json=body, headers=key)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    problem(marketer.post("v1/segments", json=body | {"name": "x"}, headers=key), 422, "idempotency_key_reused")

    path = f"v1/segments/{first.json()['id']}"
    got = marketer.get(path)
    assert got.json() == first.json()
    assert got.headers["ETag"]
    listed = marketing.pages("segments", 100)
    assert [each["id"] for each in listed if each["name"] == name] == [first.json()["id"]]
    problem(marketer.get("v1/segments?cursor=nonsense"), 400, "invalid_cursor")

    changed = {"name": name, "template": "birthday_soon", "parameters": {"days": 7}}
    put = marketer.put(path, json=changed, headers={"If-Match": got.headers["ETag"]})
    assert put.status_code == 200
    assert (put.json()["template"], put.json()["version"]) == ("birthday_soon", 2)
    problem(marketer.put(path, json=changed, headers={"If-Match": got.headers["ETag"]}), 409, "version_conflict")
    assert marketer.delete(path, params={"dry_run": "true"}).status_code == 200
    assert marketer.delete(path).status_code == 200
    problem(marketer.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("where", "pointer"),
    [
        ({"field": "orders.colour", "op": "=", "value": 1}, "/where/field"),
        ({"field": "orders.count", "op": "~", "value": 1}, "/where/op"),
        ({"field": "orders.count", "op": ">", "value": "many"}, "/where/value"),
        ({"all": [{"not": {"field": "orders.count", "op": ">", "value": 1.5}}]}, "/where/all/0/not/value"),
        ({"all": [{"field": "orders.count", "op": ">", "value": 1}], "any": []}, "/where/any"),
        ({"field": "orders.count", "op": ">", "value": 1, "since": 3}, "/where/since"),
    ],
)
def test_a_tree_that_is_none_is_pointed_at(marketing: Marketing, where: Json, pointer: str) -> None:
    for path, more in (("segments/preview", {}), ("segments", {"name": "wrong"})):
        answer = marketing.marketer.post(f"v1/{path}", json={"where": where, **more}, headers=fresh_key())
        problem(answer, 422, "validation_failed", pointer)


def test_only_marketing_makes_segments(as_role: AsRole, marketing: Marketing, customer: str) -> None:
    body = {"name": "mine", "where": marketing.where}
    for caller in (as_role("support"), as_role("checkout"), as_role("finance"), as_role("shopper", customer)):
        problem(caller.post("v1/segments", json=body, headers=fresh_key()), 403, "forbidden")
        problem(caller.get("v1/segments/templates"), 403, "forbidden")
    assert as_role("owner").post("v1/segments", json=body, params={"dry_run": "true"}).status_code == 201


def test_members_are_those_who_match_and_who_is_unknown_is_not_one(marketing: Marketing) -> None:
    subscribed, silent, young, bare = marketing.customers(4)
    marketing.put_customer(subscribed, consents={"email": True}, birth_date="1980-01-01", tags=["vip"])
    marketing.put_customer(silent, consents={"email": False}, address={"country": "DE"})
    marketing.put_customer(young, birth_date="2005-01-01", locale="de-AT", has_account=True)
    ago = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    marketing.tell(
        *(event("email.clicked", {"customer": subscribed}, time=ago) for _ in range(3)),
        event("product.viewed", {"customer": silent, "product": "pot", "collections": ["spring"]}, time=ago),
    )
    eventually(lambda: marketing.profile(silent)["aggregates"]["products"]["viewed"], bool)
    eventually(lambda: marketing.profile(subscribed)["aggregates"]["email"]["clicks"], lambda told: bool(told == 3))

    def members(*leaves: Json) -> set[str]:
        where = {"all": [marketing.where, *leaves]}
        told = marketing.marketer.post("v1/segments/preview", json={"where": where}).raise_for_status().json()
        assert told["matched"] == len(told["sample"])
        return set(told["sample"])

    def leaf(field: str, op: str, value: Any, **more: Any) -> Json:
        return {"field": field, "op": op, "value": value, **more}

    assert members() == {subscribed, silent, young, bare}
    assert members(leaf("email.subscribed", "=", True)) == {subscribed}
    assert members({"not": leaf("email.subscribed", "=", True)}) == {silent}, "who said nothing is unknown"
    assert members(leaf("profile.age", ">=", 40)) == {subscribed}
    assert members({"not": leaf("profile.age", ">=", 40)}) == {young}
    assert members(leaf("profile.country", "in", ["DE", "AT"])) == {silent}
    assert members(leaf("profile.tags", "contains", "vip")) == {subscribed}
    assert members(leaf("email.clicks", ">=", 3, within_days=2)) == {subscribed}
    assert members(leaf("email.clicks", ">=", 3, within_days=1)) == set()
    assert members(leaf("email.clicks", ">=", 3, **{"from": 5, "to": 2})) == {subscribed}
    assert members(leaf("products.viewed", "in", ["pot"])) == {silent}
    assert members(leaf("orders.count", "=", 0)) == {subscribed, silent, young, bare}, "nobody ordered"
    assert members({"any": [leaf("email.clicks", ">", 0), leaf("profile.has_account", "=", True)]}) == {
        subscribed,
        young,
    }

    made = marketing.make("segments", name=marketing.word, where=marketing.where)
    found = [each["customer"] for each in marketing.pages(f"segments/{made['id']}/members", 3)]
    assert sorted(found) == [subscribed, silent, young, bare]
