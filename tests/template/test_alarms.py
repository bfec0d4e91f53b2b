"""Alarms: when somebody is called, and about what."""

from __future__ import annotations

from typing import Any

import pytest

Resources = dict[str, Any]
WORKERS = (
    "Sweep", "Settle", "Orders", "Refunds", "Customers", "Publish", "Replay", "Observe", "Release", "Campaign",
    "Remind", "Notify", "Lift",
)  # fmt: skip
FUNCTIONS = ("APIHandler", "Authorize", *WORKERS)
DEAD_LETTERS = (
    "SettleDeadLetters", "OrderEventsDeadLetters", "RefundEventsDeadLetters", "CustomerEventsDeadLetters",
    "ReleaseDeadLetters", "NoticesDeadLetters", "PublishDeadLetters", "ObserveDeadLetters",
)  # fmt: skip
# Seconds that a message may wait in a queue before somebody is called.
AGES = {"SettleQueue": 900, "CustomerEventsQueue": 3600, "ReleaseQueue": 3600, "NoticesQueue": 3600}
STREAM_READERS = ("Publish", "Observe")
LAGS = ("SweepLagSeconds", "ReleaseLagSeconds")
TABLES = ("WalletsTable", "LedgerTable", "CustomersTable", "CampaignsTable")


@pytest.fixture
def alarms(resources: Resources) -> dict[tuple[str, str, str], dict[str, Any]]:
    """By namespace, metric, and what it is about."""
    return {
        (each["Properties"]["Namespace"], each["Properties"]["MetricName"], _subject(each["Properties"])): each[
            "Properties"
        ]
        for each in resources.values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }


def test_somebody_is_called_when_it_matters(alarms: dict[tuple[str, str, str], Any]) -> None:
    assert set(alarms) == {
        ("AWS/ApiGateway", "5XXError", "store-credit"),
        ("AWS/ApiGateway", "Latency", "store-credit"),
        *(("AWS/Lambda", metric, name) for name in FUNCTIONS for metric in ("Errors", "Throttles")),
        *(("AWS/Lambda", "IteratorAge", name) for name in STREAM_READERS),
        *(("AWS/DynamoDB", "WriteThrottleEvents", name) for name in TABLES),
        *(("AWS/SQS", "ApproximateNumberOfMessagesVisible", name) for name in DEAD_LETTERS),
        *(("AWS/SQS", "ApproximateAgeOfOldestMessage", name) for name in AGES),
        ("StoreCredit", "UnknownOutcome", "Stage"),
        ("StoreCredit", "Busy", "Stage"),
        *(("StoreCredit", lag, "Stage") for lag in LAGS),
        ("StoreCredit", "Rejected", "Stage"),
    }


@pytest.mark.parametrize("queue", DEAD_LETTERS)
def test_one_dead_letter_is_enough(alarms: dict[tuple[str, str, str], Any], queue: str) -> None:
    alarm = alarms["AWS/SQS", "ApproximateNumberOfMessagesVisible", queue]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
    assert alarm["Statistic"] == "Maximum"


def test_a_failed_worker_is_one_too_many(alarms: dict[tuple[str, str, str], Any]) -> None:
    for name in WORKERS:
        for metric in ("Errors", "Throttles"):
            alarm = alarms["AWS/Lambda", metric, name]
            assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 1)


@pytest.mark.parametrize("lag", LAGS)
def test_a_job_that_lags_or_does_not_run_is_told(alarms: dict[tuple[str, str, str], Any], stage: str, lag: str) -> None:
    """Each says its lag each minute, so silence is an alarm too; on one machine it only means a closed lid."""
    alarm = alarms["StoreCredit", lag, "Stage"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (900, "GreaterThanThreshold")
    assert (alarm["Statistic"], alarm["EvaluationPeriods"]) == ("Maximum", 3)
    assert alarm["TreatMissingData"] == ("notBreaching" if stage == "local" else "breaching")


def test_what_waits_too_long_is_told(alarms: dict[tuple[str, str, str], Any]) -> None:
    told = {
        **{("AWS/SQS", "ApproximateAgeOfOldestMessage", queue): seconds for queue, seconds in AGES.items()},
        **{("AWS/Lambda", "IteratorAge", reader): 300_000 for reader in STREAM_READERS},
    }
    for metric, threshold in told.items():
        assert (alarms[metric]["Threshold"], alarms[metric]["Statistic"]) == (threshold, "Maximum")


def test_latency_is_watched_at_the_99th_percentile(resources: Resources) -> None:
    properties = resources["LatencyAlarm"]["Properties"]
    assert properties["ExtendedStatistic"] == "p99"
    assert "Statistic" not in properties


def test_alarms_tell_a_topic_if_there_is_one(alarms: dict[tuple[str, str, str], Any]) -> None:
    topic = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], []]}
    for (_, metric, _), alarm in alarms.items():
        assert alarm["AlarmActions"] == topic
        assert alarm["OKActions"] == topic
        if metric not in LAGS:
            assert alarm["TreatMissingData"] == "notBreaching"


def _subject(properties: dict[str, Any]) -> str:
    first = properties["Dimensions"][0]
    match first["Value"]:
        case str(value):
            return value
        case {"Fn::GetAtt": [resource, _]}:
            return str(resource)
        case {"Ref": reference}:
            return str(reference)
        case _:
            raise AssertionError(f"what is {first}?")
