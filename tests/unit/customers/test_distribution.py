"""Percentiles of spend, from counters by bucket: at most 2 % below the exact ones, and never above."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from chalicelib.customers.activity import Activity, with_orders
from chalicelib.customers.distribution import BOUNDS, MOST_SPEND, bucket_of, moved, threshold
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import SHARDS, shard_of
from chalicelib.runtime.clock import SystemClock
from chalicelib.store.documents import Documents
from chalicelib.store.reading import Store
from chalicelib.store.signals import Signal
from chalicelib.store.writes import commit
from tests.unit.edge.cupboard import Cupboard


def test_buckets_are_two_percent_wide() -> None:
    assert BOUNDS[:4] == (0, 1, 2, 3)
    for low, high in pairwise(BOUNDS):
        assert low < high <= max(low + 1, low * 51 // 50)
    assert len(BOUNDS) < 2_000


@pytest.mark.parametrize("spend", [0, 1, 49, 50, 51, 12_345, 10**9, MOST_SPEND, MOST_SPEND * 7])
def test_a_spend_stands_in_the_bucket_that_begins_below_it(spend: int) -> None:
    bound = BOUNDS[bucket_of(spend)]
    assert bound <= spend
    assert spend > MOST_SPEND or spend - bound <= spend // 50


def spent(customer: str, total: int, count: int = 1) -> tuple[Profile, Profile]:
    return Profile(customer), Profile(customer, activity=with_orders(Activity(), 1, "EUR", count, total))


def counted(changes: list[tuple[Profile, Profile]]) -> Documents:
    """The counters, as they are stored, when nothing was counted before."""
    cupboard = Cupboard()
    store = Store(cupboard.bound, cupboard.connections, SystemClock(), test_clock=False)
    documents = Documents(store, store.tables.customers_name)
    writes = moved(documents, changes)
    if writes:
        assert commit(store, writes) is Signal.COMMITTED
    return documents


@pytest.mark.parametrize("percentile", [0, 50, 80, 90, 100])
def test_a_percentile_is_near_the_exact_one(percentile: int) -> None:
    dice = random.Random(percentile)
    totals = [int(10 ** dice.uniform(0, 8)) for _ in range(300)]
    there = counted([spent(f"c{place}", total) for place, total in enumerate(totals)])
    exact = sorted(totals)[min(len(totals), percentile * len(totals) // 100 + 1) - 1]
    found = threshold(there, "EUR", percentile)
    assert found is not None
    assert exact * 0.98 - 1 <= found <= exact
    assert threshold(there, "USD", percentile) is None


def test_whoever_is_alone_is_at_the_top() -> None:
    there = counted([spent("c", 10_000)])
    assert (threshold(there, "EUR", 80) or 0) <= 10_000


def test_an_order_of_nothing_counts_and_a_cancelled_one_does_not() -> None:
    there = counted([spent("a", 0), spent("b", 0, count=0)])
    assert threshold(there, "EUR", 50) == 0
    assert moved(there, [spent("b", 0, count=0)]) == []


def test_two_profiles_of_one_shard_are_counted_in_one_write() -> None:
    same = [f"c{number}" for number in range(200) if shard_of(f"c{number}") == SHARDS[0]][:2]
    there = counted([])
    assert len(moved(there, [spent(customer, 100) for customer in same])) == 1
