"""Alarms: when somebody is called, and about what."""

from __future__ import annotations

from typing import Any

import pytest

Resources = dict[str, Any]
WORKERS = ("Sweep", "Settle", "Orders", "Refunds", "Publish", "Replay")
FUNCTIONS = ("APIHandler", "Authorize", *WORKERS)
DEAD_LETTERS = ("SettleDeadLetters", "OrderEventsDeadLetters", "RefundEventsDeadLetters", "PublishDeadLetters")


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
        ("AWS/Lambda", "IteratorAge", "Publish"),
        ("AWS/DynamoDB", "WriteThrottleEvents", "WalletsTable"),
        ("AWS/DynamoDB", "WriteThrottleEvents", "LedgerTable"),
        *(("AWS/SQS", "ApproximateNumberOfMessagesVisible", name) for name in DEAD_LETTERS),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "SettleQueue"),
        ("StoreCredit", "UnknownOutcome", "Stage"),
        ("StoreCredit", "Busy", "Stage"),
        ("StoreCredit", "SweepLagSeconds", "Stage"),
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


def test_a_sweep_that_lags_or_does_not_run_is_told(alarms: dict[tuple[str, str, str], Any], stage: str) -> None:
    """The sweep says its lag each minute, so silence is an alarm too; on one machine it only means a closed lid."""
    alarm = alarms["StoreCredit", "SweepLagSeconds", "Stage"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (900, "GreaterThanThreshold")
    assert (alarm["Statistic"], alarm["EvaluationPeriods"]) == ("Maximum", 3)
    assert alarm["TreatMissingData"] == ("notBreaching" if stage == "local" else "breaching")


def test_what_waits_too_long_is_told(alarms: dict[tuple[str, str, str], Any]) -> None:
    assert alarms["AWS/SQS", "ApproximateAgeOfOldestMessage", "SettleQueue"]["Threshold"] == 900
    assert alarms["AWS/Lambda", "IteratorAge", "Publish"]["Threshold"] == 300_000
    for metric in (
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", "SettleQueue"),
        ("AWS/Lambda", "IteratorAge", "Publish"),
    ):
        assert alarms[metric]["Statistic"] == "Maximum"


def test_latency_is_watched_at_the_99th_percentile(resources: Resources) -> None:
    properties = resources["LatencyAlarm"]["Properties"]
    assert properties["ExtendedStatistic"] == "p99"
    assert "Statistic" not in properties


def test_alarms_tell_a_topic_if_there_is_one(alarms: dict[tuple[str, str, str], Any]) -> None:
    topic = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], []]}
    for (_, metric, _), alarm in alarms.items():
        assert alarm["AlarmActions"] == topic
        assert alarm["OKActions"] == topic
        if metric != "SweepLagSeconds":
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
