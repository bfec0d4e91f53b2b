"""Expiry: what settling a wallet costs, and how many a second are booked when very many expire in the same second.

The rate is that of one worker in a closed loop, from the sweep that nominates to the last entry; messages go through
a list instead of a queue. The bare loop beside it is plain boto3 that sends the same two requests for each fifty
wallets, made before its clock starts; the two take turns in short stretches, so that whatever else the machine does
meets both.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from bench.meter import Meter
from bench.workload import CURRENCY, Bench
from chalicelib.expiry import messages
from chalicelib.expiry.messages import Cursor
from chalicelib.expiry.settle import settle_together, settlement
from chalicelib.expiry.sweep import follow, sweep
from chalicelib.ledger.lots import CLASS_OF_KIND, Kind, Lot, Source
from chalicelib.ledger.model import Wallet
from chalicelib.runtime.clock import Deadline
from chalicelib.store.codec import wallet_attributes
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
from chalicelib.store.packing import item_of
from chalicelib.store.settlement import GROUP_WALLETS, transactions_of
from dev.engine import create_tables, dynamodb

LOTS = (1, 5, 11)
SIZES = (1_000, 10_000, 50_000)
STRETCH_GROUPS = 10
"""Groups that one of the two settles before it is the other's turn."""
BATCH = 25
"""Items that one BatchWriteItem takes."""
EXPIRED_AT = 1_700_000_000_000
FAR_AWAY = 4_102_444_800_000
DAY_MS = 86_400_000
PATIENCE = Deadline.after(24 * 3600)


@dataclass(frozen=True, slots=True)
class Price:
    """What settling one full group cost, wallets of that many open lots, one of them expired."""

    lots: int
    round_trips: int
    write_units_per_wallet: float
    index_units_per_wallet: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Wallets that expired in the same second, and how many a second were booked."""

    wallets: int
    per_second: float
    cpu_ms: float
    """Of this process, for each wallet; the engine's own is not in it."""
    index_share: float = 0.0
    """Of the time, spent on reading the due index: engines differ much in what a page costs them."""


@dataclass(frozen=True, slots=True)
class Race:
    """Ours and the bare loop beside each other, on as many wallets each.

    The bare loop needs no index, and meets the same engine: what the engine itself loses as its tables grow, both
    lose, and `ratio` is what is ours.
    """

    ours: Pace
    bare: Pace
    ratio: float


@dataclass(frozen=True, slots=True)
class Sweeping:
    """All that was measured: prices by open lots, races by size."""

    prices: list[Price]
    races: list[Race]


class List:
    """The settle queue, as a list."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send(self, bodies: Sequence[str]) -> list[int]:
        self.bodies += bodies
        return []

    def waiting(self) -> int:
        return len(self.bodies)


@dataclass(slots=True)
class Stopwatch:
    """Wall clock and CPU over the stretches that were measured."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    wallets: int = 0
    index_seconds: float = 0.0

    def run(self, stretch: Iterator[int]) -> int:
        """Takes up to STRETCH_GROUPS from it; how many wallets those were."""
        wall, cpu = time.perf_counter(), time.process_time()
        done = list(islice(stretch, STRETCH_GROUPS))
        self.wall_seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu
        self.wallets += sum(done)
        return sum(done)

    @property
    def pace(self) -> Pace:
        return Pace(
            self.wallets,
            self.wallets / self.wall_seconds,
            self.cpu_seconds / self.wallets * 1000,
            self.index_seconds / self.wall_seconds,
        )

    @contextmanager
    def index(self) -> Iterator[None]:
        """What is done inside is reading the index."""
        began = time.perf_counter()
        yield
        self.index_seconds += time.perf_counter() - began


def sweeping(made: Bench) -> Sweeping:
    """Prices by open lots, and races by size, each size in tables that nothing else is in."""
    return Sweeping([_price(made, lots) for lots in LOTS], [_race(made, size) for size in SIZES])


def _race(made: Bench, size: int) -> Race:
    ours, bare = Stopwatch(), Stopwatch()
    app, twin = _expired(made, size), _expired(made, size)
    _take_turns((ours, _ours(app, ours)), (bare, _bare(made, twin, list(_prepared(twin, size)))))
    return Race(_pace(ours, size), _pace(bare, size), ours.pace.per_second / bare.pace.per_second)


