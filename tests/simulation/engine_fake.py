"""DynamoDB in memory: tables with the semantics that the application leans on, and its limits.

It takes the requests that botocore's client is given and answers, or raises `ClientError`, as that client does; so
PynamoDB's serialisation and its reading of errors are the real ones. One request happens at one moment, whole.

    transaction    all or nothing; a reason for each item; malformed: one item twice, over 100 items, over 4 MB
    item           at most 400 KB, with keys of the right type; so are the keys of an index, where they are there
    query          a page ends at its limit or at a megabyte, and `LastEvaluatedKey` says so
    global index   sparse, follows its table after `lag` (milliseconds, asked for each write), in order
    local index    sparse, always at one with its table
    stream         every put of a table that has one, in their order, and a transaction's in the order of its items;
                   from such a table nothing is deleted

An operation, parameter or expression that it does not know stops the test: `tests/simulation` replays whole histories
on a running engine and compares, and what is not compared there is not offered here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from tests.simulation.expressions import Item, holds, plain, updated
from tests.simulation.tables_fake import GONE, Index, Key, Put, StoredItem, Table, item_bytes

MAX_ITEM_BYTES = 400 * 1024
MAX_TRANSACTION_ITEMS = 100
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024
MAX_BATCH_KEYS = 100
MAX_PAGE_BYTES = 1024 * 1024

Answer = dict[str, Any]

_EXPRESSIONS = {"ExpressionAttributeNames", "ExpressionAttributeValues"}
_SHOWN = {"ProjectionExpression", "ExpressionAttributeNames"}
_KNOWN = {
    "GetItem": {"TableName", "Key", "ConsistentRead", *_SHOWN},
    "BatchGetItem": {"RequestItems"},
    "Query": {
        "TableName",
        "IndexName",
        "KeyConditionExpression",
        "FilterExpression",
        "ProjectionExpression",
        "ConsistentRead",
        "Limit",
        "ScanIndexForward",
        "ExclusiveStartKey",
        *_EXPRESSIONS,
    },
    "Scan": {"TableName", "ConsistentRead", "ExclusiveStartKey", "Limit"},
    "PutItem": {"TableName", "Item", "ConditionExpression", *_EXPRESSIONS},
    "UpdateItem": {"TableName", "Key", "UpdateExpression", "ConditionExpression", *_EXPRESSIONS},
    "TransactWriteItems": {"TransactItems"},
}
_IGNORED = {"ReturnConsumedCapacity", "ReturnValues", "ReturnItemCollectionMetrics"}


def failure(operation: str, code: str, message: str, *, status: int = 400, reasons: Any = None) -> ClientError:
    """What botocore raises for an answer of this kind."""
    response: dict[str, Any] = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}},
        "Message": message,
    }
    if reasons is not None:
        response["CancellationReasons"] = reasons
    error: ClientError = ClientError(response, operation)  # type: ignore[arg-type]
    return error


Write = tuple[Table, Key, StoredItem | None]
"""An item as it will be; None leaves it as it is, and GONE deletes it."""


class EngineFake:
    """The tables by their real names. `now` and `lag` (milliseconds) are asked for at every write to an index."""

    def __init__(
        self,
        definitions: dict[str, dict[str, Any]],
        now: Callable[[], int] = lambda: 0,
        lag: Callable[[], int] = lambda: 0,
    ) -> None:
        self.tables = {name: Table(name, definition) for name, definition in definitions.items()}
        self._now = now
        self._lag = lag

    def call(self, operation: str, request: dict[str, Any]) -> Answer:
        """Do it, now and whole.

        :raises ClientError: as DynamoDB's refusal
        """
        unknown = set(request) - _KNOWN[operation] - _IGNORED
        assert not unknown, f"the fake engine does not know {unknown} of {operation}"
        match operation:
            case "GetItem":
                found = self._read(operation, request["TableName"], request["Key"])
                return {"Item": _shown(request, found)} if found else {}
            case "BatchGetItem":
                return self._batch_get(request["RequestItems"])
            case "Query":
                return self._query(request)
            case "Scan":
                table = self._table(operation, request["TableName"])
                return _page(table.items(), table, None, request)
            case "TransactWriteItems":
                return self._transact(request["TransactItems"])
            case _:
                return self._write_one(operation, request)

    def _table(self, operation: str, name: str) -> Table:
        if name not in self.tables:
            raise failure(operation, "ResourceNotFoundException", f"no table {name}")
        return self.tables[name]

    def _read(self, operation: str, table_name: str, key: Item) -> StoredItem | None:
        table = self._table(operation, table_name)
        if fault := table.fault_of_key(key, whole=False):
            raise failure(operation, "ValidationException", fault)
        return table.get(table.key_of(key))

    def _batch_get(self, wanted: dict[str, Any]) -> Answer:
        operation = "BatchGetItem"
        if sum(len(each["Keys"]) for each in wanted.values()) > MAX_BATCH_KEYS:
            raise failure(operation, "ValidationException", "Too many items requested for the BatchGetItem call")
        found: dict[str, list[Item]] = {}
        for name, each in wanted.items():
            unknown = set(each) - {"Keys", "ConsistentRead", *_SHOWN}
            assert not unknown, f"the fake engine does not know {unknown} of {operation}"
            keys = [self._table(operation, name).key_of(key) for key in each["Keys"]]
            if len(set(keys)) < len(keys):
                raise failure(operation, "ValidationException", "Provided list of item keys contains duplicates")
            items = (self._read(operation, name, key) for key in each["Keys"])
            found[name] = [_shown(each, item) for item in items if item]
        return {"Responses": found, "UnprocessedKeys": {}}

    def _query(self, request: dict[str, Any]) -> Answer:
        table = self._table("Query", request["TableName"])
        index = self._index(table, request) if "IndexName" in request else None
        names, values = request.get("ExpressionAttributeNames", {}), request["ExpressionAttributeValues"]
        condition = request["KeyConditionExpression"]
        if index is None or index.local:
            source = table.partitions.get(_hash_of(request, table.hash), {}).values()
        else:
            index.catch_up(self._now())
            source = index.shown.values()
        keys = index.keys if index else {table.hash}
        found = [item for item in source if keys <= item.keys() and holds(condition, item, names, values)]
        backwards = request.get("ScanIndexForward") is False
        range_name = index.range if index else table.range

        def place(item: Item) -> tuple[Any, ...]:
            first = (plain(item[range_name])[1],) if range_name else ()
            return *first, *(table.key_of(item) if index else ())

        found.sort(key=place, reverse=backwards)
        start = request.get("ExclusiveStartKey")
        if start:
            begins = place(start)
            found = [item for item in found if (place(item) < begins if backwards else place(item) > begins)]
        return _page(found, table, index, request)

    def _index(self, table: Table, request: dict[str, Any]) -> Index:
        index = table.indexes.get(request["IndexName"])
        if index is None:
            raise failure("Query", "ValidationException", f"no index {request['IndexName']}")
        if request.get("ConsistentRead") and not index.local:
            raise failure("Query", "ValidationException", "Consistent reads are not supported on global indexes")
        return index

    def _write_one(self, operation: str, request: dict[str, Any]) -> Answer:
        action = operation.removesuffix("Item")
        reason, write = self._weigh(operation, action, request)
        if reason is not None:
            code = "ConditionalCheckFailedException" if reason["Code"] == "ConditionalCheckFailed" else reason["Code"]
            raise failure(operation, code.replace("ValidationError", "ValidationException"), reason["Message"])
        self._apply([write])
        return {}

    def _transact(self, actions: list[dict[str, Any]]) -> Answer:
        operation = "TransactWriteItems"
        if not 1 <= len(actions) <= MAX_TRANSACTION_ITEMS:
            raise failure(operation, "ValidationException", "Member must have length less than or equal to 100")
        weighed = []
        for each in actions:
            action, what = next(iter(each.items()))
            weighed.append(self._weigh(operation, action, what))
        touched = [(table.name, key) for _, (table, key, _) in weighed]
        if len(set(touched)) < len(touched):
            raise failure(
                operation, "ValidationException", "Transaction request cannot include multiple operations on one item"
            )
        if sum(item.size for _, (_, _, item) in weighed if item) > MAX_TRANSACTION_BYTES:
            raise failure(operation, "ValidationException", "Transaction request is larger than 4 MB")
        reasons = [reason for reason, _ in weighed]
        if any(reasons):
            told = [reason or {"Code": "None"} for reason in reasons]
            codes = ", ".join(reason["Code"] for reason in told)
            message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
            raise failure(operation, "TransactionCanceledException", message, reasons=told)
        self._apply([write for _, write in weighed])
        return {}

    def _weigh(self, operation: str, action: str, what: dict[str, Any]) -> tuple[dict[str, Any] | None, Write]:
        """Why an action cannot be done, if it cannot, and what it would leave; None leaves the item as it is."""
        table = self._table(operation, what["TableName"])
        given = what["Item"] if action == "Put" else what["Key"]
        fault = table.fault_of_key(given, whole=action == "Put")
        if fault is None and item_bytes(given) > MAX_ITEM_BYTES:
            fault = "Item size has exceeded the maximum allowed size"
        if fault:
            raise failure(operation, "ValidationException", fault)
        key = table.key_of(given)
        before = table.get(key)
        names, values = what.get("ExpressionAttributeNames", {}), what.get("ExpressionAttributeValues", {})
        condition = what.get("ConditionExpression")
        if condition and not holds(condition, before, names, values):
            reason: dict[str, Any] = {
                "Code": "ConditionalCheckFailed",
                "Message": "The conditional request failed",
            }
            if before and what.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
                reason["Item"] = dict(before)
            return reason, (table, key, None)
        after: Item | None
        match action:
            case "Put":
                after = {name: dict(value) for name, value in given.items()}
            case "Update":
                after = updated(what["UpdateExpression"], before or dict(given), names, values)
            case "ConditionCheck":
                after = None
            case "Delete":
                return None, (table, key, GONE)
            case _:
                raise AssertionError(f"the fake engine does not know {action}")
        if after is None:
            return None, (table, key, None)
        size = item_bytes(after)
        fault = table.fault_of_index_keys(after)
        if size > MAX_ITEM_BYTES:
            fault = "Item size has exceeded the maximum allowed size"
        if fault:
            return {"Code": "ValidationError", "Message": fault}, (table, key, None)
        return None, (table, key, StoredItem(after, size))

    def _apply(self, writes: list[Write]) -> None:
        for table, key, item in writes:
            if item is None:
                continue
            partition = table.partitions.setdefault(key[0], {})
            if item is GONE:
                assert table.stream is None, "a stream of deletions is not offered"
                partition.pop(key[1], None)
            else:
                if table.stream is not None:
                    table.stream.append(Put(item, new=key[1] not in partition))
                partition[key[1]] = item
            for index in table.indexes.values():
                if not index.local:
                    seen_at = self._now() + self._lag()
                    if index.coming:
                        seen_at = max(seen_at, index.coming[-1][0])
                    index.coming.append((seen_at, key, item))


def _hash_of(request: dict[str, Any], name: str) -> Any:
    """The value that a key condition wants the hash key to have."""
    placeholders = {there: here for here, there in request.get("ExpressionAttributeNames", {}).items()}
    named = re.search(rf"{placeholders.get(name, name)} = (:\w+)", request["KeyConditionExpression"])
    assert named, "a query names its partition"
    return plain(request["ExpressionAttributeValues"][named.group(1)])[1]


def _shown(request: dict[str, Any], item: Item) -> Item:
    return {name: item[name] for name in _projected(request, item)}


def _projected(request: dict[str, Any], item: Item) -> Iterable[str]:
    """The attributes of an item that a read shows."""
    if "ProjectionExpression" not in request:
        return item.keys()
    names = request.get("ExpressionAttributeNames", {})
    asked = (each.strip() for each in request["ProjectionExpression"].split(","))
    return [name for name in (names.get(each, each) for each in asked) if name in item]


def _page(found: Iterable[StoredItem], table: Table, index: Index | None, request: dict[str, Any]) -> Answer:
    """One page of what a query or scan found, in this order."""
    limit = request.get("Limit")
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    keys = {table.hash, table.range} | (index.keys if index else set())
    shown: list[Item] = []
    read = size = 0
    last: StoredItem | None = None
    for item in found:
        if (limit is not None and read == limit) or size > MAX_PAGE_BYTES:
            break
        read += 1
        size += item.size
        last = item
        if "FilterExpression" not in request or holds(request["FilterExpression"], item, names, values):
            wanted = keys if index and index.keys_only else _projected(request, item)
            shown.append({name: item[name] for name in wanted})
    answer: Answer = {"Items": shown, "Count": len(shown), "ScannedCount": read}
    if last is not None and ((limit is not None and read == limit) or size > MAX_PAGE_BYTES):
        answer["LastEvaluatedKey"] = {name: last[name] for name in keys}
    return answer
