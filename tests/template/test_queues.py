"""Queues, bus and schedule: nothing vanishes, and what fails is kept where somebody is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.notices.sending import MAX_TRIES

Resources = dict[str, Any]

# queue: its dead letters, the function that reads it, how often it is tried (on one machine: sooner given up)
QUEUES = {
    "SettleQueue": ("SettleDeadLetters", "Settle", {"local": 5, "dev": 5, "prod": 5}),
    "OrderEventsQueue": ("OrderEventsDeadLetters", "Orders", {"local": 6, "dev": 10, "prod": 10}),
    "RefundEventsQueue": ("RefundEventsDeadLetters", "Refunds", {"local": 6, "dev": 10, "prod": 10}),
    "CustomerEventsQueue": ("CustomerEventsDeadLetters", "Customers", {"local": 6, "dev": 10, "prod": 10}),
    "ReleaseQueue": ("ReleaseDeadLetters", "Campaign", {"local": 5, "dev": 5, "prod": 5}),
    "NoticesQueue": ("NoticesDeadLetters", "Notify", {"local": 8, "dev": 8, "prod": 8}),
}
EVENT_READERS = {"Orders": "OrderEventsQueue", "Refunds": "RefundEventsQueue", "Customers": "CustomerEventsQueue"}
# How many messages a function is handed at once, and how many of it run at once; where they are not ten.
BATCHES = {"ReleaseQueue": (1, 5), "NoticesQueue": (10, 5)}
STREAM_READERS = ("Publish", "Observe")
NAMES = {
    "SettleQueue": "settle",
    "SettleDeadLetters": "settle-dead-letters",
    "OrderEventsQueue": "order-events",
    "OrderEventsDeadLetters": "order-events-dead-letters",
    "RefundEventsQueue": "refund-events",
    "RefundEventsDeadLetters": "refund-events-dead-letters",
    "CustomerEventsQueue": "customer-events",
    "CustomerEventsDeadLetters": "customer-events-dead-letters",
    "ReleaseQueue": "release",
    "ReleaseDeadLetters": "release-dead-letters",
    "NoticesQueue": "notices",
    "NoticesDeadLetters": "notices-dead-letters",
    "PublishDeadLetters": "publish-dead-letters",
    "ObserveDeadLetters": "observe-dead-letters",
}
DEAD_LETTERS = [name for name in NAMES if name.endswith("DeadLetters")]
FOURTEEN_DAYS = 14 * 24 * 3600


def properties(resources: Resources, name: str) -> dict[str, Any]:
    found: dict[str, Any] = resources[name]["Properties"]
    return found


def source(resources: Resources, function: str, event: str) -> dict[str, Any]:
    events = properties(resources, function)["Events"]
    assert set(events) == {event}
    found: dict[str, Any] = events[event]
    return found


def test_there_is_no_queue_that_these_tests_do_not_know(resources: Resources) -> None:
    found = {name for name, each in resources.items() if each["Type"] == "AWS::SQS::Queue"}
    assert found == set(NAMES)
    for name, short in NAMES.items():
        assert properties(resources, name)["QueueName"] == {"Fn::Sub": f"${{AWS::StackName}}-{short}"}


def test_queues_are_encrypted(resources: Resources) -> None:
    assert all(properties(resources, name)["SqsManagedSseEnabled"] is True for name in NAMES)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_message_is_hidden_six_times_as_long_as_its_function_may_run(resources: Resources, queue: str) -> None:
    _, function, _ = QUEUES[queue]
    hidden = properties(resources, queue)["VisibilityTimeout"]
    assert hidden >= 6 * properties(resources, function)["Timeout"]


@pytest.mark.parametrize("queue", QUEUES)
def test_what_fails_again_and_again_ends_with_the_dead_letters(resources: Resources, stage: str, queue: str) -> None:
    dead_letters, _, times = QUEUES[queue]
    assert times[stage] >= 5
    assert properties(resources, queue)["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead_letters, "Arn"]},
        "maxReceiveCount": times[stage],
    }


@pytest.mark.parametrize("function", EVENT_READERS)
def test_a_reader_of_events_knows_which_try_is_the_last(resources: Resources, function: str) -> None:
    told = properties(resources, function)["Environment"]["Variables"]["MAX_RECEIVES"]
    queue = properties(resources, EVENT_READERS[function])
    assert told == str(queue["RedrivePolicy"]["maxReceiveCount"])


def test_a_notice_is_given_up_when_its_queue_gives_it_up(resources: Resources) -> None:
    assert properties(resources, "NoticesQueue")["RedrivePolicy"]["maxReceiveCount"] == MAX_TRIES


def test_dead_letters_are_kept_fourteen_days_and_longer_than_in_their_queue(resources: Resources) -> None:
    for name in DEAD_LETTERS:
        assert properties(resources, name)["MessageRetentionPeriod"] == FOURTEEN_DAYS
        assert "RedrivePolicy" not in properties(resources, name)
    for name in QUEUES:
        assert properties(resources, name)["MessageRetentionPeriod"] < FOURTEEN_DAYS


@pytest.mark.parametrize("queue", QUEUES)
def test_a_batch_fails_in_part_and_few_run_at_once(resources: Resources, queue: str) -> None:
    """Without the response type, what a function says of single messages counts for nothing: all are deleted."""
    function = QUEUES[queue][1]
    at_once, running = BATCHES.get(queue, (10, 10))
    mapping = source(resources, function, f"{function}SqsEventSource")
    assert mapping["Type"] == "SQS"
    assert mapping["Properties"] == {
        "Queue": {"Fn::Sub": f"${{{queue}.Arn}}"},
        "BatchSize": at_once,
        "MaximumBatchingWindowInSeconds": 0,
        "ScalingConfig": {"MaximumConcurrency": running},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }


@pytest.mark.parametrize("reader", STREAM_READERS)
def test_the_ledger_is_read_in_order_and_one_bad_record_is_found_and_set_aside(
    resources: Resources, reader: str
) -> None:
    mapping = source(resources, reader, f"{reader}DynamodbEventSource")
    assert mapping["Type"] == "DynamoDB"
    assert mapping["Properties"] == {
        "Stream": {"Fn::GetAtt": ["LedgerTable", "StreamArn"]},
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "StartingPosition": "TRIM_HORIZON",
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 50,
        "ParallelizationFactor": 1,
        "DestinationConfig": {
            "OnFailure": {"Type": "SQS", "Destination": {"Fn::GetAtt": [f"{reader}DeadLetters", "Arn"]}}
        },
    }


def test_no_more_than_two_read_the_ledgers_stream(resources: Resources) -> None:
    """More than two readers of a shard are throttled by DynamoDB: a third one needs another way."""
    readers = {
        name
        for name, each in resources.items()
        if each["Type"] == "AWS::Serverless::Function"
        and any(event["Type"] == "DynamoDB" for event in each["Properties"].get("Events", {}).values())
    }
    assert readers == set(STREAM_READERS)


@pytest.mark.parametrize("job", ["Sweep", "Release", "Remind"])
def test_a_job_begins_each_minute_and_may_take_one(resources: Resources, job: str) -> None:
    schedule = source(resources, job, f"{job}Event")
    assert schedule["Type"] == "Schedule"
    assert schedule["Properties"]["Schedule"] == "rate(1 minute)"
    assert properties(resources, job)["Timeout"] == 60


def test_a_replay_is_started_by_nobody_but_a_person(resources: Resources) -> None:
    assert not properties(resources, "Replay").get("Events")


def test_there_is_one_bus(resources: Resources) -> None:
    buses = {name: each for name, each in resources.items() if each["Type"] == "AWS::Events::EventBus"}
    assert set(buses) == {"EventBus"}
    assert buses["EventBus"]["Properties"] == {"Name": "store-credit"}


def test_functions_are_told_their_queues_and_bus_by_reference(resources: Resources) -> None:
    told = {
        name: {
            key: value
            for key, value in each["Properties"]["Environment"]["Variables"].items()
            if (key.endswith("_URL") and "QUEUE" in key) or key.endswith("LETTERS_URL") or key == "EVENT_BUS"
        }
        for name, each in resources.items()
        if each["Type"] == "AWS::Serverless::Function"
    }
    assert {name: variables for name, variables in told.items() if variables} == {
        "Sweep": {"SETTLE_QUEUE_URL": {"Ref": "SettleQueue"}},
        "Settle": {"SETTLE_QUEUE_URL": {"Ref": "SettleQueue"}},
        "Orders": {
            "ORDER_EVENTS_QUEUE_URL": {"Ref": "OrderEventsQueue"},
            "ORDER_EVENTS_DEAD_LETTERS_URL": {"Ref": "OrderEventsDeadLetters"},
        },
        "Refunds": {
            "REFUND_EVENTS_QUEUE_URL": {"Ref": "RefundEventsQueue"},
            "REFUND_EVENTS_DEAD_LETTERS_URL": {"Ref": "RefundEventsDeadLetters"},
        },
        "Customers": {
            "CUSTOMER_EVENTS_QUEUE_URL": {"Ref": "CustomerEventsQueue"},
            "CUSTOMER_EVENTS_DEAD_LETTERS_URL": {"Ref": "CustomerEventsDeadLetters"},
        },
        "APIHandler": {"RELEASE_QUEUE_URL": {"Ref": "ReleaseQueue"}},
        "Release": {"RELEASE_QUEUE_URL": {"Ref": "ReleaseQueue"}},
        "Campaign": {"RELEASE_QUEUE_URL": {"Ref": "ReleaseQueue"}},
        "Observe": {"NOTICES_QUEUE_URL": {"Ref": "NoticesQueue"}},
        "Remind": {"NOTICES_QUEUE_URL": {"Ref": "NoticesQueue"}},
        "Notify": {"NOTICES_QUEUE_URL": {"Ref": "NoticesQueue"}, "EVENT_BUS": {"Ref": "EventBus"}},
        "Publish": {"EVENT_BUS": {"Ref": "EventBus"}},
        "Replay": {"EVENT_BUS": {"Ref": "EventBus"}},
    }


def test_the_stack_says_where_its_queues_and_bus_are(templates: dict[str, Any], stage: str) -> None:
    outputs = {name: output["Value"] for name, output in templates[stage]["Outputs"].items()}
    for name in NAMES:
        assert outputs[f"{name}Url"] == {"Ref": name}
    assert outputs["EventBusName"] == {"Ref": "EventBus"}
