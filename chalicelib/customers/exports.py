"""Every customer, page by page, in the order of the shards: bounded work for each page, and no scan.

A page reads at most PAGE_QUERIES pages of profiles; so it may be short, or empty, and still not be the last. What
changes meanwhile is exported as it is when the page comes to it.
"""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.customers.profile import Profile
from chalicelib.customers.store import SHARDS, Profiles
from chalicelib.ledger.model import Wallet
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store

PAGE_QUERIES = 40
"""Pages of profiles that one page of an export reads."""
WALLETS_READ = 90
"""Wallets that one round trip reads."""

assert len(SHARDS) < PAGE_QUERIES, "an export of a few customers is one page"


class Place(NamedTuple):
    """How far an export has come: which shard, and the last customer of it that was looked at."""

    shard: str = SHARDS[0]
    after: str | None = None


def customers(store: Store, place: Place, limit: int) -> tuple[list[Profile], Place | None]:
    """At most `limit` profiles behind a place, those left out that were erased or merged; and the place to go on from,
    if there is more to look at.

    :raises Unread: they could not be read
    """
    source = Profiles(store)
    found: list[Profile] = []
    following: Place | None = place
    for _ in range(PAGE_QUERIES):
        if following is None or len(found) == limit:
            break
        page, after = source.page(following.shard, following.after, limit - len(found))
        found += [profile for profile in page if not profile.erased and profile.merged_into is None]
        following = _next(following.shard) if after is None else Place(following.shard, after)
    return found, following


def wallets(store: Store, profiles: list[Profile]) -> tuple[list[Wallet], int]:
    """The wallets that these customers are known to have, and the present (milliseconds). One that was made seconds ago
    may not be known yet.

    :raises Unread: they could not be read
    """
    ids = [WalletId(profile.customer, currency) for profile in profiles for currency in profile.activity.wallets]
    found: list[Wallet] = []
    for start in range(0, len(ids), WALLETS_READ):
        read, _ = store.wallets(ids[start : start + WALLETS_READ])
        found += [wallet for wallet in read if wallet.version]
    return found, store.now()


def _next(shard: str) -> Place | None:
    following = SHARDS.index(shard) + 1
    return Place(SHARDS[following]) if following < len(SHARDS) else None
