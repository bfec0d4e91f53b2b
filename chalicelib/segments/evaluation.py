"""Evaluation: many trees over pages of profiles, each profile looked at once, whatever the number of trees.

Wallets are read for those only about whom a tree cannot decide without, and in batches. The percentiles of spend are
those of the distribution that is kept current with the orders (see `customers.distribution`: up to 2 % of spend below
the exact one, never above it), wherever a tree is evaluated and however few customers there are: so a preview, the list
of members and a release agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache
from operator import itemgetter
from typing import Generic, TypeVar

from chalicelib.customers.distribution import threshold
from chalicelib.customers.profile import Profile
from chalicelib.ledger.model import Wallet
from chalicelib.segments.facts import Facts
from chalicelib.segments.matching import Matcher, gone, unread
from chalicelib.segments.questions import Asked
from chalicelib.store.documents import Documents
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store

T = TypeVar("T")
Holder = Callable[[Profile], str]
WALLETS_A_READ = 99
"""Wallets that one round trip reads; the clock is the hundredth key."""


def facts_for(store: Store, zone: tzinfo, now: int, currency: str | None = None) -> Facts:
    """What trees are matched under at `now` (milliseconds) for a merchant in this zone. The distribution of spend is
    read when a tree first asks for it, once for each currency and percentile."""
    documents = Documents(store, store.tables.customers_name)

    @cache
    def spend_at(of: str, percentile: int) -> int | None:
        return threshold(documents, of, percentile)

    return Facts(now, zone, currency, spend_at)


def itself(profile: Profile) -> str:
    """Of nearly everybody."""
    return profile.customer


@dataclass(frozen=True, slots=True)
class Evaluated(Generic[T]):
    """What came of some profiles: `matched` in their order, `seen` are all of them, `standing` those who were neither
    erased nor merged into another, `last` is the customer whose profile came last."""

    matched: list[T]
    seen: int
    standing: int
    last: str | None


def evaluate(
    store: Store,
    profiles: Iterable[Profile],
    matchers: Sequence[Matcher],
    told: Callable[[Profile, int], T],
    holder: Holder = itself,
) -> Evaluated[T]:
    """What is `told` of each profile that is known to match, and of the first matcher that it matches. `holder` is
    whose wallets count as the customer's.

    A profile is let go as soon as it is decided about: kept are those that wait for their wallets. So the memory is
    flat, and the garbage collector has nothing to go through.

    :raises Unread: wallets or the distribution could not be read
    """
    found: list[tuple[int, T]] = []
    undecided: list[tuple[int, Profile]] = []
    asking = [(number, matcher.asked, matcher.needs_wallet) for number, matcher in enumerate(matchers)]
    seen = standing = 0
    last: str | None = None
    for seen, profile in enumerate(profiles, start=1):
        last = profile.customer
        if gone(profile):
            continue
        standing += 1
        first, decided = _first(profile, asking)
        if not decided:
            undecided.append((seen, profile))
        elif first is not None:
            found.append((seen, told(profile, first)))
    if undecided:
        needing = [matcher for matcher in matchers if matcher.needs_wallet]
        wallets = _wallets(store, (profile for _, profile in undecided), needing, holder)
        for place, profile in undecided:
            first = _with_wallets(profile, matchers, wallets, holder)
            if first is not None:
                found.append((place, told(profile, first)))
        found.sort(key=itemgetter(0))
    return Evaluated([each for _, each in found], seen, standing, last)


def _first(profile: Profile, asking: Iterable[tuple[int, Asked, bool]]) -> tuple[int | None, bool]:
    """The first match, and whether that is certain without any wallet."""
    for number, asked, needs_wallet in asking:
        verdict = asked(profile, unread)
        if verdict:
            return number, True
        if verdict is None and needs_wallet:
            return None, False
    return None, True


def _with_wallets(
    profile: Profile, matchers: Sequence[Matcher], wallets: dict[WalletId, Wallet], holder: Holder
) -> int | None:
    def wallet_of(currency: str) -> Wallet | None:
        return wallets.get(WalletId(holder(profile), currency))

    return next((number for number, each in enumerate(matchers) if each.matches(profile, wallet_of)), None)


def _wallets(
    store: Store, profiles: Iterable[Profile], matchers: Sequence[Matcher], holder: Holder
) -> dict[WalletId, Wallet]:
    asked = (
        WalletId(holder(profile), currency)
        for profile in profiles
        for currency in frozenset[str]().union(*(matcher.currencies(profile) for matcher in matchers))
    )
    wanted = list(dict.fromkeys(asked))
    found: dict[WalletId, Wallet] = {}
    for start in range(0, len(wanted), WALLETS_A_READ):
        batch = wanted[start : start + WALLETS_A_READ]
        wallets, _now = store.wallets(batch)
        found.update(zip(batch, wallets, strict=True))
    return found
