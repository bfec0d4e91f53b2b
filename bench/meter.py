"""Counts what goes over the wire to DynamoDB, and prices it by DynamoDB's size rule.

    item size      UTF-8 bytes of names and strings, numbers at about a byte for two digits, raw bytes of binaries
    read unit      strongly consistent: one for each 4 KB of an item, rounded up; an absent item is one
    write unit     in a transaction: two for each KB of an item, rounded up
    index          the due index is written when an item's due time or shard changes: one unit for a put or a delete,
                   two for a change of its key; the index of orders with each entry about an order, that of refunds with
                   each operation that made one: a unit for each KB; told apart, since they are no part of the movement

The engine's own figure for a transaction's capacity is not asked for: engines differ, the rule does not.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any

KB = 1024


@dataclass(slots=True)
class Bill:
    """Round trips and units of what was sent while the meter ran."""

    round_trips: int = 0
    read_units: int = 0
    write_units: int = 0
    index_units: int = 0
    operations: list[str] = field(default_factory=list)


def item_bytes(item: dict[str, Any]) -> int:
    """Size of an item in DynamoDB's JSON, by the rule."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: dict[str, Any]) -> int:
    ((type_, plain),) = value.items()
    if type_ == "S":
        return len(plain.encode())
    if type_ == "N":
        return ceil(len(plain.lstrip("-").strip("0")) / 2) + 1
    if type_ == "B":
        return len(plain) if isinstance(plain, bytes) else len(base64.b64decode(plain))
    return 1


class Meter:
    """Listens to a botocore client. `peek` reads an item past the meter, to price updates and index writes."""

    def __init__(self, *clients: Any, peek: Any) -> None:
        self._peek = peek
        self.bill = Bill()
        self._running = False
        for client in clients:
            client.meta.events.register("provide-client-params.dynamodb.*", self._sent)
            client.meta.events.register("after-call.dynamodb.*", self._answered)

    @contextmanager
    def running(self) -> Iterator[Bill]:
        """The bill of what is sent inside the block."""
        self.bill, self._running = Bill(), True
        try:
            yield self.bill
        finally:
            self._running = False

    def _sent(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if not self._running:
            return
        self.bill.round_trips += 1
        self.bill.operations.append(model.name)
        for action in params.get("TransactItems", ()):
            ((verb, what),) = action.items()
            before = self._item(what["TableName"], what.get("Key") or self._key(what["Item"]))
            after = what["Item"] if verb == "Put" else {**(before or {}), **_changed_by(what)}
            self.bill.write_units += 2 * ceil(max(item_bytes(after), item_bytes(before or {})) / KB)
            self.bill.index_units += _index_units(before or {}, after)

    def _answered(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        if not self._running:
            return
        if model.name == "GetItem":
            self.bill.read_units += max(1, ceil(item_bytes(parsed.get("Item", {})) / (4 * KB)))
        elif model.name == "BatchGetItem":
            for items in parsed.get("Responses", {}).values():
                self.bill.read_units += sum(ceil(item_bytes(item) / (4 * KB)) for item in items)
        elif model.name == "Query":
            total = sum(item_bytes(item) for item in parsed["Items"])
            self.bill.read_units += max(1, ceil(total / (4 * KB)))

    def _item(self, table: str, key: dict[str, Any]) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._peek.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        return found

    def _key(self, item: dict[str, Any]) -> dict[str, Any]:
        names = ("pk", "sk") if "pk" in item else ("wallet", "sequence")
        return {name: item[name] for name in names}


def _changed_by(action: dict[str, Any]) -> dict[str, Any]:
    """The attributes that a plain `SET #0 = :0, …` or `ADD #0 :0, …` leaves behind; a sum is about as long as what is
    added to it. A deletion and a check leave none."""
    if "UpdateExpression" not in action:
        return {}
    names, values = action["ExpressionAttributeNames"], action["ExpressionAttributeValues"]
    changes = action["UpdateExpression"].removeprefix("SET ").removeprefix("ADD ").split(", ")
    pairs = (change.replace(" = ", " ").split(" ") for change in changes)
    return {names[name]: values[value] for name, value in pairs}


def _index_units(before: dict[str, Any], after: dict[str, Any]) -> int:
    if "order_id" in after and "sequence" in after:
        return ceil(item_bytes(after) / KB)
    if "refund" in after:
        return 1
    old, new = ((item.get("shard"), item.get("due_at")) for item in (before, after))
    if old == new:
        return 0
    return 2 if old[0] and new[0] else 1
