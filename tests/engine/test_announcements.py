"""Entries as they are stored, and what the bus is told of them: by the stream as they come, by the replayer again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.edge.functions.publishing import publish_batch, replay_range
from chalicelib.messaging.bus import Event
from chalicelib.store.envelope import WalletId
from chalicelib.store.tables import Tables
from tests.engine.movements import MOVEMENTS, Movement, named
from tests.engine.till import Till, new_wallet
from tests.engine.trouble import error
from tests.engine.wire import Wire

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class PaperBus:
    """Takes everything."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def put(self, events: Sequence[Event]) -> list[int]:
        self.events += events
        return []

    @property
    def details(self) -> list[dict[str, Any]]:
        return [json.loads(event["Detail"]) for event in self.events]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tables: Tables, till: Till) -> None:
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("WALLETS_TABLE", tables.wallets_name)
    monkeypatch.setenv("LEDGER_TABLE", tables.ledger_name)
    monkeypatch.setenv("CUSTOMERS_TABLE", tables.customers_name)
    monkeypatch.setenv("CAMPAIGNS_TABLE", tables.campaigns_name)
    monkeypatch.setattr("chalicelib.wiring.engine", lambda: till.engine)


def streamed(plain: DynamoDBClient, tables: Tables, wallet: WalletId) -> dict[str, Any]:
    """What the ledger's stream shows of a wallet: its items as they are stored."""
    items = plain.query(
        TableName=tables.ledger_name,
        KeyConditionExpression="wallet = :wallet",
        ExpressionAttributeValues={":wallet": {"S": str(wallet)}},
        ConsistentRead=True,
    )["Items"]
    changes = [{"NewImage": item, "SequenceNumber": item["sequence"]["N"]} for item in items]
    return {"Records": [{"eventName": "INSERT", "dynamodb": change} for change in changes]}


def asked(wallet: WalletId, first: int, last: int) -> dict[str, Any]:
    return {"customer": wallet.customer, "currency": wallet.currency, "from": first, "to": last}


@pytest.mark.parametrize("movement", MOVEMENTS, ids=named)
def test_every_entry_is_told_with_the_balance_that_it_left(
    till: Till, plain: DynamoDBClient, tables: Tables, movement: Callable[[Till], Movement]
) -> None:
    made = movement(till)
    balance = made.send().told["balance"]
    stored = till.stored(made.wallet)
    outlet = PaperBus()
    assert publish_batch(streamed(plain, tables, made.wallet), outlet) == {"batchItemFailures": []}
    assert [detail["sequence"] for detail in outlet.details] == list(range(1, stored.version + 1))
    types = [event["DetailType"].removeprefix("credit.") for event in outlet.events]
    assert types[-len(made.entries) :] == made.entries
    assert outlet.details[-1]["wallet"] == {name: balance[name] for name in ("available", "pending", "held")}


def test_the_replayer_tells_what_the_stream_told(till: Till, plain: DynamoDBClient, tables: Tables) -> None:
    wallet = new_wallet()
    till.fill(wallet, *range(100, 112))
    first, again = PaperBus(), PaperBus()
    publish_batch(streamed(plain, tables, wallet), first)
    assert replay_range(asked(wallet, 1, 12), again) == {"published": 12, "next": None}
    assert again.events == first.events
    part = PaperBus()
    assert replay_range(asked(wallet, 4, 6), part) == {"published": 3, "next": None}
    assert part.events == first.events[3:6]


def test_the_replayer_tells_nothing_of_a_wallet_that_nobody_has(till: Till) -> None:
    outlet = PaperBus()
    assert replay_range(asked(new_wallet(), 1, 10), outlet) == {"published": 0, "next": None}
    assert outlet.events == []


def test_a_ledger_that_cannot_be_read_is_told_and_no_trace(till: Till, wire: Wire) -> None:
    wallet = new_wallet()
    till.fill(wallet, 100)
    wire.on(("Query",), error(500), times=None)
    told = {"published": 0, "next": 1, "error": "the ledger could not be read"}
    assert replay_range(asked(wallet, 1, 1), PaperBus()) == told
