"""Preview: how many customers a tree selects just now, within a request, whatever the number of customers.

At most PREVIEW_PROFILES profiles are read. Where that is all of them, the figures are exact. Otherwise whole shards
are read as far as that goes: customers lie in the shards by a hash, so each shard is a fair sample of all. With a share
f of the shards read and m members in them, m / f is told, with the half-width of its 95 % interval,
z * sqrt(m (1 - f)) / f. Where not even one shard can be read whole, what was counted is told, as the least that it can
be: error is None. What a percentile may be off by is told beside: it is another kind of error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from math import ceil, sqrt
from threading import Condition

from chalicelib.customers.distribution import WIDTH_BASIS_POINTS
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import SHARDS, Profiles
from chalicelib.runtime.clock import Deadline
from chalicelib.segments import matching
from chalicelib.segments.evaluation import Evaluated, evaluate
from chalicelib.segments.facts import Facts
from chalicelib.segments.fields import FIELDS, Shape
from chalicelib.segments.where import Where, leaves
from chalicelib.store.connections import LONGEST_READ_SECONDS
from chalicelib.store.reading import Store
from chalicelib.store.signals import Unread

PREVIEW_PROFILES = 10_000
"""Profiles that one preview reads at the most."""
PAGE_PROFILES = 500
"""Profiles of one query: half a megabyte or so."""
THREADS = 8
"""Shards read at once."""
SAMPLE = 20
"""Members that a preview names."""
Z_95 = 1.96


@dataclass(frozen=True, slots=True)
class Preview:
    """`matched` of `total` customers. `error` is the half-width of the 95 % interval of `matched`: 0 where it is exact,
    None where both are only the least that they can be. `percentile_error`, in basis points: by how much less than one
    has to have spent to be at a percentile a member may have spent; None where the tree asks for none."""

    matched: int
    total: int
    sample: tuple[str, ...]
    evaluated_at: int
    exact: bool
    error: int | None
    percentile_error: int | None = None


@dataclass(slots=True)
class _Counted:
    """What was read of one shard."""

    whole: bool = False
    total: int = 0
    matched: int = 0
    sample: list[str] = field(default_factory=list)


class _Budget:
    """How many profiles may still be read, by several threads."""

    def __init__(self, profiles: int) -> None:
        self._left = profiles
        self._taken = 0
        self._change = Condition()

    def take(self, seconds: float) -> int:
        """As many as one page may have. While there are none left, others may have taken more than they need: it waits
        for those, so long at the most."""
        with self._change:
            self._change.wait_for(lambda: self._left or not self._taken, seconds)
            taken = min(PAGE_PROFILES, self._left)
            self._left -= taken
            self._taken += taken
            return taken

    def settle(self, taken: int, read: int) -> None:
        """Of those that were taken so many were read; the others are there again."""
        with self._change:
            self._taken -= taken
            self._left += taken - read
            self._change.notify_all()

    @property
    def left(self) -> int:
        return self._left


def preview(store: Store, where: Where, facts: Facts, deadline: Deadline, profiles: int = PREVIEW_PROFILES) -> Preview:
    """How many customers are members at the facts' instant. It stops reading in time for the deadline.

    :raises Unread: something could not be read
    """
    matcher = matching.compile(where, facts)
    source, budget = Profiles(store), _Budget(profiles)

    def count(shard: str) -> _Counted:
        return _count(shard, source, budget, deadline, lambda page: evaluate(store, page, [matcher], _customer))

    counted = [count(SHARDS[0])]
    with ThreadPoolExecutor(THREADS) as pool:
        while len(counted) < len(SHARDS) and budget.left and all(each.whole for each in counted):
            # As many more as there is room for, if they are as large as the largest; else one, which may be smaller.
            # What is cut short counts for nothing.
            more = max(1, budget.left // max(1, *(each.total for each in counted)))
            counted += pool.map(count, SHARDS[len(counted) : len(counted) + more])
    asks = any(FIELDS[leaf.field].shape is Shape.PERCENTILE for leaf in leaves(where))
    return replace(_told(counted, facts.now), percentile_error=WIDTH_BASIS_POINTS if asks else None)


def _count(
    shard: str,
    source: Profiles,
    budget: _Budget,
    deadline: Deadline,
    members: Callable[[Iterable[Profile]], Evaluated[str]],
) -> _Counted:
    counted = _Counted()
    after: str | None = None
    while (seconds := deadline.remaining_seconds - LONGEST_READ_SECONDS) > 0 and (limit := budget.take(seconds)):
        read = 0
        try:
            page, after = source.looked_at(shard, after, limit)
            found = members(page)
            read = found.seen
        finally:
            budget.settle(limit, read)
        counted.total += found.standing
        counted.matched += len(found.matched)
        counted.sample += found.matched[: SAMPLE - len(counted.sample)]
        if after is None:
            counted.whole = True
            break
    return counted


def _customer(profile: Profile, _first: int) -> str:
    return profile.customer


def _told(counted: Sequence[_Counted], now: int) -> Preview:
    whole = [each for each in counted if each.whole]
    sample = tuple(customer for each in counted for customer in each.sample)[:SAMPLE]
    if not whole:
        if not any(each.total for each in counted):
            raise Unread("no time was left to read profiles")
        matched, total = sum(each.matched for each in counted), sum(each.total for each in counted)
        return Preview(matched, total, sample, now, exact=False, error=None)
    matched, total = sum(each.matched for each in whole), sum(each.total for each in whole)
    if len(whole) == len(SHARDS):
        return Preview(matched, total, sample, now, exact=True, error=0)
    share = len(whole) / len(SHARDS)
    # One more than was found: that none was found does not say that there is none.
    error = ceil(Z_95 * sqrt((matched + 1) * (1 - share)) / share)
    return Preview(_scaled(matched, len(whole)), _scaled(total, len(whole)), sample, now, exact=False, error=error)


def _scaled(number: int, shards: int) -> int:
    return (number * len(SHARDS) + shards // 2) // shards
