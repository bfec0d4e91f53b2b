"""Campaigns over HTTP: made, read, replaced, forecast, scheduled and ended; and what is refused, with what pointer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.campaigns import store as shelf
from chalicelib.campaigns import transitions
from chalicelib.campaigns.forecast import HISTORY_DAYS
from chalicelib.campaigns.model import State, Summary
from chalicelib.campaigns.queries import documents
from chalicelib.campaigns.release.pieces import LISTED, Member, Piece, Plan, Result, Totals
from chalicelib.campaigns.release.run import Run
from chalicelib.customers.activity import Activity, Lifetime
from chalicelib.customers.profile import Address, Consents, Person, Profile
from chalicelib.customers.store import Profiles
from chalicelib.ledger.limits import DAY_MS, MINUTE_MS
from chalicelib.performance.store import counter_key
from chalicelib.store.signals import Signal
from chalicelib.store.writes import commit
from tests.unit.edge.till import NOW, Answered, Till

CAMPAIGNS = "/v1/campaigns"
GERMANS = {"field": "profile.country", "op": "=", "value": "DE"}
SAID = {"where": GERMANS, "amount": 500, "expires": {"days": 30}}
TOMORROW = "2026-09-22T14:13:20Z"


class Letters(list[str]):
    """The release queue."""

    def send(self, bodies: list[str]) -> list[int]:
        self.extend(bodies)
        return []


@pytest.fixture(autouse=True)
def letters(monkeypatch: pytest.MonkeyPatch) -> Letters:
    sent = Letters()
    monkeypatch.setattr(wiring, "release_queue", lambda: sent)
    return sent


def made(till: Till, **more: Any) -> str:
    answered = till.post(CAMPAIGNS, SAID | more)
    assert answered.status == 201, answered.text
    campaign: str = answered.json["id"]
    return campaign


def do(till: Till, campaign: str, what: str) -> Answered:
    return till.post(f"{CAMPAIGNS}/{campaign}/{what}", {})


def put(till: Till, campaign: str, body: Any, version: int | None) -> Answered:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    return till.send("PUT", f"{CAMPAIGNS}/{campaign}", body, headers=headers)


def segment(till: Till, where: Any = GERMANS) -> str:
    answered = till.post("/v1/segments", {"name": "Germans", "where": where})
    assert answered.status == 201, answered.text
    found: str = answered.json["id"]
    return found


def known(till: Till, customer: str, country: str = "DE", orders: int = 0, spent: int = 0, **consents: bool) -> None:
    """Put a customer's profile."""
    person = Person(address=Address(country=country), consents=Consents(**consents))
    activity = Activity(lifetime={"EUR": Lifetime(orders, spent, 20_000, 20_000)} if orders else {})
    store: Any = till.engine.store
    write = Profiles(store).write(Profile(customer, person, activity))
    assert commit(store, [write]) is Signal.COMMITTED


def become(till: Till, campaign: str, *steps: Any) -> None:
    """What the release does to a campaign."""
    store: Any = till.engine.store
    docs = documents(store)
    for step in steps:
        was = shelf.load(docs, campaign)
        assert was is not None
        assert commit(store, [shelf.saved(docs, step(was), was.version)]) is Signal.COMMITTED


# Making one


def test_three_fields_are_enough(till: Till) -> None:
    answered = till.post(CAMPAIGNS, {"segment": segment(till), "amount": 500, "expires": {"days": 30}})
    told = answered.json
    assert (answered.status, answered.headers["ETag"]) == (201, '"1"')
    assert told["id"].startswith("cmp_")
    assert (told["state"], told["version"], told["name"], told["currency"]) == ("draft", 1, "Germans", "EUR")
    assert (told["goal"], told["available_at"], told["budget"], told["run"]) == ("other", None, None, 0)
    (group,) = told["groups"]
    assert (group["amount"], group["expires"], group["where"]) == ({"fixed": 500}, {"days": 30}, None)
    assert (told["created_at"], told["created_by"]) == ("2026-09-21T14:13:20Z", "owner")
    assert till.get(f"{CAMPAIGNS}/{told['id']}").json == told


def test_all_that_was_asked_for_is_told(till: Till) -> None:
    said: dict[str, Any] = {
        "name": "Spring",
        "description": "For spring.",
        "goal": "loyalty",
        "currency": "USD",
        "groups": [
            {"where": GERMANS, "amount": {"percent_of": "last_order", "basis_points": 1_000, "min": 100}},
            {"customers": ["alice"], "amount": {"by": "tier", "steps": [{"equals": "gold", "amount": 900}]}},
            {"customers": ["bob"], "amount": {"fixed": 1}, "expires": {"at": "2027-01-01T00:00:00+01:00"}},
        ],
        "available_at": {"date": "2026-10-25", "time": "02:30"},
        "ends_at": "2027-01-01T00:00:00Z",
        "conditions": {"min_order": 2_000},
        "budget": 10**9,
        "holdout_basis_points": 1_000,
        "notify": {"channels": ["email"], "template": None},
        "reminders": [7, 30],
        "repeat": {"every": "quarter", "cool_down_days": 60, "lifetime_cap": 4},
    }
    told = till.post(CAMPAIGNS, said).json
    groups = told.pop("groups")
    assert [each["amount"] for each in groups] == [each["amount"] for each in said["groups"]]
    assert [each["customers"] for each in groups] == [None, ["alice"], ["bob"]]
    assert groups[2]["expires"] == {"at": "2026-12-31T23:00:00Z"}
    expected = {name: value for name, value in said.items() if name != "groups"}
    expected |= {"reminders": [30, 7], "repeat": {"every": {"months": 3}, "cool_down_days": 60, "lifetime_cap": 4}}
    assert told.items() >= expected.items()


