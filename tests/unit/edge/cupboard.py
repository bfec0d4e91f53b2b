"""A cupboard for documents: the application's own store over tables in memory, for handlers that keep documents.

The tables are the simulation's fake engine, whose conditions and transactions are compared with a running one. What the
simulation has no use for is added here: a deletion, and adding to a number.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from pynamodb.connection import Connection

from chalicelib.store.connections import Connections, connect
from chalicelib.store.tables import Tables, bind
from dev.fragment import table_definitions
from tests.simulation.engine_fake import EngineFake, Write
from tests.simulation.tables_fake import StoredItem, item_bytes

GONE = StoredItem({}, 0)
NAMES = ("wallets", "ledger", "customers", "campaigns")


class Cupboard(EngineFake):
    """Tables in memory, and the application's connections to them."""

    def __init__(self) -> None:
        super().__init__({name: _definitions()[name] for name in NAMES})
        self.bound: Tables = bind(*NAMES)
        self.connections: Connections = connect(self.bound)
        for connection in (self.connections.reads, self.connections.commits):
            _plug(connection, self)

    def _weigh(self, operation: str, action: str, what: dict[str, Any]) -> tuple[dict[str, Any] | None, Write]:
        adding = str(what.get("UpdateExpression", "")).startswith("ADD ")
        if action != "Delete" and not adding:
            return super()._weigh(operation, action, what)
        reason, (table, key, _) = super()._weigh(operation, "ConditionCheck", what)
        return reason, (table, key, self._added(what) if adding else GONE)

    def _added(self, what: dict[str, Any]) -> StoredItem:
        table = self.tables[what["TableName"]]
        item = dict(table.get(table.key_of(what["Key"])) or what["Key"])
        for pair in what["UpdateExpression"].removeprefix("ADD ").split(", "):
            name, value = pair.split(" ")
            name = what["ExpressionAttributeNames"][name]
            before = int(item[name]["N"]) if name in item else 0
            item[name] = {"N": str(before + int(what["ExpressionAttributeValues"][value]["N"]))}
        return StoredItem(item, item_bytes(item))

    def _apply(self, writes: list[Write]) -> None:
        for table, key, item in writes:
            if item is GONE:
                table.partitions.get(key[0], {}).pop(key[1], None)
                for index in table.indexes.values():
                    index.shown.pop(key, None)
                    index.coming = [each for each in index.coming if each[1] != key]
        super()._apply([write for write in writes if write[2] is not GONE])


class _Client:
    """A connection's end, where botocore's client stands."""

    _request_signer = None

    def __init__(self, cupboard: Cupboard) -> None:
        self._cupboard = cupboard

    def _make_api_call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        projection = request.pop("ProjectionExpression", None)
        answer = self._cupboard.call(operation, request)
        if projection is not None:
            named = [request["ExpressionAttributeNames"][place] for place in projection.split(", ")]
            answer["Items"] = [{name: item[name] for name in named if name in item} for item in answer["Items"]]
        return answer


def _plug(connection: Connection, cupboard: Cupboard) -> None:
    connection._client = cast(Any, _Client(cupboard))


@cache
def _definitions() -> dict[str, dict[str, Any]]:
    return table_definitions()
