"""Releases: whatever dies, comes twice or gets lost, each customer is credited once, nobody is left out, and the budget
is never passed.

RELEASE_PEOPLE and RELEASE_KILLS make the release among killers larger: 5000 and 200, say.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from chalicelib.campaigns import transitions
from chalicelib.campaigns.model import Basis, Campaign, Every, Fixed, Group, Repeat, Share, State
from chalicelib.campaigns.refusals import WrongRun
from chalicelib.campaigns.release import evaluating
from chalicelib.campaigns.release.operations import mark_of
from chalicelib.campaigns.release.pieces import PIECE_MEMBERS
from chalicelib.campaigns.release.run import Run
from chalicelib.customers.activity import Lifetime
from chalicelib.customers.store import Profiles
from chalicelib.edge.functions import releasing
from chalicelib.ledger.limits import MAX_AMOUNT, MAX_BALANCE
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import At
from chalicelib.performance.model import PEOPLE as PEOPLE_OF_CAMPAIGN
from chalicelib.performance.store import Standings
from chalicelib.runtime.environment import Settings
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.envelope import WalletId
from chalicelib.store.packing import item_of
from chalicelib.store.reading import Store
from chalicelib.store.release import GROUP_WALLETS, MARK
from chalicelib.store.signals import Signal
from chalicelib.store.tables import bind
from chalicelib.store.writes import commit
from dev.engine import create_tables, delete_tables
from tests.engine.conftest import POLICY
from tests.engine.crowd import at_once
from tests.engine.fair import CURRENCY, MINUTE, Fair, Killed, of_list, told
from tests.engine.night import Time
from tests.engine.trouble import throttled
from tests.engine.weather import DONE_UNHEARD, NOT_DONE_UNKNOWN, faults
from tests.engine.wire import COMMIT, Fault, Request, Wire
from tests.passbook import instant

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PEOPLE = int(os.environ.get("RELEASE_PEOPLE", "330"))
KILLS = int(os.environ.get("RELEASE_KILLS", "20"))


@pytest.fixture(scope="module")
def ground(endpoint: str) -> Iterator[tuple[Store, Wire]]:
    """Tables that only fairs take place on, and a clock that never goes back."""
    name = uuid.uuid4().hex[:12]
    names = [f"{table}-{name}" for table in ("wallets", "ledger", "customers", "campaigns")]
    create_tables(endpoint, names[0], names[1], customers=names[2], campaigns=names[3])
    tables = bind(*names)
    store = Store(tables, connect(tables, pool_connections=16), Time(instant("2027-03-01T12:00")), test_clock=False)
    yield store, Wire(store.connections)
    delete_tables(endpoint, *names)


@pytest.fixture
def fair(ground: tuple[Store, Wire], plain: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fair]:
    store, wire = ground
    tables, time = store.tables, store.clock
    assert isinstance(time, Time)
    told = Settings("local", tables.wallets_name, tables.ledger_name, False, ZoneInfo("UTC"), "INFO")
    monkeypatch.setattr(releasing, "settings", lambda: told)
    wire.sent.clear()
    fair = Fair(Engine(store, POLICY, sleep=lambda _: None), wire, time, plain)
    yield fair
    wire.mend()
    wire.check_reads()
    fair.close()


@pytest.fixture
def fate() -> random.Random:
    """One is enough here: each death is a throw. SEED=N replays."""
    number = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**8))
    print(f"seed {number}")
    return random.Random(number)


def the_piece(fair: Fair, campaign: str, customers: list[str]) -> str:
    """The message of the only piece that has members."""
    grants = fair.up_to_grants(campaign)
    (body,) = [each for each in grants if told(each)["shard"] == "list"]
    assert fair.progress(campaign).planned == len(customers)
    return body


# Everybody, once


def test_everybody_is_credited_once_and_can_spend_it_when_the_campaign_says(fair: Fair) -> None:
    people = fair.people(60)
    campaign = fair.campaign(minutes_ahead=10)
    assert fair.release(campaign).state is State.RELEASED
    assert fair.credited(campaign) == dict.fromkeys(people, 1)
    (issued,) = fair.entries(people[0])
    (lot,) = issued.lots
    assert (issued.actor, issued.reason, lot.kind) == (f"campaign:{campaign}", "campaign", Kind.PROMOTION)
    assert lot.effective_at == fair.time.at + 10 * MINUTE
    progress = fair.progress(campaign)
    assert (progress.audience, progress.planned, progress.granted, progress.granted_amount) == (60, 60, 60, 30_000)
    assert {each.status for each in fair.recipients(campaign).values()} == {"granted"}
    assert fair.recipients(campaign).keys() == set(people)


def test_thirty_three_wallets_take_one_read_and_one_write(fair: Fair) -> None:
    customers = fair.named(GROUP_WALLETS)
    body = the_piece(fair, fair.campaign(of_list(customers)), customers)
    with fair.wire.listen() as heard:
        assert fair.deliver(body)
    assert max(len(request.actions) for request in heard if request.operation == "TransactWriteItems") == 99
    group = next(
        place for place, request in enumerate(heard) if request.operation in COMMIT and len(request.actions) == 99
    )
    assert heard[group - 1].operation == "BatchGetItem"
    assert len(heard[group - 1].keys) == 2 * GROUP_WALLETS + 1


def test_wallets_that_need_more_entries_share_fewer_transactions(fair: Fair) -> None:
    """What has expired is booked first: four items a wallet."""
    named = fair.named(40)
    for customer in named:
        fair.till.issue(WalletId(customer, CURRENCY), 100, expires=At(fair.time.at + MINUTE))
    fair.time.at += MINUTE
    campaign = fair.campaign(of_list(named))
    assert fair.release(campaign).state is State.RELEASED
    assert fair.credited(campaign) == dict.fromkeys(named, 1)
    assert fair.types(named[0]) == fair.types(named[-1]) == ["issued", "expired", "issued"]


def test_the_first_group_that_a_customer_is_in_counts(fair: Fair) -> None:
    people, (unknown,) = fair.people(6), fair.named(1)
    campaign = fair.campaign(
        of_list([people[0], unknown], 900), Group(Fixed(500), where=fair.where), of_list([people[1], unknown], 100)
    )
    fair.release(campaign)
    amounts = {customer: each.amount for customer, each in fair.recipients(campaign).items()}
    assert amounts == dict.fromkeys(people, 500) | {people[0]: 900, unknown: 900}
    assert fair.credited(campaign) == dict.fromkeys(amounts, 1)


def test_who_has_nothing_to_take_a_share_of_gets_nothing_and_is_told_so(fair: Fair) -> None:
    named = fair.named(40)
    campaign = fair.campaign(Group(Share(Basis.LIFETIME_SPEND, 1_000), customers=tuple(named)))
    assert fair.release(campaign).state is State.RELEASED
    assert not fair.credited(campaign)
    assert {each.reason for each in fair.recipients(campaign, status="skipped").values()} == {"no_basis"}
    assert fair.progress(campaign).skipped == len(named)


def test_who_is_in_a_segment_gets_a_share_of_what_is_known_of_them(fair: Fair) -> None:
    (customer,) = fair.people(1)
    profiles = Profiles(fair.engine.store)
    known = profiles.standing(customer)
    spent = replace(known, activity=replace(known.activity, lifetime={CURRENCY: Lifetime(2, 9_000, 20_000, 20_001)}))
    assert commit(fair.engine.store, [profiles.write(spent)]) is Signal.COMMITTED
    campaign = fair.campaign(Group(Share(Basis.LIFETIME_SPEND, 1_000), where=fair.where))
    assert fair.release(campaign).state is State.RELEASED
    assert fair.amounts(campaign) == 900


def test_a_refusal_is_told_and_holds_nobody_up(fair: Fair) -> None:
    named = fair.named(40)
    _fill(fair, named[0])
    campaign = fair.campaign(of_list(named))
    assert fair.release(campaign).state is State.RELEASED
    skipped = fair.recipients(campaign, status="skipped")
    assert {customer: each.reason for customer, each in skipped.items()} == {named[0]: "balance_limit_exceeded"}
    assert fair.credited(campaign) == dict.fromkeys(named[1:], 1)


def test_who_is_kept_out_gets_nothing_and_is_counted(fair: Fair) -> None:
    people = fair.named(200)
    campaign = fair.campaign(of_list(people), holdout_basis_points=2_000)
    fair.release(campaign)
    kept_out = fair.recipients(campaign, status="holdout").keys()
    assert 15 < len(kept_out) < 75
    assert fair.credited(campaign) == dict.fromkeys(set(people) - kept_out, 1)
    assert fair.progress(campaign).holdout == len(kept_out)
    people_of = (campaign, PEOPLE_OF_CAMPAIGN)
    assert Standings(fair.engine.store).counts([people_of])[people_of] == {"holdout": len(kept_out)}


def test_a_wallet_that_a_later_version_wrote_is_left_alone_and_told(fair: Fair, plain: DynamoDBClient) -> None:
    named = fair.named(40)
    fair.till.issue(WalletId(named[0], CURRENCY), 100)
    plain.update_item(
        TableName=fair.engine.store.tables.wallets_name,
        Key={"pk": {"S": named[0]}, "sk": {"S": CURRENCY}},
        UpdateExpression="SET #schema = :newer",
        ExpressionAttributeNames={"#schema": "schema"},
        ExpressionAttributeValues={":newer": {"N": "99"}},
    )
    campaign = fair.campaign(of_list(named))
    assert fair.release(campaign).state is State.RELEASED
    assert fair.credited(campaign) == dict.fromkeys(named[1:], 1)
    failed = fair.recipients(campaign, status="failed")
    assert {customer: each.reason for customer, each in failed.items()} == {named[0]: "newer_schema"}


# Twice, at once, unheard


def test_a_piece_that_comes_twice_does_nothing_the_second_time(fair: Fair) -> None:
    named = fair.named(40)
    campaign = fair.campaign(of_list(named))
    grants = fair.up_to_grants(campaign)
    for body in [*grants, *grants]:
        assert fair.deliver(body)
    assert fair.credited(campaign) == dict.fromkeys(named, 1)
    assert fair.stored(campaign).state is State.RELEASED
    assert fair.progress(campaign).granted == len(named)


def test_a_piece_in_the_hands_of_four_workers_is_granted_once(fair: Fair) -> None:
    named = fair.named(40)
    campaign = fair.campaign(of_list(named))
    body = the_piece(fair, campaign, named)
    at_once([lambda: fair.deliver(body)] * 4)
    fair.minute(3)
    fair.work()
    assert fair.credited(campaign) == dict.fromkeys(named, 1)
    assert fair.progress(campaign).granted == len(named)
    assert fair.progress(campaign).granted_amount == fair.amounts(campaign)


@faults(DONE_UNHEARD | NOT_DONE_UNKNOWN)
def test_whatever_becomes_of_the_transactions_each_is_credited_once(fair: Fair, fault: Callable[[], Fault]) -> None:
    campaign = fair.campaign(of_list(fair.named(5)))
    body = the_piece(fair, campaign, fair.named(5))
    fair.wire.on(COMMIT, fault(), times=3, where=_credits)
    assert fair.deliver(body)
    assert fair.credited(campaign) == dict.fromkeys(fair.named(5), 1)
    assert fair.progress(campaign).granted == 5


def test_a_checkout_in_the_middle_of_a_group_holds_nobody_up(fair: Fair) -> None:
    named = fair.named(5)
    campaign = fair.campaign(of_list(fair.named(5)))
    body = the_piece(fair, campaign, fair.named(5))

    def meanwhile(_: Request) -> None:
        fair.till.issue(WalletId(named[2], CURRENCY), 900)

    fair.wire.on(COMMIT, meanwhile, where=lambda request: len(request.actions) == 15)
    assert fair.deliver(body)
    assert fair.credited(campaign) == dict.fromkeys(fair.named(5), 1)
    assert len(fair.entries(named[2])) == 2


def test_what_stays_unknown_keeps_the_piece_open_until_it_is_known(fair: Fair) -> None:
    campaign = fair.campaign(of_list(fair.named(5)))
    body = the_piece(fair, campaign, fair.named(5))
    fair.wire.on(COMMIT, throttled(), times=None, where=_credits)
    assert not fair.deliver(body)
    assert fair.stored(campaign).state is State.RELEASING
    assert {each.status for each in fair.recipients(campaign).values()} == {"planned"}
    fair.wire.mend()
    fair.minute(3)
    fair.minute(3)
    fair.work()
    assert fair.stored(campaign).state is State.RELEASED
    assert fair.credited(campaign) == dict.fromkeys(fair.named(5), 1)


def test_a_transaction_that_lands_after_the_refusal_was_told_comes_too_late(fair: Fair) -> None:
    """A request is on its way for ever; meanwhile the wallet fills up, and the customer is refused. Then it lands."""
    named = fair.named(1)
    campaign = fair.campaign(of_list(fair.named(1)))
    body = the_piece(fair, campaign, fair.named(1))
    late: list[Request] = []

    def kept(request: Request) -> None:
        late.append(request)
        raise Killed

    fair.wire.on(COMMIT, kept, where=_credits)
    with pytest.raises(Killed):
        fair.deliver(body)
    _fill(fair, named[0])
    assert fair.deliver(body)
    late[0].send()
    assert not fair.credited(campaign)
    assert {each.reason for each in fair.recipients(campaign).values()} == {"balance_limit_exceeded"}


# Whatever dies


def test_workers_that_die_anywhere_leave_nobody_out_and_credit_nobody_twice(fair: Fair, fate: random.Random) -> None:
    people = fair.people(PEOPLE)
    campaign = fair.campaign()
    died = fair.release_among_killers(campaign, fate, KILLS)
    print(f"{died} died over {PEOPLE} people")
    assert fair.credited(campaign) == dict.fromkeys(people, 1)
    progress = fair.progress(campaign)
    assert (progress.audience, progress.granted, progress.granted_amount) == (PEOPLE, PEOPLE, PEOPLE * 500)
    assert (progress.skipped, progress.failed) == (0, 0)


def test_the_budget_holds_whatever_dies(fair: Fair, fate: random.Random) -> None:
    campaign = fair.campaign(of_list(fair.named(100)), budget=20_000)
    fair.release_among_killers(campaign, fate, 10)
    credited = fair.credited(campaign)
    assert (len(credited), max(credited.values()), fair.amounts(campaign)) == (40, 1, 20_000)


def test_a_planner_that_dies_anywhere_makes_the_same_plan_again(fair: Fair) -> None:
    campaign = fair.campaign(of_list(fair.named(60)), budget=15_000)
    fair.minute(0)
    fair.work(lambda: fair.line.told[0]["job"] == "plan")
    (plan,) = fair.line.bodies
    for request in range(1, 12):
        fair.mortal(request, random.Random(request))
        with suppress(Killed):
            fair.deliver(plan)
        fair.wire.mend()
    fair.line.bodies = [*fair.line.bodies, plan]
    fair.work()
    assert fair.stored(campaign).state is State.RELEASED
    assert (len(fair.credited(campaign)), fair.amounts(campaign)) == (30, 15_000)


def test_a_message_that_is_lost_is_sent_again(fair: Fair) -> None:
    named = fair.named(40)
    campaign = fair.campaign(of_list(named))
    for job in ("evaluate", "plan", "grant"):
        if job == "evaluate":
            fair.minute(0)
        else:
            fair.work(partial(_next_is, fair, job))
        fair.line.bodies.clear()
        fair.minute(1)
        assert not fair.line.bodies, "it may still be under way"
        fair.minute(3)
        assert {each["job"] for each in fair.line.told} == {job}
    fair.work()
    assert fair.stored(campaign).state is State.RELEASED
    assert fair.credited(campaign) == dict.fromkeys(named, 1)


def test_a_run_whose_last_worker_died_before_it_ended_it_is_ended_by_the_minute_job(fair: Fair) -> None:
    """Also where nobody is in most of the shards, as in a campaign that only names its customers, or has nobody."""
    for named in (fair.named(5), []):
        campaign = fair.campaign(of_list(named))
        ends = partial(_ends, campaign)
        fair.minute(0)
        fair.wire.on(COMMIT, _dies, times=None, where=ends)
        with pytest.raises(Killed):
            fair.work()
        fair.wire.mend()
        fair.line.bodies.clear()
        assert fair.stored(campaign).state is State.RELEASING
        fair.minute(1)
        assert fair.stored(campaign).state is State.RELEASED
        assert fair.credited(campaign) == dict.fromkeys(named, 1)


def test_an_evaluation_goes_on_where_the_time_ended(fair: Fair) -> None:
    named = fair.named(40)
    campaign = fair.campaign(of_list(named))
    fair.minute(0)
    (body,) = fair.line.bodies
    assert fair.deliver(body, seconds=5.0)
    assert fair.line.bodies == [body, body], "it was handed on"
    fair.work()
    assert fair.credited(campaign) == dict.fromkeys(named, 1)


def test_a_release_that_may_be_slow_goes_on_where_the_time_ended(fair: Fair) -> None:
    """Five wallets a second, one of them this worker's: in half a minute it does not come through."""
    fair.engine = Engine(fair.engine.store, replace(POLICY, release_wallets_per_second=5), sleep=lambda _: None)
    campaign = fair.campaign(of_list(fair.named(40)))
    (body,) = fair.up_to_grants(campaign)
    assert fair.deliver(body, seconds=30.0)
    first = fair.progress(campaign).granted
    assert 0 < first < 40
    for _ in range(2):
        assert fair.line.bodies == [body], "it was handed on"
        assert fair.deliver(fair.line.bodies.pop(), seconds=30.0)
        if not fair.line.bodies:
            break
    assert fair.stored(campaign).state is State.RELEASED
    assert fair.credited(campaign) == dict.fromkeys(fair.named(40), 1)


