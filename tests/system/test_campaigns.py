"""Campaigns: asked for, looked at, released at a time, and told what became of everybody; money lands exactly once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.performance.intervals import measure
from chalicelib.performance.lift import Comparison, Group
from chalicelib.performance.store import LANES
from dev.deploy import STACK, client
from dev.stack import Stack
from tests.system.conftest import AsRole, fresh_key
from tests.system.marketing import Marketing, eventually, problem
from tests.system.shop import ORDERS, Shop
from tests.system.test_expiry import invoke, stand_at

Json = dict[str, Any]


@pytest.fixture
def marketing(stack: Stack, as_role: AsRole) -> Marketing:
    return Marketing(stack, as_role)


@pytest.fixture
def noon(as_role: AsRole) -> Iterator[datetime]:
    """The clock stands at noon of a day to come; it runs again afterwards."""
    owner, noon = as_role("owner"), (datetime.now(UTC) + timedelta(days=400)).replace(hour=12, minute=0, second=0)
    stand_at(owner, noon.isoformat())
    yield noon.replace(microsecond=0)
    owner.delete("v1/test-clock")


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def test_three_fields_make_a_draft_once(marketing: Marketing) -> None:
    marketer = marketing.marketer
    segment = marketing.make("segments", name=f"Seg {marketing.word}", where=marketing.where)
    body, key = {"segment": segment["id"], "amount": {"fixed": 500}, "expires": {"days": 30}}, fresh_key()
    problem(marketer.post("v1/campaigns", json=body), 400, "idempotency_key_required")
    dry = marketer.post("v1/campaigns", json=body, params={"dry_run": "true"})
    assert dry.status_code == 201, dry.text
    first = marketer.post("v1/campaigns", json=body, headers=key)
    assert first.status_code == 201
    assert first.headers.get("ETag"), "on each"
    again = marketer.post("v1/campaigns", json=body, headers=key)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    problem(marketer.post("v1/campaigns", json=body | {"amount": 1}, headers=key), 422, "idempotency_key_reused")
    told = first.json()
    assert (told["state"], told["currency"], told["goal"]) == ("draft", "EUR", "other")
    assert told["groups"][0]["segment"] == segment["id"]
    assert told["groups"][0]["amount"] == {"fixed": 500}
    got = marketer.get(f"v1/campaigns/{told['id']}")
    assert got.json() == told
    assert got.headers["ETag"] == first.headers["ETag"]
    problem(marketer.get("v1/campaigns/cmp_none"), 404, "not_found")


def test_a_draft_is_replaced_by_who_saw_it_and_a_copy_is_a_draft(marketing: Marketing) -> None:
    marketer = marketing.marketer
    draft = marketing.campaign(name=f"Old {marketing.word}", available_at=in_hours(48))
    path = f"v1/campaigns/{draft['id']}"
    seen = marketer.get(path).headers["ETag"]
    body = {"name": "New", "where": marketing.where, "amount": {"fixed": 700}, "available_at": in_hours(48)}
    problem(marketer.put(path, json=body), 422, "validation_failed", "/header/If-Match")
    dry = marketer.put(path, json=body, headers={"If-Match": seen}, params={"dry_run": "true"})
    assert dry.json()["name"] == "New"
    assert marketing.read(draft)["name"] == draft["name"]
    put = marketer.put(path, json=body, headers={"If-Match": seen})
    assert put.status_code == 200, put.text
    assert put.headers["ETag"] != seen
    problem(marketer.put(path, json=body, headers={"If-Match": seen}), 409, "version_conflict")

    key = fresh_key()
    scheduled = marketer.post(f"{path}/schedule", json={}, headers=key)
    assert scheduled.json()["state"] == "scheduled"
    replayed = marketer.post(f"{path}/schedule", json={}, headers=key)
    assert replayed.content == scheduled.content
    assert replayed.headers["Idempotent-Replayed"] == "true"
    problem(marketing.move(draft, "schedule"), 409, "campaign_state")
    now = marketer.get(path).headers["ETag"]
    problem(marketer.put(path, json=body, headers={"If-Match": now}), 409, "campaign_state")
    copy = marketer.post(f"{path}/copy", headers=fresh_key())
    assert copy.status_code == 201, copy.text
    assert (copy.json()["state"], copy.json()["name"]) == ("draft", "New")
    assert copy.json()["id"] != draft["id"]
    for what, state in (("pause", "paused"), ("resume", "scheduled"), ("cancel", "cancelled")):
        for verb in ("pause", "resume", "cancel", "schedule"):
            dry = marketer.post(f"{path}/{verb}", params={"dry_run": "true"})
            assert dry.status_code in (200, 409), dry.text
        assert marketing.moved(draft, what)["state"] == state
    for what in ("schedule", "pause", "resume", "cancel", "release-now"):
        problem(marketing.move(draft, what), 409, "campaign_state")
    mine = marketer.get("v1/campaigns", params={"state": "cancelled", "limit": 1}).json()
    assert [each["state"] for each in mine["data"]] == ["cancelled"]
    problem(marketer.get("v1/campaigns?cursor=zzz"), 400, "invalid_cursor")


def test_what_cannot_be_is_refused_with_a_pointer(marketing: Marketing) -> None:
    good: Json = {"where": marketing.where, "amount": 500, "expires": {"days": 30}}
    wrong: tuple[tuple[Json, str, str], ...] = (
        ({"available_at": "2020-01-01T00:00:00Z"}, "available_at_in_past", "/available_at"),
        ({"available_at": {"date": "2020-01-01", "time": "09:00"}}, "available_at_in_past", "/available_at"),
        ({"expires": {"at": "2020-01-01T00:00:00Z"}}, "expires_in_past", "/expires"),
        ({"currency": "XXQ"}, "currency_unknown", "/currency"),
        ({"where": {"field": "x", "op": "=", "value": 1}}, "validation_failed", "/where/field"),
        ({"budget": 0}, "validation_failed", "/budget"),
        ({"holdout_basis_points": 10_001}, "validation_failed", "/holdout_basis_points"),
        ({"goal": "fun"}, "validation_failed", "/goal"),
        ({"colour": 1}, "validation_failed", "/colour"),
        ({"notify": {"channels": ["email"], "template": "none"}}, "validation_failed", "/notify/template"),
        ({"where": None, "segment": "seg_none"}, "validation_failed", "/segment"),
        ({"amount": None}, "validation_failed", "/amount"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "validation_failed", "/ends_at"),
    )
    for change, code, pointer in wrong:
        body = {name: said for name, said in (good | change).items() if said is not None}
        answer = marketing.marketer.post("v1/campaigns", json=body, headers=fresh_key())
        problem(answer, 422, code, pointer)


def test_only_marketing_launches_campaigns(as_role: AsRole, marketing: Marketing, customer: str) -> None:
    draft = marketing.campaign()
    path = f"v1/campaigns/{draft['id']}"
    for caller in (as_role("support"), as_role("checkout"), as_role("finance"), as_role("shopper", customer)):
        for what in ("", "/progress", "/recipients", "/performance"):
            problem(caller.get(path + what), 403, "forbidden")
        for what in ("forecast", "schedule", "pause", "resume", "cancel", "copy", "release-now"):
            problem(caller.post(f"{path}/{what}", json={}, headers=fresh_key()), 403, "forbidden")
    assert as_role("owner").post(f"{path}/schedule", params={"dry_run": "true"}).status_code == 200
    assert marketing.read(draft)["state"] == "draft"


def test_a_release_that_is_to_begin_later_has_a_schedule_and_one_that_comes_too_soon_begins_nothing(
    stack: Stack, marketing: Marketing
) -> None:
    scheduler: Any = client("scheduler", stack.aws)
    group = f"{STACK}-release"

    def schedules() -> list[Json]:
        names = [each["Name"] for each in scheduler.list_schedules(GroupName=group)["Schedules"]]
        return [each for each in map(schedule, names) if each is not None and each["Description"] == draft["id"]]

    def schedule(name: str) -> Json | None:
        """None where it went after it was listed, as each does once it was sent; the others of the group, too."""
        try:
            found: Json = scheduler.get_schedule(GroupName=group, Name=name)
        except scheduler.exceptions.ResourceNotFoundException:
            return None
        return found

    at = (datetime.now(UTC) + timedelta(hours=48)).replace(microsecond=0)
    draft = marketing.campaign(available_at=at.isoformat())
    marketing.moved(draft, "schedule")
    (made,) = eventually(schedules, bool)
    assert made["ScheduleExpression"] == f"at({(at - timedelta(minutes=15)).isoformat()[:19]})"
    assert json.loads(made["Target"]["Input"]) == {"job": "start", "campaign": draft["id"]}

    kept = ("Name", "GroupName", "Description", "FlexibleTimeWindow", "ActionAfterCompletion", "Target")
    soon = {"ScheduleExpression": f"at({datetime.now(UTC).isoformat()[:19]})"}
    scheduler.update_schedule(**{name: made[name] for name in kept}, **soon)
    # It was sent; the function, which looks at the campaign then, finds it too early, and sees to the instant again.
    (again,) = eventually(
        schedules, lambda found: [each["ScheduleExpression"] for each in found] == [made["ScheduleExpression"]]
    )
    assert again["Name"] == made["Name"]
    assert marketing.read(draft)["state"] == "scheduled"
    marketing.moved(draft, "cancel")


def test_credit_is_announced_and_usable_at_the_local_time_and_lands_once(
    stack: Stack, marketing: Marketing, noon: datetime
) -> None:
    """The clock moves to the time; the minute job runs again and again, and nobody is granted twice."""
    names = marketing.customers(3)
    wanted = noon + timedelta(hours=2)
    draft = marketing.campaign(
        available_at={"date": wanted.date().isoformat(), "time": "14:00"}, conditions={"min_order": 2_000}
    )
    told = marketing.moved(draft, "schedule")
    assert told["release_at"] == wanted.isoformat().replace("+00:00", "Z")
    invoke(stack, "Release")
    assert marketing.read(draft)["state"] == "scheduled", "it is not time yet"
    assert marketing.recipients(draft) == {}

    stand_at(marketing.owner, (wanted - timedelta(minutes=10)).isoformat())
    invoke(stack, "Release")
    eventually(lambda: marketing.read(draft, "/progress"), lambda told: bool(told["granted"] == 3))
    for name in names:
        wallet = marketing.wallet(name)
        assert (wallet["available"], wallet["pending"]) == (0, 500)
    stand_at(marketing.owner, wanted.isoformat())
    for _ in range(3):
        invoke(stack, "Release")
    marketing.until(draft, "released")
    for name in names:
        wallet = marketing.wallet(name)
        assert (wallet["available"], wallet["pending"]) == (500, 0)
        (lot,) = wallet["lots"]
        assert lot["source"] == {"type": "campaign", "id": draft["id"]}
        assert lot["kind"] == "promotion"
        assert lot["conditions"]["min_order"] == 2_000
        assert lot["effective_at"] == told["release_at"]
        assert lot["expires_at"].startswith((wanted + timedelta(days=31)).date().isoformat()), "the end of that day"
    progress = marketing.read(draft, "/progress")
    assert (progress["audience"], progress["planned"], progress["granted"], progress["failed"]) == (3, 3, 3, 0)
    assert {"state", "skipped", "holdout", "started_at", "finished_at", "rate"} <= progress.keys()
    assert {name: each["status"] for name, each in marketing.recipients(draft).items()} == dict.fromkeys(
        names, "granted"
    )
    problem(marketing.move(draft, "cancel"), 409, "campaign_state")


def test_what_is_cancelled_before_its_time_is_taken_back(stack: Stack, marketing: Marketing, noon: datetime) -> None:
    names = marketing.customers(3)
    wanted = noon + timedelta(minutes=10)
    draft = marketing.campaign(available_at=wanted.isoformat())
    marketing.moved(draft, "schedule")
    invoke(stack, "Release")
    eventually(lambda: marketing.read(draft, "/progress"), lambda told: bool(told["granted"] == 3))
    assert marketing.wallet(names[0])["pending"] == 500
    assert marketing.moved(draft, "cancel")["state"] == "cancelled"
    eventually(lambda: [marketing.wallet(name)["pending"] for name in names], lambda told: not any(told))
    stand_at(marketing.owner, (wanted + timedelta(days=1)).isoformat())
    assert [marketing.wallet(name)["available"] for name in names] == [0, 0, 0]
    assert {each["status"] for each in marketing.recipients(draft).values()} == {"revoked"}
    assert marketing.read(draft, "/progress")["revoked"] == 3


def test_a_paused_campaign_grants_nothing_until_it_is_resumed(
    stack: Stack, marketing: Marketing, noon: datetime
) -> None:
    (name,) = marketing.customers(1)
    draft = marketing.campaign(available_at=(noon + timedelta(hours=1)).isoformat())
    marketing.moved(draft, "schedule")
    marketing.moved(draft, "pause")
    stand_at(marketing.owner, (noon + timedelta(hours=3)).isoformat())
    invoke(stack, "Release")
    assert marketing.read(draft)["state"] == "paused"
    assert marketing.wallet(name)["version"] == 0
    assert marketing.moved(draft, "resume")["state"] in ("scheduled", "releasing")
    marketing.until(draft, "released")
    assert marketing.wallet(name)["available"] == 500


def test_the_first_group_that_a_customer_is_in_counts_and_amounts_follow_what_they_did(
    stack: Stack, as_role: AsRole, marketing: Marketing, customer: str
) -> None:
    spender, tier, plain = marketing.customers(3)
    marketing.put_customer(tier, predicted_spend_tier="high")
    shop = Shop(stack, as_role, spender)
    paid = [shop.paid(total, order=f"{spender}-{total}") for total in (4_000, 8_000)]
    shop.send(ORDERS, *map(json.dumps, paid))
    eventually(lambda: marketing.profile(spender)["aggregates"]["orders"]["count"], lambda told: bool(told == 2))
    own = {"all": [marketing.where]}
    spent = {"field": "orders.count", "op": ">=", "value": 1}
    groups = [
        {"customers": [plain], "amount": {"fixed": 111}},
        {
            "where": {"all": [marketing.where, spent]},
            "amount": {"percent_of": "average_order", "basis_points": 1_000, "min": 100, "max": 5_000},
        },
        {
            "where": own,
            "amount": {"by": "predicted_spend_tier", "steps": [{"equals": "high", "amount": 900}]},
            "expires": {"days": 7},
        },
    ]
    draft = marketing.campaign(groups=groups, goal="first_purchase")
    forecast = marketing.move(draft, "forecast")
    assert forecast.status_code == 200, forecast.text
    told = forecast.json()
    assert (told["audience"], told["holdout"], told["liability"]) == (3, 0, 111 + 600 + 900)
    assert told["amounts"] == {"min": 111, "median": 600, "max": 900}
    assert told["expected_redemption"] == "insufficient_history"
    assert isinstance(told["warnings"], list)
    marketing.moved(draft, "release-now")
    marketing.until(draft, "released")
    assert [marketing.wallet(name)["available"] for name in (plain, spender, tier)] == [111, 600, 900]
    assert {name: each["group"] for name, each in marketing.recipients(draft).items()} == {
        plain: 0, spender: 1, tier: 2,
    }  # fmt: skip


def test_the_budget_is_never_passed_and_who_gets_nothing_is_told_why(marketing: Marketing) -> None:
    names = marketing.customers(5)
    draft = marketing.campaign(budget=1_250)
    marketing.moved(draft, "release-now")
    marketing.until(draft, "released")
    granted = [marketing.wallet(name)["available"] for name in names]
    assert sum(granted) <= 1_250
    assert sorted(granted) == [0, 0, 0, 500, 500]
    told = marketing.recipients(draft)
    assert sorted(each["status"] for each in told.values()) == ["granted"] * 2 + ["skipped"] * 3
    assert {each["reason"] for each in told.values() if each["status"] == "skipped"} == {"budget_exhausted"}


def count_people(stack: Stack, campaign: str, people: dict[str, int]) -> None:
    """Let a campaign have had so many people more, without a thousand grants."""
    key = {"pk": {"S": f"f#{campaign}"}, "sk": {"S": f"people/{LANES - 1:02}"}}
    names = {f"#{number}": f"n_{name}" for number, name in enumerate(people)}
    values = {f":{number}": {"N": str(count)} for number, count in enumerate(people.values())}
    adds = ", ".join(f"#{number} :{number}" for number in range(len(people)))
    client("dynamodb", stack.aws).update_item(
        TableName=stack.tables["campaigns"],
        Key=key,
        UpdateExpression=f"ADD {adds}",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )


def test_performance_tells_what_credit_did_and_says_when_it_cannot_compare(
    stack: Stack, as_role: AsRole, marketing: Marketing
) -> None:
    names = marketing.customers(12)
    draft = marketing.campaign(holdout_basis_points=5_000, goal="loyalty")
    forecast = marketing.moved(draft, "forecast")
    assert forecast["audience"] == 12
    marketing.moved(draft, "release-now")
    marketing.until(draft, "released")
    told = marketing.recipients(draft)
    held = [name for name, each in told.items() if each["status"] == "holdout"]
    granted = [name for name, each in told.items() if each["status"] == "granted"]
    assert sorted(held + granted) == sorted(names)
    assert len(held) == forecast["holdout"] == marketing.read(draft, "/progress")["holdout"], "chosen by a stable hash"
    assert [marketing.wallet(name)["available"] for name in held] == [0] * len(held)
    assert granted, "half of twelve"

    shop = Shop(stack, as_role, granted[0])
    shop.redeem(300)
    shop.tell(shop.paid(2_000))
    seen = eventually(
        lambda: marketing.read(draft, "/performance"),
        lambda told: bool(told["orders"]["revenue"] and told["issued"]["count"] == len(granted)),
    )
    assert seen["issued"] == {"count": len(granted), "value": 500 * len(granted)}
    assert (seen["redeemed"]["count"], seen["redeemed"]["value"]) == (1, 300)
    assert seen["redeemed"]["rate_basis_points"] == 300 * 10_000 // (500 * len(granted))
    assert seen["outstanding"]["value"] == 500 * len(granted) - 300
    assert seen["expired"] == {"count": 0, "value": 0}
    assert seen["clawed_back"]["value"] == 0
    assert seen["orders"] == {"count": 1, "revenue": 2_000, "overspend": 1_700}
    assert seen["days_to_redeem"]["median"] == 0
    assert (seen["recipients"]["count"], seen["recipients"]["with_order"]) == (len(granted), 1)
    assert seen["holdout"]["count"] == len(held)
    assert seen["lift"]["status"] == "insufficient_data", "so few"

    people = {"recipients": 1_000, "recipients_bought": 310, "holdout": 110, "holdout_bought": 21}
    count_people(stack, draft["id"], people)
    lift = eventually(lambda: marketing.read(draft, "/performance")["lift"], lambda told: told["status"] == "measured")
    assert lift["confidence_basis_points"] == 9_500
    counted = Comparison(Group(1_000 + len(granted), 311), Group(110 + len(held), 21))
    (measured,) = measure([counted])
    assert lift["relative_basis_points"] == asdict(measured.relative), "by the function that has the library"
    assert lift["holdout_rate_basis_points"] == asdict(measured.holdout)
    alike = marketing.marketer.get("v1/campaign-comparison", params={"campaigns": draft["id"]}).json()["data"]
    assert [each["campaign"] for each in alike] == [draft["id"]]
