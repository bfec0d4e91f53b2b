"""What is stored is what was meant: every value goes through the rows, and through DynamoDB, and comes back equal."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.meter import item_bytes
from chalicelib.ledger import limits
from chalicelib.ledger.conditions import Conditions, Selection
from chalicelib.ledger.lots import Allocation, Kind, Lot, LotClass, Source
from chalicelib.ledger.model import Entry, Hold, Redemption, Wallet
from chalicelib.store import codec
from chalicelib.store.codec import (
    due_shard,
    entry_of,
    entry_row,
    redemption_of,
    redemption_record,
    wallet_of,
    wallet_row,
)
from chalicelib.store.envelope import WalletId
from chalicelib.store.packing import deflate, inflate
from chalicelib.store.tables import DUE_SHARDS, bind
from chalicelib.store.transaction import stored_bytes
from tests.engine.till import new_wallet
from tests.engine.values import CUSTOMER, ENTRY, REDEMPTION, WALLET

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.store.tables import Tables
    from tests.engine.till import Till

ROWS = bind("wallets", "ledger")
SOME = settings(max_examples=60)


@SOME
@given(WALLET)
def test_a_wallet_comes_back_as_it_was(wallet: Wallet) -> None:
    assert wallet_of(ROWS.wallet.from_raw_data(wallet_row(ROWS, wallet).serialize())) == wallet


@SOME
@given(CUSTOMER, ENTRY)
def test_an_entry_comes_back_as_it_was(customer: str, entry: Entry) -> None:
    row = entry_row(ROWS, WalletId(customer, "EUR"), entry)
    assert entry_of(ROWS.entry.from_raw_data(row.serialize())) == entry


@SOME
@given(REDEMPTION)
def test_a_redemption_comes_back_as_it_was(redemption: Redemption) -> None:
    assert redemption_of(redemption.id, redemption_record(redemption)) == redemption


@SOME
@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_an_answer_comes_back_byte_for_byte(body: str) -> None:
    assert inflate(deflate(body)) == body


@SOME
@given(WALLET)
def test_a_wallet_is_in_the_due_index_exactly_if_it_changes_by_itself(wallet: Wallet) -> None:
    row = wallet_row(ROWS, wallet)
    ends = [lot.expires_at for lot in wallet.lots if lot.expires_at is not None and lot.remaining > lot.held]
    ends += [hold.expires_at for hold in wallet.holds]
    assert row.due_at == (min(ends) if ends else None)
    assert (row.shard is None) == (row.due_at is None)


def test_wallets_are_spread_over_all_shards_of_the_due_index() -> None:
    shards = {due_shard(new_wallet()) for _ in range(40 * DUE_SHARDS)}
    assert len(shards) == DUE_SHARDS
    assert due_shard(WalletId("anna", "EUR")) == due_shard(WalletId("anna", "EUR"))


def test_no_two_kinds_share_a_code() -> None:
    assert len(codec._KIND) == len(codec._KIND_CODE) == len(Kind)


def test_the_largest_wallet_that_the_limits_allow_fits_into_an_item() -> None:
    """Nothing in it is like anything else, so that deflating does not help."""
    dice = random.Random(5)

    def noise(length: int) -> str:
        return "".join(dice.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=length))

    conditions = [
        Conditions(include=Selection(products=tuple(noise(90) for _ in range(9)))) for _ in range(limits.MAX_LOTS)
    ]
    many = tuple(
        Lot(
            id=f"lot_{10**9 + number}.{number}",
            kind=Kind.REINSTATED,
            lot_class=LotClass.PROMOTIONAL,
            granted=limits.MAX_AMOUNT,
            remaining=limits.MAX_AMOUNT - number,
            held=1,
            priority=50,
            effective_at=1_700_000_000_000 + dice.randrange(10**9),
            expires_at=1_800_000_000_000 + dice.randrange(10**9),
            conditions=conditions[number],
            source=Source(noise(limits.MAX_ID_CHARACTERS), noise(limits.MAX_ID_CHARACTERS)),
            parent=f"lot_{10**9 + number}",
            reinstatements=3,
            from_release=True,
        )
        for number in range(limits.MAX_LOTS)
    )
    holds = tuple(
        Hold(
            f"hld_{noise(24).lower()}",
            noise(limits.MAX_ID_CHARACTERS),
            10**12,
            10**11,
            tuple(Allocation(lot.id, 10**12) for lot in many[number * 5 : number * 5 + 5]),
            1_800_000_000_000,
        )
        for number in range(limits.MAX_OPEN_HOLDS)
    )
    wallet = Wallet("x" * 128, "EUR", 10**9, many, holds, 0, True, 1_800_000_000_000, "o" * 128)
    assert stored_bytes(wallet_row(ROWS, wallet)) < limits.MAX_WALLET_BYTES


def test_what_is_said_of_a_wallets_size_is_what_the_size_rule_says(hasty: Till, plain: DynamoDBClient) -> None:
    wallet = new_wallet()
    hasty.fill(wallet, *range(100, 112))
    receipt = hasty.hold(wallet, 500)
    tables: Tables = hasty.engine.store.tables
    key: Any = {"pk": {"S": wallet.customer}, "sk": {"S": wallet.currency}}
    item: Any = plain.get_item(TableName=tables.wallets_name, Key=key, ConsistentRead=True)["Item"]
    assert receipt.trace.wallet_bytes is not None
    assert abs(receipt.trace.wallet_bytes - item_bytes(item)) <= 4
    assert receipt.trace.open_lots == 12


def test_texts_survive_dynamodb_as_they_were(hasty: Till) -> None:
    """Through the real thing: what JSON, deflating and the wire could each do to a string."""
    odd = 'line\nquote" back\\slash \u0000 \u007f é 漢字 👛 \u2028 </script> '
    wallet = new_wallet()
    source = Source("ticket", 'T-1:ö/\\"')
    hasty.issue(wallet, 1_000, note=odd, customer_text=odd * 5, source=source, notify=True)
    (entry,) = hasty.entries(wallet)
    assert (entry.note, entry.customer_text, entry.source, entry.notify) == (odd, odd * 5, source, True)
    assert hasty.check(wallet).lots[0].source == source
