"""The audit names exactly what does not tie: a wallet changed behind the engine's back, an entry that is gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.ledger.model import Entry
from chalicelib.ledger.refusals import LedgerFault
from chalicelib.store.envelope import WalletId
from chalicelib.store.packing import compact, deflate, inflate
from chalicelib.store.signals import Busy
from chalicelib.wallets import queries
from tests.engine.till import Till, new_wallet
from tests.engine.trouble import answer
from tests.engine.wire import Request, Wire

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Vandal:
    """Somebody with a plain client and no manners."""

    def __init__(self, till: Till, plain: DynamoDBClient, wallet: WalletId) -> None:
        self._tables = till.engine.store.tables
        self._plain: Any = plain
        self._wallet = wallet
        self._wallet_key = {"pk": {"S": wallet.customer}, "sk": {"S": wallet.currency}}

    def set_in_wallet(self, attribute: str, value: dict[str, Any] | None) -> None:
        item = self._wallet_item()
        item.pop(attribute, None)
        if value is not None:
            item[attribute] = value
        self._plain.put_item(TableName=self._tables.wallets_name, Item=item)

    def set_in_lot(self, place: int, value: Any) -> None:
        """Change one member of the first lot's list."""
        lots = json.loads(inflate(self._wallet_item()["lots"]["B"]))
        lots[0][place] = value
        self.set_in_wallet("lots", {"B": deflate(compact(lots))})

    def remove_entries(self, *sequences: int) -> None:
        for sequence in sequences:
            self._plain.delete_item(TableName=self._tables.ledger_name, Key=self._entry_key(sequence))

    def set_in_entry(self, sequence: int, attribute: str, value: dict[str, Any]) -> None:
        key = self._entry_key(sequence)
        item = self._plain.get_item(TableName=self._tables.ledger_name, Key=key)["Item"]
        self._plain.put_item(TableName=self._tables.ledger_name, Item={**item, attribute: value})

    def restore_wallet(self, item: dict[str, Any]) -> None:
        self._plain.put_item(TableName=self._tables.wallets_name, Item=item)

    def backup(self) -> dict[str, Any]:
        return self._wallet_item()

    def _wallet_item(self) -> dict[str, Any]:
        found: dict[str, Any] = self._plain.get_item(
            TableName=self._tables.wallets_name, Key=self._wallet_key, ConsistentRead=True
        )["Item"]
        return found

    def _entry_key(self, sequence: int) -> dict[str, Any]:
        return {"wallet": {"S": str(self._wallet)}, "sequence": {"N": str(sequence)}}


@pytest.fixture
def wallet(hasty: Till) -> WalletId:
    """Five entries: two grants, a redemption, a hold, a reversal of a part."""
    wallet = new_wallet()
    hasty.fill(wallet, 1_000, 500)
    redemption = hasty.redeem(wallet, 300, "order-1").redemption
    hasty.hold(wallet, 200, "order-2")
    hasty.reverse(wallet, redemption, 100)
    return wallet


@pytest.fixture
def vandal(hasty: Till, plain: DynamoDBClient, wallet: WalletId) -> Vandal:
    return Vandal(hasty, plain, wallet)


def differences(till: Till, wallet: WalletId) -> set[tuple[str, str]]:
    explained = queries.explain(till.engine, wallet)
    return {(each.code, each.where) for each in explained.differences}


def test_an_untouched_wallet_ties(hasty: Till, wallet: WalletId) -> None:
    explained = queries.explain(hasty.engine, wallet)
    assert explained.differences == ()
    assert explained.entries_checked == 5


DAMAGES: dict[str, tuple[Callable[[Vandal], None], set[tuple[str, str]]]] = {
    "remaining of a lot": (lambda v: v.set_in_lot(3, 999_999), {("wallet_differs", "lot_1.remaining")}),
    "held of a lot": (lambda v: v.set_in_lot(4, 0), {("wallet_differs", "lot_1.held")}),
    "expiry of a lot": (lambda v: v.set_in_lot(7, None), {("wallet_differs", "lot_1.expires_at")}),
    "priority of a lot": (lambda v: v.set_in_lot(5, 1), {("wallet_differs", "lot_1.priority")}),
    "all lots": (
        lambda v: v.set_in_wallet("lots", None),
        {("wallet_differs", "lot_1"), ("wallet_differs", "lot_2")},
    ),
    "debt": (lambda v: v.set_in_wallet("debt", {"N": "5"}), {("wallet_differs", "debt")}),
    "frozen": (lambda v: v.set_in_wallet("frozen", {"BOOL": True}), {("wallet_differs", "frozen")}),
    "first order": (lambda v: v.set_in_wallet("first_order", {"S": "x"}), {("wallet_differs", "first_order")}),
    "an entry gone": (lambda v: v.remove_entries(3), {("entry_missing", "entry 3")}),
    "the first entry gone": (lambda v: v.remove_entries(1), {("entry_missing", "entry 1")}),
    "two entries gone": (
        lambda v: v.remove_entries(2, 3),
        {("entry_missing", "entry 2..3")},
    ),
    "an entry's amount": (
        lambda v: v.set_in_entry(3, "amount", {"N": "-299"}),
        {("entry_inconsistent", "entry 3")},
    ),
    "an entry's balance": (
        lambda v: v.set_in_entry(4, "balance_after", {"N": "7"}),
        {("entry_inconsistent", "entry 4")},
    ),
    "an entry's time": (lambda v: v.set_in_entry(4, "at", {"N": "1"}), {("entry_inconsistent", "entry 4")}),
}