def test_the_same_key_makes_one_campaign(till: Till) -> None:
    first, again = (till.post(CAMPAIGNS, SAID, key="k") for _ in range(2))
    assert (first.text, first.headers["ETag"]) == (again.text, again.headers["ETag"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(till.get(CAMPAIGNS).json["data"]) == 1
    assert till.post(CAMPAIGNS, SAID | {"name": "Other"}, key="k").code == "idempotency_key_reused"


def test_a_retry_is_answered_although_its_notice_template_is_gone_meanwhile(till: Till) -> None:
    template = {"locales": {"en": {"subject": "Spring", "text": "{{ amount }}", "sms": "{{ amount }}"}}}
    assert till.send("PUT", "/v1/notice-templates/spring", template).status == 200
    said = SAID | {"notify": {"channels": ["email"], "template": "spring"}}
    first = till.post(CAMPAIGNS, said, key="k")
    assert till.send("DELETE", "/v1/notice-templates/spring").status == 200
    assert till.post(CAMPAIGNS, said, key="k").text == first.text
    assert till.post(CAMPAIGNS, said).pointers == ["/notify/template"]


def test_a_dry_run_makes_none(till: Till) -> None:
    answered = till.post(CAMPAIGNS, SAID, key=None, query={"dry_run": "true"})
    assert (answered.status, answered.json["id"]) == (201, "cmp_dry")
    assert till.get(CAMPAIGNS).json == {"data": [], "next_cursor": None}


def test_a_template_recommends_what_is_left_out(till: Till) -> None:
    answered = till.post(f"{CAMPAIGNS}/from-template", {"template": "birthday_soon", "parameters": {"days": 14}})
    told = answered.json
    library = till.get("/v1/segments/templates").json["data"]
    (template,) = [each for each in library if each["id"] == "birthday_soon"]
    assert (answered.status, told["template"], told["state"]) == (201, "birthday_soon", "draft")
    assert (told["name"], told["goal"]) == (template["name"], template["goal"])
    assert (told["groups"][0]["amount"], told["groups"][0]["expires"]) == (
        template["recommended"]["amount"],
        template["recommended"]["expires"],
    )
    assert "14" in json.dumps(told["groups"][0]["where"])


def test_every_template_makes_a_campaign(till: Till) -> None:
    given = {"money": 10_000, "list": ["tea"], "day": 30, "count": 2, "days": 30, "percent": 10}
    for template in till.get("/v1/segments/templates").json["data"]:
        missing = {each["name"]: given[each["type"]] for each in template["parameters"] if each["required"]}
        answered = till.post(f"{CAMPAIGNS}/from-template", {"template": template["id"], "parameters": missing})
        assert answered.status == 201, (template["id"], answered.text)
        assert do(till, answered.json["id"], "schedule").status == 200


def test_what_is_said_is_not_as_the_template_recommends(till: Till) -> None:
    said = {"name": "Mine", "goal": "other", "amount": 7, "expires": {"days": 3}, "conditions": {"min_order": 5}}
    told = till.post(f"{CAMPAIGNS}/from-template", {"template": "birthday_today", **said}).json
    assert (told["name"], told["goal"], told["conditions"]) == ("Mine", "other", {"min_order": 5})
    assert (told["groups"][0]["amount"], told["groups"][0]["expires"]) == ({"fixed": 7}, {"days": 3})


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({"template": "luck"}, 404, "not_found", "/template"),
        ({"template": "birthday_soon", "parameters": {"luck": 1}}, 422, "validation_failed", "/parameters/luck"),
        ({"template": "birthday_soon", "parameters": {"days": -1}}, 422, "validation_failed", "/parameters/days"),
        ({"template": "birthday_soon", "segment": "seg_1"}, 422, "validation_failed", "/segment"),
        ({"template": "birthday_soon", "expires": {"at": "2020-01-01T00:00:00Z"}}, 422, "expires_in_past", "/expires"),
    ],
)
def test_a_template_must_be_there_and_take_what_is_given(
    till: Till, body: Any, status: int, code: str, pointer: str
) -> None:
    answered = till.post(f"{CAMPAIGNS}/from-template", body)
    assert (answered.status, answered.code, answered.pointers) == (status, code, [pointer])


