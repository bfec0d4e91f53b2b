"""What settling costs: units by the size rule, round trips, and items that are made without rows but are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from bench.meter import Meter, item_bytes
from chalicelib.ledger.limits import MAX_TRANSACTION_ITEMS
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.model import Entry, Wallet
from chalicelib.ledger.policy import At
from chalicelib.store import settlement
from chalicelib.store.codec import entry_attributes, entry_row, wallet_attributes, wallet_row
from chalicelib.store.envelope import WalletId
from chalicelib.store.packing import item_of
from chalicelib.store.settlement import GROUP_WALLETS, Settlement, transactions_of
from chalicelib.store.tables import bind
from tests.engine.night import Night, group
from tests.engine.till import new_wallet
from tests.engine.values import ENTRY, WALLET

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HOUR = 3_600_000
DAY = 24 * HOUR
ROWS = bind("wallets", "ledger")


@pytest.mark.parametrize("lots", [1, 5, 11])
def test_settling_costs_at_most_four_write_units_a_wallet(night: Night, plain: DynamoDBClient, lots: int) -> None:
    """One of its lots has expired, the others live on; each is from an order of its own."""
    connections = night.engine.store.connections
    meter = Meter(connections.reads.client, connections.commits.client, peek=plain)
    wallets = [new_wallet() for _ in range(3)]
    for wallet in wallets:
        for number in range(lots):
            expires = At(night.time.at + (number * DAY or HOUR))
            night.till.issue(wallet, 1_000, Kind.CASHBACK, source=Source("order", f"10{number:03}"), expires=expires)
    night.time.at += HOUR
    with meter.running() as bill:
        assert night.settle(group(*wallets)) == []
    assert bill.round_trips == 2
    assert bill.write_units <= 4 * len(wallets)
    assert bill.index_units <= 2 * len(wallets)
    assert all(night.types(wallet)[-1] == "expired" for wallet in wallets)


@settings(max_examples=200)
@given(WALLET, ENTRY)
def test_an_item_made_directly_is_what_its_row_becomes(wallet: Wallet, entry: Entry) -> None:
    wallet_id = WalletId(wallet.customer, wallet.currency)
    assert item_of(wallet_attributes(wallet)) == wallet_row(ROWS, wallet).serialize()
    assert item_of(entry_attributes(wallet_id, entry)) == entry_row(ROWS, wallet_id, entry).serialize()


@given(WALLET, ENTRY)
def test_no_item_is_thought_smaller_than_it_is(wallet: Wallet, entry: Entry) -> None:
    for item in (item_of(wallet_attributes(wallet)), item_of(entry_attributes(WalletId("a", "EUR"), entry))):
        assert settlement._bytes(item) >= item_bytes(item)


def test_transactions_stay_within_what_dynamodb_takes(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """By items and by bytes; in order, each settlement whole."""
    wallets = night.wallets_due_at(night.time.at + HOUR, 8)
    stored, _ = night.engine.store.wallets(wallets)
    (entry,) = night.till.entries(wallets[0])
    due = [Settlement(1, wallet, (entry,) * 20) for wallet in stored]
    by_items = list(transactions_of(night.engine.store, due))
    assert [len(each) for each in by_items] == [4, 4]
    assert all(sum(len(written.puts) for written in each) <= MAX_TRANSACTION_ITEMS for each in by_items)
    size = sum(settlement._bytes(put["Item"]) for put in by_items[0][0].puts)
    monkeypatch.setattr(settlement, "MAX_TRANSACTION_BYTES", 3 * size)
    by_bytes = list(transactions_of(night.engine.store, due))
    assert [len(each) for each in by_bytes] == [3, 3, 2]
    assert [written.wallet for each in by_bytes for written in each] == wallets


def test_a_group_fills_one_transaction() -> None:
    assert GROUP_WALLETS * 2 == MAX_TRANSACTION_ITEMS
