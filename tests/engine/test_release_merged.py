"""Releases to customers who are merged meanwhile: a person gets it once, and where they are found.

MERGED_RELEASES makes more histories of random merges.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.campaigns import transitions
from chalicelib.campaigns.model import Every, Fixed, Group, Repeat, State
from chalicelib.campaigns.release import evaluating
from chalicelib.campaigns.release.operations import actor_of, source_of
from chalicelib.customers.commands import merge_into
from chalicelib.customers.store import Profiles, shard_of
from chalicelib.ledger.limits import MAX_OPEN_LOTS
from chalicelib.ledger.model import EntryType
from chalicelib.ledger.refusals import Refused
from chalicelib.runtime.clock import Deadline
from chalicelib.store.envelope import WalletId, operation_id
from chalicelib.store.packing import compact, deflate
from chalicelib.store.writes import Asked
from tests.engine.fair import CURRENCY, MINUTE, Fair, Killed, of_list
from tests.engine.test_release import fair, fate, ground
from tests.engine.till import new_key
from tests.engine.wire import COMMIT, READ, Request

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.campaigns.model import Campaign

__all__ = ["fair", "fate", "ground"]

HISTORIES = int(os.environ.get("MERGED_RELEASES", "3"))
PEOPLE = 40
READS_AND_COMMITS = ("TransactWriteItems", "BatchGetItem", "GetItem", "Query")


def merge(fair: Fair, one: str, other: str) -> None:
    asked = Asked(operation_id("tester", new_key()), f"{one}/{other}")
    merge_into(fair.engine, one, other, "tester", asked, Deadline.after(8), lambda _: "{}")


def balance(fair: Fair, customer: str) -> int:
    """Of a wallet that ties."""
    return fair.till.check(WalletId(customer, CURRENCY)).remaining


def outcomes(fair: Fair, campaign: str) -> dict[str, tuple[str, str | None]]:
    return {customer: (each.status, each.reason) for customer, each in fair.recipients(campaign).items()}


def spoil(fair: Fair, plain: DynamoDBClient, customer: str, **values: int) -> None:
    """The wallet says something that it should not."""
    plain.update_item(
        TableName=fair.engine.store.tables.wallets_name,
        Key={"pk": {"S": customer}, "sk": {"S": CURRENCY}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues={f":{name}": {"N": str(value)} for name, value in values.items()},
    )


def insist(fair: Fair, campaign: str) -> None:
    """Work until it is released."""
    for _ in range(30):
        body = fair.line.bodies.pop(0) if fair.line.bodies else None
        if body is not None and not fair.deliver(body):
            fair.line.bodies.append(body)
        if fair.stored(campaign).state is State.RELEASED:
            return
        fair.minute(3)
    raise AssertionError("the release does not end")


def in_pieces_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "PIECE_MEMBERS", 1)


# Merged between the audience and the grant


def test_who_was_merged_since_the_audience_was_made_gets_it_as_who_is_left(fair: Fair) -> None:
    anna, other = fair.named(2)
    campaign = fair.campaign(of_list([anna]))
    (body,) = fair.up_to_grants(campaign)
    merge(fair, anna, other)
    assert fair.deliver(body)
    assert (balance(fair, anna), balance(fair, other)) == (0, 500)
    assert fair.credited(campaign) == {other: 1}
    assert outcomes(fair, campaign) == {anna: ("granted", None)}
    assert fair.stored(campaign).state is State.RELEASED


def test_a_person_with_two_ids_in_the_audience_gets_it_once(fair: Fair) -> None:
    one, other, friend = fair.named(3)
    campaign = fair.campaign(of_list([one, other, friend]))
    (body,) = fair.up_to_grants(campaign)
    merge(fair, one, other)
    assert fair.deliver(body)
    assert (balance(fair, one), balance(fair, other), balance(fair, friend)) == (0, 500, 500)
    assert outcomes(fair, campaign) == {one: ("granted", None), other: ("skipped", "merged"), friend: ("granted", None)}
    progress = fair.progress(campaign)
    assert (progress.granted, progress.granted_amount, progress.skipped) == (2, 1_000, 1)
    assert fair.stored(campaign).spent == 1_000


def test_who_got_it_and_was_merged_then_has_it_and_no_other(fair: Fair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pieces: the merge comes between them."""
    in_pieces_of_one(monkeypatch)
    one, other = fair.named(2)
    campaign = fair.campaign(of_list([one, other]))
    first, second = fair.up_to_grants(campaign)
    assert fair.deliver(first)
    merge(fair, one, other)
    assert fair.deliver(second)
    assert (balance(fair, one), balance(fair, other)) == (0, 500)
    assert outcomes(fair, campaign) == {one: ("granted", None), other: ("skipped", "merged")}


