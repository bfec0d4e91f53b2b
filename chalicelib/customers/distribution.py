"""How the spend of all customers is distributed: counters of customers by bucket of lifetime spend, for percentiles.

    document   d#<profile shard> / currency     how many customers of the shard stand in each bucket

Who has an order that stands is counted in the bucket of what all of them are worth. Buckets have whole minor units for
bounds and are 2 % wide, one unit where that is more; the counters are written in the transaction that changes the
profile, so they are exact, and all that a percentile read from them is off by is the width of a bucket.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator

from chalicelib.customers.activity import Activity
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import SHARDS, shard_of
from chalicelib.ledger.conditions import BASIS_POINTS
from chalicelib.store.documents import Documents, Key
from chalicelib.store.writes import Write

MOST_SPEND = 10**15
"""Minor units; who spent more stands in the last bucket."""
WIDTH_BASIS_POINTS = 200
"""Of a bucket, from its least spend."""


def _bounds() -> Iterator[int]:
    bound = 0
    while bound <= MOST_SPEND:
        yield bound
        bound = max(bound + 1, bound * (BASIS_POINTS + WIDTH_BASIS_POINTS) // BASIS_POINTS)


BOUNDS = tuple(_bounds())
"""The least spend of each bucket."""


def bucket_of(total: int) -> int:
    """The bucket that a spend (minor units) stands in."""
    return bisect_right(BOUNDS, max(0, total)) - 1


def moved(documents: Documents, changes: Iterable[tuple[Profile, Profile]]) -> list[Write]:
    """What is to be counted when these profiles change, each from one to the other; let it go with the profiles' own
    writes. Profiles of one shard share their counters, which one transaction may only name once."""
    added: dict[Key, Counter[str]] = {}
    for before, after in changes:
        for sign, activity in ((-1, before.activity), (1, after.activity)):
            for currency, bucket in _standing(activity).items():
                counted = added.setdefault((f"d#{shard_of(before.customer)}", currency), Counter())
                counted[str(bucket)] += sign
    told = {key: {bucket: number for bucket, number in each.items() if number} for key, each in added.items()}
    return [documents.count(key, told[key]) for key in sorted(told) if told[key]]


def threshold(documents: Documents, currency: str, percentile: int) -> int | None:
    """The spend (minor units) from which a customer is above that percentile (80: among the top 20 %), by nearest rank;
    None where nobody has an order. It is at most 2 % below the exact one and never above it, so everybody who belongs
    is in; who spent up to 2 % less than the last of them may be too.

    :raises Unread: DynamoDB could not be read, retries included
    """
    assert 0 <= percentile <= 100
    found = documents.get_many((f"d#{shard}", currency) for shard in SHARDS)
    counts: Counter[int] = Counter()
    for document in found.values():
        counts.update({int(bucket): number for bucket, number in document.counts.items()})
    customers = counts.total()
    rank = min(customers, percentile * customers // 100 + 1)
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0 < counts[bucket]:
            return BOUNDS[bucket]
    return None


def _standing(activity: Activity) -> dict[str, int]:
    return {currency: bucket_of(each.total) for currency, each in activity.lifetime.items() if each.count > 0}
