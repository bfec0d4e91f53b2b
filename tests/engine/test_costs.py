"""What an operation costs on the wire: round trips, and units by DynamoDB's size rule and by the engine's own count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bench.meter import KB, Bill, Meter, item_bytes
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.policy import Days
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store
from tests.engine.conftest import POLICY
from tests.engine.movements import MOVEMENTS, Movement, named
from tests.engine.till import Receipt, Till, new_wallet
from tests.engine.wire import Wire

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOT = 1_000
HISTORY = 1_000
COMMAND_CALLS = {"GetItem", "BatchGetItem", "TransactWriteItems"}


@dataclass(slots=True)
class Told:
    """The bill by the size rule, and the write units that the engine itself counted, indexes left out."""

    bill: Bill
    engine_write_units: float = 0.0


class Scales:
    """Both counts of what one store sends."""

    def __init__(self, store: Store, plain: DynamoDBClient) -> None:
        reads, commits = store.connections.reads.client, store.connections.commits.client
        self._meter = Meter(reads, commits, peek=plain)
        self._told: Told | None = None
        commits.meta.events.register("provide-client-params.dynamodb.TransactWriteItems", self._ask)
        commits.meta.events.register("after-call.dynamodb.TransactWriteItems", self._answered)

    @contextmanager
    def weigh(self) -> Iterator[Told]:
        with self._meter.running() as bill:
            self._told = told = Told(bill)
            yield told
        self._told = None

    def _ask(self, params: dict[str, Any], **_: Any) -> None:
        if self._told:
            params["ReturnConsumedCapacity"] = "INDEXES"

    def _answered(self, parsed: dict[str, Any], **_: Any) -> None:
        if self._told:
            consumed = parsed.get("ConsumedCapacity", [])
            self._told.engine_write_units += sum(each["WriteCapacityUnits"] for each in consumed)


@pytest.fixture(scope="module")
def scales(store: Store, plain: DynamoDBClient) -> Scales:
    return Scales(store, plain)


def filled(till: Till, lots: int) -> WalletId:
    """A wallet of a customer with an id as shops have them, each lot from an order of its own."""
    wallet = new_wallet()
    for number in range(lots):
        till.issue(wallet, LOT, Kind.CASHBACK, source=Source("order", f"10{number:03}"), expires=Days(90 + number))
    return wallet


def figures(told: Told) -> tuple[int, int, int]:
    """Round trips, read units, write units; both counts of the last must agree."""
    assert told.engine_write_units in (0, told.bill.write_units)
    return told.bill.round_trips, told.bill.read_units, told.bill.write_units


@pytest.mark.parametrize("lots", [1, 2, 5, 11])
@pytest.mark.parametrize("touched", ["one lot", "all lots"])
def test_a_redemption_is_two_round_trips_one_read_unit_and_six_write_units(
    hasty: Till, scales: Scales, lots: int, touched: str
) -> None:
    wallet = filled(hasty, lots)
    with scales.weigh() as told:
        hasty.redeem(wallet, 10 if touched == "one lot" else lots * LOT - 10)
    assert figures(told) == (2, 1, 6)
    assert told.bill.operations == ["GetItem", "TransactWriteItems"]


def test_a_redemption_costs_the_same_after_a_long_history(hasty: Till, scales: Scales, plain: DynamoDBClient) -> None:
    wallet = filled(hasty, 11)
    lengthen(hasty, wallet, plain)
    with scales.weigh() as told:
        hasty.redeem(wallet, 11 * LOT - 10)
    assert figures(told) == (2, 1, 6)
    assert hasty.stored(wallet).version == HISTORY + 1


def lengthen(till: Till, wallet: WalletId, plain: DynamoDBClient) -> None:
    """Copies of a real entry behind the real ones, and the wallet's version moved behind them."""
    tables = till.engine.store.tables
    key: Any = {"wallet": {"S": str(wallet)}, "sequence": {"N": "1"}}
    entry = plain.get_item(TableName=tables.ledger_name, Key=key)["Item"]
    numbers = range(till.stored(wallet).version + 1, HISTORY + 1)
    for start in range(0, len(numbers), 25):
        items: Any = [{**entry, "sequence": {"N": str(number)}} for number in numbers[start : start + 25]]
        plain.batch_write_item(RequestItems={tables.ledger_name: [{"PutRequest": {"Item": item}} for item in items]})
    plain.update_item(
        TableName=tables.wallets_name,
        Key={"pk": {"S": wallet.customer}, "sk": {"S": wallet.currency}},
        UpdateExpression="SET version = :version",
        ExpressionAttributeValues={":version": {"N": str(HISTORY)}},
    )


def _reversal(till: Till, wallet: WalletId) -> Callable[[], Receipt]:
    redemption = till.redeem(wallet, 10).redemption
    return lambda: till.reverse(wallet, redemption)


