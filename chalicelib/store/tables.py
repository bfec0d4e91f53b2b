"""What is stored, as PynamoDB rows. Attribute names are short where they stand in every item.

    table    item        key                           one of
    wallets  wallet      customer / currency           every wallet: open lots and holds inside, one version over all
    wallets  operation   #operation id / "operation"   every idempotency key: request, answer, redemption or hold
    wallets  clock       #clock / "clock"              the test clock, where the stage has one
    ledger   entry       customer/currency / sequence  every entry; append-only

`#` is in no customer id, so the two kinds of keys never meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

SCHEMA = 1
"""Version of the items' layout that this code writes and understands."""
DUE_SHARDS = 16
"""Partitions of the due index; a sweep reads all of them in parallel."""

OPERATION = "operation"
CLOCK_KEY = ("#clock", "clock")


class WalletRow(Model):
    """A wallet. `lots` (deflated) and `holds` are compact JSON, see `codec`; `shard` and `due_at` are the due index."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    schema = NumberAttribute()
    lots = BinaryAttribute(legacy_encoding=False, null=True)
    holds = UnicodeAttribute(null=True)
    debt = NumberAttribute(null=True)
    frozen = BooleanAttribute(null=True)
    entry_at = NumberAttribute()
    first_order = UnicodeAttribute(null=True)
    shard = UnicodeAttribute(null=True)
    due_at = NumberAttribute(null=True)


class OperationRow(Model):
    """What an idempotency key did. `answer` and `redemption` are deflated; `delete_after` (seconds) is for TTL.

    An operation with a redemption has no `delete_after`: what was taken and given back is money, and is kept.
    """

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    wallet = UnicodeAttribute()
    request = UnicodeAttribute()
    answer = BinaryAttribute(legacy_encoding=False)
    redemption = BinaryAttribute(legacy_encoding=False, null=True)
    hold_status = UnicodeAttribute(null=True)
    delete_after = NumberAttribute(null=True)


class ClockRow(Model):
    """The test clock: time stands still at `now` (milliseconds), or runs when it is absent."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    now = NumberAttribute(null=True)


class EntryRow(Model):
    """One ledger entry. `allocations` and `lots` are compact JSON (see `codec`)."""

    wallet = UnicodeAttribute(hash_key=True)
    sequence = NumberAttribute(range_key=True)
    type = UnicodeAttribute()
    amount = NumberAttribute()
    balance_after = NumberAttribute()
    held_after = NumberAttribute()
    debt_after = NumberAttribute(null=True)
    allocations = UnicodeAttribute(null=True)
    at = NumberAttribute()
    actor = UnicodeAttribute()
    reason = UnicodeAttribute()
    operation = UnicodeAttribute()
    policy = UnicodeAttribute()
    note = UnicodeAttribute(null=True)
    customer_text = UnicodeAttribute(null=True)
    source_type = UnicodeAttribute(null=True)
    source_id = UnicodeAttribute(null=True)
    lots = UnicodeAttribute(null=True)
    order_id = UnicodeAttribute(null=True)
    redemption = UnicodeAttribute(null=True)
    hold = UnicodeAttribute(null=True)
    hold_expires_at = NumberAttribute(null=True)
    notify = BooleanAttribute(null=True)


@dataclass(frozen=True)
class Tables:
    """The rows bound to the names that the two tables have in this stack."""

    wallet: type[WalletRow]
    operation: type[OperationRow]
    clock: type[ClockRow]
    entry: type[EntryRow]
    wallets_name: str
    ledger_name: str


def bind(wallets_name: str, ledger_name: str) -> Tables:
    """Rows for these tables. Binding is per stack, not per process, so that tests and tools can talk to several."""

    def bound(row: type[Any], table_name: str) -> type[Any]:
        return type(row.__name__, (row,), {"Meta": type("Meta", (), {"table_name": table_name})})

    return Tables(
        wallet=bound(WalletRow, wallets_name),
        operation=bound(OperationRow, wallets_name),
        clock=bound(ClockRow, wallets_name),
        entry=bound(EntryRow, ledger_name),
        wallets_name=wallets_name,
        ledger_name=ledger_name,
    )