@pytest.mark.parametrize(
    ("pointer", "more"),
    [
        ("/amount", {"amount": "500"}),
        ("/amount", {"amount": True}),
        ("/amount", {"amount": {}}),
        ("/amount", {"amount": {"fixed": 1, "by": "tier"}}),
        ("/amount", {"amount": {"percent_of": "last_order"}}),
        ("/amount", {"amount": {"percent_of": "last_order", "basis_points": 1, "min": 2, "max": 1}}),
        ("/amount/percent_of", {"amount": {"percent_of": "luck", "basis_points": 1}}),
        ("/amount/basis_points", {"amount": {"percent_of": "last_order", "basis_points": 10_001}}),
        ("/amount/by", {"amount": {"by": "luck", "steps": [{"at_least": 1, "amount": 1}]}}),
        ("/amount/steps", {"amount": {"by": "tier", "steps": []}}),
        ("/amount", {"amount": {"by": "tier", "steps": [{"at_least": 1, "amount": 1}]}}),
        ("/amount", {"amount": {"by": "orders.count", "steps": [{"equals": "1", "amount": 1}]}}),
        ("/amount", {"amount": {"by": "orders.count", "steps": [{"at_least": 1, "amount": 1}] * 2}}),
        ("/expires", {"expires": {}}),
        ("", {"segment": "seg_1"}),
        ("/amount", {"amount": None}),
        ("", {"groups": [SAID]}),
        ("/groups", {"groups": [], "where": None, "amount": None, "expires": None}),
        ("/groups/0", {"groups": [{"amount": 1}], "where": None, "amount": None, "expires": None}),
        ("/where/op", {"where": {"field": "profile.country", "op": "~", "value": "DE"}}),
        ("/where/any/0/field", {"where": {"any": [{"field": "luck", "op": "=", "value": 1}]}}),
        ("/where/value", {"where": {"field": "orders.count", "op": "=", "value": 1.5}}),
        ("/customers", {"where": None, "customers": []}),
        ("/customers", {"where": None, "customers": ["alice", "alice"]}),
        ("/customers/1", {"where": None, "customers": ["alice", "b b"]}),
        ("/customers", {"where": None, "customers": [str(number) for number in range(1_001)]}),
        ("/segment", {"where": None, "segment": "seg_1"}),
        ("/budget", {"budget": 0}),
        ("/holdout_basis_points", {"holdout_basis_points": -1}),
        ("/holdout_basis_points", {"holdout_basis_points": 10_001}),
        ("/available_at", {"available_at": "2026-10-01"}),
        ("/available_at", {"available_at": 1}),
        ("/available_at/time", {"available_at": {"date": "2026-10-01"}}),
        ("/available_at/time", {"available_at": {"date": "2026-10-01", "time": "24:00"}}),
        ("/available_at/date", {"available_at": {"date": "2026-02-29", "time": "09:00"}}),
        ("/ends_at", {"ends_at": "2026-09-21T14:13:20Z"}),
        ("/goal", {"goal": "luck"}),
        ("/currency", {"currency": "euro"}),
        ("/conditions/weekdays/0", {"conditions": {"weekdays": ["tomorrow"]}}),
        ("/notify/channels", {"notify": {"channels": []}}),
        ("/notify/channels", {"notify": {"channels": ["sms", "sms"]}}),
        ("/notify/channels/0", {"notify": {"channels": ["pigeon"]}}),
        ("/notify/template", {"notify": {"channels": ["email"], "template": "luck"}}),
        ("/reminders/0", {"reminders": [0]}),
        ("/repeat", {"repeat": {}}),
        ("/repeat", {"repeat": {"every": "day", "on_entry": True}}),
        ("/repeat/every", {"repeat": {"every": "fortnight"}}),
        ("/repeat/every/days", {"repeat": {"every": {"days": 0}}}),
        ("/repeat/cool_down_days", {"repeat": {"every": "day", "cool_down_days": 0}}),
        ("/luck", {"luck": 1}),
    ],
)
def test_what_cannot_be_is_pointed_to(till: Till, pointer: str, more: Any) -> None:
    answered = till.post(CAMPAIGNS, SAID | more)
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", [pointer])
    assert till.get(CAMPAIGNS).json["data"] == []


@pytest.mark.parametrize(
    ("code", "pointer", "more"),
    [
        ("amount_out_of_range", "/amount", {"amount": 0}),
        ("amount_out_of_range", "/amount", {"amount": 10**12 + 1}),
        (
            "amount_out_of_range",
            "/amount/steps/0/amount",
            {"amount": {"by": "tier", "steps": [{"equals": "gold", "amount": 0}]}},
        ),
        ("currency_unknown", "/currency", {"currency": "XQX"}),
        ("available_at_in_past", "/available_at", {"available_at": "2026-09-21T14:13:19Z"}),
        ("available_at_in_past", "/available_at", {"available_at": {"date": "2026-09-21", "time": "14:13"}}),
        ("expires_in_past", "/expires", {"expires": {"at": "2026-09-21T14:13:20Z"}}),
        ("expires_in_past", "/expires", {"expires": {"at": "2026-09-22T14:13:20Z"}, "available_at": TOMORROW}),
    ],
)
def test_a_refusal_has_its_own_code(till: Till, code: str, pointer: str, more: Any) -> None:
    answered = till.post(CAMPAIGNS, SAID | more)
    assert (answered.status, answered.code, answered.pointers) == (422, code, [pointer])


