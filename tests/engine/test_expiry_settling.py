"""Settling many wallets at once: what is due is booked once, whatever happens to the wallets beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from chalicelib.expiry import messages
from chalicelib.ledger.policy import At
from chalicelib.ledger.refusals import InsufficientCredit
from chalicelib.store.envelope import WalletId
from chalicelib.store.settlement import GROUP_WALLETS
from tests.engine.crowd import at_once, outcomes
from tests.engine.night import Night, group
from tests.engine.till import new_wallet
from tests.engine.trouble import answer, cancelled, lost_answer, lost_request
from tests.engine.weather import DEFECTS_INSIDE, DONE_UNHEARD, NOT_DONE_KNOWN, NOT_DONE_UNKNOWN, READ_FAULTS, faults
from tests.engine.wire import COMMIT, READ, Fault, Request

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HOUR = 3_600_000
DAY = 24 * HOUR
THE_GROUP = 4
"""Items of the transaction that settles two wallets together."""


def two_due(night: Night) -> tuple[WalletId, WalletId]:
    """Two wallets that have just expired."""
    wallets = night.wallets_due_at(night.time.at + HOUR, 2)
    night.time.at += HOUR
    return wallets[0], wallets[1]


def test_fifty_wallets_take_one_read_and_one_write(night: Night) -> None:
    wallets = night.wallets_due_at(night.time.at + HOUR, GROUP_WALLETS)
    night.time.at += HOUR
    with night.wire.listen() as heard:
        assert night.settle(group(*wallets)) == []
    assert [request.operation for request in heard] == ["BatchGetItem", "TransactWriteItems"]
    assert len(heard[1].actions) == 2 * GROUP_WALLETS
    assert all(night.types(wallet) == ["issued", "expired"] for wallet in wallets)


def test_a_settlement_leaves_no_operation_behind(night: Night) -> None:
    wallets = two_due(night)
    with night.wire.listen() as heard:
        night.settle(group(*wallets))
    assert [verb for verb, _ in heard[1].actions] == ["Put"] * THE_GROUP
    assert not any(item["Item"].get("sk") == {"S": "operation"} for _, item in heard[1].actions)


def test_what_is_booked_says_when_it_was_and_that_the_system_did_it(night: Night) -> None:
    (wallet, _) = two_due(night)
    night.settle(group(wallet))
    _, expired = night.till.entries(wallet)
    assert (expired.amount, expired.actor, expired.reason, expired.at) == (-1_000, "system", "expired", night.time.at)


def test_wallets_that_are_not_due_cost_a_read_and_nothing_else(night: Night) -> None:
    """The index may be behind: it may name a wallet that was settled, changed, or never there."""
    wallets = [*night.wallets_due_at(night.time.at + HOUR, 2), new_wallet()]
    with night.wire.listen() as heard:
        assert night.settle(group(*wallets)) == []
    assert [request.operation for request in heard] == ["BatchGetItem"]


def test_a_wallet_is_settled_once_however_often_it_is_nominated(night: Night) -> None:
    wallets = two_due(night)
    bodies = [group(*wallets), group(*reversed(wallets)), group(wallets[0])]
    assert night.settle(*bodies) == []
    assert night.settle(*bodies) == []
    assert [night.types(wallet) for wallet in wallets] == [["issued", "expired"]] * 2


def test_the_same_message_to_eight_workers_at_once_settles_each_wallet_once(night: Night) -> None:
    wallets = night.wallets_due_at(night.time.at + HOUR, 10)
    night.time.at += HOUR
    assert at_once([lambda: night.settle(group(*wallets))] * 8) == [[]] * 8
    assert [night.types(wallet) for wallet in wallets] == [["issued", "expired"]] * 10


def test_redemptions_and_settlers_at_once_leave_nothing_spent_that_had_expired(night: Night) -> None:
    """Half of each wallet has expired, half may still be spent: by one of four, whoever comes first."""
    wallets = [new_wallet() for _ in range(5)]
    for wallet in wallets:
        night.till.issue(wallet, 1_000, expires=At(night.time.at + HOUR))
        night.till.issue(wallet, 1_000, expires=At(night.time.at + DAY))
    night.time.at += HOUR
    settlers = [lambda: night.settle(group(*wallets))] * 3
    shoppers = [lambda wallet=wallet: night.till.redeem(wallet, 1_000) for wallet in wallets for _ in range(4)]
    told = at_once([*settlers, *shoppers])
    assert told[:3] == [[]] * 3
    assert outcomes(told[3:]) == {"done": 5, "InsufficientCredit": 15}
    for wallet in wallets:
        assert night.types(wallet) == ["issued", "issued", "expired", "redeemed"]


def test_lapsed_holds_and_expired_lots_of_many_wallets_need_as_many_transactions_as_they_fit_into(night: Night) -> None:
    """Fifty wallets of three entries each: 200 items."""
    wallets = [new_wallet() for _ in range(GROUP_WALLETS)]
    for wallet in wallets:
        night.till.fill(wallet, 1_000, expires=At(night.time.at + HOUR))
        night.till.hold(wallet, 100, "order-1", ttl_seconds=600)
        night.till.hold(wallet, 100, "order-2", ttl_seconds=600)
    night.time.at += HOUR
    with night.wire.listen() as heard:
        assert night.settle(group(*wallets)) == []
    assert [request.operation for request in heard] == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems"]
    assert [len(request.actions) for request in heard[1:]] == [100, 100]
    assert all(night.types(wallet)[3:] == ["lapsed", "lapsed", "expired"] for wallet in wallets)


def test_keys_that_were_left_unprocessed_are_read_again(night: Night) -> None:
    wallets = two_due(night)

    def half(request: Request) -> object:
        ((table, wanted),) = request.body["RequestItems"].items()
        return answer(request, {"Responses": {table: []}, "UnprocessedKeys": {table: wanted}})

    night.wire.on(("BatchGetItem",), half)  # type: ignore[arg-type]  # an answer is what a fault may give
    assert night.settle(group(*wallets)) == []
    assert [night.types(wallet) for wallet in wallets] == [["issued", "expired"]] * 2


# One of them fails


def test_a_wallet_that_moved_in_between_holds_nobody_up(night: Night) -> None:
    moved, other = two_due(night)

    def meanwhile(_: Request) -> None:
        night.till.issue(moved, 500)

    night.wire.on(COMMIT, meanwhile, where=lambda request: len(request.actions) == THE_GROUP)
    assert night.settle(group(moved, other)) == []
    assert night.types(moved) == ["issued", "expired", "issued"]
    assert night.types(other) == ["issued", "expired"]


@faults(DONE_UNHEARD | NOT_DONE_UNKNOWN | NOT_DONE_KNOWN)
def test_whatever_becomes_of_the_transaction_each_wallet_is_settled_once(
    night: Night, fault: Callable[[], Fault]
) -> None:
    wallets = two_due(night)
    night.wire.on(COMMIT, fault(), times=1)
    assert night.settle(group(*wallets)) == []
    assert [night.types(wallet) for wallet in wallets] == [["issued", "expired"]] * 2


@faults(DONE_UNHEARD | NOT_DONE_UNKNOWN)
def test_the_answers_of_the_single_transactions_may_be_lost_too(night: Night, fault: Callable[[], Fault]) -> None:
    wallets = two_due(night)
    night.wire.on(COMMIT, cancelled("TransactionConflict"), where=lambda request: len(request.actions) == THE_GROUP)
    night.wire.on(COMMIT, fault(), times=3)
    assert night.settle(group(*wallets)) == []
    assert [night.types(wallet) for wallet in wallets] == [["issued", "expired"]] * 2


@faults(READ_FAULTS)
def test_a_group_that_cannot_be_read_is_settled_one_by_one(night: Night, fault: Callable[[], Fault]) -> None:
    wallets = two_due(night)
    night.wire.on(("BatchGetItem",), fault(), times=None)
    assert night.settle(group(*wallets)) == []
    assert [night.types(wallet) for wallet in wallets] == [["issued", "expired"]] * 2


@pytest.mark.parametrize("fault", [lost_answer, lost_request], ids=["answer lost", "request lost"])
def test_what_may_still_land_does_nothing_when_it_does(night: Night, fault: Callable[[], Fault]) -> None:
    """Nothing is heard any more: the message comes again, and what was done is not done twice."""
    wallets = two_due(night)
    night.wire.on(COMMIT, fault(), times=None)
    night.settle(group(*wallets))
    night.wire.mend()
    assert night.settle(group(*wallets)) == []
    assert [night.types(wallet) for wallet in wallets] == [["issued", "expired"]] * 2


@faults(DEFECTS_INSIDE)
def test_a_defect_is_told_and_its_message_comes_again(
    night: Night, fault: Callable[[], Fault], capsys: pytest.CaptureFixture[str]
) -> None:
    wallets = two_due(night)
    night.wire.on(COMMIT, fault(), times=None)
    assert night.settle(group(*wallets)) == [0]
    assert "TransactWriteError" in capsys.readouterr().out


def test_a_wallet_that_cannot_be_read_is_left_and_its_neighbours_are_settled(
    night: Night, plain: DynamoDBClient
) -> None:
    newer, other = two_due(night)
    plain.update_item(
        TableName=night.engine.store.tables.wallets_name,
        Key={"pk": {"S": newer.customer}, "sk": {"S": newer.currency}},
        UpdateExpression="SET #schema = :newer",
        ExpressionAttributeNames={"#schema": "schema"},
        ExpressionAttributeValues={":newer": {"N": "99"}},
    )
    assert night.settle(group(newer, other)) == [0]
    assert night.types(other) == ["issued", "expired"]


# Messages


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "null",
        "[]",
        "1e999",
        "[" * 100_000,
        "{}",
        '{"wallets": []}',
        '{"wallets": [["a", "EUR"]], "more": 1}',
        '{"wallets": [["a"]]}',
        '{"wallets": [["#clock", "clock"]]}',
        '{"wallets": [["a", "eur"]]}',
        '{"wallets": [["a", 1]]}',
        '{"wallets": [{"customer": "a"}]}',
        group(*[WalletId(f"c-{number}", "EUR") for number in range(GROUP_WALLETS + 1)]),
        '{"shard": "16", "until": 1, "after": [1, "a", "EUR"]}',
        '{"shard": 1, "until": 1, "after": [1, "a", "EUR"]}',
        '{"shard": ["01"], "until": 1, "after": [1, "a", "EUR"]}',
        '{"shard": "01", "until": true, "after": [1, "a", "EUR"]}',
        '{"shard": "01", "until": 1.5, "after": [1, "a", "EUR"]}',
        '{"shard": "01", "until": NaN, "after": [1, "a", "EUR"]}',
        f'{{"shard": "01", "until": {10**40}, "after": [1, "a", "EUR"]}}',
        '{"shard": "01", "until": 1, "after": null}',
        '{"shard": "01", "until": 1, "after": [-1, "a", "EUR"]}',
    ],
    ids=range(24),
)
def test_a_poison_message_is_reported_and_blocks_nobody(night: Night, body: str) -> None:
    with pytest.raises(messages.Poison):
        messages.read(body)
    wallets = two_due(night)
    assert night.settle(group(wallets[0]), body, group(wallets[1])) == [1]
    assert [night.types(wallet) for wallet in wallets] == [["issued", "expired"]] * 2


def test_with_too_little_time_left_nothing_is_begun_and_all_is_reported(night: Night) -> None:
    wallets = two_due(night)
    with night.wire.listen() as heard:
        assert night.settle(group(wallets[0]), group(wallets[1]), seconds=4.0) == [0, 1]
    assert heard == []


def test_when_time_runs_out_what_is_done_is_done_and_the_rest_is_reported(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallets = two_due(night)
    reading = [1_000.0]
    monkeypatch.setattr("chalicelib.runtime.clock.stopwatch", lambda: reading[0])

    def slow(_: Request) -> None:
        reading[0] += 26.0

    night.wire.on(COMMIT, slow)
    assert night.settle(group(wallets[0]), group(wallets[1])) == [1]
    assert night.types(wallets[0]) == ["issued", "expired"]
    assert night.types(wallets[1]) == ["issued"]


# Late


def test_being_three_days_late_changes_no_balance_and_no_refusal(night: Night) -> None:
    """Two customers of the same life; one is settled on time, the other when the sweeper is back."""
    prompt, late = (new_wallet() for _ in range(2))
    for wallet in (prompt, late):
        night.till.issue(wallet, 1_000, expires=At(night.time.at + HOUR))
        night.till.issue(wallet, 300, expires=At(night.time.at + 30 * DAY))
        night.till.hold(wallet, 400, "order-1", ttl_seconds=1_800)
    night.time.at += HOUR
    night.settle(group(prompt))
    night.time.at += 3 * DAY
    for wallet in (prompt, late):
        with pytest.raises(InsufficientCredit) as refused:
            night.till.redeem(wallet, 301)
        assert refused.value.facts["available"] == 300
        night.till.redeem(wallet, 250)
    night.settle(group(prompt, late))
    assert night.till.stored(prompt).remaining == night.till.stored(late).remaining == 50
    assert sorted(night.types(prompt)) == sorted(night.types(late))


def test_a_batch_that_can_be_read_by_nobody_comes_again_whole(night: Night) -> None:
    wallets = two_due(night)
    night.wire.on(READ, lost_request(), times=None)
    assert night.settle(group(wallets[0]), group(wallets[1])) == [0, 1]
    night.wire.mend()
    assert night.settle(group(wallets[0]), group(wallets[1])) == []