def _capture(till: Till, wallet: WalletId) -> Callable[[], Receipt]:
    hold = till.hold(wallet, 10).hold
    return lambda: till.capture(wallet, hold)


def _part_capture(till: Till, wallet: WalletId) -> Callable[[], Receipt]:
    hold = till.hold(wallet, 10).hold
    return lambda: till.capture(wallet, hold, 4)


def _release(till: Till, wallet: WalletId) -> Callable[[], Receipt]:
    hold = till.hold(wallet, 10).hold
    return lambda: till.release(wallet, hold)


def _second_hold(till: Till, wallet: WalletId) -> Callable[[], Receipt]:
    till.hold(wallet, 10, "order-1")
    return lambda: till.hold(wallet, 10, "order-1")


COSTS: dict[str, tuple[Callable[[Till, WalletId], Callable[[], Receipt]], int, int]] = {
    "issue": (lambda till, wallet: lambda: till.issue(wallet, 10), 1, 6),
    "debit": (lambda till, wallet: lambda: till.debit(wallet, 10), 1, 6),
    "hold": (lambda till, wallet: lambda: till.hold(wallet, 10), 1, 6),
    "revoke": (lambda till, wallet: lambda: till.revoke(wallet, "lot_1"), 1, 6),
    "extend": (lambda till, wallet: lambda: till.extend(wallet, "lot_1", Days(999)), 1, 6),
    "freeze": (lambda till, wallet: lambda: till.freeze(wallet), 1, 6),
    "reverse": (_reversal, 2, 8),
    "release": (_release, 2, 8),
    "capture": (_capture, 2, 8),
    "capture and release the rest": (_part_capture, 2, 10),
    "hold in another's place": (_second_hold, 1, 10),
}


@pytest.mark.parametrize("name", COSTS)
def test_every_command_is_two_round_trips_and_costs_what_its_items_do(hasty: Till, scales: Scales, name: str) -> None:
    """Two write units for each item of a kilobyte: wallet, operation, each entry, each record that it changes."""
    prepare, read_units, write_units = COSTS[name]
    command = prepare(hasty, wallet := filled(hasty, 11))
    with scales.weigh() as told:
        command()
    assert figures(told) == (2, read_units, write_units)
    hasty.check(wallet)


def test_a_lot_that_is_gone_is_known_by_one_read_more(hasty: Till, scales: Scales) -> None:
    wallet = filled(hasty, 2)
    hasty.revoke(wallet, "lot_1")
    with scales.weigh() as told, pytest.raises(Exception, match="used up"):
        hasty.revoke(wallet, "lot_1")
    assert told.bill.operations == ["GetItem", "GetItem", "GetItem"]


def test_an_operation_that_touched_eleven_lots_fits_in_a_kilobyte(hasty: Till, plain: DynamoDBClient) -> None:
    """With the answer as the API gives it, and what is needed to give the credit back."""
    wallet = filled(hasty, 11)
    assert operation_bytes(hasty, plain, hasty.redeem(wallet, 11 * LOT - 5).operation) <= KB
    wallet = filled(hasty, 11)
    assert operation_bytes(hasty, plain, hasty.hold(wallet, 11 * LOT).operation) <= KB
    wallet = filled(hasty, 11)
    redemption = hasty.redeem(wallet, 11 * LOT).redemption
    assert operation_bytes(hasty, plain, hasty.reverse(wallet, redemption).operation) <= KB
    assert operation_bytes(hasty, plain, redemption[4:]) <= KB


def operation_bytes(till: Till, plain: DynamoDBClient, operation: str) -> int:
    table = till.engine.store.tables.wallets_name
    key: Any = {"pk": {"S": f"#{operation}"}, "sk": {"S": "operation"}}
    item: Any = plain.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    return item_bytes(item)


@pytest.mark.parametrize("movement", MOVEMENTS, ids=named)
def test_no_command_scans_or_queries(hasty: Till, wire: Wire, movement: Callable[[Till], Movement]) -> None:
    asked = movement(hasty)
    with wire.listen() as heard:
        asked.send()
    assert {request.operation for request in heard} <= COMMAND_CALLS
    assert len(heard) == 2


@pytest.mark.parametrize("movement", MOVEMENTS, ids=named)
def test_with_a_test_clock_one_batch_reads_it_with_the_wallet(
    clocked_store: Store, clocked_wire: Wire, movement: Callable[[Till], Movement]
) -> None:
    till = Till(Engine(clocked_store, POLICY))
    asked = movement(till)
    with clocked_wire.listen() as heard:
        asked.send()
    assert [request.operation for request in heard] == ["BatchGetItem", "TransactWriteItems"]
    assert ("#clock", "clock") in heard[0].keys
    assert all(table["ConsistentRead"] for table in heard[0].body["RequestItems"].values())
