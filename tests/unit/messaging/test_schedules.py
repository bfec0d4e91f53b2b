"""One-off schedules against the service's shapes: one for each nudge, and nothing that keeps a caller waiting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws

from chalicelib.messaging.schedules import Schedules
from chalicelib.store.connections import SharedSession
from dev.ministack import CREDENTIALS

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:release"
ROLE = "arn:aws:iam::123456789012:role/nudge"
BODY = json.dumps({"job": "start", "campaign": "cmp_a"})


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {**CREDENTIALS, "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        session = botocore.session.get_session()
        monkeypatch.setattr(SharedSession, "shared", session)
        client: Any = session.create_client("scheduler", region_name="eu-west-1")
        client.create_schedule_group(Name="campaigns")
        yield client


@pytest.fixture
def schedules(service: Any) -> Schedules:
    return Schedules("campaigns", QUEUE, ROLE)


def test_a_nudge_is_scheduled_once_for_its_instant_and_never_early(schedules: Schedules, service: Any) -> None:
    assert schedules.put("cmp_a", 1_800_000_000_001, BODY)
    assert schedules.put("cmp_a", 1_800_000_000_001, BODY)
    found = service.list_schedules(GroupName="campaigns")["Schedules"]
    assert len(found) == 1
    told = service.get_schedule(GroupName="campaigns", Name=found[0]["Name"])
    assert told["ScheduleExpression"] == "at(2027-01-15T08:00:01)"
    assert (told["Target"]["Arn"], told["Target"]["RoleArn"]) == (QUEUE, ROLE)
    assert json.loads(told["Target"]["Input"]) == {"job": "start", "campaign": "cmp_a"}
    assert told["ActionAfterCompletion"] == "DELETE"


def test_another_instant_is_another_schedule(schedules: Schedules, service: Any) -> None:
    assert schedules.put("cmp_a", 1_800_000_000_000, BODY)
    assert schedules.put("cmp_a", 1_800_000_060_000, BODY)
    assert len(service.list_schedules(GroupName="campaigns")["Schedules"]) == 2


def test_an_account_that_allows_none_only_loses_the_nudge(schedules: Schedules) -> None:
    def denied(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "CreateSchedule")

    schedules._client.meta.events.register_first("before-send.scheduler", denied)
    assert not schedules.put("cmp_a", 1_800_000_000_000, BODY)


def test_a_service_that_does_not_answer_is_not_waited_for(schedules: Schedules) -> None:
    tried: list[str] = []

    def dead(**_: Any) -> None:
        tried.append("")
        raise ConnectTimeoutError(endpoint_url="https://scheduler.invalid")

    schedules._client.meta.events.register_first("before-send.scheduler", dead)
    assert not schedules.put("cmp_a", 1_800_000_000_000, BODY)
    assert len(tried) == 1