def test_a_shard_of_several_pieces_is_cut_where_they_are_full(fair: Fair) -> None:
    customers = fair.named(2 * PIECE_MEMBERS + 5)
    campaign = fair.campaign(of_list(customers))
    fair.minute(0)
    fair.work(lambda: fair.line.told[0]["job"] == "plan")
    run = Run(fair.engine.store, campaign, 1)
    pieces = run.pieces_from("list", 1, 10)
    assert [len(piece.members) for piece in pieces] == [PIECE_MEMBERS, PIECE_MEMBERS, 5]
    assert [member.customer for piece in pieces for member in piece.members] == customers


# The budget


def test_the_budget_is_a_hard_stop_for_workers_in_parallel(fair: Fair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "PIECE_MEMBERS", 25)
    campaign = fair.campaign(of_list(fair.named(120)), budget=30_250)
    grants = fair.up_to_grants(campaign)
    assert len(grants) == 5
    with ThreadPoolExecutor(5) as workers:
        list(workers.map(fair.deliver, [*grants, *grants]))
    fair.minute(3)
    fair.work()
    assert fair.stored(campaign).state is State.RELEASED
    assert (len(fair.credited(campaign)), fair.amounts(campaign)) == (60, 30_000)
    skipped = fair.recipients(campaign, status="skipped")
    assert {each.reason for each in skipped.values()} == {"budget_exhausted"}
    assert len(skipped) == 60


