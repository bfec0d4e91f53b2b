"""Forecast: how many a campaign would reach now, and what it would cost, within a request.

At most FORECAST_PROFILES profiles are read, shard by shard. Where that is all of them, the figures are exact. Otherwise
they are those of the shards that were read whole, scaled up: customers lie in the shards by a hash, so each is a fair
sample of all. Customers whom the campaign names are looked at one by one, and are exact in any case.

    audience   all who match
    holdout    those of them who would be granted something, and are kept out
    liability  what the others would be granted, as far as the budget goes; amounts: theirs
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from chalicelib.campaigns.amounts import amount_of
from chalicelib.campaigns.checking import current
from chalicelib.campaigns.model import Campaign, Group, State, held_out
from chalicelib.campaigns.queries import documents, one
from chalicelib.campaigns.schedule import instant_of
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import SHARDS, Profiles
from chalicelib.ledger.limits import DAY_MS
from chalicelib.ledger.lots import Kind, LotClass
from chalicelib.ledger.policy import expires_at
from chalicelib.ledger.refusals import ExpiresInPast, ExpiryNotPermitted
from chalicelib.runtime.clock import Deadline
from chalicelib.segments import matching
from chalicelib.segments.evaluation import Holder, evaluate, facts_for, itself
from chalicelib.segments.facts import Facts
from chalicelib.segments.matching import Matcher
from chalicelib.segments.where import parse
from chalicelib.store.commit import Engine
from chalicelib.store.connections import LONGEST_READ_SECONDS
from chalicelib.store.reading import Store
from chalicelib.store.signals import Unread

FORECAST_PROFILES = 10_000
"""Profiles that one forecast reads at the most, beside those of customers that the campaign names."""
PAGE_PROFILES = 500
"""Profiles of one query: half a megabyte or so."""
THREADS = 8
"""Shards read at once."""
LARGE_AUDIENCE = 1_000_000
"""Customers past which a release takes hours."""
FEW = 2
"""Where fewer than one in so many may be told, there is a warning."""
HISTORY_DAYS = 30
"""How long credit must have been usable before what was redeemed of it tells of campaigns like its own."""
_CONSENTED = frozenset({"email", "sms", "push"})
"""Channels that a customer consents to."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Minor units."""

    min: int
    median: int
    max: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a campaign would come to at `evaluated_at` (milliseconds). Without `exact`, the counts are scaled up."""

    audience: int
    holdout: int
    liability: int
    amounts: Amounts | None
    """None: nobody would be granted anything."""
    warnings: tuple[str, ...]
    exact: bool
    evaluated_at: int


@dataclass(slots=True)
class _Tally:
    """Of some customers: counts, and how many would be granted each amount."""

    seen: int = 0
    audience: int = 0
    holdout: int = 0
    no_basis: int = 0
    consenting: int = 0
    """Of those who would be granted something: over one of the campaign's channels they may be told."""
    amounts: Counter[int] = field(default_factory=Counter)
    whole: bool = False

    def add(self, other: _Tally, factor: float = 1.0) -> None:
        self.audience += round(other.audience * factor)
        self.holdout += round(other.holdout * factor)
        self.no_basis += round(other.no_basis * factor)
        self.consenting += round(other.consenting * factor)
        for amount, number in other.amounts.items():
            self.amounts[amount] += number if factor == 1.0 else max(1, round(number * factor))


class _Audience:
    """Who is in which of a campaign's groups, at one moment."""

    def __init__(self, store: Store, campaign: Campaign, groups: Sequence[Group], facts: Facts) -> None:
        self._store = store
        self._campaign = campaign
        self._groups = groups
        self._facts = facts
        self._lists = [frozenset(group.customers) for group in groups]
        self._listed = frozenset[str]().union(*self._lists)
        self._matchers = [
            _of_list(names, facts) if group.where is None else matching.compile(parse(group.where), facts)
            for group, names in zip(groups, self._lists, strict=True)
        ]

    def count(self, tally: _Tally, page: Iterable[Profile]) -> None:
        """Those of a page whom no group names; and how many there were."""

        def unlisted() -> Iterator[Profile]:
            for profile in page:
                tally.seen += 1
                if profile.customer not in self._listed:
                    yield profile

        self._count(tally, unlisted())

    def count_listed(self, tally: _Tally) -> None:
        """Those whom a group names: each in the first group, by name or by tree; who has no profile, by name."""
        known = Profiles(self._store).people(sorted(self._listed))
        self._count(tally, (each.profile for each in known.values()), lambda profile: known[profile.customer].stands)
        for customer in self._listed - known.keys():
            place = next(number for number, names in enumerate(self._lists) if customer in names)
            self._take(tally, customer, None, self._groups[place])

    def _count(self, tally: _Tally, profiles: Iterable[Profile], holder: Holder = itself) -> None:
        def take(profile: Profile, place: int) -> None:
            self._take(tally, profile.customer, profile, self._groups[place])

        evaluate(self._store, profiles, self._matchers, take, holder)

    def _take(self, tally: _Tally, customer: str, profile: Profile | None, group: Group) -> None:
        tally.audience += 1
        amount = amount_of(group.amount, profile, self._facts)
        if amount is None:
            tally.no_basis += 1
        elif held_out(self._campaign.id, customer, self._campaign.holdout_basis_points):
            tally.holdout += 1
        else:
            tally.amounts[amount] += 1
            tally.consenting += self._consents(profile)

    def _consents(self, profile: Profile | None) -> bool:
        """To any of the channels by which people are to be told, if they are."""
        channels = _CONSENTED.intersection(self._campaign.notify.channels if self._campaign.notify else ())
        if profile is None or not channels:
            return not channels
        return any(getattr(profile.person.consents, each) is True for each in channels)


