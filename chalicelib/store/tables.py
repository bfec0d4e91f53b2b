"""What is stored, as PynamoDB rows. Attribute names are short where they stand in every item.

    table    item        key                           one of
    wallets  wallet      customer / currency           every wallet: open lots and holds inside, one version over all
    wallets  operation   #operation id / "operation"   every idempotency key: request, answer, redemption or hold
    wallets  clock       #clock / "clock"              the test clock, where the stage has one
    wallets  settings    #settings / "settings"        the merchant's settings, once they were changed
    wallets  order       #order/id / "order"           every order that was paid or cancelled
    wallets  tally       #tally/what/customer / "tally"  how often a customer got something that is given so often only
    wallets  event       #operation id / "event"       an event that was parked or rejected
    wallets  rejection   #rejected / its id            the rejected message itself
    ledger   entry       customer/currency / sequence  every entry; append-only
    customers, campaigns  document                     see `documents` and the rooms that keep them

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

DUE = "due"
"""Index of the wallets table: wallets that will change by themselves, by shard and instant. It only nominates."""
REFUNDS = "refunds"
"""Index of the wallets table: the operation that made a refund, by its id. It lags, so what is not found may come."""
DOCUMENTS_DUE = "due"
"""Index of the customers and campaigns tables: documents about which something is to be done, by shard and instant."""
ORDERS = "orders"
"""Local index of the ledger table: a wallet's entries about one order. It is read strongly consistent."""

OPERATION = "operation"
TALLY = "tally"
ORDER = "order"
EVENT = "event"
REJECTED = "#rejected"
CLOCK_KEY = ("#clock", "clock")
SETTINGS_KEY = ("#settings", "settings")


def order_key(order_id: str) -> tuple[str, str]:
    """Where an order is remembered."""
    return f"#order/{order_id}", ORDER


class WalletRow(Model):
    """A wallet. `lots` (deflated) and `holds` are compact JSON, see `codec`; `shard` and `due_at` are the due index."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    schema = NumberAttribute()
    lots = BinaryAttribute(legacy_encoding=False, null=True)
    holds = UnicodeAttribute(null=True)
    debt = NumberAttribute(null=True)
    debt_paid = NumberAttribute(null=True)
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
    refund = UnicodeAttribute(null=True)
    order_id = UnicodeAttribute(null=True)
    delete_after = NumberAttribute(null=True)


class ClockRow(Model):
    """The test clock: time stands still at `now` (milliseconds), or runs when it is absent."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    now = NumberAttribute(null=True)


class SettingsRow(Model):
    """The merchant's settings: a JSON document (see `chalicelib.settings.document`), who wrote it and when."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    schema = NumberAttribute()
    document = UnicodeAttribute()
    updated_at = NumberAttribute()
    updated_by = UnicodeAttribute()


class EntryRow(Model):
    """One ledger entry. `allocations` and `lots` are compact JSON (see `codec`); many lots are deflated, as
    `packed_lots`."""

    wallet = UnicodeAttribute(hash_key=True)
    sequence = NumberAttribute(range_key=True)
    type = UnicodeAttribute()
    amount = NumberAttribute()
    balance_after = NumberAttribute()
    held_after = NumberAttribute()
    debt_after = NumberAttribute(null=True)
    debt_paid_after = NumberAttribute(null=True)
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
    packed_lots = BinaryAttribute(legacy_encoding=False, null=True)
    order_id = UnicodeAttribute(null=True)
    redemption = UnicodeAttribute(null=True)
    hold = UnicodeAttribute(null=True)
    hold_expires_at = NumberAttribute(null=True)
    notify = BooleanAttribute(null=True)
    pending_after = NumberAttribute(null=True)
    earned = UnicodeAttribute(null=True)


class OrderRow(Model):
    """An order as far as refunds need it. `told` is deflated compact JSON (see `order_codec`)."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    schema = NumberAttribute()
    customer = UnicodeAttribute()
    currency = UnicodeAttribute()
    total = NumberAttribute(null=True)
    told = BinaryAttribute(legacy_encoding=False)


class TallyRow(Model):
    """What a customer got of one thing so far: how often, how much (minor units), and when last (milliseconds)."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    times = NumberAttribute()
    amount = NumberAttribute()
    last_at = NumberAttribute()


class EventRow(Model):
    """What became of an event that is not applied: parked or rejected, and why. `rejection` is its id in that list."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute()
    code = UnicodeAttribute()
    detail = UnicodeAttribute()
    at = NumberAttribute()
    tries = NumberAttribute()
    rejection = UnicodeAttribute(null=True)
    delete_after = NumberAttribute(null=True)


class RejectionRow(Model):
    """A rejected message, whole (deflated), so that it can be tried again. `delete_after` is set once it is settled, or
    at once where it tells of a person."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    queue = UnicodeAttribute()
    status = UnicodeAttribute()
    code = UnicodeAttribute()
    detail = UnicodeAttribute()
    at = NumberAttribute()
    tries = NumberAttribute()
    source = UnicodeAttribute(null=True)
    event = UnicodeAttribute(null=True)
    type = UnicodeAttribute(null=True)
    body = BinaryAttribute(legacy_encoding=False)
    delete_after = NumberAttribute(null=True)


class DocumentRow(Model):
    """A document, as far as conditions and queries name its attributes; see `documents`."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    due_at = NumberAttribute(null=True)


@dataclass(frozen=True)
class Tables:
    """The rows bound to the names that the tables have in this stack. One that only moves money, as many tests do,
    needs no table of customers or campaigns."""

    wallet: type[WalletRow]
    operation: type[OperationRow]
    clock: type[ClockRow]
    settings: type[SettingsRow]
    entry: type[EntryRow]
    order: type[OrderRow]
    tally: type[TallyRow]
    event: type[EventRow]
    rejection: type[RejectionRow]
    document: type[DocumentRow]
    wallets_name: str
    ledger_name: str
    customers_name: str = ""
    campaigns_name: str = ""


def bind(wallets_name: str, ledger_name: str, customers_name: str = "", campaigns_name: str = "") -> Tables:
    """Rows for these tables. Binding is per stack, not per process, so that tests and tools can talk to several."""

    def bound(row: type[Any], table_name: str) -> type[Any]:
        return type(row.__name__, (row,), {"Meta": type("Meta", (), {"table_name": table_name})})

    return Tables(
        wallet=bound(WalletRow, wallets_name),
        operation=bound(OperationRow, wallets_name),
        clock=bound(ClockRow, wallets_name),
        settings=bound(SettingsRow, wallets_name),
        entry=bound(EntryRow, ledger_name),
        order=bound(OrderRow, wallets_name),
        tally=bound(TallyRow, wallets_name),
        event=bound(EventRow, wallets_name),
        rejection=bound(RejectionRow, wallets_name),
        document=DocumentRow,
        wallets_name=wallets_name,
        ledger_name=ledger_name,
        customers_name=customers_name,
        campaigns_name=campaigns_name,
    )