# Pause, resume, cancel


def test_a_pause_stops_within_a_group_and_nobody_is_forgotten(fair: Fair) -> None:
    named = fair.named(40)
    campaign = fair.campaign(of_list(named))
    body = the_piece(fair, campaign, named)

    def pause(_: Request) -> None:
        fair.change(campaign, transitions.pause)

    fair.wire.on(COMMIT, pause, where=_credits)
    assert fair.deliver(body)
    assert len(fair.credited(campaign)) == GROUP_WALLETS
    assert fair.progress(campaign).granted == GROUP_WALLETS
    fair.minute(5)
    assert not fair.line.bodies
    fair.change(campaign, transitions.resume)
    fair.minute(0)
    fair.work()
    assert fair.stored(campaign).state is State.RELEASED
    assert fair.credited(campaign) == dict.fromkeys(named, 1)


def test_a_cancellation_takes_back_what_nobody_could_use_yet_once(fair: Fair) -> None:
    named = fair.named(40)
    campaign = fair.campaign(of_list(named))
    body = the_piece(fair, campaign, named)

    def cancel(_: Request) -> None:
        fair.change(campaign, transitions.cancel)

    fair.wire.on(COMMIT, cancel, where=_credits)
    assert fair.deliver(body)
    fair.minute()
    fair.line.bodies += [each for each in fair.line.bodies if told(each)["shard"] == "list"]
    fair.work()
    assert fair.stored(campaign).revoking is None
    granted = fair.credited(campaign)
    assert len(granted) == GROUP_WALLETS
    assert granted.keys() == set(named[:GROUP_WALLETS])
    for customer in (named[0], named[GROUP_WALLETS - 1]):
        assert fair.types(customer) == ["issued", "revoked"]
    progress = fair.progress(campaign)
    assert (progress.revoked, progress.revoked_amount) == (GROUP_WALLETS, GROUP_WALLETS * 500)
    assert {each.reason for each in fair.recipients(campaign, status="skipped").values()} == {"cancelled"}


