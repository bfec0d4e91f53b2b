"""The fake engine does what a running one does: whole histories, faults included, come out the same on both.

The same seed gives the same actors, the same order and the same faults over either engine, as long as both answer
alike. Then everybody is told the same, and all tables end with the same items.
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
from tests.simulation.world import TABLES, World, fake_world

REPLAYS = int(os.environ.get("REPLAYS", "5"))
STEPS = 60


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "replayed" in metafunc.fixturenames:
        given = metafunc.config.getoption("--seed")
        first = random.SystemRandom().randrange(10**8)
        seeds = [given] if given is not None else range(first, first + REPLAYS)
        metafunc.parametrize("replayed", seeds, ids=[f"seed-{seed}" for seed in seeds])


@pytest.fixture
def names(endpoint: str) -> Iterator[tuple[str, ...]]:
    """Empty tables of the running engine, one of each."""
    name = uuid.uuid4().hex[:12]
    told = tuple(f"sim-{table}-{name}" for table in TABLES)
    wallets, ledger, customers, campaigns = told
    create_tables(endpoint, wallets, ledger, customers=customers, campaigns=campaigns)
    yield told
    delete_tables(endpoint, *told)


def running(names: tuple[str, ...]) -> Engine:
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


def test_a_history_comes_out_the_same_on_a_running_engine(replayed: int, names: tuple[str, ...]) -> None:
    fake, _ = fake_world(replayed, stale_indexes=False, observed=False)
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


def _count(**added: int) -> dict[str, Any]:
    """Numbers that are added to, as a document of counters is; see `documents`."""
    return {
        "Update": {
            "TableName": "wallets",
            "Key": TWO[0],
            "UpdateExpression": "ADD " + ", ".join(f"#{place} :{place}" for place in range(len(added))),
            "ExpressionAttributeNames": {f"#{place}": name for place, name in enumerate(added)},
            "ExpressionAttributeValues": {f":{place}": {"N": str(more)} for place, more in enumerate(added.values())},
        }
    }


def _if_version(kind: str, version: int) -> dict[str, Any]:
    """An action on a document of that version; 0: on one that is not there."""
    known = {"ConditionExpression": "version = :v", "ExpressionAttributeValues": {":v": {"N": str(version)}}}
    return {kind: {"TableName": "wallets", "Key": TWO[0], **(known if version else ABSENT)}}


DUE = {**PUT["Item"], "shard": {"S": "00"}, "due_at": {"N": "90"}}
REQUESTS: dict[str, list[dict[str, Any]]] = {
    "a condition that holds": [_put(**ABSENT)],
    "a condition that fails": [_put(), _put(**ABSENT)],
    "the old image": [_put(), _put(**ABSENT, ReturnValuesOnConditionCheckFailure="ALL_OLD")],
    "an update": [_put(), _update("SET #0 = :new", "#0 = :old", "1")],
    "an update of what is not there": [_update("SET #0 = :new", "#0 = :old", "1")],
    "an update of another version": [_put(), _update("SET #0 = :new", "#0 = :old", "7")],
    "a count of what is not there": [_count(n_a=3, n_b=-2)],
    "a count that goes on": [_count(n_a=3), _count(n_a=4, n_b=1), _count(n_a=-9)],
    "a count beside a document": [_put(), _count(n_a=10**15)],
    "a document deleted": [_put(), _if_version("Delete", 1)],
    "a document of another version deleted": [_put(), _if_version("Delete", 2)],
    "what is not there deleted": [_if_version("Delete", 0), _if_version("Delete", 1)],
    "a deleted document put again": [_put(), _if_version("Delete", 1), _put(**ABSENT)],
    "a check that holds": [_put(), _if_version("ConditionCheck", 1)],
    "a check that fails": [_put(), _if_version("ConditionCheck", 2)],
    "a check of what must not be there": [_if_version("ConditionCheck", 0), _put(), _if_version("ConditionCheck", 0)],
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


def _both(names: tuple[str, ...]) -> tuple[Engine, Engine]:
    definitions = table_definitions()
    fake = EngineFake({name: definitions[table] for name, table in zip(names, TABLES, strict=True)})
    return fake.call, running(names)


def _for(names: tuple[str, ...], action: dict[str, Any]) -> dict[str, Any]:
    kind, what = next(iter(action.items()))
    return {kind: {**what, "TableName": names[0]}}


@pytest.mark.parametrize("actions", REQUESTS.values(), ids=list(REQUESTS))
def test_a_transaction_is_told_the_same(actions: list[dict[str, Any]], names: tuple[str, ...]) -> None:
    told: list[list[Any]] = []
    for engine in _both(names):
        answers = (_said(engine, "TransactWriteItems", {"TransactItems": [_for(names, each)]}) for each in actions)
        said = [answer if isinstance(answer, tuple) else "done" for answer in answers]
        found = engine("GetItem", {"TableName": names[0], "Key": TWO[0], "ConsistentRead": True})
        told.append([*said, found.get("Item")])
    assert told[0] == told[1]


@pytest.mark.parametrize("count", [2, 100, 101])
def test_a_transaction_of_many_items_is_told_the_same(count: int, names: tuple[str, ...]) -> None:
    """One of them fails, and with it all; over a hundred are malformed."""
    told = []
    for engine in _both(names):
        engine("PutItem", {"TableName": names[0], "Item": {**PUT["Item"], "pk": {"S": "p1"}}})
        puts = [_put({"pk": {"S": f"p{each}"}, "sk": {"S": "b"}}, **ABSENT) for each in range(count)]
        answer = _said(engine, "TransactWriteItems", {"TransactItems": [_for(names, put) for put in puts]})
        left = engine("Scan", {"TableName": names[0], "ConsistentRead": True})["Items"]
        told.append((answer, len(left)))
    assert told[0] == told[1]


def test_one_item_twice_in_a_transaction_is_malformed(names: tuple[str, ...]) -> None:
    request = {"TransactItems": [_for(names, _put()), _for(names, _update("SET #0 = :new", "#0 = :old", "1"))]}
    first, second = (_said(engine, "TransactWriteItems", request) for engine in _both(names))
    assert first == second
    assert first[0] == "ValidationException"


@pytest.mark.parametrize("limit", [1, 2, 3, 4, None])
@pytest.mark.parametrize("forward", [True, False])
def test_an_index_is_paged_the_same(limit: int | None, forward: bool, names: tuple[str, ...]) -> None:
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


def test_what_is_deleted_or_due_no_more_leaves_the_index(names: tuple[str, ...]) -> None:
    told = []
    for engine in _both(names):
        found = []
        undue = {name: value for name, value in DUE.items() if name not in ("shard", "due_at")}
        for action in (_put(DUE), _put(undue), _put(DUE), _if_version("Delete", 1)):
            engine("TransactWriteItems", {"TransactItems": [_for(names, action)]})
            page = engine(
                "Query",
                {
                    "TableName": names[0],
                    "IndexName": "due",
                    "KeyConditionExpression": "#0 = :0",
                    "ExpressionAttributeNames": {"#0": "shard"},
                    "ExpressionAttributeValues": {":0": {"S": "00"}},
                },
            )
            found.append(len(page["Items"]))
        told.append(found)
    assert told == [[1, 0, 1, 0]] * 2


@pytest.mark.parametrize("limit", [1, 2, None])
def test_a_query_shows_the_attributes_that_it_is_asked_for(limit: int | None, names: tuple[str, ...]) -> None:
    told = []
    for engine in _both(names):
        for number in range(3):
            item = {"pk": {"S": "p"}, "sk": {"S": f"s{number}"}, "version": {"N": "1"}}
            body = {"body": {"B": b"x"}} if number else {}
            engine("PutItem", {"TableName": names[2], "Item": {**item, **body}})
        page = engine(
            "Query",
            {
                "TableName": names[2],
                "ConsistentRead": True,
                "KeyConditionExpression": "(#2 = :0 AND begins_with (#0, :1))",
                "ProjectionExpression": "#0, #1",
                "ExpressionAttributeNames": {"#0": "sk", "#1": "body", "#2": "pk"},
                "ExpressionAttributeValues": {":0": {"S": "p"}, ":1": {"S": "s"}},
                **({"Limit": limit} if limit else {}),
            },
        )
        told.append((page["Items"], page["Count"], page.get("LastEvaluatedKey")))
    assert told[0] == told[1]


def test_a_transaction_of_every_kind_is_told_the_same(names: tuple[str, ...]) -> None:
    """A check, a deletion, a put and a count together, over several tables: done, and then refused as a whole."""
    told = []
    for engine in _both(names):
        engine("PutItem", {"TableName": names[3], **PUT})
        engine("PutItem", {"TableName": names[2], **PUT})
        actions = [
            {"ConditionCheck": {**_if_version("ConditionCheck", 1)["ConditionCheck"], "TableName": names[3]}},
            {"Delete": {**_if_version("Delete", 1)["Delete"], "TableName": names[2]}},
            {"Put": {"TableName": names[0], "Item": PUT["Item"], **ABSENT}},
            {"Update": {**_count(n_a=2)["Update"], "TableName": names[2], "Key": TWO[1]}},
        ]
        said = [_said(engine, "TransactWriteItems", {"TransactItems": actions}) for _ in range(2)]
        left = [engine("Scan", {"TableName": name, "ConsistentRead": True})["Items"] for name in names]
        told.append(([each if isinstance(each, tuple) else "done" for each in said], left))
    assert told[0] == told[1]


def test_a_local_index_shows_what_was_just_written(names: tuple[str, ...]) -> None:
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


def test_a_batch_is_read_the_same(names: tuple[str, ...]) -> None:
    told = []
    for engine in _both(names):
        engine("PutItem", {"TableName": names[0], **PUT})
        twice = {"RequestItems": {names[0]: {"Keys": [TWO[0], TWO[0]], "ConsistentRead": True}}}
        once = {"RequestItems": {names[0]: {"Keys": TWO, "ConsistentRead": True}}}
        asked = {"ProjectionExpression": "#0, #1", "ExpressionAttributeNames": {"#0": "version", "#1": "unheard_of"}}
        some = {"RequestItems": {names[0]: {"Keys": TWO, "ConsistentRead": True, **asked}}}
        one = {"TableName": names[0], "Key": TWO[0], "ConsistentRead": True, **asked}
        read = [engine("BatchGetItem", each)["Responses"] for each in (once, some)]
        told.append((read, engine("GetItem", one)["Item"], _said(engine, "BatchGetItem", twice)))
    assert told[0] == told[1]
