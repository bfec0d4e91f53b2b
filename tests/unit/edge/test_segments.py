"""Segments over HTTP: the library, trees and templates, versions, previews and members."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.customers.activity import with_orders
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import Profiles
from chalicelib.edge.segments import answers as segment_answers
from chalicelib.edge.segments.calls import MAX_LIST_CHARACTERS
from chalicelib.ledger.limits import DAY_MS
from chalicelib.store.signals import Signal
from chalicelib.store.writes import commit
from tests.unit.edge.till import NOW, Answered, Till

SEGMENTS = "/v1/segments"
BOUGHT = {"field": "orders.count", "op": ">", "value": 0}
BUYERS = {"name": "Buyers", "where": BOUGHT}
ODD = "a.B_c:d@e+f-" * 10 + "12345678"
"""A customer's id, as long and as odd as one can be."""


def make(till: Till, body: Any = None, **more: Any) -> Answered:
    return till.post(SEGMENTS, BUYERS if body is None else body, **more)


def put(till: Till, segment: str, body: Any, version: int | None = None, **query: str) -> Answered:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return till.send("PUT", f"{SEGMENTS}/{segment}", body, headers=headers, query=dict(query))


def move_in(till: Till, buyers: int, others: int = 0, *more: str) -> list[str]:
    """Customers, of whom the first have ordered; who they are."""
    source = Profiles(till.engine.store)  # type: ignore[arg-type]
    names = [*(f"customer-{number:04}" for number in range(buyers + others - len(more))), *more]
    for number, name in enumerate(names):
        profile = Profile(name)
        if number < buyers or name in more:
            profile = replace(profile, activity=with_orders(profile.activity, NOW // DAY_MS, "EUR", 1, 1_000))
        assert commit(till.engine.store, [source.write(profile)]) is Signal.COMMITTED  # type: ignore[arg-type]
    return names


# The library


def test_the_library_has_twenty_three_templates_and_says_what_each_needs(till: Till) -> None:
    answered = till.get(f"{SEGMENTS}/templates")
    told = segment_answers.SegmentTemplates.model_validate_json(answered.text)
    assert len(told.data) == 23
    assert told.model_dump(mode="json") == answered.json
    required = {(each.id, one.name) for each in told.data for one in each.parameters if one.required}
    assert ("bought_tag", "tags") in required
    assert ("lapsed_regulars", "days") not in required


# Making one


def test_a_segment_is_a_tree_with_a_name(till: Till) -> None:
    answered = make(till)
    told = answered.json
    assert (answered.status, told["version"], told["where"], told["template"]) == (201, 1, BOUGHT, None)
    again = till.get(f"{SEGMENTS}/{told['id']}")
    assert (again.json, again.headers["ETag"]) == (told, '"1"')
    assert segment_answers.Segment.model_validate_json(again.text).model_dump(mode="json") == told


def test_a_template_becomes_the_tree_that_it_makes(till: Till) -> None:
    told = make(till, {"name": "Birthdays", "template": "birthday_soon", "parameters": {"days": 7}}).json
    assert told["where"] == {"field": "birthday", "op": "<=", "value": 7}
    assert (told["template"], told["parameters"]) == ("birthday_soon", {"days": 7})
    assert make(till, {"name": "Birthdays", "template": "birthday_soon"}).json["where"]["value"] == 30


def test_a_retry_with_the_same_key_makes_no_second_one(till: Till) -> None:
    first = make(till, key="k")
    again = make(till, key="k")
    assert (again.text, again.headers["Idempotent-Replayed"]) == (first.text, "true")
    assert len(till.get(SEGMENTS).json["data"]) == 1
    other = make(till, {"name": "Others", "where": BOUGHT}, key="k")
    assert (other.status, other.code) == (422, "idempotency_key_reused")


def test_a_dry_run_answers_the_same_and_keeps_nothing(till: Till) -> None:
    dry = make(till, key=None, query={"dry_run": "true"})
    assert (dry.status, dry.json["id"], dry.json["where"]) == (201, "seg_dry", BOUGHT)
    assert till.get(SEGMENTS).json == {"data": [], "next_cursor": None}
    segment = make(till).json["id"]
    assert put(till, segment, {"name": "New", "where": BOUGHT}, dry_run="true").json["version"] == 2
    assert till.send("DELETE", f"{SEGMENTS}/{segment}", query={"dry_run": "true"}).status == 200
    assert till.get(f"{SEGMENTS}/{segment}").json["name"] == "Buyers"


WRONG: list[tuple[Any, str]] = [
    ({}, "/where"),
    ({"where": BOUGHT, "template": "birthday_today"}, "/where"),
    ({"where": BOUGHT, "parameters": {}}, "/parameters"),
    ({"where": []}, "/where"),
    ({"where": "x"}, "/where"),
    ({"where": {}}, "/where/field"),
    ({"where": {"all": [BOUGHT, BOUGHT | {"field": "orders.number"}]}}, "/where/all/1/field"),
    ({"where": {"not": BOUGHT | {"value": "3"}}}, "/where/not/value"),
    ({"where": {"any": [BOUGHT | {"value": 3.0}]}}, "/where/any/0/value"),
    ({"where": BOUGHT | {"hue": 3}}, "/where/hue"),
    ({"template": 3}, "/template"),
    ({"template": "bought_tag"}, "/parameters/tags"),
    ({"template": "bought_tag", "parameters": []}, "/parameters"),
    ({"template": "birthday_soon", "parameters": {"day": 3}}, "/parameters/day"),
    ({"template": "birthday_soon", "parameters": {"days": "3"}}, "/parameters/days"),
]


@pytest.mark.parametrize(("body", "pointer"), WRONG)
def test_what_is_wrong_is_pointed_at_and_nothing_changes(till: Till, body: Any, pointer: str) -> None:
    segment = make(till).json["id"]
    named = body | {"name": "Wrong"}
    for answered in (make(till, named), put(till, segment, named), till.post(f"{SEGMENTS}/preview", body, key=None)):
        assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", [pointer])
    assert [each["name"] for each in till.get(SEGMENTS).json["data"]] == ["Buyers"]


@pytest.mark.parametrize("name", [None, "", "x" * 129, "a\nb", 3])
def test_a_segment_has_a_name(till: Till, name: Any) -> None:
    assert make(till, {"name": name, "where": BOUGHT}).pointers == ["/name"]


def test_a_template_that_there_is_not_is_not_found(till: Till) -> None:
    for answered in (
        make(till, {"name": "All", "template": "everybody"}),
        till.post(f"{SEGMENTS}/preview", {"template": "everybody"}, key=None),
    ):
        assert (answered.status, answered.code, answered.pointers) == (404, "not_found", ["/template"])


# Changing and forgetting one


def test_a_put_replaces_name_and_tree_on_the_version_that_was_seen(till: Till) -> None:
    segment = make(till).json["id"]
    answered = put(till, segment, {"name": "Birthdays", "template": "birthday_today"}, 1)
    assert (answered.status, answered.headers["ETag"], answered.json["version"]) == (200, '"2"', 2)
    assert answered.json["created_at"] == make(till).json["created_at"]
    late = put(till, segment, BUYERS, 1)
    assert (late.status, late.code, late.json["current_version"]) == (409, "version_conflict", 2)
    assert late.pointers == ["/header/If-Match"]
    assert till.get(f"{SEGMENTS}/{segment}").json == answered.json


def test_a_put_without_if_match_replaces_whatever_is_there(till: Till) -> None:
    segment = make(till).json["id"]
    assert [put(till, segment, BUYERS).json["version"] for _ in range(2)] == [2, 3]


def test_a_deleted_segment_is_gone_and_cannot_be_deleted_again(till: Till) -> None:
    segment = make(till).json["id"]
    answered = till.send("DELETE", f"{SEGMENTS}/{segment}")
    assert (answered.status, answered.json) == (200, {"id": segment, "deleted": True})
    assert till.send("DELETE", f"{SEGMENTS}/{segment}").code == "not_found"
    assert till.get(f"{SEGMENTS}/{segment}").code == "not_found"
    assert till.get(f"{SEGMENTS}/{segment}/members").code == "not_found"
    assert put(till, segment, BUYERS).code == "not_found"


def test_segments_are_listed_page_by_page(till: Till) -> None:
    made = {make(till).json["id"] for _ in range(5)}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = till.get(SEGMENTS, limit="2", **cursor).json
        seen += [each["id"] for each in page["data"]]
        cursor = {"cursor": page["next_cursor"]}
    assert (seen, page["next_cursor"]) == (sorted(made), None)


def test_a_page_of_large_segments_is_short_enough_to_be_answered(till: Till) -> None:
    ids = [f"{number:0128}" for number in range(50)]
    large = {"any": [{"field": "products.bought", "op": "in", "value": ids} for _ in range(9)]}
    made = {make(till, {"name": "Large", "where": large}).json["id"] for _ in range(40)}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answered = till.get(SEGMENTS, limit="250", **cursor)
        assert len(answered.text) < 2 * MAX_LIST_CHARACTERS
        seen += [each["id"] for each in answered.json["data"]]
        if answered.json["next_cursor"] is None:
            break
        cursor = {"cursor": answered.json["next_cursor"]}
    assert cursor, "it took two pages"
    assert seen == sorted(made)


# Counting and listing


def test_a_preview_counts_and_needs_no_key(till: Till) -> None:
    names = move_in(till, 25, 7)
    answered = till.post(f"{SEGMENTS}/preview", {"where": BOUGHT}, key=None)
    told = answered.json
    assert segment_answers.SegmentPreview.model_validate_json(answered.text).model_dump(mode="json") == told
    assert (answered.status, told["matched"], told["total"]) == (200, 25, 32)
    assert (told["exact"], told["error"], told["evaluated_at"]) == (True, 0, "2026-09-21T14:13:20Z")
    assert len(told["sample"]) == 20
    assert set(told["sample"]) <= set(names[:25])


def test_a_preview_of_a_shop_without_customers_is_nobody(till: Till) -> None:
    told = till.post(f"{SEGMENTS}/preview", {"template": "birthday_today"}, key=None).json
    assert (told["matched"], told["total"], told["sample"], told["exact"]) == (0, 0, [], True)


def test_members_are_listed_page_by_page_whatever_they_are_called(till: Till) -> None:
    assert len(ODD) == 128
    names = move_in(till, 25, 7, ODD)
    segment = make(till).json["id"]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = till.get(f"{SEGMENTS}/{segment}/members", limit="1", **cursor).json
        seen += [each["customer"] for each in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(seen) == sorted({*names[:25], ODD})


def test_a_cursor_of_another_segments_members_is_refused(till: Till) -> None:
    move_in(till, 3)
    one, other = (make(till).json["id"] for _ in range(2))
    cursor = till.get(f"{SEGMENTS}/{one}/members", limit="1").json["next_cursor"]
    answered = till.get(f"{SEGMENTS}/{other}/members", cursor=cursor)
    assert (answered.status, answered.code) == (400, "invalid_cursor")
