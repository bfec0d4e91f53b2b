"""The fake engine does what a running one does: whole histories, faults included, come out the same on both.

The same seed gives the same actors, the same order and the same faults over either engine, as long as both answer
alike. Then everybody is told the same, and both tables end with the same items.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.store.connections import connect
from chalicelib.store.tables import bind
from dev.engine import create_tables, delete_tables
from dev.fragment import table_definitions
from tests.simulation.engine_fake import EngineFake
from tests.simulation.functions import deployed
from tests.simulation.judge import judge, outcomes
from tests.simulation.line import Engine
from tests.simulation.playing import run
from tests.simulation.stored import dump
from tests.simulation.world import World, fake_world

REPLAYS = int(os.environ.get("REPLAYS", "8"))
STEPS = 60


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "replayed" in metafunc.fixturenames:
        given = metafunc.config.getoption("--seed")
        first = random.SystemRandom().randrange(10**8)
        seeds = [given] if given is not None else range(first, first + REPLAYS)
        metafunc.parametrize("replayed", seeds, ids=[f"seed-{seed}" for seed in seeds])


@pytest.fixture
def names(endpoint: str) -> Iterator[tuple[str, str]]:
    """Two empty tables of the running engine."""
    name = uuid.uuid4().hex[:12]
    wallets, ledger = f"sim-wallets-{name}", f"sim-ledger-{name}"
    create_tables(endpoint, wallets, ledger)
    yield wallets, ledger
    delete_tables(endpoint, wallets, ledger)


def running(names: tuple[str, str]) -> Engine:
    """The running engine, as the application's client of it for commits asks it."""
    return connect(bind(*names)).commits.client._make_api_call


def played(world: World) -> tuple[Any, ...]:
    """What a history comes to: what everybody was told, every item, what became of every message."""
    with world.weaver.measuring(), deployed(world):
        run(world, STEPS)
        judge(world)
        return (
            outcomes(world),
            dump(world),
            [(each.body, each.state) for queue in world.queues for each in queue.messages],
        )


def test_a_history_comes_out_the_same_on_a_running_engine(replayed: int, names: tuple[str, str]) -> None:
    fake, _ = fake_world(replayed, stale_indexes=False)
    told, items, messages = played(fake)
    there = World(replayed, bind(*names), running(names), stale_indexes=False)
    told_there, items_there, messages_there = played(there)
    assert told_there == told
    assert items_there == items
    assert messages_there == messages
    assert there.line.requests == fake.line.requests


# What the application does not ask for every day, but leans on: each engine says the same.

PUT: dict[str, Any] = {"Item": {"pk": {"S": "a"}, "sk": {"S": "b"}, "version": {"N": "1"}}}
ABSENT: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
TWO = [{"pk": {"S": each}, "sk": {"S": "b"}} for each in "ac"]


def _update(expression: str, condition: str, value: str) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": "wallets",
            "Key": TWO[0],
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#0": "version"},
            "ExpressionAttributeValues": {":new": {"N": "2"}, ":old": {"N": value}},
        }
    }


