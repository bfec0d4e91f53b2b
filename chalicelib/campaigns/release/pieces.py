"""What a release is made of: members in pieces, pieces in shards, a plan, and a result for each piece.

The shards are those of the profiles, and one of the customers that the campaign names (LISTED): those are looked at
there and only there, whether they have a profile or not, so that nobody is missed or taken twice who gets one
meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from chalicelib.campaigns.model import Campaign, Summary
from chalicelib.customers.store import SHARDS as PROFILE_SHARDS

Place = tuple[str, int]
"""Of a piece: its shard and number."""

PIECE_MEMBERS = 330
"""Members of a piece: ten groups of wallets that are credited together."""
LISTED = "list"
SHARDS = (*PROFILE_SHARDS, LISTED)
"""In the order in which they share the budget."""
MAX_PIECES_OF_SHARD = 99_999


@dataclass(frozen=True, slots=True)
class Member:
    """A customer who matches, in the group of that place. `reason`: why there is nothing to grant, None where there
    is; `amount` (minor units) is 0 where it is not known."""

    customer: str
    group: int
    amount: int
    reason: str | None = None

    @property
    def planned(self) -> bool:
        return self.reason is None


HOLDOUT = "holdout"
NO_BASIS = "no_basis"
BUDGET_EXHAUSTED = "budget_exhausted"
CANCELLED = "cancelled"
MERGED = "merged"
"""Another id of the same person has it."""
NOT_ENTITLED = "not_entitled"
"""A run of a campaign that repeats has nothing for who received it lately, or often enough."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of members. `liability` is what the planned ones are to be granted (minor units)."""

    audience: int = 0
    holdout: int = 0
    planned: int = 0
    liability: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)

    def plus(self, other: Totals) -> Totals:
        return Totals(
            self.audience + other.audience,
            self.holdout + other.holdout,
            self.planned + other.planned,
            self.liability + other.liability,
            added(self.skipped, other.skipped),
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """`after` is where the shard goes on behind it, None where it is the shard's last."""

    shard: str
    number: int
    members: tuple[Member, ...]
    after: str | None
    totals: Totals
    """Of the shard up to the end of this piece."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard that has all its pieces, numbered from 1."""

    pieces: int
    totals: Totals


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the budget ends: the first `planned` planned members of this piece are within it, and all pieces before;
    nobody behind."""

    shard: str
    number: int
    planned: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Pieces of each shard, as far as somebody is in them; what they come to; and where the budget ends, None: behind
    them all."""

    pieces: Mapping[str, int]
    summary: Summary
    cut: Cut | None = None

    def within_budget(self, shard: str, number: int) -> int:
        """How many of a piece's planned members are within the budget, from its beginning."""
        if self.cut is None:
            return PIECE_MEMBERS
        here, end = (SHARDS.index(shard), number), (SHARDS.index(self.cut.shard), self.cut.number)
        if here == end:
            return self.cut.planned
        return PIECE_MEMBERS if here < end else 0

    def all(self) -> Iterator[Place]:
        """Every piece: the first of each shard, then the second: neighbours are of different shards, and so are the
        figures that their results add to."""
        for number in range(1, max(self.pieces.values(), default=0) + 1):
            for shard in SHARDS:
                if number <= self.pieces.get(shard, 0):
                    yield shard, number


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the members of a piece. Those that are in no list were granted, or are kept out.

    It is complete when each of them has its outcome. `tries` is how often it ended with some that failed.
    """

    complete: bool
    granted: int = 0
    granted_amount: int = 0
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Reason by customer; those past the budget included."""
    failed: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    """Who has no outcome yet."""
    tries: int = 0
    revoked: int | None = None
    """How many were taken back, once the campaign was cancelled."""
    revoked_amount: int = 0
    version: int = 0

    def figures(self) -> dict[str, int]:
        """What it adds to the figures of its shard."""
        return {
            "pieces": int(self.complete),
            "granted": self.granted,
            "granted_amount": self.granted_amount,
            "skipped": len(self.skipped),
            "failed": len(self.failed),
            "revoked_pieces": int(self.revoked is not None),
            "revoked": self.revoked or 0,
            "revoked_amount": self.revoked_amount,
        }


def shards_of(campaign: Campaign) -> tuple[str, ...]:
    """The shards that a campaign's audience is in: one that only names its customers needs no profile looked at."""
    listed = any(group.customers for group in campaign.groups)
    matched = any(group.where is not None for group in campaign.groups)
    return (*(PROFILE_SHARDS if matched else ()), *((LISTED,) if listed or not matched else ()))


def totals_of(members: Iterable[Member]) -> Totals:
    audience = holdout = planned = liability = 0
    skipped: dict[str, int] = {}
    for member in members:
        audience += 1
        if member.planned:
            planned += 1
            liability += member.amount
        elif member.reason == HOLDOUT:
            holdout += 1
        else:
            skipped[str(member.reason)] = skipped.get(str(member.reason), 0) + 1
    return Totals(audience, holdout, planned, liability, skipped)


def added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """The sum of two tables of counts."""
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}