@pytest.mark.parametrize(("damage", "expected"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_named_exactly(
    hasty: Till,
    wallet: WalletId,
    vandal: Vandal,
    damage: Callable[[Vandal], None],
    expected: set[tuple[str, str]],
) -> None:
    damage(vandal)
    assert differences(hasty, wallet) == expected


def test_the_last_entry_gone_is_named_with_what_the_wallet_says_more(
    hasty: Till, wallet: WalletId, vandal: Vandal
) -> None:
    vandal.remove_entries(5)
    told = differences(hasty, wallet)
    assert ("wallet_differs", "version") in told or ("entry_missing", "entry 5") in told


def test_a_wallet_restored_from_an_older_backup_is_named_and_never_overwrites_the_ledger(
    hasty: Till, wallet: WalletId, vandal: Vandal
) -> None:
    """A torn restore: the wallet is of yesterday, the ledger of today."""
    yesterday = vandal.backup()
    hasty.redeem(wallet, 50, "order-3")
    today = hasty.entries(wallet)
    vandal.restore_wallet(yesterday)
    with pytest.raises((Busy, LedgerFault)):
        hasty.redeem(wallet, 60, "order-4")
    assert hasty.entries(wallet) == today
    explained = queries.explain(hasty.engine, wallet)
    assert explained.entries_checked == len(today), "also those that the wallet does not know of"
    assert "version" in {difference.where for difference in explained.differences}


def test_a_wallet_that_moves_while_it_is_explained_is_not_called_damaged(
    hasty: Till, wallet: WalletId, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_all = hasty.engine.store.entries_through

    def with_a_writer_in_between(wallet_id: WalletId, last: int) -> Iterator[Entry]:
        hasty.redeem(wallet, 1, "order-9")
        return read_all(wallet_id, last)

    monkeypatch.setattr(hasty.engine.store, "entries_through", with_a_writer_in_between)
    assert queries.explain(hasty.engine, wallet).differences == ()


def test_a_view_of_a_history_longer_than_a_page_reads_all_of_it(hasty: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.store.reading.AUDIT_PAGE_ENTRIES", 3)
    wallet = new_wallet()
    hasty.fill(wallet, *[10] * 11)
    explained = queries.explain(hasty.engine, wallet)
    assert (explained.differences, explained.entries_checked) == ((), 11)


@pytest.mark.parametrize("limit", [1, 3, 4, 5, 50])
def test_pages_of_entries_are_newest_first_and_miss_none(hasty: Till, wallet: WalletId, limit: int) -> None:
    seen: list[int] = []
    before: int | None = None
    while True:
        page, before = queries.entries(hasty.engine, wallet, before, limit)
        assert len(page) <= limit
        seen += [entry.sequence for entry in page]
        if before is None:
            break
    assert seen == [5, 4, 3, 2, 1]


def test_a_list_of_wallets_longer_than_a_page_of_dynamodb_is_whole(hasty: Till, wire: Wire) -> None:
    """A page ends at a megabyte, which a few wallets with many conditions reach."""
    customer = new_wallet().customer
    currencies = ["AUD", "CHF", "EUR", "JPY", "USD"]
    for currency in currencies:
        hasty.issue(WalletId(customer, currency), 100)

    def two_a_page(request: Request) -> AWSResponse:
        whole = json.loads(request.send().content)
        start = request.body.get("ExclusiveStartKey", {}).get("sk", {}).get("S", "")
        items = [item for item in whole["Items"] if item["sk"]["S"] > start]
        page: dict[str, Any] = {"Items": items[:2], "Count": 2, "ScannedCount": 2}
        if len(items) > 2:
            page["LastEvaluatedKey"] = {name: items[1][name] for name in ("pk", "sk")}
        return answer(request, page)

    wire.on(("Query",), two_a_page, times=None)
    assert [view.wallet.currency for view in queries.wallets_of(hasty.engine, customer)] == currencies