def test_what_the_merchant_may_not_let_expire_is_refused(till: Till) -> None:
    settings = {"kinds_without_expiry": ["promotion"], "expiry_of_kind": {"promotion": {"never": True}}}
    assert till.send("PUT", "/v1/settings", settings, headers={"If-Match": '"0"'}).status == 200
    answered = till.post(CAMPAIGNS, {"groups": [SAID]})
    assert (answered.code, answered.pointers) == ("expiry_not_permitted", ["/groups/0/expires"])
    assert till.post(CAMPAIGNS, SAID | {"expires": {"never": True}}).status == 201


def test_amounts_without_a_currency_are_in_the_merchants(till: Till) -> None:
    assert till.send("PUT", "/v1/settings", {"default_currency": "CHF"}, headers={"If-Match": '"0"'}).status == 200
    assert till.post(CAMPAIGNS, SAID).json["currency"] == "CHF"


# Reading


def test_the_list_is_newest_first_in_pages(till: Till) -> None:
    names = [f"Campaign {number}" for number in range(5)]
    for name in names:
        till.engine.store.present += 1
        made(till, name=name)
    first = till.get(CAMPAIGNS, limit="3").json
    rest = till.get(CAMPAIGNS, limit="3", cursor=first["next_cursor"]).json
    assert [each["name"] for each in first["data"] + rest["data"]] == names[::-1]
    assert rest["next_cursor"] is None
    assert "groups" not in first["data"][0]


def test_the_list_can_be_of_one_state(till: Till) -> None:
    drafts = [made(till) for _ in range(3)]
    do(till, drafts[1], "schedule")
    assert [each["id"] for each in till.get(CAMPAIGNS, state="scheduled").json["data"]] == [drafts[1]]
    assert {each["id"] for each in till.get(CAMPAIGNS, state="draft").json["data"]} == {drafts[0], drafts[2]}
    assert till.get(CAMPAIGNS, state="lucky").pointers == ["/query/state"]


def test_a_cursor_is_good_for_its_state_alone(till: Till) -> None:
    for _ in range(2):
        till.engine.store.present += 1
        made(till)
    cursor = till.get(CAMPAIGNS, state="draft", limit="1").json["next_cursor"]
    assert till.get(CAMPAIGNS, state="draft", cursor=cursor).status == 200
    assert till.get(CAMPAIGNS, cursor=cursor).code == "invalid_cursor"


def test_one_campaign_has_its_version(till: Till) -> None:
    campaign = made(till)
    assert till.get(f"{CAMPAIGNS}/{campaign}").headers["ETag"] == '"1"'


@pytest.mark.parametrize("below", ["", "/progress", "/recipients"])
def test_what_is_not_there_is_not_found(till: Till, below: str) -> None:
    assert till.get(f"{CAMPAIGNS}/cmp_luck{below}").code == "not_found"


@pytest.mark.parametrize("what", ["forecast", "schedule", "release-now", "pause", "resume", "cancel", "copy"])
def test_nothing_becomes_of_what_is_not_there(till: Till, what: str) -> None:
    assert do(till, "cmp_luck", what).code == "not_found"


# Replacing


def test_a_draft_is_replaced_by_who_has_seen_its_version(till: Till) -> None:
    campaign = made(till, name="Spring", budget=5)
    answered = put(till, campaign, SAID | {"amount": 700}, 1)
    assert (answered.status, answered.headers["ETag"], answered.json["version"]) == (200, '"2"', 2)
    assert (answered.json["name"], answered.json["budget"]) == ("Spring", None)
    assert answered.json["groups"][0]["amount"] == {"fixed": 700}
    conflict = put(till, campaign, SAID, 1)
    assert (conflict.status, conflict.code, conflict.json["current_version"]) == (409, "version_conflict", 2)
    assert put(till, campaign, SAID, None).pointers == ["/header/If-Match"]
    assert put(till, "cmp_luck", SAID, 1).code == "not_found"
    assert till.get(f"{CAMPAIGNS}/{campaign}").json == answered.json


def test_what_cannot_be_does_not_replace_a_draft(till: Till) -> None:
    campaign = made(till)
    answered = put(till, campaign, {"groups": [{"segment": "seg_1", "amount": 1}]}, 1)
    assert (answered.code, answered.pointers) == ("validation_failed", ["/groups/0/segment"])
    assert till.get(f"{CAMPAIGNS}/{campaign}").json["version"] == 1


def test_only_a_draft_is_replaced(till: Till) -> None:
    campaign = made(till)
    do(till, campaign, "schedule")
    answered = put(till, campaign, SAID, 2)
    assert (answered.status, answered.code, answered.json["state"]) == (409, "campaign_state", "scheduled")


# What becomes of it


