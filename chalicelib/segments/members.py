"""Who is a member of a segment, page by page, in the order of the shards: bounded work for each page.

A page reads at most PAGE_QUERIES pages of profiles and as many as it has members to find; so it may be short, or empty,
and still not be the last. What changes meanwhile is seen as it is when the page comes to it.
"""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.customers.store import SHARDS, Profiles
from chalicelib.runtime.clock import Deadline
from chalicelib.segments import matching
from chalicelib.segments.evaluation import evaluate
from chalicelib.segments.facts import Facts
from chalicelib.segments.where import Where
from chalicelib.store.connections import LONGEST_READ_SECONDS
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy

PAGE_QUERIES = 40
"""Pages of profiles that one page of members looks through: more than there are shards."""
PAGE_PROFILES = 250
MAX_PROFILES = 5_000
"""Profiles that one page of members looks at."""

assert len(SHARDS) < PAGE_QUERIES, "a segment of a few customers is one page"


class Place(NamedTuple):
    """How far a list has come: which shard, and the last customer of it that was looked at."""

    shard: str = SHARDS[0]
    after: str | None = None


def members(
    store: Store, where: Where, facts: Facts, place: Place, limit: int, deadline: Deadline
) -> tuple[list[str], Place | None]:
    """At most `limit` members behind a place; and the place to go on from, if there is more to look at.

    :raises Unread: something could not be read
    :raises Busy: there was no time to look at anything
    """
    matcher, source = matching.compile(where, facts), Profiles(store)
    found: list[str] = []
    seen = 0
    started = place
    for _ in range(PAGE_QUERIES):
        if seen >= MAX_PROFILES or deadline.remaining_seconds <= LONGEST_READ_SECONDS:
            break
        page, after = source.looked_at(place.shard, place.after, PAGE_PROFILES)
        evaluated = evaluate(store, page, [matcher], lambda profile, _: profile.customer)
        seen += evaluated.seen
        room = limit - len(found)
        found += evaluated.matched[:room]
        if len(evaluated.matched) > room:
            return found, Place(place.shard, evaluated.matched[room - 1] if room else place.after)
        following = _behind(place.shard, after)
        if following is None:
            return found, None
        place = following
    if place == started:
        raise Busy
    return found, place


def _behind(shard: str, after: str | None) -> Place | None:
    """The place behind a page of a shard; None behind the last one."""
    if after is not None:
        return Place(shard, after)
    following = SHARDS.index(shard) + 1
    return Place(SHARDS[following]) if following < len(SHARDS) else None
