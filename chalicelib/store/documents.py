"""Documents: everything that is neither money nor the record of it. People, segments, campaigns, rules, notices.

A document is a JSON object under a key, with a version. It is written on the condition that its version is the one that
was read (0: that there is none), alone or with others in one transaction, and together with the record of the key of
the request that asked for it: so a retry, a lost answer and a second writer are told apart as they are for money.

    put     document, …     condition: its version is the one that was read (or it is not there, for version 0)
    delete  document, …     condition: its version is the one that was read
    check   document, …     condition: its version is the one that was read
    count   counters, …     no condition of its own: only beside a document whose condition makes it happen once
    put     operation       condition: no such operation yet

The body is deflated, so that a kilobyte holds several. `due` puts a document into the table's index of what is to be
done at an instant; the index only nominates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pynamodb.exceptions import QueryError

from chalicelib.store.items import MAX_KEYS, Item, Place
from chalicelib.store.packing import compact, deflate, item_of, looked_at, parsed
from chalicelib.store.reading import Store
from chalicelib.store.signals import unread
from chalicelib.store.tables import DOCUMENTS_DUE, DUE_SHARDS
from chalicelib.store.writes import Write

Json = dict[str, Any]
Key = tuple[str, str]
"""Hash and range key."""

MAX_DOCUMENT_BYTES = 300_000
"""Of a body, deflated: DynamoDB takes 400,000 bytes for an item."""
_LOOKED_AT = ["pk", "sk", "body"]


@dataclass(frozen=True, slots=True)
class Document:
    """A document as stored. `due_at` (milliseconds) is when something is to be done about it by itself."""

    key: Key
    version: int
    body: Json
    due_at: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    """Numbers that are only ever added to; see `Documents.count`."""


class Documents:
    """The documents in one table of a stack."""

    def __init__(self, store: Store, table: str) -> None:
        self._store = store
        self._table = table

    @property
    def store(self) -> Store:
        """The stack that they are in; see `commit` and `once`."""
        return self._store

    def get(self, key: Key) -> Document | None:
        """One document, strongly consistent.

        :raises Unread: DynamoDB could not be read, retries included
        """
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Document]:
        """Those of these documents that there are, strongly consistent, a hundred in a round trip.

        :raises Unread: DynamoDB could not be read, retries included
        """
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Document] = {}
        for start in range(0, len(wanted), MAX_KEYS):
            for item in self._items(wanted[start : start + MAX_KEYS]):
                document = document_of(item)
                found[document.key] = document
        return found

    def bodies_of(self, keys: Iterable[Key]) -> Iterator[tuple[Key, Json]]:
        """The bodies of those that there are, strongly consistent, a hundred in a round trip: for who only looks.

        :raises Unread: DynamoDB could not be read, retries included
        """
        wanted = list(dict.fromkeys(keys))
        for start in range(0, len(wanted), MAX_KEYS):
            for item in self._items(wanted[start : start + MAX_KEYS], _LOOKED_AT):
                yield (item["pk"]["S"], item["sk"]["S"]), looked_at(item["body"]["B"])

    def page(
        self, pk: str, limit: int, *, after: str | None = None, begins: str | None = None, newest_first: bool = False
    ) -> tuple[list[Document], str | None]:
        """Documents of one hash key by range key, those behind `after`; and the next page's `after`, if there is more.

        A page may have fewer than `limit` and still not be the last: what counts is the second value.

        :raises Unread: DynamoDB could not be read, retries included
        """
        rows = self._store.tables.document
        start = None if after is None else {"pk": {"S": pk}, "sk": {"S": after}}
        try:
            page = self._store.connections.reads.query(
                self._table,
                pk,
                range_key_condition=None if begins is None else rows.sk.startswith(begins),
                consistent_read=True,
                exclusive_start_key=start,
                limit=limit,
                scan_index_forward=not newest_first,
            )
        except QueryError as error:
            raise unread(error) from error
        last = page.get("LastEvaluatedKey")
        return [document_of(item) for item in page["Items"]], last["sk"]["S"] if last else None

    def bodies(self, pk: str, limit: int, *, after: str | None = None) -> tuple[Iterator[tuple[str, Json]], str | None]:
        """Range keys and bodies of documents as `page` has them, for who looks at very many and changes none: the page
        is read at once, what is in it parsed as it is taken. What is not asked for need not be parsed at all, which is
        a third of the time that a page takes.

        :raises Unread: DynamoDB could not be read, retries included
        """
        try:
            page = self._store.connections.reads.query(
                self._table,
                pk,
                consistent_read=True,
                exclusive_start_key=None if after is None else {"pk": {"S": pk}, "sk": {"S": after}},
                limit=limit,
                attributes_to_get=["sk", "body"],
            )
        except QueryError as error:
            raise unread(error) from error
        last = page.get("LastEvaluatedKey")
        found = ((item["sk"]["S"], looked_at(item["body"]["B"])) for item in page["Items"])
        return found, last["sk"]["S"] if last else None

    def all(self, pk: str, *, begins: str | None = None, limit: int = 1_000) -> Iterator[Document]:
        """Every document of one hash key, page by page: only for a hash key whose documents are bounded."""
        after: str | None = None
        while True:
            found, after = self.page(pk, limit, after=after, begins=begins)
            yield from found
            if after is None:
                return

    def due(self, shard: str, until: int, limit: int) -> list[Key]:
        """Keys of documents of a shard that were due at `until` (milliseconds), longest due first; an index that lags.

        :raises Unread: DynamoDB could not be read, retries included
        """
        try:
            page = self._store.connections.reads.query(
                self._table,
                shard,
                index_name=DOCUMENTS_DUE,
                range_key_condition=self._store.tables.document.due_at <= until,
                limit=limit,
            )
        except QueryError as error:
            raise unread(error) from error
        return [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"]]

    def save(
        self,
        key: Key,
        body: Json,
        expected: int,
        *,
        due_at: int | None = None,
        due_list: str = "",
        delete_after: int | None = None,
    ) -> Write:
        """Put a document as version `expected + 1`, if its version is `expected` (0: if there is none).

        What is due in a `due_list` of its own is found by `due(due_list + shard, …)`: many due things of one kind do
        not stand before those of another.

        :raises TooLarge: it is larger than a document may be
        """
        packed = deflate(compact(body))
        if len(packed) > MAX_DOCUMENT_BYTES:
            raise TooLarge(key)
        item = item_of(
            {
                "pk": key[0],
                "sk": key[1],
                "version": expected + 1,
                "body": packed,
                "shard": None if due_at is None else due_list + shard_of(key),
                "due_at": due_at,
                "delete_after": delete_after,
            }
        )
        return Write("Put", {"TableName": self._table, "Item": item, **_unchanged(expected)})

    def drop(self, key: Key, expected: int) -> Write:
        """Delete a document, if its version is `expected`."""
        return Write("Delete", {"TableName": self._table, "Key": _key(key), **_unchanged(expected)})

    def check(self, key: Key, expected: int) -> Write:
        """Demand that a document's version is `expected` (0: that there is none), and leave it."""
        return Write("ConditionCheck", {"TableName": self._table, "Key": _key(key), **_unchanged(expected)})

    def count(self, key: Key, added: Mapping[str, int]) -> Write:
        """Add to the numbers of a document of counters, which need not be there. It has no condition: let it go with a
        write that has one, and so happens once. Such a document is never saved."""
        names = {f"#{place}": f"n_{name}" for place, name in enumerate(added)}
        values = {f":{place}": {"N": str(number)} for place, number in enumerate(added.values())}
        adds = ", ".join(f"#{place} :{place}" for place in range(len(added)))
        return Write(
            "Update",
            {
                "TableName": self._table,
                "Key": _key(key),
                "UpdateExpression": f"ADD {adds}",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            },
        )

    def place(self, key: Key) -> Place:
        """Where a document is, for who reads it together with what is elsewhere."""
        return Place(self._table, *key)

    def _items(self, keys: Sequence[Key], attributes: Sequence[str] = ()) -> Iterator[Item]:
        return (item for _, item in self._store.items_at([self.place(key) for key in keys], attributes))


class TooLarge(Exception):
    """A document would be larger than one may be; callers bound what goes into one, so this is a defect of ours."""


def document_of(item: Item) -> Document:
    """The document that an item is."""
    return Document(
        key=(item["pk"]["S"], item["sk"]["S"]),
        version=int(item.get("version", {}).get("N", 0)),
        body=parsed(item["body"]["B"]) if "body" in item else {},
        due_at=int(item["due_at"]["N"]) if "due_at" in item else None,
        counts={name[2:]: int(value["N"]) for name, value in item.items() if name.startswith("n_")},
    )


def shard_of(key: Key) -> str:
    """Where in the index of what is due a document stands, if it does."""
    digest = hashlib.sha256(f"{key[0]}\0{key[1]}".encode()).digest()
    return f"{digest[0] % DUE_SHARDS:02}"


def _key(key: Key) -> Json:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _unchanged(expected: int) -> Json:
    if expected == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": {"N": str(expected)}},
    }
