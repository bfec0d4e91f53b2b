"""What is stored is what was meant: every value goes through the rows, and through DynamoDB, and comes back equal."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.meter import item_bytes
from chalicelib.ledger import limits
from chalicelib.ledger.conditions import WEEKDAYS, Conditions, Selection
from chalicelib.ledger.model import (
    CLASS_OF_KIND,
    Allocation,
    Entry,
    EntryType,
    Hold,
    Kind,
    Lot,
    LotClass,
    Redemption,
    RedemptionPart,
    Source,
    Wallet,
)
from chalicelib.store import codec
from chalicelib.store.codec import (
    deflate,
    due_shard,
    entry_of,
    entry_row,
    inflate,
    redemption_of,
    redemption_record,
    wallet_of,
    wallet_row,
)
from chalicelib.store.envelope import WalletId
from chalicelib.store.tables import DUE_SHARDS, bind
from chalicelib.store.transaction import stored_bytes
from tests.engine.till import new_wallet

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.store.tables import Tables
    from tests.engine.till import Till

ROWS = bind("wallets", "ledger")
SOME = settings(max_examples=60)
CUSTOMER = st.text("abcXYZ019._:@+-", min_size=1, max_size=limits.MAX_ID_CHARACTERS)
WORD = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20)
TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60)
AMOUNT = st.integers(1, limits.MAX_BALANCE)
INSTANT = st.integers(0, 7_258_118_400_000)
OPERATION = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=24, max_size=24)
LOT_ID = st.builds(
    lambda sequence, ordinal: f"lot_{sequence}.{ordinal}" if ordinal else f"lot_{sequence}",
    st.integers(1, 10**9),
    st.integers(0, 120),
)
NAMES = st.lists(WORD, max_size=3).map(tuple)
MINUTE = st.integers(0, 1439)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


SELECTION = st.builds(
    Selection, products=NAMES, categories=NAMES, collections=NAMES, tags=NAMES, sites=NAMES, channels=NAMES
)
CONDITIONS = st.builds(
    Conditions,
    min_order=maybe(AMOUNT),
    min_order_multiple=maybe(st.integers(1, 100)),
    max_share_of_order=maybe(st.integers(1, 10_000)),
    max_per_order=maybe(AMOUNT),
    include=SELECTION,
    exclude=SELECTION,
    weekdays=st.lists(st.sampled_from(WEEKDAYS), unique=True).map(tuple),
    hours=maybe(st.tuples(MINUTE, MINUTE)),
    first_order_only=st.booleans(),
    not_with_discounts=st.booleans(),
    not_on_order=maybe(WORD),
)
SOURCE = st.builds(Source, WORD, WORD)


@st.composite
def lots(draw: st.DrawFn, terms_only: bool = False) -> Lot:
    granted = draw(AMOUNT)
    remaining = 0 if terms_only else draw(st.integers(0, granted))
    kind = draw(st.sampled_from(Kind))
    reinstated = kind is Kind.REINSTATED
    return Lot(
        id=draw(LOT_ID),
        kind=kind,
        lot_class=draw(st.sampled_from(LotClass)) if reinstated else CLASS_OF_KIND[kind],
        granted=granted,
        remaining=remaining,
        held=draw(st.integers(0, remaining)),
        priority=draw(st.integers(0, limits.MAX_PRIORITY)),
        effective_at=draw(INSTANT),
        expires_at=draw(maybe(INSTANT)),
        conditions=draw(maybe(CONDITIONS)),
        source=draw(maybe(SOURCE)),
        parent=draw(LOT_ID) if reinstated else None,
        reinstatements=draw(st.integers(1, 9)) if reinstated else 0,
        from_release=draw(st.booleans()) if reinstated else False,
    )


ALLOCATION = st.builds(Allocation, LOT_ID, AMOUNT, maybe(LOT_ID))
HOLD = st.builds(
    Hold,
    OPERATION.map(lambda operation: f"hld_{operation}"),
    WORD,
    AMOUNT,
    st.integers(0, 10**12),
    st.lists(st.builds(Allocation, LOT_ID, AMOUNT), min_size=1, max_size=4).map(tuple),
    INSTANT,
)
WALLET = st.builds(
    Wallet,
    CUSTOMER,
    st.sampled_from(["EUR", "JPY", "KWD", "PTS"]),
    version=st.integers(1, 10**12),
    lots=st.lists(lots(), max_size=6).map(tuple),
    holds=st.lists(HOLD, max_size=3).map(tuple),
    debt=st.integers(0, 10**12),
    frozen=st.booleans(),
    entry_at=INSTANT,
    first_order=maybe(WORD),
)
ENTRY = st.builds(
    Entry,
    sequence=st.integers(1, 10**12),
    type=st.sampled_from(EntryType),
    amount=st.integers(-(10**13), 10**13),
    balance_after=st.integers(0, 10**13),
    held_after=st.integers(0, 10**13),
    debt_after=st.integers(0, 10**13),
    allocations=st.lists(ALLOCATION, max_size=4).map(tuple),
    at=INSTANT,
    actor=WORD,
    reason=WORD,
    operation=OPERATION,
    policy=WORD,
    note=maybe(TEXT),
    customer_text=maybe(TEXT),
    source=maybe(SOURCE),
    lots=st.lists(lots(terms_only=True), max_size=3).map(tuple),
    order_id=maybe(WORD),
    redemption=maybe(OPERATION.map(lambda operation: f"rdm_{operation}")),
    hold=maybe(OPERATION.map(lambda operation: f"hld_{operation}")),
    hold_expires_at=maybe(INSTANT),
    notify=maybe(st.booleans()),
)
PART = st.builds(RedemptionPart, lots(terms_only=True), AMOUNT, st.integers(0, 10**12))
REDEMPTION = st.builds(
    Redemption, OPERATION.map(lambda operation: f"rdm_{operation}"), WORD, st.lists(PART, max_size=5).map(tuple)
)


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