def test_what_is_scheduled_stays_as_its_segments_are_now(till: Till) -> None:
    german = segment(till)
    campaign = made(till, where=None, segment=german, available_at=TOMORROW)
    told = do(till, campaign, "schedule").json
    assert (told["state"], told["version"], told["run"]) == ("scheduled", 2, 1)
    assert told["release_at"] == told["available_at"] == TOMORROW
    assert (told["groups"][0]["segment"], told["groups"][0]["where"]) == (german, GERMANS)
    changed = {"name": "Germans", "where": {**GERMANS, "value": "AT"}}
    assert till.send("PUT", f"/v1/segments/{german}", changed, headers={"If-Match": '"1"'}).status == 200
    assert till.get(f"{CAMPAIGNS}/{campaign}").json["groups"][0]["where"] == GERMANS


def test_a_local_time_is_resolved_when_it_is_scheduled(till: Till) -> None:
    campaign = made(till, available_at={"date": "2026-10-01", "time": "09:00"})
    told = do(till, campaign, "schedule").json
    assert told["available_at"] == {"date": "2026-10-01", "time": "09:00"}
    assert told["release_at"] == "2026-10-01T09:00:00Z"


def test_without_a_time_it_is_released_as_soon_as_it_is_scheduled(till: Till, letters: Letters) -> None:
    campaign = made(till)
    assert do(till, campaign, "schedule").json["release_at"] == "2026-09-21T14:13:20Z"
    assert [json.loads(each) for each in letters] == [{"job": "start", "campaign": campaign}]


def test_what_has_passed_meanwhile_is_not_scheduled(till: Till) -> None:
    campaign = made(till, available_at=TOMORROW)
    till.engine.store.present += DAY_MS + 1
    answered = do(till, campaign, "schedule")
    assert (answered.status, answered.code, answered.pointers) == (422, "available_at_in_past", ["/available_at"])


def test_a_segment_that_is_gone_meanwhile_is_not_scheduled(till: Till) -> None:
    german = segment(till)
    campaign = made(till, where=None, segment=german)
    till.send("DELETE", f"/v1/segments/{german}")
    answered = do(till, campaign, "schedule")
    assert (answered.code, answered.pointers) == ("validation_failed", ["/groups/0/segment"])


@pytest.mark.parametrize("what", ["schedule", "release-now", "forecast"])
def test_where_the_body_says_nothing_a_pointer_leads_into_the_campaign_as_it_is_shown(till: Till, what: str) -> None:
    """Also where it was made in the short form."""
    german = segment(till)
    campaign = made(till, where=None, segment=german)
    till.send("DELETE", f"/v1/segments/{german}")
    refused = do(till, campaign, what)
    place: Any = till.get(f"{CAMPAIGNS}/{campaign}").json
    for part in refused.pointers[0].removeprefix("/").split("/"):
        place = place[int(part) if isinstance(place, list) else part]
    assert place == german == refused.json["segment"]


def test_it_is_scheduled_once(till: Till) -> None:
    campaign = made(till)
    assert do(till, campaign, "schedule").status == 200
    again = do(till, campaign, "schedule")
    assert (again.status, again.code, again.json["state"]) == (409, "campaign_state", "scheduled")


def test_a_retry_of_scheduling_is_answered_what_was_answered_first(till: Till, letters: Letters) -> None:
    campaign = made(till)
    first, again = (till.post(f"{CAMPAIGNS}/{campaign}/schedule", {}, key="k") for _ in range(2))
    assert (again.text, again.headers["Idempotent-Replayed"]) == (first.text, "true")
    assert len(letters) == 1


def test_a_dry_run_schedules_nothing(till: Till, letters: Letters) -> None:
    campaign = made(till)
    answered = till.post(f"{CAMPAIGNS}/{campaign}/schedule", {}, key=None, query={"dry_run": "true"})
    assert answered.json["state"] == "scheduled"
    assert till.get(f"{CAMPAIGNS}/{campaign}").json["state"] == "draft"
    assert letters == []


@pytest.mark.parametrize("scheduled", [False, True])
def test_a_draft_or_what_is_scheduled_can_be_released_now(till: Till, scheduled: bool) -> None:
    campaign = made(till, available_at=TOMORROW)
    if scheduled:
        do(till, campaign, "schedule")
    till.engine.store.present += MINUTE_MS
    told = do(till, campaign, "release-now").json
    assert (told["state"], told["release_at"]) == ("scheduled", "2026-09-21T14:14:20Z")
    assert do(till, campaign, "release-now").status == 200


def test_it_is_paused_resumed_and_cancelled(till: Till) -> None:
    campaign = made(till, available_at=TOMORROW)
    do(till, campaign, "schedule")
    assert do(till, campaign, "pause").json["state"] == "paused"
    assert do(till, campaign, "pause").code == "campaign_state"
    assert do(till, campaign, "resume").json["state"] == "scheduled"
    assert do(till, campaign, "resume").code == "campaign_state"
    told = do(till, campaign, "cancel").json
    assert (told["state"], told["revoking"], told["version"]) == ("cancelled", False, 5)
    for what in ("schedule", "release-now", "pause", "resume", "cancel"):
        assert do(till, campaign, what).code == "campaign_state"


