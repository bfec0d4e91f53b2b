"""Evaluating segments: ten trees in one pass over 20,000 profiles, against a bare parallel read of the same profiles.

Shards are read by as many threads as a preview has. The bare read is plain boto3 as everybody writes it: the same
queries in as many threads, page after page. Once it only reads; once it also inflates and parses each item, which
whoever looks into a profile cannot do without. The three take turns, so that whatever else the machine does meets all.
Memory is what the pass holds at its highest, measured for a quarter of the profiles and for all of them: flat means
that it does not grow with them.
"""

from __future__ import annotations

import json
import random
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date
from statistics import median
from typing import Any

from bench.workload import Bench
from chalicelib.customers import distribution
from chalicelib.customers.activity import Activity, newest_order, with_email, with_orders
from chalicelib.customers.profile import Address, Consents, Person, Profile
from chalicelib.customers.store import SHARDS, Profiles
from chalicelib.customers.traces import trace_of
from chalicelib.ledger.limits import DAY_MS
from chalicelib.segments import matching
from chalicelib.segments.evaluation import evaluate, facts_for
from chalicelib.segments.matching import Matcher
from chalicelib.segments.preview import THREADS
from chalicelib.segments.templates import instantiate
from chalicelib.segments.where import parse
from chalicelib.store.reading import Store
from chalicelib.store.writes import commit
from dev.engine import dynamodb

PROFILES = 20_000
QUARTER = len(SHARDS) // 4
"""Shards of the smaller pass."""
ROUNDS = 3
MEMORY_ROUNDS = 2
PAGE = 500
"""Profiles of one query."""
BATCH = 25
"""Items that one BatchWriteItem takes."""
SEED = 4
TREES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lapsed_regulars", {}),
    ("engaged_never_bought", {}),
    ("cooled_subscribers", {}),
    ("birthday_soon", {}),
    ("once_loyal_big_spenders", {}),
    ("vip", {}),
    ("high_value_high_intent", {}),
    ("small_baskets", {}),
    ("viewed_products_never_bought", {"products": ["product-1", "product-2"]}),
    ("bought_product_in_period", {"products": ["product-3"]}),
)


@dataclass(frozen=True, slots=True)
class Evaluating:
    """Seconds for one pass, medians of the rounds; the ratios are medians of those of each round."""

    profiles: int
    trees: int
    ours_seconds: float
    read_seconds: float
    read_and_parse_seconds: float
    to_read: float
    to_read_and_parse: float
    ours_cpu_us: float
    """CPU of this process for one profile, reading included."""
    match_us: float
    """CPU of matching alone, all trees, for one profile."""
    memory_bytes: int
    memory_of_a_quarter_bytes: int


def show(measured: Evaluating) -> None:
    """As lines on the screen."""
    print(f"\nSegments: {measured.trees} trees in one pass over {measured.profiles:,} profiles")
    print(
        f"  {measured.ours_seconds:.2f} s; a parallel read {measured.read_seconds:.2f} s"
        f" ({measured.to_read:.2f} x, at most 1.2),"
        f" read and parsed {measured.read_and_parse_seconds:.2f} s ({measured.to_read_and_parse:.2f} x)"
    )
    print(
        f"  CPU of a profile {measured.ours_cpu_us:.0f} us, of matching {measured.match_us:.0f} us; memory"
        f" {measured.memory_bytes / 1e6:.1f} MB, of a quarter {measured.memory_of_a_quarter_bytes / 1e6:.1f} MB"
    )


def segments(made: Bench) -> Evaluating:
    made = made.aside()
    store = made.engine().store
    _settle(made, store)
    now = store.now()
    facts = facts_for(store, UTC, now, "EUR")
    matchers = [matching.compile(parse(instantiate(name, given)), facts) for name, given in TREES]
    client = dynamodb(made.endpoint)

    def ours(shard: str) -> int:
        return sum(_evaluated(store, matchers, shard))

    def read(shard: str) -> int:
        return sum(len(page) for page in _pages(client, made.customers, shard))

    def read_and_parse(shard: str) -> int:
        return sum(
            len([json.loads(zlib.decompress(item["body"]["B"])) for item in page])
            for page in _pages(client, made.customers, shard)
        )

    rounds, cpu = [], []
    for number in range(ROUNDS + 1):
        began = time.process_time()
        ours_seconds = _timed(ours)
        spent = time.process_time() - began
        if number:  # the first round warms everything up
            cpu.append(spent)
            rounds.append((ours_seconds, _timed(read), _timed(read_and_parse)))
        else:
            _timed(read)
    return Evaluating(
        profiles=PROFILES,
        trees=len(TREES),
        ours_seconds=median(each[0] for each in rounds),
        read_seconds=median(each[1] for each in rounds),
        read_and_parse_seconds=median(each[2] for each in rounds),
        to_read=median(each[0] / each[1] for each in rounds),
        to_read_and_parse=median(each[0] / each[2] for each in rounds),
        ours_cpu_us=median(cpu) / PROFILES * 1e6,
        match_us=_matching(store, matchers),
        memory_bytes=_memory(ours, SHARDS),
        memory_of_a_quarter_bytes=_memory(ours, SHARDS[:QUARTER]),
    )