def _take_turns(*runners: tuple[Stopwatch, Iterator[int]]) -> None:
    while sum(watch.run(stretch) for watch, stretch in runners):
        pass


def _pace(watch: Stopwatch, size: int) -> Pace:
    assert watch.wallets == size, "every wallet is booked, and once"
    return watch.pace


def _ours(app: Engine, watch: Stopwatch) -> Iterator[int]:
    """Sweep, and work until the list is empty; the wallets booked with each message.

    Once, unless the engine could not answer for a shard in time: that one is left to the next sweep.
    """
    queue, unread = List(), True
    while unread:
        with watch.index():
            unread = sweep(app.store, queue).unread > 0
        while queue.bodies:
            match messages.read(queue.bodies.pop(0)):
                case Cursor() as cursor:
                    with watch.index():
                        follow(app.store, queue, cursor)
                case group:
                    yield settle_together(app, group.wallets, PATIENCE).booked


def _bare(made: Bench, app: Engine, transactions: list[list[Any]]) -> Iterator[int]:
    client, table = dynamodb(made.endpoint), app.store.tables.wallets_name
    for items in transactions:
        keys = [{name: put["Put"]["Item"][name] for name in ("pk", "sk")} for put in items[::2]]
        client.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
        client.transact_write_items(TransactItems=items)
        yield len(items) // 2


def _prepared(app: Engine, size: int) -> Iterator[list[Any]]:
    """The transactions that settle those wallets, a wallet and its entry in turns."""
    now = app.store.now()
    for start in range(0, size, GROUP_WALLETS):
        due = [settlement(_wallet(number), now, app.policy) for number in range(start, start + GROUP_WALLETS)]
        for group in transactions_of(app.store, [each for each in due if each is not None]):
            yield [{"Put": put} for written in group for put in written.puts]


def _price(made: Bench, lots: int) -> Price:
    app = _expired(made, GROUP_WALLETS, lots)
    meter = Meter(
        app.store.connections.reads.client, app.store.connections.commits.client, peek=dynamodb(made.endpoint)
    )
    wallets = [WalletId(_wallet(number).customer, CURRENCY) for number in range(GROUP_WALLETS)]
    with meter.running() as bill:
        settled = settle_together(app, wallets, PATIENCE)
    assert settled.booked == GROUP_WALLETS
    return Price(lots, bill.round_trips, bill.write_units / GROUP_WALLETS, bill.index_units / GROUP_WALLETS)


def _expired(made: Bench, size: int, lots: int = 1) -> Engine:
    """An engine over tables with that many wallets, of each of which one lot has expired."""
    name = uuid.uuid4().hex[:8]
    own = replace(made, wallets=f"{made.wallets}-{name}", ledger=f"{made.ledger}-{name}")
    create_tables(own.endpoint, own.wallets, own.ledger)
    client = dynamodb(own.endpoint)
    for start in range(0, size, BATCH):
        numbers = range(start, min(start + BATCH, size))
        puts: Any = [{"PutRequest": {"Item": item_of(wallet_attributes(_wallet(number, lots)))}} for number in numbers]
        client.batch_write_item(RequestItems={own.wallets: puts})
    return own.engine()


def _wallet(number: int, lots: int = 1) -> Wallet:
    """As grants of a promotion leave it: the first lot has expired, the others live for ever."""
    return Wallet(
        customer=f"customer-{number:06}",
        currency=CURRENCY,
        version=lots,
        lots=tuple(_lot(sequence) for sequence in range(1, lots + 1)),
        entry_at=EXPIRED_AT - DAY_MS,
    )


def _lot(sequence: int) -> Lot:
    return Lot(
        id=f"lot_{sequence}",
        kind=Kind.PROMOTION,
        lot_class=CLASS_OF_KIND[Kind.PROMOTION],
        granted=1_000_000,
        remaining=999_990,
        held=0,
        priority=50,
        effective_at=EXPIRED_AT - 30 * DAY_MS,
        expires_at=EXPIRED_AT if sequence == 1 else FAR_AWAY + sequence * DAY_MS,
        conditions=None,
        source=Source("campaign", f"spring-{sequence}"),
    )