def _put(item: dict[str, Any] = PUT["Item"], **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": "wallets", "Item": item, **more}}


REQUESTS: dict[str, list[dict[str, Any]]] = {
    "a condition that holds": [_put(**ABSENT)],
    "a condition that fails": [_put(), _put(**ABSENT)],
    "the old image": [_put(), _put(**ABSENT, ReturnValuesOnConditionCheckFailure="ALL_OLD")],
    "an update": [_put(), _update("SET #0 = :new", "#0 = :old", "1")],
    "an update of what is not there": [_update("SET #0 = :new", "#0 = :old", "1")],
    "an update of another version": [_put(), _update("SET #0 = :new", "#0 = :old", "7")],
    "an empty key": [_put({"pk": {"S": ""}, "sk": {"S": "b"}})],
    "an index key of the wrong type": [_put({**PUT["Item"], "shard": {"S": "00"}, "due_at": {"S": "soon"}})],
    "an item of 400 KB": [_put({**PUT["Item"], "lots": {"B": b"x" * 409_600}})],
}


def _said(engine: Engine, operation: str, request: dict[str, Any]) -> Any:
    """The answer, or the code of the error and of each cancellation reason, with the item that came back."""
    try:
        return engine(operation, request)
    except ClientError as error:
        reasons: Any = error.response.get("CancellationReasons", [])
        return error.response["Error"]["Code"], [(each["Code"], each.get("Item")) for each in reasons]


def _both(names: tuple[str, str]) -> tuple[Engine, Engine]:
    definitions = table_definitions()
    fake = EngineFake({names[0]: definitions["wallets"], names[1]: definitions["ledger"]})
    return fake.call, running(names)


def _for(names: tuple[str, str], action: dict[str, Any]) -> dict[str, Any]:
    kind, what = next(iter(action.items()))
    return {kind: {**what, "TableName": names[0]}}


@pytest.mark.parametrize("actions", REQUESTS.values(), ids=list(REQUESTS))
def test_a_transaction_is_told_the_same(actions: list[dict[str, Any]], names: tuple[str, str]) -> None:
    told: list[list[Any]] = []
    for engine in _both(names):
        answers = (_said(engine, "TransactWriteItems", {"TransactItems": [_for(names, each)]}) for each in actions)
        said = [answer if isinstance(answer, tuple) else "done" for answer in answers]
        found = engine("GetItem", {"TableName": names[0], "Key": TWO[0], "ConsistentRead": True})
        told.append([*said, found.get("Item")])
    assert told[0] == told[1]


@pytest.mark.parametrize("count", [2, 100, 101])
def test_a_transaction_of_many_items_is_told_the_same(count: int, names: tuple[str, str]) -> None:
    """One of them fails, and with it all; over a hundred are malformed."""
    told = []
    for engine in _both(names):
        engine("PutItem", {"TableName": names[0], "Item": {**PUT["Item"], "pk": {"S": "p1"}}})
        puts = [_put({"pk": {"S": f"p{each}"}, "sk": {"S": "b"}}, **ABSENT) for each in range(count)]
        answer = _said(engine, "TransactWriteItems", {"TransactItems": [_for(names, put) for put in puts]})
        left = engine("Scan", {"TableName": names[0], "ConsistentRead": True})["Items"]
        told.append((answer, len(left)))
    assert told[0] == told[1]


def test_one_item_twice_in_a_transaction_is_malformed(names: tuple[str, str]) -> None:
    request = {"TransactItems": [_for(names, _put()), _for(names, _update("SET #0 = :new", "#0 = :old", "1"))]}
    first, second = (_said(engine, "TransactWriteItems", request) for engine in _both(names))
    assert first == second
    assert first[0] == "ValidationException"


@pytest.mark.parametrize("limit", [1, 2, 3, 4, None])
@pytest.mark.parametrize("forward", [True, False])
def test_an_index_is_paged_the_same(limit: int | None, forward: bool, names: tuple[str, str]) -> None:
    """Three of five items are in the index, two of them due at the same time in other shards."""
    told = []
    for engine in _both(names):
        for number in range(5):
            item = {"pk": {"S": f"p{number}"}, "sk": {"S": "b"}, "version": {"N": "1"}}
            if number != 3:
                item |= {"shard": {"S": "01" if number == 4 else "00"}, "due_at": {"N": str(90 + number % 3 * 15)}}
            engine("PutItem", {"TableName": names[0], "Item": item})
        request: dict[str, Any] = {
            "TableName": names[0],
            "IndexName": "due",
            "KeyConditionExpression": "(#0 = :0 AND #1 <= :1)",
            "ExpressionAttributeNames": {"#0": "shard", "#1": "due_at"},
            "ExpressionAttributeValues": {":0": {"S": "00"}, ":1": {"N": "110"}},
            "ScanIndexForward": forward,
            **({"Limit": limit} if limit else {}),
        }
        pages = []
        while True:
            page = engine("Query", request)
            pages.append((page["Items"], page.get("LastEvaluatedKey")))
            if not page.get("LastEvaluatedKey"):
                break
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        told.append(pages)
    assert told[0] == told[1]


def test_a_local_index_shows_what_was_just_written(names: tuple[str, str]) -> None:
    told = []
    for engine in _both(names):
        for number, order in enumerate(["o1", None, "o2", "o1"], start=1):
            item = {"wallet": {"S": "w"}, "sequence": {"N": str(number)}, "note": {"S": "kept"}}
            engine("PutItem", {"TableName": names[1], "Item": item | ({"order_id": {"S": order}} if order else {})})
        page = engine(
            "Query",
            {
                "TableName": names[1],
                "IndexName": "orders",
                "ConsistentRead": True,
                "KeyConditionExpression": "(#0 = :0 AND #1 = :1)",
                "ExpressionAttributeNames": {"#0": "wallet", "#1": "order_id"},
                "ExpressionAttributeValues": {":0": {"S": "w"}, ":1": {"S": "o1"}},
            },
        )
        told.append(sorted(int(item["sequence"]["N"]) for item in page["Items"]))
    assert told == [[1, 4], [1, 4]]


def test_a_batch_is_read_the_same(names: tuple[str, str]) -> None:
    told = []
    for engine in _both(names):
        engine("PutItem", {"TableName": names[0], **PUT})
        twice = {"RequestItems": {names[0]: {"Keys": [TWO[0], TWO[0]], "ConsistentRead": True}}}
        once = {"RequestItems": {names[0]: {"Keys": TWO, "ConsistentRead": True}}}
        told.append((engine("BatchGetItem", once)["Responses"], _said(engine, "BatchGetItem", twice)))
    assert told[0] == told[1]
