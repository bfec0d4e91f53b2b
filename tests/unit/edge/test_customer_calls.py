"""Customers over HTTP: who they are, what they did, and what is refused with a pointer to it."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.customers.profile import MAX_ATTRIBUTES, MAX_TAGS
from chalicelib.edge.customers.examples import REQUESTS
from tests.unit.edge.till import Answered, Till

ALICE = "/v1/customers/alice"
PERSON: dict[str, Any] = REQUESTS["put_customer"]


def put(till: Till, body: Any, path: str = ALICE, **how: Any) -> Answered:
    return till.send("PUT", path, body, **how)


def test_a_customer_is_answered_as_put(till: Till) -> None:
    answered = put(till, PERSON)
    assert (answered.status, answered.headers["ETag"]) == (200, '"1"')
    body = answered.json
    told = {name: body[name] for name in PERSON if name != "consents"}
    assert told == {name: value for name, value in PERSON.items() if name != "consents"}
    assert body["consents"] == {"email": True, "sms": False, "push": None}
    assert body["aggregates"]["orders"] == {
        "count": 0,
        "total": {},
        "average": {},
        "first_at": None,
        "last_at": None,
    }
    got = till.get(ALICE)
    assert (got.json, got.headers["ETag"]) == (body, '"1"')


def test_what_a_put_leaves_out_is_gone(till: Till) -> None:
    put(till, PERSON)
    body = put(till, {"locale": "fr"}).json
    assert (body["email"], body["locale"], body["tags"], body["version"]) == (None, "fr", [], 2)


def test_a_put_that_has_seen_another_version_changes_nothing(till: Till) -> None:
    put(till, PERSON)
    refused = put(till, {}, headers={"If-Match": '"7"'})
    assert (refused.status, refused.code, refused.json["current_version"]) == (409, "version_conflict", 1)
    assert put(till, {}, headers={"If-Match": ""}).pointers == ["/header/If-Match"]
    assert put(till, {"locale": "fr"}, headers={"If-Match": '"1"'}).json["version"] == 2
    assert put(till, {}, "/v1/customers/bob", headers={"If-Match": '"0"'}).status == 200


def test_a_dry_put_changes_nothing(till: Till) -> None:
    assert put(till, PERSON, query={"dry_run": "true"}).json["email"] == PERSON["email"]
    assert till.get(ALICE).code == "not_found"


def test_nobody_is_not_found(till: Till) -> None:
    answered = till.get("/v1/customers/nobody")
    assert (answered.status, answered.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"email": "nobody"}, "/email"),
        ({"email": "a b@example.com"}, "/email"),
        ({"email": "a@" + "x" * 300}, "/email"),
        ({"phone": "030 1234"}, "/phone"),
        ({"phone": "+0301234567"}, "/phone"),
        ({"locale": "german!"}, "/locale"),
        ({"birth_date": "1990-02-30"}, "/birth_date"),
        ({"birth_date": "2999-01-01"}, "/birth_date"),
        ({"birth_date": "1850-01-01"}, "/birth_date"),
        ({"birth_date": 5}, "/birth_date"),
        ({"consents": {"email": "yes"}}, "/consents/email"),
        ({"consents": {"fax": True}}, "/consents/fax"),
        ({"tags": [""]}, "/tags/0"),
        ({"tags": ["x"] * (MAX_TAGS + 1)}, "/tags"),
        ({"tags": [f"{number:02}" + "x" * 60 for number in range(20)]}, "/tags"),
        ({"tags": "tea"}, "/tags"),
        ({"attributes": {"a b": 1}}, "/attributes/a b/[key]"),
        ({"attributes": {f"a{number}": 1 for number in range(MAX_ATTRIBUTES + 1)}}, "/attributes"),
        ({"attributes": {f"a{number}": "x" * 100 for number in range(10)}}, "/attributes"),
        ({"address": {"country": "Germany"}}, "/address/country"),
        ({"address": {"street": "x"}}, "/address/street"),
        ({"predicted_spend_tier": "huge"}, "/predicted_spend_tier"),
        ({"has_account": 1}, "/has_account"),
        ({"nickname": "al"}, "/nickname"),
        ([], ""),
    ],
)
def test_what_is_wrong_with_a_person_is_pointed_at(till: Till, said: Any, pointer: str) -> None:
    answered = put(till, said)
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", [pointer])
    assert till.get(ALICE).status == 404


@pytest.mark.parametrize("value", [1.5, None, [], {}, 2**53, "x" * 129])
def test_an_attribute_is_a_text_a_number_or_yes_or_no(till: Till, value: Any) -> None:
    answered = put(till, {"attributes": {"a": value}})
    assert (answered.status, answered.code) == (422, "validation_failed")


def test_the_day_of_birth_may_be_today_and_not_tomorrow(till: Till) -> None:
    assert put(till, {"birth_date": "2026-09-21"}).status == 200
    assert put(till, {"birth_date": "2026-09-22"}).pointers == ["/birth_date"]


def test_erasing_leaves_numbers_and_is_the_same_a_second_time(till: Till) -> None:
    put(till, PERSON)
    first = till.send("DELETE", ALICE)
    assert (first.status, first.json["erased"], first.json["email"], first.json["tags"]) == (200, True, None, [])
    assert till.send("DELETE", ALICE).text == first.text
    assert till.get(ALICE).json == first.json


def test_whoever_is_put_after_an_erasure_is_known_again(till: Till) -> None:
    till.send("DELETE", ALICE)
    body = put(till, {"email": "new@example.com"}).json
    assert (body["erased"], body["email"], body["locale"]) == (False, "new@example.com", None)


def test_a_dry_erasure_erases_nothing(till: Till) -> None:
    put(till, PERSON)
    assert till.send("DELETE", ALICE, query={"dry_run": "true"}).json["erased"] is True
    assert till.get(ALICE).json["email"] == PERSON["email"]


def test_a_merge_takes_what_is_known_along(till: Till) -> None:
    put(till, {"phone": "+4930123456"}, "/v1/customers/alice-2")
    put(till, {"email": "a@example.com"})
    answered = till.post("/v1/customers/alice-2/merge", {"into": "alice"}, key="k")
    assert (answered.status, answered.json["into"], answered.json["wallets"]) == (200, "alice", [])
    assert till.post("/v1/customers/alice-2/merge", {"into": "alice"}, key="k").headers["Idempotent-Replayed"] == "true"
    body = till.get(ALICE).json
    assert (body["email"], body["phone"]) == ("a@example.com", "+4930123456")
    assert till.get("/v1/customers/alice-2").json["merged_into"] == "alice"
    refused = put(till, {}, "/v1/customers/alice-2")
    assert (refused.status, refused.code, refused.json["merged_into"]) == (409, "customer_merged", "alice")
    assert till.send("DELETE", "/v1/customers/alice-2").code == "customer_merged"
    back = till.post("/v1/customers/alice/merge", {"into": "alice-2"})
    assert (back.code, back.pointers) == ("customer_merged", ["/into"])


@pytest.mark.parametrize("body", [{}, {"into": "alice"}, {"into": "a b"}, {"into": 5}, {"into": "bob", "why": "x"}])
def test_a_merge_names_another_customer(till: Till, body: Any) -> None:
    answered = till.post("/v1/customers/alice/merge", body)
    assert (answered.status, answered.code) == (422, "validation_failed")
    assert answered.pointers[0].startswith(("/into", "/why"))


def test_a_merge_needs_a_key(till: Till) -> None:
    assert till.post("/v1/customers/alice/merge", {"into": "bob"}, key=None).code == "idempotency_key_required"
    dry = till.post("/v1/customers/alice/merge", {"into": "bob"}, key=None, query={"dry_run": "true"})
    assert (dry.status, till.get(ALICE).status) == (200, 404)


def test_a_shopper_is_shown_no_profile(till: Till) -> None:
    put(till, PERSON)
    assert till.shopper().get(ALICE).status == 403
    assert till.but(scope="customers:read").get(ALICE).status == 200
    assert put(till.but(scope="customers:read"), PERSON).status == 403