def _evaluated(store: Store, matchers: list[Matcher], shard: str) -> Iterator[int]:
    source, after = Profiles(store), None
    while True:
        profiles, after = source.looked_at(shard, after, PAGE)
        yield evaluate(store, profiles, matchers, lambda profile, first: (profile.customer, first)).seen
        if after is None:
            return


def _pages(client: Any, table: str, shard: str) -> Iterator[list[Any]]:
    more: dict[str, Any] = {}
    while True:
        answer = client.query(
            TableName=table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": shard}},
            ConsistentRead=True,
            Limit=PAGE,
            **more,
        )
        yield answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _timed(work: Callable[[str], int]) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        done = sum(pool.map(work, SHARDS))
    spent = time.perf_counter() - began
    assert done == PROFILES, "every profile is read, and once"
    return spent


def _matching(store: Store, matchers: list[Matcher]) -> float:
    profiles = list(Profiles(store).looked_at(SHARDS[0], None, PAGE)[0])
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(ROUNDS):
            evaluate(store, profiles, matchers, lambda profile, _: profile.customer)
        spent.append((time.process_time() - began) / ROUNDS / len(profiles) * 1e6)
    return min(spent)


def _memory(work: Callable[[str], int], shards: tuple[str, ...]) -> int:
    """The most that a pass over these shards holds, one thread: of several, that in which least garbage lay about."""
    held = []
    for _ in range(MEMORY_ROUNDS):
        tracemalloc.start()
        for shard in shards:
            work(shard)
        held.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return min(held)


def _settle(made: Bench, store: Store) -> None:
    """Customers with a plausible year behind them, the same in every run."""
    dice, client, source = random.Random(SEED), dynamodb(made.endpoint), Profiles(store)
    today = store.now() // DAY_MS
    for start in range(0, PROFILES, BATCH):
        people = [a_customer(dice, f"customer-{number:06}", today) for number in range(start, start + BATCH)]
        puts: Any = [{"PutRequest": {"Item": source.write(profile).action["Item"]}} for profile in people]
        client.batch_write_item(RequestItems={made.customers: puts})
        counted = distribution.moved(source.documents, [(Profile(each.customer), each) for each in people])
        commit(store, counted)


def a_customer(dice: random.Random, customer: str, today: int) -> Profile:
    """One with a plausible year behind them."""
    activity = Activity()
    for _ in range(dice.choice((0, 0, 0, 1, 1, 2, 3, 5, 8, 13))):
        day = today - dice.randrange(365)
        activity = with_orders(activity, day, "EUR", 1, dice.randrange(1_000, 20_000))
        bought = [((day, trace_of(f"product-{dice.randrange(500)}")), 1) for _ in range(2)]
        activity = replace(activity, bought=activity.bought.plus(bought))
    for _ in range(dice.choice((0, 0, 2, 5, 10, 20, 40))):
        activity = with_email(activity, today - dice.randrange(365), opens=1, clicks=dice.randrange(2))
    viewed = [
        ((today - dice.randrange(365), trace_of(f"product-{dice.randrange(500)}")), 1)
        for _ in range(dice.choice((0, 3, 10, 30)))
    ]
    activity = replace(activity, viewed=activity.viewed.plus(viewed), recent_orders=newest_order([]))
    person = Person(
        email=f"{customer}@example.com",
        locale=dice.choice(("de", "en", "fr")),
        birth_date=date(1950 + dice.randrange(55), 1 + dice.randrange(12), 1 + dice.randrange(28)),
        consents=Consents(email=dice.random() < 0.7),
        tags=tuple(dice.sample(("vip", "tea", "coffee", "b2b"), dice.randrange(3))),
        attributes={"tier": dice.choice(("basic", "gold"))},
        address=Address(country=dice.choice(("DE", "AT", "FR"))),
        told_at={"email": 1, "locale": 1},
    )
    return Profile(customer, person, activity)
