"""Round trips, read and write units of each operation, by open lots and by length of history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.meter import Bill, Meter
from bench.workload import CURRENCY, Bench, envelope, grant, redeem
from chalicelib.edge.wallets import presenter
from chalicelib.ledger.cart import Cart
from chalicelib.ledger.correcting import Debit, Extension, Revocation
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.holding import Capture
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import Days
from chalicelib.ledger.redeeming import Reversal, Spending
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
from chalicelib.store.tables import EntryRow
from chalicelib.wallets import commands, queries, support
from dev.engine import dynamodb

LOTS = (1, 5, 11, 25, 100)
HISTORIES = (10, 1_000, 10_000)
HISTORY_LOTS = 5
BATCH = 25
"""Items that one BatchWriteItem takes."""
WHOLE = 1_000_000
"""What each lot of a benchmark wallet holds."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one operation cost on one kind of wallet."""

    operation: str
    lots: int
    history: int
    bill: Bill


def costs(made: Bench) -> list[Cost]:
    """Every operation on wallets of LOTS open lots, then a redemption and its neighbours on HISTORIES."""
    app = made.engine()
    reads, commits = app.store.connections.reads.client, app.store.connections.commits.client
    meter = Meter(reads, commits, peek=dynamodb(made.endpoint))
    told = []
    for lots in LOTS:
        for name, prepare in OPERATIONS.items():
            wallet = WalletId(f"costs-{name.replace(' ', '-')}-{lots}", CURRENCY)
            grant(app, wallet, lots, WHOLE)
            told.append(_measure(meter, name, prepare(app, wallet, lots), lots, history=lots))
    for history in HISTORIES:
        wallet = WalletId(f"history-{history}", CURRENCY)
        _lengthen(app, wallet, history, dynamodb(made.endpoint))
        for name in ("redeem, 1 lot touched", "balance", "entries, first page"):
            run = OPERATIONS[name](app, wallet, HISTORY_LOTS)
            told.append(_measure(meter, name, run, HISTORY_LOTS, history))
    return told


def _measure(meter: Meter, name: str, run: Callable[[], Any], lots: int, history: int) -> Cost:
    with meter.running() as bill:
        run()
    return Cost(name, lots, history, bill)


def _issue(app: Engine, wallet: WalletId, lots: int) -> Callable[[], Any]:
    one = Grant(WHOLE, Kind.PROMOTION, "welcome", expires=Days(10))
    if lots >= 100:
        support.revoke(app, wallet, Revocation("lot_1", "room"), envelope(presenter.lot_changed))
    return lambda: support.issue(app, wallet, one, envelope(presenter.lot_changed))


def _debit(app: Engine, wallet: WalletId, _lots: int) -> Callable[[], Any]:
    return lambda: support.debit(app, wallet, Debit(10, "correction"), envelope(presenter.taken_out))


def _redeem_one(app: Engine, wallet: WalletId, _lots: int) -> Callable[[], Any]:
    return lambda: redeem(app, wallet, 10)


def _redeem_all(app: Engine, wallet: WalletId, lots: int) -> Callable[[], Any]:
    return lambda: redeem(app, wallet, lots * WHOLE - 10)


def _reverse(app: Engine, wallet: WalletId, lots: int) -> Callable[[], Any]:
    redemption = redeem(app, wallet, lots * WHOLE - 10)
    return lambda: commands.reverse(app, wallet, Reversal(redemption), envelope(presenter.given_back))


def _hold(app: Engine, wallet: WalletId, _lots: int) -> Callable[[], Any]:
    return lambda: _held(app, wallet, 10)


def _held(app: Engine, wallet: WalletId, amount: int) -> str:
    around = envelope(presenter.held)
    commands.hold(app, wallet, Spending(amount, Cart("order-1", 10**9)), 1800, around)
    return f"hld_{around.operation}"


def _capture(app: Engine, wallet: WalletId, _lots: int) -> Callable[[], Any]:
    hold = _held(app, wallet, 10)
    return lambda: commands.capture(app, wallet, Capture(hold), envelope(presenter.captured))


def _release(app: Engine, wallet: WalletId, _lots: int) -> Callable[[], Any]:
    hold = _held(app, wallet, 10)
    return lambda: commands.release(app, wallet, hold, envelope(presenter.held))


def _extend(app: Engine, wallet: WalletId, _lots: int) -> Callable[[], Any]:
    extension = Extension("lot_1", Days(400), "goodwill")
    return lambda: support.extend(app, wallet, extension, envelope(presenter.lot_changed))


def _balance(app: Engine, wallet: WalletId, _lots: int) -> Callable[[], Any]:
    return lambda: queries.wallet(app, wallet)


def _entries(app: Engine, wallet: WalletId, _lots: int) -> Callable[[], Any]:
    return lambda: queries.entries(app, wallet, None, 50)


OPERATIONS: dict[str, Callable[[Engine, WalletId, int], Callable[[], Any]]] = {
    "issue": _issue,
    "debit": _debit,
    "redeem, 1 lot touched": _redeem_one,
    "redeem, all lots touched": _redeem_all,
    "reverse, all lots touched": _reverse,
    "hold": _hold,
    "capture": _capture,
    "release": _release,
    "extend": _extend,
    "balance": _balance,
    "entries, first page": _entries,
}


def _lengthen(app: Engine, wallet: WalletId, history: int, client: Any) -> None:
    """Give a wallet a history of that many entries: copies of a real one, and the wallet's version moved behind them.

    What is measured behind it does not read them; that it does not is what the figure shows.
    """
    grant(app, wallet, HISTORY_LOTS, WHOLE)
    tables = app.store.tables
    entry = client.get_item(TableName=tables.ledger_name, Key={"wallet": {"S": str(wallet)}, "sequence": {"N": "1"}})
    numbers = range(HISTORY_LOTS + 1, history + 1)
    for start in range(0, len(numbers), BATCH):
        puts = [
            {"PutRequest": {"Item": {**entry["Item"], EntryRow.sequence.attr_name: {"N": str(number)}}}}
            for number in numbers[start : start + BATCH]
        ]
        client.batch_write_item(RequestItems={tables.ledger_name: puts})
    client.update_item(
        TableName=tables.wallets_name,
        Key={"pk": {"S": wallet.customer}, "sk": {"S": wallet.currency}},
        UpdateExpression="SET version = :version",
        ExpressionAttributeValues={":version": {"N": str(max(history, HISTORY_LOTS))}},
    )