def test_what_was_granted_and_is_not_usable_yet_is_taken_back(till: Till, letters: Letters) -> None:
    campaign = made(till, available_at=TOMORROW)
    do(till, campaign, "schedule")
    become(till, campaign, lambda was: transitions.begin_release(was, NOW))
    letters.clear()
    told = do(till, campaign, "cancel").json
    assert (told["state"], told["revoking"]) == ("cancelled", True)
    assert [json.loads(each)["campaign"] for each in letters] == [campaign]


def test_a_copy_is_a_draft_that_asks_for_the_same(till: Till) -> None:
    german = segment(till)
    campaign = made(till, where=None, segment=german, name="Spring", budget=5)
    scheduled = do(till, campaign, "schedule").json
    answered = till.post(f"{CAMPAIGNS}/{campaign}/copy", {})
    told = answered.json
    assert (answered.status, answered.headers["ETag"]) == (201, '"1"')
    assert told["id"] != campaign
    assert (told["state"], told["version"], told["run"], told["release_at"]) == ("draft", 1, 0, None)
    assert (told["name"], told["budget"]) == ("Spring", 5)
    assert told["groups"] == [{**scheduled["groups"][0], "where": None}]
    assert len(till.get(CAMPAIGNS).json["data"]) == 2


def test_progress_begins_with_nothing(till: Till) -> None:
    campaign = made(till)
    told = till.get(f"{CAMPAIGNS}/{campaign}/progress").json
    assert (told["state"], told["run"], told["audience"], told["planned"], told["granted"]) == ("draft", 0, 0, 0, 0)
    assert (told["started_at"], told["finished_at"], told["rate"]) == (None, None, None)


def test_there_are_no_recipients_before_there_is_a_plan(till: Till) -> None:
    campaign = made(till)
    assert till.get(f"{CAMPAIGNS}/{campaign}/recipients").json == {"run": 0, "data": [], "next_cursor": None}
    assert till.get(f"{CAMPAIGNS}/{campaign}/recipients", status="luck").pointers == ["/query/status"]


# Runs


def ran(till: Till, campaign: str, run: int, *customers: str) -> None:
    """What a run leaves behind that granted 500 to each of these, one piece each."""
    store: Any = till.engine.store
    done = Run(store, campaign, run)
    totals, last = Totals(len(customers), 0, len(customers), 500 * len(customers)), len(customers)
    for number, customer in enumerate(customers, 1):
        piece = Piece(LISTED, number, (Member(customer, 0, 500),), None if number == last else customer, totals)
        result = done.put_result(LISTED, number, Result(complete=True, granted=1, granted_amount=500), None)
        assert commit(store, [*done.put_piece(piece), *result]) is Signal.COMMITTED
    summary = Summary(totals.audience, totals.holdout, totals.planned, totals.liability)
    assert commit(store, [done.put_plan(Plan({LISTED: last}, summary))]) is Signal.COMMITTED


def twice_run(till: Till) -> str:
    """A campaign whose first run gave to alice and bob, whose second to carol and dave, and whose third is to come."""
    campaign = made(till, repeat={"every": "week"})
    do(till, campaign, "schedule")
    for day in (0, 7):
        at = NOW + day * DAY_MS
        become(
            till,
            campaign,
            lambda was, at=at: transitions.begin_release(was, at),
            lambda was, at=at: transitions.finish(was, at + MINUTE_MS, UTC, 1_000),
        )
    ran(till, campaign, 1, "alice", "bob")
    ran(till, campaign, 2, "carol", "dave")
    return f"{CAMPAIGNS}/{campaign}"


def who(answered: Answered) -> tuple[int, list[str]]:
    """The run that an answer is about, and its customers."""
    assert answered.status == 200, answered.text
    return answered.json["run"], [each["customer"] for each in answered.json["data"]]


def test_recipients_are_those_of_the_run_that_is_asked_for_or_began_last(till: Till) -> None:
    campaign = twice_run(till)
    assert who(till.get(f"{campaign}/recipients")) == (2, ["carol", "dave"])
    assert who(till.get(f"{campaign}/recipients", run="2")) == (2, ["carol", "dave"])
    assert who(till.get(f"{campaign}/recipients", run="1")) == (1, ["alice", "bob"])
    assert who(till.get(f"{campaign}/recipients", run="1", status="failed")) == (1, [])


def test_progress_of_an_earlier_run_is_its_counts_without_its_times(till: Till) -> None:
    campaign = twice_run(till)
    last, first = till.get(f"{campaign}/progress").json, till.get(f"{campaign}/progress", run="1").json
    assert till.get(f"{campaign}/progress", run="2").json == last
    assert (last["run"], last["started_at"], last["rate"]) == (2, "2026-09-28T14:13:20Z", 0.0)
    assert first == last | {"run": 1, "started_at": None, "finished_at": None, "rate": None}
    assert (first["state"], first["granted"], first["granted_amount"]) == ("scheduled", 2, 1_000)


