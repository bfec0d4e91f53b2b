"""Expiry in the deployed whole: the clock moves, the sweep nominates, the queue carries, the worker books."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dev.deploy import client
from dev.stack import Stack
from tests.system.conftest import AsRole, fresh_key

BOOKED_SECONDS = 60
"""A function's first call waits until it has started."""


@pytest.fixture
def clock(as_role: AsRole) -> Iterator[httpx.Client]:
    """An owner, who may move the clock; it runs again afterwards."""
    owner = as_role("owner")
    yield owner
    owner.delete("v1/test-clock")


def stand_at(owner: httpx.Client, now: str) -> None:
    assert owner.put("v1/test-clock", json={"now": now}).status_code == 200


def invoke(stack: Stack, function: str) -> Any:
    """Call one of the stack's functions by hand, as its schedule does."""
    functions = client("lambda", stack.aws)
    (name,) = [
        each["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate()
        for each in page["Functions"]
        if f"-{function}-" in each["FunctionName"]
    ]
    event = {"source": "aws.events", "detail": {}, "detail-type": "Scheduled Event", "resources": [], "region": "here"}
    event |= {"version": "0", "id": "by-hand", "account": "0", "time": "2032-01-01T00:00:00Z"}
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    told = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, told
    return told


def entries(as_role: AsRole, customer: str) -> list[Any]:
    """Oldest first."""
    answer = as_role("finance").get(f"v1/customers/{customer}/wallets/EUR/entries")
    assert answer.status_code == 200, answer.text
    told: list[Any] = answer.json()["data"]
    return told[::-1]


def test_what_has_expired_becomes_an_entry_though_nobody_touches_the_wallet(
    stack: Stack, as_role: AsRole, clock: httpx.Client, customer: str
) -> None:
    wallet = f"v1/customers/{customer}/wallets/EUR"
    stand_at(clock, "2032-01-01T00:00:00Z")
    grant = {"amount": 700, "kind": "promotion", "reason": "welcome", "expires": {"at": "2032-01-01T01:00:00Z"}}
    assert as_role("support").post(f"{wallet}/credits", json=grant, headers=fresh_key()).status_code == 201
    stand_at(clock, "2032-01-01T01:00:00Z")
    assert as_role("support").get(wallet).json()["available"] == 0
    assert invoke(stack, "Sweep")["nominated"] >= 1
    deadline = time.monotonic() + BOOKED_SECONDS
    while len(told := entries(as_role, customer)) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [entry["type"] for entry in told] == ["issued", "expired"]
    expired = told[1]
    assert (expired["amount"], expired["actor"], expired["reason"]) == (-700, "system", "expired")
    assert expired["at"].startswith("2032-01-01T01:00:00")
    explained = as_role("finance").get(f"{wallet}/explanation").json()
    assert (explained["consistent"], explained["wallet"]["version"]) == (True, 2)


def test_the_sweep_is_called_each_minute(stack: Stack) -> None:
    rules = client("events", stack.aws).list_rules()["Rules"]
    (sweep,) = [rule for rule in rules if "Sweep" in rule["Name"]]
    assert (sweep["ScheduleExpression"], sweep["State"]) == ("rate(1 minute)", "ENABLED")


def test_queues_hand_over_to_their_functions_and_batches_fail_in_part(stack: Stack) -> None:
    functions = client("lambda", stack.aws)
    fed = {
        mapping["EventSourceArn"].rpartition(":")[2]: mapping
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]
    }
    for queue in ("settle", "order-events", "refund-events"):
        name = stack.queues[queue].rpartition("/")[2]
        assert fed[name]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
