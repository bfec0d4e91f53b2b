"""Many wallets at once: settled in one transaction, or none of them.

A settlement has no operation item. Doing it twice does nothing the second time, because what was booked is no longer
due; and the wallet's version guards it like any movement. If one wallet of the group has moved, or conflicts, nothing
of the group is written, and the caller goes on wallet by wallet through the commit loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.exceptions import TransactWriteError

from chalicelib.ledger.limits import MAX_OPEN_HOLDS, MAX_TRANSACTION_ITEMS
from chalicelib.ledger.model import Entry, Wallet
from chalicelib.store.codec import entry_attributes, wallet_attributes
from chalicelib.store.envelope import WalletId
from chalicelib.store.packing import item_of
from chalicelib.store.reading import Store
from chalicelib.store.signals import Signal, signal_of

GROUP_WALLETS = 50
"""Wallets that are read together: one entry each, and they fill one transaction."""
MAX_TRANSACTION_BYTES = 4_000_000
"""DynamoDB's limit for all items of a transaction together is 4 MB."""

assert GROUP_WALLETS * 2 <= MAX_TRANSACTION_ITEMS
# One wallet always fits: itself, `lapsed` for every hold, `expired`.
assert 1 + MAX_OPEN_HOLDS + 1 <= MAX_TRANSACTION_ITEMS

Put = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Settlement:
    """A wallet that time has changed: the version that was read, what it is now, and the entries that say so."""

    version: int
    after: Wallet
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """What becomes of one wallet, as it goes on the wire: puts, each with its condition."""

    wallet: WalletId
    puts: list[Put]


def transactions_of(store: Store, settlements: Iterable[Settlement]) -> Iterator[list[Written]]:
    """The settlements in as few transactions as they fit into, in order, and each whole."""
    return packed(
        Written(_id_of(each.after), movement(store, each.version, each.after, each.entries)) for each in settlements
    )


def packed(written: Iterable[Written]) -> Iterator[list[Written]]:
    """What is written of each wallet, in as few transactions as it fits into, in order, and each whole."""
    group: list[Written] = []
    items = size = 0
    for each in written:
        its_size = sum(_bytes(put["Item"]) for put in each.puts)
        if group and (items + len(each.puts) > MAX_TRANSACTION_ITEMS or size + its_size > MAX_TRANSACTION_BYTES):
            yield group
            group, items, size = [], 0, 0
        group.append(each)
        items += len(each.puts)
        size += its_size
    if group:
        yield group


def commit_group(store: Store, group: Sequence[Written]) -> Signal:
    """Write all of it in one transaction, or none; once.

    :raises TransactWriteError: DynamoDB refused what only a defect of ours can make it refuse
    """
    puts = [put for written in group for put in written.puts]
    try:
        store.connections.commits.transact_write_items([], [], puts, [])
    except TransactWriteError as error:
        return signal_of(error, operation_at=None)
    return Signal.COMMITTED


def movement(store: Store, version: int, wallet: Wallet, entries: Sequence[Entry]) -> list[Put]:
    """A wallet after its entries. The conditions are the movement's own (see `transaction`), written out: fifty wallets
    have a hundred of them."""
    tables = store.tables
    wallet_id = _id_of(wallet)
    moved = {"TableName": tables.wallets_name, "Item": item_of(wallet_attributes(wallet)), **_unchanged(version)}
    booked = (
        {
            "TableName": tables.ledger_name,
            "Item": item_of(entry_attributes(wallet_id, entry)),
            "ConditionExpression": "attribute_not_exists(wallet)",
        }
        for entry in entries
    )
    return [moved, *booked]


def _unchanged(version: int) -> Put:
    if version == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": {"N": str(version)}},
    }


def _id_of(wallet: Wallet) -> WalletId:
    return WalletId(wallet.customer, wallet.currency)


def _bytes(item: dict[str, dict[str, Any]]) -> int:
    """No less than the item's size by DynamoDB's rule: no number takes more than 22 bytes."""
    return sum(
        len(name) + (len(plain.encode()) if type_ == "S" else len(plain) if type_ == "B" else 22)
        for name, value in item.items()
        for type_, plain in value.items()
    )