def test_a_worker_that_wakes_up_after_the_cancellation_credits_nobody(fair: Fair) -> None:
    campaign = fair.campaign(of_list(fair.named(5)))
    body = the_piece(fair, campaign, fair.named(5))

    def meanwhile(_: Request) -> None:
        fair.change(campaign, transitions.cancel)
        fair.minute()
        fair.work()
        assert fair.stored(campaign).revoking is None

    fair.wire.on(COMMIT, meanwhile, where=_credits)
    fair.deliver(body)
    assert not fair.credited(campaign)
    assert fair.progress(campaign).granted == 0


def test_a_cancellation_of_what_is_usable_stops_the_rest_and_takes_nothing(fair: Fair) -> None:
    named = fair.named(40)
    campaign = fair.campaign(of_list(named), minutes_ahead=0)
    body = the_piece(fair, campaign, named)

    def cancel(_: Request) -> None:
        fair.change(campaign, transitions.cancel)

    fair.wire.on(COMMIT, cancel, where=_credits)
    assert fair.deliver(body)
    fair.minute(3)
    fair.work()
    granted = fair.credited(campaign)
    assert len(granted) == GROUP_WALLETS
    assert fair.types(named[0]) == ["issued"]


def test_a_revocation_that_may_be_slow_goes_on_where_the_time_ended(fair: Fair) -> None:
    """Five wallets a second, one of them this worker's: in half a minute it does not come through."""
    campaign = fair.campaign(of_list(fair.named(40)))
    (body,) = fair.up_to_grants(campaign)
    assert fair.deliver(body)
    fair.change(campaign, transitions.cancel)
    fair.engine = Engine(fair.engine.store, replace(POLICY, release_wallets_per_second=5), sleep=lambda _: None)
    fair.minute()
    for _ in range(4):
        assert [told(each)["job"] for each in fair.line.bodies] == ["revoke"], "it was handed on"
        assert fair.deliver(fair.line.bodies.pop(), seconds=30.0)
        if not fair.line.bodies:
            break
    assert fair.stored(campaign).revoking is None
    assert fair.progress(campaign).revoked == 40


