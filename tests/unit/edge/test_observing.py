"""Following the stream: who is told what, and what is told again when somebody could not follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.edge.functions.observing import Follower, observe_batch
from chalicelib.edge.functions.publishing import BatchBlocked
from chalicelib.ledger.model import Entry
from chalicelib.store.codec import entry_attributes
from chalicelib.store.envelope import WalletId
from chalicelib.store.packing import item_of
from chalicelib.store.signals import Busy, Unread
from tests.passbook import Passbook

ANNA, BEN, CLEO = (WalletId(name, "EUR") for name in ("anna", "ben", "cleo"))
ALL_TAKEN: dict[str, list[Any]] = {"batchItemFailures": []}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"STAGE": "local", "WALLETS_TABLE": "wallets", "LEDGER_TABLE": "ledger"}
    for name, value in {**told, "CUSTOMERS_TABLE": "customers", "CAMPAIGNS_TABLE": "campaigns"}.items():
        monkeypatch.setenv(name, value)


def entries(count: int) -> tuple[Entry, ...]:
    book = Passbook()
    for _ in range(count):
        book.grant(100)
    return book.entries


def batch(*told: tuple[WalletId, int]) -> dict[str, Any]:
    """Records of these wallets' entries, by sequence."""
    known = entries(4)
    return {"Records": [record(wallet, known[sequence - 1], place) for place, (wallet, sequence) in enumerate(told)]}


def record(wallet: WalletId, entry: Entry, place: int, event: str = "INSERT") -> dict[str, Any]:
    image = item_of(entry_attributes(wallet, entry))
    keys = {"wallet": image["wallet"], "sequence": image["sequence"]}
    return {"eventName": event, "dynamodb": {"NewImage": image, "Keys": keys, "SequenceNumber": f"n{place}"}}


class Follows:
    """Notes what it is told, but fails for some wallets."""

    def __init__(self, fails: dict[WalletId, Exception] | None = None) -> None:
        self.fails = fails or {}
        self.told: dict[WalletId, list[int]] = {}

    def __call__(self, wallet: WalletId, entries: Sequence[Entry]) -> None:
        if wallet in self.fails:
            raise self.fails[wallet]
        self.told[wallet] = [entry.sequence for entry in entries]


def again(*places: int) -> dict[str, list[dict[str, str]]]:
    return {"batchItemFailures": [{"itemIdentifier": f"n{place}"} for place in places]}


def test_each_wallets_entries_are_told_to_everybody_in_order() -> None:
    followers = [Follows(), Follows(), Follows()]
    assert observe_batch(batch((ANNA, 1), (BEN, 1), (ANNA, 2), (CLEO, 3), (BEN, 2)), followers) == ALL_TAKEN
    for follower in followers:
        assert follower.told == {ANNA: [1, 2], BEN: [1, 2], CLEO: [3]}


def test_what_failed_is_told_again_from_the_first_record_of_its_wallet() -> None:
    follower = Follows({BEN: Busy(), CLEO: Unread("no answer")})
    assert observe_batch(batch((ANNA, 1), (BEN, 1), (ANNA, 2), (CLEO, 1), (BEN, 2)), [follower]) == again(1)
    assert follower.told == {ANNA: [1, 2]}


def test_others_follow_where_one_cannot() -> None:
    first, second = Follows({ANNA: Busy()}), Follows()
    assert observe_batch(batch((ANNA, 1)), [first, second]) == again(0)
    assert second.told == {ANNA: [1]}


def test_when_the_very_first_record_fails_the_batch_fails_so_that_it_is_halved() -> None:
    with pytest.raises(BatchBlocked, match="the first of 2 records is not_followed: Busy"):
        observe_batch(batch((ANNA, 1), (BEN, 1)), [Follows({ANNA: Busy()})])


def test_a_defect_fails_the_batch_and_others_are_followed() -> None:
    follower = Follows({BEN: ZeroDivisionError()})
    with pytest.raises(ZeroDivisionError):
        observe_batch(batch((ANNA, 1), (BEN, 1), (CLEO, 1)), [follower])
    assert follower.told == {ANNA: [1], CLEO: [1]}


def test_what_nobody_can_read_is_told_again_and_what_stands_before_it_is_followed() -> None:
    told, follower = batch((ANNA, 1), (BEN, 1), (ANNA, 2)), Follows()
    del told["Records"][1]["dynamodb"]["NewImage"]["amount"]
    assert observe_batch(told, [follower]) == again(1)
    assert follower.told == {ANNA: [1]}


def test_only_insertions_are_entries() -> None:
    told, follower = batch((ANNA, 1)), Follows()
    told["Records"].append(record(BEN, entries(1)[0], 1, event="REMOVE"))
    assert observe_batch(told, [follower]) == ALL_TAKEN
    assert follower.told == {ANNA: [1]}


def test_the_line_names_the_entry_that_is_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    followers: list[Follower] = [Follows({BEN: Busy()})]
    observe_batch(batch((ANNA, 1), (BEN, 3)), followers)
    line = capsys.readouterr().out
    assert '"Outcome":"blocked"' in line and '"customer":"ben"' in line and '"sequence":"3"' in line
    assert '"Observed":1' in line and '"ObserveFailed":1' in line