@pytest.mark.parametrize("below", ["progress", "recipients"])
@pytest.mark.parametrize("run", ["0", "3", "999999", "1000000", "01", "-1", "1.0", "last", ""])
def test_a_run_that_never_was_is_refused(till: Till, below: str, run: str) -> None:
    answered = till.get(f"{twice_run(till)}/{below}", run=run)
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", ["/query/run"])


@pytest.mark.parametrize("below", ["progress", "recipients"])
def test_a_draft_has_had_no_run(till: Till, below: str) -> None:
    assert till.get(f"{CAMPAIGNS}/{made(till)}/{below}", run="1").pointers == ["/query/run"]


@pytest.mark.parametrize("below", ["progress", "recipients"])
def test_of_a_run_that_is_not_kept_any_more_nothing_is_told(till: Till, below: str) -> None:
    campaign = made(till)
    become(till, campaign, lambda was: replace(was, state=State.RELEASED, run=2))
    answered = till.get(f"{CAMPAIGNS}/{campaign}/{below}", run="1")
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", ["/query/run"])
    assert till.get(f"{CAMPAIGNS}/{campaign}/{below}").json["run"] == 2


def test_a_cursor_of_recipients_is_good_for_its_run_alone(till: Till) -> None:
    recipients = f"{twice_run(till)}/recipients"
    cursor = till.get(recipients, run="1", limit="1").json["next_cursor"]
    assert who(till.get(recipients, run="1", cursor=cursor)) == (1, ["bob"])
    assert till.get(recipients, cursor=cursor).code == "invalid_cursor"
    assert till.get(recipients, run="2", cursor=cursor).code == "invalid_cursor"
    assert till.get(recipients, run="1", status="granted", cursor=cursor).code == "invalid_cursor"


def test_a_cursor_of_the_run_that_began_last_is_good_when_another_has_begun(till: Till) -> None:
    recipients = f"{twice_run(till)}/recipients"
    cursor = till.get(recipients, limit="1").json["next_cursor"]
    become(till, recipients.split("/")[3], lambda was: transitions.begin_release(was, NOW + 14 * DAY_MS))
    assert till.get(recipients, cursor=cursor).code == "invalid_cursor"
    assert who(till.get(recipients, run="2", cursor=cursor)) == (2, ["dave"])


# Forecast


def forecast(till: Till, **more: Any) -> Any:
    answered = do(till, made(till, **more), "forecast")
    assert answered.status == 200, answered.text
    return answered.json


def test_a_forecast_tells_whom_it_would_reach_and_what_it_would_cost(till: Till) -> None:
    for number, spent in enumerate([1_000, 2_000, 4_000, 8_000]):
        known(till, f"german-{number}", orders=1, spent=spent)
    known(till, "german-new")
    known(till, "austrian", "AT", orders=1, spent=10_000)
    share = {"percent_of": "lifetime_spend", "basis_points": 1_000}
    told = forecast(till, amount=share)
    assert (told["audience"], told["holdout"], told["liability"]) == (5, 0, 1_500)
    assert told["amounts"] == {"min": 100, "median": 200, "max": 800}
    assert (told["exact"], told["expected_redemption"]) == (True, "insufficient_history")
    assert told["warnings"] == ["amount_without_basis"]
    assert told["evaluated_at"] == "2026-09-21T14:13:20Z"


def test_the_first_group_that_a_customer_is_in_counts(till: Till) -> None:
    known(till, "alice")
    known(till, "bob", "AT")
    groups = [
        {"customers": ["bob", "nobody-yet"], "amount": 100},
        {"where": GERMANS, "amount": 10},
        {"customers": ["alice", "bob"], "amount": 1},
    ]
    told = forecast(till, groups=groups, where=None, amount=None, expires=None)
    assert (told["audience"], told["liability"]) == (3, 210)


def test_a_forecast_stays_within_the_budget_and_says_so(till: Till) -> None:
    for number in range(10):
        known(till, f"german-{number}")
    told = forecast(till, budget=1_200)
    assert (told["audience"], told["liability"]) == (10, 1_200)
    assert told["warnings"] == ["budget_below_liability"]


def test_who_is_held_out_costs_nothing(till: Till) -> None:
    for number in range(40):
        known(till, f"german-{number}")
    told = forecast(till, holdout_basis_points=5_000)
    assert (told["audience"], told["liability"]) == (40, (40 - told["holdout"]) * 500)
    assert 5 <= told["holdout"] <= 35
    assert forecast(till, holdout_basis_points=10_000)["warnings"] == ["nobody_granted"]


@pytest.mark.parametrize(("grants", "expected"), [(29, "insufficient_history"), (30, 2_500)])
def test_campaigns_alike_tell_how_much_will_be_redeemed(till: Till, grants: int, expected: object) -> None:
    """Basis points of what they issued; those with another goal or currency say nothing."""
    alike = [made(till, goal="loyalty"), made(till, goal="loyalty")]
    others = [made(till, goal="other"), made(till, goal="loyalty", currency="USD"), made(till, goal="loyalty")]
    store: Any = till.engine.store
    long_ago = NOW - HISTORY_DAYS * DAY_MS
    for campaign in (*alike, *others[:2]):
        become(
            till, campaign, lambda was: replace(was, state=State.RELEASED, finished_at=long_ago, release_at=long_ago)
        )
    for campaign in (*alike, *others):
        figures = {"issues": 15, "issued": 10_000, "redeemed": 3_000, "given_back": 500}
        if campaign == alike[0]:
            figures["issues"] = grants - 15
        if campaign in others:
            figures["redeemed"] = 9_000
        for currency in ("EUR", "USD"):
            assert (
                commit(store, [documents(store).count(counter_key(campaign, currency, 0), figures)]) is Signal.COMMITTED
            )
    assert forecast(till, goal="loyalty")["expected_redemption"] == expected


