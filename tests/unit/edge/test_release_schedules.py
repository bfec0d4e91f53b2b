"""The one-off schedule of a release: what is asked for over HTTP, and what the function of the release queue makes of
it. What becomes of a release is the engine tier's affair."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.edge import workers
from chalicelib.edge.functions import releasing
from chalicelib.ledger.limits import DAY_MS, MINUTE_MS
from chalicelib.messaging.schedules import Schedules
from chalicelib.runtime import environment
from chalicelib.runtime.environment import ReleaseSchedules
from tests.unit.edge.till import NOW, Answered, Till

CAMPAIGNS = "/v1/campaigns"
SAID = {"where": {"field": "profile.country", "op": "=", "value": "DE"}, "amount": 500, "expires": {"days": 30}}
TOMORROW = "2026-09-22T14:13:20Z"
BEGINS = NOW + DAY_MS - 15 * MINUTE_MS
CONTEXT: Any = SimpleNamespace(aws_request_id="r-1", get_remaining_time_in_millis=lambda: 60_000)


class Letters(list[str]):
    """The release queue."""

    def send(self, bodies: Sequence[str]) -> list[int]:
        self.extend(bodies)
        return []


class Diary(list[tuple[str, int, str]]):
    """Schedules; it can be that none can be made."""

    works = True

    def put(self, of: str, at: int, body: str) -> bool:
        self.append((of, at, body))
        return self.works


@pytest.fixture(autouse=True)
def letters(till: Till, monkeypatch: pytest.MonkeyPatch) -> Letters:
    sent = Letters()
    monkeypatch.setattr(wiring, "release_queue", lambda: sent)
    monkeypatch.setattr(releasing, "settings", lambda: SimpleNamespace(stage="local"))
    return sent


@pytest.fixture
def diary() -> Diary:
    return Diary()


def made(till: Till, **more: Any) -> str:
    answered = till.post(CAMPAIGNS, SAID | more)
    assert answered.status == 201, answered.text
    campaign: str = answered.json["id"]
    return campaign


def do(till: Till, campaign: str, what: str) -> Answered:
    return till.post(f"{CAMPAIGNS}/{campaign}/{what}", {})


def deliver(till: Till, letters: Letters, schedules: Any) -> None:
    """The function takes what is in the queue."""
    records = [{"messageId": str(number), "body": body} for number, body in enumerate(letters)]
    letters.clear()
    engine: Any = till.engine
    told = releasing.release_batch(engine, letters, {"Records": records}, CONTEXT, schedules)
    assert told == {"batchItemFailures": []}


def test_what_is_scheduled_has_a_schedule_for_the_instant_at_which_it_begins(
    till: Till, letters: Letters, diary: Diary
) -> None:
    campaign = made(till, available_at=TOMORROW)
    assert not letters
    do(till, campaign, "schedule")
    deliver(till, letters, diary)
    ((of, at, body),) = diary
    assert (of, at, json.loads(body)) == (campaign, BEGINS, {"job": "start", "campaign": campaign})
    assert letters == [], "nothing has begun"


def test_the_schedules_own_message_begins_it_and_makes_no_other(till: Till, letters: Letters, diary: Diary) -> None:
    campaign = made(till, available_at=TOMORROW)
    do(till, campaign, "schedule")
    deliver(till, letters, diary)
    till.engine.store.present = BEGINS
    letters.append(diary[0][2])
    deliver(till, letters, diary)
    assert till.get(f"{CAMPAIGNS}/{campaign}").json["state"] == "releasing"
    assert {json.loads(each)["job"] for each in letters} == {"evaluate"}
    assert len(diary) == 1


def test_a_dry_run_and_a_retry_make_none(till: Till, letters: Letters, diary: Diary) -> None:
    campaign = made(till, available_at=TOMORROW)
    till.post(f"{CAMPAIGNS}/{campaign}/schedule", {}, key=None, query={"dry_run": "true"})
    deliver(till, letters, diary)
    assert diary == []
    for _ in range(2):
        assert till.post(f"{CAMPAIGNS}/{campaign}/schedule", {}, key="k").status == 200
    deliver(till, letters, diary)
    assert len(diary) == 1


@pytest.mark.parametrize("steps", [("pause",), ("cancel",), ("pause", "cancel")])
def test_what_was_paused_or_cancelled_meanwhile_gets_none(
    till: Till, letters: Letters, diary: Diary, steps: tuple[str, ...]
) -> None:
    campaign = made(till, available_at=TOMORROW)
    do(till, campaign, "schedule")
    for step in steps:
        assert do(till, campaign, step).status == 200
    deliver(till, letters, diary)
    assert diary == []


def test_what_is_resumed_has_the_same_again(till: Till, letters: Letters, diary: Diary) -> None:
    campaign = made(till, available_at=TOMORROW)
    for step in ("schedule", "pause", "resume"):
        do(till, campaign, step)
        deliver(till, letters, diary)
    assert len(diary) == 2
    assert diary[0] == diary[1], "so it has the same name"


@pytest.mark.parametrize("minutes", [0, 10, 16])
def test_what_begins_at_once_or_within_a_minute_needs_none(
    till: Till, letters: Letters, diary: Diary, minutes: int
) -> None:
    campaign = made(till, available_at=TOMORROW)
    till.engine.store.present = NOW + DAY_MS - minutes * MINUTE_MS
    do(till, campaign, "schedule")
    deliver(till, letters, diary)
    assert diary == []


def test_where_none_can_be_made_or_the_stage_has_none_all_else_is_the_same(
    till: Till, letters: Letters, diary: Diary
) -> None:
    diary.works = False
    answers = []
    for schedules in (diary, None):
        campaign = made(till, available_at=TOMORROW)
        answers.append(do(till, campaign, "schedule"))
        deliver(till, letters, schedules)
        found = till.get(f"{CAMPAIGNS}/{campaign}").json
        assert (found["state"], found["version"]) == ("scheduled", 2)
    assert {answered.status for answered in answers} == {200}
    assert len(diary) == 1


def test_only_who_asks_for_a_look_schedules_one(till: Till, letters: Letters, diary: Diary) -> None:
    campaign = made(till, available_at=TOMORROW)
    do(till, campaign, "schedule")
    letters[:] = [
        json.dumps({"job": "grant", "campaign": campaign, "run": 1, "shard": "p01", "piece": 1}),
        json.dumps({"job": "plan", "campaign": campaign, "run": 1, "sent": 0}),
        json.dumps({"job": "start", "campaign": "cmp_gone"}),
    ]
    deliver(till, letters, diary)
    assert diary == []


def test_the_function_schedules_as_its_environment_says(
    till: Till, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[Any] = []

    def take(*told: Any) -> dict[str, Any]:
        handed.append(told[-1])
        return {}

    monkeypatch.setattr(releasing, "release_batch", take)
    monkeypatch.setattr(wiring, "engine", lambda: till.engine)
    event: dict[str, Any] = {"Records": []}
    for told in (None, ReleaseSchedules("release", "arn:queue", "arn:role")):
        monkeypatch.setattr(wiring, "release_schedules_told", lambda told=told: told)
        wiring.release_schedules.cache_clear()
        workers.campaign(event, CONTEXT)
    wiring.release_schedules.cache_clear()
    assert handed == [None, Schedules("release", "arn:queue", "arn:role")]
    assert environment.read_release_schedules({}) is None
