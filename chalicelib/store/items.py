"""Items as they are stored: reads of the tables by key and by index, strongly consistent unless something else is said.

What they mean is for `reading` to say, and for `order_reading`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pynamodb.connection.base import BOTOCORE_EXCEPTIONS
from pynamodb.exceptions import GetError, QueryError

from chalicelib.store.connections import Connections
from chalicelib.store.signals import Unread, unread
from chalicelib.store.tables import REFUNDS, Tables

BATCH_READS = 4
"""Tries to read what DynamoDB left unprocessed of a batch of keys."""
MAX_KEYS = 100
"""Keys that one batch reads."""

Item = dict[str, Any]
"""As DynamoDB says it: each attribute with its type."""


class Place(NamedTuple):
    """Where an item is stored."""

    table: str
    pk: str
    sk: str


class Items:
    """Reads of one stack's tables."""

    def __init__(self, tables: Tables, connections: Connections) -> None:
        self.tables = tables
        self.connections = connections

    def items(self, keys: list[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """Items of the wallets table by key, strongly consistent, in one round trip.

        :raises Unread: DynamoDB could not be read, retries included
        """
        table = self.tables.wallets_name
        return {(place.pk, place.sk): item for place, item in self.items_at([Place(table, *key) for key in keys])}

    def items_at(self, places: Sequence[Place], attributes: Sequence[str] = ()) -> Iterator[tuple[Place, Item]]:
        """Those of these items that there are, strongly consistent, in one round trip: at most MAX_KEYS, each once, of
        whatever tables have keys `pk` and `sk`. With `attributes` nothing but these, keys among them.

        :raises Unread: DynamoDB could not be read, retries included
        """
        assert len(places) <= MAX_KEYS
        reads = self.connections.reads
        try:
            if len(places) == 1:
                (place,) = places
                only = list(attributes) or None
                found = reads.get_item(*place, consistent_read=True, attributes_to_get=only).get("Item")
                yield from [(place, found)] if found else []
                return
            wanted = _batch(places, attributes)
            for _ in range(BATCH_READS):
                answer = reads.dispatch("BatchGetItem", {"RequestItems": wanted})
                for table, items in answer["Responses"].items():
                    yield from ((Place(table, item["pk"]["S"], item["sk"]["S"]), item) for item in items)
                # What was left is said as it was asked for.
                wanted = answer.get("UnprocessedKeys") or {}
                if not wanted:
                    return
        except GetError as error:
            raise unread(error) from error
        except BOTOCORE_EXCEPTIONS as error:
            raise unread(GetError(str(error), error)) from error
        raise Unread("DynamoDB left keys of a batch unprocessed")

    def pages(self, table: str, hash_key: str, **how: Any) -> Iterator[dict[str, Any]]:
        """All items of a query, page by page: a page may end before its limit, at a megabyte.

        :raises Unread: DynamoDB could not be read, retries included
        """
        start: dict[str, Any] | None = None
        while True:
            page = self.query(table, hash_key, exclusive_start_key=start, **how)
            yield from page["Items"]
            start = page.get("LastEvaluatedKey")
            if not start:
                return

    def query(self, table: str, hash_key: str, **how: Any) -> dict[str, Any]:
        """One page, strongly consistent.

        :raises Unread: DynamoDB could not be read, retries included
        """
        try:
            return self.connections.reads.query(table, hash_key, consistent_read=True, **how)
        except QueryError as error:
            raise unread(error) from error

    def items_of_index(self, index: str, hash_key: str, range_key: Any) -> Iterator[dict[str, Any]]:
        """Items of the ledger table by its local index, strongly consistent, page by page.

        :raises Unread: DynamoDB could not be read, retries included
        """
        return self.pages(self.tables.ledger_name, hash_key, range_key_condition=range_key, index_name=index)

    def keys_by_refund(self, refund_id: str, limit: int) -> list[tuple[str, str]]:
        """Keys of the operations that made a refund of that id; an index that lags behind the table.

        :raises Unread: DynamoDB could not be read, retries included
        """
        try:
            page = self.connections.reads.query(self.tables.wallets_name, refund_id, index_name=REFUNDS, limit=limit)
        except QueryError as error:
            raise unread(error) from error
        return [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"]]


def _batch(places: Sequence[Place], attributes: Sequence[str]) -> dict[str, Any]:
    names = {f"#{number}": name for number, name in enumerate(attributes)}
    shown = {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names} if names else {}
    wanted: dict[str, Any] = {}
    for place in places:
        of_table = wanted.setdefault(place.table, {"ConsistentRead": True, **shown, "Keys": []})
        of_table["Keys"].append({"pk": {"S": place.pk}, "sk": {"S": place.sk}})
    return wanted
