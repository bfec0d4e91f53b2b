"""One movement as ONE TransactWriteItems.

    put     wallet          condition: its version is the one that was read (or it is not there, for version 0)
    put     entry, …        condition: no such sequence yet
    put     operation       condition: no such operation yet
    put     order           condition: its version is the one that was read (or it is not there)
    put     tally           condition: it says what was read      (what a customer may get so often only)
    update  redemption      condition: it is as it was read    (a reversal: what has been given back)
    update  hold's record   condition: it is there             (a capture or release: what became of it)

A plan without entries leaves the wallet alone. The wallet's condition guards everything that was decided from it. A
redemption is read beside it, perhaps a moment earlier, and so has a condition of its own; so have an order and a tally.
The others make a torn restore or a second writer fail instead of overwriting. PynamoDB puts the puts on the wire first,
in the order of the calls, and the updates behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.ledger.plans import Plan, Tally
from chalicelib.store.codec import entry_row, redemption_record, wallet_row
from chalicelib.store.envelope import Envelope, WalletId
from chalicelib.store.packing import deflate
from chalicelib.store.reading import Seen, Store, tally_key
from chalicelib.store.signals import Signal, signal_of
from chalicelib.store.tables import CLOCK_KEY, OPERATION, OperationRow, Tables, WalletRow

if TYPE_CHECKING:
    from chalicelib.ledger.orders import Order

KEY_RETENTION_SECONDS = 40 * 24 * 3600
"""How long an operation that moved no redemption is kept; the contract promises keys 30 days."""


def commit(store: Store, wallet_id: WalletId, seen: Seen, plan: Plan, envelope: Envelope, body: str) -> Signal:
    """Send the movement that was decided from what was `seen`, once, and say what is known of it.

    :raises TransactWriteError: DynamoDB refused what only a defect of ours can make it refuse
    """
    tables = store.tables
    envelope.trace.open_lots = len(plan.wallet.lots)
    envelope.trace.entries = len(plan.entries)
    written = 0
    try:
        with TransactWrite(connection=store.connections.commits) as transaction:
            if plan.entries:
                row = wallet_row(tables, plan.wallet)
                envelope.trace.wallet_bytes = stored_bytes(row)
                transaction.save(row, condition=_unchanged(tables, seen.wallet.version))
                written += 1
            for entry in plan.entries:
                transaction.save(entry_row(tables, wallet_id, entry), condition=tables.entry.wallet.does_not_exist())
            written += len(plan.entries)
            if envelope.remembered:
                transaction.save(
                    _operation_row(store, wallet_id, plan, envelope, body),
                    condition=tables.operation.pk.does_not_exist(),
                )
            if plan.order is not None and plan.order is not seen.order.order:
                _save_order(tables, transaction, plan.order, seen.order.order)
            if plan.tally is not None:
                _save_tally(tables, transaction, wallet_id, plan.tally, seen)
            _amend_records(tables, transaction, plan, seen, envelope.operation)
    except TransactWriteError as error:
        return signal_of(error, operation_at=written if envelope.remembered else None)
    return Signal.COMMITTED


def _unchanged(tables: Tables, version: int) -> Any:
    """The condition that the wallet is as it was read."""
    return tables.wallet.version == version if version else tables.wallet.pk.does_not_exist()


def _save_order(tables: Tables, transaction: TransactWrite, order: Order, before: Order | None) -> None:
    from chalicelib.store.order_codec import order_row  # what serves wallets alone starts without it

    rows = tables.order
    version = before.version if before is not None else 0
    unchanged = rows.version == version if version else rows.pk.does_not_exist()
    transaction.save(order_row(tables, order, version + 1), condition=unchanged)


def _save_tally(tables: Tables, transaction: TransactWrite, wallet_id: WalletId, tally: Tally, seen: Seen) -> None:
    """A tally only grows, so that how often tells whether it is as it was read."""
    assert seen.counted is not None, "what is counted was read"
    assert tally.times > seen.tally.times, "a tally only grows"
    rows = tables.tally
    unchanged = rows.times == seen.tally.times if seen.tally.times else rows.pk.does_not_exist()
    row = rows(*tally_key(seen.counted, wallet_id), times=tally.times, amount=tally.amount, last_at=tally.last_at)
    transaction.save(row, condition=unchanged)


def set_clock(store: Store, now: int | None) -> Signal:
    """Write the test clock if nobody has written it since it was read.

    :raises Unread: it could not be read
    """
    rows = store.tables.clock
    before = store.clock_reading()
    unchanged = rows.now.does_not_exist() if before is None else rows.now == before
    try:
        with TransactWrite(connection=store.connections.commits) as transaction:
            transaction.save(rows(*CLOCK_KEY, now=now), condition=unchanged)
    except TransactWriteError as error:
        return signal_of(error, operation_at=None)
    return Signal.COMMITTED


def _operation_row(store: Store, wallet_id: WalletId, plan: Plan, envelope: Envelope, body: str) -> OperationRow:
    """The record of the operation; the key's retention runs by the machine's clock, as the table's TTL does."""
    kept = envelope.kept_for_ever or plan.redemption is not None
    return store.tables.operation(
        f"#{envelope.operation}",
        OPERATION,
        wallet=str(wallet_id),
        request=envelope.fingerprint,
        answer=deflate(body),
        redemption=redemption_record(plan.redemption) if plan.redemption else None,
        hold_status=plan.hold_status.value if plan.opens_hold and plan.hold_status else None,
        refund=plan.refund,
        order_id=plan.order.id if plan.refund and plan.order else None,
        delete_after=None if kept else store.clock.now() // 1000 + KEY_RETENTION_SECONDS,
    )


def _amend_records(tables: Tables, transaction: TransactWrite, plan: Plan, seen: Seen, operation: str) -> None:
    """The updates of earlier records.

    A record of this very operation is left alone. Its key did something before, so the operation's condition fails and
    tells; but a transaction that names one item twice would be turned away as malformed.
    """
    rows = tables.operation
    for redemption in plan.amended:
        if _made_by(redemption.id) != operation:
            transaction.update(
                rows(f"#{_made_by(redemption.id)}", OPERATION),
                actions=[rows.redemption.set(redemption_record(redemption))],
                condition=rows.redemption == seen.records[redemption.id],
            )
    for hold, status in plan.closed_holds:
        if _made_by(hold) != operation:
            transaction.update(
                rows(f"#{_made_by(hold)}", OPERATION),
                actions=[rows.hold_status.set(status.value)],
                condition=rows.pk.exists(),
            )


def _made_by(record: str) -> str:
    """The operation that made a redemption or hold: its id says so."""
    return record[4:]


def stored_bytes(row: WalletRow) -> int:
    """Size of the item by DynamoDB's rule: names and strings in UTF-8, a number about a byte for two digits."""
    return sum(len(name) + _value_bytes(value) for name, value in row.serialize().items())


def _value_bytes(value: dict[str, Any]) -> int:
    type_, plain = next(iter(value.items()))
    if type_ == "S":
        return len(plain.encode())
    if type_ == "N":
        return (len(plain.lstrip("-")) + 1) // 2 + 1
    return len(plain) if type_ == "B" else 1