# The minute job


def test_two_minute_jobs_at_once_begin_a_campaign_once(fair: Fair) -> None:
    campaign = fair.campaign(of_list(fair.named(3)))
    begun = at_once([lambda: fair.minute(0)["begun"]] * 4)
    assert sum(begun) == 1
    fair.work()
    assert fair.stored(campaign).state is State.RELEASED
    assert fair.credited(campaign) == dict.fromkeys(fair.named(3), 1)


def test_a_campaign_begins_when_it_is_due_and_not_before(fair: Fair) -> None:
    campaign = fair.campaign()
    fair.change(campaign, lambda found, now: replace(found, due_at=now + 10 * MINUTE))
    assert fair.minute(9)["begun"] == 0
    assert fair.minute(1)["begun"] == 1


def test_what_somebody_asks_to_begin_at_once_does_not_wait_for_the_minute(fair: Fair) -> None:
    campaign = fair.campaign(of_list(fair.named(2)))
    assert fair.deliver(f'{{"job":"start","campaign":"{campaign}"}}')
    fair.work()
    assert fair.stored(campaign).state is State.RELEASED


# The schedule of a beginning


def test_a_schedule_that_comes_twice_begins_a_release_once(fair: Fair) -> None:
    campaign, body = _scheduled_for_later(fair, of_list(fair.named(3)))
    fair.time.at += 10 * MINUTE
    assert at_once([lambda: fair.deliver(body)] * 4) == [True] * 4
    assert fair.minute(0)["begun"] == 0, "the minute job comes after it"
    fair.work()
    assert fair.stored(campaign).state is State.RELEASED
    assert fair.deliver(body)
    assert fair.minute(5)["begun"] == 0
    fair.work()
    assert fair.credited(campaign) == dict.fromkeys(fair.named(3), 1)
    assert len(fair.schedules) == 1


