"""One transaction of writes, each with its condition, beside the record of the key of the request that asked for it.

Documents, and wallets between which credit moves, are written by it; what goes through the commit loop of a single
wallet is written by `transaction`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynamodb.exceptions import TransactWriteError

from chalicelib.ledger.limits import MAX_TRANSACTION_ITEMS
from chalicelib.store.packing import deflate, item_of
from chalicelib.store.reading import Store
from chalicelib.store.signals import Signal, signal_of
from chalicelib.store.tables import OPERATION
from chalicelib.store.transaction import KEY_RETENTION_SECONDS

if TYPE_CHECKING:
    from chalicelib.ledger.orders import Order

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """The operation that a caller's key names, and a digest of the request; see `Call.asked`."""

    operation: str
    fingerprint: str
    kept_for_ever: bool = False
    wallet: str = "documents"
    """What the operation's record has in the place of a wallet."""


@dataclass(frozen=True, slots=True)
class Write:
    """One action of a transaction, ready for the wire. `kind` is Put, Delete, Update or ConditionCheck."""

    kind: str
    action: Json


def order_stands(store: Store, order: Order) -> Write:
    """Demand that an order is still as it was read, and leave it."""
    place = store.order_place(order.id)
    return Write(
        "ConditionCheck",
        {
            "TableName": place.table,
            "Key": {"pk": {"S": place.pk}, "sk": {"S": place.sk}},
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": {":version": {"N": str(order.version)}},
        },
    )


def commit(store: Store, writes: Sequence[Write], asked: Asked | None = None, answer: str = "") -> Signal:
    """Write all of it in one transaction, or none; once. With `asked` the request's key is remembered with its answer.

    :raises TransactWriteError: DynamoDB refused what only a defect of ours can make it refuse
    """
    assert len(writes) + (asked is not None) <= MAX_TRANSACTION_ITEMS
    kinds: dict[str, list[Any]] = {"ConditionCheck": [], "Delete": [], "Put": [], "Update": []}
    for write in writes:
        kinds[write.kind].append(write.action)
    operation_at = None
    if asked is not None:
        # As the request has them on the wire: checks, deletions, puts, updates.
        operation_at = len(kinds["ConditionCheck"]) + len(kinds["Delete"]) + len(kinds["Put"])
        kinds["Put"].append(_operation(store, asked, answer))
    try:
        store.connections.commits.transact_write_items(
            kinds["ConditionCheck"], kinds["Delete"], kinds["Put"], kinds["Update"]
        )
    except TransactWriteError as error:
        return signal_of(error, operation_at)
    return Signal.COMMITTED


def _operation(store: Store, asked: Asked, answer: str) -> Json:
    retention = None if asked.kept_for_ever else store.clock.now() // 1000 + KEY_RETENTION_SECONDS
    item = {
        "pk": f"#{asked.operation}",
        "sk": OPERATION,
        "wallet": asked.wallet,
        "request": asked.fingerprint,
        "answer": deflate(answer),
        "delete_after": retention,
    }
    return {
        "TableName": store.tables.wallets_name,
        "Item": item_of(item),
        "ConditionExpression": "attribute_not_exists(pk)",
    }
