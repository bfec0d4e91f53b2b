"""One shard of a run's audience, piece by piece: who matches, in which group, for how much.

Each piece begins where the one before says, and is only ever put where there is none. So of two workers with the same
shard the second goes on from what the first wrote, and every customer is in one piece. All shards are evaluated as of
the instant at which the run began; what a profile says is what it says when its page is read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace

from chalicelib.campaigns.amounts import amount_of
from chalicelib.campaigns.model import Campaign, held_out
from chalicelib.campaigns.release import messages
from chalicelib.campaigns.release.deciding import received
from chalicelib.campaigns.release.messages import Job, ReleaseQueue
from chalicelib.campaigns.release.noting import releasing
from chalicelib.campaigns.release.operations import mark_of
from chalicelib.campaigns.release.pieces import (
    HOLDOUT,
    LISTED,
    NO_BASIS,
    NOT_ENTITLED,
    PIECE_MEMBERS,
    Member,
    Piece,
    Totals,
    shards_of,
    totals_of,
)
from chalicelib.campaigns.release.run import Run
from chalicelib.campaigns.schedule import entitled
from chalicelib.customers.days import day_of
from chalicelib.customers.passing import MAX_IDS_ASKED
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import Profiles
from chalicelib.runtime.clock import Deadline
from chalicelib.segments import matching
from chalicelib.segments.evaluation import Evaluated, evaluate, facts_for
from chalicelib.segments.facts import Facts
from chalicelib.segments.matching import Matcher
from chalicelib.segments.where import parse
from chalicelib.store.backoff import after_lost_race
from chalicelib.store.commit import Engine
from chalicelib.store.release import Mark, read_marks
from chalicelib.store.signals import Signal
from chalicelib.store.writes import commit

PAGE_PROFILES = 200
"""Profiles that are read at once; they may fill a megabyte, which ends a page of the table."""
PAGE_SECONDS = 10.0
"""What a page, its wallets and the writing of a piece may take; with less time left the rest is handed on."""


def evaluate_shard(engine: Engine, queue: ReleaseQueue, job: Job, deadline: Deadline) -> bool:
    """Write the pieces of a shard that are not there yet, as far as the deadline allows; the rest is handed on. Whether
    the message is done with.

    :raises Unread: something could not be read; the pieces that were written stay
    """
    run = Run(engine.store, job.campaign, job.run)
    audience: Audience | None = None
    campaign: Campaign | None = None
    last = run.last_piece(job.shard)
    while last is None or last.after is not None:
        campaign = releasing(engine, job)
        if campaign is None:
            return True
        if deadline.remaining_seconds < PAGE_SECONDS:
            return not queue.send([messages.written(job)])
        audience = audience or Audience(engine, campaign, job.shard)
        piece = audience.piece_after(last, deadline)
        signal = commit(engine.store, run.put_piece(piece))
        if signal is Signal.COMMITTED:
            last = piece
        else:
            engine.sleep(after_lost_race(1, engine.uniform))
            last = run.last_piece(job.shard)
    campaign = campaign or releasing(engine, job)
    if campaign is None or not run.shards().keys() >= set(shards_of(campaign)):
        return True
    return not queue.send([messages.written(Job(messages.PLAN, job.campaign, job.run))])


class Audience:
    """The members of one shard of a run."""

    def __init__(self, engine: Engine, campaign: Campaign, shard: str) -> None:
        store, zone = engine.store, engine.policy.zone
        assert campaign.started_at is not None, "a run that is being released has begun"
        self._store = store
        self._campaign = campaign
        self._shard = shard
        self._profiles = Profiles(store)
        self._lists = [frozenset(group.customers) for group in campaign.groups]
        self._listed = sorted(frozenset[str]().union(*self._lists))
        self._facts = facts = facts_for(store, zone, campaign.started_at, campaign.currency)
        self._matchers = [
            _of_list(names, facts) if group.where is None else matching.compile(parse(group.where), facts)
            for group, names in zip(campaign.groups, self._lists, strict=True)
        ]
        self._several = set[str]()
        """Customers into whom others were merged."""
        self._today = day_of(campaign.given_at, zone)

    def piece_after(self, before: Piece | None, deadline: Deadline) -> Piece:
        """The next piece: it ends when it is full, with the shard, or with the time."""
        members: list[Member] = []
        after = before.after if before else None
        while True:
            evaluated, behind = self._page(after)
            after = self._take(evaluated, behind, members)
            if after is None or len(members) == PIECE_MEMBERS or deadline.remaining_seconds < PAGE_SECONDS:
                break
        kept = self._entitled(members)
        totals = (before.totals if before else Totals()).plus(totals_of(kept))
        return Piece(self._shard, before.number + 1 if before else 1, tuple(kept), after, totals)

    def _take(self, evaluated: Evaluated[Member], behind: str | None, members: list[Member]) -> str | None:
        """Add those who match, as long as there is room; where the shard goes on behind them."""
        members += evaluated.matched[: PIECE_MEMBERS - len(members)]
        if len(members) == PIECE_MEMBERS and members[-1].customer != evaluated.last:
            return members[-1].customer
        return behind

    def _page(self, after: str | None) -> tuple[Evaluated[Member], str | None]:
        """Those behind a customer whom the campaign is for, and where the next page begins."""
        if self._shard != LISTED:
            profiles, behind = self._profiles.looked_at(self._shard, after, PAGE_PROFILES)
            unlisted = (each for each in profiles if not self._is_listed(each.customer))
            return evaluate(self._store, unlisted, self._matchers, self._known_member), behind
        start = 0 if after is None else bisect_right(self._listed, after)
        customers = self._listed[start : start + PAGE_PROFILES]
        more = start + len(customers) < len(self._listed)
        return self._named(customers), customers[-1] if more else None

    def _named(self, customers: Sequence[str]) -> Evaluated[Member]:
        """Those whom a group names: of whom nothing is known, the groups of a tree do not count."""
        known = self._profiles.people(customers)
        profiles = (each.profile for each in known.values())
        evaluated = evaluate(
            self._store, profiles, self._matchers, self._known_member, lambda profile: known[profile.customer].stands
        )
        found = {each.customer: each for each in evaluated.matched}
        for customer in customers:
            if customer not in known:
                place = next(place for place, names in enumerate(self._lists) if customer in names)
                found[customer] = self._member(customer, None, place)
        matched = [found[customer] for customer in customers if customer in found]
        return Evaluated(matched, len(customers), len(customers), customers[-1] if customers else None)

    def _is_listed(self, customer: str) -> bool:
        return any(customer in names for names in self._lists)

    def _known_member(self, profile: Profile, place: int) -> Member:
        if profile.depth:
            self._several.add(profile.customer)
        return self._member(profile.customer, profile, place)

    def _member(self, customer: str, profile: Profile | None, place: int) -> Member:
        campaign = self._campaign
        amount = amount_of(campaign.groups[place].amount, profile, self._facts)
        if amount is None:
            return Member(customer, place, 0, NO_BASIS)
        out = held_out(campaign.id, customer, campaign.holdout_basis_points)
        return Member(customer, place, amount, HOLDOUT if out else None)

    def _entitled(self, members: list[Member]) -> list[Member]:
        """Of a campaign that repeats: without those who received it lately, or often enough, by whichever id. Where a
        run is for those who came in since, the others are no part of its audience."""
        repeat = self._campaign.repeat
        if repeat is None or not members:
            return members
        marks = self._marks_of([member.customer for member in members])
        told: list[Member] = []
        for member, mark in zip(members, marks, strict=True):
            others = self._others(member.customer) if member.customer in self._several else ()
            if entitled(repeat, *received((mark, *others)), self._today):
                told.append(member)
            elif not repeat.on_entry:
                told.append(replace(member, reason=member.reason or NOT_ENTITLED))
        return told

    def _others(self, customer: str) -> list[Mark | None]:
        """Marks of the other ids of a person."""
        ids = self._profiles.ids_of(customer, MAX_IDS_ASKED)
        return self._marks_of(each for each in ids if each != customer)

    def _marks_of(self, customers: Iterable[str]) -> list[Mark | None]:
        return read_marks(self._store, [mark_of(self._campaign.id, each) for each in customers])


def _of_list(names: frozenset[str], facts: Facts) -> Matcher:
    """A group that names its customers."""
    return Matcher(lambda profile, _wallet_of: profile.customer in names, False, (), facts)