def _of_list(names: frozenset[str], facts: Facts) -> Matcher:
    """A group that names its customers."""
    return Matcher(lambda profile, _wallet_of: profile.customer in names, False, (), facts)


def forecast(engine: Engine, campaign_id: str, deadline: Deadline, profiles: int = FORECAST_PROFILES) -> Forecast:
    """What a campaign would come to, whatever its state. It stops reading in time for the deadline.

    :raises NotFound: there is no such campaign
    :raises WrongCampaign: a segment of it is gone
    :raises Unread: something could not be read
    """
    store, docs = engine.store, documents(engine.store)
    campaign, now = one(docs, campaign_id), store.now()
    groups = campaign.groups if campaign.scheduled_at is not None else current(docs, campaign)
    facts = facts_for(store, engine.policy.zone, now, campaign.currency)
    audience = _Audience(store, campaign, groups, facts)
    total, exact = _Tally(), True
    audience.count_listed(total)
    if any(group.where is not None for group in groups):
        scanned, factor = _scan(Profiles(store), audience, deadline, profiles)
        total.add(scanned, factor)
        exact = factor == 1.0
    liability = sum(amount * number for amount, number in total.amounts.items())
    left = campaign.budget_left
    found = Forecast(
        audience=total.audience,
        holdout=total.holdout,
        liability=liability if left is None else min(liability, left),
        amounts=_amounts(total.amounts),
        warnings=(),
        exact=exact,
        evaluated_at=now,
    )
    return replace(found, warnings=tuple(_warnings(engine, campaign, total, liability, now)))


def has_had_time(campaign: Campaign, outstanding: int, now: int) -> bool:
    """Whether what was redeemed of a campaign's credit tells how much of it ever will be: its last run's has been
    usable for HISTORY_DAYS, or nothing of any is `outstanding` (minor units)."""
    next_run = campaign.state is State.SCHEDULED or campaign.paused_from is State.SCHEDULED
    usable_at = campaign.previous_release_at if next_run else campaign.release_at
    return outstanding <= 0 or (usable_at is not None and now - usable_at >= HISTORY_DAYS * DAY_MS)


def _scan(profiles: Profiles, audience: _Audience, deadline: Deadline, limit: int) -> tuple[_Tally, float]:
    """What was read, and by what to multiply it. Where not even one shard could be read whole, that is the least."""

    def shard(name: str, most: int) -> _Tally:
        tally, after = _Tally(), None
        while deadline.remaining_seconds > LONGEST_READ_SECONDS and tally.seen < most:
            page, after = profiles.looked_at(name, after, min(PAGE_PROFILES, most - tally.seen))
            audience.count(tally, page)
            if after is None:
                tally.whole = True
                break
        return tally

    first = shard(SHARDS[0], limit)
    read = [first]
    if first.whole:
        # As many more as there is room for, if they are about as large; one that is cut short counts for nothing.
        more = min(len(SHARDS) - 1, (limit - first.seen) // max(1, first.seen))
        each = max(PAGE_PROFILES, 2 * first.seen)
        with ThreadPoolExecutor(THREADS) as pool:
            read += pool.map(lambda name: shard(name, each), SHARDS[1 : 1 + more])
    whole = [each for each in read if each.whole]
    if not whole and not first.seen:
        raise Unread("no time was left to read profiles")
    joined = _Tally()
    for tally in whole or [first]:
        joined.add(tally)
    return joined, len(SHARDS) / max(1, len(whole))


def _amounts(counted: Counter[int]) -> Amounts | None:
    """The median is the lower one of two."""
    total = sum(counted.values())
    if not total:
        return None
    passed = 0
    for amount in sorted(counted):
        passed += counted[amount]
        if 2 * passed >= total:
            return Amounts(min(counted), amount, max(counted))
    raise AssertionError("half of them are passed somewhere")


def _warnings(engine: Engine, campaign: Campaign, total: _Tally, liability: int, now: int) -> list[str]:
    policy = engine.policy
    told = []
    if total.audience == 0:
        told.append("empty_audience")
    elif not total.amounts:
        told.append("nobody_granted")
    if total.no_basis:
        told.append("amount_without_basis")
    if campaign.budget_left is not None and liability > campaign.budget_left:
        told.append("budget_below_liability")
    if total.audience > LARGE_AUDIENCE:
        told.append("large_audience")
    if campaign.currency not in policy.currencies:
        return [*told, "currency_unknown"]
    release_at = campaign.release_at or instant_of(campaign.available_at, now, policy.zone)
    if campaign.release_at is None and release_at < now:
        told.append("available_at_in_past")
    for group in campaign.groups:
        try:
            ends = expires_at(group.expires, Kind.PROMOTION, LotClass.PROMOTIONAL, release_at, now, policy)
        except ExpiryNotPermitted:
            told.append("expiry_not_permitted")
        except ExpiresInPast:
            told.append("expires_before_available")
        else:
            told += ["no_expiry"] if ends is None else []
    if campaign.notify is not None and total.consenting * FEW < sum(total.amounts.values()):
        told.append("missing_consent")
    return list(dict.fromkeys(told))