@pytest.mark.parametrize(
    ("released_at", "expired", "expected"),
    [
        (NOW - 1, 0, "insufficient_history"),
        (NOW - HISTORY_DAYS * DAY_MS + 1, 0, "insufficient_history"),
        (NOW - HISTORY_DAYS * DAY_MS, 0, 2_500),
        (NOW - 1, 7_500, 2_500),
    ],
)
def test_a_campaign_tells_of_others_when_its_credit_has_had_time_or_is_gone(
    till: Till, released_at: int, expired: int, expected: object
) -> None:
    campaign = made(till, goal="loyalty")
    store: Any = till.engine.store
    become(
        till, campaign, lambda was: replace(was, state=State.RELEASED, finished_at=released_at, release_at=released_at)
    )
    figures = {"issues": 30, "issued": 10_000, "redeemed": 2_500, "expired": expired}
    docs = documents(store)
    assert commit(store, [docs.count(counter_key(campaign, "EUR", 0), figures)]) is Signal.COMMITTED
    assert forecast(till, goal="loyalty")["expected_redemption"] == expected


def test_of_one_that_repeats_the_last_run_that_gave_must_have_had_time(till: Till) -> None:
    campaign = made(till, goal="loyalty")
    store: Any = till.engine.store
    figures, docs = {"issues": 30, "issued": 10_000, "redeemed": 2_500}, documents(store)
    assert commit(store, [docs.count(counter_key(campaign, "EUR", 0), figures)]) is Signal.COMMITTED
    for last, expected in ((NOW - DAY_MS, "insufficient_history"), (NOW - HISTORY_DAYS * DAY_MS, 2_500)):
        become(
            till,
            campaign,
            lambda was, at=last: replace(
                was, state=State.SCHEDULED, finished_at=at, previous_release_at=at, release_at=NOW + DAY_MS
            ),
        )
        assert forecast(till, goal="loyalty")["expected_redemption"] == expected


@pytest.mark.parametrize(
    ("more", "warnings"),
    [
        ({}, []),
        ({"where": {**GERMANS, "value": "FR"}}, ["empty_audience"]),
        ({"expires": {"never": True}}, ["no_expiry"]),
        ({"notify": {"channels": ["email"]}}, []),
        ({"notify": {"channels": ["sms"]}}, ["missing_consent"]),
        ({"notify": {"channels": ["sms", "webhook"]}}, ["missing_consent"]),
        ({"notify": {"channels": ["webhook"]}}, []),
    ],
)
def test_a_forecast_warns(till: Till, more: Any, warnings: list[str]) -> None:
    for number in range(3):
        known(till, f"german-{number}", email=number > 0)
    assert forecast(till, **more)["warnings"] == warnings


def test_a_forecast_warns_of_a_time_that_has_passed(till: Till) -> None:
    campaign = made(till, available_at=TOMORROW, expires={"at": "2026-09-23T00:00:00Z"})
    till.engine.store.present += 2 * DAY_MS
    known(till, "alice")
    told = do(till, campaign, "forecast").json
    assert told["warnings"] == ["available_at_in_past", "expires_before_available"]


def test_a_forecast_of_what_is_scheduled_is_of_its_own_trees(till: Till) -> None:
    german = segment(till)
    campaign = made(till, where=None, segment=german, available_at=TOMORROW)
    do(till, campaign, "schedule")
    till.send("DELETE", f"/v1/segments/{german}")
    known(till, "alice")
    assert do(till, campaign, "forecast").json["audience"] == 1


def test_a_forecast_of_a_segment_that_is_gone_says_so(till: Till) -> None:
    german = segment(till)
    campaign = made(till, where=None, segment=german)
    till.send("DELETE", f"/v1/segments/{german}")
    assert do(till, campaign, "forecast").pointers == ["/groups/0/segment"]


def test_the_summary_of_a_run_is_told(till: Till) -> None:
    campaign = made(till)
    do(till, campaign, "schedule")
    summary = Summary(10, 1, 8, 4_000, {"no_basis": 1})
    become(
        till,
        campaign,
        lambda was: transitions.begin_release(was, NOW),
        lambda was: transitions.planned(was, summary, NOW),
    )
    told = till.get(f"{CAMPAIGNS}/{campaign}").json
    assert told["state"] == "releasing"
    assert told["summary"] == {
        "audience": 10,
        "holdout": 1,
        "planned": 8,
        "liability": 4_000,
        "skipped": {"no_basis": 1},
    }