def test_a_schedule_that_comes_early_begins_nothing_and_one_that_comes_late_or_never_is_not_missed(fair: Fair) -> None:
    campaign, body = _scheduled_for_later(fair, of_list(fair.named(3)))
    fair.time.at += 10 * MINUTE - 1
    assert fair.deliver(body)
    assert (fair.stored(campaign).state, fair.line.bodies, len(fair.schedules)) == (State.SCHEDULED, [], 1)
    assert fair.minute(1)["begun"] == 1
    assert fair.deliver(body)
    fair.work()
    assert fair.credited(campaign) == dict.fromkeys(fair.named(3), 1)


@pytest.mark.parametrize("transition", [transitions.pause, transitions.cancel])
def test_a_schedule_of_what_was_paused_or_cancelled_meanwhile_begins_nothing(
    fair: Fair, transition: Callable[[Campaign, int], Campaign]
) -> None:
    campaign, body = _scheduled_for_later(fair, of_list(fair.named(3)))
    before = fair.change(campaign, transition)
    fair.time.at += 10 * MINUTE
    assert fair.deliver(body)
    assert fair.line.bodies == []
    assert fair.stored(campaign) == replace(before, version=before.version + 1)
    assert not fair.credited(campaign)


def test_a_schedule_of_what_was_moved_meanwhile_begins_nothing(fair: Fair) -> None:
    campaign, body = _scheduled_for_later(fair, of_list(fair.named(3)))
    day = 24 * 60 * MINUTE
    moved = fair.change(campaign, lambda found, _: replace(found, due_at=found.due_at + day))  # type: ignore[operator]
    fair.time.at += 10 * MINUTE
    assert fair.deliver(body)
    assert fair.stored(campaign).state is State.SCHEDULED
    assert [at for _, at, _ in fair.schedules[1:]] == [moved.due_at], "one for the new instant"


