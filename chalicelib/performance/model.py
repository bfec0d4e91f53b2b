"""What is kept to know how campaigns perform: of each customer a standing, of each order paid with credit a purchase.

    standing    one document a customer: how far each wallet's entries were followed, its open lots of campaigns, the
                campaigns that the customer is a member of, the newest orders, and what counters are still owed
    purchase    one document for each order on which credit of a campaign was spent
    counters    sixteen documents a campaign and currency, and sixteen for its people; only ever added to

A change of a standing owes its counters in the standing itself, and takes the debt out again in the transaction that
adds to them. So each change counts exactly once, however often it is told, and however many campaigns it concerns.
All parts are bounded: lots by what a wallet may have, the rest by the limits here.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from chalicelib.ledger.limits import DAY_MS

CAMPAIGN = "campaign"
"""Type of the source of what a campaign grants."""
WINDOW_DAYS = 90
"""An order counts for a campaign's people this long after its credit was there to be used."""
WINDOW_MS = WINDOW_DAYS * DAY_MS
MAX_MEMBERSHIPS = 50
"""Campaigns of a customer that orders are still counted for: the newest."""
MAX_PAST_CAMPAIGNS = 200
"""Campaigns before those, so that a later grant of theirs makes nobody a recipient twice."""
MAX_RECENT_ORDERS = 50
"""Newest orders of a customer, for campaigns that become known after them."""
MAX_MEMBER_ORDERS = 20
"""Orders that one membership remembers. Two make a repeat; the others stand in for them should one be cancelled."""
LAST_DAY = 366
"""Days until credit was used, from here on in one figure."""
PEOPLE = "people"
"""Where the counters of a campaign's people are, beside those of each currency."""

Counts = Mapping[str, int]
CounterKey = tuple[str, str]
"""A campaign, and a currency or PEOPLE."""
NOTHING: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TrackedLot:
    """An open lot that belongs to a campaign: what remains of it, and since when (milliseconds) it could be used.

    One that is `again` is credit that came back under a new id.
    """

    campaign: str
    remaining: int
    since: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Followed:
    """How far a wallet's entries were applied, and its open lots of campaigns after them."""

    sequence: int = 0
    lots: Mapping[str, TrackedLot] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Membership:
    """A customer in a campaign: one that got credit, or one of the holdout. `orders` are traces of those in its
    window."""

    holdout: bool
    since: int
    orders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenOrder:
    """An order as far as windows need it: when it was paid (milliseconds), and whether it stands."""

    at: int
    stands: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is kept of one customer. `version` is the document's, 0 of one that is not stored yet."""

    customer: str
    version: int = 0
    wallets: Mapping[str, Followed] = field(default_factory=dict)
    memberships: Mapping[str, Membership] = field(default_factory=dict)
    past: tuple[str, ...] = ()
    """Traces of campaigns whose membership made room for newer ones, the newest last."""
    orders: Mapping[str, SeenOrder] = field(default_factory=dict)
    owed: Mapping[CounterKey, Counts] = field(default_factory=dict)
    """What is still to be added to counters."""

    def followed(self, currency: str) -> Followed:
        return self.wallets.get(currency, Followed())


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order in one wallet's currency on which credit of campaigns was spent: how much of each is spent on it now.

    `total` is the order's once it is known to be paid; `counted` is what it already adds to each campaign's counters.
    """

    order: str
    currency: str
    version: int = 0
    used: Counts = field(default_factory=dict)
    total: int | None = None
    counted: Mapping[str, Counts] = field(default_factory=dict)


def trace(of: str) -> str:
    """A short name for something that has a long one: 64 bits of its digest."""
    return urlsafe_b64encode(hashlib.sha256(of.encode()).digest()[:8]).decode().rstrip("=")


def owing(owed: Mapping[CounterKey, Counts], key: CounterKey, added: Counts) -> dict[CounterKey, Counts]:
    """What is owed with this added; what comes to nothing is left out."""
    sums = dict(owed.get(key, NOTHING))
    for name, number in added.items():
        sums[name] = sums.get(name, 0) + number
    after = {**owed, key: {name: number for name, number in sums.items() if number}}
    if not after[key]:
        del after[key]
    return after
