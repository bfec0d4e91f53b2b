"""`make run` keeps its promises: what it writes, what it keeps, and how it stands beside another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from dev.deploy import client
from dev.engine import create_tables, delete_tables, dynamodb, engine
from dev.ministack import CannotStart, MiniStack, free_port, is_taken
from dev.places import ROOT
from dev.stack import QUEUES, Stack, reset, running_stack
from dev.tokens import mint
from tests.system.conftest import AsRole, caller, fresh_key

READY_SECONDS = 120
SAVED_SECONDS = 5
GRANT = {"amount": 1000, "kind": "compensation", "reason": "late_delivery"}


def grant(http: httpx.Client, customer: str) -> None:
    answer = http.post(f"v1/customers/{customer}/wallets/EUR/credits", json=GRANT, headers=fresh_key())
    assert answer.status_code == 201, answer.text


def available(http: httpx.Client, customer: str) -> Any:
    answer = http.get(f"v1/customers/{customer}/wallets/EUR")
    assert answer.status_code == 200, answer.text
    return answer.json()["available"]


def test_health_is_open_to_everybody(http: httpx.Client) -> None:
    answer = http.get("health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


@pytest.mark.parametrize(
    ("token", "path", "status", "code"),
    [
        (None, "v1/customers/alice/wallets", 401, "unauthorized"),
        ("rubbish", "v1/customers/alice/wallets", 401, "unauthorized"),
        (None, "no/such/path", 404, "not_found"),
    ],
)
def test_the_gateway_answers_with_problems(
    http: httpx.Client, token: str | None, path: str, status: int, code: str
) -> None:
    answer = http.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_stack_json_tells_where_everything_is(stack: Stack, data: Path) -> None:
    told = json.loads((data / "stack.json").read_text())
    assert set(told) == {"api", "aws", "region", "tables", "queues", "bus", "stage"}
    assert told["api"] == stack.api
    assert told["stage"] == "local"
    assert set(told["queues"]) == set(QUEUES)
    for url in told["queues"].values():
        assert client("sqs", told["aws"]).get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    assert told["bus"] == "store-credit"
    assert set(told["tables"]) == {"wallets", "ledger", "customers", "campaigns"}
    for name in told["tables"].values():
        assert dynamodb(told["aws"]).describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"


def test_what_the_api_stores_lies_in_the_named_table(stack: Stack, as_role: AsRole, customer: str) -> None:
    grant(as_role("support"), customer)
    key = {"pk": {"S": customer}, "sk": {"S": "EUR"}}
    assert "Item" in dynamodb(stack.aws).get_item(TableName=stack.tables["wallets"], Key=key)


def test_the_private_key_is_its_owners_alone(stack: Stack, data: Path) -> None:
    assert (data / "issuer.pem").stat().st_mode & 0o777 == 0o600


def test_a_second_stack_is_kept_from_the_same_data_and_the_same_port(stack: Stack, data: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="running"), running_stack(free_port(), data):
        pass
    port = int(stack.aws.rpartition(":")[2])
    with pytest.raises(CannotStart, match="taken"), running_stack(port, tmp_path):
        pass
    with pytest.raises(CannotStart, match="running"):
        reset(data)


def test_a_stack_stands_beside_another_and_keeps_its_data_over_a_restart(
    as_role: AsRole, customer: str, tmp_path: Path
) -> None:
    """Started as `make run` does, stopped by SIGTERM, started again on another port and without a test clock."""
    started = start(tmp_path)
    try:
        first = Stack(**json.loads((tmp_path / "stack.json").read_text()))
        token = mint(tmp_path, "support")
        with caller(first, token) as http:
            grant(http, customer)
            assert available(http, customer) == 1000
            assert becomes_known(http, customer)
        assert available(as_role("support"), customer) == 0
        assert as_role("support").get("v1/customers/alice/wallets").status_code == 200
    finally:
        started.send_signal(signal.SIGTERM)
    assert started.wait(READY_SECONDS) == 0
    assert not is_taken(int(first.aws.rpartition(":")[2]))

    with running_stack(free_port(), tmp_path, test_clock="off") as second, caller(second, token) as http:
        assert second.tables == first.tables
        assert all(url.startswith(second.aws) for url in second.queues.values())
        for url in second.queues.values():
            assert client("sqs", second.aws).get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        assert available(http, customer) == 1000
        grant(http, f"{customer}-later")
        assert becomes_known(http, f"{customer}-later"), "entries are followed after a restart too"
        assert clocks(second) == {"off"}
        frozen = {"now": "2026-01-01T00:00:00Z"}
        owner = {"Authorization": f"Bearer {mint(tmp_path, 'owner')}"}
        answer = http.put("v1/test-clock", json=frozen, headers=owner)
        assert (answer.status_code, answer.json()["code"]) == (404, "feature_disabled")

    reset(tmp_path)
    assert not (tmp_path / "aws").exists()
    assert (tmp_path / "issuer.pem").exists()


def test_functions_use_another_dynamodb_when_told_to(customer: str, tmp_path: Path) -> None:
    with (
        engine() as endpoint,
        running_stack(free_port(), tmp_path, dynamodb_endpoint=endpoint) as stack,
        caller(stack, mint(tmp_path, "support")) as http,
    ):
        try:
            grant(http, customer)
            assert available(http, customer) == 1000
            key = {"pk": {"S": customer}, "sk": {"S": "EUR"}}
            wallets = stack.tables["wallets"]
            assert "Item" in dynamodb(endpoint).get_item(TableName=wallets, Key=key)
            assert "Item" not in dynamodb(stack.aws).get_item(TableName=wallets, Key=key)
        finally:
            delete_tables(endpoint, *stack.tables.values())


def test_a_killed_local_aws_has_lost_seconds_at_most(tmp_path: Path) -> None:
    ministack = MiniStack(free_port(), tmp_path)
    ministack.start()
    try:
        put(ministack.endpoint)
        time.sleep(SAVED_SECONDS)
        ministack.kill()
        ministack.start()
        assert is_put(ministack.endpoint)
    finally:
        ministack.stop()


def test_a_local_aws_whose_parent_was_killed_saves_and_stops(tmp_path: Path) -> None:
    port = free_port()
    parent = "import sys, time; from pathlib import Path; from dev.ministack import MiniStack\n"
    parent += "MiniStack(int(sys.argv[1]), Path(sys.argv[2])).start(); print('started', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", parent, str(port), tmp_path], cwd=ROOT, stdout=subprocess.PIPE
    ) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == b"started\n"
        put(f"http://127.0.0.1:{port}")
        started.kill()
    deadline = time.monotonic() + READY_SECONDS
    while is_taken(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    again = MiniStack(free_port(), tmp_path)
    again.start()
    try:
        assert is_put(again.endpoint)
    finally:
        again.stop()


def becomes_known(http: httpx.Client, customer: str) -> bool:
    """Whether what the ledger's stream says of a customer comes to its profile."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if http.get(f"v1/customers/{customer}").status_code == 200:
            return True
        time.sleep(0.2)
    return False