def test_the_next_run_has_a_schedule_as_soon_as_one_is_done(fair: Fair) -> None:
    campaign = fair.campaign(of_list(fair.named(3)), repeat=Repeat(Every(days=7)))
    for run in (2, 3):
        after = fair.release(campaign)
        assert (after.run, after.state) == (run, State.SCHEDULED)
        assert fair.schedules[-1] == (campaign, after.due_at, f'{{"job":"start","campaign":"{campaign}"}}')
        fair.time.at = after.due_at or 0
    assert len(fair.schedules) == 2


def _scheduled_for_later(fair: Fair, *groups: Group) -> tuple[str, str]:
    """A campaign that begins in ten minutes, and the message that its schedule will send."""
    campaign = fair.campaign(*groups, minutes_ahead=25)
    fair.change(campaign, lambda found, _: replace(found, due_at=found.starts_at))
    assert fair.deliver(f'{{"job":"start","campaign":"{campaign}"}}')
    ((of, at, body),) = fair.schedules
    assert (of, at) == (campaign, fair.time.at + 10 * MINUTE)
    return campaign, body


# Again and again


def test_a_campaign_that_repeats_gives_once_in_each_run(fair: Fair) -> None:
    campaign = fair.campaign(of_list(fair.named(3)), repeat=Repeat(Every(days=7), lifetime_cap=2))
    for run in (1, 2, 3):
        assert fair.stored(campaign).run == run
        fair.change(campaign, lambda found, now: replace(found, due_at=now, release_at=now + 10 * MINUTE))
        fair.release(campaign)
        fair.time.at += 7 * 24 * 60 * MINUTE
    assert fair.credited(campaign) == dict.fromkeys(fair.named(3), 2)
    assert {each.reason for each in fair.recipients(campaign).values()} == {"not_entitled"}


def test_what_became_of_everybody_in_an_earlier_run_stays_told(fair: Fair) -> None:
    one, other = fair.named(2)
    repeat = Repeat(Every(days=7), lifetime_cap=1)
    campaign = fair.campaign(of_list([one]), repeat=repeat)
    fair.release(campaign)
    first = fair.progress(campaign)
    assert (first.run, first.started_at, first.finished_at) == (1, fair.time.at, fair.time.at)
    fair.change(campaign, lambda found, now: replace(found, due_at=now, groups=(of_list([one, other], 700),)))
    fair.release(campaign)
    assert fair.recipients(campaign) == fair.recipients(campaign, run=2)
    outcomes = [{who: each.status for who, each in fair.recipients(campaign, 1, run=run).items()} for run in (1, 2)]
    assert outcomes == [{one: "granted"}, {one: "skipped", other: "granted"}]
    assert fair.progress(campaign) == fair.progress(campaign, 2)
    told = fair.progress(campaign, 1)
    assert told == replace(first, started_at=None, finished_at=None, rate=None), "when it was is not kept"
    assert (told.audience, told.granted, told.granted_amount, told.skipped) == (1, 1, 500, 0)


def test_a_cancellation_between_two_runs_leaves_the_one_that_was(fair: Fair) -> None:
    campaign = fair.campaign(of_list(fair.named(2)), repeat=Repeat(Every(days=7)))
    fair.release(campaign)
    before = fair.progress(campaign)
    fair.change(campaign, transitions.cancel)
    fair.time.at += 2 * MINUTE
    fair.minute()
    fair.work()
    after = fair.progress(campaign)
    assert (after.run, after.started_at, after.finished_at) == (1, before.started_at, before.finished_at)
    assert (before.granted, after.granted, after.revoked) == (2, 2, 2)


def test_what_became_of_a_run_that_never_began_cannot_be_told(fair: Fair) -> None:
    campaign = fair.campaign(of_list(fair.named(1)), repeat=Repeat(Every(days=7)))
    for begun in (0, 1, 2):
        assert fair.progress(campaign).run == begun
        for run in (0, begun + 1):
            with pytest.raises(WrongRun):
                fair.progress(campaign, run)
            with pytest.raises(WrongRun):
                fair.recipients(campaign, run=run)
        fair.change(campaign, lambda found, now: replace(found, due_at=now))
        fair.release(campaign)


