"""Items as they are stored: reads of the tables by key and by index, strongly consistent unless something else is said.

What they mean is for `reading` to say, and for `order_reading`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pynamodb.exceptions import GetError, QueryError

from chalicelib.store.connections import Connections
from chalicelib.store.signals import Unread, unread
from chalicelib.store.tables import REFUNDS, Tables

BATCH_READS = 4
"""Tries to read what DynamoDB left unprocessed of a batch of keys."""


class Items:
    """Reads of one stack's tables."""

    def __init__(self, tables: Tables, connections: Connections) -> None:
        self.tables = tables
        self.connections = connections

    def items(self, keys: list[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        """Items of the wallets table by key, strongly consistent, in one round trip.

        :raises Unread: DynamoDB could not be read, retries included
        """
        table = self.tables.wallets_name
        reads = self.connections.reads
        try:
            if len(keys) == 1:
                item = reads.get_item(table, *keys[0], consistent_read=True).get("Item")
                return {keys[0]: item} if item else {}
            found: dict[tuple[str, str], dict[str, Any]] = {}
            wanted: Any = [{"pk": pk, "sk": sk} for pk, sk in keys]
            for _ in range(BATCH_READS):
                answer = reads.batch_get_item(table, wanted, consistent_read=True)
                for item in answer["Responses"].get(table, []):
                    found[item["pk"]["S"], item["sk"]["S"]] = item
                left = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys")
                if not left:
                    return found
                wanted = [{"pk": key["pk"]["S"], "sk": key["sk"]["S"]} for key in left]
        except GetError as error:
            raise unread(error) from error
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
