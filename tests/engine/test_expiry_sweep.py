"""The sweep: every minute it nominates what is due, however much that is, and nothing that it loses is lost."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from chalicelib.expiry import sweep
from chalicelib.expiry.sweep import MAX_WAITING_MESSAGES
from chalicelib.ledger.policy import At
from chalicelib.store.codec import due_shard
from chalicelib.store.due import SHARDS
from chalicelib.store.signals import Unread
from tests.engine.night import Night
from tests.engine.till import new_wallet
from tests.engine.trouble import answer, error
from tests.engine.wire import Request

HOUR = 3_600_000
SECOND = 1_000


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of the index names two wallets."""
    monkeypatch.setattr(sweep, "DUE_PAGE_WALLETS", 2)


def test_an_empty_sweep_reads_the_shards_only(night: Night) -> None:
    night.wallets_due_at(night.time.at + HOUR, 3)
    with night.wire.listen() as heard:
        found = night.sweep()
    assert [request.operation for request in heard] == ["Query"] * len(SHARDS)
    assert all(request.nominates for request in heard)
    assert (found.wallets, found.lag_ms) == (0, 0)
    assert night.line.bodies == []


def test_nobody_scans(night: Night) -> None:
    night.wallets_due_at(night.time.at + HOUR, 3)
    night.time.at += HOUR
    night.sweep()
    night.work()
    assert {request.operation for request in night.wire.sent} == {
        "Query",
        "BatchGetItem",
        "GetItem",
        "TransactWriteItems",
    }


def test_what_is_due_is_nominated_to_the_millisecond(night: Night) -> None:
    now = night.time.at
    (early,) = night.wallets_due_at(now + HOUR - 1, 1)
    (just,) = night.wallets_due_at(now + HOUR, 1)
    night.wallets_due_at(now + HOUR + 1, 1)
    night.time.at += HOUR
    night.sweep()
    assert set(night.line.nominated) == {early, just}


def test_a_lapsed_hold_is_due_too(night: Night) -> None:
    wallet = new_wallet()
    night.till.issue(wallet, 1_000)
    night.till.hold(wallet, 400, ttl_seconds=600)
    night.time.at += 600 * SECOND
    night.sweep()
    night.work()
    assert night.types(wallet) == ["issued", "held", "lapsed"]


def test_wallets_go_in_groups_of_fifty_whatever_shards_they_are_in(night: Night) -> None:
    wallets = night.wallets_due_at(night.time.at + HOUR, 60)
    night.time.at += HOUR
    found = night.sweep()
    assert sorted(len(message["wallets"]) for message in night.line.told) == [10, 50]
    assert sorted(night.line.nominated, key=str) == sorted(wallets, key=str)
    assert (found.wallets, found.cursors, found.not_taken) == (60, 0, 0)
    night.work()
    assert all(night.types(wallet) == ["issued", "expired"] for wallet in wallets)
    night.sweep()
    assert night.line.bodies == []


def test_the_lag_is_that_of_the_longest_due(night: Night) -> None:
    night.wallets_due_at(night.time.at + HOUR, 2)
    night.wallets_due_at(night.time.at + 2 * HOUR, 2)
    night.time.at += 3 * HOUR
    assert night.sweep().lag_ms == 2 * HOUR


def test_a_backlog_drains_from_one_sweep_by_cursors(night: Night, short_pages: None) -> None:
    wallets = night.wallets_due_at(night.time.at + HOUR, 64)
    night.time.at += HOUR
    assert 0 < night.sweep().wallets <= 2 * len(SHARDS)
    assert {cursor["shard"] for cursor in night.line.cursors} <= set(SHARDS)
    assert night.work() > len(SHARDS)
    assert all(night.types(wallet) == ["issued", "expired"] for wallet in wallets)


def test_a_cursor_goes_on_behind_wallets_of_the_same_instant(night: Night, short_pages: None) -> None:
    """And those that were settled while it waited make it skip nobody."""
    wallets = night.wallets_due_at(night.time.at + HOUR, 64)
    night.time.at += HOUR
    night.sweep()
    groups = [body for body in night.line.bodies if "wallets" in body]
    night.line.bodies = [body for body in night.line.bodies if "shard" in body]
    assert night.settle(*groups) == []
    night.work()
    assert all(night.types(wallet) == ["issued", "expired"] for wallet in wallets)


def test_a_page_is_bounded_and_a_cursor_says_where_it_ended(night: Night, short_pages: None) -> None:
    night.wallets_due_at(night.time.at + HOUR, 60)
    night.time.at += HOUR
    with night.wire.listen() as heard:
        night.sweep()
    assert [request.body["Limit"] for request in heard] == [2] * len(SHARDS)
    cursor = night.line.cursors[0]
    assert (cursor["until"], cursor["after"][0]) == (night.time.at, night.time.at)
    body = json.dumps(cursor)
    with night.wire.listen() as heard:
        assert night.settle(body) == []
    assert [request.body["Limit"] for request in heard] == [2]


