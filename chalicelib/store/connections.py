"""Two connections to DynamoDB over one session: one that retries, for reads, and one that never does, for commits.

A commit that the SDK repeats by itself can debit twice after a lost answer, and hides from the commit loop what
happened; so each attempt of it is one request, and the loop alone decides about the next.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.config import Config
from pynamodb.connection import Connection
from pynamodb.connection.base import MetaTable

from chalicelib.store.tables import DOCUMENTS_DUE, DUE, ORDERS, REFUNDS, Tables

CONNECT_SECONDS = 0.25
READ_SECONDS = 1.5
"""Longest wait for an answer to one request. DynamoDB answers in milliseconds; past this the attempt is given up."""
REQUEST_SECONDS = CONNECT_SECONDS + READ_SECONDS
READ_RETRIES = 1
RETRY_PAUSE_SECONDS = 0.025
"""The SDK's longest pause before it repeats a read that got no answer. (After throttling it is up to a second, but then
the answer was quick.)"""
LONGEST_READ_SECONDS = (1 + READ_RETRIES) * REQUEST_SECONDS + READ_RETRIES * RETRY_PAUSE_SECONDS
POOL_CONNECTIONS = 10
NAMED = Config(user_agent="store-credit")
"""What requests say they come from. Left to itself the SDK puts a longer name together, letter by letter, for every
single request, which is a seventh of what a request costs its client."""


class _Session(botocore.session.Session):
    """Makes one client at a time: a session may not make two in two threads, and clients are made when first needed."""

    _making = threading.Lock()

    def create_client(self, *what: Any, **how: Any) -> Any:
        with self._making:
            return super().create_client(*what, **how | {"config": how["config"].merge(NAMED)})


class SharedSession(Connection):
    """A connection on a session that others use too: parsing the service's description is most of a client's cost."""

    shared = _Session()

    @property
    def session(self) -> botocore.session.Session:
        return self.shared


Key = tuple[str, str]
"""An attribute and its type."""
Index = tuple[str, Key] | tuple[str, Key, Key]
"""An index and its keys."""
DUE_KEYS: Index = (DUE, ("shard", "S"), ("due_at", "N"))
REFUNDS_KEYS: Index = (REFUNDS, ("refund", "S"))
ORDERS_KEYS: Index = (ORDERS, ("wallet", "S"), ("order_id", "S"))
DOCUMENTS_DUE_KEYS: Index = (DOCUMENTS_DUE, ("shard", "S"), ("due_at", "N"))


@dataclass(frozen=True)
class Connections:
    """`reads` keeps the SDK's retries; `commits` makes one request for one call."""

    reads: Connection
    commits: Connection


def connect(tables: Tables, *, pool_connections: int = POOL_CONNECTIONS) -> Connections:
    """Connections for these tables; region, endpoint and credentials are the environment's."""
    reads, commits = (
        SharedSession(
            region=SharedSession.shared.get_config_variable("region"),
            connect_timeout_seconds=CONNECT_SECONDS,
            read_timeout_seconds=READ_SECONDS,
            max_retry_attempts=retries,
            max_pool_connections=pool_connections,
        )
        for retries in (READ_RETRIES, 0)
    )
    reads.add_meta_table(_keys(tables.wallets_name, ("pk", "S"), ("sk", "S"), DUE_KEYS, REFUNDS_KEYS))
    reads.add_meta_table(_keys(tables.ledger_name, ("wallet", "S"), ("sequence", "N"), ORDERS_KEYS))
    for documents in filter(None, (tables.customers_name, tables.campaigns_name)):
        reads.add_meta_table(_keys(documents, ("pk", "S"), ("sk", "S"), DOCUMENTS_DUE_KEYS))
    return Connections(reads, commits)


def _keys(table_name: str, hash_key: Key, range_key: Key, *indexes: Index) -> MetaTable:
    """What PynamoDB needs to know of a table to query it and its indexes; all of them are said to be global, which
    makes no difference to it."""
    keys = {hash_key, range_key, *(key for _, *index_keys in indexes for key in index_keys)}
    return MetaTable(
        {
            "TableName": table_name,
            "KeySchema": _schema(hash_key, range_key),
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": type_} for name, type_ in sorted(keys)],
            "GlobalSecondaryIndexes": [
                {"IndexName": name, "KeySchema": _schema(*index_keys)} for name, *index_keys in indexes
            ],
        }
    )


def _schema(hash_key: Key, range_key: Key | None = None) -> list[dict[str, str]]:
    told = [{"AttributeName": hash_key[0], "KeyType": "HASH"}]
    if range_key is not None:
        told.append({"AttributeName": range_key[0], "KeyType": "RANGE"})
    return told