def test_the_cool_down_counts_from_the_day_on_which_a_late_run_gave(fair: Fair) -> None:
    day = 24 * 60 * MINUTE
    campaign = fair.campaign(of_list(fair.named(3)), repeat=Repeat(Every(days=7), cool_down_days=7))
    fair.release(campaign)
    fair.change(campaign, transitions.pause)
    fair.time.at += 13 * day
    fair.change(campaign, transitions.resume)
    assert fair.release(campaign).run == 3
    assert fair.credited(campaign) == dict.fromkeys(fair.named(3), 2)
    fair.time.at += day
    assert fair.release(campaign).run == 4
    assert fair.credited(campaign) == dict.fromkeys(fair.named(3), 2), "they got it yesterday"
    fair.time.at += 7 * day
    assert fair.release(campaign).run == 5
    assert fair.credited(campaign) == dict.fromkeys(fair.named(3), 3)


def test_a_run_that_begins_just_after_midnight_keeps_nobody_out_of_the_next(fair: Fair) -> None:
    day = 24 * 60 * MINUTE
    fair.time.at += day - fair.time.at % day - MINUTE
    repeat = Repeat(Every(days=7), cool_down_days=7)
    campaign = fair.campaign(of_list(fair.named(3)), minutes_ahead=0, repeat=repeat)
    fair.minute(2)
    fair.work()
    fair.time.at += 7 * day - 2 * MINUTE
    assert fair.release(campaign).run == 3
    assert fair.credited(campaign) == dict.fromkeys(fair.named(3), 2)


def test_who_received_it_after_the_audience_was_made_does_not_get_it_again(fair: Fair, plain: DynamoDBClient) -> None:
    named = fair.named(3)
    campaign = fair.campaign(of_list(named), repeat=Repeat(Every(days=7), lifetime_cap=1))
    body = the_piece(fair, campaign, named)
    mark: Any = {"pk": f"#{mark_of(campaign, named[1])}", "sk": MARK, "times": 1, "day": 20_000}
    plain.put_item(TableName=fair.engine.store.tables.wallets_name, Item=item_of(mark))
    assert fair.deliver(body)
    assert fair.credited(campaign) == {named[0]: 1, named[2]: 1}
    assert fair.recipients(campaign)[named[1]].reason == "not_entitled"


def test_a_run_for_those_who_came_in_since_has_no_others_in_it(fair: Fair) -> None:
    campaign = fair.campaign(of_list(fair.named(10)), repeat=Repeat(Every(days=1), on_entry=True))
    fair.release(campaign)
    fair.change(campaign, lambda found, now: replace(found, due_at=now, groups=(of_list(fair.named(12)),)))
    fair.release(campaign)
    assert fair.progress(campaign).audience == 2
    assert fair.credited(campaign) == dict.fromkeys(fair.named(12), 1)


def test_a_message_about_a_campaign_that_is_not_there_is_done_with(fair: Fair) -> None:
    assert fair.deliver('{"job": "grant", "campaign": "cmp_a", "run": 1, "shard": "p01", "piece": 1}')
    assert fair.deliver('{"job": "start", "campaign": "cmp_a"}')


def _next_is(fair: Fair, job: str) -> bool:
    return bool(fair.line.told[0]["job"] == job)


def _fill(fair: Fair, customer: str) -> None:
    """The wallet takes no more."""
    for _ in range(MAX_BALANCE // MAX_AMOUNT):
        fair.till.issue(WalletId(customer, CURRENCY), MAX_AMOUNT)


def _dies(_: Request) -> None:
    raise Killed


def _ends(campaign: str, request: Request) -> bool:
    """Whether a transaction says of a campaign that it needs no look any more."""
    items = [action["Item"] for verb, action in request.actions if verb == "Put"]
    return any(item["sk"]["S"] == campaign and "due_at" not in item for item in items if "sk" in item)


def _credits(request: Request) -> bool:
    """Whether a transaction credits wallets: it does not only note something."""
    return any("sequence" in action["Item"] for verb, action in request.actions if verb == "Put")


def test_a_campaign_that_nobody_matches_ends(fair: Fair) -> None:
    nobody, too_dear = fair.campaign(of_list([])), fair.campaign(of_list(fair.named(1)), budget=1)
    for campaign in (nobody, too_dear):
        assert fair.release(campaign).state is State.RELEASED
        assert not fair.credited(campaign)
    assert fair.recipients(nobody) == {}
    assert {each.reason for each in fair.recipients(too_dear).values()} == {"budget_exhausted"}