def test_a_sweep_and_a_batch_say_what_they_did_as_metrics(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    night.wallets_due_at(night.time.at + HOUR, 3)
    night.time.at += 2 * HOUR
    night.sweep_function()
    assert night.settle(*night.line.bodies, "poison") == [1]
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    swept, fault, settled = told
    assert (swept["SweepLagSeconds"], swept["Nominated"], swept["Outcome"]) == (3_600, 3, "ok")
    assert (settled["SettledWallets"], settled["LeftMessages"], settled["Outcome"]) == (3, 1, "left")
    assert (settled["Operation"], settled["Conflicts"], settled["wallets"]) == ("settle", 0, 3)
    assert fault["error"] == "Poison"
    assert ["Stage"] in swept["_aws"]["CloudWatchMetrics"][0]["Dimensions"]


def test_an_empty_sweep_says_that_there_is_no_lag(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    """Silence would be an alarm."""
    night.sweep_function()
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["SweepLagSeconds"] == 0


# What goes wrong


def test_what_the_queue_did_not_take_is_nominated_by_the_next_sweep(night: Night) -> None:
    wallets = night.wallets_due_at(night.time.at + HOUR, 60)
    night.time.at += HOUR
    night.line.takes = 1
    assert night.sweep().not_taken == 1
    assert len(night.line.nominated) == 50
    night.work()
    night.line.takes = None
    night.sweep()
    assert len(night.line.nominated) == 10
    night.work()
    assert all(night.types(wallet) == ["issued", "expired"] for wallet in wallets)


def test_a_cursor_whose_page_was_not_taken_whole_comes_again(night: Night, short_pages: None) -> None:
    wallets = night.wallets_due_at(night.time.at + HOUR, 60)
    night.time.at += HOUR
    night.sweep()
    crowded, _ = Counter(due_shard(wallet) for wallet in wallets).most_common(1)[0]  # more than one page of it
    cursor = json.dumps(next(each for each in night.line.cursors if each["shard"] == crowded))
    night.line.takes = 0
    assert night.settle(cursor) == [0]
    night.line.takes = None
    night.work()
    assert all(night.types(wallet) == ["issued", "expired"] for wallet in wallets)


@pytest.mark.parametrize("page", [1, 3, 16])
def test_a_sweep_may_die_after_any_page(night: Night, page: int) -> None:
    wallets = night.wallets_due_at(night.time.at + HOUR, 30)
    night.time.at += HOUR
    read: list[Request] = []

    def die(request: Request) -> None:
        read.append(request)
        if len(read) >= page:
            raise Killed

    night.wire.on(("Query",), die, times=None)
    with pytest.raises(Killed):
        night.sweep()
    night.wire.mend()
    night.sweep()
    night.work()
    assert all(night.types(wallet) == ["issued", "expired"] for wallet in wallets)


def test_a_worker_may_die_in_the_middle_of_its_batch(night: Night) -> None:
    """After a commit that nobody heard of, before the messages were acknowledged: they come again."""
    wallets = night.wallets_due_at(night.time.at + HOUR, 60)
    night.time.at += HOUR
    night.sweep()

    def die(request: Request) -> None:
        request.send()
        raise Killed

    night.wire.on(("TransactWriteItems",), die)
    bodies = list(night.line.bodies)
    with pytest.raises(Killed):
        night.settle(*bodies)
    assert night.settle(*bodies) == []
    assert all(night.types(wallet) == ["issued", "expired"] for wallet in wallets)


def test_a_shard_that_cannot_be_read_keeps_no_other_back_and_fails_the_function(night: Night) -> None:
    wallets = night.wallets_due_at(night.time.at + HOUR, 30)
    night.time.at += HOUR
    bad = due_shard(wallets[0])
    night.wire.on(("Query",), error(500), times=None, where=lambda request: {"S": bad} in _values(request))
    with pytest.raises(Unread):
        night.sweep_function()
    assert set(night.line.nominated) == {wallet for wallet in wallets if due_shard(wallet) != bad}
    night.wire.mend()
    night.work()
    night.sweep_function()
    night.work()
    assert all(night.types(wallet) == ["issued", "expired"] for wallet in wallets)


def _values(request: Request) -> list[object]:
    return list(request.body["ExpressionAttributeValues"].values())


def test_what_the_index_does_not_show_yet_is_found_by_the_next_sweep(night: Night) -> None:
    (wallet,) = night.wallets_due_at(night.time.at + HOUR, 1)
    night.time.at += HOUR
    night.wire.on(("Query",), lambda request: answer(request, {"Items": [], "Count": 0}), times=len(SHARDS))
    assert night.sweep().wallets == 0
    assert night.sweep().wallets == 1
    night.work()
    assert night.types(wallet) == ["issued", "expired"]


def test_two_sweeps_at_once_settle_each_wallet_once(night: Night) -> None:
    wallets = night.wallets_due_at(night.time.at + HOUR, 30)
    night.time.at += HOUR
    night.sweep()
    night.sweep()
    assert len(night.line.nominated) == 60
    night.work()
    assert all(night.types(wallet) == ["issued", "expired"] for wallet in wallets)


def test_while_the_workers_are_busy_nothing_is_nominated_and_the_lag_is_told(night: Night) -> None:
    night.wallets_due_at(night.time.at + HOUR, 5)
    night.time.at += 2 * HOUR
    night.line.busy = MAX_WAITING_MESSAGES + 1
    found = night.sweep()
    assert (found.held_back, found.wallets, found.lag_ms) == (True, 0, HOUR)
    assert night.line.bodies == []
    night.line.busy = MAX_WAITING_MESSAGES
    assert night.sweep().wallets == 5


def test_a_wallet_that_was_extended_is_not_booked_before_its_new_time(night: Night) -> None:
    (wallet,) = night.wallets_due_at(night.time.at + HOUR, 1)
    night.till.extend(wallet, "lot_1", At(night.time.at + 3 * HOUR))
    night.time.at += HOUR
    assert night.sweep().wallets == 0
    night.time.at += 2 * HOUR
    assert night.sweep().wallets == 1
    night.work()
    assert night.types(wallet) == ["issued", "extended", "expired"]
