"""How the fake engine keeps items: by key, partition by partition, with indexes that are at one or lag behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.expressions import Item, plain

Key = tuple[Any, ...]


@dataclass
class Index:
    """A secondary index: its keys, and for a global one what it shows and what it has not seen yet."""

    name: str
    hash: str
    range: str | None
    local: bool
    keys_only: bool
    shown: dict[Key, StoredItem] = field(default_factory=dict)
    coming: list[tuple[int, Key, StoredItem]] = field(default_factory=list)

    @property
    def keys(self) -> set[str]:
        return {self.hash, self.range} if self.range else {self.hash}

    def catch_up(self, now: int) -> None:
        while self.coming and self.coming[0][0] <= now:
            _, key, item = self.coming.pop(0)
            if self.keys <= item.keys():
                self.shown[key] = item
            else:
                self.shown.pop(key, None)


@dataclass(frozen=True)
class Put:
    """One item as it was put, for the table's stream. `new`: there was none under its key."""

    item: StoredItem
    new: bool


class StoredItem(Item):
    """An item as it lies in its table; what it weighs is known from when it was written."""

    def __init__(self, item: Item, size: int) -> None:
        super().__init__(item)
        self.size = size


GONE = StoredItem({}, 0)
"""What stands in the place of an item that is deleted."""


class Table:
    """Items by key, partition by partition, and the indexes over them."""

    def __init__(self, name: str, definition: dict[str, Any]) -> None:
        self.name = name
        self.types = {each["AttributeName"]: each["AttributeType"] for each in definition["AttributeDefinitions"]}
        self.hash, range_ = _keys_of(definition)
        assert range_ is not None, "every table has a range key"
        self.range = range_
        self.partitions: dict[Any, dict[Any, StoredItem]] = {}
        self.stream: list[Put] | None = [] if "StreamSpecification" in definition else None
        """All puts in their order, if the table has a stream."""
        self.indexes = {
            each["IndexName"]: Index(
                each["IndexName"],
                *_keys_of(each),
                local=kind == "LocalSecondaryIndexes",
                keys_only=each["Projection"]["ProjectionType"] == "KEYS_ONLY",
            )
            for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
            for each in definition.get(kind, [])
        }

    def key_of(self, item: Item) -> Key:
        return plain(item[self.hash])[1], plain(item[self.range])[1]

    def get(self, key: Key) -> StoredItem | None:
        return self.partitions.get(key[0], {}).get(key[1])

    def items(self) -> Iterator[StoredItem]:
        for partition in self.partitions.values():
            yield from partition.values()

    def fault_of_key(self, given: Item, *, whole: bool) -> str | None:
        """What is wrong with the key in an item, or, if it is not `whole`, with what is given as a key."""
        if not whole and set(given) != {self.hash, self.range}:
            return "The provided key element does not match the schema"
        for name in (self.hash, self.range):
            if name not in given:
                return f"One or more parameter values were invalid: Missing the key {name} in the item"
        return self._fault_of(given, (self.hash, self.range))

    def fault_of_index_keys(self, given: Item) -> str | None:
        return self._fault_of(given, tuple(name for name in self.types if name in given))

    def _fault_of(self, given: Item, names: tuple[str, ...]) -> str | None:
        for name in names:
            here, told = next(iter(given[name].items()))
            if here != self.types[name]:
                return f"One or more parameter values were invalid: Type mismatch for key {name}"
            if told == "":
                return f"One or more parameter values are not valid: {name} is an empty string"
        return None


def item_bytes(item: Item) -> int:
    """Size by DynamoDB's rule: names and strings in UTF-8, a number about a byte for two digits."""
    total = 0
    for name, value in item.items():
        type_, told = next(iter(value.items()))
        total += len(name.encode())
        if type_ == "N":
            total += (len(told.lstrip("-")) + 1) // 2 + 1
        elif type_ in ("S", "B"):
            total += len(told.encode() if isinstance(told, str) else told)
        else:
            total += 1
    return total


def _keys_of(definition: dict[str, Any]) -> tuple[str, str | None]:
    named = {each["KeyType"]: each["AttributeName"] for each in definition["KeySchema"]}
    return named["HASH"], named.get("RANGE")
