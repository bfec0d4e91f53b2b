"""One-off schedules against the service's shapes: one for each nudge, and nothing that keeps a caller waiting."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ReadTimeoutError,
    UnknownServiceError,
)
from moto import mock_aws

from chalicelib.messaging import schedules as module
from chalicelib.messaging.schedules import Schedules
from chalicelib.store.connections import SharedSession
from dev.ministack import CREDENTIALS

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:release"
ROLE = "arn:aws:iam::123456789012:role/nudge"
BODY = json.dumps({"job": "start", "campaign": "cmp_a"})
EIGHT = 1_800_000_000_000


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {**CREDENTIALS, "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SCHEDULER"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        # The process's own session may be older than the mock, which then does not see it.
        session = botocore.session.get_session()
        monkeypatch.setattr(SharedSession, "shared", session)
        client: Any = session.create_client("scheduler", region_name="eu-west-1")
        client.create_schedule_group(Name="release")
        yield client


@pytest.fixture
def schedules(service: Any) -> Schedules:
    return Schedules("release", QUEUE, ROLE)


def meets(schedules: Schedules, fault: Exception) -> list[str]:
    """Let every attempt meet this; the attempts that were made."""
    tried: list[str] = []

    def before_send(**_: Any) -> None:
        tried.append("")
        raise fault

    schedules._client.meta.events.register_first("before-send.scheduler", before_send)
    return tried


def made(service: Any) -> list[Any]:
    names = [each["Name"] for each in service.list_schedules(GroupName="release")["Schedules"]]
    return [service.get_schedule(GroupName="release", Name=name) for name in names]


def test_the_service_is_asked_for_one_message_and_to_forget_it(schedules: Schedules) -> None:
    asked: list[dict[str, Any]] = []
    event = "provide-client-params.scheduler.CreateSchedule"
    schedules._client.meta.events.register(event, lambda params, **_: asked.append(params))
    assert schedules.put("cmp_a", EIGHT, BODY)
    (told,) = asked
    name, _ = told.pop("Name"), told.pop("ClientToken")
    assert (len(name), name.isalnum()) == (64, True)
    assert told == {
        "Description": "cmp_a",
        "GroupName": "release",
        "ScheduleExpression": "at(2027-01-15T08:00:00)",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": QUEUE,
            "RoleArn": ROLE,
            "Input": BODY,
            "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 1},
        },
    }


def test_what_is_finer_than_a_second_is_rounded_up_so_that_it_is_never_early(
    schedules: Schedules, service: Any
) -> None:
    assert schedules.put("cmp_a", EIGHT + 1, BODY)
    assert schedules.put("cmp_b", EIGHT + 999, BODY)
    assert {each["ScheduleExpression"] for each in made(service)} == {"at(2027-01-15T08:00:01)"}


def test_one_that_is_there_is_not_made_again_and_nobody_is_warned(
    schedules: Schedules, service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert [schedules.put("cmp_a", EIGHT, BODY) for _ in range(3)] == [True] * 3
    assert Schedules("release", QUEUE, ROLE).put("cmp_a", EIGHT, BODY), "another process"
    assert len(made(service)) == 1
    assert not caplog.records


@pytest.mark.parametrize("other", [("cmp_b", EIGHT, BODY), ("cmp_a", EIGHT + 60_000, BODY), ("cmp_a", EIGHT, "{}")])
def test_another_is_another(schedules: Schedules, service: Any, other: tuple[str, int, str]) -> None:
    assert schedules.put("cmp_a", EIGHT, BODY)
    assert schedules.put(*other)
    assert len(made(service)) == 2


@pytest.mark.parametrize(
    "fault",
    [
        *(
            ClientError({"Error": {"Code": code, "Message": "no"}}, "CreateSchedule")
            for code in ("AccessDeniedException", "ResourceNotFoundException", "ThrottlingException")
        ),
        ClientError({"Error": {}}, "CreateSchedule"),
        ConnectTimeoutError(endpoint_url="https://scheduler.invalid"),
        ReadTimeoutError(endpoint_url="https://scheduler.invalid"),
        NoCredentialsError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_service_that_does_not_or_may_not_is_asked_once_and_only_the_log_knows(
    schedules: Schedules, fault: ClientError | BotoCoreError, caplog: pytest.LogCaptureFixture
) -> None:
    tried = meets(schedules, fault)
    with caplog.at_level(logging.WARNING):
        assert not schedules.put("cmp_a", EIGHT, BODY)
    assert len(tried) == 1
    assert [record.getMessage()[:21] for record in caplog.records] == ["no schedule for cmp_a"]


def test_a_region_that_knows_no_such_service_is_none_either(
    schedules: Schedules, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise UnknownServiceError(service_name="scheduler", known_service_names="sqs")

    monkeypatch.setattr(SharedSession.shared, "create_client", unknown)
    assert not schedules.put("cmp_a", EIGHT, BODY)


def test_the_client_is_made_when_it_is_first_needed_and_does_not_wait_long(
    service: Any,
) -> None:
    schedules = Schedules("release", QUEUE, ROLE)
    assert "_client" not in vars(schedules)
    config = schedules._client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (module.CONNECT_SECONDS, module.READ_SECONDS)
    assert (module.CONNECT_SECONDS + module.READ_SECONDS) * module.ATTEMPTS <= 2