def test_two_who_got_it_before_they_were_one_keep_both(fair: Fair) -> None:
    one, other = fair.named(2)
    campaign = fair.campaign(of_list([one, other]))
    (body,) = fair.up_to_grants(campaign)
    assert fair.deliver(body)
    merge(fair, one, other)
    assert fair.deliver(body)
    assert balance(fair, other) == 1_000
    assert outcomes(fair, campaign) == {one: ("granted", None), other: ("granted", None)}


def test_whoever_is_left_in_the_end_gets_it_however_often_they_are_merged(fair: Fair) -> None:
    first, second, third, last = fair.named(4)
    campaign = fair.campaign(of_list([first, third]))
    (body,) = fair.up_to_grants(campaign)
    for one, other in ((first, second), (third, second), (second, last)):
        merge(fair, one, other)
    assert fair.deliver(body)
    assert [balance(fair, each) for each in (first, second, third, last)] == [0, 0, 0, 500]
    assert outcomes(fair, campaign) == {first: ("granted", None), third: ("skipped", "merged")}


def test_what_is_refused_to_who_is_left_is_refused_for_each_id(fair: Fair, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = fair.named(2)
    campaign = fair.campaign(of_list([one, other]))
    (body,) = fair.up_to_grants(campaign)
    merge(fair, one, other)
    monkeypatch.setattr("chalicelib.ledger.granting.MAX_BALANCE", 499)
    assert fair.deliver(body)
    monkeypatch.undo()
    assert not fair.credited(campaign)
    assert set(outcomes(fair, campaign).values()) == {("skipped", "balance_limit_exceeded")}


def test_who_was_merged_long_before_costs_nobody_a_second_look(fair: Fair) -> None:
    one, other = fair.named(2)
    merge(fair, one, other)
    fair.time.at += 60 * MINUTE
    campaign = fair.campaign(of_list([other]))
    (body,) = fair.up_to_grants(campaign)
    with fair.wire.listen() as heard:
        assert fair.deliver(body)
    assert not [request for request in heard if request.operation == "Query"]
    assert fair.credited(campaign) == {other: 1}


def test_who_is_named_by_an_id_that_was_merged_long_ago_gets_it_as_who_is_left(fair: Fair) -> None:
    one, other, third = fair.named(3)
    merge(fair, one, other)
    merge(fair, third, other)
    fair.time.at += 60 * MINUTE
    campaign = fair.campaign(of_list([one, third]))
    assert fair.release(campaign).state is State.RELEASED
    assert fair.credited(campaign) == {other: 1}
    assert outcomes(fair, campaign) == {one: ("granted", None), third: ("skipped", "merged")}


def test_who_is_named_by_an_id_that_is_gone_is_in_the_group_that_who_is_left_is_in(fair: Fair) -> None:
    """What a tree asks of the wallet is asked of the wallet in which the credit is."""
    one, other = fair.people(2)
    fair.till.issue(WalletId(other, CURRENCY), 300)
    merge(fair, one, other)
    poor = {"all": [fair.where, {"field": "wallet.available", "op": "=", "value": 0}]}
    campaign = fair.campaign(Group(Fixed(2_000), where=poor), of_list([one]))
    fair.release(campaign)
    assert balance(fair, other) == 800


def test_any_number_of_ids_that_are_gone_are_looked_up_level_by_level(fair: Fair) -> None:
    *gone, middle, stands = fair.named(22)
    for customer in gone:
        merge(fair, customer, middle)
    merge(fair, middle, stands)
    with fair.wire.listen() as heard:
        known = Profiles(fair.engine.store).people(gone)
    assert {each.stands for each in known.values()} == {stands}
    assert known.keys() == set(gone)
    assert len(heard) == 3


# Merged while it is granted


def test_what_lands_with_somebody_who_is_merged_at_that_moment_goes_on_to_who_is_left(fair: Fair) -> None:
    anna, other = fair.named(2)
    campaign = fair.campaign(of_list([anna]))
    (body,) = fair.up_to_grants(campaign)
    fair.wire.on(COMMIT, lambda _: merge(fair, anna, other), where=_credits)
    assert fair.deliver(body)
    assert fair.credited(campaign) == {anna: 1}, "the worker had not heard of it"
    assert (balance(fair, anna), balance(fair, other)) == (0, 500)
    assert outcomes(fair, campaign) == {anna: ("granted", None)}


def test_a_merge_looks_again_for_what_landed_while_it_was_written(fair: Fair) -> None:
    anna, other = fair.named(2)
    campaign = fair.campaign(of_list([anna]))
    (body,) = fair.up_to_grants(campaign)
    fair.wire.on(COMMIT, lambda _: _done(fair.deliver(body)))
    merge(fair, anna, other)
    assert fair.credited(campaign) == {anna: 1}
    assert (balance(fair, anna), balance(fair, other)) == (0, 500)


def test_a_worker_that_wakes_up_after_the_other_id_got_it_grants_nothing(fair: Fair) -> None:
    """It had read that both are alone; another has settled the first since."""
    one, other = fair.named(2)
    campaign = fair.campaign(of_list([one, other]))
    (body,) = fair.up_to_grants(campaign)

    def meanwhile(_: Request) -> None:
        merge(fair, one, other)
        assert fair.deliver(body)

    fair.wire.on(COMMIT, meanwhile, where=_credits)
    fair.deliver(body)
    assert (balance(fair, one), balance(fair, other)) == (0, 500)
    assert Counter(outcomes(fair, campaign).values()) == {("granted", None): 1, ("skipped", "merged"): 1}
    assert fair.progress(campaign).granted == 1


def test_a_worker_that_knows_of_one_merge_and_not_of_the_next_grants_no_second(fair: Fair) -> None:
    first, second, last = fair.named(3)
    campaign = fair.campaign(of_list([first]))
    (body,) = fair.up_to_grants(campaign)
    merge(fair, first, second)

    def meanwhile(_: Request) -> None:
        merge(fair, second, last)
        assert fair.deliver(body)

    fair.wire.on(COMMIT, meanwhile, where=_credits)
    fair.deliver(body)
    assert [balance(fair, each) for each in (first, second, last)] == [0, 0, 500]
    assert outcomes(fair, campaign) == {first: ("granted", None)}


# What cannot be touched


def test_who_was_refused_it_is_not_granted_it_by_a_worker_that_comes_later(
    fair: Fair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other worker has noted that the wallet was full; then it is emptied, and merged."""
    in_pieces_of_one(monkeypatch)
    anna, other, friend = fair.named(3)
    wallet = WalletId(anna, CURRENCY)
    for _ in range(MAX_OPEN_LOTS):
        fair.till.issue(wallet, 1)
    campaign = fair.campaign(of_list([anna, friend]), budget=1_000)
    body, rest = fair.up_to_grants(campaign)

    def meanwhile(_: Request) -> None:
        assert fair.deliver(body)
        fair.till.debit(wallet, MAX_OPEN_LOTS)
        merge(fair, anna, other)

    fair.wire.on(READ, meanwhile, where=lambda request: (shard_of(anna), anna) in request.keys)
    fair.deliver(body)
    assert fair.deliver(rest)
    assert fair.credited(campaign) == {friend: 1}
    assert outcomes(fair, campaign)[anna] == ("skipped", "lot_limit_exceeded")
    assert fair.progress(campaign).granted_amount == 500


@pytest.mark.parametrize("wrong", [{"schema": 99}, {"debt": -5}])
def test_credit_that_cannot_be_passed_on_stays_and_is_told_as_granted(
    fair: Fair, plain: DynamoDBClient, wrong: dict[str, int]
) -> None:
    anna, other, friend = fair.named(3)
    fair.till.issue(WalletId(other, CURRENCY), 100)
    spoil(fair, plain, other, **wrong)
    campaign = fair.campaign(of_list([anna, friend]))
    fair.line.bodies = fair.up_to_grants(campaign)
    fair.wire.on(COMMIT, lambda _: merge(fair, anna, other), where=_credits)
    insist(fair, campaign)
    assert fair.progress(campaign).granted_amount == fair.amounts(campaign) == 1_000
    assert balance(fair, anna) == 500
    assert set(outcomes(fair, campaign).values()) == {("granted", None)}


def test_a_wallet_that_is_gone_need_not_be_readable(fair: Fair, plain: DynamoDBClient) -> None:
    anna, other = fair.named(2)
    campaign = fair.campaign(of_list([anna]))
    fair.line.bodies = fair.up_to_grants(campaign)
    fair.till.issue(WalletId(anna, CURRENCY), 100)
    merge(fair, anna, other)
    spoil(fair, plain, anna, schema=99)
    insist(fair, campaign)
    assert balance(fair, other) == 600
    fair.change(campaign, transitions.cancel)
    fair.minute()
    fair.work()
    assert balance(fair, other) == 100, "what was granted is found without it"


def test_a_profile_of_a_later_version_of_this_code_holds_up_nobody(fair: Fair, plain: DynamoDBClient) -> None:
    customers = fair.people(3)
    campaign = fair.campaign()
    fair.line.bodies = fair.up_to_grants(campaign)
    store, (customer, *_) = fair.engine.store, customers
    later = deflate(compact({"s": 99, "p": "said otherwise"}))
    plain.update_item(
        TableName=store.tables.customers_name,
        Key={"pk": {"S": shard_of(customer)}, "sk": {"S": customer}},
        UpdateExpression="SET body = :body",
        ExpressionAttributeValues={":body": {"B": later}},
    )
    insist(fair, campaign)
    assert fair.credited(campaign) == dict.fromkeys(customers, 1)


def test_a_person_of_more_ids_than_can_be_asked_about_fails_and_gets_no_second(
    fair: Fair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.campaigns.release.joined.MAX_IDS_ASKED", 3)
    in_pieces_of_one(monkeypatch)
    *gone, stands = fair.named(5)
    campaign = fair.campaign(of_list([gone[-1], stands]))
    first, second = fair.up_to_grants(campaign)
    assert fair.deliver(first)
    for customer in gone:
        merge(fair, customer, stands)
    fair.line.bodies = [second]
    insist(fair, campaign)
    assert balance(fair, stands) == 500
    assert outcomes(fair, campaign)[stands] == ("failed", "too_many_ids")


def test_a_look_of_the_minute_job_keeps_nobody_waiting(fair: Fair) -> None:
    one, other, third, last = fair.named(4)
    campaign = fair.campaign(of_list([one, third]))
    (body,) = fair.up_to_grants(campaign)
    merge(fair, one, other)
    merge(fair, third, last)

    def look(_: Request) -> None:
        fair.change(campaign, transitions.looked_at)

    fair.wire.on(("Query",), look)
    assert fair.deliver(body)
    assert fair.credited(campaign) == {other: 1, last: 1}


# Taken back


def test_a_cancellation_finds_credit_where_a_merge_has_moved_it(fair: Fair) -> None:
    one, other, friend = fair.named(3)
    campaign = fair.campaign(of_list([one, other, friend]))
    (body,) = fair.up_to_grants(campaign)
    assert fair.deliver(body)
    merge(fair, one, other)
    fair.change(campaign, transitions.cancel)
    fair.minute()
    fair.work()
    assert fair.stored(campaign).revoking is None
    assert [balance(fair, each) for each in (one, other, friend)] == [0, 0, 0]
    progress = fair.progress(campaign)
    assert (progress.granted, progress.revoked, progress.revoked_amount) == (3, 3, 1_500)


def test_a_cancellation_takes_back_what_was_granted_for_an_id_that_is_gone(fair: Fair) -> None:
    one, other, last = fair.named(3)
    campaign = fair.campaign(of_list([one]))
    (body,) = fair.up_to_grants(campaign)
    merge(fair, one, other)
    assert fair.deliver(body)
    merge(fair, other, last)
    fair.change(campaign, transitions.cancel)
    fair.minute()
    fair.work()
    assert [balance(fair, each) for each in (one, other, last)] == [0, 0, 0]
    progress = fair.progress(campaign)
    assert (progress.granted, progress.revoked, progress.revoked_amount) == (1, 1, 500)


def test_a_merge_during_the_cancellation_hides_nothing_from_it(fair: Fair) -> None:
    anna, other = fair.named(2)
    campaign = fair.campaign(of_list([anna]))
    (body,) = fair.up_to_grants(campaign)
    assert fair.deliver(body)
    fair.change(campaign, transitions.cancel)
    fair.minute()
    fair.wire.on(COMMIT, lambda _: merge(fair, anna, other), where=_takes_back)
    fair.work()
    assert (balance(fair, anna), balance(fair, other)) == (0, 0)
    assert fair.progress(campaign).revoked_amount == 500


def test_a_grant_that_is_on_its_way_to_who_is_left_comes_too_late_for_a_cancelled_campaign(fair: Fair) -> None:
    anna, other = fair.named(2)
    campaign = fair.campaign(of_list([anna]))
    (body,) = fair.up_to_grants(campaign)
    merge(fair, anna, other)

    def meanwhile(_: Request) -> None:
        fair.change(campaign, transitions.cancel)
        fair.minute()
        fair.work()
        assert fair.stored(campaign).revoking is None

    fair.wire.on(COMMIT, meanwhile, where=_credits)
    fair.deliver(body)
    assert not fair.credited(campaign)
    assert fair.progress(campaign).granted == 0


def test_what_an_earlier_run_gave_stays_when_the_next_is_cancelled(fair: Fair) -> None:
    day = 24 * 60 * MINUTE
    one, other = fair.named(2)
    campaign = fair.campaign(of_list([one, other]), repeat=Repeat(Every(days=7)))
    fair.release(campaign)
    merge(fair, one, other)
    fair.time.at += 7 * day
    fair.change(campaign, lambda found, now: _due(found, now))
    fair.release(campaign)
    assert balance(fair, other) == 1_500, "one in the second run"
    fair.change(campaign, transitions.cancel)
    fair.minute()
    fair.work()
    assert balance(fair, other) == 1_000


@pytest.mark.parametrize("taken_before", [200, 300])
def test_a_cancellation_takes_all_back_where_some_was_taken_before_the_merge(fair: Fair, taken_before: int) -> None:
    one, other = fair.named(2)
    campaign = fair.campaign(of_list([one], 300), of_list([other], 350))
    for body in fair.up_to_grants(campaign):
        assert fair.deliver(body)
    wallet = WalletId(one, CURRENCY)
    fair.till.revoke(wallet, fair.till.stored(wallet).lots[0].id, taken_before)
    merge(fair, one, other)
    fair.till.issue(WalletId(other, CURRENCY), 70)
    fair.change(campaign, transitions.cancel)
    fair.minute()
    fair.work()
    assert (balance(fair, one), balance(fair, other)) == (0, 70)
    assert fair.progress(campaign).revoked_amount == 650 - taken_before


def test_a_cancellation_takes_back_from_any_number_of_lots_at_once(fair: Fair) -> None:
    """One entry: a transaction has no room for one of each lot."""
    *small, great = fair.named(60)
    groups = [of_list(small, 100), of_list([great], 6_000)]
    campaign = fair.campaign(*groups)
    for body in fair.up_to_grants(campaign):
        assert fair.deliver(body)
    stands = f"{great}-stands"
    wallet = WalletId(great, CURRENCY)
    fair.till.revoke(wallet, fair.till.stored(wallet).lots[0].id, 10)
    for customer in (great, *small):
        merge(fair, customer, stands)
    fair.change(campaign, transitions.cancel)
    fair.minute()
    fair.work()
    assert balance(fair, stands) == 0
    assert fair.progress(campaign).revoked_amount == 59 * 100 + 5_990


def test_a_cancellation_tries_again_what_cannot_be_touched_at_the_moment(fair: Fair, plain: DynamoDBClient) -> None:
    anna, friend = fair.named(2)
    campaign = fair.campaign(of_list([anna, friend]))
    fair.release(campaign)
    fair.change(campaign, transitions.cancel)
    spoil(fair, plain, anna, schema=99)
    fair.minute()
    body = fair.line.bodies.pop()
    assert not fair.deliver(body)
    spoil(fair, plain, anna, schema=1)
    assert fair.deliver(body)
    assert (balance(fair, anna), balance(fair, friend)) == (0, 0)
    assert (fair.stored(campaign).revoking, fair.progress(campaign).revoked_amount) == (None, 1_000)


def test_a_cancellation_takes_back_from_a_person_of_more_ids_than_can_be_asked_about(
    fair: Fair, monkeypatch: pytest.MonkeyPatch
) -> None:
    *gone, stands = fair.named(5)
    campaign = fair.campaign(of_list([stands]))
    fair.release(campaign)
    for customer in gone:
        merge(fair, customer, stands)
    monkeypatch.setattr("chalicelib.campaigns.release.joined.MAX_IDS_ASKED", 3)
    fair.change(campaign, transitions.cancel)
    fair.minute()
    fair.work()
    assert balance(fair, stands) == 0
    assert (fair.progress(campaign).granted, fair.progress(campaign).revoked_amount) == (1, 500)


def test_a_cancellation_comes_through_many_who_became_one(fair: Fair) -> None:
    """Each try comes further than the last, though each has little time."""
    *gone, stands = fair.named(40)
    campaign = fair.campaign(of_list(gone))
    (body,) = fair.up_to_grants(campaign)
    assert fair.deliver(body)
    for customer in gone:
        merge(fair, customer, stands)
    fair.change(campaign, transitions.cancel)
    fair.minute()
    with fair.wire.listen() as heard:
        for _ in range(4):
            fair.deliver(fair.line.bodies.pop(0), seconds=24.0)
            if fair.stored(campaign).revoking is None:
                break
    assert fair.stored(campaign).revoking is None
    assert (balance(fair, stands), fair.progress(campaign).revoked_amount) == (0, 39 * 500)
    assert len([request for request in heard if request.operation == "Query"]) < 100


# Again and again


def test_what_another_id_received_counts_for_who_is_left(fair: Fair) -> None:
    day = 24 * 60 * MINUTE
    one, other = fair.named(2)
    campaign = fair.campaign(of_list([one]), repeat=Repeat(Every(days=7), lifetime_cap=1))
    fair.release(campaign)
    merge(fair, one, other)
    fair.time.at += 7 * day
    fair.change(campaign, lambda found, now: _due(found, now, of_list([other])))
    fair.release(campaign)
    assert balance(fair, other) == 500
    assert outcomes(fair, campaign) == {other: ("skipped", "not_entitled")}


def test_who_had_it_by_another_id_takes_nobodys_place_in_the_next_run(fair: Fair) -> None:
    one, other, friend = fair.named(3)
    campaign = fair.campaign(of_list([one]), repeat=Repeat(Every(days=1), on_entry=True), budget=1_000)
    fair.release(campaign)
    merge(fair, one, other)
    fair.change(campaign, lambda found, now: _due(found, now, of_list([other, friend])))
    fair.release(campaign)
    assert outcomes(fair, campaign) == {friend: ("granted", None)}
    assert (balance(fair, other), balance(fair, friend)) == (500, 500)


# Whenever


@pytest.mark.parametrize("history", range(HISTORIES))
def test_merges_between_the_steps_of_workers_that_die_give_nobody_a_second_one(
    fair: Fair, fate: random.Random, monkeypatch: pytest.MonkeyPatch, history: int
) -> None:
    """No worker is under way when two are merged: so a person gets what they had got until then, or one."""
    monkeypatch.setattr(evaluating, "PIECE_MEMBERS", 7)
    town = Town(fair, fate)
    campaign = fair.campaign(of_list(town.everybody))
    bodies = fair.up_to_grants(campaign)
    fair.line.bodies = bodies
    for _ in range(600):
        if fair.stored(campaign).state is State.RELEASED:
            break
        if fate.random() < 0.4:
            town.merge_two(campaign)
        town.step(partial(fair.mortal, fate.randrange(1, 25), fate) if fate.random() < 0.5 else None)
    assert fair.stored(campaign).state is State.RELEASED
    town.check(campaign)
    granted = town.granted_to(campaign)
    assert {person: count for person, count in granted.items() if count != 1} == {
        person: count for person, count in town.had.items() if count > 1
    }


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("history", range(HISTORIES))
def test_merges_at_any_moment_lose_nothing_and_leave_nobody_out(
    fair: Fair, fate: random.Random, monkeypatch: pytest.MonkeyPatch, history: int, cancelled: bool
) -> None:
    monkeypatch.setattr(evaluating, "PIECE_MEMBERS", 7)
    town = Town(fair, fate)
    campaign = fair.campaign(of_list(town.everybody))
    fair.line.bodies = fair.up_to_grants(campaign)
    cancel_at = fate.randrange(1, 12) if cancelled else None
    for step in range(600):
        found = fair.stored(campaign)
        if found.state is State.RELEASED or (found.state is State.CANCELLED and found.revoking is None):
            break
        if step == cancel_at:
            fair.change(campaign, transitions.cancel)
        town.step(partial(town.merges_at, fate.randrange(1, 25), campaign))
    found = fair.stored(campaign)
    town.check(campaign)
    if found.state is State.CANCELLED:
        assert found.revoking is None
        assert all(balance(fair, customer) == 0 for customer in town.everybody)
        taken = sum(
            -entry.amount
            for customer in town.everybody
            for entry in fair.entries(customer)
            if entry.type is EntryType.REVOKED and entry.actor == actor_of(campaign)
        )
        assert fair.progress(campaign).revoked_amount == taken == fair.amounts(campaign)
    else:
        assert found.state is State.RELEASED
        assert town.granted_to(campaign).keys() == set(map(town.person, town.everybody)), "nobody is left out"


class Town:
    """Customers, who they are, and what becomes of them."""

    def __init__(self, fair: Fair, dice: random.Random) -> None:
        self.fair = fair
        self.dice = dice
        self.everybody = fair.named(PEOPLE)
        self.into: dict[str, str] = {}
        self.had: Counter[str] = Counter()
        """How often each person had been credited when two of their ids were merged last."""

    def person(self, customer: str) -> str:
        while customer in self.into:
            customer = self.into[customer]
        return customer

    def granted_to(self, campaign: str) -> Counter[str]:
        told: Counter[str] = Counter()
        for customer, times in self.fair.credited(campaign).items():
            told[self.person(customer)] += times
        return told

    def merge_two(self, campaign: str) -> None:
        one, other = self.dice.sample([each for each in self.everybody if each not in self.into], 2)
        granted = self.granted_to(campaign)
        with suppress(Refused):
            merge(self.fair, one, other)
            self.into[one] = other
            self.had[other] = granted[one] + granted[other]
            del self.had[one]

    def merges_at(self, requests: int, campaign: str) -> None:
        """Two are merged before that request of a worker, or after it."""
        left, after = [requests], self.dice.random() < 0.5

        def come(request: Request) -> None:
            left[0] -= 1
            if left[0] == 0:
                if after:
                    request.send()
                self.merge_two(campaign)
                if after and self.dice.random() < 0.3:
                    raise Killed

        self.fair.wire.on(READS_AND_COMMITS, come, times=None)

    def step(self, trouble: Callable[[], None] | None) -> None:
        """One message, or a look of the minute job."""
        body = None
        bodies = self.fair.line.bodies
        try:
            if trouble is not None:
                trouble()
            if bodies and self.dice.random() < 0.95:
                body = bodies.pop(self.dice.randrange(len(bodies)))
                if not self.fair.deliver(body):
                    bodies.append(body)
            else:
                self.fair.minute(3 if not bodies else 1)
        except Killed:
            if body is not None:
                bodies.append(body)
        finally:
            self.fair.wire.mend()

    def check(self, campaign: str) -> None:
        """Everything ties, nothing is left in the wallets of who is gone, and what is told is what there is."""
        fair = self.fair
        left = {customer: balance(fair, customer) for customer in self.everybody}
        assert not [customer for customer in self.into if left[customer]]
        grants = fair.credited(campaign)
        assert set(grants.values()) <= {1}
        told = fair.recipients(campaign)
        assert told.keys() == set(self.everybody)
        statuses = Counter(each.status for each in told.values())
        assert statuses["granted"] + statuses["revoked"] == grants.total()
        progress = fair.progress(campaign)
        assert (progress.granted, progress.granted_amount) == (grants.total(), 500 * grants.total())
        assert progress.failed == 0
        lots = [
            lot
            for customer in self.everybody
            for lot in fair.till.stored(WalletId(customer, CURRENCY)).lots
            if lot.source == source_of(campaign)
        ]
        assert sum(lot.remaining for lot in lots) == sum(left.values())


def _due(campaign: Campaign, now: int, *groups: Any) -> Campaign:
    return replace(campaign, due_at=now, release_at=now + 10 * MINUTE, groups=groups or campaign.groups)


def _credits(request: Request) -> bool:
    """Whether a transaction credits wallets: it does not only note something."""
    return any("sequence" in action["Item"] for verb, action in request.actions if verb == "Put")


def _takes_back(request: Request) -> bool:
    return any(action["Item"].get("type") == {"S": "revoked"} for verb, action in request.actions if verb == "Put")


def _done(finished: bool) -> None:
    assert finished
