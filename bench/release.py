"""Releases: what crediting a group of wallets costs, and how many a second one worker credits.

The rate is that of one worker in a closed loop, from the first message of a piece to its result; the pieces are written
before, and nothing is paced. The bare loop beside it is plain boto3 that sends the same read and the same transaction
for each thirty-three wallets, made before its clock starts; the two take turns in short stretches, so that whatever
else the machine does meets both.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from bench.meter import Meter
from bench.segments import BATCH, a_customer
from bench.sweep import PATIENCE, STRETCH_GROUPS, List, Pace, Race, Stopwatch
from bench.workload import CURRENCY, Bench
from chalicelib.campaigns import store as shelf
from chalicelib.campaigns.model import Campaign, Fixed, Group, State
from chalicelib.campaigns.release.carrying import carry_out
from chalicelib.campaigns.release.deciding import Decision
from chalicelib.campaigns.release.granting import grant_piece
from chalicelib.campaigns.release.messages import GRANT, Job
from chalicelib.campaigns.release.operations import crediting
from chalicelib.campaigns.release.pieces import LISTED, PIECE_MEMBERS, Member, Piece, Shard, totals_of
from chalicelib.campaigns.release.planning import plan_of
from chalicelib.campaigns.release.run import Run
from chalicelib.customers.store import Profiles, shard_of
from chalicelib.ledger.limits import DAY_MS
from chalicelib.ledger.model import Wallet
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents
from chalicelib.store.reading import Store
from chalicelib.store.release import GROUP_WALLETS, written
from chalicelib.store.signals import Signal
from chalicelib.store.writes import commit
from dev.engine import dynamodb

SIZES = (1_000, 10_000, 50_000)
CAMPAIGN = "cmp_bench"
RUN = 1
AMOUNT = 500
KINDS = 200
"""Different profiles."""
RELEASE_AT = 4_102_444_800_000
"""Far away: the credit is pending, as it is when a release runs ahead."""


@dataclass(frozen=True, slots=True)
class Price:
    """What crediting one full group cost; wallets that had nothing before."""

    round_trips: int
    write_units_per_wallet: float


@dataclass(frozen=True, slots=True)
class Releasing:
    """All that was measured; races by size."""

    price: Price
    races: list[Race]


def releasing(made: Bench, sizes: Sequence[int] = SIZES) -> Releasing:
    """The price of a group, and races by size, each size in tables that nothing else is in."""
    return Releasing(_price(made), [_race(made, size) for size in sizes])


def show(measured: Releasing) -> None:
    """As tables on the screen."""
    price = measured.price
    print("\nReleasing, thirty-three wallets at once")
    print(f"  {price.round_trips} round trips (2); {price.write_units_per_wallet:.2g} write units a wallet (≤ 6)")
    print("Wallets that one worker credits, not paced")
    for race in measured.races:
        ours, bare = race.ours, race.bare
        print(
            f"  {ours.wallets:>6,} wallets {ours.per_second:>6.0f}/s  {ours.cpu_ms:.2f} ms of CPU each;"
            f" bare {bare.per_second:.0f}/s, {bare.cpu_ms:.2f} ms: {race.ratio:.2f} x (at least 0.7)"
        )


def _race(made: Bench, size: int) -> Race:
    ours, bare = Stopwatch(), Stopwatch()
    app, twin = _prepared(made, size), _prepared(made, size)
    _introduce(app.store, made.endpoint, size)
    runners = ((ours, _ours(app, size)), (bare, _bare(made, twin, list(_transactions(twin, size)))))
    while sum(watch.run(stretch) for watch, stretch in runners):
        pass
    return Race(_pace(ours, size), _pace(bare, size), ours.pace.per_second / bare.pace.per_second)


def _pace(watch: Stopwatch, size: int) -> Pace:
    assert watch.wallets == size, "every wallet is credited, and once"
    return watch.pace


def _ours(app: Engine, size: int) -> Iterator[int]:
    """The pieces one after another; a stretch of the stopwatch is ten groups, which is one piece."""
    for start in range(0, size, PIECE_MEMBERS):
        assert grant_piece(app, List(), Job(GRANT, CAMPAIGN, RUN, LISTED, start // PIECE_MEMBERS + 1), PATIENCE)
        yield from [min(PIECE_MEMBERS, size - start), *[0] * (STRETCH_GROUPS - 1)]
    figures = Run(app.store, CAMPAIGN, RUN).figures()[LISTED]
    assert figures["granted_amount"] == size * AMOUNT


def _bare(made: Bench, app: Engine, transactions: list[list[Any]]) -> Iterator[int]:
    client, tables = dynamodb(made.endpoint), app.store.tables
    for items in transactions:
        keys = [
            {name: put["Put"]["Item"][name] for name in ("pk", "sk")}
            for put in items
            if put["Put"]["TableName"] == tables.wallets_name
        ]
        client.batch_get_item(RequestItems={tables.wallets_name: {"Keys": keys, "ConsistentRead": True}})
        client.transact_write_items(TransactItems=items)
        yield len(items) // 3


def _transactions(app: Engine, size: int) -> Iterator[list[Any]]:
    """What credits those wallets: a wallet, its entry and its operation in turns."""
    campaign = _campaign()
    now = app.store.now()
    members = iter(_members(size))
    while group := list(islice(members, GROUP_WALLETS)):
        todo = {crediting(campaign, RUN, member.customer): member for member in group}
        decide = Decision(campaign, todo, app.policy)
        outcomes = [decide(each, Wallet(each.wallet.customer, CURRENCY), None, now) for each in todo]
        for transaction in written(app.store, outcomes):
            yield [{"Put": put} for wallet in transaction for put in wallet.puts]


def _price(made: Bench) -> Price:
    app = _prepared(made, GROUP_WALLETS)
    connections = app.store.connections
    meter = Meter(connections.reads.client, connections.commits.client, peek=dynamodb(made.endpoint))
    campaign = shelf.load(Documents(app.store, app.store.tables.campaigns_name), CAMPAIGN)
    assert campaign is not None
    todo = {crediting(campaign, RUN, member.customer): member for member in _members(GROUP_WALLETS)}
    decide = Decision(campaign, todo, app.policy)
    with meter.running() as bill:
        carried = carry_out(app, CAMPAIGN, campaign.version, list(todo), decide, PATIENCE)
    assert len(carried.answers) == GROUP_WALLETS
    return Price(bill.round_trips, bill.write_units / GROUP_WALLETS)


def _introduce(store: Store, endpoint: str, size: int) -> None:
    """Members have profiles, as large as profiles are: a worker reads them, to see who was merged meanwhile."""
    client, dice = dynamodb(endpoint), random.Random(size)
    source, today = Profiles(store), store.now() // DAY_MS
    kinds = [source.write(a_customer(dice, f"kind-{number}", today)).action["Item"] for number in range(KINDS)]
    customers = [member.customer for member in _members(size)]
    for start in range(0, size, BATCH):
        puts: Any = [
            {"PutRequest": {"Item": {**dice.choice(kinds), "pk": {"S": shard_of(customer)}, "sk": {"S": customer}}}}
            for customer in customers[start : start + BATCH]
        ]
        client.batch_write_item(RequestItems={store.tables.customers_name: puts})


def _prepared(made: Bench, size: int) -> Engine:
    """An engine over tables of its own, with a campaign that is being released, its pieces and its plan."""
    own = made.aside()
    app = Engine(own.engine().store, own.engine().policy, sleep=lambda _: None)
    docs, run = Documents(app.store, own.campaigns), Run(app.store, CAMPAIGN, RUN)
    pieces = list(_pieces(size))
    shards = {LISTED: Shard(len(pieces), pieces[-1].totals)}
    plan = plan_of(shards, None, lambda _: pieces)
    campaign = replace(_campaign(), summary=plan.summary)
    for writes in (
        [shelf.saved(docs, campaign, 0)],
        [run.put_plan(plan)],
        *(run.put_piece(piece) for piece in pieces),
    ):
        assert commit(app.store, writes) is Signal.COMMITTED
    return app


def _pieces(size: int) -> Iterator[Piece]:
    everybody = list(_members(size))
    for start in range(0, size, PIECE_MEMBERS):
        end = start + PIECE_MEMBERS
        after = everybody[end - 1].customer if end < size else None
        totals = totals_of(everybody[:end])
        yield Piece(LISTED, start // PIECE_MEMBERS + 1, tuple(everybody[start:end]), after, totals)


def _members(size: int) -> Iterator[Member]:
    return (Member(f"customer-{number:06}", 0, AMOUNT) for number in range(size))


def _campaign() -> Campaign:
    return Campaign(
        id=CAMPAIGN,
        name="Bench",
        currency=CURRENCY,
        groups=(Group(Fixed(AMOUNT)),),
        state=State.RELEASING,
        run=RUN,
        release_at=RELEASE_AT,
    )


assert STRETCH_GROUPS * GROUP_WALLETS == PIECE_MEMBERS, "a stretch of ours is a piece, of the bare loop as many groups"