def start(data: Path) -> subprocess.Popen[bytes]:
    """`make run`'s own command, returned from once it has said that it is ready."""
    told = {**os.environ, "PORT": str(free_port()), "DATA": str(data), "TEST_CLOCK": "on", "DYNAMODB_ENDPOINT": ""}
    started = subprocess.Popen(
        [sys.executable, "-m", "dev.stack"], cwd=ROOT, env=told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert started.stdout is not None
    said = []
    for line in started.stdout:
        said.append(line.decode())
        if "Ctrl-C" in said[-1]:
            return started
    raise AssertionError("".join(said))


def put(endpoint: str) -> None:
    create_tables(endpoint, "wallets", "ledger")
    dynamodb(endpoint).put_item(TableName="wallets", Item={"pk": {"S": "alice"}, "sk": {"S": "EUR"}})


def is_put(endpoint: str) -> bool:
    key = {"pk": {"S": "alice"}, "sk": {"S": "EUR"}}
    return "Item" in dynamodb(endpoint).get_item(TableName="wallets", Key=key)


def clocks(stack: Stack) -> set[str]:
    """What TEST_CLOCK says in the functions of a stack that look at a clock; one measures lifts and does not."""
    functions = client("lambda", stack.aws).list_functions()["Functions"]
    told = [
        each["Environment"]["Variables"].get("TEST_CLOCK") for each in functions if "-Lift-" not in each["FunctionName"]
    ]
    assert None not in told
    return set(filter(None, told))
